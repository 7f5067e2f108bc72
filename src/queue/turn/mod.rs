//! One producer, one consumer, and in each slot beside the value the turn that says that it is there.
//!
//! ```
//! use vvp_core::queue::{Full, PopError, TurnSpsc};
//!
//! static QUEUE: TurnSpsc<u64, 4> = TurnSpsc::new();
//!
//! let mut tx = QUEUE.producer().expect("nobody else has it");
//! let mut rx = QUEUE.consumer().expect("nobody else has it");
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
//! For values of 16 bytes and less that go from core to core one by one. In [`Spsc`](super::Spsc) the consumer needs
//! two cache lines of the producer for a value, that of the index and that of the slot; here one carries both, so a
//! value that the consumer waits for is there after one transfer. What that costs: the turns take room (a slot of a
//! `u64` is 16 bytes), so values lie apart and cannot be lent as slices, and batches are slower than `Spsc`'s.
//! `docs/queues.md` has the numbers.
//!
//! # How it works
//! Value number `i` (from 0, wrapping with `usize`) goes to slot `i mod N`. The producer writes it and then stores
//! `i + 1`, its turn, beside it with Release. The consumer waits for value `i` by loading the turn of slot `i mod N`
//! with Acquire until it is `i + 1`; a slot that still holds the turn of the lap before, or the zero it began with, is
//! empty. It never writes to a slot. It gives slots back by storing how many it has taken, `head`, which the producer
//! looks at only when it has used up the room it knew of.
//!
//! ```text
//!   offset 0                128                      256
//!   +----------------------+------------------------+---------------+---------------+-- - - --+
//!   | tail     high_water  | head                   | value 0 turn  | value 1 turn  |         |
//!   | refused  flags       | flags                  |               |               |         |
//!   +----------------------+------------------------+---------------+---------------+-- - - --+
//!     only the producer       only the consumer        only the producer writes here;
//!     writes here, for        writes here              on 64-bit targets a slot is a multiple of
//!     statistics and for                               16 bytes, so that value and turn of up to
//!     its next owner                                   16 bytes lie on one line
//! ```
//! Nothing is a pointer, so the same bytes work wherever they are mapped; all zero is the empty queue.
//!
//! # Cost and progress
//! Every operation is wait-free and its cost does not depend on `N`; those that take a number of values take time in
//! proportion to it. Claiming the producer's end takes up to `N` steps, but one is usual: it looks for values that a
//! process published just before it died. Only claiming takes a compare-and-swap; splitting, and all that comes after,
//! does without.

mod consumer;
mod producer;

pub use consumer::{TurnConsumer, TurnDrain};
pub use producer::TurnProducer;

use super::Stats;
use super::spsc::claim;
use crate::layout::{Field, Layout, field};
use crate::sync::{AtomicBool, AtomicUsize, CachePadded, Ordering, UnsafeCell, const_unless_loom};
use core::fmt;
use core::mem::MaybeUninit;
#[cfg(not(loom))]
use core::mem::offset_of;

/// A queue of `N` values from one producer to one consumer, for small values that go one by one. `N` is a power of two
/// (checked at compile time) and all of it is usable.
///
/// Put it in a `static` and claim its ends with [`producer`](Self::producer) and [`consumer`](Self::consumer), or own
/// it and [`split`](Self::split) it. A big one is best made of zeroed memory in place (`zerocopy::FromZeros`).
#[cfg_attr(all(not(loom), target_has_atomic = "ptr"), derive(zerocopy::FromZeros))]
#[repr(C)]
pub struct TurnSpsc<T, const N: usize> {
    producer: CachePadded<ProducerLine>,
    consumer: CachePadded<ConsumerLine>,
    slots: [Slot<T>; N],
}

/// A value and its turn.
#[cfg_attr(all(not(loom), target_has_atomic = "ptr"), derive(zerocopy::FromZeros))]
#[cfg_attr(target_pointer_width = "64", repr(C, align(16)))]
#[cfg_attr(not(target_pointer_width = "64"), repr(C))]
struct Slot<T> {
    value: UnsafeCell<MaybeUninit<T>>,
    /// One more than the number of the value that was written here last; 0 before the first.
    turn: AtomicUsize,
}

/// What the producer writes, for statistics and for its next owner.
#[cfg_attr(all(not(loom), target_has_atomic = "ptr"), derive(zerocopy::FromZeros))]
#[repr(C)]
struct ProducerLine {
    /// How many values were published so far.
    tail: AtomicUsize,
    /// The greatest depth the producer met.
    high_water: AtomicUsize,
    /// How many calls found no room.
    refused: AtomicUsize,
    /// The producer has said that nothing more will come.
    closed: AtomicBool,
    /// Somebody holds the producer.
    claimed: AtomicBool,
}

/// What the consumer writes and the producer reads.
#[cfg_attr(all(not(loom), target_has_atomic = "ptr"), derive(zerocopy::FromZeros))]
#[repr(C)]
struct ConsumerLine {
    /// How many values were taken and their slots given back so far.
    head: AtomicUsize,
    /// The consumer has said that it will take nothing more.
    closed: AtomicBool,
    /// Somebody holds the consumer.
    claimed: AtomicBool,
}

#[cfg(not(loom))]
const _: () = {
    const WORD: usize = size_of::<usize>();
    assert!(offset_of!(ProducerLine, tail) == 0 && offset_of!(ConsumerLine, head) == 0);
    assert!(offset_of!(ProducerLine, high_water) == WORD && offset_of!(ProducerLine, refused) == 2 * WORD);
    assert!(offset_of!(ProducerLine, closed) == 3 * WORD && offset_of!(ConsumerLine, closed) == WORD);
    assert!(offset_of!(ProducerLine, claimed) == 3 * WORD + 1 && offset_of!(ConsumerLine, claimed) == WORD + 1);
    assert!(offset_of!(TurnSpsc<u64, 4>, consumer) == 128 && offset_of!(TurnSpsc<u64, 4>, slots) == 256);
    assert!(size_of::<TurnSpsc<u64, 16>>() == 512);
    assert!(offset_of!(Slot<u64>, turn) == 8);
    #[cfg(target_pointer_width = "64")]
    assert!(size_of::<Slot<u8>>() == 16 && size_of::<Slot<u64>>() == 16 && size_of::<Slot<[u64; 2]>>() == 32);
};

impl<T, const N: usize> Layout for TurnSpsc<T, N> {
    const FIELDS: &'static [Field] = &[
        field!("producer.tail", Self, producer.0.tail),
        field!("producer.high_water", Self, producer.0.high_water),
        field!("producer.refused", Self, producer.0.refused),
        field!("producer.closed", Self, producer.0.closed),
        field!("producer.claimed", Self, producer.0.claimed),
        field!("consumer.head", Self, consumer.0.head),
        field!("consumer.closed", Self, consumer.0.closed),
        field!("consumer.claimed", Self, consumer.0.claimed),
        field!("slots[i].value", Self, slots, Slot<T>, value),
        field!("slots[i].turn", Self, slots, Slot<T>, turn),
    ];
}

// SAFETY: values are moved from one thread to another, one owner at a time; references to them are given to nobody
// but the owner of an end.
unsafe impl<T: Send, const N: usize> Sync for TurnSpsc<T, N> {}

impl<T, const N: usize> TurnSpsc<T, N> {
    /// What turns a number into a slot. To name it is to check `N` at compile time.
    const MASK: usize = {
        assert!(N.is_power_of_two(), "the capacity of a queue must be a power of two");
        N - 1
    };

    const_unless_loom! {
        /// An empty queue. A `const fn`, so that it can live in a static, where it costs no image.
        #[must_use]
        pub fn new() -> Self {
            const { assert!(N.is_power_of_two(), "the capacity of a queue must be a power of two") };
            Self {
                producer: CachePadded::new(ProducerLine {
                    tail: AtomicUsize::new(0),
                    high_water: AtomicUsize::new(0),
                    refused: AtomicUsize::new(0),
                    closed: AtomicBool::new(false),
                    claimed: AtomicBool::new(false),
                }),
                consumer: CachePadded::new(ConsumerLine {
                    head: AtomicUsize::new(0),
                    closed: AtomicBool::new(false),
                    claimed: AtomicBool::new(false),
                }),
                #[cfg(not(loom))]
                slots: [const { Slot { value: UnsafeCell::new(MaybeUninit::zeroed()), turn: AtomicUsize::new(0) } }; N],
                #[cfg(loom)]
                slots: core::array::from_fn(|_| Slot {
                    value: UnsafeCell::new(MaybeUninit::uninit()),
                    turn: AtomicUsize::new(0),
                }),
            }
        }
    }

    /// Both ends, for as long as the queue is borrowed. What is in the queue stays; a closed end is open again.
    pub fn split(&mut self) -> (TurnProducer<'_, T, N>, TurnConsumer<'_, T, N>) {
        // Nobody holds an end: each would borrow the queue. A flag may still be up, if a handle was forgotten.
        // Relaxed: whoever lent us the queue for our own has ordered its past before this.
        self.producer.claimed.store(true, Ordering::Relaxed);
        self.consumer.claimed.store(true, Ordering::Relaxed);
        let queue = &*self;
        // SAFETY: the exclusive borrow lasts as long as the two handles, so there are no others.
        unsafe { (TurnProducer::attach(queue), TurnConsumer::attach(queue)) }
    }

    /// Claims the producer's end, or `None` while somebody has it. Dropping the handle gives it back, so that another
    /// can go on where this one stopped. A closed end is open again.
    #[must_use]
    pub fn producer(&self) -> Option<TurnProducer<'_, T, N>> {
        claim(&self.producer.claimed)?;
        // SAFETY: the flag was down and is now ours.
        Some(unsafe { TurnProducer::attach(self) })
    }

    /// Claims the consumer's end, or `None` while somebody has it. Dropping the handle gives it back, so that another
    /// can go on where this one stopped. A closed end is open again.
    #[must_use]
    pub fn consumer(&self) -> Option<TurnConsumer<'_, T, N>> {
        claim(&self.consumer.claimed)?;
        // SAFETY: the flag was down and is now ours.
        Some(unsafe { TurnConsumer::attach(self) })
    }

    /// How many values fit.
    #[must_use]
    pub const fn capacity(&self) -> usize {
        N
    }

    /// How many values are in the queue: true at some moment during the call, and perhaps no longer.
    #[must_use]
    pub fn len(&self) -> usize {
        self.stats().depth
    }

    /// Whether the queue is empty at this moment.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Whether either end has closed and nobody has claimed that end since.
    #[must_use]
    pub fn is_closed(&self) -> bool {
        // Acquire: pairs with the Release in `close`, so that what was published before is seen after.
        self.producer.closed.load(Ordering::Acquire) || self.consumer.closed.load(Ordering::Acquire)
    }

    /// What the queue has done so far.
    ///
    /// `high_water` is the greatest depth the producer met. It looks at least once in `max(N / 4, 16)` pushes, so the
    /// queue may have been deeper by as many values for a moment.
    #[must_use]
    pub fn stats(&self) -> Stats {
        // Relaxed, all: numbers to look at; nobody touches a slot because of them. Head is loaded first. A value can
        // be taken before its producer has counted it, so the difference may be -1 for a moment, and counts as none.
        let popped = self.consumer.head.load(Ordering::Relaxed);
        let pushed = self.producer.tail.load(Ordering::Relaxed);
        let depth = pushed.wrapping_sub(popped);
        let depth = if depth > usize::MAX / 2 { 0 } else { depth.min(N) };
        Stats {
            pushed,
            popped,
            refused: self.producer.refused.load(Ordering::Relaxed),
            high_water: depth.max(self.producer.high_water.load(Ordering::Relaxed)),
            depth,
        }
    }

    /// The slot of value `index`.
    #[inline(always)]
    fn slot(&self, index: usize) -> &Slot<T> {
        // SAFETY: a masked index is below N.
        unsafe { self.slots.get_unchecked(index & Self::MASK) }
    }
}

impl<T, const N: usize> Drop for TurnSpsc<T, N> {
    fn drop(&mut self) {
        if core::mem::needs_drop::<T>() {
            let (_, mut rx) = self.split();
            while rx.pop().is_ok() {}
        }
    }
}

impl<T, const N: usize> Default for TurnSpsc<T, N> {
    fn default() -> Self {
        Self::new()
    }
}

impl<T, const N: usize> fmt::Debug for TurnSpsc<T, N> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TurnSpsc").field("capacity", &N).field("stats", &self.stats()).finish_non_exhaustive()
    }
}

#[cfg(all(test, not(loom)))]
mod tests {
    use super::*;
    use crate::queue::{Full, PopError};

    #[test]
    fn goes_on_when_the_numbers_wrap() {
        let queue = TurnSpsc::<u8, 4>::new();
        let start = usize::MAX - 1;
        queue.producer.tail.store(start, Ordering::Relaxed);
        queue.consumer.head.store(start, Ordering::Relaxed);
        // As the lap before left them.
        for back in 1..=4 {
            queue.slot(start - back).turn.store(start - back + 1, Ordering::Relaxed);
        }
        let (mut tx, mut rx) = (queue.producer().unwrap(), queue.consumer().unwrap());
        assert_eq!(rx.pop(), Err(PopError::Empty));
        assert_eq!(tx.push_slice(&[1, 2, 3]), 3);
        assert_eq!((queue.len(), tx.free()), (3, 1));
        assert_eq!(tx.push(4), Ok(()));
        assert_eq!(tx.push(5), Err(Full(5)));
        assert!(rx.drain().eq([1, 2, 3, 4]));
        assert_eq!((queue.len(), queue.stats().high_water), (0, 4));
    }

    #[test]
    fn a_producer_that_died_before_it_counted_has_a_successor_who_does() {
        let queue = TurnSpsc::<u8, 4>::new();
        let mut tx = queue.producer().unwrap();
        assert_eq!(tx.push_slice(&[1, 2]), 2);
        drop(tx);
        queue.producer.tail.store(1, Ordering::Relaxed); // the second was published, and its count not stored
        assert_eq!(queue.producer().unwrap().push(3), Ok(()));
        assert!(queue.consumer().unwrap().drain().eq([1, 2, 3]));
    }
}
