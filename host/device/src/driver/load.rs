//! How a device comes to be as the book is: single accounts after a round, or everything from reset, and then proven.

use std::collections::{BTreeMap, BTreeSet};

use engine::event::AccountId;
use model::record::ABI_HASH;

use super::{Driver, State, flag_words};
use crate::MarginDevice;
use crate::error::DeviceError;
use crate::plan::proof;

const REATTACH: &str = "re-attach";

/// Loads of bad accounts after one round or read-back; whom they do not bring back stays bad until after the next.
const RELOADS_MAX: u32 = 4;

/// Accounts read back and compared at once when a device is attached again.
const COMPARED_AT_ONCE: usize = 4_096;

impl<D: MarginDevice> Driver<D> {
    /// Takes a lost device back: resets it, loads rules and accounts from the host's book, reads every account back and compares. Gives the
    /// number of accounts that are equal, which is all but those beyond the accumulators. Accepts the last round. Does nothing to a device
    /// that is not lost, and gives 0.
    ///
    /// # Errors
    /// [`DeviceError`]: the device is not as the book is, and stays lost. Rounds go on being judged by the host.
    pub fn reattach(&mut self) -> Result<u64, DeviceError> {
        self.assert_started(REATTACH)?;
        if self.state == State::Attached {
            return Ok(0);
        }
        self.accept();
        let compared = self.load_whole();
        if compared.is_ok() {
            self.state = State::Attached;
        } else {
            self.bad.forget();
        }
        compared
    }

    /// The device from reset, with the rules and nothing else.
    pub(super) fn reset(&mut self) -> Result<(), DeviceError> {
        let found = self.device.identity().abi_hash;
        if found != ABI_HASH {
            return Err(DeviceError::AbiMismatch { expected: ABI_HASH, found });
        }
        self.severities.fill(0);
        self.device.reset();
        let tokens = [self.token(), self.token()];
        self.plan.start(&self.rules, self.capacity, self.sequence, tokens);
        self.execute("start").map(drop)
    }

    /// Loads bad accounts as the book has them; from then on they are trusted and read back like all others. If slots are not where the
    /// map says, all accounts are loaded, from reset.
    pub(super) fn reload(&mut self) -> Result<(), DeviceError> {
        for _ in 0..RELOADS_MAX {
            let bad = self.bad.take(&self.book);
            if bad.is_empty() {
                break;
            }
            if std::mem::take(&mut self.bad.displaced).is_empty() {
                self.load(&bad, false)?;
            } else {
                self.bad.notes.push("slots were displaced: the device is reset and loaded anew".into());
                self.reset()?;
                self.load(&(0..self.map.accounts()).collect(), true)?;
            }
            for index in bad {
                if !self.bad.contains(index) {
                    self.reloads += 1;
                    self.bad.notes.push(format!("account index {index} is loaded again"));
                }
            }
        }
        Ok(())
    }

    /// Loads accounts as the book has them, and on an empty device the instruments before. Who is not bad now has proven its offset, if
    /// there is one, and ends in the book's severity.
    fn load(&mut self, accounts: &BTreeSet<u32>, anew: bool) -> Result<(), DeviceError> {
        const OPERATION: &str = "reload";
        let token = self.token();
        self.plan.reload(&self.book, &self.map, (accounts, anew), self.sequence, token);
        let flags = self.execute(OPERATION)?.verdicts;
        let unfit = |found, expected| Err(DeviceError::Answer { operation: OPERATION, found, expected });
        let mut proven = BTreeSet::new();
        let mut differing = BTreeMap::new();
        for flag in &flags {
            let index = self.map.index_of(flag.account).expect("a FLAG's account is known");
            let offset = self.book.offset(index);
            let said = (flag.severity_new, flag.equity, flag.requirement);
            let [takeover, healthy] = proof(offset);
            if offset != 0 && said == healthy {
                proven.insert(index);
            } else if !(offset != 0 && said == takeover) && (said.1, said.2) != self.book.word(index) {
                differing.insert(index, flag);
            }
        }
        for &index in accounts {
            if !self.bad.loaded(index, &self.book) {
                continue;
            }
            if let Some(flag) = differing.get(&index) {
                return unfit(flag_words(flag), format!("E and R {:?}", self.book.word(index)));
            }
            if self.book.offset(index) != 0 && !proven.contains(&index) {
                let found = format!("another offset of account index {index} when it is loaded");
                return unfit(found, self.book.offset(index).to_string());
            }
            let (found, expected) = (self.severities[index as usize], self.book.severity(index) as u8);
            if found != expected {
                let found = format!("severity {found} of account index {index} when it is loaded");
                return unfit(found, expected.to_string());
            }
        }
        Ok(())
    }

    /// Everything anew on a device after its reset, then every account read back; gives how many are equal.
    fn load_whole(&mut self) -> Result<u64, DeviceError> {
        self.reset()?;
        self.load(&(0..self.map.accounts()).collect(), true)?;
        let mut compared = 0;
        let mut words = Vec::with_capacity(COMPARED_AT_ONCE);
        for first in (0..self.map.accounts()).step_by(COMPARED_AT_ONCE) {
            let accounts: Vec<AccountId> =
                (first..).map_while(|index| self.map.account_of(index)).take(COMPARED_AT_ONCE).collect();
            words.clear();
            compared += self
                .read_device(&accounts, |place, severity, equity, requirement| {
                    words.push((place, (severity, equity, requirement)));
                })?
                .0;
            for &(place, found) in &words {
                let index = first + place as u32;
                let (equity, requirement) = self.book.word(index);
                let expected = (self.book.severity(index) as u8, equity, requirement);
                if found != expected {
                    let account = accounts[place].0;
                    return Err(DeviceError::Answer {
                        operation: REATTACH,
                        found: format!("account {account} at severity, E and R {found:?}"),
                        expected: format!("{expected:?} as the host has it"),
                    });
                }
            }
        }
        match self.bad.first_lost() {
            None => Ok(compared),
            Some(index) => Err(DeviceError::Answer {
                operation: REATTACH,
                found: format!("account index {index} lost again while it was loaded"),
                expected: "a device that keeps what it is given".into(),
            }),
        }
    }
}
