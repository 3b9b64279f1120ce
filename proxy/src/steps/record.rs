//! What must be known of a reply before the client sees it: new ids get their owner, lists lose what is others'.

use std::collections::BTreeSet;
use std::sync::Arc;

use bytes::{Bytes, BytesMut};
use http::header::{HeaderMap, HeaderName, HeaderValue};
use http::{Method, StatusCode};
use keyward_domain::ownership::{ListPage, ResourceRef, filter_list, listed_ids};
use keyward_domain::provider::FiltersList;
use keyward_domain::rejection::Rejection;
use serde_json::Value;
use tokio::time::timeout;

use crate::byte_budget::Lease;
use crate::edge::Edge;
use crate::meter::Meter;
use crate::redactor::Redactor;
use crate::reply_stream::{Events, ReplyStream};
use crate::steps::forward::Reply;
use crate::steps::headers;
use crate::steps::ownership::Claim;
use crate::steps::pages::Pages;

/// A reply that may go to the client.
pub struct Passed {
    pub status: StatusCode,
    pub headers: HeaderMap,
    pub content: Content,
}

pub enum Content {
    Whole(Bytes),
    Stream(Box<ReplyStream>),
}

pub async fn record(
    edge: &Arc<Edge>,
    method: &Method,
    mut reply: Reply,
    meter: &mut Meter,
) -> Result<Passed, Rejection> {
    let status = reply.response.status();
    let mut client_headers = headers::for_client(reply.response.headers(), reply.proxy.provider);
    let media_type = headers::media_type(reply.response.headers()).unwrap_or_default();
    let key = reply.proxy.key().ok_or(Rejection::ProviderKeyUnusable)?;
    let mut redactor = Redactor::new(key.expose());
    blot_headers(&mut client_headers, &redactor);
    if status.is_success() {
        if let Some(forgotten) = &reply.claim.demands.forgets {
            edge.ledger.forget(&reply.claim.holder, forgotten).await;
        }
        if must_read(&reply, &media_type, method)? {
            let (whole, _held) = read_whole(edge, &mut reply, &mut redactor).await?;
            // First, so that what the model cost is known even if the rest fails.
            meter.scans_json();
            meter.received(&whole);
            let bytes = settle(edge, &reply.claim, whole, reply.pages.take()).await?;
            // Pages that were fetched behind the first one were not looked at yet.
            let bytes = [redactor.push(&bytes), redactor.finish()].concat().into();
            return Ok(Passed { status, headers: client_headers, content: Content::Whole(bytes) });
        }
    }
    let is_stream = media_type == "text/event-stream";
    // The length of a list tells of others' objects.
    let is_shown = !is_stream && reply.claim.demands.filters.is_none();
    let length = headers::content_length(reply.response.headers()).filter(|_| is_shown);
    if let Some(length) = length {
        client_headers.insert(http::header::CONTENT_LENGTH, HeaderValue::from(length));
    }
    if *method == Method::HEAD || status == StatusCode::NO_CONTENT || length == Some(0) {
        return Ok(Passed { status, headers: client_headers, content: Content::Whole(Bytes::new()) });
    }
    let events = is_stream.then(|| Events::new(reply.hides_usage, &reply.claim.demands));
    let stream = ReplyStream::new(edge.clone(), reply, redactor, events, length);
    Ok(Passed { status, headers: client_headers, content: Content::Stream(Box::new(stream)) })
}

/// A field that repeats the key is left out whole.
fn blot_headers(headers: &mut HeaderMap, redactor: &Redactor) {
    let holds_key = |value: &HeaderValue| redactor.occurs_in(value.as_bytes());
    let telling: Vec<HeaderName> =
        headers.iter().filter(|(_, value)| holds_key(value)).map(|(name, _)| name.clone()).collect();
    for name in telling {
        headers.remove(name);
    }
}

/// Whether the reply must be held until all of it was looked at. Events are held one by one instead.
fn must_read(reply: &Reply, media_type: &str, method: &Method) -> Result<bool, Rejection> {
    let demands = &reply.claim.demands;
    let is_bare = method == Method::HEAD || reply.response.status() == StatusCode::NO_CONTENT;
    if is_bare || !(demands.records() || demands.filters.is_some()) {
        return Ok(false);
    }
    match media_type {
        "text/event-stream" if demands.filters.is_none() => Ok(false),
        _ if headers::is_json(media_type) => Ok(true),
        _ => Err(Rejection::UpstreamReplyRefused { reason: "it names objects in a form that can't be read" }),
    }
}

async fn read_whole(edge: &Edge, reply: &mut Reply, redactor: &mut Redactor) -> Result<(Bytes, Lease), Rejection> {
    let (mut whole, mut held) = (BytesMut::new(), edge.held_bytes.lease());
    loop {
        let chunk = timeout(edge.bounds.stream_idle, reply.response.chunk()).await;
        match chunk.map_err(|_| Rejection::UpstreamTimeout)?.map_err(|_| Rejection::UpstreamBroke)? {
            Some(chunk) => {
                // Not `overloaded`: the provider has done its work, and would do it again.
                held.grow_to(whole.len() + chunk.len()).map_err(|_| Rejection::UpstreamReplyRefused {
                    reason: "there is no memory free to search it for new objects",
                })?;
                whole.extend_from_slice(&redactor.push(&chunk));
            }
            None => break,
        }
        if whole.len() > edge.bounds.buffered_reply_bytes {
            return Err(Rejection::UpstreamReplyRefused { reason: "it is too large to be searched for new objects" });
        }
    }
    whole.extend_from_slice(&redactor.finish());
    Ok((whole.freeze(), held))
}

async fn settle(edge: &Edge, claim: &Claim, whole: Bytes, pages: Option<Pages>) -> Result<Bytes, Rejection> {
    let unreadable = || Rejection::UpstreamReplyRefused { reason: "it is not the JSON it says it is" };
    let mut value: Value = serde_json::from_slice(&whole).map_err(|_| unreadable())?;
    edge.ledger.record(&claim.holder, &claim.demands.created(&value)).await?;
    let Some(list) = &claim.demands.filters else { return Ok(whole) };
    let mut page = own_page(edge, claim, list, &value).await?;
    let mut pages = pages;
    while let (true, Some(behind)) = (page.own.is_empty(), &mut pages) {
        let Some(next) = behind.next(edge, list, &value).await? else { break };
        value = next;
        page = own_page(edge, claim, list, &value).await?;
    }
    if !filter_list(list, &mut value, &page.own, page.shown) {
        return Err(unreadable());
    }
    Ok(Bytes::from(value.to_string()))
}

struct OwnPage {
    own: BTreeSet<String>,
    shown: ListPage,
}

async fn own_page(edge: &Edge, claim: &Claim, list: &FiltersList, reply: &Value) -> Result<OwnPage, Rejection> {
    let listed = listed_ids(list, reply).into_iter();
    let listed: Vec<ResourceRef> = listed.map(|id| ResourceRef { kind: list.kind.clone(), id }).collect();
    let unavailable = |()| Rejection::OwnershipUnavailable;
    let own = edge.ledger.owned_among(&claim.holder, &listed).await.map_err(unavailable)?;
    // Behind a full page of the upstream's there may be more of the caller's, if it owns more than was found.
    let upstream_has_more = reply["has_more"] == true;
    let more_may_follow = upstream_has_more
        && !own.is_empty()
        && edge.ledger.count_owned(&claim.holder, &list.kind).await.map_err(unavailable)? > own.len() as u64;
    Ok(OwnPage { own, shown: ListPage { limit: claim.page_limit, more_may_follow } })
}
