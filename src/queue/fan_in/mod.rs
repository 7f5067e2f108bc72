//! MPSC fan-in: an SPSC lane for each producer, one consumer that serves the lanes round robin.
//!
//! ```
//! use vvp_core::queue::{FanIn, PopError};
//!
//! // 4 lanes of 8 values each.
//! static ORDERS: FanIn<u32, 8, 4> = FanIn::new();
//!
//! let mut rx = ORDERS.consumer().expect("not claimed yet");
//! let mut a = ORDERS.producer().expect("a free lane"); // lane 0
//! let mut b = ORDERS.producer().expect("a free lane"); // lane 1
//! a.push_slice(&[1, 2]);
//! b.push(10)?;
//! drop(a); // releases lane 0; its values stay
//! assert_eq!(rx.pop_with_lane(), Ok((0, 1)));
//! assert_eq!(rx.pop_with_lane(), Ok((0, 2)));
//! assert_eq!(rx.pop_with_lane(), Ok((1, 10)));
//!
//! let mut c = ORDERS.producer().expect("lane 0 again");
//! c.push(3)?;
//! c.close();
//! assert_eq!(rx.pop(), Ok(3));
//! assert_eq!(rx.pop(), Err(PopError::Empty)); // b may still push
//! b.close();
//! assert_eq!(rx.pop(), Err(PopError::Closed));
//! # Ok::<(), vvp_core::queue::Full<u32>>(())
//! ```
//!
//! # How it works
//! Source: Lamport's ring, as in [`Spsc`], once for each producer, in place of one queue that the
//! producers share. Ours adds the bitmap of lanes and the count of claims behind `Closed`.
//!
//! A lane is a [`Spsc`], and the handle of a producer is that of `Spsc` with all its operations
//! (single values, slices, grants, staging). The consumer has the other endpoint of all lanes. It
//! serves the lanes that were ever claimed, a bitmap, round robin, and pops up to a *batch* of
//! values from each.
//!
//! ```text
//!   offset 0                   128                256
//!   +-------------------------+------------------+----------------+----------------+-- - - --+
//!   | used: 256 bits, 1 a     | claimed          | lane 0: a Spsc | lane 1: a Spsc |         |
//!   | lane, set when it is    | (the consumer's) |                |                |         |
//!   | first claimed;  claims  |                  |                |                |         |
//!   +-------------------------+------------------+----------------+----------------+-- - - --+
//! ```
//! After the claim producers share no cache line, so there is no false sharing. An idle lane costs
//! the consumer one load of a cached line in each round; a round pops a batch from every busy lane.
//! A lane that was never claimed costs nothing. There are no pointers; all-zero bytes are the empty
//! queue.
//!
//! # Order and fairness
//! The values of a lane are popped in FIFO order; between lanes the order is that of the consumer's
//! turns. A lane with values waits for at most one batch of each other lane.
//!
//! # What `Closed` promises
//! `pop` returns [`Closed`](super::PopError::Closed) if all published values have been popped,
//! there was a moment at which no lane had a producer, and one of the lanes was closed by its last
//! one. A producer that claims a second lane before it leaves the first is never missed; nor is one
//! whose claim happens before another producer leaves. A later claim opens the queue again, so
//! `Closed` is final only if there are no later claims.
//!
//! # Progress
//! **All operations of producers and of the consumer are wait-free.** A producer that stalls or
//! dies at any point delays only its own values; what it had published is popped. Claiming tries
//! each lane once.

mod consumer;

pub use consumer::FanInConsumer;

use super::QueueStats;
use super::spsc::{Producer, Spsc};
use crate::capacity::{Checked, CheckedCapacity, checked};
use crate::layout::{Field, Layout, field};
use crate::queue::internal::endpoint::Claim;
use crate::queue::internal::lane_registry::LaneRegistry;
use crate::sync::{AtomicUsize, CachePadded, Ordering, const_unless_loom};
use core::fmt;
#[cfg(not(loom))]
use core::mem::offset_of;

/// The most lanes there can be.
pub const LANES_MAX: usize = 256;

const BITS: usize = usize::BITS as usize;
const WORDS: usize = LANES_MAX / BITS;

/// `LANES` queues of `N` values each, from as many producers to one consumer. `N` is a power of
/// two, `LANES` from 1 to 256 (checked at compile time).
///
/// Put it in a `static` and claim its endpoints with [`producer`](Self::producer) and
/// [`consumer`](Self::consumer), or own it and [`split`](Self::split) it. Make a big one in zeroed
/// memory in place (`zerocopy::FromZeros`).
#[cfg_attr(all(not(loom), target_has_atomic = "ptr"), derive(zerocopy::FromZeros))]
#[repr(C)]
pub struct FanIn<T, const N: usize, const LANES: usize> {
    claims: CachePadded<ClaimsLine>,
    /// Whether the consumer is claimed. Closing it closes the lanes.
    claimed: CachePadded<Claim>,
    lanes: [Spsc<T, N>; LANES],
    checked: Checked<Self>,
}

/// The cache line that producers write when they claim a lane.
#[cfg_attr(all(not(loom), target_has_atomic = "ptr"), derive(zerocopy::FromZeros))]
#[repr(C)]
struct ClaimsLine {
    /// A bit for each lane that was ever claimed. Never cleared: an idle lane is cheap.
    used: [AtomicUsize; WORDS],
    /// Number of lane claims.
    registry: LaneRegistry,
}

#[cfg(not(loom))]
const _: () = {
    assert!(offset_of!(ClaimsLine, used) == 0 && offset_of!(ClaimsLine, registry) == LANES_MAX / 8);
    assert!(offset_of!(FanIn<u64, 4, 3>, claims) == 0 && offset_of!(FanIn<u64, 4, 3>, claimed) == 128);
    assert!(offset_of!(FanIn<u64, 4, 3>, lanes) == 256);
    assert!(size_of::<FanIn<u64, 4, 3>>() == 256 + 3 * size_of::<Spsc<u64, 4>>());
};

impl<T, const N: usize, const LANES: usize> Layout for FanIn<T, N, LANES> {
    const FIELDS: &'static [Field] = &[
        field!("claims.used", Self, claims.0.used),
        field!("claims.registry", Self, claims.0.registry),
        field!("claimed", Self, claimed.0),
        Field::new("lanes[i]", core::mem::offset_of!(Self, lanes), size_of::<Spsc<T, N>>(), size_of::<Spsc<T, N>>()),
    ];
}

impl<T, const N: usize, const LANES: usize> CheckedCapacity for FanIn<T, N, LANES> {
    const CHECK: () = {
        assert!(N.is_power_of_two(), "FanIn: N must be a power of two");
        assert!(align_of::<T>() <= 128, "FanIn: T must be aligned to at most 128 bytes, more would move the slots");
        assert!(LANES >= 1 && LANES <= LANES_MAX, "FanIn: LANES must be from 1 to 256");
    };
}

impl<T, const N: usize, const LANES: usize> FanIn<T, N, LANES> {
    const_unless_loom! {
        /// Creates empty lanes. A `const fn`: a static queue is zeroed memory and costs no image.
        #[must_use]
        pub fn new() -> Self {
            checked!(Self);
            Self {
                claims: CachePadded::new(ClaimsLine {
                    #[cfg(not(loom))]
                    used: [const { AtomicUsize::new(0) }; WORDS],
                    #[cfg(loom)]
                    used: core::array::from_fn(|_| AtomicUsize::new(0)),
                    registry: LaneRegistry::new(),
                }),
                claimed: CachePadded::new(Claim::new()),
                #[cfg(not(loom))]
                lanes: [const { Spsc::new() }; LANES],
                #[cfg(loom)]
                lanes: core::array::from_fn(|_| Spsc::new()),
                checked: Checked::new(),
            }
        }
    }

    /// Returns a producer for each lane and the consumer, for as long as the queue is borrowed.
    /// Values in the lanes stay; closed endpoints are open again.
    ///
    /// ```
    /// use vvp_core::queue::FanIn;
    ///
    /// let mut queue = FanIn::<u32, 4, 2>::new();
    /// let ([mut a, mut b], mut rx) = queue.split();
    /// a.push(1).expect("not full");
    /// b.push(2).expect("not full");
    /// assert_eq!(rx.pop_with_lane(), Ok((0, 1)));
    /// assert_eq!(rx.pop_with_lane(), Ok((1, 2)));
    /// ```
    pub fn split(&mut self) -> ([Producer<'_, T, N>; LANES], FanInConsumer<'_, T, N, LANES>) {
        checked!(Self);
        self.lanes.iter_mut().for_each(Spsc::take_both);
        self.claimed.take();
        // Relaxed: the exclusive borrow orders the queue's past before this.
        for (word, used) in self.claims.used.iter().enumerate() {
            let lanes = LANES.saturating_sub(word * BITS);
            used.store(if lanes >= BITS { usize::MAX } else { (1 << lanes) - 1 }, Ordering::Relaxed);
        }
        let queue = &*self;
        // SAFETY: the exclusive borrow lasts as long as the handles, so there are no others.
        let producers = queue.lanes.each_ref().map(|lane| unsafe { Producer::attach(lane) });
        // SAFETY: as above.
        (producers, unsafe { FanInConsumer::attach(queue) })
    }

    /// Claims the first free lane; `None` if there is none. Dropping the handle releases the lane;
    /// its published values stay, and the next producer continues behind them.
    #[must_use]
    pub fn producer(&self) -> Option<Producer<'_, T, N>> {
        (0..LANES).find_map(|lane| self.producer_of(lane))
    }

    /// Claims this lane; `None` while it is claimed, or if there is no such lane.
    #[must_use]
    pub fn producer_of(&self, lane: usize) -> Option<Producer<'_, T, N>> {
        checked!(Self);
        let producer = self.lanes.get(lane)?.producer()?;
        self.count_claim(lane);
        Some(producer)
    }

    /// Records for the consumer that a lane has a producer now.
    fn count_claim(&self, lane: usize) {
        // Relaxed: seeing a value that we push, or our release, implies seeing this, since it comes
        // first.
        if let Some(used) = self.claims.used.get(lane / BITS) {
            used.fetch_or(1 << (lane % BITS), Ordering::Relaxed);
        }
        self.claims.registry.count();
    }

    /// Takes a lane's producer over from an owner that is gone without releasing it, such as a dead
    /// process. `None` if there is no such lane.
    ///
    /// # Safety
    /// As for [`Spsc::take_over_producer`], for this lane.
    pub unsafe fn take_over_producer_of(&self, lane: usize) -> Option<Producer<'_, T, N>> {
        checked!(Self);
        // SAFETY: the caller guarantees it.
        let producer = unsafe { self.lanes.get(lane)?.take_over_producer() };
        self.count_claim(lane);
        Some(producer)
    }

    /// Takes the consumer over from an owner that is gone without releasing it.
    ///
    /// # Safety
    /// As for [`Spsc::take_over_consumer`], for all lanes.
    pub unsafe fn take_over_consumer(&self) -> FanInConsumer<'_, T, N, LANES> {
        checked!(Self);
        self.claimed.take();
        // SAFETY: the caller guarantees that there is no other handle.
        unsafe { FanInConsumer::attach(self) }
    }

    /// Claims the consumer; `None` while it is claimed. Dropping the handle releases it, and the
    /// next owner continues where this one stopped. Lanes that it had closed are open again.
    #[must_use]
    pub fn consumer(&self) -> Option<FanInConsumer<'_, T, N, LANES>> {
        checked!(Self);
        self.claimed.claim()?;
        // SAFETY: the flag was down and is now ours.
        Some(unsafe { FanInConsumer::attach(self) })
    }

    /// Returns the number of lanes.
    #[must_use]
    pub const fn lanes(&self) -> usize {
        checked!(Self);
        LANES
    }

    /// Returns the capacity of a lane in values.
    #[must_use]
    pub const fn capacity(&self) -> usize {
        checked!(Self);
        N
    }

    /// Returns how many values are in all lanes: each lane's number was true at some moment during
    /// the call.
    #[must_use]
    pub fn len(&self) -> usize {
        checked!(Self);
        self.lanes.iter().map(Spsc::len).sum()
    }

    /// Returns whether each lane was empty at some moment during the call.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        checked!(Self);
        self.lanes.iter().all(Spsc::is_empty)
    }

    /// Returns whether at some moment during the call no lane had a producer, and one of them was
    /// closed by its last one. See [what `Closed` promises](self).
    #[must_use]
    pub fn is_closed(&self) -> bool {
        checked!(Self);
        self.claims.registry.all_gone(self.lanes.iter().map(Spsc::producer_end))
    }

    /// Returns the statistics of one lane; `None` if there is no such lane.
    #[must_use]
    pub fn lane_stats(&self, lane: usize) -> Option<QueueStats> {
        checked!(Self);
        Some(self.lanes.get(lane)?.stats())
    }

    /// Returns the statistics of all lanes: sums, and for `high_water` the greatest of any lane.
    #[must_use]
    pub fn stats(&self) -> QueueStats {
        checked!(Self);
        self.lanes.iter().map(Spsc::stats).fold(QueueStats::default(), |sum, lane| QueueStats {
            pushed: sum.pushed.wrapping_add(lane.pushed),
            popped: sum.popped.wrapping_add(lane.popped),
            full_count: sum.full_count.wrapping_add(lane.full_count),
            high_water: sum.high_water.max(lane.high_water),
            depth: sum.depth.wrapping_add(lane.depth),
        })
    }

    /// Returns the lanes of one word that were ever claimed, as bits.
    #[inline(always)]
    fn used(&self, word: usize) -> usize {
        // Relaxed: see `count_claim`.
        self.claims.used.get(word).map_or(0, |used| used.load(Ordering::Relaxed))
    }
}

impl<T, const N: usize, const LANES: usize> Default for FanIn<T, N, LANES> {
    fn default() -> Self {
        Self::new()
    }
}

impl<T, const N: usize, const LANES: usize> fmt::Debug for FanIn<T, N, LANES> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("FanIn").field("lanes", &LANES).field("stats", &self.stats()).finish_non_exhaustive()
    }
}
