//! What the differential test, its self-test and the mutants share: a steered stream of records, its answers, and their comparison.
#![allow(dead_code, reason = "each test binary uses a part")]

pub mod book;
pub mod chains;
pub mod compare;
pub mod coverage;
pub mod episode;
pub mod generator;
pub mod hazards;
pub mod lines;
pub mod mixture;
pub mod points;
pub mod refusals;
pub mod reload;
pub mod retune;
pub mod rng;
pub mod shrink;
pub mod subject;
pub mod tables;
pub mod tape;
pub mod wide;
