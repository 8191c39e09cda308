//! Binance USD-margined futures: the native rule, but the line itself liquidates, and brackets state their maintenance amounts.

use model::margin::{Rungs, Severity, severity};
use model::tier::{TierError, TierTable};
use model::units::Scale;

/// A margin ratio that reaches 100 % liquidates; no lower ratio ends the orders on the book before nothing is left.
pub const RUNGS: Rungs = Rungs { rungs: [256, 256, 1], equality: true };

/// A bracket as published, quanta and rate over the scale.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Bracket {
    pub floor: u64,
    pub maintenance_rate: u32,
    /// "Maintenance amount": what is taken off `notional * rate`.
    pub maintenance_amount: u64,
}

/// Why published brackets are no tier table.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
pub enum BracketError {
    #[error(transparent)]
    Tiers(#[from] TierError),
    #[error(
        "bracket {index}: maintenance amount {stated} does not continue the bracket below, {continued} quanta / scale does; check the table's units"
    )]
    Amount { index: usize, stated: u64, continued: u128 },
}

/// The tier table of published brackets.
///
/// # Errors
/// [`BracketError`] if they are no table, or state an amount that makes the margin jump.
pub fn table(scale: Scale, brackets: &[Bracket]) -> Result<TierTable, BracketError> {
    let rates: Vec<(u64, u32)> =
        brackets.iter().map(|bracket| (bracket.floor, bracket.maintenance_rate)).collect();
    let table = TierTable::new(scale, &rates)?;
    for (index, (bracket, tier)) in brackets.iter().zip(table.steps().as_slice()).enumerate() {
        let stated = bracket.maintenance_amount;
        if u128::from(stated) * u128::from(scale.get()) != tier.deduction {
            return Err(BracketError::Amount { index, stated, continued: tier.deduction });
        }
    }
    Ok(table)
}

/// True if the margin ratio, maintenance over equity, has reached 100 %. Both in quanta / scale.
pub fn is_liquidatable(equity: i128, maintenance: i128) -> bool {
    severity(equity, maintenance, 0, &RUNGS) >= Severity::Liquidatable
}

#[cfg(test)]
mod tests {
    use super::*;

    const BRACKETS: [Bracket; 3] = [
        Bracket { floor: 0, maintenance_rate: 4, maintenance_amount: 0 },
        Bracket { floor: 50_000, maintenance_rate: 5, maintenance_amount: 50 },
        Bracket { floor: 600_000, maintenance_rate: 10, maintenance_amount: 3_050 },
    ];

    fn scale() -> Scale {
        Scale::new(1_000).unwrap()
    }

    #[test]
    fn published_amounts_are_those_of_the_table() {
        let table = table(scale(), &BRACKETS).unwrap();
        assert_eq!(table.requirement(50_000), 200_000);
        assert_eq!(table.requirement(700_000), 700_000 * 10 - 3_050_000);
    }

    #[test]
    fn an_amount_that_makes_the_margin_jump_is_named() {
        for index in 0..3 {
            let mut brackets = BRACKETS;
            brackets[index].maintenance_amount += 1;
            let stated = brackets[index].maintenance_amount;
            let continued = u128::from(BRACKETS[index].maintenance_amount) * 1_000;
            assert_eq!(table(scale(), &brackets), Err(BracketError::Amount { index, stated, continued }));
        }
        assert_eq!(table(scale(), &[]), Err(BracketError::Tiers(TierError::Count(0))));
    }

    #[test]
    fn the_line_itself_liquidates() {
        assert!(!is_liquidatable(101, 100));
        assert!(is_liquidatable(100, 100));
        assert!(is_liquidatable(99, 100));
        assert!(!is_liquidatable(0, 0));
        assert!(is_liquidatable(-1, 0));
    }
}
