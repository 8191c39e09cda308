//! Tier selection: the last step whose floor is at most the notional.

use crate::ram::{self, Ram};
use crate::tier_step::{self, TierStep};
use crate::width::{BANK_BITS, CHARGE_BITS, NOTIONAL_BITS, STEP_BITS, TIERS};
use rust_hdl::prelude::*;

/// Clocks from `notional` to `charge`.
pub const LATENCY: u64 = tier_step::LATENCY + ram::LATENCY;

/// Place of a charge: bank above, step below.
const CHARGE_INDEX_BITS: usize = BANK_BITS + STEP_BITS;

/// Tables of all instruments, two banks each, all steps compared at once.
///
/// Shape: one notional per clock, never stalls; each may be of another bank. Floors of a committed bank rise strictly from 0, so
/// the comparisons form a thermometer and its end is the tier, by which the charge is read. `floor_bank` is due two
/// clocks before the notional, `count` (steps of the table) one before, `charge_bank` one behind. `charge`:
/// rate low, deduction above. A write is done two clocks later.
#[derive(LogicBlock, Default)]
pub struct TierTable {
    pub clock: Signal<In, Clock>,
    pub write: Signal<In, Bit>,
    pub write_bank: Signal<In, Bits<BANK_BITS>>,
    pub write_step: Signal<In, Bits<STEP_BITS>>,
    pub write_floor: Signal<In, Bits<NOTIONAL_BITS>>,
    pub write_charge: Signal<In, Bits<CHARGE_BITS>>,
    pub floor_bank: Signal<In, Bits<BANK_BITS>>,
    pub count: Signal<In, Bits<5>>,
    pub notional: Signal<In, Bits<NOTIONAL_BITS>>,
    pub charge_bank: Signal<In, Bits<BANK_BITS>>,
    pub charge: Signal<Out, Bits<CHARGE_BITS>>,
    steps: [TierStep; TIERS],
    charges: Ram<Bits<CHARGE_BITS>, CHARGE_INDEX_BITS>,
    writing: [DFF<Bit>; TIERS],
    writes: DFF<Bit>,
    bank: DFF<Bits<BANK_BITS>>,
    step: DFF<Bits<STEP_BITS>>,
    floor: DFF<Bits<NOTIONAL_BITS>>,
    written: DFF<Bits<CHARGE_BITS>>,
    ends: [Signal<Local, Bit>; TIERS],
    ones: Signal<Local, Bits<STEP_BITS>>,
    twos: Signal<Local, Bits<STEP_BITS>>,
    fours: Signal<Local, Bits<STEP_BITS>>,
    eights: Signal<Local, Bits<STEP_BITS>>,
    tier: Signal<Local, Bits<STEP_BITS>>,
}

impl TierTable {
    pub fn new(instruments: usize) -> Self {
        let banks = 2 * instruments;
        Self {
            steps: std::array::from_fn(|_| TierStep::new(banks)),
            charges: Ram::new(banks * TIERS),
            ..Default::default()
        }
    }
}

impl Logic for TierTable {
    #[hdl_gen]
    fn update(&mut self) {
        dff_setup!(self, clock, writes, bank, step, floor, written);
        clock!(self, clock, charges);
        self.writes.d.next = self.write.val();
        self.bank.d.next = self.write_bank.val();
        self.step.d.next = self.write_step.val();
        self.floor.d.next = self.write_floor.val();
        self.written.d.next = self.write_charge.val();
        for i in 0..16 {
            self.writing[i].clock.next = self.clock.val();
            self.writing[i].d.next = self.write.val() & (self.write_step.val() == i.to_bits());
            self.steps[i].clock.next = self.clock.val();
            self.steps[i].write.next = self.writing[i].q.val();
            self.steps[i].write_bank.next = self.bank.q.val();
            self.steps[i].write_floor.next = self.floor.q.val();
            self.steps[i].floor_bank.next = self.floor_bank.val();
            self.steps[i].count.next = self.count.val();
            self.steps[i].notional.next = self.notional.val();
            self.steps[i].step.next = i.to_bits();
        }
        for i in 0..15 {
            self.ends[i].next = self.steps[i].reached.val() & !self.steps[i + 1].reached.val();
        }
        self.ends[15].next = self.steps[15].reached.val();
        self.ones.next = 0.into();
        if ((self.ends[1].val() | self.ends[3].val()) | (self.ends[5].val() | self.ends[7].val()))
            | ((self.ends[9].val() | self.ends[11].val()) | (self.ends[13].val() | self.ends[15].val()))
        {
            self.ones.next = 1.into();
        }
        self.twos.next = 0.into();
        if ((self.steps[2].reached.val() & !self.steps[4].reached.val())
            | (self.steps[6].reached.val() & !self.steps[8].reached.val()))
            | ((self.steps[10].reached.val() & !self.steps[12].reached.val()) | self.steps[14].reached.val())
        {
            self.twos.next = 2.into();
        }
        self.fours.next = 0.into();
        if (self.steps[4].reached.val() & !self.steps[8].reached.val()) | self.steps[12].reached.val() {
            self.fours.next = 4.into();
        }
        self.eights.next = 0.into();
        if self.steps[8].reached.val() {
            self.eights.next = 8.into();
        }
        self.tier.next = (self.ones.val() | self.twos.val()) | (self.fours.val() | self.eights.val());
        self.charges.read_enable.next = true;
        self.charges.read_address.next = (bit_cast::<CHARGE_INDEX_BITS, BANK_BITS>(self.charge_bank.val())
            << 4)
            | bit_cast::<CHARGE_INDEX_BITS, STEP_BITS>(self.tier.val());
        self.charges.write_enable.next = self.writes.q.val();
        self.charges.write_address.next = (bit_cast::<CHARGE_INDEX_BITS, BANK_BITS>(self.bank.q.val()) << 4)
            | bit_cast::<CHARGE_INDEX_BITS, STEP_BITS>(self.step.q.val());
        self.charges.write_data.next = self.written.q.val();
        self.charge.next = self.charges.read_data.val();
    }
}
