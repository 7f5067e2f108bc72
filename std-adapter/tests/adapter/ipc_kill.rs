//! Processes killed at random points, at thousands of pushes per millisecond: nothing published is
//! lost or repeated.
//!
//! 40 kills per test; `VVP_KILLS=1000 cargo test -p vvp-std-adapter --test adapter ipc_kill::` does
//! a thousand.

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
/// The result for each message, and how often it was processed.
type Ledger = [[AtomicU64; 2]; LEDGER];
const LEDGER: usize = 1 << 18;

fn message(lane: usize, n: u64) -> Message {
    [n, !n, n.wrapping_mul(0x9e37_79b9_7f4a_7c15), lane as u64, n.rotate_left(7)]
}

/// Returns, in a part, the directory and the lane after the colon.
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
fn killed_spsc_sender_loses_and_repeats_nothing() {
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
        // Until it has claimed the endpoint, `recv` finds its predecessor dead.
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
    println!("{kills} senders killed, {next} messages, death detected after {slowest:?} at most");
    assert_eq!(channel.stats().pushed as u64, next);
    // This process can claim the endpoint of the last one.
    let mut tx = channel.sender().expect("the last one is dead");
    assert_eq!(tx.position() as u64, next);
    tx.push(message(0, next)).expect("room");
    assert_eq!(rx.pop(), Ok(message(0, next)));
}

/// Records that a message was processed.
fn note(ledger: &Ledger, found: Message, number: u64) {
    assert_eq!(found, message(0, number));
    let [done, times] = &ledger[usize::try_from(number).expect("64 bits") % LEDGER];
    times.fetch_add(1, Ordering::Relaxed);
    done.store(found[2], Ordering::Relaxed);
}

/// Checks that every message was processed, and all but a few once.
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
fn killed_spsc_receiver_repeats_at_most_the_current_message() {
    if given().is_some() {
        return;
    }
    // Each round sends fewer than 800 messages plus the capacity of the queue.
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
        // The survivor detects the death when the queue is full, at the latest.
        let died = loop {
            limit.check();
            match tx.send(message(0, n), &mut Bounded::new()) {
                Ok(()) => n += 1,
                Err(error) => break error,
            }
        };
        assert!(matches!(died, SendError::PeerDied(_, pid) if pid == child.pid()), "{died:?}");
    }
    // This process receives the rest.
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
    let mut tx =
        Lanes::open_in(&dir, "lanes", &PLAIN).expect("made by the test").sender(lane).expect("its owner is dead");
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
    let mut tx =
        Mpsc::open_in(&dir, "mpsc", &PLAIN).expect("made by the test").sender(lane).expect("its owner is dead");
    loop {
        limit.check();
        if tx.push(message(lane, tx.position() as u64)).is_err() {
            std::thread::yield_now();
        }
    }
}

/// The receiver of several senders.
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

/// Repeatedly kills one of three senders while the others continue, and checks all that `rx`
/// receives.
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
        // One message of the victim, so that it has claimed its lane, and a few more of any sender.
        let from = next[victim];
        while next[victim] == from {
            let _ = take(rx, &mut next);
        }
        for _ in 0..random.below(500) {
            let _ = take(rx, &mut next);
        }
        // Killed and waited for before its successor claims the lane.
        children[victim] = None;
        children[victim] = Some(start(victim));
    }
    // Waits until the last process of each lane has claimed it, then kills it; each death is
    // reported once, after all messages. The last message may be its predecessor's, and a process
    // killed before it has claimed its lane is not reported.
    let pids = children.each_ref().map(|child| child.as_ref().map_or(0, Part::pid));
    for (lane, pid) in pids.into_iter().enumerate() {
        while !matches!(rx.peer(lane), Peer::Alive(token) if token.pid() == pid) {
            let _ = take(rx, &mut next);
        }
    }
    drop(children);
    let mut reported = Vec::new();
    while !pids.iter().all(|pid| reported.contains(pid)) {
        if let Err(pid) = take(rx, &mut next) {
            assert!(!reported.contains(&pid), "reported twice");
            reported.push(pid);
        }
    }
    println!("{part}: {kills} senders killed, {messages} messages");
    next
}

#[test]
fn killed_fan_in_sender_loses_nothing_and_delays_no_lane() {
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
fn killed_mpsc_sender_loses_nothing_and_is_skipped() {
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
fn killed_mpsc_receiver_repeats_at_most_the_current_message() {
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
    let mut writer =
        Cell::open_in(&dir, "cell", &PLAIN).expect("made by the test").writer().expect("its owner is dead");
    let limit = Limit::new();
    loop {
        limit.check();
        writer.write(whole(writer.version() as u64 + 1));
    }
}

#[test]
fn killed_writer_leaves_the_newest_value_whole() {
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
        // The dead writer's last value stays, however far it was with the next one.
        let value = reader.read().expect("no writer is alive");
        assert_eq!((value, value[0] >= newest), (whole(value[0]), true));
        newest = value[0];
    }
    let writer = cell.writer().expect("the last one is dead");
    assert_eq!(writer.version() as u64, newest);
}
