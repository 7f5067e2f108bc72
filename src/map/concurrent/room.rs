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
        self.take_within(home).or_else(|| self.rearrange(home))
    }

    /// Takes the nearest free place within reach of `home`.
    #[inline(always)]
    fn take_within(&self, home: usize) -> Option<usize> {
        (0..Self::SPAN).find(|&distance| self.take(home, distance))
    }

    /// Takes a place within reach of `home` when none of them is free.
    #[cold]
    #[inline(never)]
    fn rearrange(&self, home: usize) -> Option<usize> {
        for before in 1..Self::SEARCH {
            let free = home.wrapping_sub(before);
            if self.take(free, 0)
                && let Some(distance) = self.bring_forward(free, before)
            {
                return Some(distance);
            }
        }
        let mut farther = Self::SPAN..Self::SEARCH;
        while let Some(distance) = farther.find(|&distance| self.take(home, distance)) {
            if let Some(distance) = self.bring_nearer(home, distance) {
                return Some(distance);
            }
        }
        None
    }

    /// Exchanges the free place `free`, which is the caller's and lies `before` places before a home, for one within reach
    /// of that home: keys from behind it move back into it, each nearer to its own home. This is what keeps keys from
    /// drifting away from their homes for ever.
    fn bring_forward(&self, mut free: usize, mut before: usize) -> Option<usize> {
        loop {
            match self.bring_one_forward(free) {
                Ok(0) => {
                    self.give_back(free, 0);
                    return None;
                }
                Ok(gain) if gain >= before => return Some(gain - before),
                Ok(gain) => {
                    free = free.wrapping_add(gain);
                    before -= gain;
                }
                Err(Contended) => spin_loop(), // another writer got something done
            }
        }
    }

    /// Moves a key from behind the free place into it, from as far behind as can be, and says how far that was; 0: none
    /// of the keys behind may lie so near to its home.
    fn bring_one_forward(&self, free: usize) -> Result<usize, Contended> {
        let (mut best, mut gain) = (None, 0);
        for back in 0..Self::SPAN {
            let other = free.wrapping_sub(back);
            // Acquire: pairs with `commit`, as in `look`.
            let word = self.cell(other, 0).home.load(Ordering::Acquire);
            let behind = (word & PLACES) >> back >> 1;
            let this = (usize::BITS - behind.leading_zeros()) as usize;
            if this > gain {
                (best, gain) = (Some((other, word, back)), this);
            }
        }
        let Some((other, word, back)) = best else { return Ok(0) };
        if self.move_key(other, word, back + gain, back) { Ok(gain) } else { Err(Contended) }
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
