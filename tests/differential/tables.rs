//! Terms of instruments: tier tables whose floors can be hit, weights at their bounds, segments side by side.

use super::book::Terms;
use super::rng::Rng;

/// Largest floor and deduction.
pub const FLOOR_MAX: u64 = (1 << 59) - 1;
pub const DEDUCTION_MAX: u128 = (1 << 79) - 1;

/// Terms of every instrument of a build whose lane has `slots`.
pub fn all_terms(rng: &mut Rng, instruments: usize, slots: u32, scale: u32) -> Vec<Terms> {
    let mut next = 0;
    (0..instruments)
        .map(|index| {
            let base = next;
            let left = instruments - index;
            let share = (slots - base) / left as u32;
            let capacity = 1 + rng.below(share.into()) as u32;
            // The last one takes what is left, or little at the lane's very end.
            let (base, capacity) = match (left, rng.below(4)) {
                (1, 0) if slots < 1_024 => (slots - capacity.min(8), capacity.min(8)),
                (1, 0..=2) => (base, share),
                _ => (base, capacity),
            };
            let gap = if left > 1 && rng.one_in(4) { (share - capacity).min(2) } else { 0 };
            let terms = terms(rng, base, capacity, scale);
            next = base + capacity + gap;
            terms
        })
        .collect()
}

/// Terms over the given segment.
pub fn terms(rng: &mut Rng, base: u32, capacity: u32, scale: u32) -> Terms {
    let any = 1 + rng.below(32) as u32;
    let price_bits = rng.pick(&[32, 32, 24, 19, 19, 20, any]);
    let size_bits = match rng.below(4) {
        0 => 1 + rng.below(u64::from((59 - price_bits).min(40))) as u32,
        _ => (59 - price_bits).min(40),
    };
    let [weight_long, weight_short] = weights(rng, scale);
    Terms {
        weight_long,
        weight_short,
        base,
        capacity,
        price_bits,
        size_bits,
        tiers: tiers(rng, price_bits, size_bits, scale),
    }
}

/// Mostly S and S; sometimes a haircut, a bound, or two that differ.
fn weights(rng: &mut Rng, scale: u32) -> [u32; 2] {
    let any = |rng: &mut Rng| match rng.below(6) {
        0 => 0,
        1 => 2 * scale,
        2 => rng.below(2 * u64::from(scale) + 1) as u32,
        _ => scale,
    };
    match rng.below(8) {
        0..=4 => [scale; 2],
        // Collateral: a haircut on what is held, more than its value on what is owed.
        5 => [
            scale - rng.below(u64::from(scale)).min(u64::from(scale) - 1) as u32,
            scale + rng.below(u64::from(scale) / 4 + 2) as u32,
        ],
        _ => [any(rng), any(rng)],
    }
}

/// 1 to 16 brackets; floors near squares, so that a floor and its neighbours are products of a price and a size.
pub fn tiers(rng: &mut Rng, price_bits: u32, size_bits: u32, scale: u32) -> Vec<(u64, u32, u128)> {
    if rng.one_in(4) {
        return venue_tiers(rng, price_bits + size_bits, scale);
    }
    let count = rng.pick(&[16, 16, 16, 16, 1, 2, 3, 5, 8, 15]);
    let mut floors = Vec::new();
    while floors.len() + 1 < count {
        // Beyond what the instrument can reach a floor decides nothing.
        let floor = match rng.below(8) {
            0 => rng.of_length(59),
            1..=3 => rng.of_length((price_bits + size_bits).min(59)),
            4 => rng.of_length(20),
            _ => {
                let side = rng.of_length(price_bits.min(size_bits));
                (side * side).saturating_sub(rng.below(2))
            }
        };
        if floor > 0 && floor <= FLOOR_MAX && !floors.contains(&floor) {
            floors.push(floor);
        }
    }
    if count > 2 && rng.one_in(8) {
        floors.retain(|floor| *floor != FLOOR_MAX);
        floors.truncate(count - 2);
        floors.push(FLOOR_MAX);
    }
    floors.push(0);
    floors.sort_unstable();
    let mut rates: Vec<u32> = floors.iter().map(|_| rng.below(u64::from(scale) + 1) as u32).collect();
    if rng.one_in(2) {
        // Venues' rates: a few percent.
        rates.iter_mut().for_each(|rate| *rate /= 20);
    }
    rates.sort_unstable();
    if rng.one_in(4) {
        *rates.last_mut().expect("at least one") = scale;
    }
    // Not always the recurrence's deductions: the machine checks only that they do not fall.
    let free = rng.one_in(5);
    let mut below = (0u64, rates[0], 0u128);
    let mut table = Vec::new();
    for (floor, rate) in floors.into_iter().zip(rates) {
        let exact = below.2 + u128::from(floor) * u128::from(rate - below.1);
        let deduction = if free && floor > 0 {
            let bits = rng.below(79) as u32;
            (below.2 + (u128::from(rng.draw()) << 20 >> (84 - bits).min(83))).min(DEDUCTION_MAX)
        } else {
            exact
        };
        below = (floor, rate, deduction);
        table.push(below);
    }
    if table.len() > 1 && rng.one_in(10) {
        table.last_mut().expect("at least one").2 = DEDUCTION_MAX;
    }
    table
}

/// 16 brackets as the large venues have them: each floor two to ten times the one below, rates from 0.4 % to a half.
fn venue_tiers(rng: &mut Rng, notional_bits: u32, scale: u32) -> Vec<(u64, u32, u128)> {
    let mut floor = 1 + rng.of_length(notional_bits / 3);
    let mut table = vec![(0, scale / 250, 0)];
    for step in 1..16u32 {
        table.push((floor, scale / 250 + (scale / 2 - scale / 250) * step / 15, 0));
        floor = (floor * rng.pick(&[2, 2, 3, 5, 10])).min(FLOOR_MAX - 16) + u64::from(step);
    }
    table.sort_unstable();
    table.dedup_by_key(|bracket| bracket.0);
    follow_the_recurrence(&mut table);
    table
}

fn follow_the_recurrence(table: &mut [(u64, u32, u128)]) {
    for step in 1..table.len() {
        let (_, rate, deduction) = table[step - 1];
        table[step].2 = deduction + u128::from(table[step].0) * u128::from(table[step].1 - rate);
    }
}

/// Gives one of the brackets the floor, and the others floors below and above it.
pub fn move_floor(rng: &mut Rng, table: &mut [(u64, u32, u128)], floor: u64) {
    let last = (table.len() as u64 - 1).min(floor);
    let above = FLOOR_MAX.saturating_sub(floor) / 16;
    if last == 0 || above == 0 {
        return;
    }
    let at = 1 + rng.below(last);
    for (step, bracket) in (0..).zip(table.iter_mut()) {
        bracket.0 = if step <= at {
            (u128::from(floor) * u128::from(step) / u128::from(at)) as u64
        } else {
            floor + (step - at) * (1 + above.isqrt())
        };
    }
    follow_the_recurrence(table);
}

/// A size and a price whose product is `notional`, within the terms.
pub fn factor(rng: &mut Rng, notional: u64, terms: &Terms, mark: u64) -> Option<(i64, u64)> {
    let fits = |price: u64| {
        price > 0
            && price <= terms.price_max()
            && notional.is_multiple_of(price)
            && notional / price <= terms.size_max() as u64
    };
    if notional == 0 {
        return Some(if rng.one_in(2) { (0, mark) } else { (1, 0) });
    }
    let root = notional.isqrt();
    let mut candidates: Vec<u64> = vec![1, mark, notional, root.saturating_sub(1), root, root + 1];
    for small in 2..200 {
        candidates.extend([small, notional / small]);
    }
    candidates.retain(|price| fits(*price));
    if candidates.is_empty() {
        return None;
    }
    let price = rng.pick(&candidates);
    Some(((notional / price) as i64, price))
}
