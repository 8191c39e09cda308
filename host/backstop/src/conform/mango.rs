//! Mango v4: the engine's rule set against the venue's own worked examples, in 15 decimals.

use anyhow::{Context, bail};
use engine::venue_rules::mango::MangoError;
use engine::venue_rules::mango::bankruptcy::{Debtor, Relief, SettleToken, resolve};
use engine::venue_rules::mango::fixed::{DECIMALS, Fixed};
use engine::venue_rules::mango::health::{HealthKind, PerpPosition, PerpWeights, Prices, SideWeights};
use engine::venue_rules::mango::perp::{Offer, PerpAccount, PerpMarket, liquidate};
use num_rational::BigRational;

use super::case::{Case, Outcome};
use super::exact::{ten, units};
use super::whole::{exact, verdict, whole};

/// Judges a case of a `mango_` kind.
///
/// # Errors
/// An input that is missing or out of range.
pub fn judge(case: &Case<'_>) -> anyhow::Result<Outcome> {
    match case.kind {
        "mango_perp_liq" => perp_liquidation(case),
        "mango_three_health" => three_health(case),
        "mango_bankruptcy" => bankruptcy(case),
        other => Ok(Outcome::Unsupported(other.to_owned())),
    }
}

fn fixed(case: &Case<'_>, key: &str) -> anyhow::Result<Fixed> {
    let units = units(&case.inputs.number(key)?, DECIMALS);
    Ok(Fixed::from_units(units.with_context(|| format!("inputs.{key} has more than {DECIMALS} decimals"))?)?)
}

fn real(value: Fixed) -> Option<BigRational> {
    Some(BigRational::new(value.units().into(), ten(DECIMALS)))
}

/// A weight that the case states once.
fn both(case: &Case<'_>, key: &str) -> anyhow::Result<SideWeights> {
    let weight = fixed(case, key)?;
    Ok(SideWeights { init: weight, maint: weight })
}

fn perp_liquidation(case: &Case<'_>) -> anyhow::Result<Outcome> {
    let inputs = [
        "base_asset_weight",
        "base_liab_weight",
        "overall_asset_weight",
        "positive_pnl_liq_fee",
        "spot",
        "base",
        "quote",
        "other",
        "max_base",
        "max_pnl",
        "price",
        "base_liq_fee",
        "platform_fee",
    ];
    if let Some(name) = case.unknown_key(&inputs, &["spot", "base", "quote"]) {
        return Ok(Outcome::Unsupported(name));
    }
    let weights = PerpWeights {
        asset: both(case, "base_asset_weight")?,
        liability: both(case, "base_liab_weight")?,
        overall: both(case, "overall_asset_weight")?,
    };
    let market = PerpMarket {
        weights,
        price: fixed(case, "price")?,
        base_fee: fixed(case, "base_liq_fee")? + fixed(case, "platform_fee")?,
        profit_fee: fixed(case, "positive_pnl_liq_fee")?,
    };
    let account = PerpAccount {
        spot: fixed(case, "spot")?,
        position: PerpPosition { base: whole(&case.inputs, "base")?, quote: fixed(case, "quote")? },
        other: fixed(case, "other")?,
    };
    let offer = Offer {
        base: whole::<i64>(&case.inputs, "max_base")?.unsigned_abs(),
        profit: whole(&case.inputs, "max_pnl")?,
    };
    let after = liquidate(&account, offer, &market)?;
    let numbers = [
        ("spot", real(after.spot)),
        ("base", exact(after.position.base)),
        ("quote", real(after.position.quote)),
    ];
    let stated = numbers.into_iter().filter(|(key, _)| case.expected.has(key));
    stated.map(|(key, number)| case.check(key, number)).collect::<anyhow::Result<_>>().map(Outcome::Judged)
}

/// `inputs`: a long, and a settle token whose weights are 1.
fn three_health(case: &Case<'_>) -> anyhow::Result<Outcome> {
    let inputs = ["spot", "base", "quote", "oracle", "stable", "init_w", "maint_w"];
    if let Some(name) = case.unknown_key(&inputs, &["init", "liq_end", "maint"]) {
        return Ok(Outcome::Unsupported(name));
    }
    let position = PerpPosition { base: whole(&case.inputs, "base")?, quote: fixed(case, "quote")? };
    if position.base < 0 {
        return Ok(Outcome::Unsupported(format!("{}/short", case.kind)));
    }
    let asset = SideWeights { init: fixed(case, "init_w")?, maint: fixed(case, "maint_w")? };
    let one = SideWeights { init: Fixed::ONE, maint: Fixed::ONE };
    let weights = PerpWeights { asset, liability: one, overall: one };
    let prices = Prices { oracle: fixed(case, "oracle")?, stable: fixed(case, "stable")? };
    let spot = fixed(case, "spot")?;
    let mut checks = Vec::new();
    for (key, kind) in
        [("init", HealthKind::Init), ("liq_end", HealthKind::LiquidationEnd), ("maint", HealthKind::Maint)]
    {
        checks.push(case.check(key, real(spot + position.health(prices, &weights, kind)?))?);
    }
    Ok(Outcome::Judged(checks))
}

fn bankruptcy(case: &Case<'_>) -> anyhow::Result<Outcome> {
    let inputs = [
        "settle_asset_weight",
        "settle_liab_weight",
        "settle_price",
        "insurance_price",
        "settle_token",
        "perp_quote",
        "other",
        "insurance_vault",
        "settle_limit",
        "max_liab_transfer",
        "base_liq_fee",
        "open_interest",
    ];
    let expected = [
        "error",
        "liqee_settle",
        "liqee_perp",
        "liqor_settle",
        "liqor_perp",
        "liqor_insurance",
        "socialized_loss",
    ];
    if let Some(name) = case.unknown_key(&inputs, &expected) {
        return Ok(Outcome::Unsupported(name));
    }
    let token = SettleToken {
        price: fixed(case, "settle_price")?,
        asset_weight: fixed(case, "settle_asset_weight")?,
        liability_weight: fixed(case, "settle_liab_weight")?,
    };
    let debtor = Debtor {
        settle: fixed(case, "settle_token")?,
        pnl: fixed(case, "perp_quote")?,
        other: fixed(case, "other")?,
        settle_limit: fixed(case, "settle_limit")?,
    };
    let relief = Relief {
        vault: whole(&case.inputs, "insurance_vault")?,
        insurance_price: fixed(case, "insurance_price")?,
        fee: fixed(case, "base_liq_fee")?,
        taken_max: whole(&case.inputs, "max_liab_transfer")?,
    };
    let got = resolve(&debtor, &token, &relief);
    if case.expected.has("error") {
        let error: String = case.expected.get("error")?;
        if error != "pnl_not_negative" {
            bail!("expected.error {error:?} is not known");
        }
        return Ok(Outcome::Judged(vec![verdict("error", true, got == Err(MangoError::PnlNotNegative))]));
    }
    let got = got?;
    let taken = got.settled + got.insured;
    Ok(Outcome::Judged(vec![
        case.check("liqee_settle", real(debtor.settle - got.settled))?,
        case.check("liqee_perp", real(debtor.pnl + taken + got.socialized))?,
        case.check("liqor_settle", real(got.settled))?,
        case.check("liqor_perp", real(-taken))?,
        case.check("liqor_insurance", exact(got.insurance))?,
        case.check("socialized_loss", real(got.socialized))?,
    ]))
}
