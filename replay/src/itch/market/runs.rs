//! The sorted prices of every side of every book: runs of words in one arena.
//!
//! A run starts with room for 8 levels; a full run moves to one of twice the size, and its old
//! place is reused by the next run of that size. The best price is the last word, so most changes
//! move few words.

use vvp_core::sync::prefetch;
use zerocopy::FromZeros;

/// Words of the smallest run.
const SMALLEST: u32 = 8;
/// Number of sizes: 8 words up to 8 × 2^19.
const SIZES: usize = 20;

/// The place of a side's run. All zero: none yet.
#[derive(Clone, Copy, Debug, Default, FromZeros)]
#[repr(C)]
pub(super) struct Run {
    start: u32,
    len: u32,
    /// 1 + log2 of the run's capacity / `SMALLEST`; 0: no capacity yet.
    size: u32,
}

impl Run {
    /// Returns the number of words.
    #[inline(always)]
    pub(super) const fn len(self) -> usize {
        self.len as usize
    }

    #[inline(always)]
    const fn room(self) -> u32 {
        if self.size == 0 { 0 } else { SMALLEST << (self.size - 1) }
    }
}

/// The arena of all runs: `N` words.
#[derive(Debug, FromZeros)]
#[repr(C)]
pub(super) struct Runs<const N: usize> {
    /// Returns the number of words of all runs, in use or free.
    used: u32,
    /// First free run of each size, as 1 + its start; its first word links to the next.
    free: [u32; SIZES],
    words: [u64; N],
}

impl<const N: usize> Runs<N> {
    /// Returns the words of a run, the best last.
    #[inline(always)]
    pub(super) fn words(&self, run: Run) -> &[u64] {
        &self.words[run.start as usize..][..run.len as usize]
    }

    /// Inserts a new word in order; false, without a change, if the arena is full.
    #[inline(always)]
    pub(super) fn insert(&mut self, run: &mut Run, word: u64) -> bool {
        if run.len == run.room() && !self.grow(run) {
            return false;
        }
        let at = place(self.words(*run), word);
        let start = run.start as usize;
        run.len += 1;
        let words = &mut self.words[start..][..run.len as usize];
        let last = words.len() - 1;
        words.copy_within(at..last, at + 1);
        words[at] = word;
        true
    }

    /// Removes the word with the upper half of `word`.
    #[inline(always)]
    pub(super) fn remove(&mut self, run: &mut Run, word: u64) {
        let at = place(self.words(*run), word & !0xffff_ffff);
        let words = &mut self.words[run.start as usize..][..run.len as usize];
        debug_assert!(words.get(at).is_some_and(|w| w >> 32 == word >> 32), "the word is there");
        if at < words.len() {
            words.copy_within(at + 1.., at);
            run.len -= 1;
        }
    }

    /// Finds the lower half of the word whose upper half is `key`.
    #[inline(always)]
    pub(super) fn find(&self, run: Run, key: u32) -> Option<u32> {
        let words = self.words(run);
        let word = *words.get(place(words, u64::from(key) << 32))?;
        (word >> 32 == u64::from(key)).then_some(word as u32)
    }

    #[cold]
    #[inline(never)]
    fn grow(&mut self, run: &mut Run) -> bool {
        let Some(free) = self.free.get_mut(run.size as usize) else { return false };
        let room = SMALLEST << run.size;
        let start = if *free != 0 {
            let start = *free - 1;
            *free = self.words[start as usize] as u32;
            start
        } else {
            let start = self.used;
            match start.checked_add(room) {
                Some(end) if end as usize <= N => self.used = end,
                _ => return false,
            }
            start
        };
        let old = *run;
        self.words.copy_within(old.start as usize..(old.start + old.len) as usize, start as usize);
        if old.size != 0 {
            let free = &mut self.free[old.size as usize - 1];
            self.words[old.start as usize] = u64::from(*free);
            *free = old.start + 1;
        }
        *run = Run { start, len: old.len, size: old.size + 1 };
        true
    }

    /// Returns the number of words of all runs, in use or free.
    pub(super) const fn used(&self) -> u32 {
        self.used
    }

    /// Prefetches the best word of a run.
    #[inline(always)]
    pub(super) fn prefetch(&self, run: Run) {
        prefetch(&raw const self.words[(run.start as usize + run.len()) % N]);
    }
}

/// Returns the number of smaller words: searches from the best, where most changes are, then by
/// bisection.
#[inline(always)]
fn place(words: &[u64], word: u64) -> usize {
    const NEAR: usize = 8;
    let near = words.len().saturating_sub(NEAR);
    let mut at = words.len();
    while at > near {
        if words[at - 1] < word {
            return at;
        }
        at -= 1;
    }
    words[..near].partition_point(|&w| w < word)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::collections::BTreeMap;

    type Small = Runs<4096>;

    proptest! {
        #[test]
        fn are_sorted_maps(steps in prop::collection::vec((0usize..3, 0u32..200, any::<bool>()), 0..600)) {
            let mut runs = Small::new_box_zeroed().unwrap();
            let mut ours = [Run::default(); 3];
            let mut model = vec![BTreeMap::new(); 3];
            for (n, (which, key, add)) in (0u32..).zip(steps) {
                let (run, model) = (&mut ours[which], &mut model[which]);
                prop_assert_eq!(runs.find(*run, key), model.get(&key).copied());
                let word = u64::from(key) << 32 | u64::from(n);
                if add && !model.contains_key(&key) {
                    prop_assert!(runs.insert(run, word));
                    model.insert(key, n);
                } else if !add && model.remove(&key).is_some() {
                    runs.remove(run, word);
                }
                let expect: Vec<u64> = model.iter().map(|(&k, &v)| u64::from(k) << 32 | u64::from(v)).collect();
                prop_assert_eq!(runs.words(*run), &expect[..]);
            }
        }
    }

    #[test]
    fn a_full_arena_refuses_and_stays_as_it_was() {
        let mut runs = Runs::<16>::new_zeroed();
        let (mut a, mut b) = (Run::default(), Run::default());
        for key in 0..8u64 {
            assert!(runs.insert(&mut a, key << 32));
            assert!(runs.insert(&mut b, key << 32));
        }
        assert!(!runs.insert(&mut a, 9 << 32));
        assert_eq!(runs.words(a).len(), 8);
        assert!(!runs.insert(&mut Run::default(), 1 << 32));
        runs.remove(&mut a, 3 << 32);
        assert!(runs.insert(&mut a, 9 << 32));
    }
}
