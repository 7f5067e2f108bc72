//! `try_apply` over random command streams of every flavour, in rooms that are often too small: it
//! has the model's events or, if they might not fit, changes nothing.

use super::{Full, Make, Normal, make};
use core::mem::MaybeUninit;
use vvp_core::book::{
    BoundedSink, Command, CountSink, Event, InstrumentId, InstrumentSpec, OrderId, Price, Qty, QueueSink, Replacement,
    Side, Sink, SliceSink, Symbol, TimeInForce,
};
use vvp_core::engine::{Counted, EngineStats, WouldBlock};
use vvp_core::queue::Spsc;
use vvp_testkit::Model;
use vvp_testkit::flavours::{Flavour, flavours};
use vvp_testkit::streams::{Rng, Stream};

#[derive(Default, Debug)]
struct Tally {
    applied: u64,
    refused: u64,
    /// Commands that caused exactly as many events as their bound.
    exact: u64,
    /// Sum of the bounds.
    bounds: u64,
    /// Sum of the events.
    events: u64,
}

fn run(make: Make, flavour: &Flavour, seed: u64, len: usize, tally: &mut Tally) {
    let commands = Stream::new(flavour, seed).commands(len);
    let mut engine = make();
    let mut model = Model::new(flavour.room.0, flavour.room.1);
    let mut rng = Rng::new(seed);
    let mut memory = vec![MaybeUninit::<Event>::uninit(); 4096];
    for (at, c) in commands.iter().enumerate() {
        let what = || format!("flavour {:?}, seed {seed}, command {at}: {c:?}", flavour.name);
        let bound = engine.bound(c);
        let expected = model.apply(c);
        assert!(expected.len() as u64 <= bound, "{}: {} events, bound {bound}", what(), expected.len());
        tally.exact += u64::from(expected.len() as u64 == bound);
        tally.bounds += bound;
        tally.events += expected.len() as u64;

        let room = if rng.permille(300) { bound.min(4096) } else { rng.below(6) } as usize;
        let before = if at % 3 == 0 { engine.picture() } else { String::new() };
        let mut sink = SliceSink::new(&mut memory[..room]);
        let events: Vec<Event> = match engine.attempt(c, &mut sink) {
            Ok(()) => {
                tally.applied += 1;
                assert_eq!(sink.lost(), 0, "{}", what());
                sink.events().to_vec()
            }
            Err(no_room) => {
                tally.refused += 1;
                assert_eq!(no_room, WouldBlock::new(bound), "{}", what());
                assert!(bound > room as u64 && sink.events().is_empty());
                if at % 3 == 0 {
                    assert_eq!(engine.picture(), before, "{}", what());
                }
                engine.events_of(c)
            }
        };
        assert_eq!(events, expected, "{}", what());
        engine.check().expect("consistent");
    }
}

#[test]
fn try_apply_has_the_models_events_or_changes_nothing() {
    let mut tally = Tally::default();
    for seed in 0..4 {
        for flavour in flavours() {
            let make = if flavour.room == (12, 5) { make::<Full> } else { make::<Normal> };
            run(make, &flavour, 99 + seed, flavour.len.min(600), &mut tally);
        }
    }
    println!("{tally:?}");
    assert!(tally.applied > 10_000 && tally.refused > 1_000, "{tally:?}");
    // The bound is of use: exact for most commands.
    assert!(tally.exact * 2 > tally.applied + tally.refused, "{tally:?}");
}

fn definition() -> Command {
    Command::instrument(InstrumentId::new(0), &InstrumentSpec::new(Symbol::X))
}

fn limit(id: u64, side: Side, price: i64, qty: u64) -> Command {
    Command::limit(OrderId::new(id), side, Price::new(price), Qty::new(qty))
}

/// The bounds that the docs promise for the most common commands.
#[test]
fn bounds_of_common_commands_are_exact() {
    let mut engine = make::<Normal>();
    let ioc = TimeInForce::Ioc;
    let cheaper = Replacement { qty: Some(Qty::new(1)), ..Replacement::default() };
    let steps = [
        (definition(), 1, 1),
        (limit(1, Side::Buy, 100, 10), 1, 1),
        (limit(2, Side::Buy, 100, 10), 1, 1),
        (limit(3, Side::Buy, 99, 10), 1, 1),
        (limit(4, Side::Sell, 101, 10), 1, 1),
        (limit(5, Side::Sell, 100, 15), 3, 3), // accepted, two trades
        (limit(6, Side::Sell, 99, 7).with_tif(ioc), 3, 3),
        (limit(7, Side::Sell, 99, 90).with_tif(ioc), 3, 3), // accepted, trade, the rest is canceled
        (Command::market(OrderId::new(8), Side::Buy, Qty::new(3)), 2, 2),
        (Command::replace(OrderId::new(4), cheaper), 1, 1),
        (Command::reduce(OrderId::new(4), Qty::new(1)), 1, 1),
        (Command::cancel(OrderId::new(4)), 1, 1), // refused: it is gone
        (limit(9, Side::Sell, 101, 1000).with_display_qty(Qty::new(1)), 1, 1),
        (limit(10, Side::Buy, 101, 1000), 1001, 1001), // a thousand slices
        (Command::time(5), 0, 0),
        (limit(11, Side::Buy, 90, 1).with_expiry(7), 1, 1),
        (Command::time(9), 1, 1),
        (limit(12, Side::Buy, 90, 1).with_ts(3), 1, 1), // refused: the time has passed
        (Command::cancel(OrderId::new(3)).with_instrument(InstrumentId::new(77)), 1, 1),
    ];
    for (command, bound, events) in steps {
        assert_eq!((engine.bound(&command), engine.events_of(&command).len()), (bound, events), "{command:?}");
    }
}

#[test]
fn sinks_report_their_room() {
    let queue = Spsc::<Event, 4>::new();
    let mut sink = QueueSink::new(queue.producer().expect("free"), |_| panic!("nothing waits"));
    let mut engine = make::<Normal>();
    let mut stats = EngineStats::new();
    let mut applied = 0;
    let mut refused = 0;
    for command in [definition()].into_iter().chain((0..9).map(|id| limit(id, Side::Buy, 100, 1))) {
        match engine.attempt(&command, &mut Counted::new(&mut stats, &mut sink)) {
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
