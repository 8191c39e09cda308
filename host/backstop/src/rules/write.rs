//! A rule set as the text of a rules file: what all instruments share stands once, in `[defaults]`.

use std::fmt::Write;

use engine::rules::{
    BackstopLimits, Breaker, Budget, Composition, Expiry, Funding, OpenInterest, Outage, Rules, Unwind,
    Volatility,
};
use serde::Serialize;

use super::node::{UNLIMITED, joined, key_text};
use super::number::{amount_text, rate_text, scientific_text};
use super::read::{AT_FIRST_PRICE, NONE, UNSCALED};
use super::rule_set::{Book, Collateral, Contract, FORMAT, GridRule, RuleSet, Tiers, Trading};
use crate::feed::instrument::QUOTE_PLACES;

/// Keys of a table in their order, and their values as TOML.
pub type Entries = Vec<(&'static str, String)>;

/// The text; reading it gives the same rule set. `comment` stands above it.
pub fn write(set: &RuleSet, comment: &str) -> String {
    let mut text = String::new();
    for line in comment.lines() {
        text += format!("# {line}").trim_end();
        text.push('\n');
    }
    let head = vec![
        ("format", FORMAT.to_string()),
        ("name", quoted(&set.name)),
        ("version", set.version.to_string()),
    ];
    push(&mut text, &head);
    table(&mut text, "rules", &rules(&set.rules));
    let scale = set.rules.scale;
    let instruments: Vec<(&String, Entries)> =
        set.instruments.iter().map(|(symbol, rules)| (symbol, contract(rules, scale))).collect();
    let shared = match &set.defaults {
        Some(defaults) => contract(defaults, scale),
        None => shared(&instruments),
    };
    if !shared.is_empty() {
        table(&mut text, "defaults", &shared);
    }
    let own = |entries: Entries| entries.into_iter().filter(|entry| !shared.contains(entry)).collect();
    for (symbol, entries) in instruments {
        table(&mut text, &joined("instruments", symbol), &own(entries));
    }
    for (symbol, rules) in &set.collateral {
        table(&mut text, &joined("collateral", symbol), &own(collateral(rules, scale)));
    }
    for (name, group) in &set.groups {
        let names: Vec<String> = group.instruments.iter().map(|symbol| quoted(symbol)).collect();
        let entries = vec![
            ("credit", rate_text(group.credit, scale)),
            ("instruments", format!("[{}]", names.join(", "))),
        ];
        table(&mut text, &joined("groups", name), &entries);
    }
    text
}

/// What several instruments have in common, brackets aside: complete defaults would give rules to symbols that have none.
fn shared(instruments: &[(&String, Entries)]) -> Entries {
    let [(_, first), others @ ..] = instruments else { return Vec::new() };
    if others.is_empty() {
        return Vec::new();
    }
    let is_shared =
        |entry: &&(_, String)| entry.0 != "brackets" && others.iter().all(|other| other.1.contains(entry));
    first.iter().filter(is_shared).cloned().collect()
}

fn table(text: &mut String, path: &str, entries: &Entries) {
    write!(text, "\n[{path}]\n").expect("a string takes text");
    push(text, entries);
}

fn push(text: &mut String, entries: &Entries) {
    for (key, value) in entries {
        writeln!(text, "{} = {value}", key_text(key)).expect("a string takes text");
    }
}

fn quoted(text: &str) -> String {
    toml::Value::from(text).to_string()
}

fn inline(entries: &[(&str, String)]) -> String {
    let entries: Vec<String> = entries.iter().map(|(key, value)| format!("{key} = {value}")).collect();
    format!("{{ {} }}", entries.join(", "))
}

fn limit(quanta: u64) -> String {
    if quanta == u64::MAX { quoted(UNLIMITED) } else { amount_text(quanta) }
}

/// The name that serde gives a word.
fn word(value: impl Serialize) -> String {
    serde_json::to_string(&value).expect("a word is plain data")
}

/// Keys and values of the table.
pub fn rules(rules: &Rules) -> Entries {
    let scale = rules.scale;
    let [warned, liquidatable, takeover] = rules.rungs.map(|rung| rung.to_string());
    let close_factor = [
        ("above", amount_text(rules.close_factor.above)),
        ("portion", rate_text(rules.close_factor.portion, scale)),
        ("window_ms", rules.close_factor.window_ms.to_string()),
    ];
    let insurance = [
        ("market_share", rate_text(rules.insurance.market_share, scale)),
        ("reserve", amount_text(rules.insurance.reserve)),
        ("window_ms", rules.insurance.window_ms.to_string()),
    ];
    let gates = [
        ("withdrawal_portion", rate_text(rules.gates.withdrawal_portion, scale)),
        ("day_limit", rate_text(rules.gates.day_limit, scale)),
        ("deficit_wait_ms", rules.gates.deficit_wait_ms.to_string()),
    ];
    vec![
        ("venue", word(rules.venue)),
        ("scale", scale.to_string()),
        ("rungs", inline(&[("warned", warned), ("liquidatable", liquidatable), ("takeover", takeover)])),
        ("equality", rules.equality.to_string()),
        ("target", rules.target.to_string()),
        ("exhausted_max", rules.exhausted_max.to_string()),
        ("slices_at_once_max", rules.slices_at_once_max.to_string()),
        ("residual_min", amount_text(rules.residual_min)),
        ("mark_hold_ms", rules.mark_hold_ms.to_string()),
        ("cancel_wait_ms", rules.cancel_wait_ms.to_string()),
        ("notice_ms", rules.notice_ms.to_string()),
        ("close_factor", inline(&close_factor)),
        ("insurance", inline(&insurance)),
        ("deleveraging", word(rules.deleveraging)),
        ("outage", rules.outage.map_or_else(none, |rule| outage_text(&rule, scale))),
        ("gates", inline(&gates)),
        ("pause_ms_max", rules.pause_ms_max.to_string()),
    ]
}

/// Keys and values of the table.
pub fn contract(rules: &Contract, scale: u32) -> Entries {
    let Contract { grid, brackets, initial, open_interest, funding, expiry, volatility, trading } = rules;
    let open_interest = match *open_interest {
        OpenInterest { upper: 0, .. } => quoted(UNSCALED),
        OpenInterest { lower, upper } => {
            inline(&[("lower", amount_text(lower)), ("upper", amount_text(upper))])
        }
    };
    let mut entries = vec![
        ("grid", grid_text(*grid)),
        ("brackets", tiers(brackets, scale)),
        ("initial", tiers(initial, scale)),
        ("open_interest", open_interest),
        ("funding", funding.map_or_else(none, |rule| funding_text(&rule, scale))),
        ("expiry", expiry.map_or_else(none, |rule| expiry_text(&rule))),
        ("volatility", volatility.map_or_else(none, |rule| volatility_text(&rule, scale))),
    ];
    entries.extend(trading_entries(trading, scale));
    entries
}

/// Keys and values of the table.
pub fn collateral(rules: &Collateral, scale: u32) -> Entries {
    let Collateral { grid, weight_long, weight_short, redemption, trading } = rules;
    let mut entries = vec![
        ("grid", grid_text(*grid)),
        ("weight_long", rate_text(*weight_long, scale)),
        ("weight_short", rate_text(*weight_short, scale)),
    ];
    if let Some(redemption) = redemption {
        let reference = redemption.reference.iter().map(|symbol| ("reference", quoted(symbol)));
        let rest = [("ratio", amount_text(redemption.ratio)), ("band", rate_text(redemption.band, scale))];
        entries.push(("redemption", inline(&reference.chain(rest).collect::<Vec<_>>())));
    }
    entries.extend(trading_entries(trading, scale));
    entries
}

fn none() -> String {
    quoted(NONE)
}

fn funding_text(rule: &Funding, scale: u32) -> String {
    inline(&[
        ("interval_ms", rule.interval_ms.to_string()),
        ("period_ms", rule.period_ms.to_string()),
        ("sample_ms", rule.sample_ms.to_string()),
        ("impact", amount_text(rule.impact)),
        ("interest", rate_text(rule.interest, scale)),
        ("clamp", rate_text(rule.clamp, scale)),
        ("cap", rate_text(rule.cap, scale)),
    ])
}

fn expiry_text(rule: &Expiry) -> String {
    inline(&[("time_ms", rule.time_ms.to_string()), ("window_ms", rule.window_ms.to_string())])
}

fn composition_text(rule: &Composition, scale: u32) -> String {
    inline(&[
        ("stale_ms", rule.stale_ms.to_string()),
        ("ema_ms", rule.ema_ms.to_string()),
        ("band", rate_text(rule.band, scale)),
    ])
}

fn volatility_text(rule: &Volatility, scale: u32) -> String {
    inline(&[
        ("window_ms", rule.window_ms.to_string()),
        ("reference", rate_text(rule.reference, scale)),
        ("multiple_max", rate_text(rule.multiple_max, scale)),
        ("rise", rate_text(rule.rise, scale)),
        ("fall", rate_text(rule.fall, scale)),
    ])
}

fn outage_text(rule: &Outage, scale: u32) -> String {
    inline(&[
        ("gap_ms", rule.gap_ms.to_string()),
        ("marks", rule.marks.to_string()),
        ("hold_ms", rule.hold_ms.to_string()),
        ("band", rate_text(rule.band, scale)),
        ("release_ms", rule.release_ms.to_string()),
    ])
}

fn breaker_text(rule: &Breaker, scale: u32) -> String {
    inline(&[
        ("band", rate_text(rule.band, scale)),
        ("window_ms", rule.window_ms.to_string()),
        ("halt_ms", rule.halt_ms.to_string()),
        ("stages", rule.stages.to_string()),
        ("stage_ms", rule.stage_ms.to_string()),
        ("stage_band", rate_text(rule.stage_band, scale)),
    ])
}

fn unwind_text(rule: &Unwind, scale: u32) -> String {
    inline(&[
        ("interval_ms", rule.interval_ms.to_string()),
        ("slices", rule.slices.to_string()),
        ("participation", rate_text(rule.participation, scale)),
        ("band", rate_text(rule.band, scale)),
    ])
}

fn trading_entries(rules: &Trading, scale: u32) -> Entries {
    let rate = |rate| rate_text(rate, scale);
    let budget = match rules.budget {
        Budget { capacity: 0, .. } => quoted(UNLIMITED),
        Budget { capacity, refill } => {
            inline(&[("capacity", amount_text(capacity)), ("refill", amount_text(refill))])
        }
    };
    let backstop = match rules.backstop {
        BackstopLimits { notional: u64::MAX, loss: u64::MAX } => quoted(UNLIMITED),
        BackstopLimits { notional, loss } => inline(&[("notional", limit(notional)), ("loss", limit(loss))]),
    };
    let book = match rules.book {
        Book { levels: 0, .. } => none(),
        Book { levels, step, level, refill_seconds } => inline(&[
            ("levels", levels.to_string()),
            ("step", rate(step)),
            ("level", amount_text(level)),
            ("refill_seconds", refill_seconds.to_string()),
        ]),
    };
    vec![
        ("fee", rate(rules.fee)),
        ("slippage", rate(rules.slippage)),
        ("limit_band", rate(rules.limit_band)),
        ("mark_band", rate(rules.mark_band)),
        ("budget", budget),
        ("fund_cap", limit(rules.fund_cap)),
        ("backstop", backstop),
        ("unwind", rules.unwind.map_or_else(none, |rule| unwind_text(&rule, scale))),
        ("breaker", rules.breaker.map_or_else(none, |rule| breaker_text(&rule, scale))),
        ("composition", rules.composition.map_or_else(none, |rule| composition_text(&rule, scale))),
        ("book", book),
    ]
}

fn grid_text(grid: GridRule) -> String {
    let GridRule::Stated(grid) = grid else { return quoted(AT_FIRST_PRICE) };
    let exponent = i32::from(grid.lot_exponent);
    inline(&[
        ("lot", format!("\"{}\"", scientific_text(1, exponent))),
        ("tick", format!("\"{}\"", scientific_text(grid.tick, -QUOTE_PLACES - exponent))),
        ("price_bits", grid.price_bits.to_string()),
        ("size_bits", grid.size_bits.to_string()),
    ])
}

fn tiers(tiers: &Tiers, scale: u32) -> String {
    let rate = |rate| rate_text(rate, scale);
    if let Some(curve) = &tiers.curve {
        return inline(&[
            ("curve", quoted("sqrt")),
            ("floor_rate", rate(curve.floor_rate)),
            ("base_rate", rate(curve.base_rate)),
            ("top_rate", rate(curve.top_rate)),
            ("to", amount_text(curve.to)),
            ("tiers", curve.tiers.to_string()),
        ]);
    }
    let bracket = |&(floor, part): &(u64, u32)| {
        format!("  {},", inline(&[("floor", amount_text(floor)), ("rate", rate(part))]))
    };
    match tiers.brackets.as_slice() {
        [] => "[]".into(),
        brackets => format!("[\n{}\n]", brackets.iter().map(bracket).collect::<Vec<_>>().join("\n")),
    }
}
