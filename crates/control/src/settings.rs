//! What `main` tells this crate about the installation.

use keyward_domain::ids::AppId;
use keyward_domain::plans::PurchaseSource;
use url::Url;

#[derive(Clone, Debug)]
pub struct Settings {
    /// Where the dashboard is reached; links in mails begin with it, never with a request's Host.
    pub dashboard_url: Url,
    /// Where the edge is reached by apps.
    pub edge_url: Url,
    pub mode: Mode,
}

#[derive(Clone, Debug)]
pub enum Mode {
    Production,
    /// Mails are kept, not sent; addresses of this machine are allowed upstream; the emulator can be linked.
    Development {
        emulator_url: Option<Url>,
    },
}

impl Settings {
    /// `https://edge.example.com/{slug}`
    pub fn proxy_url(&self, slug: &str) -> String {
        format!("{}/{slug}", self.edge_url.as_str().trim_end_matches('/'))
    }

    /// Where a seller sends its webhooks for an app.
    pub(crate) fn webhook_url(&self, app: AppId, source: PurchaseSource) -> String {
        format!("{}/webhooks/{}/{app}", self.dashboard_url.as_str().trim_end_matches('/'), source.name())
    }

    pub(crate) fn dashboard_page(&self, path: &str) -> Url {
        let page = format!("{}/{path}", self.dashboard_url.as_str().trim_end_matches('/'));
        page.parse().unwrap_or_else(|_| self.dashboard_url.clone())
    }

    pub(crate) fn dashboard_link(&self, path: &str, token: &str) -> String {
        format!("{}/{path}?token={token}", self.dashboard_url.as_str().trim_end_matches('/'))
    }
}
