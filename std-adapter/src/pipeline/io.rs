//! The two ends of a pipeline: bytes in, bytes out, straight on file descriptors.

use super::Stop;
use std::fs::File;
use std::io::{self, Read, Write};
use std::os::fd::{AsFd, AsRawFd};
use std::sync::atomic::{AtomicI64, Ordering};

/// Where commands come from.
///
/// A read that would wait ends early when the pipeline is asked to stop: with the error `ECANCELED`, so that half a
/// line is never taken for a whole one.
#[derive(Debug)]
pub struct Source<'a> {
    kind: Kind<'a>,
    stop: &'a Stop,
    progress: Option<&'a Progress>,
}

#[derive(Debug)]
enum Kind<'a> {
    Memory(&'a [u8]),
    /// `waits`: a read may have to wait, as from a pipe or a terminal.
    File {
        file: File,
        waits: bool,
    },
}

impl<'a> Source<'a> {
    /// Bytes that are in memory already.
    #[must_use]
    pub const fn memory(bytes: &'a [u8], stop: &'a Stop) -> Self {
        Self { kind: Kind::Memory(bytes), stop, progress: None }
    }

    /// A file, pipe, terminal or socket.
    #[must_use]
    pub fn file(file: File, stop: &'a Stop) -> Self {
        let waits = file.metadata().map_or(true, |m| !m.is_file());
        Self { kind: Kind::File { file, waits }, stop, progress: None }
    }

    /// Standard input.
    ///
    /// # Errors
    /// When it is closed, or no descriptor is left.
    pub fn stdin(stop: &'a Stop) -> io::Result<Self> {
        let file = File::from(io::stdin().as_fd().try_clone_to_owned()?);
        Ok(Self::file(file, stop))
    }

    /// Tells `progress` how far the reading has come; several sources may tell the same one.
    #[must_use]
    pub fn watched(self, progress: &'a Progress) -> Self {
        let total = match &self.kind {
            Kind::Memory(bytes) => i64::try_from(bytes.len()).unwrap_or(i64::MAX),
            Kind::File { file, waits: false } => {
                file.metadata().ok().and_then(|m| i64::try_from(m.len()).ok()).unwrap_or(UNKNOWN)
            }
            Kind::File { .. } => UNKNOWN,
        };
        // Relaxed: a number for the eye.
        progress.total_bytes.fetch_add(total, Ordering::Relaxed);
        Self { progress: Some(progress), ..self }
    }

    /// Whether a read may have to wait for whoever writes.
    #[must_use]
    pub const fn may_wait(&self) -> bool {
        matches!(self.kind, Kind::File { waits: true, .. })
    }
}

/// Whether a read ended because the pipeline was asked to stop.
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
            // In portions, so that a request to stop is seen in time.
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
                    // Somebody made it non-blocking and another reader was faster.
                    Err(e) if e.kind() == io::ErrorKind::WouldBlock => *waits = true,
                    Err(_) if self.stop.is_asked() => return Err(stopped()),
                    result => break result?,
                }
            },
        };
        if let Some(progress) = self.progress {
            // Relaxed: a number for the eye.
            progress.bytes.fetch_add(i64::try_from(n).unwrap_or(0), Ordering::Relaxed);
        }
        Ok(n)
    }
}

/// A total that is not known: whatever is added, it stays below zero.
const UNKNOWN: i64 = i64::MIN / 2;

/// How far a run has come, for whoever draws it.
#[derive(Debug, Default)]
pub struct Progress {
    bytes: AtomicI64,
    total_bytes: AtomicI64,
}

impl Progress {
    /// Bytes read, and the bytes there are if that is known.
    #[must_use]
    pub fn read(&self) -> (u64, Option<u64>) {
        // Relaxed: numbers for the eye.
        let bytes = self.bytes.load(Ordering::Relaxed);
        let total = self.total_bytes.load(Ordering::Relaxed);
        (u64::try_from(bytes).unwrap_or(0), u64::try_from(total).ok().filter(|&t| t > 0))
    }
}

/// Standard output without a buffer of its own, whole writes only.
///
/// # Errors
/// When it is closed, or no descriptor is left.
pub fn stdout() -> io::Result<Output> {
    Ok(Output(File::from(io::stdout().as_fd().try_clone_to_owned()?)))
}

/// A file descriptor to write to; it waits when it has to, even if somebody made it non-blocking.
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
                    // SAFETY: one entry of ours.
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
