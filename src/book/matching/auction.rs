//! Trading phases, and the uncross that ends a call auction.

use crate::book::matching::ctx::BookCtx;
use crate::book::order_book::Book;
use crate::book::state_hash::StateHash;
use crate::book::storage::price_ladder::price;
use crate::book::{EventBody, OrderId, Phase, Price, Qty, Side};

impl<const ORDERS: usize, const BLOCKS: usize, const FAR: usize, const STOPS: usize, const IDS: usize, T: StateHash>
    Book<ORDERS, BLOCKS, FAR, STOPS, IDS, T>
{
    /// Changes the trading phase. Implements M14.8 (`phase` is answered even if nothing changes),
    /// M14.9 (the close) and M15.1 (uncross, then the stops).
    pub(in crate::book) fn change_phase<H: BookCtx>(&mut self, phase: Phase, h: &mut H) {
        let was = self.phase;
        self.phase = phase;
        h.emit_outlined(&EventBody::Phase { phase });
        match phase {
            Phase::Closed => self.close(h),
            Phase::Continuous if was != Phase::Continuous => {
                self.uncross(h);
                self.untested = true;
                self.test_stops(h);
            }
            _ => {}
        }
    }

    /// Trades the crossed part of the book at one price. Implements M15.2 and M15.9 to M15.12;
    /// self-trade prevention does not act (M12.7).
    #[inline(never)]
    fn uncross<H: BookCtx>(&mut self, h: &mut H) {
        let Some((at, volume)) = self.auction_price() else { return }; // M15.2
        let mut left = volume;
        h.emit_outlined(&EventBody::Uncross { price: at, volume });
        while left > 0 {
            let (Some(bid), Some(ask)) = (self.sides[0].first(), self.sides[1].first()) else { return };
            let (buyer, seller) = (self.arena.node(bid.level).next, self.arena.node(ask.level).next);
            // M15.9: the smaller of the two slices and of what is left of the volume.
            let slices = self.arena.slice(buyer).min(self.arena.slice(seller));
            let qty = u64::try_from(left).unwrap_or(u64::MAX).min(slices);
            left -= u128::from(qty);
            let open = [(buyer, bid.level), (seller, ask.level)].map(|(order, level)| {
                let has_cold = self.arena.has_cold_state(order);
                self.arena.fill(order, level, qty, has_cold)
            });
            // M15.12: the maker is the one with the smaller entry stamp.
            let buyer_first = self.arena.attributes(buyer).stamp < self.arena.attributes(seller).stamp;
            let (maker, taker) = if buyer_first { (buyer, seller) } else { (seller, buyer) };
            let (maker_open, taker_open) = if buyer_first { (open[0], open[1]) } else { (open[1], open[0]) };
            h.emit_outlined(&EventBody::Trade {
                maker: OrderId::new(self.arena.node(maker).id),
                taker: OrderId::new(self.arena.node(taker).id),
                taker_side: if buyer_first { Side::Sell } else { Side::Buy },
                price: at, // M15.11
                qty: Qty::new(qty),
                maker_open: Qty::new(maker_open),
                taker_open: Qty::new(taker_open),
            });
            self.last.set(at.ticks());
            for (order, open) in [(buyer, open[0]), (seller, open[1])] {
                if h.watches() {
                    self.report_visible_trade(order, at, qty, order == seller, h);
                }
                if open == 0 {
                    self.remove_order(order, h);
                } else if self.arena.slice(order) == 0 {
                    self.refresh_slice(order, h); // M15.10
                }
            }
        }
    }

    /// Returns price and volume of the uncross, or `None` if the book is not crossed (M15.2).
    ///
    /// Candidates are the prices of all levels (M15.3); only those from best ask to best bid have
    /// volume. They are visited from the highest down: demand grows by each bid level passed,
    /// supply shrinks by each ask level passed. Volumes are exact, `u128`.
    fn auction_price(&self) -> Option<(Price, u128)> {
        let (best_bid, best_ask) = (self.sides[0].first()?, self.sides[1].first()?);
        let (high, low) = (price(Side::Buy, best_bid.rank).ticks(), price(Side::Sell, best_ask.rank).ticks());
        if high < low {
            return None;
        }
        // Supply at the highest candidate: all asks down to it.
        let mut supply = 0u128;
        let mut ask = Some(best_ask);
        let mut worst = None;
        while let Some(at) = ask.filter(|at| price(Side::Sell, at.rank).ticks() <= high) {
            supply += u128::from(self.arena.node(at.level).qty);
            worst = Some(at);
            ask = self.sides[1].worse(at.rank);
        }
        let mut demand = 0u128;
        let mut bid = Some(best_bid);
        let mut ask = worst;
        let mut choice = Choice::new(self.last.get().or(self.reference.get()));
        loop {
            let bid_at = bid.map(|at| price(Side::Buy, at.rank).ticks()).filter(|&p| p >= low);
            let ask_at = ask.map(|at| price(Side::Sell, at.rank).ticks());
            let Some(ticks) = bid_at.into_iter().chain(ask_at).max() else { break };
            if let Some(at) = bid.filter(|_| bid_at == Some(ticks)) {
                demand += u128::from(self.arena.node(at.level).qty);
                bid = self.sides[0].worse(at.rank);
            }
            choice.consider(ticks, demand, supply);
            if let Some(at) = ask.filter(|_| ask_at == Some(ticks)) {
                supply -= u128::from(self.arena.node(at.level).qty);
                ask = self.sides[1].better(at.rank);
            }
        }
        Some((Price::new(choice.ticks()), choice.volume))
    }
}

/// The best candidates so far: largest volume (M15.4), among those smallest imbalance (M15.5).
/// They come highest price first.
#[derive(Clone, Copy, Debug)]
struct Choice {
    volume: u128,
    imbalance: u128,
    /// Whether all of these prices have more demand than supply, and whether all have less (M15.6).
    all_buy: bool,
    all_sell: bool,
    highest: i64,
    lowest: i64,
    nearest: i64,
    near: Option<i64>,
}

impl Choice {
    const fn new(near: Option<i64>) -> Self {
        let (volume, imbalance) = (0, u128::MAX);
        Self { volume, imbalance, all_buy: true, all_sell: true, highest: 0, lowest: 0, nearest: 0, near }
    }

    fn consider(&mut self, ticks: i64, demand: u128, supply: u128) {
        let (volume, imbalance) = (demand.min(supply), demand.abs_diff(supply));
        if volume < self.volume || (volume == self.volume && imbalance > self.imbalance) {
            return;
        }
        if volume > self.volume || imbalance < self.imbalance {
            *self = Self { volume, imbalance, highest: ticks, nearest: ticks, ..Self::new(self.near) };
        }
        self.all_buy &= demand > supply;
        self.all_sell &= demand < supply;
        self.lowest = ticks;
        if self.near.is_some_and(|near| near.abs_diff(ticks) < near.abs_diff(self.nearest)) {
            self.nearest = ticks;
        }
    }

    /// Returns the price of the uncross among equal candidates. Implements M15.6 (strict buy
    /// surplus: highest; strict sell surplus: lowest), M15.7 (else nearest to the last trade price
    /// or the reference, with neither the highest) and M15.8 (of two equally near the higher).
    const fn ticks(&self) -> i64 {
        if self.all_buy {
            self.highest
        } else if self.all_sell {
            self.lowest
        } else {
            self.nearest
        }
    }
}
