//! Calls that the provider makes later, with our key and without asking us (a batch): each of them may do and name only
//! what its user may now, and what all of them may use is reserved before the batch begins. Nobody says later what they
//! used, so that stays.

use std::collections::BTreeSet;
use std::sync::Arc;

use bytes::Bytes;
use http::Method;
use keyward_domain::body_rules::{self, BodyRefusal};
use keyward_domain::catalogue;
use keyward_domain::ownership::ResourceRef;
use keyward_domain::path::RequestPath;
use keyward_domain::query::Query;
use keyward_domain::rejection::Rejection;
use keyward_domain::strict_json;
use serde_json::Value;

use crate::limiter::{Demand, Limiter, Slot};
use crate::snapshot::ServedProxy;
use crate::steps::aside;
use crate::steps::authorize::{self, Endpoint};
use crate::steps::book::Booking;
use crate::steps::limit::Call;
use crate::steps::ownership::Claim;
use crate::steps::upload::Upload;

/// So many calls are looked at before others get their turn.
const CALLS_AT_A_TIME: usize = 64;

pub async fn reserve(
    booking: &Booking<'_>,
    proxy: &Arc<ServedProxy>,
    (claim, endpoint): (&Claim, &Endpoint),
    upload: &Upload,
) -> Result<Option<Slot>, Rejection> {
    let Upload::Json { value, .. } = upload else { return Ok(None) };
    let mut later = Later { booking, proxy, named: BTreeSet::new(), demand: None };
    if let Some(reads) = claim.demands.reads_calls() {
        for file in claim.demands.files_of_calls(value) {
            let content = Box::pin(aside::get(booking.edge, proxy, &claim.holder, (&reads.content, &file))).await?;
            later.add_file(&content.ok_or(Rejection::ResourceNotFound)?).await?;
        }
    }
    later.add_within(endpoint, value).await?;
    if !later.named.is_empty()
        && !Box::pin(booking.edge.ledger.unknown_among(&claim.holder, &later.named)).await?.is_empty()
    {
        return Err(Rejection::ResourceNotFound);
    }
    let Some(demand) = later.demand else { return Ok(None) };
    let reserved = booking.edge.limits.reserve(demand).await?;
    Ok(Some(Slot::new(booking.edge.limits.clone(), reserved.reservation).0))
}

/// What is known of the calls so far.
struct Later<'a> {
    booking: &'a Booking<'a>,
    proxy: &'a ServedProxy,
    named: BTreeSet<ResourceRef>,
    demand: Option<Demand>,
}

impl Later<'_> {
    /// One call a line.
    async fn add_file(&mut self, content: &Bytes) -> Result<(), Rejection> {
        let lines = content.split(|byte| *byte == b'\n').map(<[u8]>::trim_ascii).filter(|line| !line.is_empty());
        for (at, line) in lines.enumerate() {
            let mut call = strict_json::parse(line).map_err(|_| Rejection::UnreadableCalls)?;
            let (method, url) = (call["method"].as_str().unwrap_or("POST"), call["url"].as_str());
            let path = url.and_then(|url| RequestPath::parse(url).ok()).ok_or(Rejection::UnreadableCalls)?;
            let method = Method::try_from(method).map_err(|_| Rejection::UnreadableCalls)?;
            let endpoint =
                authorize::allowed(self.proxy, self.booking.plan, (method.as_str(), path, Query::default()))?;
            let body = call["body"].take();
            obeys_rules(&endpoint, &body)?;
            self.named.extend(endpoint.demands.named_in_body(&body));
            self.named.extend(endpoint.demands.required.iter().cloned());
            self.add(&endpoint, body)?;
            rest(at).await;
        }
        Ok(())
    }

    /// Those in the body itself, on which the rules for bodies and ownership were asked with the whole of it.
    async fn add_within(&mut self, endpoint: &Endpoint, body: &Value) -> Result<(), Rejection> {
        let method = self.booking.head.method.as_str();
        let Some(holds) = catalogue::later_calls(&self.proxy.provider.name, method, &endpoint.path) else {
            return Ok(());
        };
        let calls = match body.pointer(&holds.calls) {
            // The provider says itself that there are none.
            None => return Ok(()),
            Some(calls) => calls.as_array().ok_or(Rejection::UnreadableCalls)?,
        };
        for (at, call) in calls.iter().enumerate() {
            let body = call.get(&holds.body).cloned().unwrap_or_default();
            let path = RequestPath::parse(&holds.url).map_err(|_| Rejection::UnreadableCalls)?;
            let endpoint = authorize::allowed(self.proxy, self.booking.plan, ("POST", path, Query::default()))?;
            self.add(&endpoint, body)?;
            rest(at).await;
        }
        Ok(())
    }

    fn add(&mut self, endpoint: &Endpoint, body: Value) -> Result<(), Rejection> {
        let Booking { edge, limits, payer, .. } = self.booking;
        let upload = Upload::Json { bytes: Bytes::new(), value: body, held: edge.held_bytes.lease() };
        let (proxy, now) = (self.proxy, edge.clock.now());
        let one = limits.of_later(&Call { proxy, endpoint, upload: &upload, payer: *payer, now })?;
        match &mut self.demand {
            Some(demand) => demand.add(one),
            None => self.demand = Some(one),
        }
        Ok(())
    }
}

async fn rest(at: usize) {
    if at % CALLS_AT_A_TIME == CALLS_AT_A_TIME - 1 {
        tokio::task::yield_now().await;
    }
}

/// The file can't be changed here: what a rule would change is refused.
fn obeys_rules(endpoint: &Endpoint, body: &Value) -> Result<(), Rejection> {
    let Some(ruling) = &endpoint.ruling else { return Ok(()) };
    let call = body_rules::Call { fields: ruling.fields, body, model_in_path: None, end_user: "" };
    let changes = body_rules::apply(&ruling.rule, &call).map_err(Rejection::Body)?;
    if changes.edits.is_empty() && changes.model_in_path.is_none() {
        return Ok(());
    }
    Err(Rejection::Body(BodyRefusal::Unreadable { field: "body".to_owned() }))
}
