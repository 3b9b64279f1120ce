//! argon2id with OWASP's parameters, at most two at a time, off the async threads.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, LazyLock};

use argon2::password_hash::{PasswordHash, PasswordHasher as _, PasswordVerifier, SaltString};
use argon2::{Algorithm, Argon2, Params, Version};
use tokio::sync::Semaphore;
use zeroize::Zeroizing;

use crate::ControlError;
use crate::tokens::random_bytes;

/// Each takes 19 MiB and a core.
const AT_A_TIME: usize = 2;
/// More than this would wait for seconds: better to be told so.
const WAITING: usize = 200;

/// A hash that no password has, with the parameters of the real ones: verifying against it costs the same.
static NOBODYS_HASH: LazyLock<String> = LazyLock::new(|| {
    let salt = SaltString::encode_b64(&[0; 16]).expect("16 bytes are a salt");
    // The password is random and forgotten; a machine without randomness refuses to hash anything else anyway.
    let nobodys = random_bytes::<32>().unwrap_or_default();
    argon2id().hash_password(&nobodys, &salt).expect("the parameters are right").to_string()
});

#[derive(Clone)]
pub(crate) struct PasswordHasher {
    slots: Arc<Semaphore>,
    queue: Arc<Semaphore>,
    runs: Arc<AtomicU64>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum PasswordMatch {
    Right,
    Wrong,
}

fn argon2id() -> Argon2<'static> {
    let params = Params::new(19 * 1024, 2, 1, None).expect("OWASP's parameters are within argon2's bounds");
    Argon2::new(Algorithm::Argon2id, Version::V0x13, params)
}

impl PasswordHasher {
    pub fn new() -> Self {
        // Now, or the first unknown address would take twice as long as the others.
        LazyLock::force(&NOBODYS_HASH);
        Self {
            slots: Arc::new(Semaphore::new(AT_A_TIME)),
            queue: Arc::new(Semaphore::new(WAITING)),
            runs: Arc::default(),
        }
    }

    /// Passwords hashed or verified so far.
    pub fn runs(&self) -> u64 {
        self.runs.load(Ordering::Relaxed)
    }

    pub async fn hash(&self, password: &str) -> Result<String, ControlError> {
        let password = Zeroizing::new(password.to_owned());
        let salt = SaltString::encode_b64(&random_bytes::<16>()?).expect("16 bytes are a salt");
        self.run(move || argon2id().hash_password(password.as_bytes(), &salt).map(|hash| hash.to_string()))
            .await?
            .map_err(|error| {
                tracing::error!(%error, "hashing a password failed");
                ControlError::Internal
            })
    }

    /// `None` is an address nobody has: the same work, and never right.
    pub async fn verify(&self, password: &str, stored: Option<String>) -> Result<PasswordMatch, ControlError> {
        let password = Zeroizing::new(password.to_owned());
        self.run(move || {
            let hash = stored.as_deref().unwrap_or(&NOBODYS_HASH);
            let parsed = PasswordHash::new(hash).map_err(|error| {
                tracing::error!(%error, "a stored password hash can't be read");
                ControlError::Internal
            })?;
            let matches = argon2id().verify_password(password.as_bytes(), &parsed).is_ok();
            Ok(if matches && stored.is_some() { PasswordMatch::Right } else { PasswordMatch::Wrong })
        })
        .await?
    }

    async fn run<T: Send + 'static>(&self, work: impl FnOnce() -> T + Send + 'static) -> Result<T, ControlError> {
        let Ok(_waiting) = self.queue.try_acquire() else {
            return Err(ControlError::TooManyAttempts { retry_after_secs: 5 });
        };
        let slot = Arc::clone(&self.slots).acquire_owned().await.map_err(|_| ControlError::Internal)?;
        self.runs.fetch_add(1, Ordering::Relaxed);
        let done = tokio::task::spawn_blocking(move || {
            // Held by the work itself, which goes on when the request that wanted it is gone.
            let _slot = slot;
            work()
        });
        done.await.map_err(|_| ControlError::Internal)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn only_the_right_password_matches() {
        let hasher = PasswordHasher::new();
        let hash = hasher.hash("correct horse").await.expect("hashes");
        assert!(hash.starts_with("$argon2id$v=19$m=19456,t=2,p=1$"), "{hash}");
        assert_eq!(hasher.verify("correct horse", Some(hash.clone())).await, Ok(PasswordMatch::Right));
        assert_eq!(hasher.verify("Correct horse", Some(hash)).await, Ok(PasswordMatch::Wrong));
        assert_eq!(hasher.verify("correct horse", None).await, Ok(PasswordMatch::Wrong));
    }

    #[test]
    fn nobodys_hash_costs_what_a_members_does() {
        assert!(NOBODYS_HASH.starts_with("$argon2id$v=19$m=19456,t=2,p=1$"));
    }
}
