//! Funding of a perpetual, rates as integers over a unit that the caller chooses: `F = P + clamp(I - P, -c, c)`.
//!
//! Source: the documents of Hyperliquid, BitMEX and Binance on funding and fair price.

/// What a given notional trades at on the book, and the index, quanta per lot.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct ImpactPrices {
    pub bid: u64,
    pub ask: u64,
    /// Above zero.
    pub index: u64,
}

/// `(max(0, bid - index) - max(0, index - ask)) / index` over `unit`, toward zero.
pub fn premium_trunc(ImpactPrices { bid, ask, index }: ImpactPrices, unit: u32) -> i128 {
    let premium = i128::from(bid.saturating_sub(index)) - i128::from(index.saturating_sub(ask));
    premium * i128::from(unit) / i128::from(index)
}

/// The premium, drawn towards the interest rate by at most `clamp`.
pub fn clamped_rate(premium: i128, interest: i128, clamp: u32) -> i128 {
    let clamp = i128::from(clamp);
    premium + (interest - premium).clamp(-clamp, clamp)
}

/// The price that funding makes fair before it is paid, `index * (1 + rate * left / interval)`, toward minus infinity. Times share a unit;
/// `interval` is above zero.
pub fn fair_price_floor(index: u64, rate: i64, unit: u32, left: u32, interval: u32) -> i128 {
    let carried = i128::from(index) * i128::from(rate) * i128::from(left);
    i128::from(index) + carried.div_euclid(i128::from(unit) * i128::from(interval))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_premium_is_what_the_book_lies_outside_the_index() {
        let premium = |bid, ask, index| premium_trunc(ImpactPrices { bid, ask, index }, 1_000);
        assert_eq!(premium(110, 112, 100), 100);
        assert_eq!(premium(88, 90, 100), -100);
        assert_eq!(premium(99, 101, 100), 0);
        assert_eq!(premium(100, 100, 100), 0);
        // 2/3 of a unit, toward zero on both sides; a crossed book counts both.
        assert_eq!(premium(1_501, 1_600, 1_500), 0);
        assert_eq!(premium(1_400, 1_499, 1_500), 0);
        assert_eq!(premium(1_503, 1_600, 1_500), 2);
        assert_eq!(premium(1_400, 1_497, 1_500), -2);
        assert_eq!(premium(120, 95, 100), 150);
    }

    #[test]
    fn the_rate_is_drawn_to_the_interest_but_not_far() {
        for (premium, rate) in [(-20, -15), (-5, 0), (-4, 1), (-3, 1), (0, 1), (6, 1), (7, 2), (100, 95)] {
            assert_eq!(clamped_rate(premium, 1, 5), rate, "{premium}");
        }
        assert_eq!(clamped_rate(7, 1, 0), 7);
    }

    #[test]
    fn the_fair_price_approaches_the_index() {
        let fair = |rate, left| fair_price_floor(50_000, rate, 1_000, left, 8);
        assert_eq!(fair(10, 8), 50_500);
        assert_eq!(fair(10, 4), 50_250);
        assert_eq!(fair(10, 0), 50_000);
        assert_eq!(fair(-10, 4), 49_750);
        // 7 * 1/1000 * 1/8 of 50,000 is 43.75.
        assert_eq!(fair(7, 1), 50_043);
        assert_eq!(fair(-7, 1), 49_956);
    }
}
