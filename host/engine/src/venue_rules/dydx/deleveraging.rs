//! Deleveraging: a position is offset against one of the other side, at the zero price, or at the oracle price in final settlement.

use super::liquidation::{Close, zero_price_quote};
use super::{DydxError, Perpetual, Subaccount, listed};

/// Price at which positions are offset.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum OffsetPrice {
    Bankruptcy,
    Oracle,
}

/// At which price an account of this net collateral is deleveraged: at the bankruptcy price below zero, at the oracle price if its market settles
/// for good, otherwise not at all.
pub const fn offset_price(net_collateral: i128, is_final_settlement: bool) -> Option<OffsetPrice> {
    if net_collateral < 0 {
        Some(OffsetPrice::Bankruptcy)
    } else if is_final_settlement {
        Some(OffsetPrice::Oracle)
    } else {
        None
    }
}

/// Liquidated and offsetting account after `close`, which changes the one by its delta and the other by the opposite, for the same
/// quote quantums.
///
/// # Errors
/// [`DydxError::OffsetDelta`] unless it reduces both positions, [`DydxError::UpdateRejected`] if one account may not make the change.
pub fn deleverage(
    liquidated: &Subaccount,
    offsetting: &Subaccount,
    perpetuals: &[Perpetual],
    close: Close,
    price: OffsetPrice,
) -> Result<(Subaccount, Subaccount), DydxError> {
    let Close { perpetual, delta } = close;
    let (size, other) = (liquidated.size(perpetual), offsetting.size(perpetual));
    let is_reduced = |size: i128, delta: i128| {
        size.signum() * delta.signum() == -1 && delta.unsigned_abs() <= size.unsigned_abs()
    };
    if !is_reduced(size, delta) || !is_reduced(other, -delta) {
        return Err(DydxError::OffsetDelta { liquidated: size, offsetting: other, delta });
    }
    let quote = match price {
        OffsetPrice::Bankruptcy => zero_price_quote(liquidated, perpetuals, close)?,
        OffsetPrice::Oracle => -listed(perpetuals, perpetual)?.market.quote_trunc(delta)?,
    };
    let after = liquidated.traded(perpetual, delta, quote)?;
    let other_after = offsetting.traded(perpetual, -delta, -quote)?;
    for (name, old, new) in [("liquidated", liquidated, &after), ("offsetting", offsetting, &other_after)] {
        if !old.risk(perpetuals)?.may_become(&new.risk(perpetuals)?) {
            return Err(DydxError::UpdateRejected(name));
        }
    }
    Ok((after, other_after))
}
