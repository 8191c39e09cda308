//! Where marks come from: candle tapes and a built-in scenario, as one stream of marks in episodes; the instruments and accounts they
//! are replayed on. Integers and decimals only; the same inputs give the same stream.

pub mod accounts;
pub mod ahead;
pub mod candle;
pub mod draw;
pub mod episode;
pub mod field;
pub mod fit;
pub mod instrument;
pub mod row;
pub mod scenario;
pub mod tape;

use std::sync::Arc;

use engine::event::TimeMs;
use rust_decimal::Decimal;

/// A mark price as its source wrote it, in quote currency per unit of the base asset.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Mark {
    pub time_ms: TimeMs,
    pub symbol: Arc<str>,
    pub price: Decimal,
}

/// What a feed yields. Marks are ordered by (time, symbol) and lie between the start and the end of their episode.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Item {
    /// Before the first mark of the episode, at its time.
    EpisodeStart {
        episode: u32,
        time_ms: TimeMs,
    },
    Mark(Mark),
    /// After the last mark of the episode, at its time; `marks` is how many there were.
    EpisodeEnd {
        episode: u32,
        time_ms: TimeMs,
        marks: u64,
    },
}

/// A feed of either kind.
pub type Items = Box<dyn Iterator<Item = Result<Item, tape::TapeError>> + Send>;
