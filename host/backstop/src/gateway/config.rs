//! The gateway's sources and bounds.

use std::collections::BTreeSet;

use engine::event::TimeMs;

use super::SourceId;
use crate::replay::rounds::ROUND_EVENTS_MAX;

/// Longest time that can be configured, ms: a day.
pub const TIME_MS_MAX: TimeMs = 86_400_000;
/// Most frames of a source that can be made to wait.
pub const WAITING_MAX: usize = 65_536;
/// Most events that a snapshot can be allowed.
pub const SNAPSHOT_EVENTS_MAX: usize = 1 << 20;

/// What the gateway listens to, and its bounds. It holds at most `waiting_max * frame_events_max` events a source.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Config {
    pub sources: BTreeSet<SourceId>,
    /// Events of a frame.
    pub frame_events_max: usize,
    /// Events of a snapshot.
    pub snapshot_events_max: usize,
    /// Frames of a source that wait for a missing one.
    pub waiting_max: usize,
    /// How far a sequence may lie above the highest one known of its source.
    pub jump_max: u64,
    /// How far the arrival of a frame may lie after the gateway's clock, ms.
    pub ahead_ms_max: TimeMs,
    /// After how many ms missing frames are asked for again.
    pub request_timeout_ms: TimeMs,
    /// How often missing frames are asked for, the first time included, before a snapshot is.
    pub requests_max: u32,
    /// After how many ms a snapshot is asked for again; without end, since nothing else can help.
    pub snapshot_timeout_ms: TimeMs,
    /// Ms without a sign of life that make a source stale.
    pub stale_ms: TimeMs,
}

impl Config {
    /// The usual bounds, for these sources.
    pub fn of(sources: impl IntoIterator<Item = SourceId>) -> Self {
        Self {
            sources: sources.into_iter().collect(),
            frame_events_max: ROUND_EVENTS_MAX,
            snapshot_events_max: 65_536,
            waiting_max: 1_024,
            jump_max: 1_000_000,
            ahead_ms_max: 60_000,
            request_timeout_ms: 200,
            requests_max: 5,
            snapshot_timeout_ms: 1_000,
            stale_ms: 5_000,
        }
    }

    pub(super) fn check(&self) -> Result<(), ConfigError> {
        let bounds = [
            ("frame_events_max", self.frame_events_max as u64, ROUND_EVENTS_MAX as u64),
            ("snapshot_events_max", self.snapshot_events_max as u64, SNAPSHOT_EVENTS_MAX as u64),
            ("waiting_max", self.waiting_max as u64, WAITING_MAX as u64),
            ("jump_max", self.jump_max, u64::MAX),
            ("requests_max", self.requests_max.into(), u32::MAX.into()),
        ];
        let times = [
            ("ahead_ms_max", self.ahead_ms_max),
            ("request_timeout_ms", self.request_timeout_ms),
            ("snapshot_timeout_ms", self.snapshot_timeout_ms),
            ("stale_ms", self.stale_ms),
        ];
        let bounds = bounds.map(|(name, found, max)| (name, i128::from(found), i128::from(max)));
        let times = times.map(|(name, found)| (name, i128::from(found), i128::from(TIME_MS_MAX)));
        match bounds.into_iter().chain(times).find(|(_, found, max)| !(1..=*max).contains(found)) {
            Some((name, found, max)) => Err(ConfigError::OutOfRange { name, found, max }),
            None => Ok(()),
        }
    }
}

/// Why a gateway cannot be made.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
pub enum ConfigError {
    #[error("gateway: {name} is {found}, expected 1 to {max}")]
    OutOfRange { name: &'static str, found: i128, max: i128 },

    #[error(
        "gateway: there is a position of source {source_id}, which is not configured; add it to the sources, or leave its position out if it is gone for good"
    )]
    UnknownSource { source_id: SourceId },

    #[error("gateway: source {source_id} has two positions; give the one that was journaled last")]
    Twice { source_id: SourceId },

    #[error(
        "gateway: source {source_id} is at the end of the sequence numbers; let it go on under another source number"
    )]
    Exhausted { source_id: SourceId },
}
