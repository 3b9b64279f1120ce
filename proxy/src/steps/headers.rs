//! Which header fields travel: allow-lists both ways. What is not named here stays where it came from.

use http::header::{ACCEPT_ENCODING, CONNECTION, CONTENT_LENGTH, HeaderMap, HeaderName, HeaderValue, USER_AGENT};
use keyward_domain::provider::Provider;
use keyward_domain::rules::is_reserved_header;

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

/// The request's head for the upstream, without the key.
pub fn for_upstream(given: &HeaderMap, provider: &Provider, of_rule: &[String]) -> HeaderMap {
    let hop_by_hop = named_by_connection(given);
    let names = TO_UPSTREAM.into_iter().chain(provider.request_headers.iter().chain(of_rule).map(String::as_str));
    let names = names.filter(|name| !is_reserved_header(name) && !hop_by_hop.iter().any(|hop| hop == name));
    let mut headers = copied(given, names);
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
    let hop_by_hop = named_by_connection(given);
    let names = TO_CLIENT.into_iter().chain(provider.response_headers.iter().map(String::as_str));
    copied(given, names.filter(|name| !hop_by_hop.iter().any(|hop| hop == name)))
}

pub fn content_length(headers: &HeaderMap) -> Option<u64> {
    headers.get(CONTENT_LENGTH)?.to_str().ok()?.parse().ok()
}

/// The media type without its parameters, lower case.
pub fn media_type(headers: &HeaderMap) -> Option<String> {
    let value = headers.get(http::header::CONTENT_TYPE)?.to_str().ok()?;
    Some(value.split(';').next().unwrap_or_default().trim().to_ascii_lowercase())
}

pub fn is_json(media_type: &str) -> bool {
    media_type == "application/json" || media_type.ends_with("+json")
}

fn copied<'a>(given: &HeaderMap, names: impl Iterator<Item = &'a str>) -> HeaderMap {
    let mut headers = HeaderMap::new();
    for name in names.filter_map(|name| HeaderName::try_from(name).ok()) {
        if !headers.contains_key(&name) {
            for value in given.get_all(&name) {
                headers.append(name.clone(), value.clone());
            }
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
    use keyward_domain::catalogue;

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
