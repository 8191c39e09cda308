//! `backstop rules`: what is asked of rules files, and the answer.

use std::path::{Path, PathBuf};

use clap::{Subcommand, ValueEnum};
use serde_json::json;

use super::import::{self, binance, dydx};
use super::{Faults, RulesFileError, built_in, load, show, write};
use crate::replay::Request;

/// What can be done with rules files.
#[derive(Subcommand)]
pub enum RulesCommand {
    /// List everything that is wrong with rules files
    Check {
        #[arg(required = true)]
        files: Vec<PathBuf>,
        /// Print one JSON object
        #[arg(long)]
        json: bool,
    },
    /// Show a rule set with every tier, its deduction and leverage; without FILE the built-in one
    Show {
        file: Option<PathBuf>,
        /// Print one JSON object
        #[arg(long)]
        json: bool,
    },
    /// Make a rules file of a venue's published parameters
    Import {
        /// What INPUT is
        #[arg(long, value_enum)]
        format: Format,
        input: PathBuf,
        /// Only these symbols, comma-separated
        #[arg(long, value_delimiter = ',')]
        symbols: Vec<String>,
        /// Where the rules file goes, which must not exist yet; default: standard output
        #[arg(long, value_name = "FILE")]
        out: Option<PathBuf>,
    },
}

/// A venue's own form of its parameters.
#[derive(Clone, Copy, Debug, ValueEnum)]
pub enum Format {
    /// Leverage brackets as CSV, plain or zstd
    BinanceTiers,
    /// Parameters of a genesis file, JSON
    DydxGenesis,
}

/// What is printed, and whether all is well.
#[derive(Debug)]
pub struct Answer {
    pub text: String,
    pub is_good: bool,
}

/// Does it.
///
/// # Errors
/// [`Request`] that cannot be carried out as it stands; a file that cannot be read or written, or holds no rules.
pub fn run(command: &RulesCommand) -> anyhow::Result<Answer> {
    match command {
        RulesCommand::Check { files, json } => check(files, *json),
        RulesCommand::Show { file, json } => {
            let set = match file {
                None => built_in(),
                Some(path) => {
                    must_exist(path)?;
                    load(path)?.into()
                }
            };
            let text = if *json { format!("{:#}", show::object(&set)) } else { show::table(&set) };
            Ok(Answer { text, is_good: true })
        }
        RulesCommand::Import { format, input, symbols, out } => {
            must_exist(input)?;
            if let Some(out) = out.as_ref().filter(|out| out.exists()) {
                return Err(Request(format!("{} exists already; name another", out.display())).into());
            }
            let bytes = import::bytes(input)?;
            let source = match format {
                Format::BinanceTiers => binance::read(&bytes, symbols)?,
                Format::DydxGenesis => dydx::read(&bytes, symbols)?,
            };
            let name = input.file_name().unwrap_or(input.as_os_str()).to_string_lossy();
            let (set, comment) = source.rule_set(&name)?;
            let text = write(&set, &comment);
            let Some(out) = out else { return Ok(Answer { text, is_good: true }) };
            std::fs::write(out, &text)?;
            let said = format!(
                "{comment}\n{}: {} instruments, hash {}",
                out.display(),
                set.instruments.len(),
                set.hash_text()
            );
            Ok(Answer { text: said, is_good: true })
        }
    }
}

fn check(files: &[PathBuf], json: bool) -> anyhow::Result<Answer> {
    let mut lines = Vec::new();
    let mut objects = Vec::new();
    let mut is_good = true;
    for path in files {
        must_exist(path)?;
        let file = path.display().to_string();
        match load(path) {
            Ok(set) => {
                let hash = set.hash_text();
                lines.push(format!(
                    "{file}: good: {}, version {}, {} instruments, hash {hash}",
                    set.name,
                    set.version,
                    set.instruments.len()
                ));
                objects.push(json!({ "file": file, "good": true, "name": set.name, "version": set.version, "hash": hash, "errors": [] }));
            }
            Err(RulesFileError::Faults { faults: Faults(faults), .. }) => {
                is_good = false;
                lines.push(format!("{file}: refused, {} errors", faults.len()));
                lines.extend(faults.iter().map(|fault| format!("{file}: {fault}")));
                objects.push(json!({ "file": file, "good": false, "errors": faults }));
            }
            Err(error) => return Err(error.into()),
        }
    }
    let text =
        if json { format!("{:#}", json!({ "good": is_good, "files": objects })) } else { lines.join("\n") };
    Ok(Answer { text, is_good })
}

fn must_exist(path: &Path) -> Result<(), Request> {
    if path.exists() {
        Ok(())
    } else {
        Err(Request(format!("{} does not exist; check the path", path.display())))
    }
}
