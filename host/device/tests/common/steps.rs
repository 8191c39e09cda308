//! Any updates an engine might send, and the run that holds a device against the ledger.

use device::{Driver, DriverConfig, MarginDevice};
use engine::event::{AccountId, Update};
use proptest::prelude::*;

use super::*;

#[derive(Clone, Debug)]
pub enum Step {
    Mark {
        instrument: u16,
        price: u64,
    },
    /// Of an instrument whose weights are the scale.
    Funding {
        instrument: u16,
        delta: i64,
    },
    /// The brackets of another instrument.
    Brackets {
        instrument: u16,
        of: u16,
    },
    Cash {
        account: u64,
        delta: i64,
    },
    Offset {
        account: u64,
        value: i128,
    },
    Trade {
        account: u64,
        instrument: u16,
        size: i64,
        cash: i64,
    },
    /// A trade and its offset of one event, in either order; the second compares.
    Hedge {
        account: u64,
        instrument: u16,
        size: i64,
        value: i128,
        is_first: bool,
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

pub fn any_step() -> impl Strategy<Value = Step> {
    let account = 0..ACCOUNTS;
    let instrument = 0..INSTRUMENTS;
    let size_max = (1i64 << SIZE_BITS) - 1;
    let size = prop_oneof![-size_max..=size_max, Just(size_max), Just(-size_max), Just(0)];
    let cash = prop_oneof![-3_000_000i64..6_000_000, Just(0)];
    let price = prop_oneof![1u64..1 << PRICE_BITS, Just((1 << PRICE_BITS) - 1), Just(0)];
    let delta_max = (1i64 << PRICE_BITS) - 1;
    let delta = prop_oneof![-9i64..9, -delta_max..=delta_max, Just(delta_max), Just(-delta_max)];
    let offset_max = (1i128 << 86) - 1;
    let value = prop_oneof![
        4 => -60_000_000_000i128..60_000_000_000,
        3 => -3_000_000_000_000i128..3_000_000_000_000,
        1 => prop::sample::select(vec![0, 1, -1, offset_max, -offset_max]),
    ];
    let pair = (instrument.clone(), instrument.clone());
    prop_oneof![
        3 => (instrument.clone(), price).prop_map(|(instrument, price)| Step::Mark { instrument, price }),
        1 => (prop::sample::select(vec![0u16, 2]), delta)
            .prop_map(|(instrument, delta)| Step::Funding { instrument, delta }),
        1 => pair.clone().prop_map(|(instrument, of)| Step::Brackets { instrument, of }),
        2 => (account.clone(), cash.clone()).prop_map(|(account, delta)| Step::Cash { account, delta }),
        2 => (account.clone(), value.clone()).prop_map(|(account, value)| Step::Offset { account, value }),
        2 => (account.clone(), instrument.clone(), size.clone(), value, any::<bool>()).prop_map(
            |(account, instrument, size, value, is_first)| Step::Hedge { account, instrument, size, value, is_first }
        ),
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
        Step::Funding { instrument, delta } => vec![funding(sequence, instrument, delta)],
        Step::Brackets { instrument, of } => vec![brackets(sequence, instrument, of)],
        Step::Cash { account, delta } => vec![cash(sequence, account, delta)],
        Step::Offset { account, value } => vec![offset(sequence, account, value)],
        Step::Hedge { account, instrument, size, value, is_first } => {
            let mut legs =
                [position(sequence, account, instrument, size, 0), offset(sequence, account, value)];
            legs.rotate_left(is_first.into());
            let [first, second] = legs;
            vec![held(first), second]
        }
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
pub fn rounds(steps: &[Vec<Step>]) -> Vec<Vec<Update>> {
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

/// Runs the rounds and the ledger side by side, reads everything back after each; gives the rounds' clocks.
pub fn drive<D: MarginDevice>(
    device: D,
    first_sequence: u32,
    rounds: &[Vec<Update>],
) -> Result<u64, TestCaseError> {
    let mut driver = Driver::new(device, DriverConfig { first_sequence, ..DriverConfig::default() });
    driver.start(&rules()).unwrap();
    let mut ledger = Ledger::new(rules());
    let mut clocks = 0;
    for round in rounds {
        let mut answer = driver.run_round(round).unwrap();
        clocks += answer.clocks;
        answer.coverage.iter_mut().for_each(|coverage| coverage.clocks = 0);
        let (verdicts, coverage) = ledger.round(round);
        prop_assert_eq!(&answer.verdicts, &verdicts);
        prop_assert_eq!(&answer.coverage, &coverage);
        // Twice each: nothing about a read-back is used up.
        let accounts: Vec<AccountId> =
            ledger.accounts.keys().chain(ledger.accounts.keys()).copied().collect();
        let mut differing = Vec::new();
        let compared = driver.read_back(&accounts, |place, severity, equity, requirement| {
            let account = &ledger.accounts[&accounts[place]];
            if (severity, (equity, requirement)) != (account.severity, ledger.word(account)) {
                differing.push(accounts[place]);
            }
        });
        prop_assert_eq!(compared.unwrap(), accounts.len() as u64);
        prop_assert_eq!(differing, vec![]);
    }
    Ok(clocks)
}
