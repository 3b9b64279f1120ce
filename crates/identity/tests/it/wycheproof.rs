//! Project Wycheproof's signature vectors through our own signature path.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use keyward_identity::SharedSecret;
use keyward_identity::jwk::KeySet;
use keyward_identity::jws::{Algorithm, CompactToken};
use serde::Deserialize;
use serde_json::{Value, json};

const FILES: [(&str, &str); 3] = [
    ("json_web_signature_test", include_str!("../vectors/json_web_signature_test.json")),
    ("json_web_key_test", include_str!("../vectors/json_web_key_test.json")),
    ("json_web_crypto_test", include_str!("../vectors/json_web_crypto_test.json")),
];

/// Marked invalid, but to the byte the token that test 357 marks valid: what made them invalid was lost in publishing.
const SAME_AS_VALID: [u32; 2] = [367, 370];
/// Marked valid although they hold a `?`, which is not base64url (RFC 7515, section 2); we refuse them.
const NOT_BASE64URL: [u32; 2] = [372, 373];

#[derive(Deserialize)]
struct File {
    #[serde(rename = "testGroups")]
    groups: Vec<Group>,
}

#[derive(Deserialize)]
struct Group {
    public: Option<Value>,
    private: Option<Value>,
    tests: Vec<Case>,
}

#[derive(Deserialize)]
struct Case {
    #[serde(rename = "tcId")]
    id: u32,
    comment: String,
    jws: String,
    result: String,
}

/// The keys of a group: public ones as an issuer publishes them, symmetric ones as shared secrets.
struct Keys {
    published: Option<KeySet>,
    secrets: Vec<(String, SharedSecret)>,
}

impl Keys {
    fn of(group: &Group) -> Self {
        let key = group.public.as_ref().or(group.private.as_ref()).expect("a key");
        let keys = key.get("keys").and_then(Value::as_array).cloned().unwrap_or_else(|| vec![key.clone()]);
        let published = KeySet::parse(json!({ "keys": keys }).to_string().as_bytes()).ok();
        Self { published, secrets: secrets(&keys) }
    }

    fn accept(&self, jws: &str) -> bool {
        let Ok(token) = CompactToken::parse(jws) else { return false };
        let Some(algorithm) = Algorithm::from_name(&token.algorithm) else { return false };
        match algorithm {
            Algorithm::Rs256 | Algorithm::Es256 => {
                let key = self.published.as_ref().and_then(|set| set.find(algorithm, token.kid.as_deref()));
                key.is_some_and(|key| key.verify(&token).is_ok())
            }
            // A linked secret has no name; in these vectors the name picks it.
            Algorithm::Hs256 => {
                let named: Vec<_> = self.secrets.iter().filter(|(kid, _)| Some(kid) == token.kid.as_ref()).collect();
                matches!(named[..], [(_, secret)] if secret.verification_key().verify(&token).is_ok())
            }
        }
    }
}

/// An issuer has either a secret or public keys, and a secret that can't be read can't be linked:
/// a set that mixes the two, or holds such a secret, is no configuration of ours.
fn secrets(keys: &[Value]) -> Vec<(String, SharedSecret)> {
    let read = |key: &Value| {
        let is_shared_secret = key["kty"] == "oct" && key["alg"] == "HS256";
        let bytes = is_shared_secret.then(|| URL_SAFE_NO_PAD.decode(key["k"].as_str()?).ok()).flatten()?;
        Some((key["kid"].as_str()?.to_owned(), SharedSecret::from_bytes(&bytes).ok()?))
    };
    keys.iter().map(read).collect::<Option<_>>().unwrap_or_default()
}

#[test]
fn agrees_with_wycheproof_on_every_applicable_signature() {
    let (mut accepted, mut refused) = (0, 0);
    for (name, text) in FILES {
        let file: File = serde_json::from_str(text).expect(name);
        for group in &file.groups {
            let keys = Keys::of(group);
            for case in &group.tests {
                let is_signature_file = name == "json_web_signature_test";
                if is_signature_file && SAME_AS_VALID.contains(&case.id) {
                    continue;
                }
                let is_exception = is_signature_file && NOT_BASE64URL.contains(&case.id);
                let is_valid = case.result == "valid" && !is_exception;
                assert_eq!(keys.accept(&case.jws), is_valid, "{name} {} {}: {}", case.id, case.comment, case.jws);
                if is_valid { accepted += 1 } else { refused += 1 }
            }
        }
    }
    println!("Wycheproof: {accepted} accepted, {refused} refused as they should be");
    assert!(accepted >= 20, "only {accepted} valid cases ran");
    assert!(refused >= 340, "only {refused} invalid cases ran");
}
