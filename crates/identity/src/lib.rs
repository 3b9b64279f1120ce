//! Who a token says the caller is: token format, key sets, signatures, the cache of verified tokens.
//! Which claims an issuer's token must carry is decided in `keyward_domain::issuer`.
//! Must not know proxies' rules, the database or HTTP requests of app users.

mod app_check;
mod explain;
mod fetch;
pub mod jwk;
pub mod jws;
mod key_set_entry;
mod key_sets;
mod linked;
mod rejection;
mod roca;
mod select;
pub mod test_call;
mod token_cache;
mod verify;

pub use app_check::{AppCheckFailure, AppChecks};
pub use fetch::{Discovery, FetchError};
pub use key_sets::{KeySetSummary, KeySets, Uptime};
pub use linked::{LinkedIssuer, SharedSecret, SharedSecretError};
pub use rejection::TokenRejection;
pub use token_cache::TokenCache;
pub use verify::VerifiedToken;
