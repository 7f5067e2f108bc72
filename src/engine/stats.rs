//! Run statistics: what was asked, what came of it.

use crate::book::{BoundedSink, CancelReason, Command, Event, EventBody, EventKind, Op, Reject, Sink, VisibleChange};

/// Counts of commands and events.
///
/// The engine keeps none of this itself: whoever wants it counts commands with [`Stats::command`] and events by
/// putting a [`Counted`] sink before the real one.
#[derive(Clone, Copy, Debug)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct Stats {
    commands: [u64; 16],
    events: [u64; 16],
    rejected: [u64; 32],
    canceled: [u64; 16],
    /// Lots traded.
    pub traded_qty: u128,
    /// Σ |price in ticks| × lots traded.
    pub traded_notional: u128,
}

impl Stats {
    /// Nothing counted.
    #[must_use]
    pub const fn new() -> Self {
        Self {
            commands: [0; 16],
            events: [0; 16],
            rejected: [0; 32],
            canceled: [0; 16],
            traded_qty: 0,
            traded_notional: 0,
        }
    }

    /// Counts a command.
    #[inline]
    pub fn command(&mut self, command: &Command) {
        self.commands[command.op() as usize % 16] += 1;
    }

    /// Counts an event.
    #[inline]
    pub fn event(&mut self, event: &Event) {
        self.events[event.kind() as usize % 16] += 1;
        match event.body() {
            EventBody::Trade { price, qty, .. } => {
                self.traded_qty += u128::from(qty.lots());
                // 2^63 × 2^64 a trade: saturating, so that a run of absurd trades still counts the rest.
                let notional = u128::from(price.ticks().unsigned_abs()) * u128::from(qty.lots());
                self.traded_notional = self.traded_notional.saturating_add(notional);
            }
            EventBody::Rejected { reason, .. } => self.rejected[reason as usize % 32] += 1,
            EventBody::Canceled { reason, .. } => self.canceled[reason as usize % 16] += 1,
            _ => {}
        }
    }

    /// Commands of one kind.
    #[must_use]
    pub const fn commands_of(&self, op: Op) -> u64 {
        self.commands[op as usize % 16]
    }

    /// All commands.
    #[must_use]
    pub fn commands(&self) -> u64 {
        self.commands.iter().sum()
    }

    /// Events of one kind.
    #[must_use]
    pub const fn events_of(&self, kind: EventKind) -> u64 {
        self.events[kind as usize % 16]
    }

    /// All numbered events.
    #[must_use]
    pub fn events(&self) -> u64 {
        self.events.iter().sum::<u64>() - self.events_of(EventKind::Defined)
    }

    /// Refusals for one reason.
    #[must_use]
    pub const fn rejected_for(&self, reason: Reject) -> u64 {
        self.rejected[reason as usize % 32]
    }

    /// Cancellations for one reason.
    #[must_use]
    pub const fn canceled_for(&self, reason: CancelReason) -> u64 {
        self.canceled[reason as usize % 16]
    }
}

impl Default for Stats {
    fn default() -> Self {
        Self::new()
    }
}

/// A sink that counts what passes through to another one.
#[derive(Debug)]
pub struct Counted<'a, S> {
    stats: &'a mut Stats,
    sink: S,
}

impl<'a, S: Sink> Counted<'a, S> {
    /// Counts into `stats`, passes on to `sink`.
    pub const fn new(stats: &'a mut Stats, sink: S) -> Self {
        Self { stats, sink }
    }
}

impl<S: Sink> Sink for Counted<'_, S> {
    #[inline]
    fn emit(&mut self, event: Event) {
        self.stats.event(&event);
        self.sink.emit(event);
    }

    #[inline]
    fn watches(&self) -> bool {
        self.sink.watches()
    }

    #[inline]
    fn watch(&mut self, change: &VisibleChange) {
        self.sink.watch(change);
    }
}

impl<S: BoundedSink> BoundedSink for Counted<'_, S> {
    #[inline]
    fn room(&mut self) -> usize {
        self.sink.room()
    }
}
