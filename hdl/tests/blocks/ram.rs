//! RAMs of every target against an array, at depths of every shape of block.

use crate::bench::{Bench, Dice, Inputs, OUT_WORDS, put, with_primitives};
use hdl::Target;
use hdl::ram::{LATENCY, REGISTERED_LATENCY};
use std::collections::BTreeMap;

const VECTORS: usize = 20_000;
const WIDTH: usize = 144;
const ADDRESS: usize = 17;
/// So few words that a word is often read while it is written.
const WORDS: usize = 12;
/// Bits of the bench's ports.
const READ_ADDRESS: usize = 32;
const WRITE_ADDRESS: usize = 64;
const DATA: usize = 96;
/// Bits of one RAM's output.
const FIELD: usize = 160;
/// One of each shape of block, full or not, and one of none.
const DEPTHS: [usize; 8] = [2, 64, 1_024, 1_500, 4_000, 8_192, 10_000, 20_000];

type Word = [u32; WIDTH.div_ceil(32)];

struct Operation {
    read: Option<usize>,
    write: Option<(usize, Word)>,
}

fn operations(depth: usize) -> Vec<Operation> {
    let mut dice = Dice(depth as u64);
    let mut below = |count: usize| (dice.draw() >> 32) as usize % count;
    let words: Vec<usize> =
        [0, depth - 1].into_iter().chain((2..WORDS.min(depth)).map(|_| below(depth))).collect();
    (0..VECTORS)
        .map(|index| {
            let mut word: Word = std::array::from_fn(|_| below(1 << 32) as u32);
            word[WIDTH / 32] &= (1 << (WIDTH % 32)) - 1;
            // Every word is written before the first is read.
            let filling = index < words.len();
            let target = if filling { words[index] } else { words[below(words.len())] };
            Operation {
                read: (!filling && below(4) != 0).then(|| words[below(words.len())]),
                write: (filling || below(2) == 0).then_some((target, word)),
            }
        })
        .collect()
}

fn complement(word: Word) -> Word {
    let mut word = word.map(|bits| !bits);
    word[WIDTH / 32] &= (1 << (WIDTH % 32)) - 1;
    word
}

/// Both RAMs of one depth on the bench's ports; they share what is asked of them.
fn instances(index: usize, depth: usize) -> String {
    let instance = |module: &str, lsb: usize| {
        format!(
            "    {module} #(.WIDTH({WIDTH}), .DEPTH({depth}), .ADDRESS({ADDRESS})) {module}_{index}(
        .clock(clk), .read_enable(in[0]), .read_address(in[{READ_ADDRESS}+:{ADDRESS}]),
        .read_data(out[{lsb}+:{WIDTH}]), .write_enable(in[1]),
        .write_address(in[{WRITE_ADDRESS}+:{ADDRESS}]), .write_data(in[{DATA}+:{WIDTH}])
    );
"
        )
    };
    instance("backstop_ram", 2 * index * FIELD)
        + &instance("backstop_registered_ram", (2 * index + 1) * FIELD)
}

fn check(target: Target) {
    let body: String = DEPTHS.iter().enumerate().map(|(index, depth)| instances(index, *depth)).collect();
    let bench = Bench::new(&format!("ram-{}", target.name()), &with_primitives("", target), &body);
    for (index, depth) in DEPTHS.into_iter().enumerate() {
        check_depth(&bench, target, index, depth);
    }
}

fn check_depth(bench: &Bench, target: Target, place: usize, depth: usize) {
    let operations = operations(depth);
    let inputs: Vec<Inputs> = operations
        .iter()
        .map(|operation| {
            let mut words = Inputs::default();
            if let Some(address) = operation.read {
                put(&mut words, 0, 1, 1);
                put(&mut words, READ_ADDRESS, ADDRESS, address as u128);
            }
            if let Some((address, word)) = operation.write {
                put(&mut words, 1, 1, 1);
                put(&mut words, WRITE_ADDRESS, ADDRESS, address as u128);
                words[DATA / 32..][..word.len()].copy_from_slice(&word);
            }
            words
        })
        .collect();
    let outputs = bench.clock(&inputs);
    let word = |output: &[u32; OUT_WORDS], lsb: usize| -> Word {
        let mut word: Word = output[lsb / 32..][..WIDTH.div_ceil(32)].try_into().expect("as many");
        word[WIDTH / 32] &= (1 << (WIDTH % 32)) - 1;
        word
    };

    let mut cells = BTreeMap::new();
    let mut read = None;
    let mut collisions = 0;
    for (index, operation) in operations.iter().enumerate() {
        let collision = operation
            .read
            .is_some_and(|address| operation.write.is_some_and(|(written, _)| written == address));
        if let Some(address) = operation.read {
            read = Some((cells[&address], collision));
        }
        if let (Some((expected, _)), Some(output)) = (read, outputs.get(index + LATENCY as usize)) {
            assert_eq!(word(output, 2 * place * FIELD), expected, "{target:?}, depth {depth}, clock {index}");
        }
        if let (Some((expected, collided)), Some(output)) =
            (read, outputs.get(index + REGISTERED_LATENCY as usize))
        {
            let found = word(output, (2 * place + 1) * FIELD);
            if !collided {
                assert_eq!(found, expected, "{target:?}, registered, depth {depth}, clock {index}");
            } else if target == Target::Portable {
                assert_eq!(found, complement(expected), "depth {depth}, clock {index}");
            }
        }
        if let Some((address, word)) = operation.write {
            cells.insert(address, word);
        }
        collisions += usize::from(collision);
    }
    assert!(collisions > VECTORS / 100, "{collisions}");
}

#[test]
fn portable_rams_answer_as_an_array_does() {
    check(Target::Portable);
}

#[test]
fn ecp5_rams_answer_as_an_array_does() {
    check(Target::Ecp5);
}

#[test]
fn ultrascale_rams_answer_as_an_array_does() {
    check(Target::UltraScalePlus);
}
