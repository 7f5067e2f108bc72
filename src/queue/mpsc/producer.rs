//! Producer endpoint.

use super::super::{Full, Stats, TooFew};
use super::grant::MpscGrant;
use super::{CLOSING, Mpsc, ONE};
use crate::queue::internal::cas_backoff::Backoff;
use crate::queue::internal::free_limit::outlives_push;
use crate::sync::{Ordering, unless_broken};
use core::cell::Cell;
use core::fmt;
use core::marker::PhantomData;

/// One of the producers of an [`Mpsc`]. Clone it for another thread; dropping it says that this one is gone.
///
/// `Send` but not `Sync`. Pushing is lock-free; see [progress](super).
pub struct MpscProducer<'q, T, const N: usize> {
    pub(super) queue: &'q Mpsc<T, N>,
    /// The queue's tail at our last look; still right unless another producer has pushed.
    tail: usize,
    /// How far the tail may go before the consumer's head must be read again.
    limit: usize,
    _not_sync: PhantomData<Cell<()>>,
}

impl<'q, T, const N: usize> MpscProducer<'q, T, N> {
    /// Values between two looks at the consumer, at most: they keep `high_water` honest.
    const STRIDE: usize = if N / 4 > 16 { N / 4 } else { 16 };

    /// For a producer that has been counted.
    pub(super) fn attach(queue: &'q Mpsc<T, N>) -> Self {
        // Relaxed: a guess, which the first compare-and-swap checks.
        let tail = queue.tail.load(Ordering::Relaxed);
        Self { queue, tail, limit: tail, _not_sync: PhantomData }
    }

    /// Puts a value in.
    ///
    /// # Errors
    /// [`Full`] gives the value back when all slots were taken. `is_closed` tells whether waiting has a point.
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

    /// Puts in as many of the values as fit, from the first on, and says how many. They are one run: no other
    /// producer's values come in between, and the consumer sees none of them before all are written.
    #[inline]
    pub fn push_slice(&mut self, values: &[T]) -> usize
    where
        T: Copy,
    {
        let len = if values.is_empty() { 0 } else { self.reserve(1, values.len()) };
        let start = self.tail.wrapping_sub(len);
        // From the last to the first: the consumer cannot begin before all are there, and does not come for the lines
        // that we are still writing to.
        for (offset, value) in values.iter().enumerate().take(len).rev() {
            // SAFETY: `len` slots from start on were reserved just now, and each is written once.
            unsafe { self.put(start.wrapping_add(offset), *value) };
        }
        if 0 < len && len < values.len() {
            self.count_refusal();
        }
        len
    }

    /// Reserves a run of `n` slots, to be filled one by one and seen by the consumer all at once. **Until the grant is
    /// committed or dropped, the consumer sees nothing that was reserved behind it**, whoever it is from.
    ///
    /// # Errors
    /// [`TooFew`] when fewer are free; it says how many.
    #[inline]
    pub fn grant(&mut self, n: usize) -> Result<MpscGrant<'_, 'q, T, N>, TooFew> {
        if n > N {
            self.count_refusal();
            return Err(TooFew { available: self.free_slots() });
        }
        if n > 0 && self.reserve(n, n) == 0 {
            // Somebody may have made room since.
            return Err(TooFew { available: self.free_slots().min(n - 1) });
        }
        Ok(MpscGrant::new(self, self.tail.wrapping_sub(n), n))
    }

    /// How many slots are free now. Others may take them.
    #[inline]
    pub fn free_slots(&mut self) -> usize {
        // Relaxed: a number to look at.
        self.tail = self.queue.tail.load(Ordering::Relaxed);
        let free = self.look();
        if free < N { free } else { N }
    }

    /// Whether the consumer has closed: nothing more will be taken (unless a new consumer claims its end).
    #[must_use]
    pub fn is_closed(&self) -> bool {
        self.queue.consumer.end.is_closed()
    }

    /// Says that no more will come from here. Once all producers have gone, and one of them by closing, `pop` says
    /// `Closed` instead of `Empty`. What is in the queue stays.
    pub fn close(self) {
        // Relaxed: our going, which comes next, publishes it.
        self.queue.producers.producers.fetch_or(CLOSING, Ordering::Relaxed);
    }

    /// What the queue has done so far; see [`Mpsc::stats`].
    #[must_use]
    pub fn stats(&self) -> Stats {
        self.queue.stats()
    }

    /// Slots known to be free, from our tail on. Not more than 0 where the tail has run past what we know.
    #[inline(always)]
    const fn room(&self) -> isize {
        self.limit.wrapping_sub(self.tail).cast_signed()
    }

    /// Takes over a tail that other producers have moved.
    #[inline(always)]
    fn move_to(&mut self, tail: usize) {
        self.tail = tail;
        if !outlives_push() {
            self.limit = tail; // read the head again
        }
    }

    /// Moves the tail on from `number`, if that is where it is.
    #[inline(always)]
    fn swap(&mut self, number: usize, len: usize) -> bool {
        let next = number.wrapping_add(len);
        // Relaxed: it says whose the slots are, and nothing else. That they are free we know from `look`, and what is
        // written to them is published by their sequences.
        let done = self.queue.tail.compare_exchange(number, next, Ordering::Relaxed, Ordering::Relaxed);
        match done {
            Ok(_) => self.tail = next,
            Err(now) => self.move_to(now),
        }
        done.is_ok()
    }

    /// Reserves `most` slots, or fewer but at least `least` if there are not as many, or none. Says how many; they are
    /// those before `tail`. Counts a refusal when it is none.
    ///
    /// Lock-free: goes round again only when another producer has reserved, or, once, to look at the consumer.
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
                room = self.look().cast_signed();
            }
            if room < least.cast_signed() {
                // Relaxed: if this is where we thought, there was too little room when we looked at the consumer.
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

    /// Looks where the consumer is, and says how many slots are free from our tail on: more than `N` where our tail is so
    /// far behind the queue's that what lay there was taken since.
    fn look(&mut self) -> usize {
        // Acquire: pairs with the Release in `MpscConsumer::give_back`: it is done with the slots before head.
        let head = self.queue.consumer.head.load(unless_broken("mpsc_look", Ordering::Acquire));
        let depth = self.tail.wrapping_sub(head).cast_signed();
        debug_assert!(depth <= N.cast_signed(), "tail is never ahead of head by more than the queue holds");
        if depth > 0 {
            // Relaxed, both: a number to look at. The load spares the others a line that does not change.
            let mark = &self.queue.producers.high_water;
            if mark.load(Ordering::Relaxed) < depth.cast_unsigned() {
                mark.fetch_max(depth.cast_unsigned(), Ordering::Relaxed);
            }
        }
        let free = N.wrapping_sub(depth.cast_unsigned());
        self.limit = self.tail.wrapping_add(if free < Self::STRIDE { free } else { Self::STRIDE });
        free
    }

    /// Puts a value into a slot and publishes it.
    ///
    /// # Safety
    /// The slot must be reserved by us, and not be published yet.
    #[inline(always)]
    pub(super) unsafe fn put(&mut self, number: usize, value: T) {
        // SAFETY: the caller's; the slot is published next.
        unsafe { self.write(number, value) };
        self.publish(number);
    }

    /// Puts a value into a slot.
    ///
    /// # Safety
    /// The slot must be reserved by us, and not be published yet.
    #[inline(always)]
    pub(super) unsafe fn write(&mut self, number: usize, value: T) {
        // SAFETY: the slot is ours: nobody else reserved it, and the consumer was done with it before it stored the head
        // by which we knew that it was free.
        unsafe { self.queue.slots.at(number).write(value) };
    }

    /// Publishes a slot that was written.
    #[inline(always)]
    pub(super) fn publish(&mut self, number: usize) {
        self.queue.slots.at(number).publish(number, unless_broken("mpsc_publish", Ordering::Release));
    }

    /// Publishes a slot that holds nothing, to be passed over.
    pub(super) fn leave_out(&mut self, number: usize) {
        self.queue.slots.at(number).leave_out(number);
    }

    /// Takes a value out of a slot again.
    ///
    /// # Safety
    /// The slot must be reserved by us, written, and not be published; the value must not be used again.
    pub(super) unsafe fn take_back(&mut self, number: usize) -> T {
        // SAFETY: the caller's.
        unsafe { self.queue.slots.at(number).take() }
    }

    fn count_refusal(&mut self) {
        // Relaxed: a number to look at.
        self.queue.producers.full_count.fetch_add(1, Ordering::Relaxed);
    }
}

impl<T, const N: usize> Clone for MpscProducer<'_, T, N> {
    /// One more producer, for another thread perhaps.
    fn clone(&self) -> Self {
        self.queue.producer()
    }
}

impl<T, const N: usize> Drop for MpscProducer<'_, T, N> {
    fn drop(&mut self) {
        // Release: pairs with the Acquire in `Mpsc::producers_closed`: who sees that we have gone sees all that we pushed.
        self.queue.producers.producers.fetch_sub(ONE, unless_broken("mpsc_close", Ordering::Release));
    }
}

impl<T, const N: usize> fmt::Debug for MpscProducer<'_, T, N> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("MpscProducer").field("queue", self.queue).finish_non_exhaustive()
    }
}
