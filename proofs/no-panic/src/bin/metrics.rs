//! `metrics`: counters, gauges and the histogram.
#![no_std]
#![no_main]

use core::hint::black_box;
use vvp_core::metrics::{Counter, Gauge, Histogram, SharedCounter, SharedGauge};

static COUNTER: Counter = Counter::new();
static GAUGE: Gauge = Gauge::new();
static SHARED_COUNTER: SharedCounter = SharedCounter::new();
static SHARED_GAUGE: SharedGauge = SharedGauge::new();
static HISTOGRAM: Histogram = Histogram::new();
static OTHER: Histogram = Histogram::new();

fn counters(n: u64) -> u64 {
    COUNTER.add(n);
    SHARED_COUNTER.add(n as usize);
    GAUGE.set(n as usize);
    GAUGE.add(n as usize);
    GAUGE.sub(n as usize);
    let open = SHARED_GAUGE.add(n as usize) ^ SHARED_GAUGE.sub(n as usize) ^ SHARED_GAUGE.get();
    COUNTER.get() ^ (SHARED_COUNTER.get() ^ GAUGE.get() ^ GAUGE.high_water() ^ open) as u64
}

fn histogram(histogram: &Histogram, other: &Histogram, value: u64, n: u64) -> u64 {
    histogram.record(value);
    histogram.record_n(value, n);
    histogram.record_with_expected_interval(value, n);
    histogram.merge(other);
    let sum = histogram.per_mille(n as u32) ^ histogram.value_at(value, n);
    sum ^ histogram.min()
        ^ histogram.max()
        ^ histogram.count()
        ^ histogram.buckets().map(|bucket| bucket.1).sum::<u64>()
}

vvp_no_panic::cannot_panic!(
    counters(black_box(7)),
    histogram(black_box(&HISTOGRAM), black_box(&OTHER), black_box(7), black_box(3)),
);
