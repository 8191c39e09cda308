//! Tier selection: the last step whose floor is at most the notional.

use crate::record_check::bound;
use crate::record_slicer::RecordSlicer;
use crate::tier_step::{TierStep, TierWord};
use crate::width::{
    BANK_BITS, DEDUCTION_BITS, INSTRUMENT_BITS, NOTIONAL_BITS, RECORD_BITS, SCALE_BITS, STEP_BITS, TIERS,
};
use rust_hdl::prelude::*;

/// Clocks from `notional` or `scan_step` to `tier`, and from `load` to the first valid comparison: 1.
pub const LATENCY: u64 = 2;

/// Tables of all instruments, two banks each; one bank is loaded and compared with the notional, all steps at once.
///
/// Shape: one notional per clock, never stalls. Floors of a committed bank rise strictly, so the comparisons form a
/// thermometer and its end is the tier. `live_steps` masks the steps past the table's count.
/// A TIER record is written to the bank that is not live.
#[derive(LogicBlock)]
pub struct TierTable {
    pub clock: Signal<In, Clock>,
    pub record: Signal<In, Bits<RECORD_BITS>>,
    pub clear: Signal<In, Bit>,
    pub clear_bank: Signal<In, Bits<BANK_BITS>>,
    /// The record's instrument: which of its banks is live, and whether to load the other one.
    pub live_bank: Signal<In, Bit>,
    pub shadow: Signal<In, Bit>,
    pub load: Signal<In, Bit>,
    pub write: Signal<In, Bit>,
    pub live_steps: Signal<In, Bits<TIERS>>,
    pub notional: Signal<In, Bits<NOTIONAL_BITS>>,
    pub scan: Signal<In, Bit>,
    pub scan_step: Signal<In, Bits<STEP_BITS>>,
    pub tier: Signal<Out, TierWord>,
    steps: [TierStep; TIERS],
    selected: DFF<TierWord>,
    fields: RecordSlicer,
    bank: Signal<Local, Bits<BANK_BITS>>,
    load_bank: Signal<Local, Bits<BANK_BITS>>,
    write_bank: Signal<Local, Bits<BANK_BITS>>,
    write_tier: Signal<Local, TierWord>,
    one_bank: Constant<Bits<BANK_BITS>>,
    cleared: Constant<TierWord>,
}

impl TierTable {
    pub fn new(instruments: usize) -> Self {
        Self {
            clock: Default::default(),
            record: Default::default(),
            clear: Default::default(),
            clear_bank: Default::default(),
            live_bank: Default::default(),
            shadow: Default::default(),
            load: Default::default(),
            write: Default::default(),
            live_steps: Default::default(),
            notional: Default::default(),
            scan: Default::default(),
            scan_step: Default::default(),
            tier: Default::default(),
            steps: std::array::from_fn(|step| TierStep::new(step, 2 * instruments)),
            selected: Default::default(),
            fields: Default::default(),
            bank: Default::default(),
            load_bank: Default::default(),
            write_bank: Default::default(),
            write_tier: Default::default(),
            one_bank: bound(1),
            cleared: Constant::new(TierWord::default()),
        }
    }
}

impl Logic for TierTable {
    #[hdl_gen]
    fn update(&mut self) {
        dff_setup!(self, clock, selected);
        self.fields.record.next = self.record.val();
        self.bank.next = bit_cast::<BANK_BITS, INSTRUMENT_BITS>(
            self.fields.instrument.val().get_bits::<INSTRUMENT_BITS>(0),
        ) << 1;
        self.load_bank.next = self.bank.val();
        self.write_bank.next = self.bank.val();
        if self.live_bank.val() ^ self.shadow.val() {
            self.load_bank.next = self.bank.val() | self.one_bank.val();
        }
        if !self.live_bank.val() {
            self.write_bank.next = self.bank.val() | self.one_bank.val();
        }
        self.write_tier.next.floor = self.fields.tier_floor.val().get_bits::<NOTIONAL_BITS>(0);
        self.write_tier.next.rate = self.fields.tier_rate.val().get_bits::<SCALE_BITS>(0);
        self.write_tier.next.deduction = self.fields.tier_deduction.val().get_bits::<DEDUCTION_BITS>(0);
        if self.clear.val() {
            self.write_bank.next = self.clear_bank.val();
            self.write_tier.next = self.cleared.val();
        }
        for i in 0..16 {
            self.steps[i].clock.next = self.clock.val();
            self.steps[i].load.next = self.load.val();
            self.steps[i].load_bank.next = self.load_bank.val();
            self.steps[i].write.next =
                self.clear.val() | (self.write.val() & (self.fields.tier_step.val() == i.to_bits()));
            self.steps[i].write_bank.next = self.write_bank.val();
            self.steps[i].write_tier.next = self.write_tier.val();
            self.steps[i].live.next = self.live_steps.val().get_bit(i);
            self.steps[i].notional.next = self.notional.val();
            self.steps[i].scan.next = self.scan.val();
            self.steps[i].scan_step.next = self.scan_step.val();
        }
        for i in 0..15 {
            if self.steps[i].reached.val() & !self.steps[i + 1].reached.val() {
                self.selected.d.next = self.steps[i].tier.val();
            }
        }
        if self.steps[15].reached.val() {
            self.selected.d.next = self.steps[15].tier.val();
        }
        self.tier.next = self.selected.q.val();
    }
}
