//! How long something took each time, as its distribution.

use std::fmt::{self, Debug, Display};
use std::time::Duration;

use hdrhistogram::Histogram;
use serde::ser::SerializeStruct;
use serde::{Serialize, Serializer};

/// Longest time that is told from longer ones, ns: an hour.
const LONGEST_NS: u64 = 3_600_000_000_000;

/// Times to three digits.
#[derive(Clone)]
pub struct Latency(Histogram<u64>);

impl Default for Latency {
    fn default() -> Self {
        Self(Histogram::new_with_bounds(1, LONGEST_NS, 3).expect("bounds in order"))
    }
}

impl Latency {
    pub fn note(&mut self, time: Duration) {
        self.0.saturating_record(u64::try_from(time.as_nanos()).unwrap_or(LONGEST_NS));
    }

    /// Median, 99th in a hundred, and longest, ns.
    pub fn quantiles(&self) -> [u64; 3] {
        [self.0.value_at_quantile(0.5), self.0.value_at_quantile(0.99), self.0.max()]
    }
}

impl Debug for Latency {
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
        Display::fmt(self, f)
    }
}

impl Display for Latency {
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
        let [median, p99, longest] =
            self.quantiles().map(|ns| format!("{}.{} us", ns / 1_000, ns / 100 % 10));
        write!(f, "{median:>12} median{p99:>14} p99{longest:>14} longest, of {}", self.0.len())
    }
}

impl Serialize for Latency {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let [median, p99, longest] = self.quantiles();
        let mut fields = serializer.serialize_struct("Latency", 4)?;
        fields.serialize_field("count", &self.0.len())?;
        fields.serialize_field("median_ns", &median)?;
        fields.serialize_field("p99_ns", &p99)?;
        fields.serialize_field("longest_ns", &longest)?;
        fields.end()
    }
}

/// Of a run whose orders wait for the journal.
#[derive(Clone, Debug, Default, Serialize)]
pub struct Latencies {
    /// From a round in the journal to what is decided on it, where that is something.
    pub decision: Latency,
    /// From there until orders may leave.
    pub release: Latency,
}

impl Display for Latencies {
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
        write!(f, "  round to decision  {}\n  decision to release{}", self.decision, self.release)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quantiles_are_those_of_the_times_to_three_digits() {
        let mut latency = Latency::default();
        (1..=1_000).for_each(|us| latency.note(Duration::from_micros(us)));
        latency.note(Duration::from_secs(1 << 40));
        let close = |ns: u64, us: u64| ns.abs_diff(us * 1_000) <= us;
        let [median, p99, longest] = latency.quantiles();
        assert!(close(median, 501) && close(p99, 991), "{median} {p99}");
        assert!(longest.abs_diff(LONGEST_NS) <= LONGEST_NS / 1_000, "{longest}");
    }
}
