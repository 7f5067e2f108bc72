//! Stopping a pipeline from outside: a signal, or a stage that can go no further.

use std::io;
use std::os::fd::{AsRawFd, FromRawFd, OwnedFd, RawFd};
use std::sync::atomic::{AtomicI32, Ordering};

/// The signal that came, or 0.
static SIGNAL: AtomicI32 = AtomicI32::new(0);
/// Where the signal handler knocks, or -1.
static SIGNAL_FD: AtomicI32 = AtomicI32::new(-1);

/// Asks all stages to stop, the one that sleeps in a read included.
#[derive(Debug)]
pub struct Stop {
    /// Readable from the moment somebody asked.
    bell: OwnedFd,
    asked: AtomicI32,
}

impl Stop {
    /// Nobody has asked yet.
    ///
    /// # Errors
    /// When the system has no file descriptor left.
    pub fn new() -> io::Result<Self> {
        // SAFETY: makes a new descriptor; takes no pointer.
        let fd = unsafe { libc::eventfd(0, libc::EFD_CLOEXEC | libc::EFD_NONBLOCK) };
        if fd < 0 {
            return Err(io::Error::last_os_error());
        }
        // SAFETY: `fd` was opened just now and belongs to nobody else.
        let bell = unsafe { OwnedFd::from_raw_fd(fd) };
        Ok(Self { bell, asked: AtomicI32::new(0) })
    }

    /// Lets SIGINT (Ctrl-C), SIGTERM and SIGHUP ask. A second signal of the same kind ends the process at once, should a
    /// stage be stuck in a write that nobody reads.
    pub fn on_signals(&self) {
        // Release: pairs with nothing but program order: the handler runs after `sigaction` below.
        SIGNAL_FD.store(self.bell.as_raw_fd(), Ordering::Release);
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
                continue; // whoever started us (nohup, a background job) wants it ignored
            }
            // SAFETY: the handler does only what a signal handler may: atomics and `write`.
            unsafe { libc::sigaction(signal, &raw const action, core::ptr::null_mut()) };
        }
    }

    /// Asks every stage to stop.
    pub fn ask(&self) {
        // Relaxed: a hint; what the stages hand on goes through the queues.
        self.asked.store(1, Ordering::Relaxed);
        knock(self.bell.as_raw_fd());
    }

    /// Whether a stage or a signal asked.
    #[must_use]
    #[inline]
    pub fn is_asked(&self) -> bool {
        // Relaxed: as in `ask`.
        self.asked.load(Ordering::Relaxed) != 0 || signal().is_some()
    }

    /// Sleeps until `fd` can be read without waiting (`true`), or until somebody asks to stop (`false`).
    pub(crate) fn wait_readable(&self, fd: RawFd) -> bool {
        let mut fds = [
            libc::pollfd { fd, events: libc::POLLIN, revents: 0 },
            libc::pollfd { fd: self.bell.as_raw_fd(), events: libc::POLLIN, revents: 0 },
        ];
        loop {
            if self.is_asked() {
                return false;
            }
            // SAFETY: `fds` is ours, and two long.
            let n = unsafe { libc::poll(fds.as_mut_ptr(), 2, -1) };
            // The bell goes first, else an endless input would drown it. An error (a signal) tests again.
            if n > 0 && fds[1].revents == 0 && fds[0].revents != 0 {
                return !self.is_asked();
            }
        }
    }
}

impl Drop for Stop {
    fn drop(&mut self) {
        // The descriptor's number may be given to somebody else after this. AcqRel is not needed: same thread as `on_signals`.
        let _ = SIGNAL_FD.compare_exchange(self.bell.as_raw_fd(), -1, Ordering::Relaxed, Ordering::Relaxed);
    }
}

/// The signal that asked this process to stop, if one did.
#[must_use]
pub fn signal() -> Option<i32> {
    // Relaxed: the number is all there is to know.
    match SIGNAL.load(Ordering::Relaxed) {
        0 => None,
        n => Some(n),
    }
}

fn knock(fd: RawFd) {
    let one = 1u64.to_ne_bytes();
    // SAFETY: eight bytes of ours; a descriptor that is gone is answered with an error. `write` may be called in a
    // signal handler.
    unsafe { libc::write(fd, one.as_ptr().cast(), one.len()) };
}

extern "C" fn on_signal(number: i32) {
    // SAFETY: the thread's own errno, which is saved here because the handler may run between a call and the look at it.
    let errno = unsafe { *libc::__errno_location() };
    // Relaxed: one number.
    SIGNAL.store(number, Ordering::Relaxed);
    let fd = SIGNAL_FD.load(Ordering::Acquire); // Acquire: see `on_signals`
    if fd >= 0 {
        knock(fd);
    }
    // SAFETY: as above.
    unsafe { *libc::__errno_location() = errno };
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_sleeping_reader_is_woken() {
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
