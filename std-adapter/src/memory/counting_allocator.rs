//! An allocator that counts, to show that nothing is allocated after start-up.

use core::alloc::{GlobalAlloc, Layout};
use std::alloc::System;
use std::sync::atomic::{AtomicUsize, Ordering};

// Counters of the process rather than of an allocator: there is one global allocator.
static CALLS: AtomicUsize = AtomicUsize::new(0);
static BYTES: AtomicUsize = AtomicUsize::new(0);

/// The system's allocator with counters.
///
/// A program installs it with
///
/// ```
/// use vvp_std_adapter::memory::{CountingAllocator, allocations};
/// #[global_allocator]
/// static ALLOCATOR: CountingAllocator = CountingAllocator;
/// let before = allocations();
/// drop(Box::new(7));
/// assert_eq!(allocations().since(before).calls, 1);
/// ```
///
/// A call costs two relaxed additions and one test of whether the thread is armed.
#[derive(Debug, Clone, Copy, Default)]
pub struct CountingAllocator;

/// A number of allocations and their bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Allocations {
    /// Calls that requested memory: new blocks, and blocks that grew or shrank.
    pub calls: usize,
    /// Bytes requested by these calls.
    pub bytes: usize,
}

impl Allocations {
    /// Returns what was added since `earlier`.
    #[must_use]
    pub const fn since(self, earlier: Self) -> Self {
        Self { calls: self.calls.wrapping_sub(earlier.calls), bytes: self.bytes.wrapping_sub(earlier.bytes) }
    }
}

/// Returns all allocations of the process so far; always zero if [`CountingAllocator`] is not
/// installed.
#[must_use]
pub fn allocations() -> Allocations {
    // Relaxed: plain counts. A caller that compares two of them has joined the threads that it
    // measures, or met them at a barrier.
    Allocations { calls: CALLS.load(Ordering::Relaxed), bytes: BYTES.load(Ordering::Relaxed) }
}

fn count(bytes: usize) {
    // Relaxed: see `allocations`.
    CALLS.fetch_add(1, Ordering::Relaxed);
    BYTES.fetch_add(bytes, Ordering::Relaxed);
    super::alloc_guard::allocating(bytes);
}

// SAFETY: every call goes to `System` with the same arguments. Counting allocates nothing;
// allocations of a backtrace come back here with the thread marked as busy. Nothing here unwinds.
unsafe impl GlobalAlloc for CountingAllocator {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        count(layout.size());
        // SAFETY: the caller upholds the contract of `alloc`.
        unsafe { System.alloc(layout) }
    }

    unsafe fn alloc_zeroed(&self, layout: Layout) -> *mut u8 {
        count(layout.size());
        // SAFETY: the caller upholds the contract of `alloc_zeroed`.
        unsafe { System.alloc_zeroed(layout) }
    }

    unsafe fn realloc(&self, ptr: *mut u8, layout: Layout, new_size: usize) -> *mut u8 {
        count(new_size);
        // SAFETY: the caller upholds the contract of `realloc`, and the block came from `System`.
        unsafe { System.realloc(ptr, layout, new_size) }
    }

    unsafe fn dealloc(&self, ptr: *mut u8, layout: Layout) {
        // SAFETY: the caller upholds the contract of `dealloc`, and the block came from `System`.
        unsafe { System.dealloc(ptr, layout) }
    }
}
