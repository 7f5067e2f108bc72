//! Bounded queues between threads, or between an interrupt handler and the main loop.
//!
//! | you have | take | progress |
//! |---|---|---|
//! | a stream, batches, values filled in place | [`Spsc`] | wait-free |
//! | single small values where latency counts | [`SequencedSpsc`] | wait-free |
//! | byte strings of different lengths | [`Frames`] | wait-free |
//! | many producers, none held up by another | [`FanIn`] | wait-free |
//! | many producers, one total order | [`Mpsc`] | push lock-free; waits behind a stalled producer |
//! | the same, from producers that may die | [`RobustMpsc`] | as `Mpsc`; a dead producer can be passed over |
//!
//! What each costs: `docs/queues.md`.
//!
//! [`Spsc`] joins one producer and one consumer. Both ends are wait-free: no operation waits for the other side or
//! allocates, and neither end can hold up the other, wherever it stops. (A consumer that has run a stream dry looks away
//! for one to three microseconds before it looks again: `docs/queues.md` says why.) Whoever wants to wait brings a [`Wait`].
//!
//! [`SequencedSpsc`] is the same for small values that go one by one; [`Frames`] carries strings of bytes.
//!
//! [`FanIn`] gives each of many producers a lane of its own: wait-free, and nobody can hold up anybody else. [`Mpsc`] is one
//! queue for all of them, in one order, at the price that a producer that stalls in the middle of a push holds up the rest; with [`RobustMpsc`] one that dies there does
//! not, if somebody can tell that it is dead.
//!
//! Where only the newest value matters, take a cell instead of a queue: [`cell::Latest`](crate::cell::Latest).
//!
//! With the feature `async`, `asynch` has `Spsc`, `Mpsc` and `FanIn` with ends that can be awaited. [`Push`] and [`Pop`]
//! are what all ends have in common.

#[cfg(feature = "async")]
pub mod asynch;
pub mod fan_in;
#[cfg(not(loom))]
pub mod frames;
pub(crate) mod internal;
/// The marks of `Frames` alone: bbqueue cannot be built with the model checker's atomics.
#[cfg(loom)]
#[path = "frames/marks.rs"]
pub mod marks;
pub mod mpsc;
pub mod robust_mpsc;
pub mod sequenced_spsc;
pub mod spsc;
mod traits;
mod wait_strategy;

pub use fan_in::{FanIn, FanInConsumer};
#[cfg(not(loom))]
pub use frames::{FrameConsumer, FrameError, FrameProducer, Frames};
pub use internal::stats::Stats;
pub use mpsc::{Mpsc, MpscConsumer, MpscProducer};
pub use robust_mpsc::{RobustConsumer, RobustMpsc, RobustProducer};
pub use sequenced_spsc::{SequencedConsumer, SequencedProducer, SequencedSpsc};
pub use spsc::{Consumer, Producer, Spsc};
pub use traits::{Pop, PopDrain, Push};
pub use wait_strategy::{Spin, Wait};

use core::fmt;

/// The queue had no room; the value comes back.
///
/// Try again once the consumer has taken something. `Producer::is_closed` tells whether that can still happen.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Full<T>(pub T);

impl<T> fmt::Debug for Full<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Full(..)")
    }
}

impl<T> fmt::Display for Full<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the queue is full: wait for the consumer and try again")
    }
}

impl<T> core::error::Error for Full<T> {}

/// Why there was nothing to take.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
#[non_exhaustive]
pub enum PopError {
    /// Nothing now: try again later.
    Empty,
    /// Nothing now, and the producer has closed: nothing will come unless a new producer claims its end.
    Closed,
}

impl fmt::Display for PopError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Empty => "the queue is empty: wait for the producer and try again",
            Self::Closed => "the queue is empty and its producer has closed it: stop reading",
        })
    }
}

impl core::error::Error for PopError {}

/// Fewer slots than asked for; nothing was granted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
#[non_exhaustive]
pub struct TooFew {
    /// How many there are: ask for no more than this, or wait.
    pub available: usize,
}

impl fmt::Display for TooFew {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "only {} slots are there: ask for no more than that, or wait and try again", self.available)
    }
}

impl core::error::Error for TooFew {}
