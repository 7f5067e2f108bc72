//! Slots of fixed number, by index; free ones are used again, the last freed first, while their line is still near.

use zerocopy::FromZeros;

/// Something that lies in a slot and has a word to spare while it does not.
pub(super) trait Slot: FromZeros {
    /// The word that links free slots.
    fn link(&mut self) -> &mut u32;
}

/// `N` slots, of which 0 is never given out: it says "none".
#[derive(Debug, FromZeros)]
#[repr(C)]
pub(super) struct Slots<T, const N: usize> {
    /// Slots that were ever given out.
    touched: u32,
    free: u32,
    slots: [T; N],
}

impl<T: Slot, const N: usize> Slots<T, N> {
    /// A slot, with whatever its last user left in it; `None` when all are in use.
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

    /// Takes back a slot.
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

    /// The most that were in use at once.
    pub(super) const fn touched(&self) -> u32 {
        self.touched
    }

    /// Asks for the line of a slot ahead of its use.
    #[inline(always)]
    pub(super) fn prefetch(&self, slot: u32) {
        super::prefetch(&raw const self.slots[slot as usize % N]);
    }
}
