//! A section of the page, before it is HTML, text or JSON.

use serde::{Serialize, Serializer};

use super::figures::{Figures, Measured};
use super::lines::Line;

#[derive(Debug, Serialize)]
pub struct Section {
    pub title: String,
    pub parts: Vec<Part>,
}

#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Part {
    Words(String),
    /// Small words: machines, how to read a picture.
    Quiet(String),
    /// The figures contradict themselves.
    Alarm(String),
    Table(Table),
    /// SVG.
    #[serde(serialize_with = "without_the_drawing")]
    Plot(String),
}

#[derive(Clone, Debug, Default, Serialize)]
pub struct Table {
    pub columns: Vec<String>,
    pub rows: Vec<Vec<String>>,
}

/// The figures that it shows are in the document already.
fn without_the_drawing<S: Serializer>(svg: &str, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_str(&format!("{} bytes of SVG on the page", svg.len()))
}

impl Table {
    pub fn new<const N: usize>(columns: [&str; N]) -> Self {
        Self { columns: columns.map(str::to_string).to_vec(), rows: Vec::new() }
    }

    /// Whether a column holds words: a cell starts neither with a digit nor with the dash of a missing number.
    pub fn is_name(&self, column: usize) -> bool {
        self.rows.iter().any(|row| !row[column].starts_with(|c: char| c.is_ascii_digit() || c == '-'))
    }

    pub fn row<const N: usize>(&mut self, cells: [String; N]) {
        self.rows.push(cells.to_vec());
    }
}

impl Section {
    pub fn new(title: &str) -> Self {
        Self { title: title.to_string(), parts: Vec::new() }
    }

    pub fn words(&mut self, text: impl Into<String>) {
        self.parts.push(Part::Words(text.into()));
    }

    pub fn quiet(&mut self, text: impl Into<String>) {
        self.parts.push(Part::Quiet(text.into()));
    }

    pub fn alarm(&mut self, text: impl Into<String>) {
        self.parts.push(Part::Alarm(text.into()));
    }

    pub fn plot(&mut self, svg: String) {
        self.parts.push(Part::Plot(svg));
    }

    /// Nothing if it has no rows.
    pub fn table(&mut self, table: Table) {
        if !table.rows.is_empty() {
            self.parts.push(Part::Table(table));
        }
    }

    pub fn alarms(&self) -> impl Iterator<Item = &String> {
        self.parts.iter().filter_map(|part| match part {
            Part::Alarm(text) => Some(text),
            _ => None,
        })
    }

    /// Machine, date and load of these lines; that there are none, if so.
    pub fn machines<T: Line>(&mut self, figures: &Figures, lines: &[Measured<T>]) {
        if lines.is_empty() {
            return self.quiet(format!("No lines of kind `{}`: not measured.", T::KIND));
        }
        let hosts = figures.hosts_of(lines);
        for host in &hosts {
            let small =
                if host.mode == "full" { "" } else { " A small run: these figures are not to be quoted." };
            self.quiet(format!(
                "{}: {}, {} cores, {}, load average {}, {} run.{small}",
                host.name, host.cpu, host.cores, host.date, host.load, host.mode
            ));
        }
        if hosts.is_empty() {
            self.quiet(format!("The machine of the `{}` lines is not stated.", T::KIND));
        }
    }
}
