//! Drift v2: the engine's rule set against the venue's own worked examples. All numbers are the venue's integers.

use anyhow::bail;
use engine::margin::weights::{
    MarketTrust, asset_weight_floor, deposit_scaled_weight_floor, liability_weight_floor, profit_weight_floor,
};
use engine::venue_rules::drift::DriftError;
use engine::venue_rules::drift::funding::{
    FundingTerms, divergence_cap_floor, funding_payment_tdiv, funding_rate_tdiv,
};
use engine::venue_rules::drift::insurance::{WithdrawRequest, rebase_digits, shares_lost_by_cancel};
use engine::venue_rules::drift::loss::{
    Deposits, FundingIndex, PerpLoss, funding_delta_ceil, resolve_perp, resolve_spot,
};
use engine::venue_rules::drift::perp::{
    CloseTerms, FeeRamp, LiquidationCall, LiquidationRules, PerpAccount, PerpMargin, PortionRamp,
    base_to_cover_floor, liquidate_perp, liquidation_fee, max_portion_floor, perp_if_fee_floor,
    perp_margin_requirement_floor,
};
use engine::venue_rules::drift::spot::{
    CoverTerms, Side, asset_for_liability_floor, is_swap_within_bound, liability_implied_ceil,
    liability_to_cover_floor, spot_if_fee_floor, token_size_floor, token_value_floor,
};

use super::case::{Case, Check, Outcome};
use super::whole::{exact, verdict, whole};

/// A kind: its inputs, its expected numbers, and who judges it.
type Kind = (&'static [&'static str], &'static [&'static str], fn(&Case<'_>) -> anyhow::Result<Vec<Check>>);

/// Judges a case of a `drift_` kind.
pub fn judge(case: &Case<'_>) -> anyhow::Result<Outcome> {
    let Some((inputs, expected, judge)) = kind(case.kind) else {
        return Ok(Outcome::Unsupported(case.kind.to_owned()));
    };
    match case.unknown_key(inputs, expected) {
        Some(name) => Ok(Outcome::Unsupported(name)),
        None => judge(case).map(Outcome::Judged),
    }
}

fn kind(name: &str) -> Option<Kind> {
    Some(match name {
        "drift_perp_margin_requirement" => (
            &[
                "worst_case_base",
                "oracle_price",
                "margin_ratio_bps",
                "imf_factor",
                "open_orders",
                "open_order_margin",
            ],
            &["margin_requirement"],
            perp_margin_requirement,
        ),
        "drift_asset_weight" => {
            (&["size", "decimals", "imf_factor", "asset_weight"], &["asset_weight"], asset_weight)
        }
        "drift_liability_weight" => {
            (&["size", "decimals", "imf_factor", "liability_weight"], &["liability_weight"], liability_weight)
        }
        "drift_scaled_asset_weight" => (
            &["initial_asset_weight", "scale_start", "deposit_tokens", "price"],
            &["asset_weight"],
            scaled_asset_weight,
        ),
        "drift_upnl_weight" => {
            (&["unrealized_pnl", "imf_factor", "asset_weight"], &["asset_weight"], upnl_weight)
        }
        "drift_base_to_cover" => (
            &[
                "margin_shortage",
                "margin_ratio_bps",
                "liquidation_fee_ppm",
                "if_fee_ppm",
                "oracle_price",
                "quote_oracle_price",
            ],
            &["base_amount"],
            base_to_cover,
        ),
        "drift_perp_if_fee" => (
            &[
                "margin_shortage",
                "base_amount",
                "margin_ratio_bps",
                "liquidator_fee_ppm",
                "oracle_price",
                "quote_oracle_price",
                "max_if_fee_ppm",
            ],
            &["if_fee_ppm"],
            perp_if_fee,
        ),
        "drift_max_pct" => (
            &["margin_shortage", "last_active_slot", "slot", "margin_freed", "initial_pct", "duration"],
            &["pct"],
            max_pct,
        ),
        "drift_liq_fee_ramp" => (
            &[
                "base_fee_ppm",
                "max_fee_ppm",
                "last_active_slot",
                "slot",
                "grace_slots",
                "increase_ppm_per_slot",
            ],
            &["fee_ppm"],
            fee_ramp,
        ),
        "drift_liquidate_perp" => (&LIQUIDATION_INPUTS, &LIQUIDATION_EXPECTED, liquidation),
        "drift_liability_to_cover" => (&COVER_INPUTS, &["liability_amount"], liability_to_cover),
        "drift_spot_if_fee" => (
            &[
                "margin_shortage",
                "token_amount",
                "asset_weight",
                "asset_multiplier",
                "liability_weight",
                "liability_multiplier",
                "liability_decimals",
                "liability_price",
                "max_if_fee_ppm",
            ],
            &["if_fee_ppm"],
            spot_if_fee,
        ),
        "drift_liability_implied" => (&IMPLIED_INPUTS, &["liability_amount"], liability_implied),
        "drift_asset_for_liability" => (&EXCHANGE_INPUTS, &["asset_amount"], asset_for_liability),
        "drift_swap_bound" => (&SWAP_INPUTS, &["ok"], swap_bound),
        "drift_funding_rate" => (
            &["mark_twap", "oracle_twap", "period", "clamp_divisor", "buffer"],
            &["funding_rate"],
            funding_rate,
        ),
        "drift_funding_divergence_cap" => (&["oracle_twap", "divisor"], &["cap"], divergence_cap),
        "drift_funding_delta_bankruptcy" => {
            (&["loss", "base_long", "base_short"], &["funding_rate_delta", "error"], funding_delta)
        }
        "drift_deposit_interest_delta" => (
            &["loss", "cumulative_deposit_interest", "deposit_balance", "decimals"],
            &["delta"],
            interest_delta,
        ),
        "drift_perp_bankruptcy" => (&PERP_LOSS_INPUTS, &PERP_LOSS_EXPECTED, perp_bankruptcy),
        "drift_spot_bankruptcy" => (
            &["borrow", "cumulative_deposit_interest", "deposit_balance", "decimals"],
            &["cumulative_deposit_interest", "deposits_after"],
            spot_bankruptcy,
        ),
        "drift_if_rebase" => (&["total_shares", "vault"], &["expo"], if_rebase),
        "drift_if_shares_lost" => {
            (&["request_shares", "request_value", "total_shares", "vault"], &["shares_lost"], if_shares_lost)
        }
        _ => return None,
    })
}

fn one(case: &Case<'_>, key: &'static str, got: impl Into<num_bigint::BigInt>) -> anyhow::Result<Vec<Check>> {
    Ok(vec![case.check(key, exact(got))?])
}

fn perp_margin_requirement(case: &Case<'_>) -> anyhow::Result<Vec<Check>> {
    let inputs = &case.inputs;
    let margin = PerpMargin {
        base: whole::<i64>(inputs, "worst_case_base")?.unsigned_abs(),
        price: whole(inputs, "oracle_price")?,
        ratio_bps: whole(inputs, "margin_ratio_bps")?,
        imf: whole(inputs, "imf_factor")?,
        open_orders: whole(inputs, "open_orders")?,
        open_order_margin: whole(inputs, "open_order_margin")?,
    };
    one(case, "margin_requirement", perp_margin_requirement_floor(&margin))
}

fn size(case: &Case<'_>) -> anyhow::Result<u128> {
    Ok(token_size_floor(whole(&case.inputs, "size")?, whole(&case.inputs, "decimals")?)?)
}

fn asset_weight(case: &Case<'_>) -> anyhow::Result<Vec<Check>> {
    let (imf, weight) = (whole(&case.inputs, "imf_factor")?, whole(&case.inputs, "asset_weight")?);
    one(case, "asset_weight", asset_weight_floor(size(case)?, imf, weight))
}

fn liability_weight(case: &Case<'_>) -> anyhow::Result<Vec<Check>> {
    let (imf, weight) = (whole(&case.inputs, "imf_factor")?, whole(&case.inputs, "liability_weight")?);
    one(case, "liability_weight", liability_weight_floor(size(case)?, imf, weight))
}

fn scaled_asset_weight(case: &Case<'_>) -> anyhow::Result<Vec<Check>> {
    let inputs = &case.inputs;
    let deposits = token_value_floor(whole(inputs, "deposit_tokens")?, 0, whole(inputs, "price")?)?;
    let (weight, start) = (whole(inputs, "initial_asset_weight")?, whole(inputs, "scale_start")?);
    one(case, "asset_weight", deposit_scaled_weight_floor(weight, start, deposits))
}

fn upnl_weight(case: &Case<'_>) -> anyhow::Result<Vec<Check>> {
    let inputs = &case.inputs;
    let (profit, imf) = (whole(inputs, "unrealized_pnl")?, whole(inputs, "imf_factor")?);
    let weight = profit_weight_floor(profit, imf, whole(inputs, "asset_weight")?, MarketTrust::Trusted);
    one(case, "asset_weight", weight)
}

fn base_to_cover(case: &Case<'_>) -> anyhow::Result<Vec<Check>> {
    let inputs = &case.inputs;
    let terms = CloseTerms {
        ratio_bps: whole(inputs, "margin_ratio_bps")?,
        liquidator_fee_ppm: whole(inputs, "liquidation_fee_ppm")?,
        if_fee_ppm: whole(inputs, "if_fee_ppm")?,
        price: whole(inputs, "oracle_price")?,
        quote_price: whole(inputs, "quote_oracle_price")?,
    };
    // The venue's word for "all of it" is the largest number.
    one(
        case,
        "base_amount",
        base_to_cover_floor(whole(inputs, "margin_shortage")?, &terms).unwrap_or(u64::MAX),
    )
}

fn perp_if_fee(case: &Case<'_>) -> anyhow::Result<Vec<Check>> {
    let inputs = &case.inputs;
    let terms = CloseTerms {
        ratio_bps: whole(inputs, "margin_ratio_bps")?,
        liquidator_fee_ppm: whole(inputs, "liquidator_fee_ppm")?,
        if_fee_ppm: whole(inputs, "max_if_fee_ppm")?,
        price: whole(inputs, "oracle_price")?,
        quote_price: whole(inputs, "quote_oracle_price")?,
    };
    let fee = perp_if_fee_floor(whole(inputs, "margin_shortage")?, whole(inputs, "base_amount")?, &terms);
    one(case, "if_fee_ppm", fee)
}

fn elapsed(case: &Case<'_>) -> anyhow::Result<u64> {
    let slots: i64 = whole::<i64>(&case.inputs, "slot")? - whole::<i64>(&case.inputs, "last_active_slot")?;
    Ok(u64::try_from(slots)?)
}

fn max_pct(case: &Case<'_>) -> anyhow::Result<Vec<Check>> {
    let inputs = &case.inputs;
    let ramp = PortionRamp { initial: whole(inputs, "initial_pct")?, duration: whole(inputs, "duration")? };
    let (shortage, freed) = (whole(inputs, "margin_shortage")?, whole(inputs, "margin_freed")?);
    one(case, "pct", max_portion_floor(shortage, freed, elapsed(case)?, &ramp))
}

fn fee_ramp(case: &Case<'_>) -> anyhow::Result<Vec<Check>> {
    let inputs = &case.inputs;
    let ramp = FeeRamp {
        base_ppm: whole(inputs, "base_fee_ppm")?,
        max_ppm: whole(inputs, "max_fee_ppm")?,
        grace: whole(inputs, "grace_slots")?,
        ppm_per_slot: whole(inputs, "increase_ppm_per_slot")?,
    };
    one(case, "fee_ppm", liquidation_fee(elapsed(case)?, &ramp))
}

const LIQUIDATION_INPUTS: [&str; 15] = [
    "margin_ratio_maintenance",
    "liquidator_fee_ppm",
    "if_fee_ppm",
    "order_step_size",
    "initial_pct",
    "duration",
    "buffer",
    "last_active_slot",
    "base",
    "quote",
    "deposit",
    "price",
    "slot",
    "freed",
    "max_base",
];
const LIQUIDATION_EXPECTED: [&str; 6] =
    ["base", "quote", "if_fee_total", "liquidator_quote", "freed", "exited"];

fn liquidation(case: &Case<'_>) -> anyhow::Result<Vec<Check>> {
    let inputs = &case.inputs;
    let rules = LiquidationRules {
        ratio_maintenance_bps: whole(inputs, "margin_ratio_maintenance")?,
        imf: 0,
        buffer_bps: whole(inputs, "buffer")?,
        liquidator_fee_ppm: whole(inputs, "liquidator_fee_ppm")?,
        if_fee_ppm: whole(inputs, "if_fee_ppm")?,
        step: whole(inputs, "order_step_size")?,
        ramp: PortionRamp { initial: whole(inputs, "initial_pct")?, duration: whole(inputs, "duration")? },
    };
    let account = PerpAccount {
        base: whole(inputs, "base")?,
        quote: whole(inputs, "quote")?,
        deposit: whole(inputs, "deposit")?,
    };
    let call = LiquidationCall {
        price: whole(inputs, "price")?,
        elapsed: elapsed(case)?,
        freed: whole(inputs, "freed")?,
        base_max: whole(inputs, "max_base")?,
    };
    let got = liquidate_perp(&account, &call, &rules)?;
    let mut checks = Vec::new();
    for (key, number) in [
        ("base", exact(got.account.base)),
        ("quote", exact(got.account.quote)),
        ("if_fee_total", exact(got.if_fee)),
        ("liquidator_quote", exact(got.liquidator_quote)),
        ("freed", exact(got.freed)),
    ] {
        if case.expected.has(key) {
            checks.push(case.check(key, number)?);
        }
    }
    if case.expected.has("exited") {
        checks.push(verdict("exited", case.expected.get("exited")?, got.exited));
    }
    Ok(checks)
}

const COVER_INPUTS: [&str; 8] = [
    "margin_shortage",
    "asset_weight",
    "asset_multiplier",
    "liability_weight",
    "liability_multiplier",
    "liability_decimals",
    "liability_price",
    "if_fee_ppm",
];

fn cover_terms(case: &Case<'_>, fee: &str) -> anyhow::Result<CoverTerms> {
    Ok(CoverTerms {
        asset_weight: whole(&case.inputs, "asset_weight")?,
        asset_multiplier_ppm: whole(&case.inputs, "asset_multiplier")?,
        liability_weight: whole(&case.inputs, "liability_weight")?,
        liability: side(case, ["liability_decimals", "liability_price", "liability_multiplier"])?,
        if_fee_ppm: whole(&case.inputs, fee)?,
    })
}

fn side(case: &Case<'_>, [decimals, price, multiplier]: [&str; 3]) -> anyhow::Result<Side> {
    Ok(Side {
        decimals: whole(&case.inputs, decimals)?,
        price: whole(&case.inputs, price)?,
        multiplier_ppm: whole(&case.inputs, multiplier)?,
    })
}

fn sides(case: &Case<'_>) -> anyhow::Result<(Side, Side)> {
    let asset = side(case, ["asset_decimals", "asset_price", "asset_multiplier"])?;
    Ok((asset, side(case, ["liability_decimals", "liability_price", "liability_multiplier"])?))
}

fn liability_to_cover(case: &Case<'_>) -> anyhow::Result<Vec<Check>> {
    let shortage = whole(&case.inputs, "margin_shortage")?;
    let amount = liability_to_cover_floor(shortage, &cover_terms(case, "if_fee_ppm")?)?;
    one(case, "liability_amount", amount.unwrap_or(u128::MAX))
}

fn spot_if_fee(case: &Case<'_>) -> anyhow::Result<Vec<Check>> {
    let (shortage, amount) = (whole(&case.inputs, "margin_shortage")?, whole(&case.inputs, "token_amount")?);
    one(case, "if_fee_ppm", spot_if_fee_floor(shortage, amount, &cover_terms(case, "max_if_fee_ppm")?)?)
}

const IMPLIED_INPUTS: [&str; 7] = [
    "asset_amount",
    "asset_multiplier",
    "asset_decimals",
    "asset_price",
    "liability_multiplier",
    "liability_decimals",
    "liability_price",
];

fn liability_implied(case: &Case<'_>) -> anyhow::Result<Vec<Check>> {
    let (asset, liability) = sides(case)?;
    let amount = liability_implied_ceil(whole(&case.inputs, "asset_amount")?, &asset, &liability)?;
    one(case, "liability_amount", amount)
}

const EXCHANGE_INPUTS: [&str; 8] = [
    "asset_amount",
    "asset_multiplier",
    "asset_decimals",
    "asset_price",
    "liability_amount",
    "liability_multiplier",
    "liability_decimals",
    "liability_price",
];

fn asset_for_liability(case: &Case<'_>) -> anyhow::Result<Vec<Check>> {
    let (asset, liability) = sides(case)?;
    let (held, owed) = (whole(&case.inputs, "asset_amount")?, whole(&case.inputs, "liability_amount")?);
    one(case, "asset_amount", asset_for_liability_floor(held, &asset, owed, &liability)?)
}

const SWAP_INPUTS: [&str; 8] = [
    "asset_transfer",
    "asset_multiplier",
    "asset_decimals",
    "asset_price",
    "liability_transfer",
    "liability_multiplier",
    "liability_decimals",
    "liability_price",
];

fn swap_bound(case: &Case<'_>) -> anyhow::Result<Vec<Check>> {
    let (asset, liability) = sides(case)?;
    let (from, to) = (whole(&case.inputs, "asset_transfer")?, whole(&case.inputs, "liability_transfer")?);
    let is_within = is_swap_within_bound(from, &asset, to, &liability)?;
    Ok(vec![verdict("ok", case.expected.get("ok")?, is_within)])
}

fn funding_rate(case: &Case<'_>) -> anyhow::Result<Vec<Check>> {
    let inputs = &case.inputs;
    let terms = FundingTerms {
        mark_twap: whole(inputs, "mark_twap")?,
        oracle_twap: whole(inputs, "oracle_twap")?,
        period: whole(inputs, "period")?,
        clamp_divisor: whole(inputs, "clamp_divisor")?,
        buffer: whole(inputs, "buffer")?,
    };
    one(case, "funding_rate", funding_rate_tdiv(&terms)?)
}

fn divergence_cap(case: &Case<'_>) -> anyhow::Result<Vec<Check>> {
    let cap = divergence_cap_floor(whole(&case.inputs, "oracle_twap")?, whole(&case.inputs, "divisor")?)?;
    one(case, "cap", cap)
}

fn magnitude(case: &Case<'_>, key: &str) -> anyhow::Result<u128> {
    Ok(whole::<i128>(&case.inputs, key)?.unsigned_abs())
}

fn funding_delta(case: &Case<'_>) -> anyhow::Result<Vec<Check>> {
    let [loss, long, short] = ["loss", "base_long", "base_short"].map(|key| magnitude(case, key));
    let delta = funding_delta_ceil(loss?, long?, short?);
    if case.expected.has("error") {
        let error: String = case.expected.get("error")?;
        if error != "no_open_interest" {
            bail!("expected.error {error:?} is not known");
        }
        return Ok(vec![verdict("error", true, delta == Err(DriftError::NoOpenInterest))]);
    }
    one(case, "funding_rate_delta", delta?)
}

fn deposits(case: &Case<'_>) -> anyhow::Result<Deposits> {
    Ok(Deposits {
        balance: whole(&case.inputs, "deposit_balance")?,
        cumulative_interest: whole(&case.inputs, "cumulative_deposit_interest")?,
        decimals: whole(&case.inputs, "decimals")?,
    })
}

fn interest_delta(case: &Case<'_>) -> anyhow::Result<Vec<Check>> {
    one(case, "delta", deposits(case)?.interest_delta_ceil(magnitude(case, "loss")?)?)
}

const PERP_LOSS_INPUTS: [&str; 10] = [
    "loss",
    "insurance_vault",
    "insurance_cap",
    "fee_pool",
    "base_long",
    "base_short",
    "cumulative_long",
    "cumulative_short",
    "sample_long_base",
    "sample_short_base",
];
const PERP_LOSS_EXPECTED: [&str; 6] = [
    "if_payment",
    "social_loss",
    "cumulative_long",
    "cumulative_short",
    "sample_long_payment",
    "sample_short_payment",
];

fn perp_bankruptcy(case: &Case<'_>) -> anyhow::Result<Vec<Check>> {
    let inputs = &case.inputs;
    let index =
        FundingIndex { long: whole(inputs, "cumulative_long")?, short: whole(inputs, "cumulative_short")? };
    let got = resolve_perp(&PerpLoss {
        loss: magnitude(case, "loss")?,
        insurance_vault: whole(inputs, "insurance_vault")?,
        insurance_cap: whole(inputs, "insurance_cap")?,
        fee_pool: whole(inputs, "fee_pool")?,
        base_long: magnitude(case, "base_long")?,
        base_short: magnitude(case, "base_short")?,
        index,
    })?;
    let long = funding_payment_tdiv(got.index.long - index.long, whole(inputs, "sample_long_base")?)?;
    let short = funding_payment_tdiv(got.index.short - index.short, whole(inputs, "sample_short_base")?)?;
    Ok(vec![
        case.check("if_payment", exact(got.if_payment))?,
        case.check("social_loss", exact(got.social_loss))?,
        case.check("cumulative_long", exact(got.index.long))?,
        case.check("cumulative_short", exact(got.index.short))?,
        case.check("sample_long_payment", exact(long))?,
        case.check("sample_short_payment", exact(short))?,
    ])
}

fn spot_bankruptcy(case: &Case<'_>) -> anyhow::Result<Vec<Check>> {
    let got = resolve_spot(whole(&case.inputs, "borrow")?, 0, &deposits(case)?)?;
    Ok(vec![
        case.check("cumulative_deposit_interest", exact(got.deposits.cumulative_interest))?,
        case.check("deposits_after", exact(got.deposits.tokens_floor()?))?,
    ])
}

fn if_rebase(case: &Case<'_>) -> anyhow::Result<Vec<Check>> {
    one(case, "expo", rebase_digits(whole(&case.inputs, "total_shares")?, whole(&case.inputs, "vault")?)?)
}

fn if_shares_lost(case: &Case<'_>) -> anyhow::Result<Vec<Check>> {
    let inputs = &case.inputs;
    let request = WithdrawRequest {
        shares: whole(inputs, "request_shares")?,
        value: whole(inputs, "request_value")?,
        total_shares: whole(inputs, "total_shares")?,
        vault: whole(inputs, "vault")?,
    };
    one(case, "shares_lost", shares_lost_by_cancel(&request)?)
}
