//! How we ask: margin devices and the one driver that talks to all of them.
//!
//! A [`MarginDevice`] takes records and gives records, nothing more: [`cpu::CpuDevice`] is the model itself, `sim::SimDevice` (feature
//! `sim`) the Verilated gateware, [`RingDevice`] any of them behind a PCI function ([`pci`]). [`driver::Driver`] turns a round of updates into records and the answers into the round's verdict
//! record; it checks every answer against what it asked and gives up a device at the first one that does not fit. Accounts that the device
//! reports as lost are judged by the host and loaded again; so are whole rounds when the device is lost, until it is attached again.
//! [`slot_map::SlotMap`] says where accounts and positions live on the device; no other part of the host knows.
//! [`fault`] decorates a device with faults, for tests and drills.

mod bad;
mod book;
pub mod cpu;
pub mod driver;
pub mod error;
pub mod fault;
pub mod pci;
mod plan;
mod pump;
mod readback;
pub mod ring;
mod round;
#[cfg(feature = "sim")]
pub mod sim;
pub mod slot_map;

use model::machine::Capacity;
use model::record::Record;

pub use cpu::CpuDevice;
pub use driver::{Driver, DriverConfig};
pub use error::DeviceError;
pub use ring::{RingConfig, RingDevice};
pub use round::{Coverage, RoundAnswer};
#[cfg(feature = "sim")]
pub use sim::SimDevice;
pub use slot_map::SlotMap;

/// What a device says about itself before anything is written to it.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Identity {
    /// Kind of device, for people.
    pub name: &'static str,
    /// Hash of the record tables it was built from; see [`model::record::ABI_HASH`].
    pub abi_hash: u64,
}

/// A margin machine, wherever it runs. Neither call blocks; both directions are bounded.
///
/// Records are answered as `docs/machine.md` says, whatever the device.
pub trait MarginDevice {
    fn identity(&self) -> Identity;

    fn capacity(&self) -> Capacity;

    /// Back to the state after power-up: locked, empty, nothing in either queue.
    fn reset(&mut self);

    /// How many of `records`, from the first, were taken; 0 when the device is full. What was not taken had no effect.
    fn submit(&mut self, records: &[Record]) -> usize;

    /// How many answers were written to the front of `answers`; 0 when there are none yet.
    fn poll(&mut self, answers: &mut [Record]) -> usize;

    /// Whether it is worth while to go on polling; asked when nothing was taken and nothing came.
    ///
    /// # Errors
    /// [`DeviceError::Lost`] with what is wrong: nothing will be taken or answered before a reset.
    fn check(&mut self) -> Result<(), DeviceError> {
        Ok(())
    }

    /// Simulated clocks since it was built; 0 for a device that has none.
    fn clocks(&self) -> u64;
}

/// A device behind a pointer is a device.
macro_rules! forward {
    ($pointer:ty) => {
        impl<D: MarginDevice + ?Sized> MarginDevice for $pointer {
            fn identity(&self) -> Identity {
                (**self).identity()
            }

            fn capacity(&self) -> Capacity {
                (**self).capacity()
            }

            fn reset(&mut self) {
                (**self).reset();
            }

            fn submit(&mut self, records: &[Record]) -> usize {
                (**self).submit(records)
            }

            fn poll(&mut self, answers: &mut [Record]) -> usize {
                (**self).poll(answers)
            }

            fn check(&mut self) -> Result<(), DeviceError> {
                (**self).check()
            }

            fn clocks(&self) -> u64 {
                (**self).clocks()
            }
        }
    };
}

forward!(Box<D>);
forward!(&mut D);
