//! Apps: the list, and one app with its identity providers, proxies and the way to the first call.

mod adding;
pub mod api;
mod checklist;
mod danger;
mod head;
mod list;
mod page;

pub use adding::adding;
pub use head::{AppPageHead, AppTabs};
pub use list::AppsPage;
pub use page::AppPage;

use keyward_domain::ids::AppId;
use leptos::prelude::*;
use leptos_router::hooks::use_params_map;

use crate::error::PageError;

/// The id in the address; anything else is a page that does not exist.
pub fn app_id() -> Memo<Result<AppId, PageError>> {
    let params = use_params_map();
    Memo::new(move |_| params.with(|params| params.get("id").and_then(|id| id.parse().ok()).ok_or(PageError::NotFound)))
}
