//! SPSC queue with a sequence number in each slot: value and signal arrive on one cache line.
//!
//! Source: the slots of D. Vyukov, "Bounded MPMC queue", 1024cores, with one producer and one
//! consumer.
//!
//! ```
//! use vvp_core::queue::{Full, PopError, SequencedSpsc};
//!
//! static QUEUE: SequencedSpsc<u64, 4> = SequencedSpsc::new();
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
//! # Ok::<(), Full<u64>>(())
//! ```
//!
//! # When to take it
//! For values of up to 16 bytes that go from core to core one by one. In [`Spsc`](super::Spsc) the
//! consumer needs two cache lines of the producer for a value, that of the index and that of the
//! slot; here one line carries both, so a value that the consumer waits for arrives after one
//! transfer. The cost: sequence numbers take room (a slot of a `u64` is 16 bytes), so values are
//! not contiguous and cannot be granted as slices, and batches are slower than those of `Spsc`.
//! [docs/queues.md](crate::guide::queues) has the numbers.
//!
//! # How it works
//! Value number `i` (from 0, wrapping with `usize`) goes to slot `i mod N`. The producer writes it
//! and then stores `i + 1`, its sequence number, beside it with Release. The consumer waits for
//! value `i` by loading the sequence number of slot `i mod N` with Acquire until it is `i + 1`; a
//! slot with the sequence number of the previous lap, or the initial 0, is empty. The consumer
//! never writes to a slot. It releases slots by storing `head`, the number of values popped, which
//! the producer loads only when it has used up the free slots that it knew of.
//!
//! ```text
//!   offset 0                128                 256                    384
//!   +----------------------+-------------------+----------------------+---------------+---------------+-- - - --+
//!   | tail     high_water  | the producer's    | head                 | value 0 seq.  | value 1 seq.  |         |
//!   | full_count           | flags             | flags                |               |               |         |
//!   +----------------------+-------------------+----------------------+---------------+---------------+-- - - --+
//!     only the producer      hardly ever         only the consumer      only the producer writes here;
//!     writes here, for       written: an idle    writes here            on 64-bit targets a slot is a multiple of
//!     statistics and for     consumer polls                             16 bytes, so that value and sequence of up to
//!     its next owner         here                                       16 bytes lie on one line
//! ```
//! There are no pointers, so the same bytes work at any address; all-zero bytes are the empty
//! queue.
//!
//! # Cost and progress
//! Every operation is wait-free. Its cost does not depend on `N`; batch operations take time
//! proportional to the number of values. Claiming the producer endpoint takes up to `N` steps,
//! usually one: it scans for values that a process published just before it died. Only claiming
//! takes a compare-and-swap.

mod consumer;
mod producer;

pub use consumer::SequencedConsumer;
pub use producer::SequencedProducer;

use super::QueueStats;
use crate::capacity::{Checked, CheckedCapacity, checked};
use crate::layout::{Field, Layout, field};
use crate::queue::internal::endpoint::Endpoint;
use crate::queue::internal::sequenced_consumer::SequencedRing;
use crate::queue::internal::sequenced_slot::{SequencedSlots, Slot};
use crate::queue::internal::shared_impls::{one_ring, one_to_one};
use crate::sync::{AtomicUsize, CachePadded, Ordering, const_unless_loom};
#[cfg(not(loom))]
use core::mem::offset_of;

/// A queue of `N` values from one producer to one consumer, for small values that go one by one.
/// `N` is a power of two (checked at compile time) and all `N` slots are usable.
///
/// Put it in a `static` and claim its endpoints with [`producer`](Self::producer) and
/// [`consumer`](Self::consumer), or own it and [`split`](Self::split) it. Make a big one in zeroed
/// memory in place (`zerocopy::FromZeros`).
#[cfg_attr(all(not(loom), target_has_atomic = "ptr"), derive(zerocopy::FromZeros))]
#[repr(C)]
pub struct SequencedSpsc<T, const N: usize> {
    producer: CachePadded<ProducerLine>,
    consumer: CachePadded<ConsumerLine>,
    slots: SequencedSlots<T, N>,
    checked: Checked<Self>,
}

/// The cache line that the producer writes, for statistics and for its next owner.
#[cfg_attr(all(not(loom), target_has_atomic = "ptr"), derive(zerocopy::FromZeros))]
#[repr(C)]
struct ProducerLine {
    /// Number of values published.
    tail: AtomicUsize,
    /// The greatest depth that the producer saw.
    high_water: AtomicUsize,
    /// Number of calls that found the queue full.
    full_count: AtomicUsize,
    /// The flags, on a line of their own: a waiting consumer polls them, without false sharing with
    /// the producer's counts.
    end: CachePadded<Endpoint>,
}

/// The cache line that the consumer writes and the producer reads.
#[cfg_attr(all(not(loom), target_has_atomic = "ptr"), derive(zerocopy::FromZeros))]
#[repr(C)]
struct ConsumerLine {
    /// Number of slots released.
    head: AtomicUsize,
    /// Closed: nothing more will be taken.
    end: Endpoint,
}

#[cfg(not(loom))]
const _: () = {
    const WORD: usize = size_of::<usize>();
    assert!(offset_of!(ProducerLine, tail) == 0 && offset_of!(ConsumerLine, head) == 0);
    assert!(offset_of!(ProducerLine, high_water) == WORD && offset_of!(ProducerLine, full_count) == 2 * WORD);
    assert!(offset_of!(ProducerLine, end) == 128 && offset_of!(ConsumerLine, end) == WORD);
    assert!(offset_of!(SequencedSpsc<u64, 4>, consumer) == 256 && offset_of!(SequencedSpsc<u64, 4>, slots) == 384);
    assert!(size_of::<SequencedSpsc<u64, 16>>() == 640);
};

impl<T, const N: usize> Layout for SequencedSpsc<T, N> {
    const FIELDS: &'static [Field] = &[
        field!("producer.tail", Self, producer.0.tail),
        field!("producer.high_water", Self, producer.0.high_water),
        field!("producer.full_count", Self, producer.0.full_count),
        field!("producer.closed", Self, producer.0.end.0.closed),
        field!("producer.claimed", Self, producer.0.end.0.claimed),
        field!("consumer.head", Self, consumer.0.head),
        field!("consumer.closed", Self, consumer.0.end.closed),
        field!("consumer.claimed", Self, consumer.0.end.claimed),
        field!("slots[i].value", Self, slots, Slot<T>, value),
        field!("slots[i].sequence", Self, slots, Slot<T>, sequence),
    ];
}

// SAFETY: values are moved from one thread to another, one owner at a time; only the owner of an
// endpoint gets references to them.
unsafe impl<T: Send, const N: usize> Sync for SequencedSpsc<T, N> {}

impl<T, const N: usize> CheckedCapacity for SequencedSpsc<T, N> {
    const CHECK: () = {
        assert!(N.is_power_of_two(), "SequencedSpsc: N must be a power of two");
        assert!(
            align_of::<T>() <= 128,
            "SequencedSpsc: T must be aligned to at most 128 bytes, more would move the slots"
        );
    };
}

impl<T, const N: usize> SequencedSpsc<T, N> {
    const_unless_loom! {
        /// Creates an empty queue. A `const fn`: a static queue is zeroed memory and costs no
        /// image.
        #[must_use]
        pub fn new() -> Self {
            Self {
                producer: CachePadded::new(ProducerLine {
                    tail: AtomicUsize::new(0),
                    high_water: AtomicUsize::new(0),
                    full_count: AtomicUsize::new(0),
                    end: CachePadded::new(Endpoint::new()),
                }),
                consumer: CachePadded::new(ConsumerLine {
                    head: AtomicUsize::new(0),
                    end: Endpoint::new(),
                }),
                slots: SequencedSlots::new(),
                checked: Checked::new(),
            }
        }
    }

    /// Returns the statistics of the queue.
    ///
    /// `high_water` is the greatest depth that the producer saw. It loads the consumer's index at
    /// least once in `max(N / 4, 16)` pushes, so the queue may have been deeper by as many values
    /// for a moment.
    #[must_use]
    pub fn stats(&self) -> QueueStats {
        checked!(Self);
        // Relaxed, all: for display; no access to a slot depends on them.
        let popped = self.consumer.head.load(Ordering::Relaxed);
        let pushed = self.producer.tail.load(Ordering::Relaxed);
        let met = self.producer.high_water.load(Ordering::Relaxed);
        QueueStats::of(pushed, popped, self.producer.full_count.load(Ordering::Relaxed), met, N)
    }
}

// SAFETY: `has` is true once the producer has published value `number` in this slot, and the
// producer writes to the slot again only after it has loaded a head past it.
unsafe impl<T, const N: usize> SequencedRing for SequencedSpsc<T, N> {
    type Slot = Slot<T>;

    const CAPACITY: usize = N;

    #[inline(always)]
    fn published(&self, number: usize) -> Option<&Slot<T>> {
        let slot = self.slots.at(number);
        slot.has(number).then_some(slot)
    }

    #[inline(always)]
    fn tail(&self) -> usize {
        self.producer.tail.load(Ordering::Relaxed) // Relaxed: no access to a slot depends on it
    }

    #[inline(always)]
    fn head(&self) -> &AtomicUsize {
        &self.consumer.head
    }

    #[inline(always)]
    fn consumer_endpoint(&self) -> &Endpoint {
        &self.consumer.end
    }

    #[inline(always)]
    fn producers_closed(&self) -> bool {
        self.producer.end.is_closed()
    }

    #[inline(always)]
    fn release(&self, head: usize) {
        // Release: pairs with the Acquire in `SequencedProducer::load_head`: we are done with the
        // slots before head.
        self.consumer.head.store(head, Ordering::Release);
    }
}

one_ring!(SequencedSpsc);
one_to_one!(SequencedSpsc, SequencedProducer, SequencedConsumer);

#[cfg(all(test, not(loom)))]
mod tests {
    use super::*;
    use crate::queue::{Full, PopError};

    #[test]
    fn fifo_order_survives_the_wrap_of_the_sequence_numbers() {
        let queue = SequencedSpsc::<u8, 4>::new();
        let start = usize::MAX - 1;
        queue.producer.tail.store(start, Ordering::Relaxed);
        queue.consumer.head.store(start, Ordering::Relaxed);
        // As the lap before left them.
        for back in 1..=4 {
            queue.slots.at(start - back).set_sequence(start - back + 1);
        }
        let (mut tx, mut rx) = (queue.producer().unwrap(), queue.consumer().unwrap());
        assert_eq!(rx.pop(), Err(PopError::Empty));
        assert_eq!(tx.push_slice(&[1, 2, 3]), 3);
        assert_eq!((queue.len(), tx.free_slots()), (3, 1));
        assert_eq!(tx.push(4), Ok(()));
        assert_eq!(tx.push(5), Err(Full(5)));
        assert!(rx.drain().eq([1, 2, 3, 4]));
        assert_eq!((queue.len(), queue.stats().high_water), (0, 4));
    }

    #[test]
    fn successor_counts_what_a_dead_producer_published() {
        let queue = SequencedSpsc::<u8, 4>::new();
        let mut tx = queue.producer().unwrap();
        assert_eq!(tx.push_slice(&[1, 2]), 2);
        drop(tx);
        // The second was published, and its count not stored.
        queue.producer.tail.store(1, Ordering::Relaxed);
        assert_eq!(queue.producer().unwrap().push(3), Ok(()));
        assert!(queue.consumer().unwrap().drain().eq([1, 2, 3]));
    }
}
