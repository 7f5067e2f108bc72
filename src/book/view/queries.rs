//! Queries that walk a queue or a side: queue position, cost to fill, counts.

use crate::book::order_book::{Book, Found};
use crate::book::state_hash::StateHash;
use crate::book::storage::price_ladder::price;
use crate::book::view::depth::RestingOrder;
use crate::book::{OrderId, OrderType, OwnerId, Price, Qty, Side};
use crate::capacity::checked;

/// Queue position: what trades before an order at its price.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct QueuePosition {
    /// Orders ahead of it, icebergs and hidden ones included.
    pub orders_ahead: u32,
    /// Lots that trade before it: of icebergs ahead only the slices, since a new slice queues
    /// behind it (M7.4); for a hidden order all displayed orders with their reserves (M7.6), and
    /// the hidden orders ahead.
    pub qty_ahead: Qty,
}

/// Cost of filling a quantity immediately.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct FillCost {
    /// Lots that would trade: the requested quantity, or all there is.
    pub qty: Qty,
    /// Σ price in ticks × lots. Divide by `qty` for the average price.
    pub notional: i128,
    /// The last price that would trade; `None` if nothing would.
    pub worst: Option<Price>,
}

/// An untriggered stop with all that its owner may know.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct WaitingStop {
    /// Its id.
    pub id: OrderId,
    /// Its owner.
    pub owner: OwnerId,
    /// Its side.
    pub side: Side,
    /// stop, stop_limit or trailing_stop.
    pub order_type: OrderType,
    /// Its trigger price now; `None` for a trailing stop before the first trade (M8.12).
    pub stop: Option<Price>,
    /// Its limit price, if it has one.
    pub limit: Option<Price>,
    /// Its quantity.
    pub open: Qty,
}

/// Numbers of orders, levels and stops: now, and at the high-water mark.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct BookCounts {
    /// Resting orders.
    pub resting_orders: usize,
    /// Occupied levels of bids and of asks, those with hidden orders only included.
    pub levels: [usize; 2],
    /// Untriggered stops.
    pub stops: usize,
    /// The most resting orders.
    pub resting_orders_max: usize,
    /// The most occupied levels, both sides together.
    pub levels_max: usize,
    /// The most stops, those queued for their turn included.
    pub stops_max: usize,
}

impl<const ORDERS: usize, const BLOCKS: usize, const FAR: usize, const STOPS: usize, const IDS: usize, T: StateHash>
    Book<ORDERS, BLOCKS, FAR, STOPS, IDS, T>
{
    /// Returns the queue position of a resting order; `None` if no such order rests. Walks the
    /// queue up to it.
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
    /// let commands = [bid(1, 99, 5).with_display_qty(Qty::new(2)), bid(2, 99, 6), bid(3, 99, 7)];
    /// engine.apply_all(&commands, &mut sink);
    /// let book = engine.book(x).expect("defined");
    /// let position = book.queue_position(OrderId::new(3)).expect("it rests");
    /// assert_eq!((position.orders_ahead, position.qty_ahead), (2, Qty::new(8)));
    /// ```
    #[must_use]
    pub fn queue_position(&self, id: OrderId) -> Option<QueuePosition> {
        let Found::Order(wanted) = self.find(id.get()) else { return None };
        let hidden = self.arena.is_hidden(wanted);
        let mut position = QueuePosition { orders_ahead: 0, qty_ahead: Qty::ZERO };
        for order in self.arena.queue(self.arena.level_of(wanted)).take_while(|&order| order != wanted) {
            let lots = if hidden { self.arena.node(order).qty } else { self.arena.slice(order) };
            position.orders_ahead += 1;
            // The open quantities of a level add up in a u64.
            position.qty_ahead = Qty::new(position.qty_ahead.lots() + lots);
        }
        Some(position)
    }

    /// Returns the cost of a market order on `side` for `qty`, hidden orders and reserves included,
    /// without self-trade prevention. Walks the levels it would take.
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
    /// let cost = book.cost_to_fill(Side::Sell, Qty::new(10));
    /// assert_eq!((cost.qty, cost.notional), (Qty::new(10), 7 * 100 + 3 * 99));
    /// assert_eq!(cost.worst, Some(Price::new(99)));
    /// ```
    #[must_use]
    pub fn cost_to_fill(&self, side: Side, qty: Qty) -> FillCost {
        checked!(Self);
        let other = side.opposite();
        let ladder = &self.sides[other as usize];
        let mut cost = FillCost { qty: Qty::ZERO, notional: 0, worst: None };
        let mut left = qty.lots();
        let mut cursor = ladder.first();
        while let Some(at) = cursor.filter(|_| left > 0) {
            let price = price(other, at.rank);
            let lots = self.arena.node(at.level).qty.min(left);
            left -= lots;
            // |price| is at most 2^63 and all lots together below 2^64: the sum stays within i128.
            cost.notional += i128::from(price.ticks()) * i128::from(lots);
            cost.worst = Some(price);
            cursor = ladder.worse(at.rank);
        }
        cost.qty = Qty::new(qty.lots() - left);
        cost
    }

    /// Iterates over the resting orders of an owner: bids best price first in queue order, then
    /// asks. Walks the book.
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
    /// engine.apply_all(&[bid(1, 99, 5).with_owner(OwnerId::new(7)), bid(2, 98, 6)], &mut sink);
    /// let book = engine.book(x).expect("defined");
    /// let of_7 = book.resting_orders_of(OwnerId::new(7)).map(|order| order.id.get());
    /// assert!(of_7.eq([1]));
    /// ```
    pub fn resting_orders_of(&self, owner: OwnerId) -> impl Iterator<Item = RestingOrder> {
        checked!(Self);
        [Side::Buy, Side::Sell].into_iter().flat_map(move |side| {
            let ladder = &self.sides[side as usize];
            core::iter::successors(ladder.first(), move |at| ladder.worse(at.rank))
                .flat_map(move |at| self.arena.queue(at.level))
                .filter(move |&order| self.arena.owner(order) == owner.get())
                .map(move |order| self.resting(order))
        })
    }

    /// Iterates over the untriggered stops of an owner in entry order. Walks all stops. Together
    /// with [`Book::resting_orders_of`] these are all its live orders on this instrument.
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
    /// let stop = Command::stop(OrderId::new(2), Side::Buy, Price::new(105), Qty::new(3));
    /// engine.apply_all(&[bid(1, 99, 5), stop], &mut sink);
    /// let book = engine.book(x).expect("defined");
    /// let stops = book.stops_of(OwnerId::new(0)).map(|stop| (stop.id.get(), stop.stop));
    /// assert!(stops.eq([(2, Some(Price::new(105)))]));
    /// ```
    pub fn stops_of(&self, owner: OwnerId) -> impl Iterator<Item = WaitingStop> {
        checked!(Self);
        let of = self.stops.in_entry_order().map(|slot| self.stops.get(slot)).filter(move |s| s.owner == owner.get());
        of.map(|s| WaitingStop {
            id: OrderId::new(s.id),
            owner: OwnerId::new(s.owner),
            side: s.side,
            order_type: s.kind,
            stop: (s.kind != OrderType::TrailingStop || s.has_anchor).then_some(Price::new(s.stop)),
            limit: s.kind.has_limit().then_some(Price::new(s.limit)),
            open: Qty::new(s.qty),
        })
    }

    /// Returns the numbers of orders, levels and stops, now and at the high-water mark.
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
    /// let commands = [bid(1, 99, 5), bid(2, 98, 6), Command::cancel(OrderId::new(2))];
    /// engine.apply_all(&commands, &mut sink);
    /// let book = engine.book(x).expect("defined");
    /// let counts = book.counts();
    /// assert_eq!((counts.resting_orders, counts.resting_orders_max), (1, 2));
    /// assert_eq!((counts.levels, counts.levels_max, counts.stops), ([1, 0], 2, 0));
    /// ```
    #[must_use]
    pub const fn counts(&self) -> BookCounts {
        checked!(Self);
        BookCounts {
            resting_orders: self.arena.live_orders(),
            levels: [self.sides[0].levels(), self.sides[1].levels()],
            stops: self.stops.live(),
            resting_orders_max: self.arena.orders_high_water(),
            levels_max: self.arena.levels_high_water(),
            stops_max: self.stops.high_water(),
        }
    }

    /// Returns the most orders that rested at one time.
    #[must_use]
    pub const fn resting_orders_high_water(&self) -> usize {
        checked!(Self);
        self.arena.orders_high_water()
    }

    /// Returns the most price levels that were occupied at one time, both sides together.
    #[must_use]
    pub const fn levels_high_water(&self) -> usize {
        checked!(Self);
        self.arena.levels_high_water()
    }

    /// Returns the occupied price levels of a side, those with hidden orders only included.
    #[must_use]
    pub const fn levels(&self, side: Side) -> usize {
        checked!(Self);
        self.sides[side as usize].levels()
    }
}
