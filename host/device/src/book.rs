//! What the device was told, kept on the host: from it an account that the device has lost is judged, and loaded again.

use engine::event::{AccountId, Change, EventSequence, Flag, InstrumentId, Update, VerdictRecord};
use engine::rules::InstrumentSpec;
use model::margin::{self, Rungs, Severity, Weights};
use model::tier::TierTable;
use model::units::{Price, Scale, Size};

use crate::bad::BadAccounts;
use crate::round;
use crate::slot_map::SlotMap;

#[derive(Clone, Copy, Debug, Default)]
struct Account {
    /// Quanta.
    cash: i128,
    /// As the verdict records left it.
    severity: Severity,
}

#[derive(Clone, Debug)]
pub(crate) struct Listed {
    pub spec: InstrumentSpec,
    pub tiers: TierTable,
    pub mark: Price,
    /// Lots by account index; grows as accounts take positions.
    sizes: Vec<i64>,
}

impl Listed {
    pub fn size(&self, index: u32) -> i64 {
        self.sizes.get(index as usize).copied().unwrap_or_default()
    }
}

/// Cash, sizes and marks by device index.
#[derive(Clone, Debug)]
pub(crate) struct Book {
    scale: Scale,
    rungs: Rungs,
    /// By instrument.
    listed: Vec<Option<Listed>>,
    accounts: Vec<Account>,
}

impl Book {
    pub fn new(scale: Scale, rungs: Rungs) -> Self {
        Self { scale, rungs, listed: Vec::new(), accounts: Vec::new() }
    }

    pub fn severity(&self, index: u32) -> Severity {
        self.accounts.get(index as usize).copied().unwrap_or_default().severity
    }

    /// Instruments that are listed.
    pub fn listed(&self) -> impl Iterator<Item = (InstrumentId, &Listed)> {
        (0..).map(InstrumentId).zip(&self.listed).filter_map(|(id, listed)| Some((id, listed.as_ref()?)))
    }

    /// E and R of the account, quanta / scale, computed from nothing.
    pub fn word(&self, index: u32) -> (i128, i128) {
        let cash = self.accounts.get(index as usize).copied().unwrap_or_default().cash;
        let (mut equity, mut requirement) = (cash * i128::from(self.scale.get()), 0);
        for (_, listed) in self.listed() {
            let size = Size::new(listed.size(index)).expect("the plan takes sizes in range only");
            let weights = Weights { long: listed.spec.weight_long, short: listed.spec.weight_short };
            equity += margin::value(size, listed.mark, weights);
            requirement += margin::requirement(size, listed.mark, listed.tiers.steps());
        }
        (equity, requirement)
    }

    /// Lets a round take effect that the device has answered. The flags of bad accounts become those that a sound device would have raised.
    pub fn round(
        &mut self,
        updates: &[Update],
        map: &SlotMap,
        bad: &BadAccounts,
        verdicts: &mut VerdictRecord,
    ) {
        let index_of = |account| map.index_of(account).expect("the plan assigned every account of the round");
        if !bad.is_empty() {
            verdicts.retain(|flag| !bad.contains(index_of(flag.account)));
        }
        for flag in verdicts.iter() {
            self.account_mut(index_of(flag.account)).severity =
                Severity::from_code(flag.severity_new).expect("a FLAG's severity is checked");
        }
        for Update { sequence, change } in updates {
            match *change {
                Change::List { instrument, ref spec } => self.list(instrument, spec),
                Change::Mark { instrument, price } => {
                    let listed = self.listed_mut(instrument);
                    listed.mark = Price::new(price).expect("the plan takes prices in range only");
                    let holds = |index: &u32| listed.size(*index) != 0;
                    let holders: Vec<u32> = bad.iter().filter(holds).collect();
                    for index in holders {
                        let account = map.account_of(index).expect("a holder has an index");
                        verdicts.extend(self.compare(index, account, *sequence));
                    }
                }
                Change::Position { account, instrument, size, cash_delta, hold } => {
                    let index = index_of(account);
                    let sizes = &mut self.listed_mut(instrument).sizes;
                    if sizes.len() <= index as usize {
                        sizes.resize(index as usize + 1, 0);
                    }
                    sizes[index as usize] = size;
                    self.account_mut(index).cash += i128::from(cash_delta);
                    if !hold && bad.contains(index) {
                        verdicts.extend(self.compare(index, account, *sequence));
                    }
                }
                Change::Cash { account, delta, hold } => {
                    let index = index_of(account);
                    self.account_mut(index).cash += i128::from(delta);
                    if !hold && bad.contains(index) {
                        verdicts.extend(self.compare(index, account, *sequence));
                    }
                }
            }
        }
        if !bad.is_empty() {
            round::put_in_order(verdicts);
        }
    }

    fn list(&mut self, instrument: InstrumentId, spec: &InstrumentSpec) {
        let place = usize::from(instrument.0);
        if self.listed.len() <= place {
            self.listed.resize(place + 1, None);
        }
        let tiers = TierTable::new(self.scale, &spec.brackets).expect("the plan takes sound tables only");
        let (mark, sizes) = (Price::default(), Vec::new());
        self.listed[place] = Some(Listed { spec: spec.clone(), tiers, mark, sizes });
    }

    fn listed_mut(&mut self, instrument: InstrumentId) -> &mut Listed {
        self.listed[usize::from(instrument.0)].as_mut().expect("the plan takes listed instruments only")
    }

    fn account_mut(&mut self, index: u32) -> &mut Account {
        let place = index as usize;
        if self.accounts.len() <= place {
            self.accounts.resize(place + 1, Account::default());
        }
        &mut self.accounts[place]
    }

    /// As the device compares: a flag on change only.
    fn compare(&mut self, index: u32, account: AccountId, sequence: EventSequence) -> Option<Flag> {
        let (equity, requirement) = self.word(index);
        let new = margin::severity(equity, requirement, 0, &self.rungs);
        let old = std::mem::replace(&mut self.account_mut(index).severity, new);
        let (severity_old, severity_new) = (old as u8, new as u8);
        (old != new).then_some(Flag { sequence, account, severity_old, severity_new, equity, requirement })
    }
}
