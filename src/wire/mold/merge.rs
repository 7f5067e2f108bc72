//! Line arbitration: merges the packets of several lines into one numbered stream.

use super::packet::{BadPacket, Kind, Packet, Session};
use zerocopy::FromZeros;

/// A gap: the missing sequence numbers from `from` up to, but not including, `to`.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Gap {
    /// The first missing number.
    pub from: u64,
    /// The first later number that is known to exist.
    pub to: u64,
}

/// Outcome of a packet.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Accepted {
    /// Its new messages were handed out: this many (messages of held packets may have followed).
    New(u64),
    /// All its messages were known.
    Duplicate,
    /// Messages before it are missing: it is held.
    Held,
    /// A heartbeat or end; [`Merge::gap`] returns what is missing before it.
    Idle,
    /// A request to a server, of any session: ignored.
    Request,
}

/// Reason why a packet was refused. Nothing changed but the counts.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub enum Refused {
    /// It is not a valid packet.
    Bad(BadPacket),
    /// It belongs to another session: call [`Merge::restart`] if the day has changed.
    OtherSession,
    /// Messages before it are missing, and there is no room to hold it: request the gap or give it
    /// up, and pass this packet again. It is counted once it is accepted.
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

/// Statistics of what was received, in total and per line.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, FromZeros)]
#[non_exhaustive]
pub struct MergeStats {
    /// Packets, each once: without requests, and without those refused for lack of room, which come
    /// again.
    pub packets: [u64; 2],
    /// Packets with new messages, handed out or held.
    pub first: [u64; 2],
    /// Packets whose messages were all known.
    pub duplicate: [u64; 2],
    /// Packets that arrived early and were held.
    pub held: u64,
    /// Packets refused for good: of another session, or invalid.
    pub refused: u64,
    /// Number of times that there was no room to hold a packet.
    pub no_room: u64,
    /// Requests for messages that were seen.
    pub requests: u64,
    /// Messages handed out.
    pub messages: u64,
    /// Messages given up as lost.
    pub lost: u64,
}

/// Merges lines A and B (0 and 1; answers to requests may come as either): every message once, in
/// the order of its sequence number.
///
/// Up to `HOLD` packets of up to `BYTES` bytes are held behind a gap. There is no clock: the caller
/// decides when to request what is missing, and when to give it up. Work per packet: constant, and
/// proportional to `HOLD` while packets are held. All-zero bytes are [`Merge::new`]`(0)`.
#[derive(Debug, FromZeros)]
pub struct Merge<const HOLD: usize, const BYTES: usize> {
    session: Session,
    /// Whether a packet has set the session.
    started: bool,
    /// The next sequence number.
    expected: u64,
    /// The highest number after any packet or heartbeat.
    known: u64,
    ended: bool,
    /// Lengths of the held packets; 0: free.
    lengths: [usize; HOLD],
    packets: [[u8; BYTES]; HOLD],
    stats: MergeStats,
}

impl<const HOLD: usize, const BYTES: usize> Merge<HOLD, BYTES> {
    /// Creates a merge that has received nothing. The first packet sets the session; `next` is the
    /// first wanted number: 1 for all of a session, 0 for the first that comes.
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

    /// Forgets the session and the held packets; counts stay.
    pub const fn restart(&mut self, next: u64) {
        self.started = false;
        (self.expected, self.known, self.ended) = (next, next, false);
        self.lengths = [0; HOLD];
    }

    /// Accepts a datagram of a line (`b`: line B) and passes every message that is next in order to
    /// `sink`, with its number.
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
                // A lower number is not that of the end: a request for 65,535 messages has the same
                // form.
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

    /// Hands out the new messages of a packet that is next in order.
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

    /// Holds a packet for later, unless one with the same first number and length is held.
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

    /// Hands out the held packets that are next in order. Each round frees a place, so there are at
    /// most `HOLD`.
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

    /// Returns the place of the held packet with the lowest number, and that number.
    fn lowest(&self) -> Option<(usize, u64)> {
        let waiting = self.lengths.iter().zip(&self.packets).enumerate();
        let firsts = waiting.filter_map(|(slot, (&length, packet))| {
            let packet = Packet::read(packet.get(..length)?).ok()?;
            Some((slot, packet.header().sequence()))
        });
        firsts.min_by_key(|&(_, first)| first)
    }

    /// Returns the gap before what is known: up to the first held packet, or to the number of a
    /// heartbeat.
    #[must_use]
    pub fn gap(&self) -> Option<Gap> {
        let to = self.lowest().map_or(self.known, |(_, first)| first);
        (to > self.expected).then_some(Gap { from: self.expected, to })
    }

    /// Gives up the gap: its numbers are lost, and what is held behind it is handed out. Returns
    /// the gap.
    pub fn give_up(&mut self, mut sink: impl FnMut(u64, &[u8])) -> Option<Gap> {
        let gap = self.gap()?;
        self.stats.lost = self.stats.lost.wrapping_add(gap.to.wrapping_sub(gap.from));
        self.expected = gap.to;
        self.go_on(&mut sink);
        Some(gap)
    }

    /// Returns the session, once a packet has come.
    #[must_use]
    pub const fn session(&self) -> Option<Session> {
        if self.started { Some(self.session) } else { None }
    }

    /// Returns the next number to be handed out.
    #[must_use]
    pub const fn expected(&self) -> u64 {
        self.expected
    }

    /// Returns whether the end of the session was seen; messages before it may be missing.
    #[must_use]
    pub const fn is_ended(&self) -> bool {
        self.ended
    }

    /// Returns whether the session has ended and nothing is missing.
    #[must_use]
    pub const fn is_finished(&self) -> bool {
        self.ended && self.expected >= self.known
    }

    /// Returns the statistics.
    #[must_use]
    pub const fn stats(&self) -> MergeStats {
        self.stats
    }
}
