//! The same commands give the same bytes and the same state: wherever the engine lies, whatever its
//! sizes, whether it was saved and restored on the way, on one thread or on three, at every
//! optimisation level that this is built at.

use crate::common::{Scratch, vvpx};
use crate::mixture::mixture;
use std::sync::Mutex;
use vvp_core::book::{Book, Command, Event, FnSink, StateHash, WithStateHash};
use vvp_core::book_type;
use vvp_core::engine::{Engine, FnWriter, Matcher};
use vvp_std_adapter::memory::{Pages, Zeroed};
use zerocopy::{FromZeros, IntoBytes};

type Here = Engine<
    book_type!(orders: 1024, ticks_per_side: 1024, far_levels: 1024, stops: 512, state_hash: WithStateHash),
    2,
    8,
>;
type Bigger = Engine<
    book_type!(orders: 4096, ticks_per_side: 4096, far_levels: 1024, stops: 1024, state_hash: WithStateHash),
    4,
    64,
>;

const SEED: u64 = 20_261_122;
const COUNT: usize = 30_000;

/// The bytes of all events, and the state at the end.
type Outcome = (Vec<u8>, u64);

/// Applies the commands to whatever `engine` gives for each; it may be another one each time.
fn outcome<
    const I: usize,
    const W: usize,
    const O: usize,
    const B: usize,
    const F: usize,
    const S: usize,
    const N: usize,
>(
    engine: &mut Engine<Book<O, B, F, S, N, WithStateHash>, I, W>,
) -> Outcome {
    let mut bytes = Vec::new();
    for command in mixture(SEED, COUNT) {
        engine.apply(&command, &mut FnSink(|event: Event| bytes.extend_from_slice(event.as_bytes())));
    }
    (bytes, engine.state_hash())
}

#[test]
fn engine_address_and_size_do_not_change_events() {
    static ENGINE: Mutex<Here> = Mutex::new(Here::new());
    let in_static = outcome(&mut *ENGINE.lock().expect("the first one here"));
    let kinds = in_static.0.chunks(Event::SIZE).map(|event| event[0]).collect::<std::collections::BTreeSet<_>>();
    assert!(in_static.0.len() > COUNT * Event::SIZE / 2 && kinds.len() >= 9, "{kinds:?}");
    let boxed = outcome(&mut *Here::new_box_zeroed().expect("memory"));
    assert!(boxed == in_static, "on the heap");
    for pages in [Pages::LAZY, Pages::READY] {
        let mut mapped = Zeroed::<Here>::new(pages).expect("memory");
        assert!(outcome(&mut *mapped) == in_static, "in mapped memory");
    }
    let bigger = outcome(&mut *Bigger::new_box_zeroed().expect("memory"));
    assert!(bigger == in_static, "of other sizes");
    // A used engine, cleared.
    let mut used = Here::new_box_zeroed().expect("memory");
    outcome(&mut used);
    used.clear();
    assert!(outcome(&mut used) == in_static, "used before");
}

fn save<
    T: StateHash,
    const O: usize,
    const B: usize,
    const F: usize,
    const S: usize,
    const N: usize,
    const I: usize,
>(
    engine: &Engine<Book<O, B, F, S, N, T>, I, 8>,
) -> Vec<u8> {
    let mut bytes = Vec::new();
    let mut writer = FnWriter(|piece: &[u8]| {
        bytes.extend_from_slice(piece);
        Ok::<(), ()>(())
    });
    engine.save(&mut writer).expect("memory");
    bytes
}

/// From one engine into the next after each of some commands: the stream of events knows nothing of
/// it.
#[test]
fn snapshot_and_restore_do_not_change_events() {
    let expected = outcome(&mut *Here::new_box_zeroed().expect("memory"));
    for every in [1, 97, 4001] {
        let mut engines = [Here::new_box_zeroed().expect("memory"), Here::new_box_zeroed().expect("memory")];
        let mut bytes = Vec::new();
        // Each command is slow if the whole book moves with it.
        let count = if every == 1 { 2_000 } else { COUNT };
        for (i, command) in mixture(SEED, COUNT).iter().take(count + 2).enumerate() {
            let [one, other] = &mut engines;
            one.apply(command, &mut FnSink(|event: Event| bytes.extend_from_slice(event.as_bytes())));
            if i % every == 0 {
                other.restore(&save(&**one)).expect("its own bytes");
                assert_eq!(other.state_hash(), one.state_hash());
                engines.swap(0, 1);
            }
        }
        assert!(bytes[..] == expected.0[..bytes.len()], "other events, saved every {every} commands");
        if count == COUNT {
            assert_eq!(engines[0].state_hash(), expected.1);
        }
    }
}

/// The binary: one thread or three, all its formats, from a file or a pipe.
#[test]
fn one_thread_and_three_give_the_same_events() {
    let (events, hash) = outcome(&mut *Here::new_box_zeroed().expect("memory"));
    let mut file = b"VVPCMD1\n".to_vec();
    file.resize(Command::SIZE, 0);
    for command in mixture(SEED, COUNT) {
        file.extend_from_slice(command.as_bytes());
    }
    let file = Scratch::new("mixture.bin", &file);
    for extra in [&[][..], &["--inline"]] {
        let args = ["match", "--format", "bin", "--out-format", "bin", "--state-hash"];
        let output = vvpx(&args).args(extra).arg(file.name()).output().expect("vvpx runs");
        let said = String::from_utf8_lossy(&output.stderr);
        let hash_line = format!("{{\"state_hash\":\"{hash:016x}\"}}");
        let (first, refusals) = said.split_once('\n').expect("a line");
        assert_eq!(first, hash_line, "{extra:?}");
        assert!(refusals.starts_with("vvpx match: ") && refusals.contains(" commands refused: "), "{refusals}");
        let whole = output.stdout.strip_prefix(b"VVPEVT2\n").and_then(|rest| rest.get(Event::SIZE - 8..));
        assert!(output.status.success() && whole == Some(&events[..]), "{extra:?}: other events");
    }
    // Without the hash standard output is the same, as text too.
    let text = |args: &[&str]| vvpx(&["match", "--format", "bin", "--book"]).args(args).arg(file.name()).output();
    let plain = text(&[]).expect("vvpx runs");
    assert!(plain.stderr.starts_with(b"vvpx match: "), "the refusals alone");
    assert_eq!(text(&["--state-hash"]).expect("vvpx runs").stdout, plain.stdout);
    assert_eq!(text(&["--state-hash", "--inline"]).expect("vvpx runs").stdout, plain.stdout);
    let fed = text(&["--state-hash", "--feed", "l2"]).expect("vvpx runs");
    let said = String::from_utf8_lossy(&fed.stderr).into_owned();
    assert_eq!(said, format!("{{\"state_hash\":\"{hash:016x}\"}}\n{}", String::from_utf8_lossy(&plain.stderr)));
}
