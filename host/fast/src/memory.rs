//! Huge pages, prefetch, and what a machine needs.
#![allow(
    unsafe_code,
    reason = "advice to the kernel and to the processor, neither of which can change a value"
)]

/// Asks for huge pages for the memory of `items`, filled or not; without them everything works, slower.
pub fn huge_pages<T>(items: &Vec<T>) {
    const HUGE: usize = 2 << 20;
    let start = items.as_ptr() as usize;
    let end = start + items.capacity() * size_of::<T>();
    let (first, last) = (start.next_multiple_of(HUGE), end / HUGE * HUGE);
    #[cfg(target_os = "linux")]
    if size_of::<T>() > 0 && first < last {
        let pointer = first as *mut std::ffi::c_void;
        // SAFETY: whole pages of an allocation that is ours; the advice changes no content. Refused advice is no error.
        let _ = unsafe { rustix::mm::madvise(pointer, last - first, rustix::mm::Advice::LinuxHugepage) };
    }
}

/// So many copies, in huge pages where there are some.
pub fn filled<T: Clone>(count: usize, item: T) -> Vec<T> {
    let mut items = Vec::with_capacity(count);
    huge_pages(&items);
    items.resize(count, item);
    items
}

/// Has the lines that hold the thing brought into the cache.
#[inline(always)]
pub fn prefetch<T>(thing: &T) {
    #[cfg(target_arch = "x86_64")]
    {
        use std::arch::x86_64::{_MM_HINT_T0, _mm_prefetch};
        let start = std::ptr::from_ref(thing).cast::<i8>();
        // SAFETY: a hint about addresses of a thing that is there.
        unsafe {
            _mm_prefetch::<_MM_HINT_T0>(start);
            _mm_prefetch::<_MM_HINT_T0>(start.add(size_of::<T>() - 1));
        }
    }
    #[cfg(not(target_arch = "x86_64"))]
    let _ = thing;
}

/// Bytes that the kernel could give now; `None` where it does not say.
pub fn available() -> Option<u64> {
    let text = std::fs::read_to_string("/proc/meminfo").ok()?;
    let line = text.lines().find_map(|line| line.strip_prefix("MemAvailable:"))?;
    let kibibytes: u64 = line.trim().strip_suffix("kB")?.trim().parse().ok()?;
    Some(kibibytes << 10)
}
