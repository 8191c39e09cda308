//! vfio-user: a PCI function at the other end of a socket, as QEMU and others speak it (protocol 0.1).
//!
//! [`UserVfio`] is the client, in which no request can hang; `server` (feature `sim`) serves one function to one client after another. Both are ours,
//! because of two faults that matter here and that the crate at hand has: a client that waits for ever, a server that a bad message stops.

mod channel;
mod client;
mod message;
#[cfg(feature = "sim")]
pub mod server;

pub use client::UserVfio;
