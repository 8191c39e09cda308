//! The accounts: a RAM of two SECDED words each, read and put right, encoded and written.

use crate::account_word::AccountWord;
use crate::ram::RegisteredRam;
use crate::secded::{DATA_BITS, Decoder, Encoder, WORD_BITS};
use crate::width::{ACCOUNT_BITS, ACCUMULATOR_BITS, OFFSET_BITS, SEVERITY_BITS};
use crate::{ram, secded};
use rust_hdl::prelude::*;

/// Clocks from `read_row` to `word`. A word is due at `write_word` one clock before its `write`.
pub const LATENCY: u64 = ram::REGISTERED_LATENCY + secded::LATENCY;

/// Both words of an account, side by side in the RAM.
const STORED_BITS: usize = 2 * WORD_BITS;
/// An account's word, filled up to both words' data.
const PLAIN_BITS: usize = 2 * DATA_BITS;

/// The kernel below takes the word apart where its fields lie.
const _: () = assert!(
    ACCUMULATOR_BITS == 88 && OFFSET_BITS == 87 && SEVERITY_BITS == 3 && <AccountWord as Synth>::BITS == 267
);
const _: () = assert!(DATA_BITS == 135 && WORD_BITS == 144);

/// Reads and writes of accounts.
///
/// Shape: a read and a write per clock; a read of the word being written gives anything. `clear` writes zeros.
#[derive(LogicBlock, Default)]
pub struct AccountStore {
    pub clock: Signal<In, Clock>,
    pub read: Signal<In, Bit>,
    pub read_row: Signal<In, Bits<ACCOUNT_BITS>>,
    pub word: Signal<Out, AccountWord>,
    pub corrected: Signal<Out, Bit>,
    pub uncorrectable: Signal<Out, Bit>,
    pub write_word: Signal<In, AccountWord>,
    pub write: Signal<In, Bit>,
    pub write_row: Signal<In, Bits<ACCOUNT_BITS>>,
    pub clear: Signal<In, Bit>,
    pub clear_row: Signal<In, Bits<ACCOUNT_BITS>>,
    accounts: RegisteredRam<Bits<STORED_BITS>, ACCOUNT_BITS>,
    low: Decoder,
    high: Decoder,
    low_encoder: Encoder,
    high_encoder: Encoder,
    encoded: DFF<Bits<STORED_BITS>>,
    read_plain: Signal<Local, Bits<PLAIN_BITS>>,
    write_plain: Signal<Local, Bits<PLAIN_BITS>>,
    joined: Signal<Local, Bits<267>>,
    read_back: Signal<Local, AccountWord>,
}

impl AccountStore {
    pub fn new(accounts: usize) -> Self {
        Self { accounts: RegisteredRam::new(accounts), ..Default::default() }
    }
}

impl Logic for AccountStore {
    #[hdl_gen]
    fn update(&mut self) {
        dff_setup!(self, clock, encoded);
        clock!(self, clock, accounts, low, high);

        self.accounts.read_enable.next = self.read.val();
        self.accounts.read_address.next = self.read_row.val();
        self.low.word.next = self.accounts.read_data.val().get_bits::<WORD_BITS>(0);
        self.high.word.next = self.accounts.read_data.val().get_bits::<WORD_BITS>(144);
        self.read_plain.next = bit_cast::<PLAIN_BITS, DATA_BITS>(self.low.data.val())
            | (bit_cast::<PLAIN_BITS, DATA_BITS>(self.high.data.val()) << 135);
        self.read_back.next.equity = self.read_plain.val().get_bits::<ACCUMULATOR_BITS>(0);
        self.read_back.next.requirement = self.read_plain.val().get_bits::<ACCUMULATOR_BITS>(88);
        self.read_back.next.offset = self.read_plain.val().get_bits::<OFFSET_BITS>(176);
        self.read_back.next.severity = self.read_plain.val().get_bits::<SEVERITY_BITS>(263);
        self.read_back.next.bad = self.read_plain.val().get_bit(266);
        self.word.next = self.read_back.val();
        self.corrected.next = self.low.corrected.val() | self.high.corrected.val();
        self.uncorrectable.next = self.low.uncorrectable.val() | self.high.uncorrectable.val();

        self.joined.next = self.write_word.val().into();
        self.write_plain.next = bit_cast::<PLAIN_BITS, 267>(self.joined.val());
        self.low_encoder.data.next = self.write_plain.val().get_bits::<DATA_BITS>(0);
        self.high_encoder.data.next = self.write_plain.val().get_bits::<DATA_BITS>(135);
        self.encoded.d.next = (bit_cast::<STORED_BITS, DATA_BITS>(self.low_encoder.data.val())
            | (bit_cast::<STORED_BITS, 9>(self.low_encoder.check.val()) << 135))
            | ((bit_cast::<STORED_BITS, DATA_BITS>(self.high_encoder.data.val()) << 144)
                | (bit_cast::<STORED_BITS, 9>(self.high_encoder.check.val()) << 279));
        self.accounts.write_enable.next = self.write.val() | self.clear.val();
        self.accounts.write_address.next = self.write_row.val();
        self.accounts.write_data.next = self.encoded.q.val();
        if self.clear.val() {
            self.accounts.write_address.next = self.clear_row.val();
            self.accounts.write_data.next = 0.into();
        }
    }
}
