//! The work of each of the three threads.

use super::channel::{Disconnected, Receiver, Sender};
use super::{Commands, Publish};
use crate::clock::Clock;
use crate::thread::SpinThenSleep;
use std::io;
use vvp_core::book::{Command, Event, QueueSink};
use vvp_core::engine::{EngineStats, Matcher};
use vvp_core::metrics::Histogram;
use vvp_core::queue::spsc::ReadGrant;
use vvp_core::queue::{Producer, Wait};

/// Capacity of the command queue: enough for a time slice of a shared processor, and no more, since
/// each waiting command adds latency.
pub const COMMANDS_QUEUED_MAX: usize = 1024;
/// Capacity of the event queue.
pub const EVENTS_QUEUED_MAX: usize = 8192;

/// Maximum number of commands or events dequeued in one batch.
const BATCH: usize = 32;
/// Commands after which a reader that shares its processor yields it. Otherwise the publisher would
/// run only when the reader's time slice ends or the reader's own queue is full, some thousand
/// commands later.
const TURN: u64 = 256;

/// Decodes commands. The time at which a command was decoded travels in a queue of its own, so that
/// a command stays one cache line.
#[derive(Debug)]
pub(super) struct Reader<'q> {
    pub(super) commands: Sender<'q, Command, COMMANDS_QUEUED_MAX>,
    pub(super) stamps: Sender<'q, u64, COMMANDS_QUEUED_MAX>,
    pub(super) wait: SpinThenSleep,
    pub(super) clock: Clock,
}

impl Reader<'_> {
    /// Returns how many steps emitted commands, and how the input ended.
    pub(super) fn run<C: Commands>(mut self, source: &mut C) -> (u64, Result<(), C::Error>) {
        let mut given = 0;
        loop {
            let mut result = Ok(());
            let mut any = false;
            let step = source.step(|command| {
                any = true;
                if result.is_ok() {
                    result = self.send(command);
                }
            });
            given += u64::from(any);
            if any && given % TURN == 0 {
                self.wait.yield_if_shared();
            }
            match (step, result) {
                (Ok(true), Ok(())) => {}
                (Ok(false), _) | (_, Err(Disconnected)) => return (given, Ok(())),
                (Err(error), _) => return (given, Err(error)),
            }
        }
    }

    #[inline]
    fn send(&mut self, command: Command) -> Result<(), Disconnected> {
        // The stamp first, so that a visible command always has one. Both are published
        // immediately: a command held back for the next one would only be late, and decoding takes
        // far longer than publishing.
        self.stamps.stage(self.clock.now())?;
        self.stamps.publish();
        self.commands.stage(command)?;
        self.commands.publish();
        Ok(())
    }
}

/// Matches commands.
#[derive(Debug)]
pub(super) struct Matching<'q> {
    pub(super) commands: Receiver<'q, Command, COMMANDS_QUEUED_MAX>,
    pub(super) stamps: Receiver<'q, u64, COMMANDS_QUEUED_MAX>,
    pub(super) events: EventSender<'q>,
    pub(super) wait: SpinThenSleep,
    pub(super) clock: Clock,
}

/// The sink that passes events to the publisher. Dropping it, also in a panic, closes the event
/// queue.
#[derive(Debug)]
pub(super) struct EventSender<'q> {
    sink: Option<QueueSink<'q, SpinThenSleep, EVENTS_QUEUED_MAX>>,
}

impl<'q> EventSender<'q> {
    pub(super) const fn new(events: Producer<'q, Event, EVENTS_QUEUED_MAX>, wait: SpinThenSleep) -> Self {
        Self { sink: Some(QueueSink::new(events, wait)) }
    }
}

impl Drop for EventSender<'_> {
    fn drop(&mut self) {
        if let Some(sink) = self.sink.take() {
            sink.into_producer().close();
        }
    }
}

impl Matching<'_> {
    pub(super) fn run<M: Matcher>(mut self, matcher: &mut M, latency: &mut Histogram) {
        let Some(sink) = &mut self.events.sink else { return };
        let mut stamps = [0; BATCH];
        let mut attempt = 0u32;
        while let Some(batch) = self.commands.read(BATCH) {
            if batch.is_empty() {
                self.wait.wait(attempt);
                attempt = attempt.saturating_add(1);
                continue;
            }
            attempt = 0;
            let stamps = &mut stamps[..batch.len()];
            self.stamps.take(stamps);
            apply_batch(batch, matcher, sink);
            let now = self.clock.now();
            for stamp in stamps {
                latency.record(self.clock.ns_between(*stamp, now));
            }
            if sink.lost() > 0 {
                return; // the publisher has ended
            }
        }
    }
}

/// Applies all commands of a batch before it publishes their events: a publisher that follows event
/// by event would take away the cache line that the next event is written to. Each command has
/// waited until then.
///
/// Neither allocates nor blocks, unless the event queue is full: cli/tests/realtime.rs.
#[cfg_attr(rtsan, sanitize(realtime = "nonblocking"), inline(never))]
#[cfg_attr(not(rtsan), inline)]
fn apply_batch<M: Matcher, const N: usize>(
    batch: ReadGrant<'_, '_, Command, N>,
    matcher: &mut M,
    sink: &mut QueueSink<'_, SpinThenSleep, EVENTS_QUEUED_MAX>,
) {
    let (first, wrapped) = batch.as_slices();
    matcher.apply_all(first, sink);
    matcher.apply_all(wrapped, sink);
    sink.flush();
    batch.release();
}

/// Publishes events.
#[derive(Debug)]
pub(super) struct Publishing<'q> {
    pub(super) events: Receiver<'q, Event, EVENTS_QUEUED_MAX>,
    pub(super) wait: SpinThenSleep,
}

impl Publishing<'_> {
    pub(super) fn run<P: Publish>(mut self, publisher: &mut P) -> (EngineStats, io::Result<()>) {
        let mut stats = EngineStats::new();
        let mut attempt = 0u32;
        while let Some(batch) = self.events.read(BATCH) {
            if batch.is_empty() {
                // Not at the first empty poll: if the matcher is about to send more, this saves a
                // system call.
                if attempt == self.wait.idle_attempt()
                    && let Err(error) = publisher.flush()
                {
                    return (stats, Err(error));
                }
                self.wait.wait(attempt);
                attempt = attempt.saturating_add(1);
                continue;
            }
            attempt = 0;
            for event in &batch {
                stats.event(event);
                if let Err(error) = publisher.event(event) {
                    return (stats, Err(error));
                }
            }
            batch.release();
        }
        (stats, publisher.flush())
    }
}
