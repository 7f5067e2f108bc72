//! Bounded MPSC queue: many producers, one consumer, one ring, one total order.
//!
//! Source: D. Vyukov, "Bounded MPMC queue", 1024cores. Ours has one consumer, which gives slots
//! back through its index instead of their sequence; producers reserve runs of slots, and look at
//! the consumer once in a quarter of the ring.
//!
//! ```
//! use vvp_core::queue::{Full, Mpsc, PopError};
//!
//! static QUEUE: Mpsc<u32, 8> = Mpsc::new();
//!
//! let mut rx = QUEUE.consumer().expect("nobody else has it");
//! let mut a = QUEUE.producer(); // any number of them, from the queue or by cloning
//! let mut b = a.clone();
//! a.push(1)?;
//! b.push(2)?;
//! assert_eq!(a.push_slice(&[3, 4, 5]), 3); // a run: nobody else's values come in between
//! let mut run = b.grant(2).expect("three are free");
//! run.push(6)?;
//! run.commit(); // the second is left out
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
//! `tail` and `head` run on and on, wrapping with `usize`; their low bits choose the slot. A producer reserves the next
//! slot, or a run of them, by moving `tail` with a compare-and-swap; the slots are then its own. It writes its values and
//! stores in each slot the value's *sequence*, its number and one, with Release. The consumer waits for the sequence in the slot
//! itself, so value and signal arrive together; it never writes to a slot, but gives slots back by storing `head`. A
//! producer looks at `head` once in `N / 4` values, or when the queue is full.
//!
//! A producer begins with the `tail` that it left last time, without looking: alone, it is always right, and where others
//! push as well, the compare-and-swap that fails has brought the line here, so that the next one succeeds.
//!
//! ```text
//!   offset 0      128                    256                    384
//!   +------------+----------------------+----------------------+---------------+---------------+-- - - --+
//!   | tail       | producers  full_count   | head    passed    | value 0  seq. | value 1  seq. |         |
//!   |            | high_water           | flags                |               |               |         |
//!   +------------+----------------------+----------------------+---------------+---------------+-- - - --+
//!     every push   when a producer comes   only the consumer      who reserved the slot writes here, once
//!                  or goes, or is refused  writes here            a lap; slots are as in `SequencedSpsc`
//! ```
//! Nothing is a pointer, so the same bytes work wherever they are mapped; all zero is the empty queue.
//!
//! # Progress
//! - **Push is lock-free**, not wait-free: its compare-and-swap is repeated only if another producer has reserved
//!   meanwhile. After the second failure in a row it pauses, longer each time (64 pauses at most), which leaves the line
//!   to the others. A full queue is known at once.
//! - **Pop is wait-free, but a stalled producer holds it up.** Values come out in the order in which their slots were
//!   reserved. A producer that is interrupted between reserving and storing the sequence (a few instructions, or as long as it
//!   keeps a grant) makes everything behind its slot invisible until it goes on: `pop` says `Empty`,
//!   [`is_stalled`](MpscConsumer::is_stalled) says why. One that dies there stops the queue for good (in a process
//!   that goes on, that takes a killed thread or a forgotten grant: a panic publishes or passes over what was reserved).
//!   Where that must not happen, take [`FanIn`](super::FanIn), whose producers have a lane each.
//! - Where there is no compare-and-swap (Cortex-M0), it is a critical section that the application provides.

mod consumer;
mod grant;
mod producer;

pub use consumer::MpscConsumer;
pub use grant::MpscGrant;
pub use producer::MpscProducer;

use super::Stats;
use crate::capacity::{Checked, CheckedCapacity, checked};
use crate::layout::{Field, Layout, field};
use crate::queue::internal::endpoint::Endpoint;
use crate::queue::internal::sequenced_slot::{SequencedSlots, Slot};
use crate::queue::internal::shared_impls::one_ring;
use crate::sync::{AtomicUsize, CachePadded, Ordering, broken, const_unless_loom};
#[cfg(not(loom))]
use core::mem::offset_of;

/// A queue of `N` values from many producers to one consumer, in one order. `N` is a power of two, at least 2 (checked
/// at compile time), and all of it is usable.
///
/// Put it in a `static` and get its ends with [`producer`](Self::producer) and [`consumer`](Self::consumer), or own it
/// and [`split`](Self::split) it. A big one is best made of zeroed memory in place (`zerocopy::FromZeros`).
#[cfg_attr(all(not(loom), target_has_atomic = "ptr"), derive(zerocopy::FromZeros))]
#[repr(C)]
pub struct Mpsc<T, const N: usize> {
    /// How many slots were reserved so far: the number of the next value.
    tail: CachePadded<AtomicUsize>,
    producers: CachePadded<ProducersLine>,
    consumer: CachePadded<ConsumerLine>,
    slots: SequencedSlots<T, N>,
    checked: Checked<Self>,
}

/// What producers write when they come, go, or are refused.
#[cfg_attr(all(not(loom), target_has_atomic = "ptr"), derive(zerocopy::FromZeros))]
#[repr(C)]
struct ProducersLine {
    /// Twice how many producers there are; and 1 if one has closed since there were none.
    producers: AtomicUsize,
    /// How many calls found no room.
    full_count: AtomicUsize,
    /// The greatest depth a producer met.
    high_water: AtomicUsize,
}

/// One producer, as counted in `producers`.
const ONE: usize = 2;
/// A producer has closed.
const CLOSING: usize = 1;

/// What the consumer writes and the producers read.
#[cfg_attr(all(not(loom), target_has_atomic = "ptr"), derive(zerocopy::FromZeros))]
#[repr(C)]
struct ConsumerLine {
    /// How many slots were given back so far.
    head: AtomicUsize,
    /// How many of them held no value: what a grant had reserved and left out.
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

// SAFETY: values are moved from one thread to another, one owner at a time; references to them are given to nobody
// but the owner of a slot.
unsafe impl<T: Send, const N: usize> Sync for Mpsc<T, N> {}

// The queue gives no access to its values through a shared reference, so a panic elsewhere breaks none of its rules.
impl<T, const N: usize> core::panic::RefUnwindSafe for Mpsc<T, N> {}
impl<T, const N: usize> core::panic::UnwindSafe for Mpsc<T, N> {}

impl<T, const N: usize> CheckedCapacity for Mpsc<T, N> {
    const CHECK: () = {
        // At least 2: slots that may be left out need it.
        assert!(N.is_power_of_two() && N >= 2, "Mpsc: N must be a power of two, at least 2");
        assert!(align_of::<T>() <= 128, "Mpsc: T must be aligned to at most 128 bytes, more would move the slots");
    };
}

impl<T, const N: usize> Mpsc<T, N> {
    const_unless_loom! {
        /// An empty queue. A `const fn`, so that it can live in a static, where it costs no image.
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

    /// A producer and the consumer, for as long as the queue is borrowed. What is in the queue stays; what was closed
    /// is open again.
    pub fn split(&mut self) -> (MpscProducer<'_, T, N>, MpscConsumer<'_, T, N>) {
        checked!(Self);
        // Nobody holds a handle: each would borrow the queue. What forgotten ones have left is wiped out.
        // Relaxed: whoever lent us the queue for our own has ordered its past before this.
        self.producers.producers.store(ONE, Ordering::Relaxed);
        self.consumer.end.claimed.take();
        let queue = &*self;
        // SAFETY: the exclusive borrow lasts as long as the handles, so there is no other consumer.
        (MpscProducer::attach(queue), unsafe { MpscConsumer::attach(queue) })
    }

    /// A producer: one more. A queue that was closed because all had gone is open again.
    pub fn producer(&self) -> MpscProducer<'_, T, N> {
        checked!(Self);
        // Acquire: pairs with the Release in `MpscProducer::drop`, so that this comes after what closed the queue.
        // Relaxed where it fails: nothing is done because of it but another try.
        let count = &self.producers.producers;
        let mut now = count.load(Ordering::Relaxed); // Relaxed: a guess
        loop {
            let next = if now < ONE { ONE } else { now.wrapping_add(ONE) };
            // Lock-free: fails only if another producer came or went.
            match count.compare_exchange(now, next, Ordering::Acquire, Ordering::Relaxed) {
                Ok(_) => return MpscProducer::attach(self),
                Err(other) => now = other,
            }
        }
    }

    /// Claims the consumer's end, or `None` while somebody has it. Dropping the handle gives it back, so that another
    /// can go on where this one stopped. A closed end is open again.
    #[must_use]
    pub fn consumer(&self) -> Option<MpscConsumer<'_, T, N>> {
        checked!(Self);
        self.consumer.end.claimed.claim()?;
        // SAFETY: the flag was down and is now ours.
        Some(unsafe { MpscConsumer::attach(self) })
    }

    /// Whether all producers have gone, one of them by closing; or the consumer has closed and nobody has claimed its
    /// end since.
    #[must_use]
    pub fn is_closed(&self) -> bool {
        checked!(Self);
        self.producers_closed() || self.consumer.end.is_closed()
    }

    /// What the queue has done so far.
    ///
    /// `pushed` counts reservations, and so values that are about to be there. `high_water` is the greatest depth that a
    /// producer met: each looks at least once in `max(N / 4, 16)` values, so the queue may have been deeper by as many
    /// for a moment; once a single push was refused it is `N`, and exact.
    #[must_use]
    pub fn stats(&self) -> Stats {
        checked!(Self);
        // Relaxed, all: numbers to look at; nobody touches a slot because of them.
        let passed = self.consumer.passed.load(Ordering::Relaxed);
        let head = self.consumer.head.load(Ordering::Relaxed);
        let tail = self.tail.load(Ordering::Relaxed);
        let (full_count, met) = (&self.producers.full_count, &self.producers.high_water);
        let (full_count, met) = (full_count.load(Ordering::Relaxed), met.load(Ordering::Relaxed));
        Stats::of(tail.wrapping_sub(passed), head.wrapping_sub(passed), full_count, met, N)
    }

    /// Whether all producers have gone, one of them by closing.
    fn producers_closed(&self) -> bool {
        // Acquire: pairs with the Release in `MpscProducer::drop`: we see all that each of them pushed.
        self.producers.producers.load(Ordering::Acquire) == CLOSING
    }
}

impl<T, const N: usize> Drop for Mpsc<T, N> {
    fn drop(&mut self) {
        if core::mem::needs_drop::<T>() && !broken("queue_drop") {
            // Not until it is empty: behind a slot that a forgotten grant has reserved there may be values.
            let (_, mut rx) = self.split();
            for _ in 0..N {
                drop(rx.pop());
                rx.pass_over_unfinished();
            }
        }
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

    /// One push of a producer that was idle while others filled the queue: refused, and accepted once there is room.
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
    fn goes_on_when_the_numbers_wrap() {
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
