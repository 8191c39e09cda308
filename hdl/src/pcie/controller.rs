//! Reset: transfers first, then the machine and everything that counts records.

use rust_hdl::prelude::*;

/// Clocks from the last outstanding transfer to the machine's reset.
pub const LATENCY: u64 = 1;

/// Where a reset is.
#[derive(Clone, Copy, Debug, LogicState, PartialEq)]
pub enum Phase {
    /// The machine's reset is raised until its clock domain has seen it.
    Hold,
    /// And falls again.
    Release,
    /// The machine clears its RAM.
    Clear,
    Run,
    /// Nothing more is asked of the bus; what was asked for must come.
    Stop,
}

/// Takes the machine and the rings through a reset.
///
/// Shape: levels. `clear` resets all that counts records on the bus side; `machine_reset` goes to the machine's clock domain, which
/// answers with `machine_in_reset` and `machine_ready`, synchronized.
#[derive(LogicBlock, Default)]
pub struct Controller {
    pub clock: Signal<In, Clock>,
    pub reset: Signal<In, Bit>,
    pub soft_reset: Signal<In, Bit>,
    pub outstanding: Signal<In, Bit>,
    pub machine_in_reset: Signal<In, Bit>,
    pub machine_ready: Signal<In, Bit>,
    pub machine_reset: Signal<Out, Bit>,
    pub clear: Signal<Out, Bit>,
    pub running: Signal<Out, Bit>,
    phase: DFF<Phase>,
    raised: DFF<Bit>,
    /// Clocks in Stop, up to those that a stop takes to reach the rings.
    patience: DFF<Bits<3>>,
    clears: DFF<Bit>,
    runs: DFF<Bit>,
}

impl Logic for Controller {
    // A kernel's match becomes a case statement: it has no guards.
    #[allow(clippy::collapsible_match)]
    #[hdl_gen]
    fn update(&mut self) {
        dff_setup!(self, clock, phase, raised, patience, clears, runs);
        match self.phase.q.val() {
            Phase::Hold => {
                if self.machine_in_reset.val() & self.raised.q.val() {
                    self.phase.d.next = Phase::Release;
                }
            }
            Phase::Release => {
                if !self.machine_in_reset.val() & !self.raised.q.val() {
                    self.phase.d.next = Phase::Clear;
                }
            }
            Phase::Clear => {
                if self.machine_ready.val() {
                    self.phase.d.next = Phase::Run;
                }
            }
            Phase::Run => {
                if self.soft_reset.val() {
                    self.phase.d.next = Phase::Stop;
                    self.patience.d.next = 0.into();
                }
            }
            Phase::Stop => {
                if self.patience.q.val() != 7 {
                    self.patience.d.next = self.patience.q.val() + 1;
                } else if !self.outstanding.val() {
                    self.phase.d.next = Phase::Hold;
                }
            }
            _ => {}
        }
        if self.reset.val() {
            self.phase.d.next = Phase::Hold;
        }
        self.raised.d.next = self.phase.q.val() == Phase::Hold;
        self.clears.d.next = (self.phase.q.val() == Phase::Hold) | (self.phase.q.val() == Phase::Release);
        self.runs.d.next = (self.phase.q.val() == Phase::Run) & !self.soft_reset.val();
        if self.reset.val() {
            self.clears.d.next = true;
            self.runs.d.next = false;
        }
        self.machine_reset.next = self.raised.q.val();
        self.clear.next = self.clears.q.val();
        self.running.next = self.runs.q.val();
    }
}
