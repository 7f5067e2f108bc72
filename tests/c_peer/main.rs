//! `include/vvp.h` against the code: a C or C++ program that is compiled with it and this program
//! use the same queues in a shared file, each as producer and as consumer; its constants are those
//! of the code.
#![cfg(all(target_os = "linux", target_pointer_width = "64", not(any(loom, broken))))]

mod constants;

use std::fs::OpenOptions;
use std::io::Write;
use std::os::fd::AsRawFd;
use std::path::{Path, PathBuf};
use std::process::{Child, Command as Program};
use vvp_core::book::{
    CancelReason, Command, Event, EventBody, InstrumentId, InstrumentSpec, OrderId, OwnerId, Phase, Price, Qty,
    Replacement, SelfTradePrevention, Side, Symbol, Tick, TimeInForce, Visible,
};
use vvp_core::cell::Latest;
use vvp_core::market_data::{MarketData, Record};
use vvp_core::queue::{PopError, SequencedSpsc, Spsc};

/// The memory that both sides map.
#[repr(C)]
struct Region {
    records: Spsc<[u8; 64], 64>,
    sequenced: SequencedSpsc<u64, 16>,
    latest: [Latest<[usize; 4]>; 2],
}

const COUNT: u64 = 20_000;

struct Language {
    name: &'static str,
    /// The variable that names the compiler, and the compiler where it is not set.
    compiler: (&'static str, &'static str),
    options: &'static [&'static str],
}

const C: Language = Language { name: "c", compiler: ("CC", "cc"), options: &["-std=c11"] };
const CPP: Language = Language { name: "c++", compiler: ("CXX", "c++"), options: &["-x", "c++", "-std=c++17"] };

/// Compiles the other side; `None` where there is no compiler for the language.
fn compile(language: &Language) -> Option<PathBuf> {
    let here = Path::new(env!("CARGO_MANIFEST_DIR"));
    let name = format!("peer-{}-{}", language.name, std::process::id());
    let program = Path::new(env!("CARGO_TARGET_TMPDIR")).join(name);
    let (variable, default) = language.compiler;
    let status = Program::new(std::env::var_os(variable).unwrap_or(default.into()))
        .args(language.options)
        .args(["-O2", "-Wall", "-Wextra", "-Wpedantic", "-Werror", "-I"])
        .arg(here.join("include"))
        .arg(here.join("tests/c_peer/peer.c"))
        .arg("-o")
        .arg(&program)
        .status();
    match status {
        Ok(status) => assert!(status.success(), "the {} side does not compile", language.name),
        Err(e) if e.kind() == std::io::ErrorKind::NotFound => return None,
        Err(e) => panic!("{default} does not start: {e}"),
    }
    Some(program)
}

/// Maps a file in which the other side has made the queues.
fn region(path: &Path, make: impl FnOnce() -> Child) -> &'static Region {
    // A new file: an earlier mapping keeps its own.
    let _ = std::fs::remove_file(path);
    let mut file = OpenOptions::new().read(true).write(true).create_new(true).open(path).expect("a file");
    file.write_all(&[0xA5; size_of::<Region>()]).expect("room for it");
    assert!(make().wait().expect("it ends").success());
    let (len, flags) = (size_of::<Region>(), libc::PROT_READ | libc::PROT_WRITE);
    // SAFETY: a new mapping at an address of the system's choice, of a file of this length.
    let at = unsafe { libc::mmap(core::ptr::null_mut(), len, flags, libc::MAP_SHARED, file.as_raw_fd(), 0) };
    assert_ne!(at, libc::MAP_FAILED);
    // SAFETY: the other side has made these bytes empty queues; a page is aligned enough; it is
    // never unmapped; and the other side follows the same protocol, which this test checks.
    unsafe { &*at.cast::<Region>() }
}

fn record(n: u64) -> Command {
    let side = if n % 2 == 1 { Side::Sell } else { Side::Buy };
    Command::limit(OrderId::new(n + 1), side, Price::new(-(n as i64)), Qty::new(n + 2)).with_owner(OwnerId::new(7))
}

/// One command of each constructor of the header; peer.c has the same.
fn samples() -> [Command; 15] {
    let (id, qty) = (OrderId::new, Qty::new);
    let mut spec = InstrumentSpec::new(Symbol::new(b"AAPL").expect("a symbol"));
    spec.tick = Tick::new(25, 2).expect("a tick");
    [
        Command::instrument(InstrumentId::new(0), &spec),
        Command::limit(id(1), Side::Buy, Price::new(15_000), qty(100)).with_tif(TimeInForce::Ioc).with_min_qty(qty(50)),
        Command::limit(id(2), Side::Sell, Price::new(15_001), qty(100))
            .with_expiry(9)
            .with_self_trade(SelfTradePrevention::CancelOldest)
            .with_post_only(),
        Command::market(id(3), Side::Sell, qty(40)),
        Command::stop(id(4), Side::Buy, Price::new(-1), qty(2)),
        Command::stop_limit(id(5), Side::Buy, Price::new(-1), Price::new(-2), qty(3)),
        Command::trailing_stop(id(6), Side::Sell, 8, qty(3)),
        Command::cancel(id(7)),
        Command::reduce(id(8), qty(1)).with_ts(77),
        Command::replace(id(9), Replacement { price: Some(Price::new(-5)), ..Replacement::default() }),
        Command::replace(id(10), Replacement { qty: Some(qty(6)), ..Replacement::default() }),
        Command::mass_cancel(OwnerId::new(11), None),
        Command::mass_cancel(OwnerId::new(12), Some(Side::Sell)),
        Command::phase(Phase::Auction),
        Command::time(13),
    ]
}

/// An event and a market data record, the fields of which peer.c knows.
fn other_records() -> [[u8; 64]; 2] {
    let (instrument, qty) = (InstrumentId::new(2), Qty::new);
    let (id, reason) = (OrderId::new(4), CancelReason::SelfTradePrevention);
    let (side, owner, price) = (Side::Sell, OwnerId::new(10), Some(Price::new(-6)));
    let canceled = EventBody::Canceled { id, side, owner, price, qty: qty(5), reason };
    let event = Event::new(1, Some(instrument), Some(3), canceled);
    let what = Visible::Executed { id: OrderId::new(6), at: Price::new(7), qty: qty(8), left: qty(9), again: true };
    let data = MarketData::Order { side: Side::Sell, price: Price::new(-5), what };
    [zerocopy::transmute!(event), zerocopy::transmute!(Record::new(1, instrument, 3, 4, data))]
}

/// Calls `f` until it has a result; panics if the other side has ended and `f` still has none.
fn wait<R>(peer: &mut Child, mut f: impl FnMut() -> Option<R>) -> R {
    loop {
        for _ in 0..1000 {
            if let Some(result) = f() {
                return result;
            }
            std::thread::yield_now();
        }
        if let Some(status) = peer.try_wait().expect("a status") {
            return f().unwrap_or_else(|| panic!("the other side ended early: {status}"));
        }
    }
}

/// Writes all versions of one value, and reads the other's until the last one.
fn newest(peer: &mut Child, mine: &Latest<[usize; 4]>, theirs: &Latest<[usize; 4]>) {
    let mut writer = mine.writer().expect("no other writer");
    for n in 1..=COUNT as usize {
        writer.write([n, n + 1, n + 2, n + 3]);
    }
    let mut reader = theirs.reader();
    while reader.seen() < COUNT as usize {
        let value = wait(peer, || reader.read_if_newer());
        assert_eq!(value, [0, 1, 2, 3].map(|i| reader.seen() + i));
    }
}

/// The other side produces.
fn consume_from(shared: &Region, peer: &mut Child) {
    let mut records = shared.records.consumer().expect("it is free");
    for command in samples().into_iter().chain((0..COUNT).map(record)) {
        let bytes = wait(peer, || records.pop().ok());
        assert_eq!(Command::from_record(&bytes), Ok(command));
    }
    assert_eq!(wait(peer, || records.pop().err().filter(|why| *why == PopError::Closed)), PopError::Closed);
    let mut sequenced = shared.sequenced.consumer().expect("it is free");
    for n in 0..COUNT {
        assert_eq!(wait(peer, || sequenced.pop().ok()), n * n);
    }
    assert_eq!(wait(peer, || sequenced.pop().err().filter(|why| *why == PopError::Closed)), PopError::Closed);
    newest(peer, &shared.latest[1], &shared.latest[0]);
    assert!(peer.wait().expect("it ends").success());
    assert!(shared.records.producer().is_some() && shared.sequenced.producer().is_some(), "both are released");
    assert_eq!(shared.records.stats().pushed, samples().len() + COUNT as usize);
}

/// The other side consumes.
fn produce_for(shared: &Region, peer: &mut Child) {
    let mut records = shared.records.producer().expect("it is free");
    let commands = (0..COUNT).map(|n| zerocopy::transmute!(record(n)));
    for bytes in other_records().into_iter().chain(commands) {
        wait(peer, || records.push(bytes).ok());
    }
    records.close();
    let mut sequenced = shared.sequenced.producer().expect("it is free");
    for n in 0..COUNT {
        wait(peer, || sequenced.push(n * n).ok());
    }
    sequenced.close();
    newest(peer, &shared.latest[1], &shared.latest[0]);
    assert!(peer.wait().expect("it ends").success());
    let (records, sequenced) = (shared.records.producer(), shared.sequenced.producer());
    assert!(records.is_some_and(|end| end.is_closed()) && sequenced.is_some_and(|end| end.is_closed()));
    assert!(shared.records.consumer().is_some() && shared.sequenced.consumer().is_some(), "both are released");
    assert_eq!((shared.records.len(), shared.sequenced.len()), (0, 0));
}

fn exchange(program: &Path) {
    let path = program.with_extension("region");
    let run = |role: &str| {
        Program::new(program).arg(&path).args([role, &COUNT.to_string()]).spawn().expect("the other side starts")
    };
    let shared = region(&path, || run("make"));
    consume_from(shared, &mut run("produce"));
    let shared = region(&path, || run("make"));
    produce_for(shared, &mut run("consume"));
    for file in [program, &path] {
        std::fs::remove_file(file).expect("ours");
    }
}

/// There is a C compiler: Rust links with it.
#[test]
fn c_and_rust_use_the_same_queues_in_both_directions() {
    exchange(&compile(&C).expect("a C compiler: `cc`, or that of the variable CC"));
}

#[test]
fn cpp_and_rust_use_the_same_queues_in_both_directions() {
    match compile(&CPP) {
        Some(program) => exchange(&program),
        None => {
            // Straight to the stream: the test harness keeps what a test that passes prints.
            let text =
                "SKIPPED: no C++ compiler (`c++`, or that of the variable CXX): include/vvp.h is tested as C only\n";
            std::io::stderr().write_all(text.as_bytes()).expect("standard error");
        }
    }
}
