//! Open-addressing hash table from `u64` ids to slots, with backward-shift deletion.
//!
//! Source: linear probing and its deletion (D. Knuth, "The Art of Computer Programming" 3, 6.4,
//! algorithms L and R). Ours keeps no ids, hashes under a secret key, and leaves eight consecutive
//! ids on one cache line.

use crate::capacity::{Checked, CheckedCapacity, checked};
use zerocopy::FromZeros;

/// Finds the slot of an id in a slab that holds the ids: open addressing over `IDS` entries of 8
/// bytes, backward-shift deletion, no tombstones.
///
/// The slab holds the ids themselves, so an entry is only a 32-bit hash and a slot; a lookup asks
/// the slab (`holds`) whether a slot with a matching hash really has the id. Eight consecutive ids
/// share a cache line, so ids that a session assigns in sequence cost one line per eight; a keyed
/// hash chooses the line, so that a peer that chooses ids without knowing the seed cannot force
/// collisions.
///
/// The owner keeps the table at most 7/8 full; slot 0 means none.
///
/// | operation | cost |
/// |---|---|
/// | `get` of an id that is there | one line of entries, one of the slab |
/// | `insert`, `remove` | one line of entries, the next when a run of entries crosses into it |
#[derive(Debug, FromZeros)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
#[repr(C)]
pub struct IdTable<const IDS: usize> {
    seed: u64,
    entries: [Entry; IDS],
    checked: Checked<Self>,
}

#[derive(Clone, Copy, Debug, FromZeros)]
#[repr(C)]
struct Entry {
    hash: u32,
    slot: u32,
}

const EMPTY: Entry = Entry { hash: 0, slot: 0 };

impl<const IDS: usize> CheckedCapacity for IdTable<IDS> {
    const CHECK: () = assert!(
        IDS.is_power_of_two() && IDS >= 8 && IDS <= 1 << 31,
        "IdTable: IDS must be a power of two from 8 to 2^31"
    );
}

impl<const IDS: usize> IdTable<IDS> {
    const MASK: usize = {
        checked!(Self);
        IDS - 1
    };

    /// Creates an empty table. All-zero bytes are the same.
    #[must_use]
    pub const fn new() -> Self {
        Self::with_seed(0)
    }

    /// Creates an empty table whose entries lie in an order that is unpredictable without `seed`.
    /// The order affects nothing but timing.
    #[must_use]
    pub const fn with_seed(seed: u64) -> Self {
        Self { seed, entries: [EMPTY; IDS], checked: Checked::new() }
    }

    /// Sets the seed of an empty table.
    pub fn reseed(&mut self, seed: u64) {
        checked!(Self);
        debug_assert!(self.entries.iter().all(|e| e.slot == 0), "the table is empty");
        self.seed = seed;
    }

    /// Hashes all but the low three bits of the id; those choose the place in the line.
    #[inline(always)]
    fn hash(&self, id: u64) -> u32 {
        const K0: u64 = 0x9e37_79b9_7f4a_7c15; // 2^64 / golden ratio
        const K1: u64 = 0xd1b5_4a32_d192_ed03; // odd; any odd number with well-mixed bits will do
        let group = (id >> 3) ^ self.seed ^ K0;
        let wide = u128::from(group).wrapping_mul(u128::from(K1 ^ (self.seed << 1)));
        let mixed = (wide as u64) ^ ((wide >> 64) as u64);
        ((mixed >> 32) as u32 ^ mixed as u32) << 3 | (id & 7) as u32
    }

    /// Returns the slot of `id`, or 0. `holds(slot)` returns whether that slot's id is `id`.
    #[inline(always)]
    pub fn get(&self, id: u64, holds: impl Fn(u32) -> bool) -> u32 {
        let hash = self.hash(id);
        let mut i = hash as usize & Self::MASK;
        loop {
            let e = self.entries[i];
            if e.slot == 0 || (e.hash == hash && holds(e.slot)) {
                return e.slot;
            }
            i = (i + 1) & Self::MASK;
        }
    }

    /// Inserts an absent id. The owner ensures that there is room.
    #[inline(always)]
    pub fn insert(&mut self, id: u64, slot: u32) {
        debug_assert!(slot != 0, "slot 0 is none");
        let hash = self.hash(id);
        let mut i = hash as usize & Self::MASK;
        while self.entries[i].slot != 0 {
            i = (i + 1) & Self::MASK;
        }
        self.entries[i] = Entry { hash, slot };
    }

    /// Removes the entry from `id` to `slot`, which must be present.
    #[inline(always)]
    pub fn remove(&mut self, id: u64, slot: u32) {
        let mut hole = self.hash(id) as usize & Self::MASK;
        while self.entries[hole].slot != slot {
            if self.entries[hole].slot == 0 {
                debug_assert!(false, "the entry is there");
                return;
            }
            hole = (hole + 1) & Self::MASK;
        }
        let mut next = hole;
        loop {
            next = (next + 1) & Self::MASK;
            let e = self.entries[next];
            if e.slot == 0 {
                break;
            }
            // An entry may move back as far as its own home, no further.
            let from_home = next.wrapping_sub(e.hash as usize) & Self::MASK;
            let from_hole = next.wrapping_sub(hole) & Self::MASK;
            if from_home >= from_hole {
                self.entries[hole] = e;
                hole = next;
            }
        }
        self.entries[hole] = EMPTY;
    }

    /// Returns the number of entries in use. Visits the whole table.
    #[must_use]
    pub fn len(&self) -> usize {
        checked!(Self);
        self.entries.iter().filter(|e| e.slot != 0).count()
    }

    /// Returns whether no entry is in use. Visits the whole table.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
}

impl<const IDS: usize> Default for IdTable<IDS> {
    fn default() -> Self {
        Self::new()
    }
}
