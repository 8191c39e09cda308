//! dYdX v4 genesis parameters as JSON: `perpetuals`, `liquidity_tiers`, `clob_pairs`, `liquidations_config`; the rest is ignored.
//!
//! Rates are parts per million, amounts quote quantums of 10^-6, which are our quanta. Maintenance is the initial margin times
//! `maintenance_fraction_ppm`; the open-interest caps of a liquidity tier scale its initial margin. A lot is a step of the order book, a
//! tick its tick: `subticks_per_tick * 10^quantum_conversion_exponent` quote quantums per base quantum.

use std::collections::{BTreeMap, BTreeSet};

use engine::rules::{OpenInterest, VenueRules};
use rust_decimal::Decimal;
use serde::de::Error;
use serde::{Deserialize, Deserializer};

use super::{ImportError, Source, SourceCloseFactor, SourceContract, unknown_symbols};
use crate::feed::field::shifted;
use crate::feed::instrument::{Grid, PRICE_BITS, SIZE_BITS};
use crate::rules::number;
use crate::rules::rule_set::GridRule;

const PPM: u64 = 1_000_000;
/// About the time of a block, over which the chain's limits of a liquidation count.
const BLOCK_MS: i64 = 1_000;

#[derive(Deserialize)]
struct Genesis {
    liquidity_tiers: Vec<LiquidityTier>,
    perpetuals: Vec<Perpetual>,
    #[serde(default)]
    clob_pairs: Vec<ClobPair>,
    liquidations_config: Option<LiquidationsConfig>,
}

#[derive(Deserialize)]
struct LiquidityTier {
    id: u32,
    initial_margin_ppm: u32,
    maintenance_fraction_ppm: u32,
    #[serde(default, deserialize_with = "whole")]
    open_interest_lower_cap: u64,
    #[serde(default, deserialize_with = "whole")]
    open_interest_upper_cap: u64,
}

#[derive(Deserialize)]
struct Perpetual {
    params: PerpetualParams,
}

#[derive(Deserialize)]
struct PerpetualParams {
    ticker: String,
    id: u32,
    atomic_resolution: i32,
    liquidity_tier: u32,
}

#[derive(Deserialize)]
struct ClobPair {
    perpetual_clob_metadata: Option<ClobMetadata>,
    #[serde(deserialize_with = "whole")]
    step_base_quantums: u64,
    subticks_per_tick: u32,
    quantum_conversion_exponent: i32,
}

#[derive(Deserialize)]
struct ClobMetadata {
    perpetual_id: u32,
}

#[derive(Deserialize)]
struct LiquidationsConfig {
    max_liquidation_fee_ppm: u32,
    position_block_limits: Option<PositionBlockLimits>,
}

#[derive(Deserialize)]
struct PositionBlockLimits {
    #[serde(deserialize_with = "whole")]
    min_position_notional_liquidated: u64,
    max_position_portion_liquidated_ppm: u32,
}

/// A whole number, in quotes or not.
fn whole<'de, D: Deserializer<'de>>(deserializer: D) -> Result<u64, D::Error> {
    #[derive(Deserialize)]
    #[serde(untagged)]
    enum Whole {
        Number(u64),
        Text(String),
    }
    match Whole::deserialize(deserializer)? {
        Whole::Number(number) => Ok(number),
        Whole::Text(text) => {
            text.parse().map_err(|_| D::Error::custom(format!("{text:?} is no whole number")))
        }
    }
}

/// Perpetuals of the tickers asked for; all if none is named.
///
/// # Errors
/// [`ImportError`] with every perpetual that is wrong.
pub fn read(bytes: &[u8], symbols: &[String]) -> Result<Source, ImportError> {
    let genesis: Genesis =
        serde_json::from_slice(bytes).map_err(|error| ImportError(vec![format!("no such JSON: {error}")]))?;
    let mut errors = unknown_symbols(symbols, |symbol| {
        genesis.perpetuals.iter().any(|perpetual| perpetual.params.ticker == symbol)
    });
    let mut ids = BTreeSet::new();
    errors.extend(
        (genesis.liquidity_tiers.iter().filter(|tier| !ids.insert(tier.id)))
            .map(|tier| format!("liquidity tier {}: stands twice", tier.id)),
    );
    let mut contracts = BTreeMap::new();
    for Perpetual { params } in &genesis.perpetuals {
        if !symbols.is_empty() && !symbols.contains(&params.ticker) {
            continue;
        }
        match contract(params, &genesis) {
            Err(error) => errors.push(format!("{}: {error}", params.ticker)),
            Ok(contract) => {
                if contracts.insert(params.ticker.clone(), contract).is_some() {
                    errors.push(format!("{}: stands twice", params.ticker));
                }
            }
        }
    }
    if contracts.is_empty() && errors.is_empty() {
        errors.push("there is no perpetual".into());
    }
    let config = genesis.liquidations_config.as_ref();
    let limits = config.and_then(|config| config.position_block_limits.as_ref());
    let rates = [
        config.map(|config| config.max_liquidation_fee_ppm),
        limits.map(|limits| limits.max_position_portion_liquidated_ppm),
    ];
    if rates.into_iter().flatten().any(|rate| u64::from(rate) > PPM) {
        errors.push("liquidations_config: a rate is above 1,000,000 ppm".into());
    }
    if !errors.is_empty() {
        return Err(ImportError(errors));
    }
    Ok(Source {
        venue: VenueRules::DydxV4,
        equality: false,
        contracts,
        fee: config.map(|config| ppm(config.max_liquidation_fee_ppm.into())),
        close_factor: limits.map(|limits| SourceCloseFactor {
            above: limits.min_position_notional_liquidated,
            portion: ppm(limits.max_position_portion_liquidated_ppm.into()),
            window_ms: BLOCK_MS,
        }),
        notes: vec![
            "fee: max_liquidation_fee_ppm. close_factor: the limits of a position and block, here of an account and second.".into(),
            "Not imported: base_position_notional, the limits of a subaccount and block, the fillable price, equity tiers.".into(),
        ],
    })
}

fn contract(params: &PerpetualParams, genesis: &Genesis) -> Result<SourceContract, String> {
    let tier = (genesis.liquidity_tiers.iter().find(|tier| tier.id == params.liquidity_tier))
        .ok_or_else(|| format!("there is no liquidity tier {}", params.liquidity_tier))?;
    let (initial, fraction) = (u64::from(tier.initial_margin_ppm), u64::from(tier.maintenance_fraction_ppm));
    if initial > PPM || fraction > PPM {
        return Err(format!("a rate of liquidity tier {} is above 1,000,000 ppm", tier.id));
    }
    if !(initial * fraction).is_multiple_of(PPM) {
        return Err(format!("the maintenance rate of liquidity tier {} is no whole number of ppm", tier.id));
    }
    let (lower, upper) = (tier.open_interest_lower_cap, tier.open_interest_upper_cap);
    let open_interest = if upper == 0 { OpenInterest::default() } else { OpenInterest { lower, upper } };
    let is_pair = |pair: &&ClobPair| {
        pair.perpetual_clob_metadata.as_ref().is_some_and(|metadata| metadata.perpetual_id == params.id)
    };
    let grid = match genesis.clob_pairs.iter().find(is_pair) {
        None => GridRule::AtFirstPrice,
        Some(pair) => GridRule::Stated(grid(params, pair).ok_or(
            "its step is no power of ten of the base asset, or its tick no whole number of quanta per step",
        )?),
    };
    Ok(SourceContract {
        grid,
        brackets: vec![(0, ppm(initial * fraction / PPM))],
        initial: vec![(0, ppm(initial))],
        open_interest,
    })
}

fn grid(params: &PerpetualParams, pair: &ClobPair) -> Option<Grid> {
    let step = shifted(Decimal::from(pair.step_base_quantums), params.atomic_resolution)?;
    let lot_exponent = number::power_of_ten(&step.to_string())?;
    let subticks = u64::from(pair.subticks_per_tick).checked_mul(pair.step_base_quantums)?;
    let tick = number::units(shifted(Decimal::from(subticks), pair.quantum_conversion_exponent)?, 0)?;
    let tick = u64::try_from(tick).ok().filter(|tick| (1..=u32::MAX.into()).contains(tick))?;
    Some(Grid { lot_exponent, tick, price_bits: PRICE_BITS, size_bits: SIZE_BITS })
}

fn ppm(rate: u64) -> Decimal {
    Decimal::new(rate as i64, 6)
}
