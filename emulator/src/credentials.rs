//! Proves that the provider key arrived in its place, once, and that no credential of the caller came with it.
//! Knows nothing of routes and bodies.

use axum::extract::Query;
use base64::{Engine, prelude::BASE64_STANDARD};
use http::{HeaderMap, HeaderName, HeaderValue, StatusCode, Uri, header, request::Parts};

use crate::{
    failure::Failure,
    provider::{KeyPlace, Provider},
};

/// Headers in which some API takes a credential.
const CARRIER_HEADERS: [&str; 15] = [
    "api-key",
    "apikey",
    "authorization",
    "cookie",
    "proxy-authorization",
    "x-access-token",
    "x-api-key",
    "x-api-token",
    "x-auth-token",
    "x-firebase-appcheck",
    "x-goog-api-key",
    "x-goog-iam-authorization-token",
    "x-keyward-byok",
    "x-subscription-token",
    "xi-api-key",
];

/// Query parameters in which some API takes a credential.
const CARRIER_PARAMETERS: [&str; 9] =
    ["access_token", "api-key", "api_key", "apikey", "auth_token", "authorization", "id_token", "key", "token"];

/// Leaks are looked for first: a wrong key that is the caller's token must be named as what it is.
pub fn check(provider: Provider, parts: &Parts, key: &str) -> Result<(), Failure> {
    let query = query_pairs(&parts.uri);
    // A custom API may take its key as a query parameter, and then in no header.
    let (place, parameter) = match provider.key_place() {
        KeyPlace::Header(name, _) => (Some(name), None),
        KeyPlace::Query(name) => (None, Some(name)),
        KeyPlace::Anywhere => (custom_place(&parts.headers, key), None),
    };
    let mut holding = query.iter().filter(|(_, value)| value == key);
    let is_place = |name: &str| parameter.is_none_or(|wanted| wanted == name);
    let in_query =
        place.is_none() && holding.next().is_some_and(|(name, _)| is_place(name)) && holding.next().is_none();

    if let Some(leak) = leaked_header(&parts.headers, place.as_ref(), key) {
        return Err(leak_found(provider, &format!("header {leak}")));
    }
    if let Some(leak) = leaked_parameter(&query, key, in_query) {
        return Err(leak_found(provider, &format!("query parameter {leak}")));
    }
    if in_query {
        return Ok(());
    }
    let Some(value) = place.and_then(|place| parts.headers.get(place)) else {
        return Err(provider.failure(StatusCode::UNAUTHORIZED, "No API key was provided.").code("missing_api_key"));
    };
    if !holds_key(provider, value, key) {
        return Err(provider.failure(StatusCode::UNAUTHORIZED, "Incorrect API key provided.").code("invalid_api_key"));
    }
    Ok(())
}

fn leak_found(provider: Provider, place: &str) -> Failure {
    provider
        .invalid(format!("caller_credential_leaked: {place} carries a credential that is not the provider key"))
        .code("caller_credential_leaked")
}

/// The header that a custom API's key came in: any header that holds the key.
fn custom_place(headers: &HeaderMap, key: &str) -> Option<HeaderName> {
    headers.iter().find(|(_, value)| holds_key(Provider::Echo, value, key)).map(|(name, _)| name.clone())
}

fn holds_key(provider: Provider, value: &HeaderValue, key: &str) -> bool {
    let Ok(value) = value.to_str() else { return false };
    match provider.key_place() {
        KeyPlace::Header(_, prefix) => value.strip_prefix(prefix) == Some(key),
        KeyPlace::Query(_) => false,
        KeyPlace::Anywhere => {
            value == key
                || value.split_once(' ').is_some_and(|(scheme, rest)| {
                    rest == key || (scheme.eq_ignore_ascii_case("basic") && basic_holds(rest, key))
                })
        }
    }
}

fn basic_holds(encoded: &str, key: &str) -> bool {
    let Ok(decoded) = BASE64_STANDARD.decode(encoded) else { return false };
    let Ok(pair) = std::str::from_utf8(&decoded) else { return false };
    pair.split_once(':').is_some_and(|(name, password)| name == key || password == key)
}

fn leaked_header<'a>(headers: &'a HeaderMap, place: Option<&HeaderName>, key: &str) -> Option<&'a HeaderName> {
    let mut places = 0;
    headers.iter().find_map(|(name, value)| {
        if place == Some(name) {
            places += 1;
            return (places > 1 || holds_jwt(value.as_bytes())).then_some(name);
        }
        let leaked = CARRIER_HEADERS.binary_search(&name.as_str()).is_ok()
            || holds_jwt(value.as_bytes())
            || memchr::memmem::find(value.as_bytes(), key.as_bytes()).is_some();
        (leaked && name != header::HOST).then_some(name)
    })
}

fn leaked_parameter<'a>(query: &'a [(String, String)], key: &str, key_belongs_here: bool) -> Option<&'a str> {
    let leaked = query.iter().find(|(name, value)| {
        if key_belongs_here && value == key {
            return false;
        }
        let name = name.to_ascii_lowercase();
        CARRIER_PARAMETERS.binary_search(&name.as_str()).is_ok() || value.contains(key) || holds_jwt(value.as_bytes())
    });
    leaked.map(|(name, _)| name.as_str())
}

fn query_pairs(uri: &Uri) -> Vec<(String, String)> {
    if uri.query().is_none_or(str::is_empty) {
        return Vec::new();
    }
    Query::try_from_uri(uri).map(|Query(pairs)| pairs).unwrap_or_default()
}

/// Whether `text` contains `eyJ….….…`: three base64url parts, the last may be empty (an unsigned token).
pub fn holds_jwt(text: &[u8]) -> bool {
    let is_letter = |byte: &u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_');
    memchr::memmem::find_iter(text, b"eyJ").any(|start| {
        let mut parts = text[start..].splitn(3, |byte| *byte == b'.');
        let (Some(head), Some(claims), Some(_signature)) = (parts.next(), parts.next(), parts.next()) else {
            return false;
        };
        head.iter().all(is_letter) && !claims.is_empty() && claims.iter().all(is_letter)
    })
}

#[cfg(test)]
mod tests {
    use http::Request;

    use super::*;

    const KEY: &str = "emulator-provider-key-0000";
    const JWT: &str = "eyJhbGciOiJub25lIn0.eyJzdWIiOiJhIn0.";

    fn verdict(provider: Provider, target: &str, headers: &[(&str, &str)]) -> u16 {
        let request = headers.iter().fold(Request::get(target), |request, (name, value)| request.header(*name, *value));
        let (parts, ()) = request.body(()).unwrap().into_parts();
        match check(provider, &parts, KEY) {
            Ok(()) => 200,
            Err(failure) => axum::response::IntoResponse::into_response(failure).status().as_u16(),
        }
    }

    #[test]
    fn the_lists_are_sorted_for_the_search() {
        assert!(CARRIER_HEADERS.is_sorted());
        assert!(CARRIER_PARAMETERS.is_sorted());
    }

    #[test]
    fn accepts_the_key_in_its_place_only() {
        let bearer = format!("Bearer {KEY}");
        let doubled = [("x-api-key", KEY), ("x-api-key", KEY)];
        type Case<'a> = (Provider, &'a str, &'a [(&'a str, &'a str)], u16);
        let cases: [Case<'_>; 19] = [
            (Provider::OpenAi, "/", &[("authorization", &bearer)], 200),
            (Provider::OpenAi, "/", &[("authorization", "Bearer sk-wrong")], 401),
            (Provider::OpenAi, "/", &[("authorization", KEY)], 401),
            (Provider::OpenAi, "/", &[], 401),
            (Provider::OpenAi, "/", &[("x-api-key", KEY)], 400),
            (Provider::OpenAi, "/", &[("authorization", &bearer), ("cookie", "a=b")], 400),
            (Provider::OpenAi, "/", &[("authorization", &bearer), ("x-trace", JWT)], 400),
            (Provider::OpenAi, "/?key=a", &[("authorization", &bearer)], 400),
            (Provider::OpenAi, "/?trace=eyJhbGciOiJub25lIn0%2EeyJzdWIiOiJhIn0%2E", &[("authorization", &bearer)], 400),
            (Provider::OpenAi, "/?limit=5&after=file-1", &[("authorization", &bearer)], 200),
            (Provider::OpenAi, "/", &[("authorization", JWT)], 400),
            (Provider::Anthropic, "/", &[("x-api-key", KEY)], 200),
            (Provider::Anthropic, "/", &doubled, 400),
            (Provider::Anthropic, "/", &[("x-api-key", KEY), ("authorization", &bearer)], 400),
            (Provider::Gemini, "/", &[("x-goog-api-key", KEY)], 200),
            (Provider::Gemini, "/?key=emulator-provider-key-0000", &[("x-goog-api-key", KEY)], 400),
            (Provider::Echo, "/", &[("x-my-own-key", KEY)], 200),
            (Provider::Echo, "/?api_key=emulator-provider-key-0000", &[], 200),
            (Provider::Echo, "/", &[("authorization", "Token emulator-provider-key-0000")], 200),
        ];
        for (provider, target, headers, expected) in cases {
            assert_eq!(verdict(provider, target, headers), expected, "{provider:?} {target} {headers:?}");
        }
    }

    #[test]
    fn recognizes_tokens() {
        assert!(holds_jwt(format!("Bearer {JWT}").as_bytes()));
        assert!(!holds_jwt(b"eyJ is no token. Nor is this. Or this."));
        assert!(!holds_jwt(b"application/json"));
    }
}
