//! Icebergs: of the open quantity only a slice is visible and queues. Chapter 7 of the contract.

use crate::book::matching::ctx::BookCtx;
use crate::book::order_book::Book;
use crate::book::state_hash::StateHash;
use crate::book::storage::arena::Arena;
use crate::book::storage::observer::StorageObserver;

/// The most slices of an iceberg (M7.1, M7.2); bounds the worst case of a trade.
pub(in crate::book) const MAX_SLICES: u64 = 1_000;

/// Returns whether `qty` is too much for slices of `display`: more than 1,000 of them (M7.1, M7.2).
#[inline(always)]
pub(in crate::book) const fn exceeds_max_slices(qty: u64, display: u64) -> bool {
    qty as u128 > display as u128 * MAX_SLICES as u128
}

impl<const ORDERS: usize, S: StorageObserver> Arena<ORDERS, S> {
    /// Gives an iceberg that joins the book its first slice. Implements M7.9.
    #[inline(always)]
    pub(in crate::book) fn start_slice(&mut self, order: u32, display: u64, open: u64) {
        let cold = self.cold_mut(order);
        cold.display = display;
        cold.slice = display.min(open);
    }

    /// Fills `qty`, at most its slice, of an order at the front of a level. Returns what stays
    /// open.
    #[inline(always)]
    pub(in crate::book) fn fill(&mut self, order: u32, level: u32, qty: u64, has_cold: bool) -> u64 {
        self.node_mut(level).qty -= qty;
        let node = self.node_mut(order);
        node.qty -= qty;
        let open = node.qty;
        self.report_resized(order, open + qty, open);
        if has_cold {
            let attributes = self.attributes(order);
            if attributes.hidden {
                *self.hidden_qty_mut(level) -= qty;
            } else if attributes.iceberg {
                let slice = &mut self.cold_mut(order).slice;
                *slice -= qty;
                let slice = *slice;
                self.report_slice(order, slice + qty, slice);
            }
        }
        open
    }

    /// Sets a resting order's open quantity to a smaller one, not 0; it keeps its place. Takes from
    /// an iceberg's reserve first. Implements M7.7.
    pub(in crate::book) fn shrink(&mut self, order: u32, open: u64) {
        let level = self.level_of(order);
        let hidden_qty = self.hidden_qty_of(order);
        let by = self.node(order).qty - open;
        self.node_mut(order).qty = open;
        self.node_mut(level).qty -= by;
        self.report_resized(order, open + by, open);
        if self.has_cold_state(order) {
            if self.attributes(order).iceberg {
                let cold = self.cold_mut(order);
                let was = cold.slice;
                cold.slice = was.min(open);
                self.report_slice(order, was, was.min(open));
            }
            let now = self.hidden_qty_of(order);
            let at = self.hidden_qty_mut(level);
            *at = *at - hidden_qty + now;
        }
    }

    /// Gives an iceberg whose slice is used up a new one, at the back of the displayed queue.
    /// Implements M7.4 (and so M7.6). The entry stamp stays (M0.12).
    pub(in crate::book) fn refresh_slice(&mut self, order: u32) {
        if self.slice(order) != 0 {
            return;
        }
        let level = self.level_of(order);
        let open = self.node(order).qty;
        let cold = self.cold_mut(order);
        cold.slice = cold.display.min(open);
        let slice = cold.slice;
        *self.hidden_qty_mut(level) -= slice;
        self.report_slice(order, 0, slice);
        self.requeue(order, level);
    }
}

impl<const ORDERS: usize, const BLOCKS: usize, const FAR: usize, const STOPS: usize, const IDS: usize, T: StateHash>
    Book<ORDERS, BLOCKS, FAR, STOPS, IDS, T>
{
    /// Sets a resting order's open quantity to a smaller one, not 0; priority is kept (M7.7).
    #[inline(always)]
    pub(in crate::book) fn shrink<H: BookCtx>(&mut self, order: u32, open: u64, h: &mut H) {
        let was = if h.watches() { self.visible_qty_of(order) } else { 0 };
        self.arena.shrink(order, open);
        if h.watches() {
            self.report_visible_reduced(order, was, h);
        }
    }

    /// Gives an iceberg whose slice is used up a new one (M7.4, M15.10), and reports it.
    #[inline(always)]
    pub(in crate::book) fn refresh_slice<H: BookCtx>(&mut self, order: u32, h: &mut H) {
        self.arena.refresh_slice(order);
        if h.watches() {
            self.report_visible_added(order, h);
        }
    }
}
