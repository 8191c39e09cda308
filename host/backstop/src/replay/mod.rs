//! The main job: a feed's rounds through engine and device, journaled, and the same journal verified and explained.

pub mod audit;
mod compare;
mod drill;
pub mod explain;
pub mod journaled;
mod output;
pub mod patrol;
pub mod rounds;
mod run;
pub mod session;
pub mod verify;

pub(crate) use run::FUND;
pub use run::{LANES, Options, Outcome, Request, Source, VenueOptions, replay};

/// The hash that is printed: an only episode's own, or blake3 over the episodes' hashes in order.
pub fn combined_hash(hashes: &[[u8; 32]]) -> [u8; 32] {
    match hashes {
        [only] => *only,
        _ => blake3::hash(hashes.as_flattened()).into(),
    }
}
