//! Depth: price levels and resting orders, read without a copy.

use crate::book::order_book::{Book, Found};
use crate::book::state_hash::StateHash;
use crate::book::storage::price_ladder::{key, price};
use crate::book::{OrderId, OwnerId, Phase, Price, Qty, Side};
use crate::capacity::checked;

/// One price level as the market sees it.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct DepthLevel {
    /// Its price.
    pub price: Price,
    /// Visible quantity: hidden orders and iceberg reserves do not count.
    pub qty: Qty,
    /// Visible orders; an iceberg is one.
    pub orders: u32,
}

/// What anyone may read of a book.
pub trait BookView {
    /// The phase.
    fn phase(&self) -> Phase;

    /// The last trade price.
    fn last(&self) -> Option<Price>;

    /// The best level of a side that shows any quantity, or the best one strictly worse than `after`.
    fn next_level(&self, side: Side, after: Option<Price>) -> Option<DepthLevel>;

    /// Orders resting on both sides.
    fn resting_orders(&self) -> usize;

    /// The visible levels of a side, best first.
    fn depth(&self, side: Side) -> Depth<'_, Self>
    where
        Self: Sized,
    {
        Depth { book: self, side, after: None, done: false }
    }
}

/// Iterator over the visible levels of a side, best first.
#[derive(Debug)]
pub struct Depth<'a, B> {
    book: &'a B,
    side: Side,
    after: Option<Price>,
    done: bool,
}

impl<B: BookView> Iterator for Depth<'_, B> {
    type Item = DepthLevel;

    fn next(&mut self) -> Option<DepthLevel> {
        if self.done {
            return None;
        }
        let level = self.book.next_level(self.side, self.after);
        self.done = level.is_none();
        self.after = level.map(|l| l.price);
        level
    }
}

/// A resting order as its owner sees it.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct RestingOrder {
    /// Its id.
    pub id: OrderId,
    /// Its owner.
    pub owner: OwnerId,
    /// Its side.
    pub side: Side,
    /// Its price.
    pub price: Price,
    /// All that is open, an iceberg's reserve included.
    pub open: Qty,
    /// What of it the market sees: nothing of a hidden order, a slice of an iceberg.
    pub visible: Qty,
}

impl<const ORDERS: usize, const BLOCKS: usize, const FAR: usize, const STOPS: usize, const IDS: usize, T: StateHash>
    Book<ORDERS, BLOCKS, FAR, STOPS, IDS, T>
{
    /// The best visible level of a side.
    #[must_use]
    pub fn best(&self, side: Side) -> Option<DepthLevel> {
        self.next_level(side, None)
    }

    /// The level of a side at a price, if anything there is visible.
    #[must_use]
    pub fn level_at(&self, side: Side, price: Price) -> Option<DepthLevel> {
        checked!(Self);
        let level = self.sides[side as usize].find(key(side, price));
        if level == 0 { None } else { self.shown(price, level) }
    }

    /// A resting order by its id; stops do not rest.
    #[must_use]
    pub fn order(&self, id: OrderId) -> Option<RestingOrder> {
        match self.find(id.get()) {
            Found::Order(order) => Some(self.resting(order)),
            _ => None,
        }
    }

    /// The orders of a side at a price in the order in which they trade, hidden ones last.
    pub fn orders_at(&self, side: Side, price: Price) -> impl Iterator<Item = RestingOrder> {
        checked!(Self);
        let level = self.sides[side as usize].find(key(side, price));
        // Node 0 is nobody's and its queue is empty.
        self.slab.queue(level).map(|order| self.resting(order))
    }

    /// Untriggered stops.
    #[must_use]
    pub const fn untriggered_stops(&self) -> usize {
        checked!(Self);
        self.stops.live()
    }

    pub(in crate::book) fn resting(&self, order: u32) -> RestingOrder {
        let node = self.slab.node(order);
        let level = self.slab.level_of(order);
        let side = if self.slab.side(level) == 0 { Side::Buy } else { Side::Sell };
        RestingOrder {
            id: OrderId::new(node.key),
            owner: OwnerId::new(self.slab.owner(order)),
            side,
            price: price(side, self.slab.key(level)),
            open: Qty::new(node.qty),
            visible: Qty::new(node.qty - self.slab.hidden_qty_of(order)),
        }
    }

    fn shown(&self, price: Price, level: u32) -> Option<DepthLevel> {
        let orders = self.slab.visible_orders(level);
        (orders > 0).then(|| DepthLevel { price, qty: Qty::new(self.slab.visible_qty(level)), orders })
    }
}

impl<const ORDERS: usize, const BLOCKS: usize, const FAR: usize, const STOPS: usize, const IDS: usize, T: StateHash>
    BookView for Book<ORDERS, BLOCKS, FAR, STOPS, IDS, T>
{
    fn phase(&self) -> Phase {
        checked!(Self);
        self.phase
    }

    fn last(&self) -> Option<Price> {
        checked!(Self);
        self.last.get().map(Price::new)
    }

    fn next_level(&self, side: Side, after: Option<Price>) -> Option<DepthLevel> {
        checked!(Self);
        let ladder = &self.sides[side as usize];
        let mut rung = match after {
            None => ladder.first(),
            Some(after) => ladder.worse(key(side, after)),
        };
        while let Some(at) = rung {
            if let Some(level) = self.shown(price(side, at.key), at.level) {
                return Some(level);
            }
            rung = ladder.worse(at.key);
        }
        None
    }

    fn resting_orders(&self) -> usize {
        checked!(Self);
        self.slab.live_orders()
    }
}

impl<const ORDERS: usize, const BLOCKS: usize, const FAR: usize, const STOPS: usize, const IDS: usize, T: StateHash>
    core::fmt::Debug for Book<ORDERS, BLOCKS, FAR, STOPS, IDS, T>
{
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.debug_struct("Book")
            .field("phase", &self.phase)
            .field("last", &self.last())
            .field("best_bid", &self.best(Side::Buy))
            .field("best_ask", &self.best(Side::Sell))
            .field("resting_orders", &self.resting_orders())
            .field("untriggered_stops", &self.untriggered_stops())
            .finish_non_exhaustive()
    }
}
