//! ITCH out of captured MoldUDP64: one line or two, in one capture or two, whatever was lost,
//! repeated or reordered.

// What is written here is what the codec's own tests read.

use std::fs;
use std::io::{Cursor, Read};
use std::path::PathBuf;
use std::process::Command;

use crate::packets::Shape;
use proptest::prelude::*;
use vvp_core::wire::field::{Nanos48, Price4, Text};
use vvp_core::wire::frame::{self, Frames};
use vvp_core::wire::itch::{AddOrder, BuySell, Stamp};
use vvp_core::wire::mold::{Gap, Session, encode};
use vvp_replay::itch::{Lines, Odd};
use zerocopy::IntoBytes;

const DAY: Session = Session::new(*b"20121231  ");

fn mold(session: Session, sequence: u64, messages: &[&[u8]]) -> Vec<u8> {
    let mut out = vec![0; 2000];
    let n = encode(session, sequence, messages, false, &mut out).unwrap();
    out.truncate(n);
    out
}

/// A message that carries its number.
fn message(number: u64) -> Vec<u8> {
    let stamp = Stamp { locate: 1, tracking: 0, time: Nanos48::new(number).unwrap() };
    let add = AddOrder::new(stamp).with_reference(number).with_side(BuySell::Buy).with_shares(1);
    add.with_stock(Text::new(b"ABC").unwrap()).with_price(Price4::new(10_000)).as_bytes().to_vec()
}

/// The numbers of the messages that come out.
fn numbers(lines: &mut Lines<'_>) -> Vec<u64> {
    let mut out = Vec::new();
    lines.read_to_end(&mut out).unwrap();
    let mut frames = Frames::new(&out);
    let found = frames.by_ref().map(|(_, m)| u64::from_be_bytes(m[11..19].try_into().unwrap())).collect();
    assert_eq!(frames.finish(), Ok(()));
    found
}

/// Where line A (1) and line B (2) send what each gets; 0 packets late is in its turn.
type Fate = Option<u64>;

fn fate() -> impl Strategy<Value = Fate> {
    prop_oneof![3 => Just(Some(0)), 1 => (0u64..6).prop_map(Some), 1 => Just(None)]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(100))]
    /// Both lines in one capture, or each in its own: what came on either comes once, in order; the
    /// rest is a gap.
    #[test]
    fn two_lines_are_one_stream(
        fates in prop::collection::vec((1u64..4, fate(), fate()), 1..30),
        together: bool, ng: bool, v6: bool, big: bool,
    ) {
        let shape = Shape { ng, v6, big, ..Shape::PLAIN };
        let (mut next, mut expect, mut lost) = (1u64, Vec::new(), 0);
        let mut lines: [Vec<(u64, Vec<u8>)>; 2] = Default::default();
        for (at, &(count, a, b)) in (0u64..).zip(&fates) {
            let all: Vec<Vec<u8>> = (next..next + count).map(message).collect();
            let bytes = mold(DAY, next, &all.iter().map(Vec::as_slice).collect::<Vec<_>>());
            for (line, fate) in [(0, a), (1, b)] {
                if let Some(late) = fate {
                    // Line B is a little behind.
                    lines[line].push(((at + late) * 1_000_000 + line as u64 * 1_000, shape.packet(line as u8 + 1, &bytes)));
                }
            }
            if a.is_some() || b.is_some() {
                expect.extend(next..next + count);
            } else {
                lost += count;
            }
            next += count;
        }
        // The end of session gives the last number.
        let end = shape.packet(1, &mold(DAY, next, &[]));
        lines[0].push((1 << 50, end));
        for line in &mut lines {
            line.sort_by_key(|p| p.0);
        }
        // Messages before the first packet are not known to be missing.
        let first = lines.iter().flatten().min_by_key(|p| p.0).map(|p| p.1.clone()).unwrap();
        let files = if together {
            let mut all = lines.concat();
            all.sort_by_key(|p| p.0);
            vec![shape.file(&all)]
        } else {
            lines.iter().map(|line| shape.file(line)).collect()
        };
        let first = u64::from_be_bytes(first[first.len() - tail(&first)..][10..18].try_into().unwrap());
        let before = expect.iter().filter(|&&n| n < first).count() as u64;
        expect.retain(|&n| n >= first);
        let mut lines = Lines::new(files.into_iter().map(Cursor::new)).unwrap();
        prop_assert_eq!(numbers(&mut lines), expect.clone());
        let stats = lines.stats();
        prop_assert_eq!(stats.mold.messages, expect.len() as u64);
        prop_assert_eq!(stats.mold.lost + expect.len() as u64, next - first);
        prop_assert!(stats.mold.lost <= lost + before);
        prop_assert_eq!(stats.is_damaged(), stats.mold.lost > 0);
    }
}

/// How many bytes the datagram at the end of a packet has, its padding included.
fn tail(packet: &[u8]) -> usize {
    let start = packet.windows(10).position(|w| w == DAY.bytes()).unwrap();
    packet.len() - start
}

#[test]
fn odd_packets_are_counted_with_their_places() {
    let shape = Shape::PLAIN;
    let one = mold(DAY, 1, &[&message(1)]);
    let other = Session::new(*b"TOMORROW  ");
    let mut fragment = shape.packet(1, &one);
    fragment[20] = 0x20;
    let mut tcp = shape.packet(1, &one);
    tcp[23] = 6;
    let mut short = shape.packet(1, &one);
    short.truncate(50);
    let mut leftover = one.clone();
    leftover.push(0);
    let packets: Vec<(u64, Vec<u8>)> = [
        tcp,
        shape.packet(1, &one),
        fragment,
        short,
        shape.packet(1, b"no mold"),
        shape.packet(1, &leftover),
        shape.packet(1, &mold(other, 1, &[&message(9)])),
        // Messages without numbers.
        shape.packet(1, &mold(other, 0, &[&message(7), b""])),
        shape.packet(1, &mold(DAY, 3, &[&message(3)])),
        shape.packet(1, &mold(DAY, 5, &[])),
    ]
    .into_iter()
    .map(|packet| (1, packet))
    .collect();
    let file = shape.file(&packets);
    let mut lines = Lines::new([&file[..]]).unwrap();
    assert_eq!(numbers(&mut lines), [1, 7, 3]);
    let stats = lines.stats();
    for (kind, count) in Odd::ALL.into_iter().zip([1, 1, 1, 0, 1, 1, 1]) {
        assert_eq!(stats.odd[kind as usize], count, "{}", kind.name());
    }
    assert_eq!((stats.unnumbered, stats.gaps), (2, 2));
    assert_eq!(stats.first_gaps[..2], [Some(Gap { from: 2, to: 3 }), Some(Gap { from: 4, to: 5 })]);
    assert_eq!(stats.first_odd[Odd::OtherTraffic as usize], 24);
    assert_eq!(stats.first_odd[Odd::Fragment as usize], 24 + 2 * (16 + packets[0].1.len() as u64));
}

#[test]
fn a_gap_is_given_up_when_too_many_packets_wait() {
    let shape = Shape::PLAIN;
    let numbers_sent: Vec<u64> = [1].into_iter().chain(3..=200).collect();
    let packets: Vec<_> = numbers_sent.iter().map(|&n| (n, shape.packet(1, &mold(DAY, n, &[&message(n)])))).collect();
    let mut lines = Lines::new([Cursor::new(shape.file(&packets))]).unwrap();
    assert_eq!(numbers(&mut lines), numbers_sent);
    assert_eq!((lines.stats().gaps, lines.stats().mold.lost), (1, 1));
}

#[test]
fn the_command_line_reads_captures() {
    let folder = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join("itch-lines");
    let _ = fs::remove_dir_all(&folder);
    fs::create_dir_all(&folder).unwrap();
    let (plain, ng) = (Shape::PLAIN, Shape { ng: true, tags: 1, ..Shape::PLAIN });
    let send = |shape: Shape, line: u8, lost: u64| {
        let numbers = (1..=20).filter(|&n| n != lost && n != 15);
        let packets: Vec<_> =
            numbers.map(|n| (n * 1000 + u64::from(line), shape.packet(line, &mold(DAY, n, &[&message(n)])))).collect();
        shape.file(&packets)
    };
    let (a, b) = (send(plain, 1, 5), send(ng, 2, 10));
    fs::write(folder.join("a.pcap"), &a).unwrap();
    fs::write(folder.join("b.pcapng"), b).unwrap();
    fs::write(folder.join("cut.pcap"), &a[..a.len() - 1]).unwrap();
    let mut plain_file = Vec::new();
    for n in (1..=20).filter(|&n| n != 15) {
        let mut bytes = [0; 64];
        let length = frame::write(&message(n), &mut bytes).unwrap();
        plain_file.extend_from_slice(&bytes[..length]);
    }
    fs::write(folder.join("day.itch"), plain_file).unwrap();
    let replay = |args: &str| {
        let mut command = Command::new(env!("CARGO_BIN_EXE_vvpx"));
        let done = command.current_dir(&folder).arg("replay").args(args.split_whitespace()).output().unwrap();
        (done.status.code(), String::from_utf8(done.stdout).unwrap(), String::from_utf8(done.stderr).unwrap())
    };
    let json = |args: &str| {
        let (code, out, err) = replay(args);
        assert_eq!(code, Some(0), "{err}");
        serde_json::from_str::<serde_json::Value>(&out).unwrap()
    };
    let both = json("a.pcap b.pcapng --json");
    assert_eq!(both["stocks"], json("day.itch --json")["stocks"]);
    let lines = &both["lines"];
    assert_eq!(lines["packets"].to_string(), "[18,18]");
    assert_eq!(lines["first"].to_string(), "[18,1]");
    assert_eq!((&lines["gaps"], lines["first_gaps"].to_string()), (&1.into(), "[[15,16]]".into()));
    assert_eq!(json("b.pcapng --json")["lines"]["lost"], 2);

    let (code, out, _) = replay("a.pcap b.pcapng");
    assert_eq!(code, Some(0));
    assert!(out.contains("line B: 18 packets, 1 brought something new, 17 were known\n"), "{out}");
    assert!(out.contains("1 messages lost in 1 gaps\n  lost: 15 to 15\n"), "{out}");
    for (args, says) in [
        ("a.pcap b.pcapng --strict", "messages or packets are lost or cannot be read: a.pcap + b.pcapng: "),
        ("cut.pcap", "the capture ends within a block: byte 2115 of cut.pcap: get the whole file"),
    ] {
        let (code, _, err) = replay(args);
        assert_eq!(code, Some(1), "{args}: {err}");
        assert!(err.starts_with("vvpx replay: ") && err.contains(says), "{args}: {err}");
    }
}
