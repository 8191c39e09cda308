//! The whole system in one process, against a world that breaks by plan.

pub mod disk;
