//! What must hold after every fault, as functions of what was written down. Each names what is wrong; nothing means all
//! is well. They know neither processes nor time.

pub mod limits;
pub mod metering;
pub mod permitted;
pub mod sockets;
