//! Which register an address means, from `model::register`.

use crate::product::instance;
use model::register::{self, PUSH, PUSH_BYTES, Register};
use rust_hdl::prelude::*;

/// Wires only.
pub const LATENCY: u64 = 0;

macro_rules! registers {
    ($($name:ident: $register:ident,)*) => {
        /// One bit a register, high if it is the one at `word`; `push` is the whole window.
        ///
        /// Shape: combinational. `word` is an address over 4.
        #[derive(LogicBlock, Default)]
        pub struct RegisterMap {
            pub word: Signal<In, Bits<10>>,
            pub exists: Signal<Out, Bit>,
            pub push: Signal<Out, Bit>,
            $(pub $name: Signal<Out, Bit>,)*
        }

        impl Logic for RegisterMap {
            fn update(&mut self) {
                let at = self.word.val().to_u64();
                $(self.$name.next = at == word(&register::$register);)*
                self.push.next = at / PUSH_WORDS == word(&PUSH) / PUSH_WORDS;
                self.exists.next = self.push.val() $(| (at == word(&register::$register)))*;
            }

            fn connect(&mut self) {
                $(self.$name.connect();)*
                self.push.connect();
                self.exists.connect();
            }

            fn hdl(&self) -> Verilog {
                let mut text = String::new();
                $(text += &format!("assign {} = word == 10'd{};\n", stringify!($name), word(&register::$register));)*
                text += &format!("assign push = word / {PUSH_WORDS} == {};\n", word(&PUSH) / PUSH_WORDS);
                text += &format!("assign exists = {};\n", [$(stringify!($name),)* "push"].join(" | "));
                instance(text)
            }
        }

        #[cfg(test)]
        const NAMES: &[&str] = &[$(stringify!($register),)* "PUSH"];
    };
}

const PUSH_WORDS: u64 = PUSH_BYTES as u64 / 4;

fn word(register: &Register) -> u64 {
    u64::from(register.offset / 4)
}

registers! {
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
}

#[cfg(test)]
mod tests {
    #[test]
    fn the_map_is_that_of_the_model() {
        let names: Vec<&str> = model::register::REGISTERS.iter().map(|register| register.name).collect();
        assert_eq!(super::NAMES, names);
    }
}
