//! A driver over a device with faults and the ledger beside it, and what is asked of the two after every round.

use device::fault::FaultyDevice;
use device::{CpuDevice, Driver, DriverConfig, MarginDevice};
use engine::event::{AccountId, Update};

use super::*;

#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Caught {
    /// By the driver, in a round or while it was read back.
    Driver,
    /// By a word or a verdict that is not the ledger's.
    Audit,
}

/// A device that nobody may touch while it is lost.
pub struct Guarded<D> {
    pub inner: FaultyDevice<D>,
    pub is_lost: bool,
}

impl<D: MarginDevice> Guarded<D> {
    fn inner(&mut self) -> &mut FaultyDevice<D> {
        assert!(!self.is_lost, "a lost device is touched");
        &mut self.inner
    }
}

impl<D: MarginDevice> MarginDevice for Guarded<D> {
    fn identity(&self) -> device::Identity {
        assert!(!self.is_lost, "a lost device is asked who it is");
        self.inner.identity()
    }

    fn capacity(&self) -> model::machine::Capacity {
        assert!(!self.is_lost, "a lost device is asked what it holds");
        self.inner.capacity()
    }

    fn reset(&mut self) {
        self.inner().reset();
    }

    fn submit(&mut self, records: &[model::record::Record]) -> usize {
        self.inner().submit(records)
    }

    fn poll(&mut self, answers: &mut [model::record::Record]) -> usize {
        self.inner().poll(answers)
    }

    fn clocks(&self) -> u64 {
        assert!(!self.is_lost, "a lost device is asked for its clocks");
        self.inner.clocks()
    }
}

/// A driver over a guarded device and the ledger beside it, audited in full after every round.
pub struct Bench<D> {
    pub driver: Driver<Guarded<D>>,
    pub ledger: Ledger,
    /// Accounts that the last round did not compare, since they were bad.
    pub bad: u64,
    /// Losses, and attempts to attach the device again that failed.
    pub noticed: Vec<Caught>,
}

impl Bench<CpuDevice> {
    /// A sound model, started, with no fault armed.
    pub fn new(seed: u64, lanes: usize) -> Self {
        Self::over(CpuDevice::new(capacity(lanes)), seed)
    }
}

impl<D: MarginDevice> Bench<D> {
    pub fn over(device: D, seed: u64) -> Self {
        let inner = FaultyDevice::seeded(device, seed);
        let config = DriverConfig { polls_max: 1_000, ..DriverConfig::default() };
        let mut driver = Driver::new(Guarded { inner, is_lost: false }, config);
        driver.start(&rules()).unwrap();
        Self { driver, ledger: Ledger::new(rules()), bad: 0, noticed: Vec::new() }
    }

    /// Runs the round, once more if the device is lost in it; its verdicts, coverage and words are the ledger's in the end.
    pub fn round(&mut self, round: &[Update]) {
        let expected = self.ledger.round(round);
        let was_lost = self.driver.is_lost();
        if let Some(caught) = self.attempt(round, &expected) {
            assert!(!was_lost, "the host's own verdicts are wrong");
            if caught == Caught::Audit {
                self.driver.lose();
            }
            assert!(self.driver.is_lost());
            self.noticed.push(caught);
            self.driver.device_mut().is_lost = true;
            assert_eq!(self.attempt(round, &expected), None, "the round once more, on the host");
        }
        self.driver.accept();
        for (&account, known) in &self.ledger.accounts {
            assert_eq!(self.driver.severity(account), known.severity);
        }
    }

    fn attempt(&mut self, round: &[Update], expected: &Verdicts) -> Option<Caught> {
        let answer = match self.driver.run_round(round) {
            Ok(answer) => answer,
            Err(error) => {
                assert!(!error.is_refusal(), "{error}");
                return Some(Caught::Driver);
            }
        };
        if (&answer.verdicts, &answer.coverage) != (&expected.0, &expected.1) {
            return Some(Caught::Audit);
        }
        let accounts: Vec<AccountId> = self.ledger.accounts.keys().copied().collect();
        let mut differs = false;
        let compared = self.driver.read_back(&accounts, |place, severity, equity, requirement| {
            let account = &self.ledger.accounts[&accounts[place]];
            differs |= (severity, (equity, requirement)) != (account.severity, self.ledger.word(account));
        });
        match compared {
            Err(_) => Some(Caught::Driver),
            Ok(_) if differs => Some(Caught::Audit),
            Ok(compared) => {
                self.bad = accounts.len() as u64 - compared;
                None
            }
        }
    }

    /// The command to attach the device again; false if a fault came between.
    pub fn reattach(&mut self) -> bool {
        self.driver.device_mut().is_lost = false;
        let outcome = self.driver.reattach();
        match outcome {
            Ok(compared) => assert_eq!(compared, u64::from(self.driver.slot_map().accounts())),
            Err(ref error) => {
                assert!(self.driver.is_lost() && !error.is_refusal(), "{error}");
                self.driver.device_mut().is_lost = true;
                self.noticed.push(Caught::Driver);
            }
        }
        outcome.is_ok()
    }

    pub fn struck(&self) -> u64 {
        self.driver.device().inner.struck()
    }
}

type Verdicts = (Vec<engine::event::Flag>, Vec<device::Coverage>);
