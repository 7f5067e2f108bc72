//! MoldUDP64: two lines that lose, repeat and reorder packets, against the packets sent.

use proptest::prelude::*;
use vvp_core::wire::mold::{Accepted, BadPacket, Gap, Header, Kind, Merge, Packet, Refused, Session, encode, request};

const SESSION: Session = Session::new(*b"  000DAY1 ");

fn packet(sequence: u64, messages: &[Vec<u8>], end: bool) -> Vec<u8> {
    let mut out = vec![0; 4096];
    let blocks: Vec<&[u8]> = messages.iter().map(Vec::as_slice).collect();
    let n = encode(SESSION, sequence, &blocks, end, &mut out).unwrap();
    out.truncate(n);
    out
}

/// Fate of a packet on one line.
#[derive(Clone, Copy, Debug)]
enum Fate {
    Lost,
    Sent,
    Twice,
    /// It arrives this many packets later.
    Late(usize),
}

fn fate() -> impl Strategy<Value = Fate> {
    prop_oneof![
        2 => Just(Fate::Lost),
        6 => Just(Fate::Sent),
        1 => Just(Fate::Twice),
        2 => (1usize..5).prop_map(Fate::Late),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]
    /// Messages arrive once, in order and unchanged; those that do not arrive were lost on both
    /// lines, and are reported as lost.
    #[test]
    fn every_message_arrives_once_in_order_or_is_reported_lost(
        packets in prop::collection::vec((1usize..5, fate(), fate()), 1..40),
        sizes in prop::collection::vec(0usize..20, 200),
    ) {
        let mut sent: Vec<Vec<u8>> = Vec::new();
        let mut arrivals: Vec<(usize, bool, Vec<u8>)> = Vec::new();
        let mut reached = Vec::new();
        for (at, &(count, a, b)) in packets.iter().enumerate() {
            let first = sent.len();
            for n in first..first + count {
                sent.push(vec![n as u8; sizes[n % sizes.len()]]);
            }
            let bytes = packet(first as u64 + 1, &sent[first..], false);
            for (line, fate) in [(false, a), (true, b)] {
                match fate {
                    Fate::Lost => {}
                    Fate::Sent => arrivals.push((at, line, bytes.clone())),
                    Fate::Twice => arrivals.extend([(at, line, bytes.clone()), (at + 1, line, bytes.clone())]),
                    Fate::Late(by) => arrivals.push((at + by, line, bytes.clone())),
                }
            }
            let comes = !matches!((a, b), (Fate::Lost, Fate::Lost));
            reached.extend(std::iter::repeat_n(comes, count));
        }
        arrivals.sort_by_key(|a| a.0);
        let mut merge = Merge::<64, 256>::new(1);
        let mut came: Vec<(u64, Vec<u8>)> = Vec::new();
        for (_, line, bytes) in &arrivals {
            let before = came.len();
            let expected = merge.expected();
            let result = merge.receive(*line, bytes, |n, m| came.push((n, m.to_vec()))).unwrap();
            let first = Packet::read(bytes).unwrap().header().sequence();
            match result {
                Accepted::New(_) => prop_assert!(came.len() > before && first <= expected),
                Accepted::Held => prop_assert!(first > expected && merge.gap().is_some()),
                _ => prop_assert_eq!(came.len(), before),
            }
        }
        let end = packet(sent.len() as u64 + 1, &[], true);
        prop_assert_eq!(merge.receive(false, &end, |_, _| ()), Ok(Accepted::Idle));
        let mut lost = Vec::new();
        while let Some(gap) = merge.give_up(|n, m| came.push((n, m.to_vec()))) {
            lost.extend(gap.from..gap.to);
        }
        prop_assert!(merge.is_finished());
        prop_assert_eq!(merge.gap(), None);
        let numbers: Vec<u64> = came.iter().map(|c| c.0).collect();
        let expect: Vec<u64> = (1u64..).zip(&reached).filter(|(_, r)| **r).map(|(n, _)| n).collect();
        prop_assert_eq!(numbers, expect);
        prop_assert!(came.iter().all(|(n, m)| *m == sent[*n as usize - 1]));
        let expect: Vec<u64> = (1u64..).zip(&reached).filter(|(_, r)| !**r).map(|(n, _)| n).collect();
        prop_assert_eq!(&lost, &expect);
        prop_assert_eq!((merge.stats().messages, merge.stats().lost), (came.len() as u64, lost.len() as u64));
    }

    /// Random bytes cause no panic, and a valid packet encodes to the same bytes.
    #[test]
    fn random_bytes_round_trip_or_are_refused(
        mut bytes in prop::collection::vec(any::<u8>(), 0..60), count in 0u16..3, whole: bool
    ) {
        if whole && bytes.len() >= 20 {
            bytes[18..20].copy_from_slice(&count.to_be_bytes());
        }
        if let Ok(packet) = Packet::read(&bytes) {
            let blocks: Vec<&[u8]> = packet.blocks().map(|b| b.1).collect();
            prop_assert_eq!(blocks.len(), usize::from(packet.count()));
            let header = packet.header();
            if packet.kind() == Kind::Request {
                prop_assert!(blocks.is_empty() && header.count() > 0);
                prop_assert_eq!(&request(header.session(), header.sequence(), header.count())[..], &bytes[..]);
                return Ok(());
            }
            let mut out = [0; 80];
            let end = packet.header().count() == u16::MAX;
            let n = encode(packet.header().session(), packet.header().sequence(), &blocks, end, &mut out).unwrap();
            prop_assert_eq!(&out[..n], &bytes[..]);
        }
        let mut merge = Merge::<2, 32>::new(0);
        let _ = merge.receive(false, &bytes, |_, _| ());
        let _ = merge.receive(true, &bytes, |_, _| ());
        merge.give_up(|_, _| ());
    }
}

#[test]
fn new_part_of_a_packet_is_taken() {
    let message = |n: u8| vec![n];
    let mut merge = Merge::<2, 64>::new(1);
    let mut came = Vec::new();
    let mut receive = |merge: &mut Merge<2, 64>, bytes: &[u8]| merge.receive(false, bytes, |n, _| came.push(n));
    let two = packet(1, &[message(1), message(2)], false);
    assert_eq!(receive(&mut merge, &two), Ok(Accepted::New(2)));
    let three = packet(2, &[message(2), message(3), message(4)], false);
    assert_eq!(receive(&mut merge, &three), Ok(Accepted::New(2)));
    assert_eq!(receive(&mut merge, &two), Ok(Accepted::Duplicate));
    assert_eq!(receive(&mut merge, &packet(7, &[message(7)], false)), Ok(Accepted::Held));
    assert_eq!(merge.gap(), Some(Gap { from: 5, to: 7 }));
    assert_eq!(receive(&mut merge, &packet(9, &[message(9)], false)), Ok(Accepted::Held));
    assert_eq!(receive(&mut merge, &packet(11, &[message(11)], false)), Err(Refused::NoRoom));
    assert_eq!(receive(&mut merge, &packet(5, &[message(5), message(6)], false)), Ok(Accepted::New(2)));
    assert_eq!(merge.gap(), Some(Gap { from: 8, to: 9 }));
    assert_eq!(receive(&mut merge, &packet(12, &[], false)), Ok(Accepted::Idle));
    assert_eq!(merge.give_up(|n, _| assert_eq!(n, 9)), Some(Gap { from: 8, to: 9 }));
    // The heartbeat showed a loss at the tail.
    assert_eq!(merge.gap(), Some(Gap { from: 10, to: 12 }));
    assert_eq!(came, [1, 2, 3, 4, 5, 6, 7]);
}

#[test]
fn malformed_packets_are_refused_with_the_reason() {
    let read = |bytes: &[u8]| Packet::read(bytes).map(|_| ()).unwrap_err();
    let good = packet(1, &[vec![1, 2, 3], vec![]], false);
    assert_eq!(read(&good[..19]), BadPacket::NoHeader);
    assert_eq!(read(&good[..24]), BadPacket::Truncated { block: 0, offset: 20 });
    assert_eq!(read(&good[..26]), BadPacket::Truncated { block: 1, offset: 25 });
    let mut long = good.clone();
    long.push(0);
    assert_eq!(read(&long), BadPacket::Leftover { offset: 27 });
    assert_eq!(read(&packet(u64::MAX, &[vec![]], false)), BadPacket::Sequence);
    let mut merge = Merge::<1, 64>::new(1);
    assert!(merge.receive(false, &good, |_, _| ()).is_ok());
    let mut other = good.clone();
    other[..10].copy_from_slice(b"OTHER     ");
    assert_eq!(merge.receive(false, &other, |_, _| ()), Err(Refused::OtherSession));
    let mut padded = good;
    padded[..10].copy_from_slice(b"000DAY1\0\0\0");
    assert_eq!(merge.receive(true, &padded, |_, _| ()), Ok(Accepted::Duplicate));
    assert_eq!(request(SESSION, 258, 7)[..], *b"  000DAY1 \0\0\0\0\0\0\x01\x02\0\x07");
    assert_eq!(Header::SIZE, 20);
}

#[test]
fn request_packets_are_told_from_data() {
    let wanted = request(SESSION, 7, 3);
    let packet_of = Packet::read(&wanted).unwrap();
    assert_eq!((packet_of.kind(), packet_of.count(), packet_of.header().count()), (Kind::Request, 0, 3));
    assert_eq!((packet_of.next_sequence(), packet_of.blocks().count()), (7, 0));
    // The sum of its numbers may overflow: it has no messages.
    assert_eq!(Packet::read(&request(SESSION, u64::MAX, 2)).unwrap().kind(), Kind::Request);
    // As the first packet it sets neither the session nor the first number, and one of another
    // session is not refused.
    let mut merge = Merge::<1, 64>::new(0);
    let other = request(Session::new(*b"OTHER     "), 90, 1);
    for bytes in [&wanted, &other] {
        assert_eq!(merge.receive(true, bytes, |_, _| panic!("no message")), Ok(Accepted::Request));
    }
    assert_eq!((merge.session(), merge.gap()), (None, None));
    let one = packet(3, &[vec![1]], false);
    assert_eq!(merge.receive(false, &one, |n, _| assert_eq!(n, 3)), Ok(Accepted::New(1)));
    assert_eq!(merge.receive(true, &other, |_, _| ()), Ok(Accepted::Request));
    let stats = merge.stats();
    assert_eq!((stats.requests, stats.packets, stats.refused), (3, [1, 0], 0));
    // An empty block is data: it has a length.
    assert_eq!(Packet::read(&packet(1, &[vec![]], false)).unwrap().kind(), Kind::Data);
}

#[test]
fn end_of_session_waits_for_missing_messages() {
    let mut merge = Merge::<1, 64>::new(1);
    assert!(merge.receive(false, &packet(1, &[vec![1], vec![2]], false), |_, _| ()).is_ok());
    // A request for 65,535 messages from number 1 has the bytes of an end of session.
    assert_eq!(merge.receive(false, &request(SESSION, 1, u16::MAX), |_, _| ()), Ok(Accepted::Idle));
    assert!(!merge.is_ended() && !merge.is_finished());
    assert_eq!(merge.receive(false, &packet(5, &[], true), |_, _| ()), Ok(Accepted::Idle));
    assert!(merge.is_ended() && !merge.is_finished());
    assert_eq!(merge.give_up(|_, _| ()), Some(Gap { from: 3, to: 5 }));
    assert!(merge.is_finished());
}

#[test]
fn packet_without_room_is_counted_once_it_is_taken() {
    let mut merge = Merge::<1, 64>::new(1);
    let waiting = packet(3, &[vec![3]], false);
    let late = packet(5, &[vec![5]], false);
    assert_eq!(merge.receive(false, &waiting, |_, _| ()), Ok(Accepted::Held));
    assert_eq!(merge.receive(true, &late, |_, _| ()), Err(Refused::NoRoom));
    assert_eq!((merge.stats().packets, merge.stats().no_room, merge.stats().refused), ([1, 0], 1, 0));
    assert_eq!(merge.give_up(|_, _| ()), Some(Gap { from: 1, to: 3 }));
    assert_eq!(merge.receive(true, &late, |_, _| ()), Ok(Accepted::Held));
    let stats = merge.stats();
    assert_eq!((stats.packets, stats.first, stats.no_room, stats.held), ([1, 1], [1, 1], 1, 2));
}
