//! Key sets: no published text breaks the reader, and no key in one can be used for what it was not published for.

use keyward_identity::jwk::KeySet;
use keyward_identity::jws::{Algorithm, CompactToken};

use super::{Target, owned};

pub const TARGET: Target = Target {
    name: "jwks",
    run,
    seeds: || {
        let vectors: serde_json::Value =
            serde_json::from_str(include_str!("../../vectors/json_web_key_test.json")).expect("a valid file");
        let groups = vectors["testGroups"].as_array().cloned().unwrap_or_default();
        let sets = groups.iter().filter_map(|group| group.get("public").or(group.get("private")));
        let good: serde_json::Value =
            serde_json::from_str(include_str!("../../vectors/good_tokens.json")).expect("a valid file");
        let mut seeds: Vec<Vec<u8>> = sets.map(|set| set.to_string().into_bytes()).collect();
        seeds.push(good["jwks"].to_string().into_bytes());
        seeds.extend(owned(&[r#"{"keys":[]}"#, r#"{"keys":[{"kty":"EC","crv":"P-256","x":"","y":""}]}"#]));
        seeds
    },
};

/// Signatures of nobody, of the right sizes.
const FORGED: [&str; 2] = [
    concat!("eyJhbGciOiJSUzI1NiJ9.e30.", include_str!("../../vectors/forged_rs256.txt")),
    "eyJhbGciOiJFUzI1NiJ9.e30.AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAEAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAQ",
];

fn run(bytes: &[u8]) {
    let Ok(set) = KeySet::parse(bytes) else { return };
    assert!(!set.is_empty() && !set.algorithms().is_empty());
    for (algorithm, forged) in [Algorithm::Rs256, Algorithm::Es256].into_iter().zip(FORGED) {
        let token = CompactToken::parse(forged).expect("the form is right");
        if let Some(key) = set.find(algorithm, None) {
            assert!(key.verify(&token).is_err(), "a signature of nobody was accepted");
        }
    }
    assert!(set.find(Algorithm::Hs256, None).is_none(), "a published key became a shared secret");
}
