//! Producer endpoint.

use super::super::{Full, QueueStats};
use super::SequencedSpsc;
use crate::queue::internal::stats::{count, raise};
use crate::sync::{Ordering, broken, unless_broken};
use core::cell::Cell;
use core::fmt;
use core::marker::PhantomData;

/// The producer endpoint of a [`SequencedSpsc`]. Dropping it releases the claim.
///
/// `Send` but not `Sync`. All operations are wait-free.
#[must_use = "dropping the producer releases its endpoint"]
pub struct SequencedProducer<'q, T, const N: usize> {
    queue: &'q SequencedSpsc<T, N>,
    /// The number of the next value.
    tail: usize,
    /// Limit of `tail`, beyond which the consumer's head must be loaded again.
    limit: usize,
    _not_sync: PhantomData<Cell<()>>,
}

impl<'q, T, const N: usize> SequencedProducer<'q, T, N> {
    /// The most pushes between two loads of the consumer's head: bounds the error of `high_water`.
    const STRIDE: usize = if N / 4 > 16 { N / 4 } else { 16 };

    /// # Safety
    /// The caller owns the producer endpoint: its flag is set, and there is no other handle to it.
    pub(super) unsafe fn attach(queue: &'q SequencedSpsc<T, N>) -> Self {
        queue.producer.end.open();
        // Relaxed: our own index; its last writer released the endpoint to us. An owner that died
        // between storing a sequence number and counting it has left a valid sequence number.
        let mut tail = queue.producer.tail.load(Ordering::Relaxed);
        for _ in 0..N {
            if !queue.slots.at(tail).has(tail) {
                break;
            }
            tail = tail.wrapping_add(1);
        }
        Self { queue, tail, limit: tail, _not_sync: PhantomData }
    }

    /// Pushes a value.
    ///
    /// # Errors
    /// [`Full`] returns the value if there is no free slot. If `is_closed`, waiting does not help.
    #[inline]
    pub fn push(&mut self, value: T) -> Result<(), Full<T>> {
        if self.tail == self.limit && !self.room() {
            return Err(Full(value));
        }
        // SAFETY: tail != limit
        unsafe { self.put(value) };
        self.count();
        Ok(())
    }

    /// Pushes as many of the values as fit, from the first on, and returns how many. The consumer
    /// may see the first before the last is written.
    #[inline]
    pub fn push_slice(&mut self, values: &[T]) -> usize
    where
        T: Copy,
    {
        let mut known = self.limit.wrapping_sub(self.tail);
        if known < values.len() {
            known = self.load_head();
            self.limit = self.tail.wrapping_add(known);
        }
        let mut len = 0;
        for value in values.iter().take(known) {
            // SAFETY: no more than `known`, so tail != limit.
            unsafe { self.put(*value) };
            len += 1;
        }
        self.count();
        if len < values.len() {
            self.count_refusal();
        }
        len
    }

    /// Returns how many slots are free. At least as many stay free until this producer uses them.
    #[inline]
    pub fn free_slots(&mut self) -> usize {
        self.load_head()
    }

    /// Returns whether the consumer has closed: nothing more will be popped, unless a new consumer
    /// claims its endpoint.
    #[must_use]
    pub fn is_closed(&self) -> bool {
        self.queue.consumer.end.is_closed()
    }

    /// Closes the queue: after the last value `pop` returns `Closed`. Values in the queue stay.
    pub fn close(self) {
        self.queue.producer.end.close();
    }

    /// Returns the statistics of the queue; see [`SequencedSpsc::stats`].
    #[must_use]
    pub fn stats(&self) -> QueueStats {
        self.queue.stats()
    }

    /// Loads the consumer's head and returns how many slots are free.
    #[inline]
    fn load_head(&mut self) -> usize {
        // Acquire: pairs with the Release in `SequencedSpsc::release`: it is done with the
        // slots before head.
        let head = self.queue.consumer.head.load(Ordering::Acquire);
        let depth = self.tail.wrapping_sub(head);
        debug_assert!(depth <= N, "the consumer is never ahead, nor are we by more than the queue holds");
        raise(&self.queue.producer.high_water, depth);
        let free = N.wrapping_sub(depth);
        self.limit = self.tail.wrapping_add(if free < Self::STRIDE { free } else { Self::STRIDE });
        free
    }

    /// Writes a value to the next slot and publishes it.
    ///
    /// # Safety
    /// `tail` must be before `limit`.
    #[inline(always)]
    unsafe fn put(&mut self, value: T) {
        debug_assert!(self.tail != self.limit);
        let slot = self.queue.slots.at(self.tail);
        if broken("turn_early") {
            slot.publish(self.tail, Ordering::Release); // the value is not there yet
        }
        // SAFETY: the slot is free: its number is before limit <= head + N, and the consumer was
        // done with it before it stored that head. It stays ours until the sequence is stored.
        unsafe { slot.write(value) };
        slot.publish(self.tail, unless_broken("sequenced_publish", Ordering::Release));
        self.tail = self.tail.wrapping_add(1);
    }

    /// Stores the count for statistics and for the next owner of this endpoint.
    #[inline(always)]
    fn count(&mut self) {
        // Relaxed: the sequence numbers publish, not this.
        self.queue.producer.tail.store(self.tail, Ordering::Relaxed);
    }

    /// Slow path: checks for room when the cached limit is used up.
    // Out of line, and without the value: see the same in `Producer`.
    #[cold]
    #[inline(never)]
    fn room(&mut self) -> bool {
        if self.load_head() > 0 {
            return true;
        }
        self.count_refusal();
        false
    }

    fn count_refusal(&mut self) {
        count(&self.queue.producer.full_count, 1);
    }
}

impl<T, const N: usize> Drop for SequencedProducer<'_, T, N> {
    fn drop(&mut self) {
        self.queue.producer.end.claimed.give_back();
    }
}

impl<T, const N: usize> fmt::Debug for SequencedProducer<'_, T, N> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SequencedProducer").field("queue", self.queue).finish_non_exhaustive()
    }
}
