//! Event sink that pushes into a queue.

use crate::book::{BoundedSink, Event, Sink};
use crate::queue::{Full, Producer, Wait};

/// How many events are written before they are published without being asked. A queue's line that travels once for
/// several events costs both threads less; a few events are enough, and the reader should not wait for a long sweep.
const BATCH: usize = 16;

/// A [`Sink`] over the producer of a queue; with [`market_data::Record`](crate::market_data::Record) for `T`, a
/// [`FeedSink`](crate::market_data::FeedSink).
///
/// When the queue is full it waits, in the way of `W`, for the reader: nothing is lost. Only when the reader has
/// closed its end, and so will never make room, are events let go and [counted](Self::lost).
///
/// Events are published in batches. Call [`flush`](Self::flush) after each command, or after each run of commands that
/// were there together: at the latest when there is nothing else to do. Dropping the sink flushes too.
///
/// ```
/// use vvp_core::book::{Event, EventBody, InstrumentId, Phase, QueueSink, Sink};
/// use vvp_core::queue::{Spin, Spsc};
///
/// static EVENTS: Spsc<Event, 64> = Spsc::new();
///
/// let mut sink = QueueSink::new(EVENTS.producer().expect("nobody else has it"), Spin);
/// let mut reader = EVENTS.consumer().expect("nobody else has it");
/// # let event = Event::new(1, Some(InstrumentId::new(0)), None, EventBody::Phase { phase: Phase::Continuous });
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
    /// A sink that puts events into this queue and waits in this way when it is full.
    pub const fn new(queue: Producer<'q, T, N>, wait: W) -> Self {
        Self { queue, wait, staged: 0, lost: 0 }
    }

    /// Lets the reader see every event so far.
    #[inline]
    pub fn flush(&mut self) {
        if self.staged > 0 {
            self.staged = 0;
            self.queue.publish();
        }
    }

    /// How many events were let go because the reader had closed its end. 0 as long as it reads.
    #[must_use]
    pub const fn lost(&self) -> u64 {
        self.lost
    }

    /// The queue, to ask for its statistics.
    pub const fn queue(&self) -> &Producer<'q, T, N> {
        &self.queue
    }

    /// Flushes and gives the producer back, to be closed or used otherwise.
    pub fn into_producer(mut self) -> Producer<'q, T, N> {
        self.flush();
        self.queue
    }

    /// Puts one in; waits while there is no room.
    #[inline]
    pub(crate) fn put(&mut self, value: T) {
        match self.queue.stage(value) {
            Ok(()) => {
                self.staged += 1;
                if self.staged >= BATCH {
                    self.flush();
                }
            }
            Err(Full(value)) => self.wait_for_room(value),
        }
    }

    #[cold]
    #[inline(never)]
    fn wait_for_room(&mut self, mut value: T) {
        let mut attempt = 0;
        loop {
            // A refused `stage` has published what was before.
            self.staged = 0;
            if self.queue.is_closed() {
                self.lost += 1;
                return;
            }
            self.wait.wait(attempt);
            attempt = attempt.saturating_add(1);
            if self.queue.free_slots() > 0 {
                match self.queue.stage(value) {
                    Ok(()) => {
                        self.staged = 1;
                        return;
                    }
                    Err(Full(back)) => value = back,
                }
            }
        }
    }
}

impl<W: Wait, const N: usize> Sink for QueueSink<'_, W, N> {
    #[inline]
    fn emit(&mut self, event: Event) {
        self.put(event);
    }
}

/// The free places of the queue. When the reader has closed its end, those that are left: then ask
/// [`QueueSink::queue`] whether it [is closed](Producer::is_closed).
impl<W: Wait, const N: usize> BoundedSink for QueueSink<'_, W, N> {
    #[inline]
    fn room(&mut self) -> usize {
        self.queue.free_slots()
    }
}
