//! What must be nowhere but where it belongs: keys, users' tokens, what users say.

use std::path::PathBuf;

use memchr::memmem;

use crate::harness::{KEK, MORE_KEYS, PROVIDER_KEY};

/// In every prompt, and in every file.
pub const PROMPT: &str = "canary-of-a-prompt-7h1s-stays-between-us";
pub const CONTENT: &str = "canary-of-a-file-7h1s-stays-between-us";
/// How the head of every token of the emulator's begins.
const TOKEN: &str = "eyJhbGciOi";
const TOKEN_TYPE_FIRST: &str = "eyJ0eXAiOi";

/// What no client may be told.
pub fn in_reply(body: &[u8]) -> Option<&'static str> {
    let keys = [PROVIDER_KEY, MORE_KEYS[0], KEK].iter().any(|key| has(body, key.as_bytes()));
    let token = [TOKEN, TOKEN_TYPE_FIRST].iter().any(|token| has(body, token.as_bytes()));
    match (keys, token) {
        (true, _) => Some("a key"),
        (_, true) => Some("a token"),
        _ => None,
    }
}

/// What no edge may write, be it into its log, into Postgres or onto its disk.
pub fn in_writing(bytes: &[u8]) -> Option<&'static str> {
    let is_written = |secret: &str| {
        has(bytes, secret.as_bytes()) || has(bytes, hex::encode(secret).as_bytes()) || has(bytes, &hex_bytes(secret))
    };
    let secrets = [
        (PROVIDER_KEY, "a provider's key"),
        (KEK, "the key-encryption key"),
        (TOKEN, "a user's token"),
        (TOKEN_TYPE_FIRST, "a user's token"),
        (PROMPT, "what a user said"),
        (CONTENT, "a user's file"),
    ];
    secrets.into_iter().find(|(secret, _)| is_written(secret)).map(|(_, what)| what)
}

/// Files of a data folder that hold what they must not.
pub fn in_files(files: Vec<(PathBuf, Vec<u8>)>) -> Vec<String> {
    let leaking = files.into_iter().filter_map(|(path, bytes)| Some((path, in_writing(&bytes)?)));
    leaking.map(|(path, what)| format!("{} holds {what}", path.display())).collect()
}

/// What is a key in hexadecimal digits, as the bytes that it stands for; else something that is nowhere.
fn hex_bytes(secret: &str) -> Vec<u8> {
    hex::decode(secret).unwrap_or_else(|_| secret.as_bytes().to_vec())
}

fn has(bytes: &[u8], wanted: &[u8]) -> bool {
    memmem::find(bytes, wanted).is_some()
}

#[test]
fn a_secret_is_found_as_text_as_digits_and_as_bytes() {
    let texts = [format!("log: {PROVIDER_KEY}"), format!("\\x00{}", hex::encode(PROVIDER_KEY)), KEK.to_owned()];
    for text in &texts {
        assert!(in_writing(text.as_bytes()).is_some(), "{text}");
    }
    assert!(in_writing(&hex::decode(KEK).expect("digits")).is_some());
    assert_eq!(in_reply(PROVIDER_KEY.as_bytes()), Some("a key"));
    assert_eq!((in_reply(PROMPT.as_bytes()), in_writing(b"well")), (None, None));
}
