//! What this installation is, as far as a page shows it.

use leptos::prelude::*;
use serde::{Deserialize, Serialize};

use crate::error::PageError;

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Deployment {
    Production,
    /// Mail is kept instead of sent; the local emulator can stand in for identity providers.
    Development,
}

/// Public: tells nothing that the pages don't show anyway.
#[server(name = AskDeployment, endpoint = "deployment")]
pub async fn deployment() -> Result<Deployment, PageError> {
    use_context::<Deployment>().ok_or(PageError::Internal)
}
