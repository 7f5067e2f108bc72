//! Packets of several lines into one numbered stream.

use super::packet::{BadPacket, Kind, Packet, Session};
use zerocopy::FromZeros;

/// Numbers that are missing: `from` up to, but not with, `to`.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Gap {
    /// The first that is missing.
    pub from: u64,
    /// The first behind them that is known to exist.
    pub to: u64,
}

/// What became of a packet.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Accepted {
    /// It brought this many messages (and more may have followed that were held).
    New(u64),
    /// All of it was known.
    Duplicate,
    /// Messages before it are missing: it waits.
    Held,
    /// A heartbeat or end; [`Merge::gap`] tells whether something is missing before it.
    Idle,
    /// It asks a server for messages, of whatever session: nothing for a listener.
    Request,
}

/// Why a packet was not taken. Nothing changed but the counts.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub enum Refused {
    /// It is no packet.
    Bad(BadPacket),
    /// It belongs to another session: [`Merge::restart`] if the day has changed.
    OtherSession,
    /// Messages before it are missing, and there is no place for it to wait: ask for the gap or
    /// give it up, and give this one again. It counts once it is taken.
    NoRoom,
}

impl core::fmt::Display for Refused {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        match self {
            Self::Bad(bad) => bad.fmt(f),
            Self::OtherSession => f.write_str("a packet of another session; restart if the day has changed"),
            Self::NoRoom => f.write_str("no room for a packet behind a gap; ask for the gap, or give it up"),
        }
    }
}

impl core::error::Error for Refused {}

/// What was received, in all and by line.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, FromZeros)]
#[non_exhaustive]
pub struct MergeStats {
    /// Packets, each once: requests are not among them, nor those that found no room, which come
    /// again.
    pub packets: [u64; 2],
    /// Packets that brought something new, now or later.
    pub first: [u64; 2],
    /// Packets that were all known.
    pub duplicate: [u64; 2],
    /// Packets that came before their turn and waited.
    pub held: u64,
    /// Packets refused for good: of another session, or none.
    pub refused: u64,
    /// How often a packet found no room to wait.
    pub no_room: u64,
    /// Requests for messages that were seen.
    pub requests: u64,
    /// Messages handed out.
    pub messages: u64,
    /// Messages given up.
    pub lost: u64,
}

/// Merges lines A and B (0 and 1; answers to requests may come as either): every message once, in the order of its
/// number.
///
/// Up to `HOLD` packets of up to `BYTES` bytes wait behind a gap. When to ask for what is missing, and when to give it
/// up, is the caller's choice: this has no clock. Work of a packet: constant, and in proportion to `HOLD` while
/// something waits. All-zero bytes are [`Merge::new`]`(0)`.
#[derive(Debug, FromZeros)]
pub struct Merge<const HOLD: usize, const BYTES: usize> {
    session: Session,
    /// Whether a packet has said the session.
    started: bool,
    /// The next number.
    expected: u64,
    /// The highest number behind any packet or heartbeat.
    known: u64,
    ended: bool,
    /// Lengths of the packets that wait; 0: free.
    lengths: [usize; HOLD],
    packets: [[u8; BYTES]; HOLD],
    stats: MergeStats,
}

impl<const HOLD: usize, const BYTES: usize> Merge<HOLD, BYTES> {
    /// Nothing received. The first packet says the session; `next` is the number wanted first: 1 for all of a session,
    /// 0 for whatever comes first.
    #[must_use]
    pub const fn new(next: u64) -> Self {
        Self {
            session: Session::new([0; 10]),
            started: false,
            expected: next,
            known: next,
            ended: false,
            lengths: [0; HOLD],
            packets: [[0; BYTES]; HOLD],
            stats: MergeStats {
                packets: [0; 2],
                first: [0; 2],
                duplicate: [0; 2],
                held: 0,
                refused: 0,
                no_room: 0,
                requests: 0,
                messages: 0,
                lost: 0,
            },
        }
    }

    /// Forgets the session and what waits; counts stay.
    pub const fn restart(&mut self, next: u64) {
        self.started = false;
        (self.expected, self.known, self.ended) = (next, next, false);
        self.lengths = [0; HOLD];
    }

    /// Takes a datagram of a line (`b`: line B) and hands every message whose turn it is to `sink`, with its number.
    ///
    /// # Errors
    /// [`Refused`].
    pub fn receive(&mut self, b: bool, datagram: &[u8], mut sink: impl FnMut(u64, &[u8])) -> Result<Accepted, Refused> {
        let result = self.take(datagram, &mut sink);
        let line = |counts: &mut [u64; 2]| {
            let [first, second] = counts;
            let count = if b { second } else { first };
            *count = count.wrapping_add(1);
        };
        if !matches!(result, Ok(Accepted::Request) | Err(Refused::NoRoom)) {
            line(&mut self.stats.packets);
        }
        match result {
            Ok(Accepted::New(_)) => line(&mut self.stats.first),
            Ok(Accepted::Held) => {
                line(&mut self.stats.first);
                self.stats.held = self.stats.held.wrapping_add(1);
            }
            Ok(Accepted::Duplicate) => line(&mut self.stats.duplicate),
            Ok(Accepted::Idle) => {}
            Ok(Accepted::Request) => self.stats.requests = self.stats.requests.wrapping_add(1),
            Err(Refused::NoRoom) => self.stats.no_room = self.stats.no_room.wrapping_add(1),
            Err(_) => self.stats.refused = self.stats.refused.wrapping_add(1),
        }
        result
    }

    fn take(&mut self, datagram: &[u8], sink: &mut impl FnMut(u64, &[u8])) -> Result<Accepted, Refused> {
        let packet = Packet::read(datagram).map_err(Refused::Bad)?;
        if packet.kind() == Kind::Request {
            return Ok(Accepted::Request);
        }
        if !self.started {
            (self.session, self.started) = (packet.header().session(), true);
            if self.expected == 0 {
                (self.expected, self.known) = (packet.header().sequence(), packet.header().sequence());
            }
        } else if self.session != packet.header().session() {
            return Err(Refused::OtherSession);
        }
        let (first, next) = (packet.header().sequence(), packet.next_sequence());
        if packet.kind() == Kind::Data && first > self.expected {
            let held = self.hold(first, datagram);
            if !matches!(held, Err(Refused::NoRoom)) {
                self.known = self.known.max(next);
            }
            return held;
        }
        let is_last = next >= self.known;
        self.known = self.known.max(next);
        match packet.kind() {
            Kind::Heartbeat => Ok(Accepted::Idle),
            Kind::End => {
                // A smaller number is none of the end's: a request for 65,535 messages looks the
                // same.
                self.ended |= is_last;
                Ok(Accepted::Idle)
            }
            Kind::Request => Ok(Accepted::Request),
            Kind::Data if next <= self.expected => Ok(Accepted::Duplicate),
            Kind::Data => {
                let new = self.hand_out(&packet, sink);
                self.go_on(sink);
                Ok(Accepted::New(new))
            }
        }
    }

    /// Hands out what of a packet is new. Its turn has come.
    fn hand_out(&mut self, packet: &Packet<'_>, sink: &mut impl FnMut(u64, &[u8])) -> u64 {
        let mut new = 0u64;
        for (sequence, block) in packet.blocks() {
            if sequence >= self.expected {
                sink(sequence, block);
                new = new.wrapping_add(1);
            }
        }
        self.expected = self.expected.max(packet.next_sequence());
        self.stats.messages = self.stats.messages.wrapping_add(new);
        new
    }

    /// Keeps a packet for later, unless one with the same first number and as many bytes waits.
    fn hold(&mut self, first: u64, datagram: &[u8]) -> Result<Accepted, Refused> {
        let mut free = None;
        for (length, packet) in self.lengths.iter_mut().zip(&mut self.packets) {
            let waiting = packet.get(..*length).filter(|p| !p.is_empty());
            match waiting.map(Packet::read) {
                Some(Ok(other)) if other.header().sequence() == first && *length >= datagram.len() => {
                    return Ok(Accepted::Duplicate);
                }
                Some(_) => {}
                None => free = Some((length, packet)),
            }
        }
        let (length, packet) = free.ok_or(Refused::NoRoom)?;
        packet.get_mut(..datagram.len()).ok_or(Refused::NoRoom)?.copy_from_slice(datagram);
        *length = datagram.len();
        Ok(Accepted::Held)
    }

    /// Hands out what waited and whose turn has come. Each round frees a place, so there are at most `HOLD`.
    fn go_on(&mut self, sink: &mut impl FnMut(u64, &[u8])) {
        for _ in 0..HOLD {
            let Some(at) = self.lowest().filter(|&(_, first)| first <= self.expected) else { return };
            let (slot, _) = at;
            let Some(length) = self.lengths.get_mut(slot).map(core::mem::take) else { return };
            // A copy on the stack, so that the sink may be called while `self` changes.
            let Some(bytes) = self.packets.get(slot).copied() else { return };
            if let Some(Ok(packet)) = bytes.get(..length).map(Packet::read) {
                self.hand_out(&packet, sink);
            }
        }
    }

    /// The place of the packet that waits with the lowest number, and that number.
    fn lowest(&self) -> Option<(usize, u64)> {
        let waiting = self.lengths.iter().zip(&self.packets).enumerate();
        let firsts = waiting.filter_map(|(slot, (&length, packet))| {
            let packet = Packet::read(packet.get(..length)?).ok()?;
            Some((slot, packet.header().sequence()))
        });
        firsts.min_by_key(|&(_, first)| first)
    }

    /// What is missing now before what is known: up to the first packet that waits, or to what a heartbeat said.
    #[must_use]
    pub fn gap(&self) -> Option<Gap> {
        let to = self.lowest().map_or(self.known, |(_, first)| first);
        (to > self.expected).then_some(Gap { from: self.expected, to })
    }

    /// Gives up what is missing: the numbers of the gap never come, and what waits behind it is handed out.
    pub fn give_up(&mut self, mut sink: impl FnMut(u64, &[u8])) -> Option<Gap> {
        let gap = self.gap()?;
        self.stats.lost = self.stats.lost.wrapping_add(gap.to.wrapping_sub(gap.from));
        self.expected = gap.to;
        self.go_on(&mut sink);
        Some(gap)
    }

    /// The session, once a packet has come.
    #[must_use]
    pub const fn session(&self) -> Option<Session> {
        if self.started { Some(self.session) } else { None }
    }

    /// The next number that is handed out.
    #[must_use]
    pub const fn expected(&self) -> u64 {
        self.expected
    }

    /// Whether the end of the session was seen; messages before it may be missing.
    #[must_use]
    pub const fn is_ended(&self) -> bool {
        self.ended
    }

    /// Whether the session is over and nothing is missing.
    #[must_use]
    pub const fn is_finished(&self) -> bool {
        self.ended && self.expected >= self.known
    }

    /// Counts.
    #[must_use]
    pub const fn stats(&self) -> MergeStats {
        self.stats
    }
}
