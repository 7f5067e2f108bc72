//! Counts what the process allocates, to show that nothing is allocated after start-up.

use core::alloc::{GlobalAlloc, Layout};
use std::alloc::System;
use std::sync::atomic::{AtomicUsize, Ordering};

// Counters of the whole process, not of one allocator: there is one global allocator.
static CALLS: AtomicUsize = AtomicUsize::new(0);
static BYTES: AtomicUsize = AtomicUsize::new(0);

/// The system's allocator, with a count of what it is asked for.
///
/// A program installs it with
/// ```
/// #[global_allocator]
/// static ALLOCATOR: vvp_std_adapter::memory::CountingAllocator = vvp_std_adapter::memory::CountingAllocator;
/// let before = vvp_std_adapter::memory::allocations();
/// drop(Box::new(7));
/// assert_eq!(vvp_std_adapter::memory::allocations().since(before).calls, 1);
/// ```
/// A call costs two relaxed additions and a look at whether the thread is armed more than without.
#[derive(Debug, Clone, Copy, Default)]
pub struct CountingAllocator;

/// How often, and how much, was allocated.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Allocations {
    /// Calls that ask for memory: new blocks and blocks grown or shrunk.
    pub calls: usize,
    /// Bytes asked for by these calls.
    pub bytes: usize,
}

impl Allocations {
    /// What came since `earlier`.
    #[must_use]
    pub const fn since(self, earlier: Self) -> Self {
        Self { calls: self.calls.wrapping_sub(earlier.calls), bytes: self.bytes.wrapping_sub(earlier.bytes) }
    }
}

/// All allocations of the process so far; zero for ever if [`CountingAllocator`] is not installed.
#[must_use]
pub fn allocations() -> Allocations {
    // Relaxed: plain counts. Who compares two of them has joined, or met at a barrier, the threads they count.
    Allocations { calls: CALLS.load(Ordering::Relaxed), bytes: BYTES.load(Ordering::Relaxed) }
}

fn count(bytes: usize) {
    // Relaxed: see `allocations`.
    CALLS.fetch_add(1, Ordering::Relaxed);
    BYTES.fetch_add(bytes, Ordering::Relaxed);
    super::alloc_guard::allocating(bytes);
}

// SAFETY: every call goes to `System` with the same arguments; counting allocates nothing,
// and what a backtrace allocates comes back here with the thread marked as busy. Nothing here unwinds.
unsafe impl GlobalAlloc for CountingAllocator {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        count(layout.size());
        // SAFETY: our caller keeps the contract of `alloc`.
        unsafe { System.alloc(layout) }
    }

    unsafe fn alloc_zeroed(&self, layout: Layout) -> *mut u8 {
        count(layout.size());
        // SAFETY: our caller keeps the contract of `alloc_zeroed`.
        unsafe { System.alloc_zeroed(layout) }
    }

    unsafe fn realloc(&self, ptr: *mut u8, layout: Layout, new_size: usize) -> *mut u8 {
        count(new_size);
        // SAFETY: our caller keeps the contract of `realloc`, and the block came from `System`.
        unsafe { System.realloc(ptr, layout, new_size) }
    }

    unsafe fn dealloc(&self, ptr: *mut u8, layout: Layout) {
        // SAFETY: our caller keeps the contract of `dealloc`, and the block came from `System`.
        unsafe { System.dealloc(ptr, layout) }
    }
}
