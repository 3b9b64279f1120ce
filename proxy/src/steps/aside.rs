//! What the edge itself asks of the upstream to decide about a call: with the key, and never shown to the client.

use std::sync::Arc;

use bytes::{Bytes, BytesMut};
use http::header::HeaderMap;
use http::{Request, Response, Uri};
use http_body_util::{Either, Full};
use hyper::body::Incoming;
use keyward_domain::path::{PathParams, PathTemplate};
use keyward_domain::rejection::Rejection;
use keyward_outbound::next_piece;
use tokio::time::timeout;

use crate::edge::Edge;
use crate::ledger::Holder;
use crate::patience::Patience;
use crate::snapshot::ServedProxy;
use crate::steps::{forward, upstream_key};

/// The body of a 200; `None` for any other answer. `template` has one parameter, which becomes `id`.
pub async fn get(
    edge: &Edge,
    proxy: &Arc<ServedProxy>,
    holder: &Holder,
    (template, id): (&str, &str),
) -> Result<Option<Bytes>, Rejection> {
    let template = PathTemplate::parse(template).map_err(|_| Rejection::ResourceNotFound)?;
    let params: PathParams = template.param_names().map(|(_, name)| (name.to_owned(), id.to_owned())).collect();
    let key = upstream_key::for_aside(edge, proxy, holder.own_key.as_deref())?;
    let asked = forward::aside(edge, &key, (&template.rebuild(&params), ""))?;
    let patience = Patience::of(&proxy.policy.timeouts, &edge.bounds);
    let response = send(edge, asked, patience).await?;
    if response.status() != http::StatusCode::OK { Ok(None) } else { read(edge, response, patience).await.map(Some) }
}

pub async fn send(
    edge: &Edge,
    (target, headers): (Uri, HeaderMap),
    patience: Patience,
) -> Result<Response<Incoming>, Rejection> {
    let mut request = Request::new(Either::Left(Full::default()));
    *request.uri_mut() = target;
    *request.headers_mut() = headers;
    let sent = timeout(patience.first_byte, edge.upstreams.calls(patience.connect).call(request)).await;
    sent.map_err(|_| Rejection::UpstreamTimeout)?.map_err(|_| Rejection::UpstreamBroke)
}

pub async fn read(edge: &Edge, mut response: Response<Incoming>, patience: Patience) -> Result<Bytes, Rejection> {
    let (mut whole, mut held) = (BytesMut::new(), edge.held_bytes.lease());
    loop {
        let chunk = timeout(patience.idle, next_piece(response.body_mut())).await;
        match chunk.map_err(|_| Rejection::UpstreamTimeout)?.map_err(|_| Rejection::UpstreamBroke)? {
            Some(chunk) => {
                held.grow_to(whole.len() + chunk.len())?;
                whole.extend_from_slice(&chunk);
            }
            None => return Ok(whole.freeze()),
        }
        if whole.len() > edge.bounds.buffered_reply_bytes {
            return Err(Rejection::UpstreamReplyRefused { reason: "it is too large to be searched for new objects" });
        }
    }
}
