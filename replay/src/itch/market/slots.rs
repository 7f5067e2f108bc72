//! A fixed number of slots by index; free slots are reused, the last freed first, while it is in
//! cache.

use vvp_core::sync::prefetch;
use zerocopy::FromZeros;

/// A value of a slot, with a word that can link free slots.
pub(super) trait Slot: FromZeros {
    /// Returns the word that links free slots.
    fn link(&mut self) -> &mut u32;
}

/// `N` slots, of which 0 is never used: it means "none".
#[derive(Debug, FromZeros)]
#[repr(C)]
pub(super) struct Slots<T, const N: usize> {
    /// Number of slots that were ever used.
    touched: u32,
    free: u32,
    slots: [T; N],
}

impl<T: Slot, const N: usize> Slots<T, N> {
    /// Takes a slot, with the contents of its last use; `None` if all are in use.
    #[inline(always)]
    pub(super) fn take(&mut self) -> Option<u32> {
        const { assert!(N >= 2 && N <= 1 << 29, "an index of slots fits 29 bits") };
        let slot = self.free;
        if slot != 0 {
            self.free = *self.slots[slot as usize].link();
            return Some(slot);
        }
        if self.touched as usize + 1 >= N {
            return None;
        }
        self.touched += 1;
        Some(self.touched)
    }

    /// Releases a slot.
    #[inline(always)]
    pub(super) fn give(&mut self, slot: u32) {
        debug_assert!(slot != 0 && slot <= self.touched, "a slot that was given out");
        *self.slots[slot as usize].link() = self.free;
        self.free = slot;
    }

    #[inline(always)]
    pub(super) fn get(&self, slot: u32) -> &T {
        &self.slots[slot as usize]
    }

    #[inline(always)]
    pub(super) fn get_mut(&mut self, slot: u32) -> &mut T {
        &mut self.slots[slot as usize]
    }

    /// Returns the peak number of slots in use.
    pub(super) const fn touched(&self) -> u32 {
        self.touched
    }

    /// Prefetches a slot.
    #[inline(always)]
    pub(super) fn prefetch(&self, slot: u32) {
        prefetch(&raw const self.slots[slot as usize % N]);
    }
}
