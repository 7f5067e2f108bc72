//! Price ladder: the levels of one side by price, with the best level cached (M1.1, M0.7).

mod far_levels;
mod near_levels;
mod restore;

pub(in crate::book) use restore::Place;

use crate::book::storage::price_ladder::far_levels::{Far, FarLevel};
use crate::book::storage::price_ladder::near_levels::Window;
use crate::book::{Price, Side};
use zerocopy::FromZeros;

/// Returns the rank of a price, where higher is better: the ticks of a bid, their bitwise
/// complement for an ask. One search direction serves both sides, and complementing twice restores
/// the price.
#[inline(always)]
pub(in crate::book) const fn rank(side: Side, price: Price) -> i64 {
    price.ticks() ^ -(side as i64)
}

/// Returns the price of a rank.
#[inline(always)]
pub(in crate::book) const fn price(side: Side, rank: i64) -> Price {
    Price::new(rank ^ -(side as i64))
}

/// The levels of one side: `BLOCKS` × 64 consecutive ranks in a ring (the window), and up to `FAR`
/// levels outside it.
///
/// The window covers the `len` ranks down from `top`. [`PriceLadder::follow`] moves it after the
/// best level once a command, by at most [`PriceLadder::STEP`] levels that enter or leave, so a
/// jump of the market never stalls a command. Until it has caught up, levels are found in the
/// search tree of far ones. Adding, removing or finding one level takes constant time in the
/// window, and time logarithmic in the number of far levels outside it, in whatever order prices
/// come.
#[derive(Debug, FromZeros)]
#[repr(C)]
pub(in crate::book) struct PriceLadder<const BLOCKS: usize, const FAR: usize> {
    best: u32,
    levels: u32,
    /// Whether the best level has moved so far that the window must follow.
    adrift: bool,
    reserved: [u8; 7],
    /// The best level's rank with its top bit flipped; 0 for no level, so that no price crosses it.
    best_biased: u64,
    top: i64,
    len: u64,
    /// The window is in place while `top - best_rank` is within `slack` of `margin`.
    margin: u64,
    slack: u64,
    window: Window<BLOCKS>,
    far: Far<FAR>,
}

/// A level and its rank.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::book) struct RankedLevel {
    pub(in crate::book) rank: i64,
    pub(in crate::book) level: u32,
}

impl From<FarLevel> for RankedLevel {
    fn from(far: FarLevel) -> Self {
        Self { rank: far.rank, level: far.level }
    }
}

impl<const BLOCKS: usize, const FAR: usize> PriceLadder<BLOCKS, FAR> {
    /// Levels that enter or leave the window in one command, at most.
    pub(in crate::book) const STEP: usize = 64;

    /// Ranks in a whole window.
    pub(in crate::book) const WIDTH: u64 = Window::<BLOCKS>::PLACES as u64;
    const LOWEST_TOP: i64 = i64::MIN + (Self::WIDTH as i64 - 1);

    /// Returns the best level, or 0.
    #[inline(always)]
    pub(in crate::book) const fn best(&self) -> u32 {
        self.best
    }

    /// Returns the rank of the best level, or the lowest possible rank if there is none.
    #[inline(always)]
    pub(in crate::book) const fn best_rank(&self) -> i64 {
        (self.best_biased ^ (1 << 63)) as i64
    }

    #[inline(always)]
    pub(in crate::book) const fn levels(&self) -> usize {
        self.levels as usize
    }

    /// Returns how far below the window's top a rank lies: at least `len` if it is not in the
    /// window.
    #[inline(always)]
    const fn down(&self, rank: i64) -> u64 {
        self.top.wrapping_sub(rank) as u64
    }

    #[inline(always)]
    const fn in_window(&self, rank: i64) -> bool {
        self.down(rank) < self.len
    }

    /// Returns whether a rank lies outside the window.
    pub(in crate::book) const fn is_far(&self, rank: i64) -> bool {
        !self.in_window(rank)
    }

    /// Returns the level with this rank, or 0.
    #[inline(always)]
    pub(in crate::book) fn find(&self, rank: i64) -> u32 {
        if self.in_window(rank) {
            self.window.level(Window::<BLOCKS>::place(rank))
        } else if self.far.is_empty() {
            0
        } else {
            self.far.find(rank)
        }
    }

    /// Returns the level with this rank, or 0; `None` if the rank lies outside the window.
    #[inline(always)]
    pub(in crate::book) fn find_near(&self, rank: i64) -> Option<u32> {
        if self.in_window(rank) { Some(self.window.level(Window::<BLOCKS>::place(rank))) } else { None }
    }

    /// Returns the level at this rank's position in the ring, which may be that of another rank; or
    /// 0.
    #[inline(always)]
    pub(in crate::book) fn guess(&self, rank: i64) -> u32 {
        self.window.level(Window::<BLOCKS>::place(rank))
    }

    /// Returns whether a level with this rank, which does not exist, can be added. Implements
    /// M17.12.
    #[inline(always)]
    pub(in crate::book) const fn has_room(&self, rank: i64) -> bool {
        self.in_window(rank) || !self.far.is_full() || self.levels == 0
    }

    /// Adds a level with a new rank; requires [`PriceLadder::has_room`].
    #[inline(always)]
    pub(in crate::book) fn insert(&mut self, rank: i64, level: u32) {
        if self.levels == 0 {
            self.top = Self::target(rank);
            self.len = Self::WIDTH;
            self.settle();
        }
        self.levels += 1;
        if self.in_window(rank) {
            self.window.set(Window::<BLOCKS>::place(rank), level);
        } else {
            self.far.insert(rank, level, rank > self.top);
        }
        if self.best == 0 || rank > self.best_rank() {
            self.set_best(RankedLevel { rank, level });
        }
    }

    #[inline(always)]
    fn set_best(&mut self, best: RankedLevel) {
        self.best = best.level;
        self.best_biased = best.rank as u64 ^ (1 << 63);
        self.adrift = self.down(best.rank).wrapping_sub(self.margin) >= self.slack;
    }

    /// Removes the level with this rank, which exists.
    #[inline(always)]
    pub(in crate::book) fn remove(&mut self, rank: i64) {
        self.levels -= 1;
        if self.in_window(rank) {
            self.window.clear(Window::<BLOCKS>::place(rank));
        } else {
            self.far.remove(rank);
        }
        if rank == self.best_rank() {
            match self.worse(rank) {
                Some(next) => self.set_best(next),
                None => {
                    self.best = 0;
                    self.best_biased = 0;
                    self.adrift = false;
                }
            }
        }
    }

    /// [`PriceLadder::remove`] of the best level, which exists.
    #[inline(always)]
    pub(in crate::book) fn remove_best(&mut self) {
        let rank = self.best_rank();
        if self.in_window(rank)
            && let Some(step) = self.window.clear_above_neighbour(Window::<BLOCKS>::place(rank))
        {
            // No rank above the best is occupied, so the neighbour in the ring is the next one
            // down, and in the window.
            self.levels -= 1;
            let rank = rank.wrapping_sub(step as i64);
            return self.set_best(RankedLevel { rank, level: self.window.level(Window::<BLOCKS>::place(rank)) });
        }
        self.remove_outlined(rank);
    }

    #[inline(never)]
    fn remove_outlined(&mut self, rank: i64) {
        self.remove(rank);
    }

    /// Returns the best level (M1.1).
    pub(in crate::book) fn first(&self) -> Option<RankedLevel> {
        if self.best == 0 { None } else { Some(RankedLevel { rank: self.best_rank(), level: self.best }) }
    }

    /// Returns the best level below `rank`.
    #[inline(always)]
    pub(in crate::book) fn worse(&self, rank: i64) -> Option<RankedLevel> {
        let mut rank = rank;
        if rank > self.top {
            if let Some(next) = self.far.high_below(rank) {
                return Some(next.into());
            }
            // The next one is in the window, perhaps at `top` itself.
            let level = if self.len > 0 { self.window.level(Window::<BLOCKS>::place(self.top)) } else { 0 };
            if level != 0 {
                return Some(RankedLevel { rank: self.top, level });
            }
            rank = self.top;
        }
        let place = Window::<BLOCKS>::place(rank);
        if let Some(found) = self.window.at_or_below(place.wrapping_sub(1)) {
            // Wrapping around leads to ranks above `rank`, which then seem to lie below the window.
            let down = (place.wrapping_sub(found) & (Window::<BLOCKS>::PLACES - 1)) as u64;
            if down != 0 && self.down(rank).saturating_add(down) < self.len {
                return Some(RankedLevel { rank: rank.wrapping_sub(down as i64), level: self.window.level(found) });
            }
        }
        self.far.low_below(rank).map(RankedLevel::from)
    }

    /// Returns the worst level above `rank`.
    pub(in crate::book) fn better(&self, rank: i64) -> Option<RankedLevel> {
        if let Some(next) = self.far.low_above(rank) {
            return Some(next.into());
        }
        let bottom = self.top.wrapping_sub(self.len as i64); // the rank just below the window
        let start = if self.in_window(rank) { rank } else { bottom };
        if rank < self.top && self.len > 0 {
            let place = Window::<BLOCKS>::place(start).wrapping_add(1) & (Window::<BLOCKS>::PLACES - 1);
            if let Some(found) = self.window.at_or_above(place) {
                let up = (found.wrapping_sub(place) & (Window::<BLOCKS>::PLACES - 1)) as i64;
                let rank = start.wrapping_add(1).wrapping_add(up);
                if self.in_window(rank) {
                    return Some(RankedLevel { rank, level: self.window.level(found) });
                }
            }
        }
        self.far.high_above(rank).map(RankedLevel::from)
    }

    // ---- moving the window ----------------------------------------------------------------------

    /// Returns the window's top for the best rank `best`: a quarter of the window above it, clamped
    /// to `i64`.
    const fn target(best: i64) -> i64 {
        let top = best.saturating_add((Self::WIDTH / 4) as i64);
        if top < Self::LOWEST_TOP { Self::LOWEST_TOP } else { top }
    }

    /// Marks the window as in place, and sets how far the best level may move before it follows.
    fn settle(&mut self) {
        self.margin = if self.top == i64::MAX { 0 } else { Self::WIDTH / 8 };
        let most = if self.top == Self::LOWEST_TOP { Self::WIDTH } else { Self::WIDTH / 8 * 5 };
        self.slack = most - self.margin;
    }

    /// Moves the window towards the best level if it has drifted too far. Called once a command;
    /// moves at most [`PriceLadder::STEP`] levels.
    #[cold]
    #[inline(never)]
    pub(in crate::book) fn follow(&mut self) {
        self.adrift = false;
        if self.best != 0 {
            self.step();
            self.adrift = self.slack == 0;
        }
    }

    /// Returns whether [`PriceLadder::follow`] must run.
    #[inline(always)]
    pub(in crate::book) const fn is_adrift(&self) -> bool {
        self.adrift
    }

    fn step(&mut self) {
        let target = Self::target(self.best_rank());
        let mut budget = Self::STEP;
        self.slack = 0; // not in place, until shown below

        // Levels that the window leaves behind become far levels.
        while target > self.top && !self.window.is_empty() {
            let bottom = self.top.wrapping_sub(self.len as i64).wrapping_add(1);
            let from = Window::<BLOCKS>::place(bottom);
            let Some(place) = self.window.at_or_above(from) else { break };
            let up = place.wrapping_sub(from) & (Window::<BLOCKS>::PLACES - 1);
            let rank = bottom.wrapping_add(up as i64);
            if (target.wrapping_sub(rank) as u64) < Self::WIDTH {
                break;
            }
            if budget == 0 || self.far.is_full() {
                self.len = self.down(rank) + 1;
                return;
            }
            let level = self.window.level(place);
            self.window.clear(place);
            self.far.push_low(rank, level);
            self.len = self.down(rank); // the rank just evicted is outside now
            budget -= 1;
        }

        // The top moves; far levels that it passes on its way up enter the window.
        if self.window.is_empty() {
            self.far.split_at(target);
            self.top = target;
            self.len = 0;
        } else if target > self.top {
            let mut top = target;
            while let Some(high) = self.far.first_high().filter(|e| e.rank <= target) {
                if budget == 0 {
                    top = high.rank - 1;
                    break;
                }
                self.far.pop_high();
                self.window.set(Window::<BLOCKS>::place(high.rank), high.level);
                budget -= 1;
            }
            let up = top.wrapping_sub(self.top) as u64;
            // Nothing inside lies `WIDTH` or more below the target: the window may be cut there.
            let reach = Self::WIDTH - target.wrapping_sub(top) as u64;
            self.len = self.len.saturating_add(up).min(reach);
            self.top = top;
        } else {
            self.len -= self.top.wrapping_sub(target) as u64;
            self.top = target;
        }

        // The bottom moves down to full width.
        while let Some(low) = self.far.last_low().filter(|e| self.down(e.rank) < Self::WIDTH) {
            if budget == 0 {
                self.len = self.down(low.rank);
                return;
            }
            self.far.pop_low();
            self.window.set(Window::<BLOCKS>::place(low.rank), low.level);
            budget -= 1;
        }
        let room = (self.top.wrapping_sub(i64::MIN) as u64).saturating_add(1);
        self.len = Self::WIDTH.min(room);
        if self.top == target {
            self.settle();
        }
    }

    /// Returns whether the window, the far levels and the best level agree.
    pub(in crate::book) fn is_consistent(&self) -> bool {
        let highest = self.far.highest();
        let best = [
            highest.filter(|far| far.rank > self.top).map(RankedLevel::from),
            self.window.at_or_below(Window::<BLOCKS>::place(self.top)).map(|place| {
                let down = Window::<BLOCKS>::place(self.top).wrapping_sub(place) & (Window::<BLOCKS>::PLACES - 1);
                RankedLevel { rank: self.top.wrapping_sub(down as i64), level: self.window.level(place) }
            }),
            highest.map(RankedLevel::from),
        ]
        .into_iter()
        .flatten()
        .next();
        self.window.is_consistent()
            && self.far.is_consistent(self.top, |rank| self.in_window(rank))
            && best == self.first()
            && self.len <= Self::WIDTH
    }
}

#[cfg(all(test, not(broken)))] // proptest is not there for the model checkers
mod tests {
    extern crate std;
    use super::*;
    use proptest::prelude::*;
    use std::boxed::Box;
    use std::collections::BTreeMap;
    use std::vec::Vec;

    /// 128 ticks in the window, 96 far levels.
    type Small = PriceLadder<2, 96>;

    #[derive(Clone, Debug)]
    enum Step {
        Insert(i64),
        Remove(usize),
        RemoveBest,
        Follow,
    }

    /// Ranks near a market that wanders and jumps, and at both ends of `i64`.
    fn rank() -> impl Strategy<Value = i64> {
        prop_oneof![
            4 => -70i64..70,
            2 => 900i64..1100,
            1 => (0i64..80).prop_map(|d| i64::MIN + d),
            1 => (0i64..80).prop_map(|d| i64::MAX - d),
            1 => any::<i64>(),
        ]
    }

    fn steps() -> impl Strategy<Value = Vec<Step>> {
        let step = prop_oneof![
            4 => rank().prop_map(Step::Insert),
            2 => any::<usize>().prop_map(Step::Remove),
            2 => Just(Step::RemoveBest),
            2 => Just(Step::Follow),
        ];
        prop::collection::vec(step, 0..300)
    }

    fn same(ladder: &Small, model: &BTreeMap<i64, u32>) -> Result<(), TestCaseError> {
        prop_assert!(ladder.is_consistent());
        prop_assert_eq!(ladder.levels(), model.len());
        let mut down = Vec::new();
        let mut cursor = ladder.first();
        while let Some(at) = cursor {
            down.push((at.rank, at.level));
            cursor = ladder.worse(at.rank);
        }
        prop_assert!(down.iter().copied().eq(model.iter().rev().map(|(&k, &l)| (k, l))));
        for (&rank, &level) in model {
            prop_assert_eq!(ladder.find(rank), level);
            let above = model.range(rank..).nth(1).map(|(&rank, &level)| RankedLevel { rank, level });
            prop_assert_eq!(ladder.better(rank), above);
            // Neighbours that are not there.
            for near in [rank.saturating_sub(1), rank.saturating_add(1)] {
                prop_assert_eq!(ladder.find(near), model.get(&near).copied().unwrap_or(0));
                let below = model.range(..near).next_back().map(|(&rank, &level)| RankedLevel { rank, level });
                prop_assert_eq!(ladder.worse(near), below);
            }
        }
        Ok(())
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(400))]

        #[test]
        fn ladder_is_an_ordered_map(steps in steps()) {
            let mut ladder: Box<Small> = Box::new(Small::new_zeroed());
            let mut model = BTreeMap::new();
            let mut level = 0;
            for step in steps {
                match step {
                    Step::Insert(rank) => {
                        if model.contains_key(&rank) || !ladder.has_room(rank) {
                            prop_assert!(model.contains_key(&rank) || model.len() >= 96);
                            continue;
                        }
                        level += 1;
                        ladder.insert(rank, level);
                        model.insert(rank, level);
                    }
                    Step::Remove(which) => {
                        let Some(rank) = model.keys().copied().nth(which % model.len().max(1)) else { continue };
                        ladder.remove(rank);
                        model.remove(&rank);
                    }
                    Step::RemoveBest => {
                        let Some((rank, _)) = model.pop_last() else { continue };
                        ladder.remove(rank);
                    }
                    Step::Follow => {
                        // At most STEP levels cross the window's edge.
                        let far = ladder.far.len();
                        ladder.follow();
                        let now = ladder.far.len();
                        prop_assert!(far.abs_diff(now) <= Small::STEP);
                    }
                }
                same(&ladder, &model)?;
            }
            // Without changes the window arrives, unless the far levels are full.
            for _ in 0..64 {
                ladder.follow();
            }
            same(&ladder, &model)?;
            let best_is_in = ladder.first().is_none_or(|best| ladder.in_window(best.rank));
            prop_assert!(best_is_in || ladder.far.is_full());
        }
    }
}
