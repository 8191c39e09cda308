//! A queue of words in RAM, with a register at its output.

use crate::ram::Ram;
use rust_hdl::prelude::*;

/// Clocks from `push` to `valid_out` of an empty queue.
pub const LATENCY: u64 = 1;

/// Queue of 2^`A` words of `W` bits beside the two at its output; `C` is `A + 1`.
///
/// Shape: a push and a pop per clock. There is no answer to a push: its producer keeps within the depth. `valid_out` never
/// waits for `ready_out`, and the word stands until taken. An empty queue hands a word straight to its output.
#[derive(LogicBlock)]
pub struct Queue<const W: usize, const A: usize, const C: usize> {
    pub clock: Signal<In, Clock>,
    pub reset: Signal<In, Bit>,
    pub push: Signal<In, Bit>,
    pub word_in: Signal<In, Bits<W>>,
    pub valid_out: Signal<Out, Bit>,
    pub word_out: Signal<Out, Bits<W>>,
    pub ready_out: Signal<In, Bit>,
    ram: Ram<Bits<W>, A>,
    /// Words in the RAM; those at the output and in the RAM's register are not among them.
    count: DFF<Bits<C>>,
    head: DFF<Bits<A>>,
    tail: DFF<Bits<A>>,
    /// The RAM's register holds the next word.
    fetched: DFF<Bit>,
    valid: DFF<Bit>,
    word: DFF<Bits<W>>,
    takes: Signal<Local, Bit>,
    bypasses: Signal<Local, Bit>,
    stores: Signal<Local, Bit>,
    fetches: Signal<Local, Bit>,
}

impl<const W: usize, const A: usize, const C: usize> Default for Queue<W, A, C> {
    fn default() -> Self {
        assert!(C == A + 1);
        Self {
            clock: Default::default(),
            reset: Default::default(),
            push: Default::default(),
            word_in: Default::default(),
            valid_out: Default::default(),
            word_out: Default::default(),
            ready_out: Default::default(),
            ram: Default::default(),
            count: Default::default(),
            head: Default::default(),
            tail: Default::default(),
            fetched: Default::default(),
            valid: Default::default(),
            word: Default::default(),
            takes: Default::default(),
            bypasses: Default::default(),
            stores: Default::default(),
            fetches: Default::default(),
        }
    }
}

impl<const W: usize, const A: usize, const C: usize> Logic for Queue<W, A, C> {
    #[hdl_gen]
    fn update(&mut self) {
        dff_setup!(self, clock, count, head, tail, fetched, valid, word);
        clock!(self, clock, ram);

        self.takes.next = !self.valid.q.val() | self.ready_out.val();
        self.bypasses.next =
            (self.push.val() & self.takes.val()) & (!self.fetched.q.val() & !self.count.q.val().any());
        self.stores.next = self.push.val() & !self.bypasses.val();
        self.fetches.next = self.count.q.val().any() & (!self.fetched.q.val() | self.takes.val());

        self.ram.write_enable.next = self.stores.val();
        self.ram.write_address.next = self.tail.q.val();
        self.ram.write_data.next = self.word_in.val();
        self.ram.read_enable.next = self.fetches.val();
        self.ram.read_address.next = self.head.q.val();

        if self.takes.val() {
            self.valid.d.next = self.fetched.q.val() | self.bypasses.val();
            self.word.d.next = self.word_in.val();
            if self.fetched.q.val() {
                self.word.d.next = self.ram.read_data.val();
            }
            self.fetched.d.next = false;
        }
        if self.fetches.val() {
            self.fetched.d.next = true;
            self.head.d.next = self.head.q.val() + 1;
        }
        if self.stores.val() {
            self.tail.d.next = self.tail.q.val() + 1;
        }
        if self.stores.val() & !self.fetches.val() {
            self.count.d.next = self.count.q.val() + 1;
        }
        if self.fetches.val() & !self.stores.val() {
            self.count.d.next = self.count.q.val() - 1;
        }
        if self.reset.val() {
            self.tail.d.next = 0.into();
            self.head.d.next = 0.into();
            self.count.d.next = 0.into();
            self.fetched.d.next = false;
            self.valid.d.next = false;
        }
        self.valid_out.next = self.valid.q.val();
        self.word_out.next = self.word.q.val();
    }
}
