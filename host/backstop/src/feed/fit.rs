//! Which candles an episode can take: a symbol's first price of the episode makes its instrument, and every price of a candle must have
//! an integer there. A candle of which one price has none is refused whole.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;

use engine::event::TimeMs;
use rust_decimal::Decimal;

use super::candle::Candle;
use super::episode::GAP_MS_MAX;
use super::instrument::{Grid, PriceError};
use crate::rules::RuleSet;

/// A price without an integer form, and the first price that says so.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Misfit {
    pub price: Decimal,
    pub first: Decimal,
    pub error: PriceError,
}

impl fmt::Display for Misfit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { price, first, error } = self;
        write!(f, "{price} {error}; the first price of the episode is {first}")
    }
}

/// Follows candles in order of time.
#[derive(Clone, Debug)]
pub struct Fit {
    rules: Arc<RuleSet>,
    episodes: u32,
    /// Latest mark of the accepted candles.
    last_ms: Option<TimeMs>,
    /// First price of the episode, and the grid it makes.
    grids: BTreeMap<Arc<str>, (Decimal, Grid)>,
}

impl Fit {
    /// With rules for every symbol that comes.
    pub fn new(rules: Arc<RuleSet>) -> Self {
        Self { rules, episodes: 0, last_ms: None, grids: BTreeMap::new() }
    }

    /// Episodes that the accepted candles make, so far.
    pub fn episodes(&self) -> u32 {
        self.episodes
    }

    /// Takes the next candle, or leaves everything as if it had not been.
    ///
    /// # Errors
    /// The first of its prices that has no integer form.
    pub fn take(&mut self, candle: &Candle) -> Result<(), Misfit> {
        let starts = self.last_ms.is_none_or(|last| candle.time_ms.saturating_sub(last) > GAP_MS_MAX);
        let known = self.grids.get(&candle.symbol).filter(|_| !starts).copied();
        let misfit = |price, first, error| Misfit { price, first, error };
        let (first, grid) = match known {
            Some(known) => known,
            None => {
                let grid = (self.rules.grid(&candle.symbol, candle.open))
                    .ok_or_else(|| misfit(candle.open, candle.open, PriceError::Zero))?;
                (candle.open, grid)
            }
        };
        let marks = candle.marks();
        for (_, price) in marks {
            grid.quanta(price).map_err(|error| misfit(price, first, error))?;
        }
        if starts {
            self.grids.clear();
            self.episodes += 1;
        }
        self.grids.entry(candle.symbol.clone()).or_insert((first, grid));
        self.last_ms = self.last_ms.max(Some(marks[3].0));
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn candle(symbol: &str, minute: i64, prices: [&str; 4]) -> Candle {
        let [open, high, low, close] = prices.map(|price| price.parse().unwrap());
        let time_ms = minute * 60_000;
        Candle { line: 0, symbol: symbol.into(), time_ms, length_ms: 60_000, open, high, low, close }
    }

    fn flat(symbol: &str, minute: i64, price: &str) -> Candle {
        candle(symbol, minute, [price; 4])
    }

    #[test]
    fn a_candle_fits_the_first_price_of_its_episode_or_is_refused_whole() {
        let mut fit = Fit::new(crate::rules::built_in());
        let error = fit.take(&candle("A", 0, ["100", "100000000000", "100", "100"]));
        assert_eq!(error.unwrap_err().error, PriceError::TooLarge { bits: 32 });
        assert_eq!(fit.episodes(), 0, "a refused candle starts nothing");
        fit.take(&flat("A", 1, "100")).unwrap();
        let error = fit.take(&flat("A", 2, "0.000000000001")).unwrap_err();
        assert_eq!(
            error.to_string(),
            "0.000000000001 rounds to zero ticks; the first price of the episode is 100"
        );
        fit.take(&flat("B", 2, "0.000000000001")).expect("another symbol has its own instrument");
        // A refused candle does not hold an episode open.
        fit.take(&flat("A", 200, "100000000000")).unwrap_err();
        assert_eq!(fit.episodes(), 1);
        fit.take(&flat("A", 400, "100000000000")).expect("another episode makes another instrument");
        assert_eq!(fit.episodes(), 2);
        fit.take(&flat("A", 401, "100")).unwrap_err();
        fit.take(&flat("B", 402, "5")).expect("B is not listed in this episode yet");
    }
}
