//! Counters and gauges.

use super::word::Word64;
use crate::layout::{Field, Layout, field};
use crate::sync::{AtomicUsize, Ordering, const_unless_loom};
use core::fmt;

/// A counter with one writer and any number of readers. 64 bits on every target; it wraps.
///
/// With two writers, counts get lost, and nothing worse. All operations are wait-free.
#[cfg_attr(all(not(loom), target_has_atomic = "ptr"), derive(zerocopy::FromZeros))]
#[repr(transparent)]
pub struct Counter(Word64);

/// A gauge with one writer and any number of readers, and with its high-water mark. As wide as
/// `usize`.
///
/// With two writers, changes get lost, and nothing worse. All operations are wait-free.
#[cfg_attr(all(not(loom), target_has_atomic = "ptr"), derive(zerocopy::FromZeros))]
#[repr(C)]
pub struct Gauge {
    now: AtomicUsize,
    most: AtomicUsize,
}

/// A counter with any number of writers. As wide as `usize`; it wraps.
///
/// All operations are wait-free if the core adds in one instruction (x86-64, Arm from v8.1 on),
/// lock-free otherwise.
#[cfg_attr(all(not(loom), target_has_atomic = "ptr"), derive(zerocopy::FromZeros))]
#[repr(transparent)]
pub struct SharedCounter(AtomicUsize);

/// A gauge with any number of writers. As wide as `usize`; it wraps: a negative sum reads as the
/// two's complement of an `isize`.
///
/// Progress is as for [`SharedCounter`].
#[cfg_attr(all(not(loom), target_has_atomic = "ptr"), derive(zerocopy::FromZeros))]
#[repr(transparent)]
pub struct SharedGauge(AtomicUsize);

impl Layout for Gauge {
    const FIELDS: &'static [Field] = &[field!("now", Self, now), field!("most", Self, most)];
}

// Orderings are Relaxed throughout: each number stands alone, and no access to other memory depends
// on it.

impl Counter {
    const_unless_loom! {
        /// Creates a counter at 0.
        #[must_use]
        pub fn new() -> Self {
            Self(Word64::new())
        }
    }

    /// Adds `n`. For the writer.
    #[inline(always)]
    pub fn add(&self, n: u64) {
        self.0.set(self.0.own().wrapping_add(n));
    }

    /// Returns the count; on a 32-bit core, one that it passed during the call.
    #[must_use]
    #[inline(always)]
    pub fn get(&self) -> u64 {
        self.0.get()
    }
}

impl Gauge {
    const_unless_loom! {
        /// Creates a gauge at 0.
        #[must_use]
        pub fn new() -> Self {
            Self { now: AtomicUsize::new(0), most: AtomicUsize::new(0) }
        }
    }

    /// Sets the value. For the writer.
    #[inline(always)]
    pub fn set(&self, value: usize) {
        if value > self.most.load(Ordering::Relaxed) {
            self.most.store(value, Ordering::Relaxed);
        }
        self.now.store(value, Ordering::Relaxed);
    }

    /// Adds `n`, saturating at `usize::MAX`. For the writer.
    #[inline(always)]
    pub fn add(&self, n: usize) {
        self.set(self.get().saturating_add(n));
    }

    /// Subtracts `n`, saturating at zero. For the writer.
    #[inline(always)]
    pub fn sub(&self, n: usize) {
        self.set(self.get().saturating_sub(n));
    }

    /// Returns the current value.
    #[must_use]
    #[inline(always)]
    pub fn get(&self) -> usize {
        self.now.load(Ordering::Relaxed)
    }

    /// Returns the greatest value so far.
    #[must_use]
    #[inline(always)]
    pub fn high_water(&self) -> usize {
        self.most.load(Ordering::Relaxed)
    }
}

impl SharedCounter {
    const_unless_loom! {
        /// Creates a counter at 0.
        #[must_use]
        pub fn new() -> Self {
            Self(AtomicUsize::new(0))
        }
    }

    /// Adds `n`.
    #[inline(always)]
    pub fn add(&self, n: usize) {
        self.0.fetch_add(n, Ordering::Relaxed);
    }

    /// Returns the count.
    #[must_use]
    #[inline(always)]
    pub fn get(&self) -> usize {
        self.0.load(Ordering::Relaxed)
    }
}

impl SharedGauge {
    const_unless_loom! {
        /// Creates a gauge at 0.
        #[must_use]
        pub fn new() -> Self {
            Self(AtomicUsize::new(0))
        }
    }

    /// Adds `n` and returns the previous value.
    #[inline(always)]
    pub fn add(&self, n: usize) -> usize {
        self.0.fetch_add(n, Ordering::Relaxed)
    }

    /// Subtracts `n` and returns the previous value.
    #[inline(always)]
    pub fn sub(&self, n: usize) -> usize {
        self.0.fetch_sub(n, Ordering::Relaxed)
    }

    /// Returns the current value.
    #[must_use]
    #[inline(always)]
    pub fn get(&self) -> usize {
        self.0.load(Ordering::Relaxed)
    }
}

macro_rules! default_and_debug {
    ($($t:ident),*) => { $(
        impl Default for $t {
            fn default() -> Self {
                Self::new()
            }
        }

        impl fmt::Debug for $t {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.debug_tuple(stringify!($t)).field(&self.get()).finish()
            }
        }
    )* };
}
default_and_debug!(Counter, Gauge, SharedCounter, SharedGauge);
