//! Tokens, key sets and caches, against issuers on real sockets and against published test vectors.

mod caching;
mod explaining;
mod fetching;
mod issuer_server;
mod key_cache;
mod refusals;
mod signer;
mod test_calls;
mod verification;
mod wycheproof;
