//! What a run over vectors found.

use serde::Serialize;

#[derive(Debug, Default, Serialize)]
pub struct Outcome {
    /// All vectors of the files.
    pub vectors: usize,
    pub valid_accepted: usize,
    pub invalid_refused: usize,
    /// Where we differ from the file on purpose.
    pub by_policy: Vec<ByPolicy>,
    /// Where we differ, and should not.
    pub failures: Vec<String>,
}

/// Vectors that have one reason in common.
#[derive(Debug, Serialize)]
pub struct ByPolicy {
    pub reason: String,
    pub vectors: Vec<String>,
}

impl Outcome {
    pub fn differs_by_policy(&mut self, reason: &str, vector: String) {
        match self.by_policy.iter_mut().find(|known| known.reason == reason) {
            Some(known) => known.vectors.push(vector),
            None => self.by_policy.push(ByPolicy { reason: reason.to_owned(), vectors: vec![vector] }),
        }
    }

    pub fn count_by_policy(&self) -> usize {
        self.by_policy.iter().map(|known| known.vectors.len()).sum()
    }
}
