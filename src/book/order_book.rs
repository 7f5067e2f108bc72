//! Order book of one instrument: its state, lookup by id, and how an order enters and leaves.

use super::{CancelReason, EventBody, InstrumentSpec, OrderId, OwnerId, Phase, Price, Qty, Side, TimeInForce};
use crate::book::matching::ctx::BookCtx;
use crate::book::state_hash::{NoStateHash, StateHash};
use crate::book::storage::arena::{Arena, Attributes};
use crate::book::storage::indexed_heap::Heap;
use crate::book::storage::price_ladder::{PriceLadder, rank};
use crate::book::storage::stop_orders::Stops;
use crate::capacity::{Checked, CheckedCapacity, checked};
use crate::map::IdIndex;
use zerocopy::FromZeros;

/// The order book of one instrument.
///
/// | parameter | what | bounds |
/// |---|---|---|
/// | `ORDERS` | resting orders; and price levels, of which there are never more | 1 to 2^27 − 1 |
/// | `BLOCKS` | 64 × `BLOCKS` ticks a side near the best price, where a level is found without a search | a power of two to 4,096 |
/// | `FAR` | price levels a side outside that window | below 2^32 − 1 |
/// | `STOPS` | untriggered stops | to 2^28 − 1 |
/// | `IDS` | entries in the table from order id to order | a power of two; `ORDERS` + `STOPS` ≤ 7/8 of it |
/// | `T` | whether there is a [state hash](crate::engine::Engine::state_hash) | [`NoStateHash`], which costs nothing, or [`WithStateHash`](super::WithStateHash) |
///
/// Its size is known when compiling: 1,392 + 116 × `ORDERS` + 528 × `BLOCKS` + 48 × `FAR` + 116 ×
/// `STOPS` + 12 × `IDS` bytes, and less than 96 for alignment, on every target. 1,024 orders, 1,024
/// ticks a side, 64 far levels, 64 stops: 163,712 bytes.
///
/// All-zero bytes are the empty book, so a `static` costs no image and a big one is made from
/// zeroed memory in place. Commands reach a book through its [`Engine`](crate::engine::Engine).
///
/// ```
/// type OneBook =
///     vvp_core::book_type!(orders: 1024, ticks_per_side: 1024, far_levels: 64, stops: 64);
/// static BOOK: OneBook = OneBook::new();
/// assert!(size_of_val(&BOOK) <= 160 * 1024);
/// ```
#[derive(FromZeros)]
#[repr(C)]
pub struct Book<
    const ORDERS: usize,
    const BLOCKS: usize,
    const FAR: usize,
    const STOPS: usize,
    const IDS: usize,
    T: StateHash = NoStateHash,
> {
    pub(super) phase: Phase,
    /// Whether there was a trade or a new or replaced stop since the stops were last tested (M8.3).
    pub(super) untested: bool,
    reserved: [u8; 6],
    /// The last trade price.
    pub(super) last: Ticks,
    pub(super) reference: Ticks,
    min_price: i64,
    /// Distance from the lowest to the highest price of the band.
    band: u64,
    /// Entry stamps assigned so far (M0.12).
    pub(super) stamps: u64,
    pub(super) sides: [PriceLadder<BLOCKS, FAR>; 2],
    pub(super) ids: IdIndex<IDS>,
    pub(super) expiry: Heap<ORDERS>,
    pub(super) stops: Stops<STOPS>,
    pub(super) arena: Arena<ORDERS, T::State<ORDERS, STOPS>>,
    checked: Checked<Self>,
}

/// An optional price in ticks.
#[derive(Clone, Copy, Debug, FromZeros)]
#[repr(C)]
pub(super) struct Ticks {
    known: bool,
    reserved: [u8; 7],
    ticks: i64,
}

impl Ticks {
    const NONE: Self = Self { known: false, reserved: [0; 7], ticks: 0 };

    pub(super) const fn get(self) -> Option<i64> {
        if self.known { Some(self.ticks) } else { None }
    }

    #[inline(always)]
    pub(super) const fn set(&mut self, ticks: i64) {
        self.known = true;
        self.ticks = ticks;
    }
}

/// Result of a lookup by id. Orders and untriggered stops share one id space (M8.14).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Found {
    Nothing,
    /// The number of a resting order.
    Order(u32),
    /// The slot of an untriggered stop.
    Stop(u32),
}

/// Marks slots of stops in the id table.
const STOP: u32 = 1 << 28;

/// A stop's entry in the id table.
pub(super) const fn stop_entry(slot: u32) -> u32 {
    slot | STOP
}

/// The state of a resting order.
#[derive(Clone, Copy, Debug)]
pub(super) struct OrderState {
    pub(super) id: u64,
    pub(super) owner: u32,
    pub(super) open: u64,
    pub(super) side: Side,
    pub(super) price: Price,
    pub(super) attributes: Attributes,
    /// Iceberg: the largest slice.
    pub(super) display: u64,
    /// gtd: when it expires.
    pub(super) expires: u64,
}

impl<const ORDERS: usize, const BLOCKS: usize, const FAR: usize, const STOPS: usize, const IDS: usize, T: StateHash>
    CheckedCapacity for Book<ORDERS, BLOCKS, FAR, STOPS, IDS, T>
{
    const CHECK: () = {
        assert!(ORDERS > 0 && ORDERS < 1 << 27, "Book: ORDERS must be from 1 to 2^27 - 1");
        assert!(BLOCKS.is_power_of_two() && BLOCKS <= 4096, "Book: BLOCKS must be a power of two up to 4,096");
        assert!(STOPS < STOP as usize, "Book: STOPS must be below 2^28");
        assert!(
            IDS.is_power_of_two() && IDS >= 8 && ORDERS + STOPS <= IDS / 8 * 7,
            "Book: IDS must be a power of two, at least 8/7 of ORDERS + STOPS"
        );
    };
}

impl<const ORDERS: usize, const BLOCKS: usize, const FAR: usize, const STOPS: usize, const IDS: usize, T: StateHash>
    Book<ORDERS, BLOCKS, FAR, STOPS, IDS, T>
{
    /// Creates an empty book; all-zero bytes are the same.
    #[must_use]
    pub const fn new() -> Self {
        checked!(Self);
        // SAFETY: all fields derive `FromZeros`: all-zero bytes are a value of theirs.
        unsafe { core::mem::zeroed() }
    }

    /// Defines an empty book: sets the price band (M17.6) and the reference price of `spec`.
    pub(crate) fn define(&mut self, spec: &InstrumentSpec) {
        checked!(Self);
        self.min_price = spec.min_price.map_or(i64::MIN, Price::ticks);
        let max_price = spec.max_price.map_or(i64::MAX, Price::ticks);
        self.band = max_price.wrapping_sub(self.min_price) as u64;
        if let Some(reference) = spec.reference {
            self.reference.set(reference.ticks());
        }
    }

    /// Resets a book without orders to the undefined state.
    pub(super) const fn undefine(&mut self) {
        self.phase = Phase::Continuous;
        self.untested = false;
        (self.last, self.reference) = (Ticks::NONE, Ticks::NONE);
        (self.min_price, self.band, self.stamps) = (0, 0, 0);
    }

    /// Returns whether a price lies in the band, ends included (M17.6).
    #[inline(always)]
    pub(super) const fn in_band(&self, price: Price) -> bool {
        price.ticks().wrapping_sub(self.min_price) as u64 <= self.band
    }

    /// Assigns the next entry stamp (M0.12).
    #[inline(always)]
    pub(super) const fn next_stamp(&mut self) -> u64 {
        self.stamps += 1;
        self.stamps
    }

    // ---- by id ----------------------------------------------------------------------------------

    /// Finds a live order or stop by id (M0.8).
    #[inline(always)]
    pub(super) fn find(&self, id: u64) -> Found {
        checked!(Self);
        let (slot, more) = self.ids.near(id);
        if slot == 0 && !more {
            return Found::Nothing;
        }
        if slot != 0 && slot & STOP == 0 && self.arena.node(slot).id == id {
            return Found::Order(slot);
        }
        self.find_displaced(id)
    }

    #[cold]
    #[inline(never)]
    fn find_displaced(&self, id: u64) -> Found {
        let holds = |slot| match slot & STOP {
            0 => self.arena.node(slot).id == id,
            _ => self.stops.get(slot & !STOP).id == id,
        };
        match self.ids.get(id, holds) {
            0 => Found::Nothing,
            slot if slot & STOP != 0 => Found::Stop(slot & !STOP),
            slot => Found::Order(slot),
        }
    }

    // ---- entering and leaving the book (see the tables in `matching/mod.rs`) --------------------

    /// Adds a new order to the book (M2.2): opens it and enqueues it. `level` is that of its price,
    /// or 0 if there is none yet.
    #[inline(always)]
    pub(super) fn add_order<H: BookCtx>(&mut self, new: &OrderState, level: u32, h: &mut H) {
        let order = self.open_order(new, h);
        self.enqueue(order, new, level, h);
    }

    /// [`Book::add_order`] of a vanilla order, which has no cold state.
    #[inline(always)]
    pub(super) fn add_vanilla<H: BookCtx>(&mut self, new: &OrderState, level: u32, h: &mut H) {
        let order = self.open_order(new, h);
        self.arena.set_attributes(order, new.attributes);
        let level = if level == 0 { self.add_level(new.side, new.price) } else { level };
        self.arena.link_vanilla(order, level, new.open);
        if h.watches() {
            self.report_visible_added(order, h);
        }
    }

    /// Opens an order: takes a node, enters its id, counts it for its owner.
    #[inline(always)]
    fn open_order<H: BookCtx>(&mut self, new: &OrderState, h: &mut H) -> u32 {
        let order = self.arena.take_order(new.id, new.open, new.owner);
        self.ids.insert(new.id, order);
        h.on_open(new.owner);
        order
    }

    /// Enqueues an open order at the back of its level (M1.3). Adds the level if it is new, and the
    /// expiry heap entry of a gtd order (M13.2).
    #[inline(always)]
    pub(super) fn enqueue<H: BookCtx>(&mut self, order: u32, with: &OrderState, level: u32, h: &mut H) {
        let level = if level == 0 { self.add_level(with.side, with.price) } else { level };
        self.arena.set_attributes(order, with.attributes);
        if with.attributes.iceberg {
            self.arena.start_slice(order, with.display, with.open);
        }
        if matches!(with.attributes.tif, TimeInForce::Gtd) {
            self.arena.cold_mut(order).expires = with.expires;
            self.expiry.push(order, &mut self.arena);
            h.schedule_expiry(with.expires);
        }
        self.arena.link(order, level, with.attributes);
        if h.watches() {
            self.report_visible_added(order, h);
        }
    }

    /// The highest number of an order.
    pub(super) const MAX_ORDER: u32 = STOP - 1;

    /// [`Book::add_level`], not inlined.
    #[inline(never)]
    pub(super) fn add_level_outlined(&mut self, side: Side, rank: i64) -> u32 {
        let level = self.arena.take_level(rank, side as usize);
        self.sides[side as usize].insert(rank, level);
        level
    }

    /// [`Book::remove_level`], not inlined.
    #[inline(never)]
    pub(super) fn remove_level_outlined(&mut self, level: u32) {
        self.remove_level(level);
    }

    /// Takes a level node and adds it to the ladder, where there is no level.
    #[inline(always)]
    fn add_level(&mut self, side: Side, price: Price) -> u32 {
        let rank = rank(side, price);
        let level = self.arena.take_level(rank, side as usize);
        self.sides[side as usize].insert(rank, level);
        level
    }

    /// Removes an empty level from the ladder and frees its node.
    #[inline(always)]
    pub(super) fn remove_level(&mut self, level: u32) {
        let side = self.arena.side(level);
        self.sides[side as usize].remove(self.arena.rank(level));
        self.arena.free_level(level);
    }

    /// Dequeues an order: unlinks it from its level, removes the level if that leaves it empty, and
    /// removes the expiry heap entry of a gtd order. The order stays open.
    #[inline(always)]
    pub(super) fn dequeue(&mut self, order: u32) {
        if self.arena.has_cold_state(order) && matches!(self.arena.attributes(order).tif, TimeInForce::Gtd) {
            self.expiry.remove(order, &mut self.arena);
        }
        let level = self.arena.unlink(order);
        if self.arena.is_empty(level) {
            self.remove_level(level);
        }
    }

    /// Closes a dequeued order: removes its id, frees its node, uncounts it for its owner.
    #[inline(always)]
    pub(super) fn close_order<H: BookCtx>(&mut self, order: u32, h: &mut H) {
        let node = self.arena.node(order);
        let (id, owner) = (node.id, self.arena.owner(order));
        self.ids.remove(id, order);
        self.arena.free_order(order);
        h.on_close(owner);
    }

    /// Removes a resting order, without an event: dequeues and closes it. For filled makers (M18.2)
    /// and cancels.
    #[inline(always)]
    pub(super) fn remove_order<H: BookCtx>(&mut self, order: u32, h: &mut H) {
        let node = *self.arena.node(order);
        if node.has_cold_state() {
            return self.remove_with_cold_state(order, h);
        }
        let level = node.level();
        self.arena.unlink_vanilla(&node);
        self.ids.remove(node.id, order);
        self.arena.free_order(order);
        h.on_close(node.owner());
        if self.arena.is_empty(level) {
            self.remove_level(level);
        }
    }

    #[cold]
    #[inline(never)]
    fn remove_with_cold_state<H: BookCtx>(&mut self, order: u32, h: &mut H) {
        self.dequeue(order);
        self.close_order(order, h);
    }

    /// Cancels a resting order. The event has the quantity that was open before (M18.5).
    #[inline(always)]
    pub(super) fn cancel_order<H: BookCtx>(&mut self, order: u32, reason: CancelReason, h: &mut H) {
        let node = *self.arena.node(order);
        let level = self.arena.level_of(order);
        h.emit_outlined(&EventBody::Canceled {
            id: OrderId::new(node.id),
            side: self.arena.side(level),
            owner: OwnerId::new(node.owner()),
            price: Some(self.arena.price(level)),
            qty: Qty::new(node.qty),
            reason,
        });
        if h.watches() {
            self.report_visible_deleted(order, h);
        }
        self.remove_order(order, h);
    }

    /// Returns how many live orders (resting or untriggered) the owner has (M16.4). Walks the book.
    pub(crate) fn live_orders_of(&self, owner: u32) -> u64 {
        checked!(Self);
        let resting = self
            .arena
            .order_numbers()
            .filter(|&order| self.arena.node(order).qty != 0 && self.arena.owner(order) == owner)
            .count();
        let stops = self.stops.in_entry_order().filter(|&slot| self.stops.get(slot).owner == owner).count();
        (resting + stops) as u64
    }

    // ---- checking -------------------------------------------------------------------------------

    /// Checks all invariants of the book, order by order. For tests: walks the whole book.
    ///
    /// # Errors
    /// Names the first invariant that does not hold.
    pub fn check_invariants(&self) -> Result<(), &'static str> {
        checked!(Self);
        let mut resting = 0;
        let mut gtd = 0;
        for side in [Side::Buy, Side::Sell] {
            let ladder = &self.sides[side as usize];
            if !ladder.is_consistent() {
                return Err("a ladder's window, far levels and best level disagree");
            }
            let mut levels = 0;
            let mut cursor = ladder.first();
            while let Some(at) = cursor {
                levels += 1;
                self.check_level(at.level, at.rank, side)?;
                resting += self.arena.queue(at.level).count();
                gtd += self
                    .arena
                    .queue(at.level)
                    .filter(|&o| self.arena.has_cold_state(o) && self.arena.attributes(o).tif == TimeInForce::Gtd)
                    .count();
                if ladder.find(at.rank) != at.level {
                    return Err("a level is not found by its price");
                }
                cursor = ladder.worse(at.rank);
                if cursor.is_some_and(|next| next.rank >= at.rank || ladder.better(next.rank) != Some(at)) {
                    return Err("levels are not in order");
                }
            }
            if levels != ladder.levels() {
                return Err("a ladder miscounts its levels");
            }
        }
        if resting != self.arena.live_orders() {
            return Err("orders in queues and live orders differ");
        }
        if gtd != self.expiry.len() {
            return Err("gtd orders and the expiry heap differ");
        }
        if self.ids.len() != resting + self.stops.live() {
            return Err("ids and live orders differ");
        }
        self.check_state_hash()?;
        if !self.stops.is_consistent() {
            return Err("stops, their lists and heaps disagree");
        }
        let [bids, asks] = &self.sides;
        if self.phase == Phase::Continuous
            && let (Some(bid), Some(ask)) = (bids.first(), asks.first())
            && bid.rank >= !ask.rank
        {
            return Err("the book is crossed");
        }
        Ok(())
    }

    fn check_level(&self, level: u32, rank: i64, side: Side) -> Result<(), &'static str> {
        let (mut total, mut hidden_qty, mut visible, mut hidden_seen) = (0u64, 0u64, 0u32, false);
        let mut previous = level;
        for order in self.arena.queue(level) {
            let node = self.arena.node(order);
            if node.qty == 0 || self.arena.level_of(order) != level || node.prev != previous {
                return Err("a queue holds an order that is not its own");
            }
            if self.find(node.id) != Found::Order(order) {
                return Err("a resting order is not found by its id");
            }
            let hidden = self.arena.is_hidden(order);
            if hidden_seen && !hidden {
                return Err("a visible order queues behind a hidden one");
            }
            hidden_seen |= hidden;
            visible += u32::from(!hidden);
            let slice = self.arena.slice(order);
            if slice == 0 || slice > node.qty {
                return Err("an order shows nothing, or more than it has");
            }
            total = total.checked_add(node.qty).ok_or("a level's total overflows")?;
            hidden_qty += self.arena.hidden_qty_of(order);
            previous = order;
        }
        let shown = total - hidden_qty;
        if self.arena.is_empty(level)
            || self.arena.node(level).qty != total
            || self.arena.visible_qty(level) != shown
            || self.arena.visible_orders(level) != visible
            || self.arena.rank(level) != rank
            || self.arena.side(level) != side
        {
            return Err("a level and its orders disagree");
        }
        Ok(())
    }
}

impl<const ORDERS: usize, const BLOCKS: usize, const FAR: usize, const STOPS: usize, const IDS: usize, T: StateHash>
    Default for Book<ORDERS, BLOCKS, FAR, STOPS, IDS, T>
{
    fn default() -> Self {
        Self::new()
    }
}
