//! The keys of a rules file, table by table. `docs/rules.md` says what each means.

pub const FILE: &[&str] =
    &["format", "name", "version", "rules", "collateral", "defaults", "instruments", "groups"];
pub const RULES: &[&str] = &[
    "venue",
    "scale",
    "rungs",
    "equality",
    "target",
    "exhausted_max",
    "slices_at_once_max",
    "residual_min",
    "mark_hold_ms",
    "cancel_wait_ms",
    "notice_ms",
    "close_factor",
    "insurance",
    "deleveraging",
    "outage",
    "gates",
    "pause_ms_max",
];
pub const OUTAGE: &[&str] = &["gap_ms", "marks", "hold_ms", "band", "release_ms"];
pub const GATES: &[&str] = &["withdrawal_portion", "day_limit", "deficit_wait_ms"];
pub const COMPOSITION: &[&str] = &["stale_ms", "ema_ms", "band"];
pub const VOLATILITY: &[&str] = &["window_ms", "reference", "multiple_max", "rise", "fall"];
pub const BREAKER: &[&str] = &["band", "window_ms", "halt_ms", "stages", "stage_ms", "stage_band"];
pub const RUNGS: &[&str] = &["warned", "liquidatable", "takeover"];
pub const CLOSE_FACTOR: &[&str] = &["above", "portion", "window_ms"];
pub const INSURANCE: &[&str] = &["market_share", "reserve", "window_ms"];
pub const INSTRUMENT: &[&str] = &[
    "grid",
    "brackets",
    "initial",
    "open_interest",
    "funding",
    "expiry",
    "volatility",
    "fee",
    "slippage",
    "limit_band",
    "mark_band",
    "budget",
    "fund_cap",
    "backstop",
    "unwind",
    "breaker",
    "composition",
    "book",
];
pub const COLLATERAL: &[&str] = &[
    "grid",
    "weight_long",
    "weight_short",
    "redemption",
    "fee",
    "slippage",
    "limit_band",
    "mark_band",
    "budget",
    "fund_cap",
    "backstop",
    "unwind",
    "breaker",
    "composition",
    "book",
];
pub const GRID: &[&str] = &["lot", "tick", "price_bits", "size_bits"];
pub const BRACKET: &[&str] = &["floor", "rate"];
pub const CURVE: &[&str] = &["curve", "floor_rate", "base_rate", "top_rate", "to", "tiers"];
pub const OPEN_INTEREST: &[&str] = &["lower", "upper"];
pub const BUDGET: &[&str] = &["capacity", "refill"];
pub const BACKSTOP: &[&str] = &["notional", "loss"];
pub const FUNDING: &[&str] = &["interval_ms", "period_ms", "sample_ms", "impact", "interest", "clamp", "cap"];
pub const EXPIRY: &[&str] = &["time_ms", "window_ms"];
pub const UNWIND: &[&str] = &["interval_ms", "slices", "participation", "band"];
pub const BOOK: &[&str] = &["levels", "step", "level", "refill_seconds"];
pub const REDEMPTION: &[&str] = &["reference", "ratio", "band"];
pub const GROUP: &[&str] = &["credit", "instruments"];

/// All of them, by the name of their table.
#[cfg(test)]
pub const ALL: [(&str, &[&str]); 24] = [
    ("file", FILE),
    ("rules", RULES),
    ("rungs", RUNGS),
    ("close_factor", CLOSE_FACTOR),
    ("insurance", INSURANCE),
    ("instruments", INSTRUMENT),
    ("collateral", COLLATERAL),
    ("grid", GRID),
    ("brackets", BRACKET),
    ("curve", CURVE),
    ("open_interest", OPEN_INTEREST),
    ("budget", BUDGET),
    ("backstop", BACKSTOP),
    ("funding", FUNDING),
    ("expiry", EXPIRY),
    ("unwind", UNWIND),
    ("breaker", BREAKER),
    ("composition", COMPOSITION),
    ("volatility", VOLATILITY),
    ("outage", OUTAGE),
    ("gates", GATES),
    ("book", BOOK),
    ("redemption", REDEMPTION),
    ("groups", GROUP),
];
