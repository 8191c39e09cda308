//! The PCIe side: registers, rings in host memory, push window, interrupts. What it drives is the AXI4-Stream machine.
//! The protocol is in `docs/pcie.md`, the register map in `model::register`.

pub mod axi_lite;
pub mod controller;
pub mod doorbell;
pub mod heartbeat;
pub mod interrupt;
pub mod push_window;
pub mod queue;
pub mod register_file;
pub mod register_map;
pub mod ring_reader;
pub mod ring_writer;
pub mod shell;
pub mod top;
pub mod watchdog;
