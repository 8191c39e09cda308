//! Small inputs that are accepted, to start from.

use std::path::Path;

use borsh::BorshSerialize;
use engine::event::{AccountId, Command, Event, Flag, InstrumentId, Source};
use engine::rules::{InstrumentSpec, Rules};
use model::machine::Capacity;

use super::Parser;
use crate::device_tool::stream::Stream;
use crate::journal::{Entry, Header, Log, segment_name};
use crate::recovery::follow;
use crate::rules::DEFAULT;
use crate::simulate::disk::{Power, SimulatedDisk};

const TAPE: &str = "symbol,ts_ms,open,high,low,close,volume
BTC,1500000000000,2500.5,2510,2499.25,2505,1.5
BTC,1500000060000,2505,2506,2390,2400.1,17
ETH,1500000060000,250,251.75,249,250,3e2
BTC,1500000120000,2400.1,2400.1,2400.1,2400.1,0
";
const BOOKS: &str = "venue,symbol,ts_ms,side,level,price,qty
V,X,1626992741261,B,0,99.5,5
V,X,1626992741261,B,1,90,7.5
V,X,1626992741261,A,0,100.5,4
V,X,1626992741261,A,1,110,9
V,Y,1626992741261,B,0,0.5,50
V,Y,1626992741261,A,0,0.51,40
";
const TIERS: &str = "symbol,tier,notional_floor,notional_cap,mmr,max_leverage,cum_maintenance_amount
A,1,0,5000,0.01,50,0
A,2,5000,50000,0.02,25,50
A,3,50000,600000,0.025,20,300
";
const GENESIS: &str = r#"{
  "liquidity_tiers": [{ "id": 4, "initial_margin_ppm": 50000, "maintenance_fraction_ppm": 600000,
    "open_interest_lower_cap": "25000000000000", "open_interest_upper_cap": 50000000000000 }],
  "perpetuals": [{ "params": { "ticker": "A-USD", "id": 7, "atomic_resolution": -6, "liquidity_tier": 4 } }],
  "clob_pairs": [{ "perpetual_clob_metadata": { "perpetual_id": 7 }, "step_base_quantums": 1000000,
    "subticks_per_tick": 100000, "quantum_conversion_exponent": -9 }],
  "liquidations_config": { "max_liquidation_fee_ppm": 15000, "position_block_limits":
    { "min_position_notional_liquidated": "1000000000", "max_position_portion_liquidated_ppm": 100000 } }
}"#;

impl Parser {
    /// Inputs that are accepted.
    pub fn samples(self) -> Vec<Vec<u8>> {
        match self {
            Self::Tape => vec![TAPE.into()],
            Self::Books => vec![BOOKS.into()],
            Self::Rules => {
                let is_said = |line: &&str| !line.starts_with('#') && !line.is_empty();
                vec![DEFAULT.lines().filter(is_said).collect::<Vec<_>>().join("\n").into()]
            }
            Self::BinanceTiers => vec![TIERS.into()],
            Self::DydxGenesis => vec![GENESIS.into()],
            Self::Journal => [true, false].map(journal).into(),
            Self::Entry => entries().iter().map(written).collect(),
            Self::State => {
                let state = follow(entries().into_iter().map(Ok), None).expect("a short run");
                vec![state.to_bytes()]
            }
            Self::Records => {
                let capacity =
                    Capacity { lanes: 2, accounts_per_lane: 8, slots_per_lane: 32, instruments: 4 };
                let (mut stream, mut sent, mut answers) =
                    (Stream::new(1, capacity, 4), Vec::new(), Vec::new());
                stream.set_up(&mut sent, &mut answers);
                let mut more = Vec::new();
                stream.chunk(40, &mut more, &mut answers);
                vec![sent.iter().chain(&more).flat_map(|record| record.0).collect()]
            }
        }
    }
}

fn written(entry: &impl BorshSerialize) -> Vec<u8> {
    borsh::to_vec(entry).expect("writing to memory")
}

/// An episode of two rounds.
fn entries() -> Vec<Entry> {
    let (x, account) = (InstrumentId(0), AccountId(7));
    let rounds = [
        vec![
            Event::FundEndowed { instrument: None, quanta: 1_000 },
            Event::Listed { instrument: x, spec: InstrumentSpec::plain("X", 1_000_000).into() },
            Event::Mark { instrument: x, price: 1_000 },
            Event::Deposited { account, quanta: 1_000_000 },
        ],
        vec![
            Event::Traded { account, instrument: x, lots: 5, quote: -5_000 },
            Event::Priced { instrument: x, source: Source::Index, price: 1_001 },
            Event::OrdersResting { account, count: 1, reserved: 10 },
        ],
    ];
    let mut entries = vec![
        Entry::EpisodeStarted { index: 0, seed: 1, rules: Rules::default(), source: "a sample".into() },
        Entry::Note { time_ms: 0, text: "a note".into() },
    ];
    let mut sequence = 0;
    for (round, events) in (0..).zip(rounds) {
        let (time_ms, first_sequence, count) = (round as i64 * 1_000, sequence, events.len() as u32);
        entries.push(Entry::Taken { source: 0, sequence: round });
        for event in events {
            entries.push(Entry::Event { sequence, time_ms, event });
            sequence += 1;
        }
        entries.push(Entry::RoundEnded { round, time_ms, first_sequence, events: count, external: true });
        entries.push(Entry::Verdict { round, flags: Vec::new() });
        entries.push(Entry::Decision { round, commands: Vec::new() });
    }
    entries
}

/// The segment of a short journal.
fn journal(is_closed: bool) -> Vec<u8> {
    let disk = SimulatedDisk::new(&Power::default());
    let header = Header::new([7; 16], &Rules::default());
    let mut log = Log::create(disk.clone(), Path::new("sample"), header, 4_096).expect("a new disk");
    let flag = Flag {
        sequence: 3,
        account: AccountId(7),
        severity_old: 0,
        severity_new: 2,
        equity: -1,
        requirement: 1 << 70,
    };
    let order = Command::PlaceOrder {
        order: 1,
        account: AccountId(7),
        instrument: InstrumentId(0),
        lots: -5,
        limit: 9,
    };
    for entry in [
        Entry::Restarted { next_sequence: 7 },
        Entry::Event { sequence: 7, time_ms: 2_000, event: Event::Filled { order: 1, lots: -5, quote: 50 } },
        Entry::Verdict { round: 2, flags: vec![flag] },
        Entry::Decision { round: 2, commands: vec![order] },
        Entry::EpisodeEnded { index: 0, state_hash: [3; 32] },
    ] {
        log.append(entry).expect("it is short");
        log.commit().expect("a sound disk");
    }
    if is_closed {
        log.close().expect("a sound disk");
    }
    disk.bytes(&segment_name(0))
}
