//! The driver: a round of updates to any margin device, the round's verdicts back.

use engine::event::{AccountId, Update};
use engine::rules::Rules;
use model::margin::Rungs;
use model::record::{self, ABI_HASH, Record, input};
use model::units::Scale;

use crate::MarginDevice;
use crate::bad::BadAccounts;
use crate::book::Book;
use crate::error::DeviceError;
use crate::plan::Plan;
use crate::pump::Pump;
use crate::readback::{self, ReadBack};
use crate::round::{Lane, RoundAnswer, RoundAnswers};
use crate::slot_map::SlotMap;

/// READBACKs made and submitted at once.
const BATCH: usize = 256;

/// Loads of bad accounts after one round or read-back; whom they do not bring back stays bad until after the next.
const RELOADS_MAX: u32 = 4;

/// What the driver may be told.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct DriverConfig {
    /// Polls in a row without an answer or a record taken, after which the device is given up.
    pub polls_max: u32,
    /// How many instruments share the device's slots; as many as the build holds, if none. An instrument beyond them gets what is left.
    pub instruments_expected: Option<usize>,
    /// Number of the first record. Only tests care: numbers wrap.
    pub first_sequence: u32,
}

impl Default for DriverConfig {
    fn default() -> Self {
        Self { polls_max: 1 << 22, instruments_expected: None, first_sequence: 0 }
    }
}

/// Owns a device and everything the host knows about what is on it.
///
/// Memory is that of the accounts and slots in use and of the largest round so far; nothing but notes that nobody takes grows with the
/// number of rounds.
pub struct Driver<D> {
    device: D,
    config: DriverConfig,
    map: SlotMap,
    plan: Plan,
    lanes: Vec<Lane>,
    /// Last severity by account index, as the device has it.
    severities: Vec<u8>,
    book: Book,
    bad: BadAccounts,
    reloads: u64,
    /// READBACKs under way, and the first place that each lane may still answer.
    batch: Vec<Record>,
    places: Vec<u32>,
    rules: Rules,
    scale: Scale,
    /// Number of the next record.
    sequence: u32,
    /// FENCEs and RESYNCs sent so far; makes the next token. Never reset, so an answer from before a reset is recognised.
    tokens: u64,
    /// False before the first start and after an error that lost the device.
    ready: bool,
}

impl<D: MarginDevice> Driver<D> {
    /// A driver that has not touched the device yet; call [`Driver::start`].
    pub fn new(device: D, config: DriverConfig) -> Self {
        let capacity = device.capacity();
        let instruments = config.instruments_expected.unwrap_or(capacity.instruments);
        Self {
            map: SlotMap::new(capacity, instruments),
            plan: Plan::default(),
            lanes: vec![Lane::default(); capacity.lanes],
            severities: vec![0; capacity.lanes * capacity.accounts_per_lane],
            batch: Vec::with_capacity(BATCH + 1),
            places: vec![0; capacity.lanes],
            book: Book::new(Scale::default(), Rungs::RESET),
            bad: BadAccounts::default(),
            reloads: 0,
            rules: Rules::default(),
            scale: Scale::default(),
            sequence: config.first_sequence,
            tokens: 0,
            ready: false,
            device,
            config,
        }
    }

    /// Resets the device and loads the rules; nothing is listed and nobody has a position. Also the way back after a loss.
    ///
    /// # Errors
    /// [`DeviceError`]: the device speaks other records, the rules are out of range, or an answer does not fit.
    pub fn start(&mut self, rules: &Rules) -> Result<(), DeviceError> {
        self.ready = false;
        let found = self.device.identity().abi_hash;
        if found != ABI_HASH {
            return Err(DeviceError::AbiMismatch { expected: ABI_HASH, found });
        }
        let rungs = Rungs { rungs: rules.rungs, equality: rules.equality };
        if !rungs.is_ordered() {
            return Err(DeviceError::Rungs { rungs: rules.rungs });
        }
        self.scale = Scale::new(rules.scale).map_err(DeviceError::Rules)?;
        let capacity = self.device.capacity();
        let instruments = self.config.instruments_expected.unwrap_or(capacity.instruments);
        self.map = SlotMap::new(capacity, instruments);
        self.rules = rules.clone();
        self.book = Book::new(self.scale, rungs);
        self.bad = BadAccounts::default();
        self.reset()?;
        self.reload()
    }

    /// The round's verdicts and coverage, when the FENCE's echo and the RECEIPTs of every lane are in.
    ///
    /// # Errors
    /// [`DeviceError`]. If it [is a refusal](DeviceError::is_refusal), nothing was sent and the driver may be used on; after any other
    /// the device is lost: the whole round must be computed elsewhere, and only [`Driver::start`] brings it back.
    ///
    /// # Panics
    /// If the updates hold an account and never compare it.
    pub fn run_round(&mut self, updates: &[Update]) -> Result<RoundAnswer, DeviceError> {
        const OPERATION: &str = "round";
        self.assert_ready(OPERATION)?;
        let token = self.token();
        self.plan.round(updates, &mut self.map, self.scale, self.sequence, token)?;
        let mut answer = self.execute(OPERATION)?;
        self.book.round(updates, &self.map, &self.bad, &mut answer.verdicts);
        self.reload()?;
        Ok(answer)
    }

    /// Number of accounts visited, which is all but bad ones: `visit` is given place in `accounts`, severity, E and R (quanta / scale).
    ///
    /// Lane by lane the order is that of `accounts`; between lanes there is none. An account may be asked for more than once.
    ///
    /// # Errors
    /// [`DeviceError::UnknownAccount`], a refusal: the accounts before it were visited. Else the device is lost, as in
    /// [`Driver::run_round`]; a severity that is not the one the FLAGs left is such a loss.
    pub fn read_back(
        &mut self,
        accounts: &[AccountId],
        visit: impl FnMut(usize, u8, i128, i128),
    ) -> Result<u64, DeviceError> {
        self.assert_ready(readback::OPERATION)?;
        assert!(accounts.len() < 1 << 31, "fewer accounts than half the record numbers");
        let token = self.token();
        self.places.fill(0);
        let mut answers = ReadBack {
            accounts,
            first: self.sequence,
            map: &self.map,
            severities: &mut self.severities,
            bad: &mut self.bad,
            lanes: &mut self.places,
            visit,
            answered: 0,
            compared: 0,
            token,
            asked: None,
            complete: false,
        };
        self.ready = false;
        let mut pump = Pump::new(&mut self.device, readback::OPERATION, self.config.polls_max);
        let mut unknown = None;
        for batch in accounts.chunks(BATCH) {
            self.batch.clear();
            for &account in batch {
                let Some(index) = self.map.index_of(account) else {
                    unknown = Some(account);
                    break;
                };
                let record = Record::new(&input::READBACK, self.sequence);
                self.batch.push(record.with(&record::ACCOUNT, index.into()));
                self.sequence = self.sequence.wrapping_add(1);
            }
            pump.send(&self.batch, &mut answers)?;
            if unknown.is_some() {
                break;
            }
        }
        answers.asked = Some(self.sequence.wrapping_sub(answers.first).into());
        let fence = Record::new(&input::FENCE, self.sequence).with(&record::TOKEN, token.into());
        self.sequence = self.sequence.wrapping_add(1);
        pump.send(&[fence], &mut answers)?;
        pump.finish(&mut answers)?;
        let compared = answers.compared;
        self.ready = true;
        self.reload()?;
        match unknown {
            Some(account) => Err(DeviceError::UnknownAccount { account }),
            None => Ok(compared),
        }
    }

    /// Where everything lies on the device.
    pub fn slot_map(&self) -> &SlotMap {
        &self.map
    }

    /// Severity of the account as the verdict records left it; 0 for one that was never sent.
    pub fn severity(&self, account: AccountId) -> u8 {
        self.map.index_of(account).map_or(0, |index| self.book.severity(index) as u8)
    }

    /// Accounts that the device had lost and that were loaded again, since the driver was made.
    pub fn reloads(&self) -> u64 {
        self.reloads
    }

    /// What was lost and loaded since the last call, in words.
    pub fn take_notes(&mut self) -> Vec<String> {
        std::mem::take(&mut self.bad.notes)
    }

    pub fn device(&self) -> &D {
        &self.device
    }

    /// The device itself, for drills. What is sent past the driver loses the device at its next record.
    pub fn device_mut(&mut self) -> &mut D {
        &mut self.device
    }

    /// The device from reset, with the rules and nothing else.
    fn reset(&mut self) -> Result<(), DeviceError> {
        self.severities.fill(0);
        self.device.reset();
        let tokens = [self.token(), self.token()];
        self.plan.start(&self.rules, self.device.capacity(), self.sequence, tokens);
        self.execute("start").map(drop)
    }

    /// Loads bad accounts as the book has them; from then on they are trusted and read back like all others. If slots are not where the
    /// map says, all accounts are loaded, from reset.
    fn reload(&mut self) -> Result<(), DeviceError> {
        const OPERATION: &str = "reload";
        for _ in 0..RELOADS_MAX {
            let bad = self.bad.take(&self.book);
            if bad.is_empty() {
                break;
            }
            let anew = !std::mem::take(&mut self.bad.displaced).is_empty();
            let accounts = if anew {
                self.bad.notes.push("slots were displaced: the device is reset and loaded anew".into());
                self.reset()?;
                (0..self.map.accounts()).collect()
            } else {
                bad.clone()
            };
            let token = self.token();
            self.plan.reload(&self.book, &self.map, (&accounts, anew), self.sequence, token);
            self.execute(OPERATION)?;
            for index in accounts {
                if !self.bad.loaded(index, &self.book) {
                    continue;
                }
                let (found, expected) = (self.severities[index as usize], self.book.severity(index) as u8);
                if found != expected {
                    self.ready = false;
                    let found = format!("severity {found} of account index {index} when it is loaded");
                    return Err(DeviceError::Answer {
                        operation: OPERATION,
                        found,
                        expected: expected.to_string(),
                    });
                }
                if bad.contains(&index) {
                    self.reloads += 1;
                    self.bad.notes.push(format!("account index {index} is loaded again"));
                }
            }
        }
        Ok(())
    }

    /// Sends the plan and reads its answers. The device counts as lost until they are complete.
    fn execute(&mut self, operation: &'static str) -> Result<RoundAnswer, DeviceError> {
        self.ready = false;
        self.sequence = self.plan.end();
        let clocks = self.device.clocks();
        let mut answers = RoundAnswers::new(
            operation,
            &self.plan,
            &self.map,
            &mut self.severities,
            &mut self.lanes,
            &mut self.bad,
        );
        let mut pump = Pump::new(&mut self.device, operation, self.config.polls_max);
        pump.send(&self.plan.records, &mut answers)?;
        pump.finish(&mut answers)?;
        let answer = answers.finish(self.device.clocks() - clocks);
        self.ready = true;
        Ok(answer)
    }

    fn token(&mut self) -> u64 {
        self.tokens += 1;
        self.tokens.wrapping_mul(0x9e37_79b9_7f4a_7c15)
    }

    fn assert_ready(&self, operation: &'static str) -> Result<(), DeviceError> {
        if self.ready { Ok(()) } else { Err(DeviceError::NotStarted { operation }) }
    }
}
