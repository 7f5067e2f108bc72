//! pcapng: sections, interfaces, packets.
//!
//! ```text
//! | type (4) | length (4) | body | length again (4) |      a block; its length counts all of it, a multiple of 4
//! ```

use super::file::{BLOCK_BYTES_MAX, Captured, Fault, Order, Step};
use super::interfaces::{Interface, Interfaces};

const SECTION: u32 = 0x0a0d_0d0a;
const INTERFACE: u32 = 1;
const OLD_PACKET: u32 = 2;
const SIMPLE_PACKET: u32 = 3;
const PACKET: u32 = 6;

/// Length of the type and length fields before a body.
const HEAD_BYTES: usize = 8;
/// Length of all fields of a block besides its body.
const FRAME_BYTES: usize = 12;

/// Properties of the packets of a section, from its blocks.
#[derive(Clone, Copy, Debug)]
pub(super) struct Ng<I> {
    order: Order,
    interfaces: I,
}

impl<I> Ng<I> {
    pub(super) const fn new(interfaces: I) -> Self {
        Self { order: Order { big: false }, interfaces }
    }

    pub(super) const fn interfaces(&self) -> &I {
        &self.interfaces
    }
}

impl<I: Interfaces> Ng<I> {
    pub(super) fn block<'a>(&mut self, bytes: &'a [u8]) -> Result<Step<'a>, Fault> {
        let Some(kind) = self.order.u32(bytes, 0) else { return Ok(Step::More { bytes: HEAD_BYTES }) };
        if kind == SECTION {
            // The same in either byte order; the magic that follows gives the order.
            let Some(order) = bytes.get(HEAD_BYTES..).and_then(|b| b.first_chunk::<4>()) else {
                return Ok(Step::More { bytes: FRAME_BYTES });
            };
            self.order = match order {
                [0x1a, 0x2b, 0x3c, 0x4d] => Order { big: true },
                [0x4d, 0x3c, 0x2b, 0x1a] => Order { big: false },
                _ => return Err(Fault::NoCapture),
            };
            self.interfaces.clear();
        }
        let Some(length) = self.order.u32(bytes, 4) else { return Ok(Step::More { bytes: HEAD_BYTES }) };
        let whole = length as usize;
        if whole < FRAME_BYTES || !whole.is_multiple_of(4) {
            return Err(Fault::Length(length));
        }
        if !matches!(kind, SECTION | INTERFACE | OLD_PACKET | SIMPLE_PACKET | PACKET) {
            return Ok(Step::Other { bytes: whole });
        }
        if whole > BLOCK_BYTES_MAX {
            return Err(Fault::Length(length));
        }
        let Some(block) = bytes.get(..whole) else { return Ok(Step::More { bytes: whole }) };
        if self.order.u32(block, whole - 4) != Some(length) {
            return Err(Fault::Trailer);
        }
        let body = block.get(HEAD_BYTES..whole - 4).unwrap_or(&[]);
        let packet = match kind {
            SECTION => {
                let version = self.order.u16(body, 4);
                return if version == Some(1) { Ok(Step::Other { bytes: whole }) } else { Err(Fault::Version) };
            }
            INTERFACE => {
                self.describe(body, length)?;
                return Ok(Step::Other { bytes: whole });
            }
            SIMPLE_PACKET => self.simple(body),
            PACKET => self.packet(body, self.order.u32(body, 0)),
            _ => self.packet(body, self.order.u16(body, 0).map(u32::from)),
        };
        match packet? {
            Some(packet) => Ok(Step::Packet { bytes: whole, packet }),
            None => Err(Fault::Length(length)),
        }
    }

    fn describe(&mut self, body: &[u8], length: u32) -> Result<(), Fault> {
        const FIXED_BYTES: usize = 8;
        const END_OF_OPTIONS: u16 = 0;
        const TIME_RESOLUTION: u16 = 9;
        const TIME_OFFSET: u16 = 14;
        let order = self.order;
        let (Some(link), Some(most)) = (order.u16(body, 0), order.u32(body, 4)) else {
            return Err(Fault::Length(length));
        };
        let mut interface = Interface { link, most, ..Interface::NEW };
        let mut options = body.get(FIXED_BYTES..).unwrap_or(&[]);
        // Each option takes 4 bytes or more, so this ends.
        while let (Some(code), Some(bytes)) = (order.u16(options, 0), order.u16(options, 2)) {
            let Some((_, rest)) = options.split_at_checked(4) else { break };
            match (code, bytes) {
                (END_OF_OPTIONS, _) => break,
                (TIME_RESOLUTION, 1) => interface.resolution = rest.first().copied().unwrap_or(interface.resolution),
                (TIME_OFFSET, 8) => interface.offset_s = order.i64(rest).unwrap_or(0),
                _ => {}
            }
            let Some((_, behind)) = rest.split_at_checked(usize::from(bytes).next_multiple_of(4)) else { break };
            options = behind;
        }
        if self.interfaces.push(interface) { Ok(()) } else { Err(Fault::Interfaces) }
    }

    fn interface(&self, number: u32) -> Result<Interface, Fault> {
        self.interfaces.get(number).ok_or(Fault::Interface(number))
    }

    /// Decodes a packet with interface (or interface and drop count), time and both lengths.
    fn packet<'a>(&self, body: &'a [u8], number: Option<u32>) -> Result<Option<Captured<'a>>, Fault> {
        const FIXED_BYTES: usize = 20;
        let word = |at| self.order.u32(body, at);
        let (Some(number), Some(high), Some(low), Some(captured), Some(sent)) =
            (number, word(4), word(8), word(12), word(16))
        else {
            return Ok(None);
        };
        let interface = self.interface(number)?;
        let Some(bytes) = body.get(FIXED_BYTES..).and_then(|b| b.get(..captured as usize)) else { return Ok(None) };
        let time_ns = interface.time_ns(u64::from(high) << 32 | u64::from(low));
        Ok(Some(Captured { time_ns, link: interface.link.into(), is_cut: captured < sent, bytes }))
    }

    /// Decodes a packet with its length only.
    fn simple<'a>(&self, body: &'a [u8]) -> Result<Option<Captured<'a>>, Fault> {
        let Some(sent) = self.order.u32(body, 0) else { return Ok(None) };
        let interface = self.interface(0)?;
        let captured = if interface.most == 0 { sent } else { sent.min(interface.most) };
        let Some(bytes) = body.get(4..).and_then(|b| b.get(..captured as usize)) else { return Ok(None) };
        Ok(Some(Captured { time_ns: 0, link: interface.link.into(), is_cut: captured < sent, bytes }))
    }
}
