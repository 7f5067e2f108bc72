//! Limit of free slots as a producer caches it, and for how long it may be trusted.
//!
//! A producer keeps its last known tail of the queue and a limit: the slots between the two were
//! free when it loaded the consumer's head. Both are counts that wrap with `usize`, so they can be
//! compared only while the queue's tail is less than half the range of a `usize` ahead of them. A
//! 64-bit count gets there after 2^63 pushes: 292 years at one per nanosecond. A 32-bit count gets
//! there after 2^31 pushes of the other producers: two seconds at the same rate. So a producer on a
//! 32-bit target that was idle meanwhile must not rely on the old limit: it loads tail and head at
//! the start of each push, and again after another producer has moved the tail.
//!
//! One case remains on a 32-bit target: a producer that stalls *inside* one push, between its load
//! of the head and its compare-and-swap, while the others push a multiple of 2^32 values, takes
//! their last slot for its own.

use crate::sync::broken;

/// Returns whether a limit remains valid for the pushes after the one that loaded it.
#[inline(always)]
pub(in crate::queue) fn outlives_push() -> bool {
    usize::BITS >= 64 || broken("stale_limit")
}

/// Returns numbers of pushes that others make while one producer is idle, for tests: around half
/// the range of a `usize` and all of it on a 32-bit target, and as far as a count can get in a
/// lifetime on others.
#[cfg(all(test, not(loom)))]
pub(in crate::queue) fn idle_times() -> impl Iterator<Item = usize> {
    let corners: &[usize] =
        if usize::BITS >= 64 { &[1 << 20, usize::MAX / 8] } else { &[1 << 20, 1 << 30, 1 << 31, (1 << 31) + 4096, 0] };
    corners
        .iter()
        .flat_map(|corner| (0..33).map(|offset| corner.wrapping_add(offset).wrapping_sub(16)))
        .filter(|pushed| usize::BITS < 64 || *pushed < usize::MAX / 2)
}
