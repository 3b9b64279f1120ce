//! Which header fields travel: allow-lists both ways. What is not named here stays where it came from.

use std::borrow::Cow;
use std::sync::LazyLock;

use http::header::{ACCEPT_ENCODING, CONNECTION, CONTENT_LENGTH, HeaderMap, HeaderName, HeaderValue, USER_AGENT};
use keyward_domain::catalogue;
use keyward_domain::provider::Provider;
use keyward_domain::rules::is_reserved_header;
use rustc_hash::{FxHashMap, FxHashSet};

const TO_UPSTREAM: [&str; 4] = ["content-type", "accept", "accept-language", "idempotency-key"];
const TO_CLIENT: [&str; 7] = [
    "content-type",
    "content-disposition",
    "content-language",
    "etag",
    "last-modified",
    "retry-after",
    "retry-after-ms",
];

/// Both lists of a provider, read once.
struct Lists {
    to_upstream: FxHashSet<HeaderName>,
    to_client: FxHashSet<HeaderName>,
}

static LISTS: LazyLock<FxHashMap<&'static str, Lists>> = LazyLock::new(|| {
    let lists = |provider: &'static Provider| Lists {
        to_upstream: listed(TO_UPSTREAM.into_iter(), &provider.request_headers),
        to_client: listed(TO_CLIENT.into_iter(), &provider.response_headers),
    };
    catalogue::providers().iter().map(|provider| (provider.name.as_str(), lists(provider))).collect()
});

fn listed(own: impl Iterator<Item = &'static str>, of_provider: &'static [String]) -> FxHashSet<HeaderName> {
    own.chain(of_provider.iter().map(String::as_str)).filter_map(|name| HeaderName::try_from(name).ok()).collect()
}

/// The request's head for the upstream, without the key.
pub fn for_upstream(given: &HeaderMap, provider: &Provider, of_rule: &[String]) -> HeaderMap {
    let listed = LISTS.get(provider.name.as_str()).map(|lists| &lists.to_upstream);
    let is_listed = |name: &HeaderName| {
        let is_of_provider = listed.is_some_and(|listed| listed.contains(name));
        (is_of_provider || of_rule.iter().any(|other| name.as_str() == other)) && !is_reserved_header(name.as_str())
    };
    let mut headers = copied(given, is_listed);
    // Metering, redaction and ownership read the reply.
    headers.insert(ACCEPT_ENCODING, HeaderValue::from_static("identity"));
    headers.insert(USER_AGENT, HeaderValue::from_static("keyward"));
    headers
}

/// Puts another value in place of each idempotency key, under whatever name it goes. `None` when one can't be had.
pub fn replace_idempotency_keys(headers: &mut HeaderMap, with: impl Fn(&[u8]) -> Option<String>) -> Option<()> {
    for (_, value) in headers.iter_mut().filter(|(name, _)| name.as_str().contains("idempotency")) {
        *value = HeaderValue::try_from(with(value.as_bytes())?).ok()?;
    }
    Some(())
}

/// The reply's head for the client. Its length is the caller's to add, who knows whether the body changes.
pub fn for_client(given: &HeaderMap, provider: &Provider) -> HeaderMap {
    let listed = LISTS.get(provider.name.as_str()).map(|lists| &lists.to_client);
    copied(given, |name| listed.is_some_and(|listed| listed.contains(name)))
}

pub fn content_length(headers: &HeaderMap) -> Option<u64> {
    headers.get(CONTENT_LENGTH)?.to_str().ok()?.parse().ok()
}

/// The media type without its parameters, lower case.
pub fn media_type(headers: &HeaderMap) -> Option<Cow<'_, str>> {
    let value = headers.get(http::header::CONTENT_TYPE)?.to_str().ok()?;
    let end = value.bytes().position(|byte| byte == b';').unwrap_or(value.len());
    let plain = value[..end].trim();
    let is_lower = !plain.bytes().any(|byte| byte.is_ascii_uppercase());
    Some(if is_lower { Cow::Borrowed(plain) } else { Cow::Owned(plain.to_ascii_lowercase()) })
}

pub fn is_json(media_type: &str) -> bool {
    media_type == "application/json" || media_type.ends_with("+json")
}

fn copied(given: &HeaderMap, is_listed: impl Fn(&HeaderName) -> bool) -> HeaderMap {
    let hop_by_hop = named_by_connection(given);
    let mut headers = HeaderMap::with_capacity(given.len() + 4);
    for (name, value) in given {
        if is_listed(name) && !hop_by_hop.iter().any(|hop| name.as_str() == hop) {
            headers.append(name.clone(), value.clone());
        }
    }
    headers
}

/// Fields that are about this connection, whatever else they are (RFC 9110, section 7.6.1).
fn named_by_connection(headers: &HeaderMap) -> Vec<String> {
    let values = headers.get_all(CONNECTION).iter().filter_map(|value| value.to_str().ok());
    values.flat_map(|value| value.split(',')).map(|name| name.trim().to_ascii_lowercase()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn map(pairs: &[(&'static str, &'static str)]) -> HeaderMap {
        pairs.iter().map(|&(name, value)| (HeaderName::from_static(name), HeaderValue::from_static(value))).collect()
    }

    fn names(headers: &HeaderMap) -> Vec<&str> {
        let mut names: Vec<&str> = headers.keys().map(HeaderName::as_str).collect();
        names.sort_unstable();
        names
    }

    #[test]
    fn only_listed_fields_reach_the_upstream() {
        let given = map(&[
            ("content-type", "application/json"),
            ("cookie", "a=b"),
            ("openai-organization", "org-1"),
            ("openai-beta", "assistants=v2"),
            ("x-forwarded-for", "1.2.3.4"),
            ("idempotency-key", "i"),
            ("accept-encoding", "gzip"),
            ("x-stainless-os", "Linux"),
        ]);
        let openai = catalogue::provider("openai").expect("in the catalogue");
        let sent = for_upstream(&given, openai, &["openai-beta".to_owned(), "cookie".to_owned()]);
        assert_eq!(names(&sent), ["accept-encoding", "content-type", "idempotency-key", "openai-beta", "user-agent"]);
        assert_eq!(sent[ACCEPT_ENCODING], "identity");
        assert!(!for_upstream(&given, openai, &[]).contains_key("openai-beta"));
    }

    #[test]
    fn fields_named_by_connection_do_not_travel() {
        let given = map(&[("connection", "keep-alive, Idempotency-Key"), ("idempotency-key", "i"), ("accept", "*/*")]);
        let openai = catalogue::provider("openai").expect("in the catalogue");
        assert_eq!(names(&for_upstream(&given, openai, &[])), ["accept", "accept-encoding", "user-agent"]);
    }

    #[test]
    fn fields_that_a_reply_names_as_its_connections_do_not_travel() {
        let given = map(&[("connection", "close, ETag"), ("etag", "e"), ("content-type", "text/plain")]);
        let openai = catalogue::provider("openai").expect("in the catalogue");
        assert_eq!(names(&for_client(&given, openai)), ["content-type"]);
    }

    #[test]
    fn only_listed_fields_reach_the_client() {
        let given = map(&[
            ("content-type", "text/event-stream"),
            ("set-cookie", "a=b"),
            ("openai-organization", "org-1"),
            ("openai-processing-ms", "5"),
            ("access-control-allow-origin", "*"),
            ("x-request-id", "theirs"),
            ("retry-after", "3"),
            ("location", "https://elsewhere.example"),
        ]);
        let openai = catalogue::provider("openai").expect("in the catalogue");
        assert_eq!(names(&for_client(&given, openai)), ["content-type", "openai-processing-ms", "retry-after"]);
    }
}
