//! Conformance: the margin model against case files, worked examples that others wrote down.
//!
//! A case is brought into the model's integers (lot, quantum, scale), judged by the model's own functions, and the
//! result is compared with the expected number as an exact rational, within the tolerance that the case states.
//! What the model cannot express is counted by name and never as passed.

mod case;
mod documents;
mod drift;
mod dydx;
mod exact;
mod liquidation;
mod mango;
mod report;
mod tiers;
mod whole;

use std::path::{Path, PathBuf};

use anyhow::{Context, bail};

pub use report::{Failure, Report, Tally};

/// Runs every `*.json` below `dirs`, in the order of their paths.
///
/// # Errors
/// A path that is missing or holds no case file; a file that is not one, naming the file, the case and the key.
pub fn run(dirs: &[PathBuf]) -> anyhow::Result<Report> {
    let mut report = Report::default();
    for dir in dirs {
        let files = case_files(dir)?;
        if files.is_empty() {
            bail!("{}: no case file (*.json) in it", dir.display());
        }
        for file in files {
            run_file(&file, &mut report)?;
        }
    }
    Ok(report)
}

fn run_file(file: &Path, report: &mut Report) -> anyhow::Result<()> {
    let name = || file.display().to_string();
    let text = std::fs::read_to_string(file).with_context(name)?;
    for case in case::read(&text).with_context(name)? {
        let outcome = match case.kind {
            "tiered_maintenance_margin" => tiers::maintenance_margin(&case),
            "maintenance_amount" => tiers::maintenance_amount(&case),
            "okx_scaled_mr7" => tiers::scaled_cost(&case),
            "deribit_mm_rate" => tiers::linear_rate(&case),
            "liquidation_price" => liquidation::price(&case),
            kind if kind.starts_with("drift_") => drift::judge(&case),
            kind if kind.starts_with("mango_") => mango::judge(&case),
            kind if dydx::has(kind) => dydx::judge(&case),
            kind if documents::has(kind) => documents::judge(&case),
            other => Ok(case::Outcome::Unsupported(other.to_owned())),
        };
        let outcome = outcome.with_context(|| case.id.to_owned()).with_context(name)?;
        report.count(&case, outcome);
    }
    Ok(())
}

/// The `*.json` files of a tree, sorted; a path that names a file stands for itself. Links to folders are not followed.
fn case_files(path: &Path) -> anyhow::Result<Vec<PathBuf>> {
    let context = || path.display().to_string();
    if std::fs::metadata(path).with_context(context)?.is_file() {
        return Ok(vec![path.to_owned()]);
    }
    let mut files = Vec::new();
    let mut folders = vec![path.to_owned()];
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(&folder).with_context(|| folder.display().to_string())? {
            let entry = entry.with_context(|| folder.display().to_string())?;
            let path = entry.path();
            if entry.file_type().with_context(context)?.is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|extension| extension == "json") {
                files.push(path);
            }
        }
    }
    files.sort();
    Ok(files)
}

#[cfg(test)]
mod tests;
