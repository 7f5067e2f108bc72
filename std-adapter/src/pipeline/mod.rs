//! From commands to events: a reader decodes, a matcher matches, a publisher writes.
//!
//! ```text
//!   bytes → [ reader ] → commands, arrival stamps → [ matcher ] → events → [ publisher ] → bytes
//!            thread 1          queues                thread 2      queue     thread 3
//! ```
//! [`run`] uses three threads, [`run_inline`] one; the events are the same. A full queue makes its
//! sender wait, so nothing is dropped. A stage that ends early (a signal, a closed output, an
//! error, a panic) ends the others, so no stage waits for one that is gone.
//!
//! [`processes`] is a pipeline whose stages are processes, any of which may die.
//!
//! Nothing is allocated between start and end; [`Report::allocations`] shows it where the counting
//! allocator is installed.

mod channel;
mod inline;
mod io;
pub mod processes;
mod report;
mod stages;
mod start_barrier;
mod stop;
mod threads;

pub use inline::run_inline;
pub use io::{Output, Progress, Source, is_stop, stdout};
pub use report::{End, HighWater, Report, Shape};
pub use stages::{COMMANDS_QUEUED_MAX, EVENTS_QUEUED_MAX};
pub use stop::{Stop, signal};
pub use threads::run;

use crate::clock::Clock;
use crate::memory::MapError;
use crate::thread::ThreadLayout;
use vvp_core::book::{Command, Event};

/// The source of the commands of a pipeline.
pub trait Commands {
    /// Reason why no more commands can be read.
    type Error: Send;

    /// Decodes the next piece of input (a line, a record) and calls `emit` with its commands, if
    /// any. Returns `false` at the end of the input.
    ///
    /// # Errors
    /// Nothing after this can be read. A malformed piece is no error: it emits its refusal.
    fn step(&mut self, emit: impl FnMut(Command)) -> Result<bool, Self::Error>;

    /// Returns whether the error only reports a request to stop ([`is_stop`]).
    fn is_stop(error: &Self::Error) -> bool;

    /// Returns whether the next piece is in memory. If not, the step may block, and what was
    /// decoded so far is passed on first.
    fn is_buffered(&mut self) -> bool;
}

/// The destination of the events of a pipeline.
pub trait Publish {
    /// Accepts the next event; may buffer it.
    ///
    /// # Errors
    /// It cannot be written.
    fn event(&mut self, event: &Event) -> std::io::Result<()>;

    /// Writes buffered events, because no event may follow for a while or at all.
    ///
    /// # Errors
    /// They cannot be written.
    fn flush(&mut self) -> std::io::Result<()>;
}

/// The environment of a run.
#[derive(Clone, Copy, Debug)]
pub struct Setup<'a> {
    /// The clock that measures latencies.
    pub clock: Clock,
    /// The placement of the threads.
    pub layout: ThreadLayout,
    /// Ends the run early on request.
    pub stop: &'a Stop,
    /// Before the start, populates all mappings of the process of at most this many bytes.
    pub populate_max_bytes: usize,
}

/// Reason why a run did not start.
#[derive(Debug)]
#[non_exhaustive]
pub enum RunError {
    /// No memory for the queues.
    Memory(MapError),
    /// A thread could not be started.
    Thread(std::io::Error),
}

impl From<MapError> for RunError {
    fn from(error: MapError) -> Self {
        Self::Memory(error)
    }
}

impl core::fmt::Display for RunError {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        match self {
            Self::Memory(error) => error.fmt(f),
            Self::Thread(error) => write!(f, "a thread cannot be started ({error}); try --inline"),
        }
    }
}

impl core::error::Error for RunError {}
