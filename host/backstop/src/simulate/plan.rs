//! What goes wrong in a simulation, and when.

use std::fmt::{self, Display};

use device::fault::Fault as DeviceFault;
use engine::event::{InstrumentId, TimeMs};
use engine::stability::Pause;

use super::market::{Market, SOURCES};
use crate::feed::draw::Draw;
use crate::gateway::SourceId;

/// Fewest faults of a seed.
pub const FAULTS_MIN: u64 = 3;
const FAULTS_MAX: u64 = 10;

/// Something that goes wrong from `at_ms` on.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Fault {
    pub at_ms: TimeMs,
    /// Of what lasts.
    pub until_ms: TimeMs,
    pub kind: FaultKind,
}

#[derive(Clone, Debug, Eq, PartialEq)]
pub enum FaultKind {
    /// The power goes in the n-th operation on the disk from now.
    PowerCut {
        operations: u64,
    },
    /// The program is killed in the n-th operation on the disk from now; what it has written stays, synced or not. Once it is back the power may go.
    Kill {
        operations: u64,
        power_after: Option<u64>,
    },
    /// The power goes, and a bit of the newest snapshot flips.
    SnapshotBit,
    /// The program is killed, and a bit of the journal flips; there is a replica.
    JournalBit,
    DiskFull,
    /// Every commit takes so long.
    DiskSlow {
        ms: TimeMs,
    },
    FramesDoubled,
    FramesDelayed,
    FramesReordered,
    FramesLost,
    SourceSilent {
        source: SourceId,
    },
    /// The host's clock is off by so much.
    ClockStep {
        ms: TimeMs,
    },
    Device(DeviceFault),
    VenueRejects,
    VenueFillsInPart,
    VenueSilent,
    VenueReportsTwice,
    OperatorPauses {
        scope: Option<InstrumentId>,
        action: Pause,
    },
}

/// Names of the kinds, in the order of [`FaultKind::number`].
pub const KINDS: [&str; 20] = [
    "power cut",
    "kill",
    "bit flipped in a snapshot",
    "bit flipped in the journal",
    "disk full",
    "disk slow",
    "frames doubled",
    "frames delayed",
    "frames reordered",
    "frames lost",
    "source silent",
    "clock step",
    "device lies",
    "device stalls",
    "device gone",
    "venue rejects",
    "venue fills in part",
    "venue silent",
    "venue reports twice",
    "operator pauses",
];

impl FaultKind {
    pub fn number(&self) -> usize {
        match self {
            Self::PowerCut { .. } => 0,
            Self::Kill { .. } => 1,
            Self::SnapshotBit => 2,
            Self::JournalBit => 3,
            Self::DiskFull => 4,
            Self::DiskSlow { .. } => 5,
            Self::FramesDoubled => 6,
            Self::FramesDelayed => 7,
            Self::FramesReordered => 8,
            Self::FramesLost => 9,
            Self::SourceSilent { .. } => 10,
            Self::ClockStep { .. } => 11,
            Self::Device(DeviceFault::Stuck) => 13,
            Self::Device(DeviceFault::Gone) => 14,
            Self::Device(_) => 12,
            Self::VenueRejects => 15,
            Self::VenueFillsInPart => 16,
            Self::VenueSilent => 17,
            Self::VenueReportsTwice => 18,
            Self::OperatorPauses { .. } => 19,
        }
    }

    fn draw(draw: &mut Draw) -> Self {
        match draw.below(KINDS.len() as u64) {
            0 => Self::PowerCut { operations: draw.below(12) },
            1 => {
                let power_after = (draw.below(2) == 0).then_some(draw.below(4));
                Self::Kill { operations: draw.below(12), power_after }
            }
            2 => Self::SnapshotBit,
            3 => Self::JournalBit,
            4 => Self::DiskFull,
            5 => Self::DiskSlow { ms: draw.within(10, 2_000) as TimeMs },
            6 => Self::FramesDoubled,
            7 => Self::FramesDelayed,
            8 => Self::FramesReordered,
            9 => Self::FramesLost,
            10 => Self::SourceSilent { source: SOURCES[draw.below(SOURCES.len() as u64) as usize] },
            11 => Self::ClockStep { ms: draw.within(0, 40_000) as TimeMs - 20_000 },
            13 => Self::Device(DeviceFault::Stuck),
            14 => Self::Device(DeviceFault::Gone),
            15 => Self::VenueRejects,
            16 => Self::VenueFillsInPart,
            17 => Self::VenueSilent,
            18 => Self::VenueReportsTwice,
            19 => {
                let action = [Pause::Opening, Pause::Book, Pause::Liquidation, Pause::Withdrawals];
                let action = action[draw.below(4) as usize];
                let market = InstrumentId(draw.below(4) as u16);
                let everywhere = action == Pause::Withdrawals || draw.below(2) == 0;
                Self::OperatorPauses { scope: (!everywhere).then_some(market), action }
            }
            _ => Self::Device(DeviceFault::ALL[draw.below(DeviceFault::ALL.len() as u64 - 2) as usize]),
        }
    }
}

impl Fault {
    /// The faults of a seed, in order of time.
    pub fn plan(seed: u64, market: &Market) -> Vec<Self> {
        let mut draw = Draw::new(seed, "simulated faults", 0);
        let count = draw.within(FAULTS_MIN, FAULTS_MAX);
        let length = (market.quiet_ms - market.start_ms) as u64;
        let mut faults: Vec<Self> = (0..count)
            .map(|_| {
                let at_ms = market.start_ms + 1 + draw.below(length * 9 / 10) as TimeMs;
                let kind = FaultKind::draw(&mut draw);
                let until_ms = (at_ms + draw.within(5_000, 180_000) as TimeMs).min(market.quiet_ms);
                Self { at_ms, until_ms, kind }
            })
            .collect();
        faults.sort_by_key(|fault| fault.at_ms);
        faults
    }

    pub fn is_on(&self, time_ms: TimeMs) -> bool {
        (self.at_ms..self.until_ms).contains(&time_ms)
    }
}

impl Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
        let Self { at_ms, until_ms, kind } = self;
        let seconds = (until_ms - at_ms) / 1_000;
        write!(f, "{}, from {at_ms} ms on for {seconds} s if it lasts: {kind:?}", KINDS[kind.number()])
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_kind_is_drawn_under_its_name() {
        let mut draw = Draw::new(1, "test", 0);
        let mut drawn = [0; KINDS.len()];
        (0..2_000).for_each(|_| drawn[FaultKind::draw(&mut draw).number()] += 1);
        assert!(drawn.iter().all(|&count| count > 40), "{drawn:?}");
    }
}
