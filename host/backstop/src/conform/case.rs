//! A case file: `{"cases": [...]}` whose cases name their kind, or `{"vectors": [...]}` of liquidation prices.

use std::collections::{BTreeMap, BTreeSet};

use anyhow::{Context, anyhow, bail, ensure};
use num_rational::BigRational;
use num_traits::{Signed, Zero};
use serde::Deserialize;
use serde_json::value::RawValue;

use super::exact::Exact;

/// One case, its inputs not yet read: each kind knows its own keys.
#[derive(Debug)]
pub struct Case<'a> {
    pub id: &'a str,
    pub kind: &'a str,
    /// Empty where the file does not say.
    pub venue: &'a str,
    pub inputs: Fields<'a>,
    pub expected: Fields<'a>,
    tolerance: Tolerance,
}

/// How far a result may be from the expected number.
#[derive(Clone, Debug)]
enum Tolerance {
    Absolute(BigRational),
    /// Of the expected number's magnitude.
    Relative(BigRational),
}

/// What came of a case.
#[derive(Debug)]
pub enum Outcome {
    /// One entry per expected number.
    Judged(Vec<Check>),
    /// The model has no words for it: counted under this name.
    Unsupported(String),
}

/// One expected number, and what the model says; `None`: it says there is none.
#[derive(Debug)]
pub struct Check {
    pub key: &'static str,
    pub expected: BigRational,
    pub got: Option<BigRational>,
    pub tolerance: BigRational,
}

impl Check {
    pub fn is_passed(&self) -> bool {
        self.got.as_ref().is_some_and(|got| (got - &self.expected).abs() <= self.tolerance)
    }
}

impl Case<'_> {
    /// Compares `got` with the expected number of that name.
    ///
    /// # Errors
    /// The case expects no such number.
    pub fn check(&self, key: &'static str, got: Option<BigRational>) -> anyhow::Result<Check> {
        let expected = self.expected.number(key)?;
        let tolerance = match &self.tolerance {
            Tolerance::Absolute(tolerance) => tolerance.clone(),
            Tolerance::Relative(tolerance) => tolerance * expected.abs(),
        };
        Ok(Check { key, expected, got, tolerance })
    }

    /// The first input or expected number that is not among these, under the name it is counted by.
    pub fn unknown_key(&self, inputs: &[&str], expected: &[&str]) -> Option<String> {
        let input = self.inputs.values.keys().find(|key| !inputs.contains(key));
        let other = self.expected.values.keys().find(|key| !expected.contains(key));
        input
            .map(|key| format!("{}/{key}", self.kind))
            .or_else(|| other.map(|key| format!("{}/expected {key}", self.kind)))
    }
}

/// The keys of one JSON object, with the text of their values.
#[derive(Debug)]
pub struct Fields<'a> {
    what: &'static str,
    values: BTreeMap<&'a str, &'a RawValue>,
}

impl<'a> Fields<'a> {
    pub fn new(what: &'static str, raw: &'a RawValue) -> anyhow::Result<Self> {
        let values = serde_json::from_str(raw.get()).with_context(|| format!("{what} is no object"))?;
        Ok(Self { what, values })
    }

    pub fn keys(&self) -> impl Iterator<Item = &str> {
        self.values.keys().copied()
    }

    pub fn has(&self, key: &str) -> bool {
        self.values.contains_key(key)
    }

    /// # Errors
    /// The key is missing or its value is not a `T`.
    pub fn get<T: Deserialize<'a>>(&self, key: &str) -> anyhow::Result<T> {
        let raw = self.values.get(key).ok_or_else(|| anyhow!("{}.{key} is missing", self.what))?;
        serde_json::from_str(raw.get()).with_context(|| format!("{}.{key}", self.what))
    }

    pub fn number(&self, key: &str) -> anyhow::Result<BigRational> {
        self.get::<Exact>(key).map(|exact| exact.0)
    }

    /// A number that is zero or more.
    pub fn magnitude(&self, key: &str) -> anyhow::Result<BigRational> {
        let value = self.number(key)?;
        ensure!(!value.is_negative(), "{}.{key} is negative", self.what);
        Ok(value)
    }

    /// A number above zero.
    pub fn positive(&self, key: &str) -> anyhow::Result<BigRational> {
        let value = self.number(key)?;
        ensure!(value.is_positive(), "{}.{key} is not above zero", self.what);
        Ok(value)
    }
}

#[derive(Deserialize)]
struct File<'a> {
    count: Option<usize>,
    #[serde(borrow)]
    cases: Option<Vec<&'a RawValue>>,
    #[serde(borrow)]
    vectors: Option<Vec<&'a RawValue>>,
}

#[derive(Deserialize)]
struct Identity<'a> {
    id: &'a str,
}

#[derive(Deserialize)]
struct Body<'a> {
    kind: Option<&'a str>,
    venue: Option<&'a str>,
    #[serde(borrow)]
    inputs: &'a RawValue,
    #[serde(borrow)]
    expected: &'a RawValue,
    tolerance: Option<Exact>,
    tolerance_rel: Option<Exact>,
}

/// The cases of a file, in its order.
///
/// # Errors
/// Not JSON, no list of cases, a shorter list than the file says, a case without one of its keys, an id that stands twice.
pub fn read<'a>(text: &'a str) -> anyhow::Result<Vec<Case<'a>>> {
    let file: File<'a> = serde_json::from_str(text).context("not a case file")?;
    let (cases, kind) = match (file.cases, file.vectors) {
        (Some(cases), None) => (cases, None),
        (None, Some(vectors)) => (vectors, Some("liquidation_price")),
        _ => bail!("not a case file: it has neither or both of `cases` and `vectors`"),
    };
    if let Some(count) = file.count {
        ensure!(count == cases.len(), "it says {count} cases and holds {}", cases.len());
    }
    let mut ids = BTreeSet::new();
    let read_one = |(index, raw): (usize, &'a RawValue)| {
        let Identity { id } = serde_json::from_str(raw.get()).with_context(|| format!("case {index}"))?;
        ensure!(ids.insert(id), "{id}: two cases of that id");
        read_case(id, raw, kind).with_context(|| id.to_owned())
    };
    cases.into_iter().enumerate().map(read_one).collect()
}

fn read_case<'a>(id: &'a str, raw: &'a RawValue, kind: Option<&'a str>) -> anyhow::Result<Case<'a>> {
    let body: Body<'a> = serde_json::from_str(raw.get())?;
    let kind = body.kind.or(kind).ok_or_else(|| anyhow!("kind is missing"))?;
    let tolerance = match (body.tolerance, body.tolerance_rel) {
        (Some(_), Some(_)) => bail!("both tolerance and tolerance_rel"),
        (None, Some(Exact(relative))) => Tolerance::Relative(relative),
        (Some(Exact(absolute)), None) => Tolerance::Absolute(absolute),
        (None, None) => Tolerance::Absolute(BigRational::zero()),
    };
    let (Tolerance::Absolute(width) | Tolerance::Relative(width)) = &tolerance;
    ensure!(!width.is_negative(), "the tolerance is negative");
    Ok(Case {
        id,
        kind,
        venue: body.venue.unwrap_or_default(),
        inputs: Fields::new("inputs", body.inputs)?,
        expected: Fields::new("expected", body.expected)?,
        tolerance,
    })
}
