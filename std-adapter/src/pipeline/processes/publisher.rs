//! Takes the events, and keeps a sum of them.

use super::{Figures, Meeting, StageError, patience};
use crate::clock::Clock;
use crate::memory::region::Region;
use std::sync::atomic::Ordering;
use vvp_core::queue::{PopError, Wait};

/// How many events came, and a sum that depends on every byte of them and on their order (FNV-1a over words).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct EventSum {
    /// How many.
    pub count: u64,
    /// Their sum.
    pub sum: u64,
}

impl EventSum {
    /// No events.
    pub const NONE: Self = Self { count: 0, sum: 0xcbf2_9ce4_8422_2325 };

    /// One more.
    #[must_use]
    pub fn and(self, event: &[u64]) -> Self {
        let step = |sum: u64, word: &u64| (sum ^ word).wrapping_mul(0x0100_0000_01b3).rotate_left(23);
        Self { count: self.count + 1, sum: event.iter().fold(self.sum, step) }
    }

    /// What the publisher has come to.
    ///
    /// # Errors
    /// [`StageError`]
    pub fn of(meeting: &Meeting) -> Result<Self, StageError> {
        Ok(Self::at(&meeting.figures()?, meeting.events()?.stats().popped as u64))
    }

    fn at(figures: &Region<Figures>, count: u64) -> Self {
        if count == 0 {
            return Self::NONE;
        }
        // Relaxed: its writer is this process, or dead.
        Self { count, sum: figures.sums[usize::from(count % 2 == 1)].load(Ordering::Relaxed) }
    }
}

/// Takes events until the matcher has closed and all are taken.
///
/// # Errors
/// [`StageError`]
pub fn publisher(meeting: &Meeting) -> Result<(), StageError> {
    let mut rx = meeting.events()?.receiver()?;
    let figures = meeting.figures()?;
    let clock = Clock::kernel();
    let mut sum = EventSum::at(&figures, rx.position() as u64);
    let mut attempt = 0_u32;
    loop {
        let taken = rx.handle(|record, number| {
            debug_assert!(number as u64 == sum.count);
            sum = sum.and(&record[..8]);
            // The other place keeps the sum up to here, should we be killed before the event is taken out.
            // Relaxed: taking it out, with Release, publishes it.
            figures.sums[usize::from(sum.count % 2 == 1)].store(sum.sum, Ordering::Relaxed);
            figures.to_publisher.record(clock.ns_between(record[8], clock.now()));
        });
        match taken {
            Ok(()) => attempt = 0,
            Err(PopError::Closed) => return Ok(()),
            Err(_) => {
                patience().wait(attempt);
                attempt = attempt.saturating_add(1);
            }
        }
    }
}
