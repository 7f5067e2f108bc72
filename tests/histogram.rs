//! The histogram against a sorted list of all that was recorded.

use proptest::prelude::*;
use vvp_core::metrics::Histogram;

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

/// What the histogram may answer for an exact value: that or up to 1 % more. Beyond the range it knows the maximum.
fn agrees(answer: u64, exact: u64, max: u64) -> bool {
    if exact > TOP { answer == max } else { answer >= exact && answer - exact <= exact / 100 }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn answers_like_a_sorted_list(
        values in prop::collection::vec(durations(), 1..300),
        fractions in prop::collection::vec((0_u64..=1000, 1_u64..=1000), 8),
    ) {
        let mut histogram = Histogram::new();
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
    fn merging_is_recording_both(
        left in prop::collection::vec(durations(), 0..100),
        right in prop::collection::vec(durations(), 0..100),
    ) {
        let of = |values: &[u64]| {
            let mut histogram = Histogram::new();
            values.iter().for_each(|v| histogram.record(*v));
            histogram
        };
        let mut merged = of(&left);
        merged.merge(&of(&right));
        let both = of(&[left, right].concat());
        prop_assert!(merged.buckets().eq(both.buckets()));
        prop_assert_eq!((merged.min(), merged.max()), (both.min(), both.max()));
    }
}

#[test]
fn each_bucket_ends_where_the_next_begins() {
    // A value that is the greatest of its bucket is reported exactly; one more falls into the next bucket.
    let mut values = Vec::new();
    let mut next = 0_u64;
    while next <= TOP {
        let mut histogram = Histogram::new();
        histogram.record(next);
        histogram.record(TOP); // so that the maximum does not hide the bucket's end
        let end = histogram.value_at(1, 2);
        assert!(end >= next && end - next <= next / 128, "{next}..={end}");
        values.push(end);
        next = end + 1;
    }
    assert_eq!(values.len(), 4608);
}

#[test]
fn nothing_recorded_is_all_zero() {
    let mut histogram = Histogram::new();
    assert_eq!((histogram.count(), histogram.min(), histogram.max(), histogram.per_mille(999)), (0, 0, 0, 0));
    assert_eq!(histogram.value_at(1, 0), 0);
    histogram.record_n(7, 0);
    assert!(histogram.is_empty());
    histogram.record(u64::MAX);
    assert_eq!((histogram.min(), histogram.max(), histogram.value_at(1, 0)), (u64::MAX, u64::MAX, u64::MAX));
    histogram.clear();
    assert_eq!((histogram.count(), histogram.max()), (0, 0));
}
