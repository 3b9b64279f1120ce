//! Who may touch which upstream object, decided from a provider's table (`OwnershipRule`), not by code per endpoint.
//!
//! Pure: says which ids a call names, creates, lists or forgets. Who owns them is the caller's to look up.

use serde::{Deserialize, Serialize};

mod demands;
mod list;
mod named;
mod pattern;
pub mod rule;
mod table;

pub use demands::{Demands, is_public};
pub use list::{ListItem, Rest, next_cursor, show, take_items};
pub(crate) use pattern::holds;
pub use table::OwnershipTable;

/// An object at the provider: `file`, `file-abc`.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ResourceRef {
    pub kind: String,
    pub id: String,
}
