//! A million mutated inputs for everything that reads bytes from outside: nothing panics, and what is accepted is what it must be
//! (`backstop::parsers`). `make fuzz` looks further.

use backstop::feed::draw::Draw;
use backstop::parsers::Parser;
use proptest::prelude::*;

/// Inputs of a seed; the seeds are proptest's cases.
const INPUTS: u64 = 2_000;
const SEEDS: u32 = 500;
const BYTES_MAX: usize = 1 << 16;
/// What numbers are replaced by.
const NUMBERS: [&str; 10] = [
    "0",
    "-1",
    "1e30",
    "18446744073709551616",
    "9223372036854775807",
    "0.0000000000001",
    "NaN",
    "",
    "1_000",
    "99999999",
];

/// A few changes in a row, each of one of many kinds.
fn mutate(draw: &mut Draw, input: &mut Vec<u8>, samples: &[Vec<u8>]) {
    for _ in 0..=draw.below(4) {
        let length = input.len() as u64;
        let at = draw.below(length + 1) as usize;
        let (from, to) = (at, (at + draw.below(40) as usize).min(input.len()));
        match draw.below(9) {
            0 if at < input.len() => input[at] ^= 1 << draw.below(8),
            1 if at < input.len() => input[at] = draw.below(256) as u8,
            2 => input.insert(at, draw.below(256) as u8),
            3 => drop(input.drain(from..to)),
            4 => input.truncate(at),
            5 => {
                let piece = input[from..to].to_vec();
                input.splice(at..at, piece);
            }
            6 => {
                let other = &samples[draw.below(samples.len() as u64) as usize];
                let start = draw.below(other.len() as u64 + 1) as usize;
                let end = (start + draw.below(64) as usize).min(other.len());
                input.splice(from..to, other[start..end].iter().copied());
            }
            7 => {
                let Some(first) = input[at..].iter().position(u8::is_ascii_digit).map(|first| at + first)
                else {
                    continue;
                };
                let after = input[first..].iter().position(|byte| !byte.is_ascii_digit());
                let end = after.map_or(input.len(), |after| first + after);
                let number = NUMBERS[draw.below(NUMBERS.len() as u64) as usize];
                input.splice(first..end, number.bytes());
            }
            _ if at + 8 <= input.len() => {
                let value = [0, 1, u64::MAX, 1 << 63, u64::from(u32::MAX), 255][draw.below(6) as usize];
                let bytes = 1 << draw.below(4);
                input[at..at + bytes].copy_from_slice(&value.to_le_bytes()[..bytes]);
            }
            _ => {}
        }
        input.truncate(BYTES_MAX);
    }
}

fn a_million(parser: Parser) {
    let samples = parser.samples();
    for sample in &samples {
        assert!(parser.read(sample), "a sample that is not accepted: {}", sample.escape_ascii());
    }
    // A case is a seed, which the failure names.
    let config = ProptestConfig {
        cases: SEEDS,
        failure_persistence: None,
        max_shrink_iters: 0,
        ..ProptestConfig::default()
    };
    let counts = std::cell::Cell::new((0u64, 0u64));
    proptest!(config, |(seed in any::<u64>())| {
        let (mut accepted, mut refused) = counts.get();
        for number in 0..INPUTS {
            let mut draw = Draw::new(seed, "mutated input", number);
            let mut input = samples[draw.below(samples.len() as u64) as usize].clone();
            mutate(&mut draw, &mut input, &samples);
            *(if parser.read(&input) { &mut accepted } else { &mut refused }) += 1;
        }
        counts.set((accepted, refused));
    });
    let (accepted, refused) = counts.get();
    println!("{parser:?}: {accepted} inputs with something accepted, {refused} without");
    assert_eq!(accepted + refused, 1_000_000);
    assert!(accepted > 1_000 && refused > 1_000, "{accepted} {refused}");
}

macro_rules! parsers {
    ($($name:ident $parser:ident)*) => {$(
        #[test]
        fn $name() {
            a_million(Parser::$parser);
        }
    )*};
}

parsers! {
    tapes Tape
    books Books
    rules Rules
    binance_tiers BinanceTiers
    dydx_genesis DydxGenesis
    journals Journal
    entries Entry
    states State
    records Records
}
