//! Prices: marks as they come, and marks composed of several.

use super::{Effect, Refusal};
use crate::event::{Change, InstrumentId, Source};
use crate::guard::Judgement;
use crate::margin::weights::{redemption_bounded_price, redemption_price_floor};
use crate::market::{Edges, Market};
use crate::marks::composition::GuardTerms;
use crate::rules::Redemption;
use crate::state::Engine;

/// Other venues that a mark can be composed of.
pub const VENUES_MAX: u8 = 8;

impl Engine {
    /// A mark as its source composed it.
    pub(super) fn mark(
        &mut self,
        instrument: InstrumentId,
        price: u64,
        effect: &mut Effect,
    ) -> Result<(), Refusal> {
        if self.trading(instrument)?.spec.composition.is_some() {
            return Err(Refusal::Composition);
        }
        self.apply_mark(instrument, price, effect)
    }

    /// A price of a source; one that its guard doubts changes nothing but the guard.
    pub(super) fn price(
        &mut self,
        instrument: InstrumentId,
        source: Source,
        price: u64,
    ) -> Result<(), Refusal> {
        let (now_ms, scale, hold_ms) = (self.time_ms, self.rules.scale, self.rules.mark_hold_ms);
        let market = self.trading(instrument)?;
        let price = market.price(price).ok_or(Refusal::Price)?.get();
        if matches!(source, Source::Venue(VENUES_MAX..)) {
            return Err(Refusal::Source);
        }
        let market = self.market_mut(instrument);
        let terms = GuardTerms { band: market.spec.mark_band, scale, hold_ms };
        let believed = market.inputs.take(now_ms, source, price, terms).map_err(|_| Refusal::Source)?;
        self.counters.prices_doubted += u64::from(!believed);
        Ok(())
    }

    /// A mark of the prices that there are; none without a fresh one.
    pub(super) fn compose(&mut self, instrument: InstrumentId, effect: &mut Effect) -> Result<(), Refusal> {
        let rule = self.trading(instrument)?.spec.composition.ok_or(Refusal::Composition)?;
        let (now_ms, scale) = (self.time_ms, self.rules.scale);
        match self.market_mut(instrument).inputs.compose(now_ms, scale, &rule) {
            Some(price) => self.apply_mark(instrument, price, effect),
            None => {
                self.counters.marks_missing += 1;
                Ok(())
            }
        }
    }

    fn apply_mark(
        &mut self,
        instrument: InstrumentId,
        price: u64,
        effect: &mut Effect,
    ) -> Result<(), Refusal> {
        let market = self.trading(instrument)?;
        let mark = market.price(self.believed(market, price)?).ok_or(Refusal::Price)?;
        let (price, scale, hold_ms) = (mark.get(), self.rules.scale, self.rules.mark_hold_ms);
        let (outage, applied) = (self.rules.outage, market.guard.applied());
        let market = self.market_mut(instrument);
        let opens = outage.is_some_and(|rule| market.gate.see(effect.time_ms, applied, &rule));
        let judgement = market.guard.judge(effect.time_ms, price, market.spec.mark_band, scale, hold_ms);
        if matches!(judgement, Judgement::Held | Judgement::Dropped) {
            self.counters.gates_opened += u64::from(opens);
            return Ok(());
        }
        if let Some(rule) = outage {
            market.gate.apply(effect.time_ms, price, scale, &rule);
        }
        let breaker = market.spec.breaker;
        if let Some(rule) = market.spec.volatility {
            market.spike.note(effect.time_ms, price, scale, &rule);
        }
        let halts =
            breaker.is_some_and(|rule| market.halt.note(effect.time_ms, applied, price, scale, &rule));
        if let Some(expiry) = market.spec.expiry {
            market.average.note(effect.time_ms, mark, expiry);
        }
        market.mark = mark;
        let Edges { low, high } = market.edges;
        self.counters.gates_opened += u64::from(opens);
        self.counters.halts += u64::from(halts);
        if !(low..=high).contains(&price) {
            self.move_edges(instrument, effect);
        }
        effect.update(Change::Mark { instrument, price });
        effect.sweep(self, instrument);
        self.sample_premium(instrument);
        Ok(())
    }

    /// The price as a mark: that of wrapped collateral is held near what it redeems for, once there is a mark of that.
    fn believed(&self, market: &Market, price: u64) -> Result<u64, Refusal> {
        let Some(Redemption { reference, ratio, band }) = &market.spec.redemption else { return Ok(price) };
        let of = |symbol: &String| {
            let other = self.markets.iter().find(|other| other.spec.symbol == *symbol)?;
            other.guard.applied().map(|_| (other.mark, other.spec.lot_exponent))
        };
        let reference = match reference.as_ref().map(of) {
            Some(None) => return Ok(price),
            reference => reference.flatten(),
        };
        let redemption = redemption_price_floor(*ratio, market.spec.lot_exponent, reference);
        let (mid, redemption) =
            (market.price(price).ok_or(Refusal::Price)?, redemption.ok_or(Refusal::Price)?);
        Ok(redemption_bounded_price(mid, redemption, *band, self.scale).get())
    }

    /// The hedge band follows the mark. The device is told the offsets that change by it, of holders only: the mark's sweep compares them.
    fn move_edges(&mut self, instrument: InstrumentId, effect: &mut Effect) {
        let market = self.market_mut(instrument);
        market.edges = Edges::around(market.mark);
        if market.spec.hedge.credit > 0 {
            let holders: Vec<usize> = market.holders.keys().copied().collect();
            for index in holders {
                effect.offset(self, index);
            }
        }
    }
}
