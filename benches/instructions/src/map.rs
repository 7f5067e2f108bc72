//! Maps at three quarters of their places.

use super::Workload;
use std::hint::black_box;
use vvp_core::map::{ConcurrentMap, DenseMap, IdMap};

pub(crate) const WORKLOADS: &[Workload] = &[
    ("id_map_hit", id_map_hit),
    ("id_map_hit_in_sequence", id_map_hit_in_sequence),
    ("id_map_miss", id_map_miss),
    ("id_map_remove_insert", id_map_remove_insert),
    ("dense_map_hit", dense_map_hit),
    ("dense_map_remove_insert", dense_map_remove_insert),
    ("concurrent_map_hit", concurrent_map_hit),
    ("concurrent_map_update", concurrent_map_update),
    ("concurrent_map_remove_insert", concurrent_map_remove_insert),
];

const PLACES: usize = 4096;
const LIVE: u64 = PLACES as u64 / 4 * 3;

/// Returns the n-th id of a scattered sequence.
fn nth(n: u64) -> u64 {
    let z = n.wrapping_add(1).wrapping_mul(0x9e37_79b9_7f4a_7c15);
    (z ^ (z >> 29)).wrapping_mul(0xbf58_476d_1ce4_e5b9)
}

fn ids(id: impl Fn(u64) -> u64) -> Box<IdMap<u32, PLACES>> {
    let mut map = Box::new(IdMap::with_seed(0x5eed));
    (0..LIVE).for_each(|n| _ = map.insert(id(n), n as u32));
    map
}

fn id_map_hit(times: u64) {
    let map = ids(nth);
    (0..times).for_each(|i| _ = black_box(map.get(nth(i % LIVE))));
}

fn id_map_hit_in_sequence(times: u64) {
    let map = ids(|n| n);
    (0..times).for_each(|i| _ = black_box(map.get(black_box(i % LIVE))));
}

fn id_map_miss(times: u64) {
    let map = ids(nth);
    (0..times).for_each(|i| _ = black_box(map.get(nth(LIVE + i))));
}

fn id_map_remove_insert(times: u64) {
    let mut map = ids(nth);
    for i in 0..times {
        black_box(map.remove(nth(i)));
        black_box(map.insert(nth(LIVE + i), 0).is_ok());
    }
}

fn dense_map_hit(times: u64) {
    let mut map = Box::new(DenseMap::<u32, PLACES>::new());
    (0..LIVE).for_each(|n| _ = map.insert(n, n as u32));
    (0..times).for_each(|i| _ = black_box(map.get(black_box(i % LIVE))));
}

fn dense_map_remove_insert(times: u64) {
    let mut map = Box::new(DenseMap::<u32, PLACES>::new());
    (0..LIVE).for_each(|n| _ = map.insert(n, n as u32));
    for i in 0..times {
        black_box(map.remove(black_box(i)));
        black_box(map.insert(LIVE + i, 0).is_ok());
    }
}

fn shared() -> Box<ConcurrentMap<u64, u64, PLACES>> {
    let map = Box::new(ConcurrentMap::with_seed(0x5eed));
    (0..LIVE).for_each(|n| _ = map.insert(nth(n), n));
    map
}

fn concurrent_map_hit(times: u64) {
    let map = shared();
    (0..times).for_each(|i| _ = black_box(map.get(&nth(i % LIVE))));
}

fn concurrent_map_update(times: u64) {
    let map = shared();
    (0..times).for_each(|i| _ = black_box(map.update(&nth(i % LIVE), |n| n + 1).is_ok()));
}

fn concurrent_map_remove_insert(times: u64) {
    let map = shared();
    for i in 0..times {
        black_box(map.remove(&nth(i)));
        black_box(map.insert(nth(LIVE + i), i).is_ok());
    }
}
