//! Consumer endpoint.

use super::super::{PopDrain, PopError, Stats};
use super::{RobustMpsc, Slot};
use crate::queue::internal::consumer_pacing::{self, ConsumerPacing};
use crate::queue::internal::stats::count;
use crate::sync::{Ordering, Plain, broken, unless_broken};
use core::cell::Cell;
use core::fmt;
use core::marker::PhantomData;

/// The one that takes values out. Dropping it gives the end back; values not taken stay.
///
/// `Send` but not `Sync`. All operations are wait-free; what a stalled producer does to them, see [progress](super).
#[must_use = "dropping the consumer gives its end of the queue back"]
pub struct RobustConsumer<'q, T, const N: usize, const LANES: usize> {
    queue: &'q RobustMpsc<T, N, LANES>,
    /// The count of the next slot.
    head: usize,
    /// How close it follows.
    pace: ConsumerPacing,
    /// The unpublished slot that `steps` is about.
    stalled: Option<usize>,
    /// Each lane's step when the stall was met first; even once the lane is known to have nothing to do with it.
    steps: [usize; LANES],
    _not_sync: PhantomData<Cell<()>>,
}

impl<'q, T: Plain, const N: usize, const LANES: usize> RobustConsumer<'q, T, N, LANES> {
    /// For the owner of the end: its flag is up, and whoever had it before is gone.
    pub(super) fn attach(queue: &'q RobustMpsc<T, N, LANES>) -> Self {
        queue.consumer.end.open();
        let head = queue.consumer.head.load(Ordering::Relaxed); // Relaxed: ours alone to write
        Self { queue, head, pace: ConsumerPacing::new(head), stalled: None, steps: [0; LANES], _not_sync: PhantomData }
    }

    /// Takes the oldest value.
    ///
    /// # Errors
    /// [`PopError::Empty`] when it is not there: the queue is empty, or the oldest reserved slot is not published yet (see
    /// [`pass_over`](Self::pass_over)). [`PopError::Closed`] when nothing is there, and all producers have gone, one of them by
    /// closing.
    #[inline]
    pub fn pop(&mut self) -> Result<T, PopError> {
        self.handle(|value, _, _| value)
    }

    /// Takes the oldest value, and says which lane it is from.
    ///
    /// # Errors
    /// As [`pop`](Self::pop).
    #[inline]
    pub fn pop_with_lane(&mut self) -> Result<(usize, T), PopError> {
        self.handle(|value, lane, _| (lane, value))
    }

    /// Lets `act` work on the oldest value, its lane and its number there (from 0, wrapping), and only then takes it out. If
    /// this consumer dies meanwhile, the one that takes over gets the same value with the same number.
    ///
    /// # Errors
    /// As [`pop`](Self::pop).
    #[inline]
    pub fn handle<R>(&mut self, act: impl FnOnce(T, usize, usize) -> R) -> Result<R, PopError> {
        let slot = match self.arrived() {
            Some(slot) => slot,
            None => self.nothing()?,
        };
        // Relaxed, both: published by the sequence.
        let (lane, number) = (slot.lane.load(Ordering::Relaxed), slot.number.load(Ordering::Relaxed));
        // Another process may have written any number there.
        let lane = if lane < LANES { lane } else { 0 };
        let result = act(slot.value.load(), lane, number);
        if let Some(lane) = self.queue.lanes.get(lane) {
            // Release: pairs with the Acquire in `next_of`.
            lane.taken.delivered.store(number.wrapping_add(1), Ordering::Release);
        }
        self.give_back();
        Ok(result)
    }

    /// Takes as many values as there are and as `out` has room for, and says how many.
    #[inline]
    pub fn pop_slice(&mut self, out: &mut [T]) -> usize {
        let mut len = 0;
        for (place, value) in out.iter_mut().zip(PopDrain::new(self, N)) {
            *place = value;
            len += 1;
        }
        len
    }

    /// Takes values one by one until it meets a slot that is not published, `N` at most.
    #[inline]
    pub fn drain(&mut self) -> PopDrain<'_, Self> {
        PopDrain::new(self, N)
    }

    /// Whether a producer has reserved the next slot and not published it yet: that is all that `pop` waits for.
    #[must_use]
    pub fn is_stalled(&self) -> bool {
        // Relaxed: a number to look at.
        self.queue.tail.load(Ordering::Relaxed) != self.head && self.arrived().is_none()
    }

    /// Passes over the oldest slot if its producer died between reserving and publishing it, and says whether it did.
    ///
    /// `lives` is asked about lanes whose producers are in the middle of a push, and says `false` only of a dead one: by an
    /// operating system's word, or that of whatever has reset another core, which shows us all that the dead one did. (If it is
    /// wrong, that producer's value is lost, or one that has the slot next is garbled.) A lane that nobody has does not
    /// matter. It may take some calls, until each live producer was seen outside its push.
    pub fn pass_over(&mut self, mut lives: impl FnMut(usize) -> bool) -> bool {
        // Acquire: pairs with the Release in `RobustProducer::reserve`: the slot's producer has said that it is in the middle of
        // a push.
        if self.arrived().is_some() || self.queue.tail.load(Ordering::Acquire) == self.head {
            return false;
        }
        let again = self.stalled == Some(self.head);
        let mut all_known = true;
        for (number, (seen, lane)) in self.steps.iter_mut().zip(&self.queue.lanes).enumerate() {
            // Acquire: pairs with the Releases in `RobustProducer::push` and `attach`: a step later than that of the slot's push
            // shows its sequence.
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
        self.stalled = Some(self.head);
        // What any of them had published is there to see now.
        if !all_known || (self.arrived().is_some() && !broken("robust_recheck")) {
            return false;
        }
        count(&self.queue.consumer.passed, 1);
        self.give_back();
        true
    }

    /// Whether all producers have gone, one of them by closing. There may still be values to take: `pop` tells when
    /// there are none.
    #[must_use]
    pub fn is_closed(&self) -> bool {
        self.queue.producers_closed()
    }

    /// Tells the producers that nothing more will be taken. What is in the queue stays. Producers learn of it when they ask, at
    /// the latest when they are refused.
    pub fn close(self) {
        self.queue.consumer.end.close();
    }

    /// What the queue has done so far; see [`RobustMpsc::stats`].
    #[must_use]
    pub fn stats(&self) -> Stats {
        self.queue.stats()
    }

    /// The oldest slot, if its value is there.
    #[inline(always)]
    fn arrived(&self) -> Option<&'q Slot<T>> {
        let slot = self.queue.slot(self.head);
        // Acquire: pairs with the Release in `RobustProducer::push_until`: the value is written.
        (slot.sequence.load(Ordering::Acquire) == self.head.wrapping_add(1)).then_some(slot)
    }

    /// Why there is nothing; or the slot, if there is something after all.
    #[cold]
    #[inline(never)]
    fn nothing(&mut self) -> Result<&'q Slot<T>, PopError> {
        if self.pace.maybe_pause(self.head) {
            // Relaxed: nobody touches a slot because of this.
            let there = self.queue.tail.load(Ordering::Relaxed).wrapping_sub(self.head);
            self.pace.record(self.head, there, consumer_pacing::few(N));
        }
        if let Some(slot) = self.arrived() {
            return Ok(slot);
        }
        self.pace.on_empty(self.head);
        if !self.queue.producers_closed() {
            return Err(PopError::Empty);
        }
        // Who sees the producers gone sees what they published, so one more look tells "closed and empty" from "a last value
        // came just now". A slot in front that is not published is that of a dead one whose lane was taken over and given
        // back, or of one that has just come. `N` at most.
        for _ in 0..N {
            if self.arrived().is_some() || !self.pass_over(|_| true) {
                break;
            }
        }
        match self.arrived() {
            Some(slot) => Ok(slot),
            None if self.is_stalled() => Err(PopError::Empty),
            None => Err(PopError::Closed),
        }
    }

    #[inline(always)]
    fn give_back(&mut self) {
        self.head = self.head.wrapping_add(1);
        // Release: pairs with the Acquires in `RobustProducer::look` and `next_of`: we are done with the slots before head.
        self.queue.consumer.head.store(self.head, unless_broken("robust_give_back", Ordering::Release));
    }
}

impl<T, const N: usize, const LANES: usize> Drop for RobustConsumer<'_, T, N, LANES> {
    fn drop(&mut self) {
        self.queue.consumer.end.claimed.give_back();
    }
}

impl<T, const N: usize, const LANES: usize> fmt::Debug for RobustConsumer<'_, T, N, LANES> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RobustConsumer").field("lanes", &LANES).field("head", &self.head).finish_non_exhaustive()
    }
}
