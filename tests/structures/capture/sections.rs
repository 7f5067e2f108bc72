//! A writer of pcapng sections whose interfaces have options.

use super::packets::Shape;

/// The options of an interface description.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Described {
    /// `if_tsresol`, if present.
    pub(crate) resolution: Option<u8>,
    /// `if_tsoffset` in seconds, if present.
    pub(crate) offset_s: Option<i64>,
}

impl Shape {
    /// Returns a section with these interfaces, all of the shape's link type, and packets by
    /// interface, time in units of that interface, and bytes.
    pub(crate) fn section(self, interfaces: &[Described], packets: &[(u32, u64, Vec<u8>)]) -> Vec<u8> {
        let (mut out, mut body) = (Vec::new(), Vec::new());
        self.u32(&mut body, 0x1a2b_3c4d);
        self.u16(&mut body, 1);
        self.u16(&mut body, 0);
        body.extend([0xff; 8]);
        self.block(&mut out, 0x0a0d_0d0a, &body);
        for interface in interfaces {
            body.clear();
            self.u16(&mut body, self.link as u16);
            self.u16(&mut body, 0);
            self.u32(&mut body, 0);
            // A name of three letters, so that the next options follow one with padding.
            self.u16(&mut body, 2);
            self.u16(&mut body, 3);
            body.extend(b"eth\0");
            if let Some(resolution) = interface.resolution {
                self.u16(&mut body, 9);
                self.u16(&mut body, 1);
                body.extend([resolution, 0, 0, 0]);
            }
            if let Some(offset) = interface.offset_s {
                self.u16(&mut body, 14);
                self.u16(&mut body, 8);
                body.extend(if self.big { offset.to_be_bytes() } else { offset.to_le_bytes() });
            }
            self.u32(&mut body, 0);
            self.block(&mut out, 1, &body);
        }
        for (interface, units, packet) in packets {
            body.clear();
            let length = packet.len() as u32;
            for word in [*interface, (units >> 32) as u32, *units as u32, length, length] {
                self.u32(&mut body, word);
            }
            body.extend(packet);
            body.resize(body.len().next_multiple_of(4), 0);
            self.block(&mut out, 6, &body);
        }
        out
    }
}
