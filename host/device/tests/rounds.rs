//! The driver over the CPU device against a ledger that recomputes everything, for any updates, lanes and queue widths.

mod common;

use common::*;
use device::fault::NarrowDevice;
use device::{CpuDevice, Driver, DriverConfig, MarginDevice};
use engine::event::{AccountId, Update};
use proptest::prelude::*;

#[derive(Clone, Debug)]
enum Step {
    Mark {
        instrument: u16,
        price: u64,
    },
    Cash {
        account: u64,
        delta: i64,
    },
    Trade {
        account: u64,
        instrument: u16,
        size: i64,
        cash: i64,
    },
    /// Size 0, whether anything is held or not.
    Close {
        account: u64,
        instrument: u16,
        cash: i64,
    },
    /// Two legs and a fee of one event; only the last compares.
    Spread {
        account: u64,
        instruments: (u16, u16),
        sizes: (i64, i64),
        cash: i64,
    },
    /// Close one and open another, held in between.
    Roll {
        account: u64,
        instruments: (u16, u16),
        size: i64,
        cash: i64,
    },
}

fn any_step() -> impl Strategy<Value = Step> {
    let account = 0..ACCOUNTS;
    let instrument = 0..INSTRUMENTS;
    let size_max = (1i64 << SIZE_BITS) - 1;
    let size = prop_oneof![-size_max..=size_max, Just(size_max), Just(-size_max), Just(0)];
    let cash = prop_oneof![-3_000_000i64..6_000_000, Just(0)];
    let price = prop_oneof![1u64..1 << PRICE_BITS, Just((1 << PRICE_BITS) - 1), Just(0)];
    let pair = (instrument.clone(), instrument.clone());
    prop_oneof![
        3 => (instrument.clone(), price).prop_map(|(instrument, price)| Step::Mark { instrument, price }),
        2 => (account.clone(), cash.clone()).prop_map(|(account, delta)| Step::Cash { account, delta }),
        4 => (account.clone(), instrument.clone(), size.clone(), cash.clone())
            .prop_map(|(account, instrument, size, cash)| Step::Trade { account, instrument, size, cash }),
        2 => (account.clone(), instrument, cash.clone())
            .prop_map(|(account, instrument, cash)| Step::Close { account, instrument, cash }),
        1 => (account.clone(), pair.clone(), (size.clone(), size.clone()), cash.clone())
            .prop_map(|(account, instruments, sizes, cash)| Step::Spread { account, instruments, sizes, cash }),
        1 => (account, pair, size, cash)
            .prop_map(|(account, instruments, size, cash)| Step::Roll { account, instruments, size, cash }),
    ]
}

fn updates(step: &Step, sequence: u64) -> Vec<Update> {
    match *step {
        Step::Mark { instrument, price } => vec![mark(sequence, instrument, price)],
        Step::Cash { account, delta } => vec![cash(sequence, account, delta)],
        Step::Trade { account, instrument, size, cash } => {
            vec![position(sequence, account, instrument, size, cash)]
        }
        Step::Close { account, instrument, cash } => vec![position(sequence, account, instrument, 0, cash)],
        Step::Spread { account, instruments, sizes, cash: fee } => vec![
            held(position(sequence, account, instruments.0, sizes.0, 0)),
            held(position(sequence, account, instruments.1, sizes.1, 0)),
            cash(sequence, account, fee),
        ],
        Step::Roll { account, instruments, size, cash } => vec![
            held(position(sequence, account, instruments.0, 0, cash)),
            position(sequence, account, instruments.1, size, -cash),
        ],
    }
}

/// The listings as a first round, then the steps in rounds of their lengths. Event sequences have gaps of none but repeat within an event.
fn rounds(steps: &[Vec<Step>]) -> Vec<Vec<Update>> {
    let mut sequence = 7;
    let mut rounds = vec![(0..INSTRUMENTS).map(|instrument| list(instrument.into(), instrument)).collect()];
    for steps in steps {
        let mut round = Vec::new();
        for step in steps {
            round.extend(updates(step, sequence));
            sequence += 1;
        }
        rounds.push(round);
    }
    rounds
}

fn drive<D: MarginDevice>(
    device: D,
    first_sequence: u32,
    rounds: &[Vec<Update>],
) -> Result<(), TestCaseError> {
    let mut driver = Driver::new(device, DriverConfig { first_sequence, ..DriverConfig::default() });
    driver.start(&rules()).unwrap();
    let mut ledger = Ledger::new(rules());
    for round in rounds {
        let answer = driver.run_round(round).unwrap();
        let (verdicts, coverage) = ledger.round(round);
        prop_assert_eq!(&answer.verdicts, &verdicts);
        prop_assert_eq!(&answer.coverage, &coverage);
        // Twice each: nothing about a read-back is used up.
        let accounts: Vec<AccountId> =
            ledger.accounts.keys().chain(ledger.accounts.keys()).copied().collect();
        let mut differing = Vec::new();
        let compared = driver.read_back(&accounts, |id, severity, equity, requirement| {
            let account = &ledger.accounts[&id];
            if (severity, (equity, requirement)) != (account.severity, ledger.word(account)) {
                differing.push(id);
            }
        });
        prop_assert_eq!(compared.unwrap(), accounts.len() as u64);
        prop_assert_eq!(differing, vec![]);
    }
    Ok(())
}

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
            drive(cpu.clone(), 0, &rounds)?;
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
        let compared = driver.read_back(&accounts, |account, severity, equity, requirement| {
            let expected = if account == id(0) { (0, 50_000) } else { (4, -10_000) };
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
