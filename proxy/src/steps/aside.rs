//! What the edge itself asks of the upstream to decide about a call: with the key, and never shown to the client.

use bytes::{Bytes, BytesMut};
use http::header::HeaderMap;
use keyward_domain::path::{PathParams, PathTemplate};
use keyward_domain::rejection::Rejection;
use reqwest::{Method, Request, Response};
use tokio::time::timeout;
use url::Url;

use crate::edge::Edge;
use crate::snapshot::ServedProxy;
use crate::steps::forward;

/// The body of a 200; `None` for any other answer. `template` has one parameter, which becomes `id`.
pub async fn get(edge: &Edge, proxy: &ServedProxy, template: &str, id: &str) -> Result<Option<Bytes>, Rejection> {
    let template = PathTemplate::parse(template).map_err(|_| Rejection::ResourceNotFound)?;
    let params: PathParams = template.param_names().map(|(_, name)| (name.to_owned(), id.to_owned())).collect();
    let (url, headers) = forward::aside(edge, proxy, &template.rebuild(&params))?;
    let response = send(edge, url, headers).await?;
    if response.status() != http::StatusCode::OK { Ok(None) } else { read(edge, response).await.map(Some) }
}

pub async fn send(edge: &Edge, url: Url, headers: HeaderMap) -> Result<Response, Rejection> {
    let mut request = Request::new(Method::GET, url);
    *request.headers_mut() = headers;
    let sent = timeout(edge.bounds.first_byte, edge.upstream.execute(request)).await;
    sent.map_err(|_| Rejection::UpstreamTimeout)?.map_err(|_| Rejection::UpstreamBroke)
}

pub async fn read(edge: &Edge, mut response: Response) -> Result<Bytes, Rejection> {
    let (mut whole, mut held) = (BytesMut::new(), edge.held_bytes.lease());
    loop {
        let chunk = timeout(edge.bounds.stream_idle, response.chunk()).await;
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
