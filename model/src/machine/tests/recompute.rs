//! Incremental state against a recompute from cash, sizes, marks and terms, on machines of 1, 2, 4 and 8 lanes.

use super::*;
use crate::margin::{self, Weights};
use crate::tier::{TierSteps, TierTable};
use crate::units::{Price, Size};
use alloc::collections::BTreeMap;
use proptest::prelude::*;

const ACCOUNTS: u32 = 16;
const LANES: [usize; 4] = [1, 2, 4, 8];

/// What is true of an account whatever the machine says.
#[derive(Clone, Default)]
struct Truth {
    cash: i128,
    sizes: BTreeMap<u16, i64>,
    offset: i128,
    severity: Severity,
}

#[derive(Clone, Debug)]
enum Act {
    Mark(u16, u64),
    Fund(u16, i64),
    /// Weights, and the two rates over a floor.
    Terms(u16, [u32; 2], [u32; 2], u64),
    Size(u16, u32, i64, i64),
    Cash(u32, i64),
    Offset(u32, i128),
    Rung(u32),
    /// The account's word breaks, is found out, and is reloaded.
    Lose(u32),
}

fn any_act() -> impl Strategy<Value = Act> {
    let weight = || prop_oneof![3 => Just(S), 1 => 0..=2 * S];
    prop_oneof![
        (0..2u16, 0u64..200).prop_map(|(i, p)| Act::Mark(i, p)),
        (0..2u16, -20i64..20).prop_map(|(i, d)| Act::Fund(i, d)),
        (0..2u16, [weight(), weight()], 0..=S, 0..=S, 1u64..20_000).prop_map(|(i, w, r, s, f)| Act::Terms(
            i,
            w,
            [r.min(s), r.max(s)],
            f
        )),
        (0..2u16, 0..ACCOUNTS, -200i64..200, -500i64..500).prop_map(|(i, a, q, c)| Act::Size(i, a, q, c)),
        (0..2u16, 0..ACCOUNTS, -200i64..200, -500i64..500).prop_map(|(i, a, q, c)| Act::Size(i, a, q, c)),
        (0..ACCOUNTS, -5_000i64..5_000).prop_map(|(a, c)| Act::Cash(a, c)),
        (0..ACCOUNTS, -1_000_000i128..1_000_000).prop_map(|(a, o)| Act::Offset(a, o)),
        (256u32..400).prop_map(Act::Rung),
        (0..ACCOUNTS).prop_map(Act::Lose),
    ]
}

/// A machine, its slots, and what should be true of it.
struct Run {
    bench: Bench,
    lanes: u32,
    truth: Vec<Truth>,
    marks: [Price; 2],
    weights: [Weights; 2],
    tiers: [TierSteps; 2],
    rungs: Rungs,
    /// Owners by instrument and lane.
    slots: BTreeMap<(u16, u32), Vec<u32>>,
}

impl Run {
    fn new(lanes: usize) -> Self {
        let capacity = Capacity {
            lanes,
            accounts_per_lane: ACCOUNTS as usize / lanes,
            slots_per_lane: 32,
            instruments: 2,
        };
        let bench = Bench::ready_with(capacity);
        Self {
            tiers: [bench.machine.instruments[0].live.tiers; 2],
            bench,
            lanes: lanes as u32,
            truth: vec![Truth::default(); ACCOUNTS as usize],
            marks: [Price::default(); 2],
            weights: [Weights { long: S, short: S }; 2],
            rungs: Rungs::RESET,
            slots: BTreeMap::new(),
        }
    }

    fn act(&mut self, act: &Act) -> Vec<Record> {
        match *act {
            Act::Mark(i, p) => {
                self.marks[usize::from(i)] = Price::new(p).unwrap();
                self.bench.send(mark(i, p))
            }
            Act::Fund(i, d) if self.weights[usize::from(i)] == (Weights { long: S, short: S }) => {
                for account in &mut self.truth {
                    account.cash -= i128::from(account.sizes.get(&i).copied().unwrap_or(0) * d);
                }
                self.bench.send(funding(i, d))
            }
            Act::Fund(i, d) => {
                assert_eq!(self.bench.refusal(funding(i, d)), Reason::State);
                Vec::new()
            }
            Act::Terms(i, [long, short], rates, floor) => {
                self.terms(i, Weights { long, short }, rates, floor)
            }
            Act::Cash(a, c) => {
                self.truth[a as usize].cash += i128::from(c);
                self.bench.send(cash(a, c))
            }
            Act::Offset(a, o) => {
                self.truth[a as usize].offset = o;
                self.bench.send(offset(a, o))
            }
            Act::Rung(r) => {
                self.rungs.rungs[0] = r;
                self.bench.send(setting(record::SETTING_RUNG_1, r))
            }
            Act::Size(i, a, q, c) => self.size(i, a, q, c),
            Act::Lose(a) => self.lose(a),
        }
    }

    fn terms(&mut self, i: u16, weights: Weights, [low, high]: [u32; 2], floor: u64) -> Vec<Record> {
        let scale = Scale::new(S).unwrap();
        let table = TierTable::new(scale, &[(0, low), (floor, high)]).unwrap();
        for (step, tier_of) in table.steps().as_slice().iter().enumerate() {
            self.bench.send(tier(i, step as u8, tier_of.floor, tier_of.rate, tier_of.deduction));
        }
        self.tiers[usize::from(i)] = *table.steps();
        self.weights[usize::from(i)] = weights;
        let terms = commit(i, u32::from(i) * 16);
        self.bench.send(
            terms
                .with(&record::WEIGHT_LONG, weights.long.into())
                .with(&record::WEIGHT_SHORT, weights.short.into()),
        )
    }

    fn size(&mut self, i: u16, a: u32, q: i64, c: i64) -> Vec<Record> {
        let held = self.slots.entry((i, a % self.lanes)).or_default();
        let slot = held.iter().position(|&owner| owner == a);
        if slot.is_none() && q == 0 {
            return Vec::new();
        }
        let account = &mut self.truth[a as usize];
        account.cash += i128::from(c);
        account.sizes.insert(i, q);
        let mut out = self.bench.send(position(i, a, slot.unwrap_or(held.len()) as u32, q, c));
        match slot {
            None => held.push(a),
            Some(slot) if q == 0 => {
                let last = held.len() - 1;
                out.extend(self.bench.send(move_slot(i, held[last], last as u32, slot as u32)));
                held.swap_remove(slot);
            }
            Some(_) => {}
        }
        out
    }

    fn lose(&mut self, a: u32) -> Vec<Record> {
        self.bench.machine.break_account(a);
        let found = self.bench.send(cash(a, 0));
        assert_eq!(found[0].flags(), Reason::UncorrectableAccount as u8);
        self.truth[a as usize].severity = Severity::Healthy;
        for i in 0..2 {
            let held = self.slots.entry((i, a % self.lanes)).or_default();
            if let Some(slot) = held.iter().position(|&owner| owner == a) {
                let size = self.truth[a as usize].sizes[&i];
                assert!(self.bench.send(raw(i, a, slot as u32, size)).is_empty());
            }
        }
        let (equity, requirement) = self.recompute(a);
        self.bench.send(offset(a, self.truth[a as usize].offset).flagged(HOLD));
        self.bench.send(load(a, equity, requirement))
    }

    fn recompute(&self, a: u32) -> (i128, i128) {
        let account = &self.truth[a as usize];
        let (mut equity, mut requirement) = (account.cash * i128::from(S), 0);
        for (&i, &q) in &account.sizes {
            let i = usize::from(i);
            let (size, price) = (Size::new(q).unwrap(), self.marks[i]);
            let weight = if q < 0 { self.weights[i].short } else { self.weights[i].long };
            equity += i128::from(q) * i128::from(price.get()) * i128::from(weight);
            requirement += margin::requirement(size, price, &self.tiers[i]);
        }
        (equity, requirement)
    }

    /// Takes the flags into account and compares every account with its recompute.
    fn check(&mut self, out: &[Record]) {
        for flag in out.iter().filter(|r| r.op() == output::FLAG.op) {
            let account = &mut self.truth[flag.account() as usize];
            assert_eq!(flag.flags() >> 4, account.severity as u8);
            account.severity = Severity::from_code(flag.flags() & 15).unwrap();
        }
        for a in 0..ACCOUNTS {
            let (equity, requirement) = self.recompute(a);
            let account = &self.truth[a as usize];
            let severity = margin::severity(equity, requirement, account.offset, &self.rungs);
            assert_eq!(account.severity, severity, "account {a}: the flags");
            assert_eq!(self.bench.account(a), (equity, requirement, severity as u8), "account {a}");
        }
    }
}

/// The flags by account, without their numbers: a close is two records, of which a lane may see more.
fn flags(out: &[Record]) -> Vec<Record> {
    let mut flags: Vec<Record> =
        out.iter().filter(|r| r.op() == output::FLAG.op).map(|r| r.with(&record::SEQUENCE, 0)).collect();
    flags.sort_unstable();
    flags
}

proptest! {
    #[test]
    fn incremental_state_equals_a_recompute_and_lanes_change_nothing(
        acts in prop::collection::vec(any_act(), 1..60)
    ) {
        let mut runs = LANES.map(Run::new);
        for act in acts {
            let outs: Vec<Vec<Record>> = runs.iter_mut().map(|run| run.act(&act)).collect();
            for (run, out) in runs.iter_mut().zip(&outs) {
                run.check(out);
                prop_assert_eq!(flags(out), flags(&outs[0]));
                let sum = |out: &[Record]| receipts(out).iter().fold((0, 0), |a, b| (a.0 + b.0, a.1 + b.1));
                prop_assert_eq!(sum(out), sum(&outs[0]));
            }
        }
    }
}
