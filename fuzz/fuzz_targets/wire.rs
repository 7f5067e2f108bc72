//! Any bytes as ITCH frames, as a compressed file, as MoldUDP64 datagrams over two lines, and as a capture: nothing may
//! panic, messages come back byte for byte, the market stays consistent, numbers rise.
#![no_main]

use libfuzzer_sys::fuzz_target;
use vvp_core::wire::capture::{CaptureFile, Datagram, Step};
use vvp_core::wire::frame::{self, Frames};
use vvp_core::wire::itch::Message;
use vvp_core::wire::mold::{Merge, Packet, encode};
use vvp_std_adapter::itch::Lines;
use vvp_std_adapter::itch::market::Market;
use zerocopy::FromZeros;

fuzz_target!(|bytes: &[u8]| {
    let Some((what, bytes)) = bytes.split_first() else { return };
    match what % 4 {
        0 => itch(bytes),
        1 => mold(bytes),
        2 => capture(bytes),
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

/// A capture file: blocks, datagrams, and all of it as a reader gives it.
fn capture(bytes: &[u8]) {
    let (mut file, mut rest) = (CaptureFile::new(), bytes);
    while let Ok(step) = file.next(rest) {
        let used = match step {
            Step::More { bytes } => {
                assert!(bytes > rest.len());
                break;
            }
            Step::Other { bytes } => bytes,
            Step::Packet { bytes, packet } => {
                let _ = Datagram::of(packet.link, packet.bytes);
                bytes
            }
        };
        let Some(behind) = rest.get(used..) else { break };
        assert!(used > 0);
        rest = behind;
    }
    let mut messages = Vec::new();
    let Ok(mut reader) = Lines::new([std::io::Cursor::new(bytes.to_vec())]) else { return };
    if std::io::Read::read_to_end(&mut reader, &mut messages).is_ok() {
        let mut frames = Frames::new(&messages);
        while frames.next().is_some() {}
        assert!(frames.finish().is_ok(), "only whole frames");
    }
}

fn unpacked(bytes: &[u8]) {
    use std::io::Read;
    let Ok(reader) = vvp_std_adapter::packed::unpacked(std::io::Cursor::new(bytes.to_vec())) else { return };
    // A small file may unpack to a big one.
    let _ = reader.take(1 << 20).read_to_end(&mut Vec::new());
}
