//! One call to the provider that shows whether it takes a key; its body is thrown away unread.

use std::sync::Arc;
use std::time::Duration;

use http::header::{CONTENT_TYPE, HeaderName, HeaderValue};
use http::{Method, Request, StatusCode};
use http_body_util::{Either, Full};
use keyward_domain::ids::ByokKeyId;
use keyward_domain::provider::TestRequest;
use keyward_domain::rejection::Rejection;
use keyward_domain::secret::ProviderKey;
use tokio::time::timeout;

use super::Question;
use crate::byok_vault::OwnKey;
use crate::patience::Patience;
use crate::snapshot::ServedProxy;
use crate::steps::{forward, upstream_key};

const LONGEST: Duration = Duration::from_secs(30);

/// A custom API without a rule that could be called takes every key untested.
pub async fn check(question: &Question<'_>, id: ByokKeyId, key: &ProviderKey) -> Result<(), Rejection> {
    let Some(test) = test_request(question.proxy) else { return Ok(()) };
    let own = OwnKey { id, key: Arc::new(key.clone()), version: 0, expires_at: None };
    let key = upstream_key::for_aside(question.edge, question.proxy, Some(&own))?;
    let (path, query) = test.path.split_once('?').unwrap_or((&test.path, ""));
    let (target, mut headers) = forward::aside(question.edge, &key, (path, query))?;
    for (name, value) in &test.headers {
        if let (Ok(name), Ok(value)) = (HeaderName::try_from(name.as_str()), HeaderValue::try_from(value.as_str())) {
            headers.insert(name, value);
        }
    }
    let method = Method::from_bytes(test.method.as_bytes()).unwrap_or(Method::GET);
    if test.body.is_some() {
        headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    }
    let body = test.body.as_ref().map(|body| Full::from(body.to_string())).unwrap_or_default();
    let mut request = Request::new(Either::Left(body));
    (*request.method_mut(), *request.uri_mut(), *request.headers_mut()) = (method, target, headers);
    let patience = Patience::of(&question.proxy.policy.timeouts, &question.edge.bounds);
    let sending = question.edge.upstreams.calls(patience.connect).call(request);
    let sent = timeout(patience.first_byte.min(LONGEST), sending).await.map_err(|_| Rejection::UpstreamTimeout)?;
    match sent.map_err(|_| Rejection::UpstreamUnreachable)?.status() {
        StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN => Err(Rejection::ByokKeyRejected),
        status if status.is_redirection() => Err(Rejection::UpstreamRedirected),
        status if status.is_server_error() => Err(Rejection::UpstreamBroke),
        _ => Ok(()),
    }
}

fn test_request(proxy: &ServedProxy) -> Option<TestRequest> {
    let of_rule = || {
        let rule = proxy.own.rules.plain_get()?;
        Some(TestRequest { method: rule.method.clone(), path: rule.template.clone(), headers: Vec::new(), body: None })
    };
    proxy.provider.test_request.clone().or_else(of_rule)
}
