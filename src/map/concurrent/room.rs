//! Free places: acquiring and releasing them, and moving entries to make one free.

use super::{ConcurrentMap, FREE, PLACES, Plain, TAKEN};
use crate::sync::{Ordering, spin_loop};

impl<K: Plain, V: Plain, const N: usize> ConcurrentMap<K, V, N> {
    /// Takes a place for the caller if it is free; returns whether it was.
    #[inline(always)]
    fn take(&self, home: usize, nth: usize) -> bool {
        let state = &self.cell(home, nth).state;
        // Relaxed: a check before the compare-and-swap, which would write to the line even if it
        // fails. Acquire: pairs with the Release in `give_back`, so that the home word from which
        // this place was removed has changed before we write here. Relaxed on failure: nothing is
        // done then.
        state.load(Ordering::Relaxed) == FREE
            && state.compare_exchange(FREE, TAKEN, Ordering::Acquire, Ordering::Relaxed).is_ok()
    }

    /// Frees a place that the caller owns.
    #[inline(always)]
    pub(super) fn give_back(&self, home: usize, nth: usize) {
        // Release: pairs with the Acquire in `take`.
        self.cell(home, nth).state.store(FREE, Ordering::Release);
    }

    /// Takes a place within reach of `home` and returns its index there: a free place, or one whose
    /// entry can move elsewhere.
    #[inline(always)]
    pub(super) fn make_room(&self, home: usize) -> Option<usize> {
        self.take_within(home).or_else(|| self.rearrange(home))
    }

    /// Takes the first free place within reach of `home`: near places before far ones.
    #[inline(always)]
    fn take_within(&self, home: usize) -> Option<usize> {
        (0..Self::SPAN).find(|&nth| self.take(home, nth))
    }

    /// Takes a place within reach of `home` after none of them was free.
    #[cold]
    #[inline(never)]
    fn rearrange(&self, home: usize) -> Option<usize> {
        // First a single displacement, then two in a row. More was never needed, see
        // `docs/maps.md`.
        self.push_out(home, 1).or_else(|| self.push_out(home, 2))
    }

    /// Takes a place within reach of `home` by displacing its entry to another place of that
    /// entry's own home; if `depth` is 2, also to one whose entry must be displaced first. A round
    /// visits `SPAN`^`depth` entries at most, and is repeated only because another writer made
    /// progress.
    fn push_out(&self, home: usize, depth: u32) -> Option<usize> {
        loop {
            let mut contended = false;
            for nth in 0..Self::SPAN {
                let Some((owner, from)) = self.owner(self.index(home, nth)) else {
                    // Released since, or owned by a writer for the moment.
                    if self.take(home, nth) {
                        return Some(nth);
                    }
                    continue;
                };
                let room = match depth {
                    0 | 1 => self.take_within(owner),
                    _ => self.take_within(owner).or_else(|| self.push_out(owner, depth - 1)),
                };
                let Some(to) = room else { continue };
                if to == from {
                    return Some(nth); // its entry was removed meanwhile, and the place is ours
                }
                // Acquire: pairs with `commit`, as in `try_lookup`.
                let word = self.cell(owner, 0).home.load(Ordering::Acquire);
                if word >> from & 1 == 1 && self.move_key(owner, word, from, to) {
                    return Some(nth);
                }
                self.give_back(owner, to);
                contended = true; // another writer made progress
            }
            if !contended {
                return None;
            }
            spin_loop();
        }
    }

    /// Returns the home whose entry lies in this place, and the index of the place there; `None` if
    /// it belonged to no home when its word was loaded.
    fn owner(&self, place: usize) -> Option<(usize, usize)> {
        (0..Self::SPAN).find_map(|nth| {
            let home = place.wrapping_sub(Self::offset(nth)) & Self::MASK;
            // Relaxed: a hint. The caller loads the word again before it acts.
            let word = self.cell(home, 0).home.load(Ordering::Relaxed);
            (word >> nth & 1 == 1).then_some((home, nth))
        })
    }

    /// Moves an entry of `home` to a place that the caller owns, unless the home word is no longer
    /// `word`. On success the entry owns that place, and the caller owns the entry's old one.
    fn move_key(&self, home: usize, word: usize, from: usize, to: usize) -> bool {
        let (source, target) = (self.cell(home, from), self.cell(home, to));
        target.key.store(source.key.load());
        target.value.store(source.value.load());
        // The copy is whole if the word is still the same, as in `try_lookup`; the compare-and-swap
        // checks it.
        let moved = self.commit(home, word, word & PLACES & !(1 << from) | 1 << to);
        if moved {
            // Relaxed: for display.
            self.counts.moved.fetch_add(1, Ordering::Relaxed);
        }
        moved
    }
}
