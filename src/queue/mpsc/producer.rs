//! Producer endpoint.

use super::super::{Full, QueueStats, TooFew};
use super::grant::MpscGrant;
use super::{CLOSING, Mpsc, ONE};
use crate::queue::internal::cas_backoff::Backoff;
use crate::queue::internal::free_limit::outlives_push;
use crate::sync::{Ordering, unless_broken};
use core::cell::Cell;
use core::fmt;
use core::marker::PhantomData;

/// A producer endpoint of an [`Mpsc`]. Clone it for another thread; dropping it detaches the
/// producer.
///
/// `Send` but not `Sync`. Pushing is lock-free; see [progress](super).
pub struct MpscProducer<'q, T, const N: usize> {
    pub(super) queue: &'q Mpsc<T, N>,
    /// The queue's tail as last seen; still right unless another producer has pushed.
    tail: usize,
    /// Limit of the tail, beyond which the consumer's head must be loaded again.
    limit: usize,
    _not_sync: PhantomData<Cell<()>>,
}

impl<'q, T, const N: usize> MpscProducer<'q, T, N> {
    /// The most values between two loads of the consumer's head: bounds the error of `high_water`.
    const STRIDE: usize = if N / 4 > 16 { N / 4 } else { 16 };

    /// Creates the handle of a producer that has been counted.
    pub(super) fn attach(queue: &'q Mpsc<T, N>) -> Self {
        // Relaxed: a guess, which the first compare-and-swap checks.
        let tail = queue.tail.load(Ordering::Relaxed);
        Self { queue, tail, limit: tail, _not_sync: PhantomData }
    }

    /// Pushes a value. Lock-free.
    ///
    /// ```
    /// use vvp_core::queue::Mpsc;
    ///
    /// static QUEUE: Mpsc<u32, 4> = Mpsc::new();
    ///
    /// std::thread::scope(|scope| {
    ///     for n in 1..=3 {
    ///         let mut tx = QUEUE.producer();
    ///         scope.spawn(move || tx.push(n).expect("not full"));
    ///     }
    /// });
    /// let mut rx = QUEUE.consumer().expect("not claimed yet");
    /// assert_eq!(rx.drain().sum::<u32>(), 6);
    /// ```
    ///
    /// # Errors
    /// [`Full`] returns the value if all slots are taken. If [`is_closed`](Self::is_closed),
    /// waiting does not help.
    #[inline]
    pub fn push(&mut self, value: T) -> Result<(), Full<T>> {
        if (!outlives_push() || self.room() <= 0 || !self.swap(self.tail, 1)) && self.reserve(1, 1) == 0 {
            return Err(Full(value));
        }
        let number = self.tail.wrapping_sub(1);
        // SAFETY: reserved just now, and not written yet.
        unsafe { self.put(number, value) };
        Ok(())
    }

    /// Pushes as many of the values as fit, from the first on, and returns how many. They are one
    /// run: no other producer's values come in between, and the consumer sees none before all are
    /// written.
    #[inline]
    pub fn push_slice(&mut self, values: &[T]) -> usize
    where
        T: Copy,
    {
        let len = if values.is_empty() { 0 } else { self.reserve(1, values.len()) };
        let start = self.tail.wrapping_sub(len);
        // From the last to the first: the consumer cannot begin before all are there, and does not
        // fetch the lines that are still being written.
        for (offset, value) in values.iter().enumerate().take(len).rev() {
            // SAFETY: `len` slots from start on were reserved just now, and each is written once.
            unsafe { self.put(start.wrapping_add(offset), *value) };
        }
        if 0 < len && len < values.len() {
            self.count_refusal();
        }
        len
    }

    /// Reserves a run of `n` slots, to be filled one by one and published together. **Until the
    /// grant is committed or dropped, the consumer sees nothing that was reserved behind it**, by
    /// any producer.
    ///
    /// ```
    /// use vvp_core::queue::Mpsc;
    ///
    /// let mut queue = Mpsc::<u32, 4>::new();
    /// let (mut tx, mut rx) = queue.split();
    /// let mut run = tx.grant(3).expect("free");
    /// run.push(1).expect("granted");
    /// run.push(2).expect("granted");
    /// run.commit(); // the third slot is skipped
    /// assert!(rx.drain().eq([1, 2]));
    /// ```
    ///
    /// # Errors
    /// [`TooFew`] if fewer are free, with their number.
    #[inline]
    pub fn grant(&mut self, n: usize) -> Result<MpscGrant<'_, 'q, T, N>, TooFew> {
        if n > N {
            self.count_refusal();
            return Err(TooFew { available: self.free_slots() });
        }
        if n > 0 && self.reserve(n, n) == 0 {
            // There may be room by now.
            return Err(TooFew { available: self.free_slots().min(n - 1) });
        }
        Ok(MpscGrant::new(self, self.tail.wrapping_sub(n), n))
    }

    /// Returns how many slots are free now. Other producers may take them.
    #[inline]
    pub fn free_slots(&mut self) -> usize {
        // Relaxed: for display.
        self.tail = self.queue.tail.load(Ordering::Relaxed);
        let free = self.load_head();
        if free < N { free } else { N }
    }

    /// Returns whether the consumer has closed: nothing more will be popped, unless a new consumer
    /// claims its endpoint.
    #[must_use]
    pub fn is_closed(&self) -> bool {
        self.queue.consumer.end.is_closed()
    }

    /// Closes this producer. Once all producers have gone, one of them by closing, `pop` returns
    /// `Closed` instead of `Empty`. Values in the queue stay.
    pub fn close(self) {
        // Relaxed: the detach in `drop`, which comes next, publishes it.
        self.queue.producers.producers.fetch_or(CLOSING, Ordering::Relaxed);
    }

    /// Returns the statistics of the queue; see [`Mpsc::stats`].
    #[must_use]
    pub fn stats(&self) -> QueueStats {
        self.queue.stats()
    }

    /// Returns the slots known to be free from our tail on; 0 or less if the tail is past the
    /// limit.
    #[inline(always)]
    const fn room(&self) -> isize {
        self.limit.wrapping_sub(self.tail).cast_signed()
    }

    /// Adopts a tail that other producers have moved.
    #[inline(always)]
    fn move_to(&mut self, tail: usize) {
        self.tail = tail;
        if !outlives_push() {
            self.limit = tail; // read the head again
        }
    }

    /// Advances the tail from `number`, if it is there.
    #[inline(always)]
    fn swap(&mut self, number: usize, len: usize) -> bool {
        let next = number.wrapping_add(len);
        // Relaxed: it decides the owner of the slots and nothing else. `load_head` has shown that
        // they are free, and their sequence numbers publish what is written to them.
        let done = self.queue.tail.compare_exchange(number, next, Ordering::Relaxed, Ordering::Relaxed);
        match done {
            Ok(_) => self.tail = next,
            Err(now) => self.move_to(now),
        }
        done.is_ok()
    }

    /// Reserves up to `most` slots, at least `least`, or none. Returns how many; they are those
    /// before `tail`. Counts a refusal if it is none.
    ///
    /// Lock-free: loops only if another producer has reserved, or, once, to load the consumer's
    /// head.
    // Out of line, and without the value: see the same in `Producer`.
    #[inline(never)]
    fn reserve(&mut self, least: usize, most: usize) -> usize {
        let mut backoff = Backoff::default();
        if !outlives_push() {
            // Relaxed: a guess, which the compare-and-swap checks.
            self.move_to(self.queue.tail.load(Ordering::Relaxed));
        }
        loop {
            let mut room = self.room();
            if room < most.cast_signed() && room < N.cast_signed() {
                room = self.load_head().cast_signed();
            }
            if room < least.cast_signed() {
                // Relaxed: if the tail is still ours, there were too few free slots when we loaded
                // the consumer's head.
                let now = self.queue.tail.load(Ordering::Relaxed);
                if now == self.tail {
                    self.count_refusal();
                    return 0;
                }
                self.move_to(now);
                continue;
            }
            let len = if room < most.cast_signed() { room.cast_unsigned() } else { most };
            if self.swap(self.tail, len) {
                return len;
            }
            backoff.failed();
        }
    }

    /// Loads the consumer's head and returns how many slots are free from our tail on: more than
    /// `N` if our tail is so far behind the queue's that the values there were popped since.
    fn load_head(&mut self) -> usize {
        // Acquire: pairs with the Release in `Mpsc::release`: the consumer is done with the slots
        // before head.
        let head = self.queue.consumer.head.load(unless_broken("mpsc_look", Ordering::Acquire));
        let depth = self.tail.wrapping_sub(head).cast_signed();
        debug_assert!(depth <= N.cast_signed(), "tail is never ahead of head by more than the queue holds");
        if depth > 0 {
            // Relaxed, both: for display. The load avoids writing to a line that does not change.
            let mark = &self.queue.producers.high_water;
            if mark.load(Ordering::Relaxed) < depth.cast_unsigned() {
                mark.fetch_max(depth.cast_unsigned(), Ordering::Relaxed);
            }
        }
        let free = N.wrapping_sub(depth.cast_unsigned());
        self.limit = self.tail.wrapping_add(if free < Self::STRIDE { free } else { Self::STRIDE });
        free
    }

    /// Writes a value to a slot and publishes it.
    ///
    /// # Safety
    /// The slot must be reserved by us, and not be published yet.
    #[inline(always)]
    pub(super) unsafe fn put(&mut self, number: usize, value: T) {
        // SAFETY: the caller's; the slot is published next.
        unsafe { self.write(number, value) };
        self.publish(number);
    }

    /// Writes a value to a slot.
    ///
    /// # Safety
    /// The slot must be reserved by us, and not be published yet.
    #[inline(always)]
    pub(super) unsafe fn write(&mut self, number: usize, value: T) {
        // SAFETY: the slot is ours: no other producer reserved it, and the consumer was done with
        // it before it stored the head by which we knew that it was free.
        unsafe { self.queue.slots.at(number).write(value) };
    }

    /// Publishes a slot that was written.
    #[inline(always)]
    pub(super) fn publish(&mut self, number: usize) {
        self.queue.slots.at(number).publish(number, unless_broken("mpsc_publish", Ordering::Release));
    }

    /// Publishes a slot without a value, which the consumer skips.
    pub(super) fn leave_out(&mut self, number: usize) {
        self.queue.slots.at(number).leave_out(number);
    }

    /// Moves a value out of a slot again.
    ///
    /// # Safety
    /// The slot must be reserved by us, written, and not be published; the value must not be used
    /// again.
    pub(super) unsafe fn take_back(&mut self, number: usize) -> T {
        // SAFETY: the caller's.
        unsafe { self.queue.slots.at(number).take() }
    }

    fn count_refusal(&mut self) {
        // Relaxed: for display.
        self.queue.producers.full_count.fetch_add(1, Ordering::Relaxed);
    }
}

impl<T, const N: usize> Clone for MpscProducer<'_, T, N> {
    /// Attaches one more producer, for example for another thread.
    fn clone(&self) -> Self {
        self.queue.producer()
    }
}

impl<T, const N: usize> Drop for MpscProducer<'_, T, N> {
    fn drop(&mut self) {
        // Release: pairs with the Acquire in `Mpsc::producers_closed`: seeing the detach implies
        // seeing all that we pushed.
        self.queue.producers.producers.fetch_sub(ONE, unless_broken("mpsc_close", Ordering::Release));
    }
}

impl<T, const N: usize> fmt::Debug for MpscProducer<'_, T, N> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("MpscProducer").field("queue", self.queue).finish_non_exhaustive()
    }
}
