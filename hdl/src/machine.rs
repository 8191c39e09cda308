//! The machine: one front, `L` lanes, one merge.

use crate::command::{InstrumentWord, Kind};
use crate::config::BuildConfig;
use crate::front::{self, Front};
use crate::merge::{self, Merge};
use crate::width::{ACCOUNT_BITS, RECORD_BITS, SCALE_BITS};
use rust_hdl::core::prelude::*;
use rust_hdl::prelude::*;

/// Clocks from a record at the input to its answer at the output, beside those of the lane.
pub const LATENCY: u64 = front::LATENCY + merge::LATENCY;

/// Name of the lane's module, which is emitted once, beside the machine.
pub const LANE_MODULE: &str = "backstop_lane";

macro_rules! lane_box {
    (in { $($input:ident: $input_type:ty,)* } out { $($output:ident: $output_type:ty,)* }) => {
        /// An instance of the module [`LANE_MODULE`]: the ports of `crate::lane::Lane` and nothing in it, so that the lane is
        /// emitted once and not once a copy.
        ///
        /// Shape: that of the lane.
        #[derive(LogicBlock, Default)]
        pub struct LaneBox {
            $(pub $input: Signal<In, $input_type>,)*
            $(pub $output: Signal<Out, $output_type>,)*
        }

        impl Logic for LaneBox {
            fn update(&mut self) {}

            fn connect(&mut self) {
                $(self.$output.connect();)*
            }

            fn hdl(&self) -> Verilog {
                let ports = [$(stringify!($input),)* $(stringify!($output),)*];
                let ports = ports.map(|port| format!("    .{port}({port})"));
                Verilog::Wrapper(Wrapper {
                    code: format!("{LANE_MODULE} lane(\n{}\n);\n", ports.join(",\n")),
                    cores: String::new(),
                })
            }
        }
    };
}

lane_box! {
    in {
        clock: Clock,
        reset: Bit,
        lane_index: Bits<8>,
        scale: Bits<SCALE_BITS>,
        command_record: Bits<RECORD_BITS>,
        command_row: Bits<ACCOUNT_BITS>,
        command_kind: Kind,
        command_reason: Bits<8>,
        command_word: InstrumentWord,
        command_valid: Bit,
        out_ready: Bit,
    }
    out {
        command_ready: Bit,
        out_record: Bits<RECORD_BITS>,
        out_is_echo: Bit,
        out_valid: Bit,
        occupied: Bits<16>,
        idle: Bit,
        ecc_corrected: Bits<32>,
        ecc_uncorrected: Bits<32>,
    }
}

/// The margin machine with `L` lanes.
///
/// Shape: records in on a ready/valid stream, records out on another. A command goes to all lanes that it is for in the
/// same clock. The ECC counts are those of all lanes together.
#[derive(LogicBlock)]
pub struct Machine<const L: usize> {
    pub clock: Signal<In, Clock>,
    pub reset: Signal<In, Bit>,
    pub in_record: Signal<In, Bits<RECORD_BITS>>,
    pub in_valid: Signal<In, Bit>,
    pub in_ready: Signal<Out, Bit>,
    pub out_record: Signal<Out, Bits<RECORD_BITS>>,
    pub out_valid: Signal<Out, Bit>,
    pub out_ready: Signal<In, Bit>,
    pub ecc_corrected: Signal<Out, Bits<32>>,
    pub ecc_uncorrected: Signal<Out, Bits<32>>,
    front: Front,
    lanes: [LaneBox; L],
    merge: Merge<L>,
    targeted: [Signal<Local, Bit>; L],
    taken: Signal<Local, Bit>,
    lanes_ready: Signal<Local, Bit>,
    lanes_idle: Signal<Local, Bit>,
    occupied: [Signal<Local, Bits<16>>; L],
    corrected: [Signal<Local, Bits<32>>; L],
    uncorrected: [Signal<Local, Bits<32>>; L],
    resetting: DFF<Bit>,
    corrected_sum: DFF<Bits<32>>,
    uncorrected_sum: DFF<Bits<32>>,
}

impl<const L: usize> Machine<L> {
    pub fn new(config: &BuildConfig) -> Self {
        assert_eq!(usize::from(config.lanes), L);
        Self {
            front: Front::new(config),
            lanes: std::array::from_fn(|_| Default::default()),
            targeted: std::array::from_fn(|_| Default::default()),
            occupied: std::array::from_fn(|_| Default::default()),
            corrected: std::array::from_fn(|_| Default::default()),
            uncorrected: std::array::from_fn(|_| Default::default()),
            clock: Default::default(),
            reset: Default::default(),
            in_record: Default::default(),
            in_valid: Default::default(),
            in_ready: Default::default(),
            out_record: Default::default(),
            out_valid: Default::default(),
            out_ready: Default::default(),
            ecc_corrected: Default::default(),
            ecc_uncorrected: Default::default(),
            merge: Default::default(),
            taken: Default::default(),
            lanes_ready: Default::default(),
            lanes_idle: Default::default(),
            resetting: Default::default(),
            corrected_sum: Default::default(),
            uncorrected_sum: Default::default(),
        }
    }
}

impl<const L: usize> Logic for Machine<L> {
    #[hdl_gen]
    fn update(&mut self) {
        dff_setup!(self, clock, resetting, corrected_sum, uncorrected_sum);
        clock!(self, clock, front, merge);
        self.front.reset.next = self.reset.val();
        self.front.in_record.next = self.in_record.val();
        self.front.in_valid.next = self.in_valid.val();
        self.in_ready.next = self.front.in_ready.val();
        // A lane forgets what it was about to say a clock after the reset.
        self.resetting.d.next = self.reset.val();
        self.merge.reset.next = self.reset.val() | self.resetting.q.val();
        self.merge.out_ready.next = self.out_ready.val();
        self.out_record.next = self.merge.out_record.val();
        self.out_valid.next = self.merge.out_valid.val();

        self.lanes_ready.next = true;
        self.lanes_idle.next = true;
        for i in 0..L {
            self.targeted[i].next =
                self.front.command_broadcast.val() | (self.front.command_lane.val() == i.to_bits());
            if self.targeted[i].val() & !self.lanes[i].command_ready.val() {
                self.lanes_ready.next = false;
            }
            if !self.lanes[i].idle.val() {
                self.lanes_idle.next = false;
            }
        }
        self.front.command_ready.next = self.lanes_ready.val();
        self.front.lanes_idle.next = self.lanes_idle.val();
        self.taken.next = self.front.command_valid.val() & self.lanes_ready.val();

        for i in 0..L {
            self.lanes[i].clock.next = self.clock.val();
            self.lanes[i].reset.next = self.reset.val();
            self.lanes[i].lane_index.next = i.to_bits();
            self.lanes[i].scale.next = self.front.scale.val();
            self.lanes[i].command_record.next = self.front.command_record.val();
            self.lanes[i].command_row.next = self.front.command_row.val();
            self.lanes[i].command_kind.next = self.front.command_kind.val();
            self.lanes[i].command_reason.next = self.front.command_reason.val();
            self.lanes[i].command_word.next = self.front.command_word.val();
            self.lanes[i].command_valid.next = self.taken.val() & self.targeted[i].val();
            self.lanes[i].out_ready.next = self.merge.ready[i].val();
            self.merge.record[i].next = self.lanes[i].out_record.val();
            self.merge.is_echo[i].next = self.lanes[i].out_is_echo.val();
            self.merge.valid[i].next = self.lanes[i].out_valid.val();
        }

        self.occupied[0].next = self.lanes[0].occupied.val();
        self.corrected[0].next = self.lanes[0].ecc_corrected.val();
        self.uncorrected[0].next = self.lanes[0].ecc_uncorrected.val();
        for i in 1..L {
            self.occupied[i].next = self.occupied[i - 1].val() | self.lanes[i].occupied.val();
            self.corrected[i].next = self.corrected[i - 1].val() + self.lanes[i].ecc_corrected.val();
            self.uncorrected[i].next = self.uncorrected[i - 1].val() + self.lanes[i].ecc_uncorrected.val();
        }
        // The last assignment wins; an index may not name L.
        for i in 0..L {
            self.front.occupied.next = self.occupied[i].val();
            self.corrected_sum.d.next = self.corrected[i].val();
            self.uncorrected_sum.d.next = self.uncorrected[i].val();
        }
        self.ecc_corrected.next = self.corrected_sum.q.val();
        self.ecc_uncorrected.next = self.uncorrected_sum.q.val();
    }
}
