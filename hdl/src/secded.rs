//! SECDED: one wrong bit of a stored word is put right, two are found out.
//!
//! A Hsiao code: each of the 144 bits of a word has its own column of 9 check equations, of odd weight. One wrong bit
//! gives its column as the syndrome; two give the sum of two odd columns, which is even and not zero and so no
//! column. Check bits have the columns of weight 1; data bits the 84 of weight 3 and then 51 of weight 5, chosen so that every
//! equation has 56 or 57 data bits: parity trees of equal depth, three levels of 4-input LUTs. The code is linear:
//! a RAM cleared to zeros holds valid words.

use crate::product::instance;
use rust_hdl::prelude::*;

/// Data of a word.
pub const DATA_BITS: usize = 135;
pub const CHECK_BITS: usize = 9;
/// Data in the low bits, check bits above.
pub const WORD_BITS: usize = DATA_BITS + CHECK_BITS;

/// Clocks from `data` to `check`.
pub const ENCODER_LATENCY: u64 = 0;
/// Clocks of [`Decoder`] from `word` to `data`.
pub const LATENCY: u64 = 2;

/// Column of each data bit: the check equations it is in.
pub const COLUMNS: [u16; DATA_BITS] = columns();
/// Data bits of each check equation.
pub const MASKS: [[bool; DATA_BITS]; CHECK_BITS] = masks();

const fn columns() -> [u16; DATA_BITS] {
    let mut columns = [0; DATA_BITS];
    let mut found = 0;
    let mut column = 0;
    while column < 1 << CHECK_BITS {
        if (column as u16).count_ones() == 3 {
            columns[found] = column as u16;
            found += 1;
        }
        column += 1;
    }
    // The rest have weight 5, each the one that leaves the equations most even: of the unused, that of the least
    // sum of squares of the equations' sizes, the smallest of equals.
    let mut sizes = [0_u32; CHECK_BITS];
    while found < DATA_BITS {
        let mut best = 0;
        let mut best_cost = u32::MAX;
        let mut candidate = 1_u16;
        while candidate < 1 << CHECK_BITS {
            if candidate.count_ones() == 5 && !contains(&columns, found, candidate) {
                let mut cost = 0;
                let mut row = 0;
                while row < CHECK_BITS {
                    let size = sizes[row] + (candidate >> row & 1) as u32;
                    cost += size * size;
                    row += 1;
                }
                if cost < best_cost {
                    best_cost = cost;
                    best = candidate;
                }
            }
            candidate += 1;
        }
        columns[found] = best;
        found += 1;
        let mut row = 0;
        while row < CHECK_BITS {
            sizes[row] += (best >> row & 1) as u32;
            row += 1;
        }
    }
    columns
}

const fn contains(columns: &[u16; DATA_BITS], count: usize, column: u16) -> bool {
    let mut index = 0;
    while index < count {
        if columns[index] == column {
            return true;
        }
        index += 1;
    }
    false
}

const fn masks() -> [[bool; DATA_BITS]; CHECK_BITS] {
    let mut masks = [[false; DATA_BITS]; CHECK_BITS];
    let mut bit = 0;
    while bit < DATA_BITS {
        let mut row = 0;
        while row < CHECK_BITS {
            masks[row][bit] = COLUMNS[bit] >> row & 1 == 1;
            row += 1;
        }
        bit += 1;
    }
    masks
}

/// Check bits of a word.
///
/// Shape: combinational.
#[derive(LogicBlock, Default)]
pub struct Encoder {
    pub data: Signal<In, Bits<DATA_BITS>>,
    pub check: Signal<Out, Bits<CHECK_BITS>>,
}

impl Logic for Encoder {
    fn update(&mut self) {
        self.check.next = check(&self.data.val());
    }

    fn connect(&mut self) {
        self.check.connect();
    }

    fn hdl(&self) -> Verilog {
        instance(equations(|row| format!("assign check[{row}] = ^(data & {});\n", literal(&MASKS[row]))))
    }
}

/// Data of a stored word, with one wrong bit put right.
///
/// Shape: one word per clock, never stalls. The first register holds data and syndrome, the second what came of it.
/// `corrected`: one bit, of the data or of the check bits, was wrong. `uncorrectable`: two were, or more, and `data` is
/// as it was read; never both. Three wrong bits or more may look like one.
#[derive(LogicBlock, Default)]
pub struct Decoder {
    pub clock: Signal<In, Clock>,
    pub word: Signal<In, Bits<WORD_BITS>>,
    pub data: Signal<Out, Bits<DATA_BITS>>,
    pub corrected: Signal<Out, Bit>,
    pub uncorrectable: Signal<Out, Bit>,
    _read: (Bits<DATA_BITS>, Bits<CHECK_BITS>),
}

impl Logic for Decoder {
    fn update(&mut self) {
        if self.clock.pos_edge() {
            let (data, syndrome) = self._read;
            let syndrome = syndrome.to_u64() as u16;
            let bit = COLUMNS.iter().position(|column| *column == syndrome);
            let known = bit.is_some() || syndrome.count_ones() == 1;
            self.data.next = bit.map_or(data, |bit| data.replace_bit(bit, !data.get_bit(bit)));
            self.corrected.next = known;
            self.uncorrectable.next = syndrome != 0 && !known;
            let data = self.word.val().get_bits::<DATA_BITS>(0);
            self._read = (data, check(&data) ^ self.word.val().get_bits::<CHECK_BITS>(DATA_BITS));
        }
    }

    fn connect(&mut self) {
        self.data.connect();
        self.corrected.connect();
        self.uncorrectable.connect();
    }

    fn hdl(&self) -> Verilog {
        let syndromes = equations(|row| {
            let mut mask = [false; WORD_BITS];
            mask[..DATA_BITS].copy_from_slice(&MASKS[row]);
            mask[DATA_BITS + row] = true;
            format!("    syndrome[{row}] <= ^(word & {});\n", literal(&mask))
        });
        let flips: String = COLUMNS
            .iter()
            .enumerate()
            .map(|(bit, column)| format!("assign wrong[{bit}] = syndrome == {CHECK_BITS}'d{column};\n"))
            .collect();
        let checks = equations(|row| {
            format!("assign wrong[{}] = syndrome == {CHECK_BITS}'d{};\n", DATA_BITS + row, 1 << row)
        });
        instance(format!(
            "reg [{last}:0] read;
reg [{check_last}:0] syndrome;
reg [{last}:0] data_out;
reg corrected_out;
reg uncorrectable_out;
wire [{word_last}:0] wrong;
{flips}{checks}always @(posedge clock) begin
    read <= word[{last}:0];
{syndromes}    data_out <= read ^ wrong[{last}:0];
    corrected_out <= |wrong;
    uncorrectable_out <= (|syndrome) & ~(|wrong);
end
assign data = data_out;
assign corrected = corrected_out;
assign uncorrectable = uncorrectable_out;
",
            last = DATA_BITS - 1,
            check_last = CHECK_BITS - 1,
            word_last = WORD_BITS - 1,
        ))
    }
}

fn check(data: &Bits<DATA_BITS>) -> Bits<CHECK_BITS> {
    let odd =
        |mask: &[bool; DATA_BITS]| (0..DATA_BITS).filter(|bit| mask[*bit] & data.get_bit(*bit)).count() % 2;
    MASKS.iter().enumerate().fold(0, |check, (row, mask)| check | odd(mask) << row).to_bits()
}

fn equations(line: impl Fn(usize) -> String) -> String {
    (0..CHECK_BITS).map(line).collect()
}

fn literal(mask: &[bool]) -> String {
    let digits: String = mask.iter().rev().map(|bit| if *bit { '1' } else { '0' }).collect();
    format!("{}'b{digits}", mask.len())
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    #[test]
    fn columns_are_odd_and_differ_also_from_those_of_the_check_bits() {
        let all: BTreeSet<u16> = COLUMNS.into_iter().chain((0..CHECK_BITS).map(|row| 1 << row)).collect();
        assert_eq!(all.len(), WORD_BITS);
        assert!(all.iter().all(|column| column.count_ones() % 2 == 1 && *column < 1 << CHECK_BITS));
    }

    #[test]
    fn equations_are_even_in_size() {
        for mask in MASKS {
            assert!([56, 57].contains(&mask.iter().filter(|bit| **bit).count()));
        }
    }
}
