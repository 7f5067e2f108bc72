//! Two processes and a queue in shared memory: this program starts itself again, the child sends,
//! and the parent detects how each child ended: one just exits, one closes the channel.
//!
//! `cargo run -p vvp-std-adapter --example shared_memory`

use std::os::fd::{AsRawFd, FromRawFd, OwnedFd};
use std::process::{Child, Command};
use vvp_std_adapter::ipc::{Peer, RecvError, SpscChannel, SpscReceiver};
use vvp_std_adapter::memory::region::RegionOptions;
use vvp_std_adapter::thread::SpinThenYield;

type Outcome<T> = Result<T, Box<dyn std::error::Error>>;

/// Plain integers, so any bytes are valid: what another process writes can do no harm here.
type Message = [u64; 2];
const SLOTS: usize = 64;
type Channel = SpscChannel<Message, SLOTS>;

/// Environment variable with the number of the region's descriptor in the child.
const DESCRIPTOR: &str = "VVP_SHARED_MEMORY_FD";

/// The child: sends 1,000 messages and closes its endpoint, or exits before it has closed.
fn child(fd: i32, dies: bool) -> Outcome<()> {
    // SAFETY: the parent left this descriptor open for us, and nothing else in this process owns
    // it.
    let fd = unsafe { OwnedFd::from_raw_fd(fd) };
    // Checked: a region of another layout, or of another version, is refused.
    let channel = Channel::from_fd(fd, &RegionOptions::default())?;
    let mut tx = channel.sender()?;
    println!("  child   continues at message {}", tx.position());
    for _ in 0..1000 {
        let number = tx.position() as u64;
        tx.send([number, number * number], &mut SpinThenYield)?;
    }
    if dies {
        std::process::exit(3); // nothing is closed or released, as in a crash
    }
    tx.close();
    Ok(())
}

fn start_child(channel: &Channel, how: &str) -> Outcome<Child> {
    let fd = channel.fd()?;
    // The child inherits it under the same number.
    // SAFETY: clears one flag of a descriptor of ours.
    unsafe { libc::fcntl(fd.as_raw_fd(), libc::F_SETFD, 0) };
    let this = std::env::current_exe()?;
    Ok(Command::new(this).arg(how).env(DESCRIPTOR, fd.as_raw_fd().to_string()).spawn()?)
}

/// Receives until the peer has ended; returns how it ended, and the number of messages.
fn receive(rx: &mut SpscReceiver<Message, SLOTS>, child: &mut Child) -> Outcome<(RecvError, u64)> {
    let mut received = 0;
    loop {
        match rx.recv(&mut SpinThenYield) {
            Ok([number, square]) => {
                assert_eq!((number + 1, square), (rx.position() as u64, number * number));
                received += 1;
            }
            // Still the predecessor: its successor has not claimed the endpoint yet.
            Err(RecvError::PeerDied(pid)) if pid != child.id() && child.try_wait()?.is_none() => {}
            Err(end) => return Ok((end, received)),
        }
    }
}

fn main() -> Outcome<()> {
    if let Ok(fd) = std::env::var(DESCRIPTOR) {
        return child(fd.parse()?, std::env::args().nth(1).as_deref() == Some("dies"));
    }
    // Anonymous: only a process that has the descriptor can map it. `create` makes a named one.
    let channel = Channel::anonymous(&RegionOptions::READY)?;
    let mut rx = channel.receiver()?;
    for how in ["dies", "closes"] {
        println!("parent    starts a child that {how}");
        let mut child = start_child(&channel, how)?;
        let (end, received) = receive(&mut rx, &mut child)?;
        println!("parent    {received} messages; {end}");
        println!("parent    the child ended with {}", child.wait()?);
        match rx.peer() {
            Peer::Absent => println!("parent    the sender's endpoint was released"),
            Peer::Dead(token) => {
                println!("parent    process {} died as the owner of the sender's endpoint", token.pid())
            }
            Peer::Alive(token) => println!("parent    process {} owns the sender's endpoint", token.pid()),
        }
    }
    let stats = channel.stats();
    println!("channel   {} sent, {} received, at most {} waiting", stats.pushed, stats.popped, stats.high_water);
    Ok(())
}
