//! What each of the three threads does.

use super::link::{Gone, Receiver, Sender};
use super::{Commands, Publish};
use crate::clock::Clock;
use crate::thread::Backoff;
use std::io;
use vvp_core::book::{Command, Event, QueueSink};
use vvp_core::engine::{EngineStats, Matcher};
use vvp_core::metrics::Histogram;
use vvp_core::queue::spsc::ReadGrant;
use vvp_core::queue::{Producer, Wait};

/// Commands that can wait for the matcher. Enough to ride out a time slice of a shared processor; no more, since
/// each one that waits is latency.
pub const COMMANDS_QUEUED_MAX: usize = 1024;
/// Events that can wait for the publisher.
pub const EVENTS_QUEUED_MAX: usize = 8192;

/// Commands, or events, taken from a queue at once.
const BATCH: usize = 32;
/// Commands after which a reader that shares its processor lets the other one have it. Without that the publisher would
/// get it when the reader's time slice ends or its own queue has run full, some thousand commands later.
const TURN: u64 = 256;

/// Decodes. Each command travels with the time at which it was decoded, in a queue of its own beside it, so that a
/// command stays one cache line.
#[derive(Debug)]
pub(super) struct Reader<'q> {
    pub(super) commands: Sender<'q, Command, COMMANDS_QUEUED_MAX>,
    pub(super) stamps: Sender<'q, u64, COMMANDS_QUEUED_MAX>,
    pub(super) wait: Backoff,
    pub(super) clock: Clock,
}

impl Reader<'_> {
    /// Returns how many steps gave commands, and how it ended.
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
                self.wait.step_aside();
            }
            match (step, result) {
                (Ok(true), Ok(())) => {}
                (Ok(false), _) | (_, Err(Gone)) => return (given, Ok(())),
                (Err(error), _) => return (given, Err(error)),
            }
        }
    }

    #[inline]
    fn send(&mut self, command: Command) -> Result<(), Gone> {
        // The stamp first: who sees a command finds its stamp. Both are published at once, for a command that waits
        // here for the next one would only be late; decoding takes far longer than publishing.
        self.stamps.stage(self.clock.now())?;
        self.stamps.publish();
        self.commands.stage(command)?;
        self.commands.publish();
        Ok(())
    }
}

/// Matches.
#[derive(Debug)]
pub(super) struct Matching<'q> {
    pub(super) commands: Receiver<'q, Command, COMMANDS_QUEUED_MAX>,
    pub(super) stamps: Receiver<'q, u64, COMMANDS_QUEUED_MAX>,
    pub(super) events: EventSender<'q>,
    pub(super) wait: Backoff,
    pub(super) clock: Clock,
}

/// The sink that hands events to the publisher. Dropping it, also in a panic, tells the publisher that no more will come.
#[derive(Debug)]
pub(super) struct EventSender<'q> {
    sink: Option<QueueSink<'q, Backoff, EVENTS_QUEUED_MAX>>,
}

impl<'q> EventSender<'q> {
    pub(super) const fn new(events: Producer<'q, Event, EVENTS_QUEUED_MAX>, wait: Backoff) -> Self {
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
            answer(batch, matcher, sink);
            let now = self.clock.now();
            for stamp in stamps {
                latency.record(self.clock.ns_between(*stamp, now));
            }
            if sink.lost() > 0 {
                return; // nobody is left to publish for
            }
        }
    }
}

/// Answers commands that were there together all at once: a publisher that follows event by event takes the cache line away
/// that the next one is written to. Each has waited until then.
///
/// Neither calls for memory nor waits, unless the queue of events is full: cli/tests/realtime.rs.
#[cfg_attr(rtsan, sanitize(realtime = "nonblocking"), inline(never))]
#[cfg_attr(not(rtsan), inline)]
fn answer<M: Matcher, const N: usize>(
    batch: ReadGrant<'_, '_, Command, N>,
    matcher: &mut M,
    sink: &mut QueueSink<'_, Backoff, EVENTS_QUEUED_MAX>,
) {
    let (first, wrapped) = batch.as_slices();
    matcher.apply_all(first, sink);
    matcher.apply_all(wrapped, sink);
    sink.flush();
    batch.release();
}

/// Writes.
#[derive(Debug)]
pub(super) struct Publishing<'q> {
    pub(super) events: Receiver<'q, Event, EVENTS_QUEUED_MAX>,
    pub(super) wait: Backoff,
}

impl Publishing<'_> {
    pub(super) fn run<P: Publish>(mut self, publisher: &mut P) -> (EngineStats, io::Result<()>) {
        let mut stats = EngineStats::new();
        let mut attempt = 0u32;
        while let Some(batch) = self.events.read(BATCH) {
            if batch.is_empty() {
                // Not at the first empty look: a matcher that is about to say more saves a system call.
                if attempt == self.wait.pause()
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
