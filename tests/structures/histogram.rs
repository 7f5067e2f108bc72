//! `Histogram` against a sorted list of all recorded values.

use proptest::prelude::*;
use vvp_core::metrics::{Counter, Gauge, Histogram, SharedCounter, SharedGauge};

/// Durations of every size, with the edges of buckets among them.
fn durations() -> impl Strategy<Value = u64> {
    prop_oneof![
        0_u64..600,
        (0_u32..64, 0_u64..3).prop_map(|(bit, around)| (1_u64 << bit).wrapping_add(around).wrapping_sub(1)),
        (0_u32..42).prop_flat_map(|bit| (1_u64 << bit)..(2_u64 << bit)),
        any::<u64>(),
    ]
}

const TOP: u64 = (1 << 42) - 1;

/// Returns whether the histogram may report `answer` for an exact value: that value or up to 1 %
/// more; beyond the range, the maximum.
fn agrees(answer: u64, exact: u64, max: u64) -> bool {
    if exact > TOP { answer == max } else { answer >= exact && answer - exact <= exact / 100 }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn quantiles_agree_with_a_sorted_list(
        values in prop::collection::vec(durations(), 1..300),
        fractions in prop::collection::vec((0_u64..=1000, 1_u64..=1000), 8),
    ) {
        let histogram = Histogram::new();
        values.iter().for_each(|v| histogram.record(*v));
        let mut sorted = values.clone();
        sorted.sort_unstable();
        let (min, max) = (sorted[0], sorted[sorted.len() - 1]);
        prop_assert_eq!((histogram.min(), histogram.max()), (min, max));
        prop_assert_eq!(histogram.count(), values.len() as u64);
        prop_assert_eq!(histogram.buckets().map(|(_, n)| n).sum::<u64>(), values.len() as u64);
        for (numerator, denominator) in fractions.into_iter().chain([(0, 1), (1, 2), (999, 1000), (1, 1), (5, 1)]) {
            let rank = (values.len() as u64 * numerator).div_ceil(denominator).clamp(1, values.len() as u64);
            let exact = sorted[rank as usize - 1];
            let answer = histogram.value_at(numerator, denominator);
            prop_assert!(agrees(answer, exact, max), "{numerator}/{denominator}: {answer} for {exact}");
        }
    }

    #[test]
    fn merge_equals_recording_both(
        left in prop::collection::vec(durations(), 0..100),
        right in prop::collection::vec(durations(), 0..100),
    ) {
        let of = |values: &[u64]| {
            let histogram = Histogram::new();
            values.iter().for_each(|v| histogram.record(*v));
            histogram
        };
        let merged = of(&left);
        merged.merge(&of(&right));
        let both = of(&[left, right].concat());
        prop_assert!(merged.buckets().eq(both.buckets()));
        prop_assert_eq!((merged.min(), merged.max()), (both.min(), both.max()));
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    /// The two are within their errors of each other: 1/128 here, 1/1000 (three digits) there, on
    /// either side.
    #[test]
    fn agrees_with_hdrhistogram(
        values in prop::collection::vec((0_u32..42).prop_flat_map(|bit| (1_u64 << bit)..(2_u64 << bit)), 1..400),
        interval in prop_oneof![Just(0_u64), 1_000_u64..1_000_000_000],
        corrected in any::<bool>(),
    ) {
        let hour = 3_600_000_000_000;
        let ours = Histogram::new();
        let mut theirs = hdrhistogram::Histogram::<u64>::new_with_bounds(1, 1 << 42, 3).unwrap();
        for value in values {
            if corrected && value < hour / 100 {
                ours.record_with_expected_interval(value, interval);
                theirs.record_correct(value, interval).unwrap();
            } else {
                ours.record(value);
                theirs.record(value).unwrap();
            }
        }
        prop_assert_eq!(ours.count(), theirs.len());
        let near = |a: u64, b: u64| a.abs_diff(b) <= a.max(b) / 100;
        prop_assert!(near(ours.min(), theirs.min()) && near(ours.max(), theirs.max()));
        // Fractions that a float represents exactly; others might round the rank up.
        for q in 0..=1024_u64 {
            let (a, b) = (ours.value_at(q, 1024), theirs.value_at_quantile(q as f64 / 1024.0));
            prop_assert!(near(a, b), "{q}/1024: {a} and {b}");
        }
    }

    #[test]
    fn a_correction_counts_what_a_loop_would(value in durations(), interval in 1_u64..5_000_000) {
        let value = value % 5_000_000_000;
        let interval = interval.max(value / 5_000); // or the loop would take too long
        let (ours, looped) = (Histogram::new(), Histogram::new());
        ours.record_with_expected_interval(value, interval);
        looped.record(value);
        let mut missing = value.saturating_sub(interval);
        while missing >= interval {
            looped.record(missing);
            missing -= interval;
        }
        prop_assert!(ours.buckets().eq(looped.buckets()));
        prop_assert_eq!((ours.min(), ours.max()), (looped.min(), looped.max()));
    }
}

/// A correction visits each bucket at most once, for every interval.
#[test]
fn correction_with_a_tiny_interval_terminates() {
    let histogram = Histogram::new();
    histogram.record_with_expected_interval(u64::MAX, 1);
    assert_eq!((histogram.min(), histogram.max()), (1, u64::MAX));
    if usize::BITS == 64 {
        assert_eq!(histogram.count(), u64::MAX);
    } else {
        // A bucket saturates at 2^32 - 1 there.
        assert_eq!(histogram.buckets().map(|(_, count)| count).max(), Some(u64::from(u32::MAX)));
    }
    histogram.clear();
    histogram.record_with_expected_interval(7, u64::MAX);
    histogram.record_with_expected_interval(7, 0);
    assert_eq!(histogram.count(), 2);
}

#[test]
fn clone_keeps_the_values_of_its_moment() {
    let histogram = Histogram::new();
    [3, 500, u64::MAX].iter().for_each(|value| histogram.record(*value));
    let copy = histogram.clone();
    histogram.record(1);
    assert_eq!((copy.count(), copy.min(), copy.max()), (3, 3, u64::MAX));
    assert_eq!(Histogram::new().clone().min(), 0);
}

/// A concurrent reader sees counts that only grow, and the extremes that belong to them.
#[test]
fn concurrent_reads_are_monotonic() {
    static HISTOGRAM: Histogram = Histogram::new();
    const ROUNDS: u64 = 20_000;
    std::thread::scope(|scope| {
        scope.spawn(|| (0..ROUNDS).for_each(|n| HISTOGRAM.record(1_000_000 + n)));
        let mut before = 0;
        while before < ROUNDS {
            let count = HISTOGRAM.count();
            assert!(count >= before && count <= ROUNDS);
            before = count;
            if count > 0 {
                let (median, top) = (HISTOGRAM.value_at(1, 2), HISTOGRAM.value_at(1, 1));
                assert!((1_000_000..=1_000_000 + ROUNDS).contains(&median) && top >= median);
                assert_eq!(HISTOGRAM.min(), 1_000_000);
            }
            std::thread::yield_now();
        }
    });
    assert_eq!(HISTOGRAM.max(), 1_000_000 + ROUNDS - 1);
}

#[test]
fn counters_and_gauges_count_across_threads() {
    static COUNTER: Counter = Counter::new();
    static SHARED: (SharedCounter, SharedGauge) = (SharedCounter::new(), SharedGauge::new());
    std::thread::scope(|scope| {
        scope.spawn(|| (0..10_000).for_each(|_| COUNTER.add(3)));
        for _ in 0..2 {
            scope.spawn(|| {
                for _ in 0..10_000 {
                    SHARED.0.add(2);
                    SHARED.1.add(5);
                    SHARED.1.sub(4);
                }
            });
        }
        let mut before = 0;
        for _ in 0..1000 {
            let now = COUNTER.get();
            assert!(now >= before && now.is_multiple_of(3));
            before = now;
        }
    });
    assert_eq!((COUNTER.get(), SHARED.0.get(), SHARED.1.get()), (30_000, 40_000, 20_000));
    let gauge = Gauge::new();
    gauge.add(7);
    gauge.sub(9);
    gauge.set(2);
    assert_eq!((gauge.get(), gauge.high_water()), (2, 7));
}

#[test]
fn each_bucket_ends_where_the_next_begins() {
    // A value that is the greatest of its bucket is reported exactly; one more falls into the next
    // bucket.
    let mut values = Vec::new();
    let mut next = 0_u64;
    while next <= TOP {
        let histogram = Histogram::new();
        histogram.record(next);
        histogram.record(TOP); // so that the result is not clamped to the maximum
        let end = histogram.value_at(1, 2);
        assert!(end >= next && end - next <= next / 128, "{next}..={end}");
        values.push(end);
        next = end + 1;
    }
    assert_eq!(values.len(), 4608);
}

#[test]
fn empty_histogram_reports_zeros() {
    let histogram = Histogram::new();
    assert_eq!((histogram.count(), histogram.min(), histogram.max(), histogram.per_mille(999)), (0, 0, 0, 0));
    assert_eq!(histogram.value_at(1, 0), 0);
    histogram.record_n(7, 0);
    assert!(histogram.is_empty());
    histogram.record(u64::MAX);
    assert_eq!((histogram.min(), histogram.max(), histogram.value_at(1, 0)), (u64::MAX, u64::MAX, u64::MAX));
    histogram.clear();
    assert_eq!((histogram.count(), histogram.max()), (0, 0));
}
