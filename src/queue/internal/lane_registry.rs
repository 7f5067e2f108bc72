//! Lane registry: detects that all producers of a queue with lanes have gone for good.
//!
//! A lane is the part of a queue that belongs to one producer at a time.

use crate::queue::internal::endpoint::Endpoint;
use crate::sync::{AtomicUsize, Ordering, broken, const_unless_loom, unless_broken};

/// Number of claims of lanes, so that a producer that moves from one lane to another is not missed.
#[derive(Debug)]
#[cfg_attr(all(not(loom), target_has_atomic = "ptr"), derive(zerocopy::FromZeros))]
#[repr(transparent)]
pub(in crate::queue) struct LaneRegistry(AtomicUsize);

impl LaneRegistry {
    const_unless_loom! {
        /// Creates a registry without claims.
        pub(in crate::queue) fn new() -> Self {
            Self(AtomicUsize::new(0))
        }
    }

    /// Counts a claim: after the flag of the lane is set, and before the first push.
    pub(in crate::queue) fn count(&self) {
        // Release: pairs with the Acquire in `all_gone`: seeing our count implies seeing our flag
        // set.
        self.0.fetch_add(1, unless_broken("fan_in_count", Ordering::Release));
    }

    /// Returns whether at some moment during the call none of these lanes had a producer, and one
    /// of them was closed by its last one.
    pub(in crate::queue) fn all_gone<'l>(&self, lanes: impl Iterator<Item = &'l Endpoint>) -> bool {
        // Acquire: pairs with the Release in `count`: of each producer counted here we see the flag
        // set or a later value, so a clear flag below is that of a producer that has gone, not of
        // one not seen yet.
        let claims = self.0.load(Ordering::Acquire);
        let mut closed = false;
        for lane in lanes {
            if lane.claimed.is_claimed() {
                return false;
            }
            closed |= lane.is_closed();
        }
        // Relaxed: the Acquire loads of the lanes order this load after them, and it sees the count
        // of each producer whose release they saw. If it is unchanged, there were no producers but
        // those counted first, and they have gone: there was a moment without producers. (Unless
        // the count wrapped around fully during the call.)
        closed && (self.0.load(Ordering::Relaxed) == claims || broken("fan_in_claims"))
    }
}
