//! ITCH from captures of MoldUDP64: one or two lines, in one or several files, as the frames of one
//! stream.

use std::collections::VecDeque;
use std::io::{self, BufRead, Read};

use super::captures::{Captures, Seen};
use super::feeds::{Feeds, Wanted};
use vvp_core::wire::capture::Address;
use vvp_core::wire::mold::{BadPacket, Gap, Kind, Merge, MergeStats, Packet, Refused, Session};
use zerocopy::FromZeros;

/// Maximum number of packets held behind a gap before the gap is given up.
const HOLD: usize = 128;
/// Maximum length of a datagram.
const DATAGRAM_BYTES_MAX: usize = 1 << 16;
/// Maximum number and bytes of the datagrams that are read ahead to choose a session, if the
/// captures cannot be read twice.
const AHEAD_MAX: usize = 4096;
const AHEAD_BYTES_MAX: usize = 8 << 20;
/// Maximum number of destinations of a feed, and of ended sessions, that are kept.
const KNOWN_MAX: usize = 16;

type Line = Merge<HOLD, DATAGRAM_BYTES_MAX>;

/// The kind of a packet without messages of the feed.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub enum Odd {
    /// An unknown link type, not IP, or not UDP.
    OtherTraffic,
    /// A fragment of a datagram.
    Fragment,
    /// Captured in part.
    Short,
    /// A malformed header.
    Malformed,
    /// UDP, but not MoldUDP64.
    NotMold,
    /// A truncated block of MoldUDP64, or bytes after the last one.
    BadBlocks,
    /// A packet of another session.
    OtherSession,
    /// A datagram that the caller's selection excludes.
    NotChosen,
}

impl Odd {
    /// Every kind.
    pub const ALL: [Self; 8] = [
        Self::OtherTraffic,
        Self::Fragment,
        Self::Short,
        Self::Malformed,
        Self::NotMold,
        Self::BadBlocks,
        Self::OtherSession,
        Self::NotChosen,
    ];

    /// Returns its name in summaries.
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
            Self::NotChosen => "not_chosen",
        }
    }

    /// Returns the description of its packets: "9 packets ...".
    #[must_use]
    pub const fn meaning(self) -> &'static str {
        match self {
            Self::OtherTraffic => "with no UDP",
            Self::Fragment => "with a part of a datagram",
            Self::Short => "captured in part",
            Self::Malformed => "with a header that cannot be",
            Self::NotMold => "of UDP without MoldUDP64",
            Self::BadBlocks => "with blocks of a wrong length",
            Self::OtherSession => "of another session",
            Self::NotChosen => "not chosen",
        }
    }
}

/// Counts of a capture's packets.
#[derive(Clone, Copy, Debug, Default)]
#[non_exhaustive]
pub struct LineStats {
    /// Packets of MoldUDP64 by line, each once and also where their numbers are zeroed; duplicates,
    /// messages, lost messages, requests.
    pub mold: MergeStats,
    /// Messages of packets without sequence numbers (sequence 0), in order of arrival.
    pub unnumbered: u64,
    /// Gaps that were given up.
    pub gaps: u64,
    /// The first of them.
    pub first_gaps: [Option<Gap>; 4],
    /// Packets of each [`Odd`] kind, in the order of [`Odd::ALL`].
    pub odd: [u64; Odd::ALL.len()],
    /// Offset of the first of each kind, in bytes from the start of its file.
    pub first_odd: [u64; Odd::ALL.len()],
    /// The index of that file among the captures.
    pub first_odd_capture: [usize; Odd::ALL.len()],
}

impl LineStats {
    pub(super) fn odd(&mut self, kind: Odd, capture: usize, offset: u64) {
        let at = kind as usize;
        if self.odd[at] == 0 {
            (self.first_odd[at], self.first_odd_capture[at]) = (offset, capture);
        }
        self.odd[at] += 1;
    }

    /// Returns whether messages are missing, or packets could not be read.
    #[must_use]
    pub fn is_damaged(&self) -> bool {
        let harmless = [Odd::OtherTraffic, Odd::NotMold, Odd::NotChosen];
        self.gaps > 0 || Odd::ALL.into_iter().any(|kind| !harmless.contains(&kind) && self.odd[kind as usize] > 0)
    }

    /// Returns the kinds and counts of packets that were not read although the selection does not
    /// exclude them. By default that is every kind. A selection excludes packets that are not UDP
    /// and, unless it names a destination, UDP that is not MoldUDP64.
    pub fn unread(&self, wanted: &Wanted) -> impl Iterator<Item = (Odd, u64)> {
        let chosen = !wanted.is_default();
        let anywhere = wanted.groups.is_empty() && wanted.ports.is_empty();
        let asked_for = move |kind: Odd| match kind {
            Odd::NotChosen => false,
            Odd::OtherTraffic => !chosen,
            Odd::NotMold => !chosen || !anywhere,
            _ => true,
        };
        let counts = self.odd;
        let kinds = Odd::ALL.into_iter().map(move |kind| (kind, counts[kind as usize]));
        kinds.filter(move |&(kind, count)| count > 0 && asked_for(kind))
    }
}

/// Merges captures by time, and returns the messages of one MoldUDP64 feed as frames, each once and
/// in the order of its sequence number.
///
/// A [`Wanted`] selects the feed; if it names no session, one is chosen from a first reading
/// ([`Feeds::of`]), or from the first 4,096 datagrams (8 MiB) if the captures can be read only
/// once. The first destination of the feed's packets is line A, all others are line B. A gap is
/// given up when 128 packets are held behind it, and at the end. When a session has ended, another
/// on the same destination is the next day.
pub struct Lines<'a> {
    captures: Captures<'a>,
    /// Datagrams that were read ahead to choose a session.
    ahead: VecDeque<(Seen, Vec<u8>)>,
    /// The error that follows those datagrams.
    failed: Option<io::Error>,
    feed: Feed,
    /// Bytes of the feed's frames that were read.
    taken: usize,
}

/// The selection of datagrams.
struct Feed {
    wanted: Wanted,
    /// The session that is read, once chosen.
    session: Option<Session>,
    /// The session whose packets without sequence numbers are read; `None`: any.
    unnumbered: Option<Session>,
    /// Sessions that have ended.
    over: Vec<Session>,
    /// The feed's destinations; the first is line A.
    destinations: Vec<Address>,
    merge: Box<Line>,
    /// Packets by line that bypass [`Merge`], and those of them with messages.
    aside: [u64; 2],
    aside_first: [u64; 2],
    feeds: Feeds,
    /// Packets of the feed in each capture.
    used: Vec<u64>,
    stats: LineStats,
    frames: Vec<u8>,
}

impl core::fmt::Debug for Lines<'_> {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.debug_struct("Lines").field("stats", &self.feed.stats).finish_non_exhaustive()
    }
}

impl<'a> Lines<'a> {
    /// Opens captures, decompressed if necessary; the session is chosen from the first datagrams.
    ///
    /// # Errors
    /// Errors of a reader's first read, or that it is not a capture.
    pub fn new<R: Read + Send + 'a>(captures: impl IntoIterator<Item = R>) -> io::Result<Self> {
        Self::wanted(captures, Wanted::default(), None)
    }

    /// Does the same as [`Lines::new`], with a selection; `feeds` is the result of a first reading
    /// of the same captures.
    ///
    /// # Errors
    /// As [`Lines::new`].
    pub fn wanted<R: Read + Send + 'a>(
        captures: impl IntoIterator<Item = R>,
        wanted: Wanted,
        feeds: Option<&Feeds>,
    ) -> io::Result<Self> {
        let opened = captures.into_iter().map(|reader| crate::packed::unpacked(reader));
        Self::of(opened.collect::<io::Result<Vec<_>>>()?, wanted, feeds)
    }

    pub(super) fn of(
        readers: Vec<Box<dyn BufRead + Send + 'a>>,
        wanted: Wanted,
        feeds: Option<&Feeds>,
    ) -> io::Result<Self> {
        let merge = Line::new_box_zeroed().map_err(|_| io::Error::from(io::ErrorKind::OutOfMemory))?;
        let mut stats = LineStats::default();
        let captures = Captures::new(readers, &wanted, &mut stats)?;
        let session = wanted.session;
        let feed = Feed {
            wanted,
            session,
            unnumbered: session,
            over: Vec::with_capacity(KNOWN_MAX),
            destinations: Vec::with_capacity(KNOWN_MAX),
            merge,
            aside: [0; 2],
            aside_first: [0; 2],
            feeds: Feeds::new(),
            used: vec![0; captures.len()],
            stats,
            frames: Vec::with_capacity(2 * DATAGRAM_BYTES_MAX),
        };
        let mut lines = Self { captures, ahead: VecDeque::new(), failed: None, feed, taken: 0 };
        if session.is_none() {
            match feeds {
                Some(feeds) => lines.choose(feeds),
                None => {
                    let feeds = lines.look_ahead();
                    lines.choose(&feeds);
                }
            }
        }
        Ok(lines)
    }

    fn choose(&mut self, feeds: &Feeds) {
        match feeds.pick(&self.feed.wanted) {
            Some((session, true)) => self.feed.session = Some(session),
            Some((session, false)) => self.feed.unnumbered = Some(session),
            None => {}
        }
    }

    /// Reads the first datagrams ahead and returns their feeds.
    fn look_ahead(&mut self) -> Feeds {
        let (mut feeds, mut bytes) = (Feeds::new(), 0);
        while self.ahead.len() < AHEAD_MAX && bytes < AHEAD_BYTES_MAX && self.failed.is_none() {
            let Some((seen, datagram)) = self.captures.next() else { break };
            feeds.see(seen, datagram);
            bytes += datagram.len();
            self.ahead.push_back((seen, datagram.to_vec()));
            self.failed = self.captures.advance(seen.capture, &self.feed.wanted, &mut self.feed.stats).err();
        }
        feeds
    }

    /// Returns the counts so far.
    #[must_use]
    pub fn stats(&self) -> LineStats {
        let Feed { stats, merge, aside, aside_first, .. } = &self.feed;
        let mut mold = merge.stats();
        for line in 0..2 {
            mold.packets[line] += aside[line];
            mold.first[line] += aside_first[line];
        }
        LineStats { mold, ..*stats }
    }

    /// Returns the feeds found so far.
    #[must_use]
    pub const fn feeds(&self) -> &Feeds {
        &self.feed.feeds
    }

    /// Returns the indices of the captures without a packet of the feed.
    pub fn unused(&self) -> impl Iterator<Item = usize> {
        self.feed.used.iter().enumerate().filter(|&(_, &packets)| packets == 0).map(|(capture, _)| capture)
    }

    /// Processes the next datagram of all captures; false if there is none.
    fn take(&mut self) -> io::Result<bool> {
        if let Some((seen, datagram)) = self.ahead.pop_front() {
            self.feed.take(seen, &datagram);
            return Ok(true);
        }
        if let Some(error) = self.failed.take() {
            return Err(error);
        }
        let Some((seen, datagram)) = self.captures.next() else {
            self.feed.give_up();
            return Ok(false);
        };
        self.feed.take(seen, datagram);
        // The messages of this datagram are returned before the error.
        self.failed = self.captures.advance(seen.capture, &self.feed.wanted, &mut self.feed.stats).err();
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
    // An empty message is legal and has no content; as a frame it would end the stream.
    if let (1.., Ok(length)) = (message.len(), u16::try_from(message.len())) {
        frames.extend_from_slice(&length.to_be_bytes());
        frames.extend_from_slice(message);
    }
}

impl Feed {
    fn odd(&mut self, kind: Odd, seen: Seen) {
        self.stats.odd(kind, seen.capture, seen.offset);
    }

    /// Gives up all gaps.
    fn give_up(&mut self) {
        while let Some(gap) = self.merge.give_up(|_, message| put(&mut self.frames, message)) {
            note(&mut self.stats, gap);
        }
    }

    /// Returns the line of a destination of the feed: A (0) or B (1).
    fn line(&mut self, destination: Address) -> usize {
        if self.destinations.len() < KNOWN_MAX && !self.destinations.contains(&destination) {
            self.destinations.push(destination);
        }
        usize::from(self.destinations[0] != destination)
    }

    fn take(&mut self, seen: Seen, datagram: &[u8]) {
        let packet = match Packet::read(datagram) {
            // Only the header was captured.
            Ok(packet) if packet.kind() == Kind::Request && seen.is_cut => Err(Odd::Short),
            Ok(packet) if datagram.len() <= DATAGRAM_BYTES_MAX => Ok(packet),
            Ok(_) => Err(Odd::NotMold),
            Err(bad) => Err(self.kind_of(bad, seen, datagram)),
        };
        let flow = match &packet {
            Ok(packet) if packet.kind() != Kind::Request => self.feeds.note(packet, seen.destination),
            _ => None,
        };
        if !self.wanted.takes(seen.destination) {
            return self.odd(Odd::NotChosen, seen);
        }
        match packet {
            Err(kind) => self.odd(kind, seen),
            // Sent by a receiver to a server: it has no messages of the feed, and belongs to no
            // line.
            Ok(packet) if packet.kind() == Kind::Request => {
                let _ = self.merge.receive(false, datagram, |_, _| ());
            }
            Ok(packet) => match self.packet(&packet, seen, datagram) {
                Ok(()) => {
                    self.feeds.read(flow);
                    self.used[seen.capture] += 1;
                }
                Err(kind) => self.odd(kind, seen),
            },
        }
    }

    /// Classifies a datagram that is not a packet.
    fn kind_of(&self, bad: BadPacket, seen: Seen, datagram: &[u8]) -> Odd {
        match bad {
            BadPacket::Truncated { .. } if seen.is_cut => Odd::Short,
            BadPacket::Truncated { .. } | BadPacket::Leftover { .. } => {
                let session = datagram.first_chunk().map(|&name| Session::new(name));
                if session.is_some() && session == self.session { Odd::BadBlocks } else { Odd::NotMold }
            }
            _ => Odd::NotMold,
        }
    }

    /// Processes a packet of the feed; returns the kind of any other.
    fn packet(&mut self, packet: &Packet<'_>, seen: Seen, datagram: &[u8]) -> Result<(), Odd> {
        let session = packet.header().session();
        let other = if self.wanted.session.is_some() { Odd::NotChosen } else { Odd::OtherSession };
        // Some captures have all sequence numbers zeroed; there is no message 0.
        if packet.header().sequence() == 0 {
            if self.unnumbered.is_some_and(|wanted| wanted != session) {
                return Err(other);
            }
            let line = self.line(seen.destination);
            self.aside[line] += 1;
            self.aside_first[line] += u64::from(packet.count() > 0);
            for (_, message) in packet.blocks() {
                put(&mut self.frames, message);
                self.stats.unnumbered += 1;
            }
            return Ok(());
        }
        match self.session {
            None => self.session = Some(session),
            Some(ours) if ours == session => {}
            Some(_) if self.wanted.session.is_some() => return Err(other),
            Some(_) if self.over.contains(&session) => {
                // The end of session is repeated for a while, on both lines.
                if packet.kind() == Kind::Data {
                    return Err(other);
                }
                let line = self.line(seen.destination);
                self.aside[line] += 1;
                return Ok(());
            }
            // The previous session has ended: this is the next day.
            Some(ours) if self.merge.is_ended() && self.destinations.contains(&seen.destination) => {
                self.give_up();
                self.merge.restart(0);
                if self.over.len() < KNOWN_MAX {
                    self.over.push(ours);
                }
                self.session = Some(session);
            }
            Some(_) => return Err(other),
        }
        let b = self.line(seen.destination) == 1;
        // Each round frees a place, so the second succeeds.
        for _ in 0..2 {
            match self.merge.receive(b, datagram, |_, message| put(&mut self.frames, message)) {
                Err(Refused::NoRoom) => {
                    if let Some(gap) = self.merge.give_up(|_, message| put(&mut self.frames, message)) {
                        note(&mut self.stats, gap);
                    }
                }
                _ => break,
            }
        }
        Ok(())
    }
}

impl Read for Lines<'_> {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        while self.taken == self.feed.frames.len() {
            self.feed.frames.clear();
            self.taken = 0;
            if !self.take()? && self.feed.frames.is_empty() {
                return Ok(0);
            }
        }
        let rest = &self.feed.frames[self.taken..];
        let n = rest.len().min(into.len());
        into[..n].copy_from_slice(&rest[..n]);
        self.taken += n;
        Ok(n)
    }
}
