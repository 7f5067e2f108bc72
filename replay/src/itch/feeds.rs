//! The feeds in captures, and the choice of the one that is read.

use core::net::Ipv6Addr;
use std::io::{self, Read};

use super::LineStats;
use super::captures::{Captures, Seen};
use vvp_core::wire::capture::Address;
use vvp_core::wire::mold::{Header, Kind, Packet, Session};

/// Maximum number of flows that are distinguished; packets of further flows are only counted.
const FLOWS_MAX: usize = 1024;
/// Maximum number of consecutive days of one feed in one capture.
const DAYS_MAX: usize = 64;

/// Selects packets of captures. The default: those of one session, chosen as [`Feeds`] describes.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Wanted {
    /// Only packets to these addresses; none: to any. IPv4 addresses as in [`Address`].
    pub groups: Vec<Ipv6Addr>,
    /// Only packets to these ports; none: to any.
    pub ports: Vec<u16>,
    /// Only packets of this session; `None`: one is chosen.
    pub session: Option<Session>,
}

impl Wanted {
    /// Returns whether it selects nothing explicitly.
    #[must_use]
    pub const fn is_default(&self) -> bool {
        self.groups.is_empty() && self.ports.is_empty() && self.session.is_none()
    }

    /// Returns whether packets to a destination are selected.
    #[must_use]
    pub fn takes(&self, destination: Address) -> bool {
        (self.groups.is_empty() || self.groups.contains(&destination.ip))
            && (self.ports.is_empty() || self.ports.contains(&destination.port))
    }
}

/// The MoldUDP64 packets of one session to one destination.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub struct Flow {
    /// Their session.
    pub session: Session,
    /// Their destination.
    pub destination: Address,
    /// Whether their sequence numbers are zeroed.
    pub unnumbered: bool,
    /// Number of packets, without requests.
    pub packets: u64,
    /// Packets with messages.
    pub with_messages: u64,
    /// Packets that were read.
    pub read: u64,
    /// Index of the first packet among all packets, and of the first end-of-session packet.
    first: u64,
    ended: Option<u64>,
}

impl core::fmt::Display for Flow {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        let (destination, packets, with) = (Destination(self.destination), self.packets, self.with_messages);
        let numbers = if self.unnumbered { ", without numbers" } else { "" };
        write!(f, "session {} to {destination}: {packets} packets, {with} with messages{numbers}", Name(self.session))
    }
}

/// Displays a destination: as IPv4 if it is mapped.
#[derive(Clone, Copy, Debug)]
pub struct Destination(pub Address);

impl core::fmt::Display for Destination {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        let Address { ip, port } = self.0;
        match ip.to_ipv4_mapped() {
            Some(ip) => write!(f, "{ip}:{port}"),
            None => write!(f, "[{ip}]:{port}"),
        }
    }
}

/// Displays the name of a session without its padding; unprintable bytes as `?`.
#[derive(Clone, Copy, Debug)]
pub struct Name(pub Session);

impl core::fmt::Display for Name {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        let name = self.0.name();
        if name.is_empty() {
            return f.write_str("(no name)");
        }
        let plain = |&b: &u8| if b.is_ascii_graphic() && b != b'"' && b != b'\\' { char::from(b) } else { '?' };
        name.iter().map(plain).try_for_each(|c| core::fmt::Write::write_char(f, c))
    }
}

/// The feeds found in captures.
///
/// By default the session with the most packets with messages is read (of equals the one with more
/// packets, then the first). If it follows others on the same destination, each ended by its sender
/// before the next began, reading starts with the first of them.
#[derive(Clone, Debug, Default)]
pub struct Feeds {
    flows: Vec<Flow>,
    /// Index of the last packet's flow.
    last: usize,
    /// All packets.
    packets: u64,
    /// Packets of flows for which there was no room.
    others: u64,
}

/// A session with all its selected flows.
#[derive(Clone, Copy)]
struct Candidate {
    session: Session,
    with_messages: u64,
    packets: u64,
    first: u64,
    ended: Option<u64>,
}

impl Feeds {
    pub(super) fn new() -> Self {
        Self { flows: Vec::with_capacity(FLOWS_MAX), ..Self::default() }
    }

    /// Reads captures to their end, or to the first error, and returns their feeds. The error is
    /// reported when the captures are read for their messages.
    ///
    /// # Errors
    /// Errors of a reader's first read.
    pub fn of<R: Read + Send>(captures: impl IntoIterator<Item = R>) -> io::Result<Self> {
        let opened = captures.into_iter().map(|reader| crate::packed::unpacked(reader));
        let (mut stats, all) = (LineStats::default(), Wanted::default());
        let mut feeds = Self::new();
        let Ok(mut captures) = Captures::new(opened.collect::<io::Result<Vec<_>>>()?, &all, &mut stats) else {
            return Ok(feeds);
        };
        while let Some((seen, datagram)) = captures.next() {
            feeds.see(seen, datagram);
            if captures.advance(seen.capture, &all, &mut stats).is_err() {
                break;
            }
        }
        Ok(feeds)
    }

    /// Returns all distinguished flows, in the order of their first packets.
    #[must_use]
    pub fn flows(&self) -> &[Flow] {
        &self.flows
    }

    /// Returns the number of packets of flows beyond the first 1,024.
    #[must_use]
    pub const fn others(&self) -> u64 {
        self.others
    }

    pub(super) fn see(&mut self, seen: Seen, datagram: &[u8]) {
        if let Ok(packet) = Packet::read(datagram)
            && packet.kind() != Kind::Request
        {
            self.note(&packet, seen.destination);
        }
    }

    /// Counts a packet; returns its flow.
    pub(super) fn note(&mut self, packet: &Packet<'_>, destination: Address) -> Option<usize> {
        let (header, number) = (packet.header(), self.packets);
        self.packets += 1;
        let Some(at) = self.place(header, destination) else {
            self.others += 1;
            return None;
        };
        self.last = at;
        let flow = &mut self.flows[at];
        flow.packets += 1;
        flow.with_messages += u64::from(packet.count() > 0);
        if packet.kind() == Kind::End && flow.ended.is_none() {
            flow.ended = Some(number);
        }
        Some(at)
    }

    fn place(&mut self, header: &Header, destination: Address) -> Option<usize> {
        let (session, unnumbered) = (header.session(), header.sequence() == 0);
        let is = |f: &Flow| f.destination == destination && f.unnumbered == unnumbered && f.session == session;
        if self.flows.get(self.last).is_some_and(is) {
            return Some(self.last);
        }
        if let Some(at) = self.flows.iter().position(is) {
            return Some(at);
        }
        if self.flows.len() >= FLOWS_MAX {
            return None;
        }
        let first = self.packets - 1;
        self.flows.push(Flow {
            session,
            destination,
            unnumbered,
            packets: 0,
            with_messages: 0,
            read: 0,
            first,
            ended: None,
        });
        Some(self.flows.len() - 1)
    }

    /// Counts a packet of a flow as read.
    pub(super) fn read(&mut self, flow: Option<usize>) {
        if let Some(flow) = flow.and_then(|at| self.flows.get_mut(at)) {
            flow.read += 1;
        }
    }

    fn candidates(&self, wanted: &Wanted, unnumbered: bool) -> Vec<Candidate> {
        let mut found: Vec<Candidate> = Vec::new();
        for flow in self.flows.iter().filter(|f| f.unnumbered == unnumbered && wanted.takes(f.destination)) {
            let at = found.iter().position(|c| c.session == flow.session).unwrap_or_else(|| {
                let Flow { session, first, .. } = *flow;
                found.push(Candidate { session, with_messages: 0, packets: 0, first, ended: None });
                found.len() - 1
            });
            let one = &mut found[at];
            one.with_messages += flow.with_messages;
            one.packets += flow.packets;
            one.ended = one.ended.or(flow.ended).map(|e| e.min(flow.ended.unwrap_or(e)));
        }
        found
    }

    fn shares_destination(&self, a: Session, b: Session, wanted: &Wanted) -> bool {
        let of = |session| self.flows.iter().filter(move |f| f.session == session && wanted.takes(f.destination));
        of(a).any(|x| of(b).any(|y| x.destination == y.destination))
    }

    /// Returns the session to begin with, and whether its packets have sequence numbers.
    pub(super) fn pick(&self, wanted: &Wanted) -> Option<(Session, bool)> {
        let best = |all: &[Candidate]| {
            // Of equals the first: `max_by_key` takes the last.
            all.iter().copied().rev().max_by_key(|c| (c.with_messages, c.packets))
        };
        let numbered = self.candidates(wanted, false);
        let Some(mut picked) = best(&numbered) else {
            return best(&self.candidates(wanted, true)).map(|c| (c.session, false));
        };
        for _ in 0..DAYS_MAX {
            let before = numbered.iter().filter(|c| {
                c.ended.is_some_and(|end| end < picked.first)
                    && self.shares_destination(c.session, picked.session, wanted)
            });
            match before.max_by_key(|c| c.ended) {
                Some(before) => picked = *before,
                None => break,
            }
        }
        Some((picked.session, true))
    }
}
