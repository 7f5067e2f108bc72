//! Any bytes as ITCH frames, as a compressed or plain file for a market, and as MoldUDP64 datagrams over two lines:
//! nothing may panic, messages come back byte for byte, the market stays consistent, numbers rise.
#![no_main]

use libfuzzer_sys::fuzz_target;
use vvp_core::wire::frame::{self, Frames};
use vvp_core::wire::itch::Message;
use vvp_core::wire::mold::{Merge, Packet, encode};
use vvp_std_adapter::itch::market::Market;
use zerocopy::FromZeros;

fuzz_target!(|bytes: &[u8]| {
    let Some((what, bytes)) = bytes.split_first() else { return };
    match what % 3 {
        0 => itch(bytes),
        1 => mold(bytes),
        _ => unpacked(bytes),
    }
});

fn itch(bytes: &[u8]) {
    let mut market = Market::<32, 64, 16, 256>::new_box_zeroed().expect("memory");
    market.set_checksum(true);
    let mut out = vec![0; bytes.len()];
    let mut at = 0;
    let mut frames = Frames::new(bytes);
    for (offset, message) in frames.by_ref() {
        assert_eq!(offset as usize, at);
        at += frame::write(message, &mut out[at..]).expect("as long as what was read");
        match Message::decode(message) {
            Ok(decoded) => {
                assert_eq!(decoded.as_bytes(), message);
                let _ = format!("{decoded:?}");
                market.apply(offset, &decoded);
            }
            Err(bad) => market.bad(offset, &bad),
        }
    }
    assert_eq!(out[..at], bytes[..at]);
    let _ = frames.finish();
    market.check_invariants();
}

/// Datagrams of a length byte each; bit 7 of it is the line.
fn mold(mut bytes: &[u8]) {
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
            let end = header.count() == u16::MAX;
            let n = encode(header.session(), header.sequence(), &blocks, end, &mut out).expect("room");
            assert_eq!(&out[..n], datagram);
        }
        let _ = merge.receive(length > 0x7f, datagram, &mut sink);
    }
    while merge.give_up(&mut sink).is_some() {}
}

fn unpacked(bytes: &[u8]) {
    use std::io::Read;
    let Ok(reader) = vvp_std_adapter::packed::unpacked(std::io::Cursor::new(bytes.to_vec())) else { return };
    // A small file may unpack to a big one.
    let _ = reader.take(1 << 20).read_to_end(&mut Vec::new());
}
