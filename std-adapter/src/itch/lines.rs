//! ITCH from captures of MoldUDP64: one line or two, in one file or several, as the frames of one stream.

use std::io::{self, BufRead, Read};

use vvp_core::wire::capture::{Address, BLOCK_BYTES_MAX, CaptureError, CaptureFile, Datagram, Fault, NotUdp, Step};
use vvp_core::wire::mold::{BadPacket, Gap, Merge, Packet, Refused, Stats};
use zerocopy::FromZeros;

/// Packets that wait behind a gap before it is given up.
const HOLD: usize = 128;
/// No datagram is longer.
const DATAGRAM_BYTES_MAX: usize = 1 << 16;

type Line = Merge<HOLD, DATAGRAM_BYTES_MAX>;

/// What a packet can be that brings no messages.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub enum Odd {
    /// A network that is not known, or no IP, or no UDP.
    OtherTraffic,
    /// A part of a datagram.
    Fragment,
    /// Captured in part.
    Short,
    /// A header that cannot be.
    Malformed,
    /// UDP, but no packet of MoldUDP64.
    NotMold,
    /// A block of MoldUDP64 that is cut, or bytes behind the last one.
    BadBlocks,
    /// A packet of another session.
    OtherSession,
}

impl Odd {
    /// All kinds.
    pub const ALL: [Self; 7] = [
        Self::OtherTraffic,
        Self::Fragment,
        Self::Short,
        Self::Malformed,
        Self::NotMold,
        Self::BadBlocks,
        Self::OtherSession,
    ];

    /// Its name in summaries.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::OtherTraffic => "other_traffic",
            Self::Fragment => "fragment",
            Self::Short => "short",
            Self::Malformed => "malformed",
            Self::NotMold => "not_mold",
            Self::BadBlocks => "bad_blocks",
            Self::OtherSession => "other_session",
        }
    }
}

/// What was found in captures.
#[derive(Clone, Copy, Debug, Default)]
#[non_exhaustive]
pub struct LineStats {
    /// Packets of MoldUDP64 by line, duplicates, messages, lost messages.
    pub mold: Stats,
    /// Messages of packets without numbers (sequence 0): taken as they come.
    pub unnumbered: u64,
    /// Gaps that were given up.
    pub gaps: u64,
    /// The first of them.
    pub first_gaps: [Option<Gap>; 4],
    /// Packets of each [`Odd`] kind, in the order of [`Odd::ALL`].
    pub odd: [u64; Odd::ALL.len()],
    /// Where the first of each kind starts, in bytes from the start of its file.
    pub first_odd: [u64; Odd::ALL.len()],
}

impl LineStats {
    fn odd(&mut self, kind: Odd, offset: u64) {
        let at = kind as usize;
        if self.odd[at] == 0 {
            self.first_odd[at] = offset;
        }
        self.odd[at] += 1;
    }

    /// Whether messages are missing, or packets were there that could not be read.
    #[must_use]
    pub fn is_damaged(&self) -> bool {
        let harmless = [Odd::OtherTraffic, Odd::NotMold];
        self.gaps > 0 || Odd::ALL.into_iter().any(|kind| !harmless.contains(&kind) && self.odd[kind as usize] > 0)
    }
}

/// Reads captures together, packets in the order of their times, and gives the messages of their MoldUDP64 session as
/// frames, each once and in the order of its number.
///
/// The first destination that packets go to is line A, all others are line B. A gap is given up when 128 packets wait
/// behind it, and at the end.
pub struct Lines<'a> {
    captures: Vec<Capture<'a>>,
    merge: Box<Line>,
    a: Option<Address>,
    stats: LineStats,
    /// Frames, and how much of them was read.
    frames: Vec<u8>,
    taken: usize,
}

impl core::fmt::Debug for Lines<'_> {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.debug_struct("Lines").field("stats", &self.stats).finish_non_exhaustive()
    }
}

impl<'a> Lines<'a> {
    /// Reads from captures, decompressed if they need that.
    ///
    /// # Errors
    /// What a reader says to its first read, or where one is no capture.
    pub fn new<R: Read + Send + 'a>(captures: impl IntoIterator<Item = R>) -> io::Result<Self> {
        let opened = captures.into_iter().map(|reader| crate::packed::unpacked(reader));
        Self::of(opened.collect::<io::Result<Vec<_>>>()?)
    }

    pub(super) fn of(readers: Vec<Box<dyn BufRead + Send + 'a>>) -> io::Result<Self> {
        let merge = Line::new_box_zeroed().map_err(|_| io::Error::from(io::ErrorKind::OutOfMemory))?;
        let mut captures: Vec<_> = readers.into_iter().map(Capture::new).collect();
        let mut stats = LineStats::default();
        for capture in &mut captures {
            capture.advance(&mut stats)?;
        }
        let frames = Vec::with_capacity(2 * DATAGRAM_BYTES_MAX);
        Ok(Self { captures, merge, a: None, stats, frames, taken: 0 })
    }

    /// What was found so far.
    #[must_use]
    pub fn stats(&self) -> LineStats {
        LineStats { mold: self.merge.stats(), ..self.stats }
    }

    /// Takes the next datagram of all captures. `false`: there is none.
    fn take(&mut self) -> io::Result<bool> {
        let waiting = self.captures.iter_mut().filter(|c| c.found.is_some());
        let Some(capture) = waiting.min_by_key(|c| c.found.map_or(0, |found| found.time_ns)) else {
            while let Some(gap) = self.merge.give_up(|_, message| put(&mut self.frames, message)) {
                note(&mut self.stats, gap);
            }
            return Ok(false);
        };
        if let Some(found) = capture.found {
            let datagram = &capture.buffer[found.start..found.end];
            let b = *self.a.get_or_insert(found.destination) != found.destination;
            datagram_of(&mut self.merge, &mut self.stats, b, datagram, found.offset, &mut self.frames);
        }
        capture.advance(&mut self.stats)?;
        Ok(true)
    }
}

fn note(stats: &mut LineStats, gap: Gap) {
    if let Some(place) = usize::try_from(stats.gaps).ok().and_then(|n| stats.first_gaps.get_mut(n)) {
        *place = Some(gap);
    }
    stats.gaps += 1;
}

fn put(frames: &mut Vec<u8>, message: &[u8]) {
    // An empty message is legal and says nothing; as a frame it would end the stream.
    if let (1.., Ok(length)) = (message.len(), u16::try_from(message.len())) {
        frames.extend_from_slice(&length.to_be_bytes());
        frames.extend_from_slice(message);
    }
}

fn datagram_of(merge: &mut Line, stats: &mut LineStats, b: bool, datagram: &[u8], offset: u64, frames: &mut Vec<u8>) {
    // Some captures have all numbers zeroed; there is no message 0.
    if let Ok(packet) = Packet::read(datagram)
        && packet.header().sequence() == 0
    {
        for (_, message) in packet.blocks() {
            put(frames, message);
            stats.unnumbered += 1;
        }
        return;
    }
    // Each round frees a place, so the second succeeds.
    for _ in 0..2 {
        match merge.receive(b, datagram, |_, message| put(frames, message)) {
            Err(Refused::NoRoom) => {
                if let Some(gap) = merge.give_up(|_, message| put(frames, message)) {
                    note(stats, gap);
                }
            }
            // The session before is over: the next day.
            Err(Refused::OtherSession) if merge.is_finished() => merge.restart(0),
            Err(Refused::OtherSession) => return stats.odd(Odd::OtherSession, offset),
            Err(Refused::Bad(BadPacket::Truncated { .. } | BadPacket::Leftover { .. })) => {
                return stats.odd(Odd::BadBlocks, offset);
            }
            Err(_) => return stats.odd(Odd::NotMold, offset),
            Ok(_) => return,
        }
    }
}

impl Read for Lines<'_> {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        while self.taken == self.frames.len() {
            self.frames.clear();
            self.taken = 0;
            if !self.take()? && self.frames.is_empty() {
                return Ok(0);
            }
        }
        let rest = &self.frames[self.taken..];
        let n = rest.len().min(into.len());
        into[..n].copy_from_slice(&rest[..n]);
        self.taken += n;
        Ok(n)
    }
}

/// A datagram that lies in a capture's buffer.
#[derive(Clone, Copy)]
struct Found {
    time_ns: u64,
    destination: Address,
    start: usize,
    end: usize,
    /// Where its packet starts in the file.
    offset: u64,
}

/// One capture file.
struct Capture<'a> {
    reader: Box<dyn BufRead + Send + 'a>,
    file: CaptureFile,
    buffer: Box<[u8]>,
    filled: usize,
    /// What of the buffer is behind us.
    at: usize,
    found: Option<Found>,
}

impl<'a> Capture<'a> {
    fn new(reader: Box<dyn BufRead + Send + 'a>) -> Self {
        let buffer = vec![0; 2 * BLOCK_BYTES_MAX].into_boxed_slice();
        Self { reader, file: CaptureFile::new(), buffer, filled: 0, at: 0, found: None }
    }

    /// Looks for the next datagram.
    fn advance(&mut self, stats: &mut LineStats) -> io::Result<()> {
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
                            let (time_ns, destination) = (packet.time_ns, d.destination);
                            self.found = Some(Found { time_ns, destination, start, end, offset });
                            self.at += bytes;
                            return Ok(());
                        }
                        Err(NotUdp::Fragment) => Odd::Fragment,
                        Err(NotUdp::Short { .. }) => Odd::Short,
                        Err(NotUdp::Malformed { .. }) => Odd::Malformed,
                        Err(_) => Odd::OtherTraffic,
                    };
                    self.at += bytes;
                    stats.odd(kind, offset);
                }
            }
        }
    }

    /// Reads until `want` bytes lie behind `at`. `false`: the file ends before.
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

    /// Leaves bytes behind, also some that were not read yet.
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

fn invalid(error: CaptureError) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, error)
}
