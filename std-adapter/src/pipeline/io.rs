//! Unbuffered input and output of a pipeline, on file descriptors.

use super::Stop;
use std::fs::File;
use std::io::{self, Read, Write};
use std::os::fd::{AsFd, AsRawFd};
use std::sync::atomic::{AtomicI64, Ordering};

/// The input of a pipeline.
///
/// A request to stop ends a blocked read with the error `ECANCELED`, so that a partial line is
/// never taken for a whole one.
#[derive(Debug)]
pub struct Source<'a> {
    kind: Kind<'a>,
    stop: &'a Stop,
    progress: Option<&'a Progress>,
}

#[derive(Debug)]
enum Kind<'a> {
    Memory(&'a [u8]),
    /// `waits`: a read may block, as on a pipe or a terminal.
    File {
        file: File,
        waits: bool,
    },
}

impl<'a> Source<'a> {
    /// Reads bytes that are already in memory.
    #[must_use]
    pub const fn memory(bytes: &'a [u8], stop: &'a Stop) -> Self {
        Self { kind: Kind::Memory(bytes), stop, progress: None }
    }

    /// Reads a file, pipe, terminal or socket.
    #[must_use]
    pub fn file(file: File, stop: &'a Stop) -> Self {
        let waits = file.metadata().map_or(true, |m| !m.is_file());
        Self { kind: Kind::File { file, waits }, stop, progress: None }
    }

    /// Reads standard input.
    ///
    /// # Errors
    /// Standard input is closed, or no descriptor is left.
    pub fn stdin(stop: &'a Stop) -> io::Result<Self> {
        let file = File::from(io::stdin().as_fd().try_clone_to_owned()?);
        Ok(Self::file(file, stop))
    }

    /// Reports to `progress` how many bytes were read; several sources may share one.
    #[must_use]
    pub fn watched(self, progress: &'a Progress) -> Self {
        let total = match &self.kind {
            Kind::Memory(bytes) => i64::try_from(bytes.len()).unwrap_or(i64::MAX),
            Kind::File { file, waits: false } => {
                file.metadata().ok().and_then(|m| i64::try_from(m.len()).ok()).unwrap_or(UNKNOWN)
            }
            Kind::File { .. } => UNKNOWN,
        };
        // Relaxed: only displayed.
        progress.total_bytes.fetch_add(total, Ordering::Relaxed);
        Self { progress: Some(progress), ..self }
    }

    /// Returns whether a read may block until a writer continues.
    #[must_use]
    pub const fn may_wait(&self) -> bool {
        matches!(self.kind, Kind::File { waits: true, .. })
    }
}

/// Returns whether a read ended because the pipeline was asked to stop.
#[must_use]
pub fn is_stop(error: &io::Error) -> bool {
    error.raw_os_error() == Some(libc::ECANCELED)
}

impl Read for Source<'_> {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        let stopped = || io::Error::from_raw_os_error(libc::ECANCELED);
        if self.stop.is_asked() {
            return Err(stopped());
        }
        let n = match &mut self.kind {
            // In portions, so that a request to stop is noticed soon.
            Kind::Memory(bytes) => {
                let n = bytes.len().min(into.len()).min(64 << 10);
                let (now, rest) = bytes.split_at(n);
                into[..n].copy_from_slice(now);
                *bytes = rest;
                n
            }
            Kind::File { file, waits } => loop {
                if *waits && !self.stop.wait_readable(file.as_raw_fd()) {
                    return Err(stopped());
                }
                match file.read(into) {
                    Err(e) if e.kind() == io::ErrorKind::Interrupted && !self.stop.is_asked() => {}
                    // Another process made it non-blocking, and another reader took the bytes.
                    Err(e) if e.kind() == io::ErrorKind::WouldBlock => *waits = true,
                    Err(_) if self.stop.is_asked() => return Err(stopped()),
                    result => break result?,
                }
            },
        };
        if let Some(progress) = self.progress {
            // Relaxed: only displayed.
            progress.bytes.fetch_add(i64::try_from(n).unwrap_or(0), Ordering::Relaxed);
        }
        Ok(n)
    }
}

/// An unknown total: whatever is added, it stays negative.
const UNKNOWN: i64 = i64::MIN / 2;

/// The progress of a run, for display.
#[derive(Debug, Default)]
pub struct Progress {
    bytes: AtomicI64,
    total_bytes: AtomicI64,
}

impl Progress {
    /// Returns the bytes read, and the total number of bytes if it is known.
    #[must_use]
    pub fn read(&self) -> (u64, Option<u64>) {
        // Relaxed: only displayed.
        let bytes = self.bytes.load(Ordering::Relaxed);
        let total = self.total_bytes.load(Ordering::Relaxed);
        (u64::try_from(bytes).unwrap_or(0), u64::try_from(total).ok().filter(|&t| t > 0))
    }
}

/// Returns standard output without a buffer.
///
/// # Errors
/// Standard output is closed, or no descriptor is left.
pub fn stdout() -> io::Result<Output> {
    Ok(Output(File::from(io::stdout().as_fd().try_clone_to_owned()?)))
}

/// A file descriptor for output. Writes block when necessary, even if another process made it
/// non-blocking.
#[derive(Debug)]
pub struct Output(File);

impl From<File> for Output {
    fn from(file: File) -> Self {
        Self(file)
    }
}

impl Write for Output {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        loop {
            match self.0.write(bytes) {
                Err(e) if e.kind() == io::ErrorKind::WouldBlock => {
                    let mut fd = libc::pollfd { fd: self.0.as_raw_fd(), events: libc::POLLOUT, revents: 0 };
                    // SAFETY: one entry, which is ours.
                    unsafe { libc::poll(&raw mut fd, 1, -1) };
                }
                result => return result,
            }
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
