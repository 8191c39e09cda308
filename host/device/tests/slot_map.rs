//! The slot map against a naive one: a list of holders for each instrument and lane, copied whole to be undone.

use device::SlotMap;
use device::slot_map::{Removed, Segment, SlotError};
use engine::event::{AccountId, InstrumentId};
use model::machine::Capacity;
use proptest::prelude::*;

const INSTRUMENTS: u16 = 3;

#[derive(Clone, Copy, Debug)]
enum Step {
    Assign(u64),
    Place(u16, u64),
    Remove(u16, u64),
    Keep,
    Undo,
}

#[derive(Clone, Debug, Default)]
struct Naive {
    accounts: Vec<u64>,
    holders: Vec<Vec<Vec<u64>>>,
}

impl Naive {
    fn index(&self, account: u64) -> Option<usize> {
        self.accounts.iter().position(|&known| known == account)
    }
}

fn any_step() -> impl Strategy<Value = Step> {
    let account = 0u64..14;
    prop_oneof![
        2 => account.clone().prop_map(Step::Assign),
        6 => (0..INSTRUMENTS, account.clone()).prop_map(|(i, a)| Step::Place(i, a)),
        5 => (0..INSTRUMENTS, account).prop_map(|(i, a)| Step::Remove(i, a)),
        1 => Just(Step::Keep),
        1 => Just(Step::Undo),
    ]
}

fn venue(account: u64) -> AccountId {
    AccountId(account << 40 | 7)
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(512) })]

    #[test]
    fn it_is_the_naive_one(
        steps in prop::collection::vec(any_step(), 0..80), lanes in 1usize..4, accounts_per_lane in 1usize..5,
        slots_per_lane in 3usize..12
    ) {
        let capacity = Capacity { lanes, accounts_per_lane, slots_per_lane, instruments: INSTRUMENTS.into() };
        let mut map = SlotMap::new(capacity, INSTRUMENTS.into());
        let segments: Vec<Segment> =
            (0..INSTRUMENTS).map(|i| map.list(InstrumentId(i), 8, 8).unwrap()).collect();
        map.keep();
        for pair in segments.windows(2) {
            prop_assert_eq!(pair[0].base + pair[0].capacity, pair[1].base);
        }
        let mut naive = Naive { holders: vec![vec![vec![]; lanes]; INSTRUMENTS.into()], ..Naive::default() };
        let mut kept = naive.clone();
        for step in steps {
            match step {
                Step::Keep => {
                    map.keep();
                    kept = naive.clone();
                }
                Step::Undo => {
                    map.undo();
                    naive = kept.clone();
                }
                Step::Assign(account) | Step::Place(_, account) | Step::Remove(_, account) => {
                    let index = naive.index(account).unwrap_or_else(|| {
                        naive.accounts.push(account);
                        naive.accounts.len() - 1
                    });
                    if index == lanes * accounts_per_lane {
                        naive.accounts.pop();
                        let full = SlotError::TooManyAccounts { capacity: index };
                        prop_assert_eq!(map.assign(venue(account)), Err(full));
                        continue;
                    }
                    prop_assert_eq!(map.assign(venue(account)), Ok(index as u32));
                    let lane = index % lanes;
                    match step {
                        Step::Place(instrument, _) => {
                            let holders = &mut naive.holders[usize::from(instrument)][lane];
                            let room = segments[usize::from(instrument)].capacity;
                            let slot = holders.iter().position(|&holder| holder == account);
                            let expected = match slot {
                                Some(slot) => Ok(slot as u32),
                                None if holders.len() == room as usize => {
                                    Err(SlotError::SegmentFull { instrument, lane, capacity: room })
                                }
                                None => {
                                    holders.push(account);
                                    Ok(holders.len() as u32 - 1)
                                }
                            };
                            prop_assert_eq!(map.place(InstrumentId(instrument), index as u32), expected);
                        }
                        Step::Remove(instrument, _) => {
                            let holders = &mut naive.holders[usize::from(instrument)][lane];
                            if let Some(slot) = holders.iter().position(|&holder| holder == account) {
                                let last = holders.pop().unwrap();
                                let from = holders.len() as u32;
                                if last != account {
                                    holders[slot] = last;
                                }
                                let owner = naive.accounts.iter().position(|&known| known == last).unwrap();
                                let removed = Removed { owner: owner as u32, from, to: slot as u32 };
                                let instrument = InstrumentId(instrument);
                                prop_assert_eq!(map.remove(instrument, index as u32), Ok(removed));
                            }
                        }
                        _ => {}
                    }
                }
            }
            check(&map, &naive, lanes)?;
        }
    }
}

fn check(map: &SlotMap, naive: &Naive, lanes: usize) -> Result<(), TestCaseError> {
    for account in 0..14 {
        let index = naive.index(account);
        prop_assert_eq!(map.index_of(venue(account)), index.map(|index| index as u32));
        if let Some(index) = index {
            prop_assert_eq!(map.account_of(index as u32), Some(venue(account)));
            for instrument in 0..INSTRUMENTS {
                let holders = &naive.holders[usize::from(instrument)][index % lanes];
                let slot = holders.iter().position(|&holder| holder == account).map(|slot| slot as u32);
                prop_assert_eq!(map.slot(InstrumentId(instrument), index as u32), Ok(slot));
            }
        }
    }
    prop_assert_eq!(map.account_of(naive.accounts.len() as u32), None);
    for (instrument, by_lane) in (0..INSTRUMENTS).zip(&naive.holders) {
        let counts: Vec<u32> = map.counts(InstrumentId(instrument)).unwrap().collect();
        prop_assert_eq!(counts, by_lane.iter().map(|holders| holders.len() as u32).collect::<Vec<_>>());
        for (lane, holders) in by_lane.iter().enumerate() {
            for slot in 0..=holders.len() {
                let owner = holders.get(slot).map(|&holder| naive.index(holder).unwrap() as u32);
                prop_assert_eq!(map.owner(InstrumentId(instrument), lane, slot as u32), Ok(owner));
            }
        }
    }
    Ok(())
}

#[test]
fn segments_share_the_slots_and_never_pass_what_a_lane_can_need() {
    let capacity = Capacity { lanes: 2, accounts_per_lane: 10, slots_per_lane: 25, instruments: 8 };
    let list = |map: &mut SlotMap, instrument| map.list(InstrumentId(instrument), 8, 8);
    let sizes = |expected: usize, count: u16| -> Vec<u32> {
        let mut map = SlotMap::new(capacity, expected);
        (0..count).map(|instrument| list(&mut map, instrument).unwrap().capacity).collect()
    };
    assert_eq!(sizes(8, 8), [3, 3, 3, 3, 3, 3, 3, 4]);
    assert_eq!(sizes(2, 3), [10, 10, 5]);
    let mut map = SlotMap::new(capacity, 1);
    assert_eq!(list(&mut map, 8), Err(SlotError::TooManyInstruments { instrument: 8, capacity: 8 }));
    for instrument in 0..3 {
        list(&mut map, instrument).unwrap();
    }
    assert_eq!(list(&mut map, 3), Err(SlotError::NoSlotsLeft { instrument: 3, slots: 25 }));
    assert_eq!(list(&mut map, 0), Err(SlotError::ListedTwice { instrument: 0 }));
    assert_eq!(map.place(InstrumentId(5), 0), Err(SlotError::NotListed { instrument: 5 }));
    map.undo();
    assert_eq!(list(&mut map, 3), Ok(Segment { base: 0, capacity: 10, price_bits: 8, size_bits: 8 }));
}
