//! What the benches share: where figures go, and accounts made up from a seed.
#![allow(dead_code, reason = "each bench uses its part")]

#[path = "../../../../benches/common/figures.rs"]
mod figures;

pub use figures::{figures, is_full};
use model::record::{self, FLAG_COMMIT, FLAG_HOLD, Record, fnv1a_64, input};

pub const S: u32 = 1_000_000;
/// Quanta a lot of every instrument at first.
pub const MARK: u64 = 60_000_000;
/// Floor in quanta and rate of the tiers: the lowest of a large venue's brackets.
pub const TIERS: [(u64, u32); 4] =
    [(0, 4_000), (50_000_000_000, 5_000), (600_000_000_000, 10_000), (3_000_000_000_000, 25_000)];

pub struct Draw(pub u64);

impl Draw {
    /// From 1 on, of any order of magnitude up to 2^`bits`.
    pub fn lots(&mut self, bits: u64) -> u64 {
        let width = 1 + self.below(bits);
        1 + self.below(1 << width)
    }

    pub fn below(&mut self, limit: u64) -> u64 {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        ((u128::from(self.0 >> 8) * u128::from(limit)) >> 56) as u64
    }
}

/// Sets a machine up: so many instruments, each with the tiers and room for `slots` slots.
pub fn setup(instruments: u32, slots: u32) -> Vec<Record> {
    let mut records = vec![
        Record::new(&input::RESYNC, 0),
        Record::new(&input::SETTING, 0).with(&record::INDEX, 0).with(&record::VALUE, S.into()),
    ];
    for instrument in 0..instruments {
        let of = |layout| Record::new(layout, 0).with(&record::INSTRUMENT, instrument.into());
        let mut deduction = 0u64;
        for (step, (floor, rate)) in TIERS.into_iter().enumerate() {
            deduction += floor * u64::from(rate - TIERS[step.saturating_sub(1)].1);
            let tier = of(&input::TIER).with(&record::STEP, step as i128).with(&record::RATE, rate.into());
            records.push(tier.with(&record::FLOOR, floor.into()).with(&record::DEDUCTION, deduction.into()));
        }
        let header = of(&input::INSTRUMENT)
            .with(&record::WEIGHT_LONG, S.into())
            .with(&record::WEIGHT_SHORT, S.into())
            .with(&record::BASE, i128::from(instrument) * i128::from(slots))
            .with(&record::CAPACITY, slots.into());
        let header = header.with(&record::PRICE_BITS, 32).with(&record::SIZE_BITS, 27);
        records.push(header.with(&record::TIER_COUNT, TIERS.len() as i128).flagged(FLAG_COMMIT));
        records.push(of(&input::MARK).with(&record::PRICE, MARK.into()));
    }
    records
}

/// Accounts with a position in each instrument, in slots that are not in the accounts' order: sizes up to 10,000 lots of either side, levered 1 to 100
/// times, evenly in the logarithm. With `parked` all stand right at their line.
pub fn accounts(count: u32, instruments: u32, parked: bool, mut each: impl FnMut(Record)) {
    let mut draw = Draw(41);
    // An order that walks all accounts: slots of neighbours lie far apart.
    let stride =
        (1..).map(|more| 2_654_435_761 % count.max(2) + more).find(|&stride| gcd(stride, count) == 1);
    let stride = u64::from(stride.expect("some number has no common divisor"));
    for slot in 0..count {
        let account = (u64::from(slot) * stride % u64::from(count)) as u32;
        let (mut notional, mut requirement) = (0u64, 0u64);
        for instrument in 0..instruments {
            let lots = draw.lots(13);
            let size = if draw.below(2) == 0 { lots as i128 } else { -(lots as i128) };
            notional += lots * MARK;
            requirement += requirement_of(lots * MARK);
            let position = Record::new(&input::POSITION, 0)
                .with(&record::INSTRUMENT, instrument.into())
                .with(&record::ACCOUNT, account.into())
                .with(&record::SLOT, slot.into())
                .with(&record::SIZE, size);
            each(position.with(&record::CASH_DELTA, -size * i128::from(MARK)).flagged(FLAG_HOLD));
        }
        // 2^0 to 2^6.6, in 64ths.
        let exponent = draw.below(425);
        let leverage = (64 << (exponent / 64)) + ((exponent % 64) << (exponent / 64));
        let margin = if parked { requirement } else { (notional * 64 / leverage).max(requirement * 11 / 10) };
        let cash = Record::new(&input::CASH, 0).with(&record::ACCOUNT, account.into());
        each(cash.with(&record::DELTA, margin.into()));
    }
}

/// In quanta, rounded up.
fn requirement_of(notional: u64) -> u64 {
    let mut deduction = 0u128;
    let mut most = 0u128;
    for (step, (floor, rate)) in TIERS.into_iter().enumerate() {
        deduction += u128::from(floor) * u128::from(rate - TIERS[step.saturating_sub(1)].1);
        most = most.max((u128::from(notional) * u128::from(rate)).saturating_sub(deduction));
    }
    most.div_ceil(u128::from(S)) as u64
}

fn gcd(a: u32, b: u32) -> u32 {
    if b == 0 { a } else { gcd(b, a % b) }
}

pub fn mark(instrument: u32, price: u64) -> Record {
    Record::new(&input::MARK, 0)
        .with(&record::INSTRUMENT, instrument.into())
        .with(&record::PRICE, price.into())
}

/// A hash over all answers so far.
pub fn hash(so_far: u64, answers: &[Record]) -> u64 {
    answers.iter().fold(so_far, |hash, answer| hash.rotate_left(5) ^ fnv1a_64(&answer.0))
}

/// Median, mean and 99th percentile.
pub fn quantiles(times: &mut [u64]) -> [f64; 3] {
    times.sort_unstable();
    let at = |percent: usize| times[(times.len() - 1) * percent / 100] as f64;
    [at(50), times.iter().sum::<u64>() as f64 / times.len() as f64, at(99)]
}
