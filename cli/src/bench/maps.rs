//! Maps: lookup, insert and remove.

use super::harness::{Harness, wait_for};
use super::row::Row;
use core::hint::black_box;
use std::sync::atomic::{AtomicBool, Ordering};
use vvp_core::map::{ConcurrentMap, DenseMap, IdMap};
use vvp_std_adapter::memory::{MapError, Pages, Zeroed};

const GROUP: &str = "maps";
const PLACES: usize = 131_072;
/// Three quarters of the capacity.
const ENTRIES: u64 = 98_304;
const KEYS: u64 = 1024;

/// Returns a scattered id: the multiplication is a bijection, so all ids differ.
const fn id(n: u64) -> u64 {
    n.wrapping_mul(0x9e37_79b9_7f4a_7c15)
}

/// Measures all rows of this group.
///
/// # Errors
/// No memory.
pub(super) fn rows(harness: &Harness, row: &mut dyn FnMut(Row)) -> Result<(), MapError> {
    one_owner(harness, row)?;
    concurrent(harness, row)
}

fn one_owner(harness: &Harness, row: &mut dyn FnMut(Row)) -> Result<(), MapError> {
    let n = harness.operations(2_000_000);
    let mut map = Zeroed::<IdMap<u32, PLACES>>::new(Pages::READY)?;
    map.reseed(0x5eed);
    for i in 0..ENTRIES {
        let _ = map.insert(id(i), 7);
    }
    row(harness.solo(GROUP, "IdMap, hit, 75 % full", n, || {
        for i in 0..n {
            black_box(map.get(id(i.wrapping_mul(40_503) % ENTRIES)));
        }
    }));
    let mut oldest = 0;
    row(harness.solo(GROUP, "IdMap, remove and insert, 75 % full", n, || {
        for _ in 0..n {
            map.remove(id(oldest));
            let _ = map.insert(id(oldest + ENTRIES), 7);
            oldest += 1;
        }
    }));
    let mut dense = Zeroed::<DenseMap<u32, PLACES>>::new(Pages::READY)?;
    for i in 0..ENTRIES {
        let _ = dense.insert(i, 7);
    }
    row(harness.solo(GROUP, "DenseMap, hit, 75 % full", n, || {
        for i in 0..n {
            black_box(dense.get(i.wrapping_mul(40_503) % ENTRIES));
        }
    }));
    let mut oldest = 0;
    row(harness.solo(GROUP, "DenseMap, remove and insert, 75 % full", n, || {
        for _ in 0..n {
            dense.remove(oldest);
            let _ = dense.insert(oldest + ENTRIES, 7);
            oldest += 1;
        }
    }));
    Ok(())
}

fn concurrent(harness: &Harness, row: &mut dyn FnMut(Row)) -> Result<(), MapError> {
    let n = harness.operations(2_000_000);
    let mut map = Zeroed::<ConcurrentMap<u64, u64, 2048>>::new(Pages::READY)?;
    map.reseed(0x5eed);
    let map = &*map;
    for i in 0..KEYS {
        let _ = map.insert(id(i), i);
    }
    let read = |i: u64| {
        black_box(map.get(&id(i.wrapping_mul(619) % KEYS)));
    };
    row(harness.solo(GROUP, "ConcurrentMap, read", n, || (0..n).for_each(read)));
    // Relaxed: only a flag to stop.
    let (begun, done) = (AtomicBool::new(false), AtomicBool::new(false));
    row(harness.pair(
        GROUP,
        "ConcurrentMap, read beside a writer",
        n,
        || {
            wait_for(|| begun.load(Ordering::Relaxed));
            (0..n).for_each(read);
            done.store(true, Ordering::Relaxed);
        },
        || {
            done.store(false, Ordering::Relaxed);
            begun.store(true, Ordering::Relaxed);
            let mut i = 0u64;
            while !done.load(Ordering::Relaxed) {
                i = i.wrapping_add(1);
                let _ = map.insert(id(i.wrapping_mul(619) % KEYS), i);
            }
            begun.store(false, Ordering::Relaxed);
        },
    ));
    Ok(())
}
