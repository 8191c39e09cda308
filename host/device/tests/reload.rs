//! Words break beyond repair on the device: verdicts and coverage stay the ledger's, and what was lost comes back.

mod common;

use common::steps::{any_step, rounds};
use common::*;
use device::fault::DecayingDevice;
use device::{CpuDevice, Driver, DriverConfig, Identity, MarginDevice};
use engine::event::AccountId;
use model::machine::Capacity;
use model::record::{self, Reason, Record, output};
use proptest::prelude::*;

/// Runs the rounds while one in `one_in` records meets a word that has just broken; gives the reloads.
fn drive(rounds: &[Vec<engine::event::Update>], lanes: usize, seed: u64, one_in: u32) -> u64 {
    let device = DecayingDevice::new(CpuDevice::new(capacity(lanes)), seed, one_in);
    let mut driver = Driver::new(device, DriverConfig::default());
    driver.start(&rules()).unwrap();
    let mut ledger = Ledger::new(rules());
    let read = |driver: &mut Driver<DecayingDevice>, ledger: &Ledger| {
        let accounts: Vec<AccountId> = ledger.accounts.keys().copied().collect();
        let compared = driver.read_back(&accounts, |place, severity, equity, requirement| {
            let account = &ledger.accounts[&accounts[place]];
            assert_eq!((severity, (equity, requirement)), (account.severity, ledger.word(account)));
        });
        (compared.unwrap(), accounts.len() as u64)
    };
    for round in rounds {
        let answer = driver.run_round(round).unwrap();
        assert_eq!((answer.verdicts, answer.coverage), ledger.round(round));
        read(&mut driver, &ledger);
        for (&account, known) in &ledger.accounts {
            assert_eq!(driver.severity(account), known.severity);
        }
    }
    driver.device_mut().stop();
    // What is still broken is found by whoever reads it: accounts now, slots by a sweep.
    for instrument in 0..INSTRUMENTS {
        let price = ledger.instruments[&instrument].mark;
        let round = [mark(1_000_000, instrument, price)];
        let answer = driver.run_round(&round).unwrap();
        assert_eq!((answer.verdicts, answer.coverage), ledger.round(&round));
    }
    read(&mut driver, &ledger);
    let (compared, accounts) = read(&mut driver, &ledger);
    assert_eq!(compared, accounts, "every account is trusted again");
    assert!(driver.reloads() == 0 || !driver.take_notes().is_empty());
    driver.reloads()
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(192) })]

    #[test]
    fn a_word_beyond_repair_changes_no_verdict(
        steps in prop::collection::vec(prop::collection::vec(any_step(), 0..24), 1..12),
        seed in any::<u64>(), one_in in 3u32..60,
    ) {
        for lanes in [1, 2, 4] {
            drive(&rounds(&steps), lanes, seed, one_in);
        }
    }
}

/// One account that holds a lot of instrument 0 at 1,000, with so many rounds of cash that its equity at 1,001 is next to 2^87.
fn rich() -> (Driver<CpuDevice>, Ledger) {
    let mut rules = rules();
    rules.scale = 1_000_000;
    let (mut driver, mut ledger) =
        (Driver::new(CpuDevice::new(capacity(2)), DriverConfig::default()), Ledger::new(rules.clone()));
    driver.start(&rules).unwrap();
    let mut listing = list(0, 0);
    let engine::event::Change::List { spec, .. } = &mut listing.change else { unreachable!() };
    (spec.weight_long, spec.weight_short) = (1_000_000, 1_000_000);
    let mut round = vec![listing, mark(1, 0, 1_000), position(2, 0, 0, 4_000, 0), position(2, 1, 0, 5, 0)];
    let quanta_max = (1i128 << 87) / 1_000_000 - 4_000 * 1_001 - 1;
    let mut left = quanta_max;
    while left > 0 {
        let part = left.min(i64::MAX.into());
        round.push(cash(3, 0, part as i64));
        left -= part;
    }
    let answer = driver.run_round(&round).unwrap();
    assert_eq!((answer.verdicts, answer.coverage), ledger.round(&round));
    (driver, ledger)
}

#[test]
fn an_account_that_fits_no_accumulator_is_judged_by_the_host_until_it_fits() {
    let (mut driver, mut ledger) = rich();
    let asked = [id(0), id(1)];
    let mut check = |driver: &mut Driver<CpuDevice>, round: Vec<engine::event::Update>, trusted: u64| {
        let answer = driver.run_round(&round).unwrap();
        assert_eq!((answer.verdicts, answer.coverage), ledger.round(&round));
        let compared = driver.read_back(&asked, |place, severity, equity, requirement| {
            let account = &ledger.accounts[&asked[place]];
            assert_eq!((severity, (equity, requirement)), (account.severity, ledger.word(account)));
        });
        assert_eq!(compared.unwrap(), trusted);
    };
    check(&mut driver, vec![mark(4, 0, 1_001)], 2);
    // Beyond 88 bits: everything about it goes on, slots move under it, but its word is not the device's.
    check(&mut driver, vec![mark(5, 0, 2_000)], 1);
    check(&mut driver, vec![mark(6, 0, 3_000), offset(6, 0, -9), position(7, 0, 0, 3_900, 7)], 1);
    check(
        &mut driver,
        vec![position(8, 1, 0, 0, 0), position(8, 0, 0, 0, 100), position(8, 0, 0, 4_000, 0)],
        1,
    );
    assert_eq!(driver.reloads(), 0);
    // Nor is it when everything is loaded anew; in between the host has everybody's word.
    driver.accept();
    driver.lose();
    check(&mut driver, vec![mark(9, 0, 2_900)], 2);
    assert_eq!(driver.reattach().unwrap(), 1);
    check(&mut driver, vec![mark(9, 0, 3_100)], 1);
    check(&mut driver, vec![cash(9, 0, -(1 << 62)), mark(10, 0, 900)], 2);
    assert_eq!(driver.reloads(), 1);
    check(&mut driver, vec![mark(11, 0, 950)], 2);
}

#[test]
fn notes_name_the_account_and_the_reason() {
    let mut driver = Driver::new(CpuDevice::new(capacity(1)), DriverConfig::default());
    driver.start(&rules()).unwrap();
    driver.run_round(&[list(0, 0), mark(1, 0, 100), cash(2, 0, 5), position(3, 0, 0, 1, -100)]).unwrap();
    driver.device_mut().machine_mut().break_account(0);
    assert_eq!(driver.read_back(&[id(0)], |_, _, _, _| ()).unwrap(), 0, "the word is gone");
    assert_eq!(driver.read_back(&[id(0)], |_, _, _, _| ()).unwrap(), 1, "and loaded again");
    driver.device_mut().machine_mut().break_slot(0, 0);
    driver.run_round(&[mark(4, 0, 90)]).unwrap();
    let notes = driver.take_notes();
    assert_eq!((driver.reloads(), notes.len()), (2, 4), "{notes:?}");
    assert!(notes[0].contains(&format!("account {}): account word is beyond repair", id(0).0)), "{notes:?}");
    assert!(notes[2].contains("slot word is beyond repair"), "{notes:?}");
    assert!(driver.take_notes().is_empty());
}

/// Accounts 0 to 2 with 1,000 of cash and one lot of instrument 0 at 100: E of 1,100 quanta over 10,000.
fn with_offsets() -> (Driver<CpuDevice>, Ledger) {
    let mut driver = Driver::new(CpuDevice::new(capacity(1)), DriverConfig::default());
    driver.start(&rules()).unwrap();
    let mut ledger = Ledger::new(rules());
    let mut setup = vec![list(0, 0), mark(1, 0, 100)];
    for account in 0..3 {
        setup.extend([position(2, account, 0, 1, 0), cash(2, account, 1_000)]);
    }
    // The one is on the line of liquidation, the other beyond it; with a credit the third is healthy down to E of 0.
    setup.extend([offset(3, 0, 10_995_000), offset(3, 1, 10_995_001), offset(3, 2, -1_000_000)]);
    assert_eq!(driver.run_round(&setup).unwrap().verdicts.len(), 2);
    ledger.round(&setup);
    (driver, ledger)
}

#[test]
fn a_reloaded_account_keeps_its_offset_however_it_is_loaded() {
    type Loss = fn(&mut Driver<CpuDevice>);
    let losses: [(Loss, u64); 4] = [
        (|driver| (0..3).for_each(|index| driver.device_mut().machine_mut().break_account(index)), 3),
        (|driver| (0..3).for_each(|slot| driver.device_mut().machine_mut().break_slot(0, slot)), 3),
        // The POSITION that closes is not executed: nor is the MOVE into its slot, and all is loaded anew.
        (
            |driver| {
                driver.device_mut().machine_mut().break_account(0);
                driver.run_round(&[position(4, 0, 0, 0, 100)]).unwrap();
                let notes = driver.take_notes();
                assert!(notes.iter().any(|note| note.contains("loaded anew")), "{notes:?}");
            },
            2,
        ),
        (
            |driver| {
                driver.accept();
                driver.lose();
                assert_eq!(driver.reattach().unwrap(), 3);
            },
            0,
        ),
    ];
    for (place, (lose, reloads)) in losses.into_iter().enumerate() {
        let (mut driver, mut ledger) = with_offsets();
        lose(&mut driver);
        if place == 2 {
            ledger.round(&[position(4, 0, 0, 0, 100)]);
        }
        // The first finds what is broken, the second is the device's own word.
        for (at, price) in [(5, 100), (6, 99), (7, 100), (8, 100)] {
            let round = [mark(at, 0, price), cash(at, 0, 0), cash(at, 1, 0), cash(at, 2, 0)];
            let answer = driver.run_round(&round).unwrap();
            assert_eq!((answer.verdicts, answer.coverage), ledger.round(&round), "loss {place}, event {at}");
        }
        assert_eq!(driver.reloads(), reloads, "loss {place}");
        // To the unit, from both sides.
        let down = [(0, -1_100), (1, -1_100), (2, -1_100)].map(|(account, quanta)| cash(9, account, quanta));
        let answer = driver.run_round(&down).unwrap();
        assert_eq!((answer.verdicts, answer.coverage), ledger.round(&down));
        assert_eq!(driver.severity(id(2)), 0, "R' is 0");
    }
}

/// An OFFSET of a bad account is refused by the device, without hold, and is the host's business.
#[test]
fn an_offset_of_an_account_that_went_bad_takes_effect() {
    let (mut driver, mut ledger) = with_offsets();
    (0..3).for_each(|index| driver.device_mut().machine_mut().break_account(index));
    let round =
        [mark(4, 0, 101), offset(5, 0, 11_004_951), held(offset(6, 1, 0)), cash(6, 1, 0), offset(7, 2, 0)];
    let answer = driver.run_round(&round).unwrap();
    assert_eq!((answer.verdicts.len(), driver.reloads()), (3, 3));
    assert_eq!((answer.verdicts, answer.coverage), ledger.round(&round));
    let same = [cash(8, 0, 0), cash(8, 1, 0), cash(8, 2, 0)];
    assert_eq!(driver.run_round(&same).unwrap().verdicts, vec![]);
    ledger.round(&same);
    let back = [offset(9, 0, 11_004_950), offset(9, 1, 11_004_951), cash(9, 2, -1_101)];
    let answer = driver.run_round(&back).unwrap();
    assert_eq!(answer.verdicts.len(), 3);
    assert_eq!((answer.verdicts, answer.coverage), ledger.round(&back));
}

/// Says after every second FENCE's echo that the idle walk found the word of account index 0 beyond repair.
struct WalkingDevice {
    inner: CpuDevice,
    waiting: Option<Record>,
    echoes: u32,
}

impl MarginDevice for WalkingDevice {
    fn identity(&self) -> Identity {
        self.inner.identity()
    }

    fn capacity(&self) -> Capacity {
        self.inner.capacity()
    }

    fn reset(&mut self) {
        self.inner.reset();
        self.waiting = None;
    }

    fn submit(&mut self, records: &[Record]) -> usize {
        self.inner.submit(records)
    }

    fn poll(&mut self, answers: &mut [Record]) -> usize {
        let polled = self.inner.poll(answers);
        let echo = answers[..polled].iter().find(|answer| answer.op() == output::FENCE_ECHO.op);
        if let Some(echo) = echo {
            self.echoes += 1;
            let error = Record::new(&output::ERROR_ACCOUNT, echo.sequence())
                .with(&record::REASON, (Reason::UncorrectableAccount as u8).into())
                .with(&record::INSTRUMENT, u16::MAX.into())
                .with(&record::SLOT, u32::MAX.into());
            self.waiting = self.echoes.is_multiple_of(2).then_some(error);
        }
        if polled == answers.len() {
            return polled;
        }
        let Some(error) = self.waiting.take() else { return polled };
        answers[polled] = error;
        polled + 1
    }

    fn clocks(&self) -> u64 {
        0
    }
}

#[test]
fn an_error_of_the_idle_walk_may_come_behind_the_echo() {
    let device = WalkingDevice { inner: CpuDevice::new(capacity(1)), waiting: None, echoes: 0 };
    let mut driver = Driver::new(device, DriverConfig::default());
    let mut ledger = Ledger::new(rules());
    driver.start(&rules()).unwrap();
    for round in [vec![list(0, 0), mark(1, 0, 100), cash(2, 0, 500)], vec![position(3, 0, 0, 1, -100)]] {
        let answer = driver.run_round(&round).unwrap();
        assert_eq!((answer.verdicts, answer.coverage), ledger.round(&round));
        driver.read_back(&[id(0)], |_, _, _, _| ()).unwrap();
    }
    assert!(driver.reloads() > 0);
}
