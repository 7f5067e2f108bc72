//! How long things took, in fixed memory.

use core::fmt;

/// Each power of two is cut into this many buckets, so a bucket is at most 1/128 of its values wide.
const STEPS: usize = 128;
const STEPS_LOG2: u32 = STEPS.trailing_zeros();

/// The greatest value that is told apart: 2^42 - 1 ns is 73 minutes.
const TOP: u64 = (1 << 42) - 1;

/// Two linear runs (0 to 127 and 128 to 255, exact), one run for each further power of two up to `TOP`, and one bucket
/// for all that is beyond.
const BUCKETS: usize = index(TOP + 1) + 1;

const _: () = assert!(BUCKETS == 36 * STEPS + 1);
const _: () = assert!(size_of::<Histogram>() == (BUCKETS + 2) * 8);
const _: () = assert!(TOP >= 3_600_000_000_000, "an hour in nanoseconds");

/// A histogram of durations in nanoseconds (or of anything else that is counted in `u64`).
///
/// | | |
/// |---|---|
/// | range | 0 to 2^42 - 1: 1 ns to 73 minutes. What is longer shares one bucket, which is reported as [`max`](Self::max) |
/// | error | below 256 none; above, what is reported is never less than what was recorded, and at most 1/128 (0.8 %) more |
/// | memory | 36,888 bytes, always; all-zero bytes are the empty histogram |
/// | recording | an index of three operations, three loads, three stores; no division, no float |
/// | asking | one walk over the 4,609 buckets |
///
/// A count holds 2^64 - 1 and then wraps: 584 years at one a nanosecond.
///
/// ```
/// use vvp_core::metrics::Histogram;
/// let mut latency = Histogram::new();
/// for ns in 1..=1000 {
///     latency.record(ns);
/// }
/// assert_eq!(latency.per_mille(500), 501); // 500 lies in the bucket of 500 and 501
/// assert_eq!(latency.per_mille(1000), 1000);
/// assert_eq!((latency.min(), latency.max(), latency.count()), (1, 1000, 1000));
/// ```
#[derive(Clone)]
#[cfg_attr(all(not(loom), target_has_atomic = "ptr"), derive(zerocopy::FromZeros))]
#[repr(C)]
pub struct Histogram {
    counts: [u64; BUCKETS],
    max: u64,
    /// The complement of the least value, so that zero stands for "none yet".
    not_min: u64,
}

/// The bucket of a value that is at most `TOP + 1`.
#[inline(always)]
const fn index(value: u64) -> usize {
    // How many low bits do not count: none below 2 * STEPS, one more with each power of two.
    let shift = (value | (STEPS as u64 * 2 - 1)).ilog2() - STEPS_LOG2;
    ((shift as usize) << STEPS_LOG2) + (value >> shift) as usize
}

/// The greatest value of a bucket.
const fn top_of(index: usize) -> u64 {
    let run = index >> STEPS_LOG2;
    let shift = if run < 2 { 0 } else { run - 1 };
    let step = (index - (shift << STEPS_LOG2)) as u64;
    (step << shift) + ((1 << shift) - 1)
}

impl Histogram {
    /// An empty histogram.
    #[must_use]
    pub const fn new() -> Self {
        Self { counts: [0; BUCKETS], max: 0, not_min: 0 }
    }

    /// Counts a value.
    #[inline]
    pub fn record(&mut self, value: u64) {
        self.record_n(value, 1);
    }

    /// Counts a value `n` times.
    #[inline]
    pub fn record_n(&mut self, value: u64, n: u64) {
        let known = value.min(TOP + 1);
        if n != 0
            && let Some(count) = self.counts.get_mut(index(known))
        {
            *count = count.wrapping_add(n);
            self.max = self.max.max(value);
            self.not_min = self.not_min.max(!value);
        }
    }

    /// Adds all that another histogram has counted.
    pub fn merge(&mut self, other: &Self) {
        for (count, more) in self.counts.iter_mut().zip(&other.counts) {
            *count = count.wrapping_add(*more);
        }
        self.max = self.max.max(other.max);
        self.not_min = self.not_min.max(other.not_min);
    }

    /// Forgets everything.
    pub fn clear(&mut self) {
        self.counts.fill(0);
        self.max = 0;
        self.not_min = 0;
    }

    /// How many values were counted.
    #[must_use]
    pub fn count(&self) -> u64 {
        self.counts.iter().fold(0, |sum, count| sum.wrapping_add(*count))
    }

    /// Whether nothing was counted.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.count() == 0
    }

    /// The greatest value, exactly; 0 if there is none.
    #[must_use]
    pub const fn max(&self) -> u64 {
        self.max
    }

    /// The least value, exactly; 0 if there is none.
    #[must_use]
    pub fn min(&self) -> u64 {
        if self.not_min == 0 && self.is_empty() { 0 } else { !self.not_min }
    }

    /// The value that `numerator / denominator` of all values do not exceed: the least that is no smaller than that
    /// many, rounded up and at least one of them. `value_at(999, 1000)` is the 99.9th percentile.
    ///
    /// A fraction above 1, and one without a denominator, counts as 1. 0 if nothing was counted.
    #[must_use]
    pub fn value_at(&self, numerator: u64, denominator: u64) -> u64 {
        let total = self.count();
        if total == 0 {
            return 0;
        }
        let part = (u128::from(total) * u128::from(numerator)).div_ceil(u128::from(denominator.max(1)));
        let rank = if numerator >= denominator { total } else { part.max(1) as u64 };
        let mut below = 0_u64;
        for (i, count) in self.counts.iter().enumerate() {
            below = below.wrapping_add(*count);
            if below >= rank {
                // The last bucket has no end.
                return if i + 1 == BUCKETS { self.max } else { top_of(i).min(self.max) };
            }
        }
        self.max
    }

    /// The value that `per_mille` of a thousand values do not exceed: 500 is the median, 999 the 99.9th percentile.
    #[must_use]
    pub fn per_mille(&self, per_mille: u32) -> u64 {
        self.value_at(u64::from(per_mille), 1000)
    }

    /// The buckets that hold something, from the least up: the greatest value of each, and how many it holds.
    pub fn buckets(&self) -> impl Iterator<Item = (u64, u64)> + '_ {
        self.counts.iter().enumerate().filter(|(_, count)| **count > 0).map(|(i, count)| (top_of(i), *count))
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
            .field("max", &self.max)
            .finish_non_exhaustive()
    }
}
