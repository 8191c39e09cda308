//! The ring driver allocates nothing for a record.
#![cfg(feature = "sim")]
#![allow(unsafe_code, reason = "an allocator that counts")]

use std::alloc::{GlobalAlloc, Layout, System};
use std::sync::atomic::{AtomicU64, Ordering};

use device::MarginDevice;
use device::pci::simulated::InProcess;
use device::ring::{RingConfig, RingDevice};
use device::sim::Build;
use model::record::{self, Record, input};

struct Counting;

static ALLOCATIONS: AtomicU64 = AtomicU64::new(0);

// SAFETY: it is the system's allocator, and a counter.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        ALLOCATIONS.fetch_add(1, Ordering::Relaxed);
        // SAFETY: the caller's promises are passed on.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, pointer: *mut u8, layout: Layout) {
        // SAFETY: as above.
        unsafe { System.dealloc(pointer, layout) }
    }
}

#[global_allocator]
static ALLOCATOR: Counting = Counting;

#[test]
fn ten_thousand_records_in_batches_of_256_allocate_nothing() {
    let deadline = std::time::Duration::from_secs(60);
    let pci = InProcess::new(Build::Small, 1, None).unwrap();
    let mut device = RingDevice::attach(pci, RingConfig { deadline, ..RingConfig::default() }).unwrap();
    let mut sequence = 0u32;
    let mut records = Vec::with_capacity(256);
    let mut answers = [Record::default(); 256];
    let mut exchange = |device: &mut RingDevice<InProcess>| {
        records.clear();
        for place in 0..256 {
            let record = match (sequence, place) {
                (0, _) => Record::new(&input::RESYNC, 0),
                (_, 255) => Record::new(&input::FENCE, sequence),
                _ => {
                    Record::new(&input::READBACK, sequence).with(&record::ACCOUNT, i128::from(sequence % 64))
                }
            };
            records.push(record);
            sequence += 1;
        }
        let (mut left, mut came) = (&records[..], 0);
        while came < 256 {
            let taken = device.submit(left);
            left = &left[taken..];
            let count = device.poll(&mut answers);
            came += count;
            if taken + count == 0 {
                device.check().unwrap();
            }
        }
    };
    exchange(&mut device);
    let before = ALLOCATIONS.load(Ordering::Relaxed);
    for _ in 0..40 {
        exchange(&mut device);
    }
    let allocations = ALLOCATIONS.load(Ordering::Relaxed) - before;
    assert_eq!(device.counters().records_in, 41 * 256);
    // The harness has a thread of its own; forty batches could not hide forty allocations.
    assert!(allocations < 40, "{allocations} allocations");
    assert!(before > 0, "the counter counts");
}
