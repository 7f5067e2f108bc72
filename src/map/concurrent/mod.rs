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
//! Every cell is two things: the *home* of the keys that hash to it, and a *place* for keys of [`REACH`] homes. A home
//! is one word: a map of bits that says which of its places hold its keys, and a version that every change to one of its
//! keys moves on. Three quarters of the places of a home are the cells from itself on, the nearest are used first; the
//! rest are spread over the whole map.
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
//! **Whatever happens to a key happens in one compare-and-swap of its home word.** A writer takes a free place for its
//! own (a compare-and-swap of `state`), writes key and value there, where nobody looks yet, and then swaps the home word
//! for one in which the new place is in, the old one out, and the version one higher. If the swap fails, another writer
//! has changed a key of this home, and the whole is done again from the look on. The old place is then given back; it is
//! simply free. So a place that readers can reach never changes, there are no tombstones, and nothing gets worse with
//! use.
//!
//! - *Look up*: load the home word, read the places its bits name, load the word again. The same word: what was read
//!   was true at the first load. Another word: try again; some writer got something done.
//! - *Move*: when no place of a home is free, the key of another home in one of them is moved to a free place of its
//!   own home. A move is an update that changes nothing but the place: one swap of that key's home word, so a reader
//!   finds the key before and after, never neither or both.
//! - *Full*: at most [`ConcurrentMap::CAPACITY`] keys are let in, so that there are places to write
//!   updates to. Below that chance refuses no key: a crowd has the far places, each of which is in
//!   another neighbourhood, and those whom it would push out have theirs
//!   ([docs/maps.md](crate::guide::maps) has the bound and what was measured).
//!
//! # Progress
//! | operation | guarantee |
//! |---|---|
//! | `try_get` | wait-free: one attempt of bounded length; writes nothing |
//! | `get`, `contains` | lock-free, and writes nothing: an attempt is repeated only because a writer changed a key of the same home meanwhile. A writer that stalls, or dies, anywhere holds up no reader |
//! | `insert`, `update`, `remove`, `get_or_insert`, `compare_and_update` | lock-free likewise: a stalled writer holds up no other writer. It keeps one or two places to itself; where so many writers stall that no place can be had, the answer is `Full` |
//! | `for_each` | as `get`, home by home |
//! | `len`, `stats` | wait-free |
//!
//! # Limits
//! - The version has half a word: 32 bits, and 16 on 32-bit targets. A thread that is held up *inside* a call while
//!   exactly 2^32 (or 2^16, or a multiple) changes go to keys of that one home, and the same places are in use after
//!   them, takes the last for the first.
//! - With seed 0, which everybody knows, somebody who chooses keys can choose more than [`REACH`] for one home, and the
//!   next is refused as `Full`. Nothing gets slow: a look-up never reads more than [`REACH`] places. Give a seed that
//!   they do not know.

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

/// How many places can hold the keys of a home: half the bits of a word, 32 or, on 32-bit targets, 16.
///
/// Under loom 2, so that a few keys are enough to make one move.
pub const REACH: usize = if cfg!(loom) { 2 } else { usize::BITS as usize / 2 };

/// How many of them are far away.
const FAR: usize = REACH / 4;

/// The bits of a home word that name places.
const PLACES: usize = (1 << REACH) - 1;
/// What a change adds to a home word.
const STEP: usize = 1 << REACH;

/// A map from plain keys to plain values in `N` places, of which 3/4 are used (5/8 on 32-bit targets). `N` is a power of
/// two from 2 to 2^30 (checked at compile time).
///
/// Keys are equal when their bytes are. All-zero bytes are the empty map with seed 0: put it in a `static`, or make a
/// big one of zeroed memory in place (`zerocopy::FromZeros`). What a thread did before it put a key in is seen by who
/// then gets that value. See the [module](self) for how it works, progress and limits.
#[cfg_attr(all(not(loom), target_has_atomic = "ptr"), derive(zerocopy::FromZeros))]
#[repr(C)]
pub struct ConcurrentMap<K, V, const N: usize> {
    secret: CachePadded<u64>,
    counts: CachePadded<Counts>,
    cells: [Cell<K, V>; N],
    checked: Checked<Self>,
}

/// What writers count; readers never come here.
#[cfg_attr(all(not(loom), target_has_atomic = "ptr"), derive(zerocopy::FromZeros))]
#[repr(C)]
struct Counts {
    /// Keys that are there, and those about to be. One number, so that it is true at every moment: the difference of two
    /// that are read one after the other is not.
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
    /// Whether somebody has this place: a key, or a writer.
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

/// What to do with a key, once its value is known.
enum Change<V> {
    Leave,
    Put(V),
    Remove,
}

/// What a change holds while it is under way: a place to write to, and a key's worth of room. What it does not use goes
/// back when this is dropped, also where the caller's closure panics.
struct Held<'m, K: Plain, V: Plain, const N: usize> {
    map: &'m ConcurrentMap<K, V, N>,
    home: usize,
    /// Which place of the home it is.
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
            // Relaxed: a number to count with.
            self.map.counts.len.fetch_sub(1, Ordering::Relaxed);
        }
    }
}

/// What one look at a home has found.
struct Look<V> {
    /// The home word for which it holds.
    word: usize,
    /// In which place of the home the key lies, and its value.
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
    /// How many keys fit: 3/4 of the places, and 1 of 2. On 32-bit targets, where a home has [`REACH`] = 16 places instead
    /// of 32, it is 5/8 of them from `N` = 32 on.
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
    /// How many places a home has: no place has two names in a home.
    const SPAN: usize = if N < REACH { N } else { REACH };
    /// How many of them are the next ones: all, where they are all there are.
    const NEAR: usize = if N <= REACH { Self::SPAN } else { REACH - FAR };
    /// How far the others are from each other.
    const STRIDE: usize = if FAR == 0 { 1 } else { (N - Self::NEAR).div_ceil(FAR) };

    const_unless_loom! {
        /// An empty map with seed 0, which everybody knows: for keys that you choose yourself.
        pub fn new() -> Self {
            Self::with_seed(0)
        }
    }

    const_unless_loom! {
        /// An empty map whose seed nobody knows who chooses keys: draw it at random when the process starts.
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

    /// Empties the map and gives it another seed, for maps that were made of zero bytes.
    pub fn reseed(&mut self, seed: u64) {
        self.clear();
        *self.secret = hashing::key(seed);
    }

    /// Removes all keys.
    pub fn clear(&mut self) {
        checked!(Self);
        for cell in &self.cells {
            // Relaxed, both: nobody else has the map.
            cell.home.store(0, Ordering::Relaxed);
            cell.state.store(FREE, Ordering::Relaxed);
        }
        // Relaxed: as above.
        let len = self.counts.len.swap(0, Ordering::Relaxed);
        // Relaxed: as above.
        self.counts.removed.fetch_add(len, Ordering::Relaxed);
    }

    /// The home of a key, from 0 to `N` - 1, which depends on the seed: for measurements and tests.
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

    /// How far after its home the `nth` place of a home lies. Most are near, and readers need not wait for arithmetic that
    /// tells: a branch, with the rest out of the way.
    #[inline(always)]
    const fn offset(nth: usize) -> usize {
        if nth < Self::NEAR { nth } else { Self::far_offset(nth) }
    }

    #[cold]
    #[inline(never)]
    const fn far_offset(nth: usize) -> usize {
        nth.wrapping_add(nth.wrapping_sub(Self::NEAR).wrapping_mul(Self::STRIDE.wrapping_sub(1)))
    }

    /// The number of the cell that is the `nth` place of a home.
    #[inline(always)]
    fn index(&self, home: usize, nth: usize) -> usize {
        home.wrapping_add(Self::offset(nth)) & Self::MASK
    }

    /// The `nth` place of a home; the first is the home itself.
    #[inline(always)]
    fn cell(&self, home: usize, nth: usize) -> &Cell<K, V> {
        &self.cells[self.index(home, nth)]
    }

    /// One attempt to find a key.
    #[inline(always)]
    fn look(&self, home: usize, key: &K) -> Result<Look<V>, Contended> {
        let at_home = &self.cell(home, 0).home;
        // Acquire: pairs with `commit`, so that we see what was written to the places before they were in the bits.
        let word = at_home.load(Ordering::Acquire);
        let mut found = None;
        let mut places = word & PLACES;
        if places == 0 {
            return Ok(Look { word, found }); // true when the word was loaded
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
        // Relaxed is enough: a place is written to only after it was taken out of its home word. Had we read anything
        // of such a write, its words are stored with Release and ours loaded with Acquire, so the changed home word would
        // have happened before this load, which must then show it (or a later one).
        if at_home.load(Ordering::Relaxed) == word { Ok(Look { word, found }) } else { Err(Contended) }
    }

    /// Looks until an attempt succeeds.
    #[inline(always)]
    fn look_again(&self, home: usize, key: &K) -> Look<V> {
        loop {
            if let Ok(look) = self.look(home, key) {
                return look;
            }
            spin_loop();
        }
    }

    /// The value of a key.
    #[inline]
    #[must_use]
    pub fn get(&self, key: &K) -> Option<V> {
        self.look_again(self.home_of(key), key).found.map(|(_, value)| value)
    }

    /// The value of a key, in one attempt: for who may not repeat, such as an interrupt handler.
    ///
    /// # Errors
    /// [`Contended`] when a writer changed a key of the same home during the attempt.
    #[inline]
    pub fn try_get(&self, key: &K) -> Result<Option<V>, Contended> {
        Ok(self.look(self.home_of(key), key)?.found.map(|(_, value)| value))
    }

    /// Whether the key is there.
    #[inline]
    #[must_use]
    pub fn contains(&self, key: &K) -> bool {
        self.get(key).is_some()
    }

    /// Gives a key a value, and returns the one it had.
    ///
    /// # Errors
    /// [`Full`] gives the value back when the key is new and [`Self::CAPACITY`] keys are there (or about to be), or when
    /// no place within reach could be made free.
    #[inline]
    pub fn insert(&self, key: K, value: V) -> Result<Option<V>, Full<V>> {
        self.change(&key, |_| Change::Put(value))
    }

    /// The value of a key, which is `value` if it had none.
    ///
    /// # Errors
    /// As [`Self::insert`].
    #[inline]
    pub fn get_or_insert(&self, key: K, value: V) -> Result<V, Full<V>> {
        let before = self.change(&key, |now| if now.is_some() { Change::Leave } else { Change::Put(value) })?;
        Ok(before.unwrap_or(value))
    }

    /// Replaces the value of a key that is there by what `f` makes of it, in one step, and returns the one it had.
    /// `None`: the key was not there, and still is not. `f` is called once an attempt.
    ///
    /// # Errors
    /// [`Full`] gives the new value back when so many writers have stalled that no place can be had.
    #[inline]
    pub fn update(&self, key: &K, mut f: impl FnMut(V) -> V) -> Result<Option<V>, Full<V>> {
        self.change(key, |now| now.map_or(Change::Leave, |now| Change::Put(f(now))))
    }

    /// Replaces the value of a key if it is `expected`, byte for byte.
    ///
    /// # Errors
    /// See [`UpdateError`]: what stands in the way. The map is as it was.
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

    /// Removes a key, and returns its value.
    #[inline]
    pub fn remove(&self, key: &K) -> Option<V> {
        self.remove_if(key, |_| true)
    }

    /// Removes a key if `condition` holds of its value, in one step, and returns that value. `None`: it was not there, or
    /// the condition did not hold. `condition` is called once an attempt.
    #[inline]
    pub fn remove_if(&self, key: &K, mut condition: impl FnMut(V) -> bool) -> Option<V> {
        let mut removed = false;
        let before = self.change(key, |now| {
            removed = now.is_some_and(&mut condition);
            if removed { Change::Remove } else { Change::Leave }
        });
        // Only putting can find no room.
        before.ok().flatten().filter(|_| removed)
    }

    /// Does what `decide` says of the key's value, in one step, and returns the value before.
    #[inline]
    fn change(&self, key: &K, mut decide: impl FnMut(Option<V>) -> Change<V>) -> Result<Option<V>, Full<V>> {
        let home = self.home_of(key);
        let mut held = Held { map: self, home, place: None, counted: false };
        let mut attempts = 0;
        let result = loop {
            let look = self.look_again(home, key);
            let before = look.found.map(|(_, value)| value);
            let old = look.found.map(|(nth, _)| nth);
            let gone = old.map_or(0, |nth| 1 << nth);
            let mut places = look.word & PLACES & !gone;
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
            if self.commit(home, look.word, places) {
                if places & !(look.word & PLACES) != 0 {
                    held.place = None; // it is the key's now
                    held.counted &= before.is_some();
                } else {
                    // Relaxed, both: numbers to count with.
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
            // Relaxed: a number to look at.
            self.counts.repeated.fetch_add(attempts, Ordering::Relaxed);
        }
        if result.is_err() {
            // Relaxed: a number to look at.
            self.counts.refused.fetch_add(1, Ordering::Relaxed);
        }
        result
    }

    /// The one step in which a change takes effect.
    #[inline(always)]
    fn commit(&self, home: usize, word: usize, places: usize) -> bool {
        let step = if broken("map_version") { 0 } else { STEP };
        let new = (word & !PLACES).wrapping_add(step) | places;
        // Release: pairs with the Acquire in `look` and `make_room`, so that who sees a place in the bits sees the key and
        // the value that were written there before. Relaxed where it fails: nothing is done with what is there; the next
        // look loads it with Acquire.
        let committing = unless_broken("map_publish", Ordering::Release);
        self.cell(home, 0).home.compare_exchange(word, new, committing, Ordering::Relaxed).is_ok()
    }

    /// Counts a key that is about to be put in, if there is room for it.
    fn count_one(&self) -> bool {
        // Relaxed, both: a number to count with. It says how many may come in, not where; nobody touches a place because
        // of it.
        if self.counts.len.fetch_add(1, Ordering::Relaxed) < Self::CAPACITY {
            return true;
        }
        self.counts.len.fetch_sub(1, Ordering::Relaxed);
        false
    }

    /// Calls `f` with every key and its value, in no order that means anything.
    ///
    /// A key that is there all the while comes exactly once; one that comes or goes meanwhile may or may not.
    pub fn for_each(&self, mut f: impl FnMut(K, V)) {
        for home in 0..N {
            let mut found = [None; REACH]; // a home is read whole before any of it is given away
            loop {
                let at_home = &self.cell(home, 0).home;
                // Acquire: pairs with `commit`, as in `look`.
                let word = at_home.load(Ordering::Acquire);
                found.iter_mut().enumerate().for_each(|(nth, found)| {
                    let cell = self.cell(home, nth);
                    *found = (word >> nth & 1 == 1).then(|| (cell.key.load(), cell.value.load()));
                });
                // Relaxed: as in `look`.
                if word & PLACES == 0 || at_home.load(Ordering::Relaxed) == word {
                    break;
                }
                spin_loop();
            }
            found.into_iter().flatten().for_each(|(key, value)| f(key, value));
        }
    }

    /// How many keys are there: true at some moment during the call, counting those that are about to be.
    #[must_use]
    pub fn len(&self) -> usize {
        // Relaxed: a number to look at. A key that is refused counts for a moment.
        self.counts.len.load(Ordering::Relaxed).min(Self::CAPACITY)
    }

    /// Whether no key is there, at some moment during the call.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// What the map has done so far.
    #[must_use]
    pub fn stats(&self) -> MapStats {
        // Relaxed, all: numbers to look at.
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

    /// Checks that every place is free or holds one key of one home, that no key is there twice, and that the counts
    /// are right. Walks the map; for tests, when nobody else uses it.
    ///
    /// # Panics
    /// When something is wrong, which is a bug here.
    pub fn check_invariants(&mut self) {
        let mut keys = 0;
        for home in 0..N {
            // Relaxed, here and below: nobody else has the map.
            let places = self.cell(home, 0).home.load(Ordering::Relaxed) & PLACES;
            assert!(places >> (Self::SPAN - 1) <= 1, "a place out of reach");
            for nth in (0..Self::SPAN).filter(|nth| places >> nth & 1 == 1) {
                keys += 1;
                let cell = self.cell(home, nth);
                let key = cell.key.load();
                assert!(cell.state.load(Ordering::Relaxed) == TAKEN, "a key in a place that counts as free");
                assert!(self.home_of(&key) == home, "a key of another home");
                let look = self.look_again(home, &key);
                assert!(look.found.is_some_and(|found| found.0 == nth), "a key that is there twice");
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

// Keys and values are plain bytes, and no change shows before it is whole: a panic elsewhere breaks no rule of the map.
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
