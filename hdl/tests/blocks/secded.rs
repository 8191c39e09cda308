//! The SECDED code of the emitted Verilog, encoder and decoder, against a plain one and against every fault.

use crate::bench::{Bench, Dice, Inputs};
use hdl::secded::{CHECK_BITS, COLUMNS, DATA_BITS, Decoder, Encoder, LATENCY, WORD_BITS};

/// A stored word, bit by bit.
type Word = [bool; WORD_BITS];
/// What the decoder says of one: data, corrected, uncorrectable.
type Verdict = ([bool; DATA_BITS], bool, bool);

/// Bits of the bench's ports: data into the encoder after the word into the decoder; check bits out after the verdict.
const PLAIN: usize = 160;
const CHECK: usize = 160;

/// The word of these data, by the definition: the columns of the set bits add up to the check bits.
fn encode(data: &[bool; DATA_BITS]) -> Word {
    let check = COLUMNS.iter().zip(data).filter(|(_, set)| **set).fold(0, |sum, (column, _)| sum ^ column);
    std::array::from_fn(|bit| if bit < DATA_BITS { data[bit] } else { check >> (bit - DATA_BITS) & 1 == 1 })
}

/// What the decoder owes to a word of this syndrome.
fn decode(word: &Word) -> Verdict {
    let data: [bool; DATA_BITS] = std::array::from_fn(|bit| word[bit]);
    let right = encode(&data);
    let syndrome = (0..CHECK_BITS)
        .fold(0, |sum, row| sum | u16::from(word[DATA_BITS + row] ^ right[DATA_BITS + row]) << row);
    let mut corrected = data;
    if syndrome == 0 {
        (data, false, false)
    } else if let Some(bit) = COLUMNS.iter().position(|column| *column == syndrome) {
        corrected[bit] ^= true;
        (corrected, true, false)
    } else {
        (data, syndrome.is_power_of_two(), !syndrome.is_power_of_two())
    }
}

fn bench() -> Bench {
    Bench::new(
        "secded",
        &(hdl::emit_block("decoder_block", &Decoder::default())
            + &hdl::emit_block("encoder_block", &Encoder::default())),
        &format!(
            "    wire [{data_last}:0] data;
    wire corrected, uncorrectable;
    wire [{check_last}:0] check;
    encoder_block encoder(.data(in[{PLAIN}+:{DATA_BITS}]), .check(check));
    decoder_block decoder(.clock(clk), .word(in[{word_last}:0]), .data(data), .corrected(corrected),
        .uncorrectable(uncorrectable));
    assign out[{data_last}:0] = data;
    assign out[{DATA_BITS}] = corrected;
    assign out[{}] = uncorrectable;
    assign out[{CHECK}+:{CHECK_BITS}] = check;",
            DATA_BITS + 1,
            data_last = DATA_BITS - 1,
            check_last = CHECK_BITS - 1,
            word_last = WORD_BITS - 1,
        ),
    )
}

fn bits<const N: usize>(words: &[u32], lsb: usize) -> [bool; N] {
    std::array::from_fn(|bit| words[(lsb + bit) / 32] >> ((lsb + bit) % 32) & 1 == 1)
}

/// What the Verilog says of each word; the encoder, which gets the words' data, is checked on the way.
fn decoded(bench: &Bench, words: &[Word]) -> Vec<Verdict> {
    let mut inputs = vec![Inputs::default(); words.len() + LATENCY as usize];
    for (input, word) in inputs.iter_mut().zip(words) {
        for bit in 0..WORD_BITS {
            input[bit / 32] |= u32::from(word[bit]) << (bit % 32);
        }
        for bit in 0..DATA_BITS {
            input[(PLAIN + bit) / 32] |= u32::from(word[bit]) << ((PLAIN + bit) % 32);
        }
    }
    let outputs = bench.clock(&inputs);
    for (output, word) in outputs.iter().zip(words) {
        let right = encode(&std::array::from_fn(|bit| word[bit]));
        assert_eq!(bits::<CHECK_BITS>(output, CHECK), right[DATA_BITS..], "encoder");
    }
    outputs[LATENCY as usize..]
        .iter()
        .map(|words| {
            let [corrected, uncorrectable] = bits(words, DATA_BITS);
            (bits(words, 0), corrected, uncorrectable)
        })
        .collect()
}

/// All zeros, all ones, single bits and random words.
fn samples() -> Vec<[bool; DATA_BITS]> {
    let mut dice = Dice(144);
    let mut samples = vec![[false; DATA_BITS], [true; DATA_BITS]];
    samples.extend((0..DATA_BITS).map(|set| std::array::from_fn(|bit| bit == set)));
    samples.extend((0..20).map(|_| std::array::from_fn(|_| dice.draw() >> 63 == 1)));
    samples
}

fn flipped(word: &Word, wrong: &[usize]) -> Word {
    std::array::from_fn(|bit| word[bit] ^ wrong.contains(&bit))
}

#[test]
fn every_fault_of_one_bit_is_corrected_and_every_one_of_two_is_found() {
    assert_eq!(encode(&[false; DATA_BITS]), [false; WORD_BITS], "a cleared RAM holds valid words");
    let bench = bench();

    let sound: Vec<Word> = samples().iter().map(encode).collect();
    for (data, verdict) in samples().into_iter().zip(decoded(&bench, &sound)) {
        assert_eq!(verdict, (data, false, false));
    }

    for data in samples() {
        let word = encode(&data);
        let faults: Vec<Word> = (0..WORD_BITS).map(|bit| flipped(&word, &[bit])).collect();
        for (bit, verdict) in decoded(&bench, &faults).into_iter().enumerate() {
            assert_eq!(verdict, (data, true, false), "bit {bit} was wrong");
        }
    }

    let pairs: Vec<[usize; 2]> =
        (0..WORD_BITS).flat_map(|first| (0..first).map(move |second| [first, second])).collect();
    assert_eq!(pairs.len(), WORD_BITS * (WORD_BITS - 1) / 2);
    for data in samples().into_iter().step_by(15) {
        let word = encode(&data);
        let faults: Vec<Word> = pairs.iter().map(|pair| flipped(&word, pair)).collect();
        for (fault, (pair, verdict)) in faults.iter().zip(pairs.iter().zip(decoded(&bench, &faults))) {
            let read: [bool; DATA_BITS] = std::array::from_fn(|bit| fault[bit]);
            assert_eq!(verdict, (read, false, true), "bits {pair:?} were wrong");
        }
    }

    let mut dice = Dice(9);
    let noise: Vec<Word> = (0..20_000).map(|_| std::array::from_fn(|_| dice.draw() >> 63 == 1)).collect();
    for (word, verdict) in noise.iter().zip(decoded(&bench, &noise)) {
        assert_eq!(verdict, decode(word));
    }
}
