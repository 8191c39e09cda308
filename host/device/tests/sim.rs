//! The Verilated machine behind the same driver, against the same ledger.
#![cfg(feature = "sim")]

mod common;

use common::steps::{any_step, drive, rounds};
use device::SimDevice;
use device::fault::NarrowDevice;
use device::sim::Build;
use proptest::prelude::*;

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(24) })]

    #[test]
    fn the_gateware_says_what_the_ledger_says(
        steps in prop::collection::vec(prop::collection::vec(any_step(), 0..24), 1..6),
        before_wrap in 0u32..64, seed in any::<u64>(), idle in 0u8..200, stall in 0u8..200,
    ) {
        let rounds = rounds(&steps);
        for lanes in [1, 2, 4] {
            let mut device = SimDevice::new(Build::Small, lanes, None).unwrap();
            let clocks = drive(&mut device, 0u32.wrapping_sub(before_wrap), &rounds)?;
            prop_assert!(clocks > 0);
            device.machine_mut().set_stalls(seed, idle, stall);
            drive(NarrowDevice::new(device, seed), 0, &rounds)?;
        }
    }
}
