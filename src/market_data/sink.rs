//! Market data sinks and their subscriptions.

use super::Record;
use crate::book::QueueSink;
use crate::queue::Wait;

/// Kinds of market data that a sink subscribes to; others are not produced and cost nothing.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct Subscription {
    /// L1: the best bid and ask.
    pub top: bool,
    /// L2: price levels.
    pub levels: bool,
    /// L3: single orders.
    pub orders: bool,
}

impl Subscription {
    /// All of it.
    pub const ALL: Self = Self { top: true, levels: true, orders: true };
}

/// Consumer of market data records, in order. Like a [`Sink`](crate::book::Sink) it loses none:
/// [`FeedSink::record`] returns when the record is stored.
pub trait FeedSink {
    /// The records that it gets.
    const SUBSCRIPTION: Subscription = Subscription::ALL;

    /// Takes one record.
    fn record(&mut self, record: Record);
}

impl<F: FeedSink + ?Sized> FeedSink for &mut F {
    const SUBSCRIPTION: Subscription = F::SUBSCRIPTION;

    #[inline(always)]
    fn record(&mut self, record: Record) {
        (**self).record(record);
    }
}

/// A feed sink that calls a closure; made by [`top`], [`levels`], [`orders`] or [`all`].
#[derive(Clone, Copy)]
pub struct FnFeed<F, const TOP: bool, const LEVELS: bool, const ORDERS: bool>(F);

/// Makes a feed sink that calls `f` with every record.
pub const fn all<F: FnMut(Record)>(f: F) -> FnFeed<F, true, true, true> {
    FnFeed(f)
}

/// Makes a feed sink that calls `f` with L1 records.
pub const fn top<F: FnMut(Record)>(f: F) -> FnFeed<F, true, false, false> {
    FnFeed(f)
}

/// Makes a feed sink that calls `f` with L2 records.
pub const fn levels<F: FnMut(Record)>(f: F) -> FnFeed<F, false, true, false> {
    FnFeed(f)
}

/// Makes a feed sink that calls `f` with L3 records.
pub const fn orders<F: FnMut(Record)>(f: F) -> FnFeed<F, false, false, true> {
    FnFeed(f)
}

impl<F: FnMut(Record), const TOP: bool, const LEVELS: bool, const ORDERS: bool> FeedSink
    for FnFeed<F, TOP, LEVELS, ORDERS>
{
    const SUBSCRIPTION: Subscription = Subscription { top: TOP, levels: LEVELS, orders: ORDERS };

    #[inline(always)]
    fn record(&mut self, record: Record) {
        (self.0)(record);
    }
}

impl<F, const TOP: bool, const LEVELS: bool, const ORDERS: bool> core::fmt::Debug for FnFeed<F, TOP, LEVELS, ORDERS> {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.write_str("FnFeed(..)")
    }
}

/// Pushes records into a queue, in batches, and waits while it is full, as for events.
impl<W: Wait, const N: usize> FeedSink for QueueSink<'_, W, N, Record> {
    #[inline]
    fn record(&mut self, record: Record) {
        self.put(|| record);
    }
}
