//! Requirements, risk and funding.

use std::cmp::Ordering;

use anyhow::bail;
use engine::venue_rules::dydx::Perpetual;
use engine::venue_rules::dydx::funding::{index_delta_trunc, rate_clamp_ppm_floor, settlement_ppm};
use engine::venue_rules::dydx::risk::Risk;

use super::super::case::{Case, Check};
use super::super::whole::{exact, whole};
use super::{Kind, account, market, one, perpetuals, tier, yes_or_no};

const IMF: &str = "initial_margin_ppm";
const LOWER: &str = "oi_lower_cap";
const UPPER: &str = "oi_upper_cap";

pub fn kind(name: &str) -> Option<Kind> {
    Some(match name {
        "margin_requirement" => (
            &[
                "price",
                "price_exponent",
                "atomic_resolution",
                "base_quantums",
                IMF,
                "maintenance_fraction_ppm",
                "open_interest",
                LOWER,
                UPPER,
            ],
            &["imr", "mmr"],
            requirement,
        ),
        "maintenance_margin_ppm" => (&[IMF, "maintenance_fraction_ppm"], &["ppm"], |case| {
            one(case, "ppm", tier(&case.inputs)?.maintenance_ppm_floor())
        }),
        "initial_margin_quote" => (&[IMF, LOWER, UPPER, "oi_notional", "quote_quantums"], &["imr"], |case| {
            let notional = whole(&case.inputs, "quote_quantums")?;
            let open = whole(&case.inputs, "oi_notional")?;
            one(case, "imr", tier(&case.inputs)?.initial_margin_ceil(notional, open))
        }),
        "adjusted_imf_ppm" => (&[IMF, LOWER, UPPER, "oi_notional"], &["ppm"], |case| {
            let open = whole(&case.inputs, "oi_notional")?;
            one(case, "ppm", tier(&case.inputs)?.adjusted_initial_ppm_floor(open))
        }),
        "risk_predicate" => (&["predicate", "nc", "requirement"], &["result"], predicate),
        "risk_cmp" => (&["first_nc", "first_mmr", "second_nc", "second_mmr"], &["result"], compare),
        "undercollateralized_transition" => {
            (&["old_nc", "old_imr", "old_mmr", "new_nc", "new_mmr"], &["valid"], transition)
        }
        "is_liquidatable_account" => {
            (&["perpetuals", "quote_balance", "positions"], &["liquidatable"], |case| {
                let risk = account(&case.inputs)?.risk(&perpetuals(case)?)?;
                Ok(vec![yes_or_no(case, "liquidatable", risk.is_liquidatable())?])
            })
        }
        "funding_clamp_ppm" => (&["clamp_factor_ppm", IMF, "maintenance_fraction_ppm"], &["ppm"], |case| {
            one(
                case,
                "ppm",
                rate_clamp_ppm_floor(whole(&case.inputs, "clamp_factor_ppm")?, &tier(&case.inputs)?),
            )
        }),
        "funding_index_delta" => (
            &["atomic_resolution", "price_exponent", "price", "funding_rate_8h_ppm", "seconds"],
            &["index_delta"],
            |case| {
                let rate = whole(&case.inputs, "funding_rate_8h_ppm")?;
                let seconds = whole(&case.inputs, "seconds")?;
                one(case, "index_delta", index_delta_trunc(&market(&case.inputs)?, rate, seconds)?)
            },
        ),
        "funding_settlement_ppm" => {
            (&["funding_index", "position_index", "base_quantums"], &["settlement_ppm"], |case| {
                let [index, held, size] =
                    ["funding_index", "position_index", "base_quantums"].map(|key| whole(&case.inputs, key));
                one(case, "settlement_ppm", settlement_ppm(index?, held?, size?)?)
            })
        }
        _ => return None,
    })
}

fn requirement(case: &Case<'_>) -> anyhow::Result<Vec<Check>> {
    let perpetual = Perpetual {
        id: 0,
        market: market(&case.inputs)?,
        tier: tier(&case.inputs)?,
        open_interest: whole(&case.inputs, "open_interest")?,
    };
    let risk = perpetual.risk(whole(&case.inputs, "base_quantums")?)?;
    Ok(vec![case.check("imr", exact(risk.initial))?, case.check("mmr", exact(risk.maintenance))?])
}

fn predicate(case: &Case<'_>) -> anyhow::Result<Vec<Check>> {
    let requirement = whole(&case.inputs, "requirement")?;
    let risk =
        Risk { net_collateral: whole(&case.inputs, "nc")?, initial: requirement, maintenance: requirement };
    let result = match case.inputs.get::<&str>("predicate")? {
        "is_initial_collateralized" => risk.is_initial_collateralized(),
        "is_maintenance_collateralized" => risk.is_maintenance_collateralized(),
        "is_liquidatable" => risk.is_liquidatable(),
        other => bail!("inputs.predicate {other:?} is not known"),
    };
    Ok(vec![yes_or_no(case, "result", result)?])
}

/// A risk of which the case states only what the rule reads.
fn risk(case: &Case<'_>, net_collateral: &str, maintenance: &str) -> anyhow::Result<Risk> {
    let maintenance = whole(&case.inputs, maintenance)?;
    Ok(Risk { net_collateral: whole(&case.inputs, net_collateral)?, initial: maintenance, maintenance })
}

fn compare(case: &Case<'_>) -> anyhow::Result<Vec<Check>> {
    let first = risk(case, "first_nc", "first_mmr")?;
    let order = match first.compare(&risk(case, "second_nc", "second_mmr")?) {
        Ordering::Less => -1,
        Ordering::Equal => 0,
        Ordering::Greater => 1,
    };
    one(case, "result", order)
}

fn transition(case: &Case<'_>) -> anyhow::Result<Vec<Check>> {
    let old = Risk { initial: whole(&case.inputs, "old_imr")?, ..risk(case, "old_nc", "old_mmr")? };
    Ok(vec![yes_or_no(case, "valid", old.may_stay_short_at(&risk(case, "new_nc", "new_mmr")?))?])
}
