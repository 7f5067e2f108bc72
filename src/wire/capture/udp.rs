//! From a captured packet to its UDP datagram.

/// Most nested VLAN tags that are skipped.
pub const TAGS_MAX: usize = 4;

/// Most IPv6 extension headers that are skipped.
const EXTENSIONS_MAX: usize = 8;

/// An address and a port. An IPv4 address is stored in its IPv6 form: ten bytes of 0, two of 255,
/// then the address.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct Address {
    /// The address.
    pub ip: core::net::Ipv6Addr,
    /// The port.
    pub port: u16,
}

/// A UDP datagram in a packet.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub struct Datagram<'a> {
    /// The sender.
    pub source: Address,
    /// The receiver: of multicast, the group.
    pub destination: Address,
    /// The payload.
    pub payload: &'a [u8],
}

/// Reason why a packet has no datagram. Positions are in bytes from the start of the packet.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub enum NotUdp {
    /// The link type is not supported.
    Link(u32),
    /// The packet is not IP, by its EtherType (ARP: 0x0806).
    Protocol(u16),
    /// The IP packet is not UDP, by its protocol number (TCP: 6).
    Transport(u8),
    /// A fragment of a datagram: fragments are not reassembled.
    Fragment,
    /// The packet ends within a header, or within the datagram.
    Short {
        /// Start of the cut header or datagram.
        offset: u16,
    },
    /// A length or version that is not possible.
    Malformed {
        /// Start of the header that contains it.
        offset: u16,
    },
}

impl core::fmt::Display for NotUdp {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        match *self {
            Self::Link(n) => write!(f, "link type {n} is not known; capture on Ethernet"),
            Self::Protocol(n) => write!(f, "protocol 0x{n:04x} is not IP"),
            Self::Transport(n) => write!(f, "protocol {n} is not UDP"),
            Self::Fragment => f.write_str("a part of a datagram; parts are not put together"),
            Self::Short { offset } => {
                write!(f, "the packet ends within what starts at its byte {offset}; capture whole packets")
            }
            Self::Malformed { offset } => write!(f, "a header that cannot be at byte {offset} of the packet"),
        }
    }
}

impl core::error::Error for NotUdp {}

/// The rest of a packet, and its offset.
#[derive(Clone, Copy)]
struct Rest<'a> {
    bytes: &'a [u8],
    offset: usize,
    /// A missing end is tolerated instead of being an error.
    is_partial: bool,
}

impl<'a> Rest<'a> {
    fn short(self) -> NotUdp {
        NotUdp::Short { offset: u16::try_from(self.offset).unwrap_or(u16::MAX) }
    }

    fn malformed(self) -> NotUdp {
        NotUdp::Malformed { offset: u16::try_from(self.offset).unwrap_or(u16::MAX) }
    }

    fn take<const N: usize>(self) -> Result<([u8; N], Self), NotUdp> {
        let (head, bytes) = self.bytes.split_first_chunk().ok_or(self.short())?;
        Ok((*head, Self { bytes, offset: self.offset.wrapping_add(N), ..self }))
    }

    fn skip(self, n: usize) -> Result<Self, NotUdp> {
        let bytes = self.bytes.get(n..).ok_or(self.short())?;
        Ok(Self { bytes, offset: self.offset.wrapping_add(n), ..self })
    }

    /// Cuts the rest to at most its first `n` bytes: what follows is padding.
    fn limit(self, n: usize) -> Result<Self, NotUdp> {
        match self.bytes.get(..n) {
            Some(bytes) => Ok(Self { bytes, ..self }),
            None if self.is_partial => Ok(self),
            None => Err(self.short()),
        }
    }
}

const IPV4: u16 = 0x0800;
const IPV6: u16 = 0x86dd;
const UDP: u8 = 17;

impl<'a> Datagram<'a> {
    /// Finds the datagram in a packet of link type `link`. Checksums are not checked: on the
    /// capturing host, the network card fills them in later.
    ///
    /// # Errors
    /// [`NotUdp`].
    pub fn of(link: u32, packet: &'a [u8]) -> Result<Self, NotUdp> {
        Self::find(link, Rest { bytes: packet, offset: 0, is_partial: false })
    }

    /// As [`Datagram::of`], for a packet that was captured in part: returns the captured part of
    /// the datagram, which includes at least its addresses.
    ///
    /// # Errors
    /// [`NotUdp`], also if the packet ends within a header.
    pub fn partial(link: u32, packet: &'a [u8]) -> Result<Self, NotUdp> {
        Self::find(link, Rest { bytes: packet, offset: 0, is_partial: true })
    }

    fn find(link: u32, rest: Rest<'a>) -> Result<Self, NotUdp> {
        let (protocol, rest) = match link {
            1 => {
                let ([.., high, low], rest) = rest.take::<14>()?;
                (u16::from_be_bytes([high, low]), rest)
            }
            113 => {
                let ([.., high, low], rest) = rest.take::<16>()?;
                (u16::from_be_bytes([high, low]), rest)
            }
            276 => {
                let ([high, low, ..], rest) = rest.take::<20>()?;
                (u16::from_be_bytes([high, low]), rest)
            }
            // BSD loopback: its address family differs by system, so the version of the IP header
            // is used.
            0 | 108 => bare(rest.take::<4>()?.1)?,
            12 | 14 | 101 | 228 | 229 => bare(rest)?,
            other => return Err(NotUdp::Link(other)),
        };
        let (protocol, rest) = untagged(protocol, rest)?;
        match protocol {
            IPV4 => v4(rest),
            IPV6 => v6(rest),
            other => Err(NotUdp::Protocol(other)),
        }
    }
}

/// Distinguishes IPv4 and IPv6 by the version in the header.
fn bare(rest: Rest<'_>) -> Result<(u16, Rest<'_>), NotUdp> {
    let first = rest.bytes.first().ok_or(rest.short())?;
    match first >> 4 {
        4 => Ok((IPV4, rest)),
        6 => Ok((IPV6, rest)),
        _ => Err(rest.malformed()),
    }
}

fn untagged(mut protocol: u16, mut rest: Rest<'_>) -> Result<(u16, Rest<'_>), NotUdp> {
    for _ in 0..TAGS_MAX {
        let (0x8100 | 0x88a8 | 0x9100) = protocol else { break };
        let ([_, _, high, low], behind) = rest.take::<4>()?;
        (protocol, rest) = (u16::from_be_bytes([high, low]), behind);
    }
    Ok((protocol, rest))
}

fn v4(start: Rest<'_>) -> Result<Datagram<'_>, NotUdp> {
    let (head, _) = start.take::<20>()?;
    let [first, _, t0, t1, _, _, f0, f1, _, protocol, _, _, source @ .., d0, d1, d2, d3] = head;
    let header = usize::from(first & 15) * 4;
    // 0: the network card segments the packet and fills the length in after the capture.
    let total = match u16::from_be_bytes([t0, t1]) {
        0 => start.bytes.len(),
        total => usize::from(total),
    };
    if first >> 4 != 4 || header < 20 || (total < header && [t0, t1] != [0, 0]) {
        return Err(start.malformed());
    }
    // More fragments follow, or this is not the first.
    if u16::from_be_bytes([f0, f1]) & 0x3fff != 0 {
        return Err(NotUdp::Fragment);
    }
    if protocol != UDP {
        return Err(NotUdp::Transport(protocol));
    }
    let mapped = |[a, b, c, d]: [u8; 4]| core::net::Ipv4Addr::new(a, b, c, d).to_ipv6_mapped();
    let open = [t0, t1] == [0, 0];
    udp(start.limit(total)?.skip(header)?, open, mapped(source), mapped([d0, d1, d2, d3]))
}

fn v6(start: Rest<'_>) -> Result<Datagram<'_>, NotUdp> {
    let (head, rest) = start.take::<40>()?;
    let [first, _, _, _, l0, l1, mut next, _, addresses @ ..] = head;
    if first >> 4 != 6 {
        return Err(start.malformed());
    }
    // 0: as with IPv4, or a datagram of more than 65,535 bytes, whose length is in an extension
    // header.
    let open = [l0, l1] == [0, 0];
    let mut rest = if open { rest } else { rest.limit(usize::from(u16::from_be_bytes([l0, l1])))? };
    for _ in 0..EXTENSIONS_MAX {
        match next {
            // Hop-by-hop, routing, destination options: length in units of 8 bytes, without the
            // first.
            0 | 43 | 60 => {
                let ([behind, units], _) = rest.take::<2>()?;
                (next, rest) = (behind, rest.skip(8 + 8 * usize::from(units))?);
            }
            // Fragment header; a datagram may also be its own only fragment.
            44 => {
                let ([behind, _, o0, o1, ..], after) = rest.take::<8>()?;
                if u16::from_be_bytes([o0, o1]) & 0xfff9 != 0 {
                    return Err(NotUdp::Fragment);
                }
                (next, rest) = (behind, after);
            }
            // Authentication header: units of 4 bytes, without the first two.
            51 => {
                let ([behind, units], _) = rest.take::<2>()?;
                (next, rest) = (behind, rest.skip(8 + 4 * usize::from(units))?);
            }
            _ => break,
        }
    }
    if next != UDP {
        return Err(NotUdp::Transport(next));
    }
    let address = |bytes: &[u8]| bytes.first_chunk::<16>().map_or(core::net::Ipv6Addr::UNSPECIFIED, |b| (*b).into());
    let (source, destination) = addresses.split_at(16);
    udp(rest, open, address(source), address(destination))
}

/// Decodes the datagram that starts here. `open`: the IP header has no length, so the datagram's
/// may be 0 as well, and then means the rest of the packet.
fn udp(
    start: Rest<'_>,
    open: bool,
    source: core::net::Ipv6Addr,
    destination: core::net::Ipv6Addr,
) -> Result<Datagram<'_>, NotUdp> {
    let ([s0, s1, d0, d1, l0, l1, _, _], rest) = start.take::<8>()?;
    let payload = match u16::from_be_bytes([l0, l1]) {
        0 if open => rest,
        length => rest.limit(usize::from(length).checked_sub(8).ok_or(start.malformed())?)?,
    };
    Ok(Datagram {
        source: Address { ip: source, port: u16::from_be_bytes([s0, s1]) },
        destination: Address { ip: destination, port: u16::from_be_bytes([d0, d1]) },
        payload: payload.bytes,
    })
}
