//! The dashboard: pages and the server functions behind them.
//!
//! Owns what a developer sees and which `control` function a form calls. Must not know SQL, sealing or the network;
//! decides nothing: rules of the product are in `domain` and `control`.

#![expect(clippy::needless_pass_by_value, reason = "a component owns its properties; the macro takes them by value")]

#[cfg(all(feature = "ssr", feature = "hydrate"))]
compile_error!("build keyward-app either for the server (ssr) or for the browser (hydrate), never for both");

pub mod account;
pub mod account_members;
pub mod accounts;
pub mod app_check;
pub mod app_users;
pub mod apps;
pub mod billing;
pub mod bodies;
#[cfg(feature = "ssr")]
pub mod context;
pub mod deployment;
pub mod error;
#[cfg(feature = "ssr")]
mod flash;
pub mod invitations;
pub mod ip_rules;
pub mod issuers;
pub mod keys;
pub mod landing;
mod layout;
pub mod limits;
pub mod members;
pub mod plans;
pub mod prices;
pub mod proxies;
pub mod purchases;
mod routes;
#[cfg(feature = "ssr")]
mod shell;
mod stored;
pub mod theme;
pub mod ui;
pub mod usage;

pub use routes::App;
#[cfg(feature = "ssr")]
pub use shell::shell;
