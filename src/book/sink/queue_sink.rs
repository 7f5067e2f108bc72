//! Event sink that pushes into a queue.

use crate::book::{BoundedSink, Event, EventBody, EventHead, Sink};
use crate::queue::{Producer, Wait};

/// Events per batch: how many are staged before they are published without a flush. One transfer of
/// the index's cache line for several events is cheaper for both threads; the batch is small, so
/// that the reader does not wait for the end of a long command.
const BATCH: usize = 16;

/// A [`Sink`] over the producer of a queue; with
/// [`market_data::Record`](crate::market_data::Record) for `T`, a
/// [`FeedSink`](crate::market_data::FeedSink).
///
/// While the queue is full it waits for the reader by the strategy `W`: no event is lost. Only
/// after the reader has closed its endpoint, so that it will never make room, events are dropped
/// and [counted](Self::lost).
///
/// Events are published in batches. Call [`flush`](Self::flush) after each command or batch of
/// commands, at the latest when there is nothing else to do. Dropping the sink flushes, too.
///
/// ```
/// use vvp_core::book::{Event, EventBody, InstrumentId, Phase, QueueSink, Sink};
/// use vvp_core::queue::{Spin, Spsc};
///
/// static EVENTS: Spsc<Event, 64> = Spsc::new();
///
/// let mut sink = QueueSink::new(EVENTS.producer().expect("not claimed yet"), Spin);
/// let mut reader = EVENTS.consumer().expect("not claimed yet");
/// # let body = EventBody::Phase { phase: Phase::Continuous };
/// # let event = Event::new(1, Some(InstrumentId::new(0)), None, body);
/// sink.emit(event);
/// assert!(reader.pop().is_err()); // not published yet
/// sink.flush();
/// assert_eq!(reader.pop(), Ok(event));
/// ```
#[derive(Debug)]
pub struct QueueSink<'q, W, const N: usize, T = Event> {
    queue: Producer<'q, T, N>,
    wait: W,
    staged: usize,
    lost: u64,
}

impl<'q, W: Wait, T, const N: usize> QueueSink<'q, W, N, T> {
    /// Creates a sink that pushes events into this queue and waits by this strategy while it is
    /// full.
    pub const fn new(queue: Producer<'q, T, N>, wait: W) -> Self {
        Self { queue, wait, staged: 0, lost: 0 }
    }

    /// Publishes every event so far.
    #[inline]
    pub fn flush(&mut self) {
        if self.staged > 0 {
            self.staged = 0;
            self.queue.publish();
        }
    }

    /// Returns how many events were dropped because the reader had closed its endpoint.
    #[must_use]
    pub const fn lost(&self) -> u64 {
        self.lost
    }

    /// Returns the producer, for example for statistics.
    pub const fn queue(&self) -> &Producer<'q, T, N> {
        &self.queue
    }

    /// Flushes and returns the producer, to be closed or used otherwise.
    pub fn into_producer(mut self) -> Producer<'q, T, N> {
        self.flush();
        self.queue
    }

    /// Stages one event; waits while the queue is full.
    // The room is there before the value is: a value that could be refused would be built in memory
    // first and copied into its slot.
    #[inline(always)]
    pub(crate) fn put(&mut self, value: impl FnOnce() -> T) {
        if !self.queue.has_room() && !self.wait_for_room() {
            return;
        }
        let refused = self.queue.stage(value()).is_err();
        debug_assert!(!refused, "there is room");
        self.staged += 1;
        if self.staged >= BATCH {
            self.flush();
        }
    }

    /// Waits until the queue, which is full, has room, and returns `true`; `false` if the reader
    /// has closed its endpoint.
    #[cold]
    #[inline(never)]
    fn wait_for_room(&mut self) -> bool {
        // A queue without room has published what was staged before.
        self.staged = 0;
        let mut attempt = 0;
        loop {
            if self.queue.is_closed() {
                self.lost += 1;
                return false;
            }
            self.wait.wait(attempt);
            attempt = attempt.saturating_add(1);
            if self.queue.free_slots() > 0 && self.queue.has_room() {
                return true;
            }
        }
    }
}

impl<W: Wait, const N: usize> Sink for QueueSink<'_, W, N> {
    #[inline]
    fn emit(&mut self, event: Event) {
        self.put(|| event);
    }

    #[inline(always)]
    fn emit_body(&mut self, head: &EventHead, body: EventBody) {
        self.put(|| Event::from_parts(head, body));
    }
}

/// The room is the free slots of the queue. If the reader has closed its endpoint it does not grow
/// any more: ask [`QueueSink::queue`] whether it [is closed](Producer::is_closed).
impl<W: Wait, const N: usize> BoundedSink for QueueSink<'_, W, N> {
    #[inline]
    fn room(&mut self) -> usize {
        self.queue.free_slots()
    }
}
