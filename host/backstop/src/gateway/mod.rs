//! The gateway: frames of several sources come in as the network brings them, and go on to the journal in each source's order, once.
//! Pure: time comes with the frames and ticks, and what has to be asked of a source is an output. docs/feed.md has the rules.

pub mod config;
pub mod refusal;
mod stream;

use std::collections::BTreeMap;

use engine::event::{Event, TimeMs};

pub use config::{Config, ConfigError};
pub use refusal::{Refusal, Refused};
use stream::Stream;
pub use stream::{Cause, Counts, State};

/// Number of a source of frames, given by the configuration.
pub type SourceId = u16;

/// What a source sends. Without events it is a heartbeat, and `sequence` that of the last frame sent.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Frame {
    pub source: SourceId,
    /// From 1, without gaps.
    pub sequence: u64,
    /// When it arrived; when handed on: the gateway's clock.
    pub time_ms: TimeMs,
    pub events: Vec<Event>,
}

/// What a source says of everything up to and including a sequence, in place of the frames: what is, not what has changed.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Snapshot {
    pub source: SourceId,
    /// Of the last frame in it.
    pub sequence: u64,
    /// As in [`Frame`].
    pub time_ms: TimeMs,
    pub events: Vec<Event>,
}

/// What the caller has to do, in this order.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Output {
    /// Journal it and give it to the engine.
    Frame(Frame),
    /// The same; the source goes on after it.
    Snapshot(Snapshot),
    /// Ask the source for its frames `from` to `to`, both included.
    Request { source: SourceId, from: u64, to: u64 },
    /// Ask the source for a snapshot; `after` is the last sequence handed on.
    SnapshotRequest { source: SourceId, after: u64 },
}

/// All sources. One thread owns it.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Gateway {
    config: Config,
    /// Latest time of any input, none before the first.
    clock_ms: Option<TimeMs>,
    streams: BTreeMap<SourceId, Stream>,
    unknown: u64,
}

impl Gateway {
    /// Every source starts before its frame 1.
    ///
    /// # Errors
    /// A bound is out of range.
    pub fn new(config: Config) -> Result<Self, ConfigError> {
        Self::resume(config, &[])
    }

    /// Each source goes on after its position, the last sequence handed on; a source without one starts before its frame 1. What waited is
    /// asked for again once the source is heard.
    ///
    /// # Errors
    /// A bound is out of range; a position is given twice, of no configured source, or the last number.
    pub fn resume(config: Config, positions: &[(SourceId, u64)]) -> Result<Self, ConfigError> {
        config.check()?;
        let mut given = BTreeMap::new();
        for &(source_id, position) in positions {
            if !config.sources.contains(&source_id) {
                return Err(ConfigError::UnknownSource { source_id });
            }
            if position == u64::MAX {
                return Err(ConfigError::Exhausted { source_id });
            }
            if given.insert(source_id, position).is_some() {
                return Err(ConfigError::Twice { source_id });
            }
        }
        let stream_of = |source| Stream::new(source, given.get(&source).copied().unwrap_or(0));
        let streams = config.sources.iter().map(|&source| (source, stream_of(source))).collect();
        Ok(Self { config, clock_ms: None, streams, unknown: 0 })
    }

    /// A frame has arrived. Gives at most `waiting_max + 1` outputs.
    ///
    /// # Errors
    /// Its source is unknown, it is too long, or its sequence or time is not believed. Nothing changes but a count.
    pub fn receive(&mut self, frame: Frame) -> Result<Vec<Output>, Refusal> {
        let stream = known(&mut self.streams, &mut self.unknown, frame.source)?;
        stream.admit_frame(&frame, self.clock_ms, &self.config)?;
        let clock_ms = advance(&mut self.clock_ms, frame.time_ms);
        Ok(stream.receive(frame, clock_ms, &self.config))
    }

    /// A snapshot has arrived, asked for or not. One that is behind what was handed on is counted and dropped. Gives at most
    /// `waiting_max + 1` outputs.
    ///
    /// # Errors
    /// As [`Self::receive`], but it may jump.
    pub fn restore(&mut self, snapshot: Snapshot) -> Result<Vec<Output>, Refusal> {
        let stream = known(&mut self.streams, &mut self.unknown, snapshot.source)?;
        stream.admit_snapshot(&snapshot, self.clock_ms, &self.config)?;
        let clock_ms = advance(&mut self.clock_ms, snapshot.time_ms);
        Ok(stream.restore(snapshot, clock_ms, &self.config))
    }

    /// Time has passed: what was asked for in vain is asked for again. A time before the clock is the clock's. Gives at most
    /// `waiting_max + 1` outputs a source.
    pub fn tick(&mut self, time_ms: TimeMs) -> Vec<Output> {
        let clock_ms = advance(&mut self.clock_ms, time_ms);
        let config = &self.config;
        self.streams.values_mut().flat_map(|stream| stream.tick(clock_ms, config)).collect()
    }

    /// The last sequence handed on of every source, 0 if none, by source. Whoever journals what is handed on keeps it beside that.
    pub fn positions(&self) -> Vec<(SourceId, u64)> {
        self.streams.iter().map(|(&source, stream)| (source, stream.position())).collect()
    }

    /// As of the clock; `None`: the source is unknown.
    pub fn state(&self, source: SourceId) -> Option<State> {
        Some(self.streams.get(&source)?.state(self.clock_ms, &self.config))
    }

    /// Since the gateway was made; `None`: the source is unknown.
    pub fn counts(&self, source: SourceId) -> Option<&Counts> {
        Some(self.streams.get(&source)?.counts())
    }

    /// Frames of a source that wait; `None`: the source is unknown.
    pub fn waiting(&self, source: SourceId) -> Option<usize> {
        Some(self.streams.get(&source)?.waiting())
    }

    /// Frames and snapshots of unknown sources.
    pub fn unknown(&self) -> u64 {
        self.unknown
    }
}

fn known<'a>(
    streams: &'a mut BTreeMap<SourceId, Stream>,
    unknown: &mut u64,
    source_id: SourceId,
) -> Result<&'a mut Stream, Refusal> {
    streams.get_mut(&source_id).ok_or_else(|| {
        *unknown += 1;
        Refusal::UnknownSource { source_id }
    })
}

fn advance(clock_ms: &mut Option<TimeMs>, time_ms: TimeMs) -> TimeMs {
    *clock_ms.insert(clock_ms.map_or(time_ms, |clock_ms| clock_ms.max(time_ms)))
}

#[cfg(test)]
mod network_tests;
#[cfg(test)]
mod tests;
