//! Bounded MPSC queue with one total order that survives the death of a producer in the middle of a
//! push.
//!
//! Source: D. Vyukov, "Bounded MPMC queue", 1024cores, as in [`Mpsc`](super::Mpsc); the repair
//! follows the idea of a robust mutex: each producer records in its lane that it is in a push.
//!
//! ```
//! use vvp_core::queue::robust_mpsc::{RobustMpsc, Stage};
//! use vvp_core::queue::{Full, PopError};
//!
//! static QUEUE: RobustMpsc<u32, 8, 2> = RobustMpsc::new(); // 8 slots, lanes for 2 producers
//!
//! let mut rx = QUEUE.consumer().expect("not claimed yet");
//! let mut a = QUEUE.producer_of(0).expect("a free lane");
//! let mut b = QUEUE.producer_of(1).expect("a free lane");
//! a.push(1)?;
//! a.die(2, Stage::Reserved); // as if its process were killed after the reservation of a slot
//! b.push(3)?;
//! assert_eq!(rx.pop_with_lane(), Ok((0, 1)));
//! assert_eq!(rx.pop(), Err(PopError::Empty)); // blocked by the reserved slot
//! assert!(rx.pass_over(|lane| lane != 0)); // the caller knows that lane 0 is dead
//! assert_eq!(rx.pop_with_lane(), Ok((1, 3)));
//!
//! let mut again = QUEUE.take_over_producer_of(0).expect("there is such a lane");
//! assert_eq!(again.position(), 1); // values published from this lane
//! again.push(2)?;
//! assert_eq!(rx.pop_with_lane(), Ok((0, 2)));
//! # Ok::<(), Full<u32>>(())
//! ```
//!
//! # When to take it
//! For producers that can die: in other processes, or on another core that may be reset. Between
//! threads [`Mpsc`](super::Mpsc) costs less and takes values of every type. Without need for a
//! total order [`FanIn`](super::FanIn) costs least, and a dead producer blocks no one. It is for
//! [`Plain`] values: what a dying or hostile producer writes is at worst a wrong value.
//!
//! # How it works
//! ```text
//!   offset 0        128              256                          256 + 256 LANES
//!   +--------------+----------------+-------------------------+-- - - --+------------------------------+-- - - --+
//!   | tail         | head  passed   | lane 0: step full_count |         | slot 0: seq. lane number     |         |
//!   |              | claims  flags  | high_water | (128 on)   |         |         value                |         |
//!   |              |                | delivered  flags        |         |                              |         |
//!   +--------------+----------------+-------------------------+-- - - --+------------------------------+-- - - --+
//!     every push     the consumer;    the lane's producer;                the producer that reserved the slot,
//!                    claims           the consumer, claims                once a lap
//! ```
//! `tail` counts the reserved slots, `head` the released ones. A producer makes its lane's `step`
//! odd, reserves a slot by advancing `tail`, writes its value, its lane and the value's number in
//! the lane, stores the slot's *sequence number* (one more than the index of the reservation), and
//! makes `step` even again. A slot that stays unpublished after the producer of each lane was seen
//! outside the push of that moment (an even step, another step, or dead) belongs to a dead
//! producer:
//!
//! - seeing `tail` behind the slot implies seeing the odd step of the push that reserved it (the
//!   reservation is a Release);
//! - seeing a later step of that lane implies seeing the sequence number (steps are stored with
//!   Release; a successor in the lane knows of the death, and so of all that happened before it);
//! - knowing of the death implies seeing the sequence number, if it was stored.
//!
//! So [`pass_over`](RobustConsumer::pass_over) reads the steps, asks the caller about the lanes
//! with an odd one, and finally reads the sequence number once more: if it is not there by then, it
//! never will be.
//!
//! There are no pointers; all-zero bytes are the empty queue. Two numbers allow exactly-once
//! processing: a producer that takes a lane over learns how many values were published from it
//! ([`position`](RobustProducer::position)), and a consumer that takes over gets the first value
//! that was not released, with its number ([`handle`](RobustConsumer::handle)).
//!
//! # Progress
//! Push is lock-free: its compare-and-swap is repeated only if another producer has reserved
//! meanwhile. Pop is wait-free; a producer that is preempted in a push (some ten instructions) and
//! alive blocks the values behind its slot. Claiming a lane reads the whole ring. Indices wrap with
//! `usize`.

mod consumer;
mod producer;

pub use consumer::RobustConsumer;
pub use producer::{RobustProducer, Stage};

use super::QueueStats;
use crate::capacity::{Checked, CheckedCapacity, checked};
use crate::layout::{Field, Layout, field};
use crate::queue::internal::endpoint::Endpoint;
use crate::queue::internal::lane_registry::LaneRegistry;
use crate::queue::internal::sequenced_consumer::SequencedRing;
use crate::sync::{AtomicBytes, AtomicUsize, CachePadded, Ordering, Plain, const_unless_loom, unless_broken};
use core::fmt;
#[cfg(not(loom))]
use core::mem::offset_of;

/// A queue of `N` plain values from `LANES` producers to one consumer, in one total order. `N` is a
/// power of two, `LANES` from 1 to 256 (checked at compile time).
///
/// Put it in a `static` or in shared memory and claim its endpoints. Make a big one in zeroed
/// memory in place (`zerocopy::FromZeros`).
#[cfg_attr(all(not(loom), target_has_atomic = "ptr"), derive(zerocopy::FromZeros))]
#[repr(C)]
pub struct RobustMpsc<T, const N: usize, const LANES: usize> {
    /// Number of slots reserved.
    tail: CachePadded<AtomicUsize>,
    consumer: CachePadded<ConsumerLine>,
    lanes: [Lane; LANES],
    slots: [Slot<T>; N],
    checked: Checked<Self>,
}

/// The cache line that the consumer writes. The claims are here because a consumer reads them
/// whenever it finds the queue empty: on a line that producers write at each push this would be
/// false sharing.
#[cfg_attr(all(not(loom), target_has_atomic = "ptr"), derive(zerocopy::FromZeros))]
#[repr(C)]
struct ConsumerLine {
    /// Number of slots released.
    head: AtomicUsize,
    /// Number of these that were skipped.
    passed: AtomicUsize,
    claims: LaneRegistry,
    end: Endpoint,
}

#[cfg_attr(all(not(loom), target_has_atomic = "ptr"), derive(zerocopy::FromZeros))]
#[repr(C)]
struct Lane {
    producer: CachePadded<ProducerLine>,
    taken: CachePadded<TakenLine>,
}

/// The cache line of one lane that the consumer writes, and the owner of the lane at a claim.
#[cfg_attr(all(not(loom), target_has_atomic = "ptr"), derive(zerocopy::FromZeros))]
#[repr(C)]
struct TakenLine {
    /// The number of the lane's next value to be popped.
    delivered: AtomicUsize,
    /// The flags of the lane's producer endpoint.
    end: Endpoint,
}

/// The cache line that one producer writes.
#[cfg_attr(all(not(loom), target_has_atomic = "ptr"), derive(zerocopy::FromZeros))]
#[repr(C)]
struct ProducerLine {
    /// Odd during a push.
    step: AtomicUsize,
    /// Number of its pushes that found the queue full.
    full_count: AtomicUsize,
    /// The greatest depth that it saw.
    high_water: AtomicUsize,
}

#[cfg_attr(all(not(loom), target_has_atomic = "ptr"), derive(zerocopy::FromZeros))]
#[repr(C)]
pub(in crate::queue) struct Slot<T> {
    /// One more than the index of the reservation, once the value is published.
    sequence: AtomicUsize,
    /// Lane of the value.
    lane: AtomicUsize,
    /// Number of the value within its lane, from 0.
    number: AtomicUsize,
    value: AtomicBytes<T>,
}

#[cfg(not(loom))]
const _: () = {
    const WORD: usize = size_of::<usize>();
    type Q = RobustMpsc<u64, 4, 3>;
    assert!(offset_of!(ConsumerLine, head) == 0 && offset_of!(ConsumerLine, passed) == WORD);
    assert!(offset_of!(ConsumerLine, claims) == 2 * WORD && offset_of!(ConsumerLine, end) == 3 * WORD);
    assert!(offset_of!(ProducerLine, step) == 0 && offset_of!(TakenLine, end) == WORD);
    assert!(offset_of!(Lane, taken) == 128 && size_of::<Lane>() == 256);
    assert!(offset_of!(Q, tail) == 0 && offset_of!(Q, consumer) == 128 && offset_of!(Q, lanes) == 256);
    assert!(offset_of!(Q, slots) == 256 + 3 * 256 && offset_of!(Slot<usize>, value) == 3 * WORD);
};

impl<T: Plain, const N: usize, const LANES: usize> Layout for RobustMpsc<T, N, LANES> {
    const FIELDS: &'static [Field] = &[
        field!("tail", Self, tail.0),
        field!("consumer.head", Self, consumer.0.head),
        field!("consumer.passed", Self, consumer.0.passed),
        field!("consumer.claims", Self, consumer.0.claims),
        field!("consumer.closed", Self, consumer.0.end.closed),
        field!("consumer.claimed", Self, consumer.0.end.claimed),
        field!("lanes[i].step", Self, lanes, Lane, producer.0.step),
        field!("lanes[i].full_count", Self, lanes, Lane, producer.0.full_count),
        field!("lanes[i].high_water", Self, lanes, Lane, producer.0.high_water),
        field!("lanes[i].delivered", Self, lanes, Lane, taken.0.delivered),
        field!("lanes[i].closed", Self, lanes, Lane, taken.0.end.closed),
        field!("lanes[i].claimed", Self, lanes, Lane, taken.0.end.claimed),
        field!("slots[i].sequence", Self, slots, Slot<T>, sequence),
        field!("slots[i].lane", Self, slots, Slot<T>, lane),
        field!("slots[i].number", Self, slots, Slot<T>, number),
        field!("slots[i].value", Self, slots, Slot<T>, value),
    ];
}

impl Lane {
    const_unless_loom! {
        fn new() -> Self {
            Self {
                producer: CachePadded::new(ProducerLine {
                    step: AtomicUsize::new(0),
                    full_count: AtomicUsize::new(0),
                    high_water: AtomicUsize::new(0),
                }),
                taken: CachePadded::new(TakenLine { delivered: AtomicUsize::new(0), end: Endpoint::new() }),
            }
        }
    }
}

impl<T: Plain> Slot<T> {
    const_unless_loom! {
        fn new() -> Self {
            Self {
                sequence: AtomicUsize::new(0),
                lane: AtomicUsize::new(0),
                number: AtomicUsize::new(0),
                value: AtomicBytes::new(),
            }
        }
    }
}

impl<T, const N: usize, const LANES: usize> CheckedCapacity for RobustMpsc<T, N, LANES> {
    const CHECK: () = {
        assert!(N.is_power_of_two(), "RobustMpsc: N must be a power of two");
        assert!(
            align_of::<T>() <= 128,
            "RobustMpsc: T must be aligned to at most 128 bytes, more would move the slots"
        );
        assert!(LANES >= 1 && LANES <= super::fan_in::LANES_MAX, "RobustMpsc: LANES must be from 1 to 256");
    };
}

impl<T: Plain, const N: usize, const LANES: usize> RobustMpsc<T, N, LANES> {
    const_unless_loom! {
        /// Creates an empty queue. A `const fn`: a static queue is zeroed memory and costs no
        /// image.
        #[must_use]
        pub fn new() -> Self {
            Self {
                tail: CachePadded::new(AtomicUsize::new(0)),
                consumer: CachePadded::new(ConsumerLine {
                    head: AtomicUsize::new(0),
                    passed: AtomicUsize::new(0),
                    claims: LaneRegistry::new(),
                    end: Endpoint::new(),
                }),
                #[cfg(not(loom))]
                lanes: [const { Lane::new() }; LANES],
                #[cfg(loom)]
                lanes: core::array::from_fn(|_| Lane::new()),
                #[cfg(not(loom))]
                slots: [const { Slot::new() }; N],
                #[cfg(loom)]
                slots: core::array::from_fn(|_| Slot::new()),
                checked: Checked::new(),
            }
        }
    }

    /// Claims the first free lane; `None` if there is none. Dropping the handle releases the lane.
    #[must_use]
    pub fn producer(&self) -> Option<RobustProducer<'_, T, N, LANES>> {
        (0..LANES).find_map(|lane| self.producer_of(lane))
    }

    /// Claims this lane; `None` while it is claimed, or if there is no such lane. A closed lane is
    /// open again.
    #[must_use]
    pub fn producer_of(&self, lane: usize) -> Option<RobustProducer<'_, T, N, LANES>> {
        checked!(Self);
        let line = self.lanes.get(lane)?;
        line.taken.end.claimed.claim()?;
        Some(RobustProducer::attach(self, line, lane))
    }

    /// Takes a lane's producer over from a dead owner. The successor continues after the last value
    /// published from the lane; a push in progress never was in the queue. `None` if there is no
    /// such lane.
    ///
    /// All that the dead owner did must happen before this call: its death is known from the
    /// operating system, or from what has reset the other core. If the owner is alive, or two take
    /// the lane over, values are lost or duplicated, and nothing worse.
    #[must_use]
    pub fn take_over_producer_of(&self, lane: usize) -> Option<RobustProducer<'_, T, N, LANES>> {
        checked!(Self);
        let line = self.lanes.get(lane)?;
        line.taken.end.claimed.take();
        Some(RobustProducer::attach(self, line, lane))
    }

    /// Claims the consumer; `None` while it is claimed. Dropping the handle releases it, and the
    /// next owner continues where this one stopped. A closed endpoint is open again.
    #[must_use]
    pub fn consumer(&self) -> Option<RobustConsumer<'_, T, N, LANES>> {
        checked!(Self);
        self.consumer.end.claimed.claim()?;
        Some(RobustConsumer::attach(self))
    }

    /// Takes the consumer over from a dead owner. The successor continues with the first value
    /// whose slot was not released. As for [`take_over_producer_of`](Self::take_over_producer_of).
    pub fn take_over_consumer(&self) -> RobustConsumer<'_, T, N, LANES> {
        checked!(Self);
        self.consumer.end.claimed.take();
        RobustConsumer::attach(self)
    }

    /// Returns the capacity in values.
    #[must_use]
    pub const fn capacity(&self) -> usize {
        checked!(Self);
        N
    }

    /// Returns the number of lanes.
    #[must_use]
    pub const fn lanes(&self) -> usize {
        checked!(Self);
        LANES
    }

    /// Returns how many slots are reserved or hold a value at some moment during the call.
    #[must_use]
    pub fn len(&self) -> usize {
        self.stats().depth
    }

    /// Returns whether the queue is empty at some moment during the call.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Returns whether at some moment during the call no lane had a producer, dead ones included,
    /// and one of them was closed by its last one; or the consumer has closed and has not been
    /// claimed since.
    #[must_use]
    pub fn is_closed(&self) -> bool {
        checked!(Self);
        self.producers_closed() || self.consumer.end.is_closed()
    }

    /// Slots passed over, because a producer died in the middle of a push.
    #[must_use]
    pub fn passed_over(&self) -> usize {
        checked!(Self);
        self.consumer.passed.load(Ordering::Relaxed) // Relaxed: for display
    }

    /// Returns the statistics of the queue, over all owners of its endpoints. `pushed` counts
    /// reservations that were not skipped; `high_water` is the greatest depth that a producer saw,
    /// and exact after a refused push.
    #[must_use]
    pub fn stats(&self) -> QueueStats {
        checked!(Self);
        // Relaxed, all: for display. Head before tail, so that the difference is not negative.
        let passed = self.passed_over();
        let head = self.consumer.head.load(Ordering::Relaxed);
        let tail = self.tail.load(Ordering::Relaxed);
        let (mut full_count, mut met) = (0_usize, 0);
        for lane in &self.lanes {
            full_count = full_count.wrapping_add(lane.producer.full_count.load(Ordering::Relaxed));
            met = met.max(lane.producer.high_water.load(Ordering::Relaxed));
        }
        QueueStats::of(tail.wrapping_sub(passed), head.wrapping_sub(passed), full_count, met, N)
    }
}

impl<T, const N: usize, const LANES: usize> RobustMpsc<T, N, LANES> {
    /// Mask from index to slot.
    const MASK: usize = N.wrapping_sub(1);

    #[inline(always)]
    fn slot(&self, index: usize) -> &Slot<T> {
        // SAFETY: a masked index is below N.
        unsafe { self.slots.get_unchecked(index & Self::MASK) }
    }
}

// SAFETY: the contract is about the slots of `sequenced_slot`; these are others, whose values are
// atomics.
unsafe impl<T, const N: usize, const LANES: usize> SequencedRing for RobustMpsc<T, N, LANES> {
    type Slot = Slot<T>;

    const CAPACITY: usize = N;

    #[inline(always)]
    fn published(&self, number: usize) -> Option<&Slot<T>> {
        let slot = self.slot(number);
        // Acquire: pairs with the Release in `RobustProducer::push_until`: the value is written.
        (slot.sequence.load(Ordering::Acquire) == number.wrapping_add(1)).then_some(slot)
    }

    #[inline(always)]
    fn tail(&self) -> usize {
        self.tail.load(Ordering::Relaxed) // Relaxed: no access to a slot depends on it
    }

    #[inline(always)]
    fn head(&self) -> &AtomicUsize {
        &self.consumer.head
    }

    #[inline(always)]
    fn consumer_endpoint(&self) -> &Endpoint {
        &self.consumer.end
    }

    fn producers_closed(&self) -> bool {
        self.consumer.claims.all_gone(self.lanes.iter().map(|lane| &lane.taken.0.end))
    }

    #[inline(always)]
    fn release(&self, head: usize) {
        // Release: pairs with the Acquires in `RobustProducer::load_head` and `next_of`: we are
        // done with the slots before head.
        self.consumer.head.store(head, unless_broken("robust_give_back", Ordering::Release));
    }
}

impl<T: Plain, const N: usize, const LANES: usize> Default for RobustMpsc<T, N, LANES> {
    fn default() -> Self {
        Self::new()
    }
}

impl<T: Plain, const N: usize, const LANES: usize> fmt::Debug for RobustMpsc<T, N, LANES> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut out = f.debug_struct("RobustMpsc");
        out.field("capacity", &N).field("lanes", &LANES).field("stats", &self.stats()).finish_non_exhaustive()
    }
}

#[cfg(all(test, not(loom)))]
mod tests {
    use super::*;
    use crate::queue::{Full, PopError};

    type Queue = RobustMpsc<u64, 16, 2>;

    /// As if `number` values had been pushed and taken.
    fn move_on(queue: &Queue, number: usize) {
        queue.tail.store(number, Ordering::Relaxed);
        queue.consumer.head.store(number, Ordering::Relaxed);
        for back in 0..16 {
            let before = number.wrapping_sub(back);
            queue.slot(before.wrapping_sub(1)).sequence.store(before, Ordering::Relaxed);
        }
    }

    /// Makes one push by a producer that was idle while the other filled the queue: refused, and
    /// accepted once there is a free slot.
    fn stale_producer_is_refused(queue: &Queue, idle: &mut RobustProducer<'_, u64, 16, 2>) {
        let (mut busy, mut rx) = (queue.producer_of(1).unwrap(), queue.consumer().unwrap());
        let values: [u64; 16] = core::array::from_fn(|i| i as u64);
        assert_eq!(busy.push_slice(&values), 16);
        assert_eq!(idle.push(99), Err(Full(99)));
        assert_eq!(idle.push_slice(&[98, 97]), 0);
        assert!(values.iter().all(|value| rx.pop() == Ok(*value)));
        assert_eq!((idle.push(99), rx.pop(), rx.pop()), (Ok(()), Ok(99), Err(PopError::Empty)));
    }

    #[test]
    fn stale_producer_crosses_the_wrap_and_is_refused_by_a_full_queue() {
        for ahead in 0..40_u64 {
            let queue = Queue::new();
            move_on(&queue, usize::MAX - 20);
            let mut idle = queue.producer_of(0).unwrap();
            // One push, so that it knows of free slots.
            assert_eq!((idle.push(0), queue.consumer().unwrap().pop()), (Ok(()), Ok(0)));
            let (mut busy, mut rx) = (queue.producer_of(1).unwrap(), queue.consumer().unwrap());
            for value in 0..ahead {
                assert_eq!((busy.push(value), rx.pop()), (Ok(()), Ok(value)));
            }
            drop((busy, rx));
            stale_producer_is_refused(&queue, &mut idle);
        }
    }

    #[test]
    fn producer_idle_for_any_number_of_pushes_is_refused_by_a_full_queue() {
        for pushed in crate::queue::internal::free_limit::idle_times() {
            let queue = Queue::new();
            let mut idle = queue.producer_of(0).unwrap();
            assert_eq!((idle.push(0), queue.consumer().unwrap().pop()), (Ok(()), Ok(0)));
            move_on(&queue, pushed.wrapping_add(1));
            stale_producer_is_refused(&queue, &mut idle);
        }
    }
}
