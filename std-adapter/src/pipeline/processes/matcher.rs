//! Journals commands, applies them, publishes their events.

use super::journal::{Entry, Journal, words};
use super::snapshot::Snapshot;
use super::{Asked, Events, Figures, GATEWAYS_MAX, GRACE, LONGER_GRACE, Meeting, Orders, PUBLISHERS_MAX, Record};
use super::{StageError, Stop, patience};
use crate::clock::Clock;
use crate::ipc::{LatestWriter, Sender};
use crate::memory::{Pages, Zeroed};
use std::sync::atomic::Ordering;
use vvp_core::book::{Book, Command, Event, FnSink, InstrumentId, InstrumentSpec, Price, Symbol, WithStateHash};
use vvp_core::engine::{Engine, Matcher};
use vvp_core::queue::{Full, PopError, Wait};
use zerocopy::IntoBytes;

/// How often the pipeline's state is shown.
const SHOWN_EVERY_NS: u64 = 20_000_000;

/// A [`JobEngine`](crate::engine::JobEngine) with a state hash.
pub type HashedJobEngine = Engine<Book<8192, 64, 512, 1024, 16_384, WithStateHash>, 8, 256>;

/// The commands that every run begins with, before the first of any gateway: two instruments.
#[must_use]
pub fn define() -> [Command; 2] {
    let one = |index: u16, name: &[u8]| {
        let mut spec = InstrumentSpec::new(Symbol::new(name).unwrap_or(Symbol::X));
        spec.reference = Some(Price::new(1_000));
        Command::instrument(InstrumentId::new(index), &spec)
    };
    [one(0, b"ALPHA"), one(1, b"OMEGA")]
}

/// The events' way to one publisher, which leaves out those that were published before.
#[derive(Debug)]
struct Outlet {
    tx: Sender<Record, { super::EVENTS_WAITING_MAX }>,
    /// Published by those before us.
    known: u64,
}

/// What is said of the pipeline, and when that was done last.
#[derive(Debug)]
struct Showing<'a> {
    board: LatestWriter<Snapshot>,
    snapshot: Snapshot,
    shown: u64,
    orders: &'a Orders,
    events: &'a [Events],
    figures: &'a Figures,
}

impl Showing<'_> {
    fn is_due(&self, now: u64, clock: Clock) -> bool {
        clock.ns_between(self.shown, now) > SHOWN_EVERY_NS
    }

    /// Shows the snapshot with queues, latencies and the process as they are now.
    fn show(&mut self, now: u64) {
        self.snapshot.measure(self.figures, self.orders.stats());
        self.snapshot.publishers = self.events.len() as u64;
        for (to, channel) in self.snapshot.events_queue.iter_mut().zip(self.events) {
            to.update(channel.stats());
        }
        (self.snapshot.taken_ns, self.shown) = (now, now);
        self.board.write(self.snapshot);
    }
}

/// The events' way to all publishers.
#[derive(Debug)]
struct Publishing<'a> {
    outlets: Vec<Outlet>,
    showing: Showing<'a>,
    clock: Clock,
    made: u64,
    asked: Asked<'a>,
    /// Asked to stop, and a publisher takes nothing: what is missing is for the next matcher, which makes the events again.
    given_up: bool,
}

impl Publishing<'_> {
    fn event(&mut self, event: &Event) {
        self.made += 1;
        let mut record: Record = [0; 9];
        record[..8].copy_from_slice(&words(event.as_bytes()));
        record[8] = self.clock.now();
        for outlet in &mut self.outlets {
            if self.made <= outlet.known || self.given_up {
                continue;
            }
            let mut attempt = 0_u32;
            // Ends when the publisher, started again if need be, has made room, or this process is killed or asked to stop.
            while let Err(Full(_)) = outlet.tx.push(record) {
                if self.asked.for_as_long_as(LONGER_GRACE) {
                    self.given_up = true;
                    break;
                }
                // Who looks is to see that it waits, and for what; the book as it was before.
                let now = self.clock.now();
                if self.showing.is_due(now, self.clock) {
                    self.showing.snapshot.events = self.made;
                    self.showing.show(now);
                }
                patience().wait(attempt);
                attempt = attempt.saturating_add(1);
            }
        }
    }
}

/// What a matcher works with.
#[derive(Debug)]
struct Work<'a> {
    engine: Zeroed<HashedJobEngine>,
    journal: Journal,
    publishing: Publishing<'a>,
    figures: &'a Figures,
    clock: Clock,
    /// The next command of each gateway.
    next: [u64; GATEWAYS_MAX],
}

impl Work<'_> {
    fn apply(&mut self, command: &Command) {
        let publishing = &mut self.publishing;
        self.engine.apply(command, &mut FnSink(|event: Event| publishing.event(&event)));
    }

    /// Takes up what forerunners have written down.
    fn replay(&mut self) -> Result<(), StageError> {
        for command in define() {
            self.apply(&command);
        }
        for at in 0..self.journal.len() {
            let Some(entry) = self.journal.get(at)? else { break };
            if let Some(command) = entry.decoded() {
                self.apply(&command);
            }
            self.next[entry.lane % GATEWAYS_MAX] = entry.number + 1;
        }
        Ok(())
    }

    /// One command: into the journal, through the engine, its events into the publishers' queues. Neither calls for memory
    /// nor waits, unless a publisher's queue is full.
    #[cfg_attr(rtsan, sanitize(realtime = "nonblocking"), inline(never))]
    fn command(&mut self, record: &Record, lane: usize, number: u64) -> Result<(), StageError> {
        if number < self.next[lane] {
            return Ok(()); // in the journal already
        }
        let start = self.clock.now();
        self.figures.to_matcher.record(self.clock.ns_between(record[8], start));
        let mut entry = Entry { lane, number, command: [0; 8] };
        entry.command.copy_from_slice(&record[..8]);
        self.journal.append(&entry)?;
        self.next[lane] = number + 1;
        self.publishing.showing.snapshot.commands = self.journal.len() as u64;
        if let Some(command) = entry.decoded() {
            self.apply(&command);
        }
        self.figures.matching.record(self.clock.ns_between(start, self.clock.now()));
        Ok(())
    }
}

/// Matches until all gateways have closed and all their commands are done; or, if it is asked to stop, for a time of grace at
/// most, and leaves the rest to the next one.
///
/// # Errors
/// [`StageError`]
pub fn matcher(meeting: &Meeting, stop: &Stop) -> Result<(), StageError> {
    let (orders, region): (Orders, _) = (meeting.orders()?, meeting.figures()?);
    let figures: &Figures = &region;
    let mut rx = orders.receiver()?;
    // Relaxed: said before any stage was started.
    let more = usize::try_from(figures.more_publishers.load(Ordering::Relaxed)).unwrap_or(usize::MAX);
    let events: Vec<Events> =
        (0..=more.min(PUBLISHERS_MAX - 1)).map(|n| meeting.events(n)).collect::<Result<_, _>>()?;
    let mut outlets = Vec::new();
    for channel in &events {
        let tx = channel.sender()?;
        outlets.push(Outlet { known: tx.position() as u64, tx });
    }
    let clock = Clock::kernel();
    let board = meeting.board()?.writer()?;
    let showing = Showing { board, snapshot: Snapshot::default(), shown: 0, orders: &orders, events: &events, figures };
    let publishing = Publishing { outlets, showing, clock, made: 0, asked: Asked::new(stop), given_up: false };
    let engine = Zeroed::<HashedJobEngine>::new(Pages::READY)?;
    let mut work = Work { engine, journal: meeting.journal()?, publishing, figures, clock, next: [0; GATEWAYS_MAX] };
    work.replay()?;
    let allocated_before = crate::memory::allocations();
    let mut asked = Asked::new(stop);
    let (mut attempt, mut failed) = (0_u32, None);
    loop {
        let handled = rx.handle(|record, lane, number| {
            if let Err(error) = work.command(&record, lane, number as u64) {
                failed = Some(error);
            }
        });
        if let Some(error) = failed.take() {
            return Err(error);
        }
        // A gateway may be done before another has come: that is not the end, unless we are asked for it.
        let closed = handled == Err(PopError::Closed)
            && !work.publishing.given_up
            && (stop.is_asked() || all_came(figures, &orders));
        let now = clock.now();
        if closed || work.publishing.showing.is_due(now, clock) {
            let allocated = crate::memory::allocations().since(allocated_before);
            let mut snapshot = Snapshot::of(&*work.engine);
            snapshot.commands = work.journal.len() as u64;
            (snapshot.events, snapshot.is_final) = (work.publishing.made, u64::from(closed));
            (snapshot.allocations, snapshot.allocated_bytes) = (allocated.calls as u64, allocated.bytes as u64);
            snapshot.state_hash = if closed { work.engine.state_hash() } else { 0 };
            // High waters are kept from one snapshot to the next.
            let before = &work.publishing.showing.snapshot;
            (snapshot.orders_queue, snapshot.events_queue) = (before.orders_queue, before.events_queue);
            work.publishing.showing.snapshot = snapshot;
            work.publishing.showing.show(now);
            // What was sent before we were asked is not left behind because it takes long.
            let grace = if handled.is_ok() { LONGER_GRACE } else { GRACE };
            if work.publishing.given_up || (!closed && asked.for_as_long_as(grace)) {
                return Ok(());
            }
        }
        match handled {
            Ok(()) => attempt = 0,
            Err(_) if closed => {
                work.publishing.outlets.into_iter().for_each(|outlet| outlet.tx.close());
                return Ok(());
            }
            Err(_) => {
                patience().wait(attempt);
                attempt = attempt.saturating_add(1);
            }
        }
    }
}

/// Whether every gateway that is to come has sent something.
fn all_came(figures: &Figures, orders: &Orders) -> bool {
    // Relaxed: a number that only goes down when those who wait for it are told to stop.
    let expected = usize::try_from(figures.gateways.load(Ordering::Relaxed)).unwrap_or(usize::MAX).min(GATEWAYS_MAX);
    (0..expected).all(|lane| orders.lane_stats(lane).is_some_and(|stats| stats.pushed > 0))
}
