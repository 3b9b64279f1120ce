//! Where a token may come: wherever a provider's own SDK puts its key. Whatever carried one is taken off the request.

use http::HeaderMap;
use http::header::{AUTHORIZATION, HeaderName, HeaderValue};
use keyward_domain::credentials::{APP_CHECK_HEADER, BYOK_HEADER, Carried, Credentials};
use keyward_domain::provider::KeyPlacement;
use keyward_domain::query::Query;
use keyward_domain::rejection::Rejection;

/// Anthropic, Gemini, ElevenLabs, Brave Search, Azure.
static HEADERS: [HeaderName; 5] = [
    HeaderName::from_static("x-api-key"),
    HeaderName::from_static("x-goog-api-key"),
    HeaderName::from_static("xi-api-key"),
    HeaderName::from_static("x-subscription-token"),
    HeaderName::from_static("api-key"),
];
static APP_CHECK: HeaderName = HeaderName::from_static(APP_CHECK_HEADER);
static BYOK: HeaderName = HeaderName::from_static(BYOK_HEADER);
/// Of `Authorization`: OpenAI and most others, Deepgram and Replicate, fal, DeepL.
const SCHEMES: [&str; 4] = ["bearer", "token", "key", "deepl-auth-key"];
/// Never passed on, whichever of them carried the token.
const QUERY_NAMES: [&str; 8] =
    ["key", "api_key", "api-key", "apikey", "access_token", "auth_token", "id_token", "authorization"];

/// Whether a query parameter of this name may hold a credential.
pub fn is_query_carrier(name: &str) -> bool {
    QUERY_NAMES.iter().any(|known| known.eq_ignore_ascii_case(name))
}

/// Takes every carrier off, and gives what they held.
pub fn take(headers: &mut HeaderMap, query: &mut Query, placement: &KeyPlacement) -> Result<Credentials, Rejection> {
    let own = match placement {
        KeyPlacement::Header { name, prefix } => Some((name.as_str(), prefix.as_str())),
        KeyPlacement::Bearer | KeyPlacement::Query { .. } => None,
    };
    let in_query = take_from_query(query, placement);
    let credentials = carried(headers, own, &in_query).credentials();
    for name in [&AUTHORIZATION, &APP_CHECK, &BYOK].into_iter().chain(&HEADERS) {
        headers.remove(name);
    }
    if let Some((name, _)) = own {
        headers.remove(name);
    }
    credentials
}

fn carried<'r>(headers: &'r HeaderMap, own: Option<(&str, &str)>, in_query: &'r [String]) -> Carried<'r> {
    let own_scheme = own.filter(|(name, _)| AUTHORIZATION == *name).map_or("", |(_, prefix)| prefix);
    let mut tokens: Vec<&str> = Vec::with_capacity(1);
    tokens.extend(headers.get_all(AUTHORIZATION).iter().filter_map(|value| with_scheme(value, own_scheme)));
    for name in &HEADERS {
        tokens.extend(texts(headers, name));
    }
    if let Some((name, prefix)) = own.filter(|(name, _)| AUTHORIZATION != *name) {
        let values = headers.get_all(name).iter().filter_map(|value| value.to_str().ok());
        tokens.extend(values.map(|text| text.strip_prefix(prefix).unwrap_or(text).trim()));
    }
    tokens.extend(in_query.iter().map(String::as_str));
    let (app_check, byok) = (texts(headers, &APP_CHECK).collect(), texts(headers, &BYOK).collect());
    Carried { tokens, app_check, byok }
}

fn take_from_query(query: &mut Query, placement: &KeyPlacement) -> Vec<String> {
    let own = match placement {
        KeyPlacement::Query { name } => Some(name.as_str()),
        KeyPlacement::Bearer | KeyPlacement::Header { .. } => None,
    };
    let mut found = Vec::new();
    for name in QUERY_NAMES.into_iter().chain(own) {
        let values = query.take(name);
        // In an address it is seen by every log on the way: only where the provider's SDK knows no other place.
        if own == Some(name) || (name == "key" && is_google(placement)) {
            found.extend(values);
        }
    }
    found
}

fn texts<'h>(headers: &'h HeaderMap, name: &HeaderName) -> impl Iterator<Item = &'h str> {
    headers.get_all(name).iter().filter_map(|value| value.to_str().ok()).map(str::trim)
}

fn is_google(placement: &KeyPlacement) -> bool {
    matches!(placement, KeyPlacement::Header { name, .. } if name == "x-goog-api-key")
}

/// `own` is what the developer's custom API writes before its key in this header, if it uses it.
fn with_scheme<'h>(value: &'h HeaderValue, own: &str) -> Option<&'h str> {
    let text = value.to_str().ok()?.trim();
    let own_start = text.get(..own.len()).filter(|start| !own.is_empty() && start.eq_ignore_ascii_case(own));
    if own_start.is_some() {
        return Some(text[own.len()..].trim());
    }
    let (scheme, rest) = text.split_once(' ').unwrap_or(("", text));
    let is_known = scheme.is_empty() || SCHEMES.iter().any(|known| known.eq_ignore_ascii_case(scheme));
    is_known.then(|| rest.trim())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn taken(headers: &[(&'static str, &str)], query: &str, placement: &KeyPlacement) -> Result<String, Rejection> {
        let mut map = HeaderMap::new();
        for (name, value) in headers {
            map.append(*name, HeaderValue::from_str(value).expect("a value"));
        }
        map.insert("x-other", HeaderValue::from_static("stays"));
        let mut query = Query::parse(query).expect("a query");
        let token = take(&mut map, &mut query, placement).map(|found| found.token.to_string());
        assert_eq!(map.keys().collect::<Vec<_>>(), ["x-other"], "every carrier is gone");
        assert!(!query.rebuild().contains("key"), "every carrier is gone");
        token
    }

    fn google() -> KeyPlacement {
        KeyPlacement::Header { name: "x-goog-api-key".to_owned(), prefix: String::new() }
    }

    fn authorization(prefix: &str) -> KeyPlacement {
        KeyPlacement::Header { name: "authorization".to_owned(), prefix: prefix.to_owned() }
    }

    #[test]
    fn a_token_is_taken_wherever_the_providers_sdk_puts_its_key() {
        let own = KeyPlacement::Header { name: "x-own".to_owned(), prefix: "Key ".to_owned() };
        let in_query = KeyPlacement::Query { name: "my_key".to_owned() };
        for (headers, query, placement) in [
            (vec![("authorization", "Bearer t")], "", &KeyPlacement::Bearer),
            (vec![("authorization", "bearer  t ")], "", &KeyPlacement::Bearer),
            (vec![("authorization", "Token t")], "", &KeyPlacement::Bearer),
            (vec![("authorization", "DeepL-Auth-Key t")], "", &KeyPlacement::Bearer),
            (vec![("authorization", "Key t")], "", &KeyPlacement::Bearer),
            (vec![("api-key", "t")], "", &KeyPlacement::Bearer),
            (vec![("x-api-key", "t")], "", &KeyPlacement::Bearer),
            (vec![("x-goog-api-key", "t")], "", &google()),
            (vec![("xi-api-key", "t")], "", &KeyPlacement::Bearer),
            (vec![("x-subscription-token", "t")], "", &KeyPlacement::Bearer),
            (vec![], "key=t&alt=sse", &google()),
            (vec![("x-own", "Key t")], "", &own),
            (vec![("x-own", "t")], "", &own),
            (vec![("authorization", "Key t")], "", &authorization("Key ")),
            (vec![("authorization", "key=t")], "", &authorization("Key=")),
            (vec![("authorization", "Bearer t")], "", &authorization("Key ")),
            (vec![("authorization", "t")], "", &authorization("")),
            (vec![], "my_key=t", &in_query),
            (vec![("authorization", "Bearer t"), ("x-api-key", "t")], "", &KeyPlacement::Bearer),
        ] {
            assert_eq!(taken(&headers, query, placement), Ok("t".to_owned()), "{headers:?} {query}");
        }
    }

    #[test]
    fn the_fields_beside_the_token_never_travel_on() {
        let headers = [("authorization", "Bearer t"), (APP_CHECK_HEADER, "a.b.c"), (BYOK_HEADER, "kwb_1_2")];
        assert_eq!(taken(&headers, "", &KeyPlacement::Bearer), Ok("t".to_owned()));
    }

    #[test]
    fn two_different_credentials_are_refused() {
        let two = [("authorization", "Bearer t"), ("x-api-key", "u")];
        assert_eq!(taken(&two, "", &KeyPlacement::Bearer), Err(Rejection::TokenConflict));
        let twice = [("authorization", "Bearer t"), ("authorization", "Bearer u")];
        assert_eq!(taken(&twice, "", &KeyPlacement::Bearer), Err(Rejection::TokenConflict));
        assert_eq!(taken(&[("x-goog-api-key", "t")], "key=u", &google()), Err(Rejection::TokenConflict));
    }

    #[test]
    fn a_token_in_the_address_counts_only_where_the_sdk_knows_no_other_place() {
        assert_eq!(taken(&[], "key=t&api_key=t", &KeyPlacement::Bearer), Err(Rejection::TokenMissing));
        assert_eq!(taken(&[("authorization", "Basic dTpw")], "", &KeyPlacement::Bearer), Err(Rejection::TokenMissing));
        assert_eq!(taken(&[("x-api-key", "")], "", &KeyPlacement::Bearer), Err(Rejection::TokenMissing));
    }
}
