//! The way from the sources to the gateway, on which frames are lost, doubled, late and out of order.

use std::collections::BTreeMap;

use engine::event::TimeMs;

use super::market::{MARKS, Market, SOURCES};
use super::plan::{Fault, FaultKind};
use crate::feed::draw::Draw;
use crate::gateway::{Frame, Snapshot, SourceId};

/// Frames that the marks' source can send again.
const RETAINED: u64 = 50;
const HEARTBEAT_MS: TimeMs = 1_000;
const TICK_MS: TimeMs = 500;

/// What arrives at the host.
#[derive(Clone, Debug)]
pub enum Arrival {
    Frame(Frame),
    Snapshot(Snapshot),
    /// Its own clock.
    Tick,
}

#[derive(Clone, Copy, Debug)]
enum Message {
    Frame { source: SourceId, sequence: u64 },
    Heartbeat { source: SourceId },
    Snapshot { source: SourceId, after: u64 },
    Tick,
}

/// What is on its way, by time of arrival.
pub struct Network<'w> {
    market: &'w Market,
    faults: &'w [Fault],
    draw: Draw,
    queue: BTreeMap<(TimeMs, u64), Message>,
    numbered: u64,
    /// How often each kind of fault, by its number, did something.
    pub struck: BTreeMap<usize, u64>,
}

impl<'w> Network<'w> {
    pub fn new(seed: u64, market: &'w Market, faults: &'w [Fault]) -> Self {
        let draw = Draw::new(seed, "simulated network", 0);
        let (queue, struck) = (BTreeMap::new(), BTreeMap::new());
        let mut network = Self { market, faults, draw, queue, numbered: 0, struck };
        for source in SOURCES {
            for (sequence, sent) in (1..).zip(&market.frames[usize::from(source)]) {
                network.send(sent.time_ms, Message::Frame { source, sequence });
            }
            for at_ms in (market.start_ms..=market.end_ms).step_by(HEARTBEAT_MS as usize) {
                network.send(at_ms, Message::Heartbeat { source });
            }
        }
        for at_ms in (market.start_ms..=market.end_ms).step_by(TICK_MS as usize) {
            network.put(at_ms, Message::Tick);
        }
        network
    }

    /// The next that arrives, and when.
    pub fn next(&mut self) -> Option<(TimeMs, Arrival)> {
        let ((at_ms, _), message) = self.queue.pop_first()?;
        let arrival = match message {
            Message::Tick => Arrival::Tick,
            Message::Frame { source, sequence } => {
                let events = self.market.frames[usize::from(source)][sequence as usize - 1].events.clone();
                Arrival::Frame(Frame { source, sequence, time_ms: at_ms, events })
            }
            Message::Heartbeat { source } => {
                let sequence = self.sent_by(source, at_ms);
                Arrival::Frame(Frame { source, sequence, time_ms: at_ms, events: Vec::new() })
            }
            Message::Snapshot { source, after } => {
                let sequence = self.sent_by(source, at_ms);
                if sequence <= after {
                    let events = Vec::new();
                    return Some((at_ms, Arrival::Frame(Frame { source, sequence, time_ms: at_ms, events })));
                }
                let events = self.market.snapshot(source, after, sequence);
                Arrival::Snapshot(Snapshot { source, sequence, time_ms: at_ms, events })
            }
        };
        Some((at_ms, arrival))
    }

    /// The host asks for frames again.
    pub fn request(&mut self, now_ms: TimeMs, source: SourceId, from: u64, to: u64) {
        let sent = self.sent_by(source, now_ms);
        let first = if source == MARKS { from.max(sent.saturating_sub(RETAINED)) } else { from };
        for sequence in first.max(1)..=to.min(sent) {
            self.send(now_ms + 10, Message::Frame { source, sequence });
        }
    }

    pub fn request_snapshot(&mut self, now_ms: TimeMs, source: SourceId, after: u64) {
        self.send(now_ms + 30, Message::Snapshot { source, after });
    }

    /// Sequence of the source's last frame by then.
    fn sent_by(&self, source: SourceId, time_ms: TimeMs) -> u64 {
        self.market.frames[usize::from(source)].partition_point(|sent| sent.time_ms <= time_ms) as u64
    }

    /// Puts a message on its way, with what goes wrong at the time.
    fn send(&mut self, at_ms: TimeMs, message: Message) {
        let (Message::Frame { source, .. }
        | Message::Heartbeat { source }
        | Message::Snapshot { source, .. }) = message
        else {
            return self.put(at_ms, message);
        };
        let mut arrives_ms = at_ms + self.draw.within(1, 4) as TimeMs;
        let faults = self.faults;
        for fault in faults.iter().filter(|fault| fault.is_on(at_ms)) {
            match fault.kind {
                FaultKind::FramesLost if self.draw.chance(300_000) => return self.strike(fault),
                FaultKind::SourceSilent { source: silent } if silent == source => return self.strike(fault),
                FaultKind::FramesDoubled if self.draw.chance(500_000) => {
                    self.strike(fault);
                    let again_ms = arrives_ms + self.draw.within(0, 2_000) as TimeMs;
                    self.put(again_ms, message);
                }
                FaultKind::FramesDelayed => {
                    self.strike(fault);
                    arrives_ms += 4_000;
                }
                FaultKind::FramesReordered if self.draw.chance(500_000) => {
                    self.strike(fault);
                    arrives_ms += self.draw.within(1, 12_000) as TimeMs;
                }
                _ => {}
            }
        }
        self.put(arrives_ms, message);
    }

    fn strike(&mut self, fault: &Fault) {
        *self.struck.entry(fault.kind.number()).or_default() += 1;
    }

    fn put(&mut self, at_ms: TimeMs, message: Message) {
        self.numbered += 1;
        self.queue.insert((at_ms, self.numbered), message);
    }
}
