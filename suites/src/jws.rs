//! Project Wycheproof's vectors for signed tokens and key sets, through our own signature path (see ../vectors/README.md).

use std::collections::HashMap;

use anyhow::Context;
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use keyward_identity::SharedSecret;
use keyward_identity::jwk::KeySet;
use keyward_identity::jws::{Algorithm, CompactToken, ParseTokenError};
use serde::Deserialize;
use serde_json::{Value, json};

use crate::outcome::Outcome;

const FILES: [(&str, &str); 3] = [
    ("json_web_signature_test", include_str!("../vectors/json_web_signature_test.json")),
    ("json_web_key_test", include_str!("../vectors/json_web_key_test.json")),
    ("json_web_crypto_test", include_str!("../vectors/json_web_crypto_test.json")),
];

/// Marked invalid, but to the byte a token that the same group, with the same key, marks valid: what made them invalid
/// was lost in publishing.
const SAME_AS_VALID: &str =
    "marked invalid, but byte for byte a token that its group marks valid under the same key: accepted";

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
    jws: Option<Value>,
    jwe: Option<Value>,
    result: String,
}

/// The keys of a group: public ones as an issuer publishes them, symmetric ones as shared secrets.
struct Keys {
    published: Option<KeySet>,
    secrets: Vec<(String, SharedSecret)>,
}

/// Why a token was not accepted.
enum Refusal {
    Form(ParseTokenError),
    Algorithm(String),
    /// None, or none that may be used for it.
    Key,
    Signature,
}

impl Refusal {
    /// A valid token may be refused for what it is, never for its signature.
    fn policy(&self) -> Option<String> {
        match self {
            Self::Form(error) => Some(format!("strict form: {error}")),
            Self::Algorithm(name) => Some(format!(
                "algorithm {name}: an issuer is pinned to RS256, ES256 or HS256, and no other is ever checked"
            )),
            Self::Key | Self::Signature => None,
        }
    }
}

impl Keys {
    fn of(group: &Group) -> anyhow::Result<Self> {
        let key = group.public.as_ref().or(group.private.as_ref()).context("a group without a key")?;
        let keys = key.get("keys").and_then(Value::as_array).cloned().unwrap_or_else(|| vec![key.clone()]);
        let published = KeySet::parse(json!({ "keys": keys }).to_string().as_bytes()).ok();
        Ok(Self { published, secrets: secrets(&keys) })
    }

    fn verify(&self, jws: &str) -> Result<(), Refusal> {
        let token = CompactToken::parse(jws).map_err(Refusal::Form)?;
        let Some(algorithm) = Algorithm::from_name(&token.algorithm) else {
            return Err(Refusal::Algorithm(token.algorithm));
        };
        match algorithm {
            Algorithm::Rs256 | Algorithm::Es256 => {
                let key = self.published.as_ref().and_then(|set| set.find(algorithm, token.kid.as_deref()));
                key.ok_or(Refusal::Key)?.verify(&token).map_err(|_| Refusal::Signature)
            }
            // A linked secret has no name; in these vectors the name picks it.
            Algorithm::Hs256 => {
                let named: Vec<_> = self.secrets.iter().filter(|(kid, _)| Some(kid) == token.kid.as_ref()).collect();
                let [(_, secret)] = named[..] else { return Err(Refusal::Key) };
                secret.verification_key().verify(&token).map_err(|_| Refusal::Signature)
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

pub fn run() -> anyhow::Result<Outcome> {
    let mut outcome = Outcome::default();
    for (name, text) in FILES {
        let file: File = serde_json::from_str(text).context(name)?;
        for group in &file.groups {
            run_group(name, group, &mut outcome)?;
        }
    }
    Ok(outcome)
}

fn run_group(file: &str, group: &Group, outcome: &mut Outcome) -> anyhow::Result<()> {
    let keys = Keys::of(group)?;
    let mut valid = HashMap::new();
    for case in &group.tests {
        outcome.vectors += 1;
        let named = format!("{file} {} {}", case.id, case.comment);
        // The JSON forms, and encrypted tokens, as what they would be in a header: a text that is no signed token.
        let token = case.jws.as_ref().or(case.jwe.as_ref()).context("a vector without a token")?;
        let token = token.as_str().map_or_else(|| token.to_string(), str::to_owned);
        match (case.result.as_str(), keys.verify(&token)) {
            ("valid", Ok(())) => {
                outcome.valid_accepted += 1;
                valid.insert(token, case.id);
            }
            ("valid", Err(refusal)) => match refusal.policy() {
                Some(reason) => outcome.differs_by_policy(&reason, named),
                None => outcome.failures.push(format!("{named}: valid, but refused")),
            },
            (_, Err(_)) => outcome.invalid_refused += 1,
            (_, Ok(())) => match valid.get(&token) {
                Some(twin) => outcome.differs_by_policy(SAME_AS_VALID, format!("{named} (is {twin})")),
                None => outcome.failures.push(format!("{named}: invalid, but accepted")),
            },
        }
    }
    Ok(())
}
