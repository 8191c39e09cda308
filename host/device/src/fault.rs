//! Devices that misbehave on purpose: seeded faults and narrow queues over any device, for tests and drills.

mod decaying;
mod faulty;
mod kind;
mod narrow;

pub use decaying::DecayingDevice;
pub use faulty::FaultyDevice;
pub use kind::Fault;
pub use narrow::NarrowDevice;

/// splitmix64.
#[derive(Clone, Debug)]
pub(crate) struct Random(pub u64);

impl Random {
    pub fn below(&mut self, bound: u32) -> u32 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ mixed >> 30).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ mixed >> 27).wrapping_mul(0x94d0_49bb_1331_11eb);
        ((mixed ^ mixed >> 31) % u64::from(bound)) as u32
    }
}
