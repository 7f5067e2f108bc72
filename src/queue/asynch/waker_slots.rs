//! Waker slots: one waker for each producer whose task waits for room.

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

/// Orders a consumer's making room before a producer's second look, as in [`WakerCell`]: each reads what the other wrote,
/// whichever came second.
#[inline(always)]
fn both() -> Ordering {
    unless_broken("seats_both", Ordering::AcqRel)
}

/// `N` places for wakers, 256 at most, one for each producer whose task may wait. A row of bits names those that wait, so
/// that a consumer who makes room pays one instruction a word when nobody does. All zero is empty.
#[repr(C)]
pub struct WakerSlots<const N: usize> {
    /// A bit for each waker slot whose task waits, or has waited and was not woken.
    waiting: [AtomicUsize; WORDS],
    /// A bit for each waker slot that a producer has.
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
        /// Nobody waits.
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

    /// The waker slot with this number, which must be the caller's alone by other means. `None`
    /// where there is none.
    pub(super) fn at(&self, number: usize) -> Option<WakerSlot<'_>> {
        let waiting = self.waiting.get(number / BITS)?;
        Some(WakerSlot { cell: self.cells.get(number)?, row: Some((waiting, 1 << (number % BITS))), taken: None })
    }

    /// The first waker slot that is free, or `None`. It is given back when dropped.
    pub(super) fn take(&self) -> Option<WakerSlot<'_>> {
        (0..N).find_map(|number| {
            let taken = self.taken.get(number / BITS)?;
            let bit = 1 << (number % BITS);
            // Acquire: pairs with the Release in `WakerSlot::drop`. Looked at first, so as not to
            // write to a waker slot that is taken.
            if taken.load(Ordering::Relaxed) & bit != 0 || taken.fetch_or(bit, Ordering::Acquire) & bit != 0 {
                return None;
            }
            Some(WakerSlot { taken: Some(taken), ..self.at(number)? })
        })
    }

    /// Frees all waker slots, none of which is in use.
    pub(super) fn clear(&mut self) {
        // Relaxed: whoever lent us this for our own has ordered its past before this.
        self.taken.iter().for_each(|word| word.store(0, Ordering::Relaxed));
    }

    /// Wakes the task of this waker slot, if it waits.
    pub(super) fn wake(&self, number: usize) {
        let (Some(word), Some(cell)) = (self.waiting.get(number / BITS), self.cells.get(number)) else { return };
        let bit = 1 << (number % BITS);
        // AcqRel: pairs with the same in `WakerSlot::wait`: we see the waker, or the task sees the
        // room that we made.
        if word.fetch_and(!bit, both()) & bit != 0 {
            cell.wake();
        }
    }

    /// Wakes all tasks that wait. Each looks for itself whether there is room: so none is forgotten, should the one that
    /// would have been woken alone have lost interest.
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

/// Where the task of one producer waits.
pub(super) struct WakerSlot<'q> {
    cell: &'q WakerCell,
    /// Where it says that it waits, if there are others.
    row: Option<(&'q AtomicUsize, usize)>,
    /// Where it is noted as taken, if it was claimed.
    taken: Option<&'q AtomicUsize>,
}

impl<'q> WakerSlot<'q> {
    /// The only waker slot.
    pub(super) const fn alone(cell: &'q WakerCell) -> Self {
        Self { cell, row: None, taken: None }
    }

    /// Has the task woken when room is made; what was made before this call can be seen after it.
    pub(super) fn wait(&self, waker: &Waker) {
        self.cell.register(waker);
        if let Some((waiting, bit)) = self.row {
            // AcqRel: pairs with the same in `WakerSlots::wake`: who sees the bit finds the waker;
            // and if we come second, we see the room that was made before the call that came first.
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

/// Where a consumer's end tells producers' tasks that there is room.
pub trait Room<C> {
    /// The end has given back so many slots since the last call.
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

/// Tells the consumer's task of what it cannot see in the queue: that an end was given back, perhaps closed.
pub(super) struct Leaving<'q>(pub(super) &'q WakerCell);

impl Drop for Leaving<'_> {
    fn drop(&mut self) {
        if !broken("waiting_leaving") {
            self.0.wake();
        }
    }
}
