//! The words between the engine and the world: events in, updates to the device, flags back, commands out.
//! They are what the journal holds, so every field is an integer with its unit.

use borsh::{BorshDeserialize, BorshSerialize};
use serde::Serialize;

use crate::book::Book;
use crate::rules::InstrumentSpec;
use crate::stability::Pause;

/// Venue's number of a margin account.
#[derive(
    BorshDeserialize, BorshSerialize, Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd, Serialize,
)]
#[serde(transparent)]
pub struct AccountId(pub u64);

/// Index of an instrument, in order of listing within an episode.
#[derive(
    BorshDeserialize, BorshSerialize, Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd, Serialize,
)]
#[serde(transparent)]
pub struct InstrumentId(pub u16);

/// Number of an event in the journal, from 0, without gaps.
pub type EventSequence = u64;
/// Event time, UTC milliseconds.
pub type TimeMs = i64;
/// Number of an order, from 1.
pub type OrderId = u64;

/// What happened. Sizes and quote amounts are signed as changes of the margin account's own balance.
#[derive(BorshDeserialize, BorshSerialize, Clone, Debug, Eq, PartialEq, Serialize)]
#[serde(tag = "type", rename_all = "snake_case")]
pub enum Event {
    /// An insurance fund is endowed from outside: that of a market, or the shared one.
    FundEndowed {
        instrument: Option<InstrumentId>,
        #[serde(serialize_with = "as_text")]
        quanta: i64,
    },
    /// An instrument is listed under the next free id; no mark yet.
    Listed { instrument: InstrumentId, spec: Box<InstrumentSpec> },
    /// A mark price, quanta per lot, before the mark guard, of an instrument whose marks are not composed.
    Mark { instrument: InstrumentId, price: u64 },
    /// The venue's book of an instrument, until it tells another.
    Book { instrument: InstrumentId, book: Book },
    /// A margin account is opened: cross, or isolated with one instrument. Without this an account is opened by its first deposit, cross, as
    /// its own owner.
    Opened { account: AccountId, owner: u64, isolated: Option<InstrumentId> },
    /// Collateral paid in from outside; opens the account if it is new.
    Deposited {
        account: AccountId,
        #[serde(serialize_with = "as_text")]
        quanta: i64,
    },
    /// An asset is paid in from outside.
    DepositedAsset { account: AccountId, instrument: InstrumentId, lots: i64 },
    /// Collateral goes from one account to another of the same owner.
    Moved {
        from: AccountId,
        to: AccountId,
        #[serde(serialize_with = "as_text")]
        quanta: i64,
    },
    /// How many orders of the account rest at the venue, and the initial margin in quanta that they reserve; 0 once they are cancelled.
    OrdersResting {
        account: AccountId,
        count: u32,
        #[serde(serialize_with = "as_text")]
        reserved: u64,
    },
    /// The account traded with the maker: `lots` and `quote` quanta have opposite signs.
    Traded {
        account: AccountId,
        instrument: InstrumentId,
        lots: i64,
        #[serde(serialize_with = "as_text")]
        quote: i64,
    },
    /// Final report of a liquidation order (immediate or cancel): what was filled, 0 if nothing was.
    Filled {
        order: OrderId,
        lots: i64,
        #[serde(serialize_with = "as_text")]
        quote: i64,
    },
    /// The backstop takes a slice that the market's budget has no room for.
    Absorbed {
        account: AccountId,
        instrument: InstrumentId,
        lots: i64,
        #[serde(serialize_with = "as_text")]
        quote: i64,
    },
    /// Solvent accounts are closed out at their bankruptcy prices: to the backstop, and beyond its limits to counterparties.
    TakenOver { accounts: Vec<AccountId> },
    /// Insolvent accounts are closed out, and their deficits go through the waterfall.
    Bankrupted { accounts: Vec<AccountId> },
    /// End of an episode: everything is settled at the last applied marks.
    Settled,
    /// Final report of a liquidation order that the venue did not take: nothing was filled.
    Rejected { order: OrderId },
    /// A price beside the marks, quanta per lot.
    Priced { instrument: InstrumentId, source: Source, price: u64 },
    /// Event time has passed: the first of what is due in the market is done; funding is paid, or announced brackets take effect, or it expires.
    Elapsed { instrument: InstrumentId },
    /// The instrument's maintenance brackets will be these from `effective_ms` on.
    BracketsAnnounced { instrument: InstrumentId, brackets: Vec<(u64, u32)>, effective_ms: TimeMs },
    /// Every position in the instrument is settled at a final price, that of the last applied mark if none is given, and it trades no more.
    Delisted { instrument: InstrumentId, price: Option<u64> },
    /// Cash is asked back.
    Withdrawn {
        account: AccountId,
        #[serde(serialize_with = "as_text")]
        quanta: i64,
    },
    /// A new order asks to rest at the venue: a change of the position by `lots` at `limit` quanta per lot.
    Ordered { account: AccountId, instrument: InstrumentId, lots: i64, limit: u64 },
    /// An operator stops an action, in one market or everywhere, until an event time.
    Paused { scope: Option<InstrumentId>, action: Pause, reason: String, until_ms: TimeMs },
    /// And lets it go on before that.
    Resumed { scope: Option<InstrumentId>, action: Pause },
    /// A mark is to be composed of the prices that there are.
    Composed { instrument: InstrumentId },
}

/// Where a price comes from.
#[derive(
    BorshDeserialize, BorshSerialize, Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd, Serialize,
)]
#[serde(rename_all = "snake_case")]
pub enum Source {
    /// What the underlying is worth elsewhere.
    Index,
    /// Of this venue's own book and its last trade.
    Bid,
    Ask,
    Last,
    /// The same contract's price at another venue.
    Venue(u8),
}

/// Events of one event time, in order.
#[derive(BorshDeserialize, BorshSerialize, Clone, Debug, Eq, PartialEq)]
pub struct Round {
    pub time_ms: TimeMs,
    /// Sequence of the first event; the others follow without gaps.
    pub first_sequence: EventSequence,
    pub events: Vec<Event>,
}

/// What the device must be told, in order. `sequence` is the event that caused it.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Update {
    pub sequence: EventSequence,
    pub change: Change,
}

/// One change of the device's state.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Change {
    List {
        instrument: InstrumentId,
        spec: Box<InstrumentSpec>,
    },
    Mark {
        instrument: InstrumentId,
        price: u64,
    },
    /// Every holder pays `delta` quanta per lot, and is compared.
    Funding {
        instrument: InstrumentId,
        delta: i64,
    },
    /// The instrument's maintenance brackets are others, those of `spec`; every holder is compared.
    Brackets {
        instrument: InstrumentId,
        spec: Box<InstrumentSpec>,
    },
    /// The account's new size; `cash_delta` moves with it. With `hold` a later change of the same event compares.
    Position {
        account: AccountId,
        instrument: InstrumentId,
        size: i64,
        cash_delta: i64,
        hold: bool,
    },
    Cash {
        account: AccountId,
        delta: i64,
        hold: bool,
    },
    /// What is added to the account's requirement, quanta / scale; replaces the one before.
    Offset {
        account: AccountId,
        value: i128,
        hold: bool,
    },
}

/// Verdicts that an applied mark, a funding payment or new brackets owe: margin accounts that hold the instrument in the ledger at that sequence.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Due {
    pub sequence: EventSequence,
    pub instrument: InstrumentId,
    pub holders: u64,
}

/// A change of severity as the device saw it, caused by the event `sequence`.
#[derive(BorshDeserialize, BorshSerialize, Clone, Copy, Debug, Eq, PartialEq, Serialize)]
pub struct Flag {
    pub sequence: EventSequence,
    pub account: AccountId,
    /// 0 healthy, 1 warned, 2 liquidatable, 3 takeover, 4 insolvent.
    pub severity_old: u8,
    pub severity_new: u8,
    /// Quanta / scale.
    #[serde(serialize_with = "as_text")]
    pub equity: i128,
    /// Quanta / scale.
    #[serde(serialize_with = "as_text")]
    pub requirement: i128,
}

/// A round's flags, ordered by event sequence, new severity descending, account id.
pub type VerdictRecord = Vec<Flag>;

/// What must happen next. The caller journals it, performs it and journals its outcome as an event.
#[derive(BorshDeserialize, BorshSerialize, Clone, Debug, Eq, PartialEq, Serialize)]
#[serde(tag = "type", rename_all = "snake_case")]
pub enum Command {
    /// Insolvent accounts, worst first.
    Bankrupt { accounts: Vec<AccountId> },
    /// Solvent accounts that the book cannot bring back, worst first.
    TakeOver { accounts: Vec<AccountId> },
    /// The account's resting orders, all of them.
    CancelOrders { account: AccountId },
    /// Immediate or cancel: change the account's position by `lots` (opposite in sign to it), no worse than `limit` quanta per lot.
    PlaceOrder { order: OrderId, account: AccountId, instrument: InstrumentId, lots: i64, limit: u64 },
    /// The backstop buys or sells instead of the book: `lots` and `quote` as changes of the account's balance.
    Absorb {
        account: AccountId,
        instrument: InstrumentId,
        lots: i64,
        #[serde(serialize_with = "as_text")]
        quote: i64,
    },
    /// Immediate or cancel, of the backstop's own inventory.
    Unwind { order: OrderId, instrument: InstrumentId, lots: i64, limit: u64 },
}

/// What a command sends to the venue: immediate or cancel, `lots` (below zero sells) no worse than `limit` quanta per lot.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct VenueOrder {
    pub id: OrderId,
    pub instrument: InstrumentId,
    pub lots: i64,
    pub limit: u64,
}

impl Command {
    /// The event that carrying it out is; none of an order, which the venue reports on.
    pub fn outcome(&self) -> Option<Event> {
        match *self {
            Self::TakeOver { ref accounts } => Some(Event::TakenOver { accounts: accounts.clone() }),
            Self::Bankrupt { ref accounts } => Some(Event::Bankrupted { accounts: accounts.clone() }),
            Self::CancelOrders { account } => Some(Event::OrdersResting { account, count: 0, reserved: 0 }),
            Self::Absorb { account, instrument, lots, quote } => {
                Some(Event::Absorbed { account, instrument, lots, quote })
            }
            Self::PlaceOrder { .. } | Self::Unwind { .. } => None,
        }
    }

    /// The order that it sends, if it sends one.
    pub fn venue_order(&self) -> Option<VenueOrder> {
        match *self {
            Self::PlaceOrder { order: id, instrument, lots, limit, .. }
            | Self::Unwind { order: id, instrument, lots, limit } => {
                Some(VenueOrder { id, instrument, lots, limit })
            }
            Self::Bankrupt { .. }
            | Self::TakeOver { .. }
            | Self::CancelOrders { .. }
            | Self::Absorb { .. } => None,
        }
    }
}

fn as_text<T: ToString, S: serde::Serializer>(value: &T, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_str(&value.to_string())
}
