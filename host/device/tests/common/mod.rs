//! A naive ledger as the oracle: everything recomputed from scratch after every update, from the contract and not from the model.
#![allow(dead_code, reason = "each test file uses a part")]

pub mod bench;
pub mod steps;

use std::cmp::Reverse;
use std::collections::BTreeMap;

use device::Coverage;
use engine::event::{AccountId, Change, Flag, InstrumentId, Update};
use engine::rules::{InstrumentSpec, Rules};
use model::machine::Capacity;

#[derive(Clone, Debug)]
pub struct Instrument {
    pub spec: InstrumentSpec,
    pub mark: u64,
}

#[derive(Clone, Debug, Default)]
pub struct Account {
    pub cash: i128,
    pub offset: i128,
    pub positions: BTreeMap<u16, i64>,
    pub severity: u8,
}

#[derive(Clone, Debug)]
pub struct Ledger {
    pub rules: Rules,
    pub instruments: BTreeMap<u16, Instrument>,
    pub accounts: BTreeMap<AccountId, Account>,
}

impl Ledger {
    pub fn new(rules: Rules) -> Self {
        Self { rules, instruments: BTreeMap::new(), accounts: BTreeMap::new() }
    }

    /// Equity and requirement in quanta / scale, without the offset.
    pub fn word(&self, account: &Account) -> (i128, i128) {
        let mut equity = account.cash * i128::from(self.rules.scale);
        let mut requirement = 0;
        for (id, &size) in &account.positions {
            let Instrument { spec, mark } = &self.instruments[id];
            let weight = if size < 0 { spec.weight_short } else { spec.weight_long };
            equity += i128::from(size) * i128::from(*mark) * i128::from(weight);
            let notional = u128::from(size.unsigned_abs()) * u128::from(*mark);
            for (tier, &(floor, rate)) in spec.brackets.iter().enumerate() {
                let ceiling = spec.brackets.get(tier + 1).map_or(u128::MAX, |next| next.0.into());
                let part = notional.min(ceiling).saturating_sub(floor.into());
                requirement += part as i128 * i128::from(rate);
            }
        }
        (equity, requirement)
    }

    /// From equity, requirement and what the account's offset adds to it.
    pub fn severity(&self, equity: i128, requirement: i128, offset: i128) -> u8 {
        if equity < 0 {
            return 4;
        }
        let effective = requirement + offset;
        let crossed = |rung: u32| {
            let (left, right) = (256 * equity, effective * i128::from(rung));
            effective > 0 && (left < right || self.rules.equality && left == right)
        };
        (1..=3).rev().find(|&severity| crossed(self.rules.rungs[usize::from(severity) - 1])).unwrap_or(0)
    }

    fn compare(&mut self, id: AccountId, sequence: u64, flags: &mut Vec<Flag>) {
        let (equity, requirement) = self.word(&self.accounts[&id]);
        let severity_new = self.severity(equity, requirement, self.accounts[&id].offset);
        let severity_old = std::mem::replace(&mut self.accounts.get_mut(&id).unwrap().severity, severity_new);
        if severity_old != severity_new {
            flags.push(Flag { sequence, account: id, severity_old, severity_new, equity, requirement });
        }
    }

    fn sweep(&mut self, instrument: InstrumentId, sequence: u64, flags: &mut Vec<Flag>) -> Coverage {
        let holds = |account: &Account| account.positions.contains_key(&instrument.0);
        let holders: Vec<AccountId> =
            self.accounts.iter().filter(|(_, a)| holds(a)).map(|(id, _)| *id).collect();
        for &id in &holders {
            self.compare(id, sequence, flags);
        }
        Coverage { sequence, instrument, holders: holders.len() as u64, clocks: 0 }
    }

    /// The round's verdict record, and what every mark, payment and change of brackets covers.
    pub fn round(&mut self, updates: &[Update]) -> (Vec<Flag>, Vec<Coverage>) {
        let (mut flags, mut coverage) = (Vec::new(), Vec::new());
        for Update { sequence, change } in updates {
            let sequence = *sequence;
            match *change {
                Change::List { instrument, ref spec } => {
                    self.instruments.insert(instrument.0, Instrument { spec: (**spec).clone(), mark: 0 });
                }
                Change::Mark { instrument, price } => {
                    self.instruments.get_mut(&instrument.0).unwrap().mark = price;
                    coverage.push(self.sweep(instrument, sequence, &mut flags));
                }
                Change::Funding { instrument, delta } => {
                    for account in self.accounts.values_mut() {
                        let size = account.positions.get(&instrument.0).copied().unwrap_or(0);
                        account.cash -= i128::from(size) * i128::from(delta);
                    }
                    coverage.push(self.sweep(instrument, sequence, &mut flags));
                }
                Change::Brackets { instrument, ref spec } => {
                    self.instruments.get_mut(&instrument.0).unwrap().spec.brackets = spec.brackets.clone();
                    coverage.push(self.sweep(instrument, sequence, &mut flags));
                }
                Change::Position { account: id, instrument, size, cash_delta, hold } => {
                    let account = self.accounts.entry(id).or_default();
                    account.cash += i128::from(cash_delta);
                    account.positions.insert(instrument.0, size);
                    account.positions.retain(|_, size| *size != 0);
                    if !hold {
                        self.compare(id, sequence, &mut flags);
                    }
                }
                Change::Cash { account: id, delta, hold } => {
                    self.accounts.entry(id).or_default().cash += i128::from(delta);
                    if !hold {
                        self.compare(id, sequence, &mut flags);
                    }
                }
                Change::Offset { account: id, value, hold } => {
                    self.accounts.entry(id).or_default().offset = value;
                    if !hold {
                        self.compare(id, sequence, &mut flags);
                    }
                }
            }
        }
        flags.sort_by_key(|flag| (flag.sequence, Reverse(flag.severity_new), flag.account));
        (flags, coverage)
    }
}

pub const INSTRUMENTS: u16 = 4;
pub const ACCOUNTS: u64 = 16;
pub const PRICE_BITS: u8 = 16;
pub const SIZE_BITS: u8 = 12;

pub fn rules() -> Rules {
    Rules { scale: 10_000, ..Rules::default() }
}

/// Rooms for [`ACCOUNTS`] in every instrument, in any number of lanes.
pub fn capacity(lanes: usize) -> Capacity {
    let accounts_per_lane = ACCOUNTS as usize / lanes;
    let slots_per_lane = accounts_per_lane * usize::from(INSTRUMENTS);
    Capacity { lanes, accounts_per_lane, slots_per_lane, instruments: INSTRUMENTS.into() }
}

/// A perpetual, a haircut collateral, one tier, many tiers: by the instrument's number.
pub fn spec(instrument: u16) -> InstrumentSpec {
    let (weight_long, weight_short) =
        [(10_000, 10_000), (9_000, 11_000), (10_000, 10_000), (8_500, 20_000)][usize::from(instrument % 4)];
    let brackets = match instrument % 4 {
        0 => vec![(0, 50)],
        1 => vec![(0, 400), (1_000_000, 500), (50_000_000, 2_500)],
        2 => (0..16).map(|tier| (tier * tier * 500_000, 40 * tier as u32)).collect(),
        _ => vec![(0, 10_000)],
    };
    InstrumentSpec {
        price_bits: PRICE_BITS,
        size_bits: SIZE_BITS,
        weight_long,
        weight_short,
        brackets,
        ..InstrumentSpec::plain(&format!("I{instrument}"), rules().scale)
    }
}

/// Venue ids are nothing like device indices.
pub fn id(number: u64) -> AccountId {
    AccountId(number.wrapping_mul(0x9e37_79b9_7f4a_7c15).rotate_left(17))
}

pub fn list(sequence: u64, instrument: u16) -> Update {
    Update {
        sequence,
        change: Change::List { instrument: InstrumentId(instrument), spec: Box::new(spec(instrument)) },
    }
}

pub fn mark(sequence: u64, instrument: u16, price: u64) -> Update {
    Update { sequence, change: Change::Mark { instrument: InstrumentId(instrument), price } }
}

pub fn funding(sequence: u64, instrument: u16, delta: i64) -> Update {
    Update { sequence, change: Change::Funding { instrument: InstrumentId(instrument), delta } }
}

/// The brackets of instrument `of` for `instrument`.
pub fn brackets(sequence: u64, instrument: u16, of: u16) -> Update {
    let spec = InstrumentSpec { brackets: spec(of).brackets, ..spec(instrument) };
    let change = Change::Brackets { instrument: InstrumentId(instrument), spec: Box::new(spec) };
    Update { sequence, change }
}

pub fn cash(sequence: u64, account: u64, delta: i64) -> Update {
    Update { sequence, change: Change::Cash { account: id(account), delta, hold: false } }
}

pub fn offset(sequence: u64, account: u64, value: i128) -> Update {
    Update { sequence, change: Change::Offset { account: id(account), value, hold: false } }
}

pub fn position(sequence: u64, account: u64, instrument: u16, size: i64, cash_delta: i64) -> Update {
    let (account, instrument) = (id(account), InstrumentId(instrument));
    Update { sequence, change: Change::Position { account, instrument, size, cash_delta, hold: false } }
}

/// The same update, applied without comparing.
pub fn held(mut update: Update) -> Update {
    match &mut update.change {
        Change::Position { hold, .. } | Change::Cash { hold, .. } | Change::Offset { hold, .. } => {
            *hold = true
        }
        Change::List { .. } | Change::Mark { .. } | Change::Funding { .. } | Change::Brackets { .. } => {
            unreachable!("only account changes are held")
        }
    }
    update
}
