//! Reads the frames of a file of any size in constant memory.

use std::io::{self, BufRead, Read};

use super::{LineStats, Lines, Wanted};
use crate::recognise::{Kind, Peeked};
use vvp_core::wire::capture::CaptureFile;
use vvp_core::wire::frame::{Frames, LENGTH_BYTES, MESSAGE_BYTES_MAX, WireError};

/// Maximum bytes of one read.
const PIECE_BYTES: usize = 1 << 18;

/// Returns whether a file is a packet capture, compressed or not.
///
/// # Errors
/// Errors of the first read.
pub fn is_capture(reader: impl Read + Send) -> io::Result<bool> {
    Ok(CaptureFile::is_capture(Peeked::new(crate::packed::unpacked(reader)?)?.head()))
}

/// Reads a stream in pieces and returns the whole frames of each.
pub struct FrameReader<'a> {
    input: Input<'a>,
    buffer: Box<[u8]>,
    /// Bytes in the buffer.
    filled: usize,
    /// Bytes of the buffer that were returned.
    taken: usize,
    /// Offset of the buffer's first byte in the stream.
    offset: u64,
    ended: bool,
    kind: Kind,
    /// Content after a length of zero, once the file was read to its end.
    behind: Option<Behind>,
}

/// Content after the length of zero that ends the messages of a file.
#[derive(Clone, Copy)]
struct Behind {
    bytes: u64,
    /// Whether all bytes are zero.
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
    /// Opens a file of frames, or a capture of packets that carry them, decompressed if necessary.
    ///
    /// # Errors
    /// Errors of the first read; for a capture, errors before its first packet; for another format
    /// ([`Kind::instead_of_itch`]), what it is and what to do.
    pub fn new(reader: impl Read + Send + 'a) -> io::Result<Self> {
        Self::wanted(reader, Wanted::default())
    }

    /// Does the same as [`FrameReader::new`]; `wanted` selects the packets of a capture.
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
            // One such frame is not conclusive: ITCH may follow.
            Some(advice) if kind != Kind::SoupItch => {
                Err(io::Error::new(io::ErrorKind::InvalidData, format!("this is {kind}; {advice}")))
            }
            _ => Ok(Self { kind, ..Self::from(Input::Frames(Box::new(reader))) }),
        }
    }

    /// Opens several captures to be merged: see [`Lines`].
    ///
    /// # Errors
    /// As [`FrameReader::new`].
    pub fn captures<R: Read + Send + 'a>(captures: impl IntoIterator<Item = R>) -> io::Result<Self> {
        Ok(Self::lines(Lines::new(captures)?))
    }

    /// Creates a reader of opened captures.
    #[must_use]
    pub fn lines(lines: Lines<'a>) -> Self {
        Self::from(Input::Lines(Box::new(lines)))
    }

    fn from(input: Input<'a>) -> Self {
        let buffer = vec![0; PIECE_BYTES + LENGTH_BYTES + MESSAGE_BYTES_MAX].into_boxed_slice();
        let kind = Kind::Unknown;
        Self { input, buffer, filled: 0, taken: 0, offset: 0, ended: false, kind, behind: None }
    }

    /// Returns the kind of the first bytes; [`Kind::Unknown`] for captures.
    #[must_use]
    pub const fn kind(&self) -> Kind {
        self.kind
    }

    /// Returns the counts of the captures, if it reads captures.
    #[must_use]
    pub fn line_stats(&self) -> Option<LineStats> {
        self.captured().map(Lines::stats)
    }

    /// Returns the captures, if it reads captures.
    #[must_use]
    pub const fn captured(&self) -> Option<&Lines<'a>> {
        match &self.input {
            Input::Frames(_) => None,
            Input::Lines(lines) => Some(lines),
        }
    }

    /// Reads a piece and passes its whole frames to `with`; frames that `with` leaves are passed
    /// again. `None` at the end of the file. After a length of zero the file is read to its end
    /// first, so that the checksum of a compressed file is verified; [`FrameReader::after_end`]
    /// returns what follows.
    ///
    /// # Errors
    /// Errors of the reader, or of a damaged compressed file. A file that ends within a frame is
    /// not an error here: [`FrameReader::finish`] reports it.
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

    /// Reads what follows a length of zero, which ends the messages of a file; returns the offset
    /// of that length and the number of bytes after it. `None` if the file has no such length, is
    /// not read to it yet, or if only padding of zeros follows.
    ///
    /// # Errors
    /// Errors of the reader, or of a damaged compressed file.
    pub fn after_end(&mut self) -> io::Result<Option<(u64, u64)>> {
        let found = self.read_behind()?.filter(|behind| !behind.padding);
        Ok(found.map(|behind| (self.consumed(), behind.bytes)))
    }

    /// Reads to the end of the file once, after a length of zero.
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

    /// Returns the bytes of whole frames so far.
    #[must_use]
    pub const fn consumed(&self) -> u64 {
        self.offset + self.taken as u64
    }

    /// Checks, after the last piece, that the file ended between two frames.
    ///
    /// # Errors
    /// The offset where it is truncated.
    pub fn finish(&self) -> Result<(), WireError> {
        let mut frames = Frames::at(&self.buffer[self.taken..self.filled], self.consumed());
        let _ = frames.next();
        frames.finish()
    }
}

#[cfg(test)]
mod tests;
