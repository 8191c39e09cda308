//! Drives QEMU's `edu` device through the kernel's VFIO: that the way to a card works is shown with a device that is not ours.
//!
//! `edu ADDRESS`, in a guest of QEMU with an IOMMU (`make vm-test`). Says what it did, a line each; exit code 1 at the first thing that is
//! not as it must be. The registers are those of QEMU's `docs/specs/edu.rst`.

use std::process::ExitCode;
use std::time::{Duration, Instant};

use device::pci::kernel::KernelVfio;
use device::pci::memory::{HUGE_PAGE_BYTES, PAGE_BYTES};
use device::pci::{COMMAND_BUS_MASTER, CONFIG_COMMAND, PciDevice, PciError};

const IDENTIFICATION: u64 = 0x00;
const LIVENESS: u64 = 0x04;
const FACTORIAL: u64 = 0x08;
const STATUS: u64 = 0x20;
const INTERRUPT_STATUS: u64 = 0x24;
const RAISE_INTERRUPT: u64 = 0x60;
const ACKNOWLEDGE_INTERRUPT: u64 = 0x64;
const DMA_SOURCE: u64 = 0x80;
const DMA_DESTINATION: u64 = 0x88;
const DMA_COUNT: u64 = 0x90;
const DMA_COMMAND: u64 = 0x98;

const STATUS_COMPUTING: u32 = 1;
const DMA_START: u32 = 1;
const DMA_TO_MEMORY: u32 = 2;
const DMA_INTERRUPT: u32 = 4;
/// What DMA raises in the interrupt status.
const DMA_DONE: u32 = 0x100;

/// The device's own memory, as its DMA addresses it.
const BUFFER: u32 = 0x4_0000;
/// It puts out 28 bits of a bus address.
const IOVA: u32 = 0x0800_0000;
const BLOCK: usize = PAGE_BYTES;

/// Of each wait. DMA of the device takes 0.1 s by its clock; an emulated processor has a slow one.
const DEADLINE: Duration = Duration::from_secs(20);

type Outcome<T = ()> = Result<T, String>;

fn main() -> ExitCode {
    let Some(address) = std::env::args().nth(1) else {
        eprintln!("usage: edu ADDRESS, as 0000:01:00.0");
        return ExitCode::from(2);
    };
    match run(&address) {
        Ok(()) => {
            println!("edu: all as it must be");
            ExitCode::SUCCESS
        }
        Err(what) => {
            println!("edu: NOT as it must be: {what}");
            ExitCode::FAILURE
        }
    }
}

fn run(address: &str) -> Outcome {
    let mut edu = KernelVfio::open(address).map_err(told)?;
    println!("edu: opened {}, {} bytes of registers mapped", edu.name(), edu.mapped_bytes());
    registers(&mut edu)?;
    refusals(&mut edu, address)?;
    dma(&mut edu)?;
    large(&mut edu)?;
    interrupt(&mut edu)?;
    blocked(&mut edu)?;
    reset(&mut edu)
}

fn registers(edu: &mut KernelVfio) -> Outcome {
    let identification = read(edu, IDENTIFICATION)?;
    must(identification & 0xffff == 0x00ed, || format!("identification {identification:#010x}"))?;
    println!("edu: identification {identification:#010x}");
    for pattern in [0, 0x1234_5678, u32::MAX] {
        write(edu, LIVENESS, pattern)?;
        let answer = read(edu, LIVENESS)?;
        must(answer == !pattern, || format!("liveness of {pattern:#x} is {answer:#x}"))?;
    }
    println!("edu: liveness inverts what is written");
    write(edu, FACTORIAL, 10)?;
    until("the factorial", || Ok(read(edu, STATUS)? & STATUS_COMPUTING == 0))?;
    let factorial = read(edu, FACTORIAL)?;
    must(factorial == 3_628_800, || format!("10! is {factorial}"))?;
    println!("edu: 10! is {factorial}");
    Ok(())
}

/// What a driver must never get through, and that a second opener is told.
fn refusals(edu: &mut KernelVfio, address: &str) -> Outcome {
    for offset in [2, 1 << 20, u64::MAX - 3] {
        must(edu.read32(offset).is_err(), || format!("a register at {offset:#x} was read"))?;
    }
    must(edu.config_read(u16::MAX, &mut [0; 4]).is_err(), || "configuration beyond its end was read".into())?;
    must(edu.dma_unmap(IOVA.into(), BLOCK).is_err(), || "what is not mapped was unmapped".into())?;
    match KernelVfio::open(address) {
        Err(PciError::Setup { what, .. }) if what.contains("another process uses") => {
            println!("edu: a second opener is told that {what}");
            Ok(())
        }
        Err(error) => Err(format!("a second opener is told: {error}")),
        Ok(_) => Err("it was opened twice".into()),
    }
}

fn dma(edu: &mut KernelVfio) -> Outcome {
    let memory = edu.dma_alloc(2 * BLOCK).map_err(told)?;
    edu.dma_map(&memory, IOVA.into()).map_err(told)?;
    must(edu.dma_map(&memory, IOVA.into()).is_err(), || "an address was mapped twice".into())?;
    let data = pattern(1);
    memory.write(0, &data);
    let blank = vec![0; BLOCK];

    transfer(edu, IOVA, BUFFER, DMA_START)?;
    transfer(edu, BUFFER, IOVA + BLOCK as u32, DMA_START | DMA_TO_MEMORY)?;
    must(holds(&memory, BLOCK, &blank), || "DMA went on without bus-master enable".into())?;
    println!("edu: no DMA before bus-master enable");

    edu.enable_bus_master().map_err(told)?;
    transfer(edu, IOVA, BUFFER, DMA_START)?;
    transfer(edu, BUFFER, IOVA + BLOCK as u32, DMA_START | DMA_TO_MEMORY)?;
    must(holds(&memory, BLOCK, &data), || "what came back by DMA is not what went out".into())?;
    must(holds(&memory, 0, &data), || "DMA changed what it read".into())?;
    println!("edu: DMA of {BLOCK} bytes to the device and back, data equal");
    edu.dma_unmap(IOVA.into(), memory.bytes()).map_err(told)
}

/// Memory of the size of a huge page is one, if the machine has any to give.
fn large(edu: &mut KernelVfio) -> Outcome {
    let free = free_huge_pages()?;
    let memory = edu.dma_alloc(HUGE_PAGE_BYTES).map_err(told)?;
    let taken = free - free_huge_pages()?;
    must(taken == free.min(1), || format!("{taken} of {free} huge pages taken"))?;
    edu.dma_map(&memory, IOVA.into()).map_err(told)?;
    let (data, last) = (pattern(4), HUGE_PAGE_BYTES - BLOCK);
    memory.write(0, &data);
    transfer(edu, IOVA, BUFFER, DMA_START)?;
    transfer(edu, BUFFER, IOVA + last as u32, DMA_START | DMA_TO_MEMORY)?;
    must(holds(&memory, last, &data), || "DMA does not reach the end of large memory".into())?;
    edu.dma_unmap(IOVA.into(), memory.bytes()).map_err(told)?;
    println!("edu: DMA to the end of {HUGE_PAGE_BYTES} bytes, in {taken} huge pages");
    Ok(())
}

fn interrupt(edu: &mut KernelVfio) -> Outcome {
    let mut interrupt = edu.enable_interrupt().map_err(told)?;
    must(!interrupt.wait(Duration::ZERO), || "an interrupt that nobody raised".into())?;
    write(edu, RAISE_INTERRUPT, 0x40)?;
    must(interrupt.wait(DEADLINE), || "no interrupt by request".into())?;
    acknowledge(edu, 0x40)?;
    println!("edu: interrupt by request");

    let memory = edu.dma_alloc(BLOCK).map_err(told)?;
    edu.dma_map(&memory, IOVA.into()).map_err(told)?;
    transfer(edu, IOVA, BUFFER, DMA_START | DMA_INTERRUPT)?;
    must(interrupt.wait(DEADLINE), || "no interrupt by DMA".into())?;
    acknowledge(edu, DMA_DONE)?;
    println!("edu: interrupt at the end of DMA");
    edu.dma_unmap(IOVA.into(), memory.bytes()).map_err(told)?;

    edu.disable_interrupt().map_err(told)?;
    write(edu, RAISE_INTERRUPT, 1)?;
    must(!interrupt.wait(Duration::from_millis(200)), || "an interrupt after it was disabled".into())?;
    acknowledge(edu, 1)?;
    println!("edu: no interrupt after it was disabled");
    Ok(())
}

/// What was unmapped is out of the device's reach, whatever it tries.
fn blocked(edu: &mut KernelVfio) -> Outcome {
    let memory = edu.dma_alloc(BLOCK).map_err(told)?;
    let (sent, kept) = (pattern(2), pattern(3));
    edu.dma_map(&memory, IOVA.into()).map_err(told)?;
    memory.write(0, &sent);
    transfer(edu, IOVA, BUFFER, DMA_START)?;
    edu.dma_unmap(IOVA.into(), memory.bytes()).map_err(told)?;
    memory.write(0, &kept);
    transfer(edu, BUFFER, IOVA, DMA_START | DMA_TO_MEMORY)?;
    must(holds(&memory, 0, &kept), || "DMA reached memory that was unmapped".into())?;

    // The same once more while it is mapped: what was held back was the IOMMU's doing.
    edu.dma_map(&memory, IOVA.into()).map_err(told)?;
    transfer(edu, BUFFER, IOVA, DMA_START | DMA_TO_MEMORY)?;
    must(holds(&memory, 0, &sent), || "DMA does not reach memory that was mapped again".into())?;
    edu.dma_unmap(IOVA.into(), memory.bytes()).map_err(told)?;
    println!("edu: DMA is held back after unmap, and only then");
    Ok(())
}

fn reset(edu: &mut KernelVfio) -> Outcome {
    edu.reset().map_err(told)?;
    let mut command = [0; 2];
    edu.config_read(CONFIG_COMMAND, &mut command).map_err(told)?;
    let command = u16::from_le_bytes(command);
    must(command & COMMAND_BUS_MASTER == 0, || format!("a bus master after reset, command {command:#06x}"))?;
    registers(edu)?;
    dma(edu)?;
    println!("edu: works after reset");
    Ok(())
}

/// DMA of a block, to its end; that it arrived is for the caller to see.
fn transfer(edu: &mut KernelVfio, source: u32, destination: u32, command: u32) -> Outcome {
    write(edu, DMA_SOURCE, source)?;
    write(edu, DMA_DESTINATION, destination)?;
    write(edu, DMA_COUNT, BLOCK as u32)?;
    device::pci::memory::publish();
    write(edu, DMA_COMMAND, command)?;
    until("DMA", || Ok(read(edu, DMA_COMMAND)? & DMA_START == 0))
}

fn acknowledge(edu: &mut KernelVfio, expected: u32) -> Outcome {
    let status = read(edu, INTERRUPT_STATUS)?;
    must(status == expected, || format!("interrupt status {status:#x} instead of {expected:#x}"))?;
    write(edu, ACKNOWLEDGE_INTERRUPT, status)
}

fn holds(memory: &device::pci::DmaMemory, offset: usize, expected: &[u8]) -> bool {
    // Orders the copy after the device's last write.
    memory.load(offset);
    let mut found = vec![0; expected.len()];
    memory.read(offset, &mut found);
    found == expected
}

/// A block that is like no other seed's, and whose words are all different.
fn pattern(seed: u32) -> Vec<u8> {
    (0..BLOCK as u32 / 4).flat_map(|word| (word ^ seed.wrapping_mul(0x9e37_79b9)).to_le_bytes()).collect()
}

fn free_huge_pages() -> Outcome<u64> {
    let memory = std::fs::read_to_string("/proc/meminfo").map_err(|error| error.to_string())?;
    let free = memory.lines().find_map(|line| line.strip_prefix("HugePages_Free:"));
    // A kernel without huge pages does not say.
    free.unwrap_or("0").trim().parse().map_err(|error| format!("/proc/meminfo: {error}"))
}

fn read(edu: &mut KernelVfio, offset: u64) -> Outcome<u32> {
    edu.read32(offset).map_err(told)
}

fn write(edu: &mut KernelVfio, offset: u64, value: u32) -> Outcome {
    edu.write32(offset, value).map_err(told)
}

fn told(error: PciError) -> String {
    error.to_string()
}

fn must(is_so: bool, else_say: impl FnOnce() -> String) -> Outcome {
    if is_so { Ok(()) } else { Err(else_say()) }
}

fn until(what: &str, mut is_done: impl FnMut() -> Outcome<bool>) -> Outcome {
    let started = Instant::now();
    while !is_done()? {
        must(started.elapsed() < DEADLINE, || format!("{what} does not end within {DEADLINE:?}"))?;
        std::thread::sleep(Duration::from_millis(1));
    }
    Ok(())
}
