//! The ids in the path, the query and the body belong to the caller, or there is no such object.

use std::collections::BTreeSet;
use std::sync::Arc;

use keyward_domain::ownership::{Demands, ResourceRef};
use keyward_domain::rejection::Rejection;

use crate::edge::Edge;
use crate::ledger::Holder;
use crate::snapshot::ServedProxy;
use crate::steps::at_edge::AtEdge;
use crate::steps::authorize::Endpoint;
use crate::steps::listing::ListAsked;
use crate::steps::public_objects;
use crate::steps::upload::Upload;

/// Every object the call names is the holder's; and what its reply will demand.
pub struct Claim {
    pub holder: Holder,
    pub demands: Demands,
    /// Of a list that will be filtered.
    pub asked: ListAsked,
    pub at_edge: AtEdge,
}

pub async fn claim(
    edge: &Edge,
    proxy: &Arc<ServedProxy>,
    caller: (Holder, AtEdge),
    endpoint: &mut Endpoint,
    upload: &Upload,
) -> Result<Claim, Rejection> {
    let (holder, at_edge) = caller;
    let mut demands = std::mem::take(&mut endpoint.demands);
    let mut wanted: BTreeSet<ResourceRef> = demands.required.clone();
    if let Upload::Json { value, .. } = upload {
        wanted.extend(demands.named_in_body(value));
        demands.read(value);
    }
    if let Upload::Form { fields, .. } = upload {
        wanted.extend(demands.named_in_form(fields));
    }
    for unknown in edge.ledger.unknown_among(&holder, &wanted).await? {
        let public = demands.public(&unknown);
        let is_only_used = demands.only_uses || public.is_some() || !demands.required.contains(&unknown);
        if is_only_used && proxy.policy.shared.contains(&unknown) {
            continue;
        }
        let public = public.ok_or(Rejection::ResourceNotFound)?;
        Box::pin(public_objects::check(edge, proxy, &holder, public, &unknown)).await?;
    }
    let asked = ListAsked::take(demands.filters(), &mut endpoint.query);
    Ok(Claim { holder, demands, asked, at_edge })
}
