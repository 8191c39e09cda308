//! Drives QEMU's `igb` through the kernel's VFIO for what its `edu` has not: MSI-X, and a function-level reset that registers show.
//!
//! `igb ADDRESS`, in a guest of QEMU with an IOMMU (`make vm-test`). Says what it did, a line each; exit code 1 at the first thing that is
//! not as it must be. The registers are those of Intel's 82576 datasheet.

use std::error::Error;
use std::process::ExitCode;
use std::time::Duration;

use device::pci::kernel::KernelVfio;
use device::pci::{PciDevice, PciError};

/// Plain storage; opening a function resets it.
const VLAN_ETHER_TYPE: u64 = 0x38;
const INTERRUPT_MODE: u64 = 0x1514;
const INTERRUPT_SET: u64 = 0x1520;
const INTERRUPT_MASK_SET: u64 = 0x1524;

/// Causes are vectors.
const MODE_VECTORS: u32 = 1 << 4;
const VECTOR_0: u32 = 1;

const CAPABILITIES: u16 = 0x34;
/// There is room for no more.
const CAPABILITIES_MAX: usize = 48;
const MSIX: u8 = 0x11;
const MSIX_ENABLE: u8 = 0x80;
const DEADLINE: Duration = Duration::from_secs(20);

fn main() -> ExitCode {
    let Some(address) = std::env::args().nth(1) else {
        eprintln!("usage: igb ADDRESS, as 0000:01:00.0");
        return ExitCode::from(2);
    };
    match run(&address) {
        Ok(()) => {
            println!("igb: all as it must be");
            ExitCode::SUCCESS
        }
        Err(what) => {
            println!("igb: NOT as it must be: {what}");
            ExitCode::FAILURE
        }
    }
}

fn run(address: &str) -> Result<(), Box<dyn Error>> {
    let mut card = KernelVfio::open(address)?;
    println!("igb: opened {}, {} bytes of registers mapped", card.name(), card.mapped_bytes());

    card.enable_bus_master()?;
    let mut interrupt = card.enable_interrupt()?;
    must(is_msix_enabled(&mut card)?, "another interrupt than MSI-X was enabled")?;
    card.write32(INTERRUPT_MODE, MODE_VECTORS)?;
    card.write32(INTERRUPT_MASK_SET, VECTOR_0)?;
    must(!interrupt.wait(Duration::ZERO), "an interrupt that nobody raised")?;
    card.write32(INTERRUPT_SET, VECTOR_0)?;
    must(interrupt.wait(DEADLINE), "no interrupt by MSI-X")?;
    println!("igb: interrupt by MSI-X");
    card.disable_interrupt()?;
    must(!is_msix_enabled(&mut card)?, "MSI-X stays enabled")?;

    let at_first = card.read32(VLAN_ETHER_TYPE)?;
    card.write32(VLAN_ETHER_TYPE, !at_first)?;
    must(card.read32(VLAN_ETHER_TYPE)? == !at_first, "a register does not keep what is written")?;
    card.reset()?;
    must(card.read32(VLAN_ETHER_TYPE)? == at_first, "a register is not after reset what it was at first")?;
    println!("igb: reset");
    Ok(())
}

/// By the capability's own register.
fn is_msix_enabled(card: &mut KernelVfio) -> Result<bool, PciError> {
    let mut at = [0];
    card.config_read(CAPABILITIES, &mut at)?;
    for _ in 0..CAPABILITIES_MAX {
        let mut capability = [0; 4];
        card.config_read(at[0].into(), &mut capability)?;
        if capability[0] == MSIX {
            return Ok(capability[3] & MSIX_ENABLE != 0);
        }
        at = [capability[1]];
        if at[0] == 0 {
            break;
        }
    }
    Ok(false)
}

fn must(is_so: bool, else_say: &'static str) -> Result<(), Box<dyn Error>> {
    if is_so { Ok(()) } else { Err(else_say.into()) }
}
