//! Reason 6: fields outside their own range, whatever the state is.

use crate::config::BuildConfig;
use crate::operation::Operation;
use crate::record_slicer::RecordSlicer;
use crate::width::{MAGNITUDE_BITS, PRICE_BITS, RECORD_BITS, SCALE_BITS};
use model::units::{NOTIONAL_BITS, RUNG_MAX, Scale, TIERS_MAX};
use rust_hdl::prelude::*;

/// Clocks from `load` to `found`.
pub const LATENCY: u64 = 1;

/// Which range the record leaves, bit by bit: their disjunction is left to the next stage.
#[derive(Clone, Copy, Debug, Default, LogicStruct, PartialEq)]
pub struct RangeWord {
    pub instrument: bool,
    pub account: bool,
    pub setting: bool,
    pub weight_long: bool,
    pub weight_short: bool,
    pub header: bool,
    pub tier: bool,
    pub rate: bool,
    pub price: bool,
    pub index_delta: bool,
    pub size: bool,
    pub offset: bool,
}

/// The ranges of a record's fields.
///
/// Shape: one record per clock, taken while `load` is high.
#[derive(LogicBlock)]
pub struct RecordCheck {
    pub clock: Signal<In, Clock>,
    pub load: Signal<In, Bit>,
    pub record: Signal<In, Bits<RECORD_BITS>>,
    pub operation: Signal<In, Operation>,
    pub scale: Signal<In, Bits<SCALE_BITS>>,
    pub found: Signal<Out, RangeWord>,
    fields: RecordSlicer,
    ranges: DFF<RangeWord>,
    weight_max: Signal<Local, Bits<32>>,
    rate_max: Signal<Local, Bits<32>>,
    bits_sum: Signal<Local, Bits<8>>,
    size_top: Signal<Local, Bits<24>>,
    size_low: Signal<Local, Bits<MAGNITUDE_BITS>>,
    offset_top: Signal<Local, Bits<42>>,
    offset_low: Signal<Local, Bits<86>>,
    delta_top: Signal<Local, Bits<32>>,
    delta_low: Signal<Local, Bits<PRICE_BITS>>,
    setting: Signal<Local, Bit>,
    instruments: Constant<Bits<16>>,
    accounts: Constant<Bits<32>>,
    scale_max: Constant<Bits<32>>,
    rung_max: Constant<Bits<32>>,
    notional_bits: Constant<Bits<8>>,
    tiers_max: Constant<Bits<8>>,
}

/// An op code or a reason as the kernels compare it.
pub fn code(value: u8) -> Constant<Bits<8>> {
    Constant::new(u64::from(value).into())
}

/// A bound as a constant of `W` bits.
pub fn bound<const W: usize>(value: u64) -> Constant<Bits<W>> {
    Constant::new(value.into())
}

impl RecordCheck {
    pub fn new(config: &BuildConfig) -> Self {
        Self {
            instruments: bound(config.instruments.into()),
            accounts: bound(u64::from(config.accounts) * u64::from(config.lanes)),
            scale_max: bound(Scale::MAX.into()),
            rung_max: bound(RUNG_MAX.into()),
            notional_bits: bound(NOTIONAL_BITS.into()),
            tiers_max: bound(TIERS_MAX as u64),
            clock: Default::default(),
            load: Default::default(),
            record: Default::default(),
            operation: Default::default(),
            scale: Default::default(),
            found: Default::default(),
            fields: Default::default(),
            ranges: Default::default(),
            weight_max: Default::default(),
            rate_max: Default::default(),
            bits_sum: Default::default(),
            size_top: Default::default(),
            size_low: Default::default(),
            offset_top: Default::default(),
            offset_low: Default::default(),
            delta_top: Default::default(),
            delta_low: Default::default(),
            setting: Default::default(),
        }
    }
}

impl Logic for RecordCheck {
    #[hdl_gen]
    fn update(&mut self) {
        dff_setup!(self, clock, ranges);
        self.fields.record.next = self.record.val();
        self.weight_max.next = bit_cast::<32, SCALE_BITS>(self.scale.val()) << 1;
        self.rate_max.next = bit_cast::<32, SCALE_BITS>(self.scale.val());
        self.bits_sum.next = self.fields.price_bits.val() + self.fields.size_bits.val();
        // A signed field: the upper bits are all sign, and the lowest value of that width is not allowed.
        self.size_top.next = self.fields.size.val().get_bits::<24>(40);
        self.size_low.next = self.fields.size.val().get_bits::<MAGNITUDE_BITS>(0);
        self.offset_top.next = self.fields.offset.val().get_bits::<42>(86);
        self.offset_low.next = self.fields.offset.val().get_bits::<86>(0);
        self.delta_top.next = self.fields.index_delta.val().get_bits::<32>(32);
        self.delta_low.next = self.fields.index_delta.val().get_bits::<PRICE_BITS>(0);

        if self.fields.instrument.val() == 0 {
            self.setting.next =
                (self.fields.setting.val() == 0) | (self.fields.setting.val() > self.scale_max.val());
        } else if self.fields.instrument.val() <= 3 {
            self.setting.next =
                (self.fields.setting.val() == 0) | (self.fields.setting.val() > self.rung_max.val());
        } else {
            self.setting.next = (self.fields.instrument.val() != 4) | (self.fields.setting.val() > 1);
        }

        if self.load.val() {
            self.ranges.d.next.instrument = self.operation.val().has_instrument
                & (self.fields.instrument.val() >= self.instruments.val());
            self.ranges.d.next.account =
                self.operation.val().has_account & (self.fields.account.val() >= self.accounts.val());
            self.ranges.d.next.setting = self.operation.val().setting & self.setting.val();
            self.ranges.d.next.weight_long =
                self.operation.val().instrument & (self.fields.weight_long.val() > self.weight_max.val());
            self.ranges.d.next.weight_short =
                self.operation.val().instrument & (self.fields.weight_short.val() > self.weight_max.val());
            self.ranges.d.next.header = self.operation.val().instrument
                & (((self.fields.price_bits.val() == 0) | (self.fields.price_bits.val() > 32))
                    | ((self.fields.size_bits.val() == 0) | (self.fields.size_bits.val() > 40))
                    | ((self.fields.tier_count.val() == 0)
                        | (self.fields.tier_count.val() > self.tiers_max.val()))
                    | (self.bits_sum.val() > self.notional_bits.val()));
            self.ranges.d.next.tier = self.operation.val().tier
                & (self.fields.tier_floor.val().get_bits::<5>(59).any()
                    | self.fields.tier_deduction.val().get_bits::<17>(79).any());
            self.ranges.d.next.rate =
                self.operation.val().tier & (self.fields.tier_rate.val() > self.rate_max.val());
            self.ranges.d.next.price =
                self.operation.val().mark & self.fields.price.val().get_bits::<32>(32).any();
            self.ranges.d.next.index_delta = self.operation.val().funding
                & (self.delta_top.val().any()
                    & ((!self.delta_top.val().all()) | (!self.delta_low.val().any())));
            self.ranges.d.next.size = (self.operation.val().position | self.operation.val().reload)
                & (self.size_top.val().any() & ((!self.size_top.val().all()) | (!self.size_low.val().any())));
            self.ranges.d.next.offset = self.operation.val().offset
                & (self.offset_top.val().any()
                    & ((!self.offset_top.val().all()) | (!self.offset_low.val().any())));
        }
        self.found.next = self.ranges.q.val();
    }
}
