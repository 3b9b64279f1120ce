//! A list shows the caller's own: pages are fetched behind the first one, since a page of the provider's may hold
//! nothing of the caller's.

use std::borrow::Cow;

use bytes::Bytes;
use http::Uri;
use http::header::HeaderMap;
use keyward_domain::ownership::rule::FiltersList;
use keyward_domain::ownership::{ListItem, ResourceRef, Rest, next_cursor, show, take_items};
use keyward_domain::query::Query;
use keyward_domain::rejection::Rejection;
use serde_json::Value;
use url::form_urlencoded;

use crate::edge::Edge;
use crate::patience::Patience;
use crate::steps::aside;
use crate::steps::ownership::Claim;

/// Asked for behind the first; with a provider's page of ten thousand, that is a large account.
const MORE_PAGES: usize = 5;

/// What the client asked of a list.
#[derive(Clone, Debug, Default)]
pub struct ListAsked {
    limit: Option<usize>,
    /// Behind which of the caller's own items it begins, where the upstream doesn't go by ids.
    after: Option<String>,
}

impl ListAsked {
    /// Most of a page may be other users' objects: a page of the client's own size could come out empty.
    pub fn take(list: Option<&FiltersList>, query: &mut Query) -> Self {
        let Some(list) = list else { return Self::default() };
        let limit = query.get(list.limit_param()).and_then(|limit| limit.parse().ok());
        if let Some(most) = list.page_limit {
            query.set(list.limit_param(), &most.to_string());
        }
        let cursor = list.next.as_ref().and(list.cursors.first());
        let after = cursor.and_then(|name| query.take(name).pop()).filter(|text| !text.is_empty());
        Self { limit, after }
    }
}

/// How a list was asked for, so that the next page can be.
pub struct Pages {
    target: Uri,
    headers: HeaderMap,
    patience: Patience,
    left: usize,
}

impl Pages {
    pub fn new(target: Uri, headers: HeaderMap, patience: Patience) -> Self {
        Self { target, headers, patience, left: MORE_PAGES }
    }

    /// The page at this cursor, if the caller may still wait for it.
    async fn at(&mut self, edge: &Edge, list: &FiltersList, cursor: &str) -> Result<Option<Value>, Rejection> {
        let Some((first, others)) = list.cursors.split_first() else { return Ok(None) };
        let query = self.target.query().unwrap_or_default();
        let asked: Vec<_> = form_urlencoded::parse(query.as_bytes()).collect();
        let goes_back = others.iter().any(|name| asked.iter().any(|(given, _)| given == name));
        if goes_back || self.left == 0 {
            return Ok(None);
        }
        let kept = asked.into_iter().filter(|(name, _)| name != first);
        self.target = with_query(&self.target, kept.chain([(first.into(), cursor.into())]))?;
        self.left -= 1;
        let response = aside::send(edge, (self.target.clone(), self.headers.clone()), self.patience).await?;
        if !response.status().is_success() {
            return Err(Rejection::UpstreamBroke);
        }
        parse(&aside::read(edge, response, self.patience).await?).map(Some)
    }
}

fn with_query<'q>(target: &Uri, pairs: impl Iterator<Item = (Cow<'q, str>, Cow<'q, str>)>) -> Result<Uri, Rejection> {
    let query = form_urlencoded::Serializer::new(String::new()).extend_pairs(pairs).finish();
    let mut parts = target.clone().into_parts();
    let path = format!("{}?{query}", target.path());
    parts.path_and_query = Some(path.try_into().map_err(|_| unreadable())?);
    Uri::from_parts(parts).map_err(|_| unreadable())
}

pub fn parse(bytes: &Bytes) -> Result<Value, Rejection> {
    serde_json::from_slice(bytes).map_err(|_| unreadable())
}

fn unreadable() -> Rejection {
    Rejection::UpstreamReplyRefused { reason: "it is not the JSON it says it is" }
}

/// The first page, its items replaced by the caller's own of as many pages as it takes.
pub async fn own(
    edge: &Edge,
    claim: &Claim,
    path: &str,
    reply: &mut Value,
    pages: Option<Pages>,
) -> Result<(), Rejection> {
    let Some(list) = claim.demands.filters() else { return Ok(()) };
    let mut found = Found { items: Vec::new(), skips: claim.asked.after.clone(), seen: 0 };
    let owned =
        edge.ledger.count_owned(&claim.holder, &list.kind).await.map_err(|()| Rejection::OwnershipUnavailable)?;
    let (mut pages, mut cursor) = (pages, next_cursor(list, reply));
    found.add(edge, claim, list, take_items(list, reply).ok_or_else(unreadable)?).await?;
    loop {
        let has_all = found.seen >= owned && list.public_when.is_none();
        let is_full = claim.asked.limit.is_some_and(|limit| found.items.len() > limit);
        let (Some(at), Some(behind)) = (cursor.as_deref().filter(|_| !has_all && !is_full), &mut pages) else { break };
        let Some(mut page) = behind.at(edge, list, at).await? else { break };
        cursor = next_cursor(list, &page);
        found.add(edge, claim, list, take_items(list, &mut page).ok_or_else(unreadable)?).await?;
    }
    let limit = claim.asked.limit.unwrap_or(usize::MAX);
    let is_cut = found.items.len() > limit;
    found.items.truncate(limit);
    // Going by ids, the client can ask on from the last one it saw.
    let goes_on = list.next.is_none() && cursor.is_some() && found.seen < owned;
    let rest = if is_cut || goes_on { Rest::MoreMayFollow } else { Rest::Nothing };
    show(list, reply, found.items, rest, |id| match (&list.next, list.cursors.first()) {
        (Some(next), Some(name)) if next.param.is_some() => Value::from(claim.at_edge.next_page(path, (name, id))),
        (Some(_) | None, _) => Value::from(id),
    });
    Ok(())
}

struct Found {
    items: Vec<ListItem>,
    /// Until this one was seen, items are those of earlier pages.
    skips: Option<String>,
    /// The caller's own, shown or not.
    seen: u64,
}

impl Found {
    async fn add(
        &mut self,
        edge: &Edge,
        claim: &Claim,
        list: &FiltersList,
        items: Vec<ListItem>,
    ) -> Result<(), Rejection> {
        let ids = items.iter().filter_map(|item| item.id.clone());
        let listed: Vec<ResourceRef> = ids.map(|id| ResourceRef { kind: list.kind.clone(), id }).collect();
        let own =
            edge.ledger.owned_among(&claim.holder, &listed).await.map_err(|()| Rejection::OwnershipUnavailable)?;
        for item in items {
            let is_own = item.id.as_ref().is_some_and(|id| own.contains(id));
            self.seen += u64::from(is_own);
            if !is_own && !item.is_public {
                continue;
            }
            if self.skips.is_none() {
                self.items.push(item);
            } else if self.skips == item.id {
                self.skips = None;
            }
        }
        Ok(())
    }
}
