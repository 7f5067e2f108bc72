//! Counters and gauges.

use super::word::Word64;
use crate::layout::{Field, Layout, field};
use crate::sync::{AtomicUsize, Ordering, const_unless_loom};
use core::fmt;

/// A number that one thread counts up, and anybody reads. 64 bits on every target; it wraps with them.
///
/// With two writers counts get lost, and nothing worse. All operations are wait-free.
#[cfg_attr(all(not(loom), target_has_atomic = "ptr"), derive(zerocopy::FromZeros))]
#[repr(transparent)]
pub struct Counter(Word64);

/// A number that one thread moves up and down, and anybody reads, with the most it ever was. As wide as `usize`.
///
/// With two writers changes get lost, and nothing worse. All operations are wait-free.
#[cfg_attr(all(not(loom), target_has_atomic = "ptr"), derive(zerocopy::FromZeros))]
#[repr(C)]
pub struct Gauge {
    now: AtomicUsize,
    most: AtomicUsize,
}

/// A number that any thread counts up. As wide as `usize`, and wraps with it.
///
/// All operations are wait-free where the core adds in one instruction (x86-64, Arm from v8.1 on), lock-free elsewhere.
#[cfg_attr(all(not(loom), target_has_atomic = "ptr"), derive(zerocopy::FromZeros))]
#[repr(transparent)]
pub struct SharedCounter(AtomicUsize);

/// A number that any thread moves up and down. As wide as `usize`, and wraps with it: more taken off than was put on
/// reads as a negative number would, as `isize`.
///
/// Progress is as for [`SharedCounter`].
#[cfg_attr(all(not(loom), target_has_atomic = "ptr"), derive(zerocopy::FromZeros))]
#[repr(transparent)]
pub struct SharedGauge(AtomicUsize);

impl Layout for Gauge {
    const FIELDS: &'static [Field] = &[field!("now", Self, now), field!("most", Self, most)];
}

// Orderings are Relaxed throughout: each number stands for itself, and nobody touches anything because of it.

impl Counter {
    const_unless_loom! {
        /// Nothing counted yet.
        #[must_use]
        pub fn new() -> Self {
            Self(Word64::new())
        }
    }

    /// Counts `n` more. For the writer.
    #[inline(always)]
    pub fn add(&self, n: u64) {
        self.0.set(self.0.own().wrapping_add(n));
    }

    /// The count, or on a 32-bit core one that it passed during the call.
    #[must_use]
    #[inline(always)]
    pub fn get(&self) -> u64 {
        self.0.get()
    }
}

impl Gauge {
    const_unless_loom! {
        /// Zero.
        #[must_use]
        pub fn new() -> Self {
            Self { now: AtomicUsize::new(0), most: AtomicUsize::new(0) }
        }
    }

    /// Sets it. For the writer.
    #[inline(always)]
    pub fn set(&self, value: usize) {
        if value > self.most.load(Ordering::Relaxed) {
            self.most.store(value, Ordering::Relaxed);
        }
        self.now.store(value, Ordering::Relaxed);
    }

    /// Moves it up; it stops at `usize::MAX`. For the writer.
    #[inline(always)]
    pub fn add(&self, n: usize) {
        self.set(self.get().saturating_add(n));
    }

    /// Moves it down; it stops at zero. For the writer.
    #[inline(always)]
    pub fn sub(&self, n: usize) {
        self.set(self.get().saturating_sub(n));
    }

    /// What it is now.
    #[must_use]
    #[inline(always)]
    pub fn get(&self) -> usize {
        self.now.load(Ordering::Relaxed)
    }

    /// The most it ever was.
    #[must_use]
    #[inline(always)]
    pub fn high_water(&self) -> usize {
        self.most.load(Ordering::Relaxed)
    }
}

impl SharedCounter {
    const_unless_loom! {
        /// Nothing counted yet.
        #[must_use]
        pub fn new() -> Self {
            Self(AtomicUsize::new(0))
        }
    }

    /// Counts `n` more.
    #[inline(always)]
    pub fn add(&self, n: usize) {
        self.0.fetch_add(n, Ordering::Relaxed);
    }

    /// The count.
    #[must_use]
    #[inline(always)]
    pub fn get(&self) -> usize {
        self.0.load(Ordering::Relaxed)
    }
}

impl SharedGauge {
    const_unless_loom! {
        /// Zero.
        #[must_use]
        pub fn new() -> Self {
            Self(AtomicUsize::new(0))
        }
    }

    /// Moves it up, and gives what it was.
    #[inline(always)]
    pub fn add(&self, n: usize) -> usize {
        self.0.fetch_add(n, Ordering::Relaxed)
    }

    /// Moves it down, and gives what it was.
    #[inline(always)]
    pub fn sub(&self, n: usize) -> usize {
        self.0.fetch_sub(n, Ordering::Relaxed)
    }

    /// What it is now.
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
