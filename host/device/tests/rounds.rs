//! The driver over the CPU device against a ledger that recomputes everything, for any updates, lanes and queue widths.

mod common;

use common::steps::{any_step, drive, rounds};
use common::*;
use device::fault::NarrowDevice;
use device::{CpuDevice, Driver, DriverConfig, MarginDevice};
use engine::event::{AccountId, Flag};
use engine::rules::Rules;
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

/// Severities spelled out: each line to the unit, above and below what the account holds.
#[test]
fn an_offset_moves_the_lines_to_the_unit() {
    let [warned, liquidatable, takeover] = [512u32, 256, 128];
    let offset_max = (1i128 << 86) - 1;
    for equality in [false, true] {
        let mut driver = Driver::new(CpuDevice::new(capacity(2)), DriverConfig::default());
        driver.start(&Rules { rungs: [warned, liquidatable, takeover], equality, ..rules() }).unwrap();
        // One lot at 100 with 1,000 of cash: E is 1,100 quanta and R half a quantum, over 10,000.
        let (equity, requirement) = (11_000_000, 5_000);
        let setup = [list(0, 0), mark(1, 0, 100), position(2, 0, 0, 1, 0), cash(3, 0, 1_000)];
        assert_eq!(driver.run_round(&setup).unwrap().verdicts, vec![]);
        let mut severity = |value: i128| {
            let answer = driver.run_round(&[offset(4, 0, value)]).unwrap();
            let words = |flag: &Flag| (flag.sequence, flag.equity, flag.requirement);
            assert!(answer.verdicts.iter().all(|flag| words(flag) == (4, equity, requirement)));
            driver.severity(id(0))
        };
        for (rung, above, below) in [(warned, 0, 1), (liquidatable, 1, 2), (takeover, 2, 3)] {
            let line = 256 * equity / i128::from(rung) - requirement;
            let on = if equality { below } else { above };
            let found = [-1, 0, 1, 0, -1].map(|beyond| severity(line + beyond));
            assert_eq!(found, [above, on, below, on, above], "rung {rung}, equality {equality}");
        }
        assert_eq!((severity(offset_max), severity(-offset_max)), (3, 0));
        // No credit covers a loss, and none makes a requirement of less than nothing.
        let lost = driver.run_round(&[cash(5, 0, -1_101), offset(6, 0, -offset_max)]).unwrap();
        assert_eq!((lost.verdicts.len(), driver.severity(id(0))), (1, 4));
        driver.run_round(&[cash(7, 0, 1)]).unwrap();
        assert_eq!(driver.severity(id(0)), 0, "E of 0 owes R' of 0");
        driver.run_round(&[offset(8, 0, 1 - requirement)]).unwrap();
        assert_eq!(driver.severity(id(0)), 3, "and not R' of 1");
    }
}

#[test]
fn a_start_forgets_everything() {
    let mut driver = Driver::new(CpuDevice::new(capacity(2)), DriverConfig::default());
    for _ in 0..3 {
        driver.start(&rules()).unwrap();
        assert_eq!(driver.severity(id(0)), 0);
        assert_eq!(
            driver.run_round(&[cash(0, 1, 1)]).unwrap().verdicts,
            vec![],
            "an offset of an earlier start is gone"
        );
        let round =
            [list(0, 0), mark(1, 0, 100), cash(2, 0, -1), position(3, 0, 0, 1, -100), offset(4, 1, 10_001)];
        let answer = driver.run_round(&round).unwrap();
        assert_eq!(answer.verdicts.len(), 2);
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

#[test]
#[should_panic(expected = "held but never compared")]
fn so_is_an_offset_that_is_held() {
    let mut driver = Driver::new(CpuDevice::new(capacity(1)), DriverConfig::default());
    driver.start(&rules()).unwrap();
    let _ = driver.run_round(&[offset(0, 1, 1), held(offset(1, 1, 2)), offset(2, 2, 1)]);
}
