//! A process whose first thread has ended counts as alive while another thread runs: it keeps its
//! endpoints of channels and the regions that it is creating, and loses them only when its last
//! thread ends.
//!
//! It runs without the harness, whose first thread cannot end: this program starts itself again
//! with the name of a part.

#[path = "adapter/part.rs"]
mod part;

use part::Limit;
use std::process::{Child, Command};
use std::time::Duration;
use vvp_std_adapter::ipc::{ClaimError, Peer, RecvError, SpscChannel};
use vvp_std_adapter::memory::region::{Region, RegionDir, RegionError, RegionOptions};
use vvp_std_adapter::thread::SpinThenSleep;

type Channel = SpscChannel<u64, 16>;
type Words = [std::sync::atomic::AtomicU64; 8];
const PART: &str = "part-without-a-first-thread";
const PLAIN: fn() -> RegionOptions = RegionOptions::default;

/// Ends only the calling thread, though it is the process's first.
fn end_this_thread() -> ! {
    // SAFETY: other threads use nothing that this thread owns: what they share is in `static`s or
    // their own.
    unsafe { libc::syscall(libc::SYS_exit, 0) };
    unreachable!("the call does not come back");
}

/// Sends numbers until it is killed, and never finishes the region "half".
fn part(path: &str) -> ! {
    // SAFETY: sets a flag of this process; takes no pointer. The test may end before it has killed
    // this process.
    unsafe { libc::prctl(libc::PR_SET_PDEATHSIG, libc::SIGKILL as libc::c_ulong) };
    let path = path.to_owned();
    let limit = Limit::new();
    std::thread::spawn(move || {
        let dir = RegionDir::at(path.as_ref()).expect("made by the test");
        let mut tx = Channel::open_in(&dir, "channel", &PLAIN()).expect("made by the test").sender().expect("free");
        // Shows that the process is alive: it sends, and no other process does.
        let made = Region::<Words>::create_in(&dir, "half", &PLAIN(), |_| {
            loop {
                limit.check();
                let _ = tx.push(tx.position() as u64);
                std::thread::sleep(Duration::from_micros(100));
            }
        });
        panic!("there is no region to be half of: {:?}", made.err());
    });
    end_this_thread()
}

/// A child that does not outlive the test.
struct Killed(Child);

impl Drop for Killed {
    fn drop(&mut self) {
        // std sends no signal once the child was waited for.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// A directory of this test's own, removed when dropped.
struct Place(String);

impl Drop for Place {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

fn process_counts_as_alive_until_its_last_thread_ends() {
    let place = Place(format!("/dev/shm/vvp-test-first-thread-{}", std::process::id()));
    let _ = std::fs::remove_dir_all(&place.0);
    let dir = RegionDir::at(place.0.as_ref()).expect("a directory");
    let channel = Channel::create_in(&dir, "channel", &PLAIN()).expect("fresh");
    let mut rx = channel.receiver().expect("free");
    let (limit, mut next) = (Limit::new(), 0);
    let this = std::env::current_exe().expect("this program");
    let mut child = Killed(Command::new(this).args([PART, &place.0]).spawn().expect("a child"));
    let pid = child.0.id();
    let state = || {
        let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).expect("not waited for yet");
        stat.rsplit(") ").next().and_then(|rest| rest.chars().next())
    };
    while state() != Some('Z') || !dir_has(&place, "half") {
        assert_eq!(child.0.try_wait().expect("ours"), None, "it has ended");
        limit.check();
        std::thread::sleep(Duration::from_millis(1));
    }
    let half = || Region::<Words>::open_in(&dir, "half", &PLAIN()).err();
    let mut wait = SpinThenSleep::new(true);
    // Longer than the detection of a death takes, with messages sent after the end of the first
    // thread.
    for _ in 0..500 {
        limit.check();
        assert_eq!((rx.recv(&mut wait), state()), (Ok(next), Some('Z')));
        next += 1;
        assert!(matches!(rx.peer(), Peer::Alive(token) if token.pid() == pid));
    }
    assert_eq!(channel.sender().err(), Some(ClaimError::Taken { pid }));
    assert_eq!(half(), Some(RegionError::NotReady { pid }));

    child.0.kill().expect("ours");
    loop {
        limit.check();
        match rx.recv(&mut wait) {
            Ok(number) => assert_eq!(number, next),
            Err(RecvError::PeerDied(dead)) => break assert_eq!(dead, pid),
            Err(other) => panic!("{other}"),
        }
        next += 1;
    }
    // The owner is dead even before another process has claimed the endpoint.
    assert!(matches!(rx.peer(), Peer::Dead(token) if token.pid() == pid));
    assert_eq!(half(), Some(RegionError::HalfMade { pid }));
    let again = channel.sender().expect("its owner is dead");
    assert_eq!(again.position() as u64, next);
}

fn dir_has(place: &Place, name: &str) -> bool {
    std::path::Path::new(&place.0).join(name).exists()
}

fn main() {
    let words: Vec<String> = std::env::args().collect();
    match words.iter().map(String::as_str).collect::<Vec<_>>().as_slice() {
        [_, PART, path] => part(path),
        _ => process_counts_as_alive_until_its_last_thread_ends(),
    }
    println!("process_counts_as_alive_until_its_last_thread_ends ... ok");
}
