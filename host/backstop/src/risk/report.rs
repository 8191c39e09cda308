//! The figures, for people and programs.

use std::fmt::{self, Display};

use engine::Engine;
use engine::event::{InstrumentId, TimeMs};
use engine::exposure::{Concentration, Exposure, Profile, STEPS};
use engine::insurance::cover::{Cover, runway_floor};
use engine::stress::SHOCKS;
use serde::Serialize;

use super::source::Looked;
use super::what_if::WhatIf;
use crate::report::text::{cents, count, price, time};

/// Triggers shown of a market and side.
const TRIGGERS: usize = 5;

/// Money in quanta, prices in quanta per lot.
#[derive(Clone, Debug, Serialize)]
pub struct Report {
    /// The journal, or the scenario.
    pub source: String,
    pub episode: u32,
    pub sequence: u64,
    pub time_ms: TimeMs,
    pub accounts: u64,
    /// Shocks of all profiles, permille.
    pub steps: Vec<i32>,
    pub correlated: ProfileRisk,
    pub markets: Vec<MarketRisk>,
    pub funds: i128,
    /// For the two owners who would lose most beyond their collateral, in the worst of some jumps, permille; and what the funds are short of it.
    pub cover_target: u128,
    pub cover_gap: u128,
    pub cover_permille: Option<i32>,
    /// What the funds paid since the episode began, in what event time, and how long what is left would last at that; none if nothing was paid.
    pub fund_paid: i128,
    pub elapsed_ms: u64,
    pub runway_ms: Option<u128>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub what_if: Option<WhatIf>,
}

#[derive(Clone, Debug, Serialize)]
pub struct MarketRisk {
    pub symbol: String,
    /// Quanta per lot, and in quote currency per unit of the base asset.
    pub mark: u64,
    pub price: String,
    pub long: u128,
    pub short: u128,
    /// Share of the ten largest positions in what all hold, permille.
    pub ten_largest_permille: u32,
    /// What the book has inside the limit band: bids, offers.
    pub depth: Option<[u128; 2]>,
    /// Only this mark moves.
    pub profile: ProfileRisk,
    /// Nearest to the mark first, by account.
    pub below: Vec<Trigger>,
    pub above: Vec<Trigger>,
}

/// A profile by step, money in quanta.
#[derive(Clone, Debug, Serialize)]
pub struct ProfileRisk {
    /// Accounts that would be liquidated, and their gross notional at the present marks.
    pub accounts: Vec<u64>,
    pub notional: Vec<u128>,
    /// Of them those that would be insolvent, and what they would be short of together, rounded up.
    pub insolvent: Vec<u64>,
    pub shortfall: Vec<u128>,
}

impl ProfileRisk {
    fn of(profile: &Profile, engine: &Engine) -> Self {
        let scale = engine.rules().scale;
        let shortfall = (0..STEPS.len()).map(|step| profile.shortfall_ceil(step, scale)).collect();
        let Profile { accounts, notional, insolvent, .. } = profile.clone();
        Self { accounts, notional, insolvent, shortfall }
    }
}

/// A mark at which an account would be liquidated, everything else as it is.
#[derive(Clone, Copy, Debug, Serialize)]
pub struct Trigger {
    pub account: u64,
    pub price: u64,
    pub lots: i64,
}

impl Report {
    pub(super) fn of(looked: &Looked) -> Self {
        let Looked { source, state } = looked;
        let engine = &state.engine;
        let exposure = Exposure::new(engine);
        let Cover { target, gap, scenario } = engine.cover_two(&SHOCKS);
        let elapsed_ms = engine.time_ms().saturating_sub(state.started_ms).max(0).unsigned_abs();
        let fund_paid = engine.counters().insurance_out;
        let [left, paid] = [engine.insurance(), fund_paid].map(|quanta| quanta.max(0).unsigned_abs());
        let markets = (0..engine.markets().len() as u16).map(InstrumentId);
        Self {
            source: source.clone(),
            episode: state.episode,
            sequence: state.next_sequence - 1,
            time_ms: engine.time_ms(),
            accounts: engine.ledger().accounts() as u64,
            steps: STEPS.to_vec(),
            correlated: ProfileRisk::of(&exposure.correlated(), engine),
            markets: markets.map(|instrument| MarketRisk::of(engine, &exposure, instrument)).collect(),
            funds: engine.insurance(),
            cover_target: target,
            cover_gap: gap,
            cover_permille: scenario.map(|at| SHOCKS[at]),
            fund_paid,
            elapsed_ms,
            runway_ms: runway_floor(left, paid, elapsed_ms),
            what_if: None,
        }
    }

    pub fn to_json(&self) -> String {
        serde_json::to_string_pretty(self).expect("a report is plain data")
    }
}

impl MarketRisk {
    fn of(engine: &Engine, exposure: &Exposure, instrument: InstrumentId) -> Self {
        let market = &engine.markets()[usize::from(instrument.0)];
        let Concentration { long, short, largest, depth } = engine.concentration(instrument);
        let mark = market.mark.get();
        let (mut below, mut above) = (Vec::new(), Vec::new());
        for &index in market.holders.keys() {
            let triggers = engine.triggers(index, instrument);
            let (account, lots) =
                (engine.ledger().id(index).0, engine.ledger().margin(index).size(instrument));
            for (side, price) in [(&mut below, triggers.below), (&mut above, triggers.above)] {
                side.extend(price.map(|price| Trigger { account, price, lots }));
            }
        }
        for side in [&mut below, &mut above] {
            side.sort_unstable_by_key(|trigger| (trigger.price.abs_diff(mark), trigger.account));
            side.truncate(TRIGGERS);
        }
        Self {
            symbol: market.spec.symbol.clone(),
            mark,
            price: price(mark, &market.spec),
            long,
            short,
            ten_largest_permille: (largest * 1_000).checked_div(long + short).unwrap_or(0) as u32,
            depth,
            profile: ProfileRisk::of(&exposure.single(instrument), engine),
            below,
            above,
        }
    }
}

/// Shocks that the tables show, permille.
const SHOWN: [i32; 10] = [-500, -300, -200, -100, -50, -20, 20, 50, 100, 300];

fn row(profile: &ProfileRisk, value: impl Fn(u64, u128) -> String) -> String {
    places().map(|at| format!("{:>14}", value(profile.accounts[at], profile.notional[at]))).collect()
}

/// Places of the steps that are shown.
fn places() -> impl Iterator<Item = usize> {
    let at = |step: &i32| STEPS.iter().position(|other| other == step).expect("a shown step is one of all");
    SHOWN.iter().map(at)
}

/// How many times the depth the open interest is that liquidations would send there, with one place, rounded down.
fn times(open: u128, depth: Option<u128>) -> String {
    match depth.map(|depth| (10 * open).checked_div(depth)) {
        None => "unknown".into(),
        Some(None) => "no depth".into(),
        Some(Some(tenths)) => format!("{}.{}", count((tenths / 10) as u64), tenths % 10),
    }
}

fn units(quanta: u128) -> String {
    count((quanta / 1_000_000) as u64)
}

impl Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
        writeln!(
            f,
            "{}, episode {}, after event {}, {}",
            self.source,
            self.episode,
            self.sequence,
            time(self.time_ms)
        )?;
        writeln!(f, "{} accounts; amounts in units of the quote currency\n", count(self.accounts))?;
        let shocks: String =
            SHOWN.iter().map(|&step| format!("{:>14}", format!("{:+} %", step / 10))).collect();
        writeln!(f, "Liquidated if marks moved by {shocks}")?;
        writeln!(f, "  all together, accounts     {}", row(&self.correlated, |accounts, _| count(accounts)))?;
        writeln!(f, "  all together, notional     {}", row(&self.correlated, |_, notional| units(notional)))?;
        writeln!(
            f,
            "  of them insolvent          {}",
            places().map(|at| format!("{:>14}", count(self.correlated.insolvent[at]))).collect::<String>()
        )?;
        writeln!(
            f,
            "  what those are short of    {}",
            places().map(|at| format!("{:>14}", units(self.correlated.shortfall[at]))).collect::<String>()
        )?;
        for market in &self.markets {
            writeln!(
                f,
                "  {:<14} alone        {}",
                market.symbol,
                row(&market.profile, |_, notional| units(notional))
            )?;
        }
        writeln!(
            f,
            "\n{:<14}{:>14}{:>16}{:>16}{:>13}{:>16}{:>16}{:>11}{:>13}",
            "Market",
            "mark",
            "long",
            "short",
            "ten largest",
            "bids in band",
            "offers in band",
            "long/bids",
            "short/offers"
        )?;
        for market in &self.markets {
            let depth = |side: usize| market.depth.map_or("unknown".into(), |depth| units(depth[side]));
            writeln!(
                f,
                "{:<14}{:>14}{:>16}{:>16}{:>13}{:>16}{:>16}{:>11}{:>13}",
                market.symbol,
                market.price,
                units(market.long),
                units(market.short),
                format!("{}.{} %", market.ten_largest_permille / 10, market.ten_largest_permille % 10),
                depth(0),
                depth(1),
                times(market.long, market.depth.map(|depth| depth[0])),
                times(market.short, market.depth.map(|depth| depth[1]))
            )?;
        }
        writeln!(f, "\nNearest triggers: mark in quanta per lot, and how far it is")?;
        for market in &self.markets {
            for (words, side) in [("falls to", &market.below), ("rises to", &market.above)] {
                let Some(trigger) = side.first() else { continue };
                let away = trigger.price.abs_diff(market.mark) * 10_000 / market.mark.max(1);
                writeln!(
                    f,
                    "  {:<14} {words} {:>12} ({}.{:02} %): account {}, {:+} lots",
                    market.symbol,
                    trigger.price,
                    away / 100,
                    away % 100,
                    trigger.account,
                    trigger.lots
                )?;
            }
        }
        let shock = self.cover_permille.map_or(String::new(), |at| format!(" at {:+} %", at / 10));
        writeln!(
            f,
            "\nFunds {}; for the two largest failures {}{shock}, short of that {}",
            cents(self.funds),
            units(self.cover_target),
            units(self.cover_gap)
        )?;
        let hours = |ms: u128| format!("{} h {:02} min", count((ms / 3_600_000) as u64), ms / 60_000 % 60);
        writeln!(
            f,
            "They paid {} in {}; at that what is left lasts {}",
            cents(self.fund_paid),
            hours(self.elapsed_ms.into()),
            self.runway_ms.map_or("for ever".into(), hours)
        )?;
        let Some(shock) = &self.what_if else { return Ok(()) };
        writeln!(
            f,
            "\nIf all marks went by {:+}.{} % (simulated: the book and its fills)",
            shock.permille / 10,
            shock.permille.abs() % 10
        )?;
        for (label, value) in [
            ("at rest after", format!("{} s", shock.lasts_ms / 1_000)),
            ("accounts closed, in part or whole", count(shock.accounts)),
            ("liquidations on the book", count(shock.liquidations)),
            ("taken over / bankrupt", format!("{} / {}", count(shock.takeovers), count(shock.bankruptcies))),
            ("slices", count(shock.slices)),
            ("counterparties closed", count(shock.deleveraged)),
            ("halts", count(shock.halts)),
            ("deficits", cents(shock.deficits)),
            ("funds pay", cents(shock.fund_paid)),
            ("haircuts of counterparties", cents(shock.haircuts)),
            ("socialised loss", cents(shock.socialised_loss)),
            ("bad debt", cents(shock.bad_debt)),
            ("funds left", cents(shock.funds_left)),
            ("still to be liquidated", count(shock.unresolved)),
        ] {
            writeln!(f, "  {label:<34}{value:>18}")?;
        }
        Ok(())
    }
}
