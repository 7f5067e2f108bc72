//! Scheduling of the calling thread; each function returns the outcome.

use crate::os::{Outcome, last_errno};
use std::fs::File;
use std::io::Write;

/// Sets the calling thread to `SCHED_FIFO` with this priority, 1 to 99: it runs before all threads
/// that are not real-time until it blocks.
pub fn set_fifo(priority: i32) -> Outcome {
    let parameter = libc::sched_param { sched_priority: priority };
    // SAFETY: `parameter` outlives the call; 0 is the calling thread.
    Outcome::from_return_code(unsafe { libc::sched_setscheduler(0, libc::SCHED_FIFO, &raw const parameter) })
}

/// Sets the nice value of the calling thread: -20 (most favorable) to 19 (least). The kernel clamps
/// values beyond.
pub fn set_nice(nice: i32) -> Outcome {
    // SAFETY: takes no pointer.
    let thread = unsafe { libc::gettid() };
    let thread = libc::id_t::try_from(thread).unwrap_or(0);
    // SAFETY: takes no pointer; on Linux the number may be a thread's.
    Outcome::from_return_code(unsafe { libc::setpriority(libc::PRIO_PROCESS, thread, nice) })
}

/// Sets the timer slack of the calling thread: its sleeps end at most `ns` late. 0 restores the
/// value that the thread had when it was created.
pub fn set_timer_slack(ns: u32) -> Outcome {
    // SAFETY: sets a number of the calling thread; takes no pointer.
    Outcome::from_return_code(unsafe { libc::prctl(libc::PR_SET_TIMERSLACK, libc::c_ulong::from(ns)) })
}

/// Bytes of one step of [`prefault_stack`].
const STEP_BYTES: usize = 16 << 10;

/// Touches the next `bytes` of the calling thread's stack, so that later use takes no page fault.
/// The stack must be larger than that.
#[inline(never)]
pub fn prefault_stack(bytes: usize) {
    let mut step = [0_u8; STEP_BYTES];
    // The two calls of `black_box` keep the array on the stack and prevent a tail call.
    std::hint::black_box(&mut step);
    if bytes > STEP_BYTES {
        prefault_stack(bytes - STEP_BYTES);
    }
    std::hint::black_box(&mut step);
}

/// A request that no processor enters a sleep state whose wake-up latency exceeds a bound; it ends
/// when this is dropped.
#[derive(Debug)]
#[must_use = "the request ends when this is dropped"]
pub struct WakeLatency {
    _held: File,
}

impl WakeLatency {
    /// Requests at most `us` microseconds (0: no deep sleep at all) for the whole machine.
    ///
    /// # Errors
    /// `Unsupported` if there is no `/dev/cpu_dma_latency`, `Refused` if it may not be opened.
    pub fn hold(us: i32) -> Result<Self, Outcome> {
        Self::hold_at("/dev/cpu_dma_latency", us)
    }

    fn hold_at(path: &str, us: i32) -> Result<Self, Outcome> {
        let outcome = |e: std::io::Error| match e.raw_os_error() {
            Some(libc::ENOENT | libc::ENODEV | libc::ENXIO) => Outcome::Unsupported,
            Some(errno) => Outcome::Refused(errno),
            None => Outcome::Refused(last_errno()),
        };
        let mut file = std::fs::OpenOptions::new().write(true).open(path).map_err(outcome)?;
        file.write_all(&us.to_ne_bytes()).map_err(outcome)?;
        Ok(Self { _held: file })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn refusals_return_errno() {
        std::thread::spawn(|| {
            assert_eq!(set_fifo(1_000), Outcome::Refused(libc::EINVAL));
            assert_eq!(set_fifo(-1), Outcome::Refused(libc::EINVAL));
            assert_eq!(set_nice(5), Outcome::Applied);
            // SAFETY: takes no pointer.
            assert_eq!(unsafe { libc::getpriority(libc::PRIO_PROCESS, 0) }, 5);
            assert_eq!(set_timer_slack(7), Outcome::Applied);
            // SAFETY: takes no pointer.
            assert_eq!(unsafe { libc::prctl(libc::PR_GET_TIMERSLACK) }, 7);
        })
        .join()
        .expect("the thread ends");
        assert_eq!(WakeLatency::hold_at("/nonexistent", 0).err(), Some(Outcome::Unsupported));
        assert_eq!(WakeLatency::hold_at("/", 0).err(), Some(Outcome::Refused(libc::EISDIR)));
    }

    #[test]
    fn prefaulting_stays_within_the_stack() {
        std::thread::Builder::new()
            .stack_size(4 << 20)
            .spawn(|| prefault_stack(1 << 20))
            .expect("a thread")
            .join()
            .expect("the stack is large enough");
    }
}
