//! The queries of `vvp_core::book::Book`, answered by walking the book.

use super::book::Book;
use vvp_core::book::{FillCost, Price, Qty, QueuePosition, Side};

impl Book {
    /// Returns what trades before a resting order at its price; `None` if no order `id` rests.
    ///
    /// For a displayed order: the slices queued ahead. For a hidden one: all displayed orders with
    /// their reserves, and the hidden orders ahead. Quantities in lots.
    pub fn queue_position(&self, id: u64) -> Option<QueuePosition> {
        let order = self.orders.get(&id)?;
        let level = &self.levels(order.side)[&order.price?];
        let ahead = |queue: &std::collections::VecDeque<u64>| -> Vec<u64> {
            queue.iter().copied().take_while(|&other| other != id).collect()
        };
        let (ids, lots): (Vec<u64>, u64) = if order.hidden {
            let ids: Vec<u64> = level.displayed.iter().copied().chain(ahead(&level.hidden)).collect();
            let lots = ids.iter().map(|id| self.orders[id].open).sum();
            (ids, lots)
        } else {
            let ids = ahead(&level.displayed);
            let lots = ids.iter().map(|id| self.orders[id].slice).sum();
            (ids, lots)
        };
        Some(QueuePosition { orders_ahead: ids.len() as u32, qty_ahead: Qty::new(lots) })
    }

    /// Returns what a market order of `side` for `qty` lots would take: lots, notional (ticks ×
    /// lots) and the worst price.
    pub fn cost_to_fill(&self, side: Side, qty: u64) -> FillCost {
        let mut left = qty;
        let mut notional = 0;
        let mut worst = None;
        for maker in self.queue_order(side.opposite()) {
            if left == 0 {
                break;
            }
            let price = maker.price.expect("it rests");
            let lots = left.min(maker.open);
            left -= lots;
            notional += i128::from(price) * i128::from(lots);
            worst = Some(Price::new(price));
        }
        FillCost { qty: Qty::new(qty - left), notional, worst }
    }
}
