//! Queue statistics.

use crate::sync::{AtomicUsize, Ordering};

/// What a queue has done so far.
///
/// Kept for nothing: the counts are the indices themselves, or lie on a line that its owner writes anyway and are
/// touched only when that owner has to look at the other side. They start at zero with the queue's memory and wrap
/// with `usize`. Read while the queue is in use, each number is one that was true during the call, but not all at
/// the same moment.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
#[non_exhaustive]
pub struct Stats {
    /// Values published by the producer.
    pub pushed: usize,
    /// Values taken by the consumer and their slots given back.
    pub popped: usize,
    /// Calls of the producer that found no room.
    pub full_count: usize,
    /// The greatest depth that either side met, in values. Sides look only when they must, so the queue may have
    /// been deeper for a moment, though never more than twice as deep. Once a single push was refused this is `N`,
    /// and exact.
    pub high_water: usize,
    /// Values in the queue now.
    pub depth: usize,
}

impl Stats {
    /// Of counts that were read one after the other, `popped` before `pushed`; `met` is the greatest depth that a side
    /// met, and `most` what the queue holds.
    pub(in crate::queue) fn of(pushed: usize, popped: usize, full_count: usize, met: usize, most: usize) -> Self {
        // Too great by what went through between the two reads; or negative for a moment, which counts as none, where a
        // value can be taken before its producer has counted it.
        let depth = pushed.wrapping_sub(popped);
        let depth = if depth > usize::MAX / 2 { 0 } else { depth.min(most) };
        Self { pushed, popped, full_count, high_water: depth.max(met), depth }
    }
}

/// Stores the greater of the two; for one writer.
#[inline(always)]
pub(in crate::queue) fn raise(mark: &AtomicUsize, value: usize) {
    // Relaxed, both: the mark has one writer, and its readers only look at it.
    if value > mark.load(Ordering::Relaxed) {
        mark.store(value, Ordering::Relaxed);
    }
}

/// Adds to a count; for one writer.
#[inline(always)]
pub(in crate::queue) fn count(count: &AtomicUsize, more: usize) {
    // Relaxed, both: the count has one writer, and its readers only look at it.
    count.store(count.load(Ordering::Relaxed).wrapping_add(more), Ordering::Relaxed);
}
