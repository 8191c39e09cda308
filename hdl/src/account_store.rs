//! The accounts' accumulators: read, add, check the range, write back, one account per clock.

use crate::ram::Ram;
use crate::width::{ACCOUNT_BITS, ACCUMULATOR_BITS, CHANGE_BITS, OFFSET_BITS};
use rust_hdl::prelude::*;

/// Clocks from `read_account` to the results; the changes are due one clock after `read_account`.
pub const LATENCY: u64 = 2;

/// An account's word but for its severity: E, R and offset in quanta / S, two's complement.
#[derive(Clone, Copy, Debug, Default, LogicStruct, PartialEq)]
pub struct AccountWord {
    pub equity: Bits<ACCUMULATOR_BITS>,
    pub requirement: Bits<ACCUMULATOR_BITS>,
    pub offset: Bits<OFFSET_BITS>,
    pub bad: bool,
}

/// Read-modify-write of the account RAM.
///
/// Shape: one account per clock, never stalls. An account that follows itself gets the word of its predecessor, which the RAM
/// does not hold yet. A bad account, or one that would leave its range, keeps its word; in a sweep the latter turns bad.
#[derive(LogicBlock)]
pub struct AccountStore {
    pub clock: Signal<In, Clock>,
    pub clear: Signal<In, Bit>,
    pub clear_account: Signal<In, Bits<ACCOUNT_BITS>>,
    pub read: Signal<In, Bit>,
    pub read_account: Signal<In, Bits<ACCOUNT_BITS>>,
    /// The account read one clock ago is to be changed.
    pub apply: Signal<In, Bit>,
    pub apply_account: Signal<In, Bits<ACCOUNT_BITS>>,
    pub equity_change: Signal<In, Bits<CHANGE_BITS>>,
    pub requirement_change: Signal<In, Bits<CHANGE_BITS>>,
    pub has_requirement: Signal<In, Bit>,
    pub sets_offset: Signal<In, Bit>,
    pub even_bad: Signal<In, Bit>,
    pub offset: Signal<In, Bits<OFFSET_BITS>>,
    pub marks_bad: Signal<In, Bit>,
    pub valid_out: Signal<Out, Bit>,
    pub word: Signal<Out, AccountWord>,
    pub was_bad: Signal<Out, Bit>,
    pub out_of_range: Signal<Out, Bit>,
    ram: Ram<AccountWord, ACCOUNT_BITS>,
    valid: DFF<Bit>,
    forward: DFF<Bit>,
    result: DFF<AccountWord>,
    found_bad: DFF<Bit>,
    found_range: DFF<Bit>,
    current: Signal<Local, AccountWord>,
    updated: Signal<Local, AccountWord>,
    equity: Signal<Local, Bits<CHANGE_BITS>>,
    requirement: Signal<Local, Bits<CHANGE_BITS>>,
    equity_sum: Signal<Local, Bits<CHANGE_BITS>>,
    requirement_sum: Signal<Local, Bits<CHANGE_BITS>>,
    equity_top: Signal<Local, Bits<3>>,
    requirement_top: Signal<Local, Bits<3>>,
    range_broken: Signal<Local, Bit>,
    sign_extension: Constant<Bits<CHANGE_BITS>>,
    cleared: Constant<AccountWord>,
}

impl AccountStore {
    pub fn new(accounts: usize) -> Self {
        Self {
            clock: Default::default(),
            clear: Default::default(),
            clear_account: Default::default(),
            read: Default::default(),
            read_account: Default::default(),
            apply: Default::default(),
            apply_account: Default::default(),
            equity_change: Default::default(),
            requirement_change: Default::default(),
            has_requirement: Default::default(),
            sets_offset: Default::default(),
            even_bad: Default::default(),
            offset: Default::default(),
            marks_bad: Default::default(),
            valid_out: Default::default(),
            word: Default::default(),
            was_bad: Default::default(),
            out_of_range: Default::default(),
            ram: Ram::new(accounts),
            valid: Default::default(),
            forward: Default::default(),
            result: Default::default(),
            found_bad: Default::default(),
            found_range: Default::default(),
            current: Default::default(),
            updated: Default::default(),
            equity: Default::default(),
            requirement: Default::default(),
            equity_sum: Default::default(),
            requirement_sum: Default::default(),
            equity_top: Default::default(),
            requirement_top: Default::default(),
            range_broken: Default::default(),
            sign_extension: Constant::new(crate::sign::extension::<CHANGE_BITS>(ACCUMULATOR_BITS)),
            cleared: Constant::new(AccountWord::default()),
        }
    }
}

impl Logic for AccountStore {
    #[hdl_gen]
    fn update(&mut self) {
        dff_setup!(self, clock, valid, forward, result, found_bad, found_range);
        clock!(self, clock, ram);

        self.ram.read_enable.next = self.read.val();
        self.ram.read_address.next = self.read_account.val();
        self.forward.d.next = self.apply.val() & (self.read_account.val() == self.apply_account.val());

        self.current.next = self.ram.read_data.val();
        if self.forward.q.val() {
            self.current.next = self.result.q.val();
        }
        self.equity.next = bit_cast::<CHANGE_BITS, ACCUMULATOR_BITS>(self.current.val().equity);
        if self.equity.val().get_bit(87) {
            self.equity.next = self.equity.val() | self.sign_extension.val();
        }
        self.requirement.next = bit_cast::<CHANGE_BITS, ACCUMULATOR_BITS>(self.current.val().requirement);
        if self.requirement.val().get_bit(87) {
            self.requirement.next = self.requirement.val() | self.sign_extension.val();
        }
        self.equity_sum.next = self.equity.val() + self.equity_change.val();
        self.requirement_sum.next = self.requirement.val();
        if self.has_requirement.val() {
            self.requirement_sum.next = self.requirement.val() + self.requirement_change.val();
        }
        self.equity_top.next = self.equity_sum.val().get_bits::<3>(87);
        self.requirement_top.next = self.requirement_sum.val().get_bits::<3>(87);
        self.range_broken.next = ((self.equity_top.val() != 0) & (self.equity_top.val() != 7))
            | ((self.requirement_top.val() != 0) & (self.requirement_top.val() != 7));

        self.updated.next = self.current.val();
        if !self.current.val().bad {
            if self.range_broken.val() {
                self.updated.next.bad = self.marks_bad.val();
            } else {
                self.updated.next.equity = self.equity_sum.val().get_bits::<ACCUMULATOR_BITS>(0);
                self.updated.next.requirement = self.requirement_sum.val().get_bits::<ACCUMULATOR_BITS>(0);
            }
        }
        if self.sets_offset.val() & (self.even_bad.val() | !self.current.val().bad) {
            self.updated.next.offset = self.offset.val();
        }

        self.valid.d.next = self.apply.val();
        if self.apply.val() {
            self.result.d.next = self.updated.val();
            self.found_bad.d.next = self.current.val().bad;
            self.found_range.d.next = self.range_broken.val() & !self.current.val().bad;
        }
        self.ram.write_enable.next = self.apply.val() | self.clear.val();
        self.ram.write_address.next = self.apply_account.val();
        self.ram.write_data.next = self.updated.val();
        if self.clear.val() {
            self.ram.write_address.next = self.clear_account.val();
            self.ram.write_data.next = self.cleared.val();
        }

        self.valid_out.next = self.valid.q.val();
        self.word.next = self.result.q.val();
        self.was_bad.next = self.found_bad.q.val();
        self.out_of_range.next = self.found_range.q.val();
    }
}
