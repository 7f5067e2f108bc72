//! The publisher stage: takes the events and keeps a sum of them.

use super::{Counters, LONGER_GRACE, PUBLISHERS_MAX, PipelineDirectory, StageError, Stop, StopTimer, stage_wait};
use crate::clock::Clock;
use crate::ipc::Peer;
use std::sync::atomic::Ordering;
use vvp_core::queue::{PopError, Wait};

/// The number of events, and a sum that depends on every byte of them and on their order (FNV-1a
/// over words).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct EventSum {
    /// Their number.
    pub count: u64,
    /// Their sum.
    pub sum: u64,
}

impl EventSum {
    /// The sum of no events.
    pub const NONE: Self = Self { count: 0, sum: 0xcbf2_9ce4_8422_2325 };

    /// Adds one event.
    #[must_use]
    pub fn and(self, event: &[u64]) -> Self {
        let step = |sum: u64, word: &u64| (sum ^ word).wrapping_mul(0x0100_0000_01b3).rotate_left(23);
        Self { count: self.count + 1, sum: event.iter().fold(self.sum, step) }
    }

    /// Returns the sum that a publisher has stored.
    ///
    /// # Errors
    /// [`StageError`]
    pub fn of(pipeline: &PipelineDirectory, publisher: usize) -> Result<Self, StageError> {
        let count = pipeline.events(publisher)?.stats().popped as u64;
        let counters = pipeline.counters()?;
        Ok(Self::at(&counters, publisher, count))
    }

    fn at(counters: &Counters, publisher: usize, count: u64) -> Self {
        if count == 0 {
            return Self::NONE;
        }
        // Relaxed: its writer is this process, or dead.
        Self {
            count,
            sum: counters.sums[publisher % PUBLISHERS_MAX][usize::from(count % 2 == 1)].load(Ordering::Relaxed),
        }
    }
}

/// Takes events until the matcher has closed and all are taken. If asked to stop, it ends when all
/// are taken and no matcher is alive, or after a grace period.
///
/// # Errors
/// [`StageError`]
pub fn publisher(pipeline: &PipelineDirectory, publisher: usize, stop: &Stop) -> Result<(), StageError> {
    let mut rx = pipeline.events(publisher)?.receiver()?;
    let region = pipeline.counters()?;
    let (counters, mut stop_timer): (&Counters, _) = (&region, StopTimer::new(stop));
    let (sums, latency) =
        (&counters.sums[publisher % PUBLISHERS_MAX], &counters.to_publisher[publisher % PUBLISHERS_MAX]);
    let clock = Clock::kernel();
    let mut sum = EventSum::at(counters, publisher, rx.position() as u64);
    let mut attempt = 0_u32;
    loop {
        let taken = rx.handle(|record, number| {
            debug_assert!(number as u64 == sum.count);
            sum = sum.and(&record[..8]);
            // The other slot keeps the sum up to here, in case this process is killed before the
            // event is dequeued. Relaxed: dequeuing, with Release, publishes it.
            sums[usize::from(sum.count % 2 == 1)].store(sum.sum, Ordering::Relaxed);
            latency.record(clock.ns_between(record[8], clock.now()));
        });
        match taken {
            Ok(()) if sum.count.is_multiple_of(256) && stop_timer.has_lasted(LONGER_GRACE) => return Ok(()),
            Ok(()) => attempt = 0,
            Err(PopError::Closed) => return Ok(()),
            Err(_) if stop_timer.has_lasted(LONGER_GRACE) => return Ok(()),
            // Asked to stop, and no process is left that could send more.
            Err(_) if stop_timer.since.is_some() && !matches!(rx.peer(), Peer::Alive(_)) => return Ok(()),
            Err(_) => {
                stage_wait().wait(attempt);
                attempt = attempt.saturating_add(1);
            }
        }
    }
}
