//! Clocks of the machine's operations, as `name clocks` lines: `cargo run -p hdl --bin clocks`.

use hdl::{lane, machine};

fn main() {
    println!("record_in_to_answer_out {}", machine::LATENCY + lane::LATENCY);
    println!("mark_in_to_first_flag_out {}", machine::LATENCY + lane::SWEEP_LATENCY);
}
