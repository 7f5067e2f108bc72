//! Pool slot: a value, and the atomic state word that controls access to it.

use super::handle::HandleError;
use crate::sync::{AtomicUsize, Ordering, UnsafeCell, const_unless_loom, unless_broken};
use core::mem::MaybeUninit;

/// A value and its state.
///
/// ```text
///   offset 0                                  one word
///   | generation (28 or 32 bits) | mode (4)   | value ..
/// ```
///
/// | mode | the slot is |
/// |---|---|
/// | 0 | never used: no value |
/// | 1 | free, or in a box: not accessible by handles |
/// | 2 | has a handle, borrowed for writing |
/// | 3 | has a handle |
/// | 4 to 15 | has a handle, borrowed for reading 1 to 12 times |
///
/// Modes 0 and 1 are changed only by the owner of the slot, which got its number from the free list
/// or from a handle. From mode 3 any thread with the right generation may proceed, by
/// compare-and-swap: only one to 1 (which then owns the slot), one at a time to 2, and none of
/// these while there are readers.
#[cfg_attr(all(not(loom), target_has_atomic = "ptr"), derive(zerocopy::FromZeros))]
#[repr(C)]
pub(super) struct Slot<T> {
    pub(super) state: AtomicUsize,
    pub(super) value: UnsafeCell<MaybeUninit<T>>,
}

const MODE_BITS: u32 = 4;
const MODE: usize = (1 << MODE_BITS) - 1;
const UNUSED: usize = 0;
const OWNED: usize = 1;
const WRITING: usize = 2;
const NAMED: usize = 3;
const READERS_MOST: usize = MODE - NAMED;

/// Generations that a word has room for, at most 32 bits of them.
const GENERATION: usize = if usize::BITS - MODE_BITS < 32 { usize::MAX >> MODE_BITS } else { u32::MAX as usize };

const _: () = assert!(usize::BITS >= 32 && READERS_MOST == 12);

/// Ordering of a claim by handle. Acquire: pairs with the Release that ended the last claim, so
/// that all writes to the value are visible. (Weaker in the broken twin.)
#[inline(always)]
fn claiming() -> Ordering {
    unless_broken("pool_claim", Ordering::Acquire)
}

impl<T> Slot<T> {
    const_unless_loom! {
        /// Creates an unused slot. All-zero bytes, so that a static costs no image.
        pub(super) fn new() -> Self {
            Self { state: AtomicUsize::new(UNUSED), value: UnsafeCell::new(MaybeUninit::zeroed()) }
        }
    }

    /// Returns the value, for reading.
    ///
    /// # Safety
    /// There is a value, and there are no writes to it while it is borrowed.
    #[inline(always)]
    pub(super) unsafe fn value(&self) -> &T {
        // SAFETY: the caller's.
        self.value.with(|value| unsafe { (*value).assume_init_ref() })
    }

    /// Returns the value, for writing.
    ///
    /// # Safety
    /// There is a value, and there is no other access to it while it is borrowed.
    #[inline(always)]
    #[allow(clippy::mut_from_ref)] // the caller's word
    pub(super) unsafe fn value_mut(&self) -> &mut T {
        // SAFETY: the caller's.
        self.value.with_mut(|value| unsafe { (*value).assume_init_mut() })
    }

    /// Returns whether the slot was ever used, and so holds a value.
    ///
    /// # Safety
    /// The caller owns the slot.
    #[inline(always)]
    pub(super) unsafe fn holds_value(&self) -> bool {
        // Relaxed: the last writer of the state passed the slot to us.
        self.state.load(Ordering::Relaxed) != UNUSED
    }

    /// Writes the first value.
    ///
    /// # Safety
    /// The caller owns the slot, which was never used.
    #[cold]
    pub(super) unsafe fn fill(&self, value: T) {
        // SAFETY: the caller owns the slot; there is no value that would not be dropped.
        self.value.with_mut(|place| unsafe { (*place).write(value) });
        // Relaxed: passing the slot to its next owner publishes it.
        self.state.store(OWNED, Ordering::Relaxed);
    }

    /// Creates a new handle for the slot and returns its generation.
    ///
    /// # Safety
    /// The caller owns the slot, which holds a value, and from then on accesses it only by its
    /// handle.
    #[inline]
    pub(super) unsafe fn put_under_handle(&self) -> u32 {
        // Relaxed: only the owner changes this mode.
        let state = self.state.load(Ordering::Relaxed);
        debug_assert_eq!(state & MODE, OWNED);
        let generation = (state >> MODE_BITS).wrapping_add(1) & GENERATION;
        // Release: pairs with `claiming`.
        self.state.store(generation << MODE_BITS | NAMED, Ordering::Release);
        generation as u32
    }

    /// Takes ownership of the slot by its handle, which becomes stale.
    ///
    /// # Errors
    /// See [`HandleError`].
    #[inline]
    pub(super) fn take_by_handle(&self, generation: u32) -> Result<(), HandleError> {
        self.claim(generation, OWNED)
    }

    /// Claims the value for writing; [`Slot::end_writing`] ends it.
    ///
    /// # Errors
    /// See [`HandleError`].
    #[inline]
    pub(super) fn begin_writing(&self, generation: u32) -> Result<(), HandleError> {
        self.claim(generation, WRITING)
    }

    #[inline(always)]
    fn claim(&self, generation: u32, mode: usize) -> Result<(), HandleError> {
        let generation = (generation as usize & GENERATION) << MODE_BITS;
        // Relaxed: nothing depends on a failed claim.
        match self.state.compare_exchange(generation | NAMED, generation | mode, claiming(), Ordering::Relaxed) {
            Ok(_) => Ok(()),
            Err(state) => Err(refusal(state, generation)),
        }
    }

    /// Claims the value for reading; [`Slot::end_reading`] ends it. Lock-free: an attempt fails
    /// only because another claim began or ended.
    ///
    /// # Errors
    /// See [`HandleError`]; also `Busy` if there are 12 readers.
    #[inline]
    pub(super) fn begin_reading(&self, generation: u32) -> Result<(), HandleError> {
        let generation = (generation as usize & GENERATION) << MODE_BITS;
        // Relaxed: the compare-and-swap checks it.
        let mut state = self.state.load(Ordering::Relaxed);
        loop {
            let mode = state ^ generation;
            if !(NAMED..NAMED + READERS_MOST).contains(&mode) {
                return Err(refusal(state, generation));
            }
            match self.state.compare_exchange_weak(state, state.wrapping_add(1), claiming(), Ordering::Relaxed) {
                Ok(_) => return Ok(()),
                Err(now) => state = now,
            }
        }
    }

    #[inline]
    pub(super) fn end_reading(&self) {
        // Release: pairs with `claiming`: the next write happens after our reads.
        let before = self.state.fetch_sub(1, Ordering::Release);
        debug_assert!(before & MODE > NAMED);
    }

    #[inline]
    pub(super) fn end_writing(&self) {
        // Relaxed: only we change this mode.
        let state = self.state.load(Ordering::Relaxed);
        debug_assert_eq!(state & MODE, WRITING);
        // Release: pairs with `claiming`.
        self.state.store(state ^ (WRITING ^ NAMED), Ordering::Release);
    }

    /// Drops the value, if there is one.
    pub(super) fn clear(&mut self) {
        // SAFETY: the slot is borrowed exclusively.
        if unsafe { self.holds_value() } {
            // Relaxed: as above.
            self.state.store(UNUSED, Ordering::Relaxed);
            // SAFETY: there is a value, it is not claimed, and the state already marks it as gone.
            self.value.with_mut(|value| unsafe { (*value).assume_init_drop() });
        }
    }
}

/// Returns why a handle of this generation is refused in this state.
#[cold]
fn refusal(state: usize, generation: usize) -> HandleError {
    if state & !MODE == generation && state & MODE > OWNED { HandleError::Busy } else { HandleError::Stale }
}
