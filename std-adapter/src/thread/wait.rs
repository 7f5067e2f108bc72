//! How a thread waits for another one.

use std::time::Duration;
use vvp_core::queue::{Spin, Wait};

/// First spins, then gives the processor away, then naps: at once ready under load, and idle when nothing comes.
///
/// Spinning is left out where threads share a processor, for then the other one needs it to make progress.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Backoff {
    spins: u32,
}

/// Rounds of spinning, of 1 to 64 pauses each: some 10 to 20 µs.
const SPINS: u32 = 20;
/// Rounds of giving the processor away.
const YIELDS: u32 = 200;
/// The first nap; each is twice as long as the one before, up to the longest.
const FIRST_NAP: Duration = Duration::from_micros(50);
const LONGEST_NAP: Duration = Duration::from_millis(1);

impl Backoff {
    /// For threads that share a processor if `shared`, else for threads with one each.
    #[must_use]
    pub const fn new(shared: bool) -> Self {
        Self { spins: if shared { 0 } else { SPINS } }
    }
}

impl Wait for Backoff {
    fn wait(&mut self, attempt: u32) {
        match attempt.checked_sub(self.spins) {
            None => Spin.wait(attempt),
            Some(0..YIELDS) => std::thread::yield_now(),
            Some(late) => {
                let doublings = (late - YIELDS).min(8);
                std::thread::sleep(LONGEST_NAP.min(FIRST_NAP * (1 << doublings)));
            }
        }
    }
}
