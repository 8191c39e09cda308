//! `backstop device …`: what an engineer runs first on a new card.

pub mod bench;
pub mod info;
pub mod selftest;
pub mod stream;
