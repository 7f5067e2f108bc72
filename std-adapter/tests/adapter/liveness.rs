//! Detection of dead owners without descriptors, without `/proc`, in every namespace, and with
//! forked copies of a process.

use crate::inside::Inside;
use crate::part::{Bounded, Limit, Part, given};
use crate::place::{PLAIN, Place};
use std::os::fd::{AsRawFd, OwnedFd};
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;
use vvp_std_adapter::ipc::{
    ClaimError, FanInChannel, LatestCell, LatestView, MpscChannel, Peer, RecvError, SendError, SpscChannel,
};
use vvp_std_adapter::memory::region::{Region, RegionDir, RegionError};

type Channel = SpscChannel<u64, 16>;
type Words = [AtomicU64; 8];

/// Messages that a sender sends before it closes.
const MESSAGES: u64 = 600;

fn dir_of_part() -> Option<RegionDir> {
    given().map(|path| RegionDir::at(path.as_ref()).expect("made by the test"))
}

fn until(what: &str, mut done: impl FnMut() -> bool) {
    let limit = Limit::new();
    while !done() {
        limit.check();
        std::thread::sleep(Duration::from_millis(1));
        let _ = what;
    }
}

fn is_alive(peer: Peer) -> bool {
    matches!(peer, Peer::Alive(_))
}

/// From here on this process cannot open a file.
fn exhaust_descriptors() {
    let mut limit = libc::rlimit { rlim_cur: 0, rlim_max: 0 };
    // SAFETY: the limits outlive the calls.
    unsafe {
        assert_eq!(libc::getrlimit(libc::RLIMIT_NOFILE, &raw mut limit), 0);
        limit.rlim_cur = 3;
        assert_eq!(libc::setrlimit(libc::RLIMIT_NOFILE, &raw const limit), 0);
    }
    let refused = std::fs::File::open("/dev/null").err().and_then(|e| e.raw_os_error());
    assert_eq!(refused, Some(libc::EMFILE));
}

fn send_all(dir: &RegionDir, exhausted: bool) {
    let channel = Channel::open_in(dir, "channel", &PLAIN).expect("made by the test");
    if exhausted {
        exhaust_descriptors();
    }
    let mut tx = channel.sender().expect("free");
    for n in 0..MESSAGES {
        // Slow enough that the receiver checks this process, and at times so fast that this process
        // checks the receiver.
        if n % 50 == 0 {
            std::thread::sleep(Duration::from_millis(5));
        }
        tx.send(n, &mut Bounded::new()).expect("the receiver lives");
    }
    tx.close();
}

fn receive_all(dir: &RegionDir, exhausted: bool) {
    let channel = Channel::open_in(dir, "channel", &PLAIN).expect("made by the test");
    if exhausted {
        exhaust_descriptors();
    }
    let mut rx = channel.receiver().expect("free");
    for n in 0..MESSAGES {
        assert_eq!(rx.recv(&mut Bounded::new()), Ok(n), "a live sender was reported dead");
        if n % 70 == 0 {
            std::thread::sleep(Duration::from_millis(5));
        }
    }
    assert_eq!(rx.recv(&mut Bounded::new()), Err(RecvError::Closed));
}

#[test]
fn part_sender_without_descriptors() {
    let Some(dir) = dir_of_part() else { return };
    send_all(&dir, true);
}

#[test]
fn part_receiver_without_descriptors() {
    let Some(dir) = dir_of_part() else { return };
    receive_all(&dir, true);
}

#[test]
fn live_peers_stay_alive_at_the_descriptor_limit() {
    if given().is_some() {
        return;
    }
    for (starved, name) in [(false, "limit-sender"), (true, "limit-receiver")] {
        let place = Place::new(name);
        Channel::create_in(&place.dir(), "channel", &PLAIN).expect("fresh");
        if starved {
            let child = Part::start("part_receiver_without_descriptors", place.text());
            send_all(&place.dir(), false);
            child.succeeds();
        } else {
            let child = Part::start("part_sender_without_descriptors", place.text());
            receive_all(&place.dir(), false);
            child.succeeds();
        }
    }
    let place = Place::new("limit-both");
    Channel::create_in(&place.dir(), "channel", &PLAIN).expect("fresh");
    let both = ["part_receiver_without_descriptors", "part_sender_without_descriptors"];
    for child in both.map(|part| Part::start(part, place.text())) {
        child.succeeds();
    }
}

/// Sends endlessly while it creates a region that it never finishes.
#[test]
fn part_that_holds() {
    let Some(dir) = dir_of_part() else { return };
    let mut tx = Channel::open_in(&dir, "channel", &PLAIN).expect("made by the test").sender().expect("free");
    let limit = Limit::new();
    let _ = Region::<Words>::create_in(&dir, "half", &PLAIN, |_| {
        loop {
            limit.check();
            let _ = tx.push(tx.position() as u64);
            std::thread::sleep(Duration::from_micros(100));
        }
    });
}

/// Tries to take everything that another live process owns.
#[test]
fn part_that_tries_to_take() {
    let Some(dir) = dir_of_part() else { return };
    let channel = Channel::open_in(&dir, "channel", &PLAIN).expect("made by the test");
    assert!(matches!(channel.receiver().err(), Some(ClaimError::Taken { .. })), "two receivers");
    assert!(matches!(channel.sender().err(), Some(ClaimError::Taken { .. })), "two senders");
    let half = Region::<Words>::open_in(&dir, "half", &PLAIN).err();
    assert!(matches!(half, Some(RegionError::NotReady { .. })), "{half:?}");
}

#[test]
fn liveness_is_correct_across_namespaces() {
    if given().is_some() {
        return;
    }
    for (inside, name) in [(Inside::Time(100_000), "time"), (Inside::Pid, "pid"), (Inside::NoProc, "no-proc")] {
        if !inside.is_possible() || (matches!(inside, Inside::NoProc) && crate::sanitizer::is_on()) {
            continue;
        }
        let place = Place::new(&format!("namespace-{name}"));
        let dir = place.dir();
        let channel = Channel::create_in(&dir, "channel", &PLAIN).expect("fresh");
        let mut rx = channel.receiver().expect("free");
        let half = || Region::<Words>::open_in(&dir, "half", &PLAIN).err();
        let mut owner = Part::start_as("part_that_holds", place.text(), |command| inside.put(command));
        until("a region in the making", || matches!(half(), Some(RegionError::NotReady { .. })));
        for n in 0..300 {
            assert_eq!(rx.recv(&mut Bounded::new()), Ok(n), "{name}");
            assert!(is_alive(rx.peer()), "{name}");
        }
        assert!(matches!(channel.sender().err(), Some(ClaimError::Taken { .. })), "{name}");
        // From that namespace, and from this one in a third process.
        Part::start_as("part_that_tries_to_take", place.text(), |command| inside.put(command)).succeeds();
        Part::start("part_that_tries_to_take", place.text()).succeeds();

        owner.kill();
        let died = loop {
            match rx.recv(&mut Bounded::new()) {
                Ok(_) => {}
                Err(error) => break error,
            }
        };
        assert!(matches!(died, RecvError::PeerDied(_)), "{name}: {died}");
        assert!(matches!(half(), Some(RegionError::HalfMade { .. })), "{name}");
        assert_eq!(channel.sender().expect("its owner is dead").position(), rx.position(), "{name}");
    }
}

#[test]
fn part_that_makes_and_uses_all() {
    let Some(dir) = dir_of_part() else { return };
    assert!(!std::path::Path::new("/proc/self").exists());
    let lanes = FanInChannel::<u64, 8, 2>::create_in(&dir, "lanes", &PLAIN).expect("a name");
    let many = MpscChannel::<u64, 8, 2>::create_in(&dir, "many", &PLAIN).expect("a name");
    let cell = LatestCell::<u64>::create_in(&dir, "cell", &PLAIN).expect("a name");
    let (mut a, mut b, mut c) =
        (lanes.sender(1).expect("free"), many.sender(1).expect("free"), cell.writer().expect("free"));
    a.push(1).expect("room");
    b.push(2).expect("room");
    c.write(3);
    // SAFETY: ends this process as a kill would.
    unsafe { libc::raise(libc::SIGKILL) };
}

#[test]
fn all_channels_detect_dead_owners_without_proc() {
    if given().is_some() || !Inside::NoProc.is_possible() {
        return;
    }
    let place = Place::new("no-proc-all");
    let dir = place.dir();
    let creator = Part::start_as("part_that_makes_and_uses_all", place.text(), |c| Inside::NoProc.put(c));
    let status = creator.end();
    assert_eq!(std::os::unix::process::ExitStatusExt::signal(&status), Some(libc::SIGKILL), "{status}");
    let lanes = FanInChannel::<u64, 8, 2>::open_in(&dir, "lanes", &PLAIN).expect("made");
    let many = MpscChannel::<u64, 8, 2>::open_in(&dir, "many", &PLAIN).expect("made");
    let (mut rx, mut of_many) = (lanes.receiver().expect("free"), many.receiver().expect("free"));
    assert_eq!((rx.pop(), of_many.pop()), (Ok((1, 1)), Ok((1, 2))));
    assert!(matches!((rx.peer(1), rx.peer(0)), (Peer::Dead(_), Peer::Absent)));
    assert!(matches!((of_many.peer(1), of_many.peer(0)), (Peer::Dead(_), Peer::Absent)));
    assert!(lanes.sender(1).is_ok() && many.sender(1).is_ok());
    // A read-only view sees the same death, and then the next owner.
    let cell = LatestCell::<u64>::open_in(&dir, "cell", &PLAIN).expect("made");
    let mut view = LatestView::<u64>::open_in(&dir, "cell").expect("made");
    assert!(view.read() == Ok(3) && matches!(view.peer(), Peer::Dead(_)));
    let writer = cell.writer().expect("its owner is dead");
    assert!(is_alive(view.peer()) && is_alive(cell.reader().peer()));
    drop(writer);
    assert_eq!(view.peer(), Peer::Absent);
}

/// Forks; the child calls `act` and exits with 0 if it returns true.
fn fork(act: impl FnOnce() -> bool) -> libc::pid_t {
    // SAFETY: the child calls `act`, which takes no lock that another thread may have held, and
    // ends.
    let child = unsafe { libc::fork() };
    if child == 0 {
        let good = std::panic::catch_unwind(std::panic::AssertUnwindSafe(act)).unwrap_or(false);
        // SAFETY: ends the child without running any of its parent's code.
        unsafe { libc::_exit(i32::from(!good)) };
    }
    assert!(child > 0);
    child
}

fn ended_well(child: libc::pid_t) {
    let mut status = 0;
    // SAFETY: waits for our child; `status` outlives the call.
    assert_eq!(unsafe { libc::waitpid(child, &raw mut status, 0) }, child);
    assert_eq!(status, 0);
}

#[test]
fn forked_copy_releases_nothing_and_reports_no_death() {
    if given().is_some() {
        return;
    }
    let place = Place::new("fork");
    let channel = Channel::create_in(&place.dir(), "channel", &PLAIN).expect("fresh");
    let other = Channel::open_in(&place.dir(), "channel", &PLAIN).expect("there");
    let mut tx = channel.sender().expect("free");
    // The forked copy drops its parent's handles.
    let copies = (channel.clone(), other.clone());
    let mut moved = Some(tx);
    ended_well(fork(|| {
        drop(moved.take());
        let taken = matches!(copies.0.sender().err(), Some(ClaimError::Taken { .. }));
        taken && matches!(copies.1.sender().err(), Some(ClaimError::Taken { .. })) && !copies.0.region().sees_deaths()
    }));
    tx = moved.expect("the parent's is where it was");
    assert!(matches!(other.sender().err(), Some(ClaimError::Taken { pid }) if pid == std::process::id()));
    // A forked copy that claims an endpoint through its parent's description: neither appears dead
    // to the other, although they share the locks.
    let step = Region::<Words>::anonymous(&PLAIN).expect("memory");
    let child = fork(|| {
        let rx = channel.receiver().expect("free");
        step[0].store(1, Ordering::Relaxed);
        until("checked", || step[1].load(Ordering::Relaxed) == 1);
        is_alive(rx.peer())
    });
    until("taken", || step[0].load(Ordering::Relaxed) == 1);
    assert!(is_alive(tx.peer()) && matches!(other.receiver().err(), Some(ClaimError::Taken { .. })));
    tx.push(1).expect("room");
    step[1].store(1, Ordering::Relaxed);
    ended_well(child);
    // A forked copy that opens the region again is like any other process: its death is detected.
    let path = place.0.clone();
    let child = fork(|| {
        let again = Channel::open_in(&RegionDir::at(&path).expect("there"), "channel", &PLAIN).expect("there");
        assert!(again.region().sees_deaths());
        // `tx` belongs to the parent; dropping it here releases nothing.
        matches!(again.sender().err(), Some(ClaimError::Taken { .. }))
    });
    ended_well(child);
    tx.push(2).expect("room");
}

/// Forks a copy that continues to sleep, and is killed before it.
#[test]
fn part_that_leaves_a_copy() {
    let Some(dir) = dir_of_part() else { return };
    let tx = Channel::open_in(&dir, "channel", &PLAIN).expect("made by the test").sender().expect("free");
    let done = Region::<Words>::open_in(&dir, "done", &PLAIN).expect("made by the test");
    let _copy = fork(|| {
        // SAFETY: takes no pointer.
        unsafe { libc::prctl(libc::PR_SET_PDEATHSIG, 0 as libc::c_ulong) };
        done[0].store(1, Ordering::Relaxed);
        until("done", || done[1].load(Ordering::Relaxed) == 1);
        true
    });
    until("a copy", || done[0].load(Ordering::Relaxed) == 1);
    // SAFETY: ends this process as a kill would, but not the copy.
    unsafe { libc::raise(libc::SIGKILL) };
    drop(tx);
}

#[test]
fn process_counts_as_alive_until_its_forked_copy_ends() {
    if given().is_some() {
        return;
    }
    let place = Place::new("copy");
    let channel = Channel::create_in(&place.dir(), "channel", &PLAIN).expect("fresh");
    let done = Region::<Words>::create_in(&place.dir(), "done", &PLAIN, |_| ()).expect("fresh");
    let rx = channel.receiver().expect("free");
    let status = Part::start("part_that_leaves_a_copy", place.text()).end();
    assert_eq!(std::os::unix::process::ExitStatusExt::signal(&status), Some(libc::SIGKILL));
    assert!(is_alive(rx.peer()), "the copy shares its lock");
    done[1].store(1, Ordering::Relaxed);
    until("the copy's end", || matches!(rx.peer(), Peer::Dead(_)));
}

#[test]
fn program_started_by_an_owner_does_not_keep_its_endpoints() {
    if given().is_some() {
        return;
    }
    let place = Place::new("exec");
    let channel = Channel::create_in(&place.dir(), "channel", &PLAIN).expect("fresh");
    let rx = channel.receiver().expect("free");
    let status = Part::start("part_that_starts_another", place.text()).end();
    assert!(status.success(), "{status}");
    let pid = std::fs::read_to_string(place.0.join("pid")).expect("written");
    let pid: libc::pid_t = pid.parse().expect("a number");
    assert!(matches!(rx.peer(), Peer::Dead(_)), "{:?}", rx.peer());
    // SAFETY: takes no pointer; the sleeper is this test's, and sleeps.
    assert_eq!(unsafe { libc::kill(pid, libc::SIGKILL) }, 0, "it lives still");
}

/// Ends without releasing anything, while the program that it started continues.
#[test]
fn part_that_starts_another() {
    let Some(dir) = dir_of_part() else { return };
    let tx = Channel::open_in(&dir, "channel", &PLAIN).expect("made by the test").sender().expect("free");
    let child = std::process::Command::new("sleep").arg("240").spawn().expect("sleep");
    std::fs::write(format!("{}/pid", given().expect("a part")), child.id().to_string()).expect("ours");
    core::mem::forget(tx);
    std::process::exit(0);
}

#[test]
fn part_with_a_descriptor() {
    let Some(given) = given() else { return };
    let fd: i32 = given.parse().expect("a number");
    // SAFETY: the test let this process inherit it, and nothing else uses it.
    let fd: OwnedFd = unsafe { std::os::fd::FromRawFd::from_raw_fd(fd) };
    let channel = Channel::from_fd(fd, &PLAIN).expect("the test's");
    let mut tx = channel.sender().expect("free");
    let limit = Limit::new();
    loop {
        limit.check();
        let _ = tx.push(tx.position() as u64);
        std::thread::sleep(Duration::from_micros(100));
    }
}

#[test]
fn death_after_an_inherited_descriptor_is_detected_only_with_proc() {
    if given().is_some() {
        return;
    }
    for without in [false, true] {
        if without && !Inside::NoProc.is_possible() {
            continue;
        }
        let channel = Channel::anonymous(&PLAIN).expect("memory");
        let mut rx = channel.receiver().expect("free");
        let fd = channel.fd().expect("a descriptor");
        // SAFETY: takes no pointer. Inherited by the child; another child of this moment may have
        // it as well, which harms nothing, for no end is locked through it.
        assert_eq!(unsafe { libc::fcntl(fd.as_raw_fd(), libc::F_SETFD, 0) }, 0);
        let change = |command: &mut std::process::Command| {
            if without {
                Inside::NoProc.put(command);
            }
        };
        let mut child = Part::start_as("part_with_a_descriptor", &fd.as_raw_fd().to_string(), change);
        drop(fd);
        for n in 0..200 {
            assert_eq!(rx.recv(&mut Bounded::new()), Ok(n));
            assert!(is_alive(rx.peer()));
        }
        let pid = child.pid();
        assert_eq!(channel.sender().err(), Some(ClaimError::Taken { pid }));
        child.kill();
        child.end();
        while rx.pop().is_ok() {}
        if without {
            assert!(is_alive(rx.peer()), "its death cannot be detected");
            assert_eq!(channel.sender().err(), Some(ClaimError::Taken { pid }));
        } else {
            assert_eq!(rx.recv(&mut Bounded::new()), Err(RecvError::PeerDied(pid)));
            assert!(channel.sender().is_ok());
        }
    }
}

#[test]
fn endpoint_outlives_the_thread_that_claimed_it() {
    if given().is_some() {
        return;
    }
    let place = Place::new("threads");
    let channel = Channel::create_in(&place.dir(), "channel", &PLAIN).expect("fresh");
    let other = Channel::open_in(&place.dir(), "channel", &PLAIN).expect("there");
    let rx = other.receiver().expect("free");
    let mut tx = std::thread::spawn(move || channel.sender().expect("free")).join().expect("no panic");
    assert!(is_alive(rx.peer()) && matches!(other.sender().err(), Some(ClaimError::Taken { .. })));
    tx.push(1).expect("room");
    std::thread::spawn(move || drop(tx)).join().expect("no panic");
    assert_eq!(rx.peer(), Peer::Absent);
    assert_eq!(other.sender().expect("released").position(), 1);
}

/// Checks that an endpoint has one owner: adds 1, yields, and subtracts it.
fn alone(region: &Words) {
    let before = region[0].fetch_add(1, Ordering::SeqCst);
    std::thread::yield_now();
    let with = region[0].fetch_sub(1, Ordering::SeqCst);
    // Does not count once the racers are being killed.
    assert!((before, with) == (0, 1) || region[2].load(Ordering::SeqCst) == 1, "two owners: {before}, {with}");
    region[1].fetch_add(1, Ordering::Relaxed);
}

#[test]
fn part_that_races() {
    let Some(dir) = dir_of_part() else { return };
    let channel = Channel::open_in(&dir, "channel", &PLAIN).expect("made by the test");
    let words = Region::<Words>::open_in(&dir, "words", &PLAIN).expect("made by the test");
    let limit = Limit::new();
    for n in 0.. {
        limit.check();
        // Alternates between a new description and one that is kept.
        let mine = if n % 2 == 0 { Channel::open_in(&dir, "channel", &PLAIN).expect("there") } else { channel.clone() };
        if let Ok(tx) = mine.sender() {
            alone(&words);
            drop(tx);
        }
    }
}

#[test]
fn one_of_many_successors_gets_the_endpoint() {
    if given().is_some() {
        return;
    }
    let place = Place::new("race");
    let channel = Channel::create_in(&place.dir(), "channel", &PLAIN).expect("fresh");
    let words = Region::<Words>::create_in(&place.dir(), "words", &PLAIN, |_| ()).expect("fresh");
    let (rx, limit) = (channel.receiver().expect("free"), Limit::new());
    let racers: Vec<_> = (0..3).map(|_| Part::start("part_that_races", place.text())).collect();
    while words[1].load(Ordering::Relaxed) < 2_000 {
        limit.check();
        assert!(!matches!(rx.peer(), Peer::Dead(_)), "all live");
        if let Ok(tx) = channel.sender() {
            alone(&words);
            drop(tx);
        }
    }
    // A racer killed while it owns the endpoint leaves its 1, which the others would take for a
    // second owner.
    words[2].store(1, Ordering::Relaxed);
    drop(racers);
    let _ = rx.peer();
    assert!(channel.sender().is_ok(), "its owner is gone");
}

#[test]
fn sender_waits_for_a_live_receiver_and_detects_its_death() {
    if given().is_some() {
        return;
    }
    let place = Place::new("receiver");
    let channel = Channel::create_in(&place.dir(), "channel", &PLAIN).expect("fresh");
    let mut tx = channel.sender().expect("free");
    let mut child = Part::start("part_that_only_holds_the_receiver", place.text());
    until("a receiver", || is_alive(tx.peer()));
    while tx.push(0).is_ok() {}
    std::thread::sleep(Duration::from_millis(20));
    assert!(is_alive(tx.peer()));
    let pid = child.pid();
    child.kill();
    assert_eq!(tx.send(1, &mut Bounded::new()), Err(SendError::PeerDied(1, pid)));
}

#[test]
fn part_that_only_holds_the_receiver() {
    let Some(dir) = dir_of_part() else { return };
    let _rx = Channel::open_in(&dir, "channel", &PLAIN).expect("made by the test").receiver().expect("free");
    let limit = Limit::new();
    loop {
        limit.check();
        std::thread::sleep(Duration::from_millis(50));
    }
}
