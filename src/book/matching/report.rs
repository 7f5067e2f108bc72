//! Reports of visible changes to the context, change by change.
//!
//! The callers ask [`watches`](crate::book::matching::ctx::BookObserver::watches) first; for a sink
//! that does not, the calls are compiled away.

use crate::book::matching::ctx::BookCtx;
use crate::book::order_book::Book;
use crate::book::state_hash::StateHash;
use crate::book::storage::arena::Arena;
use crate::book::storage::observer::StorageObserver;
use crate::book::{DepthLevel, OrderId, Price, Qty, Visible};

impl<const ORDERS: usize, const BLOCKS: usize, const FAR: usize, const STOPS: usize, const IDS: usize, T: StateHash>
    Book<ORDERS, BLOCKS, FAR, STOPS, IDS, T>
{
    fn report<H: BookCtx>(&self, level: u32, qty: u64, orders: u32, what: Visible, h: &mut H) {
        let side = self.arena.side(level);
        let level = DepthLevel { price: self.arena.price(level), qty: Qty::new(qty), orders };
        h.on_visible_change(side, level, what);
    }

    /// Returns the visible quantity of a resting order.
    pub(in crate::book) fn visible_qty_of(&self, order: u32) -> u64 {
        self.arena.node(order).qty - self.arena.hidden_qty_of(order)
    }

    /// Reports an order that has joined its queue.
    #[inline(never)]
    pub(in crate::book) fn report_visible_added<H: BookCtx>(&self, order: u32, h: &mut H) {
        let qty = self.visible_qty_of(order);
        if qty == 0 {
            return;
        }
        let level = self.arena.level_of(order);
        let what = Visible::Added { id: OrderId::new(self.arena.node(order).id), qty: Qty::new(qty) };
        self.report(level, self.arena.visible_qty(level), self.arena.visible_orders(level), what, h);
    }

    /// Reports an order that is about to leave its queue.
    #[inline(never)]
    pub(in crate::book) fn report_visible_deleted<H: BookCtx>(&self, order: u32, h: &mut H) {
        let qty = self.visible_qty_of(order);
        if qty == 0 {
            return;
        }
        let level = self.arena.level_of(order);
        let what = Visible::Deleted { id: OrderId::new(self.arena.node(order).id), qty: Qty::new(qty) };
        self.report(level, self.arena.visible_qty(level) - qty, self.arena.visible_orders(level) - 1, what, h);
    }

    /// Reports an order of visible quantity `was` that was reduced and kept priority.
    #[inline(never)]
    pub(in crate::book) fn report_visible_reduced<H: BookCtx>(&self, order: u32, was: u64, h: &mut H) {
        let left = self.visible_qty_of(order);
        if left == was {
            return; // hidden, or its reserve was enough
        }
        let level = self.arena.level_of(order);
        let id = OrderId::new(self.arena.node(order).id);
        let what = Visible::Reduced { id, by: Qty::new(was - left), left: Qty::new(left) };
        self.report(level, self.arena.visible_qty(level), self.arena.visible_orders(level), what, h);
    }

    /// Reports an order that has traded; it is still in its queue, where a used-up slice counts 0.
    #[inline(never)]
    pub(in crate::book) fn report_visible_trade<H: BookCtx>(
        &self,
        order: u32,
        at: Price,
        qty: u64,
        again: bool,
        h: &mut H,
    ) {
        let level = self.arena.level_of(order);
        let (lots, seen) = (self.arena.visible_qty(level), self.arena.visible_orders(level));
        let qty = Qty::new(qty);
        if self.arena.is_hidden(order) {
            return self.report(level, lots, seen, Visible::HiddenTrade { at, qty, again }, h);
        }
        let left = self.arena.slice(order);
        let id = OrderId::new(self.arena.node(order).id);
        let what = Visible::Executed { id, at, qty, left: Qty::new(left), again };
        self.report(level, lots, seen - u32::from(left == 0), what, h);
    }
}

/// Reports the trade of an order that is neither hidden nor iceberg at its level's price. `off`:
/// lots and orders that have left the level, this trade included, and are not taken off its totals
/// yet.
#[inline(never)]
pub(in crate::book) fn report_vanilla_trade<const ORDERS: usize, S: StorageObserver, H: BookCtx>(
    arena: &Arena<ORDERS, S>,
    level: u32,
    (id, qty, left): (u64, u64, u64),
    off: (u64, u32),
    h: &mut H,
) {
    let (side, at) = (arena.side(level), arena.price(level));
    let what = Visible::Executed { id: OrderId::new(id), at, qty: Qty::new(qty), left: Qty::new(left), again: false };
    let (lots, orders) = (arena.visible_qty(level) - off.0, arena.visible_orders(level) - off.1);
    h.on_visible_change(side, DepthLevel { price: at, qty: Qty::new(lots), orders }, what);
}
