//! Structures of illegal sizes fail to compile in regions, channels and zeroed memory too.
//!
//! The core's own constructors are tested in `tests/capacities` of the core, whose harness this
//! uses.
#![cfg(not(broken))]

use crate::harness::{Case, Crates, not_refused};
use std::path::Path;

const PRELUDE: &str = r#"
use vvp_core::{map::*, pool::*, queue::{FanIn, Mpsc, RobustMpsc, Spsc, SequencedSpsc}};
use vvp_std_adapter::ipc::{FanInChannel, MpscChannel, SpscChannel};
use vvp_std_adapter::memory::{MemoryManager, Zeroed, region::*};
use zerocopy::{FromBytes, FromZeros, Immutable, IntoBytes};
#[derive(Clone, Copy, Debug, FromBytes, IntoBytes, Immutable)]
#[repr(transparent)]
pub struct V<const K: usize>([u8; K]);
impl<const K: usize> Message for V<K> { const NAME: &'static str = "v"; }
/// A queue in a user-defined type, for a region.
#[derive(FromZeros)]
pub struct Own<T> { pub inside: T }
unsafe impl<T: FromZeros + Sync> SharedLayout for Own<T> { const LAYOUT_HASH: u64 = 7; }
"#;

/// Channels: a legal type, an illegal one, the type named in the error, and the message. `@` stands
/// for a number.
const CHANNELS: &[[&str; 4]] = &[
    ["SpscChannel<V<@>, 4>", "SpscChannel<V<@>, 3>", "Spsc<V<@>, 3>", "Spsc: N must be a power of two"],
    ["SpscChannel<V<@>, 4>", "SpscChannel<V<@>, 0>", "Spsc<V<@>, 0>", "Spsc: N must be a power of two"],
    ["FanInChannel<V<@>, 4, 2>", "FanInChannel<V<@>, 3, 2>", "V<@>", "N must be a power of two"],
    ["FanInChannel<V<@>, 4, 256>", "FanInChannel<V<@>, 4, 257>", "V<@>", "LANES must be from 1 to 256"],
    ["FanInChannel<V<@>, 4, 2>", "FanInChannel<V<@>, 4, 0>", "V<@>", "LANES must be from 1 to 256"],
    ["MpscChannel<V<@>, 4, 2>", "MpscChannel<V<@>, 3, 2>", "V<@>", "N must be a power of two"],
    ["MpscChannel<V<@>, 4, 256>", "MpscChannel<V<@>, 4, 257>", "V<@>", "LANES must be from 1 to 256"],
    ["MpscChannel<V<@>, 4, 2>", "MpscChannel<V<@>, 4, 0>", "V<@>", "LANES must be from 1 to 256"],
];

/// Structures that zero bytes create, in zeroed memory or in a region of a user-defined type.
const STRUCTURES: &[[&str; 4]] = &[
    ["Spsc<V<@>, 4>", "Spsc<V<@>, 3>", "Spsc<V<@>, 3>", "Spsc: N must be a power of two"],
    [
        "SequencedSpsc<V<@>, 4>",
        "SequencedSpsc<V<@>, 3>",
        "SequencedSpsc<V<@>, 3>",
        "SequencedSpsc: N must be a power of two",
    ],
    ["Mpsc<V<@>, 2>", "Mpsc<V<@>, 1>", "Mpsc<V<@>, 1>", "Mpsc: N must be a power of two, at least 2"],
    ["RobustMpsc<V<@>, 4, 2>", "RobustMpsc<V<@>, 3, 2>", "RobustMpsc<V<@>, 3, 2>", "RobustMpsc: N must be"],
    ["FanIn<V<@>, 4, 256>", "FanIn<V<@>, 4, 300>", "FanIn<V<@>, 4, 300>", "FanIn: LANES must be from 1 to 256"],
    ["Pool<V<@>, 8>", "Pool<V<@>, 10>", "Pool<V<@>, 10>", "Pool: N must be a power of two"],
    [
        "ConcurrentMap<V<@>, u64, 4>",
        "ConcurrentMap<V<@>, u64, 3>",
        "ConcurrentMap<V<@>, u64, 3>",
        "ConcurrentMap: N must",
    ],
];

/// The constructors of regions and channels, each with a type that instantiates it.
const WAYS: &[(&str, &str)] = &[
    ("create", "fn(_, _) -> _"),
    ("create_in", "fn(_, _, _) -> _"),
    ("open", "fn(_, _) -> _"),
    ("open_in", "fn(_, _, _) -> _"),
    ("anonymous", "fn(_) -> _"),
    ("from_fd", "fn(_, _) -> _"),
];

fn crates() -> Crates {
    let names = ["vvp_core", "vvp_std_adapter", "zerocopy"];
    Crates::build(Path::new(env!("CARGO_TARGET_TMPDIR")), "capacities-adapter", &names)
}

fn numbered(text: &str, number: usize) -> String {
    text.replace('@', &number.to_string())
}

/// Returns the code for the legal type of every constructor and row, and the cases for the illegal
/// ones.
fn code() -> (String, Vec<Case>) {
    let (mut legal, mut cases) = (PRELUDE.to_owned(), Vec::<Case>::new());
    let mut add = |row: &[&str; 4], write: &dyn Fn(&str) -> String| {
        let number = cases.len() + 1;
        let [good, bad, named, message] = row.map(|text| numbered(text, number));
        legal += &format!("pub fn f{number}() {{ {} }}\n", write(&good));
        cases.push(Case { code: format!("pub fn f{number}() {{ {} }}\n", write(&bad)), named, message });
    };
    for (way, pointer) in WAYS {
        for row in CHANNELS {
            add(row, &|t| format!("let _: {pointer} = <{t}>::{way};"));
        }
        for row in STRUCTURES {
            let pointer = if *way == "create_in" { "fn(_, _, _, fn(&_)) -> _" } else { pointer };
            add(row, &|t| format!("let _: {pointer} = <Region<Own<{t}>>>::{way};"));
        }
    }
    for row in STRUCTURES {
        add(row, &|t| format!("let _: fn(_) -> _ = <Zeroed<{t}>>::new;"));
        add(row, &|t| format!("let _: fn(_, _) -> _ = MemoryManager::place::<{t}>;"));
    }
    (legal, cases)
}

#[test]
fn illegal_sizes_fail_to_compile_in_regions_channels_and_zeroed_memory() {
    // The sanitizer run would compile the same programs as the run without it.
    if crate::sanitizer::is_on() {
        return;
    }
    let crates = crates();
    let (legal, cases) = code();
    if let Err(said) = crates.compile("legal", &legal) {
        panic!("legal sizes were refused:\n{said}");
    }
    let program = PRELUDE.to_owned() + &cases.iter().map(|case| case.code.as_str()).collect::<String>();
    let said = crates.compile("illegal", &program).expect_err("illegal sizes were accepted");
    let missing = not_refused(&said, &cases);
    assert!(missing.is_empty(), "{} of {} not refused: {missing:#?}\n{said}", missing.len(), cases.len());
}
