//! Another proxy of the app takes a call while every key of the called one rests, and only as if it had been called
//! itself: by its own rules for endpoints, bodies, addresses, origins and users' keys. Its limits are reserved with the
//! called one's, in one decision. Where anything of it refuses, the call goes on as if there were no fallback.

use std::sync::Arc;

use http::request::Parts;
use keyward_domain::client_address::ClientAddress;
use keyward_domain::ids::PlanId;
use keyward_domain::ownership::Demands;
use keyward_domain::path::RequestPath;
use keyward_domain::policy::Byok;

use crate::edge::Edge;
use crate::key_rests::Pool;
use crate::snapshot::ServedProxy;
use crate::steps::authenticate::Caller;
use crate::steps::authorize::Endpoint;
use crate::steps::upload::Upload;
use crate::steps::upstream_key::{self, Outgoing};
use crate::steps::{addresses, authorize, body_rules, cors};

/// A call as the fallback would send it.
pub struct Detour {
    pub via: Arc<ServedProxy>,
    pub endpoint: Endpoint,
    /// Where its body rules were asked.
    pub upload: Option<Upload>,
}

/// A call of a developer's key, as the called proxy would send it.
pub struct Asked<'a> {
    pub proxy: &'a Arc<ServedProxy>,
    pub caller: &'a Caller,
    pub plan: PlanId,
    pub address: ClientAddress,
    pub head: &'a Parts,
    pub endpoint: &'a Endpoint,
    pub upload: &'a Upload,
}

pub fn find(edge: &Edge, asked: &Asked<'_>) -> Option<Detour> {
    let called = asked.proxy;
    let fallback = called.policy.fallback?;
    let standing = asked.caller.standing();
    let outgoing = |endpoint, upload| Outgoing { endpoint, upload, standing };
    if upstream_key::pool(edge, called, &outgoing(asked.endpoint, asked.upload)) != Pool::Resting {
        return None;
    }
    let via = edge.snapshot.load().proxy_by_id(fallback)?;
    if !is_open(called, &via) || !addresses::is_listed(edge, &via, asked.address) {
        return None;
    }
    cors::check(&via, &asked.head.headers).ok()?;
    let path = RequestPath::parse(&asked.endpoint.upstream_path).ok()?;
    let method = asked.head.method.as_str();
    let call = (method, path, asked.endpoint.query.clone());
    let mut endpoint = authorize::allowed(&via, asked.plan, call).ok()?;
    if ![&asked.endpoint.demands, &endpoint.demands].into_iter().all(|demands| asked.is_fleeting(demands)) {
        return None;
    }
    let upload = match endpoint.ruling {
        None => None,
        Some(_) => {
            let upload = asked.upload.copied(&edge.held_bytes)?;
            Some(body_rules::obey(&via, asked.caller, &mut endpoint, &asked.head.method, upload).ok()?)
        }
    };
    let call = outgoing(&endpoint, upload.as_ref().unwrap_or(asked.upload));
    let is_awake = upstream_key::pool(edge, &via, &call) == Pool::Awake;
    is_awake.then_some(Detour { via, endpoint, upload })
}

fn is_open(called: &ServedProxy, via: &ServedProxy) -> bool {
    let speaks_alike = via.provider.error_shape == called.provider.error_shape
        && via.provider.usage_shape == called.provider.usage_shape;
    let is_other_of_app = via.id != called.id && via.app.id == called.app.id;
    speaks_alike && is_other_of_app && via.enabled && via.policy.byok != Byok::Required
}

impl Asked<'_> {
    /// Neither the request names an object of the provider's, nor does the reply leave one behind: those are at the
    /// provider's account of the proxy that was called.
    fn is_fleeting(&self, demands: &Demands) -> bool {
        let mut demands = demands.clone();
        let names_nothing = match self.upload {
            Upload::Json { value, .. } => {
                demands.read(value);
                demands.named_in_body(value).is_empty()
            }
            Upload::Empty => true,
            Upload::Form { .. } | Upload::Streamed(_) => !demands.reads_body && demands.names_in_form().is_empty(),
        };
        names_nothing
            && demands.required.is_empty()
            && demands.filters().is_none()
            && demands.forgets.is_none()
            && demands.creates_in_headers().is_empty()
            && !demands.rewrites()
            && (!demands.records() || self.keeps_nothing())
    }

    /// Of the calls that may leave an object behind, those that say they don't.
    fn keeps_nothing(&self) -> bool {
        let Upload::Json { value, .. } = self.upload else { return false };
        match self.endpoint.path.segments().last().map(String::as_str) {
            Some("completions") => value["audio"].is_null() && value["store"] != true,
            Some("responses") => value["store"] == false,
            Some(_) | None => false,
        }
    }
}
