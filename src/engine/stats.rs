//! Run statistics: counts of commands and events.

use crate::book::{
    BoundedSink, CancelReason, Command, Event, EventBody, EventHead, EventKind, Op, Reject, Sink, VisibleChange,
};

/// Counts of commands and events.
///
/// The engine keeps no statistics. Count commands with [`EngineStats::command`], and events with a
/// [`Counted`] sink before the real one.
///
/// ```
/// use vvp_core::book::*;
/// use vvp_core::engine::{Counted, Engine, Matcher, EngineStats};
///
/// type OneBook = vvp_core::book_type!(orders: 64, ticks_per_side: 64, far_levels: 8, stops: 8);
/// let mut engine = Engine::<OneBook, 1, 4>::new();
/// let mut stats = EngineStats::new();
/// let mut sink = CountSink::default();
/// for command in [
///     Command::instrument(InstrumentId::new(0), &InstrumentSpec::new(Symbol::X)),
///     Command::limit(OrderId::new(1), Side::Sell, Price::new(101), Qty::new(10)),
///     Command::market(OrderId::new(2), Side::Buy, Qty::new(4)),
/// ] {
///     stats.command(&command);
///     engine.apply(&command, &mut Counted::new(&mut stats, &mut sink));
/// }
/// assert_eq!((stats.commands(), stats.commands_of(Op::New)), (3, 2));
/// assert_eq!((stats.events(), stats.events_of(EventKind::Trade)), (3, 1));
/// assert_eq!((stats.traded_qty, stats.traded_notional), (4, 404));
/// ```
#[derive(Clone, Copy, Debug)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct EngineStats {
    commands: [u64; 16],
    events: [u64; 16],
    rejected: [u64; 32],
    canceled: [u64; 16],
    /// Lots traded.
    pub traded_qty: u128,
    /// Σ |price in ticks| × lots traded.
    pub traded_notional: u128,
}

impl EngineStats {
    /// Creates statistics with all counts 0.
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
        self.count(event.kind(), &event.body());
    }

    #[inline(always)]
    fn count(&mut self, kind: EventKind, body: &EventBody) {
        self.events[kind as usize % 16] += 1;
        match *body {
            EventBody::Trade { price, qty, .. } => {
                self.traded_qty += u128::from(qty.lots());
                // 2^63 × 2^64 a trade: saturating, so that a run of absurd trades still counts the
                // rest.
                let notional = u128::from(price.ticks().unsigned_abs()) * u128::from(qty.lots());
                self.traded_notional = self.traded_notional.saturating_add(notional);
            }
            EventBody::Rejected { reason, .. } => self.rejected[reason as usize % 32] += 1,
            EventBody::Canceled { reason, .. } => self.canceled[reason as usize % 16] += 1,
            _ => {}
        }
    }

    /// Returns the commands of one kind.
    #[must_use]
    pub const fn commands_of(&self, op: Op) -> u64 {
        self.commands[op as usize % 16]
    }

    /// Returns all commands.
    #[must_use]
    pub fn commands(&self) -> u64 {
        self.commands.iter().sum()
    }

    /// Returns the events of one kind.
    #[must_use]
    pub const fn events_of(&self, kind: EventKind) -> u64 {
        self.events[kind as usize % 16]
    }

    /// Returns all numbered events.
    #[must_use]
    pub fn events(&self) -> u64 {
        self.events.iter().sum::<u64>() - self.events_of(EventKind::Defined)
    }

    /// Returns the refusals for one reason.
    #[must_use]
    pub const fn rejected_for(&self, reason: Reject) -> u64 {
        self.rejected[reason as usize % 32]
    }

    /// Returns the cancellations for one reason.
    #[must_use]
    pub const fn canceled_for(&self, reason: CancelReason) -> u64 {
        self.canceled[reason as usize % 16]
    }
}

impl Default for EngineStats {
    fn default() -> Self {
        Self::new()
    }
}

/// A sink that counts what passes through to another one.
#[derive(Debug)]
pub struct Counted<'a, S> {
    stats: &'a mut EngineStats,
    sink: S,
}

impl<'a, S: Sink> Counted<'a, S> {
    /// Creates a sink that counts into `stats` and forwards to `sink`.
    pub const fn new(stats: &'a mut EngineStats, sink: S) -> Self {
        Self { stats, sink }
    }
}

impl<S: Sink> Sink for Counted<'_, S> {
    #[inline]
    fn emit(&mut self, event: Event) {
        self.stats.event(&event);
        self.sink.emit(event);
    }

    #[inline(always)]
    fn emit_body(&mut self, head: &EventHead, body: EventBody) {
        self.stats.count(body.kind(), &body);
        self.sink.emit_body(head, body);
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
