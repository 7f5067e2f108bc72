//! Latency histogram in fixed memory, with log-linear buckets.
//!
//! Source: HdrHistogram (G. Tene). Ours has a fixed range and precision (128 buckets for each power
//! of two), so that it is plain memory that other processes can read.

use super::word::Word64;
use crate::layout::{Field, Layout, field};
use crate::sync::{AtomicUsize, Ordering};
use core::fmt;

/// Buckets per power of two, so a bucket is at most 1/128 of its values wide.
const STEPS: usize = 128;
const STEPS_LOG2: u32 = STEPS.trailing_zeros();

/// The greatest value that is resolved: 2^42 - 1 ns is 73 minutes.
const TOP: u64 = (1 << 42) - 1;

/// Two linear runs (0 to 127 and 128 to 255, exact), one run for each further power of two up to
/// `TOP`, and one bucket for all greater values.
const BUCKETS: usize = index(TOP + 1) + 1;

const _: () = assert!(BUCKETS == 36 * STEPS + 1);
#[cfg(all(not(loom), target_pointer_width = "64"))]
const _: () = assert!(size_of::<Histogram>() == (BUCKETS + 2) * 8);
const _: () = assert!(TOP >= 3_600_000_000_000, "an hour in nanoseconds");

/// A histogram of durations in nanoseconds (or of any other `u64`): one writer, any number of
/// readers in this thread, in others, or in another process that has the same memory mapped.
///
/// | | |
/// |---|---|
/// | range | 0 to 2^42 - 1: 1 ns to 73 minutes. What is longer shares one bucket, which is reported as [`max`](Self::max) |
/// | error | below 256 none; above, what is reported is never less than what was recorded, and at most 1/128 (0.8 %) more |
/// | memory | 36,888 bytes, always (18,460 where words have 32 bits); all-zero bytes are the empty histogram |
/// | recording | an index of three operations, three loads, one store, seldom three; no division, no float, no lock; wait-free |
/// | asking | one walk over the 4,609 buckets, two for percentiles; wait-free |
///
/// A count holds 2^64 - 1 and then wraps: 584 years at one per nanosecond. On targets with 32-bit
/// words it saturates at 2^32 - 1.
///
/// **One writer.** Recording, merging and clearing are for one thread at a time, though a shared
/// reference is enough: the writer loads a count and stores it, without a locked instruction. With
/// two writers, counts get lost, and nothing worse. If several threads record, give each a
/// histogram of its own, and [`merge`](Self::merge) them in a reader.
///
/// **Readers** see each count as it was at some moment during the call, with a minimum and maximum
/// that include its values. For several answers that agree with each other, ask a
/// [`clone`](Clone::clone).
///
/// ```
/// use vvp_core::metrics::Histogram;
/// static LATENCY: Histogram = Histogram::new();
/// for ns in 1..=1000 {
///     LATENCY.record(ns);
/// }
/// assert_eq!(LATENCY.per_mille(500), 501); // 500 lies in the bucket of 500 and 501
/// assert_eq!(LATENCY.per_mille(1000), 1000);
/// assert_eq!((LATENCY.min(), LATENCY.max(), LATENCY.count()), (1, 1000, 1000));
/// ```
///
/// ```text
///   offset 0            1024           2048                                 36864      36872   36880
///   | 128 words         | 128 words    | 128 words    |  .. 33 more          | 1 word   | max   | ! min |
///   | 0, 1, .. 127      | 128 .. 255   | 256 .. 511   |  2^42 - 1            | longer   |       |       |
/// ```
#[cfg_attr(all(not(loom), target_has_atomic = "ptr"), derive(zerocopy::FromZeros))]
#[repr(C)]
pub struct Histogram {
    counts: [AtomicUsize; BUCKETS],
    max: Word64,
    /// The complement of the least value, so that zero means that there is none.
    not_min: Word64,
}

impl Layout for Histogram {
    const FIELDS: &'static [Field] = &[
        Field::new("counts[i]", core::mem::offset_of!(Self, counts), size_of::<usize>(), size_of::<usize>()),
        field!("max", Self, max),
        field!("not_min", Self, not_min),
    ];
}

/// Returns the bucket of a value that is at most `TOP + 1`.
#[inline(always)]
const fn index(value: u64) -> usize {
    // The number of low bits that do not count: none below 2 * STEPS, one more with each power of
    // two.
    let shift = (value | (STEPS as u64 * 2 - 1)).ilog2() - STEPS_LOG2;
    ((shift as usize) << STEPS_LOG2) + (value >> shift) as usize
}

/// Returns the greatest value of a bucket.
const fn top_of(index: usize) -> u64 {
    let run = index >> STEPS_LOG2;
    let shift = if run < 2 { 0 } else { run - 1 };
    let step = (index - (shift << STEPS_LOG2)) as u64;
    (step << shift) + ((1 << shift) - 1)
}

/// Returns the least value of the bucket of a value.
const fn bottom_of_same(value: u64) -> u64 {
    if value > TOP {
        return TOP + 1;
    }
    let shift = (value | (STEPS as u64 * 2 - 1)).ilog2() - STEPS_LOG2;
    value >> shift << shift
}

/// Adds `n` to a count. Counts of 64 bits do not overflow in a lifetime; those of 32 saturate.
#[inline(always)]
const fn more(count: usize, n: u64) -> usize {
    if usize::BITS >= 64 {
        count.wrapping_add(n as usize)
    } else {
        let n = if n > usize::MAX as u64 { usize::MAX } else { n as usize };
        count.saturating_add(n)
    }
}

impl Histogram {
    /// Creates an empty histogram.
    #[cfg(not(loom))]
    #[must_use]
    pub const fn new() -> Self {
        Self { counts: [const { AtomicUsize::new(0) }; BUCKETS], max: Word64::new(), not_min: Word64::new() }
    }

    /// Creates an empty histogram.
    #[cfg(loom)]
    #[must_use]
    pub fn new() -> Self {
        let counts = core::array::from_fn(|_| AtomicUsize::new(0));
        Self { counts, max: Word64::new(), not_min: Word64::new() }
    }

    /// Records a value. For the writer.
    #[inline(always)]
    pub fn record(&self, value: u64) {
        self.record_between(value, value, 1);
    }

    /// Records a value `n` times. For the writer.
    #[inline]
    pub fn record_n(&self, value: u64, n: u64) {
        self.record_between(value, value, n);
    }

    /// Records a value of an operation that is due once per `interval`, and the values of those
    /// delayed by it (the correction for coordinated omission): had the next ones started in time,
    /// they would have taken one, two and more intervals less. So `value`, `value - interval`,
    /// `value - 2 * interval`, down to `interval`, are recorded. An interval of 0 corrects nothing.
    /// For the writer.
    ///
    /// Visits at most the buckets below `value`, for any interval.
    pub fn record_with_expected_interval(&self, value: u64, interval: u64) {
        self.record(value);
        if interval == 0 {
            return;
        }
        let mut missing = value.saturating_sub(interval);
        while missing >= interval {
            // All values of one bucket in one step. `least` is at least `interval`, so nothing
            // below can underflow.
            let bottom = bottom_of_same(missing).max(interval);
            let further = (missing - bottom) / interval;
            let least = missing - further * interval;
            self.record_between(least, missing, further + 1);
            missing = least - interval;
        }
    }

    /// Records `n` values of one bucket, from `least` to `most`.
    #[inline(always)]
    fn record_between(&self, least: u64, most: u64, n: u64) {
        if n == 0 {
            return;
        }
        if most > self.max.own() {
            self.max.set(most);
        }
        if !least > self.not_min.own() {
            self.not_min.set(!least);
        }
        if let Some(count) = self.counts.get(index(most.min(TOP + 1))) {
            // Relaxed: our own. Release: pairs with the Acquire in `all`, so that seeing the count
            // implies seeing the minimum and the maximum.
            count.store(more(count.load(Ordering::Relaxed), n), Ordering::Release);
        }
    }

    /// Adds the counts of another histogram. For the writer of this one.
    pub fn merge(&self, other: &Self) {
        // Values recorded there from here on may or may not be added; our extremes include theirs
        // in any case.
        let total = other.count();
        if total == 0 {
            return;
        }
        self.max.set(self.max.own().max(other.max.get()));
        self.not_min.set(self.not_min.own().max(other.not_min.get()));
        for (count, (_, n)) in self.counts.iter().zip(other.all()) {
            if n != 0 {
                // Relaxed: our own. Release: as in `record_between`.
                count.store(more(count.load(Ordering::Relaxed), n), Ordering::Release);
            }
        }
    }

    /// Resets all counts. For the writer; a concurrent reader sees neither the old nor the new
    /// state.
    pub fn clear(&self) {
        // Relaxed: see above.
        self.counts.iter().for_each(|count| count.store(0, Ordering::Relaxed));
        self.max.set(0);
        self.not_min.set(0);
    }

    /// Returns all counts with the indices of their buckets.
    #[inline]
    fn all(&self) -> impl Iterator<Item = (usize, u64)> + '_ {
        // Acquire: pairs with the Release in `record_between`.
        self.counts.iter().map(|count| count.load(Ordering::Acquire) as u64).enumerate()
    }

    /// Returns how many values were recorded.
    #[must_use]
    pub fn count(&self) -> u64 {
        self.all().fold(0, |sum, (_, count)| sum.wrapping_add(count))
    }

    /// Returns whether no value was recorded.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.count() == 0
    }

    /// Returns the greatest value, exactly; 0 if there is none.
    #[must_use]
    pub fn max(&self) -> u64 {
        self.max.get()
    }

    /// Returns the least value, exactly; 0 if there is none.
    #[must_use]
    pub fn min(&self) -> u64 {
        match self.not_min.get() {
            0 if self.is_empty() => 0,
            not_min => !not_min,
        }
    }

    /// Returns the value that `numerator / denominator` of all values do not exceed: the least that
    /// is at least as great as that many of them (rounded up, and at least one). `value_at(999,
    /// 1000)` is the 99.9th percentile.
    ///
    /// A fraction above 1, or with denominator 0, counts as 1. Returns 0 if no value was recorded.
    #[must_use]
    pub fn value_at(&self, numerator: u64, denominator: u64) -> u64 {
        let total = self.count();
        if total == 0 {
            return 0;
        }
        let part = (u128::from(total) * u128::from(numerator)).div_ceil(u128::from(denominator.max(1)));
        let rank = if numerator >= denominator { total } else { part.max(1) as u64 };
        let mut below = 0_u64;
        for (i, count) in self.all() {
            below = below.wrapping_add(count);
            if below >= rank {
                // The last bucket has no upper bound.
                return if i + 1 == BUCKETS { self.max() } else { top_of(i).min(self.max()) };
            }
        }
        self.max()
    }

    /// Returns the value that `per_mille` of a thousand values do not exceed: 500 is the median,
    /// 999 the 99.9th percentile.
    #[must_use]
    pub fn per_mille(&self, per_mille: u32) -> u64 {
        self.value_at(u64::from(per_mille), 1000)
    }

    /// Iterates over the non-empty buckets in ascending order: the greatest value of each, and its
    /// count.
    pub fn buckets(&self) -> impl Iterator<Item = (u64, u64)> + '_ {
        self.all().filter(|(_, count)| *count > 0).map(|(i, count)| (top_of(i), count))
    }
}

/// Takes a snapshot as a reader.
impl Clone for Histogram {
    fn clone(&self) -> Self {
        let copy = Self::new();
        copy.merge(self);
        copy
    }
}

impl Default for Histogram {
    fn default() -> Self {
        Self::new()
    }
}

impl fmt::Debug for Histogram {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Histogram")
            .field("count", &self.count())
            .field("min", &self.min())
            .field("p50", &self.per_mille(500))
            .field("p99", &self.per_mille(990))
            .field("max", &self.max())
            .finish_non_exhaustive()
    }
}
