//! What the journal holds: one entry a record, borsh-encoded.

use borsh::{BorshDeserialize, BorshSerialize};
use engine::event::{Command, Event, EventSequence, Flag, TimeMs, VerdictRecord};
use engine::rules::Rules;

/// Flags or commands in one record; a longer list goes on in the next record of the same kind and round.
pub const PART_MAX: usize = 1 << 18;

/// One thing the journal remembers.
#[derive(BorshDeserialize, BorshSerialize, Clone, Debug, Eq, PartialEq)]
pub enum Entry {
    /// Accounts are seeded anew and the device starts from reset. `source` is the tape's file name or "built-in scenario".
    EpisodeStarted { index: u32, seed: u64, rules: Rules, source: String },
    /// Journaled before it takes effect.
    Event { sequence: EventSequence, time_ms: TimeMs, event: Event },
    /// The events `first_sequence..first_sequence + events` are one round; `external` if the world caused it, not a decision.
    RoundEnded { round: u64, time_ms: TimeMs, first_sequence: EventSequence, events: u32, external: bool },
    /// What the device said of the round, ordered by event sequence, new severity descending, account id.
    Verdict { round: u64, flags: VerdictRecord },
    /// What the engine decided on the verdict; its outcomes are the events of the next round.
    Decision { round: u64, commands: Vec<Command> },
    /// The engine's state after settlement.
    EpisodeEnded { index: u32, state_hash: [u8; 32] },
    /// Device loss, audit results: takes no event sequence, never enters the state.
    Note { time_ms: TimeMs, text: String },
    /// The round whose events follow holds this input of the source.
    Taken { source: u16, sequence: u64 },
    /// The program was stopped and started again: events since the last round's end are void, the next one has this sequence.
    Restarted { next_sequence: EventSequence },
}

impl Entry {
    /// The entry as the records that hold it: itself, or a list longer than [`PART_MAX`] in parts. A full part is always followed by another.
    pub(super) fn into_parts(self) -> Parts {
        let rest = match &self {
            Self::Verdict { flags, .. } => flags.len(),
            Self::Decision { commands, .. } => commands.len(),
            _ => 0,
        };
        Parts { entry: Some(self), rest }
    }

    /// Whether the list goes on in the next record.
    pub(super) fn continues(&self) -> bool {
        match self {
            Self::Verdict { flags, .. } => flags.len() == PART_MAX,
            Self::Decision { commands, .. } => commands.len() == PART_MAX,
            _ => false,
        }
    }

    /// Appends the next part's list. Returns false if `part` is not of the same kind and round.
    pub(super) fn join(&mut self, part: Self) -> bool {
        match (self, part) {
            (Self::Verdict { round, flags }, Self::Verdict { round: next, flags: mut more })
                if *round == next =>
            {
                flags.append(&mut more);
                true
            }
            (Self::Decision { round, commands }, Self::Decision { round: next, commands: mut more })
                if *round == next =>
            {
                commands.append(&mut more);
                true
            }
            _ => false,
        }
    }
}

/// The records of an entry, in order; see [`Entry::into_parts`].
pub(super) struct Parts {
    entry: Option<Entry>,
    /// Flags or commands left in `entry`.
    rest: usize,
}

impl Iterator for Parts {
    type Item = Entry;

    fn next(&mut self) -> Option<Entry> {
        if self.rest < PART_MAX {
            return self.entry.take();
        }
        self.rest -= PART_MAX;
        match self.entry.as_mut()? {
            Entry::Verdict { round, flags } => {
                let tail: Vec<Flag> = flags.split_off(PART_MAX);
                Some(Entry::Verdict { round: *round, flags: std::mem::replace(flags, tail) })
            }
            Entry::Decision { round, commands } => {
                let tail: Vec<Command> = commands.split_off(PART_MAX);
                Some(Entry::Decision { round: *round, commands: std::mem::replace(commands, tail) })
            }
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use engine::event::AccountId;

    use super::*;

    #[test]
    fn long_lists_are_split_and_joined() {
        for count in [0, 1, PART_MAX - 1, PART_MAX, PART_MAX + 1, 2 * PART_MAX] {
            let commands =
                (0..count as u64).map(|n| Command::CancelOrders { account: AccountId(n) }).collect();
            let whole = Entry::Decision { round: 7, commands };
            let parts: Vec<Entry> = whole.clone().into_parts().collect();
            assert_eq!(parts.len(), count / PART_MAX + 1);
            assert!(parts.iter().rev().skip(1).all(Entry::continues) && !parts[parts.len() - 1].continues());
            let mut joined = Entry::Decision { round: 7, commands: Vec::new() };
            for part in parts {
                assert!(joined.join(part));
            }
            assert!(joined == whole, "{count} commands came back changed");
            assert!(!joined.join(Entry::Decision { round: 8, commands: Vec::new() }));
            assert!(!joined.join(Entry::Verdict { round: 7, flags: Vec::new() }));
        }
    }
}
