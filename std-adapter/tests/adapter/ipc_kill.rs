//! Processes that are killed at random points, thousands of pushes a millisecond: nothing published is lost or doubled.
//!
//! 40 kills a test; `VVP_KILLS=1000 cargo test -p vvp-std-adapter --test ipc_kill` does a thousand.

use crate::part::{Bounded, Limit, Part, given, kills};
use crate::place::{PLAIN, Place};
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};
use vvp_std_adapter::ipc::{
    ClaimError, FanInChannel, FanInReceiver, LatestCell, MpscChannel, MpscReceiver, Peer, RecvError, SendError,
    SpscChannel,
};
use vvp_std_adapter::memory::region::{Region, RegionDir};
use vvp_testkit::streams::Rng;

type Message = [u64; 5];
type Spsc = SpscChannel<Message, 256>;
const LANES: usize = 3;
type Lanes = FanInChannel<Message, 64, LANES>;
type Mpsc = MpscChannel<Message, 64, LANES>;
type Cell = LatestCell<[u64; 32]>;
/// What was done for message `n`, and how often.
type Ledger = [[AtomicU64; 2]; LEDGER];
const LEDGER: usize = 1 << 18;

fn message(lane: usize, n: u64) -> Message {
    [n, !n, n.wrapping_mul(0x9e37_79b9_7f4a_7c15), lane as u64, n.rotate_left(7)]
}

/// In a part: the directory, and the lane after the colon.
fn place_of_part() -> Option<(RegionDir, usize)> {
    let given = given()?;
    let (path, lane) = given.split_once(':').unwrap_or((&given, "0"));
    Some((RegionDir::at(path.as_ref()).expect("made by the test"), lane.parse().expect("a lane")))
}

#[test]
fn part_spsc_sender() {
    let Some((dir, _)) = place_of_part() else { return };
    let channel = Spsc::open_in(&dir, "channel", &PLAIN).expect("made by the test");
    let mut tx = channel.sender().expect("the last one is dead");
    let mut n = tx.position() as u64;
    let (mut random, limit) = (Rng::new(n), Limit::new());
    let message = |n| message(0, n);
    loop {
        limit.check();
        match random.below(3) {
            0 => n += u64::from(tx.push(message(n)).is_ok()),
            1 => {
                n += u64::from(tx.stage(message(n)).is_ok());
                n += u64::from(tx.stage(message(n)).is_ok());
                tx.publish();
            }
            _ => {
                let all: [Message; 7] = core::array::from_fn(|i| message(n + i as u64));
                n += tx.push_slice(&all) as u64;
            }
        }
    }
}

#[test]
fn a_sender_killed_at_any_point_loses_and_doubles_nothing() {
    if given().is_some() {
        return;
    }
    let (kills, limit, place) = (kills(), Limit::new(), Place::new("spsc-sender"));
    let channel = Spsc::create_in(&place.dir(), "channel", &PLAIN).expect("fresh");
    let mut rx = channel.receiver().expect("free");
    let (mut next, mut random) = (0_u64, Rng::new(1));
    let mut slowest = Duration::ZERO;
    for _ in 0..kills {
        let mut child = Part::start("part_spsc_sender", place.text());
        // Until it has come, its forerunner is what `recv` finds dead.
        let until = next + 1 + random.below(2_000);
        while next < until {
            limit.check();
            match rx.recv(&mut Bounded::new()) {
                Ok(found) => {
                    assert_eq!(found, message(0, next));
                    next += 1;
                }
                Err(RecvError::PeerDied(_)) => std::thread::sleep(Duration::from_micros(200)),
                Err(other) => panic!("{other}"),
            }
        }
        let pid = child.pid();
        assert!(matches!(rx.peer(), Peer::Alive(token) if token.pid() == pid));
        assert_eq!(channel.sender().err(), Some(ClaimError::Taken { pid }), "a live sender keeps its end");
        child.kill();
        let killed = Instant::now();
        loop {
            limit.check();
            match rx.recv(&mut Bounded::new()) {
                Ok(found) => {
                    assert_eq!(found, message(0, next));
                    next += 1;
                }
                Err(error) => {
                    assert_eq!(error, RecvError::PeerDied(pid));
                    break;
                }
            }
        }
        slowest = slowest.max(killed.elapsed());
    }
    println!("{kills} senders killed, {next} messages, death learnt after {slowest:?} at most");
    assert_eq!(channel.stats().pushed as u64, next);
    // The end of the last one is free for us.
    let mut tx = channel.sender().expect("the last one is dead");
    assert_eq!(tx.position() as u64, next);
    tx.push(message(0, next)).expect("room");
    assert_eq!(rx.pop(), Ok(message(0, next)));
}

/// Notes that a message was done.
fn note(ledger: &Ledger, found: Message, number: u64) {
    assert_eq!(found, message(0, number));
    let [done, times] = &ledger[usize::try_from(number).expect("64 bits") % LEDGER];
    times.fetch_add(1, Ordering::Relaxed);
    done.store(found[2], Ordering::Relaxed);
}

/// Every message was done, and all but a few once.
fn check(ledger: &Ledger, done_by_dead: u64, kills: u64) {
    let mut repeated = 0;
    for (number, [done, times]) in (0..done_by_dead).zip(ledger) {
        assert_eq!(done.load(Ordering::Relaxed), message(0, number)[2], "{number}");
        repeated += times.load(Ordering::Relaxed) - 1;
    }
    assert!(repeated <= kills, "{repeated}");
    println!("{kills} receivers killed, {done_by_dead} messages, {repeated} of them begun twice");
}

#[test]
fn part_spsc_receiver() {
    let Some((dir, _)) = place_of_part() else { return };
    let channel = Spsc::open_in(&dir, "channel", &PLAIN).expect("made by the test");
    let ledger = Region::<Ledger>::open_in(&dir, "ledger", &PLAIN).expect("made by the test");
    let mut rx = channel.receiver().expect("the last one is dead");
    let limit = Limit::new();
    loop {
        limit.check();
        let _ = rx.handle(|found, number| note(&ledger, found, number as u64));
    }
}

#[test]
fn a_receiver_killed_at_any_point_loses_nothing_and_repeats_only_what_it_had_in_hand() {
    if given().is_some() {
        return;
    }
    // Each round sends fewer than 800 and what the queue holds.
    let (kills, limit, place) = (kills().min(240), Limit::new(), Place::new("spsc-receiver"));
    let channel = Spsc::create_in(&place.dir(), "channel", &PLAIN).expect("fresh");
    let ledger = Region::<Ledger>::create_in(&place.dir(), "ledger", &PLAIN, |_| ()).expect("fresh");
    let mut tx = channel.sender().expect("free");
    let (mut n, mut random) = (0_u64, Rng::new(2));
    for _ in 0..kills {
        let mut child = Part::start("part_spsc_receiver", place.text());
        let until = n + 300 + random.below(500);
        while n < until {
            limit.check();
            match tx.send(message(0, n), &mut Bounded::new()) {
                Ok(()) => n += 1,
                Err(SendError::PeerDied(..)) => std::thread::sleep(Duration::from_micros(200)),
                Err(other) => panic!("{other}"),
            }
        }
        child.kill();
        // The survivor learns of it, at the latest when the queue is full.
        let died = loop {
            limit.check();
            match tx.send(message(0, n), &mut Bounded::new()) {
                Ok(()) => n += 1,
                Err(error) => break error,
            }
        };
        assert!(matches!(died, SendError::PeerDied(_, pid) if pid == child.pid()), "{died:?}");
    }
    // The rest is ours.
    let mut rx = channel.receiver().expect("the last one is dead");
    let rest = rx.position() as u64;
    while rx.handle(|found, number| assert_eq!(found, message(0, number as u64))).is_ok() {}
    assert_eq!(rx.position() as u64, n);
    check(&ledger, rest, kills);
}

#[test]
fn part_lane_sender() {
    let Some((dir, lane)) = place_of_part() else { return };
    let limit = Limit::new();
    let mut tx = Lanes::open_in(&dir, "lanes", &PLAIN).expect("made by the test").sender(lane).expect("a dead one's");
    let mut n = tx.position() as u64;
    loop {
        limit.check();
        match tx.push(message(lane, n)) {
            Ok(()) => n += 1,
            Err(_) => std::thread::yield_now(),
        }
    }
}

#[test]
fn part_mpsc_sender() {
    let Some((dir, lane)) = place_of_part() else { return };
    let limit = Limit::new();
    let mut tx = Mpsc::open_in(&dir, "mpsc", &PLAIN).expect("made by the test").sender(lane).expect("a dead one's");
    loop {
        limit.check();
        if tx.push(message(lane, tx.position() as u64)).is_err() {
            std::thread::yield_now();
        }
    }
}

/// The one end that takes what several senders send.
trait Receiver {
    fn recv(&mut self) -> Result<(usize, Message), RecvError>;
    fn peer(&self, lane: usize) -> Peer;
}

impl Receiver for FanInReceiver<Message, 64, LANES> {
    fn recv(&mut self) -> Result<(usize, Message), RecvError> {
        Self::recv(self, &mut Bounded::new())
    }

    fn peer(&self, lane: usize) -> Peer {
        Self::peer(self, lane)
    }
}

impl Receiver for MpscReceiver<Message, 64, LANES> {
    fn recv(&mut self) -> Result<(usize, Message), RecvError> {
        Self::recv(self, &mut Bounded::new())
    }

    fn peer(&self, lane: usize) -> Peer {
        Self::peer(self, lane)
    }
}

/// Kills one of three senders again and again, while the others go on, and looks at all that `rx` gives.
fn kill_senders(part: &str, place: &Place, rx: &mut impl Receiver) -> [u64; LANES] {
    let (kills, limit) = (kills(), Limit::new());
    let (mut next, mut random, mut messages) = ([0_u64; LANES], Rng::new(3), 0_u64);
    let start = |lane: usize| Part::start(part, &format!("{}:{lane}", place.text()));
    let mut children: [Option<Part>; LANES] = core::array::from_fn(|lane| Some(start(lane)));
    let mut take = |rx: &mut _, next: &mut [u64; LANES]| {
        limit.check();
        match Receiver::recv(rx) {
            Ok((lane, found)) => {
                assert_eq!(found, message(lane, next[lane]), "lane {lane}");
                next[lane] += 1;
                messages += 1;
                Ok(())
            }
            Err(RecvError::PeerDied(pid)) => Err(pid),
            Err(other) => panic!("{other}"),
        }
    };
    for _ in 0..kills {
        let victim = usize::try_from(random.below(LANES as u64)).expect("small");
        // Something of the victim's, so that it has come; and a few more of anybody's.
        let from = next[victim];
        while next[victim] == from {
            let _ = take(rx, &mut next);
        }
        for _ in 0..random.below(500) {
            let _ = take(rx, &mut next);
        }
        // Killed, and gone, before the next one asks for the lane.
        children[victim] = None;
        children[victim] = Some(start(victim));
    }
    // The last of each lane come as well, and are killed; each death is told once, after all messages. A message may still
    // be the last one's but one, and who is killed before it has its lane is nobody's peer.
    let pids = children.each_ref().map(|child| child.as_ref().map_or(0, Part::pid));
    for (lane, pid) in pids.into_iter().enumerate() {
        while !matches!(rx.peer(lane), Peer::Alive(token) if token.pid() == pid) {
            let _ = take(rx, &mut next);
        }
    }
    drop(children);
    let mut told = Vec::new();
    while !pids.iter().all(|pid| told.contains(pid)) {
        if let Err(pid) = take(rx, &mut next) {
            assert!(!told.contains(&pid), "told twice");
            told.push(pid);
        }
    }
    println!("{part}: {kills} senders killed, {messages} messages");
    next
}

#[test]
fn a_lanes_sender_killed_at_any_point_loses_and_doubles_nothing_and_holds_nobody_up() {
    if given().is_some() {
        return;
    }
    let place = Place::new("fan-in");
    let lanes = Lanes::create_in(&place.dir(), "lanes", &PLAIN).expect("fresh");
    let mut rx = lanes.receiver().expect("free");
    let next = kill_senders("part_lane_sender", &place, &mut rx);
    for (lane, next) in next.into_iter().enumerate() {
        let tx = lanes.sender(lane).expect("the last one is dead");
        assert_eq!(tx.position() as u64, next);
    }
    assert_eq!(lanes.sender(LANES).err(), Some(ClaimError::NoSuchLane));
}

#[test]
fn one_of_many_senders_killed_at_any_point_loses_and_doubles_nothing_and_is_passed_over() {
    if given().is_some() {
        return;
    }
    let place = Place::new("mpsc");
    let channel = Mpsc::create_in(&place.dir(), "mpsc", &PLAIN).expect("fresh");
    let mut rx = channel.receiver().expect("free");
    let next = kill_senders("part_mpsc_sender", &place, &mut rx);
    for (lane, next) in next.into_iter().enumerate() {
        let mut tx = channel.sender(lane).expect("the last one is dead");
        assert_eq!(tx.position() as u64, next);
        tx.push(message(lane, next)).expect("room");
        assert_eq!(rx.pop(), Ok((lane, message(lane, next))));
    }
    println!("{} slots passed over", channel.passed_over());
}

#[test]
fn part_mpsc_receiver() {
    let Some((dir, _)) = place_of_part() else { return };
    let channel = Mpsc::open_in(&dir, "mpsc", &PLAIN).expect("made by the test");
    let ledger = Region::<Ledger>::open_in(&dir, "ledger", &PLAIN).expect("made by the test");
    let mut rx = channel.receiver().expect("the last one is dead");
    let limit = Limit::new();
    loop {
        limit.check();
        let _ = rx.handle(|found, _, number| note(&ledger, found, number as u64));
    }
}

#[test]
fn a_receiver_of_many_killed_at_any_point_loses_nothing_and_repeats_only_what_it_had_in_hand() {
    if given().is_some() {
        return;
    }
    let (kills, limit, place) = (kills().min(240), Limit::new(), Place::new("mpsc-receiver"));
    let channel = Mpsc::create_in(&place.dir(), "mpsc", &PLAIN).expect("fresh");
    let ledger = Region::<Ledger>::create_in(&place.dir(), "ledger", &PLAIN, |_| ()).expect("fresh");
    let mut tx = channel.sender(0).expect("free");
    let mut random = Rng::new(4);
    for _ in 0..kills {
        let mut child = Part::start("part_mpsc_receiver", place.text());
        let until = tx.position() as u64 + 300 + random.below(500);
        while (tx.position() as u64) < until {
            limit.check();
            match tx.send(message(0, tx.position() as u64), &mut Bounded::new()) {
                Ok(()) => {}
                Err(SendError::PeerDied(..)) => std::thread::sleep(Duration::from_micros(200)),
                Err(other) => panic!("{other}"),
            }
        }
        child.kill();
    }
    let mut rest = None;
    let mut rx = channel.receiver().expect("the last one is dead");
    while let Ok(number) = rx.handle(|found, _, number| {
        assert_eq!(found, message(0, number as u64));
        number as u64
    }) {
        rest.get_or_insert(number);
    }
    check(&ledger, rest.unwrap_or(tx.position() as u64), kills);
}

fn whole(n: u64) -> [u64; 32] {
    core::array::from_fn(|i| n.rotate_left(u32::try_from(i).expect("small")))
}

#[test]
fn part_writer() {
    let Some((dir, _)) = place_of_part() else { return };
    let mut writer = Cell::open_in(&dir, "cell", &PLAIN).expect("made by the test").writer().expect("a dead one's");
    let limit = Limit::new();
    loop {
        limit.check();
        writer.write(whole(writer.version() as u64 + 1));
    }
}

#[test]
fn a_writer_killed_at_any_point_leaves_the_newest_value_whole() {
    if given().is_some() {
        return;
    }
    let (kills, limit, place) = (kills(), Limit::new(), Place::new("cell"));
    let cell = Cell::create_in(&place.dir(), "cell", &PLAIN).expect("fresh");
    let mut reader = cell.reader();
    let mut newest = 0;
    let mut random = Rng::new(5);
    for _ in 0..kills {
        let mut child = Part::start("part_writer", place.text());
        let until = newest + 1 + random.below(5_000);
        while newest < until {
            limit.check();
            if let Ok(value) = reader.read() {
                assert_eq!(value, whole(value[0]), "a value is whole");
                assert!(value[0] >= newest, "and never older");
                newest = value[0];
            }
        }
        assert!(matches!(reader.peer(), Peer::Alive(token) if token.pid() == child.pid()));
        child.kill();
        while !matches!(reader.peer(), Peer::Dead(token) if token.pid() == child.pid()) {
            limit.check();
        }
        // The dead one's last value stays, however far it was with the next.
        let value = reader.read().expect("nobody writes");
        assert_eq!((value, value[0] >= newest), (whole(value[0]), true));
        newest = value[0];
    }
    let writer = cell.writer().expect("the last one is dead");
    assert_eq!(writer.version() as u64, newest);
}
