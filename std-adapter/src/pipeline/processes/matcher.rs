//! The matcher stage: writes commands to the journal, applies them, and publishes their events.

use super::journal::{Journal, JournalEntry, words};
use super::status_board::PipelineStatus;
use super::{
    ChannelRecord, Counters, Events, GATEWAYS_MAX, GRACE, LONGER_GRACE, Orders, PUBLISHERS_MAX, PipelineDirectory,
    StopTimer,
};
use super::{StageError, Stop, stage_wait};
use crate::clock::Clock;
use crate::ipc::{LatestWriter, SpscSender};
use crate::memory::{Pages, Zeroed};
use std::sync::atomic::Ordering;
use vvp_core::book::{Command, Event, FnSink, InstrumentId, InstrumentSpec, Price, Symbol, WithStateHash};
use vvp_core::book_type;
use vvp_core::engine::{Engine, Matcher};
use vvp_core::queue::{Full, PopError, Wait};
use zerocopy::IntoBytes;

/// The interval at which the status is published.
const STATUS_INTERVAL_NS: u64 = 20_000_000;

/// A [`SmallEngine`](crate::engine::SmallEngine) with a state hash.
pub type HashedSmallEngine = Engine<
    book_type!(orders: 8192, ticks_per_side: 4096, far_levels: 512, stops: 1024, state_hash: WithStateHash),
    8,
    256,
>;

/// Returns the commands that every run begins with, before those of any gateway: the definitions of
/// two instruments.
#[must_use]
pub fn define() -> [Command; 2] {
    let one = |index: u16, name: &[u8]| {
        let mut spec = InstrumentSpec::new(Symbol::new(name).unwrap_or(Symbol::X));
        spec.reference = Some(Price::new(1_000));
        Command::instrument(InstrumentId::new(index), &spec)
    };
    [one(0, b"ALPHA"), one(1, b"OMEGA")]
}

/// The event queue of one publisher, which skips events published before.
#[derive(Debug)]
struct EventOutput {
    tx: SpscSender<ChannelRecord, { super::EVENTS_WAITING_MAX }>,
    /// Events published by this process's predecessors.
    already_published: u64,
}

/// The published status, and when it was published last.
#[derive(Debug)]
struct StatusWriter<'a> {
    board: LatestWriter<PipelineStatus>,
    status: PipelineStatus,
    published_ns: u64,
    orders: &'a Orders,
    events: &'a [Events],
    counters: &'a Counters,
}

impl StatusWriter<'_> {
    fn is_due(&self, now: u64, clock: Clock) -> bool {
        clock.ns_between(self.published_ns, now) > STATUS_INTERVAL_NS
    }

    /// Publishes the status with the current queues, latencies and process.
    fn publish(&mut self, now: u64) {
        self.status.measure(self.counters, self.orders.stats());
        self.status.publishers = self.events.len() as u64;
        for (to, channel) in self.status.events_queue.iter_mut().zip(self.events) {
            to.update(channel.stats());
        }
        (self.status.taken_ns, self.published_ns) = (now, now);
        self.board.write(self.status);
    }
}

/// The event queues of all publishers.
#[derive(Debug)]
struct EventFanOut<'a> {
    outputs: Vec<EventOutput>,
    status_writer: StatusWriter<'a>,
    clock: Clock,
    emitted: u64,
    stop_timer: StopTimer<'a>,
    /// Set if a stop was requested and a publisher takes nothing. The next matcher regenerates the
    /// missing events.
    given_up: bool,
}

impl EventFanOut<'_> {
    fn event(&mut self, event: &Event) {
        self.emitted += 1;
        let mut record: ChannelRecord = [0; 9];
        record[..8].copy_from_slice(&words(event.as_bytes()));
        record[8] = self.clock.now();
        for output in &mut self.outputs {
            if self.emitted <= output.already_published || self.given_up {
                continue;
            }
            let mut attempt = 0_u32;
            // Ends when the publisher, restarted if necessary, has made room, or this process is
            // killed or asked to stop.
            while let Err(Full(_)) = output.tx.push(record) {
                if self.stop_timer.has_lasted(LONGER_GRACE) {
                    self.given_up = true;
                    break;
                }
                // Keeps the status current while the matcher waits; the book is the one before this
                // command.
                let now = self.clock.now();
                if self.status_writer.is_due(now, self.clock) {
                    self.status_writer.status.events = self.emitted;
                    self.status_writer.publish(now);
                }
                stage_wait().wait(attempt);
                attempt = attempt.saturating_add(1);
            }
        }
    }
}

/// The state of a matcher.
#[derive(Debug)]
struct MatcherState<'a> {
    engine: Zeroed<HashedSmallEngine>,
    journal: Journal,
    fan_out: EventFanOut<'a>,
    counters: &'a Counters,
    clock: Clock,
    /// The next sequence number of each gateway.
    next: [u64; GATEWAYS_MAX],
}

impl MatcherState<'_> {
    fn apply(&mut self, command: &Command) {
        let fan_out = &mut self.fan_out;
        self.engine.apply(command, &mut FnSink(|event: Event| fan_out.event(&event)));
    }

    /// Applies the journal that predecessors have written.
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

    /// Processes one command: writes it to the journal, applies it, and enqueues its events.
    /// Neither allocates nor blocks, unless a publisher's queue is full.
    #[cfg_attr(rtsan, sanitize(realtime = "nonblocking"), inline(never))]
    fn command(&mut self, record: &ChannelRecord, lane: usize, number: u64) -> Result<(), StageError> {
        if number < self.next[lane] {
            return Ok(()); // already in the journal
        }
        let start = self.clock.now();
        self.counters.to_matcher.record(self.clock.ns_between(record[8], start));
        let mut entry = JournalEntry { lane, number, command: [0; 8] };
        entry.command.copy_from_slice(&record[..8]);
        self.journal.append(&entry)?;
        self.next[lane] = number + 1;
        self.fan_out.status_writer.status.commands = self.journal.len() as u64;
        if let Some(command) = entry.decoded() {
            self.apply(&command);
        }
        self.counters.matching.record(self.clock.ns_between(start, self.clock.now()));
        Ok(())
    }
}

/// Matches until all gateways have closed and all their commands are processed. If asked to stop,
/// it ends after a grace period at most, and leaves the rest to its successor.
///
/// # Errors
/// [`StageError`]
pub fn matcher(pipeline: &PipelineDirectory, stop: &Stop) -> Result<(), StageError> {
    let (orders, region): (Orders, _) = (pipeline.orders()?, pipeline.counters()?);
    let counters: &Counters = &region;
    let mut rx = orders.receiver()?;
    // Relaxed: stored before any stage started.
    let more = usize::try_from(counters.more_publishers.load(Ordering::Relaxed)).unwrap_or(usize::MAX);
    let events: Vec<Events> =
        (0..=more.min(PUBLISHERS_MAX - 1)).map(|n| pipeline.events(n)).collect::<Result<_, _>>()?;
    let mut outputs = Vec::new();
    for channel in &events {
        let tx = channel.sender()?;
        outputs.push(EventOutput { already_published: tx.position() as u64, tx });
    }
    let clock = Clock::kernel();
    let board = pipeline.status_board()?.writer()?;
    let status_writer = StatusWriter {
        board,
        status: PipelineStatus::default(),
        published_ns: 0,
        orders: &orders,
        events: &events,
        counters,
    };
    let fan_out =
        EventFanOut { outputs, status_writer, clock, emitted: 0, stop_timer: StopTimer::new(stop), given_up: false };
    let engine = Zeroed::<HashedSmallEngine>::new(Pages::READY)?;
    let mut state =
        MatcherState { engine, journal: pipeline.journal()?, fan_out, counters, clock, next: [0; GATEWAYS_MAX] };
    state.replay()?;
    let allocated_before = crate::memory::allocations();
    let mut stop_timer = StopTimer::new(stop);
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
        // A gateway may close before another has started; that ends the run only if a stop was
        // requested.
        let closed = handled == Err(PopError::Closed)
            && !state.fan_out.given_up
            && (stop.is_asked() || all_came(counters, &orders));
        let now = clock.now();
        if closed || state.fan_out.status_writer.is_due(now, clock) {
            let allocated = crate::memory::allocations().since(allocated_before);
            let mut status = PipelineStatus::of(&*state.engine);
            status.commands = state.journal.len() as u64;
            (status.events, status.is_final) = (state.fan_out.emitted, u64::from(closed));
            (status.allocations, status.allocated_bytes) = (allocated.calls as u64, allocated.bytes as u64);
            status.state_hash = if closed { state.engine.state_hash() } else { 0 };
            // High-water marks are kept from one status to the next.
            let before = &state.fan_out.status_writer.status;
            (status.orders_queue, status.events_queue) = (before.orders_queue, before.events_queue);
            state.fan_out.status_writer.status = status;
            state.fan_out.status_writer.publish(now);
            // The longer period if commands are still waiting: everything sent before the request
            // is to be matched.
            let grace = if handled.is_ok() { LONGER_GRACE } else { GRACE };
            if state.fan_out.given_up || (!closed && stop_timer.has_lasted(grace)) {
                return Ok(());
            }
        }
        match handled {
            Ok(()) => attempt = 0,
            Err(_) if closed => {
                state.fan_out.outputs.into_iter().for_each(|output| output.tx.close());
                return Ok(());
            }
            Err(_) => {
                stage_wait().wait(attempt);
                attempt = attempt.saturating_add(1);
            }
        }
    }
}

/// Returns whether every expected gateway has sent a command.
fn all_came(counters: &Counters, orders: &Orders) -> bool {
    // Relaxed: the number only decreases when the stages that wait for it are asked to stop.
    let expected = usize::try_from(counters.gateways.load(Ordering::Relaxed)).unwrap_or(usize::MAX).min(GATEWAYS_MAX);
    (0..expected).all(|lane| orders.lane_stats(lane).is_some_and(|stats| stats.pushed > 0))
}
