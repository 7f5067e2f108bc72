//! Producer endpoint.

use super::super::{Full, QueueStats, TooFew};
use super::{Grant, Spsc};
use crate::queue::internal::stats::{count, raise};
use crate::sync::{Ordering, Slots, broken, unless_broken};
use core::cell::Cell;
use core::fmt;
use core::marker::PhantomData;

/// The producer endpoint of a [`Spsc`]. Dropping it publishes what was staged and releases the
/// claim.
///
/// `Send` but not `Sync`. All operations are wait-free.
#[must_use = "dropping the producer releases its endpoint"]
pub struct Producer<'q, T, const N: usize> {
    pub(super) queue: &'q Spsc<T, N>,
    /// The index of the next slot to write. Ahead of the queue's tail by what is staged.
    pub(super) tail: usize,
    /// Limit of `tail`, beyond which the consumer's head must be loaded again.
    limit: usize,
    _not_sync: PhantomData<Cell<()>>,
}

impl<'q, T, const N: usize> Producer<'q, T, N> {
    /// # Safety
    /// The caller owns the producer endpoint: its flag is set, and there is no other handle to it.
    pub(in crate::queue) unsafe fn attach(queue: &'q Spsc<T, N>) -> Self {
        crate::capacity::checked!(Spsc<T, N>);
        queue.producer.end.open();
        // Relaxed: our own index; its last writer released the endpoint to us.
        let tail = queue.producer.tail.load(Ordering::Relaxed);
        Self { queue, tail, limit: tail, _not_sync: PhantomData }
    }

    /// Pushes a value and publishes it.
    ///
    /// ```
    /// use vvp_core::queue::Spsc;
    ///
    /// let mut queue = Spsc::<u32, 4>::new();
    /// let (mut tx, mut rx) = queue.split();
    /// assert!(tx.push(7).is_ok());
    /// assert_eq!(rx.pop(), Ok(7));
    /// ```
    ///
    /// # Errors
    /// [`Full`] returns the value if there is no free slot. If [`is_closed`](Self::is_closed),
    /// waiting does not help.
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

    /// Writes a value without publishing it: the consumer sees it after the next `publish`, `push`,
    /// commit or drop. Publishing once for several values is cheaper for both endpoints, because
    /// the cache line of the index moves between the cores less often.
    ///
    /// ```
    /// use vvp_core::queue::{PopError, Spsc};
    ///
    /// let mut queue = Spsc::<u32, 4>::new();
    /// let (mut tx, mut rx) = queue.split();
    /// tx.stage(1).expect("not full");
    /// tx.stage(2).expect("not full");
    /// assert_eq!(rx.pop(), Err(PopError::Empty));
    /// tx.publish();
    /// assert_eq!((rx.pop(), rx.pop()), (Ok(1), Ok(2)));
    /// ```
    ///
    /// # Errors
    /// [`Full`] returns the value if there is no free slot. Staged values are published then,
    /// because the consumer could not make room otherwise.
    #[inline]
    pub fn stage(&mut self, value: T) -> Result<(), Full<T>> {
        if !self.has_room() {
            return Err(Full(value));
        }
        // SAFETY: tail < limit
        unsafe { self.put(value) };
        Ok(())
    }

    /// Returns whether the next [`stage`](Self::stage) will succeed. If not, staged values are
    /// published.
    #[inline(always)]
    pub(crate) fn has_room(&mut self) -> bool {
        self.tail != self.limit || self.room()
    }

    /// Publishes the staged values.
    #[inline]
    pub fn publish(&mut self) {
        // Release: pairs with the Acquire in `Consumer::load_tail`, so that a consumer that sees
        // the new tail sees the values before it.
        self.queue.producer.tail.store(self.tail, unless_broken("spsc_publish", Ordering::Release));
    }

    /// Pushes as many of the values as fit, from the first on, publishes them together, and returns
    /// how many.
    ///
    /// ```
    /// use vvp_core::queue::Spsc;
    ///
    /// let mut queue = Spsc::<u32, 4>::new();
    /// let (mut tx, mut rx) = queue.split();
    /// assert_eq!(tx.push_slice(&[1, 2, 3, 4, 5]), 4);
    /// let mut out = [0; 8];
    /// assert_eq!(rx.pop_slice(&mut out), 4);
    /// assert_eq!(out[..4], [1, 2, 3, 4]);
    /// ```
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

    /// Grants `n` free slots, to be filled in place and published together by a commit.
    ///
    /// ```
    /// use vvp_core::queue::Spsc;
    ///
    /// let mut queue = Spsc::<u32, 4>::new();
    /// let (mut tx, mut rx) = queue.split();
    /// let mut grant = tx.grant(3).expect("3 of 4 are free");
    /// grant.push(1).expect("granted");
    /// grant.push(2).expect("granted");
    /// grant.commit(); // publishes the two that were written
    /// assert!(rx.drain().eq([1, 2]));
    /// assert_eq!(tx.grant(5).err().map(|few| few.available), Some(4));
    /// ```
    ///
    /// # Errors
    /// [`TooFew`] if fewer are free, with their number.
    #[inline]
    pub fn grant(&mut self, n: usize) -> Result<Grant<'_, 'q, T, N>, TooFew> {
        let available = self.free_for(n);
        if available < n {
            self.publish(); // otherwise the consumer could never make room for this one
            self.count_refusal();
            return Err(TooFew { available });
        }
        Ok(Grant::new(self, n))
    }

    /// Grants `n` free slots, or all if there are fewer.
    ///
    /// ```
    /// use vvp_core::queue::Spsc;
    ///
    /// let mut queue = Spsc::<u32, 4>::new();
    /// let (mut tx, mut rx) = queue.split();
    /// let mut grant = tx.grant_up_to(100);
    /// assert_eq!(grant.len(), 4);
    /// assert_eq!(grant.push_slice(&[1, 2, 3]), 3);
    /// grant.commit();
    /// assert_eq!(rx.available(), 3);
    /// ```
    #[inline]
    pub fn grant_up_to(&mut self, n: usize) -> Grant<'_, 'q, T, N> {
        let len = n.min(self.free_for(n));
        Grant::new(self, len)
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

    /// Publishes what was staged and closes the queue: after the last value `pop` returns `Closed`.
    /// Values in the queue stay.
    pub fn close(mut self) {
        self.publish();
        self.queue.producer.end.close();
    }

    /// Returns the statistics of the queue; see [`Spsc::stats`].
    #[must_use]
    pub fn stats(&self) -> QueueStats {
        self.queue.stats()
    }

    /// Returns the free slots; loads the consumer's index only if fewer than `wanted` are known.
    #[inline]
    fn free_for(&mut self, wanted: usize) -> usize {
        let known = self.limit.wrapping_sub(self.tail);
        if known < wanted { self.load_head() } else { known }
    }

    /// Loads the consumer's index and returns how many slots are free.
    ///
    /// In memory that another process can write, `head` may be anything: an impossible index counts
    /// as a full queue.
    #[inline]
    fn load_head(&mut self) -> usize {
        // Acquire: pairs with the Release in `Consumer::give_back`: the consumer is done with the
        // slots before head.
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
            // The value is not there yet.
            self.queue.producer.tail.store(self.tail.wrapping_add(1), Ordering::Release);
        }
        // SAFETY: slot `tail` is free: tail < limit = head + N, and the consumer was done with it
        // before it stored that head. It stays ours until published.
        unsafe { self.queue.slots.write(self.tail, value) };
        self.tail = self.tail.wrapping_add(1);
    }

    /// Slow path: checks for room when the cached limit is used up. If there is none, publishes
    /// what was staged, because the consumer could not make room otherwise.
    // Out of line and without the value as an argument: it would be kept in memory on the fast path
    // too, and a wide load of what was stored in pieces cannot be forwarded, which costs more than
    // the push.
    #[cold]
    #[inline(never)]
    fn room(&mut self) -> bool {
        if self.load_head() > 0 {
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
        // SAFETY: the slots are free and ours by the caller's contract, `first` of them are
        // contiguous, and no slice of the caller can overlap them.
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
