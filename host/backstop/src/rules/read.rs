//! From the text of a rules file to the rule set, with every fault of the text.

use engine::rules::{
    BackstopLimits, Breaker, Budget, CloseFactor, Composition, Deleveraging, Expiry, Funding, Gates,
    Insurance, OpenInterest, Outage, Redemption, Rules, Unwind, VenueRules, Volatility,
};
use model::tier::{TierError, TierTable};
use model::units::{Scale, TIERS_MAX};
use toml::de::DeTable;

use super::check;
use super::curve::{Curve, TIERS_MIN};
use super::fault::{Fault, Faults};
use super::keys;
use super::node::{Node, Reader, Table, UNLIMITED};
use super::number;
use super::rule_set::{Book, Collateral, Contract, FORMAT, GridRule, Group, RuleSet, Tiers, Trading};
use crate::feed::instrument::Grid;

/// Word for a grid that the first mark makes.
pub const AT_FIRST_PRICE: &str = "at-first-price";
/// Word for initial margin that does not rise with open interest.
pub const UNSCALED: &str = "unscaled";
/// Word for what an instrument does not have.
pub const NONE: &str = "none";
/// Longest name of anything.
const NAME_MAX: usize = 64;
/// Most levels of the simulated book a side.
const LEVELS_MAX: i64 = 1_000;

/// The rule set that the text states.
///
/// # Errors
/// [`Faults`]: everything that is wrong, each with line and path of its key.
pub fn parse(text: &str) -> Result<RuleSet, Faults> {
    let reader = Reader::new(text);
    let (document, errors) = DeTable::parse_recoverable(text);
    let syntax: Vec<Fault> = errors
        .iter()
        .map(|error| {
            let line = reader.line_at(error.span().map_or(0, |span| span.start));
            Fault { line, path: String::new(), text: format!("no TOML: {}", error.message()) }
        })
        .collect();
    let set = rule_set(&Table::root(&reader, document.get_ref(), keys::FILE));
    check::check(&set, &reader);
    let faults = reader.into_faults(syntax);
    if faults.is_empty() { Ok(set) } else { Err(Faults(faults)) }
}

fn rule_set(file: &Table<'_>) -> RuleSet {
    file.read("format", FORMAT, |node| {
        let format = node.integer(0..=u32::MAX.into())?;
        if format != FORMAT {
            node.fault(format!("is {format}, this program reads format {FORMAT}"));
        }
        Some(format)
    });
    let name = file.read("name", String::new(), name);
    let version = file.read("version", 1, |node| node.integer(1..=u32::MAX.into()));
    let rules = file.read("rules", Rules::default(), |node| Some(rules(&node.table(keys::RULES)?)));
    let scale = Scale::new(rules.scale).map_or(Rules::default().scale, Scale::get);
    let above = file.optional("defaults").and_then(|node| Some(node.table(keys::INSTRUMENT)?.partial()));
    let defaults = above.as_ref().map(|table| contract(table, scale));
    let defaults = defaults.filter(|_| above.as_ref().is_some_and(|table| table.lacking() == 0));
    let mut set = RuleSet {
        name,
        version,
        rules,
        defaults,
        collateral: Default::default(),
        instruments: Default::default(),
        groups: Default::default(),
    };
    for (symbol, node) in file.optional("instruments").map_or_else(Vec::new, |node| node.named()) {
        named(symbol, &node);
        let Some(table) = node.table(keys::INSTRUMENT) else { continue };
        set.instruments.insert(symbol.into(), contract(&table.below(above.as_ref()), scale));
    }
    for (symbol, node) in file.optional("collateral").map_or_else(Vec::new, |node| node.named()) {
        named(symbol, &node);
        let Some(table) = node.table(keys::COLLATERAL) else { continue };
        set.collateral.insert(symbol.into(), collateral(&table.below(above.as_ref()), scale));
    }
    for (name, node) in file.optional("groups").map_or_else(Vec::new, |node| node.named()) {
        named(name, &node);
        let Some(table) = node.table(keys::GROUP) else { continue };
        let credit = table.read("credit", 0, |node| node.rate(scale, 0..=scale));
        let instruments = table.read("instruments", Default::default(), |node| {
            Some(node.list()?.iter().filter_map(|node| node.text().map(String::from)).collect())
        });
        set.groups.insert(name.into(), Group { credit, instruments });
    }
    set
}

fn named(name: &str, node: &Node<'_>) {
    if name.is_empty() || name.len() > NAME_MAX || name.chars().any(|char| char.is_control()) {
        node.fault(format!("a name has 1 to {NAME_MAX} bytes and no control characters"));
    }
}

fn name(node: &Node<'_>) -> Option<String> {
    let text = node.text()?;
    named(text, node);
    Some(text.into())
}

fn rules(table: &Table<'_>) -> Rules {
    let base = Rules::default();
    let scale = table.read("scale", base.scale, |node| node.integer(Scale::MIN.into()..=Scale::MAX.into()));
    let count = |node: &Node<'_>| node.integer(1..=u32::MAX.into());
    let window = |node: &Node<'_>| node.integer(1..=number::MS_MAX);
    let (venue, deleveraging) = (VenueRules::Native, Deleveraging::ProRata);
    let rungs = table.read("rungs", base.rungs, |node| {
        let table = node.table(keys::RUNGS)?;
        let [warned, liquidatable, takeover] = ["warned", "liquidatable", "takeover"];
        let rung = |key, instead| table.read(key, instead, |node| node.integer(1..=1_023));
        Some([rung(warned, 320), rung(liquidatable, 256), rung(takeover, 171)])
    });
    let close_factor =
        table.read("close_factor", CloseFactor { above: 0, portion: scale, window_ms: 1 }, |node| {
            let table = node.table(keys::CLOSE_FACTOR)?;
            Some(CloseFactor {
                above: table.read("above", 0, Node::amount),
                portion: table.read("portion", scale, |node| node.rate(scale, 1..=scale)),
                window_ms: table.read("window_ms", 1, window),
            })
        });
    let insurance =
        table.read("insurance", Insurance { market_share: 0, reserve: 0, window_ms: 1 }, |node| {
            let table = node.table(keys::INSURANCE)?;
            Some(Insurance {
                market_share: table.read("market_share", 0, |node| node.rate(scale, 0..=scale)),
                reserve: table.read("reserve", 0, Node::amount),
                window_ms: table.read("window_ms", 1, window),
            })
        });
    Rules {
        venue: table.read("venue", venue, Node::choice),
        scale,
        rungs,
        equality: table.read("equality", false, Node::boolean),
        target: table.read("target", 2 * 1_023, |node| node.integer(1..=2_046)),
        exhausted_max: table.read("exhausted_max", 1, count),
        slices_at_once_max: table.read("slices_at_once_max", 1, count),
        residual_min: table.read("residual_min", 0, Node::amount),
        mark_hold_ms: table.read("mark_hold_ms", 0, |node| node.integer(0..=number::MS_MAX)),
        cancel_wait_ms: table.read("cancel_wait_ms", 0, |node| node.integer(0..=number::MS_MAX)),
        notice_ms: table.read("notice_ms", 0, |node| node.integer(0..=number::MS_MAX)),
        close_factor,
        insurance,
        deleveraging: table.read("deleveraging", deleveraging, Node::choice),
        outage: table
            .read("outage", None, |node| unless_none(node, keys::OUTAGE, |table| outage(table, scale))),
        gates: table.read("gates", base.gates, |node| {
            let table = node.table(keys::GATES)?;
            let share = |key| table.read(key, 0, |node| node.rate(scale, 0..=scale));
            Some(Gates {
                withdrawal_portion: share("withdrawal_portion"),
                day_limit: share("day_limit"),
                deficit_wait_ms: table
                    .read("deficit_wait_ms", 0, |node| node.integer(0..=number::PHASE_MS_MAX)),
            })
        }),
        pause_ms_max: table.read("pause_ms_max", 0, |node| node.integer(0..=number::MS_MAX)),
    }
}

fn contract(table: &Table<'_>, scale: u32) -> Contract {
    Contract {
        grid: table.read("grid", GridRule::AtFirstPrice, grid),
        brackets: table.read("brackets", Tiers::of(vec![(0, 0)]), |node| tiers(node, scale, 1)),
        initial: table.read("initial", Tiers::default(), |node| tiers(node, scale, 0)),
        open_interest: table.read("open_interest", OpenInterest::default(), |node| {
            if node.is_word(UNSCALED) {
                return Some(OpenInterest::default());
            }
            let table = node.table(keys::OPEN_INTEREST)?;
            let lower = table.read("lower", 0, Node::amount);
            Some(OpenInterest { lower, upper: table.read("upper", lower.saturating_add(1), above_zero) })
        }),
        funding: table
            .read("funding", None, |node| unless_none(node, keys::FUNDING, |table| funding(table, scale))),
        expiry: table.read("expiry", None, |node| unless_none(node, keys::EXPIRY, expiry)),
        volatility: table.read("volatility", None, |node| {
            unless_none(node, keys::VOLATILITY, |table| volatility(table, scale))
        }),
        trading: trading(table, scale),
    }
}

/// What the table says, or nothing for the word "none".
fn unless_none<T>(
    node: &Node<'_>,
    keys: &'static [&'static str],
    read: impl FnOnce(&Table<'_>) -> T,
) -> Option<Option<T>> {
    if node.is_word(NONE) { Some(None) } else { Some(Some(read(&node.table(keys)?))) }
}

fn funding(table: &Table<'_>, scale: u32) -> Funding {
    let length = |node: &Node<'_>| node.integer(1..=number::MS_MAX);
    let rate = |node: &Node<'_>| node.rate(scale, 0..=scale);
    let interval_ms = table.read("interval_ms", 1, length);
    Funding {
        interval_ms,
        period_ms: table.read("period_ms", interval_ms, |node| node.integer(interval_ms..=number::MS_MAX)),
        sample_ms: table.read("sample_ms", 1, |node| node.integer(1..=interval_ms)),
        impact: table.read("impact", 1, above_zero),
        interest: table.read("interest", 0, rate),
        clamp: table.read("clamp", 0, rate),
        cap: table.read("cap", 0, |node| node.rate(scale, 0..=scale - 1)),
    }
}

fn composition(table: &Table<'_>, scale: u32) -> Composition {
    Composition {
        stale_ms: table.read("stale_ms", 0, |node| node.integer(0..=number::PHASE_MS_MAX)),
        ema_ms: table.read("ema_ms", 1, |node| node.integer(1..=number::PHASE_MS_MAX)),
        band: table.read("band", 0, |node| node.rate(scale, 0..=scale - 1)),
    }
}

fn volatility(table: &Table<'_>, scale: u32) -> Volatility {
    let rate = |key, least, most| table.read(key, least, |node| node.rate(scale, least..=most));
    Volatility {
        window_ms: table.read("window_ms", 1, |node| node.integer(1..=number::PHASE_MS_MAX)),
        reference: rate("reference", 1, scale),
        multiple_max: rate("multiple_max", scale, 100 * scale),
        rise: rate("rise", 1, 100 * scale),
        fall: rate("fall", 1, 100 * scale),
    }
}

fn outage(table: &Table<'_>, scale: u32) -> Outage {
    let length = |key, least| table.read(key, least, |node| node.integer(least..=number::PHASE_MS_MAX));
    Outage {
        gap_ms: length("gap_ms", 1),
        marks: table.read("marks", 1, |node| node.integer(1..=u32::MAX.into())),
        hold_ms: length("hold_ms", 0),
        band: table.read("band", 0, |node| node.rate(scale, 0..=scale - 1)),
        release_ms: length("release_ms", 0),
    }
}

fn breaker(table: &Table<'_>, scale: u32) -> Breaker {
    let length = |key| table.read(key, 1, |node| node.integer(1..=number::PHASE_MS_MAX));
    Breaker {
        band: table.read("band", 1, |node| node.rate(scale, 1..=scale - 1)),
        window_ms: length("window_ms"),
        halt_ms: length("halt_ms"),
        stages: table.read("stages", 0, |node| node.integer(0..=1 << 10)),
        stage_ms: length("stage_ms"),
        stage_band: table.read("stage_band", 0, |node| node.rate(scale, 0..=scale - 1)),
    }
}

fn expiry(table: &Table<'_>) -> Expiry {
    Expiry {
        time_ms: table.read("time_ms", 0, |node| node.integer(i64::MIN..=i64::MAX)),
        window_ms: table.read("window_ms", 0, |node| node.integer(0..=number::MS_MAX)),
    }
}

fn unwind(table: &Table<'_>, scale: u32) -> Unwind {
    Unwind {
        interval_ms: table.read("interval_ms", 1, |node| node.integer(1..=number::MS_MAX)),
        slices: table.read("slices", 1, |node| node.integer(1..=u32::MAX.into())),
        participation: table.read("participation", scale, |node| node.rate(scale, 1..=scale)),
        band: table.read("band", 0, |node| node.rate(scale, 0..=scale - 1)),
    }
}

fn collateral(table: &Table<'_>, scale: u32) -> Collateral {
    Collateral {
        grid: table.read("grid", GridRule::AtFirstPrice, grid),
        weight_long: table.read("weight_long", 0, |node| node.rate(scale, 0..=scale)),
        weight_short: table.read("weight_short", scale, |node| node.rate(scale, scale..=2 * scale)),
        redemption: table.optional("redemption").and_then(|node| {
            let table = node.table(keys::REDEMPTION)?;
            let reference = table.optional("reference").and_then(|node| name(&node));
            let ratio = table.read("ratio", 1, above_zero);
            let band = table.read("band", 0, |node| node.rate(scale, 0..=scale - 1));
            Some(Redemption { reference, ratio, band })
        }),
        trading: trading(table, scale),
    }
}

fn trading(table: &Table<'_>, scale: u32) -> Trading {
    let below_one = |node: &Node<'_>| node.rate(scale, 0..=scale - 1);
    Trading {
        fee: table.read("fee", 0, below_one),
        slippage: table.read("slippage", 0, below_one),
        limit_band: table.read("limit_band", 0, below_one),
        mark_band: table.read("mark_band", 0, below_one),
        budget: table.read("budget", Budget::default(), |node| {
            if node.is_word(UNLIMITED) {
                return Some(Budget::default());
            }
            let table = node.table(keys::BUDGET)?;
            let capacity = table.read("capacity", 0, above_zero);
            Some(Budget { capacity, refill: table.read("refill", 1, above_zero) })
        }),
        fund_cap: table.read("fund_cap", 0, Node::limit),
        backstop: table.read("backstop", BackstopLimits { notional: 0, loss: 0 }, |node| {
            if node.is_word(UNLIMITED) {
                return Some(BackstopLimits { notional: u64::MAX, loss: u64::MAX });
            }
            let table = node.table(keys::BACKSTOP)?;
            let notional = table.read("notional", 0, Node::limit);
            Some(BackstopLimits { notional, loss: table.read("loss", 0, Node::limit) })
        }),
        unwind: table
            .read("unwind", None, |node| unless_none(node, keys::UNWIND, |table| unwind(table, scale))),
        breaker: table
            .read("breaker", None, |node| unless_none(node, keys::BREAKER, |table| breaker(table, scale))),
        composition: table.read("composition", None, |node| {
            unless_none(node, keys::COMPOSITION, |table| composition(table, scale))
        }),
        book: table.read("book", Book::default(), |node| {
            if node.is_word(NONE) {
                return Some(Book::default());
            }
            let table = node.table(keys::BOOK)?;
            Some(Book {
                levels: table.read("levels", 1, |node| node.integer(1..=LEVELS_MAX)),
                step: table.read("step", 0, below_one),
                level: table.read("level", 1, above_zero),
                refill_seconds: table
                    .read("refill_seconds", 1, |node| node.integer(1..=number::MS_MAX / 1_000)),
            })
        }),
    }
}

fn above_zero(node: &Node<'_>) -> Option<u64> {
    let amount = node.amount()?;
    if amount == 0 {
        node.fault("is 0 and must be above it; where there is no bound the whole key may be \"unlimited\"");
        return None;
    }
    Some(amount)
}

fn grid(node: &Node<'_>) -> Option<GridRule> {
    if !node.is_table() {
        if node.is_word(AT_FIRST_PRICE) {
            return Some(GridRule::AtFirstPrice);
        }
        node.fault(format!("is \"{AT_FIRST_PRICE}\", or a table of {}", keys::GRID.join(", ")));
        return None;
    }
    let table = node.table(keys::GRID)?;
    let lot_exponent = table.read("lot", None, |node| {
        let text = node.number()?;
        let exponent = number::power_of_ten(text);
        if exponent.is_none() {
            let most = number::LOT_EXPONENT_MAX;
            node.fault(format!("{text} is no power of ten from 1e-{most} to 1e{most}"));
        }
        Some(exponent)
    });
    let tick = table.read("tick", 1, |node| {
        let text = node.number()?;
        let tick = number::quanta_per_lot(text, lot_exponent?);
        if tick.is_none() {
            node.fault(format!(
                "{text} is no whole number of quanta per lot from 1 to {}; choose another lot",
                u32::MAX
            ));
        }
        tick
    });
    let price_bits = table.read("price_bits", 1, |node| node.integer(1..=32));
    let size_bits = table.read("size_bits", 1, |node| node.integer(1..=40));
    Some(GridRule::Stated(Grid { lot_exponent: lot_exponent.unwrap_or(0), tick, price_bits, size_bits }))
}

fn tiers(node: &Node<'_>, scale: u32, fewest: usize) -> Option<Tiers> {
    if node.is_table() {
        return curve(node, scale);
    }
    let list = node.list()?;
    if !(fewest..=TIERS_MAX).contains(&list.len()) {
        node.fault(format!("has {} tiers; a table has {fewest} to {TIERS_MAX}", list.len()));
    }
    let mut kept = Vec::new();
    let mut brackets = Vec::new();
    for node in &list {
        let Some(table) = node.table(keys::BRACKET) else { continue };
        let floor = table.read("floor", None, |node| node.amount().map(Some));
        let rate = table.read("rate", None, |node| node.rate(scale, 0..=scale).map(Some));
        let (Some(floor), Some(rate)) = (floor, rate) else { continue };
        brackets.push((floor, rate));
        kept.push(node);
    }
    let whole = brackets.len() == list.len();
    let scale = Scale::new(scale).ok()?;
    let mut fits = whole;
    // Each bracket that breaks a rule is named and taken out, so that the next one is found.
    while !brackets.is_empty() && brackets.len() <= TIERS_MAX {
        let Err(error) = TierTable::new(scale, &brackets) else { break };
        fits = false;
        let (at, text) = match error {
            TierError::Count(_) => break,
            TierError::Floor(0) => (0, "the first floor is 0".to_owned()),
            TierError::Floor(at) if brackets[at].0 == 0 => (at, "only the first floor is 0".into()),
            TierError::Floor(at) => (at, "its floor does not lie above the one before".into()),
            TierError::RateFalls(at) => (at, "its rate lies below the one before; rates do not fall".into()),
            TierError::Range { index, source } => {
                (index, format!("{source} (quanta, or quanta over the scale)"))
            }
        };
        kept[at].fault(text);
        if at == 0 && brackets[0].0 != 0 {
            brackets[0].0 = 0;
        } else {
            brackets.remove(at);
            kept.remove(at);
        }
    }
    (fits && (fewest..=TIERS_MAX).contains(&list.len())).then(|| Tiers::of(brackets))
}

fn curve(node: &Node<'_>, scale: u32) -> Option<Tiers> {
    let table = node.table(keys::CURVE)?;
    table.read("curve", (), |node| {
        if !node.is_word("sqrt") {
            node.fault("is \"sqrt\"");
        }
        Some(())
    });
    let rate = |key| table.read(key, None, |node| node.rate(scale, 0..=scale).map(Some));
    let [floor_rate, base_rate, top_rate] = ["floor_rate", "base_rate", "top_rate"].map(rate);
    let to = table.read("to", None, |node| above_zero(node).map(Some));
    let bounds = TIERS_MIN as i64..=TIERS_MAX as i64;
    let tiers = table.read("tiers", None, |node| node.integer(bounds).map(Some));
    let curve =
        Curve { floor_rate: floor_rate?, base_rate: base_rate?, top_rate: top_rate?, to: to?, tiers: tiers? };
    let brackets = curve.brackets(scale).map_err(|error| node.fault(error)).ok()?;
    Some(Tiers { brackets, curve: Some(curve) })
}
