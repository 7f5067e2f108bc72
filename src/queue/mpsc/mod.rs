//! Bounded MPSC queue: many producers, one consumer, one ring, one total order.
//!
//! Source: D. Vyukov, "Bounded MPMC queue", 1024cores. Ours has one consumer, which releases slots
//! through its index instead of their sequence; producers reserve runs of slots, and load the
//! consumer's index once in a quarter of the ring.
//!
//! ```
//! use vvp_core::queue::{Full, Mpsc, PopError};
//!
//! static QUEUE: Mpsc<u32, 8> = Mpsc::new();
//!
//! let mut rx = QUEUE.consumer().expect("not claimed yet");
//! let mut a = QUEUE.producer(); // any number of them, from the queue or by cloning
//! let mut b = a.clone();
//! a.push(1)?;
//! b.push(2)?;
//! assert_eq!(a.push_slice(&[3, 4, 5]), 3); // a run: no other values come in between
//! let mut run = b.grant(2).expect("three are free");
//! run.push(6)?;
//! run.commit(); // the second slot is skipped
//! assert_eq!(b.push(7), Ok(()));
//! assert_eq!(b.push(8), Err(Full(8)));
//!
//! assert_eq!(rx.pop(), Ok(1));
//! assert!(rx.drain().eq([2, 3, 4, 5, 6, 7]));
//! a.close();
//! assert_eq!(rx.pop(), Err(PopError::Empty)); // b may still push
//! drop(b);
//! assert_eq!(rx.pop(), Err(PopError::Closed));
//! # Ok::<(), Full<u32>>(())
//! ```
//!
//! # How it works
//! The free-running indices `tail` and `head` wrap with `usize`; their low bits are the slot. A
//! producer reserves the next slot, or a run of slots, by advancing `tail` with a compare-and-swap.
//! It writes its values and stores in each slot the value's *sequence number* (its index plus one)
//! with Release. The consumer waits for the sequence number in the slot itself, so value and signal
//! arrive on one line; it never writes to a slot, but releases slots by storing `head`. A producer
//! loads `head` once in `N / 4` values, or when the queue is full.
//!
//! A producer first tries the `tail` of its last push without a load. Alone, it is always right;
//! with other producers the failed compare-and-swap has fetched the line, so the next one succeeds.
//!
//! ```text
//!   offset 0      128                    256                    384
//!   +------------+----------------------+----------------------+---------------+---------------+-- - - --+
//!   | tail       | producers  full_count   | head    passed    | value 0  seq. | value 1  seq. |         |
//!   |            | high_water           | flags                |               |               |         |
//!   +------------+----------------------+----------------------+---------------+---------------+-- - - --+
//!     every push   when a producer comes   only the consumer      the producer that reserved the slot writes
//!                  or goes, or is refused  writes here            here, once a lap; as in `SequencedSpsc`
//! ```
//! There are no pointers, so the same bytes work at any address; all-zero bytes are the empty
//! queue.
//!
//! # Progress
//! - **Push is lock-free**, not wait-free: its compare-and-swap is repeated only if another
//!   producer has reserved meanwhile. From the second failure in a row on it backs off, up to 64
//!   pauses. A full queue is detected without a retry.
//! - **Pop is wait-free, but a stalled producer blocks it.** Values are popped in the order in
//!   which their slots were reserved. A producer that is preempted between reserving and publishing
//!   (a few instructions, or as long as it keeps a grant) hides everything behind its slot until it
//!   continues: `pop` returns `Empty`, and [`is_stalled`](MpscConsumer::is_stalled) says why. One
//!   that dies there stops the queue for good. (Within one process that takes a killed thread or a
//!   leaked grant: a panic publishes or skips what was reserved.) Where that must not happen,
//!   take [`FanIn`](super::FanIn), whose producers have a lane each, or
//!   [`RobustMpsc`](super::RobustMpsc).
//! - Without compare-and-swap (Cortex-M0) a push is a critical section that the application
//!   provides.

mod consumer;
mod grant;
mod producer;

pub use consumer::MpscConsumer;
pub use grant::MpscGrant;
pub use producer::MpscProducer;

use super::QueueStats;
use crate::capacity::{Checked, CheckedCapacity, checked};
use crate::layout::{Field, Layout, field};
use crate::queue::internal::endpoint::Endpoint;
use crate::queue::internal::sequenced_consumer::SequencedRing;
use crate::queue::internal::sequenced_slot::{SequencedSlots, Slot};
use crate::queue::internal::shared_impls::one_ring;
use crate::sync::{AtomicUsize, CachePadded, Ordering, broken, const_unless_loom, unless_broken};
#[cfg(not(loom))]
use core::mem::offset_of;

/// A queue of `N` values from many producers to one consumer, in one total order. `N` is a power of
/// two, at least 2 (checked at compile time), and all `N` slots are usable.
///
/// Put it in a `static` and get its endpoints with [`producer`](Self::producer) and
/// [`consumer`](Self::consumer), or own it and [`split`](Self::split) it. Make a big one in zeroed
/// memory in place (`zerocopy::FromZeros`).
#[cfg_attr(all(not(loom), target_has_atomic = "ptr"), derive(zerocopy::FromZeros))]
#[repr(C)]
pub struct Mpsc<T, const N: usize> {
    /// Number of slots reserved: the index of the next value.
    tail: CachePadded<AtomicUsize>,
    producers: CachePadded<ProducersLine>,
    consumer: CachePadded<ConsumerLine>,
    slots: SequencedSlots<T, N>,
    checked: Checked<Self>,
}

/// The cache line that producers write when they attach, detach, or find the queue full.
#[cfg_attr(all(not(loom), target_has_atomic = "ptr"), derive(zerocopy::FromZeros))]
#[repr(C)]
struct ProducersLine {
    /// Twice the number of producers; plus 1 if one has closed since there were none.
    producers: AtomicUsize,
    /// Number of calls that found the queue full.
    full_count: AtomicUsize,
    /// The greatest depth that a producer saw.
    high_water: AtomicUsize,
}

/// One producer, as counted in `producers`.
const ONE: usize = 2;
/// A producer has closed.
const CLOSING: usize = 1;

/// The cache line that the consumer writes and the producers read.
#[cfg_attr(all(not(loom), target_has_atomic = "ptr"), derive(zerocopy::FromZeros))]
#[repr(C)]
struct ConsumerLine {
    /// Number of slots released.
    head: AtomicUsize,
    /// Number of these that held no value: reserved by a grant and not written.
    passed: AtomicUsize,
    /// Closed: nothing more will be taken.
    end: Endpoint,
}

#[cfg(not(loom))]
const _: () = {
    const WORD: usize = size_of::<usize>();
    assert!(offset_of!(ProducersLine, producers) == 0 && offset_of!(ConsumerLine, head) == 0);
    assert!(offset_of!(ProducersLine, full_count) == WORD && offset_of!(ProducersLine, high_water) == 2 * WORD);
    assert!(offset_of!(ConsumerLine, passed) == WORD && offset_of!(ConsumerLine, end) == 2 * WORD);
    assert!(offset_of!(Mpsc<u64, 4>, tail) == 0 && offset_of!(Mpsc<u64, 4>, producers) == 128);
    assert!(offset_of!(Mpsc<u64, 4>, consumer) == 256 && offset_of!(Mpsc<u64, 4>, slots) == 384);
};

impl<T, const N: usize> Layout for Mpsc<T, N> {
    const FIELDS: &'static [Field] = &[
        field!("tail", Self, tail.0),
        field!("producers.producers", Self, producers.0.producers),
        field!("producers.full_count", Self, producers.0.full_count),
        field!("producers.high_water", Self, producers.0.high_water),
        field!("consumer.head", Self, consumer.0.head),
        field!("consumer.passed", Self, consumer.0.passed),
        field!("consumer.closed", Self, consumer.0.end.closed),
        field!("consumer.claimed", Self, consumer.0.end.claimed),
        field!("slots[i].value", Self, slots, Slot<T>, value),
        field!("slots[i].sequence", Self, slots, Slot<T>, sequence),
    ];
}

// SAFETY: values are moved from one thread to another, one owner at a time; only the owner of a
// slot gets references to its value.
unsafe impl<T: Send, const N: usize> Sync for Mpsc<T, N> {}

// The queue gives no access to its values through a shared reference, so a panic elsewhere breaks
// none of its invariants.
impl<T, const N: usize> core::panic::RefUnwindSafe for Mpsc<T, N> {}
impl<T, const N: usize> core::panic::UnwindSafe for Mpsc<T, N> {}

impl<T, const N: usize> CheckedCapacity for Mpsc<T, N> {
    const CHECK: () = {
        // At least 2: skipped slots need it.
        assert!(N.is_power_of_two() && N >= 2, "Mpsc: N must be a power of two, at least 2");
        assert!(align_of::<T>() <= 128, "Mpsc: T must be aligned to at most 128 bytes, more would move the slots");
    };
}

impl<T, const N: usize> Mpsc<T, N> {
    const_unless_loom! {
        /// Creates an empty queue. A `const fn`: a static queue is zeroed memory and costs no
        /// image.
        #[must_use]
        pub fn new() -> Self {
            Self {
                tail: CachePadded::new(AtomicUsize::new(0)),
                producers: CachePadded::new(ProducersLine {
                    producers: AtomicUsize::new(0),
                    full_count: AtomicUsize::new(0),
                    high_water: AtomicUsize::new(0),
                }),
                consumer: CachePadded::new(ConsumerLine {
                    head: AtomicUsize::new(0),
                    passed: AtomicUsize::new(0),
                    end: Endpoint::new(),
                }),
                slots: SequencedSlots::new(),
                checked: Checked::new(),
            }
        }
    }

    /// Returns a producer and the consumer, for as long as the queue is borrowed. Values in the
    /// queue stay; a closed endpoint is open again. Clone the producer for more.
    ///
    /// ```
    /// use vvp_core::queue::Mpsc;
    ///
    /// let mut queue = Mpsc::<u32, 4>::new();
    /// let (mut a, mut rx) = queue.split();
    /// let mut b = a.clone();
    /// a.push(1).expect("not full");
    /// b.push(2).expect("not full");
    /// assert!(rx.drain().eq([1, 2]));
    /// ```
    pub fn split(&mut self) -> (MpscProducer<'_, T, N>, MpscConsumer<'_, T, N>) {
        checked!(Self);
        // There is no handle, since each borrows the queue. This resets what leaked handles have
        // left. Relaxed: the exclusive borrow orders the queue's past before this.
        self.producers.producers.store(ONE, Ordering::Relaxed);
        self.consumer.end.claimed.take();
        let queue = &*self;
        // SAFETY: the exclusive borrow lasts as long as the handles, so there is no other consumer.
        (MpscProducer::attach(queue), unsafe { MpscConsumer::attach(queue) })
    }

    /// Attaches one more producer. A queue that was closed because all had gone is open again.
    pub fn producer(&self) -> MpscProducer<'_, T, N> {
        checked!(Self);
        // Acquire: pairs with the Release in `MpscProducer::drop`, so that this comes after what
        // closed the queue. Relaxed on failure: nothing depends on it but the retry.
        let count = &self.producers.producers;
        let mut now = count.load(Ordering::Relaxed); // Relaxed: a guess
        loop {
            let next = if now < ONE { ONE } else { now.wrapping_add(ONE) };
            // Lock-free: fails only if another producer attached or detached.
            match count.compare_exchange(now, next, Ordering::Acquire, Ordering::Relaxed) {
                Ok(_) => return MpscProducer::attach(self),
                Err(other) => now = other,
            }
        }
    }

    /// Claims the consumer endpoint; `None` while it is claimed. Dropping the handle releases it,
    /// and the next owner continues where this one stopped. A closed endpoint is open again.
    #[must_use]
    pub fn consumer(&self) -> Option<MpscConsumer<'_, T, N>> {
        checked!(Self);
        self.consumer.end.claimed.claim()?;
        // SAFETY: the flag was down and is now ours.
        Some(unsafe { MpscConsumer::attach(self) })
    }

    /// Returns whether all producers have gone, one of them by closing; or the consumer has closed
    /// and its endpoint has not been claimed since.
    #[must_use]
    pub fn is_closed(&self) -> bool {
        checked!(Self);
        self.producers_closed() || self.consumer.end.is_closed()
    }

    /// Returns the statistics of the queue.
    ///
    /// `pushed` counts reservations, published or not. `high_water` is the greatest depth that a
    /// producer saw: each loads the consumer's index at least once in `max(N / 4, 16)` values, so
    /// the queue may have been deeper by as many for a moment. After a refused push it is `N`, and
    /// exact.
    #[must_use]
    pub fn stats(&self) -> QueueStats {
        checked!(Self);
        // Relaxed, all: for display; no access to a slot depends on them.
        let passed = self.consumer.passed.load(Ordering::Relaxed);
        let head = self.consumer.head.load(Ordering::Relaxed);
        let tail = self.tail.load(Ordering::Relaxed);
        let (full_count, met) = (&self.producers.full_count, &self.producers.high_water);
        let (full_count, met) = (full_count.load(Ordering::Relaxed), met.load(Ordering::Relaxed));
        QueueStats::of(tail.wrapping_sub(passed), head.wrapping_sub(passed), full_count, met, N)
    }
}

impl<T, const N: usize> Drop for Mpsc<T, N> {
    fn drop(&mut self) {
        if core::mem::needs_drop::<T>() && !broken("queue_drop") {
            // `N` times instead of until it is empty: there may be values behind a slot that a
            // leaked grant has reserved.
            let (_, mut rx) = self.split();
            for _ in 0..N {
                drop(rx.pop());
                rx.pass_over_unfinished();
            }
        }
    }
}

// SAFETY: `has` is true once a producer has published value `number` in this slot, and no producer
// reserves the slot again before it has loaded a head past it.
unsafe impl<T, const N: usize> SequencedRing for Mpsc<T, N> {
    type Slot = Slot<T>;

    const CAPACITY: usize = N;

    #[inline(always)]
    fn published(&self, number: usize) -> Option<&Slot<T>> {
        let slot = self.slots.at(number);
        slot.has(number).then_some(slot)
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
        // Acquire: pairs with the Release in `MpscProducer::drop`: we see all that each of them
        // pushed.
        self.producers.producers.load(Ordering::Acquire) == CLOSING
    }

    #[inline(always)]
    fn release(&self, head: usize) {
        // Release: pairs with the Acquire in `MpscProducer::load_head`: we are done with the slots
        // before head.
        self.consumer.head.store(head, unless_broken("mpsc_give_back", Ordering::Release));
    }
}

one_ring!(Mpsc);

#[cfg(all(test, not(loom)))]
mod tests {
    use super::*;
    use crate::queue::{Full, PopError};

    /// As if `number` values had been pushed and taken.
    fn move_on<T, const N: usize>(queue: &Mpsc<T, N>, number: usize) {
        queue.tail.store(number, Ordering::Relaxed);
        queue.consumer.head.store(number, Ordering::Relaxed);
        for back in 0..N {
            let before = number.wrapping_sub(back);
            queue.slots.at(before.wrapping_sub(1)).set_sequence(before);
        }
    }

    /// Makes one push by a producer that was idle while others filled the queue: refused, and
    /// accepted once there is a free slot.
    fn stale_producer_is_refused(queue: &Mpsc<u64, 16>, idle: &mut MpscProducer<'_, u64, 16>) {
        let (mut busy, mut rx) = (queue.producer(), queue.consumer().unwrap());
        let values: [u64; 16] = core::array::from_fn(|i| i as u64);
        assert_eq!(busy.push_slice(&values), 16);
        assert_eq!(idle.push(99), Err(Full(99)));
        assert_eq!(idle.push_slice(&[98, 97]), 0);
        assert!(idle.grant(2).is_err());
        assert!(rx.drain().eq(values));
        assert_eq!((idle.push(99), rx.pop(), rx.pop()), (Ok(()), Ok(99), Err(PopError::Empty)));
    }

    #[test]
    fn stale_producer_crosses_the_wrap_and_is_refused_by_a_full_queue() {
        for ahead in 0..40_usize {
            let queue = Mpsc::<u64, 16>::new();
            move_on(&queue, usize::MAX - 20);
            let mut idle = queue.producer();
            // One push, so that it knows of free slots.
            assert_eq!((idle.push(0), queue.consumer().unwrap().pop()), (Ok(()), Ok(0)));
            let (mut busy, mut rx) = (queue.producer(), queue.consumer().unwrap());
            for value in 0..ahead as u64 {
                assert_eq!((busy.push(value), rx.pop()), (Ok(()), Ok(value)));
            }
            drop((busy, rx));
            stale_producer_is_refused(&queue, &mut idle);
        }
    }

    #[test]
    fn producer_idle_for_any_number_of_pushes_is_refused_by_a_full_queue() {
        for pushed in crate::queue::internal::free_limit::idle_times() {
            let queue = Mpsc::<u64, 16>::new();
            let mut idle = queue.producer();
            assert_eq!((idle.push(0), queue.consumer().unwrap().pop()), (Ok(()), Ok(0)));
            move_on(&queue, pushed.wrapping_add(1));
            stale_producer_is_refused(&queue, &mut idle);
        }
    }

    #[test]
    fn fifo_order_survives_the_wrap_of_the_sequence_numbers() {
        let queue = Mpsc::<u8, 4>::new();
        move_on(&queue, usize::MAX - 1);
        let (mut tx, mut rx) = (queue.producer(), queue.consumer().unwrap());
        assert_eq!(rx.pop(), Err(PopError::Empty));
        assert_eq!(tx.push_slice(&[1, 2, 3]), 3);
        assert_eq!((queue.len(), tx.free_slots()), (3, 1));
        assert_eq!(tx.clone().push(4), Ok(()));
        assert_eq!(tx.push(5), Err(Full(5)));
        assert!(rx.drain().eq([1, 2, 3, 4]));
        assert_eq!((queue.len(), queue.stats().high_water), (0, 4));
        assert_eq!(tx.push(6), Ok(()));
        assert_eq!(rx.pop(), Ok(6));
    }
}
