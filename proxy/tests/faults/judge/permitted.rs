//! The provider saw only calls that the rules allow, each with the developer's key in one place and nothing of the
//! caller's. The emulator refuses what brings another credential with 400, and a wrong key with 401.

use crate::truth::Truth;

/// What the planted proxies allow and the traffic asks for.
const PERMITTED: [(&str, &str); 9] = [
    ("POST", "/openai/v1/chat/completions"),
    ("POST", "/anthropic/v1/messages"),
    ("POST", "/gemini/v1beta/models/"),
    ("POST", "/openai/v1/files"),
    ("GET", "/openai/v1/files"),
    ("GET", "/openai/v1/files/"),
    ("DELETE", "/openai/v1/files/"),
    ("GET", "/openai/v1/models"),
    // A WebSocket begins as one.
    ("GET", "/openai/v1/realtime"),
];

pub fn judge(truth: &Truth) -> Vec<String> {
    let wrongs = truth.values().filter_map(|seen| {
        let call = format!("{} {}", seen.method, seen.path);
        let fits = |&(method, path): &(&str, &str)| {
            seen.method == method && if path.ends_with('/') { seen.path.starts_with(path) } else { seen.path == path }
        };
        if !PERMITTED.iter().any(fits) {
            return Some(format!("the provider saw {call}, which no rule allows"));
        }
        if seen.keys != 1 {
            return Some(format!("the provider saw {call} with the key in {} fields", seen.keys));
        }
        matches!(seen.status, Some(400 | 403)).then(|| format!("the provider refused {call} with {:?}", seen.status))
    });
    wrongs.collect()
}

#[test]
fn what_no_rule_allows_and_a_second_key_are_named() {
    let seen = |method: &str, path: &str, keys, status| crate::truth::Seen {
        method: method.to_owned(),
        path: path.to_owned(),
        model: None,
        status: Some(status),
        finished: true,
        keys,
    };
    let judge = |seen| judge(&Truth::from([(1, seen)])).len();
    assert_eq!(judge(seen("GET", "/openai/v1/files", 1, 200)), 0);
    assert_eq!(judge(seen("GET", "/openai/v1/organization/users", 1, 200)), 1);
    assert_eq!(judge(seen("GET", "/openai/v1/files", 2, 200)), 1);
    assert_eq!(judge(seen("GET", "/openai/v1/files", 1, 400)), 1);
}
