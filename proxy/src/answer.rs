//! What goes over the wire: the reply, or the rejection in the provider's shape, with the fields every answer carries.

use std::net::IpAddr;
use std::sync::Arc;

use bytes::Bytes;
use http::header::{
    CACHE_CONTROL, CONNECTION, CONTENT_TYPE, HeaderMap, HeaderName, HeaderValue, RETRY_AFTER, WWW_AUTHENTICATE,
    X_CONTENT_TYPE_OPTIONS,
};
use http::{Request, Response, StatusCode, Version};
use http_body_util::{BodyExt, Full};
use hyper::body::{Body as _, Incoming};
use keyward_domain::error_shape::{self, Offer};
use keyward_domain::limits::quota::Quota;
use keyward_domain::provider::ErrorShape;
use keyward_domain::rejection::Rejection;
use tokio_util::sync::CancellationToken;
use tracing::info;
use uuid::Uuid;

use crate::edge::Edge;
use crate::head_watch::Heads;
use crate::limit_fields;
use crate::malformed;
use crate::meter::Meter;
use crate::pipeline::{self, Admission, Arrival};
use crate::reply_stream::Body;
use crate::snapshot::ServedProxy;
use crate::socket::Afterwards;
use crate::steps::cors::Cors;
use crate::steps::headers;
use crate::steps::plan::ActivePlan;
use crate::steps::record::{Content, Passed};
use crate::steps::upload;

static REQUEST_ID: HeaderName = HeaderName::from_static("request-id");
static X_REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");
static X_SHOULD_RETRY: HeaderName = HeaderName::from_static("x-should-retry");
static X_ACCEL_BUFFERING: HeaderName = HeaderName::from_static("x-accel-buffering");

/// Fills as the pipeline learns how an answer must look.
pub struct Envelope {
    request_id: String,
    proxy: Option<Arc<ServedProxy>>,
    is_plain: bool,
    cors: Cors,
    quotas: Vec<Quota>,
    plan: Option<ActivePlan>,
}

/// The other end of a connection.
pub struct Peer {
    pub address: IpAddr,
    pub heads: Heads,
    /// Soon it is better served elsewhere.
    pub leaving: CancellationToken,
    pub afterwards: Afterwards,
}

pub async fn answer(edge: Arc<Edge>, peer: Peer, request: Request<Incoming>) -> Response<Body> {
    let id = Uuid::now_v7();
    let mut meter = Meter::start(edge.clone(), id, request.method());
    let mut envelope = Envelope {
        request_id: id.to_string(),
        proxy: None,
        is_plain: false,
        cors: Cors::default(),
        quotas: Vec::new(),
        plan: None,
    };
    let is_http1 = request.version() < Version::HTTP_2;
    let (head, body) = request.into_parts();
    let mut body = Some(body);
    let arrival =
        Arrival { address: edge.forwarding.client(peer.address, &head.headers), heads: peer.heads.clone(), head };
    let mut standing = meter.standing.clone();
    // Apart, for it is large and gone before a reply streams: what holds an answer is moved about and kept.
    let running = Box::pin(pipeline::run(&edge, arrival, &mut body, &mut envelope, &mut meter));
    let admission = tokio::select! {
        admission = running => admission,
        () = edge.cut_streams.cancelled() => Err(Rejection::ShuttingDown),
        () = standing.revoked() => Err(Rejection::AccessRevoked),
    };
    let mut response = match admission {
        Ok(Admission::Passed(passed)) => envelope.pass(passed, meter),
        Ok(Admission::Socket(opening)) => {
            meter.replying(StatusCode::SWITCHING_PROTOCOLS.as_u16());
            let (headers, conversation) = opening.begin(meter);
            peer.afterwards.set(conversation);
            return envelope.close(StatusCode::SWITCHING_PROTOCOLS, headers, Bytes::new());
        }
        Ok(Admission::Own(reply)) => {
            let (status, headers, content) = reply.into_parts();
            envelope.close(status, headers, content)
        }
        Ok(Admission::Preflight(headers)) => {
            meter.preflight();
            envelope.close(StatusCode::NO_CONTENT, headers, Bytes::new())
        }
        Err(rejection) => {
            meter.rejected(&rejection);
            if let Some(body) = body.filter(|body| !body.is_end_stream()) {
                tokio::spawn(upload::dispose(body));
            }
            let answer = envelope.reject(&rejection);
            if !is_http1 && rejection.is_malformed() { malformed::reset(answer) } else { answer }
        }
    };
    // A connection of HTTP/2 is told in its own way.
    if is_http1 && (peer.heads.is_last() || peer.leaving.is_cancelled()) {
        response.headers_mut().insert(CONNECTION, HeaderValue::from_static("close"));
    }
    response
}

impl Envelope {
    pub fn address(&mut self, proxy: Arc<ServedProxy>) -> Arc<ServedProxy> {
        self.proxy = Some(proxy.clone());
        proxy
    }

    /// No SDK of a provider's asked: errors need not be in its shape.
    pub fn speak_plainly(&mut self) {
        self.is_plain = true;
    }

    pub fn cors(&mut self, cors: Cors) -> Cors {
        self.cors = cors.clone();
        cors
    }

    pub fn plan(&mut self, plan: ActivePlan) {
        self.plan = Some(plan);
    }

    pub fn quotas(&mut self, quotas: Vec<Quota>) {
        self.quotas = quotas;
    }

    fn pass(&self, passed: Passed, mut meter: Meter) -> Response<Body> {
        let Passed { status, headers, content } = passed;
        let is_json = headers::media_type(&headers).is_some_and(|media_type| headers::is_json(&media_type));
        meter.replying(status.as_u16());
        let body = match content {
            Content::Whole(bytes) => {
                meter.delivered(bytes.len() as u64);
                meter.completed();
                return self.close(status, headers, bytes);
            }
            Content::Stream(stream) => {
                if is_json && !stream.has_events() {
                    meter.scans_json();
                }
                stream.into_body(meter, self.request_id.clone())
            }
        };
        self.dress(status, headers, body)
    }

    fn reject(&self, rejection: &Rejection) -> Response<Body> {
        let proxy_id = self.proxy.as_ref().map(|proxy| tracing::field::display(proxy.id));
        info!(
            request_id = self.request_id,
            proxy.id = proxy_id,
            code = rejection.code(),
            step = ?rejection.step(),
            status = rejection.status(),
            "rejected"
        );
        let shape = self
            .proxy
            .as_ref()
            .filter(|_| !self.is_plain)
            .map_or(ErrorShape::Plain, |proxy| proxy.provider.error_shape);
        let offer = self.offer(rejection);
        let body = error_shape::body_offering(shape, rejection, &self.request_id, offer).to_string();
        let mut headers = HeaderMap::new();
        headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
        if rejection.status() == 401 {
            headers.insert(WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
        }
        if let Some(secs) = rejection.retry_after_secs() {
            headers.insert(RETRY_AFTER, HeaderValue::from(secs));
        }
        if rejection.is_final() {
            headers.insert(&X_SHOULD_RETRY, HeaderValue::from_static("false"));
        }
        if let Rejection::LimitReached(shortage) = rejection {
            limit_fields::add(&mut headers, [&shortage.quota].into_iter());
        }
        let status = StatusCode::from_u16(rejection.status()).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        self.close(status, headers, body.into())
    }

    /// Where another plan would help.
    fn offer(&self, rejection: &Rejection) -> Offer<'_> {
        let (Some(proxy), Some(plan)) = (&self.proxy, &self.plan) else { return Offer::default() };
        let would_help = match rejection {
            Rejection::LimitReached(_) | Rejection::PlanEndpointNotAllowed { .. } => true,
            Rejection::Body(_) => proxy.is_less_for(plan.plan),
            _ => false,
        };
        let terms = plan.terms().filter(|_| would_help).map(|terms| &terms.policy);
        terms.map_or(Offer::default(), |terms| Offer {
            message: &terms.message,
            upgrade_url: terms.upgrade_url.as_deref(),
        })
    }

    fn close(&self, status: StatusCode, headers: HeaderMap, body: Bytes) -> Response<Body> {
        let body = Full::new(body).map_err(|never| match never {}).boxed_unsync();
        self.dress(status, headers, body)
    }

    fn dress(&self, status: StatusCode, mut headers: HeaderMap, body: Body) -> Response<Body> {
        if let Ok(id) = HeaderValue::try_from(&self.request_id) {
            // Where Anthropic's SDK looks for it.
            if self.proxy.as_ref().is_some_and(|proxy| proxy.provider.error_shape == ErrorShape::Anthropic) {
                headers.insert(&REQUEST_ID, id.clone());
            }
            headers.insert(&X_REQUEST_ID, id);
        }
        // One user's answer is no other's, and a cache does not know who asked.
        headers.insert(CACHE_CONTROL, HeaderValue::from_static("private, no-store"));
        // A browser must not take an upstream's text for a page of this host.
        headers.insert(X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
        if headers::media_type(&headers).as_deref() == Some("text/event-stream") {
            // nginx would otherwise collect events before it passes them on.
            headers.insert(&X_ACCEL_BUFFERING, HeaderValue::from_static("no"));
        }
        if !headers.contains_key("ratelimit") {
            limit_fields::add(&mut headers, self.quotas.iter().filter(|quota| quota.is_callers_own()));
        }
        self.cors.add_to(&mut headers);
        let mut response = Response::new(body);
        *response.status_mut() = status;
        *response.headers_mut() = headers;
        response
    }
}
