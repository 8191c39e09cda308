//! All figures of a folder, each with the file and line it came from.

use std::fs;
use std::ops::Deref;
use std::path::Path;

use anyhow::{Context, anyhow, bail, ensure};
use serde::Serialize;
use serde_json::Value;

use super::lines::{Check, Fpga, Host, Line, Mark, Pipeline, Sweep, Truth, Update};

#[derive(Debug, Serialize)]
pub struct Measured<T> {
    #[serde(flatten)]
    pub line: T,
    pub file: String,
    pub line_number: usize,
}

impl<T> Deref for Measured<T> {
    type Target = T;
    fn deref(&self) -> &T {
        &self.line
    }
}

#[derive(Debug, Default, Serialize)]
pub struct Figures {
    pub hosts: Vec<Measured<Host>>,
    pub checks: Vec<Measured<Check>>,
    pub updates: Vec<Measured<Update>>,
    pub sweeps: Vec<Measured<Sweep>>,
    pub marks: Vec<Measured<Mark>>,
    pub truths: Vec<Measured<Truth>>,
    pub pipelines: Vec<Measured<Pipeline>>,
    pub fpgas: Vec<Measured<Fpga>>,
    pub warnings: Vec<String>,
}

impl Figures {
    /// # Errors
    /// No file, an unreadable one, or a malformed line, by file and line.
    pub fn read(folder: &Path) -> anyhow::Result<Self> {
        let nothing = || format!("no *.jsonl file in {}: run `make bench` first", folder.display());
        let entries = fs::read_dir(folder).with_context(nothing)?;
        let mut paths = entries.map(|entry| Ok(entry?.path())).collect::<std::io::Result<Vec<_>>>()?;
        paths.retain(|path| path.extension().is_some_and(|extension| extension == "jsonl"));
        paths.sort();
        ensure!(!paths.is_empty(), nothing());
        let mut figures = Self::default();
        for path in paths {
            let text = fs::read_to_string(&path).with_context(|| format!("{}", path.display()))?;
            let file = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
            figures.read_text(&file, &text)?;
        }
        figures.sort();
        Ok(figures)
    }

    pub fn read_text(&mut self, file: &str, text: &str) -> anyhow::Result<()> {
        if text.trim().is_empty() {
            self.warnings.push(format!("{file} is empty"));
        }
        for (number, line) in (1..).zip(text.lines()).filter(|(_, line)| !line.trim().is_empty()) {
            self.read_line(file, number, line).with_context(|| format!("{file}, line {number}"))?;
        }
        Ok(())
    }

    fn read_line(&mut self, file: &str, number: usize, line: &str) -> anyhow::Result<()> {
        let value: Value = serde_json::from_str(line).context("not JSON")?;
        let Some(kind) = value.get("bench").and_then(Value::as_str).map(str::to_string) else {
            bail!("`bench`, the kind of the line, is missing or no text");
        };
        let at = (file, number);
        let warnings = &mut self.warnings;
        match kind.as_str() {
            Host::KIND => add(&mut self.hosts, warnings, at, value),
            Check::KIND => add(&mut self.checks, warnings, at, value),
            Update::KIND => add(&mut self.updates, warnings, at, value),
            Sweep::KIND => add(&mut self.sweeps, warnings, at, value),
            Mark::KIND => add(&mut self.marks, warnings, at, value),
            Truth::KIND => add(&mut self.truths, warnings, at, value),
            Pipeline::KIND => add(&mut self.pipelines, warnings, at, value),
            Fpga::KIND => add(&mut self.fpgas, warnings, at, value),
            unknown => {
                warnings.push(format!("{file}, line {number}: kind `{unknown}` is unknown and not shown"));
                Ok(())
            }
        }
    }

    fn sort(&mut self) {
        self.checks.sort_by_key(|line| (line.positions, !line.ours));
        self.updates.sort_by(|a, b| a.accounts.cmp(&b.accounts).then(a.ns.total_cmp(&b.ns)));
        self.sweeps.sort_by_key(|line| line.accounts);
        // Descending: "one instrument" before "all together", "spread" before "parked on the line".
        self.marks.sort_by(|a, b| {
            let populations = (&b.scope, &b.population).cmp(&(&a.scope, &a.population));
            populations.then(a.accounts.cmp(&b.accounts)).then(a.move_bp.total_cmp(&b.move_bp))
        });
        self.pipelines.sort_by_key(|line| (line.rate, line.journal));
        self.fpgas.sort_by_key(|line| (line.is_paper(), line.lanes));
    }

    /// The machine of a line: the nearest `host` line above it in its file, else the first below.
    fn host_of<T>(&self, line: &Measured<T>) -> Option<&Measured<Host>> {
        let same = || self.hosts.iter().filter(|host| host.file == line.file);
        same().rfind(|host| host.line_number < line.line_number).or_else(|| same().next())
    }

    /// The machines of these lines, each once; by name where their files state none.
    pub fn hosts_of<'a, T: Line>(&'a self, lines: &[Measured<T>]) -> Vec<&'a Measured<Host>> {
        let mut found: Vec<&Measured<Host>> = Vec::new();
        for host in lines.iter().filter_map(|line| self.host_of(line)) {
            if !found.iter().any(|known| std::ptr::eq(*known, host)) {
                found.push(host);
            }
        }
        if found.is_empty() && !lines.is_empty() {
            found = self.hosts.iter().filter(|host| host.name.contains(T::KIND)).collect();
        }
        found
    }
}

fn add<T: Line>(
    lines: &mut Vec<Measured<T>>,
    warnings: &mut Vec<String>,
    (file, number): (&str, usize),
    value: Value,
) -> anyhow::Result<()> {
    let line: T = serde_json::from_value(value)
        .map_err(|error| anyhow!("not a line of kind `{}`: {error}", T::KIND))?;
    if let Some(number) =
        line.positive().into_iter().find(|number| number.partial_cmp(&0.0).is_none_or(|o| o.is_le()))
    {
        bail!("not a line of kind `{}`: found {number} where a number above 0 is expected", T::KIND);
    }
    let measured = Measured { line, file: file.to_string(), line_number: number };
    let key = measured.key();
    if let Some(known) = lines.iter_mut().find(|known| known.key() == key) {
        let (old_file, old_number) = (&known.file, known.line_number);
        warnings.push(format!(
            "{file}, line {number} measures again what {old_file}, line {old_number} did; the later one is shown"
        ));
        *known = measured;
    } else {
        lines.push(measured);
    }
    Ok(())
}
