//! Depth: price levels and resting orders, read without a copy of the book.

use crate::book::order_book::{Book, Found};
use crate::book::state_hash::StateHash;
use crate::book::storage::price_ladder::{price, rank};
use crate::book::{OrderId, OwnerId, Phase, Price, Qty, Side};
use crate::capacity::checked;

/// The visible part of one price level.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct DepthLevel {
    /// Its price.
    pub price: Price,
    /// Visible quantity: without hidden orders and iceberg reserves (M7.3).
    pub qty: Qty,
    /// Visible orders; an iceberg is one.
    pub orders: u32,
}

/// The public part of a book, for code that is generic over its sizes.
pub trait BookView {
    /// Returns the trading phase.
    fn phase(&self) -> Phase;

    /// Returns the last trade price; `None` before a trade.
    fn last(&self) -> Option<Price>;

    /// Returns the best visible level of a side; with `after` the best one strictly worse than it.
    fn next_level(&self, side: Side, after: Option<Price>) -> Option<DepthLevel>;

    /// Returns the number of resting orders of both sides.
    fn resting_orders(&self) -> usize;

    /// Iterates over the visible levels of a side, best first.
    ///
    /// ```
    /// use vvp_core::book::*;
    /// use vvp_core::engine::{Engine, Matcher};
    ///
    /// # type OneBook =
    /// #     vvp_core::book_type!(orders: 64, ticks_per_side: 64, far_levels: 8, stops: 8);
    /// # let mut engine = Engine::<OneBook, 1, 4>::new();
    /// # let (x, mut sink) = (InstrumentId::new(0), CountSink::default());
    /// # engine.apply(&Command::instrument(x, &InstrumentSpec::new(Symbol::X)), &mut sink);
    /// let bid = |id, price, qty| {
    ///     Command::limit(OrderId::new(id), Side::Buy, Price::new(price), Qty::new(qty))
    /// };
    /// engine.apply_all(&[bid(1, 99, 5), bid(2, 100, 7), bid(3, 100, 1)], &mut sink);
    /// let book = engine.book(x).expect("defined");
    /// let levels: Vec<_> = book.depth(Side::Buy)
    ///     .map(|l| (l.price.ticks(), l.qty.lots(), l.orders))
    ///     .collect();
    /// assert_eq!(levels, [(100, 8, 2), (99, 5, 1)]);
    /// ```
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

/// A resting order with all that its owner may know.
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
    /// The open quantity, an iceberg's reserve included (M0.11).
    pub open: Qty,
    /// The visible part: 0 for a hidden order, the slice of an iceberg.
    pub visible: Qty,
}

impl<const ORDERS: usize, const BLOCKS: usize, const FAR: usize, const STOPS: usize, const IDS: usize, T: StateHash>
    Book<ORDERS, BLOCKS, FAR, STOPS, IDS, T>
{
    /// Returns the best visible level of a side.
    ///
    /// ```
    /// use vvp_core::book::*;
    /// use vvp_core::engine::{Engine, Matcher};
    ///
    /// # type OneBook =
    /// #     vvp_core::book_type!(orders: 64, ticks_per_side: 64, far_levels: 8, stops: 8);
    /// # let mut engine = Engine::<OneBook, 1, 4>::new();
    /// # let (x, mut sink) = (InstrumentId::new(0), CountSink::default());
    /// # engine.apply(&Command::instrument(x, &InstrumentSpec::new(Symbol::X)), &mut sink);
    /// let bid = |id, price, qty| {
    ///     Command::limit(OrderId::new(id), Side::Buy, Price::new(price), Qty::new(qty))
    /// };
    /// engine.apply_all(&[bid(1, 99, 5), bid(2, 100, 7)], &mut sink);
    /// let book = engine.book(x).expect("defined");
    /// assert_eq!(book.best(Side::Buy).map(|level| level.price), Some(Price::new(100)));
    /// assert_eq!(book.best(Side::Sell), None);
    /// ```
    #[must_use]
    pub fn best(&self, side: Side) -> Option<DepthLevel> {
        self.next_level(side, None)
    }

    /// Returns the level of a side at a price, if it has a visible order.
    ///
    /// ```
    /// use vvp_core::book::*;
    /// use vvp_core::engine::{Engine, Matcher};
    ///
    /// # type OneBook =
    /// #     vvp_core::book_type!(orders: 64, ticks_per_side: 64, far_levels: 8, stops: 8);
    /// # let mut engine = Engine::<OneBook, 1, 4>::new();
    /// # let (x, mut sink) = (InstrumentId::new(0), CountSink::default());
    /// # engine.apply(&Command::instrument(x, &InstrumentSpec::new(Symbol::X)), &mut sink);
    /// let bid = |id, price, qty| {
    ///     Command::limit(OrderId::new(id), Side::Buy, Price::new(price), Qty::new(qty))
    /// };
    /// engine.apply_all(&[bid(1, 99, 5)], &mut sink);
    /// let book = engine.book(x).expect("defined");
    /// let at_99 = book.level_at(Side::Buy, Price::new(99)).expect("a visible order");
    /// assert_eq!(at_99.qty, Qty::new(5));
    /// assert_eq!(book.level_at(Side::Buy, Price::new(98)), None);
    /// ```
    #[must_use]
    pub fn level_at(&self, side: Side, price: Price) -> Option<DepthLevel> {
        checked!(Self);
        let level = self.sides[side as usize].find(rank(side, price));
        if level == 0 { None } else { self.shown(price, level) }
    }

    /// Returns a resting order by its id; stops do not rest.
    ///
    /// ```
    /// use vvp_core::book::*;
    /// use vvp_core::engine::{Engine, Matcher};
    ///
    /// # type OneBook =
    /// #     vvp_core::book_type!(orders: 64, ticks_per_side: 64, far_levels: 8, stops: 8);
    /// # let mut engine = Engine::<OneBook, 1, 4>::new();
    /// # let (x, mut sink) = (InstrumentId::new(0), CountSink::default());
    /// # engine.apply(&Command::instrument(x, &InstrumentSpec::new(Symbol::X)), &mut sink);
    /// let bid = |id, price, qty| {
    ///     Command::limit(OrderId::new(id), Side::Buy, Price::new(price), Qty::new(qty))
    /// };
    /// let commands = [bid(1, 99, 5).with_display_qty(Qty::new(2))];
    /// engine.apply_all(&commands, &mut sink);
    /// let book = engine.book(x).expect("defined");
    /// let order = book.order(OrderId::new(1)).expect("it rests");
    /// assert_eq!((order.open, order.visible), (Qty::new(5), Qty::new(2)));
    /// assert_eq!(book.order(OrderId::new(2)), None);
    /// ```
    #[must_use]
    pub fn order(&self, id: OrderId) -> Option<RestingOrder> {
        match self.find(id.get()) {
            Found::Order(order) => Some(self.resting(order)),
            _ => None,
        }
    }

    /// Iterates over the orders of a side at a price in priority order, hidden ones last (M1.2).
    ///
    /// ```
    /// use vvp_core::book::*;
    /// use vvp_core::engine::{Engine, Matcher};
    ///
    /// # type OneBook =
    /// #     vvp_core::book_type!(orders: 64, ticks_per_side: 64, far_levels: 8, stops: 8);
    /// # let mut engine = Engine::<OneBook, 1, 4>::new();
    /// # let (x, mut sink) = (InstrumentId::new(0), CountSink::default());
    /// # engine.apply(&Command::instrument(x, &InstrumentSpec::new(Symbol::X)), &mut sink);
    /// let bid = |id, price, qty| {
    ///     Command::limit(OrderId::new(id), Side::Buy, Price::new(price), Qty::new(qty))
    /// };
    /// engine.apply_all(&[bid(1, 99, 5).with_hidden(), bid(2, 99, 6), bid(3, 99, 7)], &mut sink);
    /// let book = engine.book(x).expect("defined");
    /// let queue = book.orders_at(Side::Buy, Price::new(99)).map(|order| order.id.get());
    /// assert!(queue.eq([2, 3, 1]));
    /// ```
    pub fn orders_at(&self, side: Side, price: Price) -> impl Iterator<Item = RestingOrder> {
        checked!(Self);
        let level = self.sides[side as usize].find(rank(side, price));
        // Node 0 is the null node; its queue is empty.
        self.arena.queue(level).map(|order| self.resting(order))
    }

    /// Returns the number of untriggered stops.
    #[must_use]
    pub const fn untriggered_stops(&self) -> usize {
        checked!(Self);
        self.stops.live()
    }

    pub(in crate::book) fn resting(&self, order: u32) -> RestingOrder {
        let node = self.arena.node(order);
        let level = self.arena.level_of(order);
        RestingOrder {
            id: OrderId::new(node.id),
            owner: OwnerId::new(self.arena.owner(order)),
            side: self.arena.side(level),
            price: self.arena.price(level),
            open: Qty::new(node.qty),
            visible: Qty::new(node.qty - self.arena.hidden_qty_of(order)),
        }
    }

    fn shown(&self, price: Price, level: u32) -> Option<DepthLevel> {
        let orders = self.arena.visible_orders(level);
        (orders > 0).then(|| DepthLevel { price, qty: Qty::new(self.arena.visible_qty(level)), orders })
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
        let mut cursor = match after {
            None => ladder.first(),
            Some(after) => ladder.worse(rank(side, after)),
        };
        while let Some(at) = cursor {
            if let Some(level) = self.shown(price(side, at.rank), at.level) {
                return Some(level);
            }
            cursor = ladder.worse(at.rank);
        }
        None
    }

    fn resting_orders(&self) -> usize {
        checked!(Self);
        self.arena.live_orders()
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
