//! A file of calls that the provider makes later, with our key and without asking us (a batch): each of them may name
//! only what is the caller's, as if it were made now.

use std::collections::BTreeSet;
use std::sync::Arc;

use bytes::Bytes;
use keyward_domain::body_rules::{self, BodyRefusal};
use keyward_domain::ownership::{Demands, ResourceRef};
use keyward_domain::path::RequestPath;
use keyward_domain::query::Query;
use keyward_domain::rejection::Rejection;
use keyward_domain::strict_json;
use serde_json::Value;

use crate::edge::Edge;
use crate::ledger::Holder;
use crate::snapshot::ServedProxy;
use crate::steps::{aside, authorize};

pub async fn check(
    edge: &Edge,
    proxy: &Arc<ServedProxy>,
    holder: &Holder,
    demands: &Demands,
    body: &Value,
) -> Result<(), Rejection> {
    let Some(reads) = demands.reads_calls() else { return Ok(()) };
    for file in demands.files_of_calls(body) {
        let content = aside::get(edge, proxy, holder, (&reads.content, &file)).await?;
        let content = content.ok_or(Rejection::ResourceNotFound)?;
        let named = named_in_calls(proxy, &content)?;
        if !edge.ledger.unknown_among(holder, &named).await?.is_empty() {
            return Err(Rejection::ResourceNotFound);
        }
    }
    Ok(())
}

fn named_in_calls(proxy: &ServedProxy, content: &Bytes) -> Result<BTreeSet<ResourceRef>, Rejection> {
    let lines = content.split(|byte| *byte == b'\n').map(<[u8]>::trim_ascii).filter(|line| !line.is_empty());
    let mut named = BTreeSet::new();
    for line in lines {
        let call = strict_json::parse(line).map_err(|_| Rejection::UnreadableCalls)?;
        let (method, url) = (call["method"].as_str().unwrap_or("POST"), call["url"].as_str());
        let path = url.and_then(|url| RequestPath::parse(url).ok()).ok_or(Rejection::UnreadableCalls)?;
        if proxy.rules.find(method, &path).is_none() {
            return Err(Rejection::EndpointNotAllowed { method: authorize::spelled(method) });
        }
        obeys_rules(proxy, method, &path, &call["body"])?;
        let demands = proxy.ownership.demands(method, &path, &Query::default());
        named.extend(demands.named_in_body(&call["body"]));
        named.extend(demands.required);
    }
    Ok(named)
}

/// The file can't be changed here: what a rule would change is refused.
fn obeys_rules(proxy: &ServedProxy, method: &str, path: &RequestPath, body: &Value) -> Result<(), Rejection> {
    let ruling = proxy.bodies.ruling(&proxy.provider.name, method, path).map_err(Rejection::Body)?;
    let Some(ruling) = ruling else { return Ok(()) };
    let call = body_rules::Call { fields: ruling.fields, body, model_in_path: None, end_user: "" };
    let changes = body_rules::apply(&ruling.rule, &call).map_err(Rejection::Body)?;
    if changes.edits.is_empty() && changes.model_in_path.is_none() {
        return Ok(());
    }
    Err(Rejection::Body(BodyRefusal::Unreadable { field: "body".to_owned() }))
}
