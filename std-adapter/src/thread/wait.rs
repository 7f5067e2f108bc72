//! How a thread waits for another one.

use crate::os::Outcome;
use std::time::Duration;
use vvp_core::queue::{Spin, Wait};

/// Waits for another thread: with a processor of its own it spins for a moment, then it naps; where threads share a
/// processor it naps at once, for then the other one needs the processor to make progress.
///
/// Naps and not `sched_yield`: who yields beside a busy stranger loses a whole time slice to it each time (Linux takes a
/// yield for the end of the turn), while who wakes from a nap goes first.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SpinThenSleep {
    spins: u32,
}

/// Rounds of spinning, of 1 to 64 pauses each: some 100 to 400 µs. Longer than it takes the other threads to have a turn
/// where they share a processor.
const SPINS: u32 = 160;
/// Rounds of spinning after which a wait is more than the other one's next step: some 10 to 50 µs.
const PAUSE: u32 = 20;
/// So many naps are of the shortest kind; the others are each twice as long as the one before, up to the longest.
const SHORT_NAPS: u32 = 64;
const SHORTEST_NAP: Duration = Duration::from_micros(50);
const LONGEST_NAP: Duration = Duration::from_millis(1);

impl SpinThenSleep {
    /// For a thread that shares its processor with the ones it waits for, if `shared`.
    #[must_use]
    pub const fn new(shared: bool) -> Self {
        Self { spins: if shared { 0 } else { SPINS } }
    }

    /// Lets the threads have a turn with which this one shares its processor, if it does. A nap much shorter than this would
    /// be over before the processor has changed hands.
    #[inline]
    pub fn yield_if_shared(&self) {
        if self.spins == 0 {
            std::thread::sleep(Duration::from_micros(20));
        }
    }

    /// The attempt at which a wait has lasted for some 50 µs: not just the other one's next step, but a pause.
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
            Some(naps) => nap(naps),
        }
    }
}

/// To the sanitizer of realtime code a call that blocks; it does not know by itself the one that `sleep` makes.
#[cold]
#[cfg_attr(rtsan, sanitize(realtime = "blocking"), inline(never))]
fn nap(before: u32) {
    let doublings = before.saturating_sub(SHORT_NAPS).min(8);
    std::thread::sleep(LONGEST_NAP.min(SHORTEST_NAP * (1 << doublings)));
}

/// Spins for some microseconds, then gives the processor away at each attempt.
///
/// For threads that share a processor with nothing but each other; beside a busy stranger see [`SpinThenSleep`].
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct SpinThenYield;

impl Wait for SpinThenYield {
    #[inline]
    fn wait(&mut self, attempt: u32) {
        if attempt < PAUSE { Spin.wait(attempt) } else { std::thread::yield_now() }
    }
}

/// Spins for some microseconds, then sleeps until the thread is unparked, or for so long: the processor is free meanwhile,
/// and waking takes some 50 µs. The other side calls [`Thread::unpark`](std::thread::Thread::unpark); if it does not, the wait
/// is no longer than the limit.
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

/// Makes the calling thread's naps end on time: Linux may otherwise let a sleeper sleep 50 µs longer than asked.
pub fn wake_on_time() -> Outcome {
    let slack_ns: libc::c_ulong = 1;
    // SAFETY: sets a number of the calling thread; takes no pointer.
    Outcome::from_return_code(unsafe { libc::prctl(libc::PR_SET_TIMERSLACK, slack_ns) })
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::atomic::{AtomicU32, Ordering};

    fn meets(mut wait: impl Wait + Send) {
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
    fn whoever_waits_sees_what_comes() {
        meets(Spin);
        meets(SpinThenYield);
        meets(Park { limit: Duration::from_secs(3_600) });
        meets(Park { limit: Duration::from_micros(50) });
        meets(SpinThenSleep::new(true));
    }
}
