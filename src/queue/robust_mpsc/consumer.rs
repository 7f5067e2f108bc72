//! Consumer endpoint.

use super::super::{PopDrain, PopError, QueueStats};
use super::{RobustMpsc, Slot};
use crate::queue::internal::sequenced_consumer::{Cursor, SequencedRing};
use crate::queue::internal::stats::count;
use crate::sync::{Ordering, Plain, broken};
use core::fmt;

/// The consumer endpoint. Dropping it releases the claim; values in the queue stay.
///
/// `Send` but not `Sync`. All operations are wait-free; for stalled producers see
/// [progress](super).
#[must_use = "dropping the consumer releases its endpoint"]
pub struct RobustConsumer<'q, T, const N: usize, const LANES: usize> {
    cursor: Cursor<'q, RobustMpsc<T, N, LANES>>,
    /// The unpublished slot to which `steps` belongs.
    stalled: Option<usize>,
    /// Each lane's step when the stall was first seen; 0 (even) once the lane is known not to own
    /// the slot.
    steps: [usize; LANES],
}

impl<'q, T: Plain, const N: usize, const LANES: usize> RobustConsumer<'q, T, N, LANES> {
    /// Creates the handle for the owner of the endpoint: its flag is set, and its predecessor is
    /// gone.
    pub(super) fn attach(queue: &'q RobustMpsc<T, N, LANES>) -> Self {
        Self { cursor: Cursor::attach(queue), stalled: None, steps: [0; LANES] }
    }

    /// Pops the oldest value.
    ///
    /// # Errors
    /// [`PopError::Empty`] if the queue is empty, or the oldest reserved slot is not published yet
    /// (see [`pass_over`](Self::pass_over)). [`PopError::Closed`] if it is empty and all producers
    /// have gone, one of them by closing.
    #[inline]
    pub fn pop(&mut self) -> Result<T, PopError> {
        self.handle(|value, _, _| value)
    }

    /// Pops the oldest value and returns it with the number of its lane.
    ///
    /// # Errors
    /// As [`pop`](Self::pop).
    #[inline]
    pub fn pop_with_lane(&mut self) -> Result<(usize, T), PopError> {
        self.handle(|value, lane, _| (lane, value))
    }

    /// Calls `act` with the oldest value, its lane and its number there (from 0, wrapping), and
    /// pops it only afterwards. If this consumer dies meanwhile, its successor gets the same value
    /// with the same number.
    ///
    /// # Errors
    /// As [`pop`](Self::pop).
    #[inline]
    pub fn handle<R>(&mut self, act: impl FnOnce(T, usize, usize) -> R) -> Result<R, PopError> {
        let slot = match self.cursor.arrived() {
            Some(slot) => slot,
            None => self.nothing()?,
        };
        // Relaxed, both: published by the sequence.
        let (lane, number) = (slot.lane.load(Ordering::Relaxed), slot.number.load(Ordering::Relaxed));
        // Another process may have written any number there.
        let lane = if lane < LANES { lane } else { 0 };
        let result = act(slot.value.load(), lane, number);
        if let Some(lane) = self.cursor.queue.lanes.get(lane) {
            // Release: pairs with the Acquire in `next_of`.
            lane.taken.delivered.store(number.wrapping_add(1), Ordering::Release);
        }
        self.release();
        Ok(result)
    }

    /// Pops as many values as there are and as fit into `out`, and returns how many.
    #[inline]
    pub fn pop_slice(&mut self, out: &mut [T]) -> usize {
        let mut len = 0;
        for (place, value) in out.iter_mut().zip(PopDrain::new(self, N)) {
            *place = value;
            len += 1;
        }
        len
    }

    /// Iterates over the values, popping one by one until a slot is not published, at most `N`.
    #[inline]
    pub fn drain(&mut self) -> PopDrain<'_, Self> {
        PopDrain::new(self, N)
    }

    /// Returns whether a producer has reserved the next slot and not published it yet.
    #[must_use]
    pub fn is_stalled(&self) -> bool {
        self.cursor.queue.tail() != self.cursor.head && self.cursor.arrived().is_none()
    }

    /// Skips the oldest slot if its producer died between reserving and publishing it; returns
    /// whether it did.
    ///
    /// `lives` is called for lanes whose producers are in a push, and must return `false` only for
    /// a dead one, known from the operating system or from what has reset the other core, so that
    /// all that the dead producer did happens before. (If it is wrong, that producer's value is
    /// lost, or the next value in the slot is torn.) Lanes without an owner do not matter. It may
    /// take several calls, until each live producer was seen outside its push.
    pub fn pass_over(&mut self, mut lives: impl FnMut(usize) -> bool) -> bool {
        // Acquire: pairs with the Release in `RobustProducer::reserve`: we see the odd step of the
        // slot's producer.
        if self.cursor.arrived().is_some() || self.cursor.queue.tail.load(Ordering::Acquire) == self.cursor.head {
            return false;
        }
        let again = self.stalled == Some(self.cursor.head);
        let mut all_known = true;
        for (number, (seen, lane)) in self.steps.iter_mut().zip(&self.cursor.queue.lanes).enumerate() {
            // Acquire: pairs with the Releases in `RobustProducer::push` and `attach`: a step later
            // than that of the slot's push shows its sequence number.
            let step = lane.producer.step.load(Ordering::Acquire);
            if !again {
                *seen = step;
            } else if *seen != step {
                *seen = 0;
            }
            if *seen & 1 == 1 {
                if lives(number) {
                    all_known = false;
                } else {
                    *seen = 0;
                }
            }
        }
        self.stalled = Some(self.cursor.head);
        // All that they had published is visible now.
        if !all_known || (self.cursor.arrived().is_some() && !broken("robust_recheck")) {
            return false;
        }
        count(&self.cursor.queue.consumer.passed, 1);
        self.release();
        true
    }

    /// Returns whether all producers have gone, one of them by closing. There may still be values:
    /// `pop` returns `Closed` after the last one.
    #[must_use]
    pub fn is_closed(&self) -> bool {
        self.cursor.queue.producers_closed()
    }

    /// Closes the consumer endpoint: nothing more will be popped. Values in the queue stay.
    /// Producers see it by `is_closed`.
    pub fn close(self) {
        self.cursor.queue.consumer.end.close();
    }

    /// Returns the statistics of the queue; see [`RobustMpsc::stats`].
    #[must_use]
    pub fn stats(&self) -> QueueStats {
        self.cursor.queue.stats()
    }

    /// Slow path: returns why there is no value, or the slot if there is one after all.
    #[cold]
    #[inline(never)]
    fn nothing(&mut self) -> Result<&'q Slot<T>, PopError> {
        match self.cursor.wait_briefly() {
            Err(PopError::Closed) => {}
            other => return other,
        }
        // Seeing the producers gone implies seeing what they published, so one more load
        // distinguishes "closed and empty" from "a last value came just now". An unpublished slot
        // in front is that of a dead producer whose lane was taken over and released, or of a
        // producer that has just connected. There are at most `N` of them.
        for _ in 0..N {
            if self.cursor.arrived().is_some() || !self.pass_over(|_| true) {
                break;
            }
        }
        match self.cursor.arrived() {
            Some(slot) => Ok(slot),
            None if self.is_stalled() => Err(PopError::Empty),
            None => Err(PopError::Closed),
        }
    }

    /// Steps over the next slot and releases it.
    #[inline(always)]
    fn release(&mut self) {
        self.cursor.advance();
        self.cursor.release();
    }
}

impl<T, const N: usize, const LANES: usize> fmt::Debug for RobustConsumer<'_, T, N, LANES> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RobustConsumer").field("lanes", &LANES).field("head", &self.cursor.head).finish_non_exhaustive()
    }
}
