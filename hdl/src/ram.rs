//! Block RAM: one write port, one read port with enable, one clock. The Verilog is the target's `backstop_ram`.

use crate::product::instance;
use rust_hdl::core::prelude::*;
use std::collections::BTreeMap;

/// Clocks of [`Ram`] from `read_address` to `read_data`.
pub const LATENCY: u64 = 1;
/// Clocks of [`RegisteredRam`].
pub const REGISTERED_LATENCY: u64 = 2;

/// RAM of `D`, `A` address bits wide, with as many words as the build needs.
///
/// Shape: a read and a write per clock; a read of the word being written gives the old one. `read_data` keeps its
/// value while `read_enable` is low, so it serves as the register behind the RAM. Addresses past the last word
/// are never written and read as anything.
#[derive(LogicBlock)]
pub struct Ram<D: Synth, const A: usize> {
    pub clock: Signal<In, Clock>,
    pub read_enable: Signal<In, Bit>,
    pub read_address: Signal<In, Bits<A>>,
    pub read_data: Signal<Out, D>,
    pub write_enable: Signal<In, Bit>,
    pub write_address: Signal<In, Bits<A>>,
    pub write_data: Signal<In, D>,
    _words: usize,
    _cells: BTreeMap<Bits<A>, D>,
}

impl<D: Synth, const A: usize> Ram<D, A> {
    pub fn new(words: usize) -> Self {
        assert!(words >= 1 && words <= 1 << A);
        Self {
            clock: Signal::default(),
            read_enable: Signal::default(),
            read_address: Signal::default(),
            read_data: Signal::default(),
            write_enable: Signal::default(),
            write_address: Signal::default(),
            write_data: Signal::default(),
            _words: words,
            _cells: BTreeMap::new(),
        }
    }
}

impl<D: Synth, const A: usize> Default for Ram<D, A> {
    /// As many words as the address can tell.
    fn default() -> Self {
        Self::new(1 << A)
    }
}

impl<D: Synth, const A: usize> Logic for Ram<D, A> {
    fn update(&mut self) {
        if self.clock.pos_edge() {
            if self.read_enable.val() {
                self.read_data.next = self._cells.get(&self.read_address.val()).copied().unwrap_or_default();
            }
            if self.write_enable.val() {
                self._cells.insert(self.write_address.val(), self.write_data.val());
            }
        }
    }

    fn connect(&mut self) {
        self.read_data.connect();
    }

    fn hdl(&self) -> Verilog {
        body("backstop_ram", D::BITS, self._words, A)
    }
}

/// RAM of `D` with an output register: as [`Ram`], but one clock later and with two differences.
///
/// A read of the word that is being written gives **anything** (block RAM of two ports promises no more): its user forwards the written word
/// and heeds nothing that was made of the read one, an error of its code included. The simulators give the complement of
/// the old word. `read_enable` holds the RAM's own output; the register behind it always loads.
#[derive(LogicBlock)]
pub struct RegisteredRam<D: Synth, const A: usize> {
    pub clock: Signal<In, Clock>,
    pub read_enable: Signal<In, Bit>,
    pub read_address: Signal<In, Bits<A>>,
    pub read_data: Signal<Out, D>,
    pub write_enable: Signal<In, Bit>,
    pub write_address: Signal<In, Bits<A>>,
    pub write_data: Signal<In, D>,
    _words: usize,
    _cells: BTreeMap<Bits<A>, D>,
    _read: D,
}

impl<D: Synth, const A: usize> RegisteredRam<D, A> {
    pub fn new(words: usize) -> Self {
        assert!(words >= 1 && words <= 1 << A);
        Self {
            clock: Signal::default(),
            read_enable: Signal::default(),
            read_address: Signal::default(),
            read_data: Signal::default(),
            write_enable: Signal::default(),
            write_address: Signal::default(),
            write_data: Signal::default(),
            _words: words,
            _cells: BTreeMap::new(),
            _read: D::default(),
        }
    }
}

impl<D: Synth, const A: usize> Default for RegisteredRam<D, A> {
    /// As many words as the address can tell.
    fn default() -> Self {
        Self::new(1 << A)
    }
}

impl<D: Synth, const A: usize> Logic for RegisteredRam<D, A> {
    fn update(&mut self) {
        if self.clock.pos_edge() {
            self.read_data.next = self._read;
            if self.read_enable.val() {
                self._read = self._cells.get(&self.read_address.val()).copied().unwrap_or_default();
            }
            if self.write_enable.val() {
                self._cells.insert(self.write_address.val(), self.write_data.val());
            }
        }
    }

    fn connect(&mut self) {
        self.read_data.connect();
    }

    fn hdl(&self) -> Verilog {
        body("backstop_registered_ram", D::BITS, self._words, A)
    }
}

fn body(module: &str, width: usize, depth: usize, address: usize) -> Verilog {
    instance(format!(
        "{module} #(.WIDTH({width}), .DEPTH({depth}), .ADDRESS({address})) ram(
    .clock(clock), .read_enable(read_enable), .read_address(read_address), .read_data(read_data),
    .write_enable(write_enable), .write_address(write_address), .write_data(write_data)
);
"
    ))
}
