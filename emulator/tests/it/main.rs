//! The real binary over real sockets.

mod credentials;
mod faults;
mod files;
mod harness;
mod providers;
mod seen;
mod streams;
mod threads;
mod tokens;
