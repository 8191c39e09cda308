//! What came of the cases: counts per kind, and every failure with both numbers.

use std::collections::BTreeMap;
use std::fmt;

use serde::Serialize;

use super::case::{Case, Check, Outcome};
use super::exact::show;

/// Cases judged, and those that passed.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq, Serialize)]
pub struct Tally {
    pub passed: u64,
    pub total: u64,
}

/// An expected number that the model did not give. Numbers are decimals.
#[derive(Clone, Debug, Eq, PartialEq, Serialize)]
pub struct Failure {
    pub id: String,
    pub key: String,
    pub expected: String,
    /// `None`: the model says there is no such number.
    pub got: Option<String>,
    /// Absolute.
    pub tolerance: String,
}

/// Counts by kind. Unsupported cases are in no tally; a part of a kind that is not supported stands as `kind/part`.
#[derive(Clone, Debug, Default, Eq, PartialEq, Serialize)]
pub struct Report {
    pub kinds: BTreeMap<String, Tally>,
    pub unsupported: BTreeMap<String, u64>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub failures: Vec<Failure>,
}

impl Report {
    /// True if no case failed.
    pub fn all_passed(&self) -> bool {
        self.failures.is_empty()
    }

    /// The report as one line of JSON; `failures` only if there are some.
    pub fn to_json(&self) -> String {
        serde_json::to_string(self).expect("a report of strings and counts is JSON")
    }

    pub(super) fn count(&mut self, case: &Case<'_>, outcome: Outcome) {
        let checks = match outcome {
            Outcome::Judged(checks) => checks,
            Outcome::Unsupported(name) => {
                *self.unsupported.entry(name).or_default() += 1;
                return;
            }
        };
        assert!(!checks.is_empty(), "a judged case compares at least one number");
        let tally = self.kinds.entry(case.kind.to_owned()).or_default();
        tally.total += 1;
        tally.passed += u64::from(checks.iter().all(Check::is_passed));
        self.failures.extend(checks.iter().filter(|check| !check.is_passed()).map(|check| Failure {
            id: case.id.to_owned(),
            key: check.key.to_owned(),
            expected: show(&check.expected),
            got: check.got.as_ref().map(show),
            tolerance: show(&check.tolerance),
        }));
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for Failure { id, key, expected, got, tolerance } in &self.failures {
            let got = got.as_deref().unwrap_or("none");
            writeln!(f, "FAILED {id}: {key} is {got}, expected {expected} within {tolerance}")?;
        }
        for (kind, Tally { passed, total }) in &self.kinds {
            writeln!(f, "{kind}: {passed} of {total} passed")?;
        }
        for (kind, count) in &self.unsupported {
            writeln!(f, "{kind}: {count} not supported")?;
        }
        Ok(())
    }
}
