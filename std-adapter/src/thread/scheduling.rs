//! What can be asked for about the calling thread. Each outcomes what became of it.

use crate::os::{Outcome, last_errno};
use std::fs::File;
use std::io::Write;

/// Runs the calling thread before all others that are not real-time, until it waits: `SCHED_FIFO`, priority 1 to 99.
pub fn set_fifo(priority: i32) -> Outcome {
    let parameter = libc::sched_param { sched_priority: priority };
    // SAFETY: `parameter` lives through the call; 0 is the calling thread.
    Outcome::from_return_code(unsafe { libc::sched_setscheduler(0, libc::SCHED_FIFO, &raw const parameter) })
}

/// Sets how much the calling thread steps back for others: -20 (least) to 19 (most). Beyond is cut off by the kernel.
pub fn set_nice(nice: i32) -> Outcome {
    // SAFETY: takes no pointer.
    let thread = unsafe { libc::gettid() };
    let thread = libc::id_t::try_from(thread).unwrap_or(0);
    // SAFETY: takes no pointer; on Linux the number may be a thread's.
    Outcome::from_return_code(unsafe { libc::setpriority(libc::PRIO_PROCESS, thread, nice) })
}

/// Makes the calling thread's sleeps end at most `ns` late. 0 is what the thread had when it was made.
pub fn set_timer_slack(ns: u32) -> Outcome {
    // SAFETY: sets a number of the calling thread; takes no pointer.
    Outcome::from_return_code(unsafe { libc::prctl(libc::PR_SET_TIMERSLACK, libc::c_ulong::from(ns)) })
}

/// Bytes of one step of [`prefault_stack`].
const STEP_BYTES: usize = 16 << 10;

/// Touches the next `bytes` of the calling thread's stack, so that they are there when they are needed. The stack must be
/// larger than that.
#[inline(never)]
pub fn prefault_stack(bytes: usize) {
    let mut step = [0_u8; STEP_BYTES];
    // The loop and the call after it keep the array on the stack, and the call from becoming a jump.
    std::hint::black_box(&mut step);
    if bytes > STEP_BYTES {
        prefault_stack(bytes - STEP_BYTES);
    }
    std::hint::black_box(&mut step);
}

/// As long as it lives, no processor sleeps so deeply that waking takes longer than was asked.
#[derive(Debug)]
#[must_use = "the request ends when this is dropped"]
pub struct WakeLatency {
    _held: File,
}

impl WakeLatency {
    /// Asks for `us` microseconds at most (0: never sleep deeply at all), of the whole machine.
    ///
    /// # Errors
    /// `Unsupported` where there is no `/dev/cpu_dma_latency`, `Refused` where it may not be opened.
    pub fn hold(us: i32) -> Result<Self, Outcome> {
        Self::hold_at("/dev/cpu_dma_latency", us)
    }

    fn hold_at(path: &str, us: i32) -> Result<Self, Outcome> {
        let answer = |e: std::io::Error| match e.raw_os_error() {
            Some(libc::ENOENT | libc::ENODEV | libc::ENXIO) => Outcome::Unsupported,
            Some(errno) => Outcome::Refused(errno),
            None => Outcome::Refused(last_errno()),
        };
        let mut file = std::fs::OpenOptions::new().write(true).open(path).map_err(answer)?;
        file.write_all(&us.to_ne_bytes()).map_err(answer)?;
        Ok(Self { _held: file })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn refusals_say_why() {
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
    fn a_prefaulted_stack_faults_no_more() {
        std::thread::Builder::new()
            .stack_size(4 << 20)
            .spawn(|| prefault_stack(1 << 20))
            .expect("a thread")
            .join()
            .expect("the stack is large enough");
    }
}
