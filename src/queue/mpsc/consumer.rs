//! Consumer endpoint.

use super::super::{PopDrain, PopError, Stats};
use super::Mpsc;
use crate::queue::internal::consumer_pacing::{self, ConsumerPacing};
use crate::queue::internal::sequenced_slot::Slot;
use crate::queue::internal::stats::count;
use crate::sync::{Ordering, unless_broken};
use core::cell::Cell;
use core::fmt;
use core::marker::PhantomData;

/// The one end of an [`Mpsc`] that takes values out. Dropping it gives the end back; values not taken stay.
///
/// `Send` but not `Sync`. All operations are wait-free; what a stalled producer does to them, see [progress](super).
#[must_use = "dropping the consumer gives its end of the queue back"]
pub struct MpscConsumer<'q, T, const N: usize> {
    queue: &'q Mpsc<T, N>,
    /// The number of the next value to take.
    head: usize,
    /// How close it follows.
    pace: ConsumerPacing,
    _not_sync: PhantomData<Cell<()>>,
}

impl<'q, T, const N: usize> MpscConsumer<'q, T, N> {
    /// # Safety
    /// The caller owns the consumer's end: its flag is up, and there is no other handle to it.
    pub(super) unsafe fn attach(queue: &'q Mpsc<T, N>) -> Self {
        let line = &queue.consumer;
        line.end.open();
        // Relaxed: our own; whoever wrote it last gave the end back to us.
        let head = line.head.load(Ordering::Relaxed);
        Self { queue, head, pace: ConsumerPacing::new(head), _not_sync: PhantomData }
    }

    /// Takes the oldest value.
    ///
    /// # Errors
    /// [`PopError::Empty`] when it is not there: the queue is empty, or the oldest reserved slot is not published yet.
    /// [`PopError::Closed`] when nothing is there, and all producers have gone, one of them by closing.
    #[inline]
    pub fn pop(&mut self) -> Result<T, PopError> {
        let slot = match self.arrived() {
            Some(slot) => slot,
            None => self.nothing()?,
        };
        // SAFETY: the value has arrived, and head steps past it right away.
        let value = unsafe { self.take(slot) };
        self.give_back();
        Ok(value)
    }

    /// The oldest value, left where it is.
    #[inline]
    pub fn peek(&mut self) -> Option<&T> {
        if self.arrived().is_none() {
            self.pass_over();
        }
        let slot = self.arrived()?;
        // SAFETY: the value has arrived; producers leave it alone until the slot is given back, which needs the handle
        // that is borrowed as long as the reference lives.
        Some(unsafe { slot.value() })
    }

    /// Takes as many values as there are and as `out` has room for, gives their slots back at once, and says how many.
    #[inline]
    pub fn pop_slice(&mut self, out: &mut [T]) -> usize
    where
        T: Copy,
    {
        let mut len = 0;
        for place in out.iter_mut().take(N) {
            let slot = match self.arrived() {
                Some(slot) => slot,
                None if len > 0 => break,
                None => match self.nothing() {
                    Ok(slot) => slot,
                    Err(_) => break,
                },
            };
            // SAFETY: the value has arrived, and head steps past it right away.
            *place = unsafe { self.take(slot) };
            len += 1;
        }
        if len > 0 {
            self.give_back();
        }
        len
    }

    /// Takes values one by one until it meets a slot that is not published, `N` at most.
    #[inline]
    pub fn drain(&mut self) -> PopDrain<'_, Self> {
        PopDrain::new(self, N)
    }

    /// Whether a producer has reserved the next slot and not published it yet: that is all that `pop` waits for. If it
    /// stays so, that producer is stalled, or dead.
    #[must_use]
    pub fn is_stalled(&self) -> bool {
        // Relaxed: a number to look at.
        self.queue.tail.load(Ordering::Relaxed) != self.head && self.arrived().is_none() && !self.left_out()
    }

    /// Whether all producers have gone, one of them by closing. There may still be values to take: `pop` tells when
    /// there are none.
    #[must_use]
    pub fn is_closed(&self) -> bool {
        self.queue.producers_closed()
    }

    /// Tells the producers that nothing more will be taken. What is in the queue stays until a new consumer claims
    /// this end, or the queue is dropped. Producers learn of it when they ask, at the latest when they are refused.
    pub fn close(self) {
        self.queue.consumer.end.close();
    }

    /// What the queue has done so far; see [`Mpsc::stats`].
    #[must_use]
    pub fn stats(&self) -> Stats {
        self.queue.stats()
    }

    /// The slot of the next value, if the value is there.
    #[inline(always)]
    fn arrived(&self) -> Option<&'q Slot<T>> {
        let slot = self.queue.slots.at(self.head);
        slot.has(self.head).then_some(slot)
    }

    /// Whether the next slot holds nothing, and never will.
    fn left_out(&self) -> bool {
        self.queue.slots.at(self.head).lacks(self.head)
    }

    /// Steps over slots that hold nothing. `N` at most: then all have been given back.
    fn pass_over(&mut self) {
        let mut passed = 0_usize;
        while passed < N && self.left_out() {
            self.head = self.head.wrapping_add(1);
            passed += 1;
        }
        if passed > 0 {
            count(&self.queue.consumer.passed, passed);
            self.give_back();
        }
    }

    /// Steps over a slot that was reserved by a handle that was forgotten. For the drop of the queue, when there are no
    /// others.
    pub(super) fn pass_over_unfinished(&mut self) {
        if self.is_stalled() {
            self.head = self.head.wrapping_add(1);
        }
    }

    /// Why there is nothing; or the slot, if there is something after all.
    #[cold]
    #[inline(never)]
    fn nothing(&mut self) -> Result<&'q Slot<T>, PopError> {
        self.pass_over();
        if self.pace.maybe_pause(self.head) {
            // Relaxed: nobody touches a slot because of this.
            let there = self.queue.tail.load(Ordering::Relaxed).wrapping_sub(self.head);
            self.pace.record(self.head, there, consumer_pacing::few(N));
        }
        if let Some(slot) = self.arrived() {
            return Ok(slot);
        }
        self.pace.on_empty(self.head);
        // Whoever sees that the producers have gone sees every sequence stored before, so one more look tells "closed and
        // empty" from "a last value came just now".
        if !self.queue.producers_closed() {
            return Err(PopError::Empty);
        }
        self.pass_over();
        self.arrived().ok_or(PopError::Closed)
    }

    /// Moves the value out of the slot and steps on, without giving the slot back.
    ///
    /// # Safety
    /// It must be what `arrived` gave for this head.
    #[inline(always)]
    unsafe fn take(&mut self, slot: &Slot<T>) -> T {
        self.head = self.head.wrapping_add(1);
        // SAFETY: the slot holds a value that is ours, and head has stepped past it.
        unsafe { slot.take() }
    }

    /// Lets producers have the slots before head.
    #[inline(always)]
    fn give_back(&mut self) {
        // Release: pairs with the Acquire in `MpscProducer::look`: we are done with the slots before head.
        self.queue.consumer.head.store(self.head, unless_broken("mpsc_give_back", Ordering::Release));
    }
}

impl<T, const N: usize> Drop for MpscConsumer<'_, T, N> {
    fn drop(&mut self) {
        self.queue.consumer.end.claimed.give_back();
    }
}

impl<T, const N: usize> fmt::Debug for MpscConsumer<'_, T, N> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("MpscConsumer").field("queue", self.queue).finish_non_exhaustive()
    }
}
