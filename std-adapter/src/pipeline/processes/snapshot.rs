//! The state of a running pipeline, for whoever looks.

use super::{Figures, PUBLISHERS_MAX};
use crate::memory::SchedulingCounts;
use crate::memory::region::Message;
use vvp_core::book::{BookView, InstrumentId, Side};
use vvp_core::engine::Matcher;
use vvp_core::metrics::Histogram;
use vvp_core::queue::QueueStats;
use zerocopy::{FromBytes, Immutable, IntoBytes};

/// Levels of a side that are shown.
pub const LEVELS: usize = 8;
/// Books that are shown.
pub const BOOKS: usize = 2;

/// A price level.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, FromBytes, IntoBytes, Immutable)]
#[repr(C)]
pub struct LadderLevel {
    /// In ticks.
    pub price: i64,
    /// In lots.
    pub qty: u64,
    /// How many; 0 where there is no level.
    pub orders: u64,
}

/// The best levels of a book, best first.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, FromBytes, IntoBytes, Immutable)]
#[repr(C)]
pub struct Ladder {
    /// Who buys.
    pub bids: [LadderLevel; LEVELS],
    /// Who sells.
    pub asks: [LadderLevel; LEVELS],
    /// Orders in the book.
    pub resting: u64,
}

/// A stage's latency in nanoseconds.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, FromBytes, IntoBytes, Immutable)]
#[repr(C)]
pub struct Latency {
    /// How often it was measured.
    pub count: u64,
    /// The median.
    pub p50_ns: u64,
    /// 99 % were not longer.
    pub p99_ns: u64,
    /// 99.9 % were not longer.
    pub p999_ns: u64,
    /// The longest.
    pub max_ns: u64,
}

impl Latency {
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

/// A queue between two stages.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, FromBytes, IntoBytes, Immutable)]
#[repr(C)]
pub struct QueueFigures {
    /// In it now.
    pub depth: u64,
    /// In it at most; never less than `depth`.
    pub high_water: u64,
    /// How often it was full.
    pub refused: u64,
    /// Through it so far.
    pub passed: u64,
}

impl QueueFigures {
    /// The figures as they are now.
    ///
    /// The sides of a queue note a high water only now and then, and that of several lanes is the
    /// greatest of any one, so the depth may be above it. The depth was met, so it is a high water
    /// too, and stays one when the queue is empty again.
    pub(super) fn update(&mut self, stats: QueueStats) {
        *self = Self {
            depth: stats.depth as u64,
            high_water: self.high_water.max(stats.high_water as u64).max(stats.depth as u64),
            refused: stats.full_count as u64,
            passed: stats.popped as u64,
        };
    }
}

/// The state of a pipeline at one moment, as its matcher sees it. Plain bytes, to be read from any process.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, FromBytes, IntoBytes, Immutable)]
#[repr(C)]
pub struct Snapshot {
    /// When: nanoseconds of `CLOCK_MONOTONIC_RAW`.
    pub taken_ns: u64,
    /// The matcher's process.
    pub pid: u64,
    /// 1: all commands are done; no newer state will come.
    pub is_final: u64,
    /// The state hash, once it is final; else 0.
    pub state_hash: u64,
    /// Commands done since the beginning of the journal.
    pub commands: u64,
    /// Events of these.
    pub events: u64,
    /// Gateways to matcher, all lanes together.
    pub orders_queue: QueueFigures,
    /// Publishers.
    pub publishers: u64,
    /// Matcher to each publisher.
    pub events_queue: [QueueFigures; PUBLISHERS_MAX],
    /// From a gateway's push to the matcher.
    pub to_matcher: Latency,
    /// One command, journal and all.
    pub matching: Latency,
    /// From the matcher's push to each publisher.
    pub to_publisher: [Latency; PUBLISHERS_MAX],
    /// Calls for memory of the matcher's process since it was ready.
    pub allocations: u64,
    /// Bytes asked for by these.
    pub allocated_bytes: u64,
    /// Page faults of the matcher's process served from memory.
    pub minor_faults: u64,
    /// Page faults of the matcher's process that waited for a device.
    pub major_faults: u64,
    /// Times that the matcher's processor was taken away.
    pub preempted: u64,
    /// Books, by number of the instrument.
    pub books: [Ladder; BOOKS],
}

impl Message for Snapshot {
    const NAME: &'static str = "pipeline snapshot 2";
}

impl Snapshot {
    /// The books; [`measure`](Self::measure) adds the rest.
    pub(super) fn of(engine: &impl Matcher) -> Self {
        let mut this = Self::default();
        for (index, ladder) in (0..).zip(&mut this.books) {
            let Some(book) = engine.book(InstrumentId::new(index)) else { continue };
            ladder.resting = book.resting_orders() as u64;
            for (side, levels) in [(Side::Buy, &mut ladder.bids), (Side::Sell, &mut ladder.asks)] {
                for (to, level) in levels.iter_mut().zip(book.depth(side)) {
                    *to = LadderLevel {
                        price: level.price.ticks(),
                        qty: level.qty.lots(),
                        orders: u64::from(level.orders),
                    };
                }
            }
        }
        this
    }

    /// What can be said without the engine: queue of orders, latencies, this process.
    pub(super) fn measure(&mut self, figures: &Figures, orders: QueueStats) {
        let counts = SchedulingCounts::of_process();
        self.pid = u64::from(std::process::id());
        self.orders_queue.update(orders);
        self.to_matcher = Latency::of(&figures.to_matcher);
        self.matching = Latency::of(&figures.matching);
        self.to_publisher = figures.to_publisher.each_ref().map(Latency::of);
        self.minor_faults = counts.minor_faults;
        self.major_faults = counts.major_faults;
        self.preempted = counts.involuntary_switches;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_high_water_is_never_below_a_depth_that_was_seen() {
        let stats = |depth, high_water| {
            let mut stats = QueueStats::default();
            (stats.depth, stats.high_water) = (depth, high_water);
            stats
        };
        let mut figures = QueueFigures::default();
        // Two lanes of 20 values each: the greatest of any lane is 20.
        for (now, depth, high_water) in
            [(stats(40, 20), 40, 40), (stats(0, 20), 0, 40), (stats(50, 60), 50, 60), (stats(3, 60), 3, 60)]
        {
            figures.update(now);
            assert_eq!((figures.depth, figures.high_water), (depth, high_water));
        }
    }
}
