//! The frames of a file of any size, in constant memory.

use std::io::{self, BufRead, Read};

use super::{LineStats, Lines, Wanted};
use crate::recognise::{Kind, Peeked};
use vvp_core::wire::capture::CaptureFile;
use vvp_core::wire::frame::{Frames, LENGTH_BYTES, MESSAGE_BYTES_MAX, WireError};

/// Bytes read at once.
const PIECE_BYTES: usize = 1 << 18;

/// Whether a file is a capture of packets, compressed or not.
///
/// # Errors
/// What the reader says to its first read.
pub fn is_capture(reader: impl Read + Send) -> io::Result<bool> {
    Ok(CaptureFile::is_capture(Peeked::new(crate::packed::unpacked(reader)?)?.head()))
}

/// Reads a stream in pieces and gives the whole frames of each.
pub struct FrameReader<'a> {
    input: Input<'a>,
    buffer: Box<[u8]>,
    /// What lies in the buffer.
    filled: usize,
    /// What of it was given out.
    taken: usize,
    /// Place in the stream of the buffer's first byte.
    offset: u64,
    ended: bool,
    kind: Kind,
    /// What followed a length of zero, once that is read to the end of the file.
    behind: Option<Behind>,
}

/// What follows the length of zero that ends the messages of a file.
#[derive(Clone, Copy)]
struct Behind {
    bytes: u64,
    /// All of them are zero.
    padding: bool,
}

enum Input<'a> {
    Frames(Box<dyn BufRead + Send + 'a>),
    Lines(Box<Lines<'a>>),
}

impl core::fmt::Debug for FrameReader<'_> {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.debug_struct("FrameReader")
            .field("offset", &self.offset)
            .field("filled", &self.filled)
            .finish_non_exhaustive()
    }
}

impl<'a> FrameReader<'a> {
    /// Reads frames, or the captured packets that carry them: whatever it is, decompressed if it needs that.
    ///
    /// # Errors
    /// What the reader says to its first read; of a capture, also what is wrong before its first
    /// packet; of another format ([`Kind::instead_of_itch`]), what it is and what to do.
    pub fn new(reader: impl Read + Send + 'a) -> io::Result<Self> {
        Self::wanted(reader, Wanted::default())
    }

    /// As [`FrameReader::new`]; `wanted` says which packets are read if it is a capture.
    ///
    /// # Errors
    /// As [`FrameReader::new`].
    pub fn wanted(reader: impl Read + Send + 'a, wanted: Wanted) -> io::Result<Self> {
        let reader = Peeked::new(crate::packed::unpacked(reader)?)?;
        if CaptureFile::is_capture(reader.head()) {
            return Ok(Self::lines(Lines::of(vec![Box::new(reader)], wanted, None)?));
        }
        let kind = reader.kind();
        match kind.instead_of_itch() {
            // One frame that looks so is not enough: behind it may come ITCH.
            Some(advice) if kind != Kind::SoupItch => {
                Err(io::Error::new(io::ErrorKind::InvalidData, format!("this is {kind}; {advice}")))
            }
            _ => Ok(Self { kind, ..Self::from(Input::Frames(Box::new(reader))) }),
        }
    }

    /// Reads captures together: see [`Lines`].
    ///
    /// # Errors
    /// As [`FrameReader::new`].
    pub fn captures<R: Read + Send + 'a>(captures: impl IntoIterator<Item = R>) -> io::Result<Self> {
        Ok(Self::lines(Lines::new(captures)?))
    }

    /// Reads captures that were opened before.
    #[must_use]
    pub fn lines(lines: Lines<'a>) -> Self {
        Self::from(Input::Lines(Box::new(lines)))
    }

    fn from(input: Input<'a>) -> Self {
        let buffer = vec![0; PIECE_BYTES + LENGTH_BYTES + MESSAGE_BYTES_MAX].into_boxed_slice();
        let kind = Kind::Unknown;
        Self { input, buffer, filled: 0, taken: 0, offset: 0, ended: false, kind, behind: None }
    }

    /// What the first bytes look like; [`Kind::Unknown`] of captures.
    #[must_use]
    pub const fn kind(&self) -> Kind {
        self.kind
    }

    /// What was found in captures, if it reads such.
    #[must_use]
    pub fn line_stats(&self) -> Option<LineStats> {
        self.captured().map(Lines::stats)
    }

    /// The captures, if it reads such.
    #[must_use]
    pub const fn captured(&self) -> Option<&Lines<'a>> {
        match &self.input {
            Input::Frames(_) => None,
            Input::Lines(lines) => Some(lines),
        }
    }

    /// Reads a piece and hands its whole frames to `with`; what `with` leaves of them comes again.
    /// `None` at the end of the file. Behind a length of zero the file is read to its end first, so
    /// that the checksum of a compressed one is compared: [`FrameReader::after_end`] says what was
    /// found there.
    ///
    /// # Errors
    /// What the reader says, or that a compressed file is damaged. A file that stops within a
    /// frame is no error here: [`FrameReader::finish`] tells.
    pub fn piece<R>(&mut self, with: impl FnOnce(&mut Frames<'_>) -> R) -> io::Result<Option<R>> {
        if self.ended {
            self.read_behind()?;
            return Ok(None);
        }
        self.buffer.copy_within(self.taken..self.filled, 0);
        self.offset += self.taken as u64;
        self.filled -= self.taken;
        self.taken = 0;
        loop {
            // The buffer is longer than any frame, so there is room.
            let into = &mut self.buffer[self.filled..];
            let read = match &mut self.input {
                Input::Frames(reader) => reader.read(into),
                Input::Lines(lines) => lines.read(into),
            };
            let read = match read {
                Err(e) if e.kind() == io::ErrorKind::Interrupted => continue,
                other => other?,
            };
            self.filled += read;
            let mut frames = Frames::at(&self.buffer[..self.filled], self.offset);
            if frames.next().is_some() {
                break;
            }
            if frames.is_ended() || read == 0 {
                self.ended = true;
                self.read_behind()?;
                return Ok(None);
            }
        }
        let mut frames = Frames::at(&self.buffer[..self.filled], self.offset);
        let result = with(&mut frames);
        self.taken = self.filled - frames.rest().len();
        self.ended = frames.is_ended();
        Ok(Some(result))
    }

    /// Reads what follows a length of zero, which ends the messages of a file, and counts it: where
    /// that length stands, and how many bytes follow it. `None`: the file has no such length, is
    /// not read to it yet, or nothing but bytes of zero follows, which is padding.
    ///
    /// # Errors
    /// What the reader says, or that a compressed file is damaged.
    pub fn after_end(&mut self) -> io::Result<Option<(u64, u64)>> {
        let found = self.read_behind()?.filter(|behind| !behind.padding);
        Ok(found.map(|behind| (self.consumed(), behind.bytes)))
    }

    /// Reads to the end of the file once, where a length of zero ended its messages.
    fn read_behind(&mut self) -> io::Result<Option<Behind>> {
        let behind = self.buffer[self.taken..self.filled].strip_prefix(&[0; LENGTH_BYTES]);
        let (true, Input::Frames(reader), Some(behind)) = (self.ended, &mut self.input, behind) else {
            return Ok(None);
        };
        let is_padding = |bytes: &[u8]| bytes.iter().all(|&b| b == 0);
        if self.behind.is_none() {
            let mut found = Behind { bytes: behind.len() as u64, padding: is_padding(behind) };
            loop {
                match reader.fill_buf() {
                    Ok([]) => break,
                    Ok(piece) => {
                        let n = piece.len();
                        found.padding = found.padding && is_padding(piece);
                        found.bytes += n as u64;
                        reader.consume(n);
                    }
                    Err(e) if e.kind() == io::ErrorKind::Interrupted => {}
                    Err(e) => return Err(e),
                }
            }
            self.behind = Some(found);
        }
        Ok(self.behind)
    }

    /// Bytes of whole frames so far.
    #[must_use]
    pub const fn consumed(&self) -> u64 {
        self.offset + self.taken as u64
    }

    /// Whether the file ended between two frames; asked behind its last piece.
    ///
    /// # Errors
    /// Where it was cut short.
    pub fn finish(&self) -> Result<(), WireError> {
        let mut frames = Frames::at(&self.buffer[self.taken..self.filled], self.consumed());
        let _ = frames.next();
        frames.finish()
    }
}

#[cfg(test)]
mod tests;
