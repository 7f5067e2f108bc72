//! A ring of frames as a stream of bytes, by the traits of `embedded-io`.

use super::{FrameConsumer, FrameError, FrameProducer, Frames};
use crate::queue::{PopError, Wait};
use core::fmt;
use embedded_io::{Error, ErrorKind, ErrorType, Read, ReadReady, Write, WriteReady};

/// The consumer has closed: nothing that is written will be read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct Broken;

impl fmt::Display for Broken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the reader of the frames has closed them: stop writing")
    }
}

impl core::error::Error for Broken {}

impl Error for Broken {
    fn kind(&self) -> ErrorKind {
        ErrorKind::BrokenPipe
    }
}

/// Reads the frames one after another as one stream of bytes: where a frame ends cannot be seen.
///
/// The trait says that `read` waits for a byte; how is the caller's choice, a [`Wait`]. Who must not wait asks
/// [`ReadReady`] first. At the end, once the producer has closed and all is read, `read` answers 0.
#[derive(Debug)]
pub struct FrameReader<'q, W, const N: usize> {
    end: FrameConsumer<'q, N>,
    /// Bytes of the oldest frame that were read. It stays in the ring until all were.
    used: usize,
    wait: W,
}

impl<'q, W: Wait, const N: usize> FrameReader<'q, W, N> {
    /// Reads from this end, and waits so.
    pub const fn new(end: FrameConsumer<'q, N>, wait: W) -> Self {
        Self { end, used: 0, wait }
    }

    /// The end back. Of a frame that was read in part all is still there.
    pub fn into_inner(self) -> FrameConsumer<'q, N> {
        self.end
    }
}

impl<W, const N: usize> ErrorType for FrameReader<'_, W, N> {
    type Error = core::convert::Infallible;
}

impl<W: Wait, const N: usize> Read for FrameReader<'_, W, N> {
    fn read(&mut self, out: &mut [u8]) -> Result<usize, Self::Error> {
        if out.is_empty() {
            return Ok(0);
        }
        let mut attempt = 0_u32;
        loop {
            let frame = match self.end.read() {
                Ok(frame) => frame,
                Err(PopError::Closed) => return Ok(0),
                Err(PopError::Empty) => {
                    self.wait.wait(attempt);
                    attempt = attempt.saturating_add(1);
                    continue;
                }
            };
            let rest = frame.get(self.used..).unwrap_or_default();
            let taken = rest.len().min(out.len());
            for (to, from) in out.iter_mut().zip(rest) {
                *to = *from;
            }
            if taken == rest.len() {
                frame.release();
                self.used = 0;
            } else {
                self.used = self.used.wrapping_add(taken);
            }
            if taken > 0 {
                return Ok(taken); // a frame without bytes is passed over
            }
        }
    }
}

impl<W: Wait, const N: usize> ReadReady for FrameReader<'_, W, N> {
    fn read_ready(&mut self) -> Result<bool, Self::Error> {
        loop {
            match self.end.read() {
                Ok(frame) if frame.is_empty() => frame.release(), // at most as many as there are
                Ok(_) | Err(PopError::Closed) => return Ok(true), // `read` does not wait at the end
                Err(PopError::Empty) => return Ok(false),
            }
        }
    }
}

/// Writes a stream of bytes, each `write` as one frame of at most [`Frames::MAX_FRAME`] bytes.
///
/// The trait says that `write` waits for room; how is the caller's choice, a [`Wait`]. Who must not wait asks
/// [`WriteReady`] first.
#[derive(Debug)]
pub struct FrameWriter<'q, W, const N: usize> {
    end: FrameProducer<'q, N>,
    wait: W,
}

impl<'q, W: Wait, const N: usize> FrameWriter<'q, W, N> {
    /// Writes to this end, and waits so.
    pub const fn new(end: FrameProducer<'q, N>, wait: W) -> Self {
        Self { end, wait }
    }

    /// The end back, to close it, say.
    pub fn into_inner(self) -> FrameProducer<'q, N> {
        self.end
    }
}

impl<W, const N: usize> ErrorType for FrameWriter<'_, W, N> {
    type Error = Broken;
}

impl<W: Wait, const N: usize> Write for FrameWriter<'_, W, N> {
    fn write(&mut self, bytes: &[u8]) -> Result<usize, Self::Error> {
        let frame = bytes.get(..Frames::<N>::MAX_FRAME).unwrap_or(bytes);
        if frame.is_empty() {
            return Ok(0);
        }
        let mut attempt = 0_u32;
        loop {
            match self.end.push(frame) {
                Err(FrameError::Full) if self.end.is_closed() => return Err(Broken),
                Err(FrameError::Full) => {
                    self.wait.wait(attempt);
                    attempt = attempt.saturating_add(1);
                }
                _ => return Ok(frame.len()), // it is not too long
            }
        }
    }

    /// Nothing to do: a frame can be read as soon as `write` has come back.
    fn flush(&mut self) -> Result<(), Self::Error> {
        Ok(())
    }
}

impl<W: Wait, const N: usize> WriteReady for FrameWriter<'_, W, N> {
    /// Whether a frame of the greatest length would find room now. A shorter one may, where this says no.
    fn write_ready(&mut self) -> Result<bool, Self::Error> {
        Ok(self.end.grant(Frames::<N>::MAX_FRAME).is_ok() || self.end.is_closed())
    }
}
