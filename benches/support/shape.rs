//! The shape of a stream and of its events from both contenders: shows that a stream is what it
//! claims, and that both do the same work.

use super::floor::Floor;
use super::huge::Huge;
use super::ours;
use super::ring::Ring;
use super::workloads::Workload;
use vvp_core::book::{BookView, EventKind, InstrumentId, Op, TimeInForce};
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

/// Plays a stream to the engine and to the floor.
///
/// # Panics
/// If they answer with different numbers of events, or the engine's book is broken.
pub fn of(workload: &Workload) -> Shape {
    let mut engine = ours::engine();
    let mut floor: Huge<Floor> = Huge::new();
    let mut ring = Ring::new();
    for c in workload.filling() {
        engine.apply(c, &mut ring);
        floor.apply(c);
    }
    assert_eq!(ring.count as u64, floor.count, "{}: events while filling", workload.name);
    let before = floor.count;
    let timed = workload.timed();
    let mut stats = EngineStats::new();
    let mut live = [0; 9];
    let resting = |engine: &ours::BenchEngine| engine.book(InstrumentId::new(0)).map_or(0, BookView::resting_orders);
    for (i, c) in timed.iter().enumerate() {
        if i % (timed.len() / 8).max(1) == 0 {
            live[(i / (timed.len() / 8).max(1)).min(8)] = resting(&engine);
        }
        engine.apply(c, &mut Counted::new(&mut stats, &mut ring));
        floor.apply(c);
        assert_eq!(ring.count as u64, floor.count, "{}: events of command {i}, {c:?}", workload.name);
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
        events: floor.count - before,
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
