//! The next slice of an account: of which position, how much, to the book or to the backstop.

use std::cmp::{Ordering, Reverse};

use model::liquidation::{Holding, SliceTerms, net_cost, slice_to_target, slicing_improves};

use crate::event::{Command, InstrumentId};
use crate::judge::Exact;
use crate::stability::Level;
use crate::state::{Engine, Order};

/// Steps to the size whose slippage is that of the book.
const STEPS_MAX: usize = 8;

/// What a slice becomes.
pub(super) enum Next {
    Order(Order),
    /// The market's budget is used up: the backstop takes the slice.
    Absorb {
        instrument: InstrumentId,
        lots: i64,
        quote: i64,
    },
    /// The account's close factor, or the backstop beside a market's budget, has no room, or a book is closed: it passes with time.
    Wait,
    /// Slicing would only burn collateral.
    Nothing,
}

/// A position that may be sliced.
struct Candidate<'a> {
    instrument: InstrumentId,
    lots: i64,
    holding: Holding<'a>,
    /// It does not only hedge others.
    unhedged: bool,
    notional: u128,
    /// What closing one notional brings nearer to the target, and what it costs; over the scale.
    gain: i128,
    cost: i128,
}

impl Candidate<'_> {
    /// Most gain per cost, what hedges nothing first; then the larger, then the lower id.
    fn compare(&self, other: &Self) -> Ordering {
        let by_gain = (self.gain * other.cost).cmp(&(other.gain * self.cost));
        (self.unhedged.cmp(&other.unhedged))
            .then(by_gain)
            .then(self.notional.cmp(&other.notional))
            .then(Reverse(self.instrument).cmp(&Reverse(other.instrument)))
    }
}

impl Engine {
    /// As few lots of the best position as reach the target, all of it if little would be left; no more than the account's close factor, the
    /// market's budget and its book have room for.
    pub(super) fn slice(&mut self, index: usize, exact: Exact) -> Next {
        let notional = self.notional(index);
        let (now_ms, scale) = (self.time_ms, self.scale.get());
        let factor = self.rules.close_factor;
        let closing_room = self.standings[index].closing.room(now_ms, notional, &factor, scale);
        let best = self.candidates(index, exact).max_by(Candidate::compare);
        let Some(Candidate { instrument, lots, holding, .. }) = best else {
            let is_closed = |&(instrument, _): &(InstrumentId, i64)| !self.is_book_open(instrument);
            let waits = self.ledger.margin(index).positions.iter().any(is_closed);
            return if waits { Next::Wait } else { Next::Nothing };
        };
        let (whole, price) = (lots.unsigned_abs(), u128::from(holding.price.get()));
        let lots_in = |notional: u128| u64::try_from(notional / price).unwrap_or(u64::MAX);
        let wanted = self.lots_to_target(instrument, &holding, exact);
        // A lot is never too much, or an account whose share is less than one would wait for ever.
        let least = u64::from(self.standings[index].closing.is_untouched());
        let wanted = wanted.min(closing_room.map_or(u64::MAX, |room| lots_in(room).max(least)));
        let minimum = u128::from(self.rules.residual_min);
        let is_dust = u128::from(whole - wanted) * price < minimum || u128::from(whole) * price < 2 * minimum;
        let wanted = if is_dust { whole } else { wanted };
        if wanted == 0 {
            return Next::Wait;
        }
        let market = self.market_mut(instrument);
        let budget = market.spec.budget;
        let room = market.bucket.room(now_ms, &budget).map_or(u64::MAX, |room| lots_in(room.into()));
        let is_full = market.bucket.is_full();
        let room = match room {
            0 => match self.absorption(index, instrument, lots, wanted) {
                // As above: a lot that no budget has room for is sent beyond it, where the backstop has none either.
                Next::Wait if is_full => 1,
                next => return next,
            },
            room => room,
        };
        let found = self.market(instrument).walk(-lots.signum() * wanted.min(room) as i64).lots;
        if found == 0 {
            self.standings[index].attempts.note(now_ms, false, false);
            return Next::Wait;
        }
        let change = -lots.signum() * found as i64;
        let zero = self.zero_quote(index, instrument, change);
        let market = self.market(instrument);
        let limit = market.limit(change, zero, self.scale);
        Next::Order(Order { index, instrument, lots: change, limit, mark: market.mark })
    }

    /// Fewest lots that reach the target at the slippage that the book has for as many. More lots never slip less, so this rises to a fixed
    /// point; where it has not come to rest after a few steps, what is missing is left to the next slice.
    fn lots_to_target(&self, instrument: InstrumentId, holding: &Holding, exact: Exact) -> u64 {
        let (market, side) = (self.market(instrument), -holding.size.get().signum());
        let offset = exact.required - exact.requirement;
        let mut slippage = market.walk(side).slippage;
        let mut lots = 0;
        for _ in 0..STEPS_MAX {
            let terms = self.terms(holding, market.spec.fee + slippage);
            lots = slice_to_target(holding, exact.equity, exact.requirement, offset, terms);
            let walked = market.walk(side * lots).slippage;
            if walked <= slippage {
                break;
            }
            slippage = walked;
        }
        lots.unsigned_abs()
    }

    fn terms(&self, holding: &Holding, cost: u32) -> SliceTerms {
        SliceTerms { target: self.rules.target, cost: net_cost(holding, cost, self.scale) }
    }

    /// Positions whose slicing improves the account, in markets whose book is open.
    fn candidates(&self, index: usize, exact: Exact) -> impl Iterator<Item = Candidate<'_>> {
        let open = move |(instrument, ..): &(InstrumentId, i64, Holding<'_>)| self.is_book_open(*instrument);
        self.holdings(index).filter(open).filter_map(move |(instrument, lots, holding)| {
            let market = self.market(instrument);
            let cost = market.spec.fee + market.walk(-lots.signum()).slippage;
            let terms = self.terms(&holding, cost);
            if !slicing_improves(&holding, exact.equity, exact.requirement, terms.cost) {
                return None;
            }
            let notional = holding.size.notional(holding.price);
            let rate = holding.tiers.steps[holding.tiers.tier_of(notional)].rate;
            Some(Candidate {
                instrument,
                lots,
                holding,
                unhedged: self.unhedged_lots(index, instrument) > 0,
                notional,
                gain: i128::from(terms.target) * i128::from(rate) - 256 * i128::from(terms.cost),
                cost: i128::from(cost.max(1)),
            })
        })
    }

    /// What the backstop takes of a slice where the mark is believed, at the mark less the expected slippage, rounded against the account, and no worse than its zero
    /// price.
    fn absorption(&self, index: usize, instrument: InstrumentId, held: i64, lots: u64) -> Next {
        if self.level(instrument) < Level::All {
            return Next::Wait;
        }
        let lots = lots.min(self.backstop_room(instrument, held)) as i64 * -held.signum();
        if lots == 0 {
            return Next::Wait;
        }
        let market = self.market(instrument);
        let value = -i128::from(lots) * i128::from(market.mark.get());
        let (slippage, scale) = (i128::from(market.spec.slippage), i128::from(self.scale.get()));
        let slipped = value - (value.abs() * slippage + scale - 1) / scale;
        let quote = slipped.max(self.zero_quote(index, instrument, lots));
        match i64::try_from(quote) {
            Ok(quote) => Next::Absorb { instrument, lots, quote },
            Err(_) => Next::Nothing,
        }
    }

    /// The order goes to the venue: the market's budget is charged with it.
    pub(super) fn place(&mut self, order: Order) -> Command {
        self.orders_placed += 1;
        let id = self.orders_placed;
        let Order { index, instrument, lots, limit, mark } = order;
        self.market_mut(instrument).bucket.take(u128::from(lots.unsigned_abs()) * u128::from(mark.get()));
        self.orders.insert(id, order);
        Command::PlaceOrder { order: id, account: self.ledger.id(index), instrument, lots, limit }
    }
}
