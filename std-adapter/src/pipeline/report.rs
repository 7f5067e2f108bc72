//! What a run did and what it took.

use crate::memory::Zeroed;
use vvp_core::engine::EngineStats;
use vvp_core::metrics::Histogram;

/// How a run ended.
#[derive(Debug)]
#[non_exhaustive]
pub enum End<E> {
    /// All input was answered.
    Finished,
    /// Somebody asked it to stop; what was read until then was answered.
    Stopped,
    /// Whoever read the output went away, which is their right.
    OutputGone,
    /// The output cannot be written.
    OutputFailed(std::io::Error),
    /// The input cannot be read on; what was read until then was answered.
    InputFailed(E),
    /// This stage panicked, which is a bug.
    Panicked(&'static str),
}

/// Who did the work.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Shape {
    /// One thread.
    Inline,
    /// Three threads, so many of them pinned to a processor.
    Threads {
        /// How many of them.
        pinned: usize,
    },
}

/// The greatest depth that a side of a queue met.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct HighWater {
    /// Commands waiting for the matcher.
    pub commands: u64,
    /// Events waiting for the publisher.
    pub events: u64,
}

/// What a run did and what it took.
#[derive(Debug)]
#[non_exhaustive]
pub struct Report<E> {
    /// How it ended.
    pub end: End<E>,
    /// Lines or records that held something: good commands, refused ones, and bad ones.
    pub commands: u64,
    /// What the events said; its commands are not counted.
    pub stats: EngineStats,
    /// From the start, with all threads ready, to the last event published.
    pub elapsed_ns: u64,
    /// From a command decoded to the last of its events handed to the publisher, in nanoseconds. With threads that
    /// includes the time in the commands' queue; inline it includes the publisher's work.
    pub latency: Zeroed<Histogram>,
    /// Allocations from start to end, if the counting allocator is installed.
    pub allocations: u64,
    /// Page faults from start to end.
    pub page_faults: u64,
    /// How full the queues were.
    pub high_water: HighWater,
    /// Who did the work.
    pub shape: Shape,
}

impl<E> Report<E> {
    /// Commands a second over the whole run.
    #[must_use]
    pub fn commands_per_s(&self) -> u64 {
        let rate = u128::from(self.commands) * 1_000_000_000 / u128::from(self.elapsed_ns.max(1));
        u64::try_from(rate).unwrap_or(u64::MAX)
    }
}
