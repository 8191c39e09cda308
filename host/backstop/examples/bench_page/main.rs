//! One page of what the benches measured: `bench_page [folder] [--json]`.
//!
//! Reads every `*.jsonl` of the folder (`target/bench` if none is given) and writes `index.html` beside them. A summary goes to the
//! terminal, or one JSON document of all figures. Exit status 1 if the figures contradict themselves; the page then says where.

mod canvas;
mod chart;
mod conclusion;
mod duel;
mod figures;
mod html;
mod lines;
mod numbers;
mod section;
mod sections;
mod terminal;
#[cfg(test)]
mod tests;
mod verdict;

use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::Context;
use clap::Parser;

use figures::Figures;
use section::{Part, Section};

/// Writes `index.html`, one page of what the benches measured, beside their figures.
#[derive(Parser)]
struct Arguments {
    /// Folder of the benches' *.jsonl files.
    #[arg(default_value = "target/bench")]
    folder: PathBuf,
    /// Prints all figures as one JSON document instead of the summary.
    #[arg(long)]
    json: bool,
}

fn main() -> ExitCode {
    run(&Arguments::parse()).unwrap_or_else(|error| {
        eprintln!("bench_page: {error:#}");
        ExitCode::FAILURE
    })
}

fn run(arguments: &Arguments) -> anyhow::Result<ExitCode> {
    let figures = Figures::read(&arguments.folder)?;
    let sections = all(&figures)?;
    let page = arguments.folder.join("index.html");
    std::fs::write(&page, html::page(&sections))
        .with_context(|| format!("{} cannot be written", page.display()))?;
    print(arguments, &figures, &sections, &page).or_else(broken_pipe_is_fine)?;
    let alarms: Vec<&String> = sections.iter().flat_map(Section::alarms).collect();
    for alarm in &alarms {
        eprintln!("bench_page: ERROR: {alarm}");
    }
    Ok(if alarms.is_empty() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

/// The sections of the page in their order; warnings about the files stand in the first.
fn all(figures: &Figures) -> anyhow::Result<Vec<Section>> {
    let mut sections = sections::all(figures).map_err(anyhow::Error::msg)?;
    let mut first = conclusion::section(figures);
    let alarms: Vec<Part> = sections.iter().flat_map(Section::alarms).cloned().map(Part::Alarm).collect();
    first.parts.splice(0..0, alarms);
    first.parts.extend(figures.warnings.iter().map(|warning| Part::Quiet(format!("Warning: {warning}."))));
    for section in &mut sections {
        section.parts.retain(|part| !matches!(part, Part::Alarm(_)));
    }
    sections.insert(0, first);
    Ok(sections)
}

fn print(arguments: &Arguments, figures: &Figures, sections: &[Section], page: &Path) -> io::Result<()> {
    let mut out = io::stdout().lock();
    if arguments.json {
        let document = serde_json::json!({ "figures": figures, "sections": sections });
        serde_json::to_writer_pretty(&mut out, &document)?;
        return writeln!(out);
    }
    out.write_all(terminal::text(sections).as_bytes())?;
    writeln!(out, "Page: {}", page.display())
}

/// Whoever reads the output may stop early.
fn broken_pipe_is_fine(error: io::Error) -> io::Result<()> {
    if error.kind() == io::ErrorKind::BrokenPipe { Ok(()) } else { Err(error) }
}
