//! Which calls a Proxy allows: method and path template. No rule means no.

use std::sync::Arc;

use serde::{Deserialize, Serialize};

use crate::endpoint_table::EndpointTable;
use crate::path::{ParseTemplateError, PathParams, PathTemplate, RequestPath};

/// One allowed endpoint, such as `POST /v1/chat/completions` or `GET /v1/files/{id}`.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct EndpointRule {
    /// Upper case; `WEBSOCKET` for one.
    pub method: String,
    /// Segments are literals, `{param}`, or `{param}:literal` (Gemini's `{model}:generateContent`).
    pub template: String,
    /// Query parameters that pass; all others are refused.
    #[serde(default)]
    pub query: Vec<String>,
    /// Request headers, lower case, that pass on this endpoint beside the provider's.
    #[serde(default)]
    pub headers: Vec<String>,
}

pub const METHODS: [&str; 7] = ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", WEBSOCKET];

/// Stands in rules where HTTP has GET and an upgrade: neither opens the other.
pub const WEBSOCKET: &str = "WEBSOCKET";

#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum RuleError {
    #[error("{0:?} is not one of GET, HEAD, POST, PUT, PATCH, DELETE, WEBSOCKET")]
    Method(String),
    #[error(transparent)]
    Template(#[from] ParseTemplateError),
    #[error("{0:?} is not a query parameter's name")]
    QueryName(String),
    #[error("{0:?} is not a lower-case header name")]
    HeaderName(String),
    #[error("the header {0:?} is the edge's own business and can't be passed on")]
    ReservedHeader(String),
}

/// Headers that no rule can let through to the upstream: credentials, what steers the account, addresses and the
/// framing of the message.
pub const RESERVED_HEADERS: &[&str] = &[
    "accept-encoding",
    "anthropic-beta",
    "api-key",
    "apikey",
    "authorization",
    "chatgpt-account-id",
    "connection",
    "content-encoding",
    "content-length",
    "cookie",
    "expect",
    "forwarded",
    "host",
    "http-referer",
    "keep-alive",
    "openai-organization",
    "openai-project",
    "origin",
    "proxy-authorization",
    "proxy-connection",
    "te",
    "trailer",
    "transfer-encoding",
    "true-client-ip",
    "upgrade",
    "via",
    "x-access-token",
    "x-amz-security-token",
    "x-api-key",
    "x-api-token",
    "x-auth-token",
    "x-firebase-appcheck",
    "x-goog-api-key",
    "x-goog-iam-authorization-token",
    "x-goog-user-project",
    "x-http-method-override",
    "x-keyward-byok",
    "x-method-override",
    "x-original-url",
    "x-real-ip",
    "x-rewrite-url",
    "x-subscription-token",
    "x-title",
    "xi-api-key",
];

impl EndpointRule {
    /// `POST /v1/chat/completions`
    pub fn name(&self) -> String {
        format!("{} {}", self.method, self.template)
    }

    pub fn check(&self) -> Result<(), RuleError> {
        self.template().map(drop)
    }

    fn template(&self) -> Result<PathTemplate, RuleError> {
        if !METHODS.contains(&self.method.as_str()) {
            return Err(RuleError::Method(self.method.clone()));
        }
        if let Some(name) = self.query.iter().find(|name| !is_query_name(name)) {
            return Err(RuleError::QueryName(name.clone()));
        }
        if let Some(name) = self.headers.iter().find(|name| !is_header_name(name)) {
            return Err(RuleError::HeaderName(name.clone()));
        }
        if let Some(name) = self.headers.iter().find(|name| is_reserved_header(name)) {
            return Err(RuleError::ReservedHeader(name.clone()));
        }
        Ok(PathTemplate::parse(&self.template)?)
    }
}

pub fn is_reserved_header(name: &str) -> bool {
    RESERVED_HEADERS.contains(&name) || name.starts_with("x-forwarded-") || name.starts_with("proxy-")
}

fn is_query_name(name: &str) -> bool {
    !name.is_empty() && name.bytes().all(|b| b.is_ascii_graphic() && !b"&=#%+".contains(&b))
}

fn is_header_name(name: &str) -> bool {
    let fits = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || b"-_".contains(&b);
    !name.is_empty() && name.bytes().all(fits)
}

/// The rules of one Proxy, ready to be asked.
#[derive(Clone, Debug, Default)]
pub struct RuleSet(EndpointTable<Arc<EndpointRule>>);

/// The rule that allows a call, and what its parameters are.
#[derive(Clone, Debug)]
pub struct Allowed<'a> {
    pub rule: &'a Arc<EndpointRule>,
    pub template: &'a PathTemplate,
    pub params: PathParams,
}

impl RuleSet {
    /// A rule that can't be read allows nothing; it is given back for the log.
    pub fn compile(rules: &[EndpointRule]) -> (Self, Vec<RuleError>) {
        let (mut compiled, mut broken) = (EndpointTable::default(), Vec::new());
        for rule in rules {
            match rule.template() {
                Ok(template) => compiled.add(&rule.method, template, Arc::new(rule.clone())),
                Err(error) => broken.push(error),
            }
        }
        (Self(compiled), broken)
    }

    pub fn find(&self, method: &str, path: &RequestPath) -> Option<Allowed<'_>> {
        let (rule, template) = self.0.find(method, path)?;
        Some(Allowed { rule, template, params: template.matches(path)? })
    }

    /// The first rule that can be called as it stands.
    pub fn plain_get(&self) -> Option<&EndpointRule> {
        let mut rules = self.0.iter();
        rules.find(|rule| rule.method == "GET" && !rule.template.contains('{')).map(Arc::as_ref)
    }

    /// The methods of all rules, for a CORS preflight, which no WebSocket has.
    pub fn methods(&self) -> Vec<&str> {
        let methods = self.0.iter().map(|rule| rule.method.as_str());
        let mut methods: Vec<&str> = methods.filter(|method| *method != WEBSOCKET).collect();
        methods.sort_unstable();
        methods.dedup();
        methods
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rule(method: &str, template: &str) -> EndpointRule {
        EndpointRule { method: method.to_owned(), template: template.to_owned(), query: vec![], headers: vec![] }
    }

    fn found(rules: &[EndpointRule], method: &str, path: &str) -> Option<String> {
        let path = RequestPath::parse(path).expect("a path");
        RuleSet::compile(rules).0.find(method, &path).map(|allowed| allowed.rule.template.clone())
    }

    #[test]
    fn no_rule_means_no() {
        let rules = [rule("GET", "/v1/files/{id}")];
        assert_eq!(found(&rules, "GET", "/v1/files/file-1").as_deref(), Some("/v1/files/{id}"));
        for (method, path) in
            [("DELETE", "/v1/files/file-1"), ("GET", "/v1/files"), ("GET", "/v1/files/file-1/content")]
        {
            assert_eq!(found(&rules, method, path), None, "{method} {path}");
        }
        assert_eq!(found(&[], "GET", "/v1/files/file-1"), None);
    }

    #[test]
    fn a_socket_has_a_rule_of_its_own() {
        let rules = [rule("GET", "/v1/models"), rule("WEBSOCKET", "/v1/realtime")];
        assert_eq!(found(&rules, "WEBSOCKET", "/v1/realtime").as_deref(), Some("/v1/realtime"));
        for (method, path) in [("GET", "/v1/realtime"), ("WEBSOCKET", "/v1/models")] {
            assert_eq!(found(&rules, method, path), None, "{method} {path}");
        }
        assert_eq!(RuleSet::compile(&rules).0.methods(), ["GET"]);
    }

    #[test]
    fn a_literal_wins_over_a_parameter_in_any_order() {
        let mut rules = [rule("POST", "/v1/threads/{id}"), rule("POST", "/v1/threads/runs")];
        assert_eq!(found(&rules, "POST", "/v1/threads/runs").as_deref(), Some("/v1/threads/runs"));
        rules.reverse();
        assert_eq!(found(&rules, "POST", "/v1/threads/runs").as_deref(), Some("/v1/threads/runs"));
    }

    #[test]
    fn a_rule_that_cannot_be_read_allows_nothing() {
        for broken in [rule("get", "/v1/x"), rule("GET", "v1/x"), rule("GET", "/v1/../x"), rule("GET", "/v1/{a}/{a}")] {
            let (set, errors) = RuleSet::compile(std::slice::from_ref(&broken));
            assert_eq!((set.0.len(), errors.len()), (0, 1), "{broken:?}");
        }
    }

    #[test]
    fn no_rule_can_let_a_credential_through() {
        let with_header = |name: &str| EndpointRule { headers: vec![name.to_owned()], ..rule("GET", "/v1/x") };
        for name in
            ["anthropic-beta", "openai-organization", "openai-project", "x-goog-user-project", "chatgpt-account-id"]
        {
            assert_eq!(with_header(name).check(), Err(RuleError::ReservedHeader(name.to_owned())));
        }
        for name in ["authorization", "cookie", "x-api-key", "x-forwarded-for", "proxy-authorization", "host"] {
            assert_eq!(with_header(name).check(), Err(RuleError::ReservedHeader(name.to_owned())));
        }
        assert_eq!(with_header("Openai-Beta").check(), Err(RuleError::HeaderName("Openai-Beta".to_owned())));
        assert_eq!(with_header("openai-beta").check(), Ok(()));
    }
}
