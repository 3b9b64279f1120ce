//! Objects that nobody created through the edge and that are everybody's all the same: the voices a provider comes with.
//! The upstream's own words decide, once an hour.

use std::sync::Arc;

use keyward_domain::ownership::rule::Public;
use keyward_domain::ownership::{ResourceRef, is_public};
use keyward_domain::rejection::Rejection;
use serde_json::Value;

use crate::edge::Edge;
use crate::ledger::Holder;
use crate::snapshot::ServedProxy;
use crate::steps::aside;

pub async fn check(
    edge: &Edge,
    proxy: &Arc<ServedProxy>,
    holder: &Holder,
    public: &Public,
    resource: &ResourceRef,
) -> Result<(), Rejection> {
    // What another account's provider says of an id holds for the caller's own calls only.
    let is_ours = holder.own_key.is_none();
    let known = edge.ledger.known_public(proxy.id, resource).filter(|_| is_ours);
    let is_public = match known {
        Some(is_public) => is_public,
        None => {
            let object = aside::get(edge, proxy, holder, (&public.look_up, &resource.id)).await?;
            let object = object.and_then(|bytes| serde_json::from_slice::<Value>(&bytes).ok());
            let found = object.is_some_and(|object| is_public(public, &object));
            if is_ours {
                edge.ledger.remember_public(proxy.id, resource, found);
            }
            found
        }
    };
    if is_public { Ok(()) } else { Err(Rejection::ResourceNotFound) }
}
