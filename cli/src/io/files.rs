//! Files and standard streams by name, and what to say when they fail.

use crate::failure::one_line;
use std::fs::File;
use std::io::{self, Write};
use std::os::fd::AsFd;
use std::process::ExitCode;
use std::sync::atomic::{AtomicBool, Ordering};

/// Bad lines that are named one by one on standard error; more are only counted.
const NAMED: u64 = 10;

/// A command line that cannot be run: one line on standard error, exit code 2.
pub(crate) fn usage(command: &str, error: &dyn core::fmt::Display) -> ExitCode {
    complain(&format!("vvpx {command}: {error}; try vvpx {command} --help"));
    ExitCode::from(2)
}

/// An input by the name it was given, `-` for standard input.
pub(crate) fn input(name: &str) -> io::Result<File> {
    if name != "-" {
        return open_file(name);
    }
    is_open(0)?;
    Ok(File::from(io::stdin().as_fd().try_clone_to_owned()?))
}

/// Which of descriptors 0 and 1 were closed when the process began.
static CLOSED: [AtomicBool; 2] = [AtomicBool::new(false), AtomicBool::new(false)];

/// Ignores SIGXFSZ, and looks which standard streams there are. It must run before the standard
/// library's own start, which opens `/dev/null` in place of a closed one: from then on a closed
/// stream cannot be told from one that was sent there.
extern "C" fn at_start() {
    // SAFETY: sets a disposition; takes no pointer. A write beyond `ulimit -f` then fails with
    // EFBIG, which is reported with the name of the file. The signal would end the process.
    unsafe { libc::signal(libc::SIGXFSZ, libc::SIG_IGN) };
    for (fd, closed) in (0..).zip(&CLOSED) {
        // SAFETY: asks for the flags of a descriptor; takes no pointer.
        let flags = unsafe { libc::fcntl(fd, libc::F_GETFD) };
        closed.store(flags < 0, Ordering::Relaxed); // Relaxed: there is one thread
    }
}

// SAFETY: the loader calls what stands in this section, once, before `main`; the function takes no arguments that it
// looks at, allocates nothing and does not unwind.
#[used]
#[unsafe(link_section = ".init_array")]
static AT_START: extern "C" fn() = at_start;

/// An error if standard input (0) or output (1) was closed at the start.
pub(crate) fn is_open(fd: usize) -> io::Result<()> {
    // Relaxed: written before there was a second thread.
    if CLOSED.get(fd).is_some_and(|closed| closed.load(Ordering::Relaxed)) {
        let what = ["it is closed; give an input, or </dev/null", "it is closed; to throw it away, say >/dev/null"];
        return Err(io::Error::other(what[fd]));
    }
    Ok(())
}

/// A file to read; a directory is refused here rather than at its first read.
pub(crate) fn open_file(name: &str) -> io::Result<File> {
    let file = File::open(name)?;
    if file.metadata()?.is_dir() {
        return Err(io::Error::new(io::ErrorKind::IsADirectory, "is a directory; give a file"));
    }
    Ok(file)
}

/// One line on standard error, whatever a file name holds. If nobody listens there is nobody to tell.
pub(crate) fn complain(text: &str) {
    let _ = writeln!(io::stderr(), "{}", one_line(text));
}

/// How an input is called in messages.
pub(crate) fn called(name: &str) -> &str {
    if name == "-" { "<stdin>" } else { name }
}

/// The limit that a write met, and what to do about it, if `error` is that one.
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

/// Reports what cannot be read or written; exit code 1. A reader that has gone away is no error of ours.
pub(crate) fn failed(what: &str, error: &io::Error) -> ExitCode {
    if error.kind() == io::ErrorKind::BrokenPipe {
        return ExitCode::SUCCESS;
    }
    match too_large(error) {
        Some(remedy) => complain(&format!("{what}: {error}; {remedy}")),
        None => complain(&format!("{what}: {error}")),
    }
    ExitCode::FAILURE
}

/// Names the first bad lines of an input on standard error and counts them all.
#[derive(Debug)]
pub(crate) struct Complaints<'a> {
    file: &'a str,
    count: u64,
}

impl<'a> Complaints<'a> {
    pub(crate) fn about(name: &'a str) -> Self {
        Self { file: called(name), count: 0 }
    }

    /// One bad line; its display begins with its number.
    pub(crate) fn add(&mut self, bad: &dyn core::fmt::Display) {
        self.count += 1;
        if self.count <= NAMED {
            complain(&format!("{}:{bad}", self.file));
        }
    }

    /// The exit code at the end of the input.
    pub(crate) fn finish(&self) -> ExitCode {
        if self.count > NAMED {
            let (file, count) = (self.file, self.count);
            complain(&format!("{file}: {count} bad lines in all, the first {NAMED} of them are named above"));
        }
        if self.count == 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE }
    }
}
