//! Pool statistics.

use crate::pool::free_list::Counts;

/// What a [`Pool`](super::Pool) has done so far.
///
/// Kept for next to nothing: takings and returns are the positions of the free list, the high water is the count of
/// slots ever used, and magazines count for themselves and report when they go to the pool. Counts start at zero with
/// the pool's memory and wrap with `usize`. Read while the pool is in use, each number is one that was true during the
/// call, but not all at the same moment; a magazine that has not been to the pool since may have handed out or taken
/// back up to as many slots as it holds without `in_use` showing it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
#[non_exhaustive]
pub struct PoolStats {
    /// Slots there are.
    pub capacity: usize,
    /// Slots in somebody's hands: in boxes, under handles, forgotten.
    pub in_use: usize,
    /// Slots in magazines, for their owners only.
    pub in_magazines: usize,
    /// The most slots that were out of the free list at one time, those in magazines included.
    pub high_water: usize,
    /// Slots handed out, by magazines as well.
    pub acquired: usize,
    /// Slots given back, to magazines as well.
    pub released: usize,
    /// Calls that found no free slot.
    pub exhausted: usize,
    /// Slots that magazines handed out from their own stock. A part of `acquired`.
    pub magazine_hits: usize,
}

impl PoolStats {
    pub(super) fn new(capacity: usize, counts: &Counts) -> Self {
        let reported = counts.reported;
        let acquired = counts.taken.wrapping_sub(reported.moved_in);
        let released = counts.put.wrapping_sub(reported.moved_out);
        // Counts of different moments may differ by what happened in between.
        let between = |more: usize, less: usize| match more.wrapping_sub(less) {
            n if n <= capacity => n,
            n if n > usize::MAX / 2 => 0,
            _ => capacity,
        };
        Self {
            capacity,
            in_use: between(acquired, released),
            in_magazines: between(reported.moved_in, reported.moved_out),
            high_water: counts.fresh,
            acquired,
            released,
            exhausted: counts.exhausted,
            magazine_hits: reported.hits,
        }
    }

    /// Of a thousand attempts to get a slot, how many got one, rounded down; 1000 if there were none.
    #[must_use]
    pub const fn hit_rate_per_mille(&self) -> u32 {
        per_mille(self.acquired, self.acquired.saturating_add(self.exhausted))
    }

    /// Of a thousand slots handed out, how many came from a magazine's own stock, rounded down; 1000 if there were none.
    #[must_use]
    pub const fn magazine_hits_per_mille(&self) -> u32 {
        per_mille(self.magazine_hits, self.acquired)
    }
}

const fn per_mille(part: usize, whole: usize) -> u32 {
    let n = if whole == 0 { 1000 } else { part as u128 * 1000 / whole as u128 };
    if n > 1000 { 1000 } else { n as u32 }
}
