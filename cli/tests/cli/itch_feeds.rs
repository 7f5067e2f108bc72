//! Captures of several feeds: which one is read, how the others are reported, and how to select
//! one.

use std::io::{Cursor, Read};

use crate::feed::{Desk, end, frames, message, mold};
use crate::packets::Shape;
use crate::sections::Described;
use proptest::prelude::*;
use vvp_core::wire::frame::Frames;
use vvp_core::wire::mold::request;
use vvp_replay::itch::{Feeds, LineStats, Lines, Odd, Wanted};

/// Packets by group and datagram, 1 ms apart.
fn capture(shape: Shape, datagrams: &[(u8, Vec<u8>)]) -> Vec<u8> {
    let times = (0u64..).step_by(1_000_000);
    let packets: Vec<_> = times.zip(datagrams).map(|(t, (group, bytes))| (t, shape.packet(*group, bytes))).collect();
    shape.file(&packets)
}

/// `count` packets with a message each, from a number on.
fn day(name: &str, group: u8, first: u64, count: u64) -> Vec<(u8, Vec<u8>)> {
    (first..first + count).map(|n| (group, mold(name, n, &[message(n)]))).collect()
}

/// The references of the messages that come out.
fn read(mut lines: Lines<'_>) -> (Vec<u64>, LineStats) {
    let mut out = Vec::new();
    lines.read_to_end(&mut out).unwrap();
    let found = Frames::new(&out).map(|(_, m)| u64::from_be_bytes(m[11..19].try_into().unwrap())).collect();
    (found, lines.stats())
}

fn shapes() -> [Shape; 4] {
    let ng = Shape { ng: true, ..Shape::PLAIN };
    [Shape::PLAIN, Shape { big: true, ..Shape::PLAIN }, Shape { v6: true, ..ng }, Shape { big: true, tags: 2, ..ng }]
}

#[test]
fn the_session_with_the_most_packets_is_read_whatever_comes_first() {
    for shape in shapes() {
        for foreign in [mold("OTHER", 77, &[]), mold("OTHER", 5, &[message(99)]), end("OTHER", 3)] {
            let mut datagrams = vec![(9, foreign)];
            datagrams.extend(day("MINE", 1, 1, 9));
            let file = capture(shape, &datagrams);
            let feeds = Feeds::of([Cursor::new(&file)]).unwrap();
            assert_eq!(feeds.flows().iter().map(|f| f.packets).collect::<Vec<_>>(), [1, 9]);
            let twice = Lines::wanted([Cursor::new(&file)], Wanted::default(), Some(&feeds)).unwrap();
            for lines in [Lines::new([Cursor::new(&file)]).unwrap(), twice] {
                let (found, stats) = read(lines);
                assert_eq!(found, (1..=9).collect::<Vec<_>>(), "{shape:?}");
                assert_eq!((stats.mold.packets, stats.odd[Odd::OtherSession as usize]), ([9, 0], 1));
            }
        }
    }
}

#[test]
fn packets_with_messages_weigh_more_than_heartbeats() {
    let mut datagrams: Vec<_> = (0..50).map(|_| (2, mold("IDLE", 1, &[]))).collect();
    datagrams.extend(day("MINE", 1, 1, 3));
    assert_eq!(read(Lines::new([&capture(Shape::PLAIN, &datagrams)[..]]).unwrap()).0, [1, 2, 3]);
    // Where none has messages the packets count, and of equals the first is taken.
    let idle = [(1, mold("ONE", 1, &[])), (2, mold("TWO", 1, &[])), (2, mold("TWO", 1, &[]))];
    let feeds = |n: usize| {
        let (_, stats) = read(Lines::new([&capture(Shape::PLAIN, &idle[..n])[..]]).unwrap());
        (stats.mold.packets[0], stats.odd[Odd::OtherSession as usize])
    };
    assert_eq!((feeds(3), feeds(2)), ((2, 1), (1, 1)));
}

#[test]
fn a_feed_is_chosen_by_group_port_and_session() {
    let desk = Desk::new("feeds-chosen");
    let mut datagrams = day("MINE", 1, 1, 3);
    datagrams.extend(day("MINE", 2, 1, 4));
    datagrams.extend(day("OTHER", 2, 11, 6));
    datagrams.push((7, b"no mold".to_vec()));
    desk.put("four.pcap", capture(Shape::PLAIN, &datagrams));
    desk.put("six.pcapng", capture(Shape { ng: true, v6: true, ..Shape::PLAIN }, &datagrams));
    let messages = |args: &str, code| {
        let (json, err) = desk.json(args, code);
        (json["total"]["messages"].as_u64().unwrap(), json["lines"]["not_chosen"].as_u64().unwrap(), err)
    };
    // MINE has 7 packets on its two lines, OTHER 6; without a selection the rest is reported.
    for (file, one, two) in [("four.pcap", "233.0.0.1", "233.0.0.2"), ("six.pcapng", "ff00::1", "ff00::2")] {
        let (count, _, err) = messages(file, 1);
        assert_eq!(count, 4);
        let to = if file == "four.pcap" { format!("{two}:26477") } else { format!("[{two}]:26477") };
        assert!(err.contains("6 packets of another session (other_session)"), "{err}");
        assert!(err.contains(&format!("session OTHER to {to}: 6 packets, 6 with messages")), "{err}");
        assert!(err.contains("1 packet of UDP without MoldUDP64 (not_mold)"), "{err}");
        // The selected feed is read, and the rest is excluded. Without a destination in the
        // selection, UDP that is not MoldUDP64 is counted separately.
        for (args, count, left_out) in [
            (format!("{file} --session OTHER"), 6, 7),
            (format!("{file} --session MINE"), 4, 6),
            (format!("{file} --group {one}"), 3, 11),
            (format!("{file} --group {one} --group {two} --session MINE"), 4, 7),
            (format!("{file} --group {two} --port 26477 --session OTHER"), 6, 8),
        ] {
            let found = messages(&args, 0);
            assert_eq!((found.0, found.1), (count, left_out), "{args}");
        }
        // Two sessions go to that group: the one with more packets is read, the other was not left
        // out by name.
        let (count, left_out, err) = messages(&format!("{file} --group {two}"), 1);
        assert_eq!((count, left_out), (6, 4));
        assert!(err.contains("4 packets of another session"), "{err}");
    }
}

#[test]
fn selection_without_a_match_lists_the_feeds() {
    let desk = Desk::new("feeds-nothing");
    let mut datagrams = day("MINE", 1, 1, 3);
    datagrams.push((2, mold("a\"b\x1b[2J\n", 1, &[])));
    desk.put("feed.pcap", capture(Shape::PLAIN, &datagrams));
    desk.put("day.itch", frames(&[message(1)]));
    desk.put("none.pcap", capture(Shape::PLAIN, &[(1, b"nothing".to_vec())]));
    let held = "it holds session MINE to 233.0.0.1:26477: 3 packets, 3 with messages, session a?b?[2J? to \
                233.0.0.2:26477: 1 packets, 0 with messages\n";
    for choice in [
        "--group 233.0.0.9",
        "--group ff00::1",
        "--port 9",
        "--session TODAY",
        "--session mine",
        "--group 233.0.0.2 --session MINE",
    ] {
        for input in ["feed.pcap", "-"] {
            let (code, out, err) = desk.replay(&format!("{input} {choice}"), &capture(Shape::PLAIN, &datagrams));
            let name = if input == "-" { "<stdin>" } else { input };
            assert_eq!((code, out.as_str()), (1, ""), "{choice}: {err}");
            assert_eq!(err, format!("vvpx replay: no packet for {choice}: {name}: {held}"));
        }
    }
    for (args, code, says) in [
        ("none.pcap --session MINE", 1, "no packet for --session MINE: none.pcap: it holds no packet of MoldUDP64"),
        ("day.itch --port 1", 1, "not a capture: day.itch: --group, --port and --session choose"),
        ("feed.pcap --group here", 2, "not an address like 233.54.12.111 or ff15::1"),
        ("feed.pcap --port 65536", 2, "65536"),
        ("feed.pcap --session elevenbytes", 2, "longer than the 10 bytes"),
    ] {
        let (was, _, err) = desk.replay(args, b"");
        assert!(was == code && err.contains(says) && err.lines().count() == 1, "{args}: {was} {err}");
    }
}

#[test]
fn a_pipe_is_read_once_and_its_first_packets_choose_the_session() {
    let desk = Desk::new("feeds-pipe");
    let mut datagrams = vec![(9, mold("OTHER", 77, &[]))];
    datagrams.extend(day("MINE", 1, 1, 9));
    let (json, err) = desk.json_of("-", &capture(Shape::PLAIN, &datagrams), 1);
    assert_eq!((&json["total"]["messages"], &json["lines"]["other_session"]), (&9.into(), &1.into()), "{err}");
    // More than the read-ahead: a later session cannot be chosen, but is reported.
    let mut datagrams: Vec<_> = (0..5_000).map(|_| (9, mold("IDLE", 1, &[]))).collect();
    datagrams.extend(day("MINE", 1, 1, 9));
    let file = capture(Shape::PLAIN, &datagrams);
    let (code, _, err) = desk.replay("-", &file);
    assert_eq!(code, 1);
    assert!(err.contains("no ITCH message: <stdin>: 9 packets of another session"), "{err}");
    // By name it is found; a file is read twice.
    assert_eq!(desk.json_of("- --session MINE", &file, 0).0["total"]["messages"], 9);
    desk.put("feed.pcap", &file);
    assert_eq!(desk.json("feed.pcap", 1).0["total"]["messages"], 9);
}

#[test]
fn days_that_follow_one_another_are_read_from_the_first() {
    let mut datagrams = day("MONDAY", 1, 1, 2);
    datagrams.extend([(1, end("MONDAY", 4)), (1, end("MONDAY", 4))]);
    datagrams.extend(day("TUESDAY", 1, 1, 5));
    // Repeated on the slower line.
    datagrams.push((1, end("MONDAY", 4)));
    datagrams.extend(day("TUESDAY", 1, 6, 1));
    let file = capture(Shape::PLAIN, &datagrams);
    let feeds = Feeds::of([&file[..]]).unwrap();
    for known in [None, Some(&feeds)] {
        let (found, stats) = read(Lines::wanted([&file[..]], Wanted::default(), known).unwrap());
        assert_eq!(found, [1, 2, 1, 2, 3, 4, 5, 6]);
        // Monday's last message is missing, as its end of session shows.
        assert_eq!((stats.mold.lost, stats.odd, stats.mold.packets), (1, [0; Odd::ALL.len()], [11, 0]));
    }
    // Without an end of the first session, the second is another feed.
    datagrams.retain(|d| d.1 != end("MONDAY", 4));
    let (found, stats) = read(Lines::new([&capture(Shape::PLAIN, &datagrams)[..]]).unwrap());
    assert_eq!((found, stats.odd[Odd::OtherSession as usize]), ((1..=6).collect(), 2));
}

#[test]
fn requests_are_no_packets_of_a_line() {
    let desk = Desk::new("feeds-requests");
    let ask = |name, count| request(crate::feed::session(name), 1, count).to_vec();
    let mut datagrams = vec![(200, ask("MINE", 3)), (200, ask("OTHER", 1))];
    datagrams.extend(day("MINE", 1, 1, 2));
    datagrams.insert(3, (200, ask("MINE", 1000)));
    desk.put("feed.pcap", capture(Shape::PLAIN, &datagrams));
    let lines = desk.json("feed.pcap --strict", 0).0["lines"].clone();
    assert_eq!((lines["packets"].to_string(), &lines["requests"]), ("[2,0]".into(), &3.into()));
    assert_eq!((&lines["bad_blocks"], &lines["other_session"]), (&0.into(), &0.into()));
}

#[test]
fn packets_are_counted_once_however_often_they_wait() {
    // Two gaps; behind each more packets than can wait.
    let numbers: Vec<u64> = [1].into_iter().chain(3..=200).chain(202..=400).collect();
    let datagrams: Vec<_> = numbers.iter().map(|&n| (1, mold("MINE", n, &[message(n)]))).collect();
    for shape in shapes() {
        let (found, stats) = read(Lines::new([&capture(shape, &datagrams)[..]]).unwrap());
        assert_eq!(found, numbers);
        let mold = stats.mold;
        assert_eq!((mold.packets, mold.first, mold.refused), ([398, 0], [398, 0], 0));
        assert_eq!((stats.gaps, mold.lost), (2, 2));
    }
}

#[test]
fn packets_with_zeroed_numbers_count_as_packets() {
    let unnumbered = |n| mold("", 0, &[message(n), message(n + 100)]);
    let datagrams = [(1, unnumbered(1)), (1, unnumbered(2)), (1, mold("", 0, &[])), (2, unnumbered(3))];
    let (found, stats) = read(Lines::new([&capture(Shape::PLAIN, &datagrams)[..]]).unwrap());
    assert_eq!((found.len(), stats.unnumbered), (6, 6));
    assert_eq!((stats.mold.packets, stats.mold.first), ([3, 1], [2, 1]));
    // Several sessions, none with numbers: the one with most packets.
    let named = |name, n| (1, mold(name, 0, &[message(n)]));
    let datagrams = [named("OTHER", 1), named("MINE", 2), named("MINE", 3)];
    let (found, stats) = read(Lines::new([&capture(Shape::PLAIN, &datagrams)[..]]).unwrap());
    assert_eq!((found, stats.odd[Odd::OtherSession as usize]), (vec![2, 3], 1));
}

#[test]
fn many_interfaces_and_other_captures_at_the_command_line() {
    let desk = Desk::new("feeds-interfaces");
    let shape = Shape { ng: true, ..Shape::PLAIN };
    let plain = Described { resolution: None, offset_s: None };
    let packets: Vec<_> = (0u32..1000)
        .map(|n| (n, u64::from(n), shape.packet(1, &mold("MINE", u64::from(n) + 1, &[message(1)]))))
        .collect();
    desk.put("many.pcapng", shape.section(&vec![plain; 1000], &packets));
    assert_eq!(desk.json("many.pcapng", 0).0["lines"]["messages"], 1000);
    desk.put("ixia.pcap", [0x1c, 0, 1, 0xac, 0, 2, 0, 4]);
    let (code, _, err) = desk.replay("ixia.pcap", b"");
    assert_eq!((code, err.lines().count()), (1, 1));
    assert!(err.contains("a capture of a format that is not read (1c 00 01 ac): byte 0 of ixia.pcap: "), "{err}");
    // Its first byte is a digit, which once was taken for LOBSTER's.
    let mut modified = vec![0x34, 0xcd, 0xb2, 0xa1];
    modified.extend_from_slice(&Shape::PLAIN.file(&[])[4..]);
    let packet = Shape::PLAIN.packet(1, &mold("MINE", 1, &[message(1)]));
    let length = (packet.len() as u32).to_le_bytes();
    modified.extend([[0; 4], [0; 4], length, length, [0; 4], [0; 4]].concat());
    modified.extend(packet);
    desk.put("modified.pcap", modified);
    assert_eq!(desk.json("modified.pcap", 0).0["lines"]["messages"], 1);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(60))]
    /// A capture whose packets are spread over interfaces (and files) with clocks of their own,
    /// each said by its `if_tsoffset` and `if_tsresol`, gives the same messages as the capture by
    /// one clock.
    #[test]
    fn interfaces_with_time_offsets_give_the_order_of_one_clock(
        interfaces in prop::collection::vec((0i64..1_000_000, any::<bool>()), 1..50),
        of in prop::collection::vec((any::<prop::sample::Index>(), 1u64..9), 1..60),
        files in 1usize..4, big: bool, v6: bool,
    ) {
        let shape = Shape { ng: true, big, v6, ..Shape::PLAIN };
        // Every packet has a number of its own, so that any other order shows as packets that wait
        // or as gaps.
        let mut now = 2_000_000_000_000_000u64;
        let described: Vec<_> = interfaces
            .iter()
            .map(|&(offset, nanos)| Described { resolution: nanos.then_some(9), offset_s: Some(offset) })
            .collect();
        let mut parts = vec![Vec::new(); files];
        for (number, (interface, step)) in (1u64..).zip(&of) {
            now += step * 1_000;
            let at = interface.index(interfaces.len());
            let (offset, nanos) = interfaces[at];
            let ns = now - offset as u64 * 1_000_000_000;
            let datagram = mold("MINE", number, &[message(number)]);
            let packet = (at as u32, if nanos { ns } else { ns / 1_000 }, shape.packet(1, &datagram));
            parts[at % files].push(packet);
        }
        let files: Vec<_> = parts.iter().map(|part| shape.section(&described, part)).collect();
        let (found, stats) = read(Lines::new(files.iter().map(|file| &file[..])).unwrap());
        prop_assert_eq!(found, (1..=of.len() as u64).collect::<Vec<_>>());
        prop_assert_eq!((stats.gaps, stats.mold.held, stats.mold.duplicate), (0, 0, [0, 0]));
    }
}
