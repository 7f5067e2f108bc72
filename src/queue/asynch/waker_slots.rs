//! Waker slots: one waker for each producer whose task waits for a free slot of the queue.

use super::WakerCell;
use crate::capacity::{Checked, CheckedCapacity};
use crate::queue::fan_in::LANES_MAX;
use crate::sync::{AtomicUsize, Ordering, broken, const_unless_loom, unless_broken};
use core::fmt;
#[cfg(not(loom))]
use core::mem::offset_of;
use core::task::Waker;

const BITS: usize = usize::BITS as usize;
const WORDS: usize = LANES_MAX / BITS;

/// Orders the consumer's release of slots before a producer's second check, as in [`WakerCell`]:
/// each reads what the other wrote, whichever came second.
#[inline(always)]
fn both() -> Ordering {
    unless_broken("seats_both", Ordering::AcqRel)
}

/// `N` waker slots, 256 at most, one for each producer whose task may wait. A bitmap marks those
/// that wait, so that a consumer that releases slots pays one instruction per word if no task
/// waits. All-zero bytes are empty.
#[repr(C)]
pub struct WakerSlots<const N: usize> {
    /// One bit per waker slot: its task waits, or has waited and was not woken.
    waiting: [AtomicUsize; WORDS],
    /// One bit per waker slot: a producer owns it.
    taken: [AtomicUsize; WORDS],
    cells: [WakerCell; N],
    checked: Checked<Self>,
}

#[cfg(not(loom))]
const _: () = {
    assert!(offset_of!(WakerSlots<2>, waiting) == 0 && offset_of!(WakerSlots<2>, taken) == LANES_MAX / 8);
    assert!(offset_of!(WakerSlots<2>, cells) == LANES_MAX / 4);
};

impl<const N: usize> CheckedCapacity for WakerSlots<N> {
    const CHECK: () =
        assert!(N >= 1 && N <= LANES_MAX, "WakerSlots: N, the producers that can wait, must be from 1 to 256");
}

impl<const N: usize> WakerSlots<N> {
    const_unless_loom! {
        /// Creates slots without a waiting task.
        pub(super) fn new() -> Self {
            Self {
                #[cfg(not(loom))]
                waiting: [const { AtomicUsize::new(0) }; WORDS],
                #[cfg(loom)]
                waiting: core::array::from_fn(|_| AtomicUsize::new(0)),
                #[cfg(not(loom))]
                taken: [const { AtomicUsize::new(0) }; WORDS],
                #[cfg(loom)]
                taken: core::array::from_fn(|_| AtomicUsize::new(0)),
                #[cfg(not(loom))]
                cells: [const { WakerCell::new() }; N],
                #[cfg(loom)]
                cells: core::array::from_fn(|_| WakerCell::new()),
                checked: Checked::new(),
            }
        }
    }

    /// Returns the waker slot with this number, which must be the caller's alone by other means.
    /// `None` if there is none.
    pub(super) fn at(&self, number: usize) -> Option<WakerSlot<'_>> {
        let waiting = self.waiting.get(number / BITS)?;
        Some(WakerSlot { cell: self.cells.get(number)?, row: Some((waiting, 1 << (number % BITS))), taken: None })
    }

    /// Takes the first free waker slot; `None` if there is none. Dropping it releases the slot.
    pub(super) fn take(&self) -> Option<WakerSlot<'_>> {
        (0..N).find_map(|number| {
            let taken = self.taken.get(number / BITS)?;
            let bit = 1 << (number % BITS);
            // Acquire: pairs with the Release in `WakerSlot::drop`. Loaded first, so that nothing
            // is written for a slot that is taken.
            if taken.load(Ordering::Relaxed) & bit != 0 || taken.fetch_or(bit, Ordering::Acquire) & bit != 0 {
                return None;
            }
            Some(WakerSlot { taken: Some(taken), ..self.at(number)? })
        })
    }

    /// Frees all waker slots, none of which is in use.
    pub(super) fn clear(&mut self) {
        // Relaxed: the exclusive borrow orders the past before this.
        self.taken.iter().for_each(|word| word.store(0, Ordering::Relaxed));
    }

    /// Wakes the task of this waker slot if it waits.
    pub(super) fn wake(&self, number: usize) {
        let (Some(word), Some(cell)) = (self.waiting.get(number / BITS), self.cells.get(number)) else { return };
        let bit = 1 << (number % BITS);
        // AcqRel: pairs with the same in `WakerSlot::wait`: we see the waker, or the task sees the
        // slots that we released.
        if word.fetch_and(!bit, both()) & bit != 0 {
            cell.wake();
        }
    }

    /// Wakes all waiting tasks. Each checks for itself whether there is a free slot: waking only
    /// one would lose the wake-up if that task does not continue.
    pub(super) fn wake_all(&self) {
        for (at, word) in self.waiting.iter().enumerate().take(const { N.div_ceil(BITS) }) {
            // AcqRel: as in `wake`.
            let mut bits = word.swap(0, both());
            while bits != 0 {
                if let Some(cell) = self.cells.get(at * BITS + bits.trailing_zeros() as usize) {
                    cell.wake();
                }
                bits &= bits - 1;
            }
        }
    }
}

impl<const N: usize> fmt::Debug for WakerSlots<N> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("WakerSlots").finish_non_exhaustive()
    }
}

/// The waker slot of one producer's task.
pub(super) struct WakerSlot<'q> {
    cell: &'q WakerCell,
    /// Its bit of the bitmap of waiting tasks, if there are other slots.
    row: Option<(&'q AtomicUsize, usize)>,
    /// Its bit of the bitmap of taken slots, if it was claimed.
    taken: Option<&'q AtomicUsize>,
}

impl<'q> WakerSlot<'q> {
    /// Creates the only waker slot.
    pub(super) const fn alone(cell: &'q WakerCell) -> Self {
        Self { cell, row: None, taken: None }
    }

    /// Registers the task to be woken when slots are released; releases before this call are
    /// visible after it.
    pub(super) fn wait(&self, waker: &Waker) {
        self.cell.register(waker);
        if let Some((waiting, bit)) = self.row {
            // AcqRel: pairs with the same in `WakerSlots::wake`: seeing the bit implies seeing the
            // waker; and if we come second, we see the slots that were released before the call
            // that came first.
            waiting.fetch_or(bit, both());
        }
    }
}

impl Drop for WakerSlot<'_> {
    fn drop(&mut self) {
        if let (Some(taken), Some((_, bit))) = (self.taken, self.row) {
            // Release: pairs with the Acquire in `WakerSlots::take`.
            taken.fetch_and(!bit, Ordering::Release);
        }
    }
}

/// Wakes producers' tasks when there are free slots: the consumer endpoint's part.
pub trait Room<C> {
    /// The endpoint has released this many slots since the last call.
    fn made(&self, end: &C, slots: usize);
    /// Something that concerns all tasks has changed.
    fn for_all(&self);
}

impl<C> Room<C> for WakerCell {
    #[inline]
    fn made(&self, _: &C, _: usize) {
        self.wake();
    }
    fn for_all(&self) {
        self.wake();
    }
}

/// Wakes the consumer's task for what it cannot see in the queue: that an endpoint was released,
/// perhaps closed.
pub(super) struct Leaving<'q>(pub(super) &'q WakerCell);

impl Drop for Leaving<'_> {
    fn drop(&mut self) {
        if !broken("waiting_leaving") {
            self.0.wake();
        }
    }
}
