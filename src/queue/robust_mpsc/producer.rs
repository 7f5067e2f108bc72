//! Producer endpoint.

use super::super::{Full, QueueStats};
use super::{Lane, ProducerLine, RobustMpsc};
use crate::queue::internal::cas_backoff::Backoff;
use crate::queue::internal::endpoint::Endpoint;
use crate::queue::internal::free_limit::outlives_push;
use crate::queue::internal::stats::{count, raise};
use crate::sync::{Ordering, Plain, broken, unless_broken};
use core::cell::Cell;
use core::fmt;
use core::marker::PhantomData;

/// Stage of a push.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub enum Stage {
    /// The step is odd: the push has begun.
    Begun,
    /// A slot is reserved.
    Reserved,
    /// The value is written.
    Written,
    /// The value is published.
    Published,
}

/// The producer endpoint of one lane. Dropping it releases the lane; its published values stay.
///
/// `Send` but not `Sync`. Pushing is lock-free.
#[must_use = "dropping the producer releases its lane"]
pub struct RobustProducer<'q, T, const N: usize, const LANES: usize> {
    queue: &'q RobustMpsc<T, N, LANES>,
    line: &'q ProducerLine,
    end: &'q Endpoint,
    lane: usize,
    /// The number of the lane's next value.
    next: usize,
    /// Even; where `step` is between pushes.
    step: usize,
    /// The queue's tail as last seen; other producers may have moved it.
    tail: usize,
    /// Limit of the tail, beyond which the consumer's head must be loaded again.
    limit: usize,
    _not_sync: PhantomData<Cell<()>>,
}

impl<'q, T: Plain, const N: usize, const LANES: usize> RobustProducer<'q, T, N, LANES> {
    /// The most values between two loads of the consumer's head: bounds the error of `high_water`.
    const STRIDE: usize = if N / 4 > 16 { N / 4 } else { 16 };

    /// Creates the handle for the owner of the lane: its flag is set, and its predecessor is gone.
    pub(super) fn attach(queue: &'q RobustMpsc<T, N, LANES>, lane_line: &'q Lane, lane: usize) -> Self {
        let line = &lane_line.producer.0;
        lane_line.taken.end.open();
        queue.consumer.claims.count();
        // Relaxed: only we write it. The predecessor may have died in a push, which is never
        // finished.
        let mut step = line.step.load(Ordering::Relaxed);
        if step & 1 == 1 && !broken("robust_take_over") {
            step = step.wrapping_add(1);
            // Release: pairs with the Acquire in `RobustConsumer::pass_over`: seeing it implies
            // seeing the sequence number of the push in which the predecessor died, if it was
            // stored.
            line.step.store(step, unless_broken("robust_take_over_step", Ordering::Release));
        }
        // Relaxed: a guess, which the compare-and-swap checks.
        let tail = queue.tail.load(Ordering::Relaxed);
        Self {
            queue,
            line,
            end: &lane_line.taken.0.end,
            lane,
            next: next_of(queue, lane),
            step,
            tail,
            limit: tail,
            _not_sync: PhantomData,
        }
    }

    /// Pushes a value and publishes it.
    ///
    /// # Errors
    /// [`Full`] returns the value if there is no free slot.
    #[inline]
    pub fn push(&mut self, value: T) -> Result<(), Full<T>> {
        let done = self.push_until(value, Stage::Published);
        self.step = self.step.wrapping_add(2);
        // Release: pairs with the Acquire in `RobustConsumer::pass_over`: seeing it implies seeing
        // the sequence number.
        self.line.step.store(self.step, unless_broken("robust_step", Ordering::Release));
        done
    }

    /// Pushes as many of the values as fit, from the first on, one by one, and returns how many.
    pub fn push_slice(&mut self, values: &[T]) -> usize {
        values.iter().take_while(|value| self.push(**value).is_ok()).count()
    }

    /// Fault injection: does a push as far as `at`, and nothing after it, ever, as a producer that
    /// is killed there. The lane stays claimed, and must be taken over.
    ///
    /// Hidden and no public API: it is here only because tests, proofs and the adapter's tests are
    /// crates of their own, and a push cannot be stopped half-way from outside.
    #[doc(hidden)]
    pub fn die(mut self, value: T, at: Stage) {
        let _lost = self.push_until(value, at);
        core::mem::forget(self);
    }

    #[inline(always)]
    fn push_until(&mut self, value: T, last: Stage) -> Result<(), Full<T>> {
        // Release: pairs with the Acquire in `RobustConsumer::pass_over`: seeing it implies seeing
        // the sequence number of the push before.
        self.line.step.store(self.step.wrapping_add(1), unless_broken("robust_begin", Ordering::Release));
        if last == Stage::Begun {
            return Ok(());
        }
        let Some(at) = self.reserve() else {
            count(&self.line.full_count, 1);
            return Err(Full(value));
        };
        let slot = self.queue.slot(at);
        if last == Stage::Reserved {
            return Ok(());
        }
        slot.value.store(value);
        // Release, both: pair with the Acquires in `next_of`; for the consumer the sequence would
        // do.
        slot.lane.store(self.lane, Ordering::Release);
        slot.number.store(self.next, unless_broken("robust_number", Ordering::Release));
        if last == Stage::Written {
            return Ok(());
        }
        // Release: pairs with the Acquire in `RobustMpsc::published`: seeing the sequence number
        // implies seeing the value.
        slot.sequence.store(at.wrapping_add(1), unless_broken("robust_publish", Ordering::Release));
        self.next = self.next.wrapping_add(1);
        Ok(())
    }

    /// Reserves a slot; `None` if there is none. Lock-free: loops only if another producer has
    /// reserved, or, once, to load the consumer's head.
    #[inline(always)]
    fn reserve(&mut self) -> Option<usize> {
        let mut backoff = Backoff::default();
        if !outlives_push() {
            // Relaxed: a guess, which the compare-and-swap checks.
            self.move_to(self.queue.tail.load(Ordering::Relaxed));
        }
        loop {
            if self.limit.wrapping_sub(self.tail).cast_signed() <= 0 && !self.load_head() {
                // Relaxed: if the tail is still ours, there was no free slot when we loaded the
                // consumer's head.
                let now = self.queue.tail.load(Ordering::Relaxed);
                if now == self.tail {
                    return None;
                }
                self.move_to(now);
                continue;
            }
            let (at, next) = (self.tail, self.tail.wrapping_add(1));
            // Release: pairs with the Acquire in `RobustConsumer::pass_over`: seeing the slot
            // reserved implies seeing our step odd. `load_head` has shown that the slot is free.
            let reserve = unless_broken("robust_reserve", Ordering::Release);
            match self.queue.tail.compare_exchange(at, next, reserve, Ordering::Relaxed) {
                Ok(_) => {
                    self.tail = next;
                    return Some(at);
                }
                Err(now) => self.move_to(now),
            }
            backoff.failed();
        }
    }

    /// Takes over a tail that other producers have moved.
    #[inline(always)]
    fn move_to(&mut self, tail: usize) {
        self.tail = tail;
        if !outlives_push() {
            self.limit = tail; // read the head again
        }
    }

    /// Loads the consumer's head and returns whether there is a free slot from our tail on.
    #[cold]
    #[inline(never)]
    fn load_head(&mut self) -> bool {
        // Acquire: pairs with the Release in `RobustMpsc::release`: the consumer is done with the
        // slots before head.
        let head = self.queue.consumer.head.load(Ordering::Acquire);
        let depth = self.tail.wrapping_sub(head);
        // Another process may have written anything there; our own tail may be far behind, so that
        // the depth is negative.
        let free = N.wrapping_sub(depth);
        self.limit = self.tail.wrapping_add(if free < Self::STRIDE { free } else { Self::STRIDE });
        if depth.cast_signed() > 0 {
            raise(&self.line.high_water, depth.min(N));
        }
        free.cast_signed() > 0
    }

    /// Returns how many values were published from this lane, by this producer and its
    /// predecessors: the number of the next one.
    #[must_use]
    pub const fn position(&self) -> usize {
        self.next
    }

    /// Returns the number of the lane.
    #[must_use]
    pub const fn lane(&self) -> usize {
        self.lane
    }

    /// Returns whether the consumer has closed: nothing more will be popped, unless a new consumer
    /// claims its endpoint.
    #[must_use]
    pub fn is_closed(&self) -> bool {
        self.queue.consumer.end.is_closed()
    }

    /// Closes this lane. Once all lanes are released, one of them by closing, `pop` returns
    /// `Closed` instead of `Empty`. Values in the queue stay.
    pub fn close(self) {
        self.end.close();
    }

    /// Returns the statistics of the queue; see [`RobustMpsc::stats`].
    #[must_use]
    pub fn stats(&self) -> QueueStats {
        self.queue.stats()
    }
}

/// Returns the number of the next value of a lane whose owner is gone: one more than that of the
/// last published, whether popped or not.
fn next_of<T: Plain, const N: usize, const LANES: usize>(queue: &RobustMpsc<T, N, LANES>, lane: usize) -> usize {
    let mut waiting_next = None;
    for slot in &queue.slots {
        // Acquire: pairs with the Release in `push_until`.
        let sequence = slot.sequence.load(Ordering::Acquire);
        // Acquire, both: pair with the Releases in `push_until`, in case another producer has
        // reserved the slot meanwhile: it has seen the head behind us, and so do we.
        let (from, number) = (slot.lane.load(Ordering::Acquire), slot.number.load(Ordering::Acquire));
        // Acquire: pairs with the Release in `RobustMpsc::release`: our values before head are
        // counted as delivered.
        let head = queue.consumer.head.load(Ordering::Acquire);
        let waiting = sequence.wrapping_sub(1).wrapping_sub(head) < N;
        if waiting && from == lane {
            let next = number.wrapping_add(1);
            if waiting_next.is_none_or(|other: usize| next.wrapping_sub(other).cast_signed() > 0) {
                waiting_next = Some(next);
            }
        }
    }
    // Acquire: pairs with the Release in `RobustConsumer::handle`. After the slots: it includes
    // what was popped meanwhile.
    let delivered = match queue.lanes.get(lane) {
        Some(lane) => lane.taken.delivered.load(Ordering::Acquire),
        None => 0,
    };
    match waiting_next {
        Some(next) if next.wrapping_sub(delivered).cast_signed() > 0 => next,
        _ => delivered,
    }
}

impl<T, const N: usize, const LANES: usize> Drop for RobustProducer<'_, T, N, LANES> {
    fn drop(&mut self) {
        self.end.claimed.give_back();
    }
}

impl<T, const N: usize, const LANES: usize> fmt::Debug for RobustProducer<'_, T, N, LANES> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RobustProducer").field("lane", &self.lane).field("next", &self.next).finish_non_exhaustive()
    }
}
