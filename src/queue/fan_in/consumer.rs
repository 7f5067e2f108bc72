//! Consumer endpoint: serves the lanes round robin.

use super::super::spsc::Consumer;
use super::super::{PopDrain, PopError, QueueStats};
use super::{BITS, FanIn, WORDS};
use crate::queue::internal::consumer_pacing::{self, ConsumerPacing};
use crate::queue::internal::endpoint::Claim;
use crate::sync::broken;
use core::fmt;

/// Default batch: the most values that are popped from a lane in its turn.
const BATCH: usize = 32;

/// The consumer endpoint of a [`FanIn`]. Dropping it releases the claim; values in the lanes stay.
///
/// `Send` but not `Sync`. All operations are wait-free.
#[must_use = "dropping the consumer releases its endpoint"]
pub struct FanInConsumer<'q, T, const N: usize, const LANES: usize> {
    queue: &'q FanIn<T, N, LANES>,
    lanes: [Consumer<'q, T, N>; LANES],
    /// The lane that is being served; always below `LANES`.
    at: usize,
    /// Number of values left in its batch; at least that number is in the lane.
    left: usize,
    batch: usize,
    /// Number of values found so far, wrapping: the position for the pacing.
    found: usize,
    /// The last visit to a lane found few values: the consumer is close behind its producer.
    few: bool,
    /// Distance at which it follows the producer.
    pace: ConsumerPacing,
    /// The last field: the claim is released after the lanes.
    _owner: Owner<'q>,
}

/// The claim of the consumer, released on drop.
struct Owner<'q>(&'q Claim);

impl Drop for Owner<'_> {
    fn drop(&mut self) {
        self.0.give_back();
    }
}

impl<'q, T, const N: usize, const LANES: usize> FanInConsumer<'q, T, N, LANES> {
    /// # Safety
    /// The caller owns the consumer endpoint: the flag is set, and there is no other handle to it.
    pub(super) unsafe fn attach(queue: &'q FanIn<T, N, LANES>) -> Self {
        // SAFETY: the lanes' consumers are ours: only this function attaches any.
        let lanes = queue.lanes.each_ref().map(|lane| unsafe { Consumer::attach(lane) });
        Self {
            queue,
            lanes,
            at: LANES - 1,
            left: 0,
            batch: BATCH,
            found: 0,
            few: false,
            pace: ConsumerPacing::new(0),
            _owner: Owner(&queue.claimed),
        }
    }

    /// Pops the next value: the oldest of the lane that is being served.
    ///
    /// # Errors
    /// [`PopError::Empty`] if all lanes are empty, [`PopError::Closed`] if moreover no lane has a
    /// producer, and one of them was closed.
    #[inline]
    pub fn pop(&mut self) -> Result<T, PopError> {
        if self.left == 0 {
            self.advance()?;
        }
        self.left -= 1;
        self.lane().pop_known()
    }

    /// Pops the next value and returns it with the number of its lane.
    ///
    /// # Errors
    /// As [`pop`](Self::pop).
    #[inline]
    pub fn pop_with_lane(&mut self) -> Result<(usize, T), PopError> {
        let value = self.pop()?;
        Ok((self.at, value))
    }

    /// Returns the lane of the value that was popped last.
    #[cfg(feature = "async")]
    pub(in crate::queue) const fn last_lane(&self) -> usize {
        self.at
    }

    /// Returns the next value without popping it, and its lane.
    ///
    /// # Errors
    /// As [`pop`](Self::pop).
    #[inline]
    pub fn peek_with_lane(&mut self) -> Result<(usize, &T), PopError> {
        if self.left == 0 {
            self.next_lane()?;
        }
        let at = self.at;
        // `left` counts at least one, unless another process has overwritten the lane.
        self.lane().peek().map(|value| (at, value)).ok_or(PopError::Empty)
    }

    /// Pops as many values as there are and as fit into `out`, and returns how many. A lane's
    /// values are contiguous, up to a batch in each turn.
    #[inline]
    pub fn pop_slice(&mut self, out: &mut [T]) -> usize
    where
        T: Copy,
    {
        let mut rest = &mut *out;
        let mut len = 0;
        while !rest.is_empty() && (self.left > 0 || self.next_lane().is_ok()) {
            let wanted = self.left.min(rest.len());
            let (now, later) = rest.split_at_mut(wanted);
            let taken = self.lane().pop_slice(now);
            debug_assert!(taken == wanted, "they were known to be there");
            self.left -= wanted;
            len += taken;
            rest = later;
        }
        len
    }

    /// Iterates over the values, popping one by one until all lanes are empty, at most `N * LANES`
    /// values.
    #[inline]
    pub fn drain(&mut self) -> PopDrain<'_, Self> {
        PopDrain::new(self, N.saturating_mul(LANES))
    }

    /// Sets the batch: the most values that are popped from a lane in its turn (default 32). A
    /// small batch is fairer, a large one cheaper if many lanes are idle. 0 counts as 1.
    ///
    /// ```
    /// use vvp_core::queue::FanIn;
    ///
    /// let mut queue = FanIn::<u32, 4, 2>::new();
    /// let ([mut a, mut b], mut rx) = queue.split();
    /// rx.set_batch(1);
    /// assert_eq!(rx.batch(), 1);
    /// a.push_slice(&[1, 2]);
    /// b.push_slice(&[10, 20]);
    /// assert!(rx.drain().eq([1, 10, 2, 20]));
    /// ```
    pub fn set_batch(&mut self, values: usize) {
        self.batch = values.max(1);
        self.left = self.left.min(self.batch);
    }

    /// Returns the batch; see [`set_batch`](Self::set_batch).
    #[must_use]
    pub const fn batch(&self) -> usize {
        self.batch
    }

    /// Returns whether no lane has a producer, and one of them was closed. There may still be
    /// values: `pop` returns `Closed` after the last one.
    #[must_use]
    pub fn is_closed(&self) -> bool {
        self.queue.is_closed()
    }

    /// Closes the consumer endpoint: nothing more will be popped. Values in the lanes stay until a
    /// new consumer claims this endpoint, or the queue is dropped. Producers see it by `is_closed`.
    pub fn close(self) {
        self.lanes.iter().for_each(Consumer::say_closed);
    }

    /// Returns the queue, to claim lanes.
    #[must_use]
    pub const fn queue(&self) -> &'q FanIn<T, N, LANES> {
        self.queue
    }

    /// Returns the statistics of all lanes; see [`FanIn::stats`].
    #[must_use]
    pub fn stats(&self) -> QueueStats {
        self.queue.stats()
    }

    #[inline(always)]
    fn lane(&mut self) -> &mut Consumer<'q, T, N> {
        debug_assert!(self.at < LANES);
        // SAFETY: `at` is below LANES from the start, and `turn_to` sets no other.
        unsafe { self.lanes.get_unchecked_mut(self.at) }
    }

    /// As [`next_lane`](Self::next_lane), out of line, so that a pop from the lane at hand is
    /// compiled into its caller.
    #[inline(never)]
    fn advance(&mut self) -> Result<(), PopError> {
        self.next_lane()
    }

    /// Advances to the next lane with values.
    fn next_lane(&mut self) -> Result<(), PopError> {
        if self.find() {
            return Ok(());
        }
        self.pace.on_empty(self.found);
        if !self.queue.is_closed() {
            return Err(PopError::Empty);
        }
        // Seeing that the producers have gone implies seeing what they published, so one more scan
        // distinguishes "closed and empty" from "a last value came just now".
        if !broken("fan_in_last_scan") && self.find() { Ok(()) } else { Err(PopError::Closed) }
    }

    /// Visits each lane that was ever claimed once, from the one behind `at` on.
    #[inline]
    fn find(&mut self) -> bool {
        let (first, bit) = (self.at / BITS, self.at % BITS);
        let behind = (usize::MAX << bit) << 1; // the bits above `bit`: none, if it is the last
        // The rest of the first word, the other words, and at the end the start of the first.
        if self.find_in(first, behind) {
            return true;
        }
        const { assert!(WORDS.is_power_of_two()) };
        let words = const { LANES.div_ceil(BITS) };
        for step in 1..words {
            let word = first + step;
            if self.find_in(if word < words { word } else { word - words }, usize::MAX) {
                return true;
            }
        }
        self.find_in(first, !behind)
    }

    /// Visits the lanes `which` of one word.
    #[inline(always)]
    fn find_in(&mut self, word: usize, which: usize) -> bool {
        let mut bits = self.queue.used(word) & which;
        while bits != 0 {
            if self.turn_to(word * BITS + bits.trailing_zeros() as usize) {
                return true;
            }
            bits &= bits - 1;
        }
        false
    }

    /// Paces the consumer before it visits the same lane again. All other lanes are empty, so the
    /// pause delays only values that arrive during it.
    #[cold]
    #[inline(never)]
    fn keep_distance(&mut self) {
        if self.pace.maybe_pause(self.found) {
            let there = self.lane().available();
            self.pace.record(self.found, there, consumer_pacing::few(N));
        }
    }

    /// Advances to this lane, if it has values.
    #[inline(always)]
    fn turn_to(&mut self, lane: usize) -> bool {
        if lane == self.at && self.few && self.pace.is_on() {
            self.keep_distance();
        }
        let Some(consumer) = self.lanes.get_mut(lane) else { return false };
        if !consumer.has_some() {
            return false;
        }
        let there = consumer.available();
        self.few = there < consumer_pacing::few(N);
        self.left = there.min(self.batch);
        self.found = self.found.wrapping_add(self.left);
        self.at = lane;
        // In memory that another process can write, there may be none after all.
        self.left > 0
    }
}

impl<T, const N: usize, const LANES: usize> fmt::Debug for FanInConsumer<'_, T, N, LANES> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("FanInConsumer").field("queue", self.queue).field("at", &self.at).finish_non_exhaustive()
    }
}
