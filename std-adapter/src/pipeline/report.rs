//! The results of a run.

use crate::memory::Zeroed;
use vvp_core::engine::EngineStats;
use vvp_core::metrics::Histogram;

/// The end of a run.
#[derive(Debug)]
#[non_exhaustive]
pub enum End<E> {
    /// All input was processed.
    Finished,
    /// Stopped on request; everything read until then was processed.
    Stopped,
    /// The reader of the output closed it, which is no fault.
    OutputGone,
    /// The output cannot be written.
    OutputFailed(std::io::Error),
    /// The input cannot be read further; everything read until then was processed.
    InputFailed(E),
    /// The named stage panicked, which is a bug.
    Panicked(&'static str),
}

/// The threads of a run.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Shape {
    /// One thread.
    Inline,
    /// Three threads.
    Threads {
        /// Number of these that were pinned to a processor.
        pinned: usize,
    },
}

/// The high-water marks of the queues, as seen by either side.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct HighWater {
    /// Commands waiting for the matcher.
    pub commands: u64,
    /// Events waiting for the publisher.
    pub events: u64,
}

/// The results of a run.
#[derive(Debug)]
#[non_exhaustive]
pub struct Report<E> {
    /// The end of the run.
    pub end: End<E>,
    /// Lines or records with content: valid, refused and malformed commands.
    pub commands: u64,
    /// Statistics of the events; commands are not counted.
    pub stats: EngineStats,
    /// Time from the start, with all threads ready, to the last event published.
    pub elapsed_ns: u64,
    /// Time from a decoded command to the handover of its last event to the publisher, in
    /// nanoseconds. With threads it includes the time in the command queue; inline it includes the
    /// publisher's work.
    pub latency: Zeroed<Histogram>,
    /// Allocations from start to end, if the counting allocator is installed.
    pub allocations: u64,
    /// Page faults from start to end.
    pub page_faults: u64,
    /// The high-water marks of the queues.
    pub high_water: HighWater,
    /// The threads of the run.
    pub shape: Shape,
}

impl<E> Report<E> {
    /// Returns the commands per second over the whole run.
    #[must_use]
    pub fn commands_per_s(&self) -> u64 {
        let rate = u128::from(self.commands) * 1_000_000_000 / u128::from(self.elapsed_ns.max(1));
        u64::try_from(rate).unwrap_or(u64::MAX)
    }
}
