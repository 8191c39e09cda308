//! What the device says, held against the ledger before anything is decided on it.

use anyhow::bail;
use device::Coverage;
use engine::Engine;
use engine::event::{Change, Due, Flag, Update};

/// Device and ledger do not say the same: the device is lost before anything is decided on its word. From the host's own computation it is
/// the end of the run.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
#[error("device and ledger disagree on {accounts} accounts, and nothing was decided on it: {first}")]
pub struct Disagreement {
    pub accounts: u64,
    pub(super) first: String,
}

/// Every applied mark, funding payment and change of brackets is given as many verdicts as the ledger owes it.
///
/// # Errors
/// The first of which that is not so.
pub fn compare_coverage(dues: &[Due], given: &[Coverage]) -> anyhow::Result<()> {
    let given =
        given.iter().map(|g| Due { sequence: g.sequence, instrument: g.instrument, holders: g.holders });
    if let Some((due, given)) = dues.iter().copied().zip(given.clone()).find(|(due, given)| due != given) {
        bail!("event {} is owed {} verdicts, the device gave {}", due.sequence, due.holders, given.holders);
    }
    if dues.len() != given.len() {
        bail!("{} sweeps are owed, the device gave receipts of {}", dues.len(), given.len());
    }
    Ok(())
}

/// E, R and severity of every flag that nothing in the round has overtaken are the ledger's.
///
/// # Errors
/// [`Disagreement`] if they are not.
pub fn compare_flags(
    engine: &Engine,
    updates: &[Update],
    flags: &[Flag],
    round: u64,
) -> Result<(), Disagreement> {
    let mut differences = 0;
    let mut first = String::new();
    for flag in flags {
        let Some(index) = engine.ledger().find(flag.account) else { continue };
        let overtaken =
            updates.iter().rev().take_while(|update| update.sequence > flag.sequence).any(|update| {
                match update.change {
                    Change::Mark { instrument, .. }
                    | Change::Funding { instrument, .. }
                    | Change::Brackets { instrument, .. } => {
                        engine.ledger().margin(index).size(instrument) != 0
                    }
                    Change::Position { account, .. }
                    | Change::Cash { account, .. }
                    | Change::Offset { account, .. } => account == flag.account,
                    Change::List { .. } => false,
                }
            });
        let exact = engine.exact(index);
        let said = (flag.severity_new, flag.equity, flag.requirement);
        if !overtaken && said != (exact.severity as u8, exact.equity, exact.requirement) {
            if differences == 0 {
                first = format!(
                    "round {round}: the device flags account {} at severity {}, E {}, R {}; the ledger says {}, {}, {}",
                    flag.account.0,
                    said.0,
                    said.1,
                    said.2,
                    exact.severity as u8,
                    exact.equity,
                    exact.requirement
                );
            }
            differences += 1;
        }
    }
    if differences == 0 { Ok(()) } else { Err(Disagreement { accounts: differences, first }) }
}
