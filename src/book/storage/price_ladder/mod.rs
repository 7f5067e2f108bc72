//! Price ladder: the levels of one side by price, with the best level cached (M1.1, M0.7).

mod far_levels;
mod near_levels;
mod restore;

pub(in crate::book) use restore::Place;

use crate::book::storage::price_ladder::far_levels::{Far, FarLevel};
use crate::book::storage::price_ladder::near_levels::Window;
use crate::book::{Price, Side};
use zerocopy::FromZeros;

/// Returns the key of a price, where higher is better: the ticks of a bid, their bitwise complement
/// for an ask. One search direction serves both sides, and complementing twice restores the price.
#[inline(always)]
pub(in crate::book) const fn key(side: Side, price: Price) -> i64 {
    price.ticks() ^ -(side as i64)
}

/// Returns the price of a key.
#[inline(always)]
pub(in crate::book) const fn price(side: Side, key: i64) -> Price {
    Price::new(key ^ -(side as i64))
}

/// The levels of one side: `BLOCKS` × 64 consecutive keys in a ring (the window), up to `FAR` levels outside it.
///
/// The window covers the `len` keys down from `top`. [`PriceLadder::follow`] moves it after the best
/// level once a command, by at most [`PriceLadder::STEP`] levels that enter or leave, so a jump of the
/// market never stalls a command. Until it has caught up, levels are found in the search tree of
/// far ones. Adding, removing or finding one level takes constant time in the window, and time
/// logarithmic in the number of far levels outside it, in whatever order prices come.
#[derive(Debug, FromZeros)]
#[repr(C)]
pub(in crate::book) struct PriceLadder<const BLOCKS: usize, const FAR: usize> {
    best: u32,
    levels: u32,
    /// Whether the best level has moved so far that the window must follow.
    adrift: bool,
    reserved: [u8; 7],
    /// The best level's key with its top bit flipped; 0 for no level, so that no price crosses it.
    best_rank: u64,
    top: i64,
    len: u64,
    /// The window is in place while `top - best_key` is within `slack` of `margin`.
    margin: u64,
    slack: u64,
    window: Window<BLOCKS>,
    far: Far<FAR>,
}

/// A level and its key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::book) struct Rung {
    pub(in crate::book) key: i64,
    pub(in crate::book) level: u32,
}

impl From<FarLevel> for Rung {
    fn from(far: FarLevel) -> Self {
        Self { key: far.key, level: far.level }
    }
}

impl<const BLOCKS: usize, const FAR: usize> PriceLadder<BLOCKS, FAR> {
    /// Levels that enter or leave the window in one command, at most.
    pub(in crate::book) const STEP: usize = 64;

    /// Keys in a whole window.
    pub(in crate::book) const WIDTH: u64 = Window::<BLOCKS>::PLACES as u64;
    const LOWEST_TOP: i64 = i64::MIN + (Self::WIDTH as i64 - 1);

    /// Returns the best level, or 0.
    #[inline(always)]
    pub(in crate::book) const fn best(&self) -> u32 {
        self.best
    }

    /// Returns the key of the best level, or the lowest possible key if there is none.
    #[inline(always)]
    pub(in crate::book) const fn best_key(&self) -> i64 {
        (self.best_rank ^ (1 << 63)) as i64
    }

    #[inline(always)]
    pub(in crate::book) const fn levels(&self) -> usize {
        self.levels as usize
    }

    /// Returns how far below the window's top a key lies: at least `len` if it is not in the
    /// window.
    #[inline(always)]
    const fn down(&self, key: i64) -> u64 {
        self.top.wrapping_sub(key) as u64
    }

    #[inline(always)]
    const fn in_window(&self, key: i64) -> bool {
        self.down(key) < self.len
    }

    /// Returns whether a key lies outside the window.
    pub(in crate::book) const fn is_far(&self, key: i64) -> bool {
        !self.in_window(key)
    }

    /// Returns the level with this key, or 0.
    #[inline(always)]
    pub(in crate::book) fn find(&self, key: i64) -> u32 {
        if self.in_window(key) {
            self.window.level(Window::<BLOCKS>::place(key))
        } else if self.far.is_empty() {
            0
        } else {
            self.far.find(key)
        }
    }

    /// Returns the level with this key, or 0; `None` if the key lies outside the window.
    #[inline(always)]
    pub(in crate::book) fn find_near(&self, key: i64) -> Option<u32> {
        if self.in_window(key) { Some(self.window.level(Window::<BLOCKS>::place(key))) } else { None }
    }

    /// Returns the level at this key's position in the ring, which may be that of another key; or
    /// 0.
    #[inline(always)]
    pub(in crate::book) fn guess(&self, key: i64) -> u32 {
        self.window.level(Window::<BLOCKS>::place(key))
    }

    /// Returns whether a level with this key, which does not exist, can be added. Implements
    /// M17.12.
    #[inline(always)]
    pub(in crate::book) const fn has_room(&self, key: i64) -> bool {
        self.in_window(key) || !self.far.is_full() || self.levels == 0
    }

    /// Adds a level with a new key; requires [`PriceLadder::has_room`].
    #[inline(always)]
    pub(in crate::book) fn insert(&mut self, key: i64, level: u32) {
        if self.levels == 0 {
            self.top = Self::target(key);
            self.len = Self::WIDTH;
            self.settle();
        }
        self.levels += 1;
        if self.in_window(key) {
            self.window.set(Window::<BLOCKS>::place(key), level);
        } else {
            self.far.insert(key, level, key > self.top);
        }
        if self.best == 0 || key > self.best_key() {
            self.set_best(Rung { key, level });
        }
    }

    #[inline(always)]
    fn set_best(&mut self, best: Rung) {
        self.best = best.level;
        self.best_rank = best.key as u64 ^ (1 << 63);
        self.adrift = self.down(best.key).wrapping_sub(self.margin) >= self.slack;
    }

    /// Removes the level with this key, which exists.
    #[inline(always)]
    pub(in crate::book) fn remove(&mut self, key: i64) {
        self.levels -= 1;
        if self.in_window(key) {
            self.window.clear(Window::<BLOCKS>::place(key));
        } else {
            self.far.remove(key);
        }
        if key == self.best_key() {
            match self.worse(key) {
                Some(next) => self.set_best(next),
                None => {
                    self.best = 0;
                    self.best_rank = 0;
                    self.adrift = false;
                }
            }
        }
    }

    /// [`PriceLadder::remove`] of the best level, which exists.
    #[inline(always)]
    pub(in crate::book) fn remove_best(&mut self) {
        let key = self.best_key();
        if self.in_window(key)
            && let Some(step) = self.window.clear_above_neighbour(Window::<BLOCKS>::place(key))
        {
            // No key above the best is occupied, so the neighbour in the ring is the next one down, and in the window.
            self.levels -= 1;
            let key = key.wrapping_sub(step as i64);
            return self.set_best(Rung { key, level: self.window.level(Window::<BLOCKS>::place(key)) });
        }
        self.remove_outlined(key);
    }

    #[inline(never)]
    fn remove_outlined(&mut self, key: i64) {
        self.remove(key);
    }

    /// Returns the best level (M1.1).
    pub(in crate::book) fn first(&self) -> Option<Rung> {
        if self.best == 0 { None } else { Some(Rung { key: self.best_key(), level: self.best }) }
    }

    /// Returns the best level below `key`.
    #[inline(always)]
    pub(in crate::book) fn worse(&self, key: i64) -> Option<Rung> {
        let mut key = key;
        if key > self.top {
            if let Some(next) = self.far.high_below(key) {
                return Some(next.into());
            }
            // What lies in the window is below. `top` itself may be occupied.
            let level = if self.len > 0 { self.window.level(Window::<BLOCKS>::place(self.top)) } else { 0 };
            if level != 0 {
                return Some(Rung { key: self.top, level });
            }
            key = self.top;
        }
        let place = Window::<BLOCKS>::place(key);
        if let Some(found) = self.window.at_or_below(place.wrapping_sub(1)) {
            // Going round the ring ends at keys above `key`; they seem to lie below the window.
            let down = (place.wrapping_sub(found) & (Window::<BLOCKS>::PLACES - 1)) as u64;
            if down != 0 && self.down(key).saturating_add(down) < self.len {
                return Some(Rung { key: key.wrapping_sub(down as i64), level: self.window.level(found) });
            }
        }
        self.far.low_below(key).map(Rung::from)
    }

    /// Returns the worst level above `key`.
    pub(in crate::book) fn better(&self, key: i64) -> Option<Rung> {
        if let Some(next) = self.far.low_above(key) {
            return Some(next.into());
        }
        let bottom = self.top.wrapping_sub(self.len as i64); // the key just below the window
        let start = if self.in_window(key) { key } else { bottom };
        if key < self.top && self.len > 0 {
            let place = Window::<BLOCKS>::place(start).wrapping_add(1) & (Window::<BLOCKS>::PLACES - 1);
            if let Some(found) = self.window.at_or_above(place) {
                let up = (found.wrapping_sub(place) & (Window::<BLOCKS>::PLACES - 1)) as i64;
                let key = start.wrapping_add(1).wrapping_add(up);
                if self.in_window(key) {
                    return Some(Rung { key, level: self.window.level(found) });
                }
            }
        }
        self.far.high_above(key).map(Rung::from)
    }

    // ---- moving the window ----------------------------------------------------------------------

    /// Returns the window's top for the best key `best`: a quarter of the window above it, clamped
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
        let target = Self::target(self.best_key());
        let mut budget = Self::STEP;
        self.slack = 0; // not in place, until we know better

        // Levels that the window leaves behind become far levels.
        while target > self.top && !self.window.is_empty() {
            let bottom = self.top.wrapping_sub(self.len as i64).wrapping_add(1);
            let from = Window::<BLOCKS>::place(bottom);
            let Some(place) = self.window.at_or_above(from) else { break };
            let up = place.wrapping_sub(from) & (Window::<BLOCKS>::PLACES - 1);
            let key = bottom.wrapping_add(up as i64);
            if (target.wrapping_sub(key) as u64) < Self::WIDTH {
                break;
            }
            if budget == 0 || self.far.is_full() {
                self.len = self.down(key) + 1;
                return;
            }
            let level = self.window.level(place);
            self.window.clear(place);
            self.far.push_low(key, level);
            self.len = self.down(key); // the key just evicted is outside now
            budget -= 1;
        }

        // The top moves; far levels that it passes on its way up enter the window.
        if self.window.is_empty() {
            self.far.split_at(target);
            self.top = target;
            self.len = 0;
        } else if target > self.top {
            let mut top = target;
            while let Some(high) = self.far.first_high().filter(|e| e.key <= target) {
                if budget == 0 {
                    top = high.key - 1;
                    break;
                }
                self.far.pop_high();
                self.window.set(Window::<BLOCKS>::place(high.key), high.level);
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
        while let Some(low) = self.far.last_low().filter(|e| self.down(e.key) < Self::WIDTH) {
            if budget == 0 {
                self.len = self.down(low.key);
                return;
            }
            self.far.pop_low();
            self.window.set(Window::<BLOCKS>::place(low.key), low.level);
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
            highest.filter(|far| far.key > self.top).map(Rung::from),
            self.window.at_or_below(Window::<BLOCKS>::place(self.top)).map(|place| {
                let down = Window::<BLOCKS>::place(self.top).wrapping_sub(place) & (Window::<BLOCKS>::PLACES - 1);
                Rung { key: self.top.wrapping_sub(down as i64), level: self.window.level(place) }
            }),
            highest.map(Rung::from),
        ]
        .into_iter()
        .flatten()
        .next();
        self.window.is_consistent()
            && self.far.is_consistent(self.top, |key| self.in_window(key))
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

    /// Keys near a market that wanders and jumps, and at both ends of `i64`.
    fn key() -> impl Strategy<Value = i64> {
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
            4 => key().prop_map(Step::Insert),
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
        let mut rung = ladder.first();
        while let Some(at) = rung {
            down.push((at.key, at.level));
            rung = ladder.worse(at.key);
        }
        prop_assert!(down.iter().copied().eq(model.iter().rev().map(|(&k, &l)| (k, l))));
        for (&key, &level) in model {
            prop_assert_eq!(ladder.find(key), level);
            let above = model.range(key..).nth(1).map(|(&key, &level)| Rung { key, level });
            prop_assert_eq!(ladder.better(key), above);
            // Neighbours that are not there.
            for near in [key.saturating_sub(1), key.saturating_add(1)] {
                prop_assert_eq!(ladder.find(near), model.get(&near).copied().unwrap_or(0));
                let below = model.range(..near).next_back().map(|(&key, &level)| Rung { key, level });
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
                    Step::Insert(key) => {
                        if model.contains_key(&key) || !ladder.has_room(key) {
                            prop_assert!(model.contains_key(&key) || model.len() >= 96);
                            continue;
                        }
                        level += 1;
                        ladder.insert(key, level);
                        model.insert(key, level);
                    }
                    Step::Remove(which) => {
                        let Some(key) = model.keys().copied().nth(which % model.len().max(1)) else { continue };
                        ladder.remove(key);
                        model.remove(&key);
                    }
                    Step::RemoveBest => {
                        let Some((key, _)) = model.pop_last() else { continue };
                        ladder.remove(key);
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
            // Left in peace, the window arrives, unless the far array is in the way.
            for _ in 0..64 {
                ladder.follow();
            }
            same(&ladder, &model)?;
            let best_is_in = ladder.first().is_none_or(|best| ladder.in_window(best.key));
            prop_assert!(best_is_in || ladder.far.is_full());
        }
    }
}
