//! One order: resting, waiting for its trigger, or being matched.

use vvp_core::book::{Command, OrderId, OrderType, OwnerId, Price, Qty, SelfTradePrevention, Side, TimeInForce};

/// An order and everything that is known about it. Prices in ticks, quantities in lots, times in
/// nanoseconds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Order {
    /// Id, unique among the live orders of its instrument.
    pub id: u64,
    /// Owner; 0 if none was given.
    pub owner: u32,
    /// Buy or sell.
    pub side: Side,
    /// Current type: a triggered stop has become `Market` or `Limit`.
    pub kind: OrderType,
    /// Time in force.
    pub tif: TimeInForce,
    /// Expiry of a gtd order.
    pub expires: Option<u64>,
    /// Self-trade prevention that applies when this order is the aggressor.
    pub stp: SelfTradePrevention,
    /// Limit price.
    pub price: Option<i64>,
    /// Stop price; `None` for a trailing stop.
    pub stop: Option<i64>,
    /// Distance of a trailing stop from its anchor, in ticks.
    pub trail: Option<u64>,
    /// Price that a trailing stop trails; `None` before the first (M8.12).
    pub anchor: Option<i64>,
    /// Bound of a market order, in ticks from the best opposite price (M3.4).
    pub protect: Option<u64>,
    /// Largest slice of an iceberg.
    pub display: Option<u64>,
    /// Minimum quantity of an ioc order.
    pub min_qty: Option<u64>,
    /// Whether it is a hidden order.
    pub hidden: bool,
    /// Whether it must not take liquidity on entry.
    pub post_only: bool,
    /// Whole leaves quantity, the reserve of an iceberg included.
    pub open: u64,
    /// Quantity that queues: the slice of an iceberg, else all of `open`. Valid while it rests.
    pub slice: u64,
    /// Entry stamp (M0.12).
    pub entry: u64,
    /// Entry stamp before it triggered; for coverage only.
    pub(crate) arrived: u64,
    /// Whether it is a triggered stop; for coverage only.
    pub(crate) triggered: bool,
}

impl Order {
    /// Id, side, owner, limit price and open quantity, as events have them.
    pub(crate) fn event_fields(&self) -> (OrderId, Side, OwnerId, Option<Price>, Qty) {
        let (owner, price) = (OwnerId::new(self.owner), self.price.map(Price::new));
        (self.order_id(), self.side, owner, price, Qty::new(self.open))
    }

    /// Returns the order that a `new` command asks for.
    pub(crate) fn from_command(c: &Command, entry: u64) -> Self {
        let kind = c.order_type();
        Self {
            id: c.id().get(),
            owner: c.owner().get(),
            side: c.side(),
            kind,
            tif: c.tif(),
            expires: c.expiry(),
            stp: c.self_trade(),
            price: c.limit_price().map(Price::ticks),
            stop: c.stop_price().map(Price::ticks),
            trail: c.trail(),
            anchor: None,
            protect: c.protection(),
            display: c.display_qty().map(Qty::lots),
            min_qty: c.min_qty().map(Qty::lots),
            hidden: c.is_hidden(),
            post_only: c.is_post_only(),
            open: c.qty().lots(),
            slice: 0,
            entry,
            arrived: entry,
            triggered: false,
        }
    }

    /// Returns the id as the core's type.
    pub fn order_id(&self) -> OrderId {
        OrderId::new(self.id)
    }

    /// Returns whether its rest may join the book: a limit order with gtc, day or gtd.
    pub(crate) fn may_rest(&self) -> bool {
        self.kind == OrderType::Limit && self.tif.may_rest()
    }

    /// Returns whether an iceberg would exceed 1,000 slices with an open quantity of `open`.
    pub(crate) fn too_many_slices(&self, open: u64) -> bool {
        self.display.is_some_and(|display| u128::from(open) > 1000 * u128::from(display))
    }

    /// Returns the slice that it has when it (re)joins a queue.
    pub(crate) fn fresh_slice(&self) -> u64 {
        match self.display {
            Some(display) => display.min(self.open),
            None => self.open,
        }
    }

    /// Shrinks the open quantity in place: an iceberg's reserve goes first (M7.7).
    pub(crate) fn shrink_to(&mut self, open: u64) {
        self.open = open;
        self.slice = self.slice.min(open);
    }
}

/// Returns whether an order of `side` with limit `limit` (`None`: any price) trades at `price` of
/// the other side.
pub(crate) fn crosses(side: Side, limit: Option<i64>, price: i64) -> bool {
    match (side, limit) {
        (_, None) => true,
        (Side::Buy, Some(limit)) => price <= limit,
        (Side::Sell, Some(limit)) => price >= limit,
    }
}

/// Returns `base` moved by `ticks`, up or down, saturating at the ends of `i64`, and whether it
/// saturated.
pub fn moved(base: i64, ticks: u64, up: bool) -> (i64, bool) {
    let exact = if up { i128::from(base) + i128::from(ticks) } else { i128::from(base) - i128::from(ticks) };
    let held = exact.clamp(i128::from(i64::MIN), i128::from(i64::MAX));
    (held as i64, held != exact)
}
