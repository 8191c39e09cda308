//! What no key shows by itself: numbers that contradict each other, names that nobody has, and the engine's own rules.

use engine::rules::{InstrumentError, RulesError};
use model::units::{NOTIONAL_BITS, OutOfRange, Scale};
use rust_decimal::Decimal;

use super::keys;
use super::node::{Reader, joined};
use super::number::amount_text;
use super::rule_set::{Contract, GridRule, RuleSet};
use crate::feed::instrument::{Grid, PRICE_BITS, SIZE_BITS};

/// A symbol that no file can state: what is looked at in its place are the defaults.
const NOBODY: &str = "";

/// Notes what is wrong with the rule set as a whole.
pub fn check(set: &RuleSet, reader: &Reader) {
    let Ok(scale) = Scale::new(set.rules.scale) else { return };
    if let Err(errors) = set.rules.validate() {
        for error in errors.0 {
            let key = match error {
                RulesError::Range(range) => range.what,
                RulesError::Rungs(_) => "rungs",
                RulesError::Target { .. } => "target",
                RulesError::Rate { what, .. } | RulesError::TooLow { what, .. } => what,
            };
            let path = format!("rules.{key}");
            if !reader.is_faulty(&path) {
                reader.fault(&path, error);
            }
        }
    }
    let largest = (1u64 << NOTIONAL_BITS) - 1;
    for (path, amount) in [
        ("rules.residual_min", set.rules.residual_min),
        ("rules.close_factor.above", set.rules.close_factor.above),
    ] {
        if amount > largest {
            reader.fault(path, larger_than_a_position(amount, largest));
        }
    }
    if set.defaults.is_none() && set.instruments.is_empty() && !reader.is_faulty("instruments") {
        reader.missing("", "neither instruments nor complete [defaults]: nothing could be listed; add one");
    }
    if let Some(defaults) = &set.defaults {
        contract(set, NOBODY, defaults, "defaults", scale, reader);
    }
    for (symbol, rules) in &set.instruments {
        contract(set, symbol, rules, &joined("instruments", symbol), scale, reader);
    }
    for (symbol, rules) in &set.collateral {
        let path = joined("collateral", symbol);
        if set.instruments.contains_key(symbol) {
            reader.fault(&path, "an instrument has the same symbol; a symbol is one or the other");
        }
        listed(set, symbol, rules.grid, rules.trading.budget.capacity, &path, scale, reader);
        let reference = rules.redemption.as_ref().and_then(|redemption| redemption.reference.as_deref());
        if let Some(reference) = reference {
            let known = set.instruments.contains_key(reference) || set.collateral.contains_key(reference);
            if reference == symbol || !known {
                let text = format!("{reference} is no other collateral or instrument of this file");
                reader.missing(&format!("{path}.redemption.reference"), text);
            }
        }
    }
    groups(set, reader);
}

fn contract(set: &RuleSet, symbol: &str, rules: &Contract, path: &str, scale: Scale, reader: &Reader) {
    listed(set, symbol, rules.grid, rules.trading.budget.capacity, path, scale, reader);
    let stated = reader.states(&format!("{path}.open_interest")) || reader.states(&format!("{path}.initial"));
    if stated && rules.open_interest.upper > 0 && rules.initial.brackets.is_empty() {
        let at = format!("{path}.open_interest");
        if !reader.is_faulty(&format!("{path}.initial")) {
            reader
                .fault(&at, "scales the initial margin, and there is none; state `initial`, or \"unscaled\"");
        }
    }
}

/// What the engine says of an instrument, at the keys that the file itself states for it.
fn listed(
    set: &RuleSet,
    symbol: &str,
    grid: GridRule,
    capacity: u64,
    path: &str,
    scale: Scale,
    reader: &Reader,
) {
    let (price_bits, size_bits) = match grid {
        GridRule::AtFirstPrice => (PRICE_BITS, SIZE_BITS),
        GridRule::Stated(Grid { price_bits, size_bits, .. }) => (price_bits, size_bits),
    };
    // A fault is noted where the file states one of the keys, or in the defaults, and once.
    let fault = |keys: &[&str], text: String| {
        let at = |base: &str| keys.iter().map(|key| format!("{base}.{key}")).collect::<Vec<_>>();
        let (own, above) = (at(path), at("defaults"));
        if !own.iter().chain(&above).any(|path| reader.is_faulty(path)) {
            let stated = own.iter().any(|path| reader.states(path));
            reader.fault(if stated { &own[0] } else { &above[0] }, text);
        }
    };
    let largest = ((1u64 << price_bits) - 1).saturating_mul((1 << size_bits) - 1);
    if capacity > largest {
        fault(&["budget", "grid"], format!("capacity {}", larger_than_a_position(capacity, largest)));
    }
    let spec = match set.spec(symbol, first_price(grid)) {
        Ok(spec) => spec,
        Err(_) => return,
    };
    for error in spec.errors(scale) {
        let (keys, text): (&[&str], String) = match error {
            InstrumentError::Range(OutOfRange { what, .. }) => {
                let key = match what {
                    "price_bits" | "size_bits" | "price_bits + size_bits" | "tick" => "grid",
                    what => keys::COLLATERAL.iter().find(|&&key| key == what).copied().unwrap_or("brackets"),
                };
                (&[key], error.to_string())
            }
            InstrumentError::Tiers(_) => (&["brackets"], error.to_string()),
            InstrumentError::Initial(_) => (&["initial"], error.to_string()),
            InstrumentError::BelowMaintenance { notional, initial, maintenance } => {
                let [initial, maintenance] = [initial, maintenance]
                    .map(|part| amount_text((part / i128::from(scale.get())).unsigned_abs() as u64));
                let at = amount_text(notional);
                let text = format!(
                    "at a notional of {at} it is {initial}, below the maintenance margin of {maintenance}"
                );
                (&["initial", "brackets"], text)
            }
            InstrumentError::OpenInterest { .. } => {
                (&["open_interest"], "lower must lie below upper".to_owned())
            }
            InstrumentError::Cost(_) => {
                (&["slippage", "fee"], "fee and slippage together must stay below 1".to_owned())
            }
            InstrumentError::NoRefill { .. } => (&["budget"], error.to_string()),
            InstrumentError::NotContract => (&["expiry", "funding"], error.to_string()),
            InstrumentError::Redemption => (&["redemption"], error.to_string()),
            // Credits belong to groups, and collateral has no margin keys.
            InstrumentError::NoGroup { .. } | InstrumentError::CollateralMargin => {
                (&["grid"], error.to_string())
            }
        };
        fault(keys, text);
    }
}

/// A price that any grid takes: one tick.
fn first_price(grid: GridRule) -> Decimal {
    match grid {
        GridRule::AtFirstPrice => Decimal::ONE,
        GridRule::Stated(grid) => grid.tick_price().unwrap_or(Decimal::ONE),
    }
}

fn groups(set: &RuleSet, reader: &Reader) {
    for (name, group) in &set.groups {
        let path = joined("groups", name);
        let at = format!("{path}.instruments");
        if group.instruments.len() < 2 && !reader.is_faulty(&path) {
            reader.missing(&at, "a group has two instruments or more");
        }
        for symbol in &group.instruments {
            if !set.instruments.contains_key(symbol) {
                reader.missing(&at, format!("{symbol} is no instrument of this file; give it an entry"));
            }
            let first = set.groups.iter().find(|(_, other)| other.instruments.contains(symbol));
            if let Some((first, _)) = first.filter(|(first, _)| *first != name) {
                reader.fault(&at, format!("{symbol} is in group {first} already"));
            }
        }
    }
    if set.groups.len() > usize::from(u16::MAX) {
        reader.fault("groups", "more than 65,535 groups");
    }
}

fn larger_than_a_position(amount: u64, largest: u64) -> String {
    let [amount, largest] = [amount, largest].map(amount_text);
    format!("{amount} is larger than a position can be, {largest}")
}
