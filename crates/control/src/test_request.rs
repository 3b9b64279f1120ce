//! "Send a test request": a real call through the edge, as a user's would be, with a token of our own that lives for a
//! minute. The dashboard never opens a provider key.

use std::time::{Duration, Instant};

use keyward_domain::ids::ProxyId;
use keyward_domain::provider::TestRequest;
use keyward_domain::rules::EndpointRule;
use keyward_domain::view::TestAnswer;
use keyward_domain::{catalogue, error_shape, validate};
use keyward_identity::test_call;
use keyward_store::proxies::ProxyRow;
use serde_json::Value;

use crate::{Actor, Control, ControlError};

const LONGEST_BODY_BYTES: usize = 4096;
/// A new proxy reaches the edge within a second; a test sent at once must not fail for that.
const WAIT_FOR_EDGE: Duration = Duration::from_millis(700);
const TRIES: usize = 4;

/// What the edge answered.
struct Reply {
    status: u16,
    body: String,
}

impl Control {
    pub async fn send_test_request(&self, actor: &Actor, proxy: ProxyId) -> Result<TestAnswer, ControlError> {
        let row = self.store().proxy(actor.editing()?, proxy).await?;
        let Some(request) = test_request_of(&row.provider, &row.rules) else {
            return Err(ControlError::Conflict {
                reason: "there is nothing to test with: add a GET rule without parameters".to_owned(),
            });
        };
        let token = test_call::mint(&self.key_ring().test_call_key(), proxy, actor.member_id(), self.now());
        let url = format!("{}{}", self.settings().proxy_url(&row.slug), request.path);
        let started = Instant::now();
        let reply = self.call_edge(&url, &request, &token).await;
        let duration_ms = u64::try_from(started.elapsed().as_millis()).unwrap_or(u64::MAX);
        Ok(match reply {
            Ok(reply) => {
                let advice = advice(&row, &request, &reply);
                TestAnswer { status: reply.status, duration_ms, body: reply.body, advice }
            }
            Err(reason) => TestAnswer { status: 0, duration_ms, body: String::new(), advice: reason },
        })
    }

    async fn call_edge(&self, url: &str, request: &TestRequest, token: &str) -> Result<Reply, String> {
        let mut reply = self.call_edge_once(url, request, token).await?;
        for _ in 1..TRIES {
            if code_of(&reply.body).as_deref() != Some("unknown_proxy") {
                break;
            }
            tokio::time::sleep(WAIT_FOR_EDGE).await;
            reply = self.call_edge_once(url, request, token).await?;
        }
        Ok(reply)
    }

    async fn call_edge_once(&self, url: &str, request: &TestRequest, token: &str) -> Result<Reply, String> {
        let method = request.method.parse().map_err(|_| format!("{:?} is not a method", request.method))?;
        let mut call = self.edge().request(method, url).bearer_auth(token);
        for (name, value) in &request.headers {
            call = call.header(name, value);
        }
        if let Some(body) = &request.body {
            call = call.json(body);
        }
        let mut response = call.send().await.map_err(|error| self.unreachable(&error))?;
        let status = response.status().as_u16();
        let mut bytes = Vec::new();
        while bytes.len() < LONGEST_BODY_BYTES {
            match response.chunk().await {
                Ok(Some(chunk)) => bytes.extend_from_slice(&chunk),
                Ok(None) => break,
                Err(_) => return Err("The edge broke off its reply. Look at the edge's log.".to_owned()),
            }
        }
        bytes.truncate(LONGEST_BODY_BYTES);
        // Text columns and pages have no use for NUL and other controls.
        let body =
            String::from_utf8_lossy(&bytes).chars().filter(|c| !c.is_control() || matches!(c, '\n' | '\t')).collect();
        Ok(Reply { status, body })
    }

    fn unreachable(&self, error: &reqwest::Error) -> String {
        let edge = self.settings().edge_url.as_str();
        if error.is_timeout() {
            return format!(
                "The edge at {edge} did not answer in time. The provider may be slow; the edge's log says more."
            );
        }
        format!("The edge at {edge} can't be reached from here. Is it running, and is KEYWARD_EDGE_URL its address?")
    }
}

#[expect(
    clippy::disallowed_methods,
    reason = "the edge's address is the operator's, not a developer's, and may be private"
)]
pub(crate) fn edge_client() -> reqwest::Client {
    reqwest::Client::builder()
        .no_proxy()
        .redirect(reqwest::redirect::Policy::none())
        .connect_timeout(Duration::from_secs(5))
        .timeout(Duration::from_secs(30))
        .build()
        .expect("install the system's root certificates (package ca-certificates)")
}

/// The catalogue's test call, or a custom API's first GET rule that needs no parameter.
pub(crate) fn test_request_of(provider: &str, rules: &[EndpointRule]) -> Option<TestRequest> {
    if let Some(request) = catalogue::provider(provider).and_then(|provider| provider.test_request.clone()) {
        return Some(request);
    }
    let rule = rules.iter().find(|rule| rule.method == "GET" && !rule.template.contains('{'))?;
    Some(TestRequest { method: rule.method.clone(), path: rule.template.clone(), headers: Vec::new(), body: None })
}

/// The edge's stable code, in whichever provider's error shape it came.
fn code_of(body: &str) -> Option<String> {
    let body: Value = serde_json::from_str(body).ok()?;
    error_shape::code_in(&body).map(str::to_owned)
}

fn advice(row: &ProxyRow, request: &TestRequest, reply: &Reply) -> String {
    if (200..300).contains(&reply.status) {
        return if row.app_has_issuer {
            "It works. Copy a snippet into your app.".to_owned()
        } else {
            "The key works. Link an identity provider next: until then only this test can call the proxy.".to_owned()
        };
    }
    let TestRequest { method, path, .. } = request;
    let code = code_of(&reply.body).unwrap_or_default();
    match code.as_str() {
        "upstream_auth_failed" => key_refused(row),
        "upstream_unreachable" => format!("The edge can't reach {}. Check the base URL in the settings.", row.base_url),
        "upstream_timeout" => format!("{} did not answer in time. Try again.", row.base_url),
        "upstream_redirected" => "The provider answered with a redirect. Use the address it redirects to as the base URL.".to_owned(),
        "provider_key_unusable" => "The stored key can't be opened. Enter it again in the settings.".to_owned(),
        "proxy_disabled" => "The proxy is switched off. Switch it on and try again.".to_owned(),
        "unknown_proxy" => "The edge does not know this proxy. Do edge and dashboard use the same database?".to_owned(),
        "endpoint_not_allowed" => format!("No rule allows the test call. Add the rule {method} {path}, or test from your app."),
        "rate_limited" => "The limit per user was reached by tests. Wait, or raise it under Limits.".to_owned(),
        code if code.starts_with("token_") => {
            "The edge does not accept the dashboard's test token. Do both have the same KEYWARD_KEY_ENCRYPTION_KEY and the right time?".to_owned()
        }
        _ if reply.status == 429 => "The provider says that the quota of this key is used up.".to_owned(),
        _ if reply.status >= 500 => "The call failed behind the edge; the reply says more. Try again.".to_owned(),
        _ => format!("The provider answered {method} {path} with status {}; the reply says why.", reply.status),
    }
}

fn key_refused(row: &ProxyRow) -> String {
    let is_stand_in = row.base_url.parse().is_ok_and(|url| validate::is_loopback(&url));
    if is_stand_in {
        return format!(
            "{} refused the key. The emulator's is emulator-provider-key-0000, if it was started with no other; enter it again in the settings.",
            row.base_url
        );
    }
    let at_keys_url = match catalogue::provider(&row.provider) {
        Some(provider) if !provider.keys_url.is_empty() => format!(" at {}", provider.keys_url),
        Some(_) | None => String::new(),
    };
    format!("The provider refused the key. Check it{at_keys_url} and enter it again in the settings.")
}

#[cfg(test)]
mod tests {
    use super::*;
    use keyward_domain::provider::ErrorShape;
    use keyward_domain::rejection::Rejection;

    #[test]
    fn reads_the_code_in_every_error_shape() {
        for shape in ErrorShape::ALL {
            let body = error_shape::body(shape, &Rejection::NoPlan, "request");
            assert_eq!(code_of(&body.to_string()).as_deref(), Some("no_plan"), "{shape:?}");
        }
        assert_eq!(code_of(r#"{"error": {"code": "rate_limited"}}"#), None, "the provider's own");
        assert_eq!(code_of("<html>"), None);
    }

    #[test]
    fn a_custom_api_is_tested_by_its_first_get_rule_without_parameters() {
        let rule = |method: &str, template: &str| EndpointRule {
            method: method.to_owned(),
            template: template.to_owned(),
            query: vec![],
            headers: vec![],
        };
        let rules = [rule("POST", "/v1/a"), rule("GET", "/v1/a/{id}"), rule("GET", "/v1/b")];
        assert_eq!(test_request_of("custom", &rules).map(|request| request.path).as_deref(), Some("/v1/b"));
        assert_eq!(test_request_of("custom", &rules[..2]), None);
        assert_eq!(test_request_of("openai", &[]).map(|request| request.path).as_deref(), Some("/v1/models"));
    }
}
