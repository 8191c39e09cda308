//! Rules as data: one file holds the engine's rules and the instruments they are for, read whole or refused with everything that is wrong
//! with it. The format is in `docs/rules.md`; the rules that are built in are such a file too.

mod check;
mod command;
mod curve;
mod fault;
pub mod import;
mod keys;
mod node;
mod number;
mod read;
mod rule_set;
mod show;
mod write;

use std::path::Path;
use std::sync::{Arc, LazyLock};

pub use command::{Answer, RulesCommand, run};
pub use fault::{Fault, Faults};
pub use read::parse;
pub use rule_set::{Book, Collateral, Contract, FORMAT, GridRule, Group, RuleSet, SpecError, Tiers, Trading};
pub use write::write;

/// The rules of a run that names none.
pub const DEFAULT: &str = include_str!("../../rules/default.toml");

/// Largest rules file.
const BYTES_MAX: u64 = 64 << 20;

/// Why a rules file gives no rules.
#[derive(Debug, thiserror::Error)]
pub enum RulesFileError {
    #[error("cannot read rules {path}: {source}; check the path and its permissions")]
    Read { path: String, source: std::io::Error },
    #[error("rules {path} are refused:\n{faults}")]
    Faults { path: String, faults: Faults },
}

/// The built-in rule set.
pub fn built_in() -> Arc<RuleSet> {
    static BUILT_IN: LazyLock<Arc<RuleSet>> =
        LazyLock::new(|| Arc::new(parse(DEFAULT).expect("the built-in rules are checked by a test")));
    BUILT_IN.clone()
}

/// The rule set of a file.
///
/// # Errors
/// [`RulesFileError`], with everything that is wrong.
pub fn load(path: &Path) -> Result<RuleSet, RulesFileError> {
    let name = || path.display().to_string();
    let text = text_of(path).map_err(|source| RulesFileError::Read { path: name(), source })?;
    parse(&text).map_err(|faults| RulesFileError::Faults { path: name(), faults })
}

fn text_of(path: &Path) -> std::io::Result<String> {
    let metadata = std::fs::metadata(path)?;
    if !metadata.is_file() || metadata.len() > BYTES_MAX {
        return Err(std::io::Error::other("no regular file of at most 64 MiB"));
    }
    std::fs::read_to_string(path)
}

#[cfg(test)]
mod tests;
