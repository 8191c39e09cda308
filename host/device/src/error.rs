//! Why the driver gave no answer, and whether the device may still be used.

use engine::event::{AccountId, EventSequence};
use model::tier::TierError;
use model::units::OutOfRange;

use crate::pci::PciError;

use crate::slot_map::SlotError;

/// Every error names the operation, what was found and what was expected.
#[derive(Debug, thiserror::Error)]
pub enum DeviceError {
    #[error("{operation}: the device is not started; call start")]
    NotStarted { operation: &'static str },
    #[error(
        "the device was built from record tables {found:#018x}, the driver speaks {expected:#018x}: load the bitstream that belongs to \
         this driver"
    )]
    AbiMismatch { expected: u64, found: u64 },
    #[error(
        "{name} is no Backstop of this version: ID reads {id:#010x}, VERSION {version}; load the bitstream that belongs to this driver"
    )]
    NotOurs { name: String, id: u32, version: u32 },
    #[error("start: rungs {rungs:?} found, expected 1 to 1,023 each, not rising from the first to the third")]
    Rungs { rungs: [u32; 3] },
    #[error("start: rules refused")]
    Rules(#[source] OutOfRange),

    #[error("event {sequence}: no room on the device")]
    Room {
        sequence: EventSequence,
        #[source]
        source: SlotError,
    },
    #[error("event {sequence}: value refused")]
    Value {
        sequence: EventSequence,
        #[source]
        source: OutOfRange,
    },
    #[error("event {sequence}: tier table refused")]
    Tiers {
        sequence: EventSequence,
        #[source]
        source: TierError,
    },
    #[error("read back: account {} was never sent to this device", .account.0)]
    UnknownAccount { account: AccountId },

    #[error(
        "{operation}: no progress in {polls} polls; {taken} of {total} records were taken and the FENCE is not answered"
    )]
    Stuck { operation: &'static str, polls: u32, taken: usize, total: usize },
    #[error(
        "{operation}: the device refused a {record} (record {sequence}): {reason}; expected it to be executed"
    )]
    Refused { operation: &'static str, record: &'static str, sequence: u32, reason: &'static str },
    #[error("the device is lost: {cause}")]
    Lost { cause: String },
    #[error(transparent)]
    Pci(#[from] PciError),
    #[error("{operation}: {found}; expected {expected}")]
    Answer { operation: &'static str, found: String, expected: String },
}

impl DeviceError {
    /// True if nothing of the request reached the device, or all of it was answered: driver and device are as before it.
    /// False: the device is lost, its state is no longer known; the host judges until it is attached again.
    pub fn is_refusal(&self) -> bool {
        matches!(
            self,
            Self::Room { .. } | Self::Value { .. } | Self::Tiers { .. } | Self::UnknownAccount { .. }
        )
    }
}
