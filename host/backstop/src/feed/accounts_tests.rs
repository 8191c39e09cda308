use super::super::instrument::quanta;
use super::*;
use model::margin::{Rungs, Severity, Weights, requirement, severity, value};
use model::units::Size;
use proptest::prelude::*;
use std::collections::{BTreeMap, BTreeSet};

const PRICES: [&str; 8] =
    ["46319.0", "3700.5", "171.23", "0.84712", "0.000031234", "24.9", "102.44", "1.3371"];

fn scale() -> Scale {
    Scale::new(1_000_000).unwrap()
}

fn listed(price: &str) -> (InstrumentSpec, Price) {
    let price = price.parse().unwrap();
    let spec = crate::rules::built_in().spec("X", price).unwrap();
    let quoted = quanta(&spec, price).unwrap().quanta;
    (spec, Price::new(quoted).unwrap())
}

fn seeded(accounts: &mut Accounts, instruments: usize) -> Vec<Vec<Event>> {
    (0..instruments)
        .map(|at| {
            let (spec, price) = listed(PRICES[at % PRICES.len()]);
            accounts.seed(InstrumentId(at as u16), &spec, price).unwrap()
        })
        .collect()
}

/// Cash and positions of every account, replayed from the events by themselves.
#[derive(Default)]
struct Ledger {
    cash: BTreeMap<AccountId, i64>,
    positions: BTreeMap<(AccountId, u16), i64>,
}

impl Ledger {
    fn of(events: &[Event]) -> Self {
        let mut ledger = Self::default();
        for event in events {
            match *event {
                Event::Deposited { account, quanta } => *ledger.cash.entry(account).or_default() += quanta,
                Event::Traded { account, instrument, lots, quote } => {
                    assert!(lots != 0 && (lots < 0) == (quote > 0));
                    assert!(
                        ledger.positions.insert((account, instrument.0), lots).is_none(),
                        "one trade each"
                    );
                    *ledger.cash.get_mut(&account).expect("pays in first") += quote;
                }
                ref other => panic!("{other:?} is no seeding"),
            }
        }
        ledger
    }

    /// E, R at the first marks, by the model.
    fn margin(&self, account: AccountId) -> (i128, i128) {
        let mut equity = i128::from(self.cash[&account]) * 1_000_000;
        let mut required = 0;
        for (&(_, instrument), &lots) in self.positions.range((account, 0)..=(account, u16::MAX)) {
            let (spec, price) = listed(PRICES[usize::from(instrument) % PRICES.len()]);
            let size = Size::new(lots).unwrap();
            equity += value(size, price, Weights { long: spec.weight_long, short: spec.weight_short });
            required += requirement(size, price, TierTable::new(scale(), &spec.brackets).unwrap().steps());
        }
        (equity, required)
    }

    /// E, R of an account that holds one instrument at most.
    fn margin_of(&self, account: AccountId, spec: &InstrumentSpec, price: Price) -> (i128, i128) {
        let size = Size::new(self.positions.get(&(account, 0)).copied().unwrap_or(0)).unwrap();
        let weights = Weights { long: spec.weight_long, short: spec.weight_short };
        let tiers = TierTable::new(scale(), &spec.brackets).unwrap();
        let equity = i128::from(self.cash[&account]) * 1_000_000 + value(size, price, weights);
        (equity, requirement(size, price, tiers.steps()))
    }

    fn holdings(&self) -> BTreeMap<AccountId, usize> {
        let mut holdings = BTreeMap::new();
        for (account, _) in self.positions.keys() {
            *holdings.entry(*account).or_default() += 1;
        }
        holdings
    }
}

/// Long and short lots of the margin accounts.
fn sides(events: &[Event]) -> [i128; 2] {
    events.iter().fold([0; 2], |[long, short], event| match event {
        Event::Traded { lots, .. } if *lots > 0 => [long + i128::from(*lots), short],
        Event::Traded { lots, .. } => [long, short - i128::from(*lots)],
        _ => [long, short],
    })
}

fn rungs() -> Rungs {
    Rungs { rungs: [320, 256, 171], equality: false }
}

#[test]
fn planted_accounts_stand_at_the_line_to_the_quantum() {
    for price in PRICES {
        let mut accounts = Accounts::new(3, 0, 500, scale()).unwrap();
        let (spec, price) = listed(price);
        let events = accounts.seed(InstrumentId(0), &spec, price).unwrap();
        let ledger = Ledger::of(&events);
        let tiers = TierTable::new(scale(), &spec.brackets).unwrap();
        let mut seen = BTreeMap::<i8, [u32; 2]>::new();
        let mut brackets = BTreeSet::new();
        for planted in accounts.planted() {
            let lots = ledger.positions[&(planted.account, 0)];
            let size = Size::new(lots).unwrap();
            let required = requirement(size, price, tiers.steps());
            let equity = i128::from(ledger.cash[&planted.account]) * 1_000_000
                + i128::from(lots) * i128::from(price.get()) * 1_000_000;
            assert_eq!(equity - required, i128::from(planted.quanta) * 1_000_000);
            let verdict = severity(equity, required, 0, &rungs());
            assert_eq!(verdict, if planted.quanta < 0 { Severity::Liquidatable } else { Severity::Warned });
            seen.entry(planted.quanta).or_default()[usize::from(lots < 0)] += 1;
            brackets.insert(tiers.steps().tier_of(size.notional(price)));
        }
        assert_eq!(seen.keys().copied().collect::<Vec<_>>(), [-1, 0, 1]);
        assert!(seen.values().all(|both| *both == [2, 2]), "{seen:?}");
        assert_eq!(brackets.into_iter().collect::<Vec<_>>(), [0, 1, 2]);
    }
}

#[test]
fn planted_accounts_hold_the_first_instrument_alone() {
    let mut accounts = Accounts::new(3, 0, 60, scale()).unwrap();
    let events = seeded(&mut accounts, 8).concat();
    let holdings = Ledger::of(&events).holdings();
    assert_eq!(accounts.planted().len(), 12);
    assert!(accounts.planted().iter().all(|planted| holdings[&planted.account] == 1));
}

#[test]
fn the_same_seed_gives_the_same_accounts() {
    let events = |seed, episode| seeded(&mut Accounts::new(seed, episode, 300, scale()).unwrap(), 3);
    assert_eq!(events(1, 0), events(1, 0));
    assert_ne!(events(1, 0), events(2, 0));
    assert_ne!(events(1, 0), events(1, 1));
    let ids = |seed| Accounts::new(seed, 0, 300, scale()).unwrap().ids().map(|id| id.0).collect::<Vec<_>>();
    let (mut one, mut two) = (ids(1), ids(2));
    assert_ne!(one, two);
    assert!(!one.is_sorted());
    one.sort_unstable();
    two.sort_unstable();
    assert_eq!(one, (0..300).map(|at| 1_000_000 + 7 * at).collect::<Vec<u64>>());
    assert_eq!(one, two);
}

#[test]
fn what_an_instrument_gets_does_not_depend_on_later_ones() {
    let all = seeded(&mut Accounts::new(5, 2, 400, scale()).unwrap(), 6);
    assert_eq!(seeded(&mut Accounts::new(5, 2, 400, scale()).unwrap(), 3), all[..3]);
}

#[test]
fn two_thousand_accounts_look_like_a_venue() {
    let mut accounts = Accounts::new(11, 0, 2_000, scale()).unwrap();
    let events = seeded(&mut accounts, 8);
    let ledger = Ledger::of(&events.concat());
    let mut holders = [0u32; 9];
    ledger.holdings().values().for_each(|count| holders[*count] += 1);
    eprintln!("accounts by instruments held: {holders:?}; positions: {}", ledger.positions.len());
    assert_eq!(holders.iter().sum::<u32>(), 2_000);
    assert!(holders[1] + holders[2] + holders[3] > 1_900 && holders[6..] == [0; 3], "{holders:?}");
    let mut brackets = [0u32; 9];
    let mut small = 0;
    for (&(_, instrument), lots) in &ledger.positions {
        let (spec, price) = listed(PRICES[usize::from(instrument)]);
        let notional = u128::from(lots.unsigned_abs()) * u128::from(price.get());
        brackets[TierTable::new(scale(), &spec.brackets).unwrap().steps().tier_of(notional)] += 1;
        small += u32::from(notional < 10_000_000_000);
    }
    eprintln!("positions by bracket: {brackets:?}, {small} below 10,000");
    assert!(small * 2 > ledger.positions.len() as u32);
    assert!(brackets[..6].iter().all(|count| *count > 0), "{brackets:?}");
    // The maker's own position stays within the instrument's sizes.
    for events in &events {
        let [long, short] = sides(events);
        assert!((long - short).abs() < 1 << 27, "{long} {short}");
    }
}

#[test]
fn many_instruments_share_few_accounts_up_to_the_bound() {
    let mut accounts = Accounts::new(1, 0, 16, scale()).unwrap();
    let events = seeded(&mut accounts, 64);
    assert!(events.iter().all(|events| sides(events).iter().all(|side| *side > 0)));
    let (spec, price) = listed("1");
    assert!(matches!(accounts.seed(InstrumentId(64), &spec, price), Err(AccountsError::Full)));
}

#[test]
fn what_cannot_be_generated_says_so() {
    assert!(matches!(Accounts::new(1, 0, 15, scale()), Err(AccountsError::Count(15))));
    let mut accounts = Accounts::new(1, 0, 16, scale()).unwrap();
    let (spec, price) = listed("1");
    let order = accounts.seed(InstrumentId(1), &spec, price);
    assert!(matches!(order, Err(AccountsError::Order { expected: 0, found: 1 })));
    let spot = InstrumentSpec { weight_long: 900_000, ..spec };
    assert!(matches!(accounts.seed(InstrumentId(0), &spot, price), Err(AccountsError::Weights(0))));
}

/// The initial margin at the open interest that the seeding itself makes, by its definition, never above what was paid in.
#[test]
fn initial_margin_is_paid_in_and_nobody_is_planted() {
    let (base, price) = listed("171.23");
    for (lower, upper) in [(0, 0), (1, 1 << 40), (1 << 40, 1 << 50), (1, 2)] {
        let spec = InstrumentSpec {
            initial: vec![(0, 200_000), (1_000_000_000_000, 600_000)],
            open_interest: OpenInterest { lower, upper },
            ..base.clone()
        };
        let mut accounts = Accounts::new(3, 0, 300, scale()).unwrap();
        let events = accounts.seed(InstrumentId(0), &spec, price).unwrap();
        assert_eq!((accounts.planted().len(), accounts.ids().count()), (0, 300));
        let ledger = Ledger::of(&events);
        assert_eq!(ledger.positions.len(), 300);
        let [long, short] = sides(&events);
        let interest = long.max(short) * i128::from(price.get());
        let above = (interest - i128::from(lower)).clamp(0, i128::from(upper - lower));
        let table = TierTable::new(scale(), &spec.initial).unwrap();
        for (&(account, _), &lots) in &ledger.positions {
            let (equity, _) = ledger.margin_of(account, &spec, price);
            let notional = Size::new(lots).unwrap().notional(price);
            let initial = table.requirement(notional);
            let rise = (notional as i128 * 1_000_000 - initial) * above;
            // equity >= initial + rise / (upper - lower)
            let span = i128::from(upper - lower).max(1);
            assert!((equity - initial) * span >= rise, "{account:?}: {equity} {initial} {rise}");
            if upper == 2 {
                assert!(equity >= notional as i128 * 1_000_000);
            }
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]
    #[test]
    fn every_seeding_is_sound(seed: u64, episode in 0u32..50, count in 16usize..400, instruments in 1usize..8) {
        let mut accounts = Accounts::new(seed, episode, count, scale()).unwrap();
        let events = seeded(&mut accounts, instruments);
        for events in &events {
            let [long, short] = sides(events);
            // Open interest is the larger side; the maker's position, the difference, closes the sum.
            let interest = long.max(short);
            let maker = -(long - short);
            prop_assert_eq!(long - short + maker, 0);
            prop_assert!(long * 100 >= interest * 30 && short * 100 >= interest * 30, "{} {}", long, short);
        }
        let ledger = Ledger::of(&events.concat());
        prop_assert_eq!(ledger.cash.len(), count);
        let planted: BTreeSet<AccountId> = accounts.planted().iter().map(|planted| planted.account).collect();
        for account in accounts.ids() {
            let (equity, required) = ledger.margin(account);
            if planted.contains(&account) {
                prop_assert!((equity - required).abs() <= 1_000_000);
            } else {
                prop_assert!(required > 0 && equity * 100 >= required * 150);
                prop_assert_eq!(severity(equity, required, 0, &rungs()), Severity::Healthy);
            }
        }
    }
}
