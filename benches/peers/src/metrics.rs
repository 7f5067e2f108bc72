//! The histogram beside `hdrhistogram`: `vvp-peers metrics [--rounds N]`.

use crate::rows::{Row, compare};
use std::hint::black_box;
use vvp_core::metrics::{Counter, Histogram, SharedCounter};

pub fn run(rounds: usize) {
    // Latencies as they are: most near 100 ns, a tail up to a millisecond. The same for all, and
    // small enough to stay in the first cache.
    let mut random = 1_u64;
    let values: Vec<u64> = (0..1024)
        .map(|_| {
            random = random.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            let bits = (random >> 60).min(13);
            60 + (random >> 32) % (64 << bits.saturating_sub(3))
        })
        .collect();
    let ours = Box::new(Histogram::new());
    let mut two = hdrhistogram::Histogram::<u64>::new_with_bounds(1, 3_600_000_000_000, 2).expect("bounds");
    let mut three = hdrhistogram::Histogram::<u64>::new_with_bounds(1, 3_600_000_000_000, 3).expect("bounds");
    let at = |n: u64| black_box(values[n as usize % 1024]);
    let (counter, shared) = (Counter::new(), SharedCounter::new());
    let mut rows = [
        Row::new("vvp Histogram", |n| ours.record(at(n))),
        Row::new("hdrhistogram, 2 digits", |n| two.record(at(n)).expect("in bounds")),
        Row::new("hdrhistogram, 3 digits", |n| three.record(at(n)).expect("in bounds")),
        Row::new("vvp Counter", |n| counter.add(at(n))),
        Row::new("vvp SharedCounter", |n| shared.add(at(n) as usize)),
        Row::new("the loop alone", |n| _ = black_box(at(n))),
    ];
    compare("record", "hdrhistogram, 2 digits", rounds, 5_000_000, 1, &mut rows);
}
