//! Many accounts read back in one go: the answers name their record, the record's place names the account, nothing is allocated.

use engine::event::AccountId;
use model::record::{self, Reason, Record, input, output};

use crate::bad::BadAccounts;
use crate::error::DeviceError;
use crate::pump::Answers;
use crate::round::{refused_or_unfit, severities, unfit};
use crate::slot_map::SlotMap;

pub(crate) const OPERATION: &str = "read back";

/// Reads the answers of a run of READBACKs, the `i`-th of which asks for `accounts[i]`.
pub(crate) struct ReadBack<'a, F> {
    pub accounts: &'a [AccountId],
    /// Number of the first READBACK.
    pub first: u32,
    pub map: &'a SlotMap,
    /// Severities as the FLAGs left them, by account index.
    pub severities: &'a mut [u8],
    /// Accounts that are not compared.
    pub bad: &'a mut BadAccounts,
    /// First place that each lane may still answer.
    pub lanes: &'a mut [u32],
    pub visit: F,
    pub answered: u64,
    pub compared: u64,
    pub token: u64,
    /// READBACKs sent, known when the FENCE goes out.
    pub asked: Option<u64>,
    pub complete: bool,
}

impl<F: FnMut(usize, u8, i128, i128)> ReadBack<'_, F> {
    fn account(&mut self, answer: &Record) -> Result<(), DeviceError> {
        let offset = answer.sequence().wrapping_sub(self.first);
        let index = answer.account();
        let Some(&account) = self.accounts.get(offset as usize) else {
            let expected = format!("one of {} from {}", self.accounts.len(), self.first);
            return Err(unfit(OPERATION, answer, "its number".into(), expected));
        };
        if self.map.account_of(index) != Some(account) {
            let expected = format!("index {:?}", self.map.index_of(account));
            return Err(unfit(OPERATION, answer, format!("account index {index}"), expected));
        }
        let next = &mut self.lanes[self.map.lane_of(index)];
        if offset < *next {
            let expected = format!("place {next} or a later one");
            return Err(unfit(OPERATION, answer, format!("place {offset} again or late"), expected));
        }
        *next = offset + 1;
        let (old, new) = severities(answer);
        let known = self.severities[index as usize];
        if (old, new) != (known, known) {
            let found = format!("severities {old} and {new} of account index {index}");
            return Err(unfit(OPERATION, answer, found, format!("{known} as its FLAGs left it")));
        }
        self.answered += 1;
        if !self.bad.contains(index) {
            (self.visit)(offset as usize, new, answer.equity(), answer.requirement());
            self.compared += 1;
        }
        Ok(())
    }

    /// The account's word was beyond repair. The ERROR is the answer to its READBACK, or comes out of turn.
    fn error(&mut self, answer: &Record) -> Result<(), DeviceError> {
        self.bad.take_error(OPERATION, answer, None, self.map, self.severities)?;
        let (offset, index) = (answer.sequence().wrapping_sub(self.first), answer.account());
        let asked = self.accounts.get(offset as usize).copied();
        let is_of_account =
            Reason::from_code(record::REASON.get(answer) as u8) == Ok(Reason::UncorrectableAccount);
        if is_of_account && asked.is_some() && asked == self.map.account_of(index) {
            let next = &mut self.lanes[self.map.lane_of(index)];
            if offset >= *next {
                *next = offset + 1;
                self.answered += 1;
            }
        }
        Ok(())
    }

    fn fence(&mut self, answer: &Record) -> Result<(), DeviceError> {
        let token = record::TOKEN.get(answer);
        let Some(asked) = self.asked else {
            return Err(unfit(OPERATION, answer, "an echo".into(), "none, the FENCE is not sent yet"));
        };
        let due = (self.first.wrapping_add(asked as u32), i128::from(self.token), asked);
        if (answer.sequence(), token, self.answered) != due {
            let found = format!("token {token:#018x} after {} accounts", self.answered);
            let expected = format!("record {}, token {:#018x} after {} accounts", due.0, due.1, due.2);
            return Err(unfit(OPERATION, answer, found, expected));
        }
        self.complete = true;
        Ok(())
    }
}

impl<F: FnMut(usize, u8, i128, i128)> Answers for ReadBack<'_, F> {
    #[inline]
    fn take(&mut self, answer: &Record) -> Result<(), DeviceError> {
        match answer.op() {
            op if op == output::READBACK_ACCOUNT.op && !self.complete => self.account(answer),
            op if op == output::FENCE_ECHO.op && !self.complete => self.fence(answer),
            op if op == output::ERROR_ACCOUNT.op => self.error(answer),
            _ => Err(refused_or_unfit(OPERATION, answer, Some(input::READBACK.op))),
        }
    }

    fn is_complete(&self) -> bool {
        self.complete
    }
}
