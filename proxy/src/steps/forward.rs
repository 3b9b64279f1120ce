//! The call to the provider, made only with an `Admitted`. The key is put on last, once, and is marked sensitive.

use std::sync::Arc;
use std::time::Duration;

use http::header::{AUTHORIZATION, CONTENT_TYPE, HeaderMap, HeaderName, HeaderValue};
use http::request::Parts;
use http::uri::PathAndQuery;
use http::{Method, Request, Response, StatusCode, Uri};
use http_body_util::{BodyExt, Either, Full};
use hyper::body::Incoming;
use keyward_domain::body_rules::BodyRules;
use keyward_domain::model_lists::ModelList;
use keyward_domain::path::ParsePathError;
use keyward_domain::provider::{KeyPlacement, StreamUsage};
use keyward_domain::rejection::Rejection;
use keyward_domain::strict_json;
use keyward_outbound::{Conduit, ConduitBody};
use tokio::time::{Instant, sleep_until};
use tracing::{debug, info};
use url::form_urlencoded;
use zeroize::Zeroizing;

use crate::edge::Edge;
use crate::patience::Patience;
use crate::pipeline::{Admitted, Passage};
use crate::snapshot::ServedProxy;
use crate::steps::authenticate::Caller;
use crate::steps::authorize::Endpoint;
use crate::steps::headers;
use crate::steps::listing::Pages;
use crate::steps::ownership::Claim;
use crate::steps::upgrade::{Asked, Greeting};
use crate::steps::upload::{Inflow, Upload};
use crate::steps::upstream_key::{self, Outgoing, UpstreamKey};

const MAX_REPLY_HEADER_FIELDS: usize = 100;
const MAX_REPLY_HEADER_BYTES: usize = 64 << 10;

/// The provider's answer: its head was looked at, nothing of its body read.
pub struct Reply {
    pub proxy: Arc<ServedProxy>,
    pub claim: Claim,
    pub response: Response<Incoming>,
    pub key: UpstreamKey,
    pub patience: Patience,
    /// We asked for a usage chunk in the stream that the client did not.
    pub hides_usage: bool,
    /// Of which some are not shown.
    pub models: Option<(&'static ModelList, Arc<BodyRules>)>,
    /// Of a list that will be filtered.
    pub pages: Option<Pages>,
    /// Of a WebSocket, what the answer must fit.
    pub greeting: Option<Greeting>,
    /// The upstream path, without what the base URL has before it.
    pub path: String,
}

/// `asked` where the client waits for a WebSocket.
pub async fn forward(edge: &Edge, head: &Parts, asked: Option<&Asked>, admitted: Admitted) -> Result<Reply, Rejection> {
    let Passage { proxy, via, caller, endpoint, mut upload, claim } = admitted.into_passage();
    let outgoing = Outgoing { endpoint: &endpoint, upload: &upload, standing: caller.standing() };
    let key = upstream_key::choose(edge, &via, claim.holder.own_key.as_deref(), &outgoing)?;
    let patience = Patience::of(&key.via.policy.timeouts, &edge.bounds);
    let hides_usage = ask_for_usage(&via, &endpoint, &mut upload);
    upload.forget_value();
    let mut headers = upstream_headers(head, &key, (&caller, &endpoint), &upload)?;
    let greeting = asked.map(|asked| asked.towards_upstream(&mut headers));
    let call = Call {
        method: if asked.is_some() { Method::GET } else { head.method.clone() },
        conduit: match asked {
            Some(_) => edge.upstreams.sockets(patience.connect),
            None => edge.upstreams.calls(patience.connect),
        },
        target: target(edge, &key, (&endpoint.upstream_path, &endpoint.query.rebuild()))?,
        headers: with_key(headers, &key)?,
        upload,
        patience,
    };
    let sent = match call.send(edge).await {
        // Nothing of the request was seen by anybody: it may go out once more.
        Err(Unsent { connecting: true, .. }) if call.is_untouched() => call.send(edge).await,
        sent => sent,
    };
    let response = match sent {
        Ok(response) => response,
        Err(unsent) => return Err(unsent.rejection),
    };
    key.answered(edge, response.status(), response.headers());
    check_head(&key, &response)?;
    if response.status() == StatusCode::SWITCHING_PROTOCOLS && greeting.is_none() {
        return Err(Rejection::UpstreamReplyRefused { reason: "it switched protocols unasked" });
    }
    let pages = claim.demands.filters().is_some().then(|| Pages::new(call.target, call.headers, patience));
    let (models, path) = (endpoint.models, endpoint.upstream_path);
    Ok(Reply { proxy, claim, response, key, patience, hides_usage, models, pages, greeting, path })
}

/// The provider is told the type under which the body was read here, whatever else the client's fields say.
fn upstream_headers(
    head: &Parts,
    key: &UpstreamKey,
    (caller, endpoint): (&Caller, &Endpoint),
    upload: &Upload,
) -> Result<HeaderMap, Rejection> {
    let mut headers = headers::for_upstream(&head.headers, key.via.provider, &endpoint.rule.headers);
    let own = |given: &[u8]| key.via.idempotency_key(caller.subject(), given);
    headers::replace_idempotency_keys(&mut headers, own).ok_or(Rejection::ProviderKeyUnusable)?;
    headers.remove(CONTENT_TYPE);
    let content_type = match upload {
        Upload::Empty => None,
        Upload::Json { .. } => headers::media_type(&head.headers).and_then(|name| HeaderValue::try_from(&*name).ok()),
        Upload::Form { .. } | Upload::Streamed(_) => head.headers.get(CONTENT_TYPE).cloned(),
    };
    headers.extend(content_type.map(|value| (CONTENT_TYPE, value)));
    add_developers(&mut headers, key);
    Ok(headers)
}

/// Some providers' chat streams count their tokens only when asked to; others refuse the question.
fn ask_for_usage(proxy: &ServedProxy, endpoint: &Endpoint, upload: &mut Upload) -> bool {
    let Upload::Json { bytes, value, .. } = upload else { return false };
    let is_completion = endpoint.path.segments().last().is_some_and(|last| last == "completions");
    if proxy.provider.stream_usage != StreamUsage::OnRequest || !is_completion || value["stream"] != true {
        return false;
    }
    let Some(asking) = strict_json::with_usage_of(bytes, value) else { return false };
    *bytes = asking.into();
    true
}

/// A GET of the edge's own, of a path that it built; with the caller's key if the call goes out with that.
pub fn aside(edge: &Edge, key: &UpstreamKey, target_of: (&str, &str)) -> Result<(Uri, HeaderMap), Rejection> {
    let mut headers = headers::for_upstream(&HeaderMap::new(), key.via.provider, &[]);
    add_developers(&mut headers, key);
    Ok((target(edge, key, target_of)?, with_key(headers, key)?))
}

/// In place of the client's own. What names the developer's account means nothing with another account's key.
fn add_developers(headers: &mut HeaderMap, key: &UpstreamKey) {
    let fields = key.via.upstream_headers.iter();
    for (name, value) in fields.filter(|(name, _)| !key.is_callers_own() || !names_account(name.as_str())) {
        headers.insert(name.clone(), value.clone());
    }
}

fn names_account(header: &str) -> bool {
    matches!(header, "openai-organization" | "openai-project" | "x-goog-user-project")
}

/// The base URL, the rebuilt path, the admitted query; no byte of the client's own target.
fn target(edge: &Edge, key: &UpstreamKey, (path, query): (&str, &str)) -> Result<Uri, Rejection> {
    let proxy = &key.via;
    // The address the developer gave; what the client added to it can't change the host, and may be long.
    edge.guard.check_url(&proxy.base_url).map_err(|error| {
        info!(proxy.id = %proxy.id, %error, "the base URL can't be called");
        Rejection::UpstreamUnreachable
    })?;
    let base = proxy.base_url.path().trim_end_matches('/');
    let mut text = String::with_capacity(base.len() + path.len() + query.len() + 1);
    text.extend([base, path]);
    if !query.is_empty() {
        text.extend(["?", query]);
    }
    if let KeyPlacement::Query { name } = &proxy.key_placement {
        text.push(if query.is_empty() { '?' } else { '&' });
        let pair = form_urlencoded::Serializer::new(String::new()).append_pair(name, key.key().expose()).finish();
        text.push_str(&Zeroizing::new(pair));
    }
    let wrong = || Rejection::BadPath(ParsePathError::ForbiddenCharacter);
    let mut parts = proxy.upstream_origin.clone().into_parts();
    parts.path_and_query = Some(PathAndQuery::try_from(text).map_err(|_| wrong())?);
    Uri::from_parts(parts).map_err(|_| wrong())
}

fn with_key(mut headers: HeaderMap, key: &UpstreamKey) -> Result<HeaderMap, Rejection> {
    let secret = key.key().expose();
    let (name, text) = match &key.via.key_placement {
        KeyPlacement::Bearer => (AUTHORIZATION, Zeroizing::new(format!("Bearer {secret}"))),
        KeyPlacement::Header { name, prefix } => {
            let name = HeaderName::try_from(name.as_str()).map_err(|_| Rejection::ProviderKeyUnusable)?;
            (name, Zeroizing::new(format!("{prefix}{secret}")))
        }
        KeyPlacement::Query { .. } => return Ok(headers),
    };
    let mut value = HeaderValue::try_from(text.as_str()).map_err(|_| Rejection::ProviderKeyUnusable)?;
    value.set_sensitive(true);
    headers.insert(name, value);
    Ok(headers)
}

struct Call {
    conduit: Conduit,
    method: Method,
    target: Uri,
    headers: HeaderMap,
    upload: Upload,
    patience: Patience,
}

struct Unsent {
    rejection: Rejection,
    /// No connection came about: the provider has seen nothing.
    connecting: bool,
}

impl Call {
    fn is_untouched(&self) -> bool {
        match &self.upload {
            Upload::Empty | Upload::Json { .. } | Upload::Form { .. } => true,
            Upload::Streamed(inflow) => inflow.is_untouched(),
        }
    }

    async fn send(&self, edge: &Edge) -> Result<Response<Incoming>, Unsent> {
        let (body, inflow): (ConduitBody, _) = match &self.upload {
            Upload::Empty => (Either::Left(Full::default()), None),
            Upload::Json { bytes, .. } | Upload::Form { bytes, .. } => (Either::Left(Full::new(bytes.clone())), None),
            Upload::Streamed(inflow) => {
                (Either::Right(inflow.outflow().map_err(Into::into).boxed_unsync()), Some(inflow))
            }
        };
        let mut request = Request::new(body);
        *request.method_mut() = self.method.clone();
        *request.uri_mut() = self.target.clone();
        *request.headers_mut() = self.headers.clone();
        let sending = self.conduit.call(request);
        let sent = tokio::select! {
            sent = sending => sent,
            () = silence(inflow, self.patience.first_byte) => {
                return Err(Unsent { rejection: Rejection::UpstreamTimeout, connecting: false });
            }
        };
        sent.map_err(|error| {
            let cause = std::error::Error::source(&error);
            debug!(%error, cause = ?cause.map(ToString::to_string), "the upstream call failed");
            if error.connecting {
                edge.metrics.upstream_connect_failures.inc();
            }
            let fault = inflow.and_then(|inflow| inflow.fault());
            let connecting = error.connecting && fault.is_none();
            let broke = if connecting { Rejection::UpstreamUnreachable } else { Rejection::UpstreamBroke };
            Unsent { rejection: fault.unwrap_or(broke), connecting }
        })
    }
}

/// Returns when the provider has been silent for so long after the last byte of the request was read.
async fn silence(inflow: Option<&Arc<Inflow>>, patience: Duration) {
    let started = Instant::now();
    loop {
        let deadline = inflow.map_or(started, |inflow| inflow.last_read()) + patience;
        if Instant::now() >= deadline {
            return;
        }
        sleep_until(deadline).await;
    }
}

fn check_head(key: &UpstreamKey, response: &Response<Incoming>) -> Result<(), Rejection> {
    let (status, headers) = (response.status(), response.headers());
    let bytes: usize = headers.iter().map(|(name, value)| name.as_str().len() + value.len() + 4).sum();
    let is_encoded = headers.get(http::header::CONTENT_ENCODING).is_some_and(|value| value != "identity");
    if matches!(status, StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN) {
        return Err(key.refusal());
    }
    if status.is_redirection() {
        return Err(Rejection::UpstreamRedirected);
    }
    if headers.len() > MAX_REPLY_HEADER_FIELDS || bytes > MAX_REPLY_HEADER_BYTES {
        return Err(Rejection::UpstreamReplyRefused { reason: "its header is larger than 100 fields or 64 KiB" });
    }
    if is_encoded {
        return Err(Rejection::UpstreamReplyRefused { reason: "it is compressed, which was not asked for" });
    }
    Ok(())
}
