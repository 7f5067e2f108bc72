//! Rebuilding of a price ladder: where its near levels stand, and filling it again.

use super::{PriceLadder, Window};

/// Where the window of a ladder stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::book) struct Place {
    /// Its best rank.
    pub(in crate::book) top: i64,
    /// Ranks that it reaches down from there, itself included.
    pub(in crate::book) len: u64,
    /// Whether it is whole, and follows only when the best level has moved far enough.
    pub(in crate::book) settled: bool,
}

impl Place {
    /// Whether a rank lies in the window.
    pub(in crate::book) const fn reaches(self, rank: i64) -> bool {
        (self.top.wrapping_sub(rank) as u64) < self.len
    }
}

impl<const BLOCKS: usize, const FAR: usize> PriceLadder<BLOCKS, FAR> {
    /// Where the window stands; nowhere while there is no level.
    pub(in crate::book) const fn place(&self) -> Option<Place> {
        if self.levels == 0 {
            return None;
        }
        Some(Place { top: self.top, len: self.len, settled: self.slack != 0 })
    }

    /// Where the window belongs when `best` is the best rank.
    pub(in crate::book) const fn place_for(best: i64) -> Place {
        Place { top: Self::target(best), len: Self::WIDTH, settled: true }
    }

    /// Whether a window can stand there.
    pub(in crate::book) const fn may_stand_at(place: Place) -> bool {
        let whole = place.len == Self::WIDTH;
        place.top >= Self::LOWEST_TOP && place.len > 0 && place.len <= Self::WIDTH && (whole || !place.settled)
    }

    /// Puts the window of an empty ladder somewhere.
    pub(in crate::book) fn begin(&mut self, place: Place) {
        self.top = place.top;
        self.len = place.len;
        if place.settled {
            self.settle();
        }
    }

    /// Adds a level worse than all before it.
    pub(in crate::book) fn put_next(&mut self, rank: i64, level: u32) {
        self.levels += 1;
        if self.in_window(rank) {
            self.window.set(Window::<BLOCKS>::place(rank), level);
        } else {
            self.far.insert(rank, level, rank > self.top);
        }
        if self.best == 0 {
            self.set_best(super::RankedLevel { rank, level });
        }
    }

    /// Takes all levels out.
    pub(in crate::book) fn clear(&mut self) {
        while let Some(place) = self.window.at_or_above(0) {
            self.window.clear(place);
        }
        self.far.clear();
        (self.best, self.levels, self.adrift, self.best_biased) = (0, 0, false, 0);
        (self.top, self.len, self.margin, self.slack) = (0, 0, 0, 0);
    }
}
