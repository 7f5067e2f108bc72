//! Views of the market: L1, L2, L3 and state of a stock.

use super::{Market, STOCKS, StockCounts, StockState};
use vvp_core::book::{DepthLevel, Price, Qty, Side};
use vvp_core::sync::prefetch;
use vvp_core::wire::field::Text;

/// An order on a book.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub struct OrderView {
    /// Its reference.
    pub reference: u64,
    /// Its stock.
    pub locate: u16,
    /// Its side.
    pub side: Side,
    /// Its price, in ten-thousandths of a dollar.
    pub price: Price,
    /// Shares that are left.
    pub shares: u32,
}

/// One stock of a market.
#[derive(Debug)]
pub struct StockView<'a, const ORDERS: usize, const IDS: usize, const LEVELS: usize, const WORDS: usize> {
    market: &'a Market<ORDERS, IDS, LEVELS, WORDS>,
    locate: u16,
}

impl<const O: usize, const I: usize, const L: usize, const W: usize> Clone for StockView<'_, O, I, L, W> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<const O: usize, const I: usize, const L: usize, const W: usize> Copy for StockView<'_, O, I, L, W> {}

impl<const ORDERS: usize, const IDS: usize, const LEVELS: usize, const WORDS: usize>
    Market<ORDERS, IDS, LEVELS, WORDS>
{
    /// Returns a stock by its locate.
    #[must_use]
    pub const fn stock(&self, locate: u16) -> StockView<'_, ORDERS, IDS, LEVELS, WORDS> {
        StockView { market: self, locate }
    }

    /// Returns all stocks that a message has named, by locate.
    pub fn stocks(&self) -> impl Iterator<Item = StockView<'_, ORDERS, IDS, LEVELS, WORDS>> {
        (0..STOCKS).filter(|&locate| self.stocks[locate].seen != 0).map(|locate| self.stock(locate as u16))
    }

    /// Returns the locate of a stock by its name; linear in the stocks.
    #[must_use]
    pub fn locate_of(&self, name: &str) -> Option<u16> {
        self.stocks().find(|stock| stock.name().trimmed() == name.as_bytes()).map(|stock| stock.locate)
    }

    /// Returns a live order by its reference.
    #[must_use]
    pub fn order(&self, reference: u64) -> Option<OrderView> {
        let slot = self.ids.get(reference, |slot| self.orders.get(slot).reference == reference);
        (slot != 0).then(|| self.order_at(slot))
    }

    fn order_at(&self, slot: u32) -> OrderView {
        let order = self.orders.get(slot);
        OrderView {
            reference: order.reference,
            locate: order.locate,
            side: if order.side == 0 { Side::Buy } else { Side::Sell },
            price: Price::new(self.levels.get(order.level).price.into()),
            shares: order.shares,
        }
    }

    /// Returns the peak numbers of orders, levels and words of sorted prices in use; words include
    /// free runs.
    #[must_use]
    pub const fn touched(&self) -> [u32; 3] {
        [self.orders.touched(), self.levels.touched(), self.runs.used()]
    }

    /// Prefetches, some messages ahead, the place of a message's reference in the id map and its
    /// stock. Any numbers are allowed.
    #[inline(always)]
    pub fn prefetch_stock(&self, locate: u16, reference: u64) {
        let stock = &self.stocks[usize::from(locate)];
        prefetch(&raw const *stock);
        prefetch(&raw const stock.counts);
        prefetch(self.ids.place_address(reference));
    }

    /// Prefetches the order of a reference and the best prices of a stock, after
    /// [`prefetch_stock`](Self::prefetch_stock).
    #[inline(always)]
    pub fn prefetch_order(&self, locate: u16, reference: u64) {
        self.orders.prefetch(self.ids.at_place(reference));
        for run in self.stocks[usize::from(locate)].run {
            self.runs.prefetch(run);
        }
    }

    /// Prefetches the level of an order and its neighbours, after
    /// [`prefetch_order`](Self::prefetch_order).
    #[inline(always)]
    pub fn prefetch_level(&self, reference: u64) {
        let order = self.orders.get(self.ids.at_place(reference));
        self.levels.prefetch(order.level);
        self.orders.prefetch(order.next);
        self.orders.prefetch(order.prev);
    }

    /// Checks that levels are the sum of their orders, runs are sorted and lead to their levels,
    /// copies of the best are right, and every live order is found by its reference. For tests: it
    /// visits everything.
    ///
    /// # Panics
    /// If an invariant is violated.
    pub fn check_invariants(&self) {
        let mut live = 0;
        for stock in self.stocks() {
            let mut orders_of_stock = 0;
            let kept = &self.stocks[usize::from(stock.locate)];
            for (side, which) in [(0u8, Side::Buy), (1, Side::Sell)] {
                let words = self.runs.words(kept.run[usize::from(side)]);
                assert!(words.is_sorted(), "a run is sorted");
                let top = kept.top[usize::from(side)];
                assert_eq!(words.last().map_or(0, |&w| w as u32), top.level, "the copy leads to the best");
                for &word in words {
                    let level = self.levels.get(word as u32);
                    assert_eq!((word >> 32) as u32, Self::price_key(side, level.price), "a word has its level's price");
                    if top.level == word as u32 {
                        assert_eq!((top.price, top.qty), (level.price, level.qty), "the copy is the best");
                    }
                    let (mut qty, mut count, mut at, mut prev) = (0, 0, level.first, 0);
                    while at != 0 {
                        let order = self.orders.get(at);
                        assert_eq!((order.level, order.prev, order.side), (word as u32, prev, side), "links agree");
                        assert_eq!(order.locate, stock.locate);
                        assert!(order.shares > 0);
                        let found = self.ids.get(order.reference, |s| self.orders.get(s).reference == order.reference);
                        assert_eq!(found, at, "found by its reference");
                        qty += u64::from(order.shares);
                        count += 1;
                        (prev, at) = (at, order.next);
                    }
                    assert_eq!((qty, count, prev), (level.qty, level.orders, level.last), "a level is its orders' sum");
                    orders_of_stock += count;
                }
                assert_eq!(stock.depth(which).count(), words.len());
            }
            assert_eq!(orders_of_stock, kept.live);
            assert_eq!(kept.crossed != 0, kept.is_crossed(), "known to be crossed when it is");
            live += u64::from(orders_of_stock);
        }
        assert_eq!(live, self.totals.live);
    }

    const fn price_key(side: u8, price: u32) -> u32 {
        if side == 0 { price } else { !price }
    }
}

impl<'a, const ORDERS: usize, const IDS: usize, const LEVELS: usize, const WORDS: usize>
    StockView<'a, ORDERS, IDS, LEVELS, WORDS>
{
    /// Returns its locate.
    #[must_use]
    pub const fn locate(&self) -> u16 {
        self.locate
    }

    const fn stock(&self) -> &'a super::Stock {
        &self.market.stocks[self.locate as usize]
    }

    /// Returns its name; blanks if no message had it.
    #[must_use]
    pub fn name(&self) -> Text<8> {
        Text::new(&self.stock().state.name).unwrap_or(Text::BLANK)
    }

    /// Returns its state.
    #[must_use]
    pub const fn state(&self) -> &'a StockState {
        &self.stock().state
    }

    /// Returns its counts.
    #[must_use]
    pub const fn counts(&self) -> &'a StockCounts {
        &self.stock().counts
    }

    /// Returns the number of orders on its book.
    #[must_use]
    pub const fn live(&self) -> u32 {
        self.stock().live
    }

    /// Returns the checksum over its own top of book, if it was on from the start.
    #[must_use]
    pub const fn checksum(&self) -> Option<u64> {
        if self.market.sum.on != 0 { Some(self.stock().sum.get()) } else { None }
    }

    /// Returns L1 as four numbers: bid price, bid size, ask price, ask size; prices in
    /// ten-thousandths of a dollar, zeros for an empty side.
    #[must_use]
    #[inline]
    pub const fn best(&self) -> [u64; 4] {
        self.stock().best()
    }

    /// Returns whether the best bid is at or above the best ask. In a continuous market that does
    /// not last: it means that messages are missing, and that executed, canceled or deleted orders
    /// are still here.
    #[must_use]
    pub const fn is_crossed(&self) -> bool {
        self.stock().is_crossed()
    }

    /// Returns L2: the levels of a side, the best first; prices in ten-thousandths of a dollar.
    pub fn depth(&self, side: Side) -> impl Iterator<Item = DepthLevel> + use<'a, ORDERS, IDS, LEVELS, WORDS> {
        let market = self.market;
        self.slots(side).map(move |slot| {
            let level = market.levels.get(slot);
            DepthLevel { price: Price::new(level.price.into()), qty: Qty::new(level.qty), orders: level.orders }
        })
    }

    /// Returns L3: the orders of a side, the best level first, each level by time priority.
    pub fn orders(&self, side: Side) -> impl Iterator<Item = OrderView> + use<'a, ORDERS, IDS, LEVELS, WORDS> {
        let market = self.market;
        self.slots(side).flat_map(move |slot| {
            let first = Some(market.levels.get(slot).first).filter(|&first| first != 0);
            let next = move |at: &u32| Some(market.orders.get(*at).next).filter(|&n| n != 0);
            core::iter::successors(first, next).map(move |at| market.order_at(at))
        })
    }

    fn slots(&self, side: Side) -> impl Iterator<Item = u32> + use<'a, ORDERS, IDS, LEVELS, WORDS> {
        let run = self.stock().run[usize::from(side == Side::Sell)];
        self.market.runs.words(run).iter().rev().map(|&word| word as u32)
    }
}
