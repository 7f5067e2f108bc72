//! Commands where nothing may wait: in full and at once, or not at all.

use super::{Engine, Matcher};
use crate::book::{Book, BoundedSink, Command, Op, Track};
use crate::capacity::checked;

/// The events of a command might not fit into the sink; nothing has changed.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
#[non_exhaustive]
pub struct WouldBlock {
    /// Room that is enough for this command in the present state.
    pub needed: u64,
}

impl WouldBlock {
    /// So much would be needed.
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

impl<
    const INSTRUMENTS: usize,
    const OWNERS: usize,
    const ORDERS: usize,
    const BLOCKS: usize,
    const FAR: usize,
    const STOPS: usize,
    const IDS: usize,
    T: Track,
> Engine<Book<ORDERS, BLOCKS, FAR, STOPS, IDS, T>, INSTRUMENTS, OWNERS>
{
    /// Applies a command if all events that it can cause will fit into the sink as it is, so that nothing waits.
    ///
    /// A cancel, a reduce and an order that can neither trade nor set off a stop need room for one or two events. An
    /// order that can trade needs room for as many trades as it has lots, or as there are slices of orders within its
    /// reach; see [`Engine::events_max`] for what that costs to find out. Where nothing expires and there are no
    /// stops, an order of few lots is let in without that look.
    ///
    /// # Errors
    /// [`WouldBlock`] when they might not fit. Nothing has changed then, not even the clock.
    #[inline]
    pub fn try_apply<S: BoundedSink>(&mut self, command: &Command, sink: &mut S) -> Result<(), WouldBlock> {
        let room = sink.room() as u64;
        if !self.fits_at_a_glance(command, room) {
            let needed = self.events_max(command);
            if needed > room {
                return Err(WouldBlock { needed });
            }
        }
        self.apply(command, sink);
        Ok(())
    }

    /// The most events that a command can cause in the present state: never fewer than it then causes.
    ///
    /// With X the orders that the command's time expires, R the slices of orders that rest in the command's book (an
    /// iceberg has up to 1,000, any other order one) and S its stops, it is never more than X + 12 + 5 R + 6 S, mostly far
    /// less:
    ///
    /// | command | bound | found by |
    /// |---|---|---|
    /// | cancel, reduce, any refusal that is clear from the start | X + 1 | nothing to look at |
    /// | an order that meets nobody within its limit | X + 1 if it rests, else X + 2 | the best level |
    /// | an order that trades, where no stop can be hit in its reach | X + 2 + the smaller of its lots and the slices in its reach (X + 3 and up to twice as many with self-trade prevention) | a walk over the levels it reaches; over their orders, where any is hidden or an iceberg, or with self-trade prevention |
    /// | one that may set off a stop | the same for all stops, which may trade with anyone | a walk over the stops, and over all orders if those are fewer than the stops' lots |
    /// | mass cancel, phase to closed | exact, X apart | a walk over all orders and stops |
    /// | an uncross | every slice, and all stops if one can be hit | a walk over all orders and stops |
    ///
    /// X is 0 and costs nothing until an order expires; then every gtd order is looked at.
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
        book.map_or(0, |book| book.most_events(command, expiring)).saturating_add(due)
    }

    /// Whether so much room is enough, as far as that can be said without a walk.
    #[inline]
    fn fits_at_a_glance(&self, command: &Command, room: u64) -> bool {
        !command.timed().is_some_and(|ts| self.has_due(ts))
            && self
                .book(command.instrument_id())
                .and_then(|book| book.most_events_at_a_glance(command))
                .is_some_and(|most| most <= room)
    }

    /// Whether some gtd order expires by `ts`.
    #[inline(always)]
    const fn has_due(&self, ts: u64) -> bool {
        self.state.wake.wrapping_sub(1) < ts
    }
}
