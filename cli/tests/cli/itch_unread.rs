//! A replay reports at its end what was not read: one line on standard error, and exit code 1.

use std::fs::File;
use std::io::Write;
use std::process::{Command, Stdio};

use crate::feed::{Desk, end, frames, message, mold};
use crate::packets::Shape;
use vvp_core::wire::field::{Nanos48, Price4, Text};
use vvp_core::wire::itch::{AddOrder, BuySell, Stamp, StockDirectory};
use zerocopy::IntoBytes;

fn gzipped(bytes: &[u8]) -> Vec<u8> {
    let mut out = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    out.write_all(bytes).unwrap();
    out.finish().unwrap()
}

/// Packets of a shape, 1 ms apart.
fn capture(shape: Shape, packets: impl IntoIterator<Item = Vec<u8>>) -> Vec<u8> {
    shape.file(&(0u64..).step_by(1_000_000).zip(packets).collect::<Vec<_>>())
}

#[test]
fn bytes_after_a_zero_length_are_reported() {
    let desk = Desk::new("unread-zero");
    let (one, two) = (frames(&[message(1), message(2)]), frames(&[message(3)]));
    let part = [&one[..], &[0, 0]].concat();
    let whole = [&part[..], &two].concat();
    desk.put("day.itch", &whole);
    desk.put("day.itch.gz", gzipped(&whole));
    for name in ["day.itch", "day.itch.gz", "-"] {
        let (json, err) = desk.json_of(name, &whole, 1);
        let called = if name == "-" { "<stdin>" } else { name };
        let says = format!("{} bytes after a zero length at byte {} of {called}", two.len(), one.len());
        assert_eq!(err, format!("vvpx replay: not all was read: {says}\n"));
        assert_eq!((&json["total"]["messages"], &json["not_read"]), (&2.into(), &serde_json::json!([says])));
    }
    // Two files with an end each are all read, and nothing but zeros is padding, however long.
    desk.put("part1.itch", &part);
    desk.put("part2.itch", &two);
    assert_eq!(desk.json("part1.itch part2.itch --strict", 0).0["total"]["messages"], 3);
    let padded = [&part[..], &vec![0; 700_000]].concat();
    desk.put("padded.itch", &padded);
    assert_eq!(desk.json("padded.itch", 0).0["not_read"], serde_json::json!([]));
    // More than is read in a piece, and a byte behind it.
    desk.put("long.itch", [&padded[..], &[7]].concat());
    assert!(desk.json("long.itch", 1).1.contains(" 700001 bytes after a zero length at byte 76 of long.itch"));
    // With nothing before it: no message at all.
    desk.put("first.itch", [&[0, 0], &two[..]].concat());
    let (code, out, err) = desk.replay("first.itch", b"");
    assert_eq!((code, out.as_str()), (1, ""));
    let says = "no ITCH message: first.itch: 38 bytes after a zero length at byte 0 of first.itch; is this";
    assert!(err.contains(says), "{err}");
}

#[test]
fn short_and_non_udp_packets_are_reported_with_offset() {
    let desk = Desk::new("unread-packets");
    for (name, ng) in [("a.pcap", false), ("a.pcapng", true)] {
        let shape = Shape { ng, ..Shape::PLAIN };
        let good: Vec<_> = (1..=3).map(|n| shape.packet(1, &mold("MINE", n, &[message(n)]))).collect();
        let spoiled = |change: &dyn Fn(&mut Vec<u8>)| {
            let mut packet = good[0].clone();
            change(&mut packet);
            packet
        };
        for (odd, says) in [
            (spoiled(&|p| p.truncate(50)), "1 packet captured in part (short), first at byte "),
            (spoiled(&|p| p[13] = 6), "1 packet with no UDP (other_traffic), first at byte "),
            (spoiled(&|p| p[23] = 6), "1 packet with no UDP (other_traffic), first at byte "),
            (spoiled(&|p| p[20] = 0x20), "1 packet with a part of a datagram (fragment), first at byte "),
            (spoiled(&|p| p[14] = 0x41), "1 packet with a header that cannot be (malformed), first at byte "),
            (shape.packet(1, b"ntp"), "1 packet of UDP without MoldUDP64 (not_mold), first at byte "),
            (shape.packet(1, &[0; 48]), "1 packet of UDP without MoldUDP64 (not_mold), first at byte "),
            (
                shape.packet(1, &[&mold("MINE", 4, &[message(4)])[..], b"x"].concat()),
                "1 packet with blocks of a wrong length (bad_blocks), first at byte ",
            ),
        ] {
            desk.put(name, capture(shape, [good[0].clone(), odd, good[1].clone(), good[2].clone()]));
            let (json, err) = desk.json(name, 1);
            assert_eq!(json["total"]["messages"], 3);
            assert!(err.starts_with(&format!("vvpx replay: not all was read: {says}")), "{err}");
            assert!(err.contains(&format!(" of {name}")), "{err}");
        }
        // All of them cut, as with too small a snap length: no hint at another format alone.
        let cut = good.iter().map(|p| p[..p.len() - 10].to_vec());
        desk.put(name, capture(shape, cut));
        let (code, _, err) = desk.replay(name, b"");
        assert_eq!(code, 1);
        assert!(err.contains(&format!("no ITCH message: {name}: 3 packets captured in part (short)")), "{err}");
        assert!(err.contains("capture whole packets"), "{err}");
    }
}

#[test]
fn packets_excluded_by_a_selection_are_no_error() {
    let desk = Desk::new("unread-chosen");
    let shape = Shape::PLAIN;
    let good = shape.packet(1, &mold("MINE", 1, &[message(1)]));
    let mut tcp = good.clone();
    tcp[23] = 6;
    let other = shape.packet(2, &mold("OTHER", 1, &[message(9)]));
    // Captured in part, but the headers say where it went and of which session it was.
    let cut_other = other[..80].to_vec();
    let packets = [tcp, other, cut_other, good.clone()];
    for choice in ["--session MINE", "--group 233.0.0.1", "--group 233.0.0.1 --session MINE"] {
        // Neither is UDP to elsewhere that is no MoldUDP64.
        let ntp = shape.packet(3, b"ntp");
        desk.put("a.pcap", capture(shape, packets.iter().cloned().chain([ntp])));
        assert_eq!(desk.json(&format!("a.pcap {choice} --strict"), 0).0["total"]["messages"], 1, "{choice}");
    }
    assert!(desk.json("a.pcap", 1).1.contains("1 packet captured in part (short)"));
    // UDP to the chosen group that is no MoldUDP64, and packets in part, may have been of it.
    let cut = good[..60].to_vec();
    for odd in [shape.packet(1, b"ntp"), cut] {
        desk.put("b.pcap", capture(shape, packets.iter().cloned().chain([odd])));
        desk.json("b.pcap --group 233.0.0.1", 1);
    }
}

#[test]
fn a_file_without_a_valid_message_is_named() {
    let desk = Desk::new("unread-invalid");
    let soup: Vec<_> = (1..=9).map(|n| [&b"S"[..], &message(n)].concat()).collect();
    desk.put("soup.itch", frames(&soup));
    desk.put("unknown.itch", frames(&[b"?123".to_vec()]));
    desk.put("empty.itch", "");
    desk.put("good.itch", frames(&[message(1)]));
    for (args, says) in [
        ("soup.itch", "9 frames of a wrong length (wrong_length), first at byte 0; is this a file of NASDAQ ITCH 5.0?"),
        ("unknown.itch", "1 frames of an unknown type (unknown_type), first at byte 0; is this"),
        ("empty.itch", "no ITCH message: empty.itch: is this a file"),
        ("soup.itch empty.itch", "no ITCH message: soup.itch, empty.itch: "),
    ] {
        let (code, out, err) = desk.replay(args, b"");
        assert_eq!((code, out.as_str(), err.lines().count()), (1, "", 1), "{args}");
        assert!(err.contains("no ITCH message: ") && err.contains(says), "{args}: {err}");
    }
    for bad in ["soup.itch", "unknown.itch", "empty.itch"] {
        let (json, err) = desk.json(&format!("good.itch {bad}"), 1);
        assert_eq!(err, format!("vvpx replay: not all was read: no valid message in {bad}\n"));
        assert_eq!(json["total"]["A"], 1);
    }
    // One wrong message among good ones is an anomaly, as ever.
    desk.put("mixed.itch", frames(&[soup[0].clone(), message(1)]));
    assert_eq!(desk.json("mixed.itch", 0).0["total"]["wrong_length"], 1);
    // A capture beside others in which nothing is of the feed.
    let shape = Shape::PLAIN;
    desk.put("a.pcap", capture(shape, [shape.packet(1, &mold("MINE", 1, &[message(1)]))]));
    desk.put("b.pcap", capture(shape, []));
    assert!(desk.json("a.pcap b.pcap", 1).1.ends_with(": no packet of the feed in b.pcap\n"));
    // Captured frames of something else.
    desk.put("c.pcap", capture(shape, [shape.packet(1, &mold("MINE", 1, &soup))]));
    assert!(desk.replay("c.pcap", b"").2.contains("no ITCH message: c.pcap: 9 frames of a wrong length"));
}

#[test]
fn symbol_without_a_message_is_reported() {
    let desk = Desk::new("unread-symbol");
    let stamp = Stamp { locate: 2, tracking: 0, time: Nanos48::new(9).unwrap() };
    // A directory message without an order counts as named.
    let directory = StockDirectory::new(stamp).with_stock(Text::new(b"XYZ").unwrap()).as_bytes().to_vec();
    desk.put("day.itch", frames(&[message(1), directory]));
    for how in ["", "--drive", "--out csv", "--out jsonl --every 1s"] {
        let (code, _, err) = desk.replay(&format!("day.itch --symbol NONE --symbol ABC {how}"), b"");
        assert_eq!(code, 1, "{how}");
        let last = err.lines().last().unwrap();
        assert_eq!(last, "vvpx replay: not all was read: no message names NONE; check --symbol", "{how}");
        let (code, _, err) = desk.replay(&format!("day.itch --symbol XYZ --symbol ABC {how}"), b"");
        assert_eq!(code, 0, "{how} {err}");
    }
    let (code, _, err) = desk.replay("day.itch --symbol NONE --at 00:00 --json", b"");
    assert_eq!(code, 1);
    assert!(err.contains("no message names NONE so far; check --symbol and --at"), "{err}");
    // One line reports everything that was not read.
    desk.put("both.itch", [&frames(&[message(1)])[..], &[0, 0, 1]].concat());
    let err = desk.json("both.itch --symbol abc", 1).1;
    assert!(
        err.ends_with(": 1 bytes after a zero length at byte 38 of both.itch; no message names abc; check --symbol\n")
    );
}

#[test]
fn book_that_stays_crossed_is_reported() {
    let desk = Desk::new("unread-crossed");
    let order = |number, side, price| {
        let stamp = Stamp { locate: 1, tracking: 0, time: Nanos48::new(number).unwrap() };
        let add = AddOrder::new(stamp).with_reference(number).with_side(side).with_shares(1);
        add.with_stock(Text::new(b"ABC").unwrap()).with_price(Price4::new(price)).as_bytes().to_vec()
    };
    let crossed = [order(1, BuySell::Buy, 1_010_000), order(2, BuySell::Sell, 1_000_000)];
    desk.put("crossed.itch", frames(&crossed));
    let (code, out, _) = desk.replay("crossed.itch", b"");
    assert_eq!(code, 0);
    let says = "books became crossed 1 times (best bid at or above best ask), 1 of them are at the end: ABC 101.0000 to \
                100.0000\n";
    assert!(out.contains(says), "{out}");
    let json = desk.json("crossed.itch", 0).0;
    assert_eq!((&json["total"]["crossings"], &json["total"]["crossed_books"]), (&1.into(), &1.into()));
    assert_eq!(json["stocks"]["ABC"]["is_crossed"], true);
    assert!(desk.json("crossed.itch --strict", 1).1.contains("1 books have a best bid at or above their best ask"));
    desk.put("good.itch", frames(&crossed[..1]));
    assert!(!desk.replay("good.itch", b"").1.contains("crossed"));
}

#[test]
fn named_pipe_loses_no_bytes() {
    let desk = Desk::new("unread-pipe");
    let (read, mut write) = std::io::pipe().unwrap();
    let shape = Shape::PLAIN;
    let packets = (1..=9).map(|n| shape.packet(1, &mold("MINE", n, &[message(n)])));
    write.write_all(&capture(shape, packets.chain([shape.packet(1, &end("MINE", 10))]))).unwrap();
    drop(write);
    let mut command = Command::new(env!("CARGO_BIN_EXE_vvpx"));
    command.args(["replay", "/dev/stdin", "--json"]).stdin(read).stderr(Stdio::piped());
    let done = command.output().unwrap();
    let json: serde_json::Value = serde_json::from_slice(&done.stdout).unwrap();
    assert_eq!((&json["total"]["messages"], done.status.code()), (&9.into(), Some(0)));
    // A file as standard input is read like any other file.
    let day = std::path::Path::new(env!("CARGO_TARGET_TMPDIR")).join("unread-pipe/day.itch");
    desk.put("day.itch", frames(&[message(1)]));
    let mut command = Command::new(env!("CARGO_BIN_EXE_vvpx"));
    let done = command.args(["replay", "-", "--json"]).stdin(File::open(day).unwrap()).output().unwrap();
    assert_eq!(done.status.code(), Some(0));
}
