//! Visible changes: the effect of each command on the visible book, change by change.
//!
//! The book calls the functions below only for a sink that [watches](crate::book::Sink::watches);
//! for all others the calls are compiled away.

use crate::book::matching::ctx::BookCtx;
use crate::book::order_book::Book;
use crate::book::state_hash::{Accumulate, StateHash};
use crate::book::storage::arena::Arena;
use crate::book::storage::price_ladder::price;
use crate::book::{DepthLevel, InstrumentId, OrderId, Price, Qty, Side};

/// One change of the visible book, for a [`Sink`](crate::book::Sink) that watches: a visible order
/// was added, reduced, traded or deleted, or a hidden one traded.
///
/// Quantities are visible quantities: of an iceberg the slice. A used-up slice is an order that
/// traded down to 0; the next slice is an order of the same id, added at the back of the queue
/// (M7.4).
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct VisibleChange {
    /// The instrument.
    pub instrument: InstrumentId,
    /// The number of the event that it belongs to.
    pub seq: u64,
    /// The side of the resting order.
    pub side: Side,
    /// The order's price level after the change; without visible orders it is deleted.
    pub level: DepthLevel,
    /// What happened.
    pub what: Visible,
}

/// What happened to a visible order, or to a hidden one that traded.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub enum Visible {
    /// It joined the back of the visible queue.
    Added {
        /// Its id.
        id: OrderId,
        /// Its visible quantity.
        qty: Qty,
    },
    /// It was reduced without a trade and kept priority.
    Reduced {
        /// Its id.
        id: OrderId,
        /// By how much its visible quantity fell.
        by: Qty,
        /// Its visible quantity now.
        left: Qty,
    },
    /// It left the queue without a trade: canceled, or replaced and to be added anew.
    Deleted {
        /// Its id.
        id: OrderId,
        /// Its visible quantity before.
        qty: Qty,
    },
    /// It traded. With `left` 0 it has left the queue.
    Executed {
        /// Its id.
        id: OrderId,
        /// The price of the trade; in an uncross not that of its level.
        at: Price,
        /// Lots traded.
        qty: Qty,
        /// What it shows now.
        left: Qty,
        /// The second order of the same trade in an uncross: the lots were told of already.
        again: bool,
    },
    /// A hidden order traded; the visible level is unchanged.
    HiddenTrade {
        /// The price of the trade.
        at: Price,
        /// Lots traded.
        qty: Qty,
        /// The second order of the same trade in an uncross: the lots were told of already.
        again: bool,
    },
}

impl VisibleChange {
    /// Returns the level before the change.
    #[must_use]
    #[inline]
    pub const fn level_before(&self) -> DepthLevel {
        let DepthLevel { price, qty, orders } = self.level;
        let (qty, orders) = match self.what {
            // Added quantities are part of the level's own sum, the others were part of it.
            Visible::Added { qty: by, .. } => (qty.lots() - by.lots(), orders - 1),
            Visible::Reduced { by, .. } => (qty.lots() + by.lots(), orders),
            Visible::Deleted { qty: by, .. } => (qty.lots() + by.lots(), orders + 1),
            Visible::Executed { qty: by, left, .. } => {
                (qty.lots() + by.lots(), if left.lots() == 0 { orders + 1 } else { orders })
            }
            Visible::HiddenTrade { .. } => (qty.lots(), orders),
        };
        DepthLevel { price, qty: Qty::new(qty), orders }
    }
}

impl<const ORDERS: usize, const BLOCKS: usize, const FAR: usize, const STOPS: usize, const IDS: usize, T: StateHash>
    Book<ORDERS, BLOCKS, FAR, STOPS, IDS, T>
{
    fn show<H: BookCtx>(&self, level: u32, qty: u64, orders: u32, what: Visible, h: &mut H) {
        let side = if self.arena.side(level) == 0 { Side::Buy } else { Side::Sell };
        let level = DepthLevel { price: price(side, self.arena.rank(level)), qty: Qty::new(qty), orders };
        h.on_visible_change(side, level, what);
    }

    /// Returns the visible quantity of a resting order.
    pub(in crate::book) fn shown_of(&self, order: u32) -> u64 {
        self.arena.node(order).qty - self.arena.hidden_qty_of(order)
    }

    /// Reports an order that has joined its queue.
    #[inline(never)]
    pub(in crate::book) fn show_added<H: BookCtx>(&self, order: u32, h: &mut H) {
        let qty = self.shown_of(order);
        if qty == 0 {
            return;
        }
        let level = self.arena.level_of(order);
        let what = Visible::Added { id: OrderId::new(self.arena.node(order).id), qty: Qty::new(qty) };
        self.show(level, self.arena.visible_qty(level), self.arena.visible_orders(level), what, h);
    }

    /// Reports an order that is about to leave its queue.
    #[inline(never)]
    pub(in crate::book) fn show_leaving<H: BookCtx>(&self, order: u32, h: &mut H) {
        let qty = self.shown_of(order);
        if qty == 0 {
            return;
        }
        let level = self.arena.level_of(order);
        let what = Visible::Deleted { id: OrderId::new(self.arena.node(order).id), qty: Qty::new(qty) };
        self.show(level, self.arena.visible_qty(level) - qty, self.arena.visible_orders(level) - 1, what, h);
    }

    /// Reports an order of visible quantity `was` that was reduced and kept priority.
    #[inline(never)]
    pub(in crate::book) fn show_shrunk<H: BookCtx>(&self, order: u32, was: u64, h: &mut H) {
        let left = self.shown_of(order);
        if left == was {
            return; // hidden, or its reserve was enough
        }
        let level = self.arena.level_of(order);
        let id = OrderId::new(self.arena.node(order).id);
        let what = Visible::Reduced { id, by: Qty::new(was - left), left: Qty::new(left) };
        self.show(level, self.arena.visible_qty(level), self.arena.visible_orders(level), what, h);
    }

    /// Reports an order that has traded; it is still in its queue, where a used-up slice counts 0.
    #[inline(never)]
    pub(in crate::book) fn show_traded<H: BookCtx>(&self, order: u32, at: Price, qty: u64, again: bool, h: &mut H) {
        let level = self.arena.level_of(order);
        let (lots, seen) = (self.arena.visible_qty(level), self.arena.visible_orders(level));
        let qty = Qty::new(qty);
        if self.arena.is_hidden(order) {
            return self.show(level, lots, seen, Visible::HiddenTrade { at, qty, again }, h);
        }
        let left = self.arena.slice(order);
        let id = OrderId::new(self.arena.node(order).id);
        let what = Visible::Executed { id, at, qty, left: Qty::new(left), again };
        self.show(level, lots, seen - u32::from(left == 0), what, h);
    }
}

/// Reports the trade of an order that is neither hidden nor iceberg at its level's price. `off`:
/// lots and orders that have left the level, this trade included, and are not taken off its totals
/// yet.
#[inline(never)]
pub(in crate::book) fn show_vanilla_trade<const ORDERS: usize, S: Accumulate, H: BookCtx>(
    arena: &Arena<ORDERS, S>,
    level: u32,
    (id, qty, left): (u64, u64, u64),
    off: (u64, u32),
    h: &mut H,
) {
    let side = if arena.side(level) == 0 { Side::Buy } else { Side::Sell };
    let at = price(side, arena.rank(level));
    let what = Visible::Executed { id: OrderId::new(id), at, qty: Qty::new(qty), left: Qty::new(left), again: false };
    let (lots, orders) = (arena.visible_qty(level) - off.0, arena.visible_orders(level) - off.1);
    h.on_visible_change(side, DepthLevel { price: at, qty: Qty::new(lots), orders }, what);
}
