//! Plausible identifiers: a prefix and letters that are unique in this process. They are not secrets.

use std::sync::{
    OnceLock,
    atomic::{AtomicU64, Ordering},
};

const ALPHABET: &[u8; 62] = b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";
const LOWERCASE: &[u8; 36] = b"0123456789abcdefghijklmnopqrstuvwxyz";

static COUNTER: AtomicU64 = AtomicU64::new(0);
static SEED: OnceLock<u64> = OnceLock::new();

/// `{prefix}` and 24 letters and digits.
pub fn id(prefix: &str) -> String {
    let mut text = String::with_capacity(prefix.len() + 24);
    text.push_str(prefix);
    append(&mut text, 24, ALPHABET);
    text
}

/// Twelve lowercase letters and digits, as Gemini names its files.
pub fn short_id() -> String {
    let mut text = String::with_capacity(12);
    append(&mut text, 12, LOWERCASE);
    text
}

fn append(text: &mut String, letters: usize, alphabet: &[u8]) {
    let base = alphabet.len() as u64;
    let number = COUNTER.fetch_add(1, Ordering::Relaxed);
    let mut state = seed().wrapping_add(number.wrapping_mul(0x9E37_79B9_7F4A_7C15));
    for position in 0..letters {
        // A 64-bit word holds ten letters; then a new one is mixed.
        if position % 10 == 0 {
            state = mix(state);
        }
        let word = state / base.pow((position % 10) as u32);
        text.push(char::from(alphabet[(word % base) as usize]));
    }
}

fn seed() -> u64 {
    *SEED.get_or_init(|| {
        let mut bytes = [0_u8; 8];
        // Ids repeat between two runs when the system has no randomness; nothing depends on it.
        let filled = aws_lc_rs::rand::fill(&mut bytes).is_ok();
        if filled { u64::from_le_bytes(bytes) } else { u64::from(std::process::id()) }
    })
}

/// The finalizer of splitmix64: a bijection, so different counters give different words.
pub fn mix(state: u64) -> u64 {
    let mut z = state.wrapping_add(0x9E37_79B9_7F4A_7C15);
    z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
    z ^ (z >> 31)
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    #[test]
    fn ids_differ_and_have_the_right_shape() {
        let ids: HashSet<String> = (0..10_000).map(|_| id("file-")).collect();
        assert_eq!(ids.len(), 10_000);
        assert!(ids.iter().all(|id| id.len() == 29 && id.starts_with("file-")));
        let short: HashSet<String> = (0..10_000).map(|_| short_id()).collect();
        assert_eq!(short.len(), 10_000);
    }
}
