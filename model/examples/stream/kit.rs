//! The parts of the differential kit that need no simulator.
#![allow(dead_code, reason = "the stream uses a part")]

#[path = "../../../tests/differential/book.rs"]
pub mod book;
#[path = "../../../tests/differential/chains.rs"]
pub mod chains;
#[path = "../../../tests/differential/coverage.rs"]
pub mod coverage;
#[path = "../../../tests/differential/generator.rs"]
pub mod generator;
#[path = "../../../tests/differential/hazards.rs"]
pub mod hazards;
#[path = "../../../tests/differential/lines.rs"]
pub mod lines;
#[path = "../../../tests/differential/mixture.rs"]
pub mod mixture;
#[path = "../../../tests/differential/points.rs"]
pub mod points;
#[path = "../../../tests/differential/refusals.rs"]
pub mod refusals;
#[path = "../../../tests/differential/reload.rs"]
pub mod reload;
#[path = "../../../tests/differential/retune.rs"]
pub mod retune;
#[path = "../../../tests/differential/rng.rs"]
pub mod rng;
#[path = "../../../tests/differential/tables.rs"]
pub mod tables;
#[path = "../../../tests/differential/tape.rs"]
pub mod tape;
#[path = "../../../tests/differential/wide.rs"]
pub mod wide;
