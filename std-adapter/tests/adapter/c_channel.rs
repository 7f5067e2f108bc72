//! A C or C++ program joins channels that Rust made, as docs/layouts.md and `include/vvp_region.h`
//! say.

use crate::place::{PLAIN, Place};
use std::io::Write;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command as Program};
use std::time::{Duration, Instant};
use vvp_core::queue::PopError;
use vvp_std_adapter::ipc::{Peer, SpscChannel};

type Channel = SpscChannel<[u8; 64], 128>;

const COUNT: u64 = 2_000;
/// Number of messages after which the first C process exits without releasing its endpoints.
const LIFE: u64 = 777;

/// Compiles the other side; `None` where there is no such compiler.
fn compile(name: &str, (variable, default): (&str, &str), options: &[&str]) -> Option<PathBuf> {
    let here = Path::new(env!("CARGO_MANIFEST_DIR"));
    let program = Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("channel-{name}-{}", std::process::id()));
    let status = Program::new(std::env::var_os(variable).unwrap_or(default.into()))
        .args(options)
        .args(["-O2", "-Wall", "-Wextra", "-Wpedantic", "-Werror", "-I"])
        .arg(here.join("../include"))
        .arg(here.join("tests/adapter/channel.c"))
        .arg("-o")
        .arg(&program)
        .status();
    match status {
        Ok(status) => assert!(status.success(), "the {name} side does not compile"),
        Err(e) if e.kind() == std::io::ErrorKind::NotFound => return None,
        Err(e) => panic!("{default} does not start: {e}"),
    }
    Some(program)
}

fn message(n: u64) -> [u8; 64] {
    core::array::from_fn(|i| (n.wrapping_mul(0x9e37_79b9_7f4a_7c15) >> (i % 8 * 8)) as u8 ^ i as u8)
}

/// Repeats a block until it is true.
macro_rules! until {
    ($done:expr) => {
        let deadline = Instant::now() + Duration::from_secs(300);
        while !$done {
            assert!(Instant::now() < deadline, "the other side does nothing");
            std::thread::yield_now();
        }
    };
}

fn ended(mut child: Child) {
    assert!(child.wait().expect("it ends").success());
}

fn exchange(name: &str, program: &Path) {
    let place = Place::new(&format!("c-channel-{name}"));
    let dir = place.dir();
    let to_c = Channel::create_in(&dir, "to_c", &PLAIN).expect("fresh");
    let from_c = Channel::create_in(&dir, "from_c", &PLAIN).expect("fresh");
    for (file, contents, mode) in
        [("text", [b'a'; 8192].as_slice(), 0o600), ("short", b"", 0o600), ("shared", b"", 0o666)]
    {
        let file = place.0.join(file);
        std::fs::write(&file, contents).expect("room");
        std::fs::set_permissions(&file, PermissionsExt::from_mode(mode)).expect("ours");
    }
    let start =
        |count: u64| Program::new(program).arg(&place.0).arg(count.to_string()).spawn().expect("the other side starts");
    let (mut tx, mut rx) = (to_c.sender().expect("free"), from_c.receiver().expect("free"));
    let (mut sent, mut received) = (0, 0);
    // Sends messages until the queue is full, and receives until the other one is empty.
    macro_rules! exchange {
        () => {{
            while sent < COUNT && tx.push(message(sent)).is_ok() {
                sent += 1;
            }
            while let Ok(bytes) = rx.pop() {
                assert_eq!(bytes, message(received), "message {received}");
                received += 1;
            }
        }};
    }

    // A C process that ends in the middle.
    let first = start(LIFE);
    let pid = first.id();
    until!({
        exchange!();
        received == LIFE
    });
    ended(first);
    for peer in [tx.peer(), rx.peer()] {
        assert!(matches!(peer, Peer::Dead(token) if token.pid() == pid), "{peer:?}");
    }

    // Its successor goes on with the message after.
    let second = start(0);
    let pid = second.id();
    until!({
        exchange!();
        received == COUNT
    });
    let beats = tx.peer_beats();
    until!(tx.peer_beats() > beats);
    for peer in [tx.peer(), rx.peer()] {
        assert!(matches!(peer, Peer::Alive(token) if token.pid() == pid), "{peer:?}");
    }
    tx.close();
    ended(second);
    assert_eq!((rx.peer(), rx.pop()), (Peer::Absent, Err(PopError::Closed)));
    let tx = to_c.sender().expect("free again");
    assert_eq!((tx.peer(), tx.is_closed()), (Peer::Absent, true));
    std::fs::remove_file(program).expect("ours");
}

#[test]
fn a_c_program_joins_channels_that_rust_made() {
    let program = compile("c", ("CC", "cc"), &["-std=c11"]);
    exchange("c", &program.expect("a C compiler: `cc`, or that of the variable CC"));
}

#[test]
fn a_cpp_program_joins_channels_that_rust_made() {
    match compile("cpp", ("CXX", "c++"), &["-x", "c++", "-std=c++17"]) {
        Some(program) => exchange("cpp", &program),
        None => {
            // Straight to the stream: the test harness keeps what a test that passes prints.
            let text =
                "SKIPPED: no C++ compiler (`c++`, or that of the variable CXX): include/vvp_region.h as C only\n";
            std::io::stderr().write_all(text.as_bytes()).expect("standard error");
        }
    }
}
