//! Blocks of the emitted Verilog on their own, under Verilator, against plain arithmetic.

#[path = "blocks/bench.rs"]
mod bench;
#[path = "blocks/product.rs"]
mod product;
#[path = "blocks/ram.rs"]
mod ram;
#[path = "blocks/secded.rs"]
mod secded;
