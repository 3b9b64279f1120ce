//! The pages behind the first one of a list: a page of the provider's may hold nothing of the caller's.

use bytes::{Bytes, BytesMut};
use http::header::HeaderMap;
use keyward_domain::ownership::listed_ids;
use keyward_domain::provider::FiltersList;
use keyward_domain::rejection::Rejection;
use reqwest::{Method, Request, Response};
use serde_json::Value;
use tokio::time::timeout;
use url::Url;

use crate::edge::Edge;

/// Asked for behind the first; with a provider's page of ten thousand, that is a large account.
const MORE_PAGES: usize = 5;

/// How a list was asked for, so that the next page can be.
pub struct Pages {
    url: Url,
    headers: HeaderMap,
    left: usize,
}

impl Pages {
    pub fn new(url: Url, headers: HeaderMap) -> Self {
        Self { url, headers, left: MORE_PAGES }
    }

    /// The page behind this one, if there is one and the caller may still wait for it.
    pub async fn next(&mut self, edge: &Edge, list: &FiltersList, page: &Value) -> Result<Option<Value>, Rejection> {
        let (Some(cursor), Some(last)) = (list.cursors.first(), listed_ids(list, page).pop()) else { return Ok(None) };
        let goes_back = list.cursors[1..].iter().any(|name| self.url.query_pairs().any(|(given, _)| given == *name));
        if page["has_more"] != true || goes_back || self.left == 0 {
            return Ok(None);
        }
        self.left -= 1;
        let kept: Vec<(String, String)> =
            self.url.query_pairs().into_owned().filter(|(name, _)| name != cursor).collect();
        self.url.query_pairs_mut().clear().extend_pairs(kept).append_pair(cursor, &last);
        let mut request = Request::new(Method::GET, self.url.clone());
        request.headers_mut().clone_from(&self.headers);
        let sent = timeout(edge.bounds.first_byte, edge.upstream.execute(request)).await;
        let response = sent.map_err(|_| Rejection::UpstreamTimeout)?.map_err(|_| Rejection::UpstreamBroke)?;
        if !response.status().is_success() {
            return Err(Rejection::UpstreamBroke);
        }
        let page = read(edge, response).await?;
        let page = serde_json::from_slice(&page);
        page.map(Some).map_err(|_| Rejection::UpstreamReplyRefused { reason: "it is not the JSON it says it is" })
    }
}

async fn read(edge: &Edge, mut response: Response) -> Result<Bytes, Rejection> {
    let mut whole = BytesMut::new();
    loop {
        let chunk = timeout(edge.bounds.stream_idle, response.chunk()).await;
        match chunk.map_err(|_| Rejection::UpstreamTimeout)?.map_err(|_| Rejection::UpstreamBroke)? {
            Some(chunk) => whole.extend_from_slice(&chunk),
            None => return Ok(whole.freeze()),
        }
        if whole.len() > edge.bounds.buffered_reply_bytes {
            return Err(Rejection::UpstreamReplyRefused { reason: "it is too large to be searched for new objects" });
        }
    }
}
