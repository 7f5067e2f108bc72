//! Market data: what the public may know of the books, while it changes.
//!
//! A [`Feed`] stands beside an engine and turns each command's effect into records of fixed size:
//!
//! | | one record for | when |
//! |---|---|---|
//! | L3 | each visible order that comes, shrinks, trades or goes; each trade of a hidden one | where it happens |
//! | L2 | each level whose visible quantity or number of orders is not what it was before the command: the new ones | once a command, after its L3 |
//! | L1 | each instrument whose best bid or ask has another price, quantity or number of orders: both | once a command, last |
//!
//! Nothing is kept between two commands but the last L1 of each instrument, so a feed may join an engine at any time.
//! Hidden orders, the reserves of icebergs, stops and owners never show. `docs/market-data.md` says more, and what it
//! costs; an engine without a feed pays nothing.
//!
//! ```
//! use vvp_core::book::*;
//! use vvp_core::engine::{Engine, Matcher};
//! use vvp_core::market_data::{self, Feed, MarketData};
//!
//! type Small = Engine<Book<64, 1, 8, 8, 128>, 1, 4>;
//! let mut engine = Small::new();
//! // For as many instruments, and as many levels as one command can touch.
//! let mut feed = Feed::<1, { Small::LEVELS_TOUCHED_MAX }>::new();
//! let mut events = CountSink::default();
//! let mut asks = Vec::new();
//! let mut out = market_data::levels(|record| {
//!     if let MarketData::Level { side: Side::Sell, level } = record.data() {
//!         asks.push((level.price.ticks(), level.qty.lots(), level.orders));
//!     }
//! });
//! let commands = [
//!     Command::instrument(InstrumentId::new(0), &InstrumentSpec::new(Symbol::X)),
//!     Command::limit(OrderId::new(1), Side::Sell, Price::new(101), Qty::new(10)),
//!     Command::limit(OrderId::new(2), Side::Sell, Price::new(102), Qty::new(90)).display(Qty::new(20)),
//!     Command::market(OrderId::new(3), Side::Buy, Qty::new(35)),
//! ];
//! for command in &commands {
//!     feed.apply(&mut engine, command, &mut events, &mut out);
//! }
//! assert_eq!(asks, [(101, 10, 1), (102, 20, 1), (101, 0, 0), (102, 15, 1)]);
//! ```

mod dirty_levels;
mod record;
mod sink;
mod tops;

pub use record::{BadRecord, MarketData, Record};
pub use sink::{FeedSink, FnFeed, Subscription, all, levels, orders, top};
pub use tops::{Tops, TopsWriter};

use crate::book::{BookView, Command, DepthLevel, Event, InstrumentId, Price, Qty, Side, Sink, Visible, VisibleChange};
use crate::capacity::{Checked, CheckedCapacity, checked};
use crate::engine::Matcher;
use dirty_levels::DirtyLevels;
use zerocopy::FromZeros;

/// Turns the commands of one engine into market data.
///
/// `INSTRUMENTS`: at least those of the engine. `TOUCHED`: levels that one command can touch, at least the engine's
/// [`Matcher::LEVELS_TOUCHED_MAX`], so that nothing is ever lost; both are checked when compiling. It takes 52 bytes for
/// each level and 72 for each instrument. All-zero bytes are a feed that has published nothing.
#[derive(Debug, FromZeros)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
#[repr(C)]
pub struct Feed<const INSTRUMENTS: usize, const TOUCHED: usize> {
    /// Records so far.
    records: u64,
    /// The clock with the command in hand.
    clock: u64,
    /// The instrument of the command in hand, and the one that changed last.
    own: u16,
    current: u16,
    /// The first touches are those of the command's own instrument, made while others expired.
    kept: u32,
    /// Instruments whose L1 is to be looked at.
    marked: u32,
    reserved: u32,
    marks: [u32; INSTRUMENTS],
    tops: [Top; INSTRUMENTS],
    dirty: DirtyLevels<TOUCHED>,
    checked: Checked<Self>,
}

/// The L1 that was published last.
#[derive(Clone, Copy, Debug, FromZeros)]
#[repr(C)]
struct Top {
    sides: [Best; 2],
    is_marked: bool,
    reserved: [u8; 7],
}

/// A best level; without orders there is none.
#[derive(Clone, Copy, PartialEq, Eq, Debug, FromZeros)]
#[repr(C)]
struct Best {
    price: i64,
    qty: u64,
    orders: u32,
    reserved: u32,
}

impl Best {
    fn pack(level: Option<DepthLevel>) -> Self {
        level.map_or(Self { price: 0, qty: 0, orders: 0, reserved: 0 }, |level| Self {
            price: level.price.ticks(),
            qty: level.qty.lots(),
            orders: level.orders,
            reserved: 0,
        })
    }

    /// Whether it is there, and better than a level at `price`.
    const fn is_better(&self, side: Side, price: i64) -> bool {
        self.orders > 0
            && match side {
                Side::Buy => price < self.price,
                Side::Sell => price > self.price,
            }
    }

    fn unpack(self) -> Option<DepthLevel> {
        let Self { price, qty, orders, .. } = self;
        (orders > 0).then_some(DepthLevel { price: Price::new(price), qty: Qty::new(qty), orders })
    }
}

impl<const INSTRUMENTS: usize, const TOUCHED: usize> CheckedCapacity for Feed<INSTRUMENTS, TOUCHED> {
    const CHECK: () = {
        assert!(INSTRUMENTS > 0 && INSTRUMENTS <= 1 << 16, "Feed: INSTRUMENTS must be from 1 to 65,536");
        assert!(TOUCHED > 0 && TOUCHED < u32::MAX as usize, "Feed: TOUCHED must be from 1 to 2^32 - 2");
    };
}

impl<const INSTRUMENTS: usize, const TOUCHED: usize> Feed<INSTRUMENTS, TOUCHED> {
    /// A feed that has published nothing. All-zero bytes are the same.
    #[must_use]
    pub const fn new() -> Self {
        checked!(Self);
        // SAFETY: all fields derive `FromZeros`: all-zero bytes are a value of theirs.
        unsafe { core::mem::zeroed() }
    }

    /// Applies a command to the engine: its events go to `sink`, the market data it makes to `out`.
    ///
    /// The cost of the market data goes with the changes it tells of, and with the best level of a side that shows
    /// anything: levels of hidden orders only are passed over one by one.
    #[inline]
    pub fn apply<M: Matcher, S: Sink, F: FeedSink>(
        &mut self,
        engine: &mut M,
        command: &Command,
        sink: &mut S,
        out: &mut F,
    ) {
        checked!(Self);
        const {
            assert!(
                INSTRUMENTS >= M::INSTRUMENTS_MAX && TOUCHED >= M::LEVELS_TOUCHED_MAX,
                "a feed has room for every instrument of its engine, and for every level that a command can touch"
            );
        }
        // Where the command's time is refused nothing changes, and no record carries it.
        self.clock = engine.clock().max(command.ts().unwrap_or(0));
        self.own = command.instrument_id().get();
        self.current = self.own;
        engine.apply(command, &mut ObservingSink { feed: self, sink, out, seq: 0 });
        if self.dirty.len() > 0 {
            self.publish_levels(0, engine.seq(), out);
            self.kept = 0;
        }
        if self.marked > 0 {
            self.publish_tops(engine, out);
        }
    }

    /// How many records there have been.
    #[must_use]
    pub const fn records(&self) -> u64 {
        checked!(Self);
        self.records
    }

    /// The L1 of an instrument as it was published last.
    #[must_use]
    pub fn last_top(&self, instrument: InstrumentId) -> (Option<DepthLevel>, Option<DepthLevel>) {
        checked!(Self);
        let none = Best::pack(None);
        let [bid, ask] = self.tops.get(usize::from(instrument.get())).map_or([none; 2], |top| top.sides);
        (bid.unpack(), ask.unpack())
    }

    #[inline]
    fn put<F: FeedSink>(&mut self, instrument: InstrumentId, seq: u64, data: MarketData, out: &mut F) {
        self.records += 1;
        out.record(Record::new(self.records as u32, instrument, self.clock, seq, data));
    }

    /// A level has changed. Expiry walks the instruments one after the other, so what it did to one of them is
    /// complete when the next one changes; but to the command's own instrument more may happen in the end.
    #[inline]
    fn touch<F: FeedSink>(&mut self, change: &VisibleChange, seq_before: u64, out: &mut F) {
        if change.instrument.get() != self.current {
            self.turn(change.instrument, seq_before, out);
        }
        self.dirty.note(change);
    }

    #[cold]
    #[inline(never)]
    fn turn<F: FeedSink>(&mut self, to: InstrumentId, seq_before: u64, out: &mut F) {
        if self.current == self.own {
            self.kept = self.dirty.len() as u32;
        } else {
            self.publish_levels(self.kept as usize, seq_before, out);
        }
        self.current = to.get();
    }

    /// Tells of the levels touched from the `from`th on, and forgets them.
    fn publish_levels<F: FeedSink>(&mut self, from: usize, seq: u64, out: &mut F) {
        for touch in self.dirty.since(from) {
            if let Some(level) = touch.difference() {
                self.records += 1;
                let data = MarketData::Level { side: touch.side(), level };
                out.record(Record::new(self.records as u32, touch.instrument(), self.clock, seq, data));
            }
        }
        self.dirty.forget_since(from);
    }

    /// Notes that the L1 of an instrument is to be looked at, unless the change lies behind the best level: that one is
    /// still the best then, or its own change was noted before.
    #[inline]
    fn mark(&mut self, change: &VisibleChange) {
        let (instrument, side) = (change.instrument, change.side);
        if let Some(top) = self.tops.get_mut(usize::from(instrument.get()))
            && !top.is_marked
            && !top.sides[side as usize].is_better(side, change.level.price.ticks())
            && let Some(mark) = self.marks.get_mut(self.marked as usize)
        {
            top.is_marked = true;
            *mark = u32::from(instrument.get());
            self.marked += 1;
        }
    }

    fn publish_tops<M: Matcher, F: FeedSink>(&mut self, engine: &M, out: &mut F) {
        for i in 0..core::mem::take(&mut self.marked) as usize {
            let instrument = InstrumentId::new(self.marks.get(i).map_or(0, |&mark| mark as u16));
            let Some(book) = engine.book(instrument) else { continue };
            let Some(top) = self.tops.get_mut(usize::from(instrument.get())) else { continue };
            let now = [Side::Buy, Side::Sell].map(|side| Best::pack(book.next_level(side, None)));
            let changed = top.sides != now;
            *top = Top { sides: now, is_marked: false, reserved: [0; 7] };
            if changed {
                let data = MarketData::Top { bid: now[0].unpack(), ask: now[1].unpack() };
                self.put(instrument, engine.seq(), data, out);
            }
        }
    }
}

impl<const INSTRUMENTS: usize, const TOUCHED: usize> Default for Feed<INSTRUMENTS, TOUCHED> {
    fn default() -> Self {
        Self::new()
    }
}

/// The engine's sink while a feed looks on.
struct ObservingSink<'a, S, F, const INSTRUMENTS: usize, const TOUCHED: usize> {
    feed: &'a mut Feed<INSTRUMENTS, TOUCHED>,
    sink: &'a mut S,
    out: &'a mut F,
    /// The number of the event of the last change.
    seq: u64,
}

impl<S: Sink, F: FeedSink, const INSTRUMENTS: usize, const TOUCHED: usize> Sink
    for ObservingSink<'_, S, F, INSTRUMENTS, TOUCHED>
{
    #[inline(always)]
    fn emit(&mut self, event: Event) {
        self.sink.emit(event);
    }

    #[inline(always)]
    fn watches(&self) -> bool {
        F::SUBSCRIPTION.top || F::SUBSCRIPTION.levels || F::SUBSCRIPTION.orders || self.sink.watches()
    }

    #[inline]
    fn watch(&mut self, change: &VisibleChange) {
        let &VisibleChange { instrument, seq, side, level, what } = change;
        let shows = !matches!(what, Visible::HiddenTrade { .. });
        if shows && F::SUBSCRIPTION.levels {
            self.feed.touch(change, self.seq, self.out);
        }
        if shows && F::SUBSCRIPTION.top {
            self.feed.mark(change);
        }
        self.seq = seq;
        if F::SUBSCRIPTION.orders {
            self.feed.put(instrument, seq, MarketData::Order { side, price: level.price, what }, self.out);
        }
        if self.sink.watches() {
            self.sink.watch(change);
        }
    }
}
