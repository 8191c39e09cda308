//! The driver: a round of updates to any margin device, the round's verdicts back.
//!
//! What it tells the device it keeps in a book. When the device is lost, the round it is lost in leaves no trace and is judged again from the
//! book, as are all rounds after it; the device is not touched until somebody says [`Driver::reattach`].

use engine::event::{AccountId, Flag, Update};
use engine::rules::Rules;
use model::machine::Capacity;
use model::margin::Rungs;
use model::record::{self, Record, input};
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

mod load;

const ROUND: &str = "round";

/// READBACKs made and submitted at once.
const BATCH: usize = 256;

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

/// Who judges.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum State {
    /// Nobody: no start has succeeded yet.
    NotStarted,
    /// The device.
    Attached,
    /// The book alone; nothing touches the device.
    Lost,
}

/// Owns a device and everything the host knows about what is on it.
///
/// Memory is that of the accounts and slots in use and of the largest round so far; nothing but notes that nobody takes grows with the
/// number of rounds.
pub struct Driver<D> {
    device: D,
    capacity: Capacity,
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
    state: State,
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
            state: State::NotStarted,
            device,
            capacity,
            config,
        }
    }

    /// Resets the device and loads the rules; nothing is listed and nobody has a position. A device that is lost stays so, untouched, and
    /// what follows is judged by the host.
    ///
    /// # Errors
    /// [`DeviceError`]: the rules are out of range, and nothing has changed; or the device speaks other records or gives an answer that does
    /// not fit. Then it is lost if it had ever been started; else the driver is as if new.
    pub fn start(&mut self, rules: &Rules) -> Result<(), DeviceError> {
        let rungs = Rungs { rungs: rules.rungs, equality: rules.equality };
        if !rungs.is_ordered() {
            return Err(DeviceError::Rungs { rungs: rules.rungs });
        }
        self.scale = Scale::new(rules.scale).map_err(DeviceError::Rules)?;
        let instruments = self.config.instruments_expected.unwrap_or(self.capacity.instruments);
        self.map = SlotMap::new(self.capacity, instruments);
        self.rules = rules.clone();
        self.book = Book::new(self.scale, rungs);
        self.bad.forget();
        if self.state == State::Lost {
            return Ok(());
        }
        match self.reset().and_then(|()| self.reload()) {
            Ok(()) => {
                self.state = State::Attached;
                Ok(())
            }
            Err(error) if self.state == State::NotStarted => Err(error),
            Err(error) => {
                self.lose();
                Err(error)
            }
        }
    }

    /// The round's verdicts and coverage: the device's when the FENCE's echo and the RECEIPTs of every lane are in and the host computes the
    /// same for every account that was changed or flagged; the host's alone while the device is lost. The round before is accepted.
    ///
    /// # Errors
    /// [`DeviceError`], and the round has had no effect. If it [is a refusal](DeviceError::is_refusal), nothing was sent and the driver may
    /// be used on; after any other the device is lost, and the same round, given again, is judged by the host.
    ///
    /// # Panics
    /// If the updates hold an account and never compare it.
    pub fn run_round(&mut self, updates: &[Update]) -> Result<RoundAnswer, DeviceError> {
        self.assert_started(ROUND)?;
        self.accept();
        let token = self.token();
        self.plan.round(updates, &mut self.map, self.scale, self.sequence, token)?;
        if self.state == State::Lost {
            let everybody = |book: &Book, instrument, _| book.holders(instrument).to_vec();
            return Ok(self.book.round(updates, &self.map, everybody));
        }
        let answer = self.ask(updates);
        if answer.is_err() {
            self.lose();
        }
        answer
    }

    /// Number of accounts visited, which is all but bad ones: `visit` is given place in `accounts`, severity, E and R (quanta / scale).
    ///
    /// Lane by lane the order is that of `accounts`; between lanes there is none. An account may be asked for more than once. While the
    /// device is lost the host's own figures are visited, all of them.
    ///
    /// # Errors
    /// [`DeviceError::UnknownAccount`], a refusal: the accounts before it were visited. Else the device is lost, as in [`Driver::lose`]; a
    /// severity that is not the one the FLAGs left is such a loss.
    pub fn read_back(
        &mut self,
        accounts: &[AccountId],
        mut visit: impl FnMut(usize, u8, i128, i128),
    ) -> Result<u64, DeviceError> {
        self.assert_started(readback::OPERATION)?;
        if self.state == State::Lost {
            for (place, &account) in accounts.iter().enumerate() {
                let index = self.map.index_of(account).ok_or(DeviceError::UnknownAccount { account })?;
                let (equity, requirement) = self.book.word(index);
                visit(place, self.book.severity(index) as u8, equity, requirement);
            }
            return Ok(accounts.len() as u64);
        }
        let read = self.read_device(accounts, visit).and_then(|read| {
            self.reload()?;
            Ok(read)
        });
        if read.is_err() {
            self.lose();
        }
        let (compared, unknown) = read?;
        match unknown {
            Some(account) => Err(DeviceError::UnknownAccount { account }),
            None => Ok(compared),
        }
    }

    /// Makes the last round lasting: from now on no loss of the device undoes it. The next round does so too.
    pub fn accept(&mut self) {
        self.map.keep();
        self.book.keep();
    }

    /// Gives the device up, and undoes the last round if it was not accepted: given again, it is judged by the host, as all later ones are.
    /// For a caller who finds that the device does not say what the ledger says.
    pub fn lose(&mut self) {
        self.map.undo();
        self.book.undo();
        self.bad.forget();
        self.state = State::Lost;
    }

    /// True from the device's loss until it is attached again.
    pub fn is_lost(&self) -> bool {
        self.state == State::Lost
    }

    /// Where everything lies on the device, or will when it is attached again.
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

    /// The device alone, as it is.
    pub fn into_device(self) -> D {
        self.device
    }

    /// The planned round from the device. The host computes the verdicts of bad accounts, and once more those of everybody who was changed or
    /// flagged: a FLAG that a later update overtakes is in no read-back.
    fn ask(&mut self, updates: &[Update]) -> Result<RoundAnswer, DeviceError> {
        let mut answer = self.execute(ROUND)?;
        let (map, bad) = (&self.map, &self.bad);
        let index_of = |flag: &Flag| map.index_of(flag.account).expect("a FLAG's account is known");
        let is_sound = |flag: &&Flag| bad.is_empty() || !bad.contains(index_of(flag));
        let flags: Vec<Flag> = answer.verdicts.iter().filter(is_sound).copied().collect();
        let judged = self.book.round(updates, map, |book, instrument, sequence| {
            let first = flags.partition_point(|flag| flag.sequence < sequence);
            let flagged = flags[first..].iter().take_while(|flag| flag.sequence == sequence).map(index_of);
            flagged.chain(bad.iter()).filter(|&index| book.size(instrument, index) != 0).collect()
        });
        let mut expected = judged.verdicts.iter().filter(is_sound);
        let mut found = flags.iter();
        loop {
            let (found, expected) = (found.next(), expected.next());
            if found != expected {
                let words = |flag: Option<&Flag>| flag.map_or("no further FLAG".into(), flag_words);
                let (found, expected) = (words(found), words(expected));
                return Err(DeviceError::Answer { operation: ROUND, found, expected });
            }
            if found.is_none() {
                break;
            }
        }
        answer.verdicts = judged.verdicts;
        self.reload()?;
        Ok(answer)
    }

    /// Number of accounts visited, and the first that has no index: those before it are visited.
    fn read_device(
        &mut self,
        accounts: &[AccountId],
        visit: impl FnMut(usize, u8, i128, i128),
    ) -> Result<(u64, Option<AccountId>), DeviceError> {
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
        Ok((answers.compared, unknown))
    }

    /// Sends the plan and reads its answers.
    fn execute(&mut self, operation: &'static str) -> Result<RoundAnswer, DeviceError> {
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
        Ok(answers.finish(self.device.clocks() - clocks))
    }

    fn token(&mut self) -> u64 {
        self.tokens += 1;
        self.tokens.wrapping_mul(0x9e37_79b9_7f4a_7c15)
    }

    fn assert_started(&self, operation: &'static str) -> Result<(), DeviceError> {
        if self.state == State::NotStarted { Err(DeviceError::NotStarted { operation }) } else { Ok(()) }
    }
}

fn flag_words(flag: &Flag) -> String {
    let Flag { sequence, account, severity_old, severity_new, equity, requirement } = flag;
    format!(
        "event {sequence}: account {} from severity {severity_old} to {severity_new}, E {equity}, R {requirement}",
        account.0
    )
}
