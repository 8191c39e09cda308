//! Funding, bankruptcy and the shares of the insurance fund.

use anyhow::bail;
use engine::venue_rules::drift::DriftError;
use engine::venue_rules::drift::funding::{
    FundingTerms, divergence_cap_floor, funding_payment_tdiv, funding_rate_tdiv,
};
use engine::venue_rules::drift::insurance::{WithdrawRequest, rebase_digits, shares_lost_by_cancel};
use engine::venue_rules::drift::loss::{
    Deposits, FundingIndex, PerpLoss, funding_delta_ceil, resolve_perp, resolve_spot,
};

use super::{Case, Check, Kind, one};
use crate::conform::whole::{exact, verdict, whole};

/// The kinds of this page.
pub fn kind(name: &str) -> Option<Kind> {
    Some(match name {
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
