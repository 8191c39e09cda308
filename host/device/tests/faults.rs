//! Every fault is caught, by the driver where it breaks the protocol and by the audit where only a number is wrong; and the verdicts of the
//! round it is caught in and of all later ones are the ledger's, on the host and on the device when it is attached again.

mod common;

use common::bench::{Bench, Caught};
use common::steps::any_step;
use common::*;
use device::fault::{DecayingDevice, Fault, FaultyDevice};
use device::{CpuDevice, DeviceError, Driver, DriverConfig, MarginDevice};
use engine::event::Update;
use proptest::prelude::*;

/// Rounds with flags from updates and from sweeps in both directions, closings and reopenings.
fn rounds() -> Vec<Vec<Update>> {
    let mut sequence = 0;
    let mut next = || {
        sequence += 1;
        sequence
    };
    let mut rounds = vec![(0..INSTRUMENTS).map(|i| list(next(), i)).collect::<Vec<_>>()];
    rounds.push((0..INSTRUMENTS).map(|i| mark(next(), i, 1_000)).collect());
    rounds.push((0..ACCOUNTS).map(|a| cash(next(), a, 20_000 + 5_000 * a as i64)).collect());
    for wave in 0..4i64 {
        let size = |a: u64| (100 + 13 * a as i64 + 29 * wave) * if a.is_multiple_of(3) { -1 } else { 1 };
        rounds.push(
            (0..ACCOUNTS)
                .map(|a| position(next(), a, a as u16 % INSTRUMENTS, size(a), -1_000 * size(a)))
                .collect(),
        );
        for price in [1_000, 700, 1_400, 1_000 + 50 * wave as u64] {
            rounds.push((0..INSTRUMENTS).map(|i| mark(next(), i, price)).collect());
        }
        rounds.push(
            (0..ACCOUNTS)
                .map(|a| cash(next(), a, if a.is_multiple_of(2) { -90_000 } else { 120_000 }))
                .collect(),
        );
        // Some are flagged by it and some cleared; the equities are about so large.
        let value = |a: u64| i128::from(1 + wave) * 400_000_000 * [1, -1, 0][a as usize % 3];
        rounds.push((0..ACCOUNTS).map(|a| offset(next(), a, value(a))).collect());
        rounds.push((0..ACCOUNTS).map(|a| position(next(), a, a as u16 % INSTRUMENTS, 0, 1_000)).collect());
    }
    rounds
}

/// One fault in a run; after the loss some rounds on the host, then the rest on the device again.
fn run(fault: Fault, seed: u64, lanes: usize) -> Caught {
    let mut bench = Bench::new(seed, lanes);
    bench.driver.device_mut().inner.arm(fault, 60);
    let mut on_host = 0;
    for round in rounds() {
        if on_host == 1 + seed % 5 {
            assert!(bench.reattach());
            on_host = 0;
        }
        bench.round(&round);
        on_host += u64::from(bench.driver.is_lost());
    }
    assert_eq!(bench.struck(), 1, "{fault:?} has records to strike, seed {seed}");
    assert_eq!(bench.noticed.len(), 1, "{fault:?}, seed {seed}");
    bench.noticed[0]
}

#[test]
fn no_fault_goes_unseen_and_none_changes_a_verdict() {
    let audited = [Fault::EquityBit, Fault::RequirementBit, Fault::CashBit];
    for fault in Fault::ALL {
        let caught: Vec<Caught> =
            (0..40).map(|seed| run(fault, seed, [1, 2, 4][seed as usize % 3])).collect();
        let audit = caught.iter().filter(|&&by| by == Caught::Audit).count();
        println!("{fault:?}: driver {}, audit {audit}", caught.len() - audit);
        assert_eq!(
            audit > 0,
            audited.contains(&fault),
            "{fault:?}: {audit} of {} by the audit",
            caught.len()
        );
    }
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(192) })]

    /// Any rounds, a fault after every return of the device, some of them while it is loaded.
    #[test]
    fn however_often_the_device_is_lost_the_verdicts_are_the_ledgers(
        steps in prop::collection::vec(prop::collection::vec(any_step(), 0..24), 1..24),
        seed in any::<u64>(), within in 1u32..200,
    ) {
        for lanes in [1, 2, 4] {
            let mut bench = Bench::new(seed, lanes);
            for (at, round) in common::steps::rounds(&steps).iter().enumerate() {
                if !bench.driver.device().inner.is_armed() {
                    bench.driver.device_mut().inner.arm_any(within);
                }
                if bench.driver.is_lost() && (seed >> (at % 64)) & 1 == 0 {
                    bench.reattach();
                }
                bench.round(round);
                prop_assert_eq!(bench.bad, 0);
            }
            prop_assert_eq!(bench.noticed.len() as u64, bench.struck());
        }
    }

    /// The same on a device whose words break: a round in which accounts are bad is undone and judged again like any other.
    #[test]
    fn a_device_with_broken_words_is_lost_like_any_other(
        steps in prop::collection::vec(prop::collection::vec(any_step(), 0..24), 1..16),
        seed in any::<u64>(), within in 1u32..200, one_in in 10u32..80,
    ) {
        for lanes in [1, 2, 4] {
            let device = DecayingDevice::new(CpuDevice::new(capacity(lanes)), seed, one_in);
            let mut bench = Bench::over(device, seed);
            for (at, round) in common::steps::rounds(&steps).iter().enumerate() {
                if !bench.driver.device().inner.is_armed() {
                    bench.driver.device_mut().inner.arm_any(within);
                }
                if bench.driver.is_lost() && (seed >> (at % 64)) & 1 == 0 {
                    bench.reattach();
                }
                bench.round(round);
            }
        }
    }
}

#[test]
fn a_device_that_is_spoiled_while_it_is_loaded_stays_lost() {
    let mut spoiled = 0;
    for (fault, seed) in Fault::ALL.into_iter().flat_map(|fault| (0..10).map(move |seed| (fault, seed))) {
        let mut bench = Bench::new(seed, [1, 2, 4][seed as usize % 3]);
        let rounds = rounds();
        rounds[..8].iter().for_each(|round| bench.round(round));
        bench.driver.lose();
        bench.driver.device_mut().inner.arm(fault, 8);
        let is_attached = bench.reattach();
        assert_eq!(is_attached, bench.struck() == 0, "{fault:?}, seed {seed}");
        spoiled += u32::from(!is_attached);
        rounds[8..12].iter().for_each(|round| bench.round(round));
        if bench.driver.is_lost() {
            assert!(bench.reattach(), "the second time it is sound");
        }
        rounds[12..].iter().for_each(|round| bench.round(round));
        assert_eq!(bench.noticed.len() as u64, bench.struck());
    }
    assert!(spoiled > 100, "only {spoiled} loads were spoiled");
}

/// Turns over one bit of the first record that has the field, once it is told to.
struct Misheard {
    inner: CpuDevice,
    bit: Option<(u8, usize)>,
}

impl MarginDevice for Misheard {
    fn identity(&self) -> device::Identity {
        self.inner.identity()
    }

    fn capacity(&self) -> model::machine::Capacity {
        self.inner.capacity()
    }

    fn reset(&mut self) {
        self.inner.reset();
    }

    fn submit(&mut self, records: &[model::record::Record]) -> usize {
        let Some(first) = records.first() else { return 0 };
        let mut heard = *first;
        let bit = self.bit.take_if(|(op, _)| *op == first.op());
        bit.iter().for_each(|&(_, bit)| heard.0[bit / 8] ^= 1 << (bit % 8));
        let taken = self.inner.submit(&[heard]);
        self.bit = if taken == 0 { bit.or(self.bit) } else { self.bit };
        taken
    }

    fn poll(&mut self, answers: &mut [model::record::Record]) -> usize {
        self.inner.poll(answers)
    }

    fn clocks(&self) -> u64 {
        0
    }
}

/// E and R that the device has computed by itself tell of the sizes, weights, tiers and marks it was loaded with.
#[test]
fn a_number_that_is_misheard_while_a_device_is_loaded_is_found_at_once() {
    use model::record::{self, input};
    let fields = [
        (&input::TIER, &record::RATE),
        (&input::INSTRUMENT, &record::WEIGHT_LONG),
        (&input::POSITION, &record::SIZE),
        (&input::OFFSET, &record::OFFSET),
        (&input::LOAD, &record::EQUITY_LOW),
        (&input::MARK, &record::PRICE),
        (&input::CASH, &record::DELTA),
    ];
    for (layout, field) in fields {
        let device = Misheard { inner: CpuDevice::new(capacity(1)), bit: None };
        let mut driver = Driver::new(device, DriverConfig::default());
        driver.start(&rules()).unwrap();
        let round = [
            list(0, 0),
            mark(1, 0, 1_000),
            cash(2, 0, 9_000),
            position(3, 0, 0, 10, -10_000),
            offset(3, 0, -123_456),
        ];
        driver.run_round(&round).unwrap();
        driver.accept();
        driver.lose();
        driver.device_mut().bit = Some((layout.op, field.lsb + 3));
        let error = driver.reattach().expect_err(layout.name);
        assert!(driver.is_lost() && driver.device().bit.is_none(), "{}: {error}", layout.name);
        assert_eq!(driver.reattach().unwrap(), 1, "heard well, {}", layout.name);
    }
}

/// Each bit of an offset, of an account that is healthy with it and without.
#[test]
fn an_offset_that_is_misheard_while_it_is_loaded_is_found_to_the_unit() {
    use model::record::{self, input};
    for (value, bit) in [-123_456, 9_999, 1 << 70].into_iter().flat_map(|v| (0..128).map(move |b| (v, b))) {
        let device = Misheard { inner: CpuDevice::new(capacity(1)), bit: None };
        let mut driver = Driver::new(device, DriverConfig::default());
        driver.start(&rules()).unwrap();
        let rich = (0..2).map(|_| cash(0, 0, i64::MAX));
        driver.run_round(&rich.chain([offset(1, 0, value)]).collect::<Vec<_>>()).unwrap();
        driver.accept();
        let bit = Some((input::OFFSET.op, record::OFFSET.lsb + bit));
        driver.device_mut().inner.machine_mut().break_account(0);
        driver.device_mut().bit = bit;
        let read = driver.read_back(&[id(0)], |_, _, _, _| ());
        assert!(read.is_err() && driver.is_lost(), "{value}, bit {bit:?}");
        driver.device_mut().bit = bit;
        assert!(driver.reattach().is_err(), "{value}, bit {bit:?}");
        assert_eq!(driver.reattach().unwrap(), 1, "heard well");
    }
}

#[test]
fn a_round_that_sets_an_offset_is_undone_with_the_device_and_judged_again() {
    let mut bench = Bench::new(0, 2);
    bench.round(&[cash(0, 0, 100), cash(0, 1, 100), offset(1, 0, 1_000_000)]);
    let round = [offset(2, 0, 1_000_001), held(offset(3, 1, 7_000_000)), cash(3, 1, -1), offset(4, 2, 1)];
    let flags = bench.driver.run_round(&round).unwrap().verdicts;
    assert_eq!(flags.len(), 3);
    bench.driver.lose();
    bench.driver.device_mut().is_lost = true;
    let same = [cash(1, 0, 0), cash(1, 1, 0)];
    assert_eq!(bench.driver.run_round(&same).unwrap().verdicts, vec![], "as if it had never been");
    assert_eq!(bench.driver.slot_map().index_of(id(2)), None);
    assert_eq!(bench.driver.run_round(&round).unwrap().verdicts, flags, "the host says the same");
    bench.ledger.round(&round);
    assert!(bench.reattach());
    bench.round(&[cash(5, 0, 0), cash(5, 1, 0), cash(5, 2, 0)]);
    bench.round(&[offset(6, 0, 1_000_000), offset(6, 1, 0), offset(6, 2, 0)]);
    assert_eq!([0, 1, 2].map(|account| bench.driver.severity(id(account))), [1, 0, 0]);
}

#[test]
fn a_start_leaves_a_lost_device_alone() {
    let mut bench = Bench::new(0, 2);
    let rounds = rounds();
    rounds.iter().for_each(|round| bench.round(round));
    bench.driver.lose();
    bench.driver.device_mut().is_lost = true;
    bench.driver.start(&rules()).unwrap();
    assert!(bench.driver.is_lost());
    bench.ledger = Ledger::new(rules());
    rounds[..20].iter().for_each(|round| bench.round(round));
    assert!(bench.reattach());
    rounds[20..].iter().for_each(|round| bench.round(round));
    assert_eq!(bench.noticed, []);
}

#[test]
fn what_is_accepted_is_not_undone_and_what_is_refused_is_refused_by_the_host_too() {
    let mut bench = Bench::new(0, 1);
    let flagged = [list(0, 0), mark(1, 0, 100), cash(2, 0, -1)];
    assert_eq!(bench.driver.run_round(&flagged).unwrap().verdicts.len(), 1);
    bench.driver.accept();
    bench.driver.lose();
    assert_eq!(bench.driver.severity(id(0)), 4, "accepted");
    let better = [cash(3, 0, 2), position(4, 1, 0, 5, 0)];
    assert_eq!(bench.driver.run_round(&better).unwrap().verdicts.len(), 1);
    bench.driver.lose();
    assert_eq!((bench.driver.severity(id(0)), bench.driver.slot_map().accounts()), (4, 1), "undone");
    let beyond = [cash(5, 2, 1), mark(6, 0, 1 << PRICE_BITS)];
    assert!(bench.driver.run_round(&beyond).unwrap_err().is_refusal());
    assert_eq!(bench.driver.slot_map().accounts(), 1);
    assert!(bench.driver.read_back(&[id(2)], |_, _, _, _| ()).unwrap_err().is_refusal());
    assert_eq!(bench.driver.reattach().unwrap(), 1);
    assert_eq!(bench.driver.reattach().unwrap(), 0, "it is attached");
}

#[test]
fn a_device_that_says_nothing_is_given_up_after_the_stated_polls() {
    let device = FaultyDevice::new(CpuDevice::new(capacity(1)), Fault::Stuck, 0, 1);
    let mut driver = Driver::new(device, DriverConfig { polls_max: 77, ..DriverConfig::default() });
    let error = driver.start(&rules()).unwrap_err();
    assert!(
        matches!(error, DeviceError::Stuck { operation: "start", polls: 77, taken: 0, total: 7 }),
        "{error:?}"
    );
}

/// A build of other record tables, or one that claims more than it has.
struct Impostor(CpuDevice, u64, usize);

impl MarginDevice for Impostor {
    fn identity(&self) -> device::Identity {
        device::Identity { abi_hash: self.1, ..self.0.identity() }
    }

    fn capacity(&self) -> model::machine::Capacity {
        model::machine::Capacity { accounts_per_lane: self.2, ..self.0.capacity() }
    }

    fn reset(&mut self) {
        self.0.reset();
    }

    fn submit(&mut self, records: &[model::record::Record]) -> usize {
        assert_eq!(self.1, model::record::ABI_HASH, "nothing is written to a device of another ABI");
        self.0.submit(records)
    }

    fn poll(&mut self, answers: &mut [model::record::Record]) -> usize {
        self.0.poll(answers)
    }

    fn clocks(&self) -> u64 {
        0
    }
}

#[test]
fn a_start_sees_through_an_impostor() {
    let start = |abi_hash, accounts| {
        let impostor = Impostor(CpuDevice::new(capacity(2)), abi_hash, accounts);
        Driver::new(impostor, DriverConfig::default()).start(&rules())
    };
    let has = capacity(2).accounts_per_lane;
    start(model::record::ABI_HASH, has).unwrap();
    assert!(matches!(start(1, has), Err(DeviceError::AbiMismatch { found: 1, .. })));
    let error = start(model::record::ABI_HASH, has + 1).unwrap_err().to_string();
    assert!(error.contains("8 holders") && error.contains("9 holders"), "{error}");
}
