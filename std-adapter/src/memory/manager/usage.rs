//! Usage of objects: queues and pools.

use serde::Serialize;
use vvp_core::pool::Pool;
use vvp_core::queue::{FanIn, Mpsc, QueueStats, RobustMpsc, SequencedSpsc, Spsc};
use vvp_core::sync::Plain;

/// The usage of an object: values in a queue, slots of a pool.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default, Serialize)]
pub struct ObjectUsage {
    /// The most at one time.
    pub capacity: u64,
    /// The number now.
    pub in_use: u64,
    /// The high-water mark.
    pub high_water: u64,
    /// Values enqueued, or slots acquired, so far.
    pub taken: u64,
    /// Values dequeued, or slots released, so far.
    pub given_back: u64,
    /// Number of times that it was full.
    pub refused: u64,
}

/// An object that reports its usage, from any thread, while it is used.
pub trait Usage {
    /// Returns the current usage; each number was correct at some moment during the call.
    fn usage(&self) -> ObjectUsage;
}

fn of_queue(capacity: usize, stats: QueueStats) -> ObjectUsage {
    ObjectUsage {
        capacity: capacity as u64,
        in_use: stats.depth as u64,
        high_water: stats.high_water as u64,
        taken: stats.pushed as u64,
        given_back: stats.popped as u64,
        refused: stats.full_count as u64,
    }
}

impl<T, const N: usize> Usage for Spsc<T, N> {
    fn usage(&self) -> ObjectUsage {
        of_queue(N, self.stats())
    }
}

impl<T, const N: usize> Usage for SequencedSpsc<T, N> {
    fn usage(&self) -> ObjectUsage {
        of_queue(N, self.stats())
    }
}

impl<T, const N: usize> Usage for Mpsc<T, N> {
    fn usage(&self) -> ObjectUsage {
        of_queue(N, self.stats())
    }
}

impl<T: Plain, const N: usize, const LANES: usize> Usage for RobustMpsc<T, N, LANES> {
    fn usage(&self) -> ObjectUsage {
        of_queue(N, self.stats())
    }
}

impl<T, const N: usize, const LANES: usize> Usage for FanIn<T, N, LANES> {
    fn usage(&self) -> ObjectUsage {
        of_queue(N * LANES, self.stats())
    }
}

impl<T, const N: usize> Usage for Pool<T, N> {
    fn usage(&self) -> ObjectUsage {
        let stats = self.stats();
        ObjectUsage {
            capacity: stats.capacity as u64,
            in_use: stats.in_use as u64,
            high_water: stats.high_water as u64,
            taken: stats.acquired as u64,
            given_back: stats.released as u64,
            refused: stats.exhausted as u64,
        }
    }
}
