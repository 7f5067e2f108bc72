//! Journals commands, applies them, publishes their events.

use super::journal::{Journal, JournalEntry, words};
use super::status_board::PipelineStatus;
use super::{
    ChannelRecord, Counters, Events, GATEWAYS_MAX, GRACE, LONGER_GRACE, Orders, PUBLISHERS_MAX, PipelineDirectory,
    StopTimer,
};
use super::{StageError, Stop, patience};
use crate::clock::Clock;
use crate::ipc::{LatestWriter, SpscSender};
use crate::memory::{Pages, Zeroed};
use std::sync::atomic::Ordering;
use vvp_core::book::{Book, Command, Event, FnSink, InstrumentId, InstrumentSpec, Price, Symbol, WithStateHash};
use vvp_core::engine::{Engine, Matcher};
use vvp_core::queue::{Full, PopError, Wait};
use zerocopy::IntoBytes;

/// How often the pipeline's state is shown.
const SHOWN_EVERY_NS: u64 = 20_000_000;

/// A [`SmallEngine`](crate::engine::SmallEngine) with a state hash.
pub type HashedSmallEngine = Engine<Book<8192, 64, 512, 1024, 16_384, WithStateHash>, 8, 256>;

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
struct EventOutput {
    tx: SpscSender<ChannelRecord, { super::EVENTS_WAITING_MAX }>,
    /// Published by those before us.
    known: u64,
}

/// What is said of the pipeline, and when that was done last.
#[derive(Debug)]
struct StatusWriter<'a> {
    board: LatestWriter<PipelineStatus>,
    snapshot: PipelineStatus,
    shown: u64,
    orders: &'a Orders,
    events: &'a [Events],
    counters: &'a Counters,
}

impl StatusWriter<'_> {
    fn is_due(&self, now: u64, clock: Clock) -> bool {
        clock.ns_between(self.shown, now) > SHOWN_EVERY_NS
    }

    /// Shows the snapshot with queues, latencies and the process as they are now.
    fn show(&mut self, now: u64) {
        self.snapshot.measure(self.counters, self.orders.stats());
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
struct EventFanOut<'a> {
    outlets: Vec<EventOutput>,
    status_writer: StatusWriter<'a>,
    clock: Clock,
    made: u64,
    asked: StopTimer<'a>,
    /// StopTimer to stop, and a publisher takes nothing: what is missing is for the next matcher, which makes the events again.
    given_up: bool,
}

impl EventFanOut<'_> {
    fn event(&mut self, event: &Event) {
        self.made += 1;
        let mut record: ChannelRecord = [0; 9];
        record[..8].copy_from_slice(&words(event.as_bytes()));
        record[8] = self.clock.now();
        for outlet in &mut self.outlets {
            if self.made <= outlet.known || self.given_up {
                continue;
            }
            let mut attempt = 0_u32;
            // Ends when the publisher, started again if need be, has made room, or this process is killed or asked to stop.
            while let Err(Full(_)) = outlet.tx.push(record) {
                if self.asked.has_lasted(LONGER_GRACE) {
                    self.given_up = true;
                    break;
                }
                // Who looks is to see that it waits, and for what; the book as it was before.
                let now = self.clock.now();
                if self.status_writer.is_due(now, self.clock) {
                    self.status_writer.snapshot.events = self.made;
                    self.status_writer.show(now);
                }
                patience().wait(attempt);
                attempt = attempt.saturating_add(1);
            }
        }
    }
}

/// What a matcher works with.
#[derive(Debug)]
struct MatcherState<'a> {
    engine: Zeroed<HashedSmallEngine>,
    journal: Journal,
    fan_out: EventFanOut<'a>,
    counters: &'a Counters,
    clock: Clock,
    /// The next command of each gateway.
    next: [u64; GATEWAYS_MAX],
}

impl MatcherState<'_> {
    fn apply(&mut self, command: &Command) {
        let fan_out = &mut self.fan_out;
        self.engine.apply(command, &mut FnSink(|event: Event| fan_out.event(&event)));
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
    fn command(&mut self, record: &ChannelRecord, lane: usize, number: u64) -> Result<(), StageError> {
        if number < self.next[lane] {
            return Ok(()); // in the journal already
        }
        let start = self.clock.now();
        self.counters.to_matcher.record(self.clock.ns_between(record[8], start));
        let mut entry = JournalEntry { lane, number, command: [0; 8] };
        entry.command.copy_from_slice(&record[..8]);
        self.journal.append(&entry)?;
        self.next[lane] = number + 1;
        self.fan_out.status_writer.snapshot.commands = self.journal.len() as u64;
        if let Some(command) = entry.decoded() {
            self.apply(&command);
        }
        self.counters.matching.record(self.clock.ns_between(start, self.clock.now()));
        Ok(())
    }
}

/// Matches until all gateways have closed and all their commands are done; or, if it is asked to stop, for a time of grace at
/// most, and leaves the rest to the next one.
///
/// # Errors
/// [`StageError`]
pub fn matcher(pipeline: &PipelineDirectory, stop: &Stop) -> Result<(), StageError> {
    let (orders, region): (Orders, _) = (pipeline.orders()?, pipeline.counters()?);
    let counters: &Counters = &region;
    let mut rx = orders.receiver()?;
    // Relaxed: said before any stage was started.
    let more = usize::try_from(counters.more_publishers.load(Ordering::Relaxed)).unwrap_or(usize::MAX);
    let events: Vec<Events> =
        (0..=more.min(PUBLISHERS_MAX - 1)).map(|n| pipeline.events(n)).collect::<Result<_, _>>()?;
    let mut outlets = Vec::new();
    for channel in &events {
        let tx = channel.sender()?;
        outlets.push(EventOutput { known: tx.position() as u64, tx });
    }
    let clock = Clock::kernel();
    let board = pipeline.status_board()?.writer()?;
    let status_writer = StatusWriter {
        board,
        snapshot: PipelineStatus::default(),
        shown: 0,
        orders: &orders,
        events: &events,
        counters,
    };
    let fan_out = EventFanOut { outlets, status_writer, clock, made: 0, asked: StopTimer::new(stop), given_up: false };
    let engine = Zeroed::<HashedSmallEngine>::new(Pages::READY)?;
    let mut state =
        MatcherState { engine, journal: pipeline.journal()?, fan_out, counters, clock, next: [0; GATEWAYS_MAX] };
    state.replay()?;
    let allocated_before = crate::memory::allocations();
    let mut asked = StopTimer::new(stop);
    let (mut attempt, mut failed) = (0_u32, None);
    loop {
        let handled = rx.handle(|record, lane, number| {
            if let Err(error) = state.command(&record, lane, number as u64) {
                failed = Some(error);
            }
        });
        if let Some(error) = failed.take() {
            return Err(error);
        }
        // A gateway may be done before another has come: that is not the end, unless we are asked for it.
        let closed = handled == Err(PopError::Closed)
            && !state.fan_out.given_up
            && (stop.is_asked() || all_came(counters, &orders));
        let now = clock.now();
        if closed || state.fan_out.status_writer.is_due(now, clock) {
            let allocated = crate::memory::allocations().since(allocated_before);
            let mut snapshot = PipelineStatus::of(&*state.engine);
            snapshot.commands = state.journal.len() as u64;
            (snapshot.events, snapshot.is_final) = (state.fan_out.made, u64::from(closed));
            (snapshot.allocations, snapshot.allocated_bytes) = (allocated.calls as u64, allocated.bytes as u64);
            snapshot.state_hash = if closed { state.engine.state_hash() } else { 0 };
            // High waters are kept from one snapshot to the next.
            let before = &state.fan_out.status_writer.snapshot;
            (snapshot.orders_queue, snapshot.events_queue) = (before.orders_queue, before.events_queue);
            state.fan_out.status_writer.snapshot = snapshot;
            state.fan_out.status_writer.show(now);
            // What was sent before we were asked is not left behind because it takes long.
            let grace = if handled.is_ok() { LONGER_GRACE } else { GRACE };
            if state.fan_out.given_up || (!closed && asked.has_lasted(grace)) {
                return Ok(());
            }
        }
        match handled {
            Ok(()) => attempt = 0,
            Err(_) if closed => {
                state.fan_out.outlets.into_iter().for_each(|outlet| outlet.tx.close());
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
fn all_came(counters: &Counters, orders: &Orders) -> bool {
    // Relaxed: a number that only goes down when those who wait for it are told to stop.
    let expected = usize::try_from(counters.gateways.load(Ordering::Relaxed)).unwrap_or(usize::MAX).min(GATEWAYS_MAX);
    (0..expected).all(|lane| orders.lane_stats(lane).is_some_and(|stats| stats.pushed > 0))
}
