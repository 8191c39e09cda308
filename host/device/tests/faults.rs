//! Every fault is caught: by the driver where it breaks the protocol, by the audit where only a number is wrong.

mod common;

use common::*;
use device::fault::{Fault, FaultyDevice};
use device::{CpuDevice, DeviceError, Driver, DriverConfig, MarginDevice};
use engine::event::{AccountId, Update};

/// Rounds with flags from updates and from sweeps in both directions, closings and reopenings.
fn rounds() -> Vec<Vec<Update>> {
    let mut sequence = 0;
    let mut next = || {
        sequence += 1;
        sequence
    };
    let mut rounds = vec![(0..INSTRUMENTS).map(|i| list(next(), i)).collect::<Vec<_>>()];
    rounds.push((0..INSTRUMENTS).map(|i| mark(next(), i, 1_000)).collect());
    rounds.push((0..ACCOUNTS).map(|a| cash(next(), a, 20_000 + 5_000 * a as i64)).collect());
    for wave in 0..4i64 {
        let size = |a: u64| (100 + 13 * a as i64 + 29 * wave) * if a.is_multiple_of(3) { -1 } else { 1 };
        rounds.push(
            (0..ACCOUNTS)
                .map(|a| position(next(), a, a as u16 % INSTRUMENTS, size(a), -1_000 * size(a)))
                .collect(),
        );
        for price in [1_000, 700, 1_400, 1_000 + 50 * wave as u64] {
            rounds.push((0..INSTRUMENTS).map(|i| mark(next(), i, price)).collect());
        }
        rounds.push(
            (0..ACCOUNTS)
                .map(|a| cash(next(), a, if a.is_multiple_of(2) { -90_000 } else { 120_000 }))
                .collect(),
        );
        rounds.push((0..ACCOUNTS).map(|a| position(next(), a, a as u16 % INSTRUMENTS, 0, 1_000)).collect());
    }
    rounds
}

#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Caught {
    /// The fault never found its record.
    NotStruck,
    /// By the driver: the device is lost.
    Driver,
    /// By a word or a verdict that is not the ledger's.
    Audit,
}

fn run(fault: Fault, seed: u64, lanes: usize) -> Caught {
    let device = FaultyDevice::new(CpuDevice::new(capacity(lanes)), fault, seed, 60);
    let mut driver = Driver::new(device, DriverConfig { polls_max: 1_000, ..DriverConfig::default() });
    let mut ledger = Ledger::new(rules());
    let mut outcome = driver.start(&rules());
    let mut audit_differs = false;
    for round in rounds() {
        if outcome.is_err() || audit_differs {
            break;
        }
        let expected = ledger.round(&round);
        outcome = driver.run_round(&round).and_then(|answer| {
            audit_differs |= (answer.verdicts, answer.coverage) != expected;
            let accounts: Vec<AccountId> = ledger.accounts.keys().copied().collect();
            driver.read_back(&accounts, |place, severity, equity, requirement| {
                let account = &ledger.accounts[&accounts[place]];
                audit_differs |=
                    (severity, (equity, requirement)) != (account.severity, ledger.word(account));
            })?;
            Ok(())
        });
    }
    assert_eq!(outcome.is_err() || audit_differs, driver.device().has_struck(), "{fault:?}, seed {seed}");
    if let Err(error) = &outcome {
        assert!(!error.is_refusal(), "{error}");
        assert!(
            matches!(driver.run_round(&[]), Err(DeviceError::NotStarted { .. })),
            "a lost device stays lost"
        );
        if fault != Fault::Stuck {
            driver.start(&rules()).expect("a start brings a device back that is sound again");
        }
        return Caught::Driver;
    }
    if audit_differs { Caught::Audit } else { Caught::NotStruck }
}

#[test]
fn no_fault_goes_unseen() {
    let audited = [Fault::EquityBit, Fault::RequirementBit, Fault::CashBit];
    for fault in Fault::ALL {
        let mut caught = Vec::new();
        for seed in 0..40 {
            caught.push(run(fault, seed, [1, 2, 4][seed as usize % 3]));
        }
        let count = |what| caught.iter().filter(|&&by| by == what).count();
        println!("{fault:?}: driver {}, audit {}", count(Caught::Driver), count(Caught::Audit));
        assert_eq!(count(Caught::NotStruck), 0, "{fault:?} has records to strike");
        if audited.contains(&fault) {
            assert!(count(Caught::Audit) > 0, "{fault:?} is a matter of numbers");
        } else {
            assert_eq!(count(Caught::Audit), 0, "{fault:?} breaks the protocol");
        }
    }
}

#[test]
fn a_device_that_says_nothing_is_given_up_after_the_stated_polls() {
    let device = FaultyDevice::new(CpuDevice::new(capacity(1)), Fault::Stuck, 0, 1);
    let mut driver = Driver::new(device, DriverConfig { polls_max: 77, ..DriverConfig::default() });
    let error = driver.start(&rules()).unwrap_err();
    assert!(
        matches!(error, DeviceError::Stuck { operation: "start", polls: 77, taken: 0, total: 7 }),
        "{error:?}"
    );
}

/// A build of other record tables, or one that claims more than it has.
struct Impostor(CpuDevice, u64, usize);

impl MarginDevice for Impostor {
    fn identity(&self) -> device::Identity {
        device::Identity { abi_hash: self.1, ..self.0.identity() }
    }

    fn capacity(&self) -> model::machine::Capacity {
        model::machine::Capacity { accounts_per_lane: self.2, ..self.0.capacity() }
    }

    fn reset(&mut self) {
        self.0.reset();
    }

    fn submit(&mut self, records: &[model::record::Record]) -> usize {
        assert_eq!(self.1, model::record::ABI_HASH, "nothing is written to a device of another ABI");
        self.0.submit(records)
    }

    fn poll(&mut self, answers: &mut [model::record::Record]) -> usize {
        self.0.poll(answers)
    }

    fn clocks(&self) -> u64 {
        0
    }
}

#[test]
fn a_start_sees_through_an_impostor() {
    let start = |abi_hash, accounts| {
        let impostor = Impostor(CpuDevice::new(capacity(2)), abi_hash, accounts);
        Driver::new(impostor, DriverConfig::default()).start(&rules())
    };
    let has = capacity(2).accounts_per_lane;
    start(model::record::ABI_HASH, has).unwrap();
    assert!(matches!(start(1, has), Err(DeviceError::AbiMismatch { found: 1, .. })));
    let error = start(model::record::ABI_HASH, has + 1).unwrap_err().to_string();
    assert!(error.contains("8 holders") && error.contains("9 holders"), "{error}");
}
