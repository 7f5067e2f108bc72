//! Pools and metrics: the cost of an acquire and a release without contention.

use super::Workload;
use std::hint::black_box;
use vvp_core::metrics::{Counter, Histogram};
use vvp_core::pool::{Pool, Reset, Slab};

pub(crate) const WORKLOADS: &[Workload] = &[
    ("slab_pair_64_bytes", slab_pair),
    ("pool_pair_64_bytes", pool_pair),
    ("pool_handle_pair_64_bytes", handle_pair),
    ("magazine_pair_64_bytes", magazine_pair),
    ("magazine_burst_of_64", magazine_burst),
    ("histogram_record", histogram_record),
    ("counter_add", counter_add),
];

/// As big as an order.
#[derive(Clone, Copy, Default)]
struct Order([u64; 8]);

impl Reset for Order {
    #[inline(always)]
    fn reset(&mut self) {
        self.0[0] = 0;
    }
}

static POOL: Pool<Order, 256> = Pool::new();

fn slab_pair(times: u64) {
    let mut slab = Box::new(Slab::<Order, 256>::new());
    for i in 0..times {
        let Some(vacant) = slab.vacant() else { return };
        let key = vacant.insert(black_box(Order([i; 8])));
        black_box(slab.get(key));
        black_box(slab.remove(key).map(|order| order.0[0]));
    }
}

fn pool_pair(times: u64) {
    for i in 0..times {
        let Some(mut order) = POOL.acquire() else { return };
        *order = black_box(Order([i; 8]));
        black_box(&*order);
    }
}

fn handle_pair(times: u64) {
    for i in 0..times {
        let Some(handle) = POOL.acquire_handle() else { return };
        if let Ok(mut order) = POOL.adopt(black_box(handle)) {
            order.0[0] = i;
        }
    }
}

fn magazine_pair(times: u64) {
    let magazine = POOL.magazine::<64>();
    for i in 0..times {
        let Some(mut order) = magazine.acquire() else { return };
        *order = black_box(Order([i; 8]));
        black_box(&*order);
    }
}

/// One repetition is 64 orders.
fn magazine_burst(times: u64) {
    let magazine = POOL.magazine::<64>();
    for i in 0..times {
        let burst: [_; 64] = std::array::from_fn(|_| magazine.acquire());
        black_box((&burst, i));
    }
}

fn histogram_record(times: u64) {
    static LATENCY: Histogram = Histogram::new();
    for i in 0..times {
        LATENCY.record(black_box(100 + i * 37));
    }
    black_box(LATENCY.count());
}

fn counter_add(times: u64) {
    static COUNT: Counter = Counter::new();
    for i in 0..times {
        COUNT.add(black_box(i));
    }
    black_box(COUNT.get());
}
