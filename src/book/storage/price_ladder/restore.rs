//! Rebuild of a price ladder: the place of its window, and filling it again.

use super::{PriceLadder, Window};

/// The place of a ladder's window.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::book) struct Place {
    /// Its best rank.
    pub(in crate::book) top: i64,
    /// Ranks that it covers from there down, `top` included.
    pub(in crate::book) len: u64,
    /// Whether it has full width, and follows only when the best level has moved far enough.
    pub(in crate::book) settled: bool,
}

impl Place {
    /// Returns whether a rank lies in the window.
    pub(in crate::book) const fn reaches(self, rank: i64) -> bool {
        (self.top.wrapping_sub(rank) as u64) < self.len
    }
}

impl<const BLOCKS: usize, const FAR: usize> PriceLadder<BLOCKS, FAR> {
    /// Returns the place of the window, or `None` while there is no level.
    pub(in crate::book) const fn place(&self) -> Option<Place> {
        if self.levels == 0 {
            return None;
        }
        Some(Place { top: self.top, len: self.len, settled: self.slack != 0 })
    }

    /// Returns the place of a window for the best rank `best`.
    pub(in crate::book) const fn place_for(best: i64) -> Place {
        Place { top: Self::target(best), len: Self::WIDTH, settled: true }
    }

    /// Returns whether a window can have this place.
    pub(in crate::book) const fn may_stand_at(place: Place) -> bool {
        let whole = place.len == Self::WIDTH;
        place.top >= Self::LOWEST_TOP && place.len > 0 && place.len <= Self::WIDTH && (whole || !place.settled)
    }

    /// Places the window of an empty ladder.
    pub(in crate::book) fn begin(&mut self, place: Place) {
        self.top = place.top;
        self.len = place.len;
        if place.settled {
            self.settle();
        }
    }

    /// Adds a level that is worse than all others.
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

    /// Removes all levels.
    pub(in crate::book) fn clear(&mut self) {
        while let Some(place) = self.window.at_or_above(0) {
            self.window.clear(place);
        }
        self.far.clear();
        (self.best, self.levels, self.adrift, self.best_biased) = (0, 0, false, 0);
        (self.top, self.len, self.margin, self.slack) = (0, 0, 0, 0);
    }
}
