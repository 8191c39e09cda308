//! A rule set for people and programs: every instrument with its tiers, deductions and the leverage they allow.

use std::fmt::Write;

use model::tier::TierTable;
use model::units::Scale;
use rust_decimal::{Decimal, RoundingStrategy};
use serde_json::{Map, Value, json};

use super::number::{amount_text, rate_text};
use super::rule_set::{FORMAT, RuleSet, Tiers};
use super::write::{Entries, collateral, contract, rules};
use crate::report::text;

/// Plain text.
pub fn table(set: &RuleSet) -> String {
    let mut out = String::new();
    let scale = set.rules.scale;
    let mut line = |text: &str| writeln!(out, "{text}").expect("a string takes text");
    line(&format!("{}, version {} (format {FORMAT})", set.name, set.version));
    line(&format!("hash {}", set.hash_text()));
    line(&format!(
        "{} instruments, {} collateral assets, {} groups; a symbol without an entry {}",
        set.instruments.len(),
        set.collateral.len(),
        set.groups.len(),
        if set.defaults.is_some() { "has the defaults" } else { "is refused" }
    ));
    line("\nrules");
    list(&rules(&set.rules), &mut line);
    let defaults = set.defaults.iter().map(|contract| ("defaults", contract));
    for (symbol, rules) in defaults.chain(set.instruments.iter().map(|(symbol, rules)| (&**symbol, rules))) {
        line(&format!("\n{symbol}"));
        for (what, tiers) in [("maintenance", &rules.brackets), ("initial", &rules.initial)] {
            margin(what, tiers, scale, &mut line);
        }
        let mut entries = contract(rules, scale);
        entries.retain(|(key, _)| !matches!(*key, "brackets" | "initial"));
        list(&entries, &mut line);
    }
    for (symbol, rules) in &set.collateral {
        line(&format!("\n{symbol} (collateral)"));
        list(&collateral(rules, scale), &mut line);
    }
    for (name, group) in &set.groups {
        let members: Vec<&str> = group.instruments.iter().map(String::as_str).collect();
        line(&format!(
            "\ngroup {name}: credit {} among {}",
            rate_text(group.credit, scale),
            members.join(", ")
        ));
    }
    out
}

fn list(entries: &Entries, line: &mut impl FnMut(&str)) {
    for (key, value) in entries {
        line(&format!("  {key:<18}  {}", value.replace('"', "")));
    }
}

fn margin(what: &str, tiers: &Tiers, scale: u32, line: &mut impl FnMut(&str)) {
    if tiers.brackets.is_empty() {
        return line(&format!("  {what:<18}  none"));
    }
    line(&format!("  {what:<18}  {:>20} {:>10} {:>22} {:>10}", "from", "rate", "deduction", "leverage"));
    for step in steps(tiers, scale) {
        let Step { floor, rate, deduction, leverage } = step;
        line(&format!("  {:<18}  {floor:>20} {rate:>10} {deduction:>22} {leverage:>10}", ""));
    }
    if let Some(error) = compile_error(tiers, scale) {
        line(&format!("  {:<18}  compiled from a curve: at most {error} above it", ""));
    }
}

/// One JSON object; amounts and rates are text.
pub fn object(set: &RuleSet) -> Value {
    let scale = set.rules.scale;
    let entries = |entries: Entries| -> Map<String, Value> {
        entries.into_iter().map(|(key, text)| (key.into(), plain(&text))).collect()
    };
    let contract = |rules: &super::Contract| {
        let mut map = entries(contract(rules, scale));
        for (key, tiers) in [("brackets", &rules.brackets), ("initial", &rules.initial)] {
            map.insert(key.into(), steps(tiers, scale).iter().map(Step::object).collect());
            if let Some(error) = compile_error(tiers, scale) {
                map.insert(format!("{key}_compile_error"), error.into());
            }
        }
        Value::Object(map)
    };
    let instruments: Map<String, Value> =
        set.instruments.iter().map(|(symbol, rules)| (symbol.clone(), contract(rules))).collect();
    let collateral: Map<String, Value> = (set.collateral.iter())
        .map(|(symbol, rules)| (symbol.clone(), entries(collateral(rules, scale)).into()))
        .collect();
    let groups: Map<String, Value> = (set.groups.iter())
        .map(|(name, group)| {
            let group = json!({ "credit": rate_text(group.credit, scale), "instruments": group.instruments });
            (name.clone(), group)
        })
        .collect();
    json!({
        "format": FORMAT,
        "name": set.name,
        "version": set.version,
        "hash": set.hash_text(),
        "rules": entries(rules(&set.rules)),
        "defaults": set.defaults.as_ref().map(contract),
        "instruments": instruments,
        "collateral": collateral,
        "groups": groups,
    })
}

/// A value as the file writes it, in JSON: tables and lists stay such, numbers become text so that none is rounded.
fn plain(text: &str) -> Value {
    use toml::de::DeValue;
    fn json_of(value: &DeValue<'_>) -> Value {
        match value {
            DeValue::String(text) => Value::from(&**text),
            DeValue::Integer(integer) => Value::from(integer.as_str()),
            DeValue::Float(float) => Value::from(float.as_str()),
            DeValue::Boolean(is) => Value::from(*is),
            DeValue::Datetime(time) => Value::from(time.to_string()),
            DeValue::Array(values) => values.iter().map(|value| json_of(value.get_ref())).collect(),
            DeValue::Table(table) => {
                let entry = |(key, value): (&toml::Spanned<_>, &toml::Spanned<DeValue<'_>>)| {
                    let key: &std::borrow::Cow<'_, str> = key.get_ref();
                    (key.to_string(), json_of(value.get_ref()))
                };
                Value::Object(table.iter().map(entry).collect())
            }
        }
    }
    json_of(DeValue::parse(text).expect("our own TOML").get_ref())
}

/// A tier as text.
struct Step {
    floor: String,
    rate: String,
    deduction: String,
    leverage: String,
}

impl Step {
    fn object(&self) -> Value {
        let Self { floor, rate, deduction, leverage } = self;
        json!({ "floor": floor, "rate": rate, "deduction": deduction, "leverage": leverage })
    }
}

fn steps(tiers: &Tiers, scale: u32) -> Vec<Step> {
    if tiers.brackets.is_empty() {
        return Vec::new();
    }
    let scale_of = Scale::new(scale).expect("a checked scale");
    let table = TierTable::new(scale_of, &tiers.brackets).expect("checked tiers");
    let step = |tier: &model::tier::Tier| Step {
        floor: amount_text(tier.floor),
        rate: rate_text(tier.rate, scale).replace('"', ""),
        deduction: trimmed(&text::scaled(tier.deduction as i128, scale).replace(',', "")),
        leverage: leverage(tier.rate, scale),
    };
    table.steps().as_slice().iter().map(step).collect()
}

/// Without zeros at the end of the places.
fn trimmed(number: &str) -> String {
    number.trim_end_matches('0').trim_end_matches('.').into()
}

/// `1 / rate`, rounded down to a hundredth.
fn leverage(rate: u32, scale: u32) -> String {
    match Decimal::from(scale).checked_div(Decimal::from(rate)) {
        None => "unlimited".into(),
        Some(leverage) => {
            leverage.round_dp_with_strategy(2, RoundingStrategy::ToZero).normalize().to_string()
        }
    }
}

/// How far compiled tiers lie above their curve.
fn compile_error(tiers: &Tiers, scale: u32) -> Option<String> {
    let curve = tiers.curve?;
    let ppm = curve.error_ppm(&tiers.brackets, Scale::new(scale).expect("a checked scale"));
    Some(format!("{} %", Decimal::new(ppm as i64, 4).normalize()))
}
