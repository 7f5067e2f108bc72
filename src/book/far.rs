//! The levels outside a ladder's window: a sorted array with a gap where the window is.

use core::ops::Range;
use zerocopy::FromZeros;

/// A level outside the window.
#[derive(Clone, Copy, Debug, FromZeros)]
#[repr(C)]
pub(super) struct FarLevel {
    pub(super) key: i64,
    pub(super) level: u32,
    reserved: u32,
}

/// Up to `FAR` levels, sorted by key: those below the window from the left, those above it from the right.
///
/// ```text
/// entries  [ low … low | free …… free | high … high ]
///            ascending                  ascending
/// ```
///
/// The levels next to the window stand at the gap, so one that crosses the window's edge is a push or a pop.
#[derive(Debug, FromZeros)]
#[repr(C)]
pub(super) struct Far<const FAR: usize> {
    low: u32,
    high: u32,
    entries: [FarLevel; FAR],
}

impl<const FAR: usize> Far<FAR> {
    pub(super) const fn is_full(&self) -> bool {
        self.low as usize + self.high as usize >= FAR
    }

    pub(super) const fn is_empty(&self) -> bool {
        self.low == 0 && self.high == 0
    }

    /// Below the window, ascending.
    pub(super) fn lows(&self) -> &[FarLevel] {
        self.entries.get(..self.low as usize).unwrap_or(&[])
    }

    /// Above the window, ascending.
    pub(super) fn highs(&self) -> &[FarLevel] {
        self.entries.get(self.start()..).unwrap_or(&[])
    }

    /// Where the high ones start.
    const fn start(&self) -> usize {
        FAR.saturating_sub(self.high as usize)
    }

    /// Moves the entries of `from` to `to`. The range and where it goes lie inside.
    fn shift(&mut self, from: Range<usize>, to: usize) {
        let count = from.end.saturating_sub(from.start);
        let inside = from.end <= FAR && to <= FAR - count.min(FAR);
        debug_assert!(inside, "entries move inside the array");
        if inside && count <= from.end {
            let base = self.entries.as_mut_ptr();
            // SAFETY: `from` ends, and `count` entries from `to` on end, at `FAR` or before; `copy` allows an overlap.
            // (`copy_within` does the same, with a panic that the compiler does not see through.)
            unsafe { core::ptr::copy(base.wrapping_add(from.start), base.wrapping_add(to), count) }
        }
    }

    /// Writes an entry at a place inside.
    fn put(&mut self, at: usize, entry: FarLevel) {
        debug_assert!(at < FAR, "there is room");
        if let Some(place) = self.entries.get_mut(at) {
            *place = entry;
        }
    }

    /// The level with this key, or 0. `above`: whether the key lies above the window.
    pub(super) fn find(&self, key: i64, above: bool) -> u32 {
        let part = if above { self.highs() } else { self.lows() };
        part.binary_search_by_key(&key, |e| e.key).map_or(0, |i| part.get(i).map_or(0, |e| e.level))
    }

    /// Adds a level; there is room.
    pub(super) fn insert(&mut self, key: i64, level: u32, above: bool) {
        let entry = FarLevel { key, level, reserved: 0 };
        if above {
            let start = self.start();
            let at = start + self.highs().partition_point(|e| e.key < key);
            self.shift(start..at, start.wrapping_sub(1));
            self.put(at.wrapping_sub(1), entry);
            self.high += 1;
        } else {
            let end = self.low as usize;
            let at = self.lows().partition_point(|e| e.key < key);
            self.shift(at..end, at + 1);
            self.put(at, entry);
            self.low += 1;
        }
    }

    /// Removes a level that is there.
    pub(super) fn remove(&mut self, key: i64, above: bool) {
        if above {
            let start = self.start();
            let Ok(i) = self.highs().binary_search_by_key(&key, |e| e.key) else { return };
            self.shift(start..start + i, start + 1);
            self.high -= 1;
        } else {
            let Ok(i) = self.lows().binary_search_by_key(&key, |e| e.key) else { return };
            self.shift(i + 1..self.low as usize, i);
            self.low -= 1;
        }
    }

    /// Adds a level above all low ones.
    pub(super) fn push_low(&mut self, key: i64, level: u32) {
        self.put(self.low as usize, FarLevel { key, level, reserved: 0 });
        self.low += 1;
    }

    pub(super) fn last_low(&self) -> Option<FarLevel> {
        self.lows().last().copied()
    }

    pub(super) fn pop_low(&mut self) {
        self.low -= 1;
    }

    pub(super) fn first_high(&self) -> Option<FarLevel> {
        self.highs().first().copied()
    }

    pub(super) fn pop_high(&mut self) {
        self.high -= 1;
    }

    /// Turns the low ones round.
    pub(super) fn reverse_lows(&mut self) {
        if let Some(lows) = self.entries.get_mut(..self.low as usize) {
            lows.reverse();
        }
    }

    /// Takes all levels out.
    pub(super) const fn clear(&mut self) {
        self.low = 0;
        self.high = 0;
    }

    /// Moves the gap so that all keys up to `top` are low, and all others high.
    pub(super) fn split_at(&mut self, top: i64) {
        let start = self.start();
        let down = self.highs().partition_point(|e| e.key <= top);
        if down > 0 {
            self.shift(start..start + down, self.low as usize);
            self.low += down as u32;
            self.high -= down as u32;
            return;
        }
        let keep = self.lows().partition_point(|e| e.key <= top);
        let up = self.low as usize - keep;
        self.shift(keep..self.low as usize, start.wrapping_sub(up));
        self.low -= up as u32;
        self.high += up as u32;
    }
}
