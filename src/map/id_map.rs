//! Hash map from `u64` ids to small values, for one owner.
//!
//! Source: the groups of one-byte tags of SwissTable (Abseil, 2017; in Rust hashbrown). Ours has no
//! tombstones: a removal moves a displaced entry back to its home group; ids in sequence share a
//! group.
//!
//! ```
//! use vvp_core::map::{Full, IdMap};
//!
//! static EMPTY: IdMap<u32, 16> = IdMap::new(); // all zero: no room in the image
//! let mut limits = IdMap::<u32, 16>::with_seed(0x5eed); // of 16 slots 14 are used
//! limits.insert(7, 100)?;
//! *limits.get_or_insert(7, 0)? += 1;
//! assert_eq!((limits.get(7), limits.get(8), EMPTY.get(7)), (Some(101), None, None));
//! assert_eq!(limits.remove(7), Some(101));
//! # Ok::<(), Full<u32>>(())
//! ```
//!
//! # How it works
//! Open addressing over groups of 16 slots. Each slot has a one-byte tag; the tags of a group are
//! compared in one step, and only ids with a matching tag are read. An id lies in its home group,
//! or, if that is full, in the first group after it that is not.
//!
//! ```text
//!   tags     | group 0: 16 bytes | group 1 | - - - | group N/16 - 1 |      0: empty place
//!   entries  | id value | id value | - - -                          |      4 in a line of 64 bytes, values up to 8 bytes
//!   multiplier, len
//! ```
//!
//! - **No tombstones.** A removal from a full group moves a displaced id back into the hole, and so
//!   on until a group that was not full. The map is then as if the removed id had never been
//!   inserted.
//! - **Locality.** 16 consecutive ids map to 16 consecutive slots: four adjacent lines of entries,
//!   16 bytes of tags. Rows of sequential ids follow each other at golden-ratio steps, so they fill
//!   the map evenly, rarely collide, and nearly every id is in its own slot.
//! - **No forced collisions.** A row's slot is the upper part of its number times a secret odd
//!   multiplier made from the seed (multiply-shift; Dietzfelbinger, Hagerup, Katajainen, Penttonen
//!   1997). Any two rows chosen without knowing the seed collide with a probability of at most 2 ÷
//!   slots, so the harm to a lookup does not grow with the number of chosen ids.
//!   `tests/structures/map_attack.rs` shows the attack on a map whose seed is known, and the same
//!   ids against a secret seed.

use super::Full;
use crate::capacity::{Checked, CheckedCapacity, checked};
use crate::map::hashing::{self, GOLDEN};
use crate::map::tag_group::{self, DISPLACED, Group, Places, WIDTH};
use zerocopy::FromZeros;

/// A map from ids to values in `N` slots, of which 7/8 are used. `N` is a power of two from 16 to
/// 2^30 (checked at compile time).
///
/// All-zero bytes are the empty map with seed 0. The seed affects only timing and the order of
/// [`IdMap::iter`], so that order must never reach an event.
///
/// | operation | cost, progress |
/// |---|---|
/// | `get`, `get_mut` | one line of tags (which are N bytes in all) and one of entries; a second group for about 1 id in 50 at 75 % |
/// | `insert`, `get_or_insert` | the same |
/// | `remove` | the same; from a full group, also the tags of the next, and the ids of those there that went past a group |
/// | `iter`, `clear`, `check_invariants` | the whole map |
#[derive(Debug, FromZeros)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
#[repr(C, align(64))]
pub struct IdMap<V, const N: usize> {
    tags: [u8; N],
    entries: [Entry<V>; N],
    /// The secret multiplier, exclusive-ored with `GOLDEN`, so that zero bytes mean `GOLDEN`.
    multiplier: u64,
    len: usize,
    checked: Checked<Self>,
}

#[derive(Clone, Copy, Debug, FromZeros)]
#[repr(C)]
struct Entry<V> {
    id: u64,
    value: V,
}

/// Number of consecutive ids that map to consecutive slots, as a power of two.
const ROW: u32 = 4;

/// An id and its hash.
#[derive(Clone, Copy)]
struct Wanted {
    id: u64,
    hash: u64,
}

/// Where the search for an absent id ended.
#[derive(Clone, Copy)]
struct Vacancy {
    /// The first slot of the group: the nearest to the home group that is not full.
    first: usize,
    free: Places,
    /// The tag that the id would have there.
    tag: u32,
}

impl<V, const N: usize> CheckedCapacity for IdMap<V, N> {
    const CHECK: () =
        assert!(N.is_power_of_two() && N >= WIDTH && N <= 1 << 30, "IdMap: N must be a power of two from 16 to 2^30");
}

impl<V: Copy + FromZeros, const N: usize> IdMap<V, N> {
    /// The capacity in ids: 7/8 of the slots.
    pub const CAPACITY: usize = {
        checked!(Self);
        N / 8 * 7
    };
    /// Leaves the number of a place.
    const SHIFT: u32 = {
        checked!(Self);
        64 - N.ilog2()
    };

    /// Creates an empty map with seed 0, which is public: for ids that you assign yourself.
    #[must_use]
    pub const fn new() -> Self {
        Self::with_seed(0)
    }

    /// Creates an empty map with a secret random seed, so that a peer that chooses ids cannot force
    /// collisions. Draw the seed at random when the process starts.
    ///
    /// ```
    /// use vvp_core::map::IdMap;
    ///
    /// // A seed that peers cannot guess; here from the hasher of std.
    /// use std::hash::BuildHasher;
    /// let seed = std::hash::RandomState::new().hash_one(0);
    /// let mut map = IdMap::<u32, 64>::with_seed(seed);
    /// map.insert(7, 100).expect("not full");
    /// assert_eq!(map.get(7), Some(100));
    /// ```
    #[must_use]
    pub const fn with_seed(seed: u64) -> Self {
        Self {
            tags: [0; N],
            // SAFETY: V may be all zeros (`FromZeros`), and an entry is an integer and a V.
            entries: unsafe { core::mem::zeroed() },
            multiplier: hashing::multiplier(seed) ^ GOLDEN,
            len: 0,
            checked: Checked::new(),
        }
    }

    /// Clears the map and sets another seed, for maps in zeroed memory.
    ///
    /// ```
    /// use vvp_core::map::IdMap;
    ///
    /// let mut map = IdMap::<u32, 16>::new();
    /// map.insert(1, 10).expect("not full");
    /// map.reseed(0x5eed);
    /// assert!(map.is_empty());
    /// ```
    pub fn reseed(&mut self, seed: u64) {
        self.clear();
        self.multiplier = hashing::multiplier(seed) ^ GOLDEN;
    }

    #[inline(always)]
    fn wanted(&self, id: u64) -> Wanted {
        checked!(Self);
        Wanted { id, hash: (id >> ROW).wrapping_mul(self.multiplier ^ GOLDEN) }
    }

    /// Returns the slot that an id gets if it is free.
    #[inline(always)]
    fn place(w: Wanted) -> usize {
        ((w.hash >> Self::SHIFT) as usize).wrapping_add(w.id as usize & ((1 << ROW) - 1)) & (N - 1)
    }

    /// Returns the first slot of the home group.
    #[inline(always)]
    fn home(w: Wanted) -> usize {
        Self::first_of(Self::place(w))
    }

    /// Returns the first slot of the group of a slot.
    #[inline(always)]
    fn first_of(place: usize) -> usize {
        place & !(WIDTH - 1)
    }

    /// Returns hash bits that the slot does not depend on, mixed with those in which neighbours
    /// differ.
    #[inline(always)]
    fn mark(w: Wanted) -> u8 {
        (w.hash >> (Self::SHIFT - 8)) as u8 ^ w.id as u8
    }

    /// Returns the tag in the home group: from 1 to one below `DISPLACED`.
    #[inline(always)]
    fn tag(w: Wanted) -> u32 {
        ((u32::from(Self::mark(w)) * (DISPLACED - 1)) >> 8) + 1
    }

    /// Returns the tag in any other group.
    #[inline(always)]
    fn displaced_tag(w: Wanted) -> u32 {
        u32::from(Self::mark(w)) | DISPLACED
    }

    /// Returns the tags of the group that begins at this place.
    #[inline(always)]
    fn group(&self, first: usize) -> &Group {
        debug_assert!(first < N && first.is_multiple_of(WIDTH));
        // SAFETY: every caller masks `first` to a place below N at which a group begins, and groups
        // are whole.
        unsafe { &*self.tags.as_ptr().add(first).cast::<Group>() }
    }

    #[inline(always)]
    fn free(&self, first: usize) -> Places {
        tag_group::matching(self.group(first), 0)
    }

    /// Returns the group after the one that begins at this place.
    #[inline(always)]
    fn next(first: usize) -> usize {
        first.wrapping_add(WIDTH) & (N - 1)
    }

    /// Returns the distance from one place to another, around the end.
    #[inline(always)]
    fn distance(from: usize, to: usize) -> usize {
        to.wrapping_sub(from) & (N - 1)
    }

    #[inline(always)]
    fn entry(&self, place: usize) -> &Entry<V> {
        debug_assert!(place < N);
        // SAFETY: as for `group`; a place in a group is less than WIDTH from its first.
        unsafe { self.entries.get_unchecked(place) }
    }

    #[inline(always)]
    fn entry_mut(&mut self, place: usize) -> &mut Entry<V> {
        debug_assert!(place < N);
        // SAFETY: as for `entry`.
        unsafe { self.entries.get_unchecked_mut(place) }
    }

    #[inline(always)]
    fn set_tag(&mut self, place: usize, tag: u32) {
        debug_assert!(place < N && tag < 256);
        // SAFETY: as for `entry`.
        unsafe { *self.tags.get_unchecked_mut(place) = tag as u8 }
    }

    /// Returns the slot of an id, if it is in the map.
    #[inline(always)]
    fn find(&self, w: Wanted) -> Option<usize> {
        self.search(w).ok()
    }

    /// Returns the slot of an id, or the vacancy for it. Ends at a group that is not full, since at
    /// most 7/8 of the slots are used.
    #[inline(always)]
    fn search(&self, w: Wanted) -> Result<usize, Vacancy> {
        let mut tag = Self::tag(w);
        let mut first = Self::home(w);
        loop {
            for i in tag_group::matching(self.group(first), tag) {
                let place = first.wrapping_add(i);
                if self.entry(place).id == w.id {
                    return Ok(place);
                }
            }
            let free = self.free(first);
            if free.any() {
                return Err(Vacancy { first, free, tag });
            }
            first = Self::next(first);
            tag = Self::displaced_tag(w);
        }
    }

    /// Returns the value of an id.
    #[inline]
    #[must_use]
    pub fn get(&self, id: u64) -> Option<V> {
        Some(self.entry(self.find(self.wanted(id))?).value)
    }

    /// Returns the value of an id, to change it.
    ///
    /// ```
    /// use vvp_core::map::IdMap;
    ///
    /// let mut map = IdMap::<u32, 16>::new();
    /// map.insert(7, 100).expect("not full");
    /// if let Some(value) = map.get_mut(7) {
    ///     *value += 1;
    /// }
    /// assert_eq!(map.get(7), Some(101));
    /// ```
    #[inline]
    #[must_use]
    pub fn get_mut(&mut self, id: u64) -> Option<&mut V> {
        let place = self.find(self.wanted(id))?;
        Some(&mut self.entry_mut(place).value)
    }

    /// Returns whether the id is in the map.
    #[inline]
    #[must_use]
    pub fn contains(&self, id: u64) -> bool {
        self.find(self.wanted(id)).is_some()
    }

    /// Inserts a value, and returns the previous one of that id.
    ///
    /// ```
    /// use vvp_core::map::{Full, IdMap};
    ///
    /// let mut map = IdMap::<u32, 16>::new();
    /// assert_eq!(map.insert(7, 100), Ok(None));
    /// assert_eq!(map.insert(7, 200), Ok(Some(100)));
    /// for id in 100..113 {
    ///     map.insert(id, 0).expect("14 fit");
    /// }
    /// assert_eq!(map.insert(1, 5), Err(Full(5)));
    /// assert!(map.is_full() && map.len() == IdMap::<u32, 16>::CAPACITY);
    /// ```
    ///
    /// # Errors
    /// [`Full`] returns the value if the id is new and the map has [`IdMap::CAPACITY`] ids.
    #[inline]
    pub fn insert(&mut self, id: u64, value: V) -> Result<Option<V>, Full<V>> {
        let w = self.wanted(id);
        match self.search(w) {
            Ok(place) => Ok(Some(core::mem::replace(&mut self.entry_mut(place).value, value))),
            Err(vacancy) => {
                self.add(w, vacancy, value)?;
                Ok(None)
            }
        }
    }

    /// Returns the value of an id, after inserting `value` if it had none.
    ///
    /// ```
    /// use vvp_core::map::IdMap;
    ///
    /// let mut counts = IdMap::<u32, 16>::new();
    /// for id in [3, 4, 3] {
    ///     *counts.get_or_insert(id, 0).expect("not full") += 1;
    /// }
    /// assert_eq!((counts.get(3), counts.get(4)), (Some(2), Some(1)));
    /// ```
    ///
    /// # Errors
    /// [`Full`] returns the value if the id is new and the map has [`IdMap::CAPACITY`] ids.
    #[inline]
    pub fn get_or_insert(&mut self, id: u64, value: V) -> Result<&mut V, Full<V>> {
        let w = self.wanted(id);
        let place = match self.search(w) {
            Ok(place) => place,
            Err(vacancy) => self.add(w, vacancy, value)?,
        };
        Ok(&mut self.entry_mut(place).value)
    }

    /// Adds an absent id at its vacancy.
    #[inline(always)]
    fn add(&mut self, w: Wanted, vacancy: Vacancy, value: V) -> Result<usize, Full<V>> {
        if self.len == Self::CAPACITY {
            return Err(Full(value));
        }
        let place = vacancy.first.wrapping_add(vacancy.free.this_or_first(Self::place(w) % WIDTH));
        self.len = self.len.wrapping_add(1);
        self.set_tag(place, vacancy.tag);
        *self.entry_mut(place) = Entry { id: w.id, value };
        Ok(place)
    }

    /// Removes an id and returns its value.
    ///
    /// ```
    /// use vvp_core::map::IdMap;
    ///
    /// let mut map = IdMap::<u32, 16>::new();
    /// map.insert(7, 100).expect("not full");
    /// assert_eq!((map.remove(7), map.remove(7)), (Some(100), None));
    /// ```
    #[inline]
    pub fn remove(&mut self, id: u64) -> Option<V> {
        let place = self.find(self.wanted(id))?;
        let value = self.entry(place).value;
        self.len = self.len.wrapping_sub(1);
        if self.free(Self::first_of(place)).any() {
            self.set_tag(place, 0); // no id was displaced past this group
        } else {
            self.close(place);
        }
        Some(value)
    }

    /// Empties a slot of a full group: an id displaced past the group moves back into it.
    #[inline(never)]
    fn close(&mut self, mut hole: usize) {
        loop {
            let group = Self::first_of(hole);
            if self.free(group).any() {
                break;
            }
            let Some(place) = self.gone_past(group) else { break };
            let w = self.wanted(self.entry(place).id);
            self.set_tag(hole, if Self::home(w) == group { Self::tag(w) } else { Self::displaced_tag(w) });
            *self.entry_mut(hole) = *self.entry(place);
            hole = place;
        }
        self.set_tag(hole, 0);
    }

    /// Returns the first slot after a group whose id was displaced past that group.
    fn gone_past(&self, group: usize) -> Option<usize> {
        let mut first = Self::next(group);
        while first != group {
            let from_group = Self::distance(group, first);
            for i in tag_group::displaced(self.group(first)) {
                let place = first.wrapping_add(i);
                let home = Self::home(self.wanted(self.entry(place).id));
                if Self::distance(home, first) >= from_group {
                    return Some(place);
                }
            }
            if self.free(first).any() {
                return None; // no id was displaced past this one
            }
            first = Self::next(first);
        }
        None
    }

    /// Returns the number of ids.
    #[inline]
    #[must_use]
    pub const fn len(&self) -> usize {
        checked!(Self);
        self.len
    }

    /// Returns whether the map is empty.
    #[inline]
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        checked!(Self);
        self.len == 0
    }

    /// Returns whether there is no room for another id.
    #[inline]
    #[must_use]
    pub const fn is_full(&self) -> bool {
        self.len == Self::CAPACITY
    }

    /// Iterates over all ids and values. The order depends on the seed and on history: it must
    /// never reach an event.
    ///
    /// ```
    /// use vvp_core::map::IdMap;
    ///
    /// let mut map = IdMap::<u32, 16>::new();
    /// map.insert(7, 100).expect("not full");
    /// map.insert(8, 200).expect("not full");
    /// let mut all: Vec<_> = map.iter().collect();
    /// all.sort_unstable();
    /// assert_eq!(all, [(7, 100), (8, 200)]);
    /// ```
    pub fn iter(&self) -> impl Iterator<Item = (u64, V)> + '_ {
        checked!(Self);
        self.tags.iter().zip(&self.entries).filter(|(tag, _)| **tag != 0).map(|(_, e)| (e.id, e.value))
    }

    /// Removes all ids. The seed stays.
    pub fn clear(&mut self) {
        checked!(Self);
        self.tags.fill(0);
        self.len = 0;
    }

    /// Returns the home group of an id, which depends on the seed: for measurements and tests.
    #[must_use]
    pub fn home_group(&self, id: u64) -> usize {
        Self::home(self.wanted(id)) / WIDTH
    }

    /// Returns how many groups of 16 places a lookup of `id` reads, whether it is present or not;
    /// at least 1. For measurements and tests.
    #[must_use]
    pub fn groups_probed(&self, id: u64) -> usize {
        let w = self.wanted(id);
        let found = self.find(w).map(Self::first_of);
        let mut first = Self::home(w);
        let mut probed = 1;
        while found != Some(first) && !self.free(first).any() {
            first = Self::next(first);
            probed += 1;
        }
        probed
    }

    /// Checks that every id can be found and that the counts are right. Visits the whole map; for
    /// tests.
    ///
    /// # Panics
    /// If an invariant does not hold, which is a bug in this crate.
    pub fn check_invariants(&self) {
        let mut len = 0;
        for place in (0..N).filter(|&place| self.tags[place] != 0) {
            let w = self.wanted(self.entries[place].id);
            len += 1;
            let at_home = Self::home(w) == Self::first_of(place);
            assert!(u32::from(self.tags[place]) == if at_home { Self::tag(w) } else { Self::displaced_tag(w) }, "tag");
            let mut first = Self::home(w);
            while first != Self::first_of(place) {
                assert!(!self.free(first).any(), "an id lies past a group that has room");
                first = Self::next(first);
            }
            assert!(self.find(w) == Some(place), "an id lies in one place");
        }
        assert!(len == self.len, "count");
    }
}

impl<V: Copy + FromZeros, const N: usize> Default for IdMap<V, N> {
    fn default() -> Self {
        Self::new()
    }
}
