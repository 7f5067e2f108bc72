//! Ring of frames as a byte stream, by the traits of `embedded-io`.

use super::{FrameConsumer, FrameError, FrameProducer, Frames};
use crate::queue::{PopError, Wait};
use core::fmt;
use embedded_io::{Error, ErrorKind, ErrorType, Read, ReadReady, Write, WriteReady};

/// Error: the consumer has closed, so nothing that is written will be read.
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

/// Reads the frames one after another as one byte stream, without the boundaries of the frames.
///
/// The trait lets `read` wait for a byte; the caller chooses how, by a [`Wait`]. A caller that must
/// not wait asks [`ReadReady`] first. Once the producer has closed and all is read, `read` returns
/// 0.
#[derive(Debug)]
pub struct FrameReader<'q, W, const N: usize> {
    end: FrameConsumer<'q, N>,
    /// Number of bytes of the oldest frame that were read. The frame stays in the ring until all
    /// were.
    used: usize,
    wait: W,
}

impl<'q, W: Wait, const N: usize> FrameReader<'q, W, N> {
    /// Creates a reader of this endpoint that waits by `wait`.
    pub const fn new(end: FrameConsumer<'q, N>, wait: W) -> Self {
        Self { end, used: 0, wait }
    }

    /// Returns the endpoint. A frame that was read in part is still complete there.
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
                return Ok(taken); // an empty frame is skipped
            }
        }
    }
}

impl<W: Wait, const N: usize> ReadReady for FrameReader<'_, W, N> {
    fn read_ready(&mut self) -> Result<bool, Self::Error> {
        loop {
            match self.end.read() {
                Ok(frame) if frame.is_empty() => frame.release(), // bounded by the number of frames
                Ok(_) | Err(PopError::Closed) => return Ok(true), // `read` does not wait at the end
                Err(PopError::Empty) => return Ok(false),
            }
        }
    }
}

/// Writes a byte stream, each `write` as one frame of at most [`Frames::MAX_FRAME`] bytes.
///
/// The trait lets `write` wait for room; the caller chooses how, by a [`Wait`]. A caller that must
/// not wait asks [`WriteReady`] first.
#[derive(Debug)]
pub struct FrameWriter<'q, W, const N: usize> {
    end: FrameProducer<'q, N>,
    wait: W,
}

impl<'q, W: Wait, const N: usize> FrameWriter<'q, W, N> {
    /// Creates a writer to this endpoint that waits by `wait`.
    pub const fn new(end: FrameProducer<'q, N>, wait: W) -> Self {
        Self { end, wait }
    }

    /// Returns the endpoint, for example to close it.
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

    /// Does nothing: a frame can be read as soon as `write` has returned.
    fn flush(&mut self) -> Result<(), Self::Error> {
        Ok(())
    }
}

impl<W: Wait, const N: usize> WriteReady for FrameWriter<'_, W, N> {
    /// Returns whether a frame of the greatest length would fit now. If not, a shorter one may.
    fn write_ready(&mut self) -> Result<bool, Self::Error> {
        Ok(self.end.grant(Frames::<N>::MAX_FRAME).is_ok() || self.end.is_closed())
    }
}
