//! Rare features of the formats: time offsets, many interfaces and sections, the modified pcap,
//! lengths of zero.

use super::packets::Shape;
use super::sections::Described;
use super::walk;
use proptest::prelude::*;
use vvp_core::wire::capture::{CaptureError, CaptureFile, Datagram, Fault, InterfaceTable, NotUdp, Step};

const NG: Shape = Shape { ng: true, ..Shape::PLAIN };
const PLAIN: Described = Described { resolution: None, offset_s: None };

fn both_orders() -> [Shape; 2] {
    [false, true].map(|big| Shape { big, ..NG })
}

fn times(file: &[u8]) -> Vec<u64> {
    let (found, end) = walk(file, 64);
    assert_eq!(end, Ok(()));
    found.into_iter().map(|(time, ..)| time).collect()
}

#[test]
fn time_offset_of_an_interface_is_added_to_its_times() {
    const DAY_S: i64 = 1_700_000_000;
    for shape in both_orders() {
        let packet = shape.packet(1, b"hello");
        let interfaces = [
            Described { offset_s: Some(DAY_S), ..PLAIN },
            Described { resolution: Some(9), offset_s: Some(DAY_S) },
            // 2^-10 seconds.
            Described { resolution: Some(0x8a), offset_s: Some(-10) },
            // Whole seconds: the offset has the same unit whatever the resolution.
            Described { resolution: Some(0), offset_s: Some(5) },
            PLAIN,
        ];
        let units = [7, 7, 20 << 10, 3, 7];
        let packets: Vec<_> = (0u32..).zip(units).map(|(n, units)| (n, units, packet.clone())).collect();
        let day = 1_700_000_000_000_000_000;
        let expect = [day + 7_000, day + 7, 10_000_000_000, 8_000_000_000, 7_000];
        assert_eq!(times(&shape.section(&interfaces, &packets)), expect, "{shape:?}");
    }
}

#[test]
fn time_offsets_beyond_the_clock_are_clamped() {
    let shape = NG;
    let of = |offset_s, units| {
        let interface = Described { offset_s: Some(offset_s), resolution: Some(9) };
        times(&shape.section(&[interface], &[(0, units, shape.packet(1, b""))]))[0]
    };
    assert_eq!(of(-1, 999_999_999), 0);
    assert_eq!(of(-1, 1_000_000_001), 1);
    assert_eq!(of(i64::MIN, 5), 0);
    assert_eq!(of(i64::MAX, u64::MAX), u64::MAX);
}

#[test]
fn options_after_the_end_mark_are_ignored() {
    for shape in both_orders() {
        let mut file = shape.section(&[Described { offset_s: Some(9), ..PLAIN }], &[(0, 1, shape.packet(1, b""))]);
        // The option before it, a name of three letters, becomes the end mark.
        let name = file.windows(3).position(|w| w == b"eth").unwrap();
        file[name - 4..name].fill(0);
        assert_eq!(times(&file), [1_000]);
    }
}

#[test]
fn sections_have_their_own_interfaces_and_byte_orders() {
    let mut file = Vec::new();
    for (shape, offset) in both_orders().into_iter().zip([100, 200]) {
        let interface = Described { offset_s: Some(offset), ..PLAIN };
        file.extend(shape.section(&[interface], &[(0, 1, shape.packet(1, b""))]));
    }
    assert_eq!(times(&file), [100_000_001_000, 200_000_001_000]);
    // A new section starts without the interfaces of the one before.
    let at = file.len() as u64 + 28;
    file.extend(NG.section(&[], &[(0, 1, NG.packet(1, b""))]));
    assert_eq!(walk(&file, 64).1, Err(CaptureError { offset: at, fault: Fault::Interface(0) }));
}

#[test]
fn larger_table_takes_more_interfaces() {
    for shape in both_orders() {
        let file = shape.section(&[PLAIN; 100], &[(99, 3, shape.packet(1, b"last"))]);
        let mut small = CaptureFile::with_interfaces(InterfaceTable::<99>::new());
        let mut large = CaptureFile::with_interfaces(InterfaceTable::<100>::new());
        let (mut at, mut found, mut fault) = (0, 0, None);
        while at < file.len() {
            if fault.is_none() {
                fault = small.next(&file[at..]).err();
            }
            at += match large.next(&file[at..]).unwrap() {
                Step::Packet { bytes, packet } => {
                    found += 1;
                    assert_eq!(packet.time_ns, 3_000);
                    bytes
                }
                Step::Other { bytes } => bytes,
                Step::More { .. } => panic!("the whole file was given"),
            };
        }
        assert_eq!((found, fault.map(|e| e.fault)), (1, Some(Fault::Interfaces)));
    }
}

#[test]
fn modified_pcap_is_read_in_both_byte_orders() {
    for big in [false, true] {
        let shape = Shape { big, nanos: false, ..Shape::PLAIN };
        let mut file = Vec::new();
        shape.u32(&mut file, 0xa1b2_cd34);
        file.extend_from_slice(&shape.file(&[])[4..]);
        assert!(CaptureFile::is_capture(&file));
        for (seconds, payload) in [(5u32, &b"one"[..]), (6, b"two")] {
            let packet = shape.packet(1, payload);
            let length = packet.len() as u32;
            for word in [seconds, 7, length, length, 2] {
                shape.u32(&mut file, word);
            }
            shape.u16(&mut file, 0x0800);
            file.extend([0, 0]);
            file.extend(packet);
        }
        let (found, end) = walk(&file, 30);
        assert_eq!(end, Ok(()));
        let datagrams: Vec<_> =
            found.iter().map(|(t, link, b)| (*t, Datagram::of(*link, b).unwrap().payload)).collect();
        assert_eq!(datagrams, [(5_000_007_000, &b"one"[..]), (6_000_007_000, b"two")]);
        let fault = walk(&file[..file.len() - 1], 30).1.unwrap_err().fault;
        assert_eq!(fault, Fault::Cut);
    }
}

#[test]
fn captures_of_other_formats_are_refused_by_name() {
    for magic in [0xa1b2_34cdu32, 0xa12b_3c4d, 0x1c00_01ab, 0x1c00_01ac] {
        for start in [magic.to_be_bytes(), magic.to_le_bytes()] {
            assert!(CaptureFile::is_capture(&start));
            let error = walk(&start, 4).1.unwrap_err();
            assert_eq!(error, CaptureError { offset: 0, fault: Fault::OtherFormat(start) });
        }
    }
    assert!(CaptureFile::is_capture(b"snoop\0\0\0"));
    let text = walk(b"snoop\0\0\0", 8).1.unwrap_err().to_string();
    assert_eq!(text, "at byte 0: a capture of a format that is not read (73 6e 6f 6f); save it as pcapng");
    assert!(!CaptureFile::is_capture(b"34200.1,1,1"));
}

/// Returns the offset of the IP header in a packet of a shape, found by its source address.
fn ip_header(shape: Shape, packet: &[u8]) -> usize {
    let end = if shape.v6 { &[60, 1, 0, 0, 0][..] } else { &[10, 0, 0, 1] };
    let before = if shape.v6 { 6 } else { 12 };
    packet.windows(end.len()).position(|w| w == end).unwrap() - before
}

#[test]
fn ip_length_of_zero_is_the_rest_of_the_packet() {
    for link in [1, 0, 101, 113, 276] {
        for (v6, tags) in [(false, 0), (true, 0), (false, 2), (true, 2)] {
            let shape = Shape { link, v6, tags, ..Shape::PLAIN };
            let mut packet = shape.packet(1, b"hello");
            let ip = ip_header(shape, &packet);
            let length = ip + if v6 { 4 } else { 2 };
            packet[length..length + 2].fill(0);
            // The UDP length still excludes the padding.
            assert_eq!(Datagram::of(link, &packet).unwrap().payload, b"hello", "{shape:?}");
            // Without it too, the payload is the rest of the packet.
            let udp = packet.windows(4).rposition(|w| w == [0, 5, 0x67, 0x6d]).unwrap();
            packet[udp + 4..udp + 6].fill(0);
            let padding = if matches!(link, 1 | 113 | 276) { 3 } else { 0 };
            let all = Datagram::of(link, &packet).unwrap().payload;
            assert_eq!((&all[..5], all.len()), (&b"hello"[..], 5 + padding), "{shape:?}");
            // Truncated within the headers it is short.
            packet.truncate(udp + 7);
            assert!(matches!(Datagram::of(link, &packet), Err(NotUdp::Short { .. })), "{shape:?}");
        }
    }
}

#[test]
fn truncated_packet_keeps_its_addresses() {
    for v6 in [false, true] {
        let shape = Shape { v6, tags: 1, ..Shape::PLAIN };
        let packet = shape.packet(1, b"hello");
        let whole = Datagram::of(1, &packet).unwrap();
        let payload = packet.windows(5).position(|w| w == b"hello").unwrap();
        for cut in 0..payload + 5 {
            assert!(matches!(Datagram::of(1, &packet[..cut]), Err(NotUdp::Short { .. })), "{cut}");
            let part = Datagram::partial(1, &packet[..cut]);
            if cut < payload {
                assert!(matches!(part, Err(NotUdp::Short { .. })), "{cut}");
            } else {
                let part = part.unwrap();
                assert_eq!((part.destination, part.source), (whole.destination, whole.source));
                assert_eq!(part.payload, &b"hello"[..cut - payload]);
            }
        }
        assert_eq!(Datagram::partial(1, &packet), Ok(whole));
    }
}

#[test]
fn udp_length_of_zero_needs_an_ip_length_of_zero() {
    for v6 in [false, true] {
        let shape = Shape { v6, ..Shape::PLAIN };
        let mut packet = shape.packet(1, b"hello");
        let udp = packet.windows(4).rposition(|w| w == [0, 5, 0x67, 0x6d]).unwrap();
        packet[udp + 4..udp + 6].fill(0);
        assert!(matches!(Datagram::of(1, &packet), Err(NotUdp::Malformed { .. })));
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]
    /// A packet's time is its units in seconds plus the interface's offset, for every offset and
    /// resolution.
    #[test]
    fn times_are_units_and_offset(
        big: bool,
        sent in prop::collection::vec((0u8..10, -2_000_000_000i64..4_000_000_000, 0u64..1 << 40), 1..40),
    ) {
        let shape = Shape { big, ..NG };
        let interfaces: Vec<_> =
            sent.iter().map(|&(power, offset, _)| Described { resolution: Some(power), offset_s: Some(offset) }).collect();
        let packets: Vec<_> =
            (0u32..).zip(&sent).map(|(n, &(.., units))| (n % 32, units, shape.packet(1, b""))).collect();
        let interfaces: Vec<_> = interfaces.into_iter().take(32).collect();
        let found = times(&shape.section(&interfaces, &packets));
        for (at, (found, &(.., units))) in found.iter().zip(&sent).enumerate() {
            let (power, offset, _) = sent[at % 32];
            let ns = i128::from(units) * 10i128.pow(9 - u32::from(power)) + i128::from(offset) * 1_000_000_000;
            prop_assert_eq!(u128::from(*found), ns.clamp(0, u64::MAX.into()) as u128);
        }
    }
}
