//! Non-blocking apply: succeeds only if all events of the command fit. Implements M21.2.

use super::{Engine, Matcher};
use crate::book::{Book, BoundedSink, Command, Event, EventBody, EventHead, Op, Sink, StateHash, VisibleChange};
use crate::capacity::checked;

/// The events of a command might not fit into the sink; nothing has changed.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
#[non_exhaustive]
pub struct WouldBlock {
    /// Room that suffices for this command in the present state.
    pub needed: u64,
}

impl WouldBlock {
    /// Creates the error for a command that may need room for `needed` events.
    #[must_use]
    pub const fn new(needed: u64) -> Self {
        Self { needed }
    }
}

impl core::fmt::Display for WouldBlock {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        write!(f, "the command might have up to {} events: take some out of the sink and try again", self.needed)
    }
}

impl core::error::Error for WouldBlock {}

/// Wrapper that passes an event to the sink only if there is room, so that the sink never waits.
///
/// The bound is proven (`book/matching/max_events.rs`) and tested. If it is wrong all the same,
/// debug builds panic after the command; release builds drop the events that do not fit, which
/// leaves a gap in the sequence.
#[derive(Debug)]
struct Within<'a, S> {
    sink: &'a mut S,
    /// Room that is known to be free.
    left: u64,
    lost: u64,
}

impl<S: BoundedSink> Within<'_, S> {
    /// Takes the room of one event; returns `false` if there is none.
    #[inline(always)]
    fn takes_one(&mut self) -> bool {
        if self.left == 0 && !self.has_more() {
            return false;
        }
        self.left -= 1;
        true
    }

    /// Asks the sink again for room, once the known room is used up.
    #[cold]
    #[inline(never)]
    fn has_more(&mut self) -> bool {
        self.left = self.sink.room() as u64;
        self.lost += u64::from(self.left == 0);
        self.left != 0
    }
}

impl<S: BoundedSink> Sink for Within<'_, S> {
    #[inline(always)]
    fn emit(&mut self, event: Event) {
        if self.takes_one() {
            self.sink.emit(event);
        }
    }

    #[inline(always)]
    fn emit_body(&mut self, head: &EventHead, body: EventBody) {
        if self.takes_one() {
            self.sink.emit_body(head, body);
        }
    }

    #[inline(always)]
    fn watches(&self) -> bool {
        self.sink.watches()
    }

    #[inline(always)]
    fn watch(&mut self, change: &VisibleChange) {
        self.sink.watch(change);
    }
}

impl<
    const INSTRUMENTS: usize,
    const OWNERS: usize,
    const ORDERS: usize,
    const BLOCKS: usize,
    const FAR: usize,
    const STOPS: usize,
    const IDS: usize,
    T: StateHash,
> Engine<Book<ORDERS, BLOCKS, FAR, STOPS, IDS, T>, INSTRUMENTS, OWNERS>
{
    /// Applies a command if all events that it can cause fit into the sink now; never waits.
    ///
    /// A cancel, a reduce and an order that can neither trade nor trigger a stop need room for one
    /// or two events. An order that can trade needs room for as many trades as it has lots, or as
    /// there are slices of orders within its limit; [`Engine::events_max`] says what that costs to
    /// compute. If nothing expires and there are no stops, an order of few lots is applied without
    /// that computation.
    ///
    /// The sink never gets more events than it has [room](BoundedSink::room) for.
    ///
    /// ```
    /// use vvp_core::book::*;
    /// use vvp_core::engine::{Engine, Matcher};
    ///
    /// type OneBook =
    ///     vvp_core::book_type!(orders: 64, ticks_per_side: 64, far_levels: 8, stops: 8);
    /// let mut engine = Engine::<OneBook, 1, 4>::new();
    /// let define = Command::instrument(InstrumentId::new(0), &InstrumentSpec::new(Symbol::X));
    /// engine.apply(&define, &mut CountSink::default());
    /// for id in 1..=3 {
    ///     let ask = Command::limit(OrderId::new(id), Side::Sell, Price::new(101), Qty::new(10));
    ///     engine.apply(&ask, &mut CountSink::default());
    /// }
    /// // Accepted and three trades do not fit into two slots.
    /// let mut events = [const { core::mem::MaybeUninit::uninit() }; 2];
    /// let buy = Command::market(OrderId::new(9), Side::Buy, Qty::new(30));
    /// let refused = engine.try_apply(&buy, &mut SliceSink::new(&mut events));
    /// assert!(refused.is_err_and(|e| e.needed >= 4));
    /// assert_eq!(engine.seq(), 3); // nothing has changed
    /// ```
    ///
    /// # Errors
    /// [`WouldBlock`] if they might not fit. Then nothing has changed, not even the clock.
    #[inline]
    pub fn try_apply<S: BoundedSink>(&mut self, command: &Command, sink: &mut S) -> Result<(), WouldBlock> {
        let room = sink.room() as u64;
        if !self.fits_by_quick_bound(command, room) {
            let needed = self.events_max(command);
            if needed > room {
                return Err(WouldBlock { needed });
            }
        }
        let mut within = Within { sink, left: room, lost: 0 };
        self.apply(command, &mut within);
        debug_assert!(within.lost == 0, "a command had more events than `events_max` said");
        Ok(())
    }

    /// Returns an upper bound on the events that a command can cause in the present state.
    ///
    /// The proof is at the head of `src/book/matching/max_events.rs`; `tests/events_max/`
    /// compares the bound with what commands cause.
    ///
    /// With X the orders and stops that the command's time expires, R the slices of orders that
    /// rest in the command's book (an iceberg has up to 1,000, any other order one), D those of the
    /// current order if it may rest (1 unless it is an iceberg) and S the stops, a new one
    /// included, it is never more than X + 4 + 2 (R + D) + 5 S; if neither the current order nor
    /// any stop has `decrement` or `cancel_both`, X + 3 + R + D + 3 S. Mostly it is far less:
    ///
    /// | command | bound | found by |
    /// |---|---|---|
    /// | cancel, reduce, any refusal that is clear from the start | X + 1 | the command alone |
    /// | an order that meets no order within its limit | X + 1 if it rests, else X + 2 | the best level |
    /// | an order that trades, where no stop can be hit in its reach | X + 2 + the smaller of its lots and the slices in its reach (an own order that `decrement` can meet counts twice) | a walk over the levels it reaches; over their orders, where any is hidden or an iceberg, or with self-trade prevention |
    /// | one that may trigger a stop | the same, + 2 for each stop, + the smaller of the stops' lots and all slices, those of its own rest among them | a walk over the stops, and over all orders if those are fewer than the lots |
    /// | mass cancel, phase to closed | exact, X apart | a walk over all orders and stops |
    /// | an uncross | 1 + the slices that cross, and all stops if one can be hit | a walk over the levels that cross, over the stops, and over all orders if one can be hit |
    ///
    /// X is 0 and costs nothing until an order expires; then every gtd order is visited.
    ///
    /// ```
    /// use vvp_core::book::*;
    /// use vvp_core::engine::{Engine, Matcher};
    ///
    /// type OneBook =
    ///     vvp_core::book_type!(orders: 64, ticks_per_side: 64, far_levels: 8, stops: 8);
    /// let mut engine = Engine::<OneBook, 1, 4>::new();
    /// let define = Command::instrument(InstrumentId::new(0), &InstrumentSpec::new(Symbol::X));
    /// engine.apply(&define, &mut CountSink::default());
    /// assert_eq!(engine.events_max(&Command::cancel(OrderId::new(1))), 1);
    /// let bid = Command::limit(OrderId::new(1), Side::Buy, Price::new(100), Qty::new(5));
    /// assert_eq!(engine.events_max(&bid), 1); // it meets no order and rests
    /// ```
    #[must_use]
    pub fn events_max(&self, command: &Command) -> u64 {
        checked!(Self);
        let book = match command.op() {
            Op::Instrument | Op::Limits | Op::Refused => return 1,
            Op::Time => None,
            _ => match self.book(command.instrument_id()) {
                Some(book) => Some(book),
                None => return 1,
            },
        };
        if !command.is_well_formed() {
            return 1;
        }
        let mut due = 0;
        let mut expiring = false;
        if let Some(ts) = command.timed() {
            if ts < self.state.clock {
                return 1;
            }
            if self.has_due(ts) {
                let books = self.books.get(..self.state.instruments as usize).unwrap_or(&[]);
                due = books.iter().map(|book| book.due(ts)).sum();
                expiring = book.is_some_and(|book| book.due(ts) > 0);
            }
        }
        book.map_or(0, |book| book.max_events(command, expiring)).saturating_add(due)
    }

    /// Returns whether `room` suffices, as far as that is known without a walk.
    #[inline]
    fn fits_by_quick_bound(&self, command: &Command, room: u64) -> bool {
        !command.timed().is_some_and(|ts| self.has_due(ts))
            && self
                .book(command.instrument_id())
                .and_then(|book| book.max_events_quick(command))
                .is_some_and(|most| most <= room)
    }

    /// Returns whether a gtd order expires by `ts`.
    #[inline(always)]
    const fn has_due(&self, ts: u64) -> bool {
        self.state.first_expiry.wrapping_sub(1) < ts
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::book::{EventBody, InstrumentId, Phase, SliceSink};
    use core::mem::MaybeUninit;

    /// Holds even if the bound were wrong.
    #[test]
    fn a_full_sink_is_given_nothing_and_the_rest_is_counted() {
        let mut memory = [const { MaybeUninit::uninit() }; 3];
        let mut sink = SliceSink::new(&mut memory);
        // Only two places are known; the third is found when they are used up.
        let mut within = Within { sink: &mut sink, left: 2, lost: 0 };
        for seq in 1..=5 {
            within.emit(Event::new(
                seq,
                Some(InstrumentId::new(0)),
                None,
                EventBody::Phase { phase: Phase::Continuous },
            ));
        }
        assert_eq!((within.left, within.lost), (0, 2));
        assert_eq!((sink.events().len(), sink.lost()), (3, 0));
    }
}
