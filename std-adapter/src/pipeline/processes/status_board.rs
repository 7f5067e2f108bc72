//! The status of a running pipeline, published for observers.

use super::{Counters, PUBLISHERS_MAX};
use crate::memory::SchedulingCounts;
use crate::memory::region::Message;
use vvp_core::book::{BookView, InstrumentId, Side};
use vvp_core::engine::Matcher;
use vvp_core::metrics::Histogram;
use vvp_core::queue::QueueStats;
use zerocopy::{FromBytes, Immutable, IntoBytes};

/// Price levels per side in the status.
pub const LEVELS: usize = 8;
/// Books in the status.
pub const BOOKS: usize = 2;

/// A price level.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, FromBytes, IntoBytes, Immutable)]
#[repr(C)]
pub struct LevelSummary {
    /// Price in ticks.
    pub price: i64,
    /// Quantity in lots.
    pub qty: u64,
    /// Number of orders; 0 if there is no level.
    pub orders: u64,
}

/// The best levels of a book, best first.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, FromBytes, IntoBytes, Immutable)]
#[repr(C)]
pub struct BookSummary {
    /// The bid side.
    pub bids: [LevelSummary; LEVELS],
    /// The ask side.
    pub asks: [LevelSummary; LEVELS],
    /// Resting orders in the book.
    pub resting: u64,
}

/// Latency percentiles of a stage in nanoseconds.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, FromBytes, IntoBytes, Immutable)]
#[repr(C)]
pub struct LatencySummary {
    /// Number of measurements.
    pub count: u64,
    /// The median.
    pub p50_ns: u64,
    /// The 99th percentile.
    pub p99_ns: u64,
    /// The 99.9th percentile.
    pub p999_ns: u64,
    /// The longest.
    pub max_ns: u64,
}

impl LatencySummary {
    fn of(histogram: &Histogram) -> Self {
        Self {
            count: histogram.count(),
            p50_ns: histogram.per_mille(500),
            p99_ns: histogram.per_mille(990),
            p999_ns: histogram.per_mille(999),
            max_ns: histogram.max(),
        }
    }
}

/// Counters of a queue between two stages.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, FromBytes, IntoBytes, Immutable)]
#[repr(C)]
pub struct QueueCounters {
    /// Values in the queue now.
    pub depth: u64,
    /// The high-water mark; never below `depth`.
    pub high_water: u64,
    /// Number of times that it was full.
    pub refused: u64,
    /// Values dequeued so far.
    pub passed: u64,
}

impl QueueCounters {
    /// Updates the counters.
    ///
    /// Each side of a queue updates its high-water mark only now and then, and that of several
    /// lanes is the greatest of any one lane, so the depth may exceed it. A depth that was seen
    /// raises the mark, which then stays when the queue is empty again.
    pub(super) fn update(&mut self, stats: QueueStats) {
        *self = Self {
            depth: stats.depth as u64,
            high_water: self.high_water.max(stats.high_water as u64).max(stats.depth as u64),
            refused: stats.full_count as u64,
            passed: stats.popped as u64,
        };
    }
}

/// The status of a pipeline at one moment, as its matcher sees it. Plain bytes, readable from any
/// process.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, FromBytes, IntoBytes, Immutable)]
#[repr(C)]
pub struct PipelineStatus {
    /// The time: nanoseconds of `CLOCK_MONOTONIC_RAW`.
    pub taken_ns: u64,
    /// The matcher's process number.
    pub pid: u64,
    /// 1 if all commands are processed; no newer status will follow.
    pub is_final: u64,
    /// The state hash if the status is final, else 0.
    pub state_hash: u64,
    /// Commands processed since the beginning of the journal.
    pub commands: u64,
    /// Events of these commands.
    pub events: u64,
    /// Gateways to matcher, all lanes together.
    pub orders_queue: QueueCounters,
    /// The number of publishers.
    pub publishers: u64,
    /// Matcher to each publisher.
    pub events_queue: [QueueCounters; PUBLISHERS_MAX],
    /// From a gateway's push to the matcher.
    pub to_matcher: LatencySummary,
    /// The matching of one command, including the journal.
    pub matching: LatencySummary,
    /// From the matcher's push to each publisher.
    pub to_publisher: [LatencySummary; PUBLISHERS_MAX],
    /// Allocations of the matcher's process since it was ready.
    pub allocations: u64,
    /// Bytes requested by these.
    pub allocated_bytes: u64,
    /// Page faults of the matcher's process served from memory.
    pub minor_faults: u64,
    /// Page faults of the matcher's process that waited for a device.
    pub major_faults: u64,
    /// Involuntary context switches of the matcher's process.
    pub preempted: u64,
    /// The books, by instrument number.
    pub books: [BookSummary; BOOKS],
}

impl Message for PipelineStatus {
    const NAME: &'static str = "pipeline snapshot 2";
}

impl PipelineStatus {
    /// Creates a status with the books; [`measure`](Self::measure) adds the rest.
    pub(super) fn of(engine: &impl Matcher) -> Self {
        let mut this = Self::default();
        for (index, book_summary) in (0..).zip(&mut this.books) {
            let Some(book) = engine.book(InstrumentId::new(index)) else { continue };
            book_summary.resting = book.resting_orders() as u64;
            for (side, levels) in [(Side::Buy, &mut book_summary.bids), (Side::Sell, &mut book_summary.asks)] {
                for (to, level) in levels.iter_mut().zip(book.depth(side)) {
                    *to = LevelSummary {
                        price: level.price.ticks(),
                        qty: level.qty.lots(),
                        orders: u64::from(level.orders),
                    };
                }
            }
        }
        this
    }

    /// Adds what does not need the engine: the order queue, latencies, and this process.
    pub(super) fn measure(&mut self, counters: &Counters, orders: QueueStats) {
        let counts = SchedulingCounts::of_process();
        self.pid = u64::from(std::process::id());
        self.orders_queue.update(orders);
        self.to_matcher = LatencySummary::of(&counters.to_matcher);
        self.matching = LatencySummary::of(&counters.matching);
        self.to_publisher = counters.to_publisher.each_ref().map(LatencySummary::of);
        self.minor_faults = counts.minor_faults;
        self.major_faults = counts.major_faults;
        self.preempted = counts.involuntary_switches;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn high_water_is_never_below_a_depth_that_was_seen() {
        let stats = |depth, high_water| {
            let mut stats = QueueStats::default();
            (stats.depth, stats.high_water) = (depth, high_water);
            stats
        };
        let mut counters = QueueCounters::default();
        // Two lanes of 20 values each: the greatest of any lane is 20.
        for (now, depth, high_water) in
            [(stats(40, 20), 40, 40), (stats(0, 20), 0, 40), (stats(50, 60), 50, 60), (stats(3, 60), 3, 60)]
        {
            counters.update(now);
            assert_eq!((counters.depth, counters.high_water), (depth, high_water));
        }
    }
}
