//! 64-bit number with one writer, for readers on any core, also of 32-bit targets.
//!
//! Source, for 32-bit targets: L. Lamport, "Concurrent reading and writing", 1977: digits that are
//! written in one order and read in the other. Ours has two digits, of which the upper one doubles
//! as the version.

use crate::sync::{AtomicUsize, Ordering, const_unless_loom, unless_broken};

/// A 64-bit number that one thread writes and any thread or process reads. All-zero bytes are 0.
///
/// One atomic on targets with 64-bit words. Targets with 32-bit words have no such atomic: the
/// number lies in two words, and the upper half a second time, written in one order and read in the
/// other ([`Halves`]).
#[derive(Debug)]
#[cfg_attr(all(not(loom), target_has_atomic = "ptr"), derive(zerocopy::FromZeros))]
#[repr(transparent)]
pub(super) struct Word64(Imp);

#[cfg(target_pointer_width = "64")]
type Imp = Whole;
#[cfg(not(target_pointer_width = "64"))]
type Imp = Halves;

impl Word64 {
    const_unless_loom! {
        pub(super) fn new() -> Self {
            Self(Imp::new())
        }
    }

    /// Returns the number; for its writer.
    #[inline(always)]
    pub(super) fn own(&self) -> u64 {
        self.0.own()
    }

    /// Returns the number, or one that it was during the call.
    #[inline(always)]
    pub(super) fn get(&self) -> u64 {
        self.0.get()
    }

    /// Sets the number; for its writer.
    #[inline(always)]
    pub(super) fn set(&self, value: u64) {
        self.0.set(value);
    }
}

#[cfg(target_pointer_width = "64")]
#[derive(Debug)]
#[cfg_attr(all(not(loom), target_has_atomic = "ptr"), derive(zerocopy::FromZeros))]
#[repr(transparent)]
struct Whole(AtomicUsize);

// Relaxed, all: the number stands alone. A caller that needs other memory with it must order that
// itself.
#[cfg(target_pointer_width = "64")]
impl Whole {
    const_unless_loom! {
        fn new() -> Self {
            Self(AtomicUsize::new(0))
        }
    }

    #[inline(always)]
    fn own(&self) -> u64 {
        self.0.load(Ordering::Relaxed) as u64
    }

    #[inline(always)]
    fn get(&self) -> u64 {
        self.own()
    }

    #[inline(always)]
    fn set(&self, value: u64) {
        self.0.store(value as usize, Ordering::Relaxed);
    }
}

/// Ordering of the stores of the halves. Release: pairs with the Acquire loads in `get`.
#[inline(always)]
fn writing() -> Ordering {
    unless_broken("word_write", Ordering::Release)
}

/// A number in two halves, with the upper one twice. The writer stores `upper`, `lower`, `check`;
/// the reader loads them in reverse order.
///
/// If the reader finds `upper` and `check` equal, both halves belong together: `check` shows that a
/// write of this upper half was complete, so the `lower` loaded after it is of that write or a
/// later one; and if that later one had another upper half, then `upper`, loaded last, would show
/// it. (The upper half only grows, except where the number is set explicitly.) If they differ, the
/// writer is stepping from one upper half to the next.
#[cfg_attr(target_pointer_width = "64", allow(dead_code))] // but for loom, which shows that it holds
#[derive(Debug)]
#[cfg_attr(all(not(loom), target_has_atomic = "ptr"), derive(zerocopy::FromZeros))]
#[repr(C)]
pub(super) struct Halves {
    upper: AtomicUsize,
    lower: AtomicUsize,
    check: AtomicUsize,
}

#[cfg_attr(target_pointer_width = "64", allow(dead_code))]
impl Halves {
    const_unless_loom! {
        pub(super) fn new() -> Self {
            Self { upper: AtomicUsize::new(0), lower: AtomicUsize::new(0), check: AtomicUsize::new(0) }
        }
    }

    pub(super) fn own(&self) -> u64 {
        // Relaxed, both: the writer's own.
        (self.upper.load(Ordering::Relaxed) as u64) << 32 | self.lower.load(Ordering::Relaxed) as u32 as u64
    }

    pub(super) fn set(&self, value: u64) {
        let (upper, lower) = ((value >> 32) as usize, value as u32 as usize);
        // Relaxed: our own.
        if upper == self.upper.load(Ordering::Relaxed) {
            self.lower.store(lower, writing());
            return;
        }
        self.upper.store(upper, writing());
        self.lower.store(lower, writing());
        self.check.store(upper, writing());
    }

    pub(super) fn get(&self) -> u64 {
        // Acquire, all: pair with `writing`, so that each load is no older than the one before it.
        let check = self.check.load(Ordering::Acquire);
        let lower = self.lower.load(Ordering::Acquire);
        let upper = self.upper.load(Ordering::Acquire);
        if upper == check {
            return (upper as u64) << 32 | lower as u32 as u64;
        }
        // The number was on its way from below `upper` << 32 to above it: this is a value that it
        // passed.
        (upper as u64) << 32
    }
}

/// Under loom the halves are checked on every target; `.ci/loom` runs this, and then its broken
/// twin, which must fail.
#[cfg(all(test, loom))]
mod tests {
    use super::*;
    use loom::sync::Arc;

    #[test]
    fn halves_of_one_moment() {
        loom::model(|| {
            const STEPS: [u64; 3] = [0xffff_ffff, 0x1_0000_0005, 0x2_0000_0001];
            let number = Arc::new(Halves::new());
            let writer = {
                let number = Arc::clone(&number);
                loom::thread::spawn(move || STEPS.iter().for_each(|n| number.set(*n)))
            };
            let (first, second) = (number.get(), number.get());
            assert!(first <= second, "{first:x} then {second:x}: it went back");
            for read in [first, second] {
                // As it was set, or the round number on its way there.
                assert!(read == 0 || STEPS.contains(&read) || read & 0xffff_ffff == 0, "{read:x} was never there");
            }
            writer.join().unwrap();
            assert_eq!((number.get(), number.own()), (STEPS[2], STEPS[2]));
        });
    }
}
