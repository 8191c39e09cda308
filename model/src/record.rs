//! The records of the device seam: 32 bytes, little endian, byte 0 = `tdata[7:0]`, one per beat.
//!
//! Every field is written down once, as a [`Field`]: the machine reads through it, the gateware slices by its
//! `lsb` and `bits`, and `docs/records.md` is generated from it. A wire field is an integer, never an enum.

use crate::units::OutOfRange;

/// Bytes of a record.
pub const RECORD_BYTES: usize = 32;

/// One record on the wire.
#[derive(Clone, Copy, Debug, Default, Eq, Hash, Ord, PartialEq, PartialOrd)]
#[repr(transparent)]
pub struct Record(pub [u8; RECORD_BYTES]);

/// Where a field lies in the record, as the gateware's slicer sees it.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Field {
    pub name: &'static str,
    pub lsb: usize,
    pub bits: usize,
    pub signed: bool,
    pub unit: &'static str,
}

impl Field {
    const fn unsigned(name: &'static str, byte: usize, bits: usize, unit: &'static str) -> Self {
        Self { name, lsb: 8 * byte, bits, signed: false, unit }
    }

    const fn signed(name: &'static str, byte: usize, bits: usize, unit: &'static str) -> Self {
        Self { name, lsb: 8 * byte, bits, signed: true, unit }
    }

    /// The field's value; an unsigned field of 128 bits does not exist.
    #[inline(always)]
    pub const fn get(&self, record: &Record) -> i128 {
        let mut bytes = [0u8; 16];
        let mut i = 0;
        while i < self.bits.div_ceil(8) {
            bytes[i] = record.0[self.lsb / 8 + i];
            i += 1;
        }
        let raw = (u128::from_le_bytes(bytes) >> (self.lsb % 8)) << (128 - self.bits);
        if self.signed { raw as i128 >> (128 - self.bits) } else { (raw >> (128 - self.bits)) as i128 }
    }

    /// Overwrites the field; bits beyond its width are cut off.
    #[inline(always)]
    pub const fn put(&self, record: &mut Record, value: i128) {
        let shift = self.lsb % 8;
        let mask = (u128::MAX >> (128 - self.bits)) << shift;
        let value = ((value as u128) << shift & mask).to_le_bytes();
        let mask = mask.to_le_bytes();
        let mut i = 0;
        while i < self.bits.div_ceil(8) {
            let byte = &mut record.0[self.lsb / 8 + i];
            *byte = *byte & !mask[i] | value[i];
            i += 1;
        }
    }
}

pub const OP: Field = Field::unsigned("op", 0, 8, "code");
pub const FLAGS: Field = Field::unsigned("flags", 1, 8, "bits");
pub const INSTRUMENT: Field = Field::unsigned("instrument", 2, 16, "index");
pub const SEQUENCE: Field = Field::unsigned("sequence", 4, 32, "count, wrapping");

pub const INDEX: Field = Field::unsigned("index", 2, 16, "0 = S, 1 to 3 = rung, 4 = equality");
pub const VALUE: Field = Field::unsigned("value", 8, 32, "as the index says");
pub const WEIGHT_LONG: Field = Field::unsigned("weight_long", 8, 32, "1/S");
pub const WEIGHT_SHORT: Field = Field::unsigned("weight_short", 12, 32, "1/S");
pub const BASE: Field = Field::unsigned("base", 16, 32, "slots");
pub const CAPACITY: Field = Field::unsigned("capacity", 20, 32, "slots");
pub const PRICE_BITS: Field = Field::unsigned("price_bits", 24, 8, "bits");
pub const SIZE_BITS: Field = Field::unsigned("size_bits", 25, 8, "bits");
pub const TIER_COUNT: Field = Field::unsigned("tier_count", 26, 8, "tiers");
pub const STEP: Field = Field { name: "step", lsb: 12, bits: 4, signed: false, unit: "tier" };
pub const FLOOR: Field = Field::unsigned("floor", 8, 64, "quanta");
pub const RATE: Field = Field::unsigned("rate", 16, 32, "1/S");
pub const DEDUCTION: Field = Field::unsigned("deduction", 20, 96, "quanta/S");
pub const PRICE: Field = Field::unsigned("price", 8, 64, "quanta per lot");
pub const INDEX_DELTA: Field = Field::signed("index_delta", 8, 64, "quanta per lot");
pub const ACCOUNT: Field = Field::unsigned("account", 8, 32, "device index");
pub const SLOT: Field = Field::unsigned("slot", 12, 32, "from the segment's base");
pub const SIZE: Field = Field::signed("size", 16, 64, "lots");
pub const CASH_DELTA: Field = Field::signed("cash_delta", 24, 64, "quanta");
pub const DELTA: Field = Field::signed("delta", 16, 64, "quanta");
pub const OFFSET: Field = Field::signed("offset", 16, 128, "quanta/S");
pub const FROM: Field = Field::unsigned("from", 12, 32, "slot");
pub const TO: Field = Field::unsigned("to", 16, 32, "slot");
pub const TOKEN: Field = Field::unsigned("token", 8, 64, "any");
pub const SEVERITY_NEW: Field = Field::unsigned("severity_new", 1, 4, "0 to 4");
pub const SEVERITY_OLD: Field =
    Field { name: "severity_old", lsb: 12, bits: 4, signed: false, unit: "0 to 4" };
pub const EQUITY_TOP: Field = Field::unsigned("equity[87:80]", 2, 8, "quanta/S");
pub const REQUIREMENT_TOP: Field = Field::unsigned("requirement[87:80]", 3, 8, "quanta/S");
pub const EQUITY_LOW: Field = Field::unsigned("equity[79:0]", 12, 80, "quanta/S");
pub const REQUIREMENT_LOW: Field = Field::unsigned("requirement[79:0]", 22, 80, "quanta/S");
pub const LANE: Field = Field::unsigned("lane", 1, 8, "lane");
pub const HOLDERS: Field = Field::unsigned("holders", 8, 32, "slots, or accounts of a walk");
pub const FLAG_COUNT: Field = Field::unsigned("flags", 12, 32, "FLAG records");
pub const CLOCKS: Field = Field::unsigned("clocks", 16, 32, "clocks");
pub const REASON: Field = Field::unsigned("reason", 1, 8, "reason code");
pub const REFUSED_LOW: Field = Field::unsigned("refused[127:64]", 8, 64, "bytes 8..16 of the record");
pub const REFUSED_MIDDLE: Field = Field::unsigned("refused[191:128]", 16, 64, "bytes 16..24 of the record");
pub const REFUSED_HIGH: Field = Field::unsigned("refused[255:192]", 24, 64, "bytes 24..32 of the record");

/// Flag bits of the common header.
pub const FLAG_HOLD: u8 = 1 << 0;
pub const FLAG_COMMIT: u8 = 1 << 1;
pub const FLAG_RAW: u8 = 1 << 2;
pub const FLAG_BY_SLOT: u8 = 1 << 3;
/// TIER keeps its step in the upper flag bits.
const FLAGS_STEP: u8 = 0xf0;

/// `RECEIPT.instrument` of a walk, and of anything that names no instrument.
pub const NO_INSTRUMENT: u16 = u16::MAX;
/// `account` or `slot` of an ERROR that knows none.
pub const UNKNOWN: u32 = u32::MAX;

/// Indices of SETTING.
pub const SETTING_SCALE: u16 = 0;
pub const SETTING_RUNG_1: u16 = 1;
pub const SETTING_RUNG_3: u16 = 3;
pub const SETTING_EQUALITY: u16 = 4;

/// What an op carries: its fields and the flag bits it uses. All other bits are zero.
#[derive(Clone, Copy, Debug)]
pub struct Layout {
    pub op: u8,
    pub name: &'static str,
    pub flags: u8,
    pub fields: &'static [Field],
    mask: [u8; RECORD_BYTES],
}

impl Layout {
    const fn define(op: u8, name: &'static str, flags: u8, fields: &'static [Field]) -> Self {
        Self { op, name, flags, fields, mask: used_bits(flags, fields) }
    }

    /// Mask of the bits that the op uses, header included.
    pub const fn used(&self) -> [u8; RECORD_BYTES] {
        self.mask
    }
}

/// Op, sequence, `flags` and `fields`; does not compile for a layout whose fields overlap or leave the record.
const fn used_bits(flags: u8, fields: &[Field]) -> [u8; RECORD_BYTES] {
    let mut used = [0u8; RECORD_BYTES];
    used[0] = 0xff;
    let mut byte = 4;
    while byte < 8 {
        used[byte] = 0xff;
        byte += 1;
    }
    let mut f = 0;
    while f < fields.len() {
        let mut bit = fields[f].lsb;
        while bit < fields[f].lsb + fields[f].bits {
            assert!(bit < 8 * RECORD_BYTES, "a field leaves the record");
            assert!(used[bit / 8] & 1 << (bit % 8) == 0, "two fields share a bit");
            used[bit / 8] |= 1 << (bit % 8);
            bit += 1;
        }
        f += 1;
    }
    used[1] |= flags;
    used
}

const ACCOUNT_WORD: [Field; 5] = [ACCOUNT, EQUITY_TOP, EQUITY_LOW, REQUIREMENT_TOP, REQUIREMENT_LOW];
const ACCOUNT_REPORT: [Field; 7] =
    [SEVERITY_NEW, SEVERITY_OLD, ACCOUNT, EQUITY_TOP, EQUITY_LOW, REQUIREMENT_TOP, REQUIREMENT_LOW];

macro_rules! layouts {
    ($(#[$doc:meta])* $list:ident: $($op:ident = $code:literal, $flags:expr, $fields:expr;)*) => {
        $(pub const $op: Layout = Layout::define($code, stringify!($op), $flags, &$fields);)*
        $(#[$doc])*
        pub const $list: &[Layout] = &[$($op),*];
    };
}

/// Records into the device.
pub mod input {
    use super::*;

    layouts! {
        /// All of them; READBACK has a form per flag `by slot`.
        LAYOUTS:
        SETTING = 0x01, FLAG_HOLD, [INDEX, VALUE];
        INSTRUMENT = 0x02, FLAG_HOLD | FLAG_COMMIT, [super::INSTRUMENT, WEIGHT_LONG, WEIGHT_SHORT, BASE, CAPACITY, PRICE_BITS, SIZE_BITS, TIER_COUNT];
        TIER = 0x03, FLAGS_STEP, [super::INSTRUMENT, STEP, FLOOR, RATE, DEDUCTION];
        MARK = 0x04, FLAG_HOLD, [super::INSTRUMENT, PRICE];
        FUNDING = 0x05, FLAG_HOLD, [super::INSTRUMENT, INDEX_DELTA];
        POSITION = 0x06, FLAG_HOLD | FLAG_RAW, [super::INSTRUMENT, ACCOUNT, SLOT, SIZE, CASH_DELTA];
        CASH = 0x07, FLAG_HOLD, [ACCOUNT, DELTA];
        OFFSET = 0x08, FLAG_HOLD, [ACCOUNT, super::OFFSET];
        LOAD = 0x09, FLAG_HOLD, ACCOUNT_WORD;
        MOVE = 0x0a, 0, [super::INSTRUMENT, ACCOUNT, FROM, TO];
        READBACK = 0x0b, 0, [ACCOUNT];
        READBACK_BY_SLOT = 0x0b, FLAG_BY_SLOT, [super::INSTRUMENT, ACCOUNT, SLOT];
        FENCE = 0x0c, 0, [TOKEN];
        RESYNC = 0x0d, 0, [TOKEN];
    }
}

/// Records out of the device.
pub mod output {
    use super::*;

    layouts! {
        /// All of them.
        LAYOUTS:
        FLAG = 0x81, 0, ACCOUNT_REPORT;
        RECEIPT = 0x82, 0, [LANE, super::INSTRUMENT, HOLDERS, FLAG_COUNT, CLOCKS];
        READBACK_SLOT = 0x8a, 0, [super::INSTRUMENT, ACCOUNT, SLOT, SIZE];
        READBACK_ACCOUNT = 0x8b, 0, ACCOUNT_REPORT;
        FENCE_ECHO = 0x8c, 0, [TOKEN];
        RESYNC_ECHO = 0x8d, 0, [TOKEN];
        ERROR_RECORD = 0x8e, 0, [REASON, super::INSTRUMENT, REFUSED_LOW, REFUSED_MIDDLE, REFUSED_HIGH];
        ERROR_ACCOUNT = 0x8f, 0, [REASON, super::INSTRUMENT, ACCOUNT, SLOT];
    }
}

/// Why a record was refused, or what befell an account. The order of 1 to 10 is the order of the checks.
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
#[repr(u8)]
pub enum Reason {
    Locked = 1,
    Sequence = 2,
    Operation = 3,
    UnusedBits = 4,
    ScaleNotSet = 5,
    FieldRange = 6,
    State = 7,
    Slot = 8,
    BadAccount = 9,
    AccumulatorRange = 10,
    UncorrectableAccount = 11,
    UncorrectableSlot = 12,
}

impl Reason {
    /// Every reason with its plain words.
    pub const ALL: [(Self, &'static str); 12] = [
        (Self::Locked, "device locked; send RESYNC"),
        (Self::Sequence, "sequence number is not the expected one; the device locks"),
        (Self::Operation, "unknown operation"),
        (Self::UnusedBits, "a bit the operation does not use is set"),
        (Self::ScaleNotSet, "scale S is not set"),
        (Self::FieldRange, "a field is outside its range"),
        (Self::State, "not possible in the present state of the instrument or setting"),
        (Self::Slot, "slot rule violated"),
        (Self::BadAccount, "account is marked bad; reload it"),
        (Self::AccumulatorRange, "an accumulator would leave 88 bits"),
        (Self::UncorrectableAccount, "account word is beyond repair"),
        (Self::UncorrectableSlot, "slot word is beyond repair"),
    ];

    /// # Errors
    /// [`OutOfRange`] for a code that is no reason.
    pub fn from_code(code: u8) -> Result<Self, OutOfRange> {
        Self::ALL.iter().map(|(reason, _)| *reason).find(|reason| *reason as u8 == code).ok_or(OutOfRange {
            what: "reason",
            value: code.into(),
            min: 1,
            max: 12,
        })
    }
}

impl Record {
    /// A record of `layout` with its number and nothing else set.
    #[inline(always)]
    pub const fn new(layout: &Layout, sequence: u32) -> Self {
        let mut record = Self([0; RECORD_BYTES]);
        record.0[0] = layout.op;
        if layout.flags == FLAG_BY_SLOT {
            record.0[1] = FLAG_BY_SLOT;
        }
        SEQUENCE.put(&mut record, sequence as i128);
        record
    }

    /// The same record with `field` set to `value` (cut to the field's width).
    #[must_use]
    #[inline(always)]
    pub const fn with(mut self, field: &Field, value: i128) -> Self {
        field.put(&mut self, value);
        self
    }

    /// The same record with flag bits added.
    #[must_use]
    pub const fn flagged(mut self, flags: u8) -> Self {
        self.0[1] |= flags;
        self
    }

    pub const fn op(&self) -> u8 {
        self.0[0]
    }

    pub const fn flags(&self) -> u8 {
        self.0[1]
    }

    pub const fn sequence(&self) -> u32 {
        SEQUENCE.get(self) as u32
    }

    pub const fn instrument(&self) -> u16 {
        INSTRUMENT.get(self) as u16
    }

    pub const fn account(&self) -> u32 {
        ACCOUNT.get(self) as u32
    }

    /// E of an account report, quanta / S.
    pub const fn equity(&self) -> i128 {
        join(EQUITY_TOP.get(self), EQUITY_LOW.get(self))
    }

    /// R of an account report, quanta / S.
    pub const fn requirement(&self) -> i128 {
        join(REQUIREMENT_TOP.get(self), REQUIREMENT_LOW.get(self))
    }

    /// The same record with E and R of an account report (88 bits each).
    #[must_use]
    #[inline]
    pub const fn with_account_word(self, equity: i128, requirement: i128) -> Self {
        self.with(&EQUITY_LOW, equity)
            .with(&EQUITY_TOP, equity >> 80)
            .with(&REQUIREMENT_LOW, requirement)
            .with(&REQUIREMENT_TOP, requirement >> 80)
    }
}

const fn join(top: i128, low: i128) -> i128 {
    (top << 80 | low) << 40 >> 40
}

/// Hash of `docs/records.md`'s tables, FNV-1a 64: a constant of every image, compared before the first write.
pub const ABI_HASH: u64 = 0xfe7e_b5bc_8a0f_322c;

/// FNV-1a, 64 bits.
pub const fn fnv1a_64(bytes: &[u8]) -> u64 {
    let mut hash = 0xcbf2_9ce4_8422_2325u64;
    let mut i = 0;
    while i < bytes.len() {
        hash = (hash ^ bytes[i] as u64).wrapping_mul(0x0000_0100_0000_01b3);
        i += 1;
    }
    hash
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn a_field_reads_back_what_was_put_and_touches_nothing_else(
            bytes in any::<[u8; 32]>(), value in any::<i128>(), pick in any::<prop::sample::Index>()
        ) {
            let fields: alloc::vec::Vec<Field> =
                input::LAYOUTS.iter().chain(output::LAYOUTS).flat_map(|l| l.fields).copied().collect();
            let field = fields[pick.index(fields.len())];
            let record = Record(bytes).with(&field, value);
            let kept = value << (128 - field.bits);
            let expected =
                if field.signed { kept >> (128 - field.bits) } else { (kept as u128 >> (128 - field.bits)) as i128 };
            prop_assert_eq!(field.get(&record), expected);
            for bit in (0..256).filter(|bit| !(field.lsb..field.lsb + field.bits).contains(bit)) {
                prop_assert_eq!(record.0[bit / 8] >> (bit % 8) & 1, bytes[bit / 8] >> (bit % 8) & 1);
            }
        }

        #[test]
        fn an_account_word_survives_the_split(equity in any::<i128>(), requirement in any::<i128>()) {
            let cut = |x: i128| x << 40 >> 40;
            let record = Record::new(&output::FLAG, 7).with_account_word(cut(equity), cut(requirement));
            prop_assert_eq!((record.equity(), record.requirement()), (cut(equity), cut(requirement)));
        }
    }

    #[test]
    fn offsets_are_those_of_the_contract() {
        let record = Record::new(&input::POSITION, 0x0403_0201)
            .with(&INSTRUMENT, 0x0605)
            .with(&ACCOUNT, 0x0a09_0807)
            .with(&SLOT, 0x0e0d_0c0b)
            .with(&SIZE, -2)
            .with(&CASH_DELTA, 1);
        let mut bytes = [0u8; 32];
        bytes[..16].copy_from_slice(&[6, 0, 5, 6, 1, 2, 3, 4, 7, 8, 9, 10, 11, 12, 13, 14]);
        bytes[16..24].copy_from_slice(&(-2i64).to_le_bytes());
        bytes[24] = 1;
        assert_eq!(record.0, bytes);
    }
}
