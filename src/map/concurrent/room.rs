//! Places to write to: taking them, giving them back, and moving keys to where there is room.

use super::{ConcurrentMap, Contended, FREE, PLACES, Plain, TAKEN};
use crate::sync::{Ordering, spin_loop};

impl<K: Plain, V: Plain, const N: usize> ConcurrentMap<K, V, N> {
    /// Takes a free place for the caller alone.
    #[inline(always)]
    fn take(&self, home: usize, distance: usize) -> bool {
        let state = &self.cell(home, distance).state;
        // Relaxed: a look before the swap, which would write to the line even where it fails.
        // Acquire: pairs with the Release in `give_back`, so that the home word from which this place was taken out has
        // changed before we write here. Relaxed where it fails: nothing is done then.
        state.load(Ordering::Relaxed) == FREE
            && state.compare_exchange(FREE, TAKEN, Ordering::Acquire, Ordering::Relaxed).is_ok()
    }

    /// Frees a place that is the caller's alone.
    #[inline(always)]
    pub(super) fn give_back(&self, home: usize, distance: usize) {
        // Release: pairs with the Acquire in `take`.
        self.cell(home, distance).state.store(FREE, Ordering::Release);
    }

    /// Takes a place within reach of `home`, and says how far it is: a free one, or one whose key can lie elsewhere.
    #[inline(always)]
    pub(super) fn make_room(&self, home: usize) -> Option<usize> {
        (0..Self::SPAN).find(|&distance| self.take(home, distance)).or_else(|| self.rearrange(home))
    }

    /// Takes a place within reach of `home` when none of them is free.
    #[cold]
    #[inline(never)]
    fn rearrange(&self, home: usize) -> Option<usize> {
        if let Some(distance) = self.send_back(home) {
            return Some(distance);
        }
        let mut farther = Self::SPAN..Self::SEARCH;
        while let Some(distance) = farther.find(|&distance| self.take(home, distance)) {
            if let Some(distance) = self.bring_nearer(home, distance) {
                return Some(distance);
            }
        }
        None
    }

    /// Moves a key of an earlier home from a place within reach of `home` to a free one before that, nearer to its own
    /// home, and takes the place it had. This is what keeps keys from drifting away from their homes for ever.
    fn send_back(&self, home: usize) -> Option<usize> {
        for back in 1..Self::SPAN {
            let other = home.wrapping_sub(back) & Self::MASK;
            // Acquire: pairs with `commit`, as in `look`.
            let word = self.cell(other, 0).home.load(Ordering::Acquire);
            let within = word & PLACES & !((1 << back) - 1);
            if within == 0 {
                continue;
            }
            let from = within.trailing_zeros() as usize;
            if let Some(to) = (0..back).find(|&to| self.take(other, to)) {
                if self.move_key(other, word, from, to) {
                    return Some(from - back);
                }
                self.give_back(other, to);
            }
        }
        None
    }

    /// Exchanges a free place out of reach, which is the caller's, for one within.
    fn bring_nearer(&self, home: usize, mut distance: usize) -> Option<usize> {
        while distance >= Self::SPAN {
            match self.bring_one_nearer(home, distance) {
                Ok(Some(nearer)) => distance = nearer,
                Ok(None) => {
                    self.give_back(home, distance);
                    return None;
                }
                Err(Contended) => spin_loop(), // another writer got something done
            }
        }
        Some(distance)
    }

    /// Moves a key from before the free place into it, from as far before as can be; the place it had is the free one
    /// then. `None`: none of the keys before may lie farther from its home.
    fn bring_one_nearer(&self, home: usize, distance: usize) -> Result<Option<usize>, Contended> {
        let mut contended = false;
        for back in (1..Self::SPAN).rev() {
            let other = home.wrapping_add(distance).wrapping_sub(back) & Self::MASK;
            // Acquire: pairs with `commit`, as in `look`.
            let word = self.cell(other, 0).home.load(Ordering::Acquire);
            let before = word & ((1 << back) - 1);
            if before == 0 {
                continue;
            }
            let from = before.trailing_zeros() as usize;
            if self.move_key(other, word, from, back) {
                return Ok(Some(distance - back + from));
            }
            contended = true;
        }
        if contended { Err(Contended) } else { Ok(None) }
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
