//! Consumer endpoint: serves the lanes round robin.

use super::super::spsc::Consumer;
use super::super::{PopDrain, PopError, Stats};
use super::{BITS, FanIn, WORDS};
use crate::queue::internal::consumer_pacing::{self, ConsumerPacing};
use crate::queue::internal::endpoint::Claim;
use crate::sync::broken;
use core::fmt;

/// Values that a lane may give in its turn, unless told otherwise.
const BATCH: usize = 32;

/// The one that takes values out of the lanes of a [`FanIn`]. Dropping it gives the end back; values not taken stay.
///
/// `Send` but not `Sync`. All operations are wait-free.
#[must_use = "dropping the consumer gives its end of the lanes back"]
pub struct FanInConsumer<'q, T, const N: usize, const LANES: usize> {
    queue: &'q FanIn<T, N, LANES>,
    lanes: [Consumer<'q, T, N>; LANES],
    /// Whose turn it is; always below `LANES`.
    at: usize,
    /// How many values it may still give; as many are known to be there.
    left: usize,
    batch: usize,
    /// How many values were found so far, wrapping: what the pace goes by.
    found: usize,
    /// The last look at a lane found few values: the consumer is close behind its producer.
    few: bool,
    /// How close it follows.
    pace: ConsumerPacing,
    /// The last field: the end is given back when the lanes are.
    _owner: Owner<'q>,
}

/// The consumer's end, given back on drop.
struct Owner<'q>(&'q Claim);

impl Drop for Owner<'_> {
    fn drop(&mut self) {
        self.0.give_back();
    }
}

impl<'q, T, const N: usize, const LANES: usize> FanInConsumer<'q, T, N, LANES> {
    /// # Safety
    /// The caller owns the consumer's end: the flag is up, and there is no other handle to it.
    pub(super) unsafe fn attach(queue: &'q FanIn<T, N, LANES>) -> Self {
        // SAFETY: the lanes' consumers are ours, as nobody else makes any.
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

    /// Takes the next value: the oldest of the lane whose turn it is.
    ///
    /// # Errors
    /// [`PopError::Empty`] when no lane has any, [`PopError::Closed`] when moreover no lane has a producer, and one of
    /// them closed.
    #[inline]
    pub fn pop(&mut self) -> Result<T, PopError> {
        if self.left == 0 {
            self.next_lane()?;
        }
        self.left -= 1;
        self.lane().pop()
    }

    /// Takes the next value, and says which lane it is from.
    ///
    /// # Errors
    /// As [`pop`](Self::pop).
    #[inline]
    pub fn pop_with_lane(&mut self) -> Result<(usize, T), PopError> {
        let value = self.pop()?;
        Ok((self.at, value))
    }

    /// The lane of the value that was taken last.
    #[cfg(feature = "async")]
    pub(in crate::queue) const fn last_lane(&self) -> usize {
        self.at
    }

    /// The next value, left where it is, and which lane it is from. The next `pop` takes it.
    ///
    /// # Errors
    /// As [`pop`](Self::pop).
    #[inline]
    pub fn peek_with_lane(&mut self) -> Result<(usize, &T), PopError> {
        if self.left == 0 {
            self.next_lane()?;
        }
        let at = self.at;
        // There is one, as `left` says, unless another process has written into the lane.
        self.lane().peek().map(|value| (at, value)).ok_or(PopError::Empty)
    }

    /// Takes as many values as there are and as `out` has room for, and says how many. A lane's values lie together, up
    /// to a batch in each turn.
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

    /// Takes values one by one until all lanes are empty, as many at most as all lanes hold.
    #[inline]
    pub fn drain(&mut self) -> PopDrain<'_, Self> {
        PopDrain::new(self, N.saturating_mul(LANES))
    }

    /// How many values a lane may give in its turn; 32 unless this was called. Fewer are fairer, more are cheaper where
    /// many lanes are idle. 0 counts as 1.
    pub fn set_batch(&mut self, values: usize) {
        self.batch = values.max(1);
        self.left = self.left.min(self.batch);
    }

    /// Whether no lane has a producer, and one of them closed. There may still be values to take: `pop` tells when
    /// there are none.
    #[must_use]
    pub fn is_closed(&self) -> bool {
        self.queue.is_closed()
    }

    /// Tells all producers that nothing more will be taken. What is in the lanes stays until a new consumer claims this
    /// end, or the lanes are dropped. Producers learn of it when they ask, at the latest when they are refused.
    pub fn close(self) {
        self.lanes.iter().for_each(Consumer::say_closed);
    }

    /// The lanes, to claim some.
    #[must_use]
    pub const fn queue(&self) -> &'q FanIn<T, N, LANES> {
        self.queue
    }

    /// What all lanes have done so far; see [`FanIn::stats`].
    #[must_use]
    pub fn stats(&self) -> Stats {
        self.queue.stats()
    }

    #[inline(always)]
    fn lane(&mut self) -> &mut Consumer<'q, T, N> {
        debug_assert!(self.at < LANES);
        // SAFETY: `at` is below LANES from the start, and `turn_to` sets no other.
        unsafe { self.lanes.get_unchecked_mut(self.at) }
    }

    /// Gives the turn to the next lane that has values.
    fn next_lane(&mut self) -> Result<(), PopError> {
        if self.find() {
            return Ok(());
        }
        self.pace.on_empty(self.found);
        if !self.queue.is_closed() {
            return Err(PopError::Empty);
        }
        // Whoever sees that the producers have gone sees what they published, so one more look tells "closed and empty"
        // from "a last value came just now".
        if !broken("fan_in_last_look") && self.find() { Ok(()) } else { Err(PopError::Closed) }
    }

    /// Looks at each lane that was ever used once, from the one behind `at` on.
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

    /// The same for lanes of one word.
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

    /// Before the lane whose turn it was is looked at again. No other lane has anything, so nobody waits but who comes a
    /// moment later.
    #[cold]
    #[inline(never)]
    fn keep_distance(&mut self) {
        if self.pace.maybe_pause(self.found) {
            let there = self.lane().available();
            self.pace.record(self.found, there, consumer_pacing::few(N));
        }
    }

    /// Gives the turn to this lane, if it has values.
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
