//! The keys of a proxy, and its users' own, as the dashboard shows them.

use serde::{Deserialize, Serialize};
use time::OffsetDateTime;

use crate::ids::KeyId;
use crate::secret::KeyHint;

/// One of the keys among which a proxy's calls are shared out.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PoolKeyView {
    pub id: KeyId,
    pub label: String,
    pub hint: KeyHint,
    /// 0 for a key that serves nothing.
    pub weight: u32,
    pub created_at: OffsetDateTime,
    pub last_refusal: Option<KeyRefusalView>,
}

/// The provider turned the key away.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct KeyRefusalView {
    pub at: OffsetDateTime,
    pub status: u16,
}

/// Never stored as it is.
#[derive(Clone, Serialize, Deserialize)]
pub struct NewPoolKeyForm {
    pub key: String,
    pub settings: PoolKeyForm,
    pub current_password: String,
}

impl std::fmt::Debug for NewPoolKeyForm {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("NewPoolKeyForm(…)")
    }
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PoolKeyForm {
    pub label: String,
    pub weight: u32,
}

/// How many of a proxy's users have brought keys of their own.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ByokView {
    pub live_keys: u64,
    pub owners: u64,
}
