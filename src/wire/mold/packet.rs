//! Decoding and encoding of one datagram.

use crate::wire::frame::{LENGTH_BYTES, NotWritten};
use zerocopy::big_endian::{U16, U64};
use zerocopy::{FromBytes, Immutable, IntoBytes, KnownLayout, Unaligned};

/// The count that marks the end of the session.
const END: u16 = u16::MAX;

/// The name of a session: 10 bytes, padded left or right, by some senders with blanks and by others
/// with zeros.
#[derive(Clone, Copy, Debug, FromBytes, IntoBytes, Immutable, KnownLayout, Unaligned)]
#[repr(transparent)]
pub struct Session([u8; 10]);

impl Session {
    /// Creates a session name of these bytes.
    #[must_use]
    pub const fn new(bytes: [u8; 10]) -> Self {
        Self(bytes)
    }

    /// Returns all bytes, as sent.
    #[must_use]
    pub const fn bytes(self) -> [u8; 10] {
        self.0
    }

    /// Returns the name without its padding.
    #[must_use]
    pub fn name(&self) -> &[u8] {
        let mut name: &[u8] = &self.0;
        while let [b' ' | 0, rest @ ..] | [rest @ .., b' ' | 0] = name {
            name = rest;
        }
        name
    }
}

/// Compares names without their padding.
impl PartialEq for Session {
    fn eq(&self, other: &Self) -> bool {
        self.0 == other.0 || self.name() == other.name()
    }
}

impl Eq for Session {}

/// The header of a packet, and the whole of a request.
#[derive(Clone, Copy, PartialEq, Eq, Debug, FromBytes, IntoBytes, Immutable, KnownLayout, Unaligned)]
#[repr(C)]
pub struct Header {
    session: Session,
    sequence: U64,
    count: U16,
}

const _: () = assert!(size_of::<Header>() == 20 && core::mem::offset_of!(Header, count) == 18);

impl Header {
    /// Length of a header in bytes.
    pub const SIZE: usize = 20;

    /// Returns the session.
    #[must_use]
    pub const fn session(&self) -> Session {
        self.session
    }

    /// Returns the number of the packet's first message; of a heartbeat, the next number to be
    /// sent.
    #[must_use]
    pub const fn sequence(&self) -> u64 {
        self.sequence.get()
    }

    /// Returns the number of messages; 0 is a heartbeat, 65,535 the end. Of a request: how many are
    /// wanted.
    #[must_use]
    pub const fn count(&self) -> u16 {
        self.count.get()
    }
}

/// Kind of a packet.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Kind {
    /// It carries messages.
    Data,
    /// Heartbeat: it carries the next number.
    Heartbeat,
    /// End of the session: it carries the next number, and no message will come.
    End,
    /// It asks a server for messages: a header with a count, and nothing after it. (A request for
    /// 65,535 messages has the form of the end; [`Merge`](super::Merge) accepts no end whose number
    /// is not the last.)
    Request,
}

/// Reason why a datagram is not a packet. None of it is used.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub enum BadPacket {
    /// It is shorter than a header.
    NoHeader,
    /// The datagram ends within this block (counted from 0).
    Truncated {
        /// Index of the block.
        block: u16,
        /// Offset of the block in the datagram.
        offset: u16,
    },
    /// There are bytes after the last block.
    Leftover {
        /// Offset of these bytes in the datagram.
        offset: u16,
    },
    /// The sequence numbers of its messages would exceed 64 bits.
    Sequence,
}

impl core::fmt::Display for BadPacket {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        match *self {
            Self::NoHeader => f.write_str("a datagram shorter than the 20 bytes of a header; is this MoldUDP64?"),
            Self::Truncated { block, offset } => {
                write!(f, "the datagram ends within block {block} at byte {offset}; ask for its messages again")
            }
            Self::Leftover { offset } => {
                write!(f, "bytes behind the last block, at byte {offset}; ask for its messages again")
            }
            Self::Sequence => f.write_str("message numbers beyond 64 bits; is this MoldUDP64?"),
        }
    }
}

impl core::error::Error for BadPacket {}

/// A decoded datagram: blocks that fill it exactly, or a request.
#[derive(Clone, Copy, Debug)]
pub struct Packet<'a> {
    header: &'a Header,
    blocks: &'a [u8],
}

impl<'a> Packet<'a> {
    /// Decodes a datagram and checks all its lengths.
    ///
    /// # Errors
    /// [`BadPacket`].
    pub fn read(datagram: &'a [u8]) -> Result<Self, BadPacket> {
        let Ok((header, blocks)) = Header::ref_from_prefix(datagram) else { return Err(BadPacket::NoHeader) };
        let packet = Self { header, blocks };
        if packet.kind() == Kind::Request {
            return Ok(packet);
        }
        let at = |rest: &[u8]| u16::try_from(datagram.len().saturating_sub(rest.len())).unwrap_or(u16::MAX);
        let mut rest = blocks;
        for block in 0..packet.count() {
            let Some((_, behind)) = split(rest) else {
                return Err(BadPacket::Truncated { block, offset: at(rest) });
            };
            rest = behind;
        }
        if !rest.is_empty() {
            return Err(BadPacket::Leftover { offset: at(rest) });
        }
        match header.sequence().checked_add(packet.count().into()) {
            Some(_) => Ok(packet),
            None => Err(BadPacket::Sequence),
        }
    }

    /// Returns the header.
    #[must_use]
    pub const fn header(&self) -> &'a Header {
        self.header
    }

    /// Returns the kind of the packet.
    #[must_use]
    pub const fn kind(&self) -> Kind {
        match self.header.count() {
            0 => Kind::Heartbeat,
            END => Kind::End,
            _ if self.blocks.is_empty() => Kind::Request,
            _ => Kind::Data,
        }
    }

    /// Returns the number of messages that it carries.
    #[must_use]
    pub const fn count(&self) -> u16 {
        match self.kind() {
            Kind::Data => self.header.count(),
            _ => 0,
        }
    }

    /// Returns the number after that of its last message.
    #[must_use]
    pub const fn next_sequence(&self) -> u64 {
        // `read` checked that it fits.
        self.header.sequence().wrapping_add(self.count() as u64)
    }

    /// Returns an iterator over its messages with their numbers.
    #[must_use]
    pub const fn blocks(&self) -> Blocks<'a> {
        Blocks { rest: self.blocks, sequence: self.header.sequence() }
    }
}

#[inline(always)]
fn split(bytes: &[u8]) -> Option<(&[u8], &[u8])> {
    let (length, behind) = bytes.split_first_chunk::<LENGTH_BYTES>()?;
    behind.split_at_checked(usize::from(u16::from_be_bytes(*length)))
}

/// Iterator over the messages of a packet with their numbers.
#[derive(Clone, Copy, Debug)]
pub struct Blocks<'a> {
    rest: &'a [u8],
    sequence: u64,
}

impl<'a> Iterator for Blocks<'a> {
    type Item = (u64, &'a [u8]);

    #[inline(always)]
    fn next(&mut self) -> Option<(u64, &'a [u8])> {
        let (block, rest) = split(self.rest)?;
        self.rest = rest;
        let sequence = self.sequence;
        self.sequence = sequence.wrapping_add(1);
        Some((sequence, block))
    }
}

/// Writes a packet to the start of `out`; returns its length. Without messages it is a heartbeat,
/// or the end of the session if `end` is set (`end` with messages is refused as a length).
///
/// # Errors
/// [`NotWritten`]: no room, or a message or their count is too long. `out` may hold a part of the
/// packet.
pub fn encode(
    session: Session,
    sequence: u64,
    messages: &[&[u8]],
    end: bool,
    out: &mut [u8],
) -> Result<usize, NotWritten> {
    let count = match u16::try_from(messages.len()) {
        Ok(0) if end => END,
        Ok(count) if count < END && !end => count,
        _ => return Err(NotWritten::Length),
    };
    let header = Header { session, sequence: U64::new(sequence), count: U16::new(count) };
    let (head, mut rest) = out.split_at_mut_checked(Header::SIZE).ok_or(NotWritten::NoRoom)?;
    head.copy_from_slice(header.as_bytes());
    let mut bytes = Header::SIZE;
    for message in messages {
        let length = u16::try_from(message.len()).map_err(|_| NotWritten::Length)?;
        let (head, behind) = rest.split_first_chunk_mut::<LENGTH_BYTES>().ok_or(NotWritten::NoRoom)?;
        *head = length.to_be_bytes();
        let (body, behind) = behind.split_at_mut_checked(message.len()).ok_or(NotWritten::NoRoom)?;
        body.copy_from_slice(message);
        bytes += LENGTH_BYTES + message.len();
        rest = behind;
    }
    Ok(bytes)
}

/// Builds the packet that requests `count` messages from number `sequence` on.
#[must_use]
pub fn request(session: Session, sequence: u64, count: u16) -> [u8; Header::SIZE] {
    let header = Header { session, sequence: U64::new(sequence), count: U16::new(count) };
    zerocopy::transmute!(header)
}
