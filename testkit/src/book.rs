//! The book of one instrument: two sides of levels, each a displayed and a hidden queue; and the untriggered stops.

use super::order::Order;
use super::rules::Coverage;
use std::collections::{BTreeMap, VecDeque};
use vvp_core::book::{CancelReason, EventBody, InstrumentSpec, Phase, Price, Qty, Side};

/// Orders of one side at one price, by id, front first.
#[derive(Clone, Debug, Default)]
pub struct Level {
    pub displayed: VecDeque<u64>,
    pub hidden: VecDeque<u64>,
}

/// Where events and coverage go: the instrument (if any) and what happened, in order.
#[derive(Clone, Debug, Default)]
pub struct Tape {
    pub events: Vec<(Option<u16>, EventBody)>,
    pub cov: Coverage,
}

/// One instrument.
#[derive(Clone, Debug)]
pub struct Book {
    pub index: u16,
    pub spec: InstrumentSpec,
    pub phase: Phase,
    /// Last trade price.
    pub last: Option<i64>,
    pub bids: BTreeMap<i64, Level>,
    pub asks: BTreeMap<i64, Level>,
    /// Resting orders by id.
    pub orders: BTreeMap<u64, Order>,
    /// Untriggered stops, in entry order.
    pub stops: Vec<Order>,
    pub max_orders: usize,
    pub max_stops: usize,
    next_entry: u64,
    /// Lowest and highest trade price since the last test of stops; for coverage only.
    pub traded: Option<(i64, i64)>,
}

impl Book {
    pub fn new(index: u16, spec: InstrumentSpec, max_orders: usize, max_stops: usize) -> Self {
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

    /// A new entry stamp.
    pub fn stamp(&mut self) -> u64 {
        self.next_entry += 1;
        self.next_entry
    }

    pub fn emit(&self, tape: &mut Tape, body: EventBody) {
        tape.events.push((Some(self.index), body));
    }

    pub fn emit_canceled(&self, tape: &mut Tape, order: &Order, reason: CancelReason) {
        self.emit(tape, EventBody::Canceled { id: order.order_id(), qty: Qty::new(order.open), reason });
    }

    pub fn emit_reduced(&self, tape: &mut Tape, order: &Order) {
        self.emit(tape, EventBody::Reduced { id: order.order_id(), qty: Qty::new(order.open) });
    }

    // ---- looking -------------------------------------------------------------------------------------------

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

    /// The prices of a side, best first.
    pub fn prices(&self, side: Side) -> Vec<i64> {
        match side {
            Side::Buy => self.bids.keys().rev().copied().collect(),
            Side::Sell => self.asks.keys().copied().collect(),
        }
    }

    pub fn best(&self, side: Side) -> Option<i64> {
        match side {
            Side::Buy => self.bids.keys().next_back().copied(),
            Side::Sell => self.asks.keys().next().copied(),
        }
    }

    /// The order that trades next on a side: best price, displayed before hidden, then time (rule 1).
    pub fn front(&self, side: Side) -> Option<&Order> {
        let level = &self.levels(side)[&self.best(side)?];
        let id = level.displayed.front().or(level.hidden.front()).expect("a level has an order");
        Some(&self.orders[id])
    }

    /// The orders of a side in the order of a mass cancel: best price first, displayed, then hidden, each in queue order.
    pub fn queue_order(&self, side: Side) -> Vec<&Order> {
        self.prices(side)
            .iter()
            .map(|price| &self.levels(side)[price])
            .flat_map(|level| level.displayed.iter().chain(&level.hidden))
            .map(|id| &self.orders[id])
            .collect()
    }

    /// Open quantity of a level (reserves and hidden orders included), without the order `except`.
    pub fn level_total(&self, side: Side, price: i64, except: Option<u64>) -> u128 {
        let Some(level) = self.levels(side).get(&price) else { return 0 };
        let ids = level.displayed.iter().chain(&level.hidden);
        ids.filter(|id| Some(**id) != except).map(|id| u128::from(self.orders[id].open)).sum()
    }

    pub fn stop_position(&self, id: u64) -> Option<usize> {
        self.stops.iter().position(|s| s.id == id)
    }

    /// A live order: resting or untriggered.
    pub fn live(&self, id: u64) -> Option<&Order> {
        self.orders.get(&id).or_else(|| self.stops.iter().find(|s| s.id == id))
    }

    pub fn live_mut(&mut self, id: u64) -> Option<&mut Order> {
        if self.orders.contains_key(&id) {
            self.orders.get_mut(&id)
        } else {
            self.stops.iter_mut().find(|s| s.id == id)
        }
    }

    /// The visible levels of a side, best first: price, visible quantity, visible orders.
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

    // ---- changing ------------------------------------------------------------------------------------------

    /// Puts an order with a limit price at the end of its queue.
    pub fn rest(&mut self, mut order: Order) {
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

    /// Takes a resting order out of the book.
    pub fn unrest(&mut self, id: u64) -> Order {
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

    /// Takes a live order away, resting or untriggered.
    pub fn remove(&mut self, id: u64) -> Order {
        match self.stop_position(id) {
            Some(at) => self.stops.remove(at),
            None => self.unrest(id),
        }
    }

    /// Cancels a live order.
    pub fn cancel(&mut self, id: u64, reason: CancelReason, tape: &mut Tape) {
        let order = self.remove(id);
        self.emit_canceled(tape, &order, reason);
    }

    /// Fills `qty` of a resting order's slice: a used-up slice refreshes at the back of the displayed queue, an order
    /// without open quantity is gone.
    pub fn fill(&mut self, id: u64, qty: u64) {
        let order = self.orders.get_mut(&id).expect("a maker rests");
        assert!(qty > 0 && qty <= order.slice);
        order.open -= qty;
        order.slice -= qty;
        if order.open == 0 {
            self.unrest(id);
        } else if order.slice == 0 {
            // Only icebergs get here. The entry stamp stays (section 1).
            let order = self.unrest(id);
            self.rest(order);
        }
    }

    /// Live orders of an owner here.
    pub fn live_of(&self, owner: u32) -> u64 {
        self.orders.values().chain(&self.stops).filter(|o| o.owner == owner).count() as u64
    }

    // ---- what must always hold -----------------------------------------------------------------------------

    pub fn check(&self) {
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
