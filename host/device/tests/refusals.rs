//! What does not fit is refused before the first record of the round, by a name and a remedy; afterwards all is as it was.

mod common;

use common::*;
use device::{CpuDevice, DeviceError, Driver, DriverConfig};
use engine::event::{AccountId, Change, Update};
use engine::rules::Rules;
use model::machine::Capacity;

const CAPACITY: Capacity = Capacity { lanes: 2, accounts_per_lane: 3, slots_per_lane: 4, instruments: 2 };

fn driver() -> Driver<CpuDevice> {
    let mut driver = Driver::new(CpuDevice::new(CAPACITY), DriverConfig::default());
    driver.start(&rules()).unwrap();
    driver
}

/// Everything that can be seen from outside: the words of all accounts and where they are.
fn picture(driver: &mut Driver<CpuDevice>, accounts: &[AccountId]) -> Vec<(u64, u8, i128, i128)> {
    let mut words = Vec::new();
    driver
        .read_back(accounts, |place, severity, e, r| words.push((accounts[place].0, severity, e, r)))
        .unwrap();
    words.sort_unstable();
    words
}

fn error_text(error: &dyn std::error::Error) -> String {
    error.source().map_or(error.to_string(), |source| format!("{error}: {}", error_text(source)))
}

/// A first half that takes effect on every table, then the update that does not fit.
fn assert_refused(last: Update, words: &str) {
    let mut driver = driver();
    let setup = [list(0, 0), mark(0, 0, 100), position(1, 0, 0, 5, -500), position(1, 2, 0, 5, -400)];
    driver.run_round(&setup).unwrap();
    let before = picture(&mut driver, &[id(0), id(2)]);
    let round = [
        cash(2, 0, 1_000),
        offset(2, 0, 9_000_000),
        offset(2, 7, -1),
        position(2, 0, 0, 0, 0),
        position(2, 7, 0, -3, 300),
        position(2, 0, 0, 9, 0),
        list(3, 1),
        mark(3, 0, 17),
        last,
    ];
    let error = driver.run_round(&round).unwrap_err();
    assert!(error.is_refusal(), "{error:?}");
    assert!(error_text(&error).contains(words), "{}", error_text(&error));
    assert_eq!(driver.slot_map().index_of(id(7)), None);
    assert_eq!(picture(&mut driver, &[id(0), id(2)]), before);
    // The round without its last update still runs: instrument 1 is not listed, account 7 has no index.
    let mut ledger = Ledger::new(rules());
    ledger.round(&setup);
    let expected = ledger.round(&round[..round.len() - 1]);
    let answer = driver.run_round(&round[..round.len() - 1]).unwrap();
    assert_eq!((answer.verdicts, answer.coverage), expected);
    for (&account, known) in &ledger.accounts {
        let (equity, requirement) = ledger.word(known);
        assert_eq!(picture(&mut driver, &[account]), [(account.0, known.severity, equity, requirement)]);
    }
}

#[test]
fn what_does_not_fit_leaves_no_trace() {
    assert_refused(list(4, 0), "instrument 0 is listed already");
    assert_refused(list(4, 2), "too many instruments: instrument 2, but this device build holds 2");
    assert_refused(mark(4, 9, 1), "instrument 9 is not listed");
    assert_refused(mark(4, 0, 1 << PRICE_BITS), "event 4: value refused: price 65536 is outside 0..=65535");
    assert_refused(position(4, 0, 0, 1 << SIZE_BITS, 0), "size 4096 is outside -4095..=4095");
    assert_refused(position(4, 0, 0, -(1 << SIZE_BITS), 0), "size -4096 is outside");
    assert_refused(position(4, 0, 9, 0, 0), "instrument 9 is not listed");
    let bound = (1i128 << 86) - 1;
    for value in [bound + 1, -bound - 1, i128::MAX, i128::MIN] {
        let words = format!("event 4: value refused: offset {value} is outside {}..={bound}", -bound);
        assert_refused(offset(4, 0, value), &words);
        assert_refused(offset(4, 8, value), &words);
        assert_refused(held(offset(4, 0, value)), &words);
    }
}

#[test]
fn a_broken_listing_is_refused_by_name() {
    let listing = |change: fn(&mut engine::rules::InstrumentSpec)| {
        let mut update = list(0, 0);
        let Change::List { spec, .. } = &mut update.change else { unreachable!() };
        change(spec);
        let error = driver().run_round(&[update]).unwrap_err();
        assert!(error.is_refusal());
        error_text(&error)
    };
    assert!(listing(|spec| spec.weight_long = 20_001).contains("weight_long 20001 is outside 0..=20000"));
    assert!(listing(|spec| spec.price_bits = 33).contains("price_bits 33"));
    assert!(listing(|spec| spec.size_bits = 0).contains("size_bits 0"));
    assert!(
        listing(|spec| (spec.price_bits, spec.size_bits) = (30, 30)).contains("price_bits + size_bits 60")
    );
    assert!(listing(|spec| spec.brackets = vec![(1, 5)]).contains("the first floor is 0"));
    assert!(listing(|spec| spec.brackets.clear()).contains("1 to 16 tiers, not 0"));
}

#[test]
fn a_full_segment_and_a_full_build_say_so_and_go_on() {
    let mut driver = driver();
    // Two slots a lane for each of two instruments; three accounts a lane.
    let full: Vec<Update> =
        [list(0, 0), mark(0, 0, 1)].into_iter().chain((0..4).map(|a| position(1, a, 0, 1, 0))).collect();
    driver.run_round(&full).unwrap();
    let error = driver.run_round(&[cash(2, 1, 8), position(2, 4, 0, 1, 0)]).unwrap_err();
    assert!(error_text(&error).contains("Segment full: instrument 0 fills all 2 slots"), "{error:?}");
    // A hole makes room in its own lane, within the same round.
    driver.run_round(&[position(3, 2, 0, 0, 0), position(3, 4, 0, 1, 0), cash(3, 5, 1)]).unwrap();
    let error = driver.run_round(&[cash(4, 0, 8), cash(4, 6, 1)]).unwrap_err();
    assert!(error_text(&error).contains("too many accounts for this device build: it holds 6"), "{error:?}");
    assert_eq!(picture(&mut driver, &[id(0)])[0].2, 10_000, "one lot at 1, and no cash came");
    driver.run_round(&[mark(5, 0, 2)]).unwrap();
}

#[test]
fn an_unknown_account_ends_a_read_back_and_nothing_else() {
    let mut driver = driver();
    driver.run_round(&[cash(0, 0, 1)]).unwrap();
    let mut visited = 0;
    let asked: Vec<AccountId> = (0..700).map(|i| id(u64::from(i == 600))).collect();
    let error = driver.read_back(&asked, |_, _, _, _| visited += 1).unwrap_err();
    assert!(
        matches!(error, DeviceError::UnknownAccount { account } if account == id(1)) && error.is_refusal()
    );
    assert_eq!(visited, 600);
    assert_eq!(driver.read_back(&[id(0)], |_, _, _, _| ()).unwrap(), 1);
    assert_eq!(driver.read_back(&[], |_, _, _, _| ()).unwrap(), 0);
}

#[test]
fn bad_rules_never_reach_the_device() {
    let mut driver = Driver::new(CpuDevice::new(CAPACITY), DriverConfig::default());
    assert!(matches!(driver.run_round(&[]), Err(DeviceError::NotStarted { operation: "round" })));
    assert!(driver.start(&Rules { rungs: [256, 320, 171], ..rules() }).is_err());
    assert!(driver.start(&Rules { rungs: [1_024, 256, 171], ..rules() }).is_err());
    assert!(driver.start(&Rules { scale: 0, ..rules() }).is_err());
    assert!(matches!(driver.read_back(&[], |_, _, _, _| ()), Err(DeviceError::NotStarted { .. })));
    driver.start(&rules()).unwrap();
    assert_eq!(driver.run_round(&[]).unwrap(), device::RoundAnswer::default());
}
