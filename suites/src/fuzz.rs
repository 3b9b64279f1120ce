//! Fuzz targets: each takes any bytes, and panics where a promise does not hold. `fuzz/` drives them by libFuzzer,
//! `tests/smoke.rs` by a few thousand seeded mutations.

mod forms;
mod json;
mod jwks;
mod jwt;
mod mutate;
mod ownership;
mod path;
mod sse;

pub use mutate::Mutations;

pub struct Target {
    pub name: &'static str,
    pub run: fn(&[u8]),
    /// What a mutation begins with.
    pub seeds: fn() -> Vec<Vec<u8>>,
}

pub const TARGETS: [Target; 7] =
    [path::TARGET, sse::TARGET, jwt::TARGET, jwks::TARGET, ownership::TARGET, forms::TARGET, json::TARGET];

/// # Panics
/// Where the target's promise does not hold for these bytes, or there is no such target.
pub fn run(name: &str, bytes: &[u8]) {
    let target = TARGETS.iter().find(|target| target.name == name).expect("a target of this name");
    (target.run)(bytes);
}

/// The first byte, and the rest.
fn first(bytes: &[u8]) -> Option<(usize, &[u8])> {
    bytes.split_first().map(|(first, rest)| (usize::from(*first), rest))
}

fn owned(texts: &[&str]) -> Vec<Vec<u8>> {
    texts.iter().map(|text| text.as_bytes().to_vec()).collect()
}
