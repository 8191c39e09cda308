//! Clocks of the machine's operations at its ports, from the clock a record is taken to the clock its answer is given,
//! the output being ready. `tests/latency.rs` measures every one of them on the Verilated gateware.

use crate::{interlock, lane, machine, pipeline};

/// POSITION, CASH, OFFSET, LOAD to their FLAG; READBACK of an account; ERROR; echo of FENCE and RESYNC.
pub const RECORD_TO_ANSWER: u64 = machine::LATENCY + lane::LATENCY;
/// MARK and FUNDING to the first FLAG.
pub const SWEEP_TO_FLAG: u64 = machine::LATENCY + lane::SWEEP_LATENCY;
/// MARK and FUNDING to the RECEIPT, beside one clock a holder of the lane.
pub const SWEEP_TO_RECEIPT: u64 = SWEEP_TO_FLAG;
/// Commit to the RECEIPT, beside one clock a holder, and SETTING to that of its walk, beside one an account: the front judges
/// these behind all that came before.
pub const COMMIT_TO_RECEIPT: u64 = SWEEP_TO_RECEIPT + 4;
pub const WALK_TO_RECEIPT: u64 = SWEEP_TO_RECEIPT + 4;
/// A sweep's RECEIPT.clocks beside one a holder.
pub const RECEIPT_CLOCKS: u64 = lane::SWEEP_LATENCY - 5;
/// From one record to the next, of different accounts.
pub const SPACING: u64 = 1;
/// From one record to the next of the same account.
pub const SAME_ACCOUNT_SPACING: u64 = interlock::WINDOW as u64 + 1;
/// From one append to the next of the same instrument: the slot is counted once the first is judged.
pub const APPEND_SPACING: u64 = pipeline::OUTCOME_STAGE + 2;
/// POSITION behind a MARK that it waits for: its FLAG behind the RECEIPT.
pub const RECEIPT_TO_FLAG: u64 = RECORD_TO_ANSWER - 2;

/// Name and clocks, as the timing page lists them.
pub const TABLE: [(&str, u64); 10] = [
    ("POSITION, CASH, OFFSET or LOAD in to FLAG out", RECORD_TO_ANSWER),
    ("READBACK, ERROR or FENCE in to answer out", RECORD_TO_ANSWER),
    ("MARK or FUNDING in to first FLAG out", SWEEP_TO_FLAG),
    ("MARK or FUNDING in to RECEIPT out, beside one a holder", SWEEP_TO_RECEIPT),
    ("commit in to RECEIPT out, beside one a holder", COMMIT_TO_RECEIPT),
    ("SETTING in to RECEIPT out of its walk, beside one an account", WALK_TO_RECEIPT),
    ("record to record of another account", SPACING),
    ("record to record of the same account", SAME_ACCOUNT_SPACING),
    ("append to append of the same instrument", APPEND_SPACING),
    ("RECEIPT out to FLAG out of a POSITION behind the sweep", RECEIPT_TO_FLAG),
];
