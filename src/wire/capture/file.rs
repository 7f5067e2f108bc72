//! The blocks of a capture file: pcap, and what both formats share.

use super::interfaces::{InterfaceTable, Interfaces};
use super::ng::Ng;

/// Longest block, in bytes; captures have up to 262,144 bytes of a packet.
pub const BLOCK_BYTES_MAX: usize = 1 << 19;

/// The item at the current position of a capture file.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Step<'a> {
    /// Too few bytes to tell: call again with at least this many from the same position. At the end
    /// of the file it means that the file is cut.
    More {
        /// Bytes wanted in total; at most [`BLOCK_BYTES_MAX`].
        bytes: usize,
    },
    /// No packet. Continue this many bytes further, which may be more than were passed.
    Other {
        /// Bytes to skip.
        bytes: usize,
    },
    /// A packet. Continue `bytes` further.
    Packet {
        /// Bytes to skip.
        bytes: usize,
        /// The packet.
        packet: Captured<'a>,
    },
}

/// A packet as it was captured.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub struct Captured<'a> {
    /// Time of the capture in ns since 1970, or 0 if the file has none.
    pub time_ns: u64,
    /// Link type: the kind of the packet's first header (1: Ethernet).
    pub link: u32,
    /// Whether less was captured than was sent.
    pub is_cut: bool,
    /// The captured bytes.
    pub bytes: &'a [u8],
}

/// An error in a capture file, with its position. Nothing can be read after it.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct CaptureError {
    /// Offset of the block with the error, in bytes from the start of the file.
    pub offset: u64,
    /// The cause.
    pub fault: Fault,
}

/// Cause of a [`CaptureError`].
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub enum Fault {
    /// The file starts like neither format.
    NoCapture,
    /// The version is not supported.
    Version,
    /// The length of a block is not possible.
    Length(u32),
    /// The length after a block is not the one before it.
    Trailer,
    /// A packet of an interface that was not described.
    Interface(u32),
    /// The table of interfaces is full: use a larger one, see [`Interfaces`].
    Interfaces,
    /// A capture in a format that is not supported, by its first four bytes.
    OtherFormat([u8; 4]),
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
            Fault::Interfaces => f.write_str("no room for another interface; give a larger table of interfaces"),
            Fault::OtherFormat([a, b, c, d]) => {
                write!(f, "a capture of a format that is not read ({a:02x} {b:02x} {c:02x} {d:02x}); save it as pcapng")
            }
            Fault::Cut => f.write_str("the capture ends within a block; get the whole file"),
        }
    }
}

impl core::error::Error for CaptureError {}

/// The byte order of a file, which the file itself declares.
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

    pub(super) fn i64(self, bytes: &[u8]) -> Option<i64> {
        let bytes = *bytes.first_chunk()?;
        Some(if self.big { i64::from_be_bytes(bytes) } else { i64::from_le_bytes(bytes) })
    }
}

/// Properties of all packets of a pcap file, from its header.
#[derive(Clone, Copy, Debug)]
struct Pcap {
    order: Order,
    /// Fractions of a second are in ns, else in µs.
    nanos: bool,
    /// Length of the header before a packet.
    header: u8,
    link: u32,
}

#[derive(Clone, Copy, Debug)]
enum Format {
    Unknown,
    Pcap(Pcap),
    Ng,
}

/// The meaning of the first four bytes of a file.
#[derive(Clone, Copy)]
enum Magic {
    Pcap {
        big: bool,
        nanos: bool,
        header: u8,
    },
    Ng,
    /// A capture in a format that is not supported.
    Other,
    None,
}

/// Length of the header before a packet: seconds, fraction, bytes captured, bytes sent.
const RECORD_BYTES: u8 = 16;
/// The same followed by interface, protocol and kind of the packet: the "modified" pcap of some old
/// systems.
const MODIFIED_BYTES: u8 = 24;

impl Magic {
    const fn of(start: [u8; 4]) -> Self {
        let (big, nanos, header) = match start {
            [0xa1, 0xb2, 0xc3, 0xd4] => (true, false, RECORD_BYTES),
            [0xd4, 0xc3, 0xb2, 0xa1] => (false, false, RECORD_BYTES),
            [0xa1, 0xb2, 0x3c, 0x4d] => (true, true, RECORD_BYTES),
            [0x4d, 0x3c, 0xb2, 0xa1] => (false, true, RECORD_BYTES),
            [0xa1, 0xb2, 0xcd, 0x34] => (true, false, MODIFIED_BYTES),
            [0x34, 0xcd, 0xb2, 0xa1] => (false, false, MODIFIED_BYTES),
            [0x0a, 0x0d, 0x0d, 0x0a] => return Self::Ng,
            // Two more variants of pcap, two of Ixia, and snoop of Solaris.
            [0xa1, 0xb2, 0x34, 0xcd]
            | [0xcd, 0x34, 0xb2, 0xa1]
            | [0xa1, 0x2b, 0x3c, 0x4d]
            | [0x4d, 0x3c, 0x2b, 0xa1]
            | [0x1c, 0x00, 0x01, 0xab | 0xac]
            | [0xab | 0xac, 0x01, 0x00, 0x1c]
            | [b's', b'n', b'o', b'o'] => return Self::Other,
            _ => return Self::None,
        };
        Self::Pcap { big, nanos, header }
    }
}

/// Iterates over a capture file: pass it the bytes at its current position, skip what it returns,
/// and repeat.
///
/// Keeps what the file says about all its packets, and none of its bytes; the interfaces of a
/// pcapng section are kept in `I`. Work per step: constant, and proportional to the block for
/// descriptions of interfaces.
#[derive(Clone, Copy, Debug)]
pub struct CaptureFile<I = InterfaceTable> {
    format: Format,
    ng: Ng<I>,
    offset: u64,
}

impl Default for CaptureFile {
    fn default() -> Self {
        Self::new()
    }
}

impl CaptureFile {
    /// Creates the state at the start of a file, with room for
    /// [`INTERFACES_MAX`](super::INTERFACES_MAX) interfaces per section.
    #[must_use]
    pub const fn new() -> Self {
        Self::with_interfaces(InterfaceTable::new())
    }

    /// Returns whether a file with this start is a capture; four bytes suffice. Some capture
    /// formats are recognised but not supported: [`CaptureFile::next`] then returns
    /// [`Fault::OtherFormat`].
    #[must_use]
    pub fn is_capture(start: &[u8]) -> bool {
        start.first_chunk().is_some_and(|&start| !matches!(Magic::of(start), Magic::None))
    }
}

impl<I> CaptureFile<I> {
    /// Creates the state at the start of a file, with a table for the interfaces of its sections.
    #[must_use]
    pub const fn with_interfaces(interfaces: I) -> Self {
        Self { format: Format::Unknown, ng: Ng::new(interfaces), offset: 0 }
    }

    /// Returns the table of the interfaces of the current section.
    #[must_use]
    pub const fn interfaces(&self) -> &I {
        self.ng.interfaces()
    }

    /// Returns the current position, in bytes from the start of the file.
    #[must_use]
    pub const fn offset(&self) -> u64 {
        self.offset
    }
}

impl<I: Interfaces> CaptureFile<I> {
    /// Decodes what is at the current position.
    ///
    /// # Errors
    /// [`CaptureError`]; every later call returns the same.
    pub fn next<'a>(&mut self, bytes: &'a [u8]) -> Result<Step<'a>, CaptureError> {
        let step = match self.format {
            Format::Unknown => self.begin(bytes),
            Format::Pcap(pcap) => pcap.record(bytes),
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
        let Some(&magic) = bytes.first_chunk::<4>() else { return Ok(Step::More { bytes: 4 }) };
        let (big, nanos, header) = match Magic::of(magic) {
            Magic::Pcap { big, nanos, header } => (big, nanos, header),
            Magic::Ng => {
                self.format = Format::Ng;
                return self.ng.block(bytes);
            }
            Magic::Other => return Err(Fault::OtherFormat(magic)),
            Magic::None => return Err(Fault::NoCapture),
        };
        let order = Order { big };
        let Some(file) = bytes.first_chunk::<HEADER_BYTES>() else { return Ok(Step::More { bytes: HEADER_BYTES }) };
        if order.u16(file, 4) != Some(2) {
            return Err(Fault::Version);
        }
        // The upper half is the length of the packets' checksums.
        let link = order.u32(file, 20).unwrap_or(0) & 0xffff;
        self.format = Format::Pcap(Pcap { order, nanos, header, link });
        Ok(Step::Other { bytes: HEADER_BYTES })
    }
}

impl Pcap {
    /// Decodes a packet of a pcap file after its header.
    fn record<'a>(&self, bytes: &'a [u8]) -> Result<Step<'a>, Fault> {
        let header_bytes = usize::from(self.header);
        let Some((header, rest)) = bytes.split_at_checked(header_bytes) else {
            return Ok(Step::More { bytes: header_bytes });
        };
        let word = |at| self.order.u32(header, at).unwrap_or(0);
        let (captured, sent) = (word(8), word(12));
        let length = captured as usize;
        if length > BLOCK_BYTES_MAX - header_bytes {
            return Err(Fault::Length(captured));
        }
        let Some(packet) = rest.get(..length) else { return Ok(Step::More { bytes: header_bytes + length }) };
        let fraction = u64::from(word(4)) * if self.nanos { 1 } else { 1_000 };
        let time_ns = u64::from(word(0)) * 1_000_000_000 + fraction;
        let packet = Captured { time_ns, link: self.link, is_cut: captured < sent, bytes: packet };
        Ok(Step::Packet { bytes: header_bytes + length, packet })
    }
}
