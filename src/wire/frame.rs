//! Message framing: each message after its length in two bytes, as in ITCH files.
//!
//! ```text
//! | length, most significant byte first (2) | message (length) | length | message | …
//! ```
//! The length does not include itself. A length of zero ends the stream, as does the end of the
//! bytes.

use super::itch::{BadMessage, Message};

/// Longest message that a frame can hold, in bytes.
pub const MESSAGE_BYTES_MAX: usize = u16::MAX as usize;

/// Length field before a message, in bytes.
pub const LENGTH_BYTES: usize = 2;

/// An error in a stream of messages, with its position.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct WireError {
    /// Offset of the frame (its length field) with the error, in bytes from the start of the
    /// stream.
    pub offset: u64,
    /// The cause.
    pub cause: Cause,
}

/// Cause of a [`WireError`].
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
#[non_exhaustive]
pub enum Cause {
    /// The stream ends within a frame: get the whole file.
    Truncated {
        /// Bytes that the frame needs, its length field included.
        need: u32,
        /// Bytes that there are.
        have: u32,
    },
    /// The frame is complete, but holds no message; continue with the next frame.
    Message(BadMessage),
}

impl core::fmt::Display for WireError {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        write!(f, "at byte {}: ", self.offset)?;
        match self.cause {
            Cause::Truncated { need, have } => {
                write!(f, "the stream ends after {have} of a frame's {need} bytes; get the whole file")
            }
            Cause::Message(bad) => bad.fmt(f),
        }
    }
}

impl core::error::Error for WireError {}

/// Iterator over the frames in a piece of a stream.
///
/// Returns every complete frame and then stops: at the end of the bytes, within a frame, or at a
/// length of zero. [`Frames::rest`] and [`Frames::is_ended`] tell which. A reader of pieces puts
/// the rest before its next piece; a reader of a whole file calls [`Frames::finish`] to check that
/// nothing is missing.
#[derive(Clone, Copy, Debug)]
pub struct Frames<'a> {
    rest: &'a [u8],
    offset: u64,
    ended: bool,
}

impl<'a> Frames<'a> {
    /// Creates an iterator over the frames of a whole stream.
    #[must_use]
    pub const fn new(bytes: &'a [u8]) -> Self {
        Self::at(bytes, 0)
    }

    /// Creates an iterator over the frames of a piece that lies `offset` bytes after the start of
    /// the stream and starts with a frame.
    #[must_use]
    pub const fn at(bytes: &'a [u8], offset: u64) -> Self {
        Self { rest: bytes, offset, ended: false }
    }

    /// Returns the bytes that are not part of a returned frame.
    #[must_use]
    pub const fn rest(&self) -> &'a [u8] {
        self.rest
    }

    /// Returns where [`Frames::rest`] starts, in bytes from the start of the stream.
    #[must_use]
    pub const fn offset(&self) -> u64 {
        self.offset
    }

    /// Returns whether a length of zero was read: nothing follows.
    #[must_use]
    pub const fn is_ended(&self) -> bool {
        self.ended
    }

    /// Checks that the stream ended between two frames.
    ///
    /// # Errors
    /// [`Cause::Truncated`] if it ends within a frame.
    pub fn finish(&self) -> Result<(), WireError> {
        let need = match *self.rest {
            [] => return Ok(()),
            _ if self.ended => return Ok(()),
            [high, low, ..] => LENGTH_BYTES as u32 + u32::from(u16::from_be_bytes([high, low])),
            [_] => LENGTH_BYTES as u32,
        };
        let have = u32::try_from(self.rest.len()).unwrap_or(u32::MAX);
        if have >= need {
            return Ok(()); // not read to the end, by choice
        }
        Err(WireError { offset: self.offset, cause: Cause::Truncated { need, have } })
    }

    /// Returns an iterator over the decoded messages of these frames.
    #[must_use]
    pub const fn messages(self) -> Messages<'a> {
        Messages { frames: self, finished: false }
    }
}

/// Returns the offset of a frame in the stream, and its message.
impl<'a> Iterator for Frames<'a> {
    type Item = (u64, &'a [u8]);

    #[inline(always)]
    fn next(&mut self) -> Option<(u64, &'a [u8])> {
        let (length, behind) = self.rest.split_first_chunk::<LENGTH_BYTES>()?;
        let length = u16::from_be_bytes(*length);
        if length == 0 {
            self.ended = true;
            return None;
        }
        let (message, rest) = behind.split_at_checked(usize::from(length))?;
        let offset = self.offset;
        self.offset = offset.wrapping_add(LENGTH_BYTES as u64 + u64::from(length));
        self.rest = rest;
        Some((offset, message))
    }
}

/// Iterator over the decoded messages of a stream: each with the offset of its frame, or the error
/// there.
///
/// A message of a wrong length is an error, and iteration continues with the next one; a truncated
/// stream ends with an error.
#[derive(Clone, Copy, Debug)]
pub struct Messages<'a> {
    frames: Frames<'a>,
    finished: bool,
}

impl<'a> Messages<'a> {
    /// Returns the remaining frames.
    #[must_use]
    pub const fn frames(&self) -> &Frames<'a> {
        &self.frames
    }
}

impl<'a> Iterator for Messages<'a> {
    type Item = Result<(u64, Message<'a>), WireError>;

    #[inline(always)]
    fn next(&mut self) -> Option<Self::Item> {
        match self.frames.next() {
            Some((offset, bytes)) => Some(match Message::decode(bytes) {
                Ok(message) => Ok((offset, message)),
                Err(bad) => Err(WireError { offset, cause: Cause::Message(bad) }),
            }),
            None if self.finished => None,
            None => {
                self.finished = true;
                self.frames.finish().err().map(Err)
            }
        }
    }
}

/// Reason why a frame was not written. The output is unchanged.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
#[non_exhaustive]
pub enum NotWritten {
    /// The output is too small: it needs 2 bytes more than the message.
    NoRoom,
    /// The message is empty or longer than [`MESSAGE_BYTES_MAX`], so it has no frame.
    Length,
}

impl core::fmt::Display for NotWritten {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.write_str(match self {
            Self::NoRoom => "no room for the frame; give 2 bytes more than the message has",
            Self::Length => "a frame holds 1 to 65,535 bytes; this message has none or more",
        })
    }
}

impl core::error::Error for NotWritten {}

/// Writes a message after its length to the start of `out`; returns how many bytes were written.
///
/// # Errors
/// [`NotWritten`]; `out` is unchanged.
pub fn write(message: &[u8], out: &mut [u8]) -> Result<usize, NotWritten> {
    let length = match u16::try_from(message.len()) {
        Ok(length) if length > 0 => length,
        _ => return Err(NotWritten::Length),
    };
    let bytes = LENGTH_BYTES + message.len();
    let frame = out.get_mut(..bytes).ok_or(NotWritten::NoRoom)?;
    let (head, body) = frame.split_first_chunk_mut::<LENGTH_BYTES>().ok_or(NotWritten::NoRoom)?;
    *head = length.to_be_bytes();
    body.copy_from_slice(message);
    Ok(bytes)
}
