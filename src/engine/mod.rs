//! Matching engine: many instruments, one clock, one sequenced stream of events.
//!
//! ```
//! use vvp_core::book::*;
//! use vvp_core::engine::{Engine, Matcher};
//!
//! // Up to 2 instruments, limits of up to 4 owners. All-zero bytes, so a static costs no image.
//! type OneBook = vvp_core::book_type!(orders: 64, ticks_per_side: 64, far_levels: 8, stops: 8);
//! let mut engine = Engine::<OneBook, 2, 4>::new();
//! let mut events = Vec::new();
//! let mut sink = FnSink(|event: Event| events.push((event.seq_low(), event.kind())));
//!
//! let x = InstrumentId::new(0);
//! engine.apply(&Command::instrument(x, &InstrumentSpec::new(Symbol::X)), &mut sink);
//! let no_more_than_50 = Limits { max_qty: Some(Qty::new(50)), ..Limits::default() };
//! engine.apply(&Command::limits(OwnerId::new(7), &no_more_than_50), &mut sink);
//! let bid = |id, qty| {
//!     let order = Command::limit(OrderId::new(id), Side::Buy, Price::new(100), Qty::new(qty));
//!     order.with_owner(OwnerId::new(7))
//! };
//! engine.apply(&bid(1, 50).with_ts(1_000), &mut sink); // the clock is that of the commands
//! engine.apply(&bid(2, 51).with_ts(2_000), &mut sink);
//! // The first event is `Defined`, without a number.
//! assert_eq!(events[1..], [(1, EventKind::Accepted), (2, EventKind::Rejected)]);
//! assert_eq!((engine.seq(), engine.clock()), (2, 2_000));
//! ```
//!
//! # Reading order
//! [`Matcher`] has the operations of every engine, [`Engine`] is the engine. Then, as needed:
//! [`Engine::try_apply`] (apply only if all events fit), [`EngineStats`] and [`Meter`] (counts and
//! latency), [`Engine::save`] and [`Engine::restore`] (snapshots), [`Engine::state_hash`]. What a
//! command does is in [docs/matching.md](crate::guide::matching); the engine has its chapters 13
//! (time and expiry) and 16 (risk limits), and the order and numbers of events (M18).

mod matcher;
mod meter;
mod risk;
mod size;
mod snapshot;
mod state_hash;
mod stats;
mod try_apply;

pub use crate::book::snapshot::{Capacity, RestoreError, RestoreFault};
pub use matcher::Matcher;
pub use meter::Meter;
pub use snapshot::{FnWriter, NoRoom, SliceWriter, SnapshotWriter};
pub use stats::{Counted, EngineStats};
pub use try_apply::WouldBlock;

use crate::book::{
    Book, BookCtx, BookObserver, Command, DepthLevel, Event, EventBody, EventHead, InstrumentId, InstrumentSpec,
    Limits, Op, OwnerId, Reject, Side, Sink, StateHash, Symbol, Tick, Visible, VisibleChange, rejected,
};
use crate::capacity::{Checked, CheckedCapacity, checked};
use risk::RiskLimits;
use zerocopy::FromZeros;

/// The matching engine: commands in, events out.
///
/// It has up to `INSTRUMENTS` books of type `B`, defined one after the other; risk limits of up to
/// `OWNERS` owners; one clock, which only commands move; one numbering of events. All-zero bytes
/// are the empty engine. Its operations are in the trait [`Matcher`].
///
/// It takes `INSTRUMENTS` × (the size of a book + 56) + 60 × `OWNERS` + 48 bytes, rounded up to a
/// multiple of 32, on every target.
///
/// ```
/// use vvp_core::book::*;
/// use vvp_core::engine::{Engine, Matcher};
///
/// type OneBook = vvp_core::book_type!(orders: 64, ticks_per_side: 64, far_levels: 8, stops: 8);
/// let mut engine: Box<Engine<OneBook, 1, 4>> = Box::new(Engine::new());
/// let mut trades = Vec::new();
/// let mut sink = FnSink(|event: Event| {
///     if let EventBody::Trade { price, qty, .. } = event.body() {
///         trades.push((price.ticks(), qty.lots()));
///     }
/// });
/// let define = Command::instrument(InstrumentId::new(0), &InstrumentSpec::new(Symbol::X));
/// engine.apply(&define, &mut sink);
/// let ask = Command::limit(OrderId::new(1), Side::Sell, Price::new(101), Qty::new(10));
/// engine.apply(&ask, &mut sink);
/// engine.apply(&Command::market(OrderId::new(2), Side::Buy, Qty::new(4)), &mut sink);
/// assert_eq!(trades, [(101, 4)]);
/// ```
#[derive(Debug, FromZeros)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
#[repr(C)]
pub struct Engine<B: CheckedCapacity, const INSTRUMENTS: usize, const OWNERS: usize> {
    state: State<OWNERS>,
    specs: [Spec; INSTRUMENTS],
    books: [B; INSTRUMENTS],
    checked: Checked<Self>,
}

/// State that all instruments share.
#[derive(Debug, FromZeros)]
#[repr(C)]
struct State<const OWNERS: usize> {
    /// M0.10: one clock, from 0.
    clock: u64,
    /// M18.4: the number of the last event.
    seq: u64,
    /// No gtd order expires before this time; 0 when there is none.
    first_expiry: u64,
    instruments: u32,
    reserved: u32,
    risk: RiskLimits<OWNERS>,
}

impl<const OWNERS: usize> State<OWNERS> {
    /// Records an expiry at `expires`, which is after the clock (M13.4) and so never 0.
    #[inline(always)]
    fn schedule_expiry(&mut self, expires: u64) {
        self.first_expiry = self.first_expiry.wrapping_sub(1).min(expires - 1) + 1;
    }
}

/// The stored part of an instrument's definition that its book does not need.
#[derive(Clone, Copy, Debug, FromZeros)]
#[repr(C)]
struct Spec {
    symbol: [u64; 2],
    tick: i64,
    min_price: i64,
    max_price: i64,
    reference: i64,
    decimals: u8,
    has_min: bool,
    has_max: bool,
    has_reference: bool,
    reserved: [u8; 4],
}

impl Spec {
    const NONE: Self = Self {
        symbol: [0; 2],
        tick: 0,
        min_price: 0,
        max_price: 0,
        reference: 0,
        decimals: 0,
        has_min: false,
        has_max: false,
        has_reference: false,
        reserved: [0; 4],
    };

    fn pack(spec: &InstrumentSpec) -> Self {
        let (low, high) = spec.symbol.to_words();
        let ticks = |price: Option<crate::book::Price>| price.map_or(0, crate::book::Price::ticks);
        Self {
            symbol: [low, high],
            tick: spec.tick.mantissa(),
            min_price: ticks(spec.min_price),
            max_price: ticks(spec.max_price),
            reference: ticks(spec.reference),
            decimals: spec.tick.decimals(),
            has_min: spec.min_price.is_some(),
            has_max: spec.max_price.is_some(),
            has_reference: spec.reference.is_some(),
            reserved: [0; 4],
        }
    }

    fn unpack(&self) -> Option<InstrumentSpec> {
        let price = |known: bool, ticks| known.then_some(crate::book::Price::new(ticks));
        Some(InstrumentSpec {
            symbol: Symbol::from_words(self.symbol[0], self.symbol[1])?,
            tick: Tick::new(self.tick, self.decimals)?,
            min_price: price(self.has_min, self.min_price),
            max_price: price(self.has_max, self.max_price),
            reference: price(self.has_reference, self.reference),
        })
    }
}

/// The engine's part of one command on one instrument.
struct EngineCtx<'a, S, const OWNERS: usize> {
    state: &'a mut State<OWNERS>,
    sink: &'a mut S,
    origin: EventHead,
}

impl<S: Sink, const OWNERS: usize> BookObserver for EngineCtx<'_, S, OWNERS> {
    #[inline(always)]
    fn on_open(&mut self, owner: u32) {
        self.state.risk.on_open(owner);
    }

    #[inline(always)]
    fn on_close(&mut self, owner: u32) {
        self.state.risk.on_close(owner);
    }

    #[inline(always)]
    fn watches(&self) -> bool {
        self.sink.watches()
    }

    #[inline(always)]
    fn on_visible_change(&mut self, side: Side, level: DepthLevel, what: Visible) {
        let (instrument, seq) = (self.origin.own_instrument(), self.state.seq);
        self.sink.watch(&VisibleChange { instrument, seq, side, level, what });
    }
}

impl<S: Sink, const OWNERS: usize> BookCtx for EngineCtx<'_, S, OWNERS> {
    #[inline(always)]
    fn clock(&self) -> u64 {
        self.state.clock
    }

    #[inline(always)]
    fn emit(&mut self, body: EventBody) {
        self.state.seq += 1; // M18.4
        self.sink.emit_body(&self.origin.numbered(self.state.seq as u32), body);
    }

    #[inline(never)]
    fn emit_outlined(&mut self, body: &EventBody) {
        self.emit(*body);
    }

    #[inline(always)]
    fn check_risk(&self, owner: u32, qty: u64, price: Option<i64>, adds: bool) -> Result<(), Reject> {
        self.state.risk.check(owner, qty, price, adds)
    }

    #[inline(always)]
    fn reborrow(&mut self) -> impl BookCtx {
        EngineCtx { state: &mut *self.state, sink: &mut *self.sink, origin: self.origin }
    }

    #[inline(always)]
    fn limits_anyone(&self) -> bool {
        self.state.risk.limits_anyone()
    }

    #[inline(always)]
    fn schedule_expiry(&mut self, expires: u64) {
        self.state.schedule_expiry(expires);
    }
}

/// Prefetch distance in commands: about the latency of memory.
const PREFETCH_DISTANCE: usize = 4;

/// Live orders of an engine from which on it prefetches: their nodes, 112 bytes each, take about a
/// second-level cache. With debug assertions so few that tests take both ways.
const PREFETCH_FROM: usize = if cfg!(debug_assertions) { 64 } else { 8192 };

impl<B: CheckedCapacity, const INSTRUMENTS: usize, const OWNERS: usize> CheckedCapacity
    for Engine<B, INSTRUMENTS, OWNERS>
{
    const CHECK: () = {
        let () = B::CHECK;
        assert!(INSTRUMENTS > 0 && INSTRUMENTS <= 1 << 16, "Engine: INSTRUMENTS must be from 1 to 65,536");
    };
}

impl<B: CheckedCapacity, const INSTRUMENTS: usize, const OWNERS: usize> Engine<B, INSTRUMENTS, OWNERS> {
    /// Emits a refusal that belongs to no instrument (M18.7): unknown instrument, refused `time`,
    /// malformed definition or limits.
    fn reject_without_instrument<S: Sink>(&mut self, c: &Command, reason: Reject, sink: &mut S) {
        self.state.seq += 1;
        sink.emit(Event::new(self.state.seq as u32, None, c.ts(), rejected(c, reason)));
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
    /// Creates an empty engine; all-zero bytes are the same.
    #[must_use]
    pub const fn new() -> Self {
        checked!(Self);
        // SAFETY: all fields derive `FromZeros`: all-zero bytes are a value of theirs.
        unsafe { core::mem::zeroed() }
    }

    /// Moves the clock to `ts`. Returns `false` if that is backwards. Implements M13.1.
    #[inline(always)]
    fn move_clock(&mut self, ts: u64) -> bool {
        let forward = ts >= self.state.clock;
        if forward {
            self.state.clock = ts;
        }
        forward
    }

    /// Returns whether a gtd order is due.
    #[inline(always)]
    fn is_due(&self) -> bool {
        self.state.first_expiry.wrapping_sub(1) < self.state.clock
    }

    /// Cancels every due gtd order, instruments in definition order. Implements M13.2 and M13.3.
    #[cold]
    #[inline(never)]
    fn expire<S: Sink>(&mut self, origin: &EventHead, sink: &mut S) {
        let mut next = 0u64;
        for (i, book) in self.books.iter_mut().enumerate().take(self.state.instruments as usize) {
            let origin = origin.of(i as u16);
            let mut ctx = EngineCtx { state: &mut self.state, sink: &mut *sink, origin };
            if let Some(expires) = book.expire(&mut ctx) {
                next = next.wrapping_sub(1).min(expires - 1) + 1;
            }
        }
        self.state.first_expiry = next;
    }

    /// Tries the fast path `path`. Returns `false` if the command must take the general path; then
    /// nothing has changed but the clock, which applying the command again does not move.
    #[inline(always)]
    fn fast_path<S: Sink>(
        &mut self,
        c: &Command,
        sink: &mut S,
        path: impl FnOnce(&mut Book<ORDERS, BLOCKS, FAR, STOPS, IDS, T>, &mut EngineCtx<'_, S, OWNERS>) -> bool,
    ) -> bool {
        let i = c.instrument_id().get();
        if u32::from(i) >= self.state.instruments {
            return false;
        }
        let Some(book) = self.books.get_mut(usize::from(i)) else { return false };
        if let Some(ts) = c.timed() {
            // Time reversed, or an order is due: the general path.
            if ts < self.state.clock || self.state.first_expiry.wrapping_sub(1) < ts {
                return false;
            }
            self.state.clock = ts;
        }
        path(book, &mut EngineCtx { state: &mut self.state, sink, origin: EventHead::of_command(c) })
    }

    /// Applies a command by the fast path of its operation, if it is one that can take it: `fast`.
    #[inline(always)]
    fn apply_known<S: Sink>(
        &mut self,
        c: &Command,
        fast: bool,
        sink: &mut S,
        path: impl FnOnce(&mut Book<ORDERS, BLOCKS, FAR, STOPS, IDS, T>, &mut EngineCtx<'_, S, OWNERS>) -> bool,
    ) {
        checked!(Self);
        if !fast || !self.fast_path(c, sink, path) {
            self.apply_any(c, sink);
        }
    }

    /// Estimates whether the nodes that a batch needs exceed the cache: by the live orders of the
    /// book of its first command, as if all books had as many.
    #[inline]
    fn exceeds_cache(&self, batch: &[Command]) -> bool {
        let Some(first) = batch.first() else { return false };
        let Some(book) = self.books.get(usize::from(first.instrument_id().get())) else { return false };
        book.live_orders().saturating_mul(self.state.instruments as usize) >= PREFETCH_FROM
    }

    /// Applies a command of any operation without the fast paths.
    #[inline(always)]
    fn apply_any<S: Sink>(&mut self, command: &Command, sink: &mut S) {
        match command.op() {
            Op::Instrument => self.define(command, sink),
            Op::Limits => self.set_limits(command, sink),
            Op::Refused => self.emit_refusal(command, sink),
            _ => self.apply_general(command, sink),
        }
    }

    /// Applies a command for one instrument, or `time`: the general path. Tests in this order:
    /// M17.13, M17.14, M13.1; then expiries (M13.2), also if the book refuses the command later
    /// (M13.6). Without `ts` the clock stays (M13.7).
    #[inline(never)]
    fn apply_general<S: Sink>(&mut self, c: &Command, sink: &mut S) {
        let i = c.instrument_id().get();
        let has_instrument = c.op() != Op::Time;
        if has_instrument && u32::from(i) >= self.state.instruments {
            return self.reject_without_instrument(c, Reject::UnknownInstrument, sink);
        }
        let origin = EventHead::unnumbered(i, c.timed());
        if !c.is_well_formed() {
            return self.reject(&origin, c, Reject::BadField, sink);
        }
        if let Some(ts) = c.timed() {
            if !self.move_clock(ts) {
                return self.reject(&origin, c, Reject::TimeReversed, sink);
            }
            if self.is_due() {
                self.expire(&origin, sink);
            }
        }
        if has_instrument && let Some(book) = self.books.get_mut(usize::from(i)) {
            book.apply(c, &mut EngineCtx { state: &mut self.state, sink, origin });
        }
    }

    /// Emits a refusal with the instrument of the command; that of `time` has none (M18.7).
    #[cold]
    #[inline(never)]
    fn reject<S: Sink>(&mut self, origin: &EventHead, c: &Command, reason: Reject, sink: &mut S) {
        if c.op() == Op::Time {
            return self.reject_without_instrument(c, reason, sink);
        }
        EngineCtx { state: &mut self.state, sink, origin: *origin }.emit(rejected(c, reason));
    }

    /// Defines an instrument. Implements M17.15 and M18.9.
    #[cold]
    #[inline(never)]
    fn define<S: Sink>(&mut self, c: &Command, sink: &mut S) {
        let i = c.instrument_id();
        let spec = c.instrument_spec().filter(|spec| c.is_well_formed() && spec.has_band());
        let next = u32::from(i.get()) == self.state.instruments;
        let place = usize::from(i.get());
        match (spec, self.books.get_mut(place), self.specs.get_mut(place)) {
            (Some(spec), Some(book), Some(slot)) if next => {
                book.define(&spec);
                *slot = Spec::pack(&spec);
                self.state.instruments += 1;
                sink.emit(Event::defined(i, &spec));
            }
            _ => self.reject_without_instrument(c, Reject::BadField, sink),
        }
    }

    /// Sets the limits of an owner. Implements M16.1, M16.10 and M18.8.
    #[cold]
    #[inline(never)]
    fn set_limits<S: Sink>(&mut self, c: &Command, sink: &mut S) {
        let owner = c.owner();
        let Some(limits) = c.new_limits().filter(|_| c.is_well_formed()) else {
            return self.reject_without_instrument(c, Reject::BadField, sink);
        };
        let live = if self.state.risk.contains(owner) {
            0
        } else {
            self.books.iter().take(self.state.instruments as usize).map(|b| b.live_orders_of(owner.get())).sum()
        };
        if !self.state.risk.set(owner, &limits, live) {
            self.reject_without_instrument(c, Reject::BadField, sink);
        }
    }

    /// Numbers a refusal of the edge (M19.15, M19.17).
    #[cold]
    #[inline(never)]
    fn emit_refusal<S: Sink>(&mut self, c: &Command, sink: &mut S) {
        let Some(refusal) = c.refusal().filter(|_| c.is_well_formed()) else {
            return self.reject_without_instrument(c, Reject::BadField, sink);
        };
        self.state.seq += 1;
        let body = EventBody::Rejected { id: refusal.id, reason: refusal.reason, edge_ref: refusal.edge_ref };
        sink.emit(Event::new(self.state.seq as u32, refusal.instrument, refusal.ts, body));
    }

    /// Returns the risk limits of an owner: all `None` if it has none.
    ///
    /// ```
    /// use vvp_core::book::*;
    /// use vvp_core::engine::{Engine, Matcher};
    ///
    /// type OneBook =
    ///     vvp_core::book_type!(orders: 64, ticks_per_side: 64, far_levels: 8, stops: 8);
    /// let mut engine = Engine::<OneBook, 1, 4>::new();
    /// let limits = Limits { max_qty: Some(Qty::new(100)), ..Limits::default() };
    /// engine.apply(&Command::limits(OwnerId::new(7), &limits), &mut CountSink::default());
    /// assert_eq!(engine.limits_of(OwnerId::new(7)), limits);
    /// assert_eq!(engine.limits_of(OwnerId::new(8)), Limits::default());
    /// ```
    #[must_use]
    pub fn limits_of(&self, owner: OwnerId) -> Limits {
        checked!(Self);
        self.state.risk.limits_of(owner)
    }

    /// Checks all invariants of the engine, order by order. For tests: walks all books.
    ///
    /// # Errors
    /// Names the first invariant that does not hold.
    pub fn check_invariants(&self) -> Result<(), &'static str> {
        checked!(Self);
        let books = self.books.get(..self.state.instruments as usize).unwrap_or(&[]);
        books.iter().try_for_each(Book::check_invariants)?;
        for (owner, counted) in self.state.risk.counted() {
            if books.iter().map(|b| b.live_orders_of(owner)).sum::<u64>() != counted {
                return Err("an owner's live orders are miscounted");
            }
        }
        Ok(())
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
> Default for Engine<Book<ORDERS, BLOCKS, FAR, STOPS, IDS, T>, INSTRUMENTS, OWNERS>
{
    fn default() -> Self {
        Self::new()
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
> Matcher for Engine<Book<ORDERS, BLOCKS, FAR, STOPS, IDS, T>, INSTRUMENTS, OWNERS>
{
    type Book = Book<ORDERS, BLOCKS, FAR, STOPS, IDS, T>;

    const INSTRUMENTS_MAX: usize = INSTRUMENTS;

    // The existing levels, at most one an order; one that the current order adds, and one for each
    // stop that it triggers. Besides these, while orders expire, those of one other instrument.
    const LEVELS_TOUCHED_MAX: usize = ORDERS + 1 + STOPS + if INSTRUMENTS > 1 { ORDERS } else { 0 };

    #[inline]
    fn apply<S: Sink>(&mut self, command: &Command, sink: &mut S) {
        checked!(Self);
        let head = command.head();
        let done = if head.is_vanilla() {
            self.fast_path(command, sink, |book, ctx| book.enter_fast(command, ctx))
        } else if head.is_cancel() {
            self.fast_path(command, sink, |book, ctx| book.cancel_fast(command, ctx))
        } else {
            head.is_vanilla_replace()
                && self.fast_path(command, sink, |book, ctx| book.replace_fast(command, &mut ctx.reborrow()))
        };
        if !done {
            self.apply_any(command, sink);
        }
    }

    // Always inlined, these three, so that the caller's command is never put together in memory.
    #[inline(always)]
    fn enter<S: Sink>(&mut self, c: &Command, sink: &mut S) {
        self.apply_known(c, c.head_of_fields().is_vanilla(), sink, |book, ctx| book.enter_fast(c, ctx));
    }

    #[inline(always)]
    fn cancel<S: Sink>(&mut self, c: &Command, sink: &mut S) {
        self.apply_known(c, c.head_of_fields().is_cancel(), sink, |book, ctx| book.cancel_fast(c, ctx));
    }

    #[inline(always)]
    fn replace<S: Sink>(&mut self, c: &Command, sink: &mut S) {
        let fast = c.head_of_fields().is_vanilla_replace();
        self.apply_known(c, fast, sink, |book, ctx| book.replace_fast(c, &mut ctx.reborrow()));
    }

    #[inline]
    fn apply_all<S: Sink>(&mut self, commands: &[Command], sink: &mut S) {
        if !self.exceeds_cache(commands) {
            return commands.iter().for_each(|command| self.apply(command, sink));
        }
        for (i, command) in commands.iter().enumerate() {
            if let Some(soon) = commands.get(i + PREFETCH_DISTANCE)
                && let Some(book) = self.books.get(usize::from(soon.instrument_id().get()))
            {
                book.prefetch(soon);
            }
            self.apply(command, sink);
        }
    }

    fn seq(&self) -> u64 {
        checked!(Self);
        self.state.seq
    }

    fn clock(&self) -> u64 {
        checked!(Self);
        self.state.clock
    }

    fn instruments(&self) -> usize {
        checked!(Self);
        self.state.instruments as usize
    }

    fn spec(&self, instrument: InstrumentId) -> Option<InstrumentSpec> {
        checked!(Self);
        let i = usize::from(instrument.get());
        if i < self.instruments() { self.specs.get(i)?.unpack() } else { None }
    }

    fn book(&self, instrument: InstrumentId) -> Option<&Self::Book> {
        checked!(Self);
        let i = usize::from(instrument.get());
        if i < self.instruments() { self.books.get(i) } else { None }
    }

    fn max_instruments(&self) -> usize {
        checked!(Self);
        INSTRUMENTS
    }
}
