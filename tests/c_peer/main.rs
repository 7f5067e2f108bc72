//! `include/vvp.h` against the code: a C program that is compiled with it and this program use the same rings in a shared
//! region, each as producer and as consumer.
#![cfg(all(target_os = "linux", target_pointer_width = "64", not(any(loom, broken))))]

use std::fs::{File, OpenOptions};
use std::os::fd::AsRawFd;
use std::path::{Path, PathBuf};
use std::process::{Child, Command as Program};
use vvp_core::book::{Command, OrderId, OwnerId, Price, Qty, Side};
use vvp_core::cell::Latest;
use vvp_core::queue::{PopError, SequencedSpsc, Spsc};
use zerocopy::IntoBytes;

/// The memory that both sides map.
#[repr(C)]
struct Region {
    records: Spsc<[u8; 64], 64>,
    sequenced: SequencedSpsc<u64, 16>,
    latest: [Latest<[usize; 4]>; 2],
}

const COUNT: u64 = 20_000;

/// Compiles the C side. There is a C compiler: Rust links with it.
fn compile() -> PathBuf {
    let here = Path::new(env!("CARGO_MANIFEST_DIR"));
    let program = Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("peer-{}", std::process::id()));
    let status = Program::new(std::env::var_os("CC").unwrap_or("cc".into()))
        .args(["-std=c11", "-O2", "-Wall", "-Wextra", "-Wpedantic", "-Werror", "-I"])
        .arg(here.join("include"))
        .arg(here.join("tests/c_peer/peer.c"))
        .arg("-o")
        .arg(&program)
        .status()
        .expect("a C compiler, `cc` or that of the variable CC");
    assert!(status.success(), "the C side does not compile");
    program
}

/// Creates a file of zeros and maps it shared.
fn region(path: &Path) -> (&'static Region, File) {
    let file = OpenOptions::new().read(true).write(true).create(true).truncate(true).open(path).expect("a file");
    file.set_len(size_of::<Region>() as u64).expect("room for it");
    let (len, flags) = (size_of::<Region>(), libc::PROT_READ | libc::PROT_WRITE);
    // SAFETY: a new mapping at an address of the system's choice, of a file of this length.
    let at = unsafe { libc::mmap(core::ptr::null_mut(), len, flags, libc::MAP_SHARED, file.as_raw_fd(), 0) };
    assert_ne!(at, libc::MAP_FAILED);
    // SAFETY: zero bytes are empty queues; a page is aligned enough; it is never unmapped; and the C side follows the
    // same protocol, which this test checks.
    (unsafe { &*at.cast::<Region>() }, file)
}

fn record(n: u64) -> Command {
    let side = if n % 2 == 1 { Side::Sell } else { Side::Buy };
    Command::limit(OrderId::new(n + 1), side, Price::new(-(n as i64)), Qty::new(n + 2)).owner(OwnerId::new(7))
}

/// Calls `f` until it has a result; panics if the C side has ended and `f` still has none.
fn wait<R>(peer: &mut Child, mut f: impl FnMut() -> Option<R>) -> R {
    loop {
        for _ in 0..1000 {
            if let Some(result) = f() {
                return result;
            }
            std::thread::yield_now();
        }
        if let Some(status) = peer.try_wait().expect("a status") {
            return f().unwrap_or_else(|| panic!("the C side ended early: {status}"));
        }
    }
}

/// Writes all versions of one value, and reads the other's until the last one.
fn newest(peer: &mut Child, mine: &Latest<[usize; 4]>, theirs: &Latest<[usize; 4]>) {
    let mut writer = mine.writer().expect("not claimed");
    for n in 1..=COUNT as usize {
        writer.write([n, n + 1, n + 2, n + 3]);
    }
    let mut reader = theirs.reader();
    while reader.seen() < COUNT as usize {
        let value = wait(peer, || reader.read_if_newer());
        assert_eq!(value, [0, 1, 2, 3].map(|i| reader.seen() + i));
    }
}

#[test]
fn c_and_rust_share_rings_in_both_directions() {
    let program = compile();
    let path = program.with_extension("region");
    let run = |role: &str| {
        Program::new(&program).arg(&path).args([role, &COUNT.to_string()]).spawn().expect("the C side starts")
    };

    // C produces.
    let (shared, file) = region(&path);
    let mut peer = run("produce");
    let mut records = shared.records.consumer().expect("not claimed");
    for n in 0..COUNT {
        let bytes = wait(&mut peer, || records.pop().ok());
        assert_eq!(Command::from_record(&bytes), Ok(record(n)), "record {n}");
    }
    assert_eq!(wait(&mut peer, || records.pop().err().filter(|why| *why == PopError::Closed)), PopError::Closed);
    let mut sequenced = shared.sequenced.consumer().expect("not claimed");
    for n in 0..COUNT {
        assert_eq!(wait(&mut peer, || sequenced.pop().ok()), n * n);
    }
    newest(&mut peer, &shared.latest[1], &shared.latest[0]);
    assert!(peer.wait().expect("it ends").success());
    assert!(
        shared.records.producer().is_some() && shared.sequenced.producer().is_some(),
        "C did not release its endpoints"
    );
    assert_eq!(shared.records.stats().pushed, COUNT as usize);
    drop(file);

    // C consumes. A new file of zeros replaces the old one, so the rings are new; the old mapping stays.
    let (shared, _file) = region(&path.with_extension("second"));
    std::fs::rename(path.with_extension("second"), &path).expect("the same folder");
    let mut peer = run("consume");
    let mut records = shared.records.producer().expect("not claimed");
    for n in 0..COUNT {
        let bytes: [u8; 64] = record(n).as_bytes().try_into().expect("64 bytes");
        wait(&mut peer, || records.push(bytes).ok());
    }
    let mut sequenced = shared.sequenced.producer().expect("not claimed");
    for n in 0..COUNT {
        wait(&mut peer, || sequenced.push(n * n).ok());
    }
    newest(&mut peer, &shared.latest[1], &shared.latest[0]);
    assert!(peer.wait().expect("it ends").success());
    assert!(
        shared.records.consumer().is_some() && shared.sequenced.consumer().is_some(),
        "C did not release its endpoints"
    );
    assert_eq!((shared.records.len(), shared.sequenced.len()), (0, 0));
    for file in [&program, &path] {
        std::fs::remove_file(file).expect("ours");
    }
}
