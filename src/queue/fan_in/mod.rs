//! MPSC fan-in: an SPSC lane for each producer, one consumer that serves the lanes round robin.
//!
//! ```
//! use vvp_core::queue::{FanIn, PopError};
//!
//! // 4 lanes of 8 values each.
//! static ORDERS: FanIn<u32, 8, 4> = FanIn::new();
//!
//! let mut rx = ORDERS.consumer().expect("nobody else has it");
//! let mut a = ORDERS.producer().expect("a free lane"); // lane 0
//! let mut b = ORDERS.producer().expect("a free lane"); // lane 1
//! a.push_slice(&[1, 2]);
//! b.push(10)?;
//! drop(a); // gone; what it has published stays
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
//! A lane is a [`Spsc`]. A producer claims one and is then alone there: its handle is `Spsc`'s, with all that it can do
//! (singly, in slices, in place, staged). The consumer has the other end of all lanes. It goes round the lanes that were
//! ever claimed, which a row of bits names, and takes up to a *batch* of values from each that has some.
//!
//! ```text
//!   offset 0                   128                256
//!   +-------------------------+------------------+----------------+----------------+-- - - --+
//!   | used: 256 bits, 1 a     | claimed          | lane 0: a Spsc | lane 1: a Spsc |         |
//!   | lane, set when it is    | (the consumer's) |                |                |         |
//!   | first claimed;  claims  |                  |                |                |         |
//!   +-------------------------+------------------+----------------+----------------+-- - - --+
//! ```
//! Producers write to no line in common, once they have their lanes. An idle lane costs the consumer one load, of a line
//! that is in its cache because nobody has written to it, in each round; a round hands out a batch for every busy
//! lane. A lane that nobody has ever claimed costs nothing. Nothing is a pointer; all zero is empty.
//!
//! # Order and fairness
//! The values of a lane come in order; between lanes there is none but the consumer's turns. A lane that has values
//! waits while each of the others has at most one turn, of one batch at most.
//!
//! # What `Closed` promises
//! `pop` says [`Closed`](super::PopError::Closed) when all that the producers published has been taken, there was a moment at
//! which no lane had a producer, and one of the lanes was closed by its last. A producer that claims a second lane before
//! it leaves the first is never missed; nor is one that came before another left, if the other knew of it (by a message,
//! a join: by anything that orders the two). Whoever claims a lane later opens the fan-in again, so `Closed` is final only
//! where nobody will.
//!
//! # Progress
//! **All operations of producers and of the consumer are wait-free.** Nobody can hold up anybody else: a producer that
//! stalls or dies, wherever that be, delays only its own values, and what it had published is taken. Claiming a lane tries
//! each once.

mod consumer;

pub use consumer::FanInConsumer;

use super::Stats;
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

/// `LANES` queues of `N` values each, from as many producers to one consumer. `N` is a power of two, `LANES` from 1 to
/// 256 (checked at compile time).
///
/// Put it in a `static` and claim its ends with [`producer`](Self::producer) and [`consumer`](Self::consumer), or own
/// it and [`split`](Self::split) it. A big one is best made of zeroed memory in place (`zerocopy::FromZeros`).
#[cfg_attr(all(not(loom), target_has_atomic = "ptr"), derive(zerocopy::FromZeros))]
#[repr(C)]
pub struct FanIn<T, const N: usize, const LANES: usize> {
    claims: CachePadded<ClaimsLine>,
    /// Whether somebody holds the consumer. What it closes are the lanes.
    claimed: CachePadded<Claim>,
    lanes: [Spsc<T, N>; LANES],
    checked: Checked<Self>,
}

/// What producers write when they claim a lane.
#[cfg_attr(all(not(loom), target_has_atomic = "ptr"), derive(zerocopy::FromZeros))]
#[repr(C)]
struct ClaimsLine {
    /// A bit for each lane that was ever claimed. Never cleared: an idle lane is cheap.
    used: [AtomicUsize; WORDS],
    /// How often a lane was claimed.
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
        /// Empty lanes. A `const fn`, so that it can live in a static, where it costs no image.
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

    /// A producer for each lane and the consumer, for as long as this is borrowed. What is in the lanes stays; what was
    /// closed is open again.
    pub fn split(&mut self) -> ([Producer<'_, T, N>; LANES], FanInConsumer<'_, T, N, LANES>) {
        checked!(Self);
        self.lanes.iter_mut().for_each(Spsc::take_both);
        self.claimed.take();
        // Relaxed: whoever lent us this for our own has ordered its past before this.
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

    /// Claims the first lane that is free, or `None` when there is none. Dropping the handle gives the lane back; what it
    /// had published stays, and another producer goes on behind it.
    #[must_use]
    pub fn producer(&self) -> Option<Producer<'_, T, N>> {
        (0..LANES).find_map(|lane| self.producer_of(lane))
    }

    /// Claims this lane, or `None` while somebody has it, or where there is no such lane.
    #[must_use]
    pub fn producer_of(&self, lane: usize) -> Option<Producer<'_, T, N>> {
        checked!(Self);
        let producer = self.lanes.get(lane)?.producer()?;
        self.count_claim(lane);
        Some(producer)
    }

    /// Shows the consumer that a lane has a producer now.
    fn count_claim(&self, lane: usize) {
        // Relaxed: who sees a value that we push, or that we have gone, sees this as well, since we do it first.
        if let Some(used) = self.claims.used.get(lane / BITS) {
            used.fetch_or(1 << (lane % BITS), Ordering::Relaxed);
        }
        self.claims.registry.count();
    }

    /// A lane's producer, taken from an owner that is gone without having given it back: a process that died. `None` where
    /// there is no such lane.
    ///
    /// # Safety
    /// As for [`Spsc::take_over_producer`], for this lane.
    pub unsafe fn take_over_producer_of(&self, lane: usize) -> Option<Producer<'_, T, N>> {
        checked!(Self);
        // SAFETY: the caller sees to it.
        let producer = unsafe { self.lanes.get(lane)?.take_over_producer() };
        self.count_claim(lane);
        Some(producer)
    }

    /// The consumer, taken from an owner that is gone without having given it back.
    ///
    /// # Safety
    /// As for [`Spsc::take_over_consumer`], for all lanes.
    pub unsafe fn take_over_consumer(&self) -> FanInConsumer<'_, T, N, LANES> {
        checked!(Self);
        self.claimed.take();
        // SAFETY: the caller sees to it that there is no other.
        unsafe { FanInConsumer::attach(self) }
    }

    /// Claims the consumer, or `None` while somebody has it. Dropping the handle gives it back, so that another can go on
    /// where this one stopped. What it had closed is open again.
    #[must_use]
    pub fn consumer(&self) -> Option<FanInConsumer<'_, T, N, LANES>> {
        checked!(Self);
        self.claimed.claim()?;
        // SAFETY: the flag was down and is now ours.
        Some(unsafe { FanInConsumer::attach(self) })
    }

    /// How many lanes there are.
    #[must_use]
    pub const fn lanes(&self) -> usize {
        checked!(Self);
        LANES
    }

    /// How many values fit into a lane.
    #[must_use]
    pub const fn capacity(&self) -> usize {
        checked!(Self);
        N
    }

    /// How many values are in all lanes: each lane's number was true at some moment during the call.
    #[must_use]
    pub fn len(&self) -> usize {
        checked!(Self);
        self.lanes.iter().map(Spsc::len).sum()
    }

    /// Whether each lane was empty at some moment during the call.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        checked!(Self);
        self.lanes.iter().all(Spsc::is_empty)
    }

    /// Whether at a moment during the call no lane had a producer, and one of them was closed by its last. See
    /// [what `Closed` promises](self).
    #[must_use]
    pub fn is_closed(&self) -> bool {
        checked!(Self);
        self.claims.registry.all_gone(self.lanes.iter().map(Spsc::producer_end))
    }

    /// What one lane has done so far, or `None` where there is no such lane.
    #[must_use]
    pub fn lane_stats(&self, lane: usize) -> Option<Stats> {
        checked!(Self);
        Some(self.lanes.get(lane)?.stats())
    }

    /// What all lanes have done so far: sums, and for `high_water` the greatest of any lane.
    #[must_use]
    pub fn stats(&self) -> Stats {
        checked!(Self);
        self.lanes.iter().map(Spsc::stats).fold(Stats::default(), |sum, lane| Stats {
            pushed: sum.pushed.wrapping_add(lane.pushed),
            popped: sum.popped.wrapping_add(lane.popped),
            full_count: sum.full_count.wrapping_add(lane.full_count),
            high_water: sum.high_water.max(lane.high_water),
            depth: sum.depth.wrapping_add(lane.depth),
        })
    }

    /// The lanes of one word that were ever claimed, as bits.
    #[inline(always)]
    fn used(&self, word: usize) -> usize {
        // Relaxed: `producer_of` says why.
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
