//! One order, resting, waiting for its trigger, or in hand.

use vvp_core::book::{Command, OrderId, OrderType, Price, Qty, SelfTradePrevention, Side, TimeInForce};

/// An order with everything that is known about it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Order {
    pub id: u64,
    pub owner: u32,
    pub side: Side,
    /// What it is now: a triggered stop has become `Market` or `Limit`.
    pub kind: OrderType,
    pub tif: TimeInForce,
    pub expires: Option<u64>,
    pub stp: SelfTradePrevention,
    pub price: Option<i64>,
    pub stop: Option<i64>,
    pub trail: Option<u64>,
    /// Of a trailing stop: the last price it follows from; `None` before any.
    pub anchor: Option<i64>,
    pub protect: Option<u64>,
    pub display: Option<u64>,
    pub min_qty: Option<u64>,
    pub hidden: bool,
    pub post_only: bool,
    /// Whole leaves quantity, reserve included.
    pub open: u64,
    /// What of it stands in the queue; all of it unless it is an iceberg. Meaningful while it rests.
    pub slice: u64,
    /// Entry stamp.
    pub entry: u64,
    /// Entry stamp that it arrived with, and whether it was a stop once; for coverage.
    pub arrived: u64,
    pub triggered: bool,
}

impl Order {
    /// The order that a `new` command asks for.
    pub fn from_command(c: &Command, entry: u64) -> Self {
        let kind = c.order_type();
        Self {
            id: c.id().get(),
            owner: c.owner_id().get(),
            side: c.side(),
            kind,
            tif: c.time_in_force(),
            expires: c.expiry(),
            stp: c.self_trade_mode(),
            price: kind.has_limit().then(|| c.limit_price().ticks()),
            stop: c.stop_price().map(Price::ticks),
            trail: c.trail(),
            anchor: None,
            protect: c.protection(),
            display: c.display_qty().map(Qty::lots),
            min_qty: c.minimum_qty().map(Qty::lots),
            hidden: c.is_hidden(),
            post_only: c.is_post_only(),
            open: c.quantity().lots(),
            slice: 0,
            entry,
            arrived: entry,
            triggered: false,
        }
    }

    pub fn order_id(&self) -> OrderId {
        OrderId::new(self.id)
    }

    /// Whether its quantity may rest in the book: a limit order with gtc, day or gtd.
    pub fn may_rest(&self) -> bool {
        self.kind == OrderType::Limit && self.tif.may_rest()
    }

    /// Iceberg with the bound of 1,000 slices broken at an open quantity of `open`.
    pub fn too_many_slices(&self, open: u64) -> bool {
        self.display.is_some_and(|display| u128::from(open) > 1000 * u128::from(display))
    }

    /// The slice that an order shows when it (re)joins a queue.
    pub fn fresh_slice(&self) -> u64 {
        match self.display {
            Some(display) => display.min(self.open),
            None => self.open,
        }
    }

    /// Shrinks the order in place: an iceberg's reserve goes first.
    pub fn shrink_to(&mut self, open: u64) {
        self.open = open;
        self.slice = self.slice.min(open);
    }
}

/// Whether an order of `side` with limit `limit` (`None` = any price) trades at `price` of the other side.
pub fn crosses(side: Side, limit: Option<i64>, price: i64) -> bool {
    match (side, limit) {
        (_, None) => true,
        (Side::Buy, Some(limit)) => price <= limit,
        (Side::Sell, Some(limit)) => price >= limit,
    }
}

/// `base` moved by `ticks`, up or down, stopping at the ends of `i64`. The second value says whether it stopped.
pub fn moved(base: i64, ticks: u64, up: bool) -> (i64, bool) {
    let exact = if up { i128::from(base) + i128::from(ticks) } else { i128::from(base) - i128::from(ticks) };
    let held = exact.clamp(i128::from(i64::MIN), i128::from(i64::MAX));
    (held as i64, held != exact)
}
