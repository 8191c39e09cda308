//! An instrument as the engine knows it: its rules as exact types, its mark, and who holds it.

use std::collections::BTreeMap;

use borsh::{BorshDeserialize, BorshSerialize};
use ethnum::I256;
use model::liquidation::Holding;
use model::margin::Weights;
use model::tier::TierTable;
use model::units::{NOTIONAL_BITS, Price, Scale, Size, bits_of};

use crate::book::{Book, Walked};
use crate::bucket::Bucket;
use crate::event::TimeMs;
use crate::funding::Premiums;
use crate::guard::Guard;
use crate::margin::initial::{InitialTerms, initial_requirement_ceil};
use crate::marks::composition::Inputs;
use crate::marks::volatility::Spike;
use crate::rules::{InstrumentError, InstrumentSpec};
use crate::settlement::{Average, Unwinding};
use crate::stability::{Gate, Halt};

/// Width of a hedge band: a 64th of the mark to either side.
const EDGE_SHIFT: u32 = 6;

/// Marks between which the hedge credits that the device knows are a lower bound: they are those of the lower edge.
#[derive(BorshDeserialize, BorshSerialize, Clone, Copy, Debug, Default, Eq, PartialEq)]
pub struct Edges {
    pub low: u64,
    pub high: u64,
}

impl Edges {
    pub fn around(mark: Price) -> Self {
        let width = mark.get() >> EDGE_SHIFT;
        Self { low: mark.get() - width, high: mark.get() + width }
    }
}

/// What the market's own fund paid in the present window, quanta.
#[derive(BorshDeserialize, BorshSerialize, Clone, Copy, Debug, Default, Eq, PartialEq)]
pub struct FundPaid {
    started_ms: TimeMs,
    paid: u128,
}

impl FundPaid {
    /// What it may still pay at event time `now_ms`; a window starts with its first payment.
    pub fn room(&self, now_ms: TimeMs, cap: u64, window_ms: TimeMs) -> u128 {
        if now_ms >= self.started_ms.saturating_add(window_ms) {
            return cap.into();
        }
        u128::from(cap).saturating_sub(self.paid)
    }

    pub fn pay(&mut self, quanta: u128, now_ms: TimeMs, window_ms: TimeMs) {
        if self.paid == 0 || now_ms >= self.started_ms.saturating_add(window_ms) {
            *self = Self { started_ms: now_ms, paid: 0 };
        }
        self.paid += quanta;
    }
}

/// What event time brings to a market.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Due {
    Funding,
    Brackets,
    Expiry,
}

#[derive(Clone, Debug)]
pub struct Market {
    pub spec: InstrumentSpec,
    pub guard: Guard,
    weights: Weights,
    tiers: TierTable,
    initial: Option<TierTable>,
    /// Last applied mark; 0 before the first.
    pub mark: Price,
    pub edges: Edges,
    /// None before the venue has told one.
    pub book: Option<Book>,
    pub bucket: Bucket,
    pub fund_paid: FundPaid,
    pub inputs: Inputs,
    pub spike: Spike,
    pub premiums: Premiums,
    /// Maintenance brackets that are announced, and from when on they hold.
    pub announced: Option<(TimeMs, Vec<(u64, u32)>)>,
    /// Marks of a dated future before it expires.
    pub average: Average,
    pub unwinding: Unwinding,
    pub halt: Halt,
    pub gate: Gate,
    /// Final settlement price; the instrument trades no more.
    pub settled: Option<u64>,
    /// Indices of the margin accounts with a position, and its entry value: what was paid for it, negative for a short, quanta.
    pub holders: BTreeMap<usize, i128>,
    /// Lots that margin accounts are long and short, both as magnitudes.
    pub long_lots: u64,
    pub short_lots: u64,
}

impl Market {
    /// # Errors
    /// Everything that is wrong with the instrument.
    pub fn new(spec: InstrumentSpec, scale: Scale) -> Result<Self, Vec<InstrumentError>> {
        let errors = spec.errors(scale);
        if !errors.is_empty() {
            return Err(errors);
        }
        let table = |brackets| TierTable::new(scale, brackets).expect("brackets without errors are a table");
        let initial = if spec.initial.is_empty() { None } else { Some(table(&spec.initial)) };
        Ok(Self {
            initial,
            edges: Edges::default(),
            book: None,
            bucket: Bucket::default(),
            fund_paid: FundPaid::default(),
            inputs: Inputs::default(),
            spike: Spike::default(),
            premiums: Premiums::default(),
            announced: None,
            average: Average::default(),
            unwinding: Unwinding::default(),
            halt: Halt::default(),
            gate: Gate::default(),
            settled: None,
            long_lots: 0,
            short_lots: 0,
            tiers: table(&spec.brackets),
            weights: Weights { long: spec.weight_long, short: spec.weight_short },
            mark: Price::default(),
            guard: Guard::default(),
            holders: BTreeMap::new(),
            spec,
        })
    }

    /// The specification with these maintenance brackets, if it makes sense.
    pub fn with_brackets(&self, brackets: &[(u64, u32)], scale: Scale) -> Option<InstrumentSpec> {
        let spec = InstrumentSpec { brackets: brackets.to_vec(), ..self.spec.clone() };
        spec.errors(scale).is_empty().then_some(spec)
    }

    /// True if a position of some notional is required more by the brackets than now.
    pub fn is_raised_by(&self, brackets: &[(u64, u32)], scale: Scale) -> bool {
        let table = TierTable::new(scale, brackets).expect("brackets without errors are a table");
        // Both are piecewise linear: where one lies above the other, it does so at an edge or beyond the last.
        let edges = self.spec.brackets.iter().chain(brackets).map(|bracket| bracket.0);
        edges
            .chain([(1 << NOTIONAL_BITS) - 1])
            .any(|edge| table.requirement(edge.into()) > self.tiers.requirement(edge.into()))
    }

    /// The maintenance brackets are others from now on.
    pub fn set_brackets(&mut self, brackets: Vec<(u64, u32)>, scale: Scale) {
        self.tiers = TierTable::new(scale, &brackets).expect("brackets without errors are a table");
        self.spec.brackets = brackets;
    }

    /// What is due at event time `now_ms`, in the order in which it is to be done.
    pub fn due(&self, now_ms: TimeMs) -> Vec<Due> {
        if self.settled.is_some() {
            return Vec::new();
        }
        let announced = self.announced.as_ref().map(|(effective_ms, _)| *effective_ms);
        let expiry = self.spec.expiry.map(|expiry| expiry.time_ms);
        [(Due::Funding, self.premiums.due_ms()), (Due::Brackets, announced), (Due::Expiry, expiry)]
            .into_iter()
            .filter(|(_, due_ms)| due_ms.is_some_and(|due_ms| due_ms <= now_ms))
            .map(|(due, _)| due)
            .collect()
    }

    /// The position of `lots` at the mark; `None` if the size is beyond the instrument's bits.
    pub fn holding(&self, lots: i64) -> Option<Holding<'_>> {
        self.holding_at(lots, self.mark)
    }

    /// The position of `lots` at a price.
    pub fn holding_at(&self, lots: i64, price: Price) -> Option<Holding<'_>> {
        if bits_of(lots.unsigned_abs()) > self.spec.size_bits.into() {
            return None;
        }
        let size = Size::new(lots).ok()?;
        Some(Holding { size, price, weights: self.weights, tiers: self.tiers.steps() })
    }

    /// Initial requirement of `notional` quanta at the present open interest and volatility, quanta / scale, rounded up; from the maintenance
    /// requirement where the instrument has no table of its own.
    pub fn initial_requirement(&self, notional: u128, scale: Scale) -> i128 {
        let base = self.initial_at_rest(notional, scale);
        let multiple = i128::from(self.spike.multiple_ceil(scale.get()));
        let product = I256::from(base) * I256::from(multiple);
        ((product + I256::from(scale.get() - 1)) / I256::from(scale.get())).as_i128()
    }

    /// The same without volatility.
    fn initial_at_rest(&self, notional: u128, scale: Scale) -> i128 {
        let Some(table) = &self.initial else { return self.tiers.requirement(notional) };
        let open_interest = u128::from(self.long_lots.max(self.short_lots)) * u128::from(self.mark.get());
        let terms = InitialTerms { chosen_rate: 0, open_interest, caps: self.spec.open_interest };
        initial_requirement_ceil(notional, table.steps(), &terms, scale)
    }

    /// An account's position goes from `before` to `after` lots, for `quote` quanta received. Returns the profit that this realises: what was
    /// received for the lots that were closed beyond their share of the entry value, quanta.
    pub fn hold(&mut self, index: usize, before: i64, after: i64, quote: i128) -> i128 {
        let entry = self.holders.get(&index).copied().unwrap_or(0);
        let left = if after == 0 { 0 } else { entry_after(entry, before, after, quote) };
        if after == 0 {
            self.holders.remove(&index);
        } else {
            self.holders.insert(index, left);
        }
        let side = |size: i64| (size.max(0).unsigned_abs(), size.min(0).unsigned_abs());
        let ((long_before, short_before), (long_after, short_after)) = (side(before), side(after));
        self.long_lots = self.long_lots - long_before + long_after;
        self.short_lots = self.short_lots - short_before + short_after;
        quote + left - entry
    }

    /// True if trades are held to an initial margin.
    pub fn has_initial_margin(&self) -> bool {
        self.initial.is_some() || self.spec.volatility.is_some()
    }

    /// What an order of `lots` (negative sells) finds inside the limit band; at the expected slippage all of them where no book is known.
    pub(crate) fn walk(&self, lots: i64) -> Walked {
        match &self.book {
            Some(book) => book.walk(lots, self.spec.limit_band),
            None => Walked { lots: lots.unsigned_abs(), slippage: self.spec.slippage },
        }
    }

    /// The price as a mark; `None` for zero or beyond the instrument's bits.
    pub fn price(&self, quanta: u64) -> Option<Price> {
        if quanta == 0 || bits_of(quanta) > self.spec.price_bits.into() {
            None
        } else {
            Price::new(quanta).ok()
        }
    }

    /// Worst price a liquidation order of `lots` (negative sells) may fill at: inside the band around the mark and no worse than
    /// the zero price, on a tick. `zero_quote` is the account's cash change at the zero price.
    pub fn limit(&self, lots: i64, zero_quote: i128, scale: Scale) -> u64 {
        let (mark, tick) = (self.mark.get(), self.spec.tick);
        let band = (u128::from(mark) * u128::from(self.spec.limit_band) / u128::from(scale.get())) as u64;
        // A zero quote of the other sign sets no limit for a sale, and lets nothing be bought.
        let paid = if lots < 0 { zero_quote } else { -zero_quote };
        let (zero, lots_abs) = (paid.max(0).unsigned_abs(), u128::from(lots.unsigned_abs()));
        if lots < 0 {
            let zero = zero.div_ceil(lots_abs).min(Price::MAX.into()) as u64;
            zero.max(mark - band).div_ceil(tick) * tick
        } else {
            let zero = (zero / lots_abs).min(Price::MAX.into()) as u64;
            zero.min(mark + band) / tick * tick
        }
    }
}

/// Entry value after a change of lots for `quote` received: lots that are added cost what was paid, lots that are closed take their share
/// with them, and a position that changes sides starts at the price of the change. Shares are rounded toward zero.
fn entry_after(entry: i128, before: i64, after: i64, quote: i128) -> i128 {
    let share =
        |of: i128, lots: i64, all: i64| (I256::from(of) * I256::from(lots) / I256::from(all)).as_i128();
    if before.signum() * after.signum() < 0 {
        share(-quote, after, after - before)
    } else if after.abs() > before.abs() {
        entry - quote
    } else {
        share(entry, after, before)
    }
}

#[cfg(test)]
mod tests {
    use model::units::Scale;

    use model::units::Price;

    use super::{Edges, FundPaid, Market, entry_after};
    use crate::rules::InstrumentSpec;

    #[test]
    fn edges_lie_a_64th_to_either_side() {
        for (mark, low, high) in [(63, 63, 63), (64, 63, 65), (6_463, 6_363, 6_563)] {
            assert_eq!(Edges::around(Price::new(mark).unwrap()), Edges { low, high }, "{mark}");
        }
    }

    #[test]
    fn a_funds_window_starts_with_its_first_payment() {
        let mut paid = FundPaid::default();
        assert_eq!(paid.room(5_000, 30, 1_000), 30);
        paid.pay(10, 5_000, 1_000);
        paid.pay(5, 5_999, 1_000);
        assert_eq!((paid.room(5_999, 30, 1_000), paid.room(5_999, 9, 1_000)), (15, 0));
        assert_eq!(paid.room(6_000, 30, 1_000), 30);
        paid.pay(7, 6_000, 1_000);
        assert_eq!((paid.room(6_999, 30, 1_000), paid.room(7_000, 30, 1_000)), (23, 30));
    }

    #[test]
    fn a_limit_lies_inside_the_band_on_a_tick_and_no_worse_than_the_zero_price() {
        let scale = Scale::new(1_000).unwrap();
        let spec = InstrumentSpec { tick: 10, limit_band: 20, ..InstrumentSpec::plain("X", 1_000) };
        let mut market = Market::new(spec, scale).unwrap();
        market.mark = market.price(10_007).unwrap();
        // The band is 200 wide: 9,807 and 10,207, on ticks 9,810 and 10,200.
        for (lots, zero_quote, limit) in [
            (-3, 0, 9_810),
            (-3, -50_000, 9_810),
            (-3, 29_430, 9_810),
            (-3, 29_431, 9_820),
            (-3, 29_950, 9_990),
            (3, -40_000, 10_200),
            (3, -30_600, 10_200),
            (3, -30_599, 10_190),
            (3, -29_999, 9_990),
            (3, 0, 0),
            (3, 70_000, 0),
        ] {
            assert_eq!(market.limit(lots, zero_quote, scale), limit, "{lots} lots, {zero_quote}");
        }
    }

    #[test]
    fn an_entry_value_follows_the_lots() {
        for (entry, before, after, quote, expected) in [
            (0, 0, 5, -500, 500),
            (500, 5, 8, -330, 830),
            (830, 8, 3, 600, 311),
            (-830, -8, -3, -600, -311),
            (0, 0, -4, 90, -90),
            (-90, -4, -9, 100, -190),
            // Through zero: 7 of the 10 lots open a position at what was paid for all ten.
            (311, 3, -7, 1_001, -700),
            (-311, -3, 7, -1_001, 700),
            (500, 5, 5, 0, 500),
        ] {
            assert_eq!(entry_after(entry, before, after, quote), expected, "{before} to {after}");
        }
    }

    #[test]
    fn the_widest_values_fit() {
        let (lots, value) = (1 << 40, 1i128 << 104);
        assert_eq!(entry_after(value, lots, lots - 1, 0), value - (1 << 64));
    }
}
