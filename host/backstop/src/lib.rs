//! What runs: feeds in, rounds through engine and device, the journal beside them, reports out.

pub mod conform;
pub mod feed;
pub mod journal;
pub mod replay;
pub mod report;
pub mod venue;
