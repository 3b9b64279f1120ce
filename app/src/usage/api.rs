//! Server functions of usage.

use keyward_domain::ids::ProxyId;
use keyward_domain::view::{ProxyView, UsageRange, UsageView};
use leptos::prelude::*;

use crate::error::PageError;

#[cfg(feature = "ssr")]
use {super::charts, crate::context::signed_in};

#[server(endpoint = "usage")]
pub async fn usage(id: ProxyId, range: UsageRange) -> Result<(ProxyView, UsageView), PageError> {
    let (control, actor) = signed_in().await?;
    let proxy = control.proxy(&actor, id).await?;
    let usage = charts::drawn(control.usage(&actor, id, range).await?);
    Ok((proxy, usage))
}
