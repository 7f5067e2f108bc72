//! Concurrent hash map of fixed capacity: lock-free writers, readers that write nothing.
//!
//! Source: M. Herlihy, N. Shavit, M. Tzafrir, "Hopscotch hashing", 2008. Ours takes no locks: an
//! entry never changes where readers see it, every change is one compare-and-swap of the home
//! bucket's word, and a quarter of a bucket's places are spread over the whole map.
//!
//! ```
//! use vvp_core::map::{ConcurrentMap, UpdateError};
//!
//! static LAST: ConcurrentMap<u32, u64, 64> = ConcurrentMap::new();
//!
//! std::thread::scope(|s| {
//!     for instrument in 0..4 {
//!         s.spawn(move || LAST.insert(instrument, 15_000));
//!     }
//! });
//! assert_eq!(LAST.insert(3, 15_001).expect("room"), Some(15_000));
//! assert_eq!(LAST.compare_and_update(&3, 15_000, 15_002), Err(UpdateError::Changed(15_001)));
//! assert_eq!(LAST.update(&3, |price| price + 1).expect("room"), Some(15_001));
//! assert_eq!((LAST.get(&3), LAST.get(&9), LAST.len()), (Some(15_002), None, 4));
//! assert_eq!(LAST.remove(&3), Some(15_002));
//! ```
//!
//! # How it works
//! Every cell has two roles: it is the *home* bucket of the keys that hash to it, and a *place* for
//! the entries of [`REACH`] homes. A home is one word: a bitmap of its places that hold its keys,
//! and a version that every change to one of its keys increments. Three quarters of the places of a
//! home are the cells from itself on, and the nearest are used first; the rest are spread over the
//! whole map.
//!
//! ```text
//!   cell i      home                                  state   key          value
//!             +-----------------+-----------------+--------+------------+------------+
//!             | version         | bits: k-th place|  taken | words, 0-padded to     |
//!             | upper half      | holds a key of i|        | whole words            |
//!             +-----------------+-----------------+--------+------------+------------+
//!   k-th place  i + k, the first 24                  i + 24 + (k - 24) * (N - 24) / 8, the others (12 and 4 of 16)
//!
//!   homes       h: bits 0 and 2     h+1: bit 1
//!   places      [ a ] of h         [     ] free      [ b ] of h, [ c ] of h+1 ...
//! ```
//!
//! **Every change to a key takes effect in one compare-and-swap of its home word.** A writer takes
//! a free place (a compare-and-swap of `state`), writes key and value there, where no reader reads
//! yet, and then replaces the home word by one with the new place added, the old one removed, and
//! the version incremented. If that fails, another writer has changed a key of this home, and the
//! writer starts again from the lookup. Afterwards the old place is free. So a place that readers
//! can reach never changes, there are no tombstones, and the map does not degrade with use.
//!
//! - *Lookup*: load the home word, read the places in its bitmap, load the word again. If it is the
//!   same, what was read was true at the first load. If not, another writer has made progress: try
//!   again.
//! - *Move*: if no place of a home is free, the entry of another home in one of them is moved to a
//!   free place of its own home. A move is an update that changes only the place: one
//!   compare-and-swap of that entry's home word, so a reader finds the key before and after, never
//!   neither or both.
//! - *Full*: at most [`ConcurrentMap::CAPACITY`] keys are accepted, so that there are places for
//!   updates to write to. Below that, keys that hash at random are practically never refused: a
//!   crowded home has its far places, each in another neighbourhood, and the entries it would
//!   displace have theirs ([docs/maps.md](crate::guide::maps) has the bound and the measurements).
//!
//! # Progress
//! | operation | guarantee |
//! |---|---|
//! | `try_get` | wait-free: one attempt of bounded length; writes nothing |
//! | `get`, `contains` | lock-free; writes nothing. An attempt is repeated only if a writer has changed a key of the same home meanwhile. A stalled or dead writer blocks no reader |
//! | `insert`, `update`, `remove`, `get_or_insert`, `compare_and_update` | lock-free: a stalled writer blocks no other writer. It keeps one or two places; if stalled writers keep all free places, the result is `Full` |
//! | `for_each` | as `get`, home by home |
//! | `len`, `stats` | wait-free |
//!
//! # Limits
//! - The version has half a word: 32 bits, or 16 on 32-bit targets. A thread that stalls *inside* a
//!   call for exactly 2^32 (or 2^16, or a multiple) changes to keys of that one home, after which
//!   the same places are in use, does not notice them.
//! - Seed 0 is public: a peer that chooses keys can choose more than [`REACH`] for one home, and
//!   the next is refused as `Full`. No call gets slow: a lookup never reads more than [`REACH`]
//!   places. Set a secret seed against it.

mod report;
mod room;

pub use report::{Contended, MapStats, UpdateError};

use super::{Full, hashing};
use crate::capacity::{Checked, CheckedCapacity, checked};
use crate::layout::{Field, Layout, field};
#[doc(inline)]
pub use crate::sync::Plain;
use crate::sync::{
    AtomicBytes, AtomicUsize, CachePadded, Ordering, broken, const_unless_loom, spin_loop, unless_broken,
};
use core::fmt;

/// Number of places of a home: half the bits of a word, 32 or, on 32-bit targets, 16.
///
/// 2 under loom, so that a few keys are enough to force a move.
pub const REACH: usize = if cfg!(loom) { 2 } else { usize::BITS as usize / 2 };

/// Number of far places among them.
const FAR: usize = REACH / 4;

/// Mask of the bitmap in a home word.
const PLACES: usize = (1 << REACH) - 1;
/// Increment of the version in a home word.
const STEP: usize = 1 << REACH;

/// A map from plain keys to plain values in `N` places, of which 3/4 are used (5/8 on 32-bit
/// targets). `N` is a power of two from 2 to 2^30 (checked at compile time).
///
/// Keys are equal if their bytes are. All-zero bytes are the empty map with seed 0: put it in a
/// `static`, or make a big one in zeroed memory in place (`zerocopy::FromZeros`). Reading a value
/// makes visible all that its writer did before it was inserted. See the [module](self) for how it
/// works, progress and limits.
#[cfg_attr(all(not(loom), target_has_atomic = "ptr"), derive(zerocopy::FromZeros))]
#[repr(C)]
pub struct ConcurrentMap<K, V, const N: usize> {
    secret: CachePadded<u64>,
    counts: CachePadded<Counts>,
    cells: [Cell<K, V>; N],
    checked: Checked<Self>,
}

/// The counts, which only writers access.
#[cfg_attr(all(not(loom), target_has_atomic = "ptr"), derive(zerocopy::FromZeros))]
#[repr(C)]
struct Counts {
    /// Number of keys, those about to be inserted included. One number, so that it is true at every
    /// moment: the difference of two counts that are read one after the other is not.
    len: AtomicUsize,
    removed: AtomicUsize,
    moved: AtomicUsize,
    repeated: AtomicUsize,
    refused: AtomicUsize,
}

#[cfg_attr(all(not(loom), target_has_atomic = "ptr"), derive(zerocopy::FromZeros))]
#[repr(C)]
struct Cell<K, V> {
    home: AtomicUsize,
    /// Whether the place is taken, by an entry or by a writer.
    state: AtomicUsize,
    key: AtomicBytes<K>,
    value: AtomicBytes<V>,
}

const FREE: usize = 0;
const TAKEN: usize = 1;

#[cfg(not(loom))]
const _: () = {
    const WORD: usize = size_of::<usize>();
    type Small = Cell<u64, u64>;
    assert!(core::mem::offset_of!(Small, home) == 0 && core::mem::offset_of!(Small, state) == WORD);
    assert!(core::mem::offset_of!(Small, key) == 2 * WORD && core::mem::offset_of!(Small, value) == 2 * WORD + 8);
    assert!(size_of::<Small>() == 2 * WORD + 16, "two cells a line on 64-bit targets");
    assert!(core::mem::offset_of!(ConcurrentMap<u64, u64, 2>, cells) == 256);
};

impl<K, V, const N: usize> Layout for ConcurrentMap<K, V, N> {
    const FIELDS: &'static [Field] = &[
        field!("secret", Self, secret.0),
        field!("counts.len", Self, counts.0.len),
        field!("counts.removed", Self, counts.0.removed),
        field!("counts.moved", Self, counts.0.moved),
        field!("counts.repeated", Self, counts.0.repeated),
        field!("counts.refused", Self, counts.0.refused),
        field!("cells[i].home", Self, cells, Cell<K, V>, home),
        field!("cells[i].state", Self, cells, Cell<K, V>, state),
        field!("cells[i].key", Self, cells, Cell<K, V>, key),
        field!("cells[i].value", Self, cells, Cell<K, V>, value),
    ];
}

/// The change to make to a key, decided from its value.
enum Change<V> {
    Leave,
    Put(V),
    Remove,
}

/// Resources of a change in progress: a place to write to, and the count of one more key. Dropping
/// it releases what was not used, also if the caller's closure panics.
struct Held<'m, K: Plain, V: Plain, const N: usize> {
    map: &'m ConcurrentMap<K, V, N>,
    home: usize,
    /// The index of the place within the home.
    place: Option<usize>,
    counted: bool,
}

impl<K: Plain, V: Plain, const N: usize> Drop for Held<'_, K, V, N> {
    #[inline(always)]
    fn drop(&mut self) {
        if let Some(nth) = self.place {
            self.map.give_back(self.home, nth);
        }
        if self.counted {
            // Relaxed: only a count.
            self.map.counts.len.fetch_sub(1, Ordering::Relaxed);
        }
    }
}

/// The result of one lookup.
struct Lookup<V> {
    /// The home word for which it is true.
    word: usize,
    /// The index of the key's place within the home, and its value.
    found: Option<(usize, V)>,
}

impl<K, V, const N: usize> CheckedCapacity for ConcurrentMap<K, V, N> {
    const CHECK: () = {
        assert!(
            N.is_power_of_two() && N >= 2 && N <= 1 << 30,
            "ConcurrentMap: N must be a power of two from 2 to 2^30"
        );
        assert!(size_of::<K>() > 0, "ConcurrentMap: K must have at least one byte");
    };
}

impl<K: Plain, V: Plain, const N: usize> ConcurrentMap<K, V, N> {
    /// The most keys: 3/4 of the places, or 1 of 2. On 32-bit targets, where a home has [`REACH`] =
    /// 16 places instead of 32, it is 5/8 of the places from `N` = 32 on.
    pub const CAPACITY: usize = {
        checked!(Self);
        match N {
            2 | 3 => N - 1,
            32.. if usize::BITS < 64 => N / 8 * 5,
            _ => N / 4 * 3,
        }
    };
    const MASK: usize = {
        checked!(Self);
        N - 1
    };
    /// Number of places of a home. At most `N`, so that no cell is two places of one home.
    const SPAN: usize = if N < REACH { N } else { REACH };
    /// Number of near places: all of them if the whole map is within reach.
    const NEAR: usize = if N <= REACH { Self::SPAN } else { REACH - FAR };
    /// Distance between the far places.
    const STRIDE: usize = if FAR == 0 { 1 } else { (N - Self::NEAR).div_ceil(FAR) };

    const_unless_loom! {
        /// Creates an empty map with seed 0, which is public: for keys that you choose yourself.
        pub fn new() -> Self {
            Self::with_seed(0)
        }
    }

    const_unless_loom! {
        /// Creates an empty map with a secret seed, so that a peer that chooses keys cannot force
        /// collisions: draw it at random when the process starts.
        pub fn with_seed(seed: u64) -> Self {
            Self {
                secret: CachePadded::new(hashing::key(seed)),
                counts: CachePadded::new(Counts {
                    len: AtomicUsize::new(0),
                    removed: AtomicUsize::new(0),
                    moved: AtomicUsize::new(0),
                    repeated: AtomicUsize::new(0),
                    refused: AtomicUsize::new(0),
                }),
                #[cfg(not(loom))]
                cells: [const { Cell::new() }; N],
                #[cfg(loom)]
                cells: core::array::from_fn(|_| Cell::new()),
                checked: Checked::new(),
            }
        }
    }

    /// Empties the map and sets another seed, for maps that were made from zero bytes.
    pub fn reseed(&mut self, seed: u64) {
        self.clear();
        *self.secret = hashing::key(seed);
    }

    /// Removes all keys.
    pub fn clear(&mut self) {
        checked!(Self);
        for cell in &self.cells {
            // Relaxed, both: the caller has the map exclusively.
            cell.home.store(0, Ordering::Relaxed);
            cell.state.store(FREE, Ordering::Relaxed);
        }
        // Relaxed: as above.
        let len = self.counts.len.swap(0, Ordering::Relaxed);
        // Relaxed: as above.
        self.counts.removed.fetch_add(len, Ordering::Relaxed);
    }

    /// Returns the home of a key, from 0 to `N` - 1, which depends on the seed: for measurements
    /// and tests.
    #[must_use]
    pub fn home(&self, key: &K) -> usize {
        self.home_of(key)
    }

    #[inline(always)]
    fn home_of(&self, key: &K) -> usize {
        let (words, rest) = key.as_bytes().as_chunks::<8>();
        let mut hash = 0;
        for word in words {
            hash = hashing::keyed(hash ^ u64::from_le_bytes(*word), *self.secret);
        }
        if !rest.is_empty() {
            let last = rest.iter().fold(0, |last, byte| last << 8 | u64::from(*byte));
            hash = hashing::keyed(hash ^ last, *self.secret);
        }
        (hash >> 32) as usize & Self::MASK
    }

    /// Returns the distance of the `nth` place from its home. Most places are near: a branch, with
    /// the rest out of line, so that readers do not wait for the arithmetic.
    #[inline(always)]
    const fn offset(nth: usize) -> usize {
        if nth < Self::NEAR { nth } else { Self::far_offset(nth) }
    }

    #[cold]
    #[inline(never)]
    const fn far_offset(nth: usize) -> usize {
        nth.wrapping_add(nth.wrapping_sub(Self::NEAR).wrapping_mul(Self::STRIDE.wrapping_sub(1)))
    }

    /// Returns the index of the cell that is the `nth` place of a home.
    #[inline(always)]
    fn index(&self, home: usize, nth: usize) -> usize {
        home.wrapping_add(Self::offset(nth)) & Self::MASK
    }

    /// Returns the `nth` place of a home; the first is the home itself.
    #[inline(always)]
    fn cell(&self, home: usize, nth: usize) -> &Cell<K, V> {
        &self.cells[self.index(home, nth)]
    }

    /// Makes one attempt to find a key.
    #[inline(always)]
    fn try_lookup(&self, home: usize, key: &K) -> Result<Lookup<V>, Contended> {
        let at_home = &self.cell(home, 0).home;
        // Acquire: pairs with the Release in `commit`, so that we see what was written to the
        // places before they were added to the bitmap.
        let word = at_home.load(Ordering::Acquire);
        let mut found = None;
        let mut places = word & PLACES;
        if places == 0 {
            return Ok(Lookup { word, found }); // true when the word was loaded
        }
        while places != 0 {
            let nth = places.trailing_zeros() as usize;
            let cell = self.cell(home, nth);
            if cell.key.load().as_bytes() == key.as_bytes() {
                found = Some((nth, cell.value.load()));
                break;
            }
            places &= places - 1;
        }
        // Relaxed is enough: a place is written only after it was removed from its home word. Had
        // we read a word of such a write, which is stored with Release and loaded with Acquire, the
        // change of the home word would happen before this load, which must then return it (or a
        // later one).
        if at_home.load(Ordering::Relaxed) == word { Ok(Lookup { word, found }) } else { Err(Contended) }
    }

    /// Repeats the lookup until an attempt succeeds.
    #[inline(always)]
    fn lookup(&self, home: usize, key: &K) -> Lookup<V> {
        loop {
            if let Ok(lookup) = self.try_lookup(home, key) {
                return lookup;
            }
            spin_loop();
        }
    }

    /// Returns the value of a key.
    #[inline]
    #[must_use]
    pub fn get(&self, key: &K) -> Option<V> {
        self.lookup(self.home_of(key), key).found.map(|(_, value)| value)
    }

    /// Returns the value of a key in one attempt: for callers that must not loop, such as an
    /// interrupt handler.
    ///
    /// # Errors
    /// [`Contended`] if a writer changed a key of the same home during the attempt.
    #[inline]
    pub fn try_get(&self, key: &K) -> Result<Option<V>, Contended> {
        Ok(self.try_lookup(self.home_of(key), key)?.found.map(|(_, value)| value))
    }

    /// Returns whether there is such a key.
    #[inline]
    #[must_use]
    pub fn contains(&self, key: &K) -> bool {
        self.get(key).is_some()
    }

    /// Inserts a key or replaces its value, and returns the previous value.
    ///
    /// # Errors
    /// [`Full`] returns the value if the key is new and there are [`Self::CAPACITY`] keys (those
    /// about to be inserted included), or if no place within reach could be freed.
    #[inline]
    pub fn insert(&self, key: K, value: V) -> Result<Option<V>, Full<V>> {
        self.change(&key, |_| Change::Put(value))
    }

    /// Returns the value of a key, after inserting `value` if it had none.
    ///
    /// # Errors
    /// As [`Self::insert`].
    #[inline]
    pub fn get_or_insert(&self, key: K, value: V) -> Result<V, Full<V>> {
        let before = self.change(&key, |now| if now.is_some() { Change::Leave } else { Change::Put(value) })?;
        Ok(before.unwrap_or(value))
    }

    /// Replaces the value of an existing key by what `f` returns for it, atomically, and returns
    /// the previous one. `None` if there is no such key; nothing changes then. `f` is called once
    /// per attempt.
    ///
    /// # Errors
    /// [`Full`] returns the new value if stalled writers keep all free places.
    #[inline]
    pub fn update(&self, key: &K, mut f: impl FnMut(V) -> V) -> Result<Option<V>, Full<V>> {
        self.change(key, |now| now.map_or(Change::Leave, |now| Change::Put(f(now))))
    }

    /// Replaces the value of a key if it equals `expected`, byte for byte.
    ///
    /// # Errors
    /// See [`UpdateError`]. The map is unchanged.
    #[inline]
    pub fn compare_and_update(&self, key: &K, expected: V, new: V) -> Result<(), UpdateError<V>> {
        let is_expected = |now: &V| now.as_bytes() == expected.as_bytes();
        match self
            .change(key, |now| if now.as_ref().is_some_and(is_expected) { Change::Put(new) } else { Change::Leave })
        {
            Ok(Some(now)) if is_expected(&now) => Ok(()),
            Ok(Some(now)) => Err(UpdateError::Changed(now)),
            Ok(None) => Err(UpdateError::Missing),
            Err(Full(_)) => Err(UpdateError::Full),
        }
    }

    /// Removes a key and returns its value.
    #[inline]
    pub fn remove(&self, key: &K) -> Option<V> {
        self.remove_if(key, |_| true)
    }

    /// Removes a key if its value satisfies `condition`, atomically, and returns that value. `None`
    /// if there is no such key, or the condition does not hold. `condition` is called once per
    /// attempt.
    #[inline]
    pub fn remove_if(&self, key: &K, mut condition: impl FnMut(V) -> bool) -> Option<V> {
        let mut removed = false;
        let before = self.change(key, |now| {
            removed = now.is_some_and(&mut condition);
            if removed { Change::Remove } else { Change::Leave }
        });
        // Only an insertion can fail for lack of room.
        before.ok().flatten().filter(|_| removed)
    }

    /// Does what `decide` returns for the key's value, atomically, and returns the previous value.
    #[inline]
    fn change(&self, key: &K, mut decide: impl FnMut(Option<V>) -> Change<V>) -> Result<Option<V>, Full<V>> {
        let home = self.home_of(key);
        let mut held = Held { map: self, home, place: None, counted: false };
        let mut attempts = 0;
        let result = loop {
            let lookup = self.lookup(home, key);
            let before = lookup.found.map(|(_, value)| value);
            let old = lookup.found.map(|(nth, _)| nth);
            let gone = old.map_or(0, |nth| 1 << nth);
            let mut places = lookup.word & PLACES & !gone;
            match decide(before) {
                Change::Leave => break Ok(before),
                Change::Remove => {}
                Change::Put(value) => {
                    if before.is_none() && !held.counted && !self.count_one() {
                        break Err(Full(value));
                    }
                    held.counted |= before.is_none();
                    let Some(new) = held.place.or_else(|| self.make_room(home)) else { break Err(Full(value)) };
                    held.place = Some(new);
                    let cell = self.cell(home, new);
                    cell.key.store(*key);
                    cell.value.store(value);
                    places |= 1 << new;
                }
            }
            if self.commit(home, lookup.word, places) {
                if places & !(lookup.word & PLACES) != 0 {
                    held.place = None; // the entry owns it now
                    held.counted &= before.is_some();
                } else {
                    // Relaxed, both: only counts.
                    self.counts.len.fetch_sub(1, Ordering::Relaxed);
                    self.counts.removed.fetch_add(1, Ordering::Relaxed);
                }
                if let Some(nth) = old {
                    self.give_back(home, nth);
                }
                break Ok(before);
            }
            attempts += 1;
            spin_loop();
        };
        drop(held);
        if attempts > 0 {
            // Relaxed: for display.
            self.counts.repeated.fetch_add(attempts, Ordering::Relaxed);
        }
        if result.is_err() {
            // Relaxed: for display.
            self.counts.refused.fetch_add(1, Ordering::Relaxed);
        }
        result
    }

    /// Replaces the home word: the one step by which a change takes effect.
    #[inline(always)]
    fn commit(&self, home: usize, word: usize, places: usize) -> bool {
        let step = if broken("map_version") { 0 } else { STEP };
        let new = (word & !PLACES).wrapping_add(step) | places;
        // Release: pairs with the Acquire in `try_lookup` and `push_out`, so that seeing a place in
        // the bitmap implies seeing the key and value written there before. Relaxed on failure: the
        // returned word is not used; the next lookup loads it with Acquire.
        let committing = unless_broken("map_publish", Ordering::Release);
        self.cell(home, 0).home.compare_exchange(word, new, committing, Ordering::Relaxed).is_ok()
    }

    /// Counts a key that is about to be inserted, unless the map is full.
    fn count_one(&self) -> bool {
        // Relaxed, both: only a count. It limits how many keys there are; no access to a place
        // depends on it.
        if self.counts.len.fetch_add(1, Ordering::Relaxed) < Self::CAPACITY {
            return true;
        }
        self.counts.len.fetch_sub(1, Ordering::Relaxed);
        false
    }

    /// Calls `f` with every key and its value, in no particular order.
    ///
    /// A key that is present during the whole call is visited exactly once; one that is inserted or
    /// removed meanwhile may or may not be visited.
    pub fn for_each(&self, mut f: impl FnMut(K, V)) {
        for home in 0..N {
            let mut found = [None; REACH]; // a home is read completely before `f` is called
            loop {
                let at_home = &self.cell(home, 0).home;
                // Acquire: pairs with the Release in `commit`, as in `try_lookup`.
                let word = at_home.load(Ordering::Acquire);
                found.iter_mut().enumerate().for_each(|(nth, found)| {
                    let cell = self.cell(home, nth);
                    *found = (word >> nth & 1 == 1).then(|| (cell.key.load(), cell.value.load()));
                });
                // Relaxed: as in `try_lookup`.
                if word & PLACES == 0 || at_home.load(Ordering::Relaxed) == word {
                    break;
                }
                spin_loop();
            }
            found.into_iter().flatten().for_each(|(key, value)| f(key, value));
        }
    }

    /// Returns the number of keys at some moment during the call, those about to be inserted
    /// included.
    #[must_use]
    pub fn len(&self) -> usize {
        // Relaxed: for display. A refused key counts for a moment.
        self.counts.len.load(Ordering::Relaxed).min(Self::CAPACITY)
    }

    /// Returns whether the map is empty at some moment during the call.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Returns the statistics of the map.
    #[must_use]
    pub fn stats(&self) -> MapStats {
        // Relaxed, all: for display.
        let (len, removed) = (self.len(), self.counts.removed.load(Ordering::Relaxed));
        MapStats {
            capacity: Self::CAPACITY,
            len,
            inserted: removed.wrapping_add(len),
            removed,
            moved: self.counts.moved.load(Ordering::Relaxed),
            repeated: self.counts.repeated.load(Ordering::Relaxed),
            refused: self.counts.refused.load(Ordering::Relaxed),
        }
    }

    /// Checks that every place is free or holds one key of one home, that no key occurs twice, and
    /// that the counts are right. Visits every cell; for tests.
    ///
    /// # Panics
    /// If an invariant does not hold, which is a bug in this crate.
    pub fn check_invariants(&mut self) {
        let mut keys = 0;
        for home in 0..N {
            // Relaxed, here and below: the caller has the map exclusively.
            let places = self.cell(home, 0).home.load(Ordering::Relaxed) & PLACES;
            assert!(places >> (Self::SPAN - 1) <= 1, "a home has a place beyond its reach");
            for nth in (0..Self::SPAN).filter(|nth| places >> nth & 1 == 1) {
                keys += 1;
                let cell = self.cell(home, nth);
                let key = cell.key.load();
                assert!(cell.state.load(Ordering::Relaxed) == TAKEN, "a key lies in a place that is marked free");
                assert!(self.home_of(&key) == home, "a key lies in a place of another home");
                let lookup = self.lookup(home, &key);
                assert!(lookup.found.is_some_and(|found| found.0 == nth), "a key occurs twice");
            }
        }
        let taken = self.cells.iter().filter(|cell| cell.state.load(Ordering::Relaxed) != FREE).count();
        assert!((keys, keys) == (taken, self.len()), "{keys} keys, {taken} places taken, {} counted", self.len());
    }
}

impl<K: Plain, V: Plain> Cell<K, V> {
    const_unless_loom! {
        fn new() -> Self {
            Self {
                home: AtomicUsize::new(0),
                state: AtomicUsize::new(FREE),
                key: AtomicBytes::new(),
                value: AtomicBytes::new(),
            }
        }
    }
}

// Keys and values are plain bytes, and no change is visible before it is complete: a panic
// elsewhere breaks no invariant of the map.
impl<K, V, const N: usize> core::panic::RefUnwindSafe for ConcurrentMap<K, V, N> {}
impl<K, V, const N: usize> core::panic::UnwindSafe for ConcurrentMap<K, V, N> {}

impl<K: Plain, V: Plain, const N: usize> Default for ConcurrentMap<K, V, N> {
    fn default() -> Self {
        Self::new()
    }
}

impl<K: Plain, V: Plain, const N: usize> fmt::Debug for ConcurrentMap<K, V, N> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ConcurrentMap").field("stats", &self.stats()).finish_non_exhaustive()
    }
}
