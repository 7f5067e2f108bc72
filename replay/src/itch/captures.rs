//! Merges the datagrams of several capture files by time.

use std::io::{self, BufRead, Read};

use super::{LineStats, Odd, Wanted};
use vvp_core::wire::capture::{
    Address, BLOCK_BYTES_MAX, CaptureError, CaptureFile, Captured, Datagram, Fault, Interface, Interfaces, NotUdp, Step,
};
use vvp_core::wire::mold::Session;

/// Properties of a datagram besides its bytes.
#[derive(Clone, Copy, Debug)]
pub(super) struct Seen {
    pub(super) destination: Address,
    /// The index of its capture.
    pub(super) capture: usize,
    /// Offset of its packet in that file.
    pub(super) offset: u64,
    /// Whether less of the packet was captured than was sent.
    pub(super) is_cut: bool,
}

/// Several captures.
pub(super) struct Captures<'a>(Vec<Capture<'a>>);

impl<'a> Captures<'a> {
    /// Opens captures and advances each to its first datagram.
    pub(super) fn new(
        readers: Vec<Box<dyn BufRead + Send + 'a>>,
        wanted: &Wanted,
        stats: &mut LineStats,
    ) -> io::Result<Self> {
        let mut captures: Vec<_> = readers.into_iter().map(Capture::new).collect();
        for (number, capture) in captures.iter_mut().enumerate() {
            capture.advance(number, wanted, stats)?;
        }
        Ok(Self(captures))
    }

    pub(super) fn len(&self) -> usize {
        self.0.len()
    }

    /// Returns the next datagram by time.
    pub(super) fn next(&self) -> Option<(Seen, &[u8])> {
        let found = self.0.iter().enumerate().filter_map(|(n, capture)| Some((n, capture, capture.found?)));
        let (number, capture, found) = found.min_by_key(|(_, _, found)| found.time_ns)?;
        let Found { destination, offset, is_cut, start, end, .. } = found;
        Some((Seen { destination, capture: number, offset, is_cut }, &capture.buffer[start..end]))
    }

    /// Advances a capture to its next datagram.
    pub(super) fn advance(&mut self, capture: usize, wanted: &Wanted, stats: &mut LineStats) -> io::Result<()> {
        self.0[capture].advance(capture, wanted, stats)
    }
}

/// A table that grows with the interfaces in the file: 16 bytes for each description of 20 or more.
#[derive(Debug, Default)]
struct GrowingTable(Vec<Interface>);

impl Interfaces for GrowingTable {
    fn clear(&mut self) {
        self.0.clear();
    }

    fn push(&mut self, interface: Interface) -> bool {
        let has_room = self.0.try_reserve(1).is_ok();
        if has_room {
            self.0.push(interface);
        }
        has_room
    }

    fn get(&self, number: u32) -> Option<Interface> {
        self.0.get(usize::try_from(number).ok()?).copied()
    }
}

/// A datagram in a capture's buffer.
#[derive(Clone, Copy)]
struct Found {
    time_ns: u64,
    destination: Address,
    start: usize,
    end: usize,
    offset: u64,
    is_cut: bool,
}

/// One capture file.
struct Capture<'a> {
    reader: Box<dyn BufRead + Send + 'a>,
    file: CaptureFile<GrowingTable>,
    buffer: Box<[u8]>,
    filled: usize,
    /// Bytes of the buffer that are consumed.
    at: usize,
    found: Option<Found>,
}

impl<'a> Capture<'a> {
    fn new(reader: Box<dyn BufRead + Send + 'a>) -> Self {
        let buffer = vec![0; 2 * BLOCK_BYTES_MAX].into_boxed_slice();
        let file = CaptureFile::with_interfaces(GrowingTable::default());
        Self { reader, file, buffer, filled: 0, at: 0, found: None }
    }

    /// Finds the next datagram.
    fn advance(&mut self, number: usize, wanted: &Wanted, stats: &mut LineStats) -> io::Result<()> {
        self.found = None;
        loop {
            let offset = self.file.offset();
            let step = self.file.next(&self.buffer[self.at..self.filled]).map_err(invalid)?;
            match step {
                Step::More { bytes } => {
                    if !self.fill(bytes)? {
                        let rest = self.filled - self.at;
                        return if rest == 0 {
                            Ok(())
                        } else {
                            Err(invalid(CaptureError { offset, fault: Fault::Cut }))
                        };
                    }
                }
                Step::Other { bytes } => self.skip(bytes, offset)?,
                Step::Packet { bytes, packet } => {
                    let base = self.buffer.as_ptr() as usize;
                    let kind = match Datagram::of(packet.link, packet.bytes) {
                        Ok(d) => {
                            let start = d.payload.as_ptr() as usize - base;
                            let end = start + d.payload.len();
                            let (time_ns, is_cut, destination) = (packet.time_ns, packet.is_cut, d.destination);
                            self.found = Some(Found { time_ns, destination, start, end, offset, is_cut });
                            self.at += bytes;
                            return Ok(());
                        }
                        Err(NotUdp::Fragment) => Odd::Fragment,
                        Err(NotUdp::Short { .. }) => short(&packet, wanted),
                        Err(NotUdp::Malformed { .. }) => Odd::Malformed,
                        Err(_) => Odd::OtherTraffic,
                    };
                    self.at += bytes;
                    stats.odd(kind, number, offset);
                }
            }
        }
    }

    /// Reads until `want` bytes follow `at`; false if the file ends before.
    fn fill(&mut self, want: usize) -> io::Result<bool> {
        if self.at > 0 {
            self.buffer.copy_within(self.at..self.filled, 0);
            self.filled -= self.at;
            self.at = 0;
        }
        while self.filled < want {
            match self.reader.read(&mut self.buffer[self.filled..]) {
                Ok(0) => return Ok(false),
                Ok(n) => self.filled += n,
                Err(e) if e.kind() == io::ErrorKind::Interrupted => {}
                Err(e) => return Err(e),
            }
        }
        Ok(true)
    }

    /// Skips bytes, including bytes not read yet.
    fn skip(&mut self, bytes: usize, offset: u64) -> io::Result<()> {
        let here = bytes.min(self.filled - self.at);
        self.at += here;
        let mut left = bytes - here;
        while left > 0 {
            let n = self.reader.fill_buf()?.len().min(left);
            if n == 0 {
                return Err(invalid(CaptureError { offset, fault: Fault::Cut }));
            }
            self.reader.consume(n);
            left -= n;
        }
        Ok(())
    }
}

/// Classifies a packet that was captured in part: its headers may show that it was not selected.
fn short(packet: &Captured<'_>, wanted: &Wanted) -> Odd {
    let Ok(part) = Datagram::partial(packet.link, packet.bytes) else { return Odd::Short };
    let session = part.payload.first_chunk().map(|&name| Session::new(name));
    let is_other = wanted.session.is_some() && session.is_some() && session != wanted.session;
    if is_other || !wanted.takes(part.destination) { Odd::NotChosen } else { Odd::Short }
}

fn invalid(error: CaptureError) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, error)
}
