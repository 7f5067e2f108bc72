//! How many events a command can cause at most, seen before it is carried out.
//!
//! The bound follows from what uses up what: each trade takes at least a lot from the order that came, and uses up a slice
//! that rested or ends the order that came; each line of self-trade prevention ends one of the two or takes from both.

use super::ladder::{key, price};
use super::stops::Stop;
use super::store::{Book, Found};
use super::track::Track;
use super::{Command, Op, OrderType, Phase, Price, Qty, SelfTrade, Side, TimeInForce};

/// An order that may trade, as far as the bound asks.
#[derive(Clone, Copy, Debug)]
struct Aggressor {
    side: Side,
    qty: u64,
    /// The worst key of the other side that it trades with.
    limit: i64,
    rests: bool,
    /// It may be canceled without having traded, although it could have been filled.
    looks: bool,
    stp: SelfTrade,
    owner: u32,
}

/// What a walk along the other side found.
#[derive(Clone, Copy, Debug)]
struct Reach {
    /// Trades and decrements, at most, and own orders that are canceled.
    steps: u64,
    is_filled: bool,
    /// The best and the worst price that it reaches.
    prices: Option<(Price, Price)>,
}

impl<const ORDERS: usize, const BLOCKS: usize, const FAR: usize, const STOPS: usize, const IDS: usize, T: Track>
    Book<ORDERS, BLOCKS, FAR, STOPS, IDS, T>
{
    /// How many orders and stops expire by `clock`. Looks at every gtd one.
    pub(crate) fn due(&self, clock: u64) -> u64 {
        let orders = self.expiry.slots().iter().filter(|&&order| self.slab.extra(order).expires <= clock).count();
        (orders + self.stops.due(clock)) as u64
    }

    /// A bound that needs no walk, for what most commands are: those that set off no stop.
    #[inline]
    pub(crate) fn most_events_at_a_glance(&self, c: &Command) -> Option<u64> {
        match c.op() {
            Op::Cancel | Op::Reduce => Some(1),
            Op::New if self.stops.live() == 0 && !c.order_type().is_stop() => {
                let own =
                    if c.self_trade_mode() == SelfTrade::CancelOldest { self.slab.live_orders() as u64 } else { 0 };
                Some(c.quantity().lots().saturating_mul(2).saturating_add(3 + own))
            }
            _ => None,
        }
    }

    /// The most events that a command for this book can cause now, expiries apart. `expiring`: orders of this book will
    /// expire first, so that the order in hand may reach further than it could now.
    pub(crate) fn most_events(&self, c: &Command, expiring: bool) -> u64 {
        let continuous = self.phase == Phase::Continuous;
        match c.op() {
            Op::New if !continuous => 1,
            Op::New if c.order_type().is_stop() => self.most_of_stop(c),
            Op::New => {
                let other = c.side().opposite();
                let limit = match (c.order_type().has_limit(), c.protection()) {
                    (true, _) => key(other, c.limit_price()),
                    (false, Some(ticks)) if !expiring => {
                        self.sides[other as usize].best_key().saturating_sub_unsigned(ticks)
                    }
                    _ => i64::MIN,
                };
                let order = Aggressor {
                    side: c.side(),
                    qty: c.quantity().lots(),
                    limit,
                    rests: c.order_type().has_limit() && c.time_in_force().may_rest(),
                    looks: c.time_in_force() == TimeInForce::Fok || c.minimum_qty().is_some(),
                    stp: c.self_trade_mode(),
                    owner: c.owner_id().get(),
                };
                if c.is_post_only() { 1 } else { self.most_of(&order, expiring) }
            }
            Op::Replace if continuous => self.most_of_replace(c, expiring),
            Op::MassCancel => {
                let (owner, side) = (c.owner_id().get(), c.mass_cancel_side());
                let is_of = |at: Side| side.is_none_or(|only| only == at);
                let orders = self
                    .resting_numbers()
                    .filter(|&order| self.slab.owner(order) == owner && is_of(self.side_of(order)));
                let stops = self.all_stops().filter(|stop| stop.owner == owner && is_of(stop.side));
                (orders.count() + stops.count()).max(1) as u64
            }
            Op::Phase => match c.new_phase() {
                Some(Phase::Closed) => {
                    let orders =
                        self.resting_numbers().filter(|&order| self.slab.traits(order).tif == TimeInForce::Day);
                    let stops = self.all_stops().filter(|stop| stop.tif == TimeInForce::Day);
                    1 + (orders.count() + stops.count()) as u64
                }
                Some(Phase::Continuous) if !continuous => self.most_of_opening(),
                _ => 1,
            },
            _ => 1,
        }
    }

    fn resting_numbers(&self) -> impl Iterator<Item = u32> {
        self.slab.order_numbers().filter(|&order| self.slab.node(order).qty != 0)
    }

    fn all_stops(&self) -> impl Iterator<Item = &Stop> {
        self.stops.in_entry_order().map(|slot| self.stops.get(slot))
    }

    fn side_of(&self, order: u32) -> Side {
        if self.slab.side(self.slab.level_of(order)) == 0 { Side::Buy } else { Side::Sell }
    }

    /// How many slices an order still has: of an iceberg the one that shows, and those to come.
    fn slices_of(&self, order: u32) -> u64 {
        let reserve = self.slab.node(order).qty - self.slab.slice(order);
        if reserve == 0 {
            return 1; // not an iceberg, or its last slice
        }
        1 + reserve.div_ceil(self.slab.extra(order).display.max(1))
    }

    /// How many slices rest in the whole book. Looks at every order, but for a bound of `enough`.
    fn all_slices(&self, enough: u64) -> u64 {
        if self.slab.live_orders() as u64 >= enough {
            return enough;
        }
        self.resting_numbers().fold(0u64, |sum, order| sum.saturating_add(self.slices_of(order))).min(enough)
    }

    /// An order that comes in and may trade.
    fn most_of(&self, order: &Aggressor, expiring: bool) -> u64 {
        let reach = self.reach(order, expiring);
        let Some((best, worst)) = reach.prices else {
            return if order.rests { 1 } else { 2 };
        };
        let ends = match order.stp {
            SelfTrade::None => u64::from(order.looks || !(order.rests || reach.is_filled)),
            _ => 2,
        };
        let own = 1 + reach.steps.saturating_mul(lines(order.stp)) + ends;
        own.saturating_add(self.most_of_stops(best.min(worst), best.max(worst), None))
    }

    /// Walks the other side as far as the order can reach; by level, where nothing is hidden and nobody is skipped.
    fn reach(&self, order: &Aggressor, expiring: bool) -> Reach {
        let other = order.side.opposite();
        let ladder = &self.sides[other as usize];
        let (mut trades, mut own, mut left, mut prices) = (0u64, 0u64, order.qty, None);
        let mut rung = ladder.first();
        while let Some(at) = rung.filter(|at| at.key >= order.limit && left > 0) {
            let here = price(other, at.key);
            prices = Some((prices.map_or(here, |(best, _)| best), here));
            let mut lots = self.slab.node(at.level).qty;
            let mut slices = 0u64;
            if order.stp == SelfTrade::None && self.slab.visible_qty(at.level) == lots {
                slices = u64::from(self.slab.visible_orders(at.level));
            } else {
                for maker in self.slab.queue(at.level) {
                    if order.stp == SelfTrade::CancelOldest && self.slab.owner(maker) == order.owner {
                        own += 1;
                        lots -= self.slab.node(maker).qty;
                    } else {
                        slices = slices.saturating_add(self.slices_of(maker));
                    }
                }
            }
            trades = trades.saturating_add(slices.min(left));
            if !expiring {
                left = left.saturating_sub(lots);
            }
            rung = ladder.worse(at.key);
        }
        Reach { steps: trades.min(order.qty).saturating_add(own), is_filled: left == 0, prices }
    }

    fn most_of_replace(&self, c: &Command, expiring: bool) -> u64 {
        let with = c.replacement();
        match self.find(c.id().get()) {
            Found::Nothing => 1,
            Found::Order(order) => {
                let traits = self.slab.traits(order);
                let side = self.side_of(order);
                let was = price(side, self.slab.key(self.slab.level_of(order)));
                let order = Aggressor {
                    side,
                    qty: with.qty.map_or(self.slab.node(order).qty, Qty::lots),
                    limit: key(side.opposite(), with.price.unwrap_or(was)),
                    rests: true,
                    looks: false,
                    stp: traits.stp,
                    owner: self.slab.owner(order),
                };
                if traits.post_only { 1 } else { self.most_of(&order, expiring) }
            }
            Found::Stop(slot) => {
                let stop = *self.stops.get(slot);
                let Some(last) = self.last.get().map(Price::new) else { return 1 };
                // All others were tested with this last price, and so was this one unless its stop is another.
                let hit =
                    with.stop.is_some_and(|at| stop.kind != OrderType::TrailingStop && is_hit(stop.side, at, last));
                let mut now = stop;
                now.qty = with.qty.map_or(stop.qty, Qty::lots);
                if hit { 1 + self.most_of_cascade(Some(&now)) } else { 1 }
            }
        }
    }

    /// A new stop; it may go at once.
    fn most_of_stop(&self, c: &Command) -> u64 {
        let Some(last) = self.last.get().map(Price::new) else { return 1 };
        let at = match (c.trail(), c.side()) {
            (Some(ticks), Side::Buy) => Price::new(last.ticks().saturating_add_unsigned(ticks)),
            (Some(ticks), Side::Sell) => Price::new(last.ticks().saturating_sub_unsigned(ticks)),
            (None, _) => c.stop_price().unwrap_or(last),
        };
        if !is_hit(c.side(), at, last) {
            return 1;
        }
        let mut stop = Stop::NONE;
        stop.qty = c.quantity().lots();
        stop.stp = c.self_trade_mode();
        1 + self.most_of_cascade(Some(&stop))
    }

    /// An auction ends (or a halt does): perhaps an uncross, then the stops.
    fn most_of_opening(&self) -> u64 {
        let (bids, asks) = (self.sides[0].first(), self.sides[1].first());
        let last = self.last.get().map(Price::new);
        let mut range = last.map(|last| (last, last));
        let mut most = 1u64;
        if let (Some(bid), Some(ask)) = (bids, asks) {
            let (high, low) = (price(Side::Buy, bid.key), price(Side::Sell, ask.key));
            if high >= low {
                // The line of the uncross; each trade uses up a slice of one side, or is the last.
                most = most.saturating_add(self.all_slices(u64::MAX)).saturating_add(2);
                range = Some(range.map_or((low, high), |(l, h)| (l.min(low), h.max(high))));
            }
        }
        match range {
            Some((low, high)) => most.saturating_add(self.most_of_stops(low, high, None)),
            None => most,
        }
    }

    /// What follows a last trade price somewhere between `low` and `high`: nothing, if no stop can be hit there.
    fn most_of_stops(&self, low: Price, high: Price, more: Option<&Stop>) -> u64 {
        let can_be_hit = |stop: &Stop| {
            // A trailing stop is hit where its stop is now, or where saturation puts it on its anchor.
            let trails = stop.kind == OrderType::TrailingStop;
            let at = Price::new(stop.stop);
            let saturated = match stop.side {
                Side::Buy => high == Price::MAX,
                Side::Sell => low == Price::MIN,
            };
            let last = if stop.side == Side::Buy { high } else { low };
            (trails && saturated) || ((!trails || stop.has_anchor) && is_hit(stop.side, at, last))
        };
        if self.stops.live() > 0 && self.all_stops().any(can_be_hit) { self.most_of_cascade(more) } else { 0 }
    }

    /// All stops go, and one more. What they trade with rests now, or is one of them, or the order before them.
    fn most_of_cascade(&self, more: Option<&Stop>) -> u64 {
        let (mut count, mut lots, mut ends, mut each, mut skips) = (0u64, 0u64, 1u64, 1u64, false);
        for stop in self.all_stops().chain(more) {
            count += 1;
            lots = lots.saturating_add(stop.qty);
            each = each.max(lines(stop.stp));
            skips |= stop.stp == SelfTrade::CancelOldest;
            if stop.stp != SelfTrade::None {
                ends = 2;
            }
        }
        let slices = self.all_slices(lots).saturating_add(1 + count);
        let own = if skips { self.slab.live_orders() as u64 + 1 + count } else { 0 };
        (count * (1 + ends)).saturating_add(lots.min(slices).saturating_mul(each)).saturating_add(own)
    }
}

/// Lines that a trade, or a step of self-trade prevention that ends neither order, takes.
const fn lines(stp: SelfTrade) -> u64 {
    if matches!(stp, SelfTrade::Decrement) { 2 } else { 1 }
}

fn is_hit(side: Side, stop: Price, last: Price) -> bool {
    match side {
        Side::Buy => last >= stop,
        Side::Sell => last <= stop,
    }
}
