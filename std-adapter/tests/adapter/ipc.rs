//! Channels whose peers close, write garbage, or use another type.

use std::sync::atomic::Ordering;
use vvp_core::queue::PopError;
use vvp_std_adapter::ipc::{
    ClaimError, FanInChannel, LatestCell, LatestView, MpscChannel, Peer, RecvError, SendError, SpscChannel,
    SpscReceiver, SpscSender,
};
use vvp_std_adapter::memory::region::{RegionDir, RegionError, RegionOptions, SharedRegion};
use vvp_std_adapter::thread::SpinThenSleep;
use vvp_testkit::streams::Rng;

type Message = [u64; 5];
type Channel = SpscChannel<Message, 256>;

fn message(n: u64) -> Message {
    [n, !n, n.wrapping_mul(0x9e37_79b9_7f4a_7c15), n ^ 0x55, n.rotate_left(7)]
}

#[test]
fn closed_peer_is_absent_not_dead() {
    let channel = Channel::anonymous(&RegionOptions::READY).expect("memory");
    let same = Channel::from_fd(channel.fd().expect("a descriptor"), &RegionOptions::default()).expect("the same");
    let (mut tx, mut rx): (SpscSender<_, 256>, SpscReceiver<_, 256>) =
        (channel.sender().expect("free"), same.receiver().expect("free"));
    assert!(matches!(tx.peer(), Peer::Alive(_)));
    let beats = rx.peer_beats();
    tx.beat();
    assert_eq!(rx.peer_beats(), beats + 1);
    tx.send(message(1), &mut SpinThenSleep::new(true)).expect("room");
    tx.close();
    assert_eq!(rx.peer(), Peer::Absent);
    assert_eq!(rx.recv(&mut SpinThenSleep::new(true)), Ok(message(1)));
    assert_eq!(rx.recv(&mut SpinThenSleep::new(true)), Err(RecvError::Closed));
    rx.close();
    let mut tx = channel.sender().expect("released");
    while tx.push(message(0)).is_ok() {}
    assert_eq!(tx.send(message(2), &mut SpinThenSleep::new(true)), Err(SendError::Closed(message(2))));
    let other = SpscChannel::<u64, 256>::from_fd(channel.fd().expect("a descriptor"), &RegionOptions::default());
    assert!(matches!(other.err(), Some(RegionError::OtherLayout { .. })));
}

/// A hostile process writes garbage into the words and messages of the queue while both endpoints
/// are in use.
#[test]
fn garbage_in_spsc_words_is_contained() {
    let channel = SpscChannel::<u64, 16>::anonymous(&RegionOptions::default()).expect("memory");
    let (mut tx, mut rx) = (channel.sender().expect("free"), channel.receiver().expect("free"));
    let bytes = channel.region().bytes();
    let (mut random, mut out) = (Rng::new(99), [0_u64; 64]);
    for round in 0..200_000_u64 {
        // Heads and tails both near the correct value and far from it.
        let at = usize::try_from(random.word()).expect("64 bits") % bytes.len().min(700);
        let byte = if round % 3 == 0 { random.word() as u8 } else { bytes[at].load(Ordering::Relaxed).wrapping_add(1) };
        bytes[at].store(byte, Ordering::Relaxed);
        match random.below(8) {
            0 => drop(tx.push(round)),
            1 => drop(rx.pop()),
            2 => assert!(tx.push_slice(&[round; 64]) <= 16),
            3 => assert!(rx.pop_slice(&mut out) <= 16),
            4 => drop(rx.handle(|_, _| ())),
            5 => drop(tx.stage(round)),
            6 => {
                assert!(channel.stats().depth <= 16);
                let _ = (tx.is_closed(), tx.position(), rx.position(), tx.peer_beats());
            }
            _ if round % 64 == 0 => {
                drop((tx, rx));
                // The owner words may be garbage too; without owners, the endpoints are free.
                bytes.iter().take(256).for_each(|b| b.store(0, Ordering::Relaxed));
                (tx, rx) = (channel.sender().expect("free"), channel.receiver().expect("free"));
            }
            _ => {}
        }
    }
}

/// Writes garbage into one word of a region, at random or near the correct value.
fn spoil(region: &SharedRegion, random: &mut Rng, round: u64, most: usize) {
    let bytes = region.bytes();
    let at = usize::try_from(random.word()).expect("64 bits") % bytes.len().min(most);
    let byte =
        if round.is_multiple_of(3) { random.word() as u8 } else { bytes[at].load(Ordering::Relaxed).wrapping_add(1) };
    bytes[at].store(byte, Ordering::Relaxed);
}

#[test]
fn garbage_in_fan_in_words_is_contained() {
    let lanes = FanInChannel::<u64, 8, 3>::anonymous(&RegionOptions::default()).expect("memory");
    let (mut rx, mut tx) = (lanes.receiver().expect("free"), lanes.sender(1).expect("free"));
    let mut random = Rng::new(17);
    for round in 0..200_000 {
        spoil(lanes.region(), &mut random, round, 4_096);
        match random.below(6) {
            0 => drop(tx.push(round)),
            1 => drop(rx.pop()),
            2 => assert!(tx.push_slice(&[round; 64]) <= 8),
            3 => drop(rx.handle(|_, lane, _| assert!(lane < 3))),
            4 => assert!(rx.pop().map_or(0, |(lane, _)| lane) < 3),
            _ => drop((lanes.stats(), tx.position())),
        }
    }
}

#[test]
fn garbage_in_mpsc_words_is_contained() {
    let channel = MpscChannel::<u64, 8, 3>::anonymous(&RegionOptions::default()).expect("memory");
    let (mut rx, mut tx) = (channel.receiver().expect("free"), channel.sender(1).expect("free"));
    let mut random = Rng::new(18);
    for round in 0..200_000 {
        spoil(channel.region(), &mut random, round, 4_096);
        match random.below(5) {
            0 => drop(tx.push(round)),
            1 | 2 => assert!(rx.pop().map_or(0, |(lane, _)| lane) < 3),
            3 if round % 64 == 0 => drop(rx.pass_over()),
            3 => drop(rx.handle(|_, lane, _| assert!(lane < 3))),
            _ => assert!(channel.stats().depth <= 8),
        }
        // A lane with a corrupted owner word can be claimed; its position is read from the
        // corrupted slots.
        if round % 512 == 0 {
            drop(channel.sender(2));
        }
    }
}

#[test]
fn mpsc_closes_after_its_last_sender() {
    let channel = MpscChannel::<u64, 8, 2>::anonymous(&RegionOptions::default()).expect("memory");
    let mut rx = channel.receiver().expect("free");
    assert_eq!(rx.pop(), Err(PopError::Empty), "no sender has claimed a lane");
    let (mut a, mut b) = (channel.sender(0).expect("free"), channel.sender(1).expect("free"));
    assert!(matches!(channel.sender(1).err(), Some(ClaimError::Taken { .. })));
    assert_eq!(channel.sender(2).err(), Some(ClaimError::NoSuchLane));
    for n in 0..4 {
        a.push(n).expect("room");
        b.push(10 + n).expect("room");
    }
    assert!(a.push(9).is_err(), "eight fit");
    a.close();
    assert_eq!(rx.recv(&mut SpinThenSleep::new(true)), Ok((0, 0)));
    // The lane's next owner continues at its position, whether or not the messages were received.
    let mut a = channel.sender(0).expect("released");
    assert_eq!(a.position(), 4);
    a.push(4).expect("room");
    a.close();
    b.close();
    for n in 0..3 {
        assert_eq!((rx.pop(), rx.pop()), (Ok((1, 10 + n)), Ok((0, 1 + n))));
    }
    assert_eq!((rx.pop(), rx.pop(), rx.pop()), (Ok((1, 13)), Ok((0, 4)), Err(PopError::Closed)));
    assert_eq!(rx.recv(&mut SpinThenSleep::new(true)), Err(RecvError::Closed));
    let mut a = channel.sender(0).expect("released");
    assert_eq!((a.position(), rx.pop()), (5, Err(PopError::Empty)));
    rx.close();
    while a.push(7).is_ok() {}
    assert_eq!(a.send(8, &mut SpinThenSleep::new(true)), Err(SendError::Closed(8)));
    let mut rx = channel.receiver().expect("released");
    assert_eq!(rx.pop(), Ok((0, 7)));
}

#[test]
fn fan_in_closes_after_its_last_sender() {
    let lanes = FanInChannel::<u64, 8, 2>::anonymous(&RegionOptions::default()).expect("memory");
    let (mut rx, mut a) = (lanes.receiver().expect("free"), lanes.sender(0).expect("free"));
    a.push(1).expect("room");
    assert_eq!(rx.handle(|message, lane, number| (message, lane, number)), Ok((1, 0, 0)));
    assert_eq!(rx.pop(), Err(PopError::Empty));
    a.push(2).expect("room");
    a.close();
    assert_eq!(rx.handle(|message, lane, number| (message, lane, number)), Ok((2, 0, 1)));
    assert_eq!(rx.recv(&mut SpinThenSleep::new(true)), Err(RecvError::Closed));
    assert_eq!((rx.peer(0), rx.peer(1), rx.peer(9)), (Peer::Absent, Peer::Absent, Peer::Absent));
}

#[test]
fn view_is_mapped_read_only() {
    let path = format!("/dev/shm/vvp-test-view-{}", std::process::id());
    let dir = RegionDir::at(path.as_ref()).expect("a directory");
    let cell = LatestCell::<[u64; 9]>::create_in(&dir, "cell", &RegionOptions::default()).expect("fresh");
    let mut view = LatestView::<[u64; 9]>::open_in(&dir, "cell").expect("there");
    assert!(view.read().is_err() && view.peer() == Peer::Absent);
    let mut writer = cell.writer().expect("free");
    writer.write([7; 9]);
    assert_eq!(view.read(), Ok([7; 9]));
    assert!(matches!(view.peer(), Peer::Alive(token) if token.pid() == std::process::id()));
    let other = LatestView::<[u64; 8]>::open_in(&dir, "cell");
    assert!(matches!(other.err(), Some(RegionError::OtherLayout { .. })));
    assert_eq!(LatestView::<u64>::open_in(&dir, "none").err(), Some(RegionError::Missing));
    // The mapping itself forbids writes.
    let maps = std::fs::read_to_string("/proc/self/maps").expect("/proc");
    let kinds: Vec<&str> =
        maps.lines().filter(|l| l.contains(&path)).map(|l| &l[l.find(' ').unwrap() + 1..][..4]).collect();
    assert!(kinds.contains(&"r--s") && kinds.contains(&"rw-s") && kinds.len() == 2, "{kinds:?}");
    std::fs::remove_dir_all(path).expect("ours");
}
