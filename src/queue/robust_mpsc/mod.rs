//! Bounded MPSC queue with one total order that survives the death of a producer in the middle of a
//! push.
//!
//! Source: D. Vyukov, "Bounded MPMC queue", 1024cores, as in [`Mpsc`](super::Mpsc); the repair
//! follows the idea of a robust mutex: each producer leaves a note of what it is doing.
//!
//! ```
//! use vvp_core::queue::robust_mpsc::{RobustMpsc, Stage};
//! use vvp_core::queue::{Full, PopError};
//!
//! static QUEUE: RobustMpsc<u32, 8, 2> = RobustMpsc::new(); // 8 slots, lanes for 2 producers
//!
//! let mut rx = QUEUE.consumer().expect("nobody else has it");
//! let mut a = QUEUE.producer_of(0).expect("a free lane");
//! let mut b = QUEUE.producer_of(1).expect("a free lane");
//! a.push(1)?;
//! a.die(2, Stage::Reserved); // as if its core were reset, or its process killed, with a slot in its hand
//! b.push(3)?;
//! assert_eq!(rx.pop_with_lane(), Ok((0, 1)));
//! assert_eq!(rx.pop(), Err(PopError::Empty)); // held up
//! assert!(rx.pass_over(|lane| lane != 0)); // whoever can tell says that lane 0 is dead
//! assert_eq!(rx.pop_with_lane(), Ok((1, 3)));
//!
//! let mut again = QUEUE.take_over_producer_of(0).expect("there is such a lane");
//! assert_eq!(again.position(), 1); // one value was published from there: go on with the second
//! again.push(2)?;
//! assert_eq!(rx.pop_with_lane(), Ok((0, 2)));
//! # Ok::<(), Full<u32>>(())
//! ```
//!
//! # When to take it
//! For producers that can die: in other processes, or on another core that may be reset. Between threads, [`Mpsc`](super::Mpsc)
//! costs less and takes values of every type; where no common order is needed, [`FanIn`](super::FanIn) costs least, and a
//! dead producer holds up nobody to begin with. It is for [`Plain`] values: what a dying or hostile producer writes is
//! at worst a wrong value.
//!
//! # How it works
//! ```text
//!   offset 0        128              256                          256 + 256 LANES
//!   +--------------+----------------+-------------------------+-- - - --+------------------------------+-- - - --+
//!   | tail         | head  passed   | lane 0: step full_count |         | slot 0: seq. lane number     |         |
//!   |              | claims  flags  | high_water | (128 on)   |         |         value                |         |
//!   |              |                | delivered  flags        |         |                              |         |
//!   +--------------+----------------+-------------------------+-- - - --+------------------------------+-- - - --+
//!     every push     the consumer;    the lane's producer;                who reserved the slot, once a lap
//!                    who claims       the consumer, who claims
//! ```
//! `tail` counts the slots reserved, `head` those given back. A producer makes its lane's `step` odd, reserves a slot by moving
//! `tail`, writes its value, its lane and the value's number in the lane, stores the slot's *sequence* (one more than the count at
//! which it was reserved) and makes `step` even again. A slot that stays unpublished while the producer of each lane has been
//! seen outside the push of that moment, with an even step, another step, or dead, belongs to a dead one:
//!
//! - who sees `tail` behind the slot sees the odd step of the push that reserved it (the reservation is a Release);
//! - who sees a later step of that lane sees the sequence (steps are stored with Release, and one who takes a lane over knows of
//!   the death, and so of all that came before it);
//! - who knows of the death sees the sequence, if it was stored.
//!
//! So [`pass_over`](RobustConsumer::pass_over) looks at the steps, asks about the lanes with an odd one, and at the end looks
//! for the sequence once more: if it is not there by then, it never will be.
//!
//! Nothing is a pointer; all zero is empty. Exactly-once is the application's with two numbers: a producer that takes a lane
//! over learns how many values were published from there ([`position`](RobustProducer::position)), and a consumer that takes
//! over gets the first value that was not given back, with its number ([`handle`](RobustConsumer::handle)).
//!
//! # Progress
//! Push is lock-free: its compare-and-swap is repeated only if another producer has reserved meanwhile. Pop is wait-free; a
//! producer that is stopped in the middle of a push (some ten instructions) and lives makes what is behind its slot wait.
//! Claiming a lane reads the whole ring. Indices wrap with `usize`.

mod consumer;
mod producer;

pub use consumer::RobustConsumer;
pub use producer::{RobustProducer, Stage};

use super::Stats;
use crate::capacity::{Checked, CheckedCapacity, checked};
use crate::layout::{Field, Layout, field};
use crate::queue::internal::endpoint::Endpoint;
use crate::queue::internal::lane_registry::LaneRegistry;
use crate::sync::{AtomicBytes, AtomicUsize, CachePadded, Ordering, Plain, const_unless_loom};
use core::fmt;
#[cfg(not(loom))]
use core::mem::offset_of;

/// A queue of `N` plain values from `LANES` producers to one consumer, in one order. `N` is a power of two, `LANES` from 1 to
/// 256 (checked at compile time).
///
/// Put it in a `static` or in shared memory and claim its ends. A big one is best made of zeroed memory in place
/// (`zerocopy::FromZeros`).
#[cfg_attr(all(not(loom), target_has_atomic = "ptr"), derive(zerocopy::FromZeros))]
#[repr(C)]
pub struct RobustMpsc<T, const N: usize, const LANES: usize> {
    /// How many slots were reserved so far.
    tail: CachePadded<AtomicUsize>,
    consumer: CachePadded<ConsumerLine>,
    lanes: [Lane; LANES],
    slots: [Slot<T>; N],
    checked: Checked<Self>,
}

/// What the consumer writes. The claims are here, where producers write only when they come, because a consumer that meets
/// an empty queue reads them: on a line that producers write to with each push it would take that away.
#[cfg_attr(all(not(loom), target_has_atomic = "ptr"), derive(zerocopy::FromZeros))]
#[repr(C)]
struct ConsumerLine {
    /// How many slots were given back so far.
    head: AtomicUsize,
    /// How many of them were passed over.
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

/// What the consumer writes for one lane, and who claims the lane.
#[cfg_attr(all(not(loom), target_has_atomic = "ptr"), derive(zerocopy::FromZeros))]
#[repr(C)]
struct TakenLine {
    /// The number of the lane's next value to be taken.
    delivered: AtomicUsize,
    /// The producer's.
    end: Endpoint,
}

/// What one producer writes.
#[cfg_attr(all(not(loom), target_has_atomic = "ptr"), derive(zerocopy::FromZeros))]
#[repr(C)]
struct ProducerLine {
    /// Odd while it is in the middle of a push.
    step: AtomicUsize,
    /// How many of its pushes found no room.
    full_count: AtomicUsize,
    /// The greatest depth it met.
    high_water: AtomicUsize,
}

#[cfg_attr(all(not(loom), target_has_atomic = "ptr"), derive(zerocopy::FromZeros))]
#[repr(C)]
struct Slot<T> {
    /// One more than the count at which it was reserved, once the value is there.
    sequence: AtomicUsize,
    /// Whose value it is.
    lane: AtomicUsize,
    /// Which one of that lane's, from 0.
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
    /// What turns a count into a slot.
    const MASK: usize = N.wrapping_sub(1);

    const_unless_loom! {
        /// An empty queue. A `const fn`, so that it can live in a static, where it costs no image.
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

    /// Claims the first lane that is free, or `None` when there is none. Dropping the handle gives the lane back.
    #[must_use]
    pub fn producer(&self) -> Option<RobustProducer<'_, T, N, LANES>> {
        (0..LANES).find_map(|lane| self.producer_of(lane))
    }

    /// Claims this lane, or `None` while somebody has it, or where there is no such lane. A lane that was closed is open again.
    #[must_use]
    pub fn producer_of(&self, lane: usize) -> Option<RobustProducer<'_, T, N, LANES>> {
        checked!(Self);
        let line = self.lanes.get(lane)?;
        line.taken.end.claimed.claim()?;
        Some(RobustProducer::attach(self, line, lane))
    }

    /// A lane's producer, taken from an owner that is dead. It goes on after the last value published there; what the dead
    /// one was writing never was in the queue. `None` where there is no such lane.
    ///
    /// The caller knows of the death in a way that shows it all that the dead one did before: an operating system's word, or
    /// whatever reset the other core. If the owner lives after all, or two take the lane over, values are lost or doubled, and
    /// nothing worse.
    #[must_use]
    pub fn take_over_producer_of(&self, lane: usize) -> Option<RobustProducer<'_, T, N, LANES>> {
        checked!(Self);
        let line = self.lanes.get(lane)?;
        line.taken.end.claimed.take();
        Some(RobustProducer::attach(self, line, lane))
    }

    /// Claims the consumer, or `None` while somebody has it. Dropping the handle gives it back, so that another can go on
    /// where this one stopped. A closed end is open again.
    #[must_use]
    pub fn consumer(&self) -> Option<RobustConsumer<'_, T, N, LANES>> {
        checked!(Self);
        self.consumer.end.claimed.claim()?;
        Some(RobustConsumer::attach(self))
    }

    /// The consumer, taken from an owner that is dead. It goes on with the first value whose slot was not given back. As for
    /// [`take_over_producer_of`](Self::take_over_producer_of).
    pub fn take_over_consumer(&self) -> RobustConsumer<'_, T, N, LANES> {
        checked!(Self);
        self.consumer.end.claimed.take();
        RobustConsumer::attach(self)
    }

    /// How many values fit.
    #[must_use]
    pub const fn capacity(&self) -> usize {
        checked!(Self);
        N
    }

    /// How many lanes there are.
    #[must_use]
    pub const fn lanes(&self) -> usize {
        checked!(Self);
        LANES
    }

    /// How many slots are reserved or hold a value: true at some moment during the call, and perhaps no longer.
    #[must_use]
    pub fn len(&self) -> usize {
        self.stats().depth
    }

    /// Whether the queue is empty at this moment.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Whether at a moment during the call no lane had a producer, dead ones counted, and one of them was closed by its last; or
    /// the consumer has closed and nobody has claimed its end since.
    #[must_use]
    pub fn is_closed(&self) -> bool {
        checked!(Self);
        self.producers_closed() || self.consumer.end.is_closed()
    }

    /// Slots passed over, because a producer died in the middle of a push.
    #[must_use]
    pub fn passed_over(&self) -> usize {
        checked!(Self);
        self.consumer.passed.load(Ordering::Relaxed) // Relaxed: a number to look at
    }

    /// What the queue has done so far, whoever did it. `pushed` counts reservations that were not passed over; `high_water` is
    /// the greatest depth that a producer met, and exact once a push was refused.
    #[must_use]
    pub fn stats(&self) -> Stats {
        checked!(Self);
        // Relaxed, all: numbers to look at. Head before tail, so that the difference is not negative.
        let passed = self.passed_over();
        let head = self.consumer.head.load(Ordering::Relaxed);
        let tail = self.tail.load(Ordering::Relaxed);
        let (mut full_count, mut met) = (0_usize, 0);
        for lane in &self.lanes {
            full_count = full_count.wrapping_add(lane.producer.full_count.load(Ordering::Relaxed));
            met = met.max(lane.producer.high_water.load(Ordering::Relaxed));
        }
        Stats::of(tail.wrapping_sub(passed), head.wrapping_sub(passed), full_count, met, N)
    }

    /// Whether all producers have gone, one of them by closing.
    fn producers_closed(&self) -> bool {
        self.consumer.claims.all_gone(self.lanes.iter().map(|lane| &lane.taken.0.end))
    }

    #[inline(always)]
    fn slot(&self, count: usize) -> &Slot<T> {
        // SAFETY: a masked count is below N.
        unsafe { self.slots.get_unchecked(count & Self::MASK) }
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

    /// One push of a producer that was idle while the other filled the queue: refused, and accepted once there is room.
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
