//! Weights, perpetual margin and the perpetual liquidation.

use engine::margin::weights::{
    MarketTrust, asset_weight_floor, deposit_scaled_weight_floor, liability_weight_floor, profit_weight_floor,
};
use engine::venue_rules::drift::perp::{
    CloseTerms, FeeRamp, LiquidationCall, LiquidationRules, PerpAccount, PerpMargin, PortionRamp,
    base_to_cover_floor, liquidate_perp, liquidation_fee, max_portion_floor, perp_if_fee_floor,
    perp_margin_requirement_floor,
};
use engine::venue_rules::drift::spot::{token_size_floor, token_value_floor};

use super::{Case, Check, Kind, one};
use crate::conform::whole::{exact, verdict, whole};

/// The kinds of this page.
pub fn kind(name: &str) -> Option<Kind> {
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
        _ => return None,
    })
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
