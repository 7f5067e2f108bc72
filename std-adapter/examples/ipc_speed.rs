//! Measures the rate of messages through a channel to another process, and to another thread of the
//! same process, in turns.
//!
//! `cargo run --release -p vvp-std-adapter --example ipc_speed` prints both rates of 11 rounds, and
//! the ratio of the medians. Both endpoints spin, so it needs two processors.

use std::process::{Command, Stdio};
use std::time::{Duration, Instant};
use vvp_std_adapter::ipc::{SpscChannel, SpscReceiver, SpscSender};
use vvp_std_adapter::memory::region::RegionOptions;
use vvp_std_adapter::thread::{allowed_cpus, pin_to};

type Message = [u64; 2];
const SLOTS: usize = 4096;
type Channel = SpscChannel<Message, SLOTS>;
const MESSAGES: u64 = 2_000_000;
const ROUNDS: usize = 11;
const CHILD: &str = "VVP_IPC_SPEED_FD";
const CPU: &str = "VVP_IPC_SPEED_CPU";

/// Returns the processors of the two endpoints. Called before anything is pinned: a pinned thread,
/// and a process that it starts, sees only its own processor.
fn cpus() -> [Option<usize>; 2] {
    let cpus = allowed_cpus();
    [0, 1].map(|end| cpus.get(end).copied())
}

fn pin(cpu: Option<usize>) {
    if let Some(cpu) = cpu {
        assert!(pin_to(cpu).is_applied(), "cannot pin to processor {cpu}");
    }
}

fn send(tx: &mut SpscSender<Message, SLOTS>) {
    for n in 0..MESSAGES {
        let mut rest = [n, !n];
        while let Err(full) = tx.push(rest) {
            rest = full.0;
            std::hint::spin_loop();
        }
    }
}

/// Returns the nanoseconds from the first message to the last.
fn receive(rx: &mut SpscReceiver<Message, SLOTS>) -> u128 {
    let mut start = None;
    let mut expected = 0;
    while expected < MESSAGES {
        match rx.pop() {
            Ok(message) => {
                assert_eq!(message[0], expected);
                expected += 1;
                start.get_or_insert_with(Instant::now);
            }
            Err(_) => std::hint::spin_loop(),
        }
    }
    start.map_or(0, |s: Instant| s.elapsed().as_nanos())
}

fn threads(channel: &Channel, cpus: [Option<usize>; 2]) -> u128 {
    std::thread::scope(|scope| {
        scope.spawn(|| {
            pin(cpus[1]);
            send(&mut channel.sender().expect("free"));
        });
        pin(cpus[0]);
        receive(&mut channel.receiver().expect("free"))
    })
}

fn processes(channel: &Channel, cpus: [Option<usize>; 2]) -> u128 {
    use std::os::fd::AsRawFd;
    let fd = channel.fd().expect("a descriptor");
    // The child inherits it under the same number. SAFETY: clears one flag of a descriptor of ours.
    unsafe { libc::fcntl(fd.as_raw_fd(), libc::F_SETFD, 0) };
    let this = std::env::current_exe().expect("this program");
    let mut command = Command::new(this);
    command.env(CHILD, fd.as_raw_fd().to_string()).env(CPU, cpus[1].map_or(String::new(), |cpu| cpu.to_string()));
    let mut child = command.stdout(Stdio::null()).spawn().expect("a child");
    pin(cpus[0]);
    let ns = receive(&mut channel.receiver().expect("free"));
    assert!(child.wait().expect("ours").success());
    ns
}

fn main() {
    if let Ok(fd) = std::env::var(CHILD) {
        use std::os::fd::FromRawFd;
        // SAFETY: the parent left this descriptor open for this process, and nothing else here owns
        // it.
        let fd = unsafe { std::os::fd::OwnedFd::from_raw_fd(fd.parse().expect("a number")) };
        let channel = Channel::from_fd(fd, &RegionOptions::default()).expect("the parent's");
        pin(std::env::var(CPU).ok().and_then(|cpu| cpu.parse().ok()));
        send(&mut channel.sender().expect("free"));
        return;
    }
    let channel = Channel::anonymous(&RegionOptions::READY).expect("memory");
    let cpus = cpus();
    let mut rounds = [Vec::new(), Vec::new()];
    for _ in 0..ROUNDS {
        rounds[0].push(threads(&channel, cpus));
        rounds[1].push(processes(&channel, cpus));
        std::thread::sleep(Duration::from_millis(5));
    }
    let mut medians = [0; 2];
    for (i, name) in ["threads", "processes"].into_iter().enumerate() {
        let all = &mut rounds[i];
        all.sort_unstable();
        let rate = |ns: u128| {
            let tenths = u128::from(MESSAGES) * 10_000 / ns.max(1);
            format!("{}.{}", tenths / 10, tenths % 10)
        };
        medians[i] = all[ROUNDS / 2];
        println!("{name}: {} M/s [{}..{}]", rate(medians[i]), rate(all[ROUNDS - 1]), rate(all[0]));
    }
    println!("across processes {} % of across threads", medians[0] * 100 / medians[1].max(1));
}
