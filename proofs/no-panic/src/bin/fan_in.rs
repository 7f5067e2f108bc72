//! `queue::FanIn`: the consumer, and claiming lanes; what a producer does in its lane is `spsc`'s.
#![no_std]
#![no_main]

use core::hint::black_box;
use vvp_core::queue::{FanIn, FanInConsumer};

static NUMBERS: FanIn<u64, 64, 3> = FanIn::new();
static MANY: FanIn<[u64; 8], 16, 130> = FanIn::new();

fn consumer<T: Copy, const N: usize, const LANES: usize>(
    rx: &mut FanInConsumer<'_, T, N, LANES>,
    out: &mut [T],
    n: usize,
) -> usize {
    rx.set_batch(n);
    let single = usize::from(rx.pop().is_ok()) + rx.pop_with_lane().map_or(0, |(lane, _)| lane);
    let many = rx.pop_slice(out) + rx.drain().count();
    single + many + usize::from(rx.is_closed()) + rx.stats().depth
}

fn ends<T: Copy + 'static, const N: usize, const LANES: usize>(
    queue: &'static FanIn<T, N, LANES>,
    value: T,
    values: &mut [T],
    n: usize,
) -> usize {
    let (Some(mut first), Some(mut rx)) = (queue.producer(), queue.consumer()) else { return 0 };
    let mut done = usize::from(first.push(value).is_ok());
    if let Some(mut other) = queue.producer_of(n) {
        done += other.push_slice(values);
        other.close();
    }
    done += consumer(black_box(&mut rx), values, n) + queue.lane_stats(n).map_or(0, |stats| stats.high_water);
    rx.close();
    first.close();
    done + usize::from(queue.is_closed()) + queue.len()
}

vvp_no_panic::cannot_panic!(
    ends(black_box(&NUMBERS), black_box(1), black_box(&mut [0; 7][..]), black_box(2)),
    ends(black_box(&MANY), black_box([1; 8]), black_box(&mut [[0; 8]; 7][..]), black_box(9)),
);
