//! A mark from several prices: `median(index + mean(mid - index), median(bid, ask, last), median of other venues)`, no farther from the index
//! than a band. A price that is stale or that its guard does not believe drops out; nothing freezes.
//!
//! Source: Hyperliquid's and BitMEX's documents on their marks, with a band and a guard of our own.

use std::collections::BTreeMap;

use borsh::{BorshDeserialize, BorshSerialize};

use super::decay::FadingMean;
use crate::event::{Source, TimeMs};
use crate::guard::{Guard, Judgement};
use crate::rules::Composition;

/// The guard of a source judges by the instrument's band and the rules' hold.
#[derive(Clone, Copy, Debug)]
pub struct GuardTerms {
    pub band: u32,
    pub scale: u32,
    pub hold_ms: i64,
}

#[derive(BorshDeserialize, BorshSerialize, Clone, Copy, Debug, Eq, PartialEq)]
struct Input {
    /// When it last came, believed or not.
    came_ms: TimeMs,
    /// The last price that was believed, and when.
    price: u64,
    time_ms: TimeMs,
    guard: Guard,
}

/// Last prices of an instrument's sources.
#[derive(BorshDeserialize, BorshSerialize, Clone, Debug, Default, Eq, PartialEq)]
pub struct Inputs {
    inputs: BTreeMap<Source, Input>,
    /// Mid over index, quanta per lot.
    basis: FadingMean,
}

/// Event time before that of the source's last price.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Backwards;

impl Inputs {
    /// A price has come. False if the source's guard does not believe it, and the last one stands.
    ///
    /// # Errors
    /// [`Backwards`], and nothing changes.
    pub fn take(
        &mut self,
        now_ms: TimeMs,
        source: Source,
        price: u64,
        terms: GuardTerms,
    ) -> Result<bool, Backwards> {
        let first = Input { came_ms: now_ms, price, time_ms: now_ms, guard: Guard::default() };
        let input = self.inputs.entry(source).or_insert(first);
        if now_ms < input.came_ms {
            return Err(Backwards);
        }
        input.came_ms = now_ms;
        let GuardTerms { band, scale, hold_ms } = terms;
        let believed = matches!(
            input.guard.judge(now_ms, price, band, scale, hold_ms),
            Judgement::Applied | Judgement::Confirmed
        );
        if believed {
            (input.price, input.time_ms) = (price, now_ms);
        }
        Ok(believed)
    }

    /// Last believed price of the source, however old.
    pub fn last(&self, source: Source) -> Option<u64> {
        self.inputs.get(&source).map(|input| input.price)
    }

    /// The mark now, quanta per lot, rounded down where two values are averaged; `None` without a fresh price. The mean of mid over index is
    /// carried on.
    pub fn compose(&mut self, now_ms: TimeMs, scale: u32, rule: &Composition) -> Option<u64> {
        let fresh = |input: &Input| now_ms.saturating_sub(input.time_ms) <= rule.stale_ms;
        let price = |source| self.inputs.get(&source).filter(|input| fresh(input)).map(|input| input.price);
        let (index, last) = (price(Source::Index), price(Source::Last));
        let book = price(Source::Bid).zip(price(Source::Ask));
        let is_crossed = book.is_some_and(|(bid, ask)| bid > ask);
        let [bid, ask] = [Source::Bid, Source::Ask].map(|source| price(source).filter(|_| !is_crossed));
        let venues = self.inputs.range(Source::Venue(0)..).map(|(_, input)| input);
        let venues = median_floor(venues.filter(|input| fresh(input)).map(|input| input.price).collect());
        if let (Some(index), Some((bid, ask)), false) = (index, book, is_crossed) {
            let distance = (bid + ask) as i64 / 2 - index as i64;
            self.basis.note_level(now_ms, rule.ema_ms, distance);
        }
        let basis = self.basis.mean_trunc(1).unwrap_or(0);
        let fair = index.map(|index| (i128::from(index) + basis).max(1) as u64);
        let traded = median_floor([bid, ask, last].into_iter().flatten().collect());
        let mark = median_floor([fair, traded, venues].into_iter().flatten().collect())?;
        let Some(index) = index else { return Some(mark) };
        let (scale, band) = (u128::from(scale), u128::from(rule.band));
        let low = (u128::from(index) * (scale - band)).div_ceil(scale) as u64;
        let high = (u128::from(index) * (scale + band) / scale) as u64;
        Some(mark.clamp(low, high))
    }
}

/// The middle value, or the mean of the two in the middle, rounded down; `None` of nothing.
fn median_floor(mut values: Vec<u64>) -> Option<u64> {
    values.sort_unstable();
    let (below, above) = (values.get(values.len().saturating_sub(1) / 2)?, values[values.len() / 2]);
    Some(below + (above - below) / 2)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const RULE: Composition = Composition { stale_ms: 10_000, ema_ms: 150_000, band: 50_000 };
    const TERMS: GuardTerms = GuardTerms { band: 200_000, scale: 1_000_000, hold_ms: 60_000 };
    const BOOK: [(Source, u64); 3] = [(Source::Bid, 998), (Source::Ask, 1_004), (Source::Last, 1_003)];

    fn inputs(prices: &[(Source, u64)]) -> Inputs {
        let mut inputs = Inputs::default();
        for &(source, price) in prices {
            assert_eq!(inputs.take(0, source, price, TERMS), Ok(true));
        }
        inputs
    }

    fn composed(prices: &[(Source, u64)]) -> Option<u64> {
        inputs(prices).compose(0, 1_000_000, &RULE)
    }

    #[test]
    fn a_median_is_the_middle_or_the_mean_of_two() {
        for (values, median) in [
            (vec![], None),
            (vec![7], Some(7)),
            (vec![9, 4], Some(6)),
            (vec![9, 1, 4], Some(4)),
            (vec![8, 1, 4, 5], Some(4)),
        ] {
            assert_eq!(median_floor(values.clone()), median, "{values:?}");
        }
    }

    #[test]
    fn the_mark_is_the_median_of_what_there_is() {
        let venues = [(Source::Venue(0), 990), (Source::Venue(3), 1_030), (Source::Venue(7), 1_020)];
        let index = [(Source::Index, 1_000)];
        // Index and its distance of 1 from the mid: 1,001. Book: 1,003. Venues: 1,020.
        assert_eq!(composed(&[&index[..], &BOOK, &venues].concat()), Some(1_003));
        assert_eq!(composed(&[&index[..], &BOOK].concat()), Some(1_002));
        assert_eq!(composed(&[&index[..], &venues].concat()), Some(1_010));
        assert_eq!(composed(&BOOK), Some(1_003));
        assert_eq!(composed(&BOOK[..2]), Some(1_001));
        assert_eq!(composed(&index), Some(1_000));
        assert_eq!(composed(&[]), None);
        // A crossed book says nothing; the last trade still does.
        assert_eq!(
            composed(&[(Source::Bid, 1_100), (Source::Ask, 1_000), (Source::Last, 1_060)]),
            Some(1_060)
        );
        // No farther than 5 % from the index.
        assert_eq!(
            composed(&[(Source::Index, 1_001), (Source::Last, 2_000), (Source::Venue(1), 2_000)]),
            Some(1_051)
        );
        assert_eq!(
            composed(&[(Source::Index, 1_001), (Source::Last, 20), (Source::Venue(1), 20)]),
            Some(951)
        );
    }

    #[test]
    fn a_stale_price_drops_out_and_comes_back() {
        let mut inputs = inputs(&[(Source::Index, 1_000), (Source::Last, 1_010)]);
        assert_eq!(inputs.compose(10_000, 1_000_000, &RULE), Some(1_005));
        inputs.take(5_000, Source::Last, 1_020, TERMS).unwrap();
        assert_eq!(inputs.compose(10_001, 1_000_000, &RULE), Some(1_020), "the index and its band are gone");
        assert_eq!(inputs.compose(15_001, 1_000_000, &RULE), None);
        inputs.take(20_000, Source::Index, 990, TERMS).unwrap();
        assert_eq!(inputs.compose(20_000, 1_000_000, &RULE), Some(990));
    }

    #[test]
    fn an_absurd_price_is_not_believed_until_it_is_borne_out() {
        let mut inputs = inputs(&[(Source::Index, 1_000)]);
        assert_eq!(inputs.take(1_000, Source::Index, 10, TERMS), Ok(false));
        assert_eq!(inputs.compose(1_000, 1_000_000, &RULE), Some(1_000));
        assert_eq!(inputs.take(2_000, Source::Index, 12, TERMS), Ok(false));
        assert_eq!(inputs.compose(12_000, 1_000_000, &RULE), None, "the last believed one is stale by then");
        assert_eq!(inputs.take(61_000, Source::Index, 11, TERMS), Ok(true));
        assert_eq!(inputs.compose(61_000, 1_000_000, &RULE), Some(11));
        // A price of an earlier time is no price.
        let before = inputs.clone();
        assert_eq!(inputs.take(60_999, Source::Index, 11, TERMS), Err(Backwards));
        assert_eq!(inputs, before);
        assert_eq!((inputs.last(Source::Index), inputs.last(Source::Bid)), (Some(11), None));
    }

    #[test]
    fn the_distance_of_the_book_from_the_index_is_a_mean_over_time() {
        let mut inputs = Inputs::default();
        let mut at = |second: i64, bid: u64| {
            for (source, price) in [(Source::Index, 1_000_000), (Source::Bid, bid), (Source::Ask, bid)] {
                inputs.take(second * 1_000, source, price, TERMS).unwrap();
            }
            // Index and book alone: the mark is the mean of both, so the fair price is twice that less the book's.
            2 * inputs.compose(second * 1_000, 1_000_000, &RULE).unwrap() - bid
        };
        assert_eq!(at(0, 1_010_000), 1_010_000);
        for second in 1..600 {
            at(second, 1_010_000);
        }
        // A time constant after the distance went to 0, 1/e of it is left.
        let mut fair = 0;
        for second in 600..750 {
            fair = at(second, 1_000_000);
        }
        assert!((1_003_590..1_003_790).contains(&fair), "{fair}");
    }

    fn any_source() -> impl Strategy<Value = Source> {
        prop_oneof![
            Just(Source::Index),
            Just(Source::Bid),
            Just(Source::Ask),
            Just(Source::Last),
            (0u8..8).prop_map(Source::Venue)
        ]
    }

    proptest! {
        /// Whatever comes, the mark lies between the least and the greatest of the fresh prices and the fair one, or at the band.
        #[test]
        fn a_mark_lies_among_its_prices(prices in prop::collection::vec((any_source(), 900u64..1_100, 0i64..9_000), 1..40)) {
            let (mut inputs, mut now_ms) = (Inputs::default(), 0);
            for (source, price, dt_ms) in prices {
                now_ms += dt_ms;
                inputs.take(now_ms, source, price, TERMS).unwrap();
                let fresh: Vec<u64> = inputs.inputs.values().filter(|input| now_ms - input.time_ms <= 10_000).map(|input| input.price).collect();
                let is_fresh = |input: &&Input| now_ms - input.time_ms <= 10_000;
                let Some(mark) = inputs.compose(now_ms, 1_000_000, &RULE) else {
                    let book = [Source::Bid, Source::Ask];
                    let others = inputs.inputs.iter().filter(|(source, _)| !book.contains(source));
                    prop_assert_eq!(others.map(|(_, input)| input).filter(is_fresh).count(), 0, "only a crossed book says nothing");
                    continue;
                };
                let index = inputs.inputs.get(&Source::Index).filter(|input| now_ms - input.time_ms <= 10_000);
                let fair = index.map(|input| (input.price as i128 + inputs.basis.mean_trunc(1).unwrap_or(0)) as u64);
                let all: Vec<u64> = fresh.iter().copied().chain(fair).collect();
                let within = *all.iter().min().unwrap() <= mark && mark <= *all.iter().max().unwrap();
                let at_band = index.is_some_and(|input| mark == (input.price * 95).div_ceil(100) || mark == input.price * 105 / 100);
                prop_assert!(within || at_band, "{mark} of {all:?}");
                if let Some(input) = index {
                    prop_assert!(mark * 100 >= input.price * 95 && mark * 100 <= input.price * 105);
                }
            }
        }
    }
}
