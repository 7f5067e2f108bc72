//! Snapshots: whatever the engine was doing, what was saved goes on exactly as what went on; and no bytes at all can do
//! harm.

pub(crate) mod bytes;
mod damage;

use bytes::without_windows;
use vvp_core::book::{Book, Command, Event, FnSink, StateHash, WithStateHash};
use vvp_core::engine::{Engine, FnWriter, Matcher, RestoreError};
use vvp_testkit::flavours::{Flavour, flavours};
use vvp_testkit::streams::{Rng, Stream};
use zerocopy::FromZeros;

const INSTRUMENTS: usize = vvp_testkit::engine::MAX_INSTRUMENTS;
const OWNERS: usize = 16;

/// Room for everything that a normal stream asks for.
type Normal = Engine<Book<1000, 4, 1024, 200, 2048>, INSTRUMENTS, OWNERS>;
/// Room for as much in other shapes.
type Wide = Engine<Book<2000, 16, 2000, 300, 4096, WithStateHash>, INSTRUMENTS, 40>;
type Narrow = Engine<Book<1000, 1, 1001, 201, 4096>, INSTRUMENTS, 17>;
/// So little room that it runs out all the time: of orders and stops, of far levels, of ids.
type Full = Engine<Book<12, 4, 64, 5, 64>, INSTRUMENTS, OWNERS>;
type FewLevels = Engine<Book<1000, 1, 4, 200, 2048>, INSTRUMENTS, OWNERS>;
type Tight = Engine<Book<50, 1, 8, 6, 64, WithStateHash>, INSTRUMENTS, OWNERS>;

/// An engine of any size.
trait Saved: Matcher + FromZeros {
    fn bytes(&self) -> Vec<u8>;
    fn take_in(&mut self, bytes: &[u8]) -> Result<(), RestoreError>;
    fn empty(&mut self);
    fn check(&self) -> Result<(), &'static str>;
}

impl<
    const INSTRUMENTS: usize,
    const OWNERS: usize,
    const ORDERS: usize,
    const BLOCKS: usize,
    const FAR: usize,
    const STOPS: usize,
    const IDS: usize,
    T: StateHash,
> Saved for Engine<Book<ORDERS, BLOCKS, FAR, STOPS, IDS, T>, INSTRUMENTS, OWNERS>
where
    Self: FromZeros,
{
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

fn engine<E: Saved>() -> Box<E> {
    E::new_box_zeroed().expect("memory")
}

fn events_of<E: Saved>(engine: &mut E, command: &Command) -> Vec<Event> {
    let mut events = Vec::new();
    engine.apply(command, &mut FnSink(|e| events.push(e)));
    events
}

/// An engine that takes over from another now and then, and must answer as that one does.
struct Shadow<E> {
    engine: Box<E>,
    /// Whether it has the sizes of the one it shadows.
    twin: bool,
}

impl<E: Saved> Shadow<E> {
    fn new(twin: bool) -> Self {
        Self { engine: engine(), twin }
    }

    /// Takes over; whatever it is, it forgets.
    fn take_over(&mut self, bytes: &[u8]) {
        self.engine.take_in(bytes).unwrap_or_else(|e| panic!("{e}: {e:?}"));
        self.engine.check().expect("a restored engine is whole");
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

/// Runs a stream on `E`; each of the others takes over at random points and follows from there.
fn follow<E: Saved, A: Saved, B: Saved>(flavour: &Flavour, seed: u64, len: usize, twins: [bool; 2]) {
    let mut rng = Rng::new(seed);
    let mut first = engine::<E>();
    let (mut a, mut b) = (Shadow::<A>::new(twins[0]), Shadow::<B>::new(twins[1]));
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
        let events = events_of(&mut *first, command);
        assert_eq!(events, events_of(&mut *a.engine, command), "{}", what());
        assert_eq!(events, events_of(&mut *b.engine, command), "{}", what());
        a.engine.check().unwrap_or_else(|e| panic!("{e}: {}", what()));
        b.engine.check().unwrap_or_else(|e| panic!("{e}: {}", what()));
    }
    let bytes = first.bytes();
    a.compare(&bytes);
    b.compare(&bytes);
    a.engine.empty();
    assert_eq!(a.engine.bytes(), engine::<A>().bytes(), "an emptied engine is an empty one");
}

#[test]
fn a_restored_engine_goes_on_as_the_saved_one() {
    for (i, flavour) in flavours().iter().enumerate() {
        for seed in [3, 4] {
            let (seed, len) = (seed * 1000 + i as u64, flavour.len.min(1500));
            if flavour.room == (12, 5) {
                follow::<Full, Full, Full>(flavour, seed, len, [true, true]);
            } else {
                follow::<Normal, Normal, Wide>(flavour, seed, len, [true, false]);
                follow::<Normal, Narrow, Normal>(flavour, seed + 500, len, [false, true]);
            }
        }
    }
}

/// Levels and ids run out at the same command.
#[test]
fn a_restored_engine_refuses_what_the_saved_one_refuses() {
    for (i, flavour) in flavours().iter().enumerate() {
        let seed = 7000 + i as u64;
        follow::<FewLevels, FewLevels, FewLevels>(flavour, seed, 1000, [true, true]);
        follow::<Tight, Tight, Tight>(flavour, seed, 1000, [true, true]);
    }
}

#[test]
fn an_empty_engine_has_an_empty_snapshot() {
    let bytes = engine::<Normal>().bytes();
    assert_eq!(bytes.len(), 48 + 8);
    let mut other = engine::<Tight>();
    other.take_in(&bytes).expect("it fits");
    assert_eq!(other.bytes(), bytes);
}
