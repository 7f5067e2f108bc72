//! The shape of a stream and of its events from both contenders: shows that a stream is what it
//! claims, and that both answer with the same events, record for record.

use super::floor::{Floor, Numbered};
use super::ours;
use super::workloads::Workload;
use vvp_core::book::{BookView, Event, EventKind, InstrumentId, Op, Sink, TimeInForce};
use vvp_core::engine::{Counted, EngineStats, Matcher};

/// Counts over the timed part of a stream.
#[derive(Debug)]
pub struct Shape {
    pub commands: usize,
    pub adds: usize,
    pub iocs: usize,
    pub cancels: usize,
    pub replaces: usize,
    /// Refused by the engine.
    pub refused: u64,
    pub trades: u64,
    pub events: u64,
    /// Resting orders at the start, after each eighth, and at the end.
    pub live: [usize; 9],
}

/// Number and checksum of the events so far, from either contender: every word of their records, in
/// order.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Sum {
    events: u64,
    sum: u64,
}

impl Sink for Sum {
    fn emit(&mut self, event: Event) {
        self.events += 1;
        let words: [u64; 8] = zerocopy::transmute!(event);
        for word in words {
            self.sum = (self.sum.rotate_left(5) ^ word).wrapping_mul(0x9e37_79b9_7f4a_7c15);
        }
    }
}

/// Plays a stream to the engine and to the floor.
///
/// # Panics
/// If they answer with different events, or the engine's book is broken.
pub fn of(workload: &Workload) -> Shape {
    let mut engine = ours::engine();
    let mut floor = Floor::new();
    let (mut ours, mut bare) = (Sum::default(), Numbered::<Sum>::default());
    for c in workload.filling() {
        engine.apply(c, &mut ours);
        floor.apply(c, &mut bare);
    }
    assert_eq!(ours, bare.sink, "{}: events while filling", workload.name);
    let before = bare.sink.events;
    let timed = workload.timed();
    let mut stats = EngineStats::new();
    let mut live = [0; 9];
    let resting = |engine: &ours::BenchEngine| engine.book(InstrumentId::new(0)).map_or(0, BookView::resting_orders);
    for (i, c) in timed.iter().enumerate() {
        if i % (timed.len() / 8).max(1) == 0 {
            live[(i / (timed.len() / 8).max(1)).min(8)] = resting(&engine);
        }
        engine.apply(c, &mut Counted::new(&mut stats, &mut ours));
        floor.apply(c, &mut bare);
        assert_eq!(ours, bare.sink, "{}: events of command {i}, {c:?}", workload.name);
    }
    live[8] = resting(&engine);
    engine.check_invariants().expect("a book in order");
    let count = |f: fn(&vvp_core::book::Command) -> bool| timed.iter().filter(|c| f(c)).count();
    Shape {
        commands: timed.len(),
        adds: count(|c| c.op() == Op::New && c.tif() != TimeInForce::Ioc),
        iocs: count(|c| c.op() == Op::New && c.tif() == TimeInForce::Ioc),
        cancels: count(|c| c.op() == Op::Cancel),
        replaces: count(|c| c.op() == Op::Replace),
        refused: stats.events_of(EventKind::Rejected),
        trades: stats.events_of(EventKind::Trade),
        events: bare.sink.events - before,
        live,
    }
}

impl core::fmt::Display for Shape {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        let share = |n: f64| 100.0 * n / self.commands as f64;
        write!(
            f,
            "{} commands: add {:.1} %, ioc {:.1} %, cancel {:.1} %, replace {:.1} %; refused {:.2} %; \
             {:.2} trades and {:.2} events a command; live {:?}",
            self.commands,
            share(self.adds as f64),
            share(self.iocs as f64),
            share(self.cancels as f64),
            share(self.replaces as f64),
            share(self.refused as f64),
            self.trades as f64 / self.commands as f64,
            self.events as f64 / self.commands as f64,
            self.live,
        )
    }
}
