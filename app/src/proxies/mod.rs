//! Proxies: making one, its address and snippets, its settings.

pub mod api;
mod connection;
pub mod connection_api;
mod head;
mod key_fields;
mod new;
mod page;
mod settings;
mod snippets;
mod test_request;

pub use head::{ProxyPageHead, ProxyTabs, ProxyTitle};
pub use new::NewProxyPage;
pub use page::ProxyPage;
pub use settings::ProxySettingsPage;

use keyward_domain::ids::ProxyId;
use leptos::prelude::*;
use leptos_router::hooks::use_params_map;

use crate::error::PageError;

/// The id in the address; anything else is a page that does not exist.
pub fn proxy_id() -> Memo<Result<ProxyId, PageError>> {
    let params = use_params_map();
    Memo::new(move |_| params.with(|params| params.get("id").and_then(|id| id.parse().ok()).ok_or(PageError::NotFound)))
}
