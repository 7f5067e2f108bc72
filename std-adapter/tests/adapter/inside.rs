//! Runs a part of a test in other namespaces, or without `/proc`.

#![allow(dead_code, reason = "each test file uses some of it")]

use std::io;
use std::os::unix::process::CommandExt;
use std::process::Command;

/// The environment of a part.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Inside {
    /// Another time namespace, whose clocks since boot are this many seconds ahead.
    Time(u32),
    /// Another PID namespace, in which the part is number 1.
    Pid,
    /// Another mount namespace, in which `/proc` is empty.
    NoProc,
}

impl Inside {
    const fn flags(self) -> i32 {
        match self {
            // `CLONE_NEWTIME`
            Self::Time(_) => 0x80,
            Self::Pid => libc::CLONE_NEWPID,
            Self::NoProc => libc::CLONE_NEWNS,
        }
    }

    /// Makes the command's process run in the environment. The process that is started waits for it
    /// and ends with its status.
    pub(crate) fn put(self, command: &mut Command) {
        // SAFETY: takes no pointer.
        let own_id = unsafe { libc::geteuid() };
        let (map, offsets) = (
            format!("{own_id} {own_id} 1"),
            match self {
                Self::Time(seconds) => format!("monotonic {seconds} 0\nboottime {seconds} 0\n"),
                _ => String::new(),
            },
        );
        if let Self::Pid = self {
            // The leak checker searches `/proc` for its own process, but `/proc` shows the process
            // ids of the outer namespace.
            command.env("ASAN_OPTIONS", "detect_leaks=0");
        }
        // SAFETY: between fork and exec, only system calls on data created before.
        unsafe { command.pre_exec(move || self.enter(&map, &offsets)) };
    }

    /// Returns whether the kernel allows it; prints a message if not.
    pub(crate) fn is_possible(self) -> bool {
        let mut command = Command::new("true");
        self.put(&mut command);
        let done = command.status();
        if let Err(error) = &done {
            eprintln!("SKIPPED: {self:?}: the kernel refuses it: {error}");
        }
        done.is_ok()
    }

    fn enter(self, map: &str, offsets: &str) -> io::Result<()> {
        // SAFETY: takes no pointer.
        let mut done = unsafe { libc::unshare(self.flags()) };
        if done != 0 {
            // Unprivileged: as root of a new user namespace, in which this user keeps its number.
            // SAFETY: as above.
            done = unsafe { libc::unshare(libc::CLONE_NEWUSER | self.flags()) };
            if done == 0 {
                write(c"/proc/self/uid_map", map)?;
            }
        }
        if done != 0 {
            return Err(io::Error::last_os_error());
        }
        if let Self::NoProc = self {
            let null = core::ptr::null();
            let private = libc::MS_REC | libc::MS_PRIVATE;
            // SAFETY: the paths are constant strings with a terminating zero.
            let made = unsafe {
                libc::mount(null, c"/".as_ptr(), null, private, null.cast()) == 0
                    && libc::mount(c"none".as_ptr(), c"/proc".as_ptr(), c"tmpfs".as_ptr(), 0, null.cast()) == 0
            };
            return if made { Ok(()) } else { Err(io::Error::last_os_error()) };
        }
        if !offsets.is_empty() {
            write(c"/proc/self/timens_offsets", offsets)?;
        }
        // The new namespace applies to children of the calling process only. SAFETY: the child
        // continues to its exec; the parent waits and ends.
        match unsafe { libc::fork() } {
            -1 => Err(io::Error::last_os_error()),
            0 => {
                // SAFETY: takes no pointer.
                unsafe { libc::prctl(libc::PR_SET_PDEATHSIG, libc::SIGKILL as libc::c_ulong) };
                Ok(())
            }
            child => {
                let mut status = 0;
                // SAFETY: the descriptors are copies, which would keep the starter waiting for the
                // exec; the status outlives the call.
                unsafe {
                    libc::syscall(libc::SYS_close_range, 3, u32::MAX, 0);
                    while libc::waitpid(child, &raw mut status, 0) < 0 {}
                    // Not `_exit`, in which a sanitizer looks for leaks: in a thread of the new
                    // namespace, which does not find this process there.
                    let code = if libc::WIFEXITED(status) { libc::WEXITSTATUS(status) } else { 1 };
                    libc::syscall(libc::SYS_exit_group, code);
                    libc::abort()
                }
            }
        }
    }
}

fn write(path: &core::ffi::CStr, text: &str) -> io::Result<()> {
    // SAFETY: path and text outlive the calls.
    unsafe {
        let file = libc::open(path.as_ptr(), libc::O_WRONLY | libc::O_CLOEXEC);
        if file < 0 || libc::write(file, text.as_ptr().cast(), text.len()) < 0 {
            return Err(io::Error::last_os_error());
        }
        libc::close(file);
    }
    Ok(())
}
