//! The settings of a Proxy: where it points, how the key is sent, what may be called and how often.

use url::{Host, Url};

use crate::path::PathTemplate;
use crate::provider::{KeyPlacement, Provider};
use crate::rules::EndpointRule;
use crate::stateful;

use super::is_token;

pub const MAX_RULES: usize = 200;
const METHODS: [&str; 7] = ["GET", "POST", "PUT", "PATCH", "DELETE", "HEAD", "WEBSOCKET"];

/// Headers that belong to the connection or to us; a key in one of them would never arrive.
const CONNECTION_HEADERS: [&str; 14] = [
    "connection",
    "content-length",
    "content-type",
    "content-encoding",
    "cookie",
    "expect",
    "host",
    "keep-alive",
    "origin",
    "proxy-authorization",
    "te",
    "trailer",
    "transfer-encoding",
    "upgrade",
];

/// Where requests go: https (http is left to the guard), perhaps a path, no query. The path keeps no trailing slash.
pub fn base_url(text: &str) -> Result<Url, String> {
    let text = text.trim();
    if text.is_empty() {
        return Err("enter the address of the API, such as https://api.example.com".to_owned());
    }
    let url = Url::parse(text)
        .map_err(|_| "this is not an address; it should look like https://api.example.com".to_owned())?;
    if !matches!(url.scheme(), "https" | "http") || url.host_str().is_none_or(str::is_empty) {
        return Err("the address must begin with https://".to_owned());
    }
    if !url.username().is_empty() || url.password().is_some() {
        return Err("the address must not contain a name or password; the key goes into its own field".to_owned());
    }
    if url.query().is_some() || url.fragment().is_some() {
        return Err("the address must not contain ? or #".to_owned());
    }
    let mut url = url;
    let path = url.path().trim_end_matches('/').to_owned();
    if path.split('/').skip(1).any(|segment| segment.is_empty() || segment.contains('%')) {
        return Err("the path of the address must be plain: no empty parts, no %".to_owned());
    }
    url.set_path(&path);
    Ok(url)
}

/// This machine itself: an emulator's address, which only development mode may use.
pub fn is_loopback(url: &Url) -> bool {
    match url.host() {
        Some(Host::Domain(domain)) => domain == "localhost" || domain.ends_with(".localhost"),
        Some(Host::Ipv4(address)) => address.is_loopback(),
        Some(Host::Ipv6(address)) => address.is_loopback(),
        None => false,
    }
}

/// Names in lower case, fit for a header or a query.
pub fn key_placement(placement: KeyPlacement) -> Result<KeyPlacement, String> {
    match placement {
        KeyPlacement::Bearer => Ok(KeyPlacement::Bearer),
        KeyPlacement::Header { name, prefix } => {
            let name = name.trim().to_ascii_lowercase();
            if !is_token(&name) {
                return Err(
                    "the header's name has letters, digits, hyphens and underscores only, such as x-api-key".to_owned()
                );
            }
            if CONNECTION_HEADERS.contains(&name.as_str()) {
                return Err(format!("the key can't go into the header {name}, which belongs to the connection"));
            }
            if prefix.len() > 40 || !prefix.bytes().all(|b| b == b' ' || b.is_ascii_graphic()) {
                return Err("what stands before the key has at most 40 visible ASCII characters".to_owned());
            }
            Ok(KeyPlacement::Header { name, prefix: prefix.trim_start().to_owned() })
        }
        KeyPlacement::Query { name } => {
            let name = name.trim().to_owned();
            if !is_token(&name) {
                return Err("the parameter's name has letters, digits, hyphens and underscores only, such as api_key"
                    .to_owned());
            }
            Ok(KeyPlacement::Query { name })
        }
    }
}

/// Every rule well-formed, none twice, and none that opens all users' objects at the provider. The reason names the rule.
pub fn endpoint_rules(provider: &'static Provider, rules: &[EndpointRule]) -> Result<Vec<EndpointRule>, String> {
    if rules.len() > MAX_RULES {
        return Err(format!("at most {MAX_RULES} rules"));
    }
    let mut kept: Vec<EndpointRule> = Vec::with_capacity(rules.len());
    for rule in rules {
        let rule = endpoint_rule(rule)?;
        stateful::check(provider, &rule).map_err(|error| error.to_string())?;
        if kept.iter().any(|other| other.method == rule.method && other.template == rule.template) {
            return Err(format!("{} {} is there twice", rule.method, rule.template));
        }
        kept.push(rule);
    }
    Ok(kept)
}

pub(super) fn endpoint_rule(rule: &EndpointRule) -> Result<EndpointRule, String> {
    let method = rule.method.trim().to_ascii_uppercase();
    if !METHODS.contains(&method.as_str()) {
        return Err(format!("{method:?} is not a method; use one of {}", METHODS.join(", ")));
    }
    let template = rule.template.trim().to_owned();
    PathTemplate::parse(&template).map_err(|error| format!("{method} {template}: {error}"))?;
    let query: Vec<String> = rule.query.iter().map(|name| name.trim().to_owned()).collect();
    if let Some(bad) = query.iter().find(|name| !is_query_name(name)) {
        return Err(format!("{method} {template}: {bad:?} is not the name of a query parameter"));
    }
    let headers: Vec<String> = rule.headers.iter().map(|name| name.trim().to_ascii_lowercase()).collect();
    let rule = EndpointRule { method, template, query, headers };
    // The edge's own reading of it: a rule that it can't use would allow nothing, and nobody would know why.
    rule.check().map_err(|error| format!("{} {}: {error}", rule.method, rule.template))?;
    Ok(rule)
}

/// `include[]` and `filter.name` are names too.
fn is_query_name(name: &str) -> bool {
    let allowed = |b: u8| b.is_ascii_alphanumeric() || b"-_.[]$".contains(&b);
    !name.is_empty() && name.len() <= 100 && name.bytes().all(allowed)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::catalogue;

    fn custom() -> &'static Provider {
        catalogue::provider("custom").expect("in the catalogue")
    }

    #[test]
    fn a_base_url_is_an_address_and_nothing_more() {
        assert_eq!(base_url("https://api.example.com/v2/").expect("fine").as_str(), "https://api.example.com/v2");
        assert_eq!(base_url("https://api.example.com").expect("fine").as_str(), "https://api.example.com/");
        for text in [
            "",
            "api.example.com",
            "ftp://api.example.com",
            "https://u:p@api.example.com",
            "https://api.example.com?a=b",
            "https://api.example.com/#x",
            "https://api.example.com//a",
            "https://api.example.com/a%2Fb",
        ] {
            assert!(base_url(text).is_err(), "{text:?}");
        }
    }

    #[test]
    fn knows_this_machine() {
        for (text, want) in [
            ("http://localhost:8790", true),
            ("http://127.0.0.1", true),
            ("http://[::1]:1", true),
            ("https://a.localhost", true),
            ("https://localhost.example.com", false),
            ("http://10.0.0.1", false),
        ] {
            assert_eq!(is_loopback(&Url::parse(text).expect(text)), want, "{text}");
        }
    }

    #[test]
    fn a_key_goes_only_where_it_can_arrive() {
        let header =
            |name: &str, prefix: &str| KeyPlacement::Header { name: name.to_owned(), prefix: prefix.to_owned() };
        assert_eq!(key_placement(header(" X-Api-Key", "Token ")), Ok(header("x-api-key", "Token ")));
        for bad in [header("host", ""), header("a b", ""), header("", ""), header("x-key", "a\r\nb: ")] {
            assert!(key_placement(bad.clone()).is_err(), "{bad:?}");
        }
        assert!(key_placement(KeyPlacement::Query { name: "a&b".to_owned() }).is_err());
    }

    #[test]
    fn the_catalogue_s_own_rules_are_well_formed() {
        for provider in catalogue::providers() {
            assert_eq!(
                endpoint_rules(provider, &provider.default_rules).as_ref(),
                Ok(&provider.default_rules),
                "{}",
                provider.name
            );
        }
    }

    #[test]
    fn a_rule_that_opens_all_users_objects_is_explained() {
        let batches = crate::validate::parse_rule_lines("GET /v1/evals").expect("well-formed");
        let openai = catalogue::provider("openai").expect("in the catalogue");
        assert_eq!(endpoint_rules(custom(), &batches), Ok(batches.clone()));
        let reason = endpoint_rules(openai, &batches).expect_err("refused");
        assert!(reason.starts_with("GET /v1/evals: ") && reason.contains("can't tell them apart yet"), "{reason}");
    }

    #[test]
    fn refuses_rules_that_would_open_too_much() {
        let rule = |method: &str, template: &str| EndpointRule {
            method: method.to_owned(),
            template: template.to_owned(),
            query: vec![],
            headers: vec![],
        };
        for bad in [
            rule("CONNECT", "/v1"),
            rule("GET", "v1/files"),
            rule("GET", "/v1/../x"),
            rule("GET", "/a//b"),
            rule("", "/v1"),
        ] {
            assert!(endpoint_rules(custom(), std::slice::from_ref(&bad)).is_err(), "{bad:?}");
        }
        assert!(endpoint_rules(custom(), &[rule("get", "/v1/a"), rule("GET", "/v1/a")]).is_err());
        let leaks = EndpointRule { headers: vec!["Authorization".to_owned()], ..rule("GET", "/v1/a") };
        assert!(endpoint_rules(custom(), &[leaks]).is_err());
        for name in crate::rules::RESERVED_HEADERS {
            let leaks = EndpointRule { headers: vec![name.to_ascii_uppercase()], ..rule("GET", "/v1/a") };
            assert!(endpoint_rules(custom(), &[leaks]).is_err(), "{name}");
        }
    }
}
