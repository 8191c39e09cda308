//! What event time brings: funding, announced brackets, expiry. And what ends a market before its time.

use super::trade::cash_in_range;
use super::{Effect, Refusal};
use crate::account::Pending;
use crate::event::{Change, InstrumentId, Source, TimeMs};
use crate::funding::{ImpactPrices, Interval, premium_trunc};
use crate::ledger::{Amount, Owner};
use crate::market::Due;
use crate::state::Engine;

impl Engine {
    /// Does the first of what is due in the market by now; nothing if nothing is. One thing an event, so that an account changes its severity
    /// once at the most.
    pub(super) fn elapse(&mut self, instrument: InstrumentId, effect: &mut Effect) -> Result<(), Refusal> {
        let due = self.trading(instrument)?.due(self.time_ms);
        let market = self.market_mut(instrument);
        match due.first() {
            None => {}
            Some(Due::Funding) => self.fund(instrument, effect),
            Some(Due::Brackets) => {
                let (_, brackets) = market.announced.take().expect("due");
                self.change_brackets(instrument, brackets, effect);
            }
            Some(Due::Expiry) => {
                let expiry = market.spec.expiry.expect("due");
                let price = market.average.settle(expiry).unwrap_or(0);
                self.close_market(instrument, price, effect);
            }
        }
        Ok(())
    }

    /// A mark was applied: the premium of the book around it over the index counts for the present interval, if a sample is wanted. A side of
    /// the book that has nothing has no price, and adds nothing.
    pub(super) fn sample_premium(&mut self, instrument: InstrumentId) {
        let (now_ms, scale) = (self.time_ms, self.scale.get());
        let market = self.market_mut(instrument);
        let (Some(rule), Some(index)) = (market.spec.funding, market.inputs.last(Source::Index)) else {
            return;
        };
        if !market.premiums.is_wanted(now_ms, &rule) {
            return;
        }
        let mark = market.mark.get();
        let lots = i64::try_from(rule.impact.div_ceil(mark)).unwrap_or(i64::MAX);
        let away = |lots: i64, none: u64, at: fn(u64, u64) -> u64| match &market.book {
            None => mark,
            Some(book) => match book.walk(lots, scale) {
                walked if walked.lots == 0 => none,
                walked => {
                    at(mark, (u128::from(mark) * u128::from(walked.slippage) / u128::from(scale)) as u64)
                }
            },
        };
        let (bid, ask) = (away(-lots, 0, u64::saturating_sub), away(lots, u64::MAX, u64::saturating_add));
        let premium = premium_trunc(ImpactPrices { bid, ask, index }, scale);
        market.premiums.sample(now_ms, premium, &rule);
    }

    /// Funding of the interval that has ended: every owner of lots pays the index delta for each, so that it sums to zero.
    fn fund(&mut self, instrument: InstrumentId, effect: &mut Effect) {
        let (now_ms, scale) = (self.time_ms, self.scale.get());
        let market = self.market_mut(instrument);
        let rule = market.spec.funding.expect("only a market with funding takes samples");
        let Interval { rate, missed } = market.premiums.close(now_ms, &rule);
        let index = market.inputs.last(Source::Index).expect("samples are taken with an index");
        let delta = rate.map_or(0, |rate| market.premiums.delta_trunc(rate, index, scale, &rule));
        self.counters.funding_missed += missed;
        if delta == 0 {
            return;
        }
        let payers: Vec<(Owner, i128)> = self
            .owners_of(instrument)
            .map(|(owner, lots)| (owner, i128::from(lots) * i128::from(delta)))
            .collect();
        let fits = |&(owner, paid): &(Owner, i128)| cash_in_range(self.ledger.of(owner).cash - paid);
        if !payers.iter().filter(|(owner, _)| matches!(owner, Owner::Margin(_))).all(fits) {
            self.counters.funding_refused += 1;
            return;
        }
        for &(owner, paid) in &payers {
            self.ledger.transfer(owner, Owner::Estate, Amount::Quote(paid));
            if let Owner::Margin(index) = owner {
                self.standings[index].funding -= paid;
            }
            self.counters.funding_paid += paid.max(0);
        }
        self.counters.funding_payments += 1;
        effect.update(Change::Funding { instrument, delta });
        effect.sweep(self, instrument);
    }

    pub(super) fn announce(
        &mut self,
        instrument: InstrumentId,
        brackets: &[(u64, u32)],
        effective_ms: TimeMs,
    ) -> Result<(), Refusal> {
        let (now_ms, scale, notice_ms) = (self.time_ms, self.scale, self.rules.notice_ms);
        let market = self.trading(instrument)?;
        market.with_brackets(brackets, scale).ok_or(Refusal::Brackets)?;
        if market.is_raised_by(brackets, scale) && effective_ms < now_ms.saturating_add(notice_ms) {
            return Err(Refusal::Brackets);
        }
        self.market_mut(instrument).announced = Some((effective_ms, brackets.to_vec()));
        Ok(())
    }

    /// The device is told the offsets that change with the brackets first; the sweep compares them.
    fn change_brackets(&mut self, instrument: InstrumentId, brackets: Vec<(u64, u32)>, effect: &mut Effect) {
        let scale = self.scale;
        let market = self.market_mut(instrument);
        market.set_brackets(brackets, scale);
        let spec = Box::new(market.spec.clone());
        if market.spec.hedge.credit > 0 {
            let holders: Vec<usize> = market.holders.keys().copied().collect();
            for index in holders {
                effect.offset(self, index);
            }
        }
        self.counters.brackets_changed += 1;
        effect.update(Change::Brackets { instrument, spec });
        effect.sweep(self, instrument);
    }

    pub(super) fn delist(
        &mut self,
        instrument: InstrumentId,
        price: Option<u64>,
        effect: &mut Effect,
    ) -> Result<(), Refusal> {
        let market = self.trading(instrument)?;
        let last = market.guard.applied().ok_or(Refusal::NoMark)?;
        let price = market.price(price.unwrap_or(market.mark.get())).ok_or(Refusal::Price)?.get();
        let (away, scale) = (u128::from(price.abs_diff(last)), u128::from(self.scale.get()));
        if away * scale > u128::from(last) * u128::from(market.spec.mark_band) {
            return Err(Refusal::Price);
        }
        self.close_market(instrument, price, effect);
        Ok(())
    }

    /// Everybody's lots are settled at the price. Liquidation orders of the instrument are void: their reports will find none.
    fn close_market(&mut self, instrument: InstrumentId, price: u64, effect: &mut Effect) {
        self.market_mut(instrument).settled = Some(price);
        self.counters.settled += 1;
        let void: Vec<u64> = self
            .orders
            .iter()
            .filter(|(_, order)| order.instrument == instrument)
            .map(|(&id, _)| id)
            .collect();
        for id in void {
            let order = self.orders.remove(&id).expect("found above");
            self.standings[order.index].pending = Pending::Nothing;
        }
        self.unwinding.retain(|_, order| order.instrument != instrument);
        for (owner, lots) in self.owners_of(instrument).collect::<Vec<_>>() {
            let quote = i128::from(lots) * i128::from(price);
            if let Owner::Margin(index) = owner {
                self.exchange(index, Owner::Estate, instrument, -lots, quote);
                effect.position(self, index, instrument, quote, false);
            } else {
                self.ledger.transfer(owner, Owner::Estate, Amount::Lots(instrument, lots));
                self.ledger.transfer(Owner::Estate, owner, Amount::Quote(quote));
            }
        }
    }

    /// Whoever holds lots of the instrument, and how many: margin accounts in order of opening, then the system's.
    fn owners_of(&self, instrument: InstrumentId) -> impl Iterator<Item = (Owner, i64)> {
        let margin = self.market(instrument).holders.keys().map(|&index| Owner::Margin(index));
        margin.chain(self.ledger.owners()).filter_map(move |owner| {
            let lots = self.ledger.of(owner).size(instrument);
            (lots != 0).then_some((owner, lots))
        })
    }
}
