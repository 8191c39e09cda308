//! Prints a stream of the differential test's records with what the model answers, for test benches that speak no Rust.
//!
//!   cargo run -p model --example stream -- LANES RECORDS SEED
//!
//! A line is `record ANSWERS...`, each of 64 hexadecimal digits, byte 0 first. The machine is the small build's: 64 accounts
//! and 256 slots a lane, 4 instruments. The last record is a FENCE.

mod kit;

use kit::coverage::Coverage;
use kit::generator::{Generator, fence};
use kit::tape::to_hex;
use model::machine::Capacity;

fn main() {
    let arguments: Vec<u64> = std::env::args().skip(1).flat_map(|word| word.parse()).collect();
    let [lanes, records, seed] = arguments[..] else { panic!("usage: stream LANES RECORDS SEED") };
    let capacity =
        Capacity { lanes: lanes as usize, accounts_per_lane: 64, slots_per_lane: 256, instruments: 4 };
    let mut generator = Generator::new(seed, capacity, Coverage::off());
    generator.set_up(true);
    while generator.tape.sent.len() < records as usize {
        generator.scene();
    }
    generator.read_all();
    let token = generator.rng.draw();
    assert!(generator.send(fence(token)), "a scene ends unlocked");

    let tape = &generator.tape;
    let mut start = 0;
    for (record, end) in tape.sent.iter().zip(&tape.ends) {
        let answers = tape.answers[start..*end].iter().map(|answer| format!(" {}", to_hex(answer)));
        println!("{}{}", to_hex(record), answers.collect::<String>());
        start = *end;
    }
}
