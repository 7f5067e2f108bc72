//! Storage observer: what storage reports of each order and stop.
//!
//! The state hash is such an observer. The arena has one as a type parameter, so that the calls are
//! dispatched statically and compiled away for [`StorageObserver::ON`] `false`.

use crate::book::storage::arena::{Arena, Node};
use crate::book::storage::stop_orders::Stop;
use crate::book::{OrderType, SelfTradePrevention, Side, TimeInForce};
use zerocopy::FromZeros;

/// The constant part of a resting order, until it is removed or loses priority.
#[derive(Clone, Copy, Debug)]
pub struct ObservedOrder {
    /// Its id.
    pub id: u64,
    /// Its owner.
    pub owner: u32,
    /// Its options in one byte: time in force, self-trade prevention, iceberg, hidden, post-only.
    pub options: u8,
    /// Its side: 0 bids, 1 asks.
    pub side: u8,
    /// The rank of its price.
    pub rank: i64,
    /// Iceberg: the largest slice.
    pub display: Option<u64>,
    /// gtd: when it expires, in ns.
    pub expires: Option<u64>,
}

/// The constant part of an untriggered stop, until it is removed or replaced.
#[derive(Clone, Copy, Debug)]
pub struct ObservedStop {
    /// Its id.
    pub id: u64,
    /// Its owner.
    pub owner: u32,
    /// Its side.
    pub side: Side,
    /// Its type.
    pub kind: OrderType,
    /// Its time in force.
    pub tif: TimeInForce,
    /// Its self-trade prevention.
    pub stp: SelfTradePrevention,
    /// The trigger price in ticks; 0 for a trailing stop, where it follows from the anchor.
    pub stop: i64,
    /// stop_limit: the limit price in ticks; else 0.
    pub limit: i64,
    /// trailing_stop: the distance in ticks; else 0.
    pub trail: u64,
    /// gtd: when it expires, in ns; else 0.
    pub expires: u64,
    /// The protection in ticks, if it can take effect.
    pub protect: Option<u64>,
}

/// Receives every change of orders and stops.
///
/// An order or stop is known by its entry number: orders 1 to `ORDERS`, stops the numbers after
/// them. Added entries are the last in entry order.
pub trait StorageObserver: FromZeros + core::fmt::Debug {
    /// Whether it observes anything; with `false` the calls are compiled away.
    const ON: bool;

    /// An order was queued. `slice`: of an iceberg.
    fn on_order_added(&mut self, entry: u32, order: &ObservedOrder, open: u64, slice: Option<u64>) {
        let _ = (entry, order, open, slice);
    }

    /// A stop was added. `anchor`: of a trailing stop that has one.
    fn on_stop_added(&mut self, entry: u32, stop: &ObservedStop, open: u64, anchor: Option<u64>) {
        let _ = (entry, stop, open, anchor);
    }

    /// An entry is about to be removed; its open quantity was `open`.
    fn on_removed(&mut self, entry: u32, open: u64) {
        let _ = (entry, open);
    }

    /// The open quantity of an entry changes from `was` to `now`. An order with 0 is removed next.
    fn on_resized(&mut self, entry: u32, was: u64, now: u64) {
        let _ = (entry, was, now);
    }

    /// The slice of an iceberg or the anchor of a trailing stop changes; `None` while there is
    /// none.
    fn on_second_value(&mut self, entry: u32, was: Option<u64>, now: Option<u64>) {
        let _ = (entry, was, now);
    }

    /// An iceberg queues right behind the order `before` now, or first in its level (0), or leaves
    /// its queue (`None`).
    fn on_queued_behind(&mut self, entry: u32, before: Option<u32>) {
        let _ = (entry, before);
    }

    /// All entries were removed.
    fn on_cleared(&mut self) {}
}

impl<const ORDERS: usize, S: StorageObserver> Arena<ORDERS, S> {
    /// Returns the entry number of an order.
    #[inline(always)]
    pub(in crate::book) const fn entry_number(order: u32) -> u32 {
        order - ORDERS as u32
    }

    const fn is_order(node: u32) -> bool {
        node as usize > ORDERS
    }

    /// Returns a queued order as an observer sees it.
    pub(in crate::book) fn observed(&self, order: u32) -> ObservedOrder {
        let observed = self.observed_vanilla(order);
        if !self.has_cold_state(order) {
            return observed;
        }
        let (attributes, cold) = (self.attributes(order), self.cold(order));
        let display = attributes.iceberg.then_some(cold.display);
        let expires = matches!(attributes.tif, TimeInForce::Gtd).then_some(cold.expires);
        ObservedOrder { display, expires, ..observed }
    }

    /// [`Arena::observed`] for an order that is neither iceberg nor gtd.
    #[inline(always)]
    fn observed_vanilla(&self, order: u32) -> ObservedOrder {
        let (node, level) = (self.node(order), self.level_of(order));
        ObservedOrder {
            id: node.id,
            owner: node.owner(),
            options: self.attributes(order).options() as u8,
            side: self.side(level) as u8,
            rank: self.rank(level),
            display: None,
            expires: None,
        }
    }

    /// Returns the slice of an iceberg.
    #[inline(always)]
    pub(in crate::book) fn iceberg_slice(&self, order: u32) -> Option<u64> {
        let is_iceberg = self.has_cold_state(order) && self.attributes(order).iceberg;
        is_iceberg.then(|| self.cold(order).slice)
    }

    /// Reports an order that was queued, the last in entry order.
    #[inline(always)]
    pub(super) fn report_added(&mut self, order: u32) {
        if !S::ON {
            return;
        }
        let (observed, open) = (self.observed(order), self.node(order).qty);
        let slice = self.iceberg_slice(order);
        self.observer.on_order_added(Self::entry_number(order), &observed, open, slice);
        if slice.is_some() {
            self.report_queued_behind(order, self.node(order).prev);
        }
    }

    /// [`Arena::report_added`] for an order that is neither hidden nor iceberg nor gtd.
    #[inline(always)]
    pub(super) fn report_added_vanilla(&mut self, order: u32) {
        if S::ON {
            let (observed, open) = (self.observed_vanilla(order), self.node(order).qty);
            self.observer.on_order_added(Self::entry_number(order), &observed, open, None);
        }
    }

    /// Reports an order that is about to leave its queue.
    #[inline(always)]
    pub(super) fn report_removed(&mut self, order: u32) {
        if !S::ON {
            return;
        }
        let Node { qty, next, prev, .. } = *self.node(order);
        let entry = Self::entry_number(order);
        if let Some(slice) = self.iceberg_slice(order) {
            self.observer.on_second_value(entry, Some(slice), None);
            self.observer.on_queued_behind(entry, None);
        }
        self.observer.on_removed(entry, qty);
        self.report_queued_behind(next, prev);
    }

    /// Reports that `next` queues right behind `before` now; either may be the level.
    #[inline(always)]
    pub(super) fn report_queued_behind(&mut self, next: u32, before: u32) {
        if S::ON && Self::is_order(next) && self.iceberg_slice(next).is_some() {
            let before = if Self::is_order(before) { Self::entry_number(before) } else { 0 };
            self.observer.on_queued_behind(Self::entry_number(next), Some(before));
        }
    }

    /// Reports a new open quantity of a resting order; with 0 it is about to be removed.
    #[inline(always)]
    pub(in crate::book) fn report_resized(&mut self, order: u32, was: u64, now: u64) {
        if S::ON {
            self.observer.on_resized(Self::entry_number(order), was, now);
        }
    }

    /// Reports the trade of a vanilla order at the front of its queue; with 0 left it is removed.
    #[inline(always)]
    pub(in crate::book) fn report_trade(&mut self, order: u32, was: u64, left: u64) {
        if S::ON {
            match left {
                0 => self.observer.on_removed(Self::entry_number(order), was),
                _ => self.observer.on_resized(Self::entry_number(order), was, left),
            }
        }
    }

    /// Reports a new slice of an iceberg.
    #[inline(always)]
    pub(in crate::book) fn report_slice(&mut self, order: u32, was: u64, now: u64) {
        if S::ON {
            self.observer.on_second_value(Self::entry_number(order), Some(was), Some(now));
        }
    }

    /// Returns the order in front of an iceberg in its queue, 0 for the level; `None` for other
    /// orders.
    pub(in crate::book) fn behind(&self, order: u32) -> Option<u32> {
        let prev = self.node(order).prev;
        self.iceberg_slice(order).map(|_| if Self::is_order(prev) { prev } else { 0 })
    }
}

impl Stop {
    /// Returns the stop as an observer sees it.
    pub(in crate::book) fn observed(&self) -> ObservedStop {
        ObservedStop {
            id: self.id,
            owner: self.owner,
            side: self.side,
            kind: self.kind,
            tif: self.tif,
            stp: self.stp,
            stop: if self.kind == OrderType::TrailingStop { 0 } else { self.stop },
            limit: self.limit,
            trail: self.trail,
            expires: self.expires,
            // From any price, `u64::MAX` ticks reach every other: no protection.
            protect: if self.has_protect && self.protect != u64::MAX { Some(self.protect) } else { None },
        }
    }

    /// Returns the anchor of a trailing stop that has one.
    pub(in crate::book) fn observed_anchor(&self) -> Option<u64> {
        self.has_anchor.then_some(self.anchor as u64)
    }
}
