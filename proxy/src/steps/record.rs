//! What must be known of a reply before the client sees it: new ids get their owner, lists lose what is others'.

use std::sync::Arc;

use bytes::{Bytes, BytesMut};
use futures::FutureExt;
use http::header::{HeaderMap, HeaderName, HeaderValue};
use http::{Method, StatusCode};
use keyward_domain::model_lists::{self, Shown};
use keyward_domain::ownership::ResourceRef;
use keyward_domain::rejection::Rejection;
use keyward_outbound::next_piece;
use tokio::time::timeout;
use url::Url;

use crate::byte_budget::Lease;
use crate::edge::Edge;
use crate::meter::Meter;
use crate::redactor::Redactor;
use crate::reply_stream::{Events, ReplyStream};
use crate::steps::forward::Reply;
use crate::steps::headers;
use crate::steps::listing;

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
    let mut redactor = Redactor::new(reply.key.key().expose());
    if status.is_success() && !reply.claim.demands.creates_in_headers().is_empty() {
        Box::pin(settle_head(edge, &reply, &mut client_headers)).await?;
    }
    blot_headers(&mut client_headers, &redactor);
    if status.is_success() {
        if let Some(forgotten) = &reply.claim.demands.forgets {
            Box::pin(edge.ledger.forget(&reply.claim.holder, forgotten)).await;
        }
        if must_read(&reply, &media_type, method)? {
            let (whole, _held) = Box::pin(read_whole(edge, &mut reply, &mut redactor)).await?;
            // First, so that what the model cost is known even if the rest fails.
            meter.scans_json();
            meter.received(&whole);
            let bytes = Box::pin(settle(edge, &mut reply, whole)).await?;
            // Pages that were fetched behind the first one were not looked at yet.
            let bytes = redacted(&mut redactor, &bytes);
            return Ok(Passed { status, headers: client_headers, content: Content::Whole(bytes) });
        }
    }
    let (is_stream, is_json) = (media_type == "text/event-stream", headers::is_json(&media_type));
    // The length of a list tells of others' objects.
    let is_shown = !is_stream && reply.claim.demands.filters().is_none() && reply.models.is_none();
    let length = headers::content_length(reply.response.headers()).filter(|_| is_shown);
    if let Some(length) = length {
        client_headers.insert(http::header::CONTENT_LENGTH, HeaderValue::from(length));
    }
    if *method == Method::HEAD || status == StatusCode::NO_CONTENT || length == Some(0) {
        return Ok(Passed { status, headers: client_headers, content: Content::Whole(Bytes::new()) });
    }
    // Small replies mostly came with their head.
    let mut first = None;
    if let Some(length) = length {
        match next_piece(reply.response.body_mut()).now_or_never() {
            Some(Ok(Some(piece))) if piece.len() as u64 == length => {
                if is_json {
                    meter.scans_json();
                }
                meter.received(&piece);
                let bytes = redacted(&mut redactor, &piece);
                return Ok(Passed { status, headers: client_headers, content: Content::Whole(bytes) });
            }
            Some(Ok(piece)) => first = piece,
            Some(Err(_)) => return Err(Rejection::UpstreamBroke),
            None => {}
        }
    }
    let events = is_stream.then(|| Events::new(reply.hides_usage, &reply.claim.demands));
    let stream = ReplyStream::new(edge.clone(), reply, redactor, events, length).beginning_with(first);
    Ok(Passed { status, headers: client_headers, content: Content::Stream(Box::new(stream)) })
}

/// All of a body.
fn redacted(redactor: &mut Redactor, whole: &Bytes) -> Bytes {
    let (clean, rest) = (redactor.push(whole), redactor.finish());
    if rest.is_empty() { clean } else { [clean, rest].concat().into() }
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
    let is_searched = demands.records() || demands.filters().is_some() || demands.rewrites() || reply.models.is_some();
    if is_bare || !is_searched {
        return Ok(false);
    }
    match media_type {
        "text/event-stream" if demands.filters().is_none() && reply.models.is_none() => Ok(false),
        _ if headers::is_json(media_type) => Ok(true),
        _ if headers::content_length(reply.response.headers()) == Some(0) => Ok(false),
        _ => Err(Rejection::UpstreamReplyRefused { reason: "it names objects in a form that can't be read" }),
    }
}

async fn read_whole(edge: &Edge, reply: &mut Reply, redactor: &mut Redactor) -> Result<(Bytes, Lease), Rejection> {
    let (mut whole, mut held) = (BytesMut::new(), edge.held_bytes.lease());
    loop {
        let chunk = timeout(reply.patience.idle, next_piece(reply.response.body_mut())).await;
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

async fn settle(edge: &Edge, reply: &mut Reply, whole: Bytes) -> Result<Bytes, Rejection> {
    let (pages, claim) = (reply.pages.take(), &reply.claim);
    let mut value = listing::parse(&whole)?;
    listing::own(edge, claim, &reply.path, &mut value, pages).await?;
    // Of a list, what is left of it: what belongs to another user's item is not the caller's.
    edge.ledger.record(&claim.holder, &claim.demands.created(&value)).await?;
    claim.demands.rewrite(&mut value, |address| claim.at_edge.address(&reply.proxy, address));
    let filtered = reply.models.as_ref().map(|(list, rules)| model_lists::filter(list, rules, &mut value));
    let shown = filtered.unwrap_or(Shown::AsItCame);
    if shown == Shown::Nothing {
        return Err(Rejection::ResourceNotFound);
    }
    let is_changed = shown == Shown::Changed || claim.demands.filters().is_some() || claim.demands.rewrites();
    Ok(if is_changed { Bytes::from(value.to_string()) } else { whole })
}

/// Objects that the head of the reply names; addresses in it lead to the edge.
async fn settle_head(edge: &Edge, reply: &Reply, client_headers: &mut HeaderMap) -> Result<(), Rejection> {
    let claim = &reply.claim;
    let refused = || Rejection::UpstreamReplyRefused { reason: "its header has an address that is not the API's" };
    for creates in claim.demands.creates_in_headers() {
        let Ok(name) = HeaderName::try_from(creates.header.as_str()) else { continue };
        let Some(value) = reply.response.headers().get(&name) else { continue };
        let text = value.to_str().map_err(|_| refused())?;
        let (id, shown) = match &creates.param {
            None => (Some(text.to_owned()), text.to_owned()),
            Some(param) => {
                let url = Url::parse(text).map_err(|_| refused())?;
                let id = url.query_pairs().find_map(|(name, id)| (name == param.as_str()).then(|| id.into_owned()));
                (id, claim.at_edge.address(&reply.proxy, text).ok_or_else(refused)?)
            }
        };
        let minted = id.map(|id| ResourceRef { kind: creates.kind.clone(), id });
        edge.ledger.record(&claim.holder, &minted.into_iter().collect()).await?;
        client_headers.insert(name, HeaderValue::try_from(shown).map_err(|_| refused())?);
    }
    Ok(())
}
