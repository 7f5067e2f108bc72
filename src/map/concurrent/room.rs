//! Places to write to: taking them, giving them back, and moving keys to where there is room.

use super::{ConcurrentMap, FREE, PLACES, Plain, TAKEN};
use crate::sync::{Ordering, spin_loop};

impl<K: Plain, V: Plain, const N: usize> ConcurrentMap<K, V, N> {
    /// Takes a free place for the caller alone.
    #[inline(always)]
    fn take(&self, home: usize, nth: usize) -> bool {
        let state = &self.cell(home, nth).state;
        // Relaxed: a look before the swap, which would write to the line even where it fails.
        // Acquire: pairs with the Release in `give_back`, so that the home word from which this place was taken out has
        // changed before we write here. Relaxed where it fails: nothing is done then.
        state.load(Ordering::Relaxed) == FREE
            && state.compare_exchange(FREE, TAKEN, Ordering::Acquire, Ordering::Relaxed).is_ok()
    }

    /// Frees a place that is the caller's alone.
    #[inline(always)]
    pub(super) fn give_back(&self, home: usize, nth: usize) {
        // Release: pairs with the Acquire in `take`.
        self.cell(home, nth).state.store(FREE, Ordering::Release);
    }

    /// Takes a place within reach of `home`, and says which: a free one, or one whose key can lie elsewhere.
    #[inline(always)]
    pub(super) fn make_room(&self, home: usize) -> Option<usize> {
        self.take_within(home).or_else(|| self.rearrange(home))
    }

    /// Takes the first free place within reach of `home`: the nearest, or else one of those far away.
    #[inline(always)]
    fn take_within(&self, home: usize) -> Option<usize> {
        (0..Self::SPAN).find(|&nth| self.take(home, nth))
    }

    /// Takes a place within reach of `home` when none of them is free.
    #[cold]
    #[inline(never)]
    fn rearrange(&self, home: usize) -> Option<usize> {
        // First a single move, then two in a row. More was never needed, see `docs/maps.md`.
        self.push_out(home, 1).or_else(|| self.push_out(home, 2))
    }

    /// Takes a place within reach of `home` by moving its key to another place within that key's own reach; when `depth`
    /// is 2, also to one whose key must move first. A round looks at `SPAN`^`depth` keys at most, and is repeated only
    /// because another writer got something done.
    fn push_out(&self, home: usize, depth: u32) -> Option<usize> {
        loop {
            let mut contended = false;
            for nth in 0..Self::SPAN {
                let Some((owner, from)) = self.owner(self.index(home, nth)) else {
                    // Given back since, or a writer's for the moment.
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
                    return Some(nth); // its key has gone meanwhile, and the place is ours
                }
                // Acquire: pairs with `commit`, as in `look`.
                let word = self.cell(owner, 0).home.load(Ordering::Acquire);
                if word >> from & 1 == 1 && self.move_key(owner, word, from, to) {
                    return Some(nth);
                }
                self.give_back(owner, to);
                contended = true; // another writer got something done
            }
            if !contended {
                return None;
            }
            spin_loop();
        }
    }

    /// The home whose key lies in this place, and which of its places that is; `None` if it was no home's when we looked.
    fn owner(&self, place: usize) -> Option<(usize, usize)> {
        (0..Self::SPAN).find_map(|nth| {
            let home = place.wrapping_sub(Self::offset(nth)) & Self::MASK;
            // Relaxed: a hint. Who acts on it loads the word again.
            let word = self.cell(home, 0).home.load(Ordering::Relaxed);
            (word >> nth & 1 == 1).then_some((home, nth))
        })
    }

    /// Moves a key of `home` to a place that is the caller's, unless the home's word is no longer `word`. Then the place
    /// is the key's, and the one it had is the caller's.
    fn move_key(&self, home: usize, word: usize, from: usize, to: usize) -> bool {
        let (source, target) = (self.cell(home, from), self.cell(home, to));
        target.key.store(source.key.load());
        target.value.store(source.value.load());
        // What was copied is whole if the word is still the same, as in `look`; the swap finds out.
        let moved = self.commit(home, word, word & PLACES & !(1 << from) | 1 << to);
        if moved {
            // Relaxed: a number to look at.
            self.counts.moved.fetch_add(1, Ordering::Relaxed);
        }
        moved
    }
}
