//! `device info`: what a device is and how it does. Nothing is written to it.

use std::fmt::{self, Display};
use std::time::Duration;

use device::pci::PciDevice;
use device::ring;
use model::machine::Capacity;
use model::record::ABI_HASH;
use model::register::{self, Register};
use serde::Serialize;

use crate::report::text::count;

/// Registers shown as they read.
const SHOWN: [Register; 13] = [
    register::CONTROL,
    register::EPOCH,
    register::IN_TAIL,
    register::IN_HEAD,
    register::OUT_TAIL,
    register::OUT_HEAD,
    register::READ_ERRORS,
    register::WRITE_ERRORS,
    register::INDEX_ERRORS,
    register::PUSH_ERRORS,
    register::ACCESS_ERRORS,
    register::ECC_CORRECTED,
    register::ECC_UNCORRECTED,
];
/// Looks at the heartbeat, and time between two.
const LOOKS: u32 = 100;
const LOOK_EVERY: Duration = Duration::from_millis(1);

/// What a device says of itself.
#[derive(Debug, Serialize)]
pub struct Info {
    pub device: String,
    pub abi_hash: String,
    pub lanes: usize,
    pub accounts: usize,
    pub slots: usize,
    pub instruments: usize,
    pub status: String,
    /// True if the margin machine's clock runs.
    pub heart_beats: bool,
    pub registers: Vec<(&'static str, u32)>,
}

/// Looks at a function.
///
/// # Errors
/// If it is not ours or cannot be read.
pub fn info(pci: &mut dyn PciDevice) -> anyhow::Result<Info> {
    let Capacity { lanes, accounts_per_lane, slots_per_lane, instruments } = ring::identify(pci)?;
    let read = |pci: &mut dyn PciDevice, register: Register| pci.read32(register.offset.into());
    let first = read(pci, register::HEARTBEAT)?;
    let mut heart_beats = false;
    for _ in 0..LOOKS {
        if read(pci, register::HEARTBEAT)? != first {
            heart_beats = true;
            break;
        }
        pci.relax();
        std::thread::sleep(LOOK_EVERY);
    }
    let status = ring::status_words(read(pci, register::STATUS)?);
    let registers = SHOWN.iter().map(|&register| Ok((register.name, read(pci, register)?)));
    let registers = registers.collect::<Result<_, device::pci::PciError>>()?;
    Ok(Info {
        device: pci.name(),
        abi_hash: format!("{ABI_HASH:#018x}"),
        lanes,
        accounts: lanes * accounts_per_lane,
        slots: lanes * slots_per_lane,
        instruments,
        status,
        heart_beats,
        registers,
    })
}

impl Display for Info {
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
        writeln!(f, "{}", self.device)?;
        writeln!(f, "  records     {} (those of this program)", self.abi_hash)?;
        let number = |number: usize| count(number as u64);
        writeln!(
            f,
            "  holds       {} accounts, {} slots, {} instruments in {} lanes",
            number(self.accounts),
            number(self.slots),
            self.instruments,
            self.lanes
        )?;
        writeln!(f, "  status      {}", self.status)?;
        let heart = if self.heart_beats { "beats" } else { "STANDS STILL: the margin machine has no clock" };
        writeln!(f, "  heartbeat   {heart}")?;
        for (name, value) in &self.registers {
            writeln!(f, "  {:<11} {}", name.to_lowercase(), count((*value).into()))?;
        }
        Ok(())
    }
}
