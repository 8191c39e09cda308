//! Where liquidation orders go. The simulated venue has a book whose depth makes large slices pay; rule and rounding: `docs/venue.md`.

use std::collections::BTreeMap;

use engine::event::{InstrumentId, TimeMs};
use engine::rules::Depth;

/// An immediate-or-cancel order of the account, and the market it meets.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Order {
    pub instrument: InstrumentId,
    /// Change of the account's position: negative sells.
    pub lots: i64,
    /// Worst price, quanta per lot.
    pub limit: u64,
}

/// The book's centre and shape at the time of the order.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Book {
    /// Quanta per lot.
    pub mark: u64,
    pub depth: Depth,
    /// Scale of `depth.step`.
    pub scale: u32,
}

/// Final report of an order: what was filled, as changes of the account's lots and cash (quanta). Zero if nothing was.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub struct Report {
    pub lots: i64,
    pub quote: i64,
}

/// A venue that takes liquidation orders.
pub trait Venue {
    /// Executes the order at event time `time_ms` and reports what was filled, never beyond its limit or its lots.
    fn execute(&mut self, time_ms: TimeMs, order: Order, book: Book) -> Report;
}

/// What orders have taken from one side of a book and time has not given back.
#[derive(Clone, Copy, Debug, Default)]
struct Consumed {
    lots: u64,
    /// Event time up to which the refill is counted.
    since_ms: TimeMs,
}

/// Books of `Depth`'s shape around the mark, one side of one instrument at a time.
#[derive(Clone, Debug, Default)]
pub struct SimulatedVenue {
    consumed: BTreeMap<(InstrumentId, bool), Consumed>,
}

impl Venue for SimulatedVenue {
    fn execute(&mut self, time_ms: TimeMs, order: Order, book: Book) -> Report {
        let sells = order.lots < 0;
        let side = self.consumed.entry((order.instrument, sells)).or_insert(Consumed { lots: 0, since_ms: time_ms });
        side.refill(time_ms, book.depth.refill_lots);
        let (filled, quote) = walk(side.lots, order.lots.unsigned_abs(), order.limit, sells, &book);
        side.lots += filled;
        let signed = |amount: u64| i64::try_from(amount).expect("a fill is below the order, which fits");
        if sells {
            Report { lots: -signed(filled), quote: signed(quote) }
        } else {
            Report { lots: signed(filled), quote: -signed(quote) }
        }
    }
}

impl Consumed {
    /// Gives back what whole seconds have refilled; a started second is counted when it is over.
    fn refill(&mut self, time_ms: TimeMs, refill_lots: u64) {
        let seconds = (time_ms - self.since_ms).max(0) / 1_000;
        self.since_ms += seconds * 1_000;
        self.lots = self.lots.saturating_sub(refill_lots.saturating_mul(seconds.unsigned_abs()));
    }
}

/// Lots and quote taken from a side of which `consumed` lots are gone, for at most `lots` within `limit`.
fn walk(consumed: u64, lots: u64, limit: u64, sells: bool, book: &Book) -> (u64, u64) {
    let (mut filled, mut quote) = (0, 0);
    let level_lots = book.depth.level_lots;
    if level_lots == 0 {
        return (0, 0);
    }
    let mut offset = consumed;
    while filled < lots {
        let level = offset / level_lots + 1;
        let Some(price) = level_price(level, sells, book) else { break };
        if if sells { price < limit } else { price > limit } {
            break;
        }
        let take = (level * level_lots - offset).min(lots - filled);
        filled += take;
        quote += take * price;
        offset += take;
    }
    (filled, quote)
}

/// Price of the `level`-th level (from 1): `floor(mark * level * step / scale)` from the mark, at least 1; `None` beyond the book.
fn level_price(level: u64, sells: bool, book: &Book) -> Option<u64> {
    if level > u64::from(book.depth.levels) {
        return None;
    }
    let away = u128::from(book.mark) * u128::from(level) * u128::from(book.depth.step) / u128::from(book.scale);
    let away = u64::try_from(away).ok()?;
    if sells { Some(book.mark.saturating_sub(away).max(1)) } else { book.mark.checked_add(away) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const DEPTH: Depth = Depth { levels: 20, step: 500, level_lots: 100, refill_lots: 10 };
    const BTC: InstrumentId = InstrumentId(0);

    fn book(mark: u64) -> Book {
        Book { mark, depth: DEPTH, scale: 1_000_000 }
    }

    fn order(lots: i64, limit: u64) -> Order {
        Order { instrument: BTC, lots, limit }
    }

    #[test]
    fn a_sale_walks_down_the_book_and_stops_at_its_limit() {
        let mut venue = SimulatedVenue::default();
        let report = venue.execute(0, order(-150, 1), book(1_000_000));
        assert_eq!(report, Report { lots: -150, quote: 100 * 999_500 + 50 * 999_000 });
        let report = venue.execute(0, order(-100, 999_000), book(1_000_000));
        assert_eq!(report, Report { lots: -50, quote: 50 * 999_000 }, "the rest of level 2 only");
        assert_eq!(venue.execute(0, order(-1, 999_000), book(1_000_000)), Report::default());
        let bought = venue.execute(0, order(1, 1_000_500), book(1_000_000));
        assert_eq!(bought, Report { lots: 1, quote: -1_000_500 }, "the other side is untouched");
    }

    #[test]
    fn the_book_refills_by_whole_seconds_and_loses_no_millisecond() {
        let mut venue = SimulatedVenue::default();
        venue.execute(0, order(-2_000, 1), book(1_000_000));
        assert_eq!(venue.execute(999, order(-1, 1), book(1_000_000)).lots, 0, "20 levels of 100 are gone");
        assert_eq!(venue.execute(1_500, order(-50, 1), book(1_000_000)).lots, -10);
        assert_eq!(venue.execute(2_000, order(-50, 1), book(1_000_000)).lots, -10, "500 ms were carried");
    }

    proptest! {
        #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

        #[test]
        fn fills_keep_the_limit_and_the_books_lots(
            mark in 1_000u64..4_000_000_000, lots in 1i64..5_000, sells in any::<bool>(), bps in 0u64..200, more in 0i64..500
        ) {
            let sign = if sells { -1 } else { 1 };
            let away = mark * bps / 10_000;
            let limit = if sells { mark - away } else { mark + away };
            let report = SimulatedVenue::default().execute(0, order(sign * lots, limit), book(mark));
            prop_assert!(report.lots.abs() <= lots.min(2_000) && report.lots * sign >= 0);
            let worst = report.lots.unsigned_abs() as u128 * u128::from(limit);
            let quote = u128::from(report.quote.unsigned_abs());
            prop_assert!(if sells { quote >= worst } else { quote <= worst });
            let larger = SimulatedVenue::default().execute(0, order(sign * (lots + more), limit), book(mark));
            prop_assert!(larger.lots.abs() >= report.lots.abs());
            let cost = |r: Report| u128::from(mark.abs_diff(0)) * r.lots.unsigned_abs() as u128;
            let slip = |r: Report| cost(r).abs_diff(u128::from(r.quote.unsigned_abs()));
            prop_assert!(slip(larger) * report.lots.unsigned_abs() as u128 >= slip(report) * larger.lots.unsigned_abs() as u128, "a larger order is no cheaper per lot");
        }

        #[test]
        fn one_order_costs_what_its_parts_cost(parts in prop::collection::vec(1i64..300, 1..8), mark in 1_000u64..4_000_000_000) {
            let mut venue = SimulatedVenue::default();
            let split: Vec<Report> = parts.iter().map(|&lots| venue.execute(0, order(-lots, 1), book(mark))).collect();
            let whole = SimulatedVenue::default().execute(0, order(-parts.iter().sum::<i64>(), 1), book(mark));
            prop_assert_eq!(whole.lots, split.iter().map(|r| r.lots).sum::<i64>());
            prop_assert_eq!(whole.quote, split.iter().map(|r| r.quote).sum::<i64>());
        }
    }
}
