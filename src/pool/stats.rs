//! Pool statistics.

use crate::pool::free_list::Counts;

/// Statistics of a [`Pool`](super::Pool).
///
/// They cost next to nothing: acquires and releases are the positions of the free list, the
/// high-water mark is the number of slots ever used, and magazines count locally and report when
/// they access the pool. Counts start at zero with the pool's memory and wrap with `usize`. While
/// the pool is in use, each number was true at some moment during the call, but not all at the same
/// moment; a magazine may have acquired or released up to as many slots as it holds since its last
/// report, which `in_use` does not show yet.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
#[non_exhaustive]
pub struct PoolStats {
    /// Number of slots.
    pub capacity: usize,
    /// Slots in use: in boxes, with handles, leaked.
    pub in_use: usize,
    /// Free slots in magazines, available to their owners only.
    pub in_magazines: usize,
    /// The most slots that were not in the free list at one time, those in magazines included.
    pub high_water: usize,
    /// Number of acquires, from magazines included.
    pub acquired: usize,
    /// Number of releases, to magazines included.
    pub released: usize,
    /// Number of acquires that found no free slot.
    pub exhausted: usize,
    /// Acquires from a magazine's own stock; a part of `acquired`.
    pub magazine_hits: usize,
}

impl PoolStats {
    pub(super) fn new(capacity: usize, counts: &Counts) -> Self {
        let reported = counts.reported;
        let acquired = counts.taken.wrapping_sub(reported.moved_in);
        let released = counts.put.wrapping_sub(reported.moved_out);
        // Counts read at different moments may differ by what happened in between.
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

    /// Returns the successful acquires per thousand attempts, rounded down; 1000 if there were
    /// none.
    #[must_use]
    pub const fn hit_rate_per_mille(&self) -> u32 {
        per_mille(self.acquired, self.acquired.saturating_add(self.exhausted))
    }

    /// Returns the magazine hits per thousand acquires, rounded down; 1000 if there were none.
    #[must_use]
    pub const fn magazine_hits_per_mille(&self) -> u32 {
        per_mille(self.magazine_hits, self.acquired)
    }
}

const fn per_mille(part: usize, whole: usize) -> u32 {
    let n = if whole == 0 { 1000 } else { part as u128 * 1000 / whole as u128 };
    if n > 1000 { 1000 } else { n as u32 }
}
