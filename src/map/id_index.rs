//! Direct-mapped index from `u64` ids to slots, with a hash table for ids that collide.

use super::IdTable;
use crate::capacity::{Checked, CheckedCapacity, checked};
use zerocopy::FromZeros;

/// Finds the slot of an id in a slab that has the ids: a direct-mapped array first, an [`IdTable`]
/// for collisions.
///
/// The low bits of an id are its place in the array. An id whose place is taken by another live id
/// goes to the table; the place counts how many did, so a lookup reads the table only if that can
/// help. Sequential ids rarely collide: they cost one load, sixteen of them share a cache line, and
/// no hash is computed. Ids chosen to collide all end in the table, whose hash is keyed, so that
/// they cannot make a lookup linear.
///
/// Slots are from 1 to 2^29 − 1; 0 is "none". The owner keeps at most `IDS` × 7/8 ids.
#[derive(Debug, FromZeros)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
#[repr(C)]
pub struct IdIndex<const IDS: usize> {
    places: [u32; IDS],
    table: IdTable<IDS>,
    checked: Checked<Self>,
}

/// Position of the count, within a place, of the ids that went to the table.
const COUNT_SHIFT: u32 = 29;
const SLOT: u32 = (1 << COUNT_SHIFT) - 1;
/// A place whose count reaches this keeps it: from then on a lookup there always reads the table.
const COUNT_MAX: u32 = 7;

impl<const IDS: usize> CheckedCapacity for IdIndex<IDS> {
    const CHECK: () = assert!(
        IDS.is_power_of_two() && IDS >= 8 && IDS <= 1 << 31,
        "IdIndex: IDS must be a power of two from 8 to 2^31"
    );
}

impl<const IDS: usize> IdIndex<IDS> {
    /// The highest possible slot.
    pub const MAX_SLOT: u32 = SLOT;

    /// Creates an empty index. All-zero bytes are the same.
    #[must_use]
    pub const fn new() -> Self {
        checked!(Self);
        Self { places: [0; IDS], table: IdTable::new(), checked: Checked::new() }
    }

    #[inline(always)]
    const fn place(id: u64) -> usize {
        checked!(Self);
        id as usize & (IDS - 1)
    }

    /// Returns the slot of `id`, or 0. `holds(slot)` returns whether that slot's id is `id`.
    #[inline(always)]
    pub fn get(&self, id: u64, holds: impl Fn(u32) -> bool) -> u32 {
        let (slot, more) = self.near(id);
        if slot != 0 && holds(slot) {
            slot
        } else if more {
            self.far(id, holds)
        } else {
            0
        }
    }

    /// First half of [`IdIndex::get`]: returns the slot at the place of `id`, which may be that of
    /// another id (0: none), and whether [`IdIndex::far`] may find the id.
    #[inline(always)]
    pub const fn near(&self, id: u64) -> (u32, bool) {
        let word = self.places[Self::place(id)];
        (word & SLOT, word >> COUNT_SHIFT != 0)
    }

    /// Returns the slot at the place of `id`, which may be that of another id; 0 if it is free.
    #[inline(always)]
    pub const fn at_place(&self, id: u64) -> u32 {
        self.places[Self::place(id)] & SLOT
    }

    /// Returns the address of the place of `id`, for a prefetch.
    #[inline(always)]
    pub const fn place_address(&self, id: u64) -> *const u32 {
        &raw const self.places[Self::place(id)]
    }

    /// Returns whether the place of `id` is free and no id of that place is in the table: then `id`
    /// is absent.
    #[inline(always)]
    pub const fn is_free(&self, id: u64) -> bool {
        self.places[Self::place(id)] == 0
    }

    /// Inserts an id whose place [`IdIndex::is_free`], as [`IdIndex::insert`].
    #[inline(always)]
    pub const fn set_place(&mut self, id: u64, slot: u32) {
        self.places[Self::place(id)] = slot;
    }

    /// Removes an id that has its own place, as [`IdIndex::remove`].
    #[inline(always)]
    pub const fn clear_place(&mut self, id: u64) {
        self.places[Self::place(id)] &= !SLOT;
    }

    /// Second half of [`IdIndex::get`], for ids that found their place taken.
    #[cold]
    #[inline(never)]
    pub fn far(&self, id: u64, holds: impl Fn(u32) -> bool) -> u32 {
        checked!(Self);
        self.table.get(id, holds)
    }

    /// Inserts an absent id. The owner ensures that there is room.
    #[inline(always)]
    pub fn insert(&mut self, id: u64, slot: u32) {
        debug_assert!(slot != 0 && slot <= SLOT, "a slot");
        let word = &mut self.places[Self::place(id)];
        if *word & SLOT == 0 {
            *word |= slot;
        } else {
            self.insert_far(id, slot);
        }
    }

    #[inline(never)]
    fn insert_far(&mut self, id: u64, slot: u32) {
        self.table.insert(id, slot);
        let word = &mut self.places[Self::place(id)];
        if *word >> COUNT_SHIFT < COUNT_MAX {
            *word += 1 << COUNT_SHIFT;
        }
    }

    /// Removes the entry from `id` to `slot`, which must be present.
    #[inline(always)]
    pub fn remove(&mut self, id: u64, slot: u32) {
        let word = &mut self.places[Self::place(id)];
        if *word & SLOT == slot {
            *word &= !SLOT;
        } else {
            self.remove_far(id, slot);
        }
    }

    #[inline(never)]
    fn remove_far(&mut self, id: u64, slot: u32) {
        self.table.remove(id, slot);
        let word = &mut self.places[Self::place(id)];
        if *word >> COUNT_SHIFT < COUNT_MAX {
            *word -= 1 << COUNT_SHIFT;
        }
    }

    /// Sets the seed of an empty index.
    pub fn reseed(&mut self, seed: u64) {
        checked!(Self);
        self.table.reseed(seed);
    }

    /// Returns the number of ids. Visits the whole index.
    #[must_use]
    pub fn len(&self) -> usize {
        checked!(Self);
        self.places.iter().filter(|&&word| word & SLOT != 0).count() + self.table.len()
    }

    /// Returns whether there is no id. Visits the whole index.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
}

impl<const IDS: usize> Default for IdIndex<IDS> {
    fn default() -> Self {
        Self::new()
    }
}
