//! Snapshots: a restored engine gives the same events as the saved one, at any point of any stream;
//! and malformed bytes are refused.

pub(crate) mod bytes;
mod damage;

use crate::engines::{self, FewLevels, Full, INSTRUMENTS, Narrow, Normal, Tight, Wide};
use bytes::without_windows;
use vvp_core::book::{Book, Command, Event, StateHash};
use vvp_core::engine::{Engine, FnWriter, RestoreError};
use vvp_testkit::flavours::{Flavour, flavours};
use vvp_testkit::sinks::events_of;
use vvp_testkit::streams::{Rng, Stream};
use zerocopy::FromZeros;

/// An engine of any size, behind a pointer, so that what uses it is compiled once.
pub(crate) trait Saved {
    fn events_of(&mut self, command: &Command) -> Vec<Event>;
    fn bytes(&self) -> Vec<u8>;
    fn take_in(&mut self, bytes: &[u8]) -> Result<(), RestoreError>;
    fn empty(&mut self);
    fn check(&self) -> Result<(), &'static str>;
}

impl<
    const OWNERS: usize,
    const ORDERS: usize,
    const BLOCKS: usize,
    const FAR: usize,
    const STOPS: usize,
    const IDS: usize,
    T: StateHash,
> Saved for Engine<Book<ORDERS, BLOCKS, FAR, STOPS, IDS, T>, INSTRUMENTS, OWNERS>
{
    fn events_of(&mut self, command: &Command) -> Vec<Event> {
        events_of(self, command)
    }

    fn bytes(&self) -> Vec<u8> {
        let mut bytes = Vec::new();
        let mut writer = FnWriter(|piece: &[u8]| {
            assert!(piece.len() <= 128);
            bytes.extend_from_slice(piece);
            Ok::<(), ()>(())
        });
        self.save(&mut writer).expect("the closure takes all");
        assert_eq!(bytes.len() as u64, self.snapshot_len());
        bytes
    }

    fn take_in(&mut self, bytes: &[u8]) -> Result<(), RestoreError> {
        self.restore(bytes)
    }

    fn empty(&mut self) {
        self.clear();
    }

    fn check(&self) -> Result<(), &'static str> {
        self.check_invariants()
    }
}

/// Makes an empty engine of one size.
type Make = fn() -> Box<dyn Saved>;

fn make<E: Saved + FromZeros + 'static>() -> Box<dyn Saved> {
    engines::new::<E>()
}

/// An engine that is now and then restored from another, and must give the same events.
struct Shadow {
    engine: Box<dyn Saved>,
    /// Whether it has the capacities of the one it shadows.
    twin: bool,
}

impl Shadow {
    /// Restores the engine from these bytes, whatever its state.
    fn take_over(&mut self, bytes: &[u8]) {
        self.engine.take_in(bytes).unwrap_or_else(|e| panic!("{e}: {e:?}"));
        self.engine.check().expect("a restored engine is consistent");
        self.compare(bytes);
    }

    fn compare(&self, bytes: &[u8]) {
        let again = self.engine.bytes();
        if self.twin {
            assert!(again == bytes, "the shadow saves other bytes");
        } else {
            assert!(without_windows(&again) == without_windows(bytes), "the shadow is in another state");
        }
    }
}

/// Runs a stream on an engine of the first size; two others are restored from it at random points
/// and follow.
fn follow(sizes: [Make; 3], flavour: &Flavour, seed: u64, len: usize, twins: [bool; 2]) {
    let mut rng = Rng::new(seed);
    let mut first = sizes[0]();
    let mut a = Shadow { engine: sizes[1](), twin: twins[0] };
    let mut b = Shadow { engine: sizes[2](), twin: twins[1] };
    for (i, command) in Stream::new(flavour, seed).commands(len).iter().enumerate() {
        let what = || format!("flavour {:?}, seed {seed}, command {i}: {command:?}", flavour.name);
        if rng.permille(30) || i == 0 {
            let bytes = first.bytes();
            if i > 0 {
                a.compare(&bytes);
                b.compare(&bytes);
            }
            if rng.permille(500) || i == 0 {
                a.take_over(&bytes);
            }
            if rng.permille(500) || i == 0 {
                b.take_over(&bytes);
            }
        }
        let events = first.events_of(command);
        assert_eq!(events, a.engine.events_of(command), "{}", what());
        assert_eq!(events, b.engine.events_of(command), "{}", what());
        a.engine.check().unwrap_or_else(|e| panic!("{e}: {}", what()));
        b.engine.check().unwrap_or_else(|e| panic!("{e}: {}", what()));
    }
    let bytes = first.bytes();
    a.compare(&bytes);
    b.compare(&bytes);
    a.engine.empty();
    assert_eq!(a.engine.bytes(), sizes[1]().bytes(), "a cleared engine equals a new one");
}

#[test]
fn restored_engine_gives_the_events_of_the_saved_one() {
    for (i, flavour) in flavours().iter().enumerate() {
        for seed in [3, 4] {
            let (seed, len) = (seed * 1000 + i as u64, flavour.len.min(1500));
            if flavour.room == (12, 5) {
                follow([make::<Full>, make::<Full>, make::<Full>], flavour, seed, len, [true, true]);
            } else {
                follow([make::<Normal>, make::<Normal>, make::<Wide>], flavour, seed, len, [true, false]);
                follow([make::<Normal>, make::<Narrow>, make::<Normal>], flavour, seed + 500, len, [false, true]);
            }
        }
    }
}

/// Levels and ids run out at the same command.
#[test]
fn restored_engine_runs_out_of_room_at_the_same_command() {
    for (i, flavour) in flavours().iter().enumerate() {
        let seed = 7000 + i as u64;
        follow([make::<FewLevels>, make::<FewLevels>, make::<FewLevels>], flavour, seed, 1000, [true, true]);
        follow([make::<Tight>, make::<Tight>, make::<Tight>], flavour, seed, 1000, [true, true]);
    }
}

#[test]
fn empty_engine_has_an_empty_snapshot() {
    let bytes = engines::new::<Normal>().bytes();
    assert_eq!(bytes.len(), 48 + 8);
    let mut other = engines::new::<Tight>();
    other.take_in(&bytes).expect("it fits");
    assert_eq!(other.bytes(), bytes);
}
