//! Any bytes as MoldUDP64 datagrams over two lines: packets come back byte for byte, numbers rise,
//! nothing panics.
//!
//! Each datagram stands behind a byte with its length; bit 7 of that is the line.
#![no_main]

use libfuzzer_sys::fuzz_target;
use vvp_core::wire::mold::{Kind, Merge, Packet, encode, request};

fuzz_target!(|bytes: &[u8]| {
    let mut bytes = bytes;
    let mut merge = Merge::<4, 64>::new(0);
    let mut last = None;
    let mut sink = |n: u64, _: &[u8]| {
        assert!(last.is_none_or(|l| n > l), "numbers rise");
        last = Some(n);
    };
    while let Some((&length, rest)) = bytes.split_first() {
        let (datagram, rest) = rest.split_at(usize::from(length & 0x7f).min(rest.len()));
        bytes = rest;
        if let Ok(packet) = Packet::read(datagram) {
            let blocks: Vec<&[u8]> = packet.blocks().map(|b| b.1).collect();
            let mut out = [0; 128];
            let header = packet.header();
            if packet.kind() == Kind::Request {
                assert_eq!(&request(header.session(), header.sequence(), header.count())[..], datagram);
            } else {
                let end = header.count() == u16::MAX;
                let n = encode(header.session(), header.sequence(), &blocks, end, &mut out).expect("room");
                assert_eq!(&out[..n], datagram);
            }
        }
        let _ = merge.receive(length > 0x7f, datagram, &mut sink);
    }
    while merge.give_up(&mut sink).is_some() {}
});
