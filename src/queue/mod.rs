//! Bounded lock-free queues between threads, or between an interrupt handler and the main loop.
//!
//! ```
//! use vvp_core::queue::{Full, PopError, Spsc};
//!
//! static QUEUE: Spsc<u64, 8> = Spsc::new(); // all zero: costs no image
//!
//! let mut tx = QUEUE.producer().expect("not claimed yet");
//! let mut rx = QUEUE.consumer().expect("not claimed yet");
//! let sum = std::thread::scope(|scope| {
//!     scope.spawn(move || {
//!         for mut n in 1..=100 {
//!             while let Err(Full(back)) = tx.push(n) {
//!                 n = back; // full: try again
//!                 std::thread::yield_now();
//!             }
//!         }
//!         tx.close();
//!     });
//!     let mut sum = 0;
//!     loop {
//!         match rx.pop() {
//!             Ok(n) => sum += n,
//!             Err(PopError::Closed) => break sum,
//!             Err(_) => std::thread::yield_now(),
//!         }
//!     }
//! });
//! assert_eq!(sum, 5_050);
//! ```
//!
//! # Which queue
//! | you have | take | progress of push | of pop | cost of a push |
//! |---|---|---|---|---|
//! | a stream from one thread to another, batches, values filled in place | [`Spsc`] | wait-free | wait-free | plain loads and stores; one store of an index for a batch |
//! | single small values where latency counts: requests and answers | [`SequencedSpsc`] | wait-free | wait-free | plain loads and stores; value and signal on one cache line |
//! | byte strings of different lengths: DMA, network cards, serial lines | [`Frames`] | wait-free | wait-free | plain loads and stores, and the copy of the bytes, if they are not written in place |
//! | many producers, none blocked by another | [`FanIn`] | wait-free | wait-free | that of `Spsc`; the consumer polls the lanes |
//! | many producers, one total order | [`Mpsc`] | lock-free | wait-free, but empty behind a stalled producer | one compare-and-swap for a value or a run |
//! | the same from producers that may die: other processes, cores that are reset | [`RobustMpsc`] | lock-free | as `Mpsc`; a dead producer can be passed over | that of `Mpsc`, and stores in the producer's lane |
//! | many readers of the newest value only | [`Latest`](crate::cell::Latest), a cell | wait-free | wait-free for one atomic, else lock-free | a copy of the value |
//! | tasks instead of threads | `asynch::{AsyncSpsc, AsyncMpsc, AsyncFanIn}`, feature `async` | as above | as above | and a check for wakers |
//!
//! *Wait-free*: every call ends after a bounded number of steps, whatever other threads do.
//! *Lock-free*: a call repeats only if another one has succeeded meanwhile. No operation waits for
//! the other side or allocates; to wait, pass a [`Wait`]. After it has drained a stream, a consumer
//! pauses for one to three microseconds before it reads the producer's index again, so that it does
//! not take the cache line away that the producer is writing.
//! [docs/queues.md](crate::guide::queues) has the design, the whole table of progress and the
//! measurements.
//!
//! # Reading order
//! [`spsc`] first: claims, grants, batches and closing are the same in all queues. Then the page of
//! the queue that you take: [`sequenced_spsc`], [`frames`], [`fan_in`], [`mpsc`], [`robust_mpsc`].
//! [`Push`] and [`Pop`] are what all endpoints have in common, for generic code.

#[cfg(feature = "async")]
pub mod asynch;
pub mod fan_in;
#[cfg(not(loom))]
pub mod frames;
pub(crate) mod internal;
/// The positions of `Frames` alone: bbqueue cannot be built with the model checker's atomics.
#[cfg(loom)]
#[path = "frames/marks.rs"]
pub mod marks;
pub mod mpsc;
pub mod robust_mpsc;
pub mod sequenced_spsc;
pub mod spsc;
mod traits;
mod wait_strategy;

#[doc(inline)]
pub use fan_in::{FanIn, FanInConsumer};
#[cfg(not(loom))]
#[doc(inline)]
pub use frames::{FrameConsumer, FrameError, FrameProducer, Frames};
pub use internal::stats::QueueStats;
#[doc(inline)]
pub use mpsc::{Mpsc, MpscConsumer, MpscProducer};
#[doc(inline)]
pub use robust_mpsc::{RobustConsumer, RobustMpsc, RobustProducer};
#[doc(inline)]
pub use sequenced_spsc::{SequencedConsumer, SequencedProducer, SequencedSpsc};
#[doc(inline)]
pub use spsc::{Consumer, Producer, Spsc};
pub use traits::{Pop, PopDrain, Push};
pub use wait_strategy::{Spin, Wait};

pub use crate::full::Full;
use core::fmt;

/// Reason why a pop returned no value.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
#[non_exhaustive]
pub enum PopError {
    /// The queue is empty now: try again later.
    Empty,
    /// The queue is empty and the producer has closed: nothing will come unless a new producer
    /// claims its endpoint.
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

/// Error of a grant of more slots than there are; nothing was granted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
#[non_exhaustive]
pub struct TooFew {
    /// Number of available slots: request at most this many, or wait.
    pub available: usize,
}

impl fmt::Display for TooFew {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "only {} slots are there: ask for no more than that, or wait and try again", self.available)
    }
}

impl core::error::Error for TooFew {}
