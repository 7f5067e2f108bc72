//! Run meter: commands, events and latency of a run.

use super::{Counted, EngineStats, Matcher};
use crate::book::{Command, Sink};
use crate::metrics::Histogram;
use crate::sync::const_unless_loom;

/// Counts and times commands: [`EngineStats`] and a latency [`Histogram`].
///
/// The engine reads no clock: the caller passes the start time of a command (its arrival, or now)
/// and a function that returns the time when it is done.
/// [`Book::counts`](crate::book::Book::counts) returns the numbers of orders and levels, and their
/// high-water marks.
///
/// ```
/// use vvp_core::book::*;
/// use vvp_core::engine::{Engine, Meter};
///
/// type OneBook = vvp_core::book_type!(orders: 64, ticks_per_side: 64, far_levels: 8, stops: 8);
/// let mut engine = Engine::<OneBook, 1, 4>::new();
/// let mut meter = Meter::new();
/// let mut ns = 0; // stands for a clock
/// for command in [
///     Command::instrument(InstrumentId::new(0), &InstrumentSpec::new(Symbol::X)),
///     Command::limit(OrderId::new(1), Side::Buy, Price::new(100), Qty::new(5)),
///     Command::cancel(OrderId::new(2)),
/// ] {
///     let start_ns = ns;
///     meter.apply(&mut engine, &command, &mut CountSink::default(), start_ns, || {
///         ns += 40;
///         ns
///     });
/// }
/// assert_eq!(meter.stats.commands_of(Op::New), 1);
/// assert_eq!(meter.stats.rejected_for(Reject::UnknownOrder), 1);
/// assert_eq!((meter.latency.count(), meter.latency.max()), (3, 40));
/// ```
#[derive(Clone, Debug, Default)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct Meter {
    /// Counts of commands, events, refusals, trades.
    pub stats: EngineStats,
    /// Nanoseconds from the start that the caller gave until the last event was in the sink.
    pub latency: Histogram,
}

impl Meter {
    const_unless_loom! {
        /// Creates a meter with all counts 0.
        #[must_use]
        pub fn new() -> Self {
            Self { stats: EngineStats::new(), latency: Histogram::new() }
        }
    }

    /// Applies a command that began at `start_ns`; `now_ns` gives the time when it is done. A time
    /// before the start counts as 0 ns.
    #[inline]
    pub fn apply<M: Matcher, S: Sink>(
        &mut self,
        engine: &mut M,
        command: &Command,
        sink: &mut S,
        start_ns: u64,
        now_ns: impl FnOnce() -> u64,
    ) {
        self.stats.command(command);
        engine.apply(command, &mut Counted::new(&mut self.stats, sink));
        self.latency.record(now_ns().saturating_sub(start_ns));
    }
}
