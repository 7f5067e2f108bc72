//! Files and standard streams by name, and the messages about bad lines of an input.

use crate::diagnostic::{Diagnostic, Place};
use std::fs::File;
use std::io;
use std::os::fd::AsFd;
use std::path::Path;
use std::process::ExitCode;
use std::sync::atomic::{AtomicBool, Ordering};

/// Maximum number of bad lines reported one by one on standard error; more are only counted.
const NAMED: u64 = 10;

/// Name of standard input in messages.
const STDIN: &str = "<stdin>";
/// Name of standard output in messages.
pub(crate) const STDOUT: &str = "<stdout>";

/// Opens an input by name; `-` is standard input.
pub(crate) fn input(name: &str) -> io::Result<File> {
    if name != "-" {
        return open_file(name);
    }
    is_open(0)?;
    Ok(File::from(io::stdin().as_fd().try_clone_to_owned()?))
}

/// Whether descriptors 0 and 1 were closed when the process started.
static CLOSED: [AtomicBool; 2] = [AtomicBool::new(false), AtomicBool::new(false)];

/// Ignores SIGXFSZ, and records which standard streams are open. It must run before the start-up
/// code of the standard library, which opens `/dev/null` in place of a closed stream: from then on
/// a closed stream cannot be distinguished from one that was redirected there.
extern "C" fn at_start() {
    // SAFETY: sets a disposition; takes no pointer. A write beyond `ulimit -f` then fails with
    // EFBIG, which is reported with the name of the file. The signal would end the process.
    unsafe { libc::signal(libc::SIGXFSZ, libc::SIG_IGN) };
    for (fd, closed) in (0..).zip(&CLOSED) {
        // SAFETY: reads the flags of a descriptor; takes no pointer.
        let flags = unsafe { libc::fcntl(fd, libc::F_GETFD) };
        closed.store(flags < 0, Ordering::Relaxed); // Relaxed: there is one thread
    }
}

// SAFETY: the loader calls the functions of this section once, before `main`; this one reads no
// arguments, allocates nothing and does not unwind.
#[used]
#[unsafe(link_section = ".init_array")]
static AT_START: extern "C" fn() = at_start;

/// Returns an error if standard input (0) or output (1) was closed at the start.
pub(crate) fn is_open(fd: usize) -> io::Result<()> {
    // Relaxed: written before there were other threads.
    if CLOSED.get(fd).is_some_and(|closed| closed.load(Ordering::Relaxed)) {
        let what = [
            "the stream is closed; give an input, or </dev/null",
            "the stream is closed; to discard it, say >/dev/null",
        ];
        return Err(io::Error::other(what[fd]));
    }
    Ok(())
}

/// Checks that standard output was not closed at the start.
pub(crate) fn check_stdout() -> Result<(), Diagnostic> {
    is_open(1).map_err(|e| Diagnostic::io(Place::File(STDOUT.into()), &e))
}

/// Opens a file for reading; a directory is refused here rather than at its first read.
pub(crate) fn open_file(name: impl AsRef<Path>) -> io::Result<File> {
    let file = File::open(name)?;
    if file.metadata()?.is_dir() {
        return Err(io::Error::new(io::ErrorKind::IsADirectory, "is a directory; give a file"));
    }
    Ok(file)
}

/// Returns the name of an input in messages.
pub(crate) fn called(name: &str) -> &str {
    if name == "-" { STDIN } else { name }
}

/// Returns the size limit that a write has reached and what to do about it; `None` for other
/// errors.
pub(crate) fn too_large(error: &io::Error) -> Option<String> {
    if error.raw_os_error() != Some(libc::EFBIG) {
        return None;
    }
    let mut limit = libc::rlimit { rlim_cur: libc::RLIM_INFINITY, rlim_max: libc::RLIM_INFINITY };
    // SAFETY: writes to `limit`, which is ours; on an error it stays as it is.
    unsafe { libc::getrlimit(libc::RLIMIT_FSIZE, &raw mut limit) };
    Some(match limit.rlim_cur {
        libc::RLIM_INFINITY => "the file system allows no larger file; write to another one".to_owned(),
        bytes => format!("the limit is {bytes} bytes; raise it (ulimit -f)"),
    })
}

/// Names the first bad lines of an input on standard error and counts them all.
#[derive(Debug)]
pub(crate) struct Complaints<'a> {
    sub: &'static str,
    file: &'a str,
    count: u64,
}

impl<'a> Complaints<'a> {
    /// Starts counting for subcommand `sub` and the input called `name`.
    pub(crate) fn about(sub: &'static str, name: &'a str) -> Self {
        Self { sub, file: called(name), count: 0 }
    }

    /// Adds a bad line or record, at the place that `at` makes of the file's name.
    pub(crate) fn add(&mut self, what: &dyn core::fmt::Display, at: impl FnOnce(String) -> Place) {
        self.count += 1;
        if self.count <= NAMED {
            Diagnostic::from_text(&what.to_string()).at(at(self.file.to_owned())).of(self.sub).tell();
        }
    }

    /// Returns the exit code at the end of the input, after a message with the total where not all
    /// were named.
    pub(crate) fn finish(&self) -> ExitCode {
        if self.count > NAMED {
            let what = format!("{} bad lines in all, the first {NAMED} of them are named above", self.count);
            Diagnostic::error(what).in_file(self.file).of(self.sub).tell();
        }
        if self.count == 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE }
    }
}
