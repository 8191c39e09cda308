//! Why a PCI function could not be used, with what helps.

use std::io;
use std::time::Duration;

/// Every error names the operation; those that a person can mend say how.
#[derive(Debug, thiserror::Error)]
pub enum PciError {
    /// The function, or the way to it, is gone.
    #[error("{operation}: the device is gone ({cause})")]
    Gone { operation: &'static str, cause: String },
    #[error("{operation}: no answer within {} ms", .deadline.as_millis())]
    Deadline { operation: &'static str, deadline: Duration },
    /// What came back is no answer to what was asked.
    #[error("{operation}: the answer makes no sense: {found}")]
    Protocol { operation: &'static str, found: String },

    /// It was refused and nothing was changed.
    #[error("{operation} refused: {source}")]
    Refused {
        operation: &'static str,
        #[source]
        source: io::Error,
    },
    #[error("bus-master enable does not stay set: the device can neither reach memory nor interrupt")]
    BusMaster,
    /// It cannot be set up; `remedy` is what helps.
    #[error("{what}; {remedy}")]
    Setup { what: String, remedy: String },
    #[error("no memory for DMA ({bytes} bytes): {source}")]
    Memory {
        bytes: usize,
        #[source]
        source: io::Error,
    },
}

impl PciError {
    /// True if the function is not to be trusted any more.
    pub fn is_loss(&self) -> bool {
        matches!(self, Self::Gone { .. } | Self::Deadline { .. } | Self::Protocol { .. })
    }
}
