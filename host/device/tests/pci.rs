//! The ring driver behind every way to the simulated function, against the ledger; and what the server makes of bad clients.
#![cfg(feature = "sim")]

mod common;
mod socket;

use std::path::Path;
use std::time::Duration;

use common::steps::{any_step, drive, rounds};
use device::pci::fault::{FaultyPci, PciFault};
use device::pci::simulated::{Function, InProcess};
use device::pci::vfio_user::UserVfio;
use device::pci::vfio_user::server::Server;
use device::ring::{RingConfig, RingDevice, Wait};
use device::sim::Build;
use device::{DeviceError, MarginDevice};
use model::record::{Record, input, output};
use model::register;
use proptest::prelude::*;
use socket::{PATIENCE, Serving};

fn config(wait: Wait, push_records_max: usize) -> RingConfig {
    RingConfig { size_log: 7, wait, doorbell_records: 5, push_records_max, deadline: PATIENCE }
}

fn function(lanes: usize) -> Function {
    Function::new(Build::Small, lanes, None).unwrap()
}

fn in_process(lanes: usize) -> InProcess {
    InProcess::new(Build::Small, lanes, None).unwrap()
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(8) })]

    #[test]
    fn every_way_to_the_gateware_says_what_the_ledger_says(
        steps in prop::collection::vec(prop::collection::vec(any_step(), 0..24), 1..6),
        before_wrap in 0u32..64,
    ) {
        let rounds = rounds(&steps);
        let server = Serving::start();
        for (wait, push) in [(Wait::Poll, 0), (Wait::Poll, 4), (Wait::Interrupt, 0), (Wait::Interrupt, 2)] {
            let lanes = if push > 0 { 4 } else { 1 };
            let mut device = RingDevice::attach(in_process(lanes), config(wait, push)).unwrap();
            drive(&mut device, 0u32.wrapping_sub(before_wrap), &rounds)?;
            prop_assert_eq!(device.counters().pushed > 0, push > 0);
            prop_assert_eq!(device.pci().function().breaches(), 0);
            prop_assert_eq!(device.pci().function().dma.refused, 0);

            let mut device = RingDevice::attach(server.connect(), config(wait, push)).unwrap();
            drive(&mut device, 0, &rounds)?;
            prop_assert!(!device.latency().is_empty());
            prop_assert_eq!(device.register(register::READ_ERRORS).unwrap(), 0);
        }
        let served = server.end();
        prop_assert_eq!((served.clients, served.refused), (4, 0));
    }
}

/// A client goes at any time, in the middle of what the function writes to it too, and the function is reset for the next: it breaks no rule of the
/// bus on the way.
#[test]
fn a_reset_at_any_time_is_no_breach() {
    let server = Serving::start();
    let mut out = [Record::default(); 128];
    for turn in 0..400u32 {
        let mut device = RingDevice::attach(server.connect(), config(Wait::Poll, 0)).unwrap();
        let resync = Record::new(&input::RESYNC, 0);
        let records: Vec<Record> =
            [resync].into_iter().chain((1..100).map(|number| Record::new(&input::FENCE, number))).collect();
        assert_eq!(device.submit(&records), records.len());
        std::thread::sleep(Duration::from_micros(u64::from(turn) * 7 % 601));
        let answered = device.poll(&mut out);
        assert!(out[..answered].iter().all(|echo| echo.op() != output::ERROR_RECORD.op));
    }
    server.end();
}

#[test]
fn a_ring_smaller_than_the_round_is_back_pressure() {
    let mut device = RingDevice::attach(in_process(1), config(Wait::Poll, 0)).unwrap();
    let steps: Vec<common::steps::Step> = (0..3_000)
        .map(|i| common::steps::Step::Cash {
            account: i % common::ACCOUNTS,
            delta: 1_000 * (i as i64 % 7 - 3),
        })
        .collect();
    drive(&mut device, 0, &rounds(&[steps])).unwrap();
    assert!(device.counters().full > 0);
}

#[test]
fn a_function_of_another_kind_is_refused_before_anything_is_written() {
    /// Says that it is something else, and panics when written to.
    struct Stranger(InProcess, register::Register, u32);

    impl device::pci::PciDevice for Stranger {
        fn name(&self) -> String {
            "stranger".into()
        }
        fn read32(&mut self, offset: u64) -> Result<u32, device::pci::PciError> {
            if offset == u64::from(self.1.offset) { Ok(self.2) } else { self.0.read32(offset) }
        }
        fn write32(&mut self, _: u64, _: u32) -> Result<(), device::pci::PciError> {
            panic!("a register is written")
        }
        fn config_read(&mut self, offset: u16, data: &mut [u8]) -> Result<(), device::pci::PciError> {
            self.0.config_read(offset, data)
        }
        fn config_write(&mut self, _: u16, _: &[u8]) -> Result<(), device::pci::PciError> {
            panic!("configuration is written")
        }
        fn dma_map(&mut self, _: &device::pci::DmaMemory, _: u64) -> Result<(), device::pci::PciError> {
            panic!("memory is mapped")
        }
        fn dma_unmap(&mut self, _: u64, _: usize) -> Result<(), device::pci::PciError> {
            panic!("memory is unmapped")
        }
        fn enable_interrupt(&mut self) -> Result<device::pci::Interrupt, device::pci::PciError> {
            panic!("the interrupt is enabled")
        }
        fn disable_interrupt(&mut self) -> Result<(), device::pci::PciError> {
            panic!("the interrupt is disabled")
        }
        fn reset(&mut self) -> Result<(), device::pci::PciError> {
            panic!("it is reset")
        }
    }

    let attach = |register, value| {
        let stranger = Stranger(in_process(1), register, value);
        RingDevice::attach(stranger, RingConfig::default()).err().expect("refused")
    };
    assert!(matches!(attach(register::ID, 0x1234_5678), DeviceError::NotOurs { id: 0x1234_5678, .. }));
    assert!(matches!(attach(register::VERSION, 2), DeviceError::NotOurs { version: 2, .. }));
    let error = attach(register::ABI_HASH_LOW, 0);
    assert!(matches!(error, DeviceError::AbiMismatch { .. }), "{error}");
    let error = attach(register::ID, u32::MAX).to_string();
    assert!(error.contains("ID reads as all ones"), "{error}");
}

#[test]
fn a_socket_that_nobody_serves_says_how_to_start_a_server() {
    let error = UserVfio::connect(Path::new("/nowhere/device"), PATIENCE).err().unwrap().to_string();
    assert!(error.contains("/nowhere/device") && error.contains("backstop serve-device"), "{error}");
}

#[test]
fn a_second_server_does_not_take_a_socket_that_is_served_and_takes_one_that_is_not() {
    let server = Serving::start();
    let second = Server::bind(&server.path, function(1));
    assert_eq!(second.err().unwrap().kind(), std::io::ErrorKind::AddrInUse);
    let stale = server.path.with_file_name("stale");
    drop(std::os::unix::net::UnixListener::bind(&stale).unwrap());
    Server::bind(&stale, function(1)).unwrap();
    assert!(!stale.exists(), "a server takes its socket away when it ends");
    server.end();
}

/// Whatever the function does, the driver says so within the deadline and in words, takes and answers nothing more, and a reset brings
/// back what can be brought back.
#[test]
fn every_fault_of_the_function_is_a_loss_with_its_cause() {
    let words = |fault| match fault {
        PciFault::AllOnes => "STATUS reads as all ones",
        PciFault::Stands => "no heartbeat within",
        PciFault::DoorbellsLost => "no answer within",
        PciFault::TailBeyondRing => "more than the ring beyond OUT_HEAD",
        PciFault::Deadline => "no answer within 1 ms",
    };
    for fault in PciFault::ALL {
        for (wait, before) in [(Wait::Poll, 0), (Wait::Poll, 3), (Wait::Interrupt, 2)] {
            let deadline = Duration::from_millis(400);
            let pci = FaultyPci::new(in_process(1), fault, before);
            let mut device = RingDevice::attach(pci, RingConfig { deadline, ..config(wait, 0) }).unwrap();
            let ask = |device: &mut RingDevice<FaultyPci<InProcess>>| -> Result<(), DeviceError> {
                device.submit(&[Record::new(&input::RESYNC, 0)]);
                while device.poll(&mut [Record::default(); 8]) == 0 {
                    device.check()?;
                }
                Ok(())
            };
            for _ in 0..before {
                ask(&mut device).unwrap();
            }
            let error = ask(&mut device).unwrap_err();
            assert!(device.pci().has_struck());
            assert!(matches!(error, DeviceError::Lost { .. }), "{error}");
            assert!(error.to_string().contains(words(fault)), "{fault:?}: {error}");
            assert_eq!(device.submit(&[Record::new(&input::RESYNC, 0)]), 0, "it stays lost");
            assert_eq!(device.poll(&mut [Record::default()]), 0);
            device.reset();
            let is_back = device.check().is_ok();
            assert_eq!(is_back, !matches!(fault, PciFault::AllOnes | PciFault::Deadline), "{fault:?}");
            if is_back {
                ask(&mut device).unwrap();
            }
        }
    }
}
