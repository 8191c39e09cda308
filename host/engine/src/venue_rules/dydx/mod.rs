//! dYdX v4: integers throughout, a named rounding at every step. Quote quantums are 1e-6 USDC, base quantums `10^atomic_resolution` of
//! the coin, rates parts per million.

pub mod deleveraging;
pub mod funding;
pub mod liquidation;
pub mod margin;
pub mod risk;

use model::units::OutOfRange;

use margin::{LiquidityTier, Market, Requirement};
use risk::Risk;

/// Parts per million in one.
pub const ONE_MILLION: u32 = 1_000_000;

/// Why a rule gives no number.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
pub enum DydxError {
    #[error("{0} does not fit its width: state price or size in larger units")]
    Width(&'static str),
    #[error(transparent)]
    Range(#[from] OutOfRange),
    #[error("perpetual {0} is not listed: list it with its price and liquidity tier")]
    Unlisted(u32),
    #[error(
        "a position of {size} cannot be closed by {delta}: the change has the other sign and is no larger"
    )]
    PositionSizeDelta { size: i128, delta: i128 },
    #[error("positions of {liquidated} and {offsetting} cannot be offset by {delta}: it must reduce both")]
    OffsetDelta { liquidated: i128, offsetting: i128, delta: i128 },
    #[error("the account has no maintenance requirement, so no zero price: close its positions first")]
    NoRequirement,
    #[error("the spread of a fillable price exceeds the position's value: lower the spread ratio")]
    NegativePrice,
    #[error("a fill of nothing has no insurance delta")]
    EmptyFill,
    #[error("{used} of a block limit of {limit} is already used: wait for the next block")]
    LimitExceeded { used: u64, limit: u64 },
    #[error("the {0} account would be riskier than before")]
    UpdateRejected(&'static str),
}

/// A listed perpetual.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Perpetual {
    pub id: u32,
    pub market: Market,
    pub tier: LiquidityTier,
    /// Base quantums.
    pub open_interest: u128,
}

/// A position in base quantums, below zero for a short.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Position {
    pub perpetual: u32,
    pub size: i128,
}

/// Quote balance and open positions, at most one a perpetual, none of size zero.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct Subaccount {
    pub quote_balance: i128,
    pub positions: Vec<Position>,
}

impl Perpetual {
    /// Risk of a position: its value, toward zero, and its requirements.
    ///
    /// # Errors
    /// [`DydxError::Width`].
    pub fn risk(&self, size: i128) -> Result<Risk, DydxError> {
        let net_collateral = self.market.quote_trunc(size)?;
        let signed = |value: u128, what| i128::try_from(value).map_err(|_| DydxError::Width(what));
        let open_interest =
            self.market.quote_trunc(signed(self.open_interest, "open interest")?)?.unsigned_abs();
        let Requirement { initial, maintenance } =
            self.tier.requirement_ceil(net_collateral.unsigned_abs(), open_interest);
        let [initial, maintenance] = [initial, maintenance].map(|amount| signed(amount, "a requirement"));
        Ok(Risk { net_collateral, initial: initial?, maintenance: maintenance? })
    }
}

/// The perpetual of that id.
///
/// # Errors
/// [`DydxError::Unlisted`].
pub fn listed(perpetuals: &[Perpetual], id: u32) -> Result<&Perpetual, DydxError> {
    perpetuals.iter().find(|perpetual| perpetual.id == id).ok_or(DydxError::Unlisted(id))
}

impl Subaccount {
    /// Size of the position in a perpetual; 0 for none.
    pub fn size(&self, perpetual: u32) -> i128 {
        self.positions
            .iter()
            .find(|position| position.perpetual == perpetual)
            .map_or(0, |position| position.size)
    }

    /// Net collateral and requirements: the balance and every position's.
    ///
    /// # Errors
    /// [`DydxError::Unlisted`], [`DydxError::Width`].
    pub fn risk(&self, perpetuals: &[Perpetual]) -> Result<Risk, DydxError> {
        let mut risk = Risk { net_collateral: self.quote_balance, initial: 0, maintenance: 0 };
        for position in &self.positions {
            let of = listed(perpetuals, position.perpetual)?.risk(position.size)?;
            risk = risk.plus(&of).ok_or(DydxError::Width("a risk"))?;
        }
        Ok(risk)
    }

    /// The account after a position changed by `delta` for `quote`. A position that ends at zero is gone.
    ///
    /// # Errors
    /// [`DydxError::Width`].
    pub fn traded(&self, perpetual: u32, delta: i128, quote: i128) -> Result<Self, DydxError> {
        let sum = |a: i128, b| a.checked_add(b).ok_or(DydxError::Width("a balance"));
        let size = sum(self.size(perpetual), delta)?;
        let mut positions: Vec<Position> =
            self.positions.iter().filter(|position| position.perpetual != perpetual).copied().collect();
        if size != 0 {
            positions.push(Position { perpetual, size });
        }
        Ok(Self { quote_balance: sum(self.quote_balance, quote)?, positions })
    }
}

#[cfg(test)]
mod tests;
