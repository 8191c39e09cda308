//! A candle is four marks: open, the extreme nearer to the open (a tie: the low), the other extreme, close, a quarter of its length apart.
//!
//! A candle's length is the time to its symbol's next row, at most a minute; so its marks end before that row's, also where minutes are
//! missing or a time is off the grid. The last row of a symbol takes the step before it.

use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::sync::Arc;

use engine::event::TimeMs;
use rust_decimal::Decimal;

use super::Mark;

/// Longest candle, and the length of a symbol's only one.
pub const LENGTH_MS_MAX: TimeMs = 60_000;

/// `low <= open, close <= high`, all above zero.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Candle {
    /// Line of its file.
    pub line: u64,
    pub symbol: Arc<str>,
    pub time_ms: TimeMs,
    pub length_ms: TimeMs,
    pub open: Decimal,
    pub high: Decimal,
    pub low: Decimal,
    pub close: Decimal,
}

impl Candle {
    /// Its marks in order: time and price.
    pub fn marks(&self) -> [(TimeMs, Decimal); 4] {
        let low_first = self.open - self.low <= self.high - self.open;
        let (near, far) = if low_first { (self.low, self.high) } else { (self.high, self.low) };
        let at = |quarter: TimeMs| self.time_ms + quarter * self.length_ms / 4;
        [(at(0), self.open), (at(1), near), (at(2), far), (at(3), self.close)]
    }
}

/// A mark that waits for candles of its time or before; quarter breaks ties of candles shorter than four milliseconds.
#[derive(Clone, Debug, Eq, Ord, PartialEq, PartialOrd)]
struct Waiting {
    time_ms: TimeMs,
    symbol: Arc<str>,
    quarter: u8,
    price: Decimal,
}

/// Marks of candles that come in order of time, merged by (time, symbol). Holds back at most eight marks per symbol.
pub struct Marks<I: Iterator> {
    candles: std::iter::Peekable<I>,
    waiting: BinaryHeap<Reverse<Waiting>>,
    waiting_max: usize,
}

impl<E, I: Iterator<Item = Result<Candle, E>>> Marks<I> {
    pub fn new(candles: I) -> Self {
        Self { candles: candles.peekable(), waiting: BinaryHeap::new(), waiting_max: 0 }
    }

    /// Most marks that were held back at once.
    pub fn waiting_max(&self) -> usize {
        self.waiting_max
    }
}

impl<E, I: Iterator<Item = Result<Candle, E>>> Iterator for Marks<I> {
    type Item = Result<Mark, E>;

    fn next(&mut self) -> Option<Self::Item> {
        loop {
            let first_ms = self.waiting.peek().map(|Reverse(mark)| mark.time_ms);
            let due = self.candles.next_if(|candle| match (candle, first_ms) {
                (Ok(candle), Some(first_ms)) => candle.time_ms <= first_ms,
                (_, None) => true,
                (Err(_), Some(_)) => false,
            });
            match due {
                Some(Ok(candle)) => {
                    for (quarter, (time_ms, price)) in (0..).zip(candle.marks()) {
                        let symbol = candle.symbol.clone();
                        self.waiting.push(Reverse(Waiting { time_ms, symbol, quarter, price }));
                    }
                    self.waiting_max = self.waiting_max.max(self.waiting.len());
                }
                Some(Err(error)) => return Some(Err(error)),
                None => {
                    let Reverse(Waiting { time_ms, symbol, price, .. }) = self.waiting.pop()?;
                    return Some(Ok(Mark { time_ms, symbol, price }));
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::collection::vec;
    use proptest::prelude::*;

    fn candle(symbol: &str, time_ms: TimeMs, [open, high, low, close]: [i64; 4]) -> Candle {
        let [open, high, low, close] = [open, high, low, close].map(|price| Decimal::new(price, 2));
        Candle { line: 0, symbol: symbol.into(), time_ms, length_ms: LENGTH_MS_MAX, open, high, low, close }
    }

    fn any_prices() -> impl Strategy<Value = [i64; 4]> {
        (1i64..60, 0i64..40).prop_flat_map(|(low, range)| {
            (low..=low + range, low..=low + range)
                .prop_map(move |(open, close)| [open, low + range, low, close])
        })
    }

    #[test]
    fn the_nearer_extreme_comes_first_and_the_low_on_a_tie() {
        let prices = |prices| candle("A", 0, prices).marks().map(|(_, price)| price.mantissa());
        assert_eq!(prices([10, 12, 5, 9]), [10, 12, 5, 9]);
        assert_eq!(prices([7, 12, 5, 9]), [7, 5, 12, 9]);
        assert_eq!(prices([10, 15, 5, 9]), [10, 5, 15, 9]);
        assert_eq!(prices([5, 5, 5, 5]), [5, 5, 5, 5]);
        assert_eq!(candle("A", 600, [1; 4]).marks().map(|(ms, _)| ms), [600, 15_600, 30_600, 45_600]);
        let short = Candle { length_ms: 10_000, ..candle("A", 600, [1; 4]) };
        assert_eq!(short.marks().map(|(ms, _)| ms), [600, 3_100, 5_600, 8_100]);
    }

    #[test]
    fn an_error_comes_after_the_marks_before_it() {
        let candles = [Ok(candle("A", 0, [1; 4])), Err("cut")];
        let seen: Vec<_> = Marks::new(candles.into_iter()).collect();
        assert_eq!(seen.iter().filter(|mark| mark.is_ok()).count(), 4);
        assert_eq!(seen[4], Err("cut"));
        assert_eq!(seen.len(), 5);
    }

    proptest! {
        #[test]
        fn marks_are_the_candle_in_a_legal_order(prices in any_prices()) {
            let marks = candle("A", 0, prices).marks().map(|(_, price)| i64::try_from(price.mantissa()).unwrap());
            let mut sorted = (marks, prices);
            sorted.0.sort_unstable();
            sorted.1.sort_unstable();
            prop_assert_eq!(sorted.0, sorted.1);
            let [open, high, low, close] = prices;
            prop_assert_eq!([marks[0], marks[3]], [open, close]);
            let (up, down) = (high - open, open - low);
            prop_assert_eq!([marks[1], marks[2]], if up < down { [high, low] } else { [low, high] });
        }

        /// The merge against sorting everything in memory; candles of one time come in any order of symbol.
        #[test]
        fn the_merge_is_the_stable_sort(
            steps in vec((0usize..4, 1i64..5, 0i64..7), 1..80),
            length in prop::sample::select(vec![1i64, 3, 1_000, 60_000]),
        ) {
            let mut next_ms = [0i64; 4];
            let mut candles: Vec<Candle> = steps
                .iter()
                .map(|&(symbol, step, price)| {
                    next_ms[symbol] += step * length;
                    let mut candle = candle(["A", "B", "C", "D"][symbol], next_ms[symbol], [price + 1, price + 9, 1, price + 2]);
                    candle.length_ms = length;
                    candle
                })
                .collect();
            candles.sort_by_key(|candle| candle.time_ms);
            let mut expected: Vec<_> = candles
                .iter()
                .flat_map(|candle| candle.marks().map(|(ms, price)| (ms, candle.symbol.clone(), price)))
                .collect();
            expected.sort_by(|a, b| (a.0, &a.1).cmp(&(b.0, &b.1)));
            let mut marks = Marks::new(candles.into_iter().map(Ok::<_, ()>));
            let seen: Vec<_> = marks.by_ref().map(|mark| mark.unwrap()).map(|m| (m.time_ms, m.symbol, m.price)).collect();
            prop_assert_eq!(seen, expected);
            prop_assert!(marks.waiting_max() <= 4 * 8);
        }
    }
}
