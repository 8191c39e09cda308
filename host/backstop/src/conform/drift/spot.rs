//! Transfers of a deposit against a borrow.

use engine::venue_rules::drift::spot::{
    CoverTerms, Side, asset_for_liability_floor, is_swap_within_bound, liability_implied_ceil,
    liability_to_cover_floor, spot_if_fee_floor,
};

use super::{Case, Check, Kind, one};
use crate::conform::whole::{verdict, whole};

/// The kinds of this page.
pub fn kind(name: &str) -> Option<Kind> {
    Some(match name {
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
        _ => return None,
    })
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
