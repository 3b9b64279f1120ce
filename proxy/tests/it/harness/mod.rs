//! One world per test: a fresh database, an emulator, an edge, and proxies that connect them.

mod answer;
mod cable;
mod frames;
mod keys;
pub mod process;
mod raw;
mod seed;
mod socket;
mod world;

pub use answer::Answer;
pub use cable::Cable;
pub use frames::{Frame, Frames, field};
pub use process::{EdgeProcess, Folder, ended_with};
pub use raw::raw_call;
pub use seed::{KEK, MORE_KEYS, PROVIDER_KEY, Seed, Seeded, limit};
pub use socket::{Ended, Socket};
pub use world::{World, eventually, http2_client, redis_url, through};
