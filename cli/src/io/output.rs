//! Outputs by name: written whole or not at all, and never over their own input.

use crate::diagnostic::{Diagnostic, Outcome, Place};
use crate::io::files;
use std::fs::{self, File, Metadata};
use std::io::{self, IsTerminal, Write};
use std::os::fd::{AsFd, FromRawFd};
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

/// An output. A regular file is written under a temporary name in the same directory, and renamed
/// in [`OutFile::commit`]; until then, and after any failure, the previous file stays. Anything
/// else (a pipe, a device, `/dev/stdout`) is written directly.
#[derive(Debug)]
pub(crate) struct OutFile {
    file: File,
    replaces: Option<Replaces>,
}

/// A temporary file and its target; removes the temporary file when dropped.
#[derive(Debug)]
struct Replaces {
    temporary: PathBuf,
    target: PathBuf,
}

impl Drop for Replaces {
    fn drop(&mut self) {
        let _ = fs::remove_file(&self.temporary);
    }
}

impl OutFile {
    /// Opens the output called `name`; none or `-` is standard output.
    pub(crate) fn create(name: Option<&str>) -> io::Result<Self> {
        Self::at(Path::new(name.unwrap_or("-")))
    }

    /// Opens the output at `path`; `-` is standard output.
    pub(crate) fn at(path: &Path) -> io::Result<Self> {
        if path == Path::new("-") {
            files::is_open(1)?;
            return Ok(Self { file: File::from(io::stdout().as_fd().try_clone_to_owned()?), replaces: None });
        }
        let target = match place(path)? {
            Target::Descriptor(file) => return Ok(Self { file, replaces: None }),
            Target::Path(path) => path,
        };
        let old = fs::metadata(&target).ok();
        if old.as_ref().is_some_and(|old| !old.is_file()) {
            return Ok(Self { file: File::options().write(true).open(&target)?, replaces: None });
        }
        let file_name = target.file_name().ok_or(io::ErrorKind::IsADirectory)?.to_string_lossy().into_owned();
        let (mut number, process) = (0, std::process::id());
        loop {
            let temporary = target.with_file_name(format!(".{file_name:.100}.{process}.{number}.part"));
            let file = match File::options().write(true).create_new(true).open(&temporary) {
                Err(e) if e.kind() == io::ErrorKind::AlreadyExists && number < 1000 => {
                    number += 1;
                    continue;
                }
                file => file?,
            };
            let replaces = Some(Replaces { temporary, target });
            if let Some(old) = old {
                file.set_permissions(old.permissions())?;
            }
            return Ok(Self { file, replaces });
        }
    }

    /// Renames the complete file to its final name.
    pub(crate) fn commit(self) -> io::Result<()> {
        match self.replaces {
            Some(replaces) => fs::rename(&replaces.temporary, &replaces.target),
            None => Ok(()),
        }
    }
}

impl Write for OutFile {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.file.write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.file.flush()
    }
}

/// Writes a whole file, or keeps the previous one.
pub(crate) fn write_file(name: &str, bytes: &[u8]) -> io::Result<()> {
    let mut out = OutFile::create(Some(name))?;
    out.write_all(bytes)?;
    out.commit()
}

enum Target {
    /// A file, existing or not, with all symbolic links resolved.
    Path(PathBuf),
    /// One of our own descriptors, as `/dev/stdout` is.
    Descriptor(File),
}

/// Resolves `name`.
fn place(name: &Path) -> io::Result<Target> {
    let mut path = name.to_path_buf();
    for _ in 0..40 {
        let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
        let folder = fs::canonicalize(folder)?;
        let Some(last) = path.file_name() else { return Err(io::ErrorKind::IsADirectory.into()) };
        if folder.starts_with("/proc/") && folder.ends_with("fd") {
            let number = last.to_str().and_then(|last| last.parse::<i32>().ok());
            // SAFETY: duplicates a descriptor, if that number is one; takes no pointer.
            let fd = number.map_or(-1, |number| unsafe { libc::fcntl(number, libc::F_DUPFD_CLOEXEC, 3) });
            if fd < 0 {
                return Err(io::Error::from_raw_os_error(libc::EBADF));
            }
            // SAFETY: opened just now, and owned by nothing else.
            return Ok(Target::Descriptor(unsafe { File::from_raw_fd(fd) }));
        }
        let here = folder.join(last);
        match fs::read_link(&here) {
            Ok(to) => path = folder.join(to),
            Err(_) => return Ok(Target::Path(here)),
        }
    }
    Err(io::Error::from_raw_os_error(libc::ELOOP))
}

/// Refuses to write to the file that is read: `output`, or standard output without one. Links are
/// resolved.
pub(crate) fn apart(input: &str, file: &File, output: Option<&str>) -> Result<(), Diagnostic> {
    let Ok(read) = file.metadata() else { return Ok(()) };
    let same = |written: &Metadata| {
        read.is_file() && written.is_file() && (read.dev(), read.ino()) == (written.dev(), written.ino())
    };
    let (written, called) = match output.filter(|name| *name != "-") {
        Some(name) => (fs::metadata(name).ok(), name),
        None => {
            let stdout = io::stdout().as_fd().try_clone_to_owned().map(File::from);
            (stdout.and_then(|file| file.metadata()).ok(), files::STDOUT)
        }
    };
    if written.is_some_and(|written| same(&written)) {
        let input = files::called(input);
        return Err(Diagnostic::usage(format!("the output is the input {input}"))
            .in_file(called)
            .remedy("name another file for the output"));
    }
    Ok(())
}

/// Whether something still reads standard output.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Reader {
    Present,
    Gone,
}

/// Writes to standard output and flushes it. A closed pipe is no error.
pub(crate) fn print(bytes: &[u8]) -> Result<Reader, Diagnostic> {
    match io::stdout().write_all(bytes).and_then(|()| io::stdout().flush()) {
        Ok(()) => Ok(Reader::Present),
        Err(e) if e.kind() == io::ErrorKind::BrokenPipe => Ok(Reader::Gone),
        Err(e) => Err(stdout_failed(&e)),
    }
}

/// Prints the whole output of a run.
pub(crate) fn say(text: &str) -> Outcome {
    files::check_stdout()?;
    print(text.as_bytes()).map(|_| ExitCode::SUCCESS)
}

/// Returns the error for a failed write to standard output.
pub(crate) fn stdout_failed(error: &io::Error) -> Diagnostic {
    Diagnostic::io(Place::File(files::STDOUT.into()), error)
}

/// Ends a run whose output `name` failed: a closed pipe is success.
pub(crate) fn failed(name: &str, error: &io::Error) -> Outcome {
    if error.kind() == io::ErrorKind::BrokenPipe {
        return Ok(ExitCode::SUCCESS);
    }
    Err(Diagnostic::io(Place::File(name.into()), error))
}

/// Returns whether to colour a stream: it is a capable terminal, and `NO_COLOR` is not set
/// (<https://no-color.org>).
pub(crate) fn colour(stream: &impl IsTerminal) -> bool {
    stream.is_terminal()
        && std::env::var_os("NO_COLOR").is_none_or(|v| v.is_empty())
        && std::env::var_os("TERM").is_none_or(|v| v != "dumb")
}
