//! What fills leave on the mark: linear in the lots filled over the depth, decaying exponentially.
//!
//! Linear, because exponential decay of impact allows no price manipulation only with linear impact (J. Gatheral, No-dynamic-arbitrage and
//! market impact, Quantitative Finance 10, 2010), and because then a liquidation moves the mark as far however it is sliced.

use borsh::{BorshDeserialize, BorshSerialize};
use engine::event::TimeMs;
use engine::rules::InstrumentSpec;
use model::units::bits_of;

use super::PPM;

/// Furthest a mark lies from the tape's price, either way: half of it.
pub const IMPACT_PPM_MAX: u32 = 500_000;
/// A part per million of impact, as it is counted: 2^32 units.
const UNIT_BITS: u32 = 32;
const UNITS_MAX: u128 = (IMPACT_PPM_MAX as u128) << UNIT_BITS;

/// `2^32 * 2^(-1/2^i)` for i = 1 to 16, each the integer square root of `2^32` times the one before it; before the first stands `2^31`.
const ROOTS: [u64; 16] = {
    let mut roots = [0; 16];
    let (mut root, mut at) = (1 << 31, 0);
    while at < roots.len() {
        root = u64::isqrt(root << 32);
        roots[at] = root;
        at += 1;
    }
    roots
};

/// How fills move the mark.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct DepthImpact {
    /// Of the mark, when a whole depth is filled.
    pub ppm: u32,
    pub half_life_s: u32,
}

/// Impact on one instrument's mark, in units of 2^-32 parts per million; above zero raises it.
#[derive(BorshDeserialize, BorshSerialize, Clone, Copy, Debug, Default, Eq, PartialEq)]
pub struct MarkImpact {
    units: i64,
    /// Decay is counted up to here; none before the first order.
    decayed_ms: Option<TimeMs>,
}

impl MarkImpact {
    /// The impact as it is at `time_ms`, decayed by whole seconds.
    pub fn at(self, time_ms: TimeMs, law: DepthImpact) -> Self {
        let from_ms = self.decayed_ms.unwrap_or(time_ms);
        let seconds = (time_ms.saturating_sub(from_ms).max(0) / 1_000).unsigned_abs();
        Self {
            units: decayed(self.units, seconds, law.half_life_s),
            decayed_ms: Some(from_ms + seconds as i64 * 1_000),
        }
    }

    /// With a fill of `lots` (above zero bought) where a side holds `depth` lots; at most [`IMPACT_PPM_MAX`] either way.
    pub fn filled(self, lots: i64, depth: u64, law: DepthImpact) -> Self {
        let full = u128::from(law.ppm) << UNIT_BITS;
        let moved =
            (u128::from(lots.unsigned_abs()) * full / u128::from(depth.max(1))).min(2 * UNITS_MAX) as i64;
        let limit = UNITS_MAX as i64;
        Self { units: (self.units + lots.signum() * moved).clamp(-limit, limit), ..self }
    }

    /// The impact in parts per million, rounded toward zero.
    pub fn ppm(self) -> i64 {
        self.units / (1 << UNIT_BITS)
    }

    /// The tape's price with the impact on it, quanta per lot: moved by a whole number of ticks (rounded toward zero), and no further than the
    /// instrument's bits. A price that is no mark of the instrument comes back as it is.
    pub fn on(self, price: u64, spec: &InstrumentSpec) -> u64 {
        if price == 0 || spec.tick == 0 || bits_of(price) > u32::from(spec.price_bits) {
            return price;
        }
        let whole = (u128::from(PPM) << UNIT_BITS) * u128::from(spec.tick);
        let ticks = u128::from(self.units.unsigned_abs()) * u128::from(price) / whole;
        let moved = ticks as u64 * spec.tick;
        if self.units < 0 {
            return price - moved;
        }
        let highest = ((1u64 << spec.price_bits) - 1) / spec.tick * spec.tick;
        (price + moved).min(highest.max(price))
    }
}

/// `units * 2^(-seconds / half_life)`, toward zero: whole half-lives by shifting, the rest by its sixteen binary places.
fn decayed(units: i64, seconds: u64, half_life_s: u32) -> i64 {
    let half_life = u64::from(half_life_s.max(1));
    let halvings = (seconds / half_life).min(63) as u32;
    let places = ((seconds % half_life) << 16) / half_life;
    let mut factor = 1u64 << 32;
    for (root, bit) in ROOTS.iter().zip((0..16).rev()) {
        if places >> bit & 1 == 1 {
            factor = ((u128::from(factor) * u128::from(*root)) >> 32) as u64;
        }
    }
    let left = (u128::from(units.unsigned_abs() >> halvings) * u128::from(factor)) >> 32;
    units.signum() * left as i64
}

#[cfg(test)]
mod tests {
    use engine::rules::Depth;
    use proptest::prelude::*;

    use super::*;

    fn spec(tick: u64, price_bits: u8) -> InstrumentSpec {
        InstrumentSpec {
            tick,
            price_bits,
            depth: Depth { levels: 1, step: 1, level_lots: 1, refill_lots: 1 },
            ..InstrumentSpec::plain("X", 1)
        }
    }

    const LAW: DepthImpact = DepthImpact { ppm: 5_000, half_life_s: 300 };

    #[test]
    fn a_depth_sold_moves_the_mark_by_the_stated_share_and_half_is_gone_after_the_half_life() {
        let sold = MarkImpact::default().at(0, LAW).filled(-1_000, 1_000, LAW);
        assert_eq!(sold.ppm(), -5_000);
        assert_eq!(sold.on(1_000_000, &spec(10, 32)), 995_000);
        assert_eq!(sold.at(300_000, LAW).ppm(), -2_500);
        assert_eq!(sold.at(300_999, LAW), sold.at(300_000, LAW), "whole seconds");
        assert_eq!(sold.at(-5, LAW), sold, "time that falls brings nothing back");
        assert_eq!(sold.at(150_000, LAW).ppm(), -3_535, "5,000 / sqrt(2)");
        let bought = sold.filled(1_000, 1_000, LAW);
        assert_eq!(bought.on(1_000_000, &spec(10, 32)), 1_000_000, "what buys give back");
    }

    #[test]
    fn the_roots_are_the_roots_of_a_half() {
        for (root, at) in ROOTS.into_iter().zip(1..) {
            let exact = 4_294_967_296.0 * 0.5f64.powf(0.5f64.powi(at));
            assert!((root as f64 - exact).abs() < 2.0, "{at}: {root} {exact}");
        }
    }

    #[test]
    fn no_fill_is_too_large() {
        let law = DepthImpact { ppm: 1_000_000, half_life_s: 1 };
        for (lots, ppm) in [(i64::MIN, -500_000), (i64::MAX, 500_000), (0, 0)] {
            let impact = MarkImpact::default().filled(lots, 0, law);
            assert_eq!(impact.ppm(), ppm);
            assert_eq!(impact.filled(lots, 1, law).ppm(), ppm);
        }
    }

    proptest! {
        /// Monotone, of one sign, to exactly zero.
        #[test]
        fn impact_decays_monotonically_to_zero(
            lots in -5_000_000i64..5_000_000,
            half_life_s in 1u32..100_000,
            seconds in 0u64..1_000_000,
            more in 0u64..10_000,
        ) {
            let law = DepthImpact { ppm: 5_000, half_life_s };
            let impact = MarkImpact::default().at(0, law).filled(lots, 1_000, law);
            let later = impact.at(1_000 * seconds as i64, law).units;
            let latest = impact.at(1_000 * (seconds + more) as i64, law).units;
            prop_assert!(later.abs() <= impact.units.abs() && latest.abs() <= later.abs());
            prop_assert!(later.signum() * impact.units.signum() >= 0 && latest.signum() * impact.units.signum() >= 0);
            prop_assert_eq!(impact.at(1_000 * 64 * i64::from(half_life_s), law).units, 0);
            let exact = impact.units as f64 * 0.5f64.powf(seconds as f64 / f64::from(half_life_s));
            let off = (later as f64 - exact).abs();
            prop_assert!(off <= 2.0 + exact.abs() * 2e-5, "{later} {exact}");
        }

        /// The mark stays a mark: above zero, whole ticks from the tape, inside the bits, on the side of the impact.
        #[test]
        fn a_price_stays_a_price(
            price in 1u64..(1 << 32),
            tick in 1u64..100_000,
            price_bits in 1u8..33,
            fills in proptest::collection::vec(-1_000_000_000i64..1_000_000_000, 0..6),
        ) {
            let law = DepthImpact { ppm: 1_000_000, half_life_s: 60 };
            let spec = spec(tick, price_bits);
            let impact = fills.iter().fold(MarkImpact::default(), |impact, &lots| impact.filled(lots, 1_000_000, law));
            let mark = impact.on(price, &spec);
            if bits_of(price) > u32::from(price_bits) {
                prop_assert_eq!(mark, price);
                return Ok(());
            }
            prop_assert!(mark >= price.min(tick) && bits_of(mark) <= u32::from(price_bits));
            prop_assert!(mark == price || (mark > price) == (impact.units > 0));
            prop_assert!(mark.abs_diff(price) <= price / 2);
            if price % tick == 0 {
                prop_assert_eq!(mark % tick, 0);
            }
        }

        /// However a fill is cut, the mark moves as far, but for a unit a slice.
        #[test]
        fn slicing_changes_no_impact(lots in proptest::collection::vec(1i64..100_000, 1..20), depth in 1_000u64..1_000_000) {
            let law = DepthImpact { ppm: 100, half_life_s: 60 };
            let whole = MarkImpact::default().filled(-lots.iter().sum::<i64>(), depth, law);
            let sliced = lots.iter().fold(MarkImpact::default(), |impact, lots| impact.filled(-lots, depth, law));
            prop_assert!(whole.units.abs_diff(sliced.units) <= lots.len() as u64);
        }
    }
}
