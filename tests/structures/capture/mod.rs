//! Captures round-trip in every format, link type and piece size; anything else is an error with
//! its offset.

mod formats;
mod packets;
mod sections;

use packets::Shape;
use proptest::prelude::*;
use vvp_core::wire::capture::{CaptureError, CaptureFile, Datagram, Fault, NotUdp, Step};

fn shape() -> impl Strategy<Value = Shape> {
    let link = prop::sample::select(vec![1, 0, 101, 113, 276]);
    (any::<[bool; 4]>(), link, 0usize..5).prop_map(|([ng, big, nanos, v6], link, tags)| Shape {
        ng,
        big,
        nanos,
        link,
        tags,
        v6,
    })
}

/// Time, link type and bytes of each packet, and how the file ended.
type Walked = (Vec<(u64, u32, Vec<u8>)>, Result<(), CaptureError>);

/// Reads a file in pieces of `piece` bytes; returns all packets, and how it ended.
fn walk(file: &[u8], piece: usize) -> Walked {
    let (mut capture, mut found) = (CaptureFile::new(), Vec::new());
    let (mut at, mut have) = (0, 0);
    loop {
        have = have.max(at).min(file.len());
        let before = capture.offset();
        let used = match capture.next(&file[at.min(have)..have]) {
            Ok(Step::More { bytes }) if at + bytes > file.len() => {
                let fault = Fault::Cut;
                let end = if at == file.len() { Ok(()) } else { Err(CaptureError { offset: capture.offset(), fault }) };
                return (found, end);
            }
            Ok(Step::More { bytes }) => {
                assert!(at + bytes > have, "more than was given");
                have = (have + piece).max(at + bytes);
                continue;
            }
            Ok(Step::Other { bytes }) => bytes,
            Ok(Step::Packet { bytes, packet }) => {
                found.push((packet.time_ns, packet.link, packet.bytes.to_vec()));
                bytes
            }
            Err(e) => {
                assert_eq!(capture.next(&file[at.min(have)..have]), Err(e));
                return (found, Err(e));
            }
        };
        assert!(used > 0);
        at += used;
        assert_eq!(capture.offset(), at as u64);
        if at > file.len() {
            return (found, Err(CaptureError { offset: before, fault: Fault::Cut }));
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(300))]
    #[test]
    fn captures_round_trip(
        shape in shape(),
        sent in prop::collection::vec((0u64..1 << 60, any::<u8>(), prop::collection::vec(any::<u8>(), 0..80)), 0..6),
        piece in 1usize..200,
    ) {
        let seconds_fit = |t: u64| t % (u64::from(u32::MAX) * 1_000_000_000);
        let packets: Vec<_> =
            sent.iter().map(|(t, group, payload)| (seconds_fit(*t), shape.packet(*group, payload))).collect();
        let (found, end) = walk(&shape.file(&packets), piece);
        prop_assert_eq!(end, Ok(()));
        prop_assert_eq!(found.len(), sent.len());
        for ((time, link, bytes), ((expect, _), (_, group, payload))) in found.iter().zip(packets.iter().zip(&sent)) {
            prop_assert_eq!(*time, if shape.nanos { *expect } else { expect / 1_000 * 1_000 });
            let datagram = Datagram::of(*link, bytes).unwrap();
            prop_assert_eq!(datagram.payload, &payload[..]);
            prop_assert_eq!((datagram.source.port, datagram.destination.port), (5, 26_477));
            let ip = datagram.destination.ip;
            prop_assert_eq!(ip.octets()[15], *group);
            prop_assert!(ip.is_multicast() || ip.to_ipv4_mapped().is_some_and(|ip| ip.is_multicast()));
        }
    }

    /// Truncated anywhere: whole packets before the cut, and the offset of the cut one. Any byte
    /// changed: no panic.
    #[test]
    fn truncated_captures_report_the_offset(
        shape in shape(), cut in any::<prop::sample::Index>(), spoiled in any::<prop::sample::Index>(), with: u8,
    ) {
        let mut file = shape.file(&[(1, shape.packet(1, b"one")), (2, shape.packet(2, b"two"))]);
        let whole = walk(&file, 64).0;
        let (found, end) = walk(&file[..cut.index(file.len())], 7);
        prop_assert!(whole.starts_with(&found));
        if let Err(e) = end {
            prop_assert_eq!(e.fault, Fault::Cut);
            prop_assert!(e.offset < cut.index(file.len()) as u64);
        }
        let at = spoiled.index(file.len());
        file[at] = with;
        for (_, link, bytes) in walk(&file, 50).0 {
            let _ = Datagram::of(link, &bytes);
        }
    }

    #[test]
    fn random_bytes_cause_no_panic(link in 0u32..300, bytes in prop::collection::vec(any::<u8>(), 0..90)) {
        let _ = Datagram::of(link, &bytes);
        let _ = walk(&bytes, 16);
    }
}

#[test]
fn other_packets_are_refused_with_the_reason() {
    let plain = Shape::PLAIN;
    let good = plain.packet(1, b"hello");
    let of = |change: &dyn Fn(&mut Vec<u8>)| {
        let mut packet = good.clone();
        change(&mut packet);
        Datagram::of(1, &packet).map(|d| d.payload.len())
    };
    assert_eq!(of(&|_| ()), Ok(5));
    assert_eq!(of(&|p| p.truncate(13)), Err(NotUdp::Short { offset: 0 }));
    assert_eq!(of(&|p| p.truncate(30)), Err(NotUdp::Short { offset: 14 }));
    // Truncated within the datagram: the IP header has its whole length.
    assert_eq!(of(&|p| p.truncate(p.len() - 4)), Err(NotUdp::Short { offset: 14 }));
    assert_eq!(of(&|p| p[13] = 6), Err(NotUdp::Protocol(0x0806)));
    assert_eq!(of(&|p| p[14] = 0x44), Err(NotUdp::Malformed { offset: 14 }));
    assert_eq!(of(&|p| p[20] = 0x20), Err(NotUdp::Fragment));
    assert_eq!(of(&|p| p[23] = 6), Err(NotUdp::Transport(6)));
    assert_eq!(of(&|p| p[43] = 7), Err(NotUdp::Malformed { offset: 38 }));
    assert_eq!(of(&|p| p[43] = 14), Err(NotUdp::Short { offset: 46 }));
    assert_eq!(Datagram::of(105, &good), Err(NotUdp::Link(105)));
    assert_eq!(Datagram::of(101, &[0x10; 40]), Err(NotUdp::Malformed { offset: 0 }));
    let tagged = Shape { tags: 5, ..plain };
    assert_eq!(Datagram::of(1, &tagged.packet(1, b"")), Err(NotUdp::Protocol(0x88a8)));
}

#[test]
fn damaged_files_are_refused_with_the_offset() {
    let ng = Shape { ng: true, ..Shape::PLAIN };
    let file = ng.file(&[(1, ng.packet(1, b"one"))]);
    let (section, interface) = (28, 20 + 12);
    let packet = section + 2 * interface + 24;
    let fault = |at: usize, byte: u8| {
        let mut file = file.clone();
        file[at] = byte;
        walk(&file, 1000).1.unwrap_err()
    };
    let error = |offset: usize, fault| CaptureError { offset: offset as u64, fault };
    assert_eq!(fault(0, 1), error(0, Fault::NoCapture));
    assert_eq!(fault(12, 2), error(0, Fault::Version));
    assert_eq!(fault(section + 4, 33), error(section, Fault::Length(33)));
    assert_eq!(fault(section + interface - 4, 8), error(section, Fault::Trailer));
    assert_eq!(fault(packet + 8, 2), error(packet, Fault::Interface(2)));
    assert_eq!(fault(packet + 21, 1).offset, packet as u64);
    assert_eq!(walk(&file[..packet + 5], 1000).1, Err(error(packet, Fault::Cut)));
    let mut many = file[..section].to_vec();
    for _ in 0..33 {
        many.extend(&file[section..section + interface]);
    }
    assert_eq!(walk(&many, 1000).1, Err(error(section + 32 * interface, Fault::Interfaces)));
    let pcap = Shape::PLAIN.file(&[]);
    assert_eq!(walk(&[&pcap[..], &[0xff; 16]].concat(), 1000).1, Err(error(24, Fault::Length(u32::MAX))));
}
