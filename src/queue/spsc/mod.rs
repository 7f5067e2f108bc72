//! Bounded SPSC ring buffer: one producer, one consumer.
//!
//! Source: L. Lamport, "Specifying concurrent program modules", 1983, with cached indices: each
//! endpoint caches the other's index. Ours adds grants, claims and consumer pacing.
//!
//! ```
//! use vvp_core::queue::{Full, PopError, Spsc};
//!
//! static QUEUE: Spsc<u32, 4> = Spsc::new();
//!
//! let mut tx = QUEUE.producer().expect("not claimed yet");
//! let mut rx = QUEUE.consumer().expect("not claimed yet");
//! tx.push(1)?;
//! assert_eq!(tx.push_slice(&[2, 3, 4, 5]), 3); // exactly four fit
//! assert_eq!(tx.push(6), Err(Full(6)));
//!
//! assert_eq!(rx.pop(), Ok(1));
//! assert!(rx.drain().eq([2, 3, 4]));
//! assert_eq!(rx.pop(), Err(PopError::Empty));
//! tx.close();
//! assert_eq!(rx.pop(), Err(PopError::Closed));
//! # Ok::<(), Full<u32>>(())
//! ```
//!
//! # How it works
//! Two free-running indices wrap with `usize`: `tail` counts the published values, `head` the
//! released slots. Their difference is the depth, their low bits are the slots. Each has one
//! writer. The producer writes slots, then publishes them by storing `tail` with Release; the
//! consumer loads it with Acquire, takes the values, and releases the slots by storing `head` with
//! Release, which the producer loads with Acquire before it writes there again. Both endpoints
//! cache the other's index and load it again only when the cached one is used up. Each index has
//! cache lines of its own, so there is no false sharing.
//!
//! ```text
//!   offset 0                128                      256
//!   +----------------------+------------------------+----------+----------+-- - - --+------------+
//!   | tail     high_water  | head       high_water  | slot 0   | slot 1   |         | slot N - 1 |
//!   | full_count  flags    | in_drain   flags       |          |          |         |            |
//!   +----------------------+------------------------+----------+----------+-- - - --+------------+
//!     only the producer       only the consumer        the producer's from head + N down to tail,
//!     writes here             writes here              the consumer's from tail down to head
//! ```
//! There are no pointers, so the same bytes work at any address; all-zero bytes are the empty
//! queue.
//!
//! # Cost and progress
//! Every operation is wait-free. Its cost does not depend on `N`; batch operations take time
//! proportional to the number of values. Only claiming an endpoint takes a compare-and-swap. The
//! consumer pauses after it has drained a stream; see [docs/queues.md](crate::guide::queues).

mod consumer;
mod grant;
mod producer;

pub use consumer::{Consumer, Drain, ReadGrant};
pub use grant::Grant;
pub use producer::Producer;

use super::QueueStats;
use crate::capacity::{Checked, CheckedCapacity, checked};
use crate::layout::{Field, Layout, field};
use crate::queue::internal::endpoint::Endpoint;
use crate::queue::internal::shared_impls::{one_ring, one_to_one};
use crate::sync::{AtomicUsize, CachePadded, Ordering, Slots, const_unless_loom};
#[cfg(not(loom))]
use core::mem::offset_of;

/// A queue of `N` values from one producer to one consumer. `N` is a power of two (checked at
/// compile time) and all `N` slots are usable.
///
/// Put it in a `static` and claim its endpoints with [`producer`](Self::producer) and
/// [`consumer`](Self::consumer), or own it and [`split`](Self::split) it. Make a big one in zeroed
/// memory in place (`zerocopy::FromZeros`).
///
/// ```
/// use vvp_core::queue::Spsc;
///
/// let mut queue = Spsc::<u32, 4>::new();
/// let (mut tx, mut rx) = queue.split();
/// tx.push(1).expect("not full");
/// assert_eq!(rx.pop(), Ok(1));
/// drop((tx, rx)); // releases both endpoints
///
/// let mut tx = queue.producer().expect("released above");
/// assert!(queue.producer().is_none()); // claimed
/// assert!(queue.has_producer() && !queue.is_closed());
/// tx.push(2).expect("not full");
/// tx.close();
/// let stats = queue.stats();
/// assert_eq!((stats.pushed, stats.popped, stats.depth), (2, 1, 1));
/// assert_eq!((queue.capacity(), queue.len(), queue.is_empty()), (4, 1, false));
/// assert!(queue.is_closed()); // the value stays
/// ```
#[cfg_attr(all(not(loom), target_has_atomic = "ptr"), derive(zerocopy::FromZeros))]
#[repr(C)]
pub struct Spsc<T, const N: usize> {
    producer: CachePadded<ProducerLine>,
    consumer: CachePadded<ConsumerLine>,
    slots: Slots<T, N>,
    checked: Checked<Self>,
}

/// The cache line that the producer writes and the consumer reads.
#[cfg_attr(all(not(loom), target_has_atomic = "ptr"), derive(zerocopy::FromZeros))]
#[repr(C)]
struct ProducerLine {
    /// Number of values published: the index of the next slot to write.
    tail: AtomicUsize,
    /// The greatest depth that the producer saw.
    high_water: AtomicUsize,
    /// Number of calls that found the queue full.
    full_count: AtomicUsize,
    /// Closed: nothing more will come.
    end: Endpoint,
}

/// The cache line that the consumer writes and the producer reads.
#[cfg_attr(all(not(loom), target_has_atomic = "ptr"), derive(zerocopy::FromZeros))]
#[repr(C)]
struct ConsumerLine {
    /// Number of slots released: the index of the next value to pop.
    head: AtomicUsize,
    /// The greatest depth that the consumer saw.
    high_water: AtomicUsize,
    /// Upper bound on the values from `head` on that a [`Drain`] has moved out. If the drain is
    /// leaked, so are they; they are never returned twice.
    in_drain: AtomicUsize,
    /// Closed: nothing more will be taken.
    end: Endpoint,
}

#[cfg(not(loom))]
const _: () = {
    const WORD: usize = size_of::<usize>();
    assert!(offset_of!(ProducerLine, tail) == 0 && offset_of!(ConsumerLine, head) == 0);
    assert!(offset_of!(ProducerLine, high_water) == WORD && offset_of!(ConsumerLine, high_water) == WORD);
    assert!(offset_of!(ProducerLine, full_count) == 2 * WORD && offset_of!(ConsumerLine, in_drain) == 2 * WORD);
    assert!(offset_of!(ProducerLine, end) == 3 * WORD && offset_of!(ConsumerLine, end) == 3 * WORD);
    assert!(size_of::<Spsc<[u64; 8], 4>>() == 256 + 4 * 64);
};

impl<T, const N: usize> Layout for Spsc<T, N> {
    const FIELDS: &'static [Field] = &[
        field!("producer.tail", Self, producer.0.tail),
        field!("producer.high_water", Self, producer.0.high_water),
        field!("producer.full_count", Self, producer.0.full_count),
        field!("producer.closed", Self, producer.0.end.closed),
        field!("producer.claimed", Self, producer.0.end.claimed),
        field!("consumer.head", Self, consumer.0.head),
        field!("consumer.high_water", Self, consumer.0.high_water),
        field!("consumer.in_drain", Self, consumer.0.in_drain),
        field!("consumer.closed", Self, consumer.0.end.closed),
        field!("consumer.claimed", Self, consumer.0.end.claimed),
        Field::new("slots[i]", core::mem::offset_of!(Self, slots), Slots::<T, N>::STRIDE, Slots::<T, N>::STRIDE),
    ];
}

// SAFETY: a value goes through the queue from one thread to another, so it must be Send. Nothing
// else is shared: a slot belongs to one endpoint at a time, and `split` and the claim flags ensure
// that an endpoint has one owner.
unsafe impl<T: Send, const N: usize> Sync for Spsc<T, N> {}

// The queue gives no access to its values through a shared reference, so a panic elsewhere breaks
// none of its invariants.
impl<T, const N: usize> core::panic::RefUnwindSafe for Spsc<T, N> {}
impl<T, const N: usize> core::panic::UnwindSafe for Spsc<T, N> {}

impl<T, const N: usize> CheckedCapacity for Spsc<T, N> {
    /// Checks all that `T` and `N` must satisfy, also for the layout above.
    const CHECK: () = {
        assert!(N.is_power_of_two(), "Spsc: N must be a power of two");
        assert!(align_of::<T>() <= 128, "Spsc: T must be aligned to at most 128 bytes, more would move the slots");
        #[cfg(not(loom))]
        assert!(offset_of!(Self, producer) == 0 && offset_of!(Self, consumer) == 128 && offset_of!(Self, slots) == 256);
    };
}

impl<T, const N: usize> Spsc<T, N> {
    const_unless_loom! {
        /// Creates an empty queue.
        pub fn new() -> Self {
            Self {
                producer: CachePadded::new(ProducerLine {
                    tail: AtomicUsize::new(0),
                    high_water: AtomicUsize::new(0),
                    full_count: AtomicUsize::new(0),
                    end: Endpoint::new(),
                }),
                consumer: CachePadded::new(ConsumerLine {
                    head: AtomicUsize::new(0),
                    high_water: AtomicUsize::new(0),
                    in_drain: AtomicUsize::new(0),
                    end: Endpoint::new(),
                }),
                slots: Slots::new(),
                checked: Checked::new(),
            }
        }
    }

    /// Returns whether the producer endpoint is claimed. If not, all that it published is visible.
    #[must_use]
    pub fn has_producer(&self) -> bool {
        checked!(Self);
        self.producer.end.claimed.is_claimed()
    }

    /// The producer's flags.
    pub(super) const fn producer_end(&self) -> &Endpoint {
        &self.producer.0.end
    }

    /// Takes the producer endpoint over from an owner that is gone without releasing it, such as a
    /// dead process. The successor continues after the last published value; staged and granted
    /// values of the predecessor were never in the queue.
    ///
    /// # Safety
    /// No handle to this endpoint is in use any more, and no other thread takes it over at the same
    /// time. The predecessor's writes happen before this call, or its process is gone.
    pub unsafe fn take_over_producer(&self) -> Producer<'_, T, N> {
        self.producer.end.claimed.take();
        // SAFETY: the caller guarantees that there is no other handle.
        unsafe { Producer::attach(self) }
    }

    /// Takes the consumer endpoint over from an owner that is gone without releasing it. The
    /// successor continues with the first value whose slot was not released (or after those that a
    /// drain may have taken).
    ///
    /// # Safety
    /// As for [`take_over_producer`](Self::take_over_producer), for the other endpoint.
    pub unsafe fn take_over_consumer(&self) -> Consumer<'_, T, N> {
        self.consumer.end.claimed.take();
        // SAFETY: the caller sees to it that there is no other handle.
        unsafe { Consumer::attach(self) }
    }

    /// Returns the statistics of the queue.
    #[must_use]
    pub fn stats(&self) -> QueueStats {
        checked!(Self);
        // Relaxed, all: for display; no access to a slot depends on them.
        let popped = self.consumer.head.load(Ordering::Relaxed);
        let pushed = self.producer.tail.load(Ordering::Relaxed);
        let met =
            self.producer.high_water.load(Ordering::Relaxed).max(self.consumer.high_water.load(Ordering::Relaxed));
        QueueStats::of(pushed, popped, self.producer.full_count.load(Ordering::Relaxed), met, N)
    }
}

one_ring!(Spsc);
one_to_one!(Spsc, Producer, Consumer);

#[cfg(all(test, not(loom)))]
mod tests {
    use super::*;
    use crate::queue::{Full, PopError};

    #[test]
    fn fifo_order_survives_the_wrap_of_the_indices() {
        let queue = Spsc::<u8, 4>::new();
        let start = usize::MAX - 1;
        queue.producer.tail.store(start, Ordering::Relaxed);
        queue.consumer.head.store(start, Ordering::Relaxed);
        let (mut tx, mut rx) = (queue.producer().unwrap(), queue.consumer().unwrap());
        assert_eq!(rx.pop(), Err(PopError::Empty));
        assert_eq!(tx.push_slice(&[1, 2, 3]), 3);
        assert_eq!((queue.len(), tx.free_slots()), (3, 1));
        assert_eq!(tx.push(4), Ok(()));
        assert_eq!(tx.push(5), Err(Full(5)));
        assert_eq!(rx.read(4).unwrap().as_slices(), (&[1, 2][..], &[3, 4][..]));
        assert!(rx.drain().eq([1, 2, 3, 4]));
        assert_eq!((queue.len(), queue.stats().high_water), (0, 4));
    }

    #[test]
    fn impossible_indices_count_as_full_and_as_empty() {
        let queue = Spsc::<u32, 4>::new();
        let (mut tx, mut rx) = (queue.producer().unwrap(), queue.consumer().unwrap());
        let mut out = [0; 64];
        for garbage in [5, 1 << 20, usize::MAX / 2, usize::MAX - 4] {
            queue.producer.tail.store(garbage, Ordering::Relaxed);
            assert_eq!((rx.available(), rx.pop_slice(&mut out), rx.pop()), (0, 0, Err(PopError::Empty)));
            assert!(rx.read(1).is_err() && rx.read_up_to(9).is_empty() && rx.peek().is_none());
            queue.consumer.head.store(garbage, Ordering::Relaxed);
            assert_eq!((tx.free_slots(), tx.push_slice(&[7; 64]), tx.push(7)), (0, 0, Err(Full(7))));
            assert!(tx.grant(1).is_err() && tx.grant_up_to(9).is_empty());
        }
        queue.consumer.head.store(0, Ordering::Relaxed);
        queue.producer.tail.store(0, Ordering::Relaxed);
        assert_eq!((tx.push_slice(&[7; 64]), rx.pop_slice(&mut out)), (4, 4));
    }

    #[test]
    fn successor_continues_where_a_dead_owner_stopped() {
        let queue = Spsc::<u32, 4>::new();
        let mut dead = queue.producer().unwrap();
        dead.push(1).unwrap();
        dead.stage(2).unwrap();
        core::mem::forget(dead);
        assert!(queue.producer().is_none());
        // SAFETY: the other one is never used or dropped.
        let mut tx = unsafe { queue.take_over_producer() };
        tx.push(3).unwrap();
        let mut dead = queue.consumer().unwrap();
        assert_eq!(dead.pop(), Ok(1));
        core::mem::forget(dead);
        // SAFETY: as above.
        let mut rx = unsafe { queue.take_over_consumer() };
        assert_eq!((rx.pop(), rx.pop()), (Ok(3), Err(PopError::Empty)));
        drop((tx, rx));
        assert!(queue.producer().is_some() && queue.consumer().is_some());
    }
}
