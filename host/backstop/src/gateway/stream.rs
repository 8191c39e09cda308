//! One source: what was handed on, what waits, what was asked for.

use std::collections::BTreeMap;

use engine::event::{Event, TimeMs};

use super::{Config, Frame, Output, Refusal, Refused, Snapshot, SourceId};

/// How a source stands.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum State {
    /// Everything that it is known to have sent was handed on.
    Live,
    /// Frames are missing and were asked for.
    Gap,
    /// What it said last must not be taken for what is.
    Stale(Cause),
}

#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Cause {
    /// No sign of life for `stale_ms`, or none since the start.
    Silent,
    /// Frames are missing that only a snapshot can replace, and it has not come.
    Snapshot,
}

/// What happened to a source.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub struct Counts {
    /// Frames handed on.
    pub frames: u64,
    /// Frames that had to wait, or still do.
    pub waited: u64,
    /// Frames that were handed on before, or waited already.
    pub duplicates: u64,
    pub heartbeats: u64,
    /// Missing stretches asked for, again included.
    pub requests: u64,
    /// Snapshots asked for, again included.
    pub snapshot_requests: u64,
    /// Snapshots handed on.
    pub snapshots: u64,
    /// Snapshots dropped because they were behind what was handed on.
    pub snapshots_old: u64,
    /// Frames of the stream in whose place a snapshot was handed on.
    pub replaced: u64,
    /// Of these, frames that waited.
    pub covered: u64,
    /// Waiting frames given up for newer ones, because there was no room.
    pub evicted: u64,
    /// How often it fell silent.
    pub silences: u64,
    pub refused: Refused,
}

#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Recovery {
    /// Nothing is missing.
    None,
    Asked {
        asked_ms: TimeMs,
        times: u32,
    },
    Snapshot {
        asked_ms: TimeMs,
    },
}

#[derive(Clone, Debug, Eq, PartialEq)]
pub(super) struct Stream {
    source: SourceId,
    /// Last sequence handed on, below the last number; 0: none.
    last: u64,
    /// Highest sequence that the source is known to have sent.
    highest: u64,
    /// Frames above `last + 1`, by sequence.
    waiting: BTreeMap<u64, Vec<Event>>,
    recovery: Recovery,
    /// Latest arrival.
    time_ms: Option<TimeMs>,
    /// Clock at the last sign of life: what is refused or repeats what was handed on is none.
    heard_ms: Option<TimeMs>,
    is_silent: bool,
    counts: Counts,
}

impl Stream {
    pub fn new(source: SourceId, last: u64) -> Self {
        Self {
            source,
            last,
            highest: last,
            waiting: BTreeMap::new(),
            recovery: Recovery::None,
            time_ms: None,
            heard_ms: None,
            is_silent: false,
            counts: Counts::default(),
        }
    }

    pub fn position(&self) -> u64 {
        self.last
    }

    pub fn counts(&self) -> &Counts {
        &self.counts
    }

    pub fn waiting(&self) -> usize {
        self.waiting.len()
    }

    pub fn state(&self, clock_ms: Option<TimeMs>, config: &Config) -> State {
        let is_heard = self
            .heard_ms
            .zip(clock_ms)
            .is_some_and(|(heard_ms, clock_ms)| clock_ms.saturating_sub(heard_ms) < config.stale_ms);
        match self.recovery {
            Recovery::Snapshot { .. } => State::Stale(Cause::Snapshot),
            _ if !is_heard => State::Stale(Cause::Silent),
            Recovery::Asked { .. } => State::Gap,
            Recovery::None => State::Live,
        }
    }

    pub fn admit_frame(
        &mut self,
        frame: &Frame,
        clock_ms: Option<TimeMs>,
        config: &Config,
    ) -> Result<(), Refusal> {
        let &Frame { sequence, time_ms, ref events, .. } = frame;
        let source_id = self.source;
        let admitted = if events.len() > config.frame_events_max {
            let max = config.frame_events_max;
            Err(Refusal::TooLong {
                source_id,
                sequence,
                events: events.len(),
                max,
                bound: "frame_events_max",
            })
        } else if sequence == 0 && !events.is_empty() {
            Err(Refusal::Zero { source_id })
        } else {
            self.admit(sequence, time_ms, clock_ms, config)
        };
        let admitted = admitted.and_then(|()| match sequence.saturating_sub(self.highest) {
            jump if jump > config.jump_max => {
                Err(Refusal::Jump { source_id, sequence, highest: self.highest, max: config.jump_max })
            }
            _ => Ok(()),
        });
        admitted.inspect_err(|refusal| self.counts.refused.count(refusal))
    }

    pub fn admit_snapshot(
        &mut self,
        snapshot: &Snapshot,
        clock_ms: Option<TimeMs>,
        config: &Config,
    ) -> Result<(), Refusal> {
        let &Snapshot { sequence, time_ms, ref events, .. } = snapshot;
        let admitted = if events.len() > config.snapshot_events_max {
            let (max, bound) = (config.snapshot_events_max, "snapshot_events_max");
            Err(Refusal::TooLong { source_id: self.source, sequence, events: events.len(), max, bound })
        } else {
            self.admit(sequence, time_ms, clock_ms, config)
        };
        admitted.inspect_err(|refusal| self.counts.refused.count(refusal))
    }

    fn admit(
        &self,
        sequence: u64,
        time_ms: TimeMs,
        clock_ms: Option<TimeMs>,
        config: &Config,
    ) -> Result<(), Refusal> {
        let source_id = self.source;
        if sequence == u64::MAX {
            return Err(Refusal::Exhausted { source_id });
        }
        if let Some(last_ms) = self.time_ms.filter(|&last_ms| time_ms < last_ms) {
            return Err(Refusal::TimeBack { source_id, sequence, time_ms, last_ms });
        }
        let max = config.ahead_ms_max;
        match clock_ms.filter(|&clock_ms| time_ms.saturating_sub(clock_ms) > max) {
            Some(clock_ms) => Err(Refusal::TimeAhead { source_id, sequence, time_ms, clock_ms, max }),
            None => Ok(()),
        }
    }

    /// An admitted frame.
    pub fn receive(&mut self, frame: Frame, clock_ms: TimeMs, config: &Config) -> Vec<Output> {
        let Frame { sequence, time_ms, events, .. } = frame;
        let mut out = Vec::new();
        self.time_ms = Some(time_ms);
        if events.is_empty() {
            self.counts.heartbeats += 1;
            if sequence >= self.last {
                self.hear(clock_ms, config);
            }
            self.reveal(sequence, sequence, clock_ms, &mut out);
        } else if sequence <= self.last || self.waiting.contains_key(&sequence) {
            self.counts.duplicates += 1;
        } else if sequence == self.last + 1 {
            self.hear(clock_ms, config);
            self.hand_on(events, clock_ms, &mut out);
            self.release(clock_ms, &mut out);
            self.highest = self.highest.max(self.last);
            self.recovery = match self.recovery {
                _ if self.last == self.highest => Recovery::None,
                Recovery::Asked { .. } => Recovery::Asked { asked_ms: clock_ms, times: 1 },
                other => other,
            };
        } else {
            self.hear(clock_ms, config);
            self.counts.waited += 1;
            self.waiting.insert(sequence, events);
            if self.waiting.len() > config.waiting_max {
                self.waiting.pop_first();
                self.counts.evicted += 1;
                if !matches!(self.recovery, Recovery::Snapshot { .. }) {
                    self.ask_snapshot(clock_ms, &mut out);
                }
            }
            self.reveal(sequence, sequence - 1, clock_ms, &mut out);
        }
        self.assert_whole(config);
        out
    }

    /// An admitted snapshot. One as of the last sequence handed on is taken if one is awaited: it says that there is nothing after it.
    pub fn restore(&mut self, snapshot: Snapshot, clock_ms: TimeMs, config: &Config) -> Vec<Output> {
        self.time_ms = Some(snapshot.time_ms);
        let is_awaited = matches!(self.recovery, Recovery::Snapshot { .. });
        if snapshot.sequence < self.last || (snapshot.sequence == self.last && !is_awaited) {
            self.counts.snapshots_old += 1;
            return Vec::new();
        }
        self.hear(clock_ms, config);
        let after = self.waiting.split_off(&(snapshot.sequence + 1));
        self.counts.covered += self.waiting.len() as u64;
        self.counts.replaced += snapshot.sequence - self.last;
        self.counts.snapshots += 1;
        self.waiting = after;
        self.last = snapshot.sequence;
        self.recovery = Recovery::None;
        let mut out = vec![Output::Snapshot(Snapshot { time_ms: clock_ms, ..snapshot })];
        self.release(clock_ms, &mut out);
        self.highest = self.waiting.last_key_value().map_or(self.last, |(&sequence, _)| sequence);
        if self.last < self.highest {
            self.ask(1, clock_ms, &mut out);
        }
        self.assert_whole(config);
        out
    }

    pub fn tick(&mut self, clock_ms: TimeMs, config: &Config) -> Vec<Output> {
        self.watch(clock_ms, config);
        let mut out = Vec::new();
        let is_due = |asked_ms: TimeMs, timeout_ms: TimeMs| clock_ms.saturating_sub(asked_ms) >= timeout_ms;
        match self.recovery {
            Recovery::Asked { asked_ms, times } if is_due(asked_ms, config.request_timeout_ms) => {
                if times < config.requests_max {
                    self.ask(times + 1, clock_ms, &mut out);
                } else {
                    self.ask_snapshot(clock_ms, &mut out);
                }
            }
            Recovery::Snapshot { asked_ms } if is_due(asked_ms, config.snapshot_timeout_ms) => {
                self.ask_snapshot(clock_ms, &mut out);
            }
            _ => {}
        }
        out
    }

    /// The source has sent `highest`; of what that reveals, nothing beyond `missing` is here.
    fn reveal(&mut self, highest: u64, missing: u64, clock_ms: TimeMs, out: &mut Vec<Output>) {
        let from = self.highest + 1;
        self.highest = self.highest.max(highest);
        if from > missing || matches!(self.recovery, Recovery::Snapshot { .. }) {
            return;
        }
        self.request(from, missing, out);
        if self.recovery == Recovery::None {
            self.recovery = Recovery::Asked { asked_ms: clock_ms, times: 1 };
        }
    }

    fn hand_on(&mut self, events: Vec<Event>, clock_ms: TimeMs, out: &mut Vec<Output>) {
        self.last += 1;
        self.counts.frames += 1;
        out.push(Output::Frame(Frame {
            source: self.source,
            sequence: self.last,
            time_ms: clock_ms,
            events,
        }));
    }

    /// Hands on what waited for the last one.
    fn release(&mut self, clock_ms: TimeMs, out: &mut Vec<Output>) {
        while let Some(events) = self.waiting.remove(&(self.last + 1)) {
            self.hand_on(events, clock_ms, out);
        }
    }

    /// Asks for every missing stretch.
    fn ask(&mut self, times: u32, clock_ms: TimeMs, out: &mut Vec<Output>) {
        let mut from = self.last + 1;
        let mut missing = Vec::new();
        for &sequence in self.waiting.keys() {
            if from < sequence {
                missing.push((from, sequence - 1));
            }
            from = sequence + 1;
        }
        if from <= self.highest {
            missing.push((from, self.highest));
        }
        for (from, to) in missing {
            self.request(from, to, out);
        }
        self.recovery = Recovery::Asked { asked_ms: clock_ms, times };
    }

    fn request(&mut self, from: u64, to: u64, out: &mut Vec<Output>) {
        self.counts.requests += 1;
        out.push(Output::Request { source: self.source, from, to });
    }

    fn ask_snapshot(&mut self, clock_ms: TimeMs, out: &mut Vec<Output>) {
        self.counts.snapshot_requests += 1;
        self.recovery = Recovery::Snapshot { asked_ms: clock_ms };
        out.push(Output::SnapshotRequest { source: self.source, after: self.last });
    }

    fn hear(&mut self, clock_ms: TimeMs, config: &Config) {
        self.watch(clock_ms, config);
        self.heard_ms = Some(clock_ms);
        self.is_silent = false;
    }

    /// Counts a silence once.
    fn watch(&mut self, clock_ms: TimeMs, config: &Config) {
        let is_silent =
            self.heard_ms.is_some_and(|heard_ms| clock_ms.saturating_sub(heard_ms) >= config.stale_ms);
        if is_silent && !self.is_silent {
            self.is_silent = true;
            self.counts.silences += 1;
        }
    }

    fn assert_whole(&self, config: &Config) {
        assert!(self.waiting.len() <= config.waiting_max, "source {}: too much waits", self.source);
        assert!(self.last <= self.highest, "source {}: handed on what was not sent", self.source);
        assert!(
            self.waiting.first_key_value().is_none_or(|(&sequence, _)| sequence > self.last + 1),
            "source {}: what could be handed on waits",
            self.source
        );
        assert_eq!(
            self.recovery == Recovery::None,
            self.last == self.highest,
            "source {}: something is missing and not asked for, or the reverse",
            self.source
        );
    }
}
