//! `backstop explain`: what the engine knew of one account at one event, and what it did, in plain words.

use std::fmt::Write as _;
use std::path::Path;

use anyhow::{Context, bail};
use engine::Engine;
use engine::apply::{Action, ActionKind};
use engine::event::{AccountId, Command, EventSequence, Flag, Round, TimeMs};
use engine::market::Market;
use model::margin::Severity;

use super::journaled::walk;
use crate::report::text::{money, price, scaled, time};

/// One line of an account's story.
#[derive(Debug)]
struct Happening {
    episode: u32,
    sequence: EventSequence,
    time_ms: TimeMs,
    words: String,
    /// A flag of severity 2 or more: what an action follows from.
    is_cause: bool,
}

/// The page: the account's inputs, tiers, E, R, rung and actions at `sequence`, or at the last event that made it
/// liquidatable or worse, or else flagged it.
///
/// # Errors
/// If the journal is damaged, or the account or the event does not occur in it.
pub fn explain(path: &Path, account: AccountId, sequence: Option<EventSequence>) -> anyhow::Result<String> {
    let (story, last) = story(path, account)?;
    let at = match sequence {
        Some(sequence) if sequence > last => bail!("event {sequence} is beyond the journal's last, {last}"),
        Some(sequence) => sequence,
        None => match story.iter().rfind(|happening| happening.is_cause).or(story.last()) {
            Some(happening) => happening.sequence,
            None => bail!(
                "account {} is never flagged and never acted on; name a sequence to see its state there",
                account.0
            ),
        },
    };
    let mut page = state_at(path, account, at)?;
    page.push_str("\nWhat happened to it\n");
    let mut episode = None;
    for happening in &story {
        if episode.replace(happening.episode) != Some(happening.episode) {
            writeln!(page, "   episode {}", happening.episode)?;
        }
        let here = if happening.sequence == at { "->" } else { "  " };
        writeln!(
            page,
            "{here} event {:>8}  {}  {}",
            happening.sequence,
            time(happening.time_ms),
            happening.words
        )?;
    }
    if story.is_empty() {
        page.push_str("   nothing: never flagged, never acted on\n");
    }
    Ok(page)
}

fn story(path: &Path, account: AccountId) -> anyhow::Result<(Vec<Happening>, EventSequence)> {
    let mut story = Vec::new();
    let mut last = 0;
    let mut known = false;
    walk(path, |engine, episode, journaled| {
        let round = &journaled.round;
        let applied = engine.apply(round);
        known |= engine.ledger().find(account).is_some();
        last = (round.first_sequence + round.events.len() as u64).saturating_sub(1);
        let mut add = |sequence, words, is_cause| {
            story.push(Happening { episode, sequence, time_ms: round.time_ms, words, is_cause });
        };
        for flag in journaled.verdicts.iter().flatten().filter(|flag| flag.account == account) {
            let is_cause = flag.severity_new >= Severity::Liquidatable as u8;
            add(flag.sequence, flag_words(engine, flag), is_cause);
        }
        for action in applied.actions.iter().filter(|action| action.account == account) {
            add(action.sequence, action_words(engine, action), false);
        }
        engine.decide(journaled.verdicts.as_deref().unwrap_or_default())?;
        for command in journaled.commands.iter().flatten() {
            if let Some(words) = command_words(engine, command, account) {
                add(last, words, false);
            }
        }
        Ok(true)
    })?;
    if !known {
        bail!("account {} does not occur in {}", account.0, path.display());
    }
    Ok((story, last))
}

fn state_at(path: &Path, account: AccountId, at: EventSequence) -> anyhow::Result<String> {
    let mut page = None;
    walk(path, |engine, episode, journaled| {
        let round = &journaled.round;
        if at >= round.first_sequence + round.events.len() as u64 {
            engine.apply(round);
            engine.decide(journaled.verdicts.as_deref().unwrap_or_default())?;
            return Ok(true);
        }
        let count = (at - round.first_sequence) as usize + 1;
        let before = engine.device_severity(account);
        let applied = engine.apply(&Round { events: round.events[..count].to_vec(), ..*round });
        let mut text = describe(engine, account, at, round, &round.events[count - 1])?;
        writeln!(text, "\nReceipt\n  episode {episode}, round {}, event {at}", journaled.number)?;
        for due in applied.dues.iter().filter(|due| due.sequence == at) {
            let symbol = &engine.markets()[usize::from(due.instrument.0)].spec.symbol;
            writeln!(
                text,
                "  {} verdicts were due on this mark, one for every account that holds {symbol}",
                due.holders
            )?;
        }
        let flag =
            journaled.verdicts.iter().flatten().find(|flag| flag.account == account && flag.sequence == at);
        match (flag, before) {
            (Some(flag), _) => writeln!(text, "  the device: {}", flag_words(engine, flag))?,
            (None, Some(code)) => {
                writeln!(text, "  the device: no change, it stays {}", severity_words(code))?
            }
            (None, None) => {}
        }
        page = Some(text);
        Ok(false)
    })?;
    page.with_context(|| format!("event {at} does not occur in {}", path.display()))
}

fn describe(
    engine: &Engine,
    account: AccountId,
    at: EventSequence,
    round: &Round,
    event: &engine::event::Event,
) -> anyhow::Result<String> {
    let Some(index) = engine.ledger().find(account) else {
        bail!("account {} is not open yet at event {at}", account.0)
    };
    let scale = engine.rules().scale;
    let holdings = engine.ledger().margin(index);
    let exact = engine.exact(index);
    let mut page = format!("Account {} after event {at}, {}\n", account.0, time(round.time_ms));
    writeln!(page, "The event: {}\n", serde_json::to_string(event)?)?;
    writeln!(page, "Inputs\n  cash {:>28}", money(holdings.cash))?;
    for &(instrument, lots) in &holdings.positions {
        let market = &engine.markets()[usize::from(instrument.0)];
        let holding = market.holding(lots).context("sizes are checked before they take effect")?;
        let notional = holding.size.notional(holding.price);
        let tier = holding.tiers.tier_of(notional);
        let step = holding.tiers.steps[tier];
        writeln!(
            page,
            "  {} {lots} lots of 10^{} at mark {} = {} quanta a lot",
            market.spec.symbol,
            market.spec.lot_exponent,
            price(market.mark.get(), &market.spec),
            market.mark.get()
        )?;
        writeln!(page, "    value        {:>24}", scaled(holding.value(), scale))?;
        writeln!(
            page,
            "    notional     {:>24}  tier {} of {}: from {}, rate {}/{scale}, deduction {}",
            money(notional as i128),
            tier + 1,
            holding.tiers.count,
            money(step.floor.into()),
            step.rate,
            scaled(step.deduction as i128, scale)
        )?;
        writeln!(page, "    requirement  {:>24}", scaled(holding.requirement(), scale))?;
    }
    let [warned, liquidatable, takeover] = engine.rules().rungs;
    let sign = if engine.rules().equality { "<=" } else { "<" };
    writeln!(page, "\nVerdict\n  E {:>31}  = {} quanta/S", scaled(exact.equity, scale), exact.equity)?;
    writeln!(page, "  R {:>31}  = {} quanta/S", scaled(exact.requirement, scale), exact.requirement)?;
    if exact.requirement > 0 {
        writeln!(
            page,
            "  256*E/R is {}; warned {sign} {warned}, liquidatable {sign} {liquidatable}, takeover {sign} {takeover}, insolvent E < 0",
            (256 * exact.equity).div_euclid(exact.requirement)
        )?;
    }
    writeln!(page, "  severity {}: {}", exact.severity as u8, severity_words(exact.severity as u8))?;
    Ok(page)
}

fn severity_words(code: u8) -> &'static str {
    match Severity::from_code(code) {
        Some(Severity::Healthy) => "healthy",
        Some(Severity::Warned) => "warned",
        Some(Severity::Liquidatable) => "liquidatable",
        Some(Severity::Takeover) => "takeover",
        Some(Severity::Insolvent) => "insolvent",
        None => "unknown",
    }
}

fn flag_words(engine: &Engine, flag: &Flag) -> String {
    let scale = engine.rules().scale;
    format!(
        "flagged {} -> {}: E {}, R {}",
        severity_words(flag.severity_old),
        severity_words(flag.severity_new),
        scaled(flag.equity, scale),
        scaled(flag.requirement, scale)
    )
}

fn action_words(engine: &Engine, action: &Action) -> String {
    let mut words = String::from(match action.kind {
        ActionKind::Slice => "slice filled:",
        ActionKind::FullClose => "position closed:",
        ActionKind::Absorption => "slice to the backstop:",
        ActionKind::Takeover => "taken over:",
        ActionKind::Bankruptcy => "bankrupt, closed out:",
        ActionKind::Deleveraging => "deleveraged:",
        ActionKind::SocialisedLoss => "bears a part of a loss:",
    });
    for &(instrument, lots, quote) in &action.legs {
        let symbol = &engine.markets()[usize::from(instrument.0)].spec.symbol;
        let _ = write!(words, " {lots:+} lots {symbol} for {};", money(quote));
    }
    let unpaid = match action.kind {
        ActionKind::Deleveraging | ActionKind::SocialisedLoss => "bears",
        _ => "borne by others",
    };
    for (label, amount) in
        [("fee to the funds", action.fee), ("funds paid", action.fund_paid), (unpaid, action.unpaid)]
    {
        if amount != 0 {
            let _ = write!(words, " {label} {};", money(amount));
        }
    }
    words
}

fn command_words(engine: &Engine, command: &Command, account: AccountId) -> Option<String> {
    match *command {
        Command::PlaceOrder { order, account: of, instrument, lots, limit } if of == account => {
            Some(match engine.markets().get(usize::from(instrument.0)) {
                Some(Market { spec, .. }) => {
                    let limit = price(limit, spec);
                    format!("decided: order {order}, {lots:+} lots {} no worse than {limit}", spec.symbol)
                }
                None => format!("decided: order {order} in an instrument that is not listed"),
            })
        }
        Command::TakeOver { ref accounts } if accounts.contains(&account) => {
            Some("decided: it is taken over".into())
        }
        Command::Bankrupt { ref accounts } if accounts.contains(&account) => {
            Some("decided: the waterfall pays its deficit".into())
        }
        Command::CancelOrders { account: of } if of == account => {
            Some("decided: its resting orders are cancelled".into())
        }
        Command::Absorb { account: of, instrument, lots, quote } if of == account => {
            let symbol =
                engine.markets().get(usize::from(instrument.0)).map_or("?", |market| &market.spec.symbol);
            Some(format!("decided: {lots:+} lots {symbol} to the backstop for {}", money(quote.into())))
        }
        _ => None,
    }
}
