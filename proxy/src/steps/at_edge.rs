//! Where an address of the upstream is at the edge: a client that follows one must come back through here.

use http::header::HOST;
use http::request::Parts;
use keyward_domain::provider::KeyPlacement;
use url::Url;

use crate::edge::Edge;
use crate::snapshot::ServedProxy;
use crate::steps::carriers;

/// The public address of one proxy, without a slash at the end.
#[derive(Clone, Debug)]
pub struct AtEdge(String);

impl AtEdge {
    /// As configured; else as the client itself addressed us, which only it will hear.
    pub fn of(edge: &Edge, head: &Parts) -> Self {
        let slug = head.uri.path().trim_start_matches('/').split('/').next().unwrap_or_default();
        let base = match &edge.public_url {
            Some(url) => url.as_str().trim_end_matches('/').to_owned(),
            None => {
                let host = head.headers.get(HOST).and_then(|host| host.to_str().ok());
                let host = host.or(head.uri.authority().map(http::uri::Authority::as_str)).unwrap_or_default();
                format!("{}://{host}", edge.public_scheme)
            }
        };
        Self(format!("{base}/{slug}"))
    }

    /// `None` for what isn't the upstream's: that would lead around the edge. Credentials in it are left out.
    pub fn address(&self, proxy: &ServedProxy, upstream: &str) -> Option<String> {
        let mut url = Url::parse(upstream).ok()?;
        let base = &proxy.base_url;
        let same_place = url.origin() == base.origin() && url.username().is_empty() && url.password().is_none();
        let path = url.path().strip_prefix(base.path().trim_end_matches('/')).filter(|_| same_place)?;
        let path = path.starts_with('/').then(|| path.to_owned())?;
        let own = match &proxy.key_placement {
            KeyPlacement::Query { name } => Some(name.as_str()),
            KeyPlacement::Bearer | KeyPlacement::Header { .. } => None,
        };
        let is_credential = |name: &str| carriers::is_query_carrier(name) || own == Some(name);
        let kept: Vec<(String, String)> =
            url.query_pairs().into_owned().filter(|(name, _)| !is_credential(name)).collect();
        url.query_pairs_mut().clear().extend_pairs(kept);
        let query = url.query().filter(|query| !query.is_empty()).map(|query| format!("?{query}"));
        Some(format!("{}{path}{}", self.0, query.unwrap_or_default()))
    }

    /// The next page of a list whose upstream gives addresses.
    pub fn next_page(&self, path: &str, cursor: (&str, &str)) -> String {
        let query = url::form_urlencoded::Serializer::new(String::new()).append_pair(cursor.0, cursor.1).finish();
        format!("{}{path}?{query}", self.0)
    }
}
