//! From commands to events: a reader decodes, a matcher matches, a publisher writes.
//!
//! ```text
//!   bytes → [ reader ] → commands, arrival stamps → [ matcher ] → events → [ publisher ] → bytes
//!            thread 1          queues                thread 2      queue     thread 3
//! ```
//! [`run`] does it with three threads, [`run_inline`] the same on one; the events are the same. A full queue makes
//! its sender wait, so nothing is dropped. A stage that ends early (a signal, a reader of the output who went away, an
//! error, a panic) ends the others: nobody waits for a stage that is gone.
//!
//! [`processes`] is a pipeline of another kind: its stages are processes, any of which may die.
//!
//! Nothing is allocated between start and end, which [`Report::allocations`] proves where the counting allocator is
//! installed.

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

/// Where the commands of a pipeline come from.
pub trait Commands {
    /// Why there can be no more.
    type Error: Send;

    /// Decodes the next piece of input (a line, a record) and gives `emit` its commands, if it has any. `false` at the
    /// end.
    ///
    /// # Errors
    /// When nothing after this can be read. A piece that is no command is no error: it emits its refusal.
    fn step(&mut self, emit: impl FnMut(Command)) -> Result<bool, Self::Error>;

    /// Whether the error only says that somebody asked the pipeline to stop ([`is_stop`]).
    fn is_stop(error: &Self::Error) -> bool;

    /// Whether the next step has its piece in memory. If not it may wait, and what was decoded so far goes on first.
    fn is_buffered(&mut self) -> bool;
}

/// Where the events of a pipeline go.
pub trait Publish {
    /// Takes the next event; may keep it in a buffer.
    ///
    /// # Errors
    /// When it cannot be written.
    fn event(&mut self, event: &Event) -> std::io::Result<()>;

    /// Writes what is in the buffer, because no event may come for a while, or no more at all.
    ///
    /// # Errors
    /// When it cannot be written.
    fn flush(&mut self) -> std::io::Result<()>;
}

/// The surroundings of a run.
#[derive(Clone, Copy, Debug)]
pub struct Setup<'a> {
    /// Measures latencies.
    pub clock: Clock,
    /// Where the threads run.
    pub layout: ThreadLayout,
    /// Ends the run early when somebody asks.
    pub stop: &'a Stop,
    /// Bring all pages of the process in before the start, but for mappings greater than this many bytes.
    pub populate_max_bytes: usize,
}

/// Why a run did not start.
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
