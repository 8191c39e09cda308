//! Why a frame or snapshot is refused. Nothing changes by it but a count.

use engine::event::TimeMs;

use super::SourceId;

/// Which source and sequence, what was found, what to do.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
pub enum Refusal {
    #[error("source {source_id} is not configured; add it to the gateway's sources, or stop its sender")]
    UnknownSource { source_id: SourceId },

    #[error(
        "source {source_id}, {sequence}: {events} events, at most {max} are taken; split it up, or raise the bound ({bound})"
    )]
    TooLong { source_id: SourceId, sequence: u64, events: usize, max: usize, bound: &'static str },

    #[error(
        "source {source_id}: a frame with events has sequence 0; frames count from 1, and 0 is the heartbeat of a source that has sent none"
    )]
    Zero { source_id: SourceId },

    #[error(
        "source {source_id}: sequence {} is the end of the numbers; let it go on under another source number",
        u64::MAX
    )]
    Exhausted { source_id: SourceId },

    #[error(
        "source {source_id}, {sequence}: the highest sequence known is {highest}, and {max} more is the farthest jump that is believed (jump_max); if the number is right, have the source send a snapshot"
    )]
    Jump { source_id: SourceId, sequence: u64, highest: u64, max: u64 },

    #[error(
        "source {source_id}, {sequence}: arrived at {time_ms} ms, before the last one of the source ({last_ms} ms); mend the receiver's clock"
    )]
    TimeBack { source_id: SourceId, sequence: u64, time_ms: TimeMs, last_ms: TimeMs },

    #[error(
        "source {source_id}, {sequence}: arrived at {time_ms} ms, more than {max} ms (ahead_ms_max) after the gateway's clock ({clock_ms} ms); mend the receiver's clock, or tick the gateway"
    )]
    TimeAhead { source_id: SourceId, sequence: u64, time_ms: TimeMs, clock_ms: TimeMs, max: TimeMs },
}

/// How often a source was refused, by reason.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub struct Refused {
    pub too_long: u64,
    pub zero: u64,
    pub exhausted: u64,
    pub jump: u64,
    pub time_back: u64,
    pub time_ahead: u64,
}

impl Refused {
    pub(super) fn count(&mut self, refusal: &Refusal) {
        match refusal {
            Refusal::UnknownSource { .. } => unreachable!("an unknown source has no counts of its own"),
            Refusal::TooLong { .. } => self.too_long += 1,
            Refusal::Zero { .. } => self.zero += 1,
            Refusal::Exhausted { .. } => self.exhausted += 1,
            Refusal::Jump { .. } => self.jump += 1,
            Refusal::TimeBack { .. } => self.time_back += 1,
            Refusal::TimeAhead { .. } => self.time_ahead += 1,
        }
    }
}
