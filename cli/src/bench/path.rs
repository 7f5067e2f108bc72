//! The whole path of an order: bytes in, decoded, through a lane to the matcher, risk limits,
//! matched, events, bytes out.
//!
//! ```text
//!  one thread:   bytes → decode → FanIn → engine (limits, book) → event → bytes
//!
//!  two threads:  bytes → decode → [ FanIn lane ] → engine (limits, book)
//!                edge                              matcher
//!                bytes ← encode ← [ event queue ] ←
//! ```
//! Orders are due at fixed times, independent of those before them, and latency counts from the
//! time an order was due, so there is no coordinated omission. The same without processing the
//! orders shows which part of the latency is the machine's own: preemption, interrupts and stalls.

use super::flow::{FlowEngine, stream};
use super::harness::{Harness, rest};
use super::row::{Load, percentiles};
use core::hint::{black_box, spin_loop};
use std::sync::atomic::{AtomicBool, Ordering};
use vvp_core::book::{Command, CountSink, Event, Limits, OwnerId, Qty, QueueSink, Sink};
use vvp_core::engine::Matcher;
use vvp_core::metrics::Histogram;
use vvp_core::queue::{FanIn, FanInConsumer, PopError, Producer, Spin, Spsc};
use vvp_std_adapter::clock::Clock;
use vvp_std_adapter::memory::{MapError, Pages, Zeroed};
use zerocopy::IntoBytes;

/// Capacity of a lane, in commands.
const LANE: usize = 1024;
/// Number of lanes, of which one is used.
const LANES: usize = 4;
/// Capacity of the event queue.
const EVENTS: usize = 8192;
/// Maximum commands taken, or events encoded, in one batch.
const BATCH: usize = 16;
/// Bytes of a record.
const RECORD: usize = Command::SIZE;

pub(super) type Lanes = FanIn<Command, LANE, LANES>;
pub(super) type Events = Spsc<Event, EVENTS>;

/// The measured loads, in percent of the path's saturation rate.
const LOADS: [u64; 10] = [5, 10, 25, 50, 60, 70, 80, 90, 95, 105];

/// Maximum duration of a run, in seconds. Linux stops a real-time thread that runs for more than
/// 0.95 s of a second for the rest of that second (`sched_rt_runtime_us`), which would count as 50
/// ms of latency.
const LONGEST_S: f64 = 0.5;

/// Rates of the runs without processing.
const IDLE: [f64; 3] = [1e6, 5e6, 1e7];

/// The threads that process the orders.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Threads {
    /// None: each order is only awaited and answered, which measures the machine itself.
    None,
    /// One thread does everything.
    One,
    /// One thread for the edge and one for the matcher, on two processors.
    Two,
}

/// The path of [`Threads::None`] among the results.
const NOTHING: &str = "nothing";

/// Returns the title of a path's loads, by the path's name in the results.
#[must_use]
pub fn load_title(path: &str) -> String {
    if path == NOTHING {
        "Nothing done for an order: the machine itself".into()
    } else {
        format!("The whole path, {path}")
    }
}

/// Returns whether the orders of this path are matched, rather than only awaited.
pub(super) fn is_matched(path: &str) -> bool {
    path != NOTHING
}

impl Threads {
    const fn name(self) -> &'static str {
        match self {
            Self::None => NOTHING,
            Self::One => "one thread",
            Self::Two => "two threads",
        }
    }
}

/// Memory for the whole path, allocated before the first order.
#[derive(Debug)]
pub struct Path {
    engine: Zeroed<FlowEngine>,
    lanes: Zeroed<Lanes>,
    events: Zeroed<Events>,
    latency: Zeroed<Histogram>,
    /// Orders in wire format.
    wire: Vec<u8>,
    /// The first commands, which fill the book before the measurement.
    filling: Vec<Command>,
    /// When each order was answered, in counts of the clock.
    done: Vec<u64>,
    out: Outgoing,
}

/// A ring for the last megabyte of encoded events.
#[derive(Debug)]
pub(super) struct Outgoing {
    bytes: Vec<u8>,
    at: usize,
}

impl Outgoing {
    pub(super) fn new() -> Self {
        Self { bytes: vec![0; 1 << 20], at: 0 }
    }

    #[inline]
    pub(super) fn encode(&mut self, event: &Event) {
        if let Some(place) = self.bytes.get_mut(self.at..self.at + RECORD) {
            place.copy_from_slice(event.as_bytes());
        }
        self.at = (self.at + RECORD) % self.bytes.len();
    }
}

impl Sink for Outgoing {
    #[inline]
    fn emit(&mut self, event: Event) {
        self.encode(&event);
    }
}

/// Decodes a command from wire format; `None` for what a gateway would refuse.
#[inline]
pub(super) fn decode(wire: &[u8], i: usize) -> Option<Command> {
    let record = wire.get(i * RECORD..)?.first_chunk::<RECORD>()?;
    Command::from_record(record).ok()
}

/// Returns risk limits that are checked and never refuse: 8 owners with orders of up to a million
/// lots.
pub(super) fn limits() -> impl Iterator<Item = Command> {
    let limits = Limits { max_qty: Some(Qty::new(1_000_000)), ..Limits::default() };
    (1..=8).map(move |owner| Command::limits(OwnerId::new(owner), &limits))
}

impl Path {
    /// Creates a path for `n` orders.
    ///
    /// # Errors
    /// No memory.
    pub fn new(n: u64) -> Result<Self, MapError> {
        let n = usize::try_from(n).unwrap_or(usize::MAX);
        let mut engine = Zeroed::<FlowEngine>::new(Pages::READY)?;
        let (mut commands, warm) = stream(&mut engine, n);
        let timed = commands.split_off(warm);
        let wire = timed.iter().flat_map(|c| c.as_bytes()).copied().collect();
        Ok(Self {
            engine,
            lanes: Zeroed::new(Pages::READY)?,
            events: Zeroed::new(Pages::READY)?,
            latency: Zeroed::new(Pages::READY)?,
            wire,
            filling: commands,
            done: vec![u64::MAX; timed.len()],
            out: Outgoing::new(),
        })
    }

    /// Returns the number of orders in a run.
    #[must_use]
    pub fn orders(&self) -> u64 {
        self.done.len() as u64
    }

    /// Measures loads from light to beyond saturation; the first run is at full speed and gives the
    /// saturation rate. Without processing: some fixed rates.
    pub fn sweep(&mut self, harness: &Harness, threads: Threads, load: &mut dyn FnMut(Load)) {
        if threads == Threads::None {
            return IDLE.iter().for_each(|&rate| load(self.run(harness, threads, rate)));
        }
        let most = self.run(harness, threads, 0.0);
        let saturation = most.answered_per_s;
        load(most);
        let mut light = None;
        for percent in LOADS {
            let mut one = self.run(harness, threads, saturation * percent as f64 / 100.0);
            let median = one.at(50.0).unwrap_or(u64::MAX);
            one.sustained = median <= 10 * *light.get_or_insert(median);
            load(one);
        }
    }

    /// Sends all orders at a rate, or as many of them as are due in half a second; rate 0 sends all
    /// orders at full speed.
    pub fn run(&mut self, harness: &Harness, threads: Threads, per_second: f64) -> Load {
        self.engine.clear();
        for command in self.filling.iter().take(1).copied().chain(limits()) {
            self.engine.apply(&command, &mut CountSink::default());
        }
        self.engine.apply_all(self.filling.get(1..).unwrap_or_default(), &mut CountSink::default());
        self.latency.clear();
        let due = if per_second > 0.0 { (per_second * LONGEST_S) as usize } else { usize::MAX };
        let n = self.done.len().min(due.max(1));
        let schedule = Schedule {
            clock: harness.clock(),
            ns_apart: if per_second > 0.0 { 1e9 / per_second } else { 0.0 },
            first: self.filling.len() as u64,
        };
        let ((start, end), line_ns) = match threads {
            Threads::None => (self.no_path(harness, schedule, n), None),
            Threads::One => (self.one_thread(harness, schedule, n), None),
            Threads::Two => {
                let before = harness.line_ns();
                let times = self.two_threads(harness, schedule, n);
                (times, Some([before, harness.line_ns()]))
            }
        };
        for (i, &done) in self.done.iter().take(n).enumerate() {
            self.latency.record(schedule.late_ns(start, i, done));
        }
        let ns = schedule.clock.ns_between(start, end).max(1);
        rest(ns);
        Load {
            path: threads.name().into(),
            offered_per_s: per_second,
            answered_per_s: n as f64 * 1e9 / ns as f64,
            orders: n as u64,
            percentiles: if per_second > 0.0 { percentiles(&self.latency) } else { Vec::new() },
            line_ns,
            sustained: true,
        }
    }

    fn no_path(&mut self, harness: &Harness, schedule: Schedule, n: usize) -> (u64, u64) {
        harness.settle_here();
        let start = schedule.clock.now();
        for i in 0..n {
            schedule.wait_until_due(start, i, || {});
            self.done[i] = schedule.clock.now();
        }
        (start, schedule.clock.now())
    }

    fn one_thread(&mut self, harness: &Harness, schedule: Schedule, n: usize) -> (u64, u64) {
        harness.settle_here();
        let (lanes, mut matcher) = self.lanes.split();
        let mut lane = first(lanes);
        let start = schedule.clock.now();
        for i in 0..n {
            schedule.wait_until_due(start, i, || {});
            if let Some(command) = decode(&self.wire, i) {
                let _ = lane.push(command);
            }
            if let Ok(command) = matcher.pop() {
                self.engine.apply(&command, &mut self.out);
            }
            self.done[i] = schedule.clock.now();
        }
        black_box(&self.out);
        (start, schedule.clock.now())
    }

    fn two_threads(&mut self, harness: &Harness, schedule: Schedule, n: usize) -> (u64, u64) {
        let (lanes, commands) = self.lanes.split();
        let (events_in, mut events) = self.events.split();
        let lane = first(lanes);
        let (ready, over) = (AtomicBool::new(false), AtomicBool::new(false));
        let (engine, wire, done, out) = (&mut *self.engine, &self.wire, &mut self.done[..n], &mut self.out);
        std::thread::scope(|scope| {
            let matcher = scope.spawn(|| {
                harness.settle_here();
                // Release: pairs with the Acquire below.
                ready.store(true, Ordering::Release);
                matching(engine, commands, events_in, || {});
                // Release: pairs with the Acquire below; all events are in the queue.
                over.store(true, Ordering::Release);
            });
            harness.settle_there();
            super::harness::wait_for(|| ready.load(Ordering::Acquire));
            let mut lane = Some(lane);
            let start = schedule.clock.now();
            // Events that have arrived are taken before the next order is sent.
            let mut take = |done: &mut [u64]| {
                let batch = events.read_up_to(BATCH);
                let some = !batch.is_empty();
                for event in &batch {
                    out.encode(event);
                }
                if some {
                    let now = schedule.clock.now();
                    for event in &batch {
                        schedule.answered(event, now, done);
                    }
                }
                batch.release();
                some
            };
            for i in 0..done.len() {
                schedule.wait_until_due(start, i, || {
                    take(done);
                });
                let Some(mut command) = decode(wire, i) else { continue };
                while let Some(Err(full)) = lane.as_mut().map(|lane| lane.push(command)) {
                    command = full.0;
                    take(done);
                }
                if i % BATCH == 0 {
                    take(done);
                }
            }
            if let Some(lane) = lane.take() {
                lane.close();
            }
            while !over.load(Ordering::Acquire) {
                take(done);
            }
            while take(done) {}
            let end = schedule.clock.now();
            let _ = matcher.join();
            (start, end)
        })
    }
}

/// Returns one lane, and drops the others, so that they count as closed.
pub(super) fn first(lanes: [Producer<'_, Command, LANE>; LANES]) -> Producer<'_, Command, LANE> {
    let [lane, ..] = lanes;
    lane
}

/// Runs the matcher's thread: processes commands until the lanes are closed, and never sleeps.
/// `between` runs after each batch.
pub(super) fn matching(
    engine: &mut FlowEngine,
    mut commands: FanInConsumer<'_, Command, LANE, LANES>,
    events: Producer<'_, Event, EVENTS>,
    mut between: impl FnMut(),
) {
    let mut sink = QueueSink::new(events, Spin);
    let mut batch = [Command::time(0); BATCH];
    loop {
        between();
        match commands.pop_slice(&mut batch) {
            // Empty or closed: only a single pop distinguishes them.
            0 => match commands.pop() {
                Ok(command) => {
                    engine.apply(&command, &mut sink);
                    sink.flush();
                }
                Err(PopError::Closed) => return,
                Err(_) => spin_loop(),
            },
            n => {
                engine.apply_all(&batch[..n], &mut sink);
                sink.flush();
            }
        }
    }
}

/// The schedule of the orders.
#[derive(Clone, Copy, Debug)]
struct Schedule {
    clock: Clock,
    /// Nanoseconds from one order to the next; 0 at full speed.
    ns_apart: f64,
    /// The timestamp of the stream's first order.
    first: u64,
}

impl Schedule {
    fn due_ns(&self, i: usize) -> u64 {
        (i as f64 * self.ns_apart) as u64
    }

    #[inline]
    fn wait_until_due(&self, start: u64, i: usize, mut meanwhile: impl FnMut()) {
        if self.ns_apart > 0.0 {
            let due = self.due_ns(i);
            while self.clock.ns_between(start, self.clock.now()) < due {
                meanwhile();
                spin_loop();
            }
        }
    }

    /// Records that the order of this event was answered now; a later event of the same order
    /// overwrites it.
    #[inline]
    fn answered(&self, event: &Event, now: u64, done: &mut [u64]) {
        let order = event.ts().and_then(|ts| ts.checked_sub(self.first)).and_then(|i| usize::try_from(i).ok());
        if let Some(done) = order.and_then(|i| done.get_mut(i)) {
            *done = now;
        }
    }

    fn late_ns(&self, start: u64, i: usize, done: u64) -> u64 {
        self.clock.ns_between(start, done).saturating_sub(self.due_ns(i))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Every order is answered, on one and on two threads, and late orders count as late.
    #[test]
    fn every_order_is_answered() {
        let harness = Harness::new(true);
        let mut path = Path::new(20_000).expect("memory");
        for threads in [Threads::None, Threads::One, Threads::Two] {
            path.done.fill(u64::MAX);
            let load = path.run(&harness, threads, 0.0);
            assert_eq!(load.orders, 20_000);
            assert!(path.done.iter().all(|&done| done != u64::MAX), "{threads:?}");
            // A thousand times the rate of any machine: the last orders must be late by nearly the
            // whole run.
            let flood = path.run(&harness, threads, 1e12);
            let run_ns = 1e9 * 20_000.0 / flood.answered_per_s;
            let worst = flood.at(100.0).expect("kept") as f64;
            assert!(worst > run_ns / 2.0, "{worst} of {run_ns}");
        }
    }
}
