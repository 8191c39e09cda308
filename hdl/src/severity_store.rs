//! The accounts' severities: a change of severity is a flag.

use crate::ram::Ram;
use crate::width::{ACCOUNT_BITS, SEVERITY_BITS};
use rust_hdl::prelude::*;

/// Clocks from `read_account` to `changed`; the new severity is due one clock after `read_account`.
pub const LATENCY: u64 = 2;

/// Stores the severity of every compared account and reports the ones that changed.
///
/// Shape: one account per clock, never stalls. An account that follows itself gets the severity of its predecessor.
#[derive(LogicBlock)]
pub struct SeverityStore {
    pub clock: Signal<In, Clock>,
    pub clear: Signal<In, Bit>,
    pub clear_account: Signal<In, Bits<ACCOUNT_BITS>>,
    pub read: Signal<In, Bit>,
    pub read_account: Signal<In, Bits<ACCOUNT_BITS>>,
    /// The account read one clock ago is compared.
    pub compare: Signal<In, Bit>,
    pub compare_account: Signal<In, Bits<ACCOUNT_BITS>>,
    pub severity: Signal<In, Bits<SEVERITY_BITS>>,
    pub changed: Signal<Out, Bit>,
    pub earlier: Signal<Out, Bits<SEVERITY_BITS>>,
    pub later: Signal<Out, Bits<SEVERITY_BITS>>,
    ram: Ram<Bits<SEVERITY_BITS>, ACCOUNT_BITS>,
    forward: DFF<Bit>,
    is_changed: DFF<Bit>,
    was: DFF<Bits<SEVERITY_BITS>>,
    is: DFF<Bits<SEVERITY_BITS>>,
    stored: Signal<Local, Bits<SEVERITY_BITS>>,
}

impl SeverityStore {
    pub fn new(accounts: usize) -> Self {
        Self {
            clock: Default::default(),
            clear: Default::default(),
            clear_account: Default::default(),
            read: Default::default(),
            read_account: Default::default(),
            compare: Default::default(),
            compare_account: Default::default(),
            severity: Default::default(),
            changed: Default::default(),
            earlier: Default::default(),
            later: Default::default(),
            ram: Ram::new(accounts),
            forward: Default::default(),
            is_changed: Default::default(),
            was: Default::default(),
            is: Default::default(),
            stored: Default::default(),
        }
    }
}

impl Logic for SeverityStore {
    #[hdl_gen]
    fn update(&mut self) {
        dff_setup!(self, clock, forward, is_changed, was, is);
        clock!(self, clock, ram);

        self.ram.read_enable.next = self.read.val();
        self.ram.read_address.next = self.read_account.val();
        self.forward.d.next = self.compare.val() & (self.read_account.val() == self.compare_account.val());

        self.stored.next = self.ram.read_data.val();
        if self.forward.q.val() {
            self.stored.next = self.is.q.val();
        }
        self.was.d.next = self.stored.val();
        self.is.d.next = self.stored.val();
        self.is_changed.d.next = false;
        if self.compare.val() {
            self.is.d.next = self.severity.val();
            self.is_changed.d.next = self.stored.val() != self.severity.val();
        }
        self.ram.write_enable.next = self.compare.val() | self.clear.val();
        self.ram.write_address.next = self.compare_account.val();
        self.ram.write_data.next = self.severity.val();
        if self.clear.val() {
            self.ram.write_address.next = self.clear_account.val();
            self.ram.write_data.next = 0.into();
        }

        self.changed.next = self.is_changed.q.val();
        self.earlier.next = self.was.q.val();
        self.later.next = self.is.q.val();
    }
}
