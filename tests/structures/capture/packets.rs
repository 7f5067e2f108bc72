//! A plain writer of captures, for the tests of the reader.

/// The shape of a capture.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Shape {
    /// pcapng, else pcap.
    pub(crate) ng: bool,
    /// Most significant byte first.
    pub(crate) big: bool,
    /// Times of ns, else of µs.
    pub(crate) nanos: bool,
    /// The link type: 1, 0, 101, 113 or 276.
    pub(crate) link: u32,
    /// VLAN tags of each packet.
    pub(crate) tags: usize,
    /// IPv6, else IPv4.
    pub(crate) v6: bool,
}

impl Shape {
    /// pcap, Ethernet, IPv4, ns.
    pub(crate) const PLAIN: Self = Self { ng: false, big: false, nanos: true, link: 1, tags: 0, v6: false };

    pub(crate) fn u16(self, out: &mut Vec<u8>, n: u16) {
        out.extend(if self.big { n.to_be_bytes() } else { n.to_le_bytes() });
    }

    pub(crate) fn u32(self, out: &mut Vec<u8>, n: u32) {
        out.extend(if self.big { n.to_be_bytes() } else { n.to_le_bytes() });
    }

    /// Returns a UDP packet from 10.0.0.1 (or ::1) port 5 to group 233.0.0.`group` (or
    /// ff00::`group`) port 26477.
    pub(crate) fn packet(self, group: u8, payload: &[u8]) -> Vec<u8> {
        let kind: u16 = if self.v6 { 0x86dd } else { 0x0800 };
        let mut out = Vec::new();
        match self.link {
            0 => self.u32(&mut out, 2),
            101 => {}
            276 => {
                out.extend(if self.tags > 0 { 0x8100 } else { kind }.to_be_bytes());
                out.extend([0; 18]);
            }
            link => {
                out.extend(vec![1; if link == 113 { 14 } else { 12 }]);
                out.extend(if self.tags > 0 { 0x8100 } else { kind }.to_be_bytes());
            }
        }
        let tagged = matches!(self.link, 1 | 113 | 276);
        for tag in 0..if tagged { self.tags } else { 0 } {
            out.extend([0, 7]);
            out.extend(if tag + 1 < self.tags { 0x88a8 } else { kind }.to_be_bytes());
        }
        let udp = 8 + payload.len() as u16;
        if self.v6 {
            out.extend([0x60, 0, 0, 0]);
            // A destination options header comes first.
            out.extend((udp + 8).to_be_bytes());
            out.extend([60, 1]);
            out.extend([0; 15]);
            out.extend([1, 0xff]);
            out.extend([0; 14]);
            out.push(group);
            out.extend([17, 0, 1, 4, 0, 0, 0, 0]);
        } else {
            // A word of options.
            out.extend([0x46, 0]);
            out.extend((udp + 24).to_be_bytes());
            out.extend([0, 0, 0x40, 0, 1, 17, 0, 0, 10, 0, 0, 1, 233, 0, 0, group, 1, 1, 1, 1]);
        }
        out.extend([0, 5, 0x67, 0x6d]);
        out.extend(udp.to_be_bytes());
        out.extend([0, 0]);
        out.extend(payload);
        if tagged {
            out.extend([0; 3]); // padding
        }
        out
    }

    /// Returns a file of packets with their times in ns.
    pub(crate) fn file(self, packets: &[(u64, Vec<u8>)]) -> Vec<u8> {
        let mut out = Vec::new();
        if !self.ng {
            self.u32(&mut out, if self.nanos { 0xa1b2_3c4d } else { 0xa1b2_c3d4 });
            self.u16(&mut out, 2);
            self.u16(&mut out, 4);
            for word in [0, 0, 65_535, self.link] {
                self.u32(&mut out, word);
            }
            for (time, packet) in packets {
                let fraction = time % 1_000_000_000 / if self.nanos { 1 } else { 1_000 };
                let length = packet.len() as u32;
                for word in [(time / 1_000_000_000) as u32, fraction as u32, length, length] {
                    self.u32(&mut out, word);
                }
                out.extend(packet);
            }
            return out;
        }
        let mut body = Vec::new();
        self.u32(&mut body, 0x1a2b_3c4d);
        self.u16(&mut body, 1);
        self.u16(&mut body, 0);
        body.extend([0xff; 8]);
        self.block(&mut out, 0x0a0d_0d0a, &body);
        // An interface that no packet uses, and the one that all do.
        for link in [0, self.link] {
            body.clear();
            self.u16(&mut body, link as u16);
            self.u16(&mut body, 0);
            self.u32(&mut body, 0);
            if self.nanos {
                self.u16(&mut body, 9);
                self.u16(&mut body, 1);
                body.extend([9, 0, 0, 0]);
                self.u32(&mut body, 0);
            }
            self.block(&mut out, 1, &body);
        }
        // A statistics block, which readers skip.
        self.block(&mut out, 5, &[0; 12]);
        for (time, packet) in packets {
            let units = if self.nanos { *time } else { time / 1_000 };
            let length = packet.len() as u32;
            body.clear();
            for word in [1, (units >> 32) as u32, units as u32, length, length] {
                self.u32(&mut body, word);
            }
            body.extend(packet);
            body.resize(body.len().next_multiple_of(4), 0);
            self.block(&mut out, 6, &body);
        }
        out
    }

    pub(crate) fn block(self, out: &mut Vec<u8>, kind: u32, body: &[u8]) {
        let length = body.len() as u32 + 12;
        self.u32(out, kind);
        self.u32(out, length);
        out.extend(body);
        self.u32(out, length);
    }
}
