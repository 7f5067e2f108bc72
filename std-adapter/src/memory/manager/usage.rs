//! What objects say of how they are used.

use serde::Serialize;
use vvp_core::pool::Pool;
use vvp_core::queue::{FanIn, Mpsc, QueueStats, RobustMpsc, SequencedSpsc, Spsc};
use vvp_core::sync::Plain;

/// How an object is used: values in a queue, slots of a pool.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default, Serialize)]
pub struct ObjectUsage {
    /// How many there can be at one time.
    pub capacity: u64,
    /// How many there are now.
    pub in_use: u64,
    /// How many there were at most.
    pub high_water: u64,
    /// How many came so far.
    pub taken: u64,
    /// How many went so far.
    pub given_back: u64,
    /// How often there was no room.
    pub refused: u64,
}

/// An object that tells how it is used, from any thread, while it is used.
pub trait Usage {
    /// The numbers now; each is right at some moment during the call.
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
