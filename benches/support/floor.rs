//! The floor: the bare price ladder, the lower bound of the cost that we compare with.
//!
//! It adds, trades, cancels and replaces limit orders (gtc and ioc), and emits the engine's events.
//! Everything else is left out on purpose: prices lie inside one fixed window, ids are below
//! [`IDS`] and never reused, capacity is never checked, there are no owners, times, other order
//! types, phases, risk limits or other instruments.
//!
//! - A level stands permanently at each tick of the window, 16 bytes each; the asks are mirrored,
//!   so that the best of either side is the highest index.
//! - An order of 16 bytes stands at the index that its id gives: no map, no free list.
//! - The queue of a level is a ring through the level itself, so linking and unlinking have no
//!   branches.
//! - A bitmap of three words finds the best level: one bit a tick, then one for each 64 and 4,096.
//!   A bit is set and cleared without a branch; the words above follow when 64 ticks fill or empty.

use super::huge::Huge;
use vvp_core::book::{
    CancelReason, Command, Event, EventBody, EventHead, InstrumentId, Op, OrderId, OwnerId, Price, Qty, Reject, Side,
    Sink, TimeInForce,
};
use zerocopy::FromZeros;

/// Ticks of the window, a power of 64: prices are above 0 and below `WIDTH - 1`.
const WIDTH: usize = 1 << 18;
/// Levels of both sides, bids first.
const LEVELS: usize = 2 * WIDTH;
/// Ids are below this.
pub const IDS: usize = 1 << 22;

/// Emits an event without a number: [`Numbered`] gives it one.
#[inline(always)]
fn emit<S: Sink>(body: EventBody, sink: &mut S) {
    sink.emit_body(&EventHead::new(0, Some(InstrumentId::new(0)), None), body);
}

#[inline(always)]
fn reject<S: Sink>(id: u64, reason: Reject, sink: &mut S) {
    emit(EventBody::Rejected { id: Some(OrderId::new(id)), reason, edge_ref: None }, sink);
}

/// Sink that numbers the floor's events as the engine numbers its own.
#[derive(Clone, Copy, Debug, Default)]
pub struct Numbered<S> {
    seq: u32,
    /// Where the numbered events go.
    pub sink: S,
}

impl<S> Numbered<S> {
    pub fn new(sink: S) -> Self {
        Self { seq: 0, sink }
    }
}

impl<S: Sink> Sink for Numbered<S> {
    fn emit(&mut self, event: Event) {
        self.emit_body(&event.head(), event.body());
    }

    #[inline(always)]
    fn emit_body(&mut self, head: &EventHead, body: EventBody) {
        self.seq += 1;
        self.sink.emit_body(&EventHead::new(self.seq, head.instrument(), head.ts()), body);
    }
}

/// An order, as its events have it.
#[derive(Clone, Copy, Debug)]
pub struct Quote {
    pub id: u64,
    pub side: Side,
    pub price: i64,
    pub qty: u32,
}

impl Quote {
    /// Id, side, owner, price and quantity of an event.
    #[inline(always)]
    fn event_fields(self) -> (OrderId, Side, OwnerId, Option<Price>, Qty) {
        let (price, qty) = (Some(Price::new(self.price)), Qty::new(self.qty.into()));
        (OrderId::new(self.id), self.side, OwnerId::new(0), price, qty)
    }

    #[inline(always)]
    fn accepted(self) -> EventBody {
        let (id, side, owner, price, qty) = self.event_fields();
        EventBody::Accepted { id, side, owner, price, qty }
    }

    #[inline(always)]
    fn replaced(self) -> EventBody {
        let (id, side, owner, price, qty) = self.event_fields();
        EventBody::Replaced { id, side, owner, price, qty }
    }

    #[inline(always)]
    fn canceled(self, reason: CancelReason) -> EventBody {
        let (id, side, owner, price, qty) = self.event_fields();
        EventBody::Canceled { id, side, owner, price, qty, reason }
    }
}

/// A level or an order.
#[derive(Clone, Copy, Debug, FromZeros)]
#[repr(C, align(16))]
struct Node {
    next: u32,
    prev: u32,
    /// Level: total quantity. Order: its level in the high half, its open quantity in the low half;
    /// 0 if it is not live.
    word: u64,
}

/// The floor. [`Floor::new`] makes it.
#[derive(Debug, FromZeros)]
#[repr(C)]
pub struct Floor {
    root: [u64; 2],
    summary: [u64; LEVELS / 4096],
    words: [u64; LEVELS / 64],
    /// The levels, then the orders.
    nodes: [Node; LEVELS + IDS],
}

/// Returns the level of a price.
#[inline(always)]
const fn level_of(side: usize, price: i64) -> u32 {
    (side * WIDTH) as u32 | ((price as u32 ^ (side as u32).wrapping_neg()) & (WIDTH as u32 - 1))
}

#[inline(always)]
const fn price_of(level: u32) -> i64 {
    ((level ^ (level >> 18).wrapping_neg()) & (WIDTH as u32 - 1)) as i64
}

#[inline(always)]
const fn side_of(level: u32) -> Side {
    if (level as usize) < WIDTH { Side::Buy } else { Side::Sell }
}

/// Returns the index of the highest bit of a word that is not 0.
#[inline(always)]
const fn high(word: u64) -> usize {
    debug_assert!(word != 0);
    // SAFETY: the outermost level of a side is always marked, and a mark above a word stands only
    // while the word has one, or `best` checks it.
    (unsafe { core::num::NonZeroU64::new_unchecked(word) }.leading_zeros() ^ 63) as usize
}

const fn order_of(id: u64) -> u32 {
    (LEVELS + (id as usize & (IDS - 1))) as u32
}

impl Floor {
    /// Creates an empty ladder.
    pub fn new() -> Huge<Self> {
        let mut floor = Huge::new();
        Self::open_window(&mut floor);
        floor
    }

    /// Empties the ladder.
    pub fn reset(floor: &mut Huge<Self>) {
        floor.clear();
        Self::open_window(floor);
    }

    /// Puts the levels in place. The outermost level of each side counts as occupied: a search for
    /// the best always finds one, and no order reaches that one.
    fn open_window(&mut self) {
        for (i, level) in self.nodes[..LEVELS].iter_mut().enumerate() {
            *level = Node { next: i as u32, prev: i as u32, word: 0 };
        }
        self.set(0);
        self.set(WIDTH as u32);
    }

    #[inline(always)]
    fn node(&self, i: u32) -> &Node {
        // SAFETY: every number comes from `level_of` or `order_of`, which stay inside.
        unsafe { self.nodes.get_unchecked(i as usize) }
    }

    #[inline(always)]
    fn node_mut(&mut self, i: u32) -> &mut Node {
        // SAFETY: as in `node`.
        unsafe { self.nodes.get_unchecked_mut(i as usize) }
    }

    /// Marks a level as occupied. The words above change only if its word was empty: 64 ticks
    /// rarely are, so the branch is predicted.
    #[inline(always)]
    fn set(&mut self, level: u32) {
        let l = level as usize & (LEVELS - 1);
        let word = self.words[l >> 6];
        self.words[l >> 6] = word | 1 << (l & 63);
        if word == 0 {
            self.summary[l >> 12] |= 1 << (l >> 6 & 63);
            self.root[l >> 18] |= 1 << (l >> 12 & 63);
        }
    }

    /// Clears the mark of an occupied level if `empty` is 1; does nothing if it is 0. The words
    /// above stay: `best` corrects those that it meets.
    #[inline(always)]
    fn unset(&mut self, level: u32, empty: u64) {
        let l = level as usize & (LEVELS - 1);
        self.words[l >> 6] &= !(empty << (l & 63));
    }

    /// Returns the best level of a side; the outermost one if the side is empty.
    #[inline(always)]
    fn best(&mut self, side: usize) -> u32 {
        loop {
            let g = side << 6 | high(self.root[side]);
            let b = g << 6 | high(self.summary[g]);
            let word = self.words[b];
            if word != 0 {
                return (b << 6 | high(word)) as u32;
            }
            self.drop_empty_word(b);
        }
    }

    #[cold]
    fn drop_empty_word(&mut self, b: usize) {
        self.summary[b >> 6] &= !(1 << (b & 63));
        if self.summary[b >> 6] == 0 {
            self.root[b >> 12] &= !(1 << (b >> 6 & 63));
        }
    }

    /// Returns the open quantity of an order, 0 if it does not exist.
    pub fn open(&self, id: u64) -> u64 {
        u64::from(self.node(order_of(id)).word as u32)
    }

    /// Returns the limit price of an existing order.
    pub fn price(&self, id: u64) -> i64 {
        price_of((self.node(order_of(id)).word >> 32) as u32)
    }

    /// Returns the best price of a side.
    pub fn best_price(&mut self, side: Side) -> Option<i64> {
        let level = self.best(side as usize);
        (!(level as usize).is_multiple_of(WIDTH)).then(|| price_of(level))
    }

    #[inline(always)]
    fn rest(&mut self, order: u32, level: u32, qty: u32) {
        self.set(level);
        let at = self.node_mut(level);
        at.word += u64::from(qty);
        let last = at.prev;
        at.prev = order;
        self.node_mut(last).next = order;
        *self.node_mut(order) = Node { next: level, prev: last, word: u64::from(level) << 32 | u64::from(qty) };
    }

    #[inline(always)]
    fn unlink(&mut self, order: u32) {
        let Node { next, prev, word } = *self.node(order);
        let level = (word >> 32) as u32;
        self.node_mut(order).word = 0;
        self.node_mut(prev).next = next;
        self.node_mut(next).prev = prev;
        let at = self.node_mut(level);
        at.word -= word & 0xffff_ffff;
        let empty = u64::from(at.next == level);
        self.unset(level, empty);
    }

    /// Trades against the other side within `limit`. Returns the open quantity.
    #[inline(always)]
    fn trade<S: Sink>(&mut self, taker: u64, other: usize, limit: u32, mut open: u32, sink: &mut S) -> u32 {
        loop {
            let level = self.best(other);
            if level < limit {
                return open;
            }
            let price = price_of(level);
            loop {
                let first = self.node(level).next;
                let Node { next, word, .. } = *self.node(first);
                let qty = (word as u32).min(open);
                let maker_open = word as u32 - qty;
                open -= qty;
                let maker = u64::from(first) - LEVELS as u64;
                let trade = EventBody::Trade {
                    maker: OrderId::new(maker),
                    taker: OrderId::new(taker),
                    taker_side: if other == 0 { Side::Sell } else { Side::Buy },
                    price: Price::new(price),
                    qty: Qty::new(qty.into()),
                    maker_open: Qty::new(maker_open.into()),
                    taker_open: Qty::new(open.into()),
                };
                emit(trade, sink);
                self.node_mut(level).word -= u64::from(qty);
                if maker_open != 0 {
                    self.node_mut(first).word = word - u64::from(qty);
                    return 0;
                }
                self.node_mut(first).word = 0;
                self.node_mut(level).next = next;
                self.node_mut(next).prev = level;
                if next == level {
                    self.unset(level, 1);
                    break;
                }
                if open == 0 {
                    return 0;
                }
            }
            if open == 0 {
                return 0;
            }
        }
    }

    /// Applies a new limit order.
    #[inline(always)]
    pub fn limit<S: Sink>(&mut self, quote: Quote, ioc: bool, sink: &mut S) {
        let Quote { id, side, price, qty } = quote;
        let order = order_of(id);
        if self.node(order).word != 0 {
            return reject(id, Reject::DuplicateId, sink);
        }
        emit(quote.accepted(), sink);
        let other = 1 - side as usize;
        let open = self.trade(id, other, level_of(other, price), qty, sink);
        if open > 0 {
            if ioc {
                emit(Quote { qty: open, ..quote }.canceled(CancelReason::Ioc), sink);
            } else {
                self.rest(order, level_of(side as usize, price), open);
            }
        }
    }

    /// Cancels an order.
    #[inline(always)]
    pub fn cancel<S: Sink>(&mut self, id: u64, sink: &mut S) {
        let order = order_of(id);
        let word = self.node(order).word;
        if word == 0 {
            return reject(id, Reject::UnknownOrder, sink);
        }
        let level = (word >> 32) as u32;
        let quote = Quote { id, side: side_of(level), price: price_of(level), qty: word as u32 };
        emit(quote.canceled(CancelReason::Requested), sink);
        self.unlink(order);
    }

    /// Replaces price and open quantity of an order; what is `None` stays.
    #[inline(always)]
    pub fn replace<S: Sink>(&mut self, id: u64, price: Option<i64>, qty: Option<u32>, sink: &mut S) {
        let order = order_of(id);
        let word = self.node(order).word;
        if word == 0 {
            return reject(id, Reject::UnknownOrder, sink);
        }
        let (was, open) = ((word >> 32) as u32, word as u32);
        let side = side_of(was);
        let level = price.map_or(was, |price| level_of(side as usize, price));
        let qty = qty.unwrap_or(open);
        let price = price_of(level);
        emit(Quote { id, side, price, qty }.replaced(), sink);
        if level == was && qty <= open {
            self.node_mut(order).word = word - u64::from(open - qty);
            self.node_mut(level).word -= u64::from(open - qty);
            return;
        }
        self.unlink(order);
        let other = 1 - side as usize;
        let open = self.trade(id, other, level_of(other, price), qty, sink);
        if open > 0 {
            self.rest(order, level, open);
        }
    }

    /// Applies one command: a new limit order, a cancel or a replace.
    #[inline]
    pub fn apply<S: Sink>(&mut self, c: &Command, sink: &mut S) {
        let id = c.id().get();
        match c.op() {
            Op::New => {
                let price = c.limit_price().map_or(0, Price::ticks);
                let quote = Quote { id, side: c.side(), price, qty: c.qty().lots() as u32 };
                self.limit(quote, c.tif() == TimeInForce::Ioc, sink);
            }
            Op::Cancel => self.cancel(id, sink),
            Op::Replace => {
                let with = c.replacement();
                self.replace(id, with.price.map(Price::ticks), with.qty.map(|qty| qty.lots() as u32), sink);
            }
            _ => {}
        }
    }
}
