//! Tokens, key sets and caches, against issuers on real sockets.

mod caching;
mod explaining;
mod fetching;
mod issuer_server;
mod key_cache;
mod refusals;
mod signer;
mod test_calls;
mod verification;
