//! The driver over the CPU device against a ledger that recomputes everything, for any updates, lanes and queue widths.

mod common;

use common::steps::{any_step, drive, rounds};
use common::*;
use device::fault::NarrowDevice;
use device::{CpuDevice, Driver, DriverConfig, MarginDevice};
use engine::event::AccountId;
use proptest::prelude::*;

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(192) })]

    #[test]
    fn a_round_says_what_the_ledger_says(
        steps in prop::collection::vec(prop::collection::vec(any_step(), 0..24), 1..8),
        before_wrap in 0u32..64, seed in any::<u64>(), answers_max in 1usize..40,
    ) {
        let rounds = rounds(&steps);
        for lanes in [1, 2, 4] {
            let cpu = CpuDevice::with_answers_max(capacity(lanes), answers_max);
            prop_assert_eq!(drive(cpu.clone(), 0, &rounds)?, 0);
            // Numbers wrap within the run; queues that take and give next to nothing; any device behind a box.
            let narrow: Box<dyn MarginDevice> = Box::new(NarrowDevice::new(cpu, seed));
            drive(narrow, 0u32.wrapping_sub(before_wrap), &rounds)?;
        }
    }
}

#[test]
fn a_read_back_longer_than_every_queue_is_answered_in_full() {
    for lanes in [1, 2, 4] {
        // Hundreds of polls bring nothing, but never so many in a row.
        let device = NarrowDevice::new(CpuDevice::with_answers_max(capacity(lanes), 8), 1);
        let config =
            DriverConfig { first_sequence: u32::MAX - 1_000, polls_max: 50, ..DriverConfig::default() };
        let mut driver = Driver::new(device, config);
        driver.start(&rules()).unwrap();
        driver.run_round(&[cash(0, 0, 5), cash(1, 1, -1)]).unwrap();
        let accounts: Vec<AccountId> = (0..10_000).map(|i| id(i % 2)).collect();
        let (mut healthy, mut insolvent) = (0, 0);
        let compared = driver.read_back(&accounts, |place, severity, equity, requirement| {
            let expected = if place % 2 == 0 { (0, 50_000) } else { (4, -10_000) };
            assert_eq!(((severity, equity), requirement), (expected, 0));
            *(if severity == 0 { &mut healthy } else { &mut insolvent }) += 1;
        });
        assert_eq!((compared.unwrap(), healthy, insolvent), (10_000, 5_000, 5_000));
    }
}

#[test]
fn a_start_forgets_everything() {
    let mut driver = Driver::new(CpuDevice::new(capacity(2)), DriverConfig::default());
    for _ in 0..3 {
        driver.start(&rules()).unwrap();
        assert_eq!(driver.severity(id(0)), 0);
        let round = [list(0, 0), mark(1, 0, 100), cash(2, 0, -1), position(3, 0, 0, 1, -100)];
        let answer = driver.run_round(&round).unwrap();
        assert_eq!(answer.verdicts.len(), 1);
        assert_eq!(driver.severity(id(0)), 4);
    }
}

#[test]
#[should_panic(expected = "held but never compared")]
fn a_hold_left_over_is_a_bug_of_the_caller() {
    let mut driver = Driver::new(CpuDevice::new(capacity(1)), DriverConfig::default());
    driver.start(&rules()).unwrap();
    let _ = driver.run_round(&[cash(0, 1, 1), held(cash(1, 1, 1)), cash(2, 2, 1)]);
}
