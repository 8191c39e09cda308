//! What the device was told, kept on the host: from it accounts, or whole rounds when the device is lost, are judged, and a device is loaded.
//!
//! Changes since the last [`Book::keep`] can be undone, so a round in which the device is lost leaves no trace and is judged again.

use engine::event::{AccountId, Change, EventSequence, Flag, InstrumentId, Update};
use engine::rules::InstrumentSpec;
use model::margin::{self, Rungs, Severity, Weights};
use model::tier::TierTable;
use model::units::{Price, Scale, Size};

use crate::round::{self, Coverage, RoundAnswer};
use crate::slot_map::SlotMap;

#[derive(Clone, Copy, Debug)]
struct Position {
    instrument: InstrumentId,
    /// Lots, not 0.
    size: i64,
    /// Place among the instrument's holders.
    place: u32,
}

#[derive(Clone, Debug, Default)]
struct Account {
    /// Quanta.
    cash: i128,
    /// What is added to the requirement when it is compared, quanta / scale.
    offset: i128,
    /// As the verdict records left it.
    severity: Severity,
    positions: Vec<Position>,
}

#[derive(Clone, Debug)]
pub(crate) struct Listed {
    pub spec: InstrumentSpec,
    pub tiers: TierTable,
    pub mark: Price,
    /// Account indices, in no order.
    holders: Vec<u32>,
}

/// What a change replaced.
#[derive(Clone, Debug)]
enum Undo {
    Listed { instrument: InstrumentId },
    Mark { instrument: InstrumentId, mark: Price },
    Brackets { instrument: InstrumentId, brackets: Vec<(u64, u32)> },
    Size { index: u32, instrument: InstrumentId, size: i64 },
    Cash { index: u32, cash: i128 },
    Offset { index: u32, offset: i128 },
    Severity { index: u32, severity: Severity },
}

/// Cash, offsets, positions, marks and severities by device index.
#[derive(Clone, Debug)]
pub(crate) struct Book {
    scale: Scale,
    rungs: Rungs,
    /// By instrument.
    listed: Vec<Option<Listed>>,
    accounts: Vec<Account>,
    undo: Vec<Undo>,
}

impl Book {
    pub fn new(scale: Scale, rungs: Rungs) -> Self {
        Self { scale, rungs, listed: Vec::new(), accounts: Vec::new(), undo: Vec::new() }
    }

    pub fn severity(&self, index: u32) -> Severity {
        self.accounts.get(index as usize).map_or_else(Severity::default, |account| account.severity)
    }

    /// Instruments that are listed.
    pub fn listed(&self) -> impl Iterator<Item = (InstrumentId, &Listed)> {
        (0..).map(InstrumentId).zip(&self.listed).filter_map(|(id, listed)| Some((id, listed.as_ref()?)))
    }

    /// Account indices that hold the instrument, in no order.
    pub fn holders(&self, instrument: InstrumentId) -> &[u32] {
        &self.of(instrument).holders
    }

    /// Lots that the account holds.
    pub fn size(&self, instrument: InstrumentId, index: u32) -> i64 {
        let positions = self.accounts.get(index as usize).map_or(&[][..], |account| &account.positions);
        positions
            .iter()
            .find(|position| position.instrument == instrument)
            .map_or(0, |position| position.size)
    }

    /// E of the account without its positions, quanta / scale.
    pub fn cash_equity(&self, index: u32) -> i128 {
        self.accounts.get(index as usize).map_or(0, |account| account.cash * i128::from(self.scale.get()))
    }

    /// What is added to R when it is compared, quanta / scale.
    pub fn offset(&self, index: u32) -> i128 {
        self.accounts.get(index as usize).map_or(0, |account| account.offset)
    }

    /// E and R of the account, the offset apart, quanta / scale, computed from nothing.
    pub fn word(&self, index: u32) -> (i128, i128) {
        let (mut equity, mut requirement) = (self.cash_equity(index), 0);
        for position in self.accounts.get(index as usize).map_or(&[][..], |account| &account.positions) {
            let listed = self.of(position.instrument);
            let size = Size::new(position.size).expect("the plan takes sizes in range only");
            let weights = Weights { long: listed.spec.weight_long, short: listed.spec.weight_short };
            equity += margin::value(size, listed.mark, weights);
            requirement += margin::requirement(size, listed.mark, listed.tiers.steps());
        }
        (equity, requirement)
    }

    /// Lets a round take effect that was planned, and judges as a sound device does: the account of a change, and those holders of an
    /// instrument that `swept` picks on its sweep. Coverage counts all holders.
    pub fn round(
        &mut self,
        updates: &[Update],
        map: &SlotMap,
        swept: impl Fn(&Self, InstrumentId, EventSequence) -> Vec<u32>,
    ) -> RoundAnswer {
        let index_of = |account| map.index_of(account).expect("the plan assigned every account of the round");
        let mut answer = RoundAnswer::default();
        for &Update { sequence, ref change } in updates {
            let (account, hold) = match *change {
                Change::List { instrument, ref spec } => {
                    self.list(instrument, spec);
                    continue;
                }
                Change::Mark { instrument, price } => {
                    self.set_mark(
                        instrument,
                        Price::new(price).expect("the plan takes prices in range only"),
                    );
                    self.sweep((instrument, sequence), map, &swept, &mut answer);
                    continue;
                }
                Change::Funding { instrument, delta } => {
                    for place in 0..self.holders(instrument).len() {
                        let index = self.holders(instrument)[place];
                        let paid = i128::from(self.size(instrument, index)) * i128::from(delta);
                        self.add_cash(index, -paid);
                    }
                    self.sweep((instrument, sequence), map, &swept, &mut answer);
                    continue;
                }
                Change::Brackets { instrument, ref spec } => {
                    let brackets = self.put_brackets(instrument, spec.brackets.clone());
                    self.undo.push(Undo::Brackets { instrument, brackets });
                    self.sweep((instrument, sequence), map, &swept, &mut answer);
                    continue;
                }
                Change::Position { account, instrument, size, cash_delta, hold } => {
                    let index = index_of(account);
                    self.set_size(index, instrument, size);
                    self.add_cash(index, cash_delta.into());
                    (account, hold)
                }
                Change::Cash { account, delta, hold } => {
                    self.add_cash(index_of(account), delta.into());
                    (account, hold)
                }
                Change::Offset { account, value, hold } => {
                    self.set_offset(index_of(account), value);
                    (account, hold)
                }
            };
            if !hold {
                answer.verdicts.extend(self.compare(index_of(account), account, sequence));
            }
        }
        round::put_in_order(&mut answer.verdicts);
        answer
    }

    /// Makes all changes so far lasting.
    pub fn keep(&mut self) {
        self.undo.clear();
    }

    /// Undoes every change since the last [`Book::keep`].
    pub fn undo(&mut self) {
        for step in std::mem::take(&mut self.undo).into_iter().rev() {
            match step {
                Undo::Listed { instrument } => self.listed[usize::from(instrument.0)] = None,
                Undo::Mark { instrument, mark } => self.of_mut(instrument).mark = mark,
                Undo::Brackets { instrument, brackets } => {
                    self.put_brackets(instrument, brackets);
                }
                Undo::Size { index, instrument, size } => self.place(index, instrument, size),
                Undo::Cash { index, cash } => self.account_mut(index).cash = cash,
                Undo::Offset { index, offset } => self.account_mut(index).offset = offset,
                Undo::Severity { index, severity } => self.account_mut(index).severity = severity,
            }
        }
    }

    fn sweep(
        &mut self,
        (instrument, sequence): (InstrumentId, EventSequence),
        map: &SlotMap,
        swept: &impl Fn(&Self, InstrumentId, EventSequence) -> Vec<u32>,
        answer: &mut RoundAnswer,
    ) {
        for index in swept(self, instrument, sequence) {
            let account = map.account_of(index).expect("a holder has an index");
            answer.verdicts.extend(self.compare(index, account, sequence));
        }
        let holders = self.holders(instrument).len() as u64;
        answer.coverage.push(Coverage { sequence, instrument, holders, clocks: 0 });
    }

    fn list(&mut self, instrument: InstrumentId, spec: &InstrumentSpec) {
        let place = usize::from(instrument.0);
        if self.listed.len() <= place {
            self.listed.resize(place + 1, None);
        }
        let tiers = TierTable::new(self.scale, &spec.brackets).expect("the plan takes sound tables only");
        let (mark, holders) = (Price::default(), Vec::new());
        self.listed[place] = Some(Listed { spec: spec.clone(), tiers, mark, holders });
        self.undo.push(Undo::Listed { instrument });
    }

    /// Returns the brackets before.
    fn put_brackets(&mut self, instrument: InstrumentId, brackets: Vec<(u64, u32)>) -> Vec<(u64, u32)> {
        let tiers = TierTable::new(self.scale, &brackets).expect("the plan takes sound tables only");
        let listed = self.of_mut(instrument);
        listed.tiers = tiers;
        std::mem::replace(&mut listed.spec.brackets, brackets)
    }

    fn set_mark(&mut self, instrument: InstrumentId, mark: Price) {
        let mark = std::mem::replace(&mut self.of_mut(instrument).mark, mark);
        self.undo.push(Undo::Mark { instrument, mark });
    }

    fn add_cash(&mut self, index: u32, delta: i128) {
        let cash = self.account_mut(index).cash;
        self.account_mut(index).cash = cash + delta;
        self.undo.push(Undo::Cash { index, cash });
    }

    fn set_offset(&mut self, index: u32, offset: i128) {
        let offset = std::mem::replace(&mut self.account_mut(index).offset, offset);
        self.undo.push(Undo::Offset { index, offset });
    }

    fn set_size(&mut self, index: u32, instrument: InstrumentId, size: i64) {
        let before = self.size(instrument, index);
        self.place(index, instrument, size);
        self.undo.push(Undo::Size { index, instrument, size: before });
    }

    /// As the device compares: a flag on change only.
    fn compare(&mut self, index: u32, account: AccountId, sequence: EventSequence) -> Option<Flag> {
        let (equity, requirement) = self.word(index);
        let new = margin::severity(equity, requirement, self.offset(index), &self.rungs);
        let old = std::mem::replace(&mut self.account_mut(index).severity, new);
        if old == new {
            return None;
        }
        self.undo.push(Undo::Severity { index, severity: old });
        let (severity_old, severity_new) = (old as u8, new as u8);
        Some(Flag { sequence, account, severity_old, severity_new, equity, requirement })
    }

    /// Gives the account a position of this size, 0 for none, and keeps the holders in step.
    fn place(&mut self, index: u32, instrument: InstrumentId, size: i64) {
        let place = self.holders(instrument).len() as u32;
        let positions = &mut self.account_mut(index).positions;
        match positions.iter().position(|position| position.instrument == instrument) {
            None if size == 0 => {}
            None => {
                positions.push(Position { instrument, size, place });
                self.of_mut(instrument).holders.push(index);
            }
            Some(at) if size != 0 => positions[at].size = size,
            Some(at) => {
                let hole = positions.swap_remove(at).place;
                let holders = &mut self.of_mut(instrument).holders;
                holders.swap_remove(hole as usize);
                if let Some(&moved) = holders.get(hole as usize) {
                    let positions = &mut self.account_mut(moved).positions;
                    let position = positions.iter_mut().find(|position| position.instrument == instrument);
                    position.expect("a holder has a position").place = hole;
                }
            }
        }
    }

    fn of(&self, instrument: InstrumentId) -> &Listed {
        self.listed[usize::from(instrument.0)].as_ref().expect("the plan takes listed instruments only")
    }

    fn of_mut(&mut self, instrument: InstrumentId) -> &mut Listed {
        self.listed[usize::from(instrument.0)].as_mut().expect("the plan takes listed instruments only")
    }

    fn account_mut(&mut self, index: u32) -> &mut Account {
        let place = index as usize;
        if self.accounts.len() <= place {
            self.accounts.resize(place + 1, Account::default());
        }
        &mut self.accounts[place]
    }
}
