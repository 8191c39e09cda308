//! The Verilated machine behind the same driver, against the same ledger.
#![cfg(feature = "sim")]

mod common;

use common::steps::{any_step, drive, rounds};
use common::{Ledger, rules};
use device::fault::NarrowDevice;
use device::sim::Build;
use device::{Driver, DriverConfig, MarginDevice, SimDevice};
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

    /// Two flipped bits of a stored word are beyond repair, one is put right: neither changes a verdict.
    #[test]
    fn flipped_bits_change_no_verdict(
        steps in prop::collection::vec((prop::collection::vec(any_step(), 1..24), any::<(u8, u8, bool)>()), 1..12),
    ) {
        let (steps, flips): (Vec<_>, Vec<_>) = steps.into_iter().unzip();
        for lanes in [1, 2, 4] {
            let device = SimDevice::new(Build::Small, lanes, None).unwrap();
            let capacity = device.capacity();
            let mut driver = Driver::new(device, DriverConfig::default());
            driver.start(&rules()).unwrap();
            let mut ledger = Ledger::new(rules());
            // The first round lists, and has nothing to flip.
            for (round, flip) in rounds(&steps).iter().zip([None].into_iter().chain(flips.iter().map(Some))) {
                if let Some(&(lane, row, twice)) = flip {
                    let machine = driver.device_mut().machine_mut();
                    let (lane, bits) = (usize::from(lane) % lanes, if twice { &[3, 4][..] } else { &[3] });
                    machine.flip_account_bits(lane, usize::from(row) % capacity.accounts_per_lane, bits);
                    machine.flip_slot_bits(lane, usize::from(row) % capacity.slots_per_lane, bits);
                }
                let mut answer = driver.run_round(round).unwrap();
                answer.coverage.iter_mut().for_each(|coverage| coverage.clocks = 0);
                prop_assert_eq!((answer.verdicts, answer.coverage), ledger.round(round));
            }
        }
    }
}
