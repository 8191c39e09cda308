//! The kinds of faults, and which records can carry each.

use model::record::{Record, input, output};

/// What goes wrong. None is harmless: whoever audits in full notices each.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Fault {
    /// A FLAG never arrives.
    FlagDropped,
    /// A FLAG arrives twice.
    FlagDoubled,
    /// A FLAG names a severity that does not exist.
    SeverityUnknown,
    /// A FLAG names an account index that was never assigned.
    AccountUnknown,
    /// A bit of E flips in a FLAG or a read-back.
    EquityBit,
    /// A bit of R flips in a FLAG or a read-back.
    RequirementBit,
    /// A bit of cash flips on the way in, in a CASH or in the E of a LOAD: the device's state is wrong from then on.
    CashBit,
    /// A RECEIPT counts a holder too many.
    HoldersMiscounted,
    /// A RECEIPT counts a FLAG too many.
    FlagsMiscounted,
    /// A RECEIPT never arrives.
    ReceiptDropped,
    /// A RECEIPT names a record that was never sent.
    SequenceUnknown,
    /// A bit of a FENCE's token flips.
    TokenBit,
    /// A RECEIPT, a read-back or a FENCE's echo arrives twice.
    AnswerDoubled,
    /// A RECEIPT or a read-back arrives after the next one of its lane, or after the FENCE's echo.
    AnswerOvertaken,
    /// A FLAG, a RECEIPT or a read-back arrives after the FENCE's echo.
    AnswerLate,
    /// A record is lost on the way in.
    RecordDropped,
    /// Nothing is taken or answered any more, until a reset.
    Stuck,
    /// The device is gone, until a reset: what is sent is taken by nobody, and every answer is all ones.
    Gone,
}

impl Fault {
    pub const ALL: [Self; 18] = [
        Self::FlagDropped,
        Self::FlagDoubled,
        Self::SeverityUnknown,
        Self::AccountUnknown,
        Self::EquityBit,
        Self::RequirementBit,
        Self::CashBit,
        Self::HoldersMiscounted,
        Self::FlagsMiscounted,
        Self::ReceiptDropped,
        Self::SequenceUnknown,
        Self::TokenBit,
        Self::AnswerDoubled,
        Self::AnswerOvertaken,
        Self::AnswerLate,
        Self::RecordDropped,
        Self::Stuck,
        Self::Gone,
    ];

    /// Whether this record, on its way in or out, can carry the fault.
    pub(super) fn concerns(self, record: &Record) -> bool {
        let op = record.op();
        let (is_flag, is_receipt) = (op == output::FLAG.op, op == output::RECEIPT.op);
        let (is_read_back, is_echo) = (op == output::READBACK_ACCOUNT.op, op == output::FENCE_ECHO.op);
        match self {
            Self::FlagDropped | Self::FlagDoubled | Self::SeverityUnknown | Self::AccountUnknown => is_flag,
            Self::EquityBit | Self::RequirementBit => is_flag || is_read_back,
            Self::CashBit => op == input::CASH.op || op == input::LOAD.op,
            Self::HoldersMiscounted
            | Self::FlagsMiscounted
            | Self::ReceiptDropped
            | Self::SequenceUnknown => is_receipt,
            Self::TokenBit => is_echo,
            Self::AnswerDoubled => is_receipt || is_read_back || is_echo,
            Self::AnswerOvertaken => is_receipt || is_read_back,
            Self::AnswerLate => is_flag || is_receipt || is_read_back,
            Self::RecordDropped => op < 0x80 && op != input::RESYNC.op,
            Self::Stuck | Self::Gone => op < 0x80,
        }
    }
}
