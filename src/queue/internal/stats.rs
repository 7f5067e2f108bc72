//! Queue statistics.

use crate::sync::{AtomicUsize, Ordering};

/// Statistics of a queue.
///
/// They cost nothing: the counts are the indices themselves, or lie on a cache line that its owner
/// writes anyway and change only when that owner loads the other side's index. They start at zero
/// with the queue's memory and wrap with `usize`. While the queue is in use, each number was true
/// at some moment during the call, but not all at the same moment.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
#[non_exhaustive]
pub struct QueueStats {
    /// Values published by the producer.
    pub pushed: usize,
    /// Values popped by the consumer, slots released.
    pub popped: usize,
    /// Calls of the producer that found the queue full.
    pub full_count: usize,
    /// The greatest depth that either endpoint saw, in values. Endpoints load the other's index
    /// only when they must, so the queue may have been deeper for a moment, but never more than
    /// twice as deep. After a refused push this is `N`, and exact.
    pub high_water: usize,
    /// Values in the queue now.
    pub depth: usize,
}

impl QueueStats {
    /// Builds the statistics from counts that were loaded one after the other, `popped` before
    /// `pushed`; `met` is the greatest depth that an endpoint saw, and `most` the capacity.
    pub(in crate::queue) fn of(pushed: usize, popped: usize, full_count: usize, met: usize, most: usize) -> Self {
        // Too great by what went through between the two loads; or negative for a moment, which
        // counts as 0, if a value can be popped before its producer has counted it.
        let depth = pushed.wrapping_sub(popped);
        let depth = if depth > usize::MAX / 2 { 0 } else { depth.min(most) };
        Self { pushed, popped, full_count, high_water: depth.max(met), depth }
    }
}

/// Stores the greater of the two; for one writer.
#[inline(always)]
pub(in crate::queue) fn raise(mark: &AtomicUsize, value: usize) {
    // Relaxed, both: the mark has one writer, and its readers only display it.
    if value > mark.load(Ordering::Relaxed) {
        mark.store(value, Ordering::Relaxed);
    }
}

/// Adds to a count; for one writer.
#[inline(always)]
pub(in crate::queue) fn count(count: &AtomicUsize, more: usize) {
    // Relaxed, both: the count has one writer, and its readers only display it.
    count.store(count.load(Ordering::Relaxed).wrapping_add(more), Ordering::Relaxed);
}
