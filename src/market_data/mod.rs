//! Market data from any engine: incremental L1, L2 and L3 records.
//!
//! ```
//! use vvp_core::book::*;
//! use vvp_core::engine::{Engine, Matcher};
//! use vvp_core::market_data::{self, Feed, MarketData};
//!
//! type OneBook = vvp_core::book_type!(orders: 64, ticks_per_side: 64, far_levels: 8, stops: 8);
//! type Small = Engine<OneBook, 1, 4>;
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
//!     Command::limit(OrderId::new(2), Side::Sell, Price::new(102), Qty::new(90))
//!         .with_display_qty(Qty::new(20)),
//!     Command::market(OrderId::new(3), Side::Buy, Qty::new(35)),
//! ];
//! for command in &commands {
//!     feed.apply(&mut engine, command, &mut events, &mut out);
//! }
//! assert_eq!(asks, [(101, 10, 1), (102, 20, 1), (101, 0, 0), (102, 15, 1)]);
//! ```
//!
//! A [`Feed`] turns the effect of each command into records of fixed size:
//!
//! | | one record for | when |
//! |---|---|---|
//! | L3 | each visible order that is added, reduced, traded or deleted; each trade of a hidden one | at the change |
//! | L2 | each level whose visible quantity or order count differs from before the command: the new values | once a command, after its L3 |
//! | L1 | each instrument whose best bid or ask differs in price, quantity or order count: both sides | once a command, last |
//!
//! A feed keeps nothing between two commands but the last L1 of each instrument, so it may join an
//! engine at any time. Hidden orders, the reserves of icebergs, stops and owners are never visible.
//! [docs/market-data.md](crate::guide::market_data) has the layout and the cost; an engine without
//! a feed pays nothing.
//!
//! # Reading order
//! [`Feed`], then [`Record`] and [`MarketData`] (what comes out), then the outputs: [`all`],
//! [`top`], [`levels`] and [`orders`] make one from a closure, [`Tops`] publishes the top of book
//! to other threads, [`FeedSink`] is the trait of your own.

mod dirty_levels;
mod record;
mod sink;
mod tops;

pub use record::{BadRecord, MarketData, Record};
pub use sink::{FeedSink, FnFeed, Subscription, all, levels, orders, top};
pub use tops::{Tops, TopsWriter};

use crate::book::{
    BookView, Command, DepthLevel, Event, EventBody, EventHead, InstrumentId, Price, Qty, Side, Sink, Visible,
    VisibleChange,
};
use crate::capacity::{Checked, CheckedCapacity, checked};
use crate::engine::Matcher;
use dirty_levels::DirtyLevels;
use zerocopy::FromZeros;

/// Turns the commands of one engine into market data.
///
/// `INSTRUMENTS`: at least those of the engine. `TOUCHED`: levels that one command can touch, at
/// least the engine's [`Matcher::LEVELS_TOUCHED_MAX`], so that no change is lost; both are checked
/// at compile time. It takes 52 bytes for each level and 72 for each instrument. All-zero bytes are
/// a feed that has published nothing.
#[derive(Debug, FromZeros)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
#[repr(C)]
pub struct Feed<const INSTRUMENTS: usize, const TOUCHED: usize> {
    /// Number of the last record.
    records: u64,
    /// The clock after the current command.
    clock: u64,
    /// The instrument of the current command, and the one that changed last.
    own: u16,
    current: u16,
    /// Number of the first dirty levels that belong to the command's own instrument (its expiries).
    kept: u32,
    /// Number of marked instruments: their L1 must be compared.
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

/// A best level; `orders` 0 is none.
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

    /// Returns whether there is a level and it is better than one at `price`.
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
    /// Creates a feed that has published nothing; all-zero bytes are the same.
    #[must_use]
    pub const fn new() -> Self {
        checked!(Self);
        // SAFETY: all fields derive `FromZeros`: all-zero bytes are a value of theirs.
        unsafe { core::mem::zeroed() }
    }

    /// Applies a command to the engine: its events go to `sink`, its market data to `out`.
    ///
    /// The cost is proportional to the number of changes. To find the best visible level, levels
    /// with hidden orders only are skipped one by one.
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
        // If the command's time is refused nothing changes, and no record carries it (M13.1).
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

    /// Returns the number of records so far.
    #[must_use]
    pub const fn records(&self) -> u64 {
        checked!(Self);
        self.records
    }

    /// Returns the best bid and ask of an instrument as they were published last.
    ///
    /// ```
    /// use vvp_core::book::*;
    /// use vvp_core::engine::{Engine, Matcher};
    /// use vvp_core::market_data::{self, Feed};
    ///
    /// type OneBook =
    ///     vvp_core::book_type!(orders: 64, ticks_per_side: 64, far_levels: 8, stops: 8);
    /// type Small = Engine<OneBook, 1, 4>;
    /// let (mut engine, x) = (Small::new(), InstrumentId::new(0));
    /// let mut feed = Feed::<1, { Small::LEVELS_TOUCHED_MAX }>::new();
    /// let (mut events, mut out) = (CountSink::default(), market_data::top(|_| {}));
    /// let bid = Command::limit(OrderId::new(1), Side::Buy, Price::new(99), Qty::new(5));
    /// for command in [Command::instrument(x, &InstrumentSpec::new(Symbol::X)), bid] {
    ///     feed.apply(&mut engine, &command, &mut events, &mut out);
    /// }
    /// let (bid, ask) = feed.last_top(x);
    /// assert_eq!((bid.map(|level| level.price), ask), (Some(Price::new(99)), None));
    /// ```
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

    /// Records a changed level. Expiry visits the instruments in order, so the changes of one are
    /// complete when the next one changes; only the command's own instrument may change again
    /// later.
    #[inline]
    fn note_change<F: FeedSink>(&mut self, change: &VisibleChange, seq_before: u64, out: &mut F) {
        if change.instrument.get() != self.current {
            self.switch_instrument(change.instrument, seq_before, out);
        }
        self.dirty.note(change);
    }

    #[cold]
    #[inline(never)]
    fn switch_instrument<F: FeedSink>(&mut self, to: InstrumentId, seq_before: u64, out: &mut F) {
        if self.current == self.own {
            self.kept = self.dirty.len() as u32;
        } else {
            self.publish_levels(self.kept as usize, seq_before, out);
        }
        self.current = to.get();
    }

    /// Publishes the dirty levels from index `from` on, and clears them.
    fn publish_levels<F: FeedSink>(&mut self, from: usize, seq: u64, out: &mut F) {
        for dirty in self.dirty.since(from) {
            if let Some(level) = dirty.difference() {
                self.records += 1;
                let data = MarketData::Level { side: dirty.side(), level };
                out.record(Record::new(self.records as u32, dirty.instrument(), self.clock, seq, data));
            }
        }
        self.dirty.forget_since(from);
    }

    /// Marks an instrument whose L1 must be compared. A change behind the best level needs no mark:
    /// that level is still the best, or its own change has set the mark before.
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

/// Sink of the engine that forwards events and observes visible changes for a feed.
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
    fn emit_body(&mut self, head: &EventHead, body: EventBody) {
        self.sink.emit_body(head, body);
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
            self.feed.note_change(change, self.seq, self.out);
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
