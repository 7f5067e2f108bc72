//! Consumer endpoint.

use super::super::{PopDrain, PopError, QueueStats};
use super::SequencedSpsc;
use crate::queue::internal::consumer_pacing::{self, ConsumerPacing};
use crate::queue::internal::sequenced_slot::Slot;
use crate::sync::{Ordering, broken};
use core::cell::Cell;
use core::fmt;
use core::marker::PhantomData;

/// The consumer endpoint of a [`SequencedSpsc`]. Dropping it releases the claim; values in the
/// queue stay.
///
/// `Send` but not `Sync`. All operations are wait-free.
#[must_use = "dropping the consumer gives its end of the queue back"]
pub struct SequencedConsumer<'q, T, const N: usize> {
    queue: &'q SequencedSpsc<T, N>,
    /// The number of the next value to pop.
    head: usize,
    /// How close it follows.
    pace: ConsumerPacing,
    _not_sync: PhantomData<Cell<()>>,
}

impl<'q, T, const N: usize> SequencedConsumer<'q, T, N> {
    /// # Safety
    /// The caller owns the consumer endpoint: its flag is set, and there is no other handle to it.
    pub(super) unsafe fn attach(queue: &'q SequencedSpsc<T, N>) -> Self {
        let line = &queue.consumer;
        line.end.open();
        // Relaxed: our own index; its last writer released the endpoint to us.
        let head = line.head.load(Ordering::Relaxed);
        Self { queue, head, pace: ConsumerPacing::new(head), _not_sync: PhantomData }
    }

    /// Pops the oldest value.
    ///
    /// # Errors
    /// [`PopError::Empty`] if there is none now, [`PopError::Closed`] if there is none and the
    /// producer has closed.
    #[inline]
    pub fn pop(&mut self) -> Result<T, PopError> {
        let slot = match self.arrived() {
            Some(slot) => slot,
            None => self.nothing()?,
        };
        if broken("turn_back_early") {
            self.queue.consumer.head.store(self.head.wrapping_add(1), Ordering::Release); // the value is still there
        }
        // SAFETY: the value has arrived, and head steps past it right away.
        let value = unsafe { self.take(slot) };
        self.give_back();
        Ok(value)
    }

    /// Returns the oldest value without popping it.
    #[inline]
    pub fn peek(&mut self) -> Option<&T> {
        let slot = self.arrived()?;
        // SAFETY: the value has arrived; the producer leaves it alone until the slot is given back, which needs the
        // handle that is borrowed as long as the reference lives.
        Some(unsafe { slot.value() })
    }

    /// Pops as many values as there are and as fit into `out`, releases their slots together, and
    /// returns how many.
    #[inline]
    pub fn pop_slice(&mut self, out: &mut [T]) -> usize
    where
        T: Copy,
    {
        let mut len = 0;
        for place in out.iter_mut().take(N) {
            let Some(slot) = self.arrived() else { break };
            // SAFETY: the value has arrived, and head steps past it right away.
            *place = unsafe { self.take(slot) };
            len += 1;
        }
        self.give_back();
        len
    }

    /// Iterates over the values, popping one by one until a slot is empty, at most `N`.
    #[inline]
    pub fn drain(&mut self) -> PopDrain<'_, Self> {
        PopDrain::new(self, N)
    }

    /// Returns how many values can be popped, by the producer's count, which may lag by those being
    /// pushed now. At least as many stay until this consumer pops them.
    #[inline]
    pub fn available(&mut self) -> usize {
        // Relaxed: no access to a slot depends on it.
        let ahead = self.queue.producer.tail.load(Ordering::Relaxed).wrapping_sub(self.head);
        if ahead > N { 0 } else { ahead }
    }

    /// Returns whether the producer has closed. There may still be values: `pop` returns `Closed`
    /// after the last one.
    #[must_use]
    pub fn is_closed(&self) -> bool {
        self.queue.producer.end.is_closed()
    }

    /// Closes the consumer endpoint: nothing more will be popped. Values in the queue stay until a
    /// new consumer claims this endpoint, or the queue is dropped. The producer sees it by
    /// `is_closed`.
    pub fn close(self) {
        self.queue.consumer.end.close();
    }

    /// Returns the statistics of the queue; see [`SequencedSpsc::stats`].
    #[must_use]
    pub fn stats(&self) -> QueueStats {
        self.queue.stats()
    }

    /// Returns the slot of the next value, if it is published.
    #[inline(always)]
    fn arrived(&self) -> Option<&'q Slot<T>> {
        let slot = self.queue.slots.at(self.head);
        slot.has(self.head).then_some(slot)
    }

    /// Slow path: returns why there is no value, or the slot if there is one after all.
    #[cold]
    #[inline(never)]
    fn nothing(&mut self) -> Result<&'q Slot<T>, PopError> {
        if self.pace.maybe_pause(self.head) {
            let there = self.available();
            self.pace.record(self.head, there, consumer_pacing::few(N));
        }
        if let Some(slot) = self.arrived() {
            return Ok(slot);
        }
        self.pace.on_empty(self.head);
        // Seeing the close implies seeing every sequence number stored before it, so one more load
        // tells "closed and empty" from "a last value came just now".
        if !self.queue.producer.end.is_closed() {
            return Err(PopError::Empty);
        }
        self.arrived().ok_or(PopError::Closed)
    }

    /// Moves the value out of the slot and advances head, without releasing the slot.
    ///
    /// # Safety
    /// It must be what `arrived` returned for this head.
    #[inline(always)]
    unsafe fn take(&mut self, slot: &Slot<T>) -> T {
        self.head = self.head.wrapping_add(1);
        // SAFETY: the slot holds a value that is ours, and head has stepped past it.
        unsafe { slot.take() }
    }

    /// Releases the slots before head.
    #[inline(always)]
    fn give_back(&mut self) {
        // Release: pairs with the Acquire in `SequencedProducer::look`: we are done with the slots
        // before head.
        self.queue.consumer.head.store(self.head, Ordering::Release);
    }
}

impl<T, const N: usize> Drop for SequencedConsumer<'_, T, N> {
    fn drop(&mut self) {
        self.queue.consumer.end.claimed.give_back();
    }
}

impl<T, const N: usize> fmt::Debug for SequencedConsumer<'_, T, N> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SequencedConsumer").field("queue", self.queue).finish_non_exhaustive()
    }
}
