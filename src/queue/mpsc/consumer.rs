//! Consumer endpoint.

use super::super::{PopDrain, PopError, QueueStats};
use super::Mpsc;
use crate::queue::internal::consumer_pacing::{self, ConsumerPacing};
use crate::queue::internal::sequenced_slot::Slot;
use crate::queue::internal::stats::count;
use crate::sync::{Ordering, unless_broken};
use core::cell::Cell;
use core::fmt;
use core::marker::PhantomData;

/// The consumer endpoint of an [`Mpsc`]. Dropping it releases the claim; values in the queue stay.
///
/// `Send` but not `Sync`. All operations are wait-free; for stalled producers see
/// [progress](super).
#[must_use = "dropping the consumer gives its end of the queue back"]
pub struct MpscConsumer<'q, T, const N: usize> {
    queue: &'q Mpsc<T, N>,
    /// The index of the next value to pop.
    head: usize,
    /// How close it follows.
    pace: ConsumerPacing,
    _not_sync: PhantomData<Cell<()>>,
}

impl<'q, T, const N: usize> MpscConsumer<'q, T, N> {
    /// # Safety
    /// The caller owns the consumer endpoint: its flag is set, and there is no other handle to it.
    pub(super) unsafe fn attach(queue: &'q Mpsc<T, N>) -> Self {
        let line = &queue.consumer;
        line.end.open();
        // Relaxed: our own index; its last writer released the endpoint to us.
        let head = line.head.load(Ordering::Relaxed);
        Self { queue, head, pace: ConsumerPacing::new(head), _not_sync: PhantomData }
    }

    /// Pops the oldest value.
    ///
    /// ```
    /// use vvp_core::queue::{Mpsc, PopError};
    ///
    /// let mut queue = Mpsc::<u32, 4>::new();
    /// let (mut tx, mut rx) = queue.split();
    /// tx.push(7).expect("not full");
    /// assert_eq!(rx.pop(), Ok(7));
    /// assert_eq!(rx.pop(), Err(PopError::Empty));
    /// tx.close(); // the only producer
    /// assert_eq!(rx.pop(), Err(PopError::Closed));
    /// ```
    ///
    /// # Errors
    /// [`PopError::Empty`] if the queue is empty, or the oldest reserved slot is not published yet.
    /// [`PopError::Closed`] if it is empty and all producers have gone, one of them by closing.
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

    /// Returns the oldest value without popping it.
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

    /// Pops as many values as there are and as fit into `out`, releases their slots together, and
    /// returns how many.
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

    /// Iterates over the values, popping one by one until a slot is not published, at most `N`.
    #[inline]
    pub fn drain(&mut self) -> PopDrain<'_, Self> {
        PopDrain::new(self, N)
    }

    /// Returns whether a producer has reserved the next slot and not published it yet. If it stays
    /// so, that producer is stalled or dead.
    ///
    /// ```
    /// use vvp_core::queue::{Mpsc, PopError};
    ///
    /// let mut queue = Mpsc::<u32, 4>::new();
    /// let (mut tx, mut rx) = queue.split();
    /// let mut other = tx.clone();
    /// let grant = tx.grant(1).expect("free"); // reserved, not published
    /// other.push(2).expect("not full");
    /// assert_eq!(rx.pop(), Err(PopError::Empty));
    /// assert!(rx.is_stalled());
    /// drop(grant); // the slot is skipped
    /// assert_eq!(rx.pop(), Ok(2));
    /// ```
    #[must_use]
    pub fn is_stalled(&self) -> bool {
        // Relaxed: for display.
        self.queue.tail.load(Ordering::Relaxed) != self.head && self.arrived().is_none() && !self.left_out()
    }

    /// Returns whether all producers have gone, one of them by closing. There may still be values:
    /// `pop` returns `Closed` after the last one.
    #[must_use]
    pub fn is_closed(&self) -> bool {
        self.queue.producers_closed()
    }

    /// Closes the consumer endpoint: nothing more will be popped. Values in the queue stay until a
    /// new consumer claims this endpoint, or the queue is dropped. Producers see it by `is_closed`.
    pub fn close(self) {
        self.queue.consumer.end.close();
    }

    /// Returns the statistics of the queue; see [`Mpsc::stats`].
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

    /// Returns whether the next slot was published without a value.
    fn left_out(&self) -> bool {
        self.queue.slots.at(self.head).lacks(self.head)
    }

    /// Skips slots without a value, at most `N`: then all are released.
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

    /// Skips a slot that a forgotten handle has reserved. For the drop of the queue, when there are
    /// no other handles.
    pub(super) fn pass_over_unfinished(&mut self) {
        if self.is_stalled() {
            self.head = self.head.wrapping_add(1);
        }
    }

    /// Slow path: returns why there is no value, or the slot if there is one after all.
    #[cold]
    #[inline(never)]
    fn nothing(&mut self) -> Result<&'q Slot<T>, PopError> {
        self.pass_over();
        if self.pace.maybe_pause(self.head) {
            // Relaxed: no access to a slot depends on it.
            let there = self.queue.tail.load(Ordering::Relaxed).wrapping_sub(self.head);
            self.pace.record(self.head, there, consumer_pacing::few(N));
        }
        if let Some(slot) = self.arrived() {
            return Ok(slot);
        }
        self.pace.on_empty(self.head);
        // Seeing that the producers have gone implies seeing every sequence number stored before,
        // so one more load tells "closed and empty" from "a last value came just now".
        if !self.queue.producers_closed() {
            return Err(PopError::Empty);
        }
        self.pass_over();
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
