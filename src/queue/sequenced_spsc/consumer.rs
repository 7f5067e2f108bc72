//! Consumer endpoint.

use super::super::{PopDrain, PopError, QueueStats};
use super::SequencedSpsc;
use crate::queue::internal::sequenced_consumer::{Cursor, SequencedRing};
use crate::queue::internal::sequenced_slot::Slot;
use crate::sync::broken;
use core::fmt;

/// The consumer endpoint of a [`SequencedSpsc`]. Dropping it releases the claim; values in the
/// queue stay.
///
/// `Send` but not `Sync`. All operations are wait-free.
#[must_use = "dropping the consumer releases its endpoint"]
pub struct SequencedConsumer<'q, T, const N: usize> {
    cursor: Cursor<'q, SequencedSpsc<T, N>>,
}

impl<'q, T, const N: usize> SequencedConsumer<'q, T, N> {
    /// # Safety
    /// The caller owns the consumer endpoint: its flag is set, and there is no other handle to it.
    pub(super) unsafe fn attach(queue: &'q SequencedSpsc<T, N>) -> Self {
        Self { cursor: Cursor::attach(queue) }
    }

    /// Pops the oldest value.
    ///
    /// # Errors
    /// [`PopError::Empty`] if there is none now, [`PopError::Closed`] if there is none and the
    /// producer has closed.
    #[inline]
    pub fn pop(&mut self) -> Result<T, PopError> {
        let slot = match self.cursor.arrived() {
            Some(slot) => slot,
            None => self.nothing()?,
        };
        if broken("turn_back_early") {
            self.cursor.queue.release(self.cursor.head.wrapping_add(1)); // the value is still there
        }
        // SAFETY: we own the endpoint, and the value has arrived.
        let value = unsafe { self.cursor.take(slot) };
        self.cursor.release();
        Ok(value)
    }

    /// Returns the oldest value without popping it.
    #[inline]
    pub fn peek(&mut self) -> Option<&T> {
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
        // SAFETY: we own the endpoint.
        let len = unsafe { self.cursor.take_slice(out) };
        self.cursor.release();
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
        self.cursor.available()
    }

    /// Returns whether the producer has closed. There may still be values: `pop` returns `Closed`
    /// after the last one.
    #[must_use]
    pub fn is_closed(&self) -> bool {
        self.cursor.queue.producers_closed()
    }

    /// Closes the consumer endpoint: nothing more will be popped. Values in the queue stay until a
    /// new consumer claims this endpoint, or the queue is dropped. The producer sees it by
    /// `is_closed`.
    pub fn close(self) {
        self.cursor.queue.consumer.end.close();
    }

    /// Returns the statistics of the queue; see [`SequencedSpsc::stats`].
    #[must_use]
    pub fn stats(&self) -> QueueStats {
        self.cursor.queue.stats()
    }

    /// Slow path: returns why there is no value, or the slot if there is one after all.
    #[cold]
    #[inline(never)]
    fn nothing(&mut self) -> Result<&'q Slot<T>, PopError> {
        match self.cursor.wait_briefly() {
            // Seeing the close implies seeing every sequence number stored before it, so one more
            // load distinguishes "closed and empty" from "a last value came just now".
            Err(PopError::Closed) => self.cursor.arrived().ok_or(PopError::Closed),
            other => other,
        }
    }
}

impl<T, const N: usize> fmt::Debug for SequencedConsumer<'_, T, N> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SequencedConsumer").field("queue", self.cursor.queue).finish_non_exhaustive()
    }
}
