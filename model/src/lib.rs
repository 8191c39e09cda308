//! What is true: numbers, margin rules, the record contract and the oracle machine.
//! No I/O, no clock, no hardware library; every other crate stands on this one.
#![no_std]

extern crate alloc;

pub mod liquidation;
pub mod machine;
pub mod margin;
pub mod record;
pub mod records_doc;
pub mod register;
pub mod registers_doc;
pub mod tier;
pub mod units;
