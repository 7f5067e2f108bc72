//! Near levels: a ring of consecutive ticks, and a bitmap of the occupied ones.

use zerocopy::FromZeros;

/// A ring of `BLOCKS` × 64 places with a three-level bitmap: a root word, 64 summary words,
/// `BLOCKS` words of occupied places. Any occupied place is found through three words.
#[derive(Debug, FromZeros)]
#[repr(C)]
pub(in crate::book) struct Window<const BLOCKS: usize> {
    root: u64,
    summary: [u64; 64],
    occupied: [u64; BLOCKS],
    levels: [[u32; 64]; BLOCKS],
}

/// Returns the mask of the bits below bit `i`.
#[inline(always)]
const fn below(i: usize) -> u64 {
    (1 << i) - 1
}

/// Returns the index of the highest bit set; `word` is not 0.
#[inline(always)]
const fn high(word: u64) -> usize {
    63 - word.leading_zeros() as usize
}

impl<const BLOCKS: usize> Window<BLOCKS> {
    /// Places in the ring.
    pub(in crate::book) const PLACES: usize = BLOCKS * 64;

    #[inline(always)]
    pub(in crate::book) const fn is_empty(&self) -> bool {
        self.root == 0
    }

    /// Returns the place of a rank.
    #[inline(always)]
    pub(in crate::book) const fn place(rank: i64) -> usize {
        rank as usize & (Self::PLACES - 1)
    }

    /// Returns the level at a place, or 0.
    #[inline(always)]
    pub(in crate::book) fn level(&self, place: usize) -> u32 {
        self.levels.as_flattened()[place & (Self::PLACES - 1)]
    }

    #[inline(always)]
    fn level_mut(&mut self, place: usize) -> &mut u32 {
        &mut self.levels.as_flattened_mut()[place & (Self::PLACES - 1)]
    }

    #[inline(always)]
    pub(in crate::book) fn set(&mut self, place: usize, level: u32) {
        let (b, i) = ((place / 64) & (BLOCKS - 1), place % 64);
        *self.level_mut(place) = level;
        let word = &mut self.occupied[b];
        let was = *word;
        *word |= 1 << i;
        if was == 0 {
            self.summary[(b / 64) % 64] |= 1 << (b % 64);
            self.root |= 1 << (b / 64);
        }
    }

    /// Empties a place. Summary and root are updated only if the word of the place becomes empty:
    /// in a dense book hardly ever, in a sparse one nearly always, so the branch is well predicted.
    #[inline(always)]
    pub(in crate::book) fn clear(&mut self, place: usize) {
        let (b, i) = ((place / 64) & (BLOCKS - 1), place % 64);
        *self.level_mut(place) = 0;
        let word = &mut self.occupied[b];
        *word &= !(1 << i);
        if *word == 0 {
            let word = &mut self.summary[(b / 64) % 64];
            *word &= !(1 << (b % 64));
            self.root = self.root & !(1 << (b / 64)) | u64::from(*word != 0) << (b / 64);
        }
    }

    /// Empties a place if there is an occupied one below it in the same word, and returns the
    /// distance; then neither summary nor root changes.
    #[inline(always)]
    pub(in crate::book) fn clear_above_neighbour(&mut self, place: usize) -> Option<usize> {
        let (b, i) = ((place / 64) & (BLOCKS - 1), place % 64);
        let rest = self.occupied[b] & below(i);
        if rest == 0 {
            return None;
        }
        *self.level_mut(place) = 0;
        self.occupied[b] &= !(1 << i);
        Some(i - high(rest))
    }

    /// Returns the first occupied place at `place` or below it, wrapping around; `None` if the ring
    /// is empty.
    #[inline(always)]
    pub(in crate::book) fn at_or_below(&self, place: usize) -> Option<usize> {
        let (mut b, i) = ((place / 64) & (BLOCKS - 1), place % 64);
        let mut bits = self.occupied[b] & (u64::MAX >> (63 - i));
        if bits == 0 {
            let mut group = b / 64;
            let mut word = self.summary[group % 64] & below(b % 64);
            if word == 0 {
                let mut root = self.root & below(group);
                if root == 0 {
                    root = self.root; // wrap around
                    if root == 0 {
                        return None;
                    }
                }
                group = high(root);
                word = self.summary[group];
                if word == 0 {
                    return None;
                }
            }
            b = (group * 64 + high(word)) & (BLOCKS - 1);
            bits = self.occupied[b];
            if bits == 0 {
                return None;
            }
        }
        Some(b * 64 + high(bits))
    }

    /// Returns the first occupied place at `place` or above it, wrapping around; `None` if the ring
    /// is empty.
    pub(in crate::book) fn at_or_above(&self, place: usize) -> Option<usize> {
        let (mut b, i) = ((place / 64) & (BLOCKS - 1), place % 64);
        let mut bits = self.occupied[b] & (u64::MAX << i);
        if bits == 0 {
            let above = |i: usize| !below(i) & !(1 << i);
            let mut group = b / 64;
            let mut word = self.summary[group % 64] & above(b % 64);
            if word == 0 {
                let mut root = self.root & above(group);
                if root == 0 {
                    root = self.root; // wrap around
                    if root == 0 {
                        return None;
                    }
                }
                group = root.trailing_zeros() as usize;
                word = self.summary[group];
            }
            b = (group * 64 + word.trailing_zeros() as usize) & (BLOCKS - 1);
            bits = self.occupied[b];
        }
        Some(b * 64 + bits.trailing_zeros() as usize)
    }

    /// Returns whether the three levels of the bitmap agree, and occupied places have levels.
    pub(in crate::book) fn is_consistent(&self) -> bool {
        self.occupied.iter().zip(&self.levels).enumerate().all(|(b, (&occupied, levels))| {
            let bit = self.summary[b / 64] >> (b % 64) & 1;
            (bit == 1) == (occupied != 0)
                && levels.iter().enumerate().all(|(i, &level)| (occupied >> i & 1 == 1) == (level != 0))
        }) && self.summary.iter().enumerate().all(|(g, &word)| (self.root >> g & 1 == 1) == (word != 0))
    }
}
