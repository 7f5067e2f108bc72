//! `try_apply` over random command streams of every flavour, with rooms that are often too small: it never runs out, and
//! a refusal changes nothing.

use core::mem::MaybeUninit;
use vvp_core::book::{
    Book, BookView, BoundedSink, Command, CountSink, Event, FnSink, InstrumentId, InstrumentSpec, OrderId, Price, Qty,
    QueueSink, Replacement, Side, Sink, SliceSink, Symbol, TimeInForce,
};
use vvp_core::engine::{Counted, Engine, EngineStats, Matcher, WouldBlock};
use vvp_core::queue::Spsc;
use vvp_testkit::Model;
use vvp_testkit::flavours::{Flavour, flavours};
use vvp_testkit::streams::{Rng, Stream};
use zerocopy::FromZeros;

const INSTRUMENTS: usize = vvp_testkit::engine::MAX_INSTRUMENTS;

type Normal = Engine<Book<1000, 4, 1024, 200, 2048>, INSTRUMENTS, 16>;
type Full = Engine<Book<12, 4, 64, 5, 64>, INSTRUMENTS, 16>;

/// What is tested of every engine, whatever its sizes.
trait Tried: Matcher + FromZeros {
    fn attempt<S: BoundedSink>(&mut self, command: &Command, sink: &mut S) -> Result<(), WouldBlock>;
    fn bound(&self, command: &Command) -> u64;
    fn check(&self) -> Result<(), &'static str>;
    /// All that shows, as text.
    fn picture(&self) -> String;
}

macro_rules! tried {
    ($engine:ty) => {
        impl Tried for $engine {
            fn attempt<S: BoundedSink>(&mut self, command: &Command, sink: &mut S) -> Result<(), WouldBlock> {
                self.try_apply(command, sink)
            }

            fn bound(&self, command: &Command) -> u64 {
                self.events_max(command)
            }

            fn check(&self) -> Result<(), &'static str> {
                self.check_invariants()
            }

            fn picture(&self) -> String {
                let mut text = format!("{} {}", self.seq(), self.clock());
                for i in 0..self.instruments() {
                    let book = self.book(InstrumentId::new(i as u16)).expect("defined");
                    text += &format!("\n{:?} {:?} {:?}", book.phase(), book.last(), book.counts());
                    for side in [Side::Buy, Side::Sell] {
                        for level in book.depth(side) {
                            text += &format!("{level:?}{:?}", book.orders_at(side, level.price).collect::<Vec<_>>());
                        }
                    }
                }
                text
            }
        }
    };
}
tried!(Normal);
tried!(Full);

#[derive(Default, Debug)]
struct Met {
    applied: u64,
    refused: u64,
    /// Commands whose bound was exactly what they had, and how far it was off in all.
    exact: u64,
    bounds: u64,
    events: u64,
}

fn run<E: Tried>(flavour: &Flavour, seed: u64, len: usize, met: &mut Met) {
    let commands = Stream::new(flavour, seed).commands(len);
    let mut engine = E::new_box_zeroed().expect("memory");
    let mut model = Model::new(flavour.room.0, flavour.room.1);
    let mut rng = Rng::new(seed);
    let mut memory = vec![MaybeUninit::<Event>::uninit(); 4096];
    for (at, c) in commands.iter().enumerate() {
        let say = || format!("flavour {:?}, seed {seed}, command {at}: {c:?}", flavour.name);
        let needed = engine.bound(c);
        let there = model.apply(c);
        assert!(there.len() as u64 <= needed, "{}: {} events, bound {needed}", say(), there.len());
        met.exact += u64::from(there.len() as u64 == needed);
        met.bounds += needed;
        met.events += there.len() as u64;

        let room = if rng.permille(300) { needed.min(4096) } else { rng.below(6) } as usize;
        let before = if at % 3 == 0 { engine.picture() } else { String::new() };
        let mut sink = SliceSink::new(&mut memory[..room]);
        let here: Vec<Event> = match engine.attempt(c, &mut sink) {
            Ok(()) => {
                met.applied += 1;
                assert_eq!(sink.lost(), 0, "{}", say());
                sink.events().to_vec()
            }
            Err(no_room) => {
                met.refused += 1;
                assert_eq!(no_room, WouldBlock::new(needed), "{}", say());
                assert!(needed > room as u64 && sink.events().is_empty());
                if at % 3 == 0 {
                    assert_eq!(engine.picture(), before, "{}", say());
                }
                let mut events = Vec::new();
                engine.apply(c, &mut FnSink(|e| events.push(e)));
                events
            }
        };
        assert_eq!(here, there, "{}", say());
        engine.check().expect("consistent");
    }
}

#[test]
fn it_never_runs_out_and_a_refusal_changes_nothing() {
    let mut met = Met::default();
    for seed in 0..4 {
        for flavour in flavours() {
            let len = flavour.len.min(600);
            if flavour.room == (12, 5) {
                run::<Full>(&flavour, 99 + seed, len, &mut met);
            } else {
                run::<Normal>(&flavour, 99 + seed, len, &mut met);
            }
        }
    }
    println!("{met:?}");
    assert!(met.applied > 10_000 && met.refused > 1_000, "{met:?}");
    // It is of use: exact for most commands.
    assert!(met.exact * 2 > met.applied + met.refused, "{met:?}");
}

fn definition() -> Command {
    Command::instrument(InstrumentId::new(0), &InstrumentSpec::new(Symbol::X))
}

fn limit(id: u64, side: Side, price: i64, qty: u64) -> Command {
    Command::limit(OrderId::new(id), side, Price::new(price), Qty::new(qty))
}

/// The bounds that the docs promise for the commonest commands.
#[test]
fn the_commonest_bounds_are_exact() {
    let mut engine = Normal::new_box_zeroed().expect("memory");
    let apply = |engine: &mut Normal, c: &Command| {
        let bound = engine.events_max(c);
        let mut sink = CountSink::default();
        engine.apply(c, &mut sink);
        (bound, sink.events)
    };
    let ioc = TimeInForce::Ioc;
    let cheaper = Replacement { qty: Some(Qty::new(1)), ..Replacement::default() };
    let steps = [
        (definition(), 1, 1),
        (limit(1, Side::Buy, 100, 10), 1, 1),
        (limit(2, Side::Buy, 100, 10), 1, 1),
        (limit(3, Side::Buy, 99, 10), 1, 1),
        (limit(4, Side::Sell, 101, 10), 1, 1),
        (limit(5, Side::Sell, 100, 15), 3, 3), // accepted, two trades
        (limit(6, Side::Sell, 99, 7).tif(ioc), 3, 3),
        (limit(7, Side::Sell, 99, 90).tif(ioc), 3, 3), // accepted, trade, the rest is canceled
        (Command::market(OrderId::new(8), Side::Buy, Qty::new(3)), 2, 2),
        (Command::replace(OrderId::new(4), cheaper), 1, 1),
        (Command::reduce(OrderId::new(4), Qty::new(1)), 1, 1),
        (Command::cancel(OrderId::new(4)), 1, 1), // refused: it is gone
        (limit(9, Side::Sell, 101, 1000).display(Qty::new(1)), 1, 1),
        (limit(10, Side::Buy, 101, 1000), 1001, 1001), // a thousand slices
        (Command::time(5), 0, 0),
        (limit(11, Side::Buy, 90, 1).expires(7), 1, 1),
        (Command::time(9), 1, 1),
        (limit(12, Side::Buy, 90, 1).at(3), 1, 1), // refused: the time has passed
        (Command::cancel(OrderId::new(3)).on(InstrumentId::new(77)), 1, 1),
    ];
    for (command, bound, events) in steps {
        assert_eq!(apply(&mut engine, &command), (bound, events), "{command:?}");
    }
}

#[test]
fn sinks_know_their_room() {
    let queue = Spsc::<Event, 4>::new();
    let mut sink = QueueSink::new(queue.producer().expect("free"), |_| panic!("nothing waits"));
    let mut engine = Normal::new_box_zeroed().expect("memory");
    let mut stats = EngineStats::new();
    let mut applied = 0;
    let mut refused = 0;
    for command in [definition()].into_iter().chain((0..9).map(|id| limit(id, Side::Buy, 100, 1))) {
        match engine.try_apply(&command, &mut Counted::new(&mut stats, &mut sink)) {
            Ok(()) => applied += 1,
            Err(no_room) => {
                assert_eq!(no_room, WouldBlock::new(1));
                refused += 1;
            }
        }
    }
    assert_eq!((applied, refused, sink.room(), stats.events()), (4, 6, 0, 3));
    let mut memory = [MaybeUninit::uninit(); 2];
    let mut slice = SliceSink::new(&mut memory);
    let event = queue.consumer().expect("free").pop().err();
    assert_eq!(event, Some(vvp_core::queue::PopError::Empty)); // not published yet
    sink.flush();
    let event = queue.consumer().expect("free").pop().expect("published");
    (0..3).for_each(|_| slice.emit(event));
    assert_eq!((slice.room(), slice.lost(), slice.events()), (0, 1, &[event, event][..]));
    slice.clear();
    assert_eq!((slice.room(), CountSink::default().room()), (2, usize::MAX));
}
