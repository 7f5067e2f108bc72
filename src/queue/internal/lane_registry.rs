//! Lane registry: tells whether all producers of a queue with lanes have gone for good.
//!
//! A lane is the part of a queue that belongs to one producer at a time.

use crate::queue::internal::endpoint::Endpoint;
use crate::sync::{AtomicUsize, Ordering, broken, const_unless_loom, unless_broken};

/// How often a lane was claimed, so that a producer that goes from one lane to another is not overlooked.
#[derive(Debug)]
#[cfg_attr(all(not(loom), target_has_atomic = "ptr"), derive(zerocopy::FromZeros))]
#[repr(transparent)]
pub(in crate::queue) struct LaneRegistry(AtomicUsize);

impl LaneRegistry {
    const_unless_loom! {
        /// None was.
        pub(in crate::queue) fn new() -> Self {
            Self(AtomicUsize::new(0))
        }
    }

    /// A lane was claimed: after its flag went up, and before anything is put in.
    pub(in crate::queue) fn count(&self) {
        // Release: pairs with the Acquire in `all_gone`: who counts us in sees our flag up.
        self.0.fetch_add(1, unless_broken("fan_in_count", Ordering::Release));
    }

    /// Whether at a moment during the call none of these lanes had a producer, and one of them was closed by its last.
    pub(in crate::queue) fn all_gone<'l>(&self, lanes: impl Iterator<Item = &'l Endpoint>) -> bool {
        // Acquire: pairs with the Release in `count`: of each producer counted here we see at least the flag up, so a flag
        // that is down below is that of a producer who has gone, and not of one yet to be seen.
        let claims = self.0.load(Ordering::Acquire);
        let mut closed = false;
        for lane in lanes {
            if lane.claimed.is_claimed() {
                return false;
            }
            closed |= lane.is_closed();
        }
        // Relaxed: the looks at the lanes, which are Acquire, keep it behind them, and it sees the count of each producer
        // whose going they saw. If it is what it was, nobody was there but those counted first, and they have gone: there
        // was a moment when none had a producer. (Unless the count went all the way round during the call.)
        closed && (self.0.load(Ordering::Relaxed) == claims || broken("fan_in_claims"))
    }
}
