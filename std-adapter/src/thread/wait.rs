//! Wait strategies of threads.

use super::scheduling::set_timer_slack;
use crate::os::Outcome;
use std::time::Duration;
use vvp_core::queue::{Spin, Wait};

/// Spins for 100 to 400 µs, then sleeps for short intervals. Where threads share a processor it
/// sleeps immediately, since the other thread needs the processor to make progress.
///
/// It sleeps rather than calls `sched_yield`: a thread that yields next to an unrelated busy thread
/// loses a whole time slice each time (Linux treats a yield as the end of the slice), while a
/// thread that wakes from a sleep is scheduled first.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SpinThenSleep {
    spins: u32,
}

/// Rounds of spinning, of 1 to 64 pause instructions each: some 100 to 400 µs. Longer than the
/// other threads need to be scheduled once where they share a processor.
const SPINS: u32 = 160;
/// Rounds of spinning after which the other thread is idle rather than between two steps: some 10
/// to 50 µs.
const PAUSE: u32 = 20;
/// The number of sleeps of the shortest length; after them each is twice as long as the one before,
/// up to the longest.
const SHORT_SLEEPS: u32 = 64;
const SHORTEST_SLEEP: Duration = Duration::from_micros(50);
const LONGEST_SLEEP: Duration = Duration::from_millis(1);

impl SpinThenSleep {
    /// Creates a wait for a thread that shares its processor with those it waits for, if `shared`.
    #[must_use]
    pub const fn new(shared: bool) -> Self {
        Self { spins: if shared { 0 } else { SPINS } }
    }

    /// If this thread shares its processor, sleeps for 20 µs so that the others can run. A much
    /// shorter sleep would end before the processor has switched.
    #[inline]
    pub fn yield_if_shared(&self) {
        if self.spins == 0 {
            std::thread::sleep(Duration::from_micros(20));
        }
    }

    /// Returns the attempt at which a wait has lasted some 50 µs: the other thread is idle, not
    /// just between two steps.
    #[must_use]
    pub const fn idle_attempt(&self) -> u32 {
        if self.spins == 0 { 1 } else { PAUSE }
    }
}

impl Wait for SpinThenSleep {
    #[inline]
    fn wait(&mut self, attempt: u32) {
        match attempt.checked_sub(self.spins) {
            None => Spin.wait(attempt),
            Some(sleeps) => sleep_step(sleeps),
        }
    }
}

/// A function of its own so that the realtime sanitizer sees a blocking call; it does not intercept
/// the one that `sleep` makes.
#[cold]
#[cfg_attr(rtsan, sanitize(realtime = "blocking"), inline(never))]
fn sleep_step(before: u32) {
    let doublings = before.saturating_sub(SHORT_SLEEPS).min(8);
    std::thread::sleep(LONGEST_SLEEP.min(SHORTEST_SLEEP * (1 << doublings)));
}

/// Spins for 10 to 50 µs, then yields the processor at each attempt.
///
/// For threads that share a processor only with each other; next to an unrelated busy thread use
/// [`SpinThenSleep`].
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct SpinThenYield;

impl Wait for SpinThenYield {
    #[inline]
    fn wait(&mut self, attempt: u32) {
        if attempt < PAUSE { Spin.wait(attempt) } else { std::thread::yield_now() }
    }
}

/// Spins for 10 to 50 µs, then parks the thread until it is unparked or `limit` has passed: the
/// processor is free meanwhile, and waking takes some 50 µs. The other side calls
/// [`Thread::unpark`](std::thread::Thread::unpark); if it does not, the wait ends at the limit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Park {
    /// The longest sleep.
    pub limit: Duration,
}

impl Wait for Park {
    #[inline]
    fn wait(&mut self, attempt: u32) {
        if attempt < PAUSE { Spin.wait(attempt) } else { std::thread::park_timeout(self.limit) }
    }
}

/// Sets the calling thread's timer slack to 1 ns: by default Linux may end a sleep 50 µs late.
pub fn wake_on_time() -> Outcome {
    set_timer_slack(1)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::atomic::{AtomicU32, Ordering};

    fn waits_for_a_value(mut wait: impl Wait + Send) {
        let value = AtomicU32::new(0);
        std::thread::scope(|scope| {
            let waiter = scope.spawn(|| {
                let mut attempt = 0;
                // Acquire: pairs with the Release below.
                while value.load(Ordering::Acquire) == 0 {
                    wait.wait(attempt);
                    attempt += 1;
                }
            });
            std::thread::sleep(Duration::from_millis(2));
            value.store(1, Ordering::Release);
            waiter.thread().unpark();
            waiter.join().expect("no panic");
        });
    }

    #[test]
    fn every_wait_strategy_sees_the_value() {
        waits_for_a_value(Spin);
        waits_for_a_value(SpinThenYield);
        waits_for_a_value(Park { limit: Duration::from_secs(3_600) });
        waits_for_a_value(Park { limit: Duration::from_micros(50) });
        waits_for_a_value(SpinThenSleep::new(true));
    }
}
