//! The real binary over real sockets.

mod billing;
mod compatible;
mod credentials;
mod faults;
mod files;
mod harness;
mod native;
mod providers;
mod seen;
mod streams;
mod threads;
mod tokens;
