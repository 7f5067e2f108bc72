//! The book of one instrument: two sides of levels, each with a displayed and a hidden queue, and
//! the untriggered stops.

use super::order::Order;
use super::rules::Coverage;
use std::collections::{BTreeMap, VecDeque};
use vvp_core::book::{CancelReason, EventBody, InstrumentSpec, Phase, Price, Qty, Side};

/// A level: the orders of one side at one price, as ids in queue order, front first.
#[derive(Clone, Debug, Default)]
pub struct Level {
    /// Displayed orders, icebergs included. They trade before the hidden ones.
    pub displayed: VecDeque<u64>,
    /// Hidden orders.
    pub hidden: VecDeque<u64>,
}

/// Where events and coverage go.
#[derive(Clone, Debug, Default)]
pub(crate) struct Tape {
    /// Instrument, if any, and what happened, in order.
    pub(crate) events: Vec<(Option<u16>, EventBody)>,
    pub(crate) cov: Coverage,
}

/// The order book of one instrument. Prices in ticks, quantities in lots.
#[derive(Clone, Debug)]
pub struct Book {
    /// Index of the instrument, from 0 in the order of definition.
    pub index: u16,
    /// Definition of the instrument.
    pub spec: InstrumentSpec,
    /// Current trading phase.
    pub phase: Phase,
    /// Last trade price.
    pub last: Option<i64>,
    pub(crate) bids: BTreeMap<i64, Level>,
    pub(crate) asks: BTreeMap<i64, Level>,
    /// Resting orders by id.
    pub orders: BTreeMap<u64, Order>,
    /// Untriggered stops, in entry order.
    pub stops: Vec<Order>,
    pub(crate) max_orders: usize,
    pub(crate) max_stops: usize,
    next_entry: u64,
    /// Lowest and highest trade price since the last test of stops; for coverage only.
    pub(crate) traded: Option<(i64, i64)>,
}

impl Book {
    pub(crate) fn new(index: u16, spec: InstrumentSpec, max_orders: usize, max_stops: usize) -> Self {
        Self {
            index,
            spec,
            phase: Phase::Continuous,
            last: None,
            bids: BTreeMap::new(),
            asks: BTreeMap::new(),
            orders: BTreeMap::new(),
            stops: Vec::new(),
            max_orders,
            max_stops,
            next_entry: 0,
            traded: None,
        }
    }

    /// Returns a new entry stamp.
    pub(crate) fn stamp(&mut self) -> u64 {
        self.next_entry += 1;
        self.next_entry
    }

    pub(crate) fn emit(&self, tape: &mut Tape, body: EventBody) {
        tape.events.push((Some(self.index), body));
    }

    pub(crate) fn emit_canceled(&self, tape: &mut Tape, order: &Order, reason: CancelReason) {
        let (id, side, owner, price, qty) = order.event_fields();
        self.emit(tape, EventBody::Canceled { id, side, owner, price, qty, reason });
    }

    pub(crate) fn emit_reduced(&self, tape: &mut Tape, order: &Order) {
        let (id, side, owner, price, qty) = order.event_fields();
        self.emit(tape, EventBody::Reduced { id, side, owner, price, qty });
    }

    // ---- queries --------------------------------------------------------------------------------

    /// Returns the levels of a side by price, ascending.
    pub fn levels(&self, side: Side) -> &BTreeMap<i64, Level> {
        match side {
            Side::Buy => &self.bids,
            Side::Sell => &self.asks,
        }
    }

    fn levels_mut(&mut self, side: Side) -> &mut BTreeMap<i64, Level> {
        match side {
            Side::Buy => &mut self.bids,
            Side::Sell => &mut self.asks,
        }
    }

    /// Returns the prices of the levels of a side, best first; hidden levels too.
    pub fn prices(&self, side: Side) -> Vec<i64> {
        match side {
            Side::Buy => self.bids.keys().rev().copied().collect(),
            Side::Sell => self.asks.keys().copied().collect(),
        }
    }

    /// Returns the best price of a side; hidden orders count.
    pub fn best(&self, side: Side) -> Option<i64> {
        match side {
            Side::Buy => self.bids.keys().next_back().copied(),
            Side::Sell => self.asks.keys().next().copied(),
        }
    }

    /// Returns the order of a side that trades next (chapter 1).
    pub(crate) fn front(&self, side: Side) -> Option<&Order> {
        let level = &self.levels(side)[&self.best(side)?];
        let id = level.displayed.front().or(level.hidden.front()).expect("a level has an order");
        Some(&self.orders[id])
    }

    /// Returns the resting orders of a side: best price first, at each price displayed before
    /// hidden, each in queue order (M11.2).
    pub fn queue_order(&self, side: Side) -> Vec<&Order> {
        self.prices(side)
            .iter()
            .map(|price| &self.levels(side)[price])
            .flat_map(|level| level.displayed.iter().chain(&level.hidden))
            .map(|id| &self.orders[id])
            .collect()
    }

    /// Returns the open quantity of a level, reserves and hidden orders included, without the order
    /// `except`.
    pub(crate) fn level_total(&self, side: Side, price: i64, except: Option<u64>) -> u128 {
        let Some(level) = self.levels(side).get(&price) else { return 0 };
        let ids = level.displayed.iter().chain(&level.hidden);
        ids.filter(|id| Some(**id) != except).map(|id| u128::from(self.orders[id].open)).sum()
    }

    pub(crate) fn stop_position(&self, id: u64) -> Option<usize> {
        self.stops.iter().position(|s| s.id == id)
    }

    /// Returns a live order: resting, or an untriggered stop.
    pub fn live(&self, id: u64) -> Option<&Order> {
        self.orders.get(&id).or_else(|| self.stops.iter().find(|s| s.id == id))
    }

    pub(crate) fn live_mut(&mut self, id: u64) -> Option<&mut Order> {
        if self.orders.contains_key(&id) {
            self.orders.get_mut(&id)
        } else {
            self.stops.iter_mut().find(|s| s.id == id)
        }
    }

    /// Returns the visible levels of a side, best first: price, visible quantity, visible orders.
    ///
    /// # Panics
    /// If the visible quantity of a level exceeds a `u64`, which M0.6 excludes.
    pub fn depth(&self, side: Side) -> Vec<(Price, Qty, u32)> {
        let mut depth = Vec::new();
        for price in self.prices(side) {
            let displayed = &self.levels(side)[&price].displayed;
            if !displayed.is_empty() {
                let qty = displayed.iter().map(|id| self.orders[id].slice).sum();
                depth.push((Price::new(price), Qty::new(qty), displayed.len() as u32));
            }
        }
        depth
    }

    // ---- changes --------------------------------------------------------------------------------

    /// Appends an order with a limit price to its queue.
    pub(crate) fn rest(&mut self, mut order: Order) {
        let price = order.price.expect("only orders with a limit price rest");
        assert!(order.open > 0 && order.may_rest());
        order.slice = order.fresh_slice();
        let level = self.levels_mut(order.side).entry(price).or_default();
        if order.hidden {
            level.hidden.push_back(order.id)
        } else {
            level.displayed.push_back(order.id)
        }
        let id = order.id;
        assert!(self.orders.insert(id, order).is_none(), "id {id} rests twice");
    }

    /// Removes a resting order.
    pub(crate) fn unrest(&mut self, id: u64) -> Order {
        let order = self.orders.remove(&id).expect("the order rests");
        let price = order.price.expect("a resting order has a price");
        let level = self.levels_mut(order.side).get_mut(&price).expect("its level is there");
        level.displayed.retain(|&other| other != id);
        level.hidden.retain(|&other| other != id);
        if level.displayed.is_empty() && level.hidden.is_empty() {
            self.levels_mut(order.side).remove(&price);
        }
        order
    }

    /// Removes a live order, resting or untriggered.
    pub(crate) fn remove(&mut self, id: u64) -> Order {
        match self.stop_position(id) {
            Some(at) => self.stops.remove(at),
            None => self.unrest(id),
        }
    }

    /// Cancels a live order.
    pub(crate) fn cancel(&mut self, id: u64, reason: CancelReason, tape: &mut Tape) {
        let order = self.remove(id);
        self.emit_canceled(tape, &order, reason);
    }

    /// Fills `qty` of a resting order's slice: a used-up slice refreshes at the back of the
    /// displayed queue (M7.4), an order without open quantity is removed.
    pub(crate) fn fill(&mut self, id: u64, qty: u64) {
        let order = self.orders.get_mut(&id).expect("a maker rests");
        assert!(qty > 0 && qty <= order.slice);
        order.open -= qty;
        order.slice -= qty;
        if order.open == 0 {
            self.unrest(id);
        } else if order.slice == 0 {
            // Only icebergs get here. The entry stamp stays (M0.12).
            let order = self.unrest(id);
            self.rest(order);
        }
    }

    /// Returns the number of live orders of an owner.
    pub(crate) fn live_of(&self, owner: u32) -> u64 {
        self.orders.values().chain(&self.stops).filter(|o| o.owner == owner).count() as u64
    }

    // ---- invariants -----------------------------------------------------------------------------

    /// Asserts the invariants that hold between commands.
    pub(crate) fn check(&self) {
        let mut resting = 0;
        for (side, levels) in [(Side::Buy, &self.bids), (Side::Sell, &self.asks)] {
            for (&price, level) in levels {
                assert!(!level.displayed.is_empty() || !level.hidden.is_empty(), "an empty level stays");
                assert!(self.level_total(side, price, None) <= u128::from(u64::MAX), "a level's total overflows");
                for (ids, hidden) in [(&level.displayed, false), (&level.hidden, true)] {
                    for id in ids {
                        let o = &self.orders[id];
                        assert_eq!((o.id, o.side, o.price, o.hidden), (*id, side, Some(price), hidden));
                        assert!(o.slice > 0 && o.slice <= o.open && o.may_rest());
                        assert!(o.display.is_some() || o.slice == o.open);
                        assert!(o.display.is_none_or(|d| o.slice <= d) && !o.too_many_slices(o.open));
                        resting += 1;
                    }
                }
            }
        }
        assert_eq!(resting, self.orders.len());
        assert!(resting <= self.max_orders && self.stops.len() <= self.max_stops);
        assert!(self.stops.is_sorted_by_key(|s| s.entry), "stops out of entry order");
        assert!(self.stops.iter().all(|s| s.open > 0 && s.kind.is_stop() && !self.orders.contains_key(&s.id)));
        if self.phase == Phase::Continuous {
            if let (Some(bid), Some(ask)) = (self.best(Side::Buy), self.best(Side::Sell)) {
                assert!(bid < ask, "crossed in continuous: {bid} >= {ask}");
            }
            if let Some(last) = self.last {
                assert!(self.stops.iter().all(|s| !s.satisfied(last)), "a satisfied stop was left");
            }
        }
    }
}
