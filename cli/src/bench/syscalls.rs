//! Counts system calls of a thread, with syscall user dispatch (Linux 5.11, x86-64).
//!
//! While a byte of the thread is set, each of its system calls raises a signal instead. The handler
//! counts it, clears the byte, and repeats the call. So a thread that sets the byte repeatedly,
//! which is one store, counts the intervals with a call in them; zero proves that there was no
//! call.

/// Reason why system calls cannot be counted on this machine.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NotCounted {
    /// Implemented for x86-64 only.
    Processor,
    /// The kernel refused, with this `errno`. It needs Linux 5.11, and a sandbox may forbid it.
    Kernel(i32),
}

impl core::fmt::Display for NotCounted {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        match self {
            Self::Processor => f.write_str("system calls can be counted on x86-64 only"),
            Self::Kernel(errno) => write!(
                f,
                "the kernel does not let system calls be counted (errno {errno}); syscall user dispatch needs Linux 5.11"
            ),
        }
    }
}

impl core::error::Error for NotCounted {}

#[cfg(all(target_os = "linux", target_arch = "x86_64"))]
mod dispatch {
    use super::NotCounted;
    use core::cell::Cell;
    use core::marker::PhantomData;
    use std::sync::atomic::{AtomicU8, AtomicU64, Ordering};
    use vvp_std_adapter::os::last_errno;

    const PR_SET_SYSCALL_USER_DISPATCH: libc::c_int = 59;
    const OFF: libc::c_ulong = 0;
    const ON: libc::c_ulong = 1;
    const ALLOW: u8 = 0;
    const BLOCK: u8 = 1;
    /// Bytes of the instruction `syscall`.
    const SYSCALL_BYTES: libc::greg_t = 2;

    /// The byte that the kernel reads before each call of the watched thread. One thread at a time
    /// is watched.
    static SELECTOR: AtomicU8 = AtomicU8::new(ALLOW);
    static WATCHED: AtomicU8 = AtomicU8::new(0);
    static CALLS: AtomicU64 = AtomicU64::new(0);

    /// Counts the system calls of the calling thread until it is dropped.
    #[derive(Debug)]
    pub struct SyscallWatch(PhantomData<Cell<()>>); // stays with its thread

    impl SyscallWatch {
        /// Watches the calling thread; `None` while another one is watched.
        ///
        /// # Errors
        /// [`NotCounted`] where that cannot be done.
        pub fn start() -> Result<Option<Self>, NotCounted> {
            // Acquire and Release: the count and the handler belong to one watch at a time.
            if WATCHED.swap(1, Ordering::Acquire) != 0 {
                return Ok(None);
            }
            // Relaxed, here and below: this thread's own byte and count; the handler runs on the
            // same thread.
            CALLS.store(0, Ordering::Relaxed);
            SELECTOR.store(ALLOW, Ordering::Relaxed);
            let done = install().and_then(|()| switch(ON));
            if let Err(errno) = done {
                WATCHED.store(0, Ordering::Release);
                return Err(NotCounted::Kernel(errno));
            }
            Ok(Some(Self(PhantomData)))
        }

        /// Arms the counter: the next call of this thread is counted.
        #[inline(always)]
        pub fn arm(&self) {
            SELECTOR.store(BLOCK, Ordering::Relaxed);
        }

        /// Disarms the counter: no call is counted until it is armed again.
        pub fn disarm(&self) {
            SELECTOR.store(ALLOW, Ordering::Relaxed);
        }

        /// Returns the number of intervals from one [`arm`](Self::arm) to the next with a call in
        /// them.
        #[must_use]
        pub fn calls(&self) -> u64 {
            CALLS.load(Ordering::Relaxed)
        }
    }

    impl Drop for SyscallWatch {
        fn drop(&mut self) {
            self.disarm();
            let _ = switch(OFF);
            WATCHED.store(0, Ordering::Release);
        }
    }

    fn switch(mode: libc::c_ulong) -> Result<(), i32> {
        let selector = if mode == ON { SELECTOR.as_ptr() } else { core::ptr::null_mut() };
        let none: libc::c_ulong = 0;
        // SAFETY: the selector is a static; no range of code is exempt.
        let code = unsafe { libc::prctl(PR_SET_SYSCALL_USER_DISPATCH, mode, none, none, selector) };
        if code == 0 { Ok(()) } else { Err(last_errno()) }
    }

    fn install() -> Result<(), i32> {
        // SAFETY: all-zero bytes are a valid `sigaction`: no flags, an empty mask.
        let mut action: libc::sigaction = unsafe { core::mem::zeroed() };
        action.sa_sigaction = counted as *const () as usize;
        action.sa_flags = libc::SA_SIGINFO;
        // SAFETY: a handler of the form that SA_SIGINFO asks for, which calls nothing.
        let code = unsafe { libc::sigaction(libc::SIGSYS, &raw const action, core::ptr::null_mut()) };
        if code == 0 { Ok(()) } else { Err(last_errno()) }
    }

    /// Counts the call, and lets the thread repeat it, now that it is allowed.
    extern "C" fn counted(_: libc::c_int, _: *mut libc::siginfo_t, context: *mut libc::c_void) {
        CALLS.fetch_add(1, Ordering::Relaxed);
        SELECTOR.store(ALLOW, Ordering::Relaxed);
        // SAFETY: with SA_SIGINFO the third argument is the thread's `ucontext_t`; the kernel has
        // put the number of the call back into its register, so that going back over the
        // instruction repeats it.
        unsafe {
            let context = context.cast::<libc::ucontext_t>();
            (*context).uc_mcontext.gregs[libc::REG_RIP as usize] -= SYSCALL_BYTES;
        }
    }
}

#[cfg(not(all(target_os = "linux", target_arch = "x86_64")))]
mod dispatch {
    use super::NotCounted;

    /// A counter that cannot be started on this processor.
    #[derive(Debug)]
    pub struct SyscallWatch(core::convert::Infallible);

    impl SyscallWatch {
        /// Returns an error.
        ///
        /// # Errors
        /// Always.
        pub fn start() -> Result<Option<Self>, NotCounted> {
            Err(NotCounted::Processor)
        }

        /// Never called.
        pub fn arm(&self) {}

        /// Never called.
        pub fn disarm(&self) {}

        /// Never called.
        #[must_use]
        pub fn calls(&self) -> u64 {
            0
        }
    }
}

pub use dispatch::SyscallWatch;

#[cfg(test)]
mod tests {
    use super::*;

    /// One of three intervals has a call; a call while disarmed is not counted.
    #[test]
    fn calls_are_counted() {
        let watch = match SyscallWatch::start() {
            Ok(watch) => watch.expect("no other watch"),
            Err(why) => return eprintln!("SKIPPED: {why}"),
        };
        // SAFETY: takes nothing and only reads.
        let call = || unsafe { libc::syscall(libc::SYS_getppid) };
        let before = call();
        for i in 0..3 {
            watch.arm();
            if i == 1 {
                assert_eq!(call(), before, "the call happens all the same");
                assert_eq!(call(), before);
            }
        }
        watch.disarm();
        call();
        assert_eq!(watch.calls(), 1);
    }
}
