//! Prices, limits and order of liquidations, the insurance fund, deleveraging.

use std::num::NonZeroU32;

use anyhow::{Context, bail};
use engine::insurance::waterfall::{ClosingLeg, settle_isolated_pool};
use engine::ratio::Ratio;
use engine::venue_rules::dydx::deleveraging::{OffsetPrice, deleverage, offset_price};
use engine::venue_rules::dydx::liquidation::{
    Close, Fill, FillablePriceConfig, PositionLimits, QueuedOrder, Ticks, block_room, fillable_price,
    insurance_fund_delta, insurance_lost, is_delta_valid, sort_orders, zero_price_quote,
};
use engine::venue_rules::dydx::{Perpetual, Position, Subaccount};
use num_bigint::BigInt;
use num_rational::BigRational;

use super::super::case::{Case, Check, Fields};
use super::super::exact::rational;
use super::super::whole::{exact, verdict, whole};
use super::{Kind, account, inner_account, number_or_refusal, objects, one, perpetuals, refused, yes_or_no};

pub fn kind(name: &str) -> Option<Kind> {
    Some(match name {
        "bankruptcy_price" => (
            &["perpetuals", "quote_balance", "positions", "perpetual_id", "delta_quantums"],
            &["quote_quantums", "error"],
            |case| {
                let quote = zero_price_quote(&account(&case.inputs)?, &perpetuals(case)?, close(case)?);
                Ok(vec![number_or_refusal(case, "quote_quantums", "error", quote)?])
            },
        ),
        "fillable_price" => (
            &["perpetuals", "quote_balance", "positions", "perpetual_id", "delta_quantums", "config"],
            &["price_num", "price_den", "error"],
            fillable,
        ),
        "fillable_price_to_subticks" => (
            &[
                "price_num",
                "price_den",
                "is_liquidating_long",
                "subticks_per_tick",
                "quantum_conversion_exponent",
            ],
            &["subticks"],
            subticks,
        ),
        "insurance_fund_delta" => (
            &[
                "perpetuals",
                "quote_balance",
                "positions",
                "perpetual_id",
                "is_buy",
                "fill_amount",
                "subticks",
                "quantum_conversion_exponent",
                "max_liquidation_fee_ppm",
            ],
            &["delta"],
            insurance_delta,
        ),
        "insurance_delta_valid" => (&["balance", "delta"], &["valid"], |case| {
            let [balance, delta] = ["balance", "delta"].map(|key| whole::<i128>(&case.inputs, key));
            let balance = u128::try_from(balance?).context("inputs.balance is negative")?;
            Ok(vec![yes_or_no(case, "valid", is_delta_valid(balance, delta?))?])
        }),
        "position_notional_limits" => (
            &[
                "perpetuals",
                "base_quantums",
                "min_position_notional_liquidated",
                "max_position_portion_liquidated_ppm",
            ],
            &["min", "max"],
            position_limits,
        ),
        "subaccount_block_limits" => (
            &[
                "max_notional_liquidated",
                "max_insurance_lost",
                "previous_notional",
                "previous_insurance_delta",
            ],
            &["max_notional", "max_insurance_lost", "notional_error", "insurance_error"],
            block_limits,
        ),
        "can_deleverage" => (
            &["perpetuals", "account", "final_settlement"],
            &["at_bankruptcy_price", "at_oracle_price"],
            can_deleverage,
        ),
        "process_deleveraging" => (
            &["perpetuals", "liquidated", "offsetting", "perpetual_id", "delta_quantums", "price_mode"],
            &["liquidated", "offsetting", "accepted", "error"],
            process_deleveraging,
        ),
        "liquidation_sort" => (&["oracle_price_cents", "orders"], &["order"], sort),
        "isolated_pool_waterfall" => (
            &["pool", "insurance_balance", "legs"],
            &[
                "insurance_delta",
                "transfer_to_cross_pool",
                "pool_after",
                "ok_insurance_first",
                "ok_transfer_first",
                "available_if_transfer_first",
            ],
            isolated_pool,
        ),
        _ => return None,
    })
}

fn close(case: &Case<'_>) -> anyhow::Result<Close> {
    Ok(Close {
        perpetual: whole(&case.inputs, "perpetual_id")?,
        delta: whole(&case.inputs, "delta_quantums")?,
    })
}

fn fillable(case: &Case<'_>) -> anyhow::Result<Vec<Check>> {
    let config = Fields::new("inputs.config", case.inputs.get("config")?)?;
    let config = FillablePriceConfig {
        bankruptcy_adjustment_ppm: whole(&config, "bankruptcy_adjustment_ppm")?,
        spread_to_maintenance_margin_ratio_ppm: whole(&config, "spread_to_maintenance_margin_ratio_ppm")?,
    };
    let price = fillable_price(&account(&case.inputs)?, &perpetuals(case)?, close(case)?, &config);
    if case.expected.has("error") {
        return Ok(vec![refused(case, "error", price.err())?]);
    }
    let got = price.ok().map(|price| rational(&price));
    let part = |got: Option<&BigInt>| got.map(|part| BigRational::from(part.clone()));
    Ok(vec![
        case.check("price_num", part(got.as_ref().map(BigRational::numer)))?,
        case.check("price_den", part(got.as_ref().map(BigRational::denom)))?,
    ])
}

fn subticks(case: &Case<'_>) -> anyhow::Result<Vec<Check>> {
    let [numerator, denominator] = ["price_num", "price_den"].map(|key| whole::<u128>(&case.inputs, key));
    let price =
        Ratio::of_products(false, [numerator?, 1], [denominator?, 1]).context("inputs.price_den is zero")?;
    let ticks = Ticks {
        subticks_per_tick: NonZeroU32::new(whole(&case.inputs, "subticks_per_tick")?)
            .context("inputs.subticks_per_tick is zero")?,
        quantum_conversion_exponent: whole(&case.inputs, "quantum_conversion_exponent")?,
    };
    one(case, "subticks", ticks.subticks(&price, case.inputs.get("is_liquidating_long")?)?)
}

fn insurance_delta(case: &Case<'_>) -> anyhow::Result<Vec<Check>> {
    let fill = Fill {
        perpetual: whole(&case.inputs, "perpetual_id")?,
        is_buy: case.inputs.get("is_buy")?,
        amount: whole(&case.inputs, "fill_amount")?,
        subticks: whole(&case.inputs, "subticks")?,
    };
    // The grid's tick does not matter to a price that is given in subticks.
    let ticks = Ticks {
        subticks_per_tick: NonZeroU32::MIN,
        quantum_conversion_exponent: whole(&case.inputs, "quantum_conversion_exponent")?,
    };
    let fee = whole(&case.inputs, "max_liquidation_fee_ppm")?;
    one(case, "delta", insurance_fund_delta(&account(&case.inputs)?, &perpetuals(case)?, &fill, &ticks, fee)?)
}

fn position_limits(case: &Case<'_>) -> anyhow::Result<Vec<Check>> {
    let perpetuals = perpetuals(case)?;
    let [Perpetual { market, .. }] = perpetuals[..] else { bail!("inputs.perpetuals is not of one") };
    let limits = PositionLimits {
        min_notional: whole(&case.inputs, "min_position_notional_liquidated")?,
        max_portion_ppm: whole(&case.inputs, "max_position_portion_liquidated_ppm")?,
    };
    let notional = market.quote_trunc(whole(&case.inputs, "base_quantums")?)?;
    let (min, max) = limits.bounds(notional.unsigned_abs());
    Ok(vec![case.check("min", exact(min))?, case.check("max", exact(max))?])
}

fn block_limits(case: &Case<'_>) -> anyhow::Result<Vec<Check>> {
    let lost = u64::try_from(insurance_lost(whole(&case.inputs, "previous_insurance_delta")?))?;
    let notional = block_room(
        whole(&case.inputs, "max_notional_liquidated")?,
        whole(&case.inputs, "previous_notional")?,
    );
    let insurance = block_room(whole(&case.inputs, "max_insurance_lost")?, lost);
    Ok(vec![
        number_or_refusal(case, "max_notional", "notional_error", notional)?,
        number_or_refusal(case, "max_insurance_lost", "insurance_error", insurance)?,
    ])
}

fn can_deleverage(case: &Case<'_>) -> anyhow::Result<Vec<Check>> {
    let risk = inner_account(&case.inputs, "account")?.risk(&perpetuals(case)?)?;
    let price = offset_price(risk.net_collateral, case.inputs.get("final_settlement")?);
    Ok(vec![
        yes_or_no(case, "at_bankruptcy_price", price == Some(OffsetPrice::Bankruptcy))?,
        yes_or_no(case, "at_oracle_price", price == Some(OffsetPrice::Oracle))?,
    ])
}

fn process_deleveraging(case: &Case<'_>) -> anyhow::Result<Vec<Check>> {
    let price = match case.inputs.get::<&str>("price_mode")? {
        "bankruptcy" => OffsetPrice::Bankruptcy,
        "oracle" => OffsetPrice::Oracle,
        other => bail!("inputs.price_mode {other:?} is not known"),
    };
    let result = deleverage(
        &inner_account(&case.inputs, "liquidated")?,
        &inner_account(&case.inputs, "offsetting")?,
        &perpetuals(case)?,
        close(case)?,
        price,
    );
    if case.expected.has("error") {
        return Ok(vec![refused(case, "error", result.err())?]);
    }
    let mut checks = Vec::new();
    if case.expected.has("accepted") {
        checks.push(yes_or_no(case, "accepted", result.is_ok())?);
    }
    let (liquidated, offsetting) = result.map_or((None, None), |(one, other)| (Some(one), Some(other)));
    for (key, got) in [("liquidated", liquidated), ("offsetting", offsetting)] {
        if case.expected.has(key) {
            checks.extend(same_account(key, inner_account(&case.expected, key)?, got));
        }
    }
    Ok(checks)
}

/// The balance, and whether the positions are the same.
fn same_account(key: &'static str, expected: Subaccount, got: Option<Subaccount>) -> [Check; 2] {
    let sorted = |mut positions: Vec<Position>| {
        positions.sort_unstable_by_key(|position| position.perpetual);
        positions
    };
    let balance = Check {
        key,
        expected: BigRational::from(BigInt::from(expected.quote_balance)),
        got: got.as_ref().and_then(|account| exact(account.quote_balance)),
        tolerance: BigRational::default(),
    };
    let is_same = got.is_some_and(|account| sorted(account.positions) == expected.positions);
    [balance, verdict(key, true, is_same)]
}

fn sort(case: &Case<'_>) -> anyhow::Result<Vec<Check>> {
    let oracle_price = whole(&case.inputs, "oracle_price_cents")?;
    let (mut names, mut orders) = (Vec::new(), Vec::new());
    let known = ["order", "is_buy", "base_quantums", "price_cents"];
    for (id, fields) in objects(&case.inputs, "orders", &known)?.iter().enumerate() {
        names.push(fields.get::<&str>("order")?);
        let price: u64 = whole(fields, "price_cents")?;
        let notional = u128::from(whole::<u64>(fields, "base_quantums")?) * u128::from(price);
        orders.push(QueuedOrder { id: id as u64, price, oracle_price, notional });
    }
    sort_orders(&mut orders);
    let sorted: Vec<&str> = orders.iter().map(|order| names[order.id as usize]).collect();
    Ok(vec![verdict("order", true, case.expected.get::<Vec<&str>>("order")? == sorted)])
}

fn isolated_pool(case: &Case<'_>) -> anyhow::Result<Vec<Check>> {
    let mut legs = Vec::new();
    for fields in objects(&case.inputs, "legs", &["side", "quote", "match_quote"])? {
        let match_quote: i128 = whole(&fields, "match_quote")?;
        let match_quote = match fields.get::<&str>("side")? {
            "buy" => -match_quote,
            "sell" => match_quote,
            other => bail!("inputs.legs.side {other:?} is not known"),
        };
        legs.push(ClosingLeg { quote: whole(&fields, "quote")?, match_quote });
    }
    let pool = whole(&case.inputs, "pool")?;
    let settled = settle_isolated_pool(pool, whole(&case.inputs, "insurance_balance")?, &legs);
    let paid = -BigRational::from(BigInt::from(settled.insurance));
    Ok(vec![
        case.check("insurance_delta", Some(paid))?,
        case.check("transfer_to_cross_pool", exact(settled.transfer))?,
        case.check("pool_after", exact(settled.pool_after))?,
        yes_or_no(case, "ok_insurance_first", settled.is_covered_insurance_first)?,
        yes_or_no(case, "ok_transfer_first", settled.is_covered_transfer_first)?,
        case.check("available_if_transfer_first", exact(settled.available_transfer_first))?,
    ])
}
