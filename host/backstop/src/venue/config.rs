//! What can be chosen of the simulated venue, checked whole, and noted in the journal so that a run can be repeated.

use serde::{Deserialize, Serialize};

use super::{DepthImpact, PPM};

/// Longest time an order may take to the venue.
pub const LATENCY_MS_MAX: u32 = 60_000;
/// Longest half-life of the impact on the mark: a week.
pub const HALF_LIFE_S_MAX: u32 = 604_800;
/// How a note of the journal with the configuration begins.
const NOTE: &str = "venue: ";

/// The simulated venue of a run.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
pub struct VenueConfig {
    /// Event time from the decision on an order to its execution. 0: at once, in the round after the decision.
    pub latency_ms: u32,
    /// Orders that are rejected, in a million.
    pub reject_ppm: u32,
    /// How far fills of a whole depth (a side within 1 % of the mark) move the mark, parts per million of it. 0: fills leave the mark alone.
    pub impact_ppm: u32,
    /// Seconds of event time in which half of the impact on the mark is gone.
    pub half_life_s: u32,
    /// File of book snapshots that depth is taken from; none: the depth model of the instruments.
    pub books: Option<String>,
    /// Of the draws of rejections.
    pub seed: u64,
}

impl Default for VenueConfig {
    /// At once, no rejections, impact of half a percent per depth with a half-life of five minutes, depth from the model.
    fn default() -> Self {
        Self { latency_ms: 0, reject_ppm: 0, impact_ppm: 5_000, half_life_s: 300, books: None, seed: 1 }
    }
}

/// Everything that is wrong with a configuration.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
#[error("the venue cannot be simulated: {}", .0.join("; "))]
pub struct VenueConfigError(pub Vec<String>);

impl VenueConfig {
    /// # Errors
    /// [`VenueConfigError`] with every value that is out of its range.
    pub fn validate(&self) -> Result<(), VenueConfigError> {
        let ranges = [
            ("latency in ms", self.latency_ms, 0, LATENCY_MS_MAX),
            ("rejections in a million", self.reject_ppm, 0, PPM),
            ("impact in ppm per depth", self.impact_ppm, 0, PPM),
            ("half-life in seconds", self.half_life_s, 1, HALF_LIFE_S_MAX),
        ];
        let mut wrong: Vec<String> = ranges
            .into_iter()
            .filter(|&(_, value, min, max)| !(min..=max).contains(&value))
            .map(|(what, value, min, max)| format!("{what} is {min} to {max}, not {value}"))
            .collect();
        if self.books.as_deref() == Some("") {
            wrong.push("the name of the file of books is empty".into());
        }
        if wrong.is_empty() { Ok(()) } else { Err(VenueConfigError(wrong)) }
    }

    pub fn impact(&self) -> DepthImpact {
        DepthImpact { ppm: self.impact_ppm, half_life_s: self.half_life_s }
    }

    /// Text of the journal's note at the start of an episode.
    pub fn note(&self) -> String {
        format!("{NOTE}{}", serde_json::to_string(self).expect("plain data"))
    }

    /// The configuration that a note holds; none if it is another note, or not readable.
    pub fn of_note(text: &str) -> Option<Self> {
        serde_json::from_str(text.strip_prefix(NOTE)?).ok()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_value_that_is_wrong_is_named_at_once() {
        VenueConfig::default().validate().unwrap();
        let wrong = VenueConfig {
            latency_ms: 60_001,
            reject_ppm: 1_000_001,
            impact_ppm: 1_000_001,
            half_life_s: 0,
            books: Some(String::new()),
            seed: 0,
        };
        let text = wrong.validate().unwrap_err().to_string();
        for words in
            ["60001", "rejections", "impact in ppm", "half-life in seconds is 1 to 604800, not 0", "file"]
        {
            assert!(text.contains(words), "{words}: {text}");
        }
        assert_eq!(wrong.validate().unwrap_err().0.len(), 5);
    }

    #[test]
    fn a_note_is_read_back_and_other_notes_are_not_ours() {
        let config =
            VenueConfig { books: Some("a \"b\".csv".into()), latency_ms: 250, ..VenueConfig::default() };
        assert_eq!(VenueConfig::of_note(&config.note()), Some(config));
        for other in ["round 3: device lost", "venue: {}", "venue: {\"latency_ms\":0", ""] {
            assert_eq!(VenueConfig::of_note(other), None, "{other}");
        }
    }
}
