//! Pools and slabs: acquire and release.

use super::harness::{Harness, wait_for};
use super::row::Row;
use core::hint::black_box;
use vvp_core::pool::{Pool, Reset, Slab};
use vvp_core::queue::Spsc;
use vvp_std_adapter::memory::{MapError, Pages, Zeroed};

const GROUP: &str = "pools";
const N: usize = 1024;
const BURST: usize = 64;

/// 64 bytes, the size of an order.
#[derive(Clone, Copy, Debug, Default)]
struct Order([u64; 8]);

impl Reset for Order {
    #[inline(always)]
    fn reset(&mut self) {
        self.0[0] = 0;
    }
}

/// Measures all rows of this group.
///
/// # Errors
/// No memory.
pub(super) fn rows(harness: &Harness, row: &mut dyn FnMut(Row)) -> Result<(), MapError> {
    let n = harness.operations(4_000_000);
    let pool = Box::new(Pool::<Order, N>::new());
    row(harness.solo(GROUP, "Pool, take and give back, 64 bytes", n, || {
        for i in 0..n {
            if let Some(mut order) = pool.acquire() {
                *order = black_box(Order([i; 8]));
            }
        }
    }));
    let magazine = pool.magazine::<BURST>();
    row(harness.solo(GROUP, "Magazine, take and give back, 64 bytes", n, || {
        for i in 0..n {
            if let Some(mut order) = magazine.acquire() {
                *order = black_box(Order([i; 8]));
            }
        }
    }));
    drop(magazine);
    let mut slab = Zeroed::<Slab<u64, N>>::new(Pages::READY)?;
    row(harness.solo(GROUP, "Slab, insert and remove, u64", n, || {
        for i in 0..n {
            if let Ok(key) = slab.insert(black_box(i)) {
                black_box(slab.remove(key));
            }
        }
    }));
    let n = harness.operations(1_000_000);
    let mut queue = Zeroed::<Spsc<_, N>>::new(Pages::READY)?;
    let (mut tx, mut rx) = queue.split();
    row(harness.pair(
        GROUP,
        "Pool, given back on the other processor",
        n,
        || {
            for i in 0..n {
                let mut order = None;
                wait_for(|| {
                    order = order.take().or_else(|| pool.acquire());
                    order.is_some()
                });
                let Some(mut order) = order else { continue };
                order.0[1] = i;
                let mut handle = order.into_handle();
                wait_for(|| match tx.push(handle) {
                    Ok(()) => true,
                    Err(full) => {
                        handle = full.0;
                        false
                    }
                });
            }
        },
        || {
            for _ in 0..n {
                wait_for(|| rx.pop().is_ok_and(|handle| pool.release(handle).is_ok()));
            }
        },
    ));
    Ok(())
}
