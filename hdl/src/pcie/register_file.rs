//! The registers of `model::register` behind an AXI4-Lite slave.

use super::doorbell::{self, Doorbell};
use crate::config::BuildConfig;
use crate::literal::Literal;
use crate::product::instance;
use model::record::ABI_HASH;
use model::register::{self, Register};
use rust_hdl::prelude::*;

/// Clocks from a write offered by the slave to its effect, and from a read to its data.
pub const LATENCY: u64 = 1 + doorbell::LATENCY;

/// `OKAY`, `SLVERR` and `DECERR` of AMBA AXI.
const RESPONSE_BITS: usize = 2;

macro_rules! addresses {
    ($($name:ident: $register:ident,)*) => {
        /// The word addresses of the registers, from `model::register`.
        ///
        /// Shape: wires.
        #[derive(LogicBlock, Default)]
        pub struct Addresses {
            $(pub $name: Signal<Out, Bits<10>>,)*
        }

        impl Logic for Addresses {
            fn update(&mut self) {
                $(self.$name.next = word(&register::$register).into();)*
            }

            fn connect(&mut self) {
                $(self.$name.connect();)*
            }

            fn hdl(&self) -> Verilog {
                let mut text = String::new();
                $(text += &format!("assign {} = 10'd{};\n", stringify!($name), word(&register::$register));)*
                instance(text)
            }
        }
    };
}

fn word(register: &Register) -> u64 {
    u64::from(register.offset / 4)
}

addresses! {
    id: ID,
    version: VERSION,
    abi_hash_low: ABI_HASH_LOW,
    abi_hash_high: ABI_HASH_HIGH,
    lanes: LANES,
    accounts: ACCOUNTS,
    slots: SLOTS,
    instruments: INSTRUMENTS,
    control: CONTROL,
    status: STATUS,
    epoch: EPOCH,
    heartbeat: HEARTBEAT,
    host_heartbeat: HOST_HEARTBEAT,
    watchdog: WATCHDOG,
    in_base_low: IN_BASE_LOW,
    in_base_high: IN_BASE_HIGH,
    in_size: IN_SIZE,
    in_tail: IN_TAIL,
    in_head: IN_HEAD,
    out_base_low: OUT_BASE_LOW,
    out_base_high: OUT_BASE_HIGH,
    out_size: OUT_SIZE,
    out_head: OUT_HEAD,
    out_tail: OUT_TAIL,
    index_base_low: INDEX_BASE_LOW,
    index_base_high: INDEX_BASE_HIGH,
    irq_arm: IRQ_ARM,
    irq_interval: IRQ_INTERVAL,
    read_errors: READ_ERRORS,
    write_errors: WRITE_ERRORS,
    index_errors: INDEX_ERRORS,
    push_errors: PUSH_ERRORS,
    access_errors: ACCESS_ERRORS,
    ecc_corrected: ECC_CORRECTED,
    ecc_uncorrected: ECC_UNCORRECTED,
    records_in: RECORDS_IN,
    records_out: RECORDS_OUT,
    full_clocks: FULL_CLOCKS,
    push: PUSH,
}

/// Which register a write goes to, and whether it may.
#[derive(Clone, Copy, Debug, Default, LogicStruct, PartialEq)]
pub struct Target {
    pub control: bool,
    pub epoch: bool,
    pub host_heartbeat: bool,
    pub watchdog: bool,
    pub in_base_low: bool,
    pub in_base_high: bool,
    pub in_size: bool,
    pub in_tail: bool,
    pub out_base_low: bool,
    pub out_base_high: bool,
    pub out_size: bool,
    pub out_head: bool,
    pub index_base_low: bool,
    pub index_base_high: bool,
    pub irq_arm: bool,
    pub irq_interval: bool,
    pub push: bool,
    /// A register is there.
    pub exists: bool,
    /// Written only while the rings stand.
    pub setup: bool,
    /// The word is whole, aligned and within the register's range.
    pub sound: bool,
}

/// All registers with their counters, and the doorbells' checks.
///
/// Shape: one write and one read at a time. Pulses in are counted; levels out stand. A write that is refused changes nothing but a counter and
/// is answered by `SLVERR`, one where no register is by `DECERR`.
#[derive(LogicBlock, Default)]
pub struct RegisterFile {
    pub clock: Signal<In, Clock>,
    pub reset: Signal<In, Bit>,
    /// Resets what the host configured to run, not what it set up, and no counter.
    pub clear: Signal<In, Bit>,
    pub running: Signal<In, Bit>,
    pub outstanding: Signal<In, Bit>,
    pub drained: Signal<In, Bit>,
    pub read_fault: Signal<In, Bit>,
    pub write_fault: Signal<In, Bit>,
    pub host_lost: Signal<In, Bit>,
    pub full: Signal<In, Bit>,
    pub heartbeat: Signal<In, Bits<32>>,
    pub in_head: Signal<In, Bits<32>>,
    pub out_tail: Signal<In, Bits<32>>,
    pub ecc_corrected: Signal<In, Bits<32>>,
    pub ecc_uncorrected: Signal<In, Bits<32>>,
    pub read_error: Signal<In, Bit>,
    pub write_error: Signal<In, Bit>,
    pub record_in: Signal<In, Bit>,
    pub record_out: Signal<In, Bit>,
    pub push_refused: Signal<In, Bit>,

    /// A write or a read, offered by the slave and answered by `done`.
    pub write: Signal<In, Bit>,
    pub write_address: Signal<In, Bits<12>>,
    pub write_data: Signal<In, Bits<32>>,
    pub write_strobe: Signal<In, Bits<4>>,
    pub write_done: Signal<Out, Bit>,
    pub write_response: Signal<Out, Bits<2>>,
    pub read: Signal<In, Bit>,
    pub read_address: Signal<In, Bits<12>>,
    pub read_done: Signal<Out, Bit>,
    pub read_data: Signal<Out, Bits<32>>,
    pub read_response: Signal<Out, Bits<2>>,

    pub enabled: Signal<Out, Bit>,
    pub quiesced: Signal<Out, Bit>,
    pub soft_reset: Signal<Out, Bit>,
    /// A write enables the rings.
    pub enables: Signal<Out, Bit>,
    pub host_beat: Signal<Out, Bit>,
    pub watchdog: Signal<Out, Bits<32>>,
    pub in_base: Signal<Out, Bits<52>>,
    pub in_mask: Signal<Out, Bits<20>>,
    pub in_tail: Signal<Out, Bits<32>>,
    pub out_base: Signal<Out, Bits<52>>,
    pub out_mask: Signal<Out, Bits<20>>,
    pub out_head: Signal<Out, Bits<32>>,
    pub index_base: Signal<Out, Bits<59>>,
    pub status: Signal<Out, Bits<32>>,
    pub arm: Signal<Out, Bit>,
    pub arm_index: Signal<Out, Bits<32>>,
    pub interval: Signal<Out, Bits<32>>,
    pub push: Signal<Out, Bit>,
    pub push_place: Signal<Out, Bits<3>>,
    pub push_word: Signal<Out, Bits<32>>,

    at: Addresses,
    id: Literal<32>,
    version: Literal<32>,
    abi_hash_low: Literal<32>,
    abi_hash_high: Literal<32>,
    lanes: Literal<32>,
    accounts: Literal<32>,
    slots: Literal<32>,
    instruments: Literal<32>,
    tail: Doorbell,
    head: Doorbell,

    target: DFF<Target>,
    data: DFF<Bits<32>>,
    place: DFF<Bits<3>>,
    judges: DFF<Bit>,
    waits: DFF<Bit>,
    answers: DFF<Bit>,
    answer: DFF<Bits<RESPONSE_BITS>>,
    rang: DFF<Bit>,
    pushed: DFF<Bit>,
    read_word: DFF<Bits<32>>,
    read_exists: DFF<Bit>,
    read_aligned: DFF<Bit>,
    read_answers: DFF<Bit>,

    enable: DFF<Bit>,
    quiesce: DFF<Bit>,
    resets: DFF<Bit>,
    enabling: DFF<Bit>,
    epoch: DFF<Bits<32>>,
    beat: DFF<Bit>,
    beat_word: DFF<Bits<32>>,
    watchdog_limit: DFF<Bits<32>>,
    in_base_low: DFF<Bits<20>>,
    in_base_high: DFF<Bits<32>>,
    in_size: DFF<Bits<5>>,
    in_last: DFF<Bits<20>>,
    in_limit: DFF<Bits<32>>,
    out_base_low: DFF<Bits<20>>,
    out_base_high: DFF<Bits<32>>,
    out_size: DFF<Bits<5>>,
    out_last: DFF<Bits<20>>,
    index_base_low: DFF<Bits<27>>,
    index_base_high: DFF<Bits<32>>,
    arms: DFF<Bit>,
    irq_interval: DFF<Bits<32>>,
    read_errors: DFF<Bits<32>>,
    write_errors: DFF<Bits<32>>,
    index_errors: DFF<Bits<32>>,
    push_errors: DFF<Bits<32>>,
    access_errors: DFF<Bits<32>>,
    records_in: DFF<Bits<32>>,
    records_out: DFF<Bits<32>>,
    full_clocks: DFF<Bits<32>>,
    index_fault: DFF<Bit>,
    push_fault: DFF<Bit>,
    state: DFF<Bits<32>>,

    word: Signal<Local, Bits<10>>,
    value: Signal<Local, Bits<32>>,
    is_size: Signal<Local, Bit>,
    exists: Signal<Local, Bit>,
    stands: Signal<Local, Bit>,
    writable: Signal<Local, Bit>,
    acts: Signal<Local, Bit>,
    index_refused: Signal<Local, Bit>,
    write_refused: Signal<Local, Bit>,
    read_refused: Signal<Local, Bit>,
    read_at: Signal<Local, Bits<10>>,
    in_places: Signal<Local, Bits<21>>,
    out_places: Signal<Local, Bits<21>>,
    in_less: Signal<Local, Bits<21>>,
    out_less: Signal<Local, Bits<21>>,
}

impl RegisterFile {
    pub fn new(config: &BuildConfig) -> Self {
        Self {
            id: Literal::new(register::ID_VALUE.into()),
            version: Literal::new(register::VERSION_VALUE.into()),
            abi_hash_low: Literal::new(ABI_HASH & u64::from(u32::MAX)),
            abi_hash_high: Literal::new(ABI_HASH >> 32),
            lanes: Literal::new(config.lanes.into()),
            accounts: Literal::new(config.accounts.into()),
            slots: Literal::new(config.slots.into()),
            instruments: Literal::new(config.instruments.into()),
            ..Default::default()
        }
    }
}

impl Logic for RegisterFile {
    #[hdl_gen]
    fn update(&mut self) {
        dff_setup!(self, clock, target, data, place, judges, waits, answers, answer, rang, pushed);
        dff_setup!(self, clock, read_word, read_exists, read_aligned, read_answers);
        dff_setup!(self, clock, enable, quiesce, resets, enabling, epoch, beat, beat_word, watchdog_limit);
        dff_setup!(self, clock, in_base_low, in_base_high, in_size, in_last, in_limit);
        dff_setup!(
            self,
            clock,
            out_base_low,
            out_base_high,
            out_size,
            out_last,
            index_base_low,
            index_base_high
        );
        dff_setup!(self, clock, arms, irq_interval, read_errors, write_errors, index_errors, push_errors);
        dff_setup!(
            self,
            clock,
            access_errors,
            records_in,
            records_out,
            full_clocks,
            index_fault,
            push_fault,
            state
        );
        clock!(self, clock, tail, head);

        // A write, first clock: which register, and is the word sound.
        self.word.next = self.write_address.val().get_bits::<10>(2);
        self.value.next = self.write_data.val();
        self.is_size.next = (self.value.val() >= 7) & (self.value.val() <= 20);
        self.exists.next = self.word.val().get_bits::<7>(3) == self.at.push.val().get_bits::<7>(3);
        if self.word.val() == self.at.id.val() {
            self.exists.next = true;
        }
        if self.word.val() == self.at.version.val() {
            self.exists.next = true;
        }
        if self.word.val() == self.at.abi_hash_low.val() {
            self.exists.next = true;
        }
        if self.word.val() == self.at.abi_hash_high.val() {
            self.exists.next = true;
        }
        if self.word.val() == self.at.lanes.val() {
            self.exists.next = true;
        }
        if self.word.val() == self.at.accounts.val() {
            self.exists.next = true;
        }
        if self.word.val() == self.at.slots.val() {
            self.exists.next = true;
        }
        if self.word.val() == self.at.instruments.val() {
            self.exists.next = true;
        }
        if self.word.val() == self.at.status.val() {
            self.exists.next = true;
        }
        if self.word.val() == self.at.epoch.val() {
            self.exists.next = true;
        }
        if self.word.val() == self.at.heartbeat.val() {
            self.exists.next = true;
        }
        if self.word.val() == self.at.host_heartbeat.val() {
            self.exists.next = true;
        }
        if self.word.val() == self.at.watchdog.val() {
            self.exists.next = true;
        }
        if self.word.val() == self.at.in_base_low.val() {
            self.exists.next = true;
        }
        if self.word.val() == self.at.in_base_high.val() {
            self.exists.next = true;
        }
        if self.word.val() == self.at.in_size.val() {
            self.exists.next = true;
        }
        if self.word.val() == self.at.in_tail.val() {
            self.exists.next = true;
        }
        if self.word.val() == self.at.in_head.val() {
            self.exists.next = true;
        }
        if self.word.val() == self.at.out_base_low.val() {
            self.exists.next = true;
        }
        if self.word.val() == self.at.out_base_high.val() {
            self.exists.next = true;
        }
        if self.word.val() == self.at.out_size.val() {
            self.exists.next = true;
        }
        if self.word.val() == self.at.out_head.val() {
            self.exists.next = true;
        }
        if self.word.val() == self.at.out_tail.val() {
            self.exists.next = true;
        }
        if self.word.val() == self.at.index_base_low.val() {
            self.exists.next = true;
        }
        if self.word.val() == self.at.index_base_high.val() {
            self.exists.next = true;
        }
        if self.word.val() == self.at.irq_arm.val() {
            self.exists.next = true;
        }
        if self.word.val() == self.at.irq_interval.val() {
            self.exists.next = true;
        }
        if self.word.val() == self.at.read_errors.val() {
            self.exists.next = true;
        }
        if self.word.val() == self.at.write_errors.val() {
            self.exists.next = true;
        }
        if self.word.val() == self.at.index_errors.val() {
            self.exists.next = true;
        }
        if self.word.val() == self.at.push_errors.val() {
            self.exists.next = true;
        }
        if self.word.val() == self.at.access_errors.val() {
            self.exists.next = true;
        }
        if self.word.val() == self.at.ecc_corrected.val() {
            self.exists.next = true;
        }
        if self.word.val() == self.at.ecc_uncorrected.val() {
            self.exists.next = true;
        }
        if self.word.val() == self.at.records_in.val() {
            self.exists.next = true;
        }
        if self.word.val() == self.at.records_out.val() {
            self.exists.next = true;
        }
        if self.word.val() == self.at.full_clocks.val() {
            self.exists.next = true;
        }
        if self.word.val() == self.at.control.val() {
            self.exists.next = true;
        }
        self.judges.d.next = self.write.val();
        self.data.d.next = self.value.val();
        self.place.d.next = self.write_address.val().get_bits::<3>(2);
        self.target.d.next.control = self.word.val() == self.at.control.val();
        self.target.d.next.epoch = self.word.val() == self.at.epoch.val();
        self.target.d.next.host_heartbeat = self.word.val() == self.at.host_heartbeat.val();
        self.target.d.next.watchdog = self.word.val() == self.at.watchdog.val();
        self.target.d.next.in_base_low = self.word.val() == self.at.in_base_low.val();
        self.target.d.next.in_base_high = self.word.val() == self.at.in_base_high.val();
        self.target.d.next.in_size = self.word.val() == self.at.in_size.val();
        self.target.d.next.in_tail = self.word.val() == self.at.in_tail.val();
        self.target.d.next.out_base_low = self.word.val() == self.at.out_base_low.val();
        self.target.d.next.out_base_high = self.word.val() == self.at.out_base_high.val();
        self.target.d.next.out_size = self.word.val() == self.at.out_size.val();
        self.target.d.next.out_head = self.word.val() == self.at.out_head.val();
        self.target.d.next.index_base_low = self.word.val() == self.at.index_base_low.val();
        self.target.d.next.index_base_high = self.word.val() == self.at.index_base_high.val();
        self.target.d.next.irq_arm = self.word.val() == self.at.irq_arm.val();
        self.target.d.next.irq_interval = self.word.val() == self.at.irq_interval.val();
        self.target.d.next.push = self.word.val().get_bits::<7>(3) == self.at.push.val().get_bits::<7>(3);
        self.target.d.next.exists = self.exists.val();
        self.target.d.next.setup = false;
        self.target.d.next.sound =
            (self.write_strobe.val() == 15) & !self.write_address.val().get_bits::<2>(0).any();
        if (self.word.val() == self.at.in_base_low.val()) | (self.word.val() == self.at.out_base_low.val()) {
            self.target.d.next.setup = true;
            if self.value.val().get_bits::<12>(0).any() {
                self.target.d.next.sound = false;
            }
        }
        if self.word.val() == self.at.index_base_low.val() {
            self.target.d.next.setup = true;
            if self.value.val().get_bits::<5>(0).any() {
                self.target.d.next.sound = false;
            }
        }
        if ((self.word.val() == self.at.in_base_high.val())
            | (self.word.val() == self.at.out_base_high.val()))
            | (self.word.val() == self.at.index_base_high.val())
        {
            self.target.d.next.setup = true;
        }
        if (self.word.val() == self.at.in_size.val()) | (self.word.val() == self.at.out_size.val()) {
            self.target.d.next.setup = true;
            if !self.is_size.val() {
                self.target.d.next.sound = false;
            }
        }
        if (self.word.val() == self.at.control.val()) & self.value.val().get_bits::<29>(3).any() {
            self.target.d.next.sound = false;
        }

        // Second clock: the effect.
        self.stands.next = (self.running.val() & !self.enable.q.val()) & !self.outstanding.val();
        self.writable.next = (((self.target.q.val().control & self.running.val())
            | (self.target.q.val().epoch | self.target.q.val().host_heartbeat))
            | ((self.target.q.val().watchdog | self.target.q.val().irq_arm)
                | (self.target.q.val().irq_interval | self.target.q.val().push)))
            | (((self.target.q.val().in_tail | self.target.q.val().out_head) & self.running.val())
                | (self.target.q.val().setup & self.stands.val()));
        self.acts.next = (self.judges.q.val() & self.target.q.val().sound) & self.writable.val();
        self.resets.d.next = false;
        self.enabling.d.next = false;
        self.beat.d.next = false;
        self.arms.d.next = false;
        if self.acts.val() {
            if self.target.q.val().control {
                self.enable.d.next = self.data.q.val().get_bit(0);
                self.quiesce.d.next = self.data.q.val().get_bit(1);
                self.enabling.d.next = self.data.q.val().get_bit(0);
                self.resets.d.next = self.data.q.val().get_bit(2);
            }
            if self.target.q.val().epoch {
                self.epoch.d.next = self.data.q.val();
            }
            if self.target.q.val().host_heartbeat {
                self.beat.d.next = true;
                self.beat_word.d.next = self.data.q.val();
            }
            if self.target.q.val().watchdog {
                self.watchdog_limit.d.next = self.data.q.val();
            }
            if self.target.q.val().in_base_low {
                self.in_base_low.d.next = self.data.q.val().get_bits::<20>(12);
            }
            if self.target.q.val().in_base_high {
                self.in_base_high.d.next = self.data.q.val();
            }
            if self.target.q.val().in_size {
                self.in_size.d.next = self.data.q.val().get_bits::<5>(0);
            }
            if self.target.q.val().out_base_low {
                self.out_base_low.d.next = self.data.q.val().get_bits::<20>(12);
            }
            if self.target.q.val().out_base_high {
                self.out_base_high.d.next = self.data.q.val();
            }
            if self.target.q.val().out_size {
                self.out_size.d.next = self.data.q.val().get_bits::<5>(0);
            }
            if self.target.q.val().index_base_low {
                self.index_base_low.d.next = self.data.q.val().get_bits::<27>(5);
            }
            if self.target.q.val().index_base_high {
                self.index_base_high.d.next = self.data.q.val();
            }
            if self.target.q.val().irq_arm {
                self.arms.d.next = true;
            }
            if self.target.q.val().irq_interval {
                self.irq_interval.d.next = self.data.q.val();
            }
        }
        self.push.next = self.acts.val() & self.target.q.val().push;
        self.push_place.next = self.place.q.val();
        self.push_word.next = self.data.q.val();
        self.tail.rung.next = self.acts.val() & self.target.q.val().in_tail;
        self.tail.value.next = self.data.q.val();
        self.tail.limit.next = self.in_limit.q.val();
        self.head.rung.next = self.acts.val() & self.target.q.val().out_head;
        self.head.value.next = self.data.q.val();
        self.head.limit.next = self.out_tail.val();

        // Third and fourth: the response.
        self.waits.d.next = self.judges.q.val();
        self.answers.d.next = self.waits.q.val();
        if self.judges.q.val() {
            self.answer.d.next = 2.into();
            if self.acts.val() & !self.push_refused.val() {
                self.answer.d.next = 0.into();
            }
            if !self.target.q.val().exists {
                self.answer.d.next = 3.into();
            }
            self.rang.d.next = self.acts.val() & (self.target.q.val().in_tail | self.target.q.val().out_head);
            self.pushed.d.next = self.acts.val() & self.target.q.val().push;
        }
        self.index_refused.next = (self.answers.q.val() & self.rang.q.val())
            & !(self.tail.accepted.val() | self.head.accepted.val());
        self.write_done.next = self.answers.q.val();
        self.write_response.next = self.answer.q.val();
        if self.index_refused.val() {
            self.write_response.next = 2.into();
        }
        self.write_refused.next =
            ((self.answers.q.val() & self.answer.q.val().any()) & !self.pushed.q.val()) & !self.rang.q.val();

        // A read.
        self.read_at.next = self.read_address.val().get_bits::<10>(2);
        self.read_aligned.d.next = !self.read_address.val().get_bits::<2>(0).any();
        self.read_answers.d.next = self.read.val();
        self.read_exists.d.next = true;
        self.read_word.d.next = 0.into();
        if self.read_at.val() == self.at.id.val() {
            self.read_word.d.next = self.id.value.val();
        } else if self.read_at.val() == self.at.version.val() {
            self.read_word.d.next = self.version.value.val();
        } else if self.read_at.val() == self.at.abi_hash_low.val() {
            self.read_word.d.next = self.abi_hash_low.value.val();
        } else if self.read_at.val() == self.at.abi_hash_high.val() {
            self.read_word.d.next = self.abi_hash_high.value.val();
        } else if self.read_at.val() == self.at.lanes.val() {
            self.read_word.d.next = self.lanes.value.val();
        } else if self.read_at.val() == self.at.accounts.val() {
            self.read_word.d.next = self.accounts.value.val();
        } else if self.read_at.val() == self.at.slots.val() {
            self.read_word.d.next = self.slots.value.val();
        } else if self.read_at.val() == self.at.instruments.val() {
            self.read_word.d.next = self.instruments.value.val();
        } else if self.read_at.val() == self.at.status.val() {
            self.read_word.d.next = self.state.q.val();
        } else if self.read_at.val() == self.at.epoch.val() {
            self.read_word.d.next = self.epoch.q.val();
        } else if self.read_at.val() == self.at.heartbeat.val() {
            self.read_word.d.next = self.heartbeat.val();
        } else if self.read_at.val() == self.at.host_heartbeat.val() {
            self.read_word.d.next = self.beat_word.q.val();
        } else if self.read_at.val() == self.at.watchdog.val() {
            self.read_word.d.next = self.watchdog_limit.q.val();
        } else if self.read_at.val() == self.at.in_base_low.val() {
            self.read_word.d.next = bit_cast::<32, 20>(self.in_base_low.q.val()) << 12;
        } else if self.read_at.val() == self.at.in_base_high.val() {
            self.read_word.d.next = self.in_base_high.q.val();
        } else if self.read_at.val() == self.at.in_size.val() {
            self.read_word.d.next = bit_cast::<32, 5>(self.in_size.q.val());
        } else if self.read_at.val() == self.at.in_tail.val() {
            self.read_word.d.next = self.tail.index.val();
        } else if self.read_at.val() == self.at.in_head.val() {
            self.read_word.d.next = self.in_head.val();
        } else if self.read_at.val() == self.at.out_base_low.val() {
            self.read_word.d.next = bit_cast::<32, 20>(self.out_base_low.q.val()) << 12;
        } else if self.read_at.val() == self.at.out_base_high.val() {
            self.read_word.d.next = self.out_base_high.q.val();
        } else if self.read_at.val() == self.at.out_size.val() {
            self.read_word.d.next = bit_cast::<32, 5>(self.out_size.q.val());
        } else if self.read_at.val() == self.at.out_head.val() {
            self.read_word.d.next = self.head.index.val();
        } else if self.read_at.val() == self.at.out_tail.val() {
            self.read_word.d.next = self.out_tail.val();
        } else if self.read_at.val() == self.at.index_base_low.val() {
            self.read_word.d.next = bit_cast::<32, 27>(self.index_base_low.q.val()) << 5;
        } else if self.read_at.val() == self.at.index_base_high.val() {
            self.read_word.d.next = self.index_base_high.q.val();
        } else if self.read_at.val() == self.at.irq_arm.val() {
            self.read_word.d.next = bits::<32>(0);
        } else if self.read_at.val() == self.at.irq_interval.val() {
            self.read_word.d.next = self.irq_interval.q.val();
        } else if self.read_at.val() == self.at.read_errors.val() {
            self.read_word.d.next = self.read_errors.q.val();
        } else if self.read_at.val() == self.at.write_errors.val() {
            self.read_word.d.next = self.write_errors.q.val();
        } else if self.read_at.val() == self.at.index_errors.val() {
            self.read_word.d.next = self.index_errors.q.val();
        } else if self.read_at.val() == self.at.push_errors.val() {
            self.read_word.d.next = self.push_errors.q.val();
        } else if self.read_at.val() == self.at.access_errors.val() {
            self.read_word.d.next = self.access_errors.q.val();
        } else if self.read_at.val() == self.at.ecc_corrected.val() {
            self.read_word.d.next = self.ecc_corrected.val();
        } else if self.read_at.val() == self.at.ecc_uncorrected.val() {
            self.read_word.d.next = self.ecc_uncorrected.val();
        } else if self.read_at.val() == self.at.records_in.val() {
            self.read_word.d.next = self.records_in.q.val();
        } else if self.read_at.val() == self.at.records_out.val() {
            self.read_word.d.next = self.records_out.q.val();
        } else if self.read_at.val() == self.at.full_clocks.val() {
            self.read_word.d.next = self.full_clocks.q.val();
        } else if self.read_at.val() == self.at.control.val() {
            self.read_word.d.next =
                bits::<32>(0).replace_bit(0, self.enable.q.val()).replace_bit(1, self.quiesce.q.val());
        } else if self.read_at.val().get_bits::<7>(3) == self.at.push.val().get_bits::<7>(3) {
            self.read_word.d.next = 0.into();
        } else {
            self.read_exists.d.next = false;
        }
        self.read_done.next = self.read_answers.q.val();
        self.read_data.next = 0.into();
        self.read_response.next = 3.into();
        if self.read_exists.q.val() {
            self.read_response.next = 2.into();
            if self.read_aligned.q.val() {
                self.read_response.next = 0.into();
                self.read_data.next = self.read_word.q.val();
            }
        }
        self.read_refused.next =
            self.read_answers.q.val() & !(self.read_exists.q.val() & self.read_aligned.q.val());

        // Counters.
        if self.read_error.val() {
            self.read_errors.d.next = self.read_errors.q.val() + 1;
        }
        if self.write_error.val() {
            self.write_errors.d.next = self.write_errors.q.val() + 1;
        }
        if self.index_refused.val() {
            self.index_errors.d.next = self.index_errors.q.val() + 1;
            self.index_fault.d.next = true;
        }
        if self.push_refused.val() {
            self.push_errors.d.next = self.push_errors.q.val() + 1;
            self.push_fault.d.next = true;
        }
        if self.write_refused.val() & self.read_refused.val() {
            self.access_errors.d.next = self.access_errors.q.val() + 2;
        }
        if self.write_refused.val() ^ self.read_refused.val() {
            self.access_errors.d.next = self.access_errors.q.val() + 1;
        }
        if self.record_in.val() {
            self.records_in.d.next = self.records_in.q.val() + 1;
        }
        if self.record_out.val() {
            self.records_out.d.next = self.records_out.q.val() + 1;
        }
        if self.full.val() {
            self.full_clocks.d.next = self.full_clocks.q.val() + 1;
        }

        // In the order of `STATUS_BITS`.
        self.state.d.next = bits::<32>(0)
            .replace_bit(0, !self.running.val())
            .replace_bit(1, self.drained.val())
            .replace_bit(2, !self.outstanding.val())
            .replace_bit(3, self.read_fault.val())
            .replace_bit(4, self.write_fault.val())
            .replace_bit(5, self.index_fault.q.val())
            .replace_bit(6, self.push_fault.q.val())
            .replace_bit(7, self.host_lost.val())
            .replace_bit(8, self.full.val());

        self.in_places.next = bits::<21>(1) << bit_cast::<21, 5>(self.in_size.q.val());
        self.in_less.next = self.in_places.val() - 1;
        self.in_last.d.next = self.in_less.val().get_bits::<20>(0);
        self.out_places.next = bits::<21>(1) << bit_cast::<21, 5>(self.out_size.q.val());
        self.out_less.next = self.out_places.val() - 1;
        self.out_last.d.next = self.out_less.val().get_bits::<20>(0);
        self.in_limit.d.next = (self.in_head.val() + bit_cast::<32, 20>(self.in_last.q.val())) + 1;

        if self.clear.val() {
            self.enable.d.next = false;
            self.quiesce.d.next = false;
            self.epoch.d.next = 0.into();
            self.index_fault.d.next = false;
            self.push_fault.d.next = false;
        }
        self.tail.reset.next = self.clear.val();
        self.head.reset.next = self.clear.val();
        if self.reset.val() {
            self.judges.d.next = false;
            self.waits.d.next = false;
            self.answers.d.next = false;
            self.read_answers.d.next = false;
            self.watchdog_limit.d.next = 0.into();
            self.in_base_low.d.next = 0.into();
            self.in_base_high.d.next = 0.into();
            self.in_size.d.next = 7.into();
            self.out_base_low.d.next = 0.into();
            self.out_base_high.d.next = 0.into();
            self.out_size.d.next = 7.into();
            self.index_base_low.d.next = 0.into();
            self.index_base_high.d.next = 0.into();
            self.irq_interval.d.next = 0.into();
            self.beat_word.d.next = 0.into();
            self.read_errors.d.next = 0.into();
            self.write_errors.d.next = 0.into();
            self.index_errors.d.next = 0.into();
            self.push_errors.d.next = 0.into();
            self.access_errors.d.next = 0.into();
            self.records_in.d.next = 0.into();
            self.records_out.d.next = 0.into();
            self.full_clocks.d.next = 0.into();
        }

        self.enabled.next = self.enable.q.val();
        self.quiesced.next = self.quiesce.q.val();
        self.soft_reset.next = self.resets.q.val();
        self.enables.next = self.enabling.q.val();
        self.host_beat.next = self.beat.q.val();
        self.watchdog.next = self.watchdog_limit.q.val();
        self.in_base.next = (bit_cast::<52, 32>(self.in_base_high.q.val()) << 20)
            | bit_cast::<52, 20>(self.in_base_low.q.val());
        self.in_mask.next = self.in_last.q.val();
        self.in_tail.next = self.tail.index.val();
        self.out_base.next = (bit_cast::<52, 32>(self.out_base_high.q.val()) << 20)
            | bit_cast::<52, 20>(self.out_base_low.q.val());
        self.out_mask.next = self.out_last.q.val();
        self.out_head.next = self.head.index.val();
        self.index_base.next = (bit_cast::<59, 32>(self.index_base_high.q.val()) << 27)
            | bit_cast::<59, 27>(self.index_base_low.q.val());
        self.status.next = self.state.q.val();
        self.arm.next = self.arms.q.val();
        self.arm_index.next = self.data.q.val();
        self.interval.next = self.irq_interval.q.val();
    }
}
