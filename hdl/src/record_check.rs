//! The checks that need no instrument: lock, sequence, operation, unused bits, scale, field ranges.

use crate::config::LaneConfig;
use crate::record_slicer::RecordSlicer;
use crate::settings::SettingsWord;
use crate::width::{MAGNITUDE_BITS, RECORD_BITS, SCALE_BITS};
use model::record::{self, Layout, Reason, input};
use model::units::{NOTIONAL_BITS, RUNG_MAX, Scale, TIERS_MAX};
use rust_hdl::prelude::*;

/// Clocks from the record to `reason` and the `is_` outputs.
pub const LATENCY: u64 = 1;

/// The first of reasons 1 to 6 that the record meets, or 0; and what kind of record it is.
///
/// Shape: one record per clock.
#[derive(LogicBlock)]
pub struct RecordCheck {
    pub clock: Signal<In, Clock>,
    pub settings: Signal<In, SettingsWord>,
    pub record: Signal<In, Bits<RECORD_BITS>>,
    pub locked: Signal<In, Bit>,
    pub expected: Signal<In, Bits<32>>,
    pub reason: Signal<Out, Bits<8>>,
    pub is_setting: Signal<Out, Bit>,
    pub is_instrument: Signal<Out, Bit>,
    pub is_tier: Signal<Out, Bit>,
    pub is_mark: Signal<Out, Bit>,
    pub is_position: Signal<Out, Bit>,
    pub is_cash: Signal<Out, Bit>,
    pub is_offset: Signal<Out, Bit>,
    pub is_move: Signal<Out, Bit>,
    pub is_account_readback: Signal<Out, Bit>,
    pub is_slot_readback: Signal<Out, Bit>,
    pub is_fence: Signal<Out, Bit>,
    pub is_resync: Signal<Out, Bit>,
    fields: RecordSlicer,
    found: DFF<Bits<8>>,
    setting_q: DFF<Bit>,
    instrument_q: DFF<Bit>,
    tier_q: DFF<Bit>,
    mark_q: DFF<Bit>,
    position_q: DFF<Bit>,
    cash_q: DFF<Bit>,
    offset_q: DFF<Bit>,
    move_q: DFF<Bit>,
    account_readback_q: DFF<Bit>,
    slot_readback_q: DFF<Bit>,
    fence_q: DFF<Bit>,
    resync_q: DFF<Bit>,
    by_slot: Signal<Local, Bit>,
    known: Signal<Local, Bit>,
    unused_mask: Signal<Local, Bits<RECORD_BITS>>,
    unused_bits: Signal<Local, Bits<RECORD_BITS>>,
    unused_set: Signal<Local, Bit>,
    has_instrument: Signal<Local, Bit>,
    has_account: Signal<Local, Bit>,
    out_of_range: Signal<Local, Bit>,
    sets_scale: Signal<Local, Bit>,
    needs_scale: Signal<Local, Bit>,
    weight_max: Signal<Local, Bits<32>>,
    rate_max: Signal<Local, Bits<32>>,
    bits_sum: Signal<Local, Bits<8>>,
    size_top: Signal<Local, Bits<24>>,
    size_low: Signal<Local, Bits<MAGNITUDE_BITS>>,
    offset_top: Signal<Local, Bits<42>>,
    offset_low: Signal<Local, Bits<86>>,
    instruments: Constant<Bits<16>>,
    accounts: Constant<Bits<32>>,
    scale_max: Constant<Bits<32>>,
    rung_max: Constant<Bits<32>>,
    notional_bits: Constant<Bits<8>>,
    tiers_max: Constant<Bits<8>>,
    by_slot_bit: Constant<Bits<8>>,
    op_setting: Constant<Bits<8>>,
    op_instrument: Constant<Bits<8>>,
    op_tier: Constant<Bits<8>>,
    op_mark: Constant<Bits<8>>,
    op_position: Constant<Bits<8>>,
    op_cash: Constant<Bits<8>>,
    op_offset: Constant<Bits<8>>,
    op_move: Constant<Bits<8>>,
    op_readback: Constant<Bits<8>>,
    op_fence: Constant<Bits<8>>,
    op_resync: Constant<Bits<8>>,
    unused_setting: Constant<Bits<RECORD_BITS>>,
    unused_instrument: Constant<Bits<RECORD_BITS>>,
    unused_tier: Constant<Bits<RECORD_BITS>>,
    unused_mark: Constant<Bits<RECORD_BITS>>,
    unused_position: Constant<Bits<RECORD_BITS>>,
    unused_cash: Constant<Bits<RECORD_BITS>>,
    unused_offset: Constant<Bits<RECORD_BITS>>,
    unused_move: Constant<Bits<RECORD_BITS>>,
    unused_account_readback: Constant<Bits<RECORD_BITS>>,
    unused_slot_readback: Constant<Bits<RECORD_BITS>>,
    unused_token: Constant<Bits<RECORD_BITS>>,
    locked_reason: Constant<Bits<8>>,
    sequence_reason: Constant<Bits<8>>,
    operation_reason: Constant<Bits<8>>,
    unused_reason: Constant<Bits<8>>,
    scale_reason: Constant<Bits<8>>,
    range_reason: Constant<Bits<8>>,
}

/// An op code or a reason as the kernels compare it.
pub fn code(value: u8) -> Constant<Bits<8>> {
    Constant::new(u64::from(value).into())
}

/// A bound as a constant of `W` bits.
pub fn bound<const W: usize>(value: u64) -> Constant<Bits<W>> {
    Constant::new(value.into())
}

/// The bits that `layout` does not use, with `flags` of its flag bits counted among them.
fn unused(layout: &Layout, flags: u8) -> Constant<Bits<RECORD_BITS>> {
    let mut used = layout.used();
    used[1] &= !flags;
    let mut mask = Bits::<RECORD_BITS>::default();
    for (byte, used) in used.iter().enumerate() {
        mask = mask | (Bits::<RECORD_BITS>::from(u64::from(!used)) << (8 * byte as LiteralType));
    }
    Constant::new(mask)
}

impl RecordCheck {
    pub fn new(config: &LaneConfig) -> Self {
        Self {
            instruments: bound(config.instruments.into()),
            accounts: bound(config.accounts.into()),
            scale_max: bound(Scale::MAX.into()),
            rung_max: bound(RUNG_MAX.into()),
            notional_bits: bound(NOTIONAL_BITS.into()),
            tiers_max: bound(TIERS_MAX as u64),
            by_slot_bit: code(record::FLAG_BY_SLOT),
            op_setting: code(input::SETTING.op),
            op_instrument: code(input::INSTRUMENT.op),
            op_tier: code(input::TIER.op),
            op_mark: code(input::MARK.op),
            op_position: code(input::POSITION.op),
            op_cash: code(input::CASH.op),
            op_offset: code(input::OFFSET.op),
            op_move: code(input::MOVE.op),
            op_readback: code(input::READBACK.op),
            op_fence: code(input::FENCE.op),
            op_resync: code(input::RESYNC.op),
            unused_setting: unused(&input::SETTING, 0),
            unused_instrument: unused(&input::INSTRUMENT, 0),
            unused_tier: unused(&input::TIER, 0),
            unused_mark: unused(&input::MARK, 0),
            unused_position: unused(&input::POSITION, record::FLAG_RAW),
            unused_cash: unused(&input::CASH, 0),
            unused_offset: unused(&input::OFFSET, 0),
            unused_move: unused(&input::MOVE, 0),
            unused_account_readback: unused(&input::READBACK, 0),
            unused_slot_readback: unused(&input::READBACK_BY_SLOT, 0),
            unused_token: unused(&input::FENCE, 0),
            locked_reason: code(Reason::Locked as u8),
            sequence_reason: code(Reason::Sequence as u8),
            operation_reason: code(Reason::Operation as u8),
            unused_reason: code(Reason::UnusedBits as u8),
            scale_reason: code(Reason::ScaleNotSet as u8),
            range_reason: code(Reason::FieldRange as u8),
            clock: Default::default(),
            settings: Default::default(),
            record: Default::default(),
            locked: Default::default(),
            expected: Default::default(),
            reason: Default::default(),
            is_setting: Default::default(),
            is_instrument: Default::default(),
            is_tier: Default::default(),
            is_mark: Default::default(),
            is_position: Default::default(),
            is_cash: Default::default(),
            is_offset: Default::default(),
            is_move: Default::default(),
            is_account_readback: Default::default(),
            is_slot_readback: Default::default(),
            is_fence: Default::default(),
            is_resync: Default::default(),
            fields: Default::default(),
            found: Default::default(),
            setting_q: Default::default(),
            instrument_q: Default::default(),
            tier_q: Default::default(),
            mark_q: Default::default(),
            position_q: Default::default(),
            cash_q: Default::default(),
            offset_q: Default::default(),
            move_q: Default::default(),
            account_readback_q: Default::default(),
            slot_readback_q: Default::default(),
            fence_q: Default::default(),
            resync_q: Default::default(),
            by_slot: Default::default(),
            known: Default::default(),
            unused_mask: Default::default(),
            unused_bits: Default::default(),
            unused_set: Default::default(),
            has_instrument: Default::default(),
            has_account: Default::default(),
            out_of_range: Default::default(),
            sets_scale: Default::default(),
            needs_scale: Default::default(),
            weight_max: Default::default(),
            rate_max: Default::default(),
            bits_sum: Default::default(),
            size_top: Default::default(),
            size_low: Default::default(),
            offset_top: Default::default(),
            offset_low: Default::default(),
        }
    }
}

impl Logic for RecordCheck {
    #[hdl_gen]
    fn update(&mut self) {
        dff_setup!(
            self,
            clock,
            found,
            setting_q,
            instrument_q,
            tier_q,
            mark_q,
            position_q,
            cash_q,
            offset_q,
            move_q,
            account_readback_q,
            slot_readback_q,
            fence_q,
            resync_q
        );
        self.fields.record.next = self.record.val();

        // Which record, and which of its bits are not used.
        self.by_slot.next = (self.fields.flags.val() & self.by_slot_bit.val()) != 0;
        self.setting_q.d.next = false;
        self.instrument_q.d.next = false;
        self.tier_q.d.next = false;
        self.mark_q.d.next = false;
        self.position_q.d.next = false;
        self.cash_q.d.next = false;
        self.offset_q.d.next = false;
        self.move_q.d.next = false;
        self.account_readback_q.d.next = false;
        self.slot_readback_q.d.next = false;
        self.fence_q.d.next = false;
        self.resync_q.d.next = false;
        self.known.next = true;
        self.has_instrument.next = false;
        self.has_account.next = false;
        self.needs_scale.next = true;
        self.sets_scale.next = false;
        self.out_of_range.next = false;
        self.unused_mask.next = self.unused_token.val();
        self.weight_max.next = bit_cast::<32, SCALE_BITS>(self.settings.val().scale) << 1;
        self.rate_max.next = bit_cast::<32, SCALE_BITS>(self.settings.val().scale);
        self.bits_sum.next = self.fields.price_bits.val() + self.fields.size_bits.val();
        self.size_top.next = self.fields.size.val().get_bits::<24>(40);
        self.size_low.next = self.fields.size.val().get_bits::<MAGNITUDE_BITS>(0);
        self.offset_top.next = self.fields.offset.val().get_bits::<42>(86);
        self.offset_low.next = self.fields.offset.val().get_bits::<86>(0);

        if self.fields.op.val() == self.op_mark.val() {
            self.mark_q.d.next = true;
            self.unused_mask.next = self.unused_mark.val();
            self.has_instrument.next = true;
            self.out_of_range.next = self.fields.price.val().get_bits::<32>(32).any();
        } else if self.fields.op.val() == self.op_position.val() {
            self.position_q.d.next = true;
            self.unused_mask.next = self.unused_position.val();
            self.has_instrument.next = true;
            self.has_account.next = true;
            // |size| < 2^40: the upper bits are all sign, and -2^40 is not allowed.
            self.out_of_range.next =
                self.size_top.val().any() & ((!self.size_top.val().all()) | (!self.size_low.val().any()));
        } else if self.fields.op.val() == self.op_cash.val() {
            self.cash_q.d.next = true;
            self.unused_mask.next = self.unused_cash.val();
            self.has_account.next = true;
        } else if self.fields.op.val() == self.op_offset.val() {
            self.offset_q.d.next = true;
            self.unused_mask.next = self.unused_offset.val();
            self.has_account.next = true;
            self.out_of_range.next = self.offset_top.val().any()
                & ((!self.offset_top.val().all()) | (!self.offset_low.val().any()));
        } else if self.fields.op.val() == self.op_setting.val() {
            self.setting_q.d.next = true;
            self.unused_mask.next = self.unused_setting.val();
            self.sets_scale.next = self.fields.instrument.val() == 0;
            if self.fields.instrument.val() == 0 {
                self.out_of_range.next =
                    (self.fields.setting.val() == 0) | (self.fields.setting.val() > self.scale_max.val());
            } else if self.fields.instrument.val() <= 3 {
                self.out_of_range.next =
                    (self.fields.setting.val() == 0) | (self.fields.setting.val() > self.rung_max.val());
            } else {
                self.out_of_range.next =
                    (self.fields.instrument.val() != 4) | (self.fields.setting.val() > 1);
            }
        } else if self.fields.op.val() == self.op_instrument.val() {
            self.instrument_q.d.next = true;
            self.unused_mask.next = self.unused_instrument.val();
            self.has_instrument.next = true;
            self.out_of_range.next = (self.fields.weight_long.val() > self.weight_max.val())
                | (self.fields.weight_short.val() > self.weight_max.val())
                | (self.fields.price_bits.val() == 0)
                | (self.fields.price_bits.val() > 32)
                | (self.fields.size_bits.val() == 0)
                | (self.fields.size_bits.val() > 40)
                | (self.bits_sum.val() > self.notional_bits.val())
                | (self.fields.tier_count.val() == 0)
                | (self.fields.tier_count.val() > self.tiers_max.val());
        } else if self.fields.op.val() == self.op_tier.val() {
            self.tier_q.d.next = true;
            self.unused_mask.next = self.unused_tier.val();
            self.has_instrument.next = true;
            self.out_of_range.next = self.fields.tier_floor.val().get_bits::<5>(59).any()
                | self.fields.tier_deduction.val().get_bits::<17>(79).any()
                | (self.fields.tier_rate.val() > self.rate_max.val());
        } else if self.fields.op.val() == self.op_move.val() {
            self.move_q.d.next = true;
            self.unused_mask.next = self.unused_move.val();
            self.has_instrument.next = true;
            self.has_account.next = true;
        } else if self.fields.op.val() == self.op_readback.val() {
            self.has_account.next = true;
            self.has_instrument.next = self.by_slot.val();
            self.slot_readback_q.d.next = self.by_slot.val();
            self.account_readback_q.d.next = !self.by_slot.val();
            if self.by_slot.val() {
                self.unused_mask.next = self.unused_slot_readback.val();
            } else {
                self.unused_mask.next = self.unused_account_readback.val();
            }
        } else if self.fields.op.val() == self.op_fence.val() {
            self.fence_q.d.next = true;
            self.needs_scale.next = false;
        } else if self.fields.op.val() == self.op_resync.val() {
            self.resync_q.d.next = true;
            self.needs_scale.next = false;
        } else {
            self.known.next = false;
        }
        self.unused_bits.next = self.record.val() & self.unused_mask.val();
        self.unused_set.next = self.unused_bits.val().any();

        // The last assignment wins: the first check comes last.
        self.found.d.next = 0.into();
        if self.out_of_range.val()
            | (self.has_instrument.val() & (self.fields.instrument.val() >= self.instruments.val()))
            | (self.has_account.val() & (self.fields.account.val() >= self.accounts.val()))
        {
            self.found.d.next = self.range_reason.val();
        }
        if (self.needs_scale.val() & !self.settings.val().scale_set) & !self.sets_scale.val() {
            self.found.d.next = self.scale_reason.val();
        }
        if self.unused_set.val() {
            self.found.d.next = self.unused_reason.val();
        }
        if !self.known.val() {
            self.found.d.next = self.operation_reason.val();
        }
        if (self.fields.op.val() != self.op_resync.val()) | self.unused_set.val() {
            if self.fields.number.val() != self.expected.val() {
                self.found.d.next = self.sequence_reason.val();
            }
            if self.locked.val() {
                self.found.d.next = self.locked_reason.val();
            }
        }

        self.reason.next = self.found.q.val();
        self.is_setting.next = self.setting_q.q.val();
        self.is_instrument.next = self.instrument_q.q.val();
        self.is_tier.next = self.tier_q.q.val();
        self.is_mark.next = self.mark_q.q.val();
        self.is_position.next = self.position_q.q.val();
        self.is_cash.next = self.cash_q.q.val();
        self.is_offset.next = self.offset_q.q.val();
        self.is_move.next = self.move_q.q.val();
        self.is_account_readback.next = self.account_readback_q.q.val();
        self.is_slot_readback.next = self.slot_readback_q.q.val();
        self.is_fence.next = self.fence_q.q.val();
        self.is_resync.next = self.resync_q.q.val();
    }
}
