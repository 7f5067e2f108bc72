//! The blocks of a capture file; pcap itself, and what both formats share.

use super::ng::Ng;

/// Longest packet, with what the file says of it, in bytes; captures have up to 262,144 of the packet.
pub const BLOCK_BYTES_MAX: usize = 1 << 19;

/// Most interfaces of a section of a pcapng file.
pub const INTERFACES_MAX: usize = 32;

/// What stands at a place of a capture file.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Step<'a> {
    /// Too few bytes to tell: call again with at least this many from the same place. At the end of the file it is cut.
    More {
        /// Bytes wanted in all; at most [`BLOCK_BYTES_MAX`].
        bytes: usize,
    },
    /// No packet. Go on this many bytes further, which may be more than were given.
    Other {
        /// Bytes to leave behind.
        bytes: usize,
    },
    /// A packet. Go on `bytes` further.
    Packet {
        /// Bytes to leave behind.
        bytes: usize,
        /// The packet.
        packet: Captured<'a>,
    },
}

/// A packet as it was captured.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub struct Captured<'a> {
    /// When: ns since 1970, or 0 where the file does not say.
    pub time_ns: u64,
    /// What the packet starts with, by the number of its link type (1: Ethernet).
    pub link: u32,
    /// Whether less was captured than was sent.
    pub is_cut: bool,
    /// What was captured.
    pub bytes: &'a [u8],
}

/// What is wrong in a capture file, and where. Nothing can be read behind it.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct CaptureError {
    /// Bytes from the start of the file to the block that is wrong.
    pub offset: u64,
    /// What is wrong.
    pub fault: Fault,
}

/// What can be wrong with a block.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub enum Fault {
    /// Neither format starts so.
    NoCapture,
    /// A version that is not known.
    Version,
    /// A block whose length cannot be.
    Length(u32),
    /// The length behind a block is not the one before it.
    Trailer,
    /// A packet of an interface that was not described.
    Interface(u32),
    /// More than [`INTERFACES_MAX`] interfaces.
    Interfaces,
    /// The file ends within a block.
    Cut,
}

impl core::fmt::Display for CaptureError {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        write!(f, "at byte {}: ", self.offset)?;
        match self.fault {
            Fault::NoCapture => f.write_str("neither pcap nor pcapng"),
            Fault::Version => f.write_str("a version of the capture format that is not known; save it as pcapng 1.0"),
            Fault::Length(n) => write!(f, "a block of {n} bytes cannot be; the file is damaged"),
            Fault::Trailer => f.write_str("the two lengths of a block differ; the file is damaged"),
            Fault::Interface(n) => write!(f, "a packet of interface {n}, which no block describes"),
            Fault::Interfaces => write!(f, "more than {INTERFACES_MAX} interfaces; save the wanted ones alone"),
            Fault::Cut => f.write_str("the capture ends within a block; get the whole file"),
        }
    }
}

impl core::error::Error for CaptureError {}

/// Numbers of a file that says itself which way round they are.
#[derive(Clone, Copy, Debug)]
pub(super) struct Order {
    pub(super) big: bool,
}

impl Order {
    pub(super) fn u16(self, bytes: &[u8], at: usize) -> Option<u16> {
        let bytes = *bytes.get(at..)?.first_chunk()?;
        Some(if self.big { u16::from_be_bytes(bytes) } else { u16::from_le_bytes(bytes) })
    }

    pub(super) fn u32(self, bytes: &[u8], at: usize) -> Option<u32> {
        let bytes = *bytes.get(at..)?.first_chunk()?;
        Some(if self.big { u32::from_be_bytes(bytes) } else { u32::from_le_bytes(bytes) })
    }
}

#[derive(Clone, Copy, Debug)]
enum Format {
    Unknown,
    Pcap { order: Order, nanos: bool, link: u32 },
    Ng,
}

/// Walks a capture file: give it the bytes at the place it has reached, leave behind what the answer says, again.
///
/// It keeps what the file says about all its packets, and none of its bytes. Work of a step: constant, and in
/// proportion to the block for descriptions of interfaces.
#[derive(Clone, Copy, Debug)]
pub struct CaptureFile {
    format: Format,
    ng: Ng,
    offset: u64,
}

impl Default for CaptureFile {
    fn default() -> Self {
        Self::new()
    }
}

impl CaptureFile {
    /// At the start of a file.
    #[must_use]
    pub const fn new() -> Self {
        Self { format: Format::Unknown, ng: Ng::new(), offset: 0 }
    }

    /// Whether a file that starts so is a capture; four bytes are enough to tell.
    #[must_use]
    pub fn is_capture(start: &[u8]) -> bool {
        matches!(
            start.first_chunk(),
            Some(
                [0xa1, 0xb2, 0xc3, 0xd4]
                    | [0xa1, 0xb2, 0x3c, 0x4d]
                    | [0xd4, 0xc3, 0xb2, 0xa1]
                    | [0x4d, 0x3c, 0xb2, 0xa1]
                    | [0x0a, 0x0d, 0x0d, 0x0a]
            )
        )
    }

    /// How far it is, in bytes from the start of the file.
    #[must_use]
    pub const fn offset(&self) -> u64 {
        self.offset
    }

    /// What stands at the place it has reached.
    ///
    /// # Errors
    /// [`CaptureError`]; every later call says the same.
    pub fn next<'a>(&mut self, bytes: &'a [u8]) -> Result<Step<'a>, CaptureError> {
        let step = match self.format {
            Format::Unknown => self.begin(bytes),
            Format::Pcap { order, nanos, link } => record(order, nanos, link, bytes),
            Format::Ng => self.ng.block(bytes),
        };
        match step {
            Ok(step) => {
                if let Step::Other { bytes } | Step::Packet { bytes, .. } = step {
                    self.offset = self.offset.wrapping_add(bytes as u64);
                }
                Ok(step)
            }
            Err(fault) => Err(CaptureError { offset: self.offset, fault }),
        }
    }

    fn begin<'a>(&mut self, bytes: &'a [u8]) -> Result<Step<'a>, Fault> {
        const HEADER_BYTES: usize = 24;
        let Some(magic) = bytes.first_chunk::<4>() else { return Ok(Step::More { bytes: 4 }) };
        let (big, nanos) = match magic {
            [0xa1, 0xb2, 0xc3, 0xd4] => (true, false),
            [0xa1, 0xb2, 0x3c, 0x4d] => (true, true),
            [0xd4, 0xc3, 0xb2, 0xa1] => (false, false),
            [0x4d, 0x3c, 0xb2, 0xa1] => (false, true),
            [0x0a, 0x0d, 0x0d, 0x0a] => {
                self.format = Format::Ng;
                return self.ng.block(bytes);
            }
            _ => return Err(Fault::NoCapture),
        };
        let order = Order { big };
        let Some(header) = bytes.first_chunk::<HEADER_BYTES>() else { return Ok(Step::More { bytes: HEADER_BYTES }) };
        if order.u16(header, 4) != Some(2) {
            return Err(Fault::Version);
        }
        // The upper half says how long the packets' checksums are.
        let link = order.u32(header, 20).unwrap_or(0) & 0xffff;
        self.format = Format::Pcap { order, nanos, link };
        Ok(Step::Other { bytes: HEADER_BYTES })
    }
}

/// A packet of a pcap file: seconds, fraction, bytes captured, bytes sent, the packet.
fn record(order: Order, nanos: bool, link: u32, bytes: &[u8]) -> Result<Step<'_>, Fault> {
    const HEADER_BYTES: usize = 16;
    let Some((header, rest)) = bytes.split_first_chunk::<HEADER_BYTES>() else {
        return Ok(Step::More { bytes: HEADER_BYTES });
    };
    let word = |at| order.u32(header, at).unwrap_or(0);
    let (captured, sent) = (word(8), word(12));
    let length = captured as usize;
    if length > BLOCK_BYTES_MAX - HEADER_BYTES {
        return Err(Fault::Length(captured));
    }
    let Some(packet) = rest.get(..length) else { return Ok(Step::More { bytes: HEADER_BYTES + length }) };
    let fraction = u64::from(word(4)) * if nanos { 1 } else { 1_000 };
    let time_ns = u64::from(word(0)) * 1_000_000_000 + fraction;
    let packet = Captured { time_ns, link, is_cut: captured < sent, bytes: packet };
    Ok(Step::Packet { bytes: HEADER_BYTES + length, packet })
}
