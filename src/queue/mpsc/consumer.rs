//! Consumer endpoint.

use super::super::{PopDrain, PopError, QueueStats};
use super::Mpsc;
use crate::queue::internal::sequenced_consumer::{Cursor, SequencedRing};
use crate::queue::internal::sequenced_slot::Slot;
use crate::queue::internal::stats::count;
use core::fmt;

/// The consumer endpoint of an [`Mpsc`]. Dropping it releases the claim; values in the queue stay.
///
/// `Send` but not `Sync`. All operations are wait-free; for stalled producers see
/// [progress](super).
#[must_use = "dropping the consumer releases its endpoint"]
pub struct MpscConsumer<'q, T, const N: usize> {
    cursor: Cursor<'q, Mpsc<T, N>>,
}

impl<'q, T, const N: usize> MpscConsumer<'q, T, N> {
    /// # Safety
    /// The caller owns the consumer endpoint: its flag is set, and there is no other handle to it.
    pub(super) unsafe fn attach(queue: &'q Mpsc<T, N>) -> Self {
        Self { cursor: Cursor::attach(queue) }
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
        let slot = match self.cursor.arrived() {
            Some(slot) => slot,
            None => self.nothing()?,
        };
        // SAFETY: we own the endpoint, and the value has arrived.
        let value = unsafe { self.cursor.take(slot) };
        self.cursor.release();
        Ok(value)
    }

    /// Returns the oldest value without popping it.
    #[inline]
    pub fn peek(&mut self) -> Option<&T> {
        if self.cursor.arrived().is_none() {
            self.pass_over();
        }
        // SAFETY: we own the endpoint.
        unsafe { self.cursor.peek() }
    }

    /// Pops as many values as there are and as fit into `out`, releases their slots together, and
    /// returns how many.
    #[inline]
    pub fn pop_slice(&mut self, out: &mut [T]) -> usize
    where
        T: Copy,
    {
        if out.is_empty() || (self.cursor.arrived().is_none() && self.nothing().is_err()) {
            return 0;
        }
        // SAFETY: we own the endpoint.
        let len = unsafe { self.cursor.take_slice(out) };
        self.cursor.release();
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
        self.cursor.queue.tail() != self.cursor.head && self.cursor.arrived().is_none() && !self.left_out()
    }

    /// Returns whether all producers have gone, one of them by closing. There may still be values:
    /// `pop` returns `Closed` after the last one.
    #[must_use]
    pub fn is_closed(&self) -> bool {
        self.cursor.queue.producers_closed()
    }

    /// Closes the consumer endpoint: nothing more will be popped. Values in the queue stay until a
    /// new consumer claims this endpoint, or the queue is dropped. Producers see it by `is_closed`.
    pub fn close(self) {
        self.cursor.queue.consumer.end.close();
    }

    /// Returns the statistics of the queue; see [`Mpsc::stats`].
    #[must_use]
    pub fn stats(&self) -> QueueStats {
        self.cursor.queue.stats()
    }

    /// Returns whether the next slot was published without a value.
    fn left_out(&self) -> bool {
        self.cursor.queue.slots.at(self.cursor.head).lacks(self.cursor.head)
    }

    /// Skips slots without a value, at most `N`: then all are released.
    fn pass_over(&mut self) {
        let mut passed = 0_usize;
        while passed < N && self.left_out() {
            self.cursor.advance();
            passed += 1;
        }
        if passed > 0 {
            count(&self.cursor.queue.consumer.passed, passed);
            self.cursor.release();
        }
    }

    /// Skips a slot that a leaked handle has reserved. For the drop of the queue, when there are
    /// no other handles.
    pub(super) fn pass_over_unfinished(&mut self) {
        if self.is_stalled() {
            self.cursor.advance();
        }
    }

    /// Slow path: returns why there is no value, or the slot if there is one after all.
    #[cold]
    #[inline(never)]
    fn nothing(&mut self) -> Result<&'q Slot<T>, PopError> {
        self.pass_over();
        match self.cursor.wait_briefly() {
            Err(PopError::Closed) => {
                // Seeing that the producers have gone implies seeing every sequence number stored
                // before, so one more load distinguishes "closed and empty" from "a last value came
                // just now".
                self.pass_over();
                self.cursor.arrived().ok_or(PopError::Closed)
            }
            other => other,
        }
    }
}

impl<T, const N: usize> fmt::Debug for MpscConsumer<'_, T, N> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("MpscConsumer").field("queue", self.cursor.queue).finish_non_exhaustive()
    }
}
