//! What `make suites` runs against the crates of the workspace, and what its small part in `make test` runs too.
//! Owns vectors, oracles, fuzz targets and a seeded edge to attack; must not hold a rule of the product.

#[cfg(feature = "vectors")]
pub mod aes_gcm;
pub mod fuzz;
pub mod jws;
pub mod outcome;
#[cfg(feature = "vectors")]
pub mod stand;
