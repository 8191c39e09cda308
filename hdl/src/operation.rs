//! What kind of record it is, told from its header alone.

use crate::command::Kind;
use crate::record_check::code;
use crate::record_slicer::RecordSlicer;
use crate::width::RECORD_BITS;
use model::record::{self, input};
use rust_hdl::prelude::*;

/// Clocks from the record to its operation.
pub const LATENCY: u64 = 0;

/// One bit per layout, and what the front wants to know of it.
#[derive(Clone, Copy, Debug, Default, LogicStruct, PartialEq)]
pub struct Operation {
    pub setting: bool,
    pub instrument: bool,
    pub tier: bool,
    pub mark: bool,
    pub funding: bool,
    /// POSITION without raw.
    pub position: bool,
    /// POSITION with raw.
    pub reload: bool,
    pub cash: bool,
    pub offset: bool,
    pub load: bool,
    pub move_slot: bool,
    pub read_account: bool,
    pub read_slot: bool,
    pub fence: bool,
    pub resync: bool,
    /// The op exists.
    pub known: bool,
    /// SETTING of S.
    pub sets_scale: bool,
    /// INSTRUMENT with commit.
    pub commits: bool,
    pub has_instrument: bool,
    pub has_account: bool,
    /// Executed before S is set.
    pub needs_no_scale: bool,
    /// For all lanes.
    pub broadcast: bool,
    /// For no lane: the front executes it alone, without an answer.
    pub silent: bool,
    /// Changes what the front keeps; the record behind it waits for the change.
    pub writes: bool,
    /// Takes more than a clock to judge.
    pub slow: bool,
}

/// The operation of a record and the command that it becomes unless it is refused.
///
/// Shape: combinational.
#[derive(LogicBlock)]
pub struct OperationDecoder {
    pub record: Signal<In, Bits<RECORD_BITS>>,
    pub operation: Signal<Out, Operation>,
    pub kind: Signal<Out, Kind>,
    fields: RecordSlicer,
    commit: Signal<Local, Bit>,
    raw: Signal<Local, Bit>,
    by_slot: Signal<Local, Bit>,
    none: Constant<Operation>,
    commit_bit: Constant<Bits<8>>,
    raw_bit: Constant<Bits<8>>,
    by_slot_bit: Constant<Bits<8>>,
    op_setting: Constant<Bits<8>>,
    op_instrument: Constant<Bits<8>>,
    op_tier: Constant<Bits<8>>,
    op_mark: Constant<Bits<8>>,
    op_funding: Constant<Bits<8>>,
    op_position: Constant<Bits<8>>,
    op_cash: Constant<Bits<8>>,
    op_offset: Constant<Bits<8>>,
    op_load: Constant<Bits<8>>,
    op_move: Constant<Bits<8>>,
    op_readback: Constant<Bits<8>>,
    op_fence: Constant<Bits<8>>,
    op_resync: Constant<Bits<8>>,
}

impl Default for OperationDecoder {
    fn default() -> Self {
        Self {
            none: Constant::new(Operation::default()),
            commit_bit: code(record::FLAG_COMMIT),
            raw_bit: code(record::FLAG_RAW),
            by_slot_bit: code(record::FLAG_BY_SLOT),
            op_setting: code(input::SETTING.op),
            op_instrument: code(input::INSTRUMENT.op),
            op_tier: code(input::TIER.op),
            op_mark: code(input::MARK.op),
            op_funding: code(input::FUNDING.op),
            op_position: code(input::POSITION.op),
            op_cash: code(input::CASH.op),
            op_offset: code(input::OFFSET.op),
            op_load: code(input::LOAD.op),
            op_move: code(input::MOVE.op),
            op_readback: code(input::READBACK.op),
            op_fence: code(input::FENCE.op),
            op_resync: code(input::RESYNC.op),
            record: Default::default(),
            operation: Default::default(),
            kind: Default::default(),
            fields: Default::default(),
            commit: Default::default(),
            raw: Default::default(),
            by_slot: Default::default(),
        }
    }
}

impl Logic for OperationDecoder {
    #[hdl_gen]
    fn update(&mut self) {
        self.fields.record.next = self.record.val();
        self.commit.next = (self.fields.flags.val() & self.commit_bit.val()) != 0;
        self.raw.next = (self.fields.flags.val() & self.raw_bit.val()) != 0;
        self.by_slot.next = (self.fields.flags.val() & self.by_slot_bit.val()) != 0;

        self.operation.next = self.none.val();
        self.kind.next = Kind::Refuse;
        if self.fields.op.val() == self.op_setting.val() {
            self.operation.next.known = true;
            self.operation.next.setting = true;
            self.operation.next.sets_scale = self.fields.instrument.val() == 0;
            self.operation.next.silent = self.fields.instrument.val() == 0;
            self.operation.next.broadcast = true;
            self.operation.next.writes = true;
            self.operation.next.slow = true;
            self.kind.next = Kind::Setting;
        }
        if self.fields.op.val() == self.op_instrument.val() {
            self.operation.next.known = true;
            self.operation.next.instrument = true;
            self.operation.next.has_instrument = true;
            self.operation.next.commits = self.commit.val();
            self.operation.next.silent = !self.commit.val();
            self.operation.next.broadcast = true;
            self.operation.next.writes = true;
            self.operation.next.slow = true;
            self.kind.next = Kind::Commit;
        }
        if self.fields.op.val() == self.op_tier.val() {
            self.operation.next.known = true;
            self.operation.next.tier = true;
            self.operation.next.has_instrument = true;
            self.operation.next.broadcast = true;
            self.operation.next.writes = true;
            self.operation.next.slow = true;
            self.kind.next = Kind::Tier;
        }
        if self.fields.op.val() == self.op_mark.val() {
            self.operation.next.known = true;
            self.operation.next.mark = true;
            self.operation.next.has_instrument = true;
            self.operation.next.broadcast = true;
            self.operation.next.writes = true;
            self.kind.next = Kind::Mark;
        }
        if self.fields.op.val() == self.op_funding.val() {
            self.operation.next.known = true;
            self.operation.next.funding = true;
            self.operation.next.has_instrument = true;
            self.operation.next.broadcast = true;
            self.kind.next = Kind::Funding;
        }
        if self.fields.op.val() == self.op_position.val() {
            self.operation.next.known = true;
            self.operation.next.position = !self.raw.val();
            self.operation.next.reload = self.raw.val();
            self.operation.next.has_instrument = true;
            self.operation.next.has_account = true;
            self.kind.next = Kind::Position;
            if self.raw.val() {
                self.kind.next = Kind::Reload;
            }
        }
        if self.fields.op.val() == self.op_cash.val() {
            self.operation.next.known = true;
            self.operation.next.cash = true;
            self.operation.next.has_account = true;
            self.kind.next = Kind::Cash;
        }
        if self.fields.op.val() == self.op_offset.val() {
            self.operation.next.known = true;
            self.operation.next.offset = true;
            self.operation.next.has_account = true;
            self.kind.next = Kind::Offset;
        }
        if self.fields.op.val() == self.op_load.val() {
            self.operation.next.known = true;
            self.operation.next.load = true;
            self.operation.next.has_account = true;
            self.kind.next = Kind::Load;
        }
        if self.fields.op.val() == self.op_move.val() {
            self.operation.next.known = true;
            self.operation.next.move_slot = true;
            self.operation.next.has_instrument = true;
            self.operation.next.has_account = true;
            self.kind.next = Kind::Move;
        }
        if self.fields.op.val() == self.op_readback.val() {
            self.operation.next.known = true;
            self.operation.next.read_account = !self.by_slot.val();
            self.operation.next.read_slot = self.by_slot.val();
            self.operation.next.has_instrument = self.by_slot.val();
            self.operation.next.has_account = true;
            self.kind.next = Kind::ReadAccount;
            if self.by_slot.val() {
                self.kind.next = Kind::ReadSlot;
            }
        }
        if self.fields.op.val() == self.op_fence.val() {
            self.operation.next.known = true;
            self.operation.next.fence = true;
            self.operation.next.needs_no_scale = true;
            self.operation.next.broadcast = true;
            self.kind.next = Kind::Echo;
        }
        if self.fields.op.val() == self.op_resync.val() {
            self.operation.next.known = true;
            self.operation.next.resync = true;
            self.operation.next.needs_no_scale = true;
            self.operation.next.broadcast = true;
            self.kind.next = Kind::Echo;
        }
        if (self.fields.op.val() == self.op_setting.val()) & (self.fields.instrument.val() == 0) {
            self.operation.next.needs_no_scale = true;
        }
    }
}
