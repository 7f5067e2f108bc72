//! Requests to stop a pipeline, from a signal or from a stage that cannot continue.

use std::io;
use std::os::fd::{AsRawFd, FromRawFd, OwnedFd, RawFd};
use std::sync::atomic::{AtomicI32, Ordering};

/// The signal received, or 0.
static SIGNAL: AtomicI32 = AtomicI32::new(0);
/// The descriptor to which the signal handler writes, or -1.
static SIGNAL_FD: AtomicI32 = AtomicI32::new(-1);

/// A request to stop that all stages see, including one that is blocked in a read.
#[derive(Debug)]
pub struct Stop {
    /// An eventfd, readable once a stop is requested.
    event: OwnedFd,
    asked: AtomicI32,
}

impl Stop {
    /// Creates a flag without a request.
    ///
    /// # Errors
    /// The system has no file descriptor left.
    pub fn new() -> io::Result<Self> {
        // SAFETY: creates a descriptor; takes no pointer.
        let fd = unsafe { libc::eventfd(0, libc::EFD_CLOEXEC | libc::EFD_NONBLOCK) };
        if fd < 0 {
            return Err(io::Error::last_os_error());
        }
        // SAFETY: `fd` was just opened and has no other owner.
        let event = unsafe { OwnedFd::from_raw_fd(fd) };
        Ok(Self { event, asked: AtomicI32::new(0) })
    }

    /// Makes SIGINT (Ctrl-C), SIGTERM and SIGHUP request a stop. A second signal of the same kind
    /// ends the process immediately, in case a stage is blocked in a write.
    pub fn on_signals(&self) {
        // Release: ordered before `sigaction` below, after which the handler may run.
        SIGNAL_FD.store(self.event.as_raw_fd(), Ordering::Release);
        // SAFETY: all-zero bytes are a valid `sigaction`: no flags, empty mask.
        let mut action: libc::sigaction = unsafe { core::mem::zeroed() };
        action.sa_sigaction = on_signal as *const () as libc::sighandler_t;
        action.sa_flags = libc::SA_RESETHAND;
        for signal in [libc::SIGINT, libc::SIGTERM, libc::SIGHUP] {
            // SAFETY: all-zero bytes are a valid `sigaction` to be overwritten.
            let mut old: libc::sigaction = unsafe { core::mem::zeroed() };
            // SAFETY: `old` is ours to write; a null new action changes nothing.
            unsafe { libc::sigaction(signal, core::ptr::null(), &raw mut old) };
            if old.sa_sigaction == libc::SIG_IGN {
                continue; // the parent process (nohup, a shell) ignores it on purpose
            }
            // SAFETY: the handler uses only what is async-signal-safe: atomics and `write`.
            unsafe { libc::sigaction(signal, &raw const action, core::ptr::null_mut()) };
        }
    }

    /// Requests all stages to stop.
    pub fn ask(&self) {
        // Relaxed: a hint; the stages pass data through the queues.
        self.asked.store(1, Ordering::Relaxed);
        notify(self.event.as_raw_fd());
    }

    /// Returns whether a stage or a signal has requested a stop.
    #[must_use]
    #[inline]
    pub fn is_asked(&self) -> bool {
        // Relaxed: as in `ask`.
        self.asked.load(Ordering::Relaxed) != 0 || signal().is_some()
    }

    /// Waits until `fd` is readable (`true`) or a stop is requested (`false`).
    pub(crate) fn wait_readable(&self, fd: RawFd) -> bool {
        let mut fds = [
            libc::pollfd { fd, events: libc::POLLIN, revents: 0 },
            libc::pollfd { fd: self.event.as_raw_fd(), events: libc::POLLIN, revents: 0 },
        ];
        loop {
            if self.is_asked() {
                return false;
            }
            // SAFETY: `fds` is ours, with two entries.
            let n = unsafe { libc::poll(fds.as_mut_ptr(), 2, -1) };
            // The stop is tested first, or an endless input would hide it. After an error (a
            // signal) the loop repeats.
            if n > 0 && fds[1].revents == 0 && fds[0].revents != 0 {
                return !self.is_asked();
            }
        }
    }
}

impl Drop for Stop {
    fn drop(&mut self) {
        // The descriptor's number may be reused after this. Relaxed: the same thread as
        // `on_signals`.
        let _ = SIGNAL_FD.compare_exchange(self.event.as_raw_fd(), -1, Ordering::Relaxed, Ordering::Relaxed);
    }
}

/// Returns the signal that requested a stop, if any.
#[must_use]
pub fn signal() -> Option<i32> {
    // Relaxed: only the number itself matters.
    match SIGNAL.load(Ordering::Relaxed) {
        0 => None,
        n => Some(n),
    }
}

fn notify(fd: RawFd) {
    let one = 1u64.to_ne_bytes();
    // SAFETY: eight bytes of ours; a closed descriptor only gives an error. `write` is
    // async-signal-safe.
    unsafe { libc::write(fd, one.as_ptr().cast(), one.len()) };
}

extern "C" fn on_signal(number: i32) {
    // SAFETY: the thread's own errno. It is saved because the handler may run between a call and
    // the test of its errno.
    let errno = unsafe { *libc::__errno_location() };
    // Relaxed: only the number itself matters.
    SIGNAL.store(number, Ordering::Relaxed);
    let fd = SIGNAL_FD.load(Ordering::Acquire); // Acquire: see `on_signals`
    if fd >= 0 {
        notify(fd);
    }
    // SAFETY: as above.
    unsafe { *libc::__errno_location() = errno };
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn stop_request_wakes_a_blocked_reader() {
        let stop = Stop::new().expect("a descriptor");
        let (reader, _writer) = io::pipe().expect("a pipe");
        std::thread::scope(|s| {
            let sleeper = s.spawn(|| stop.wait_readable(reader.as_raw_fd()));
            stop.ask();
            assert!(!sleeper.join().expect("wakes"));
        });
        assert!(stop.is_asked());
    }
}
