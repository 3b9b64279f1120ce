//! The ids in the path, the query and the body belong to the caller, or there is no such object.

use std::collections::BTreeSet;

use keyward_domain::ownership::{Demands, ResourceRef};
use keyward_domain::rejection::Rejection;

use crate::ledger::{Holder, Ledger};
use crate::steps::authorize::Endpoint;
use crate::steps::upload::Upload;

/// Every object the call names is the holder's; and what its reply will demand.
pub struct Claim {
    pub holder: Holder,
    pub demands: Demands,
    /// The page size the client asked of a list that will be filtered.
    pub page_limit: Option<usize>,
}

pub async fn claim(
    ledger: &Ledger,
    holder: Holder,
    endpoint: &mut Endpoint,
    upload: &Upload,
) -> Result<Claim, Rejection> {
    let demands = std::mem::take(&mut endpoint.demands);
    let mut wanted: BTreeSet<ResourceRef> = demands.required.clone();
    if let Upload::Json { value, .. } = upload {
        wanted.extend(demands.named_in_body(value));
    }
    ledger.require(&holder, &wanted).await?;
    let page_limit = ask_for_whole_pages(&demands, endpoint);
    Ok(Claim { holder, demands, page_limit })
}

/// Most of a page may be other users' objects: a page of the client's own size could come out empty.
fn ask_for_whole_pages(demands: &Demands, endpoint: &mut Endpoint) -> Option<usize> {
    let most = demands.filters.as_ref()?.page_limit?;
    let asked = endpoint.query.get("limit").and_then(|limit| limit.parse().ok());
    endpoint.query.set("limit", &most.to_string());
    asked
}
