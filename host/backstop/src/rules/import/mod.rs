//! Published parameters of venues become a rule set: their margin, and the built-in rules for all they do not state.

pub mod binance;
pub mod dydx;
#[cfg(test)]
mod tests;

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{self, Read};
use std::path::Path;

use engine::rules::{OpenInterest, VenueRules};
use num_integer::Integer;
use rust_decimal::Decimal;

use super::rule_set::{Contract, GridRule, RuleSet, Tiers};
use super::{built_in, number, parse, write};
use crate::report::text::count;

/// Largest input, unpacked.
const BYTES_MAX: u64 = 256 << 20;
/// First bytes of a zstd frame.
const ZSTD: [u8; 4] = [0x28, 0xb5, 0x2f, 0xfd];

/// Why an input cannot be imported: everything that was found.
#[derive(Debug, Eq, PartialEq, thiserror::Error)]
#[error("nothing is imported:\n{}", .0.join("\n"))]
pub struct ImportError(pub Vec<String>);

/// What a venue states; rates as it writes them, amounts in quanta.
#[derive(Debug)]
pub struct Source {
    pub venue: VenueRules,
    /// True if an account exactly at its requirement is liquidated.
    pub equality: bool,
    pub contracts: BTreeMap<String, SourceContract>,
    pub fee: Option<Decimal>,
    pub close_factor: Option<SourceCloseFactor>,
    /// What of the source is not in the rules, and what else a reader should know.
    pub notes: Vec<String>,
}

#[derive(Debug)]
pub struct SourceContract {
    pub grid: GridRule,
    pub brackets: Vec<(u64, Decimal)>,
    pub initial: Vec<(u64, Decimal)>,
    pub open_interest: OpenInterest,
}

#[derive(Debug)]
pub struct SourceCloseFactor {
    pub above: u64,
    pub portion: Decimal,
    pub window_ms: i64,
}

impl Source {
    /// The rule set over the smallest scale that holds every rate, and what to say of it.
    ///
    /// # Errors
    /// [`ImportError`] if no scale does, or the result is no valid rule set.
    pub fn rule_set(&self, input: &str) -> Result<(RuleSet, String), ImportError> {
        let mut set = RuleSet { name: name_of(input), version: 1, defaults: None, ..(*built_in()).clone() };
        set.rules.venue = self.venue;
        set.rules.equality = self.equality;
        let mut trading = built_in().defaults.clone().expect("built-in rules have defaults").trading;

        let stated = (self.contracts.values())
            .flat_map(|contract| contract.brackets.iter().chain(&contract.initial).map(|bracket| bracket.1));
        let stated = stated.chain(self.fee).chain(self.close_factor.as_ref().map(|factor| factor.portion));
        let built_in_scale = set.rules.scale;
        let kept: Vec<u32> = kept_rates(&mut set, &mut trading).into_iter().map(|rate| *rate).collect();
        let kept = kept.into_iter().map(|rate| Decimal::from(rate) / Decimal::from(built_in_scale));
        let scale = stated.chain(kept).try_fold(1u32, |scale, rate| Some(scale.lcm(&number::parts(rate)?)));
        let Some(scale) = scale.filter(|&scale| scale <= built_in_scale) else {
            return Err(ImportError(vec![
                "no scale up to 1,000,000 holds all rates; choose fewer with --symbols".into(),
            ]));
        };
        for rate in kept_rates(&mut set, &mut trading) {
            *rate = (u64::from(*rate) * u64::from(scale) / u64::from(built_in_scale)) as u32;
        }
        set.rules.scale = scale;
        let over = |rate: Decimal| (rate * Decimal::from(scale)).try_into().unwrap_or(u32::MAX);
        if let Some(fee) = self.fee {
            trading.fee = over(fee);
        }
        if let Some(factor) = &self.close_factor {
            set.rules.close_factor.above = factor.above;
            set.rules.close_factor.portion = over(factor.portion);
            set.rules.close_factor.window_ms = factor.window_ms;
        }
        for (symbol, contract) in &self.contracts {
            let tiers = |brackets: &[(u64, Decimal)]| {
                Tiers::of(brackets.iter().map(|&(floor, rate)| (floor, over(rate))).collect())
            };
            let contract = Contract {
                grid: contract.grid,
                brackets: tiers(&contract.brackets),
                initial: tiers(&contract.initial),
                open_interest: contract.open_interest,
                funding: None,
                expiry: None,
                volatility: None,
                trading: trading.clone(),
            };
            set.instruments.insert(symbol.clone(), contract);
        }
        let text = write(&set, "");
        let read =
            parse(&text).map_err(|faults| ImportError(faults.0.iter().map(ToString::to_string).collect()))?;
        assert_eq!(read, set, "what is written is read back");
        let mut comment = format!(
            "Imported from {input}: {} instruments.\nThe scale {} is the smallest over which every rate is whole.\n\
             What the source does not state is as in the built-in rules, but for funding and volatility, which no instrument has.",
            self.contracts.len(),
            count(scale.into())
        );
        for note in &self.notes {
            comment += "\n";
            comment += note;
        }
        Ok((set, comment))
    }
}

/// Rates of the built-in rules that an import keeps.
fn kept_rates<'a>(set: &'a mut RuleSet, trading: &'a mut super::Trading) -> Vec<&'a mut u32> {
    let mut rates = vec![
        &mut set.rules.close_factor.portion,
        &mut set.rules.insurance.market_share,
        &mut trading.fee,
        &mut trading.slippage,
        &mut trading.limit_band,
        &mut trading.mark_band,
        &mut trading.book.step,
    ];
    let gates = &mut set.rules.gates;
    rates.extend([&mut gates.withdrawal_portion, &mut gates.day_limit]);
    rates.extend(set.rules.outage.as_mut().map(|outage| &mut outage.band));
    rates.extend(trading.composition.as_mut().map(|composition| &mut composition.band));
    if let Some(breaker) = &mut trading.breaker {
        rates.extend([&mut breaker.band, &mut breaker.stage_band]);
    }
    if let Some(unwind) = &mut trading.unwind {
        rates.extend([&mut unwind.participation, &mut unwind.band]);
    }
    rates
}

/// Name of the input without its endings.
fn name_of(input: &str) -> String {
    let stem = input.split('.').next().filter(|stem| !stem.is_empty()).unwrap_or("imported");
    stem.chars().filter(|char| char.is_ascii_graphic()).take(64).collect()
}

/// Bytes of a file, unpacked if they are zstd.
///
/// # Errors
/// If it cannot be read or is larger than 256 MiB.
pub fn bytes(path: &Path) -> io::Result<Vec<u8>> {
    let mut first = [0; 4];
    let mut file = File::open(path)?;
    let is_zstd = file.read_exact(&mut first).is_ok() && first == ZSTD;
    let file = File::open(path)?;
    let reader: Box<dyn Read> = if is_zstd { Box::new(zstd::Decoder::new(file)?) } else { Box::new(file) };
    let mut bytes = Vec::new();
    reader.take(BYTES_MAX + 1).read_to_end(&mut bytes)?;
    if bytes.len() as u64 > BYTES_MAX {
        return Err(io::Error::other("more than 256 MiB"));
    }
    Ok(bytes)
}

/// Names what was asked for and does not occur.
fn unknown_symbols<'a>(asked: &[String], known: impl Fn(&str) -> bool + 'a) -> Vec<String> {
    let unknown = asked.iter().filter(|symbol| !known(symbol));
    unknown.map(|symbol| format!("{symbol}: no such symbol in the input")).collect()
}
