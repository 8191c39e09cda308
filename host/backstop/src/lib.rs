//! What runs: feeds in, rounds through engine and device, the journal beside them, reports out.

pub mod conform;
pub mod device_kind;
pub mod device_tool;
pub mod feed;
pub mod gateway;
pub mod journal;
pub mod parsers;
pub mod recovery;
pub mod replay;
pub mod report;
pub mod risk;
pub mod rules;
#[cfg(feature = "sim")]
pub mod serve;
pub mod simulate;
pub mod venue;
