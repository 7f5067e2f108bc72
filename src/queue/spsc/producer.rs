//! Producer endpoint.

use super::super::{Full, Stats, TooFew};
use super::{Grant, Spsc};
use crate::queue::internal::stats::{count, raise};
use crate::sync::{Ordering, Slots, broken, unless_broken};
use core::cell::Cell;
use core::fmt;
use core::marker::PhantomData;

/// The one end of a [`Spsc`] that puts values in. Dropping it gives the end back; what it staged is published first.
///
/// `Send` but not `Sync`. All operations are wait-free.
#[must_use = "dropping the producer gives its end of the queue back"]
pub struct Producer<'q, T, const N: usize> {
    pub(super) queue: &'q Spsc<T, N>,
    /// The index of the next slot to write. Ahead of the queue's tail by what is staged.
    pub(super) tail: usize,
    /// How far `tail` may go before the consumer's head must be looked at again.
    limit: usize,
    _not_sync: PhantomData<Cell<()>>,
}

impl<'q, T, const N: usize> Producer<'q, T, N> {
    /// # Safety
    /// The caller owns the producer's end: its flag is up, and there is no other handle to it.
    pub(in crate::queue) unsafe fn attach(queue: &'q Spsc<T, N>) -> Self {
        crate::capacity::checked!(Spsc<T, N>);
        queue.producer.end.open();
        // Relaxed: our own index; whoever wrote it last gave the end back to us.
        let tail = queue.producer.tail.load(Ordering::Relaxed);
        Self { queue, tail, limit: tail, _not_sync: PhantomData }
    }

    /// Puts a value in and publishes it.
    ///
    /// # Errors
    /// [`Full`] gives the value back when there is no free slot. `is_closed` tells whether waiting has a point.
    #[inline]
    pub fn push(&mut self, value: T) -> Result<(), Full<T>> {
        if self.tail == self.limit && !self.room() {
            return Err(Full(value));
        }
        // SAFETY: tail < limit
        unsafe { self.put(value) };
        self.publish();
        Ok(())
    }

    /// Puts a value in that the consumer will see at the next `publish` (or `push`, or commit, or drop). To publish
    /// once for several values is cheaper for both sides: the line that carries the index travels less often.
    ///
    /// # Errors
    /// [`Full`] gives the value back when there is no free slot. What was staged is published then, or the consumer
    /// could never make room.
    #[inline]
    pub fn stage(&mut self, value: T) -> Result<(), Full<T>> {
        if self.tail == self.limit && !self.room() {
            return Err(Full(value));
        }
        // SAFETY: tail < limit
        unsafe { self.put(value) };
        Ok(())
    }

    /// Lets the consumer see what was staged.
    #[inline]
    pub fn publish(&mut self) {
        // Release: pairs with the Acquire in `Consumer::look`, so that a consumer who sees the new tail sees the values
        // before it.
        self.queue.producer.tail.store(self.tail, unless_broken("spsc_publish", Ordering::Release));
    }

    /// Puts in as many of the values as fit, from the first on, publishes them at once, and says how many.
    #[inline]
    pub fn push_slice(&mut self, values: &[T]) -> usize
    where
        T: Copy,
    {
        let len = values.len().min(self.free_for(values.len()));
        self.copy_in(0, &values[..len]);
        self.tail = self.tail.wrapping_add(len);
        self.publish();
        if len < values.len() {
            self.count_refusal();
        }
        len
    }

    /// Lends `n` free slots, to be filled in place and published at once.
    ///
    /// # Errors
    /// [`TooFew`] when fewer are free; it says how many.
    #[inline]
    pub fn grant(&mut self, n: usize) -> Result<Grant<'_, 'q, T, N>, TooFew> {
        let available = self.free_for(n);
        if available < n {
            self.publish(); // or the consumer could never make room for what is staged and this
            self.count_refusal();
            return Err(TooFew { available });
        }
        Ok(Grant::new(self, n))
    }

    /// Lends up to `n` free slots, as many as there are, to be filled in place and published at once.
    #[inline]
    pub fn grant_up_to(&mut self, n: usize) -> Grant<'_, 'q, T, N> {
        let len = n.min(self.free_for(n));
        Grant::new(self, len)
    }

    /// How many slots are free. At least as many stay free until this producer uses them.
    #[inline]
    pub fn free_slots(&mut self) -> usize {
        self.look()
    }

    /// Whether the consumer has closed: nothing more will be taken (unless a new consumer claims its end).
    #[must_use]
    pub fn is_closed(&self) -> bool {
        self.queue.consumer.end.is_closed()
    }

    /// Publishes what was staged and tells the consumer that no more will come. What is in the queue stays.
    pub fn close(mut self) {
        self.publish();
        self.queue.producer.end.close();
    }

    /// What the queue has done so far; see [`Spsc::stats`].
    #[must_use]
    pub fn stats(&self) -> Stats {
        self.queue.stats()
    }

    /// Free slots, looking at the consumer only if fewer than `wanted` are known.
    #[inline]
    fn free_for(&mut self, wanted: usize) -> usize {
        let known = self.limit.wrapping_sub(self.tail);
        if known < wanted { self.look() } else { known }
    }

    /// Looks where the consumer is, and says how many slots are free.
    ///
    /// In memory that another process can write, `head` may be anything: an index that cannot be counts as a full queue.
    #[inline]
    fn look(&mut self) -> usize {
        // Acquire: pairs with the Release in `Consumer::give_back`: the consumer is done with the slots before head.
        let head = self.queue.consumer.head.load(Ordering::Acquire);
        let depth = self.tail.wrapping_sub(head).min(N);
        let free = N - depth;
        self.limit = self.tail.wrapping_add(free);
        raise(&self.queue.producer.high_water, depth);
        free
    }

    /// # Safety
    /// `tail` must be before `limit`.
    #[inline(always)]
    unsafe fn put(&mut self, value: T) {
        debug_assert!(self.tail != self.limit);
        if broken("spsc_early") {
            self.queue.producer.tail.store(self.tail.wrapping_add(1), Ordering::Release); // the value is not there yet
        }
        // SAFETY: slot `tail` is free: tail < limit = head + N, and the consumer was done with it before it stored
        // that head. It stays ours until published.
        unsafe { self.queue.slots.write(self.tail, value) };
        self.tail = self.tail.wrapping_add(1);
    }

    /// Looks for room when what was known is used up. If there is none, what was staged is published, or the consumer
    /// could never make room.
    // Out of line, and the value is not passed: it would have to go through memory, also where it is not called, and
    // reading back in one piece what was written in several costs more than all the rest of a push.
    #[cold]
    #[inline(never)]
    fn room(&mut self) -> bool {
        if self.look() > 0 {
            return true;
        }
        self.publish();
        self.count_refusal();
        false
    }

    fn count_refusal(&mut self) {
        count(&self.queue.producer.full_count, 1);
    }

    /// Copies values into the slots from `tail + offset` on. They must be known to be free.
    #[inline]
    pub(super) fn copy_in(&mut self, offset: usize, values: &[T])
    where
        T: Copy,
    {
        let start = self.tail.wrapping_add(offset);
        debug_assert!(offset + values.len() <= self.limit.wrapping_sub(self.tail));
        let first = Slots::<T, N>::before_wrap(start, values.len());
        let slots = &self.queue.slots;
        slots.will_write(start, values.len());
        // SAFETY: the slots are free and ours (the caller saw to it), `first` of them lie in a row, and nobody can
        // have lent us a slice that overlaps them.
        unsafe { slots.at(start).copy_from_nonoverlapping(values.as_ptr(), first) };
        if first < values.len() {
            // SAFETY: as above; the rest begins at slot 0.
            unsafe { slots.at(0).copy_from_nonoverlapping(values.as_ptr().add(first), values.len() - first) };
        }
    }
}

impl<T, const N: usize> Drop for Producer<'_, T, N> {
    fn drop(&mut self) {
        self.publish();
        self.queue.producer.end.claimed.give_back();
    }
}

impl<T, const N: usize> fmt::Debug for Producer<'_, T, N> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Producer").field("queue", self.queue).finish_non_exhaustive()
    }
}
