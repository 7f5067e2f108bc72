//! Indexed binary heap: knows the position of each slot, so that any slot can be removed.

use zerocopy::FromZeros;

/// The records behind the slots of a [`Heap`].
pub(in crate::book) trait Heaped {
    /// Returns whether the record in slot `a` comes before the one in slot `b`: a strict order.
    fn before(&self, a: u32, b: u32) -> bool;
    /// Stores `place` as the position of `slot`.
    fn placed(&mut self, slot: u32, place: u32);
    /// Returns the position of `slot`.
    fn place(&self, slot: u32) -> u32;
}

/// Binary min-heap of slot numbers.
#[derive(Debug, FromZeros)]
#[repr(C)]
pub(in crate::book) struct Heap<const N: usize> {
    len: u32,
    slots: [u32; N],
}

impl<const N: usize> Heap<N> {
    pub(in crate::book) fn first(&self) -> Option<u32> {
        if self.len == 0 { None } else { Some(self.at(0)) }
    }

    pub(in crate::book) fn len(&self) -> usize {
        self.len as usize
    }

    pub(in crate::book) fn slots(&self) -> &[u32] {
        self.slots.get(..self.len as usize).unwrap_or(&[])
    }

    /// Returns the slot at a position below the length.
    fn at(&self, place: usize) -> u32 {
        debug_assert!(place < N, "a place in the heap");
        self.slots.get(place).copied().unwrap_or(0)
    }

    /// Removes all slots.
    pub(in crate::book) const fn clear(&mut self) {
        self.len = 0;
    }

    /// Adds a slot. There is room: a heap has as many positions as there are slots.
    pub(in crate::book) fn push(&mut self, slot: u32, records: &mut impl Heaped) {
        let place = self.len as usize;
        self.len += 1;
        self.rise(place, slot, records);
    }

    /// Removes a slot at any position.
    pub(in crate::book) fn remove(&mut self, slot: u32, records: &mut impl Heaped) {
        let place = records.place(slot) as usize;
        debug_assert!(self.at(place) == slot, "the slot stands where it says");
        self.len -= 1;
        let last = self.at(self.len as usize);
        if last == slot {
            return;
        }
        if place > 0 && records.before(last, self.at((place - 1) / 2)) {
            self.rise(place, last, records);
        } else {
            self.sink(place, last, records);
        }
    }

    fn rise(&mut self, mut place: usize, slot: u32, records: &mut impl Heaped) {
        while place > 0 {
            let parent = (place - 1) / 2;
            if !records.before(slot, self.at(parent)) {
                break;
            }
            self.put(place, self.at(parent), records);
            place = parent;
        }
        self.put(place, slot, records);
    }

    fn sink(&mut self, mut place: usize, slot: u32, records: &mut impl Heaped) {
        let len = self.len as usize;
        loop {
            let mut child = 2 * place + 1;
            if child >= len {
                break;
            }
            if child + 1 < len && records.before(self.at(child + 1), self.at(child)) {
                child += 1;
            }
            if !records.before(self.at(child), slot) {
                break;
            }
            self.put(place, self.at(child), records);
            place = child;
        }
        self.put(place, slot, records);
    }

    fn put(&mut self, place: usize, slot: u32, records: &mut impl Heaped) {
        if let Some(at) = self.slots.get_mut(place) {
            *at = slot;
        }
        records.placed(slot, place as u32);
    }
}
