//! Execution: an incoming order trades with the resting orders of the other side.

use crate::book::matching::ctx::BookCtx;
use crate::book::order_book::{Book, Rest, stop_entry};
use crate::book::state_hash::StateHash;
use crate::book::storage::arena::Attributes;
use crate::book::storage::price_ladder::{key, price};
use crate::book::view::visible_changes::show_vanilla_trade;
use crate::book::{
    CancelReason, EventBody, OrderId, OrderType, Phase, Price, Qty, Reject, SelfTradePrevention, Side, TimeInForce,
};

/// An order on its way in: new, replaced, or a stop that was triggered.
#[derive(Clone, Copy, Debug)]
pub(in crate::book) struct Incoming {
    pub(in crate::book) id: u64,
    pub(in crate::book) owner: u32,
    pub(in crate::book) side: Side,
    pub(in crate::book) open: u64,
    /// The limit price, unless it is a market order.
    pub(in crate::book) limit: Option<Price>,
    /// Market: no further than this from the best price.
    pub(in crate::book) protect: Option<u64>,
    pub(in crate::book) tif: TimeInForce,
    pub(in crate::book) stp: SelfTradePrevention,
    /// ioc: the least that must trade, or 0.
    pub(in crate::book) min_qty: u64,
    pub(in crate::book) post_only: bool,
    pub(in crate::book) hidden: bool,
    /// Iceberg: what it shows at most; else 0.
    pub(in crate::book) display: u64,
    pub(in crate::book) expires: u64,
    pub(in crate::book) stamp: u64,
    /// A replaced order keeps its node; 0 otherwise.
    pub(in crate::book) node: u32,
}

impl Incoming {
    /// Whether what does not trade rests.
    #[inline(always)]
    pub(in crate::book) const fn rests(&self) -> bool {
        self.limit.is_some() && self.tif.may_rest()
    }
}

/// The incoming order as its makers see it.
#[derive(Clone, Copy, Debug)]
pub(in crate::book) struct Taker {
    pub(in crate::book) id: u64,
    pub(in crate::book) owner: u32,
    pub(in crate::book) stp: SelfTradePrevention,
}

/// Whether the room for what may rest was tested already.
#[derive(Clone, Copy, Debug)]
pub(in crate::book) enum Room {
    /// It was: the level of its price, or 0 when there is none yet.
    Tested(u32),
    /// It is tested when it comes to rest: a triggered stop_limit.
    Late,
}

impl<const ORDERS: usize, const BLOCKS: usize, const FAR: usize, const STOPS: usize, const IDS: usize, T: StateHash>
    Book<ORDERS, BLOCKS, FAR, STOPS, IDS, T>
{
    /// Whether an order at `price` would trade on arrival.
    #[inline(always)]
    pub(in crate::book) fn crosses(&self, side: Side, price: Price) -> bool {
        let other = &self.sides[side.opposite() as usize];
        other.best() != 0 && other.best_key() >= key(side.opposite(), price)
    }

    /// [`Book::crosses`] without a branch: now and then `true` for a price that does not.
    #[inline(always)]
    pub(in crate::book) fn may_cross(&self, side: Side, price: Price) -> bool {
        self.sides[side.opposite() as usize].best_key() >= key(side.opposite(), price)
    }

    /// Whether `qty` may rest at `price`, as if nothing traded; `replaced` is the order that makes room for itself.
    /// Gives the level, or 0 when there is none yet.
    #[inline(always)]
    pub(in crate::book) fn room(&self, side: Side, price: Price, qty: u64, replaced: u32) -> Result<u32, Reject> {
        if replaced == 0 && !self.slab.has_room() {
            return Err(Reject::BookFull);
        }
        let key = key(side, price);
        let ladder = &self.sides[side as usize];
        let level = ladder.find(key);
        if level == 0 {
            if !ladder.has_room(key) && !self.leaves_room(side, replaced) {
                return Err(Reject::LevelsFull);
            }
            return Ok(0);
        }
        let mut total = self.slab.node(level).qty;
        if replaced != 0 && self.slab.level_of(replaced) == level {
            total -= self.slab.node(replaced).qty;
        }
        match total.checked_add(qty) {
            Some(_) => Ok(level),
            None => Err(Reject::BadQty),
        }
    }

    /// Whether a replaced order takes its level with it, and that makes room for another one.
    #[cold]
    fn leaves_room(&self, side: Side, replaced: u32) -> bool {
        if replaced == 0 {
            return false;
        }
        let level = self.slab.level_of(replaced);
        let node = self.slab.node(level);
        let ladder = &self.sides[side as usize];
        node.next == node.prev && (ladder.levels() == 1 || ladder.is_far(self.slab.key(level)))
    }

    /// An accepted (or replaced, or triggered) order trades as far as it can; the rest rests or is canceled.
    pub(in crate::book) fn come_in<H: BookCtx>(&mut self, order: &Incoming, room: Room, h: &mut H) {
        let other = order.side.opposite();
        let best = self.sides[other as usize].best_key();
        let limit = match (order.limit, order.protect) {
            (Some(limit), _) => key(other, limit),
            (None, None) => i64::MIN,
            (None, Some(ticks)) => best.saturating_sub_unsigned(ticks),
        };
        let mut open = order.open;
        if self.phase == Phase::Continuous {
            if let Some(reason) = self.fails_look(order, other, limit) {
                return self.end(order, open, reason, h);
            }
            let taker = Taker { id: order.id, owner: order.owner, stp: order.stp };
            match self.trade(taker, other, limit, open, h) {
                Some(left) => open = left,
                None => return self.leave(order, h),
            }
        }
        if open == 0 {
            return self.leave(order, h);
        }
        if order.rests() {
            return self.come_to_rest(order, open, room, h);
        }
        let reason = if order.limit.is_some() {
            CancelReason::Ioc
        } else if self.sides[other as usize].best() != 0 {
            CancelReason::Protection
        } else {
            CancelReason::NoLiquidity
        };
        self.end(order, open, reason, h);
    }

    #[inline(always)]
    fn fails_look(&self, order: &Incoming, other: Side, limit: i64) -> Option<CancelReason> {
        let (need, reason) = match order.tif {
            TimeInForce::Fok => (order.open, CancelReason::Fok),
            TimeInForce::Ioc if order.min_qty > 0 => (order.min_qty, CancelReason::MinQty),
            _ => return None,
        };
        let enough = self.can_fill(other as usize, limit, need, order.stp, order.owner);
        if enough { None } else { Some(reason) }
    }

    /// Cancels what is left of an incoming order.
    fn end<H: BookCtx>(&mut self, order: &Incoming, open: u64, reason: CancelReason, h: &mut H) {
        h.emit(EventBody::Canceled { id: OrderId::new(order.id), qty: Qty::new(open), reason });
        self.leave(order, h);
    }

    /// An incoming order does not come to rest; one that was replaced gives its node back.
    #[inline(always)]
    fn leave<H: BookCtx>(&mut self, order: &Incoming, h: &mut H) {
        if order.node != 0 {
            self.bury(order.node, h);
        }
    }

    fn come_to_rest<H: BookCtx>(&mut self, order: &Incoming, open: u64, room: Room, h: &mut H) {
        let Some(price) = order.limit else { return };
        let level = match room {
            Room::Tested(level) => level,
            Room::Late => match self.room(order.side, price, open, 0) {
                Ok(level) => level,
                Err(reason) => {
                    let reason = match reason {
                        Reject::BookFull => CancelReason::BookFull,
                        Reject::LevelsFull => CancelReason::LevelsFull,
                        _ => CancelReason::BadQty,
                    };
                    return self.end(order, open, reason, h);
                }
            },
        };
        let rest = Rest {
            id: order.id,
            owner: order.owner,
            open,
            side: order.side,
            price,
            attributes: Attributes {
                stamp: order.stamp,
                tif: order.tif,
                stp: order.stp,
                iceberg: order.display != 0,
                hidden: order.hidden,
                post_only: order.post_only,
            },
            display: order.display,
            expires: order.expires,
        };
        if order.node == 0 {
            self.rest(&rest, level, h);
        } else {
            self.slab.node_mut(order.node).qty = open;
            self.settle(order.node, &rest, level, h);
        }
    }

    /// Trades `open` against the levels of `other` down to the key `limit`. Gives what is left; `None` when self-trade
    /// prevention has ended the order.
    pub(in crate::book) fn trade<H: BookCtx>(
        &mut self,
        taker: Taker,
        other: Side,
        limit: i64,
        open: u64,
        h: &mut H,
    ) -> Option<u64> {
        let side = other as usize;
        let mut open = open;
        let prevents = !matches!(taker.stp, SelfTradePrevention::None);
        loop {
            let level = self.sides[side].best();
            let key = self.sides[side].best_key();
            if open == 0 || level == 0 || key < limit {
                return Some(open);
            }
            let maker = self.slab.node(level).next;
            if !prevents && self.slab.node(maker).is_vanilla() {
                open = self.trade_vanilla_apart(taker.id, other, limit, open, h);
            } else if prevents && self.slab.owner(maker) == taker.owner {
                open = self.prevent(taker, maker, open, h)?;
            } else {
                open = self.trade_one(taker, maker, level, price(other, key), open, h);
            }
        }
    }

    #[inline(never)]
    fn trade_vanilla_apart<H: BookCtx>(&mut self, taker: u64, other: Side, limit: i64, open: u64, h: &mut H) -> u64 {
        self.trade_vanilla(taker, other, limit, open, h)
    }

    /// Trades `open`, more than 0, with whoever is next as long as that is an order that is neither hidden nor iceberg
    /// nor gtd. Gives what is left. For takers without self-trade prevention.
    ///
    /// What goes from one level goes together, when the last of it has traded.
    #[inline(always)]
    pub(in crate::book) fn trade_vanilla<H: BookCtx>(
        &mut self,
        taker: u64,
        other: Side,
        limit: i64,
        open: u64,
        h: &mut H,
    ) -> u64 {
        debug_assert!(open > 0, "something to trade");
        let Self { sides, slab, ids, last: last_price, untested, .. } = self;
        let ladder = &mut sides[other as usize];
        let mut open = open;
        loop {
            let (level, key) = (ladder.best(), ladder.best_key());
            if level == 0 || key < limit {
                return open;
            }
            let at = price(other, key);
            let first = slab.node(level).next;
            let (mut maker, mut last, mut gone, mut traded) = (first, first, 0, 0);
            loop {
                let node = *slab.node(maker);
                if !node.is_vanilla() {
                    break;
                }
                let qty = node.qty.min(open);
                let left = node.qty - qty;
                open -= qty;
                traded += qty;
                h.emit(EventBody::Trade {
                    maker: OrderId::new(node.key),
                    taker: OrderId::new(taker),
                    price: at,
                    qty: Qty::new(qty),
                    maker_open: Qty::new(left),
                    taker_open: Qty::new(open),
                });
                if h.watches() {
                    let off = (traded, gone + u32::from(left == 0));
                    show_vanilla_trade(slab, level, (node.key, qty, left), off, h);
                }
                slab.node_mut(maker).qty = left;
                slab.trades(maker, node.qty, left);
                if left != 0 {
                    break;
                }
                ids.remove(node.key, maker);
                h.on_close(node.owner());
                gone += 1;
                last = maker;
                maker = node.next;
                if open == 0 || maker == level {
                    break;
                }
            }
            if traded == 0 {
                return open; // not a vanilla order
            }
            last_price.set(at.ticks());
            *untested = true;
            if gone != 0 {
                slab.free_run(first, last, gone);
            }
            if maker == level {
                ladder.remove_best();
                slab.free_level(level);
            } else {
                slab.unlink_front(level, maker, gone, traded);
            }
            if open == 0 {
                return 0;
            }
        }
    }

    /// One trade with the order at the front of a level. Gives what is left of the taker.
    #[inline(always)]
    fn trade_one<H: BookCtx>(&mut self, taker: Taker, maker: u32, level: u32, at: Price, open: u64, h: &mut H) -> u64 {
        let has_cold = self.slab.has_cold_state(maker);
        let slice = if has_cold { self.slab.slice(maker) } else { self.slab.node(maker).qty };
        let qty = slice.min(open);
        let maker_open = self.slab.fill(maker, level, qty, has_cold);
        h.emit(EventBody::Trade {
            maker: OrderId::new(self.slab.node(maker).key),
            taker: OrderId::new(taker.id),
            price: at,
            qty: Qty::new(qty),
            maker_open: Qty::new(maker_open),
            taker_open: Qty::new(open - qty),
        });
        if h.watches() {
            self.show_traded(maker, at, qty, false, h);
        }
        self.last.set(at.ticks());
        self.untested = true;
        if maker_open == 0 {
            self.drop_order(maker, h);
        } else if has_cold && qty == slice {
            self.slab.refresh_if_spent(maker);
            if h.watches() {
                self.show_added(maker, h);
            }
        }
        open - qty
    }

    /// The order met one of its own owner. Gives what is left of it; `None` when this has ended it.
    #[cold]
    #[inline(never)]
    fn prevent<H: BookCtx>(&mut self, taker: Taker, maker: u32, open: u64, h: &mut H) -> Option<u64> {
        let id = OrderId::new(taker.id);
        let reason = CancelReason::SelfTradePrevention;
        match taker.stp {
            SelfTradePrevention::None => Some(open), // not asked for
            SelfTradePrevention::CancelNewest => {
                h.emit(EventBody::Canceled { id, qty: Qty::new(open), reason });
                None
            }
            SelfTradePrevention::CancelOldest => {
                self.cancel_order(maker, reason, h);
                Some(open)
            }
            SelfTradePrevention::CancelBoth => {
                self.cancel_order(maker, reason, h);
                h.emit(EventBody::Canceled { id, qty: Qty::new(open), reason });
                None
            }
            SelfTradePrevention::Decrement => {
                let there = self.slab.node(maker).qty;
                let by = there.min(open);
                if by == there {
                    self.cancel_order(maker, reason, h);
                } else {
                    let id = OrderId::new(self.slab.node(maker).key);
                    h.emit(EventBody::Reduced { id, qty: Qty::new(there - by) });
                    self.shrink(maker, there - by, h);
                }
                if by == open {
                    h.emit(EventBody::Canceled { id, qty: Qty::new(open), reason });
                    return None;
                }
                h.emit(EventBody::Reduced { id, qty: Qty::new(open - by) });
                Some(open - by)
            }
        }
    }

    // ---- stops that are triggered --------------------------------------------------------------------------------

    /// Tests the stops if anything happened that could trigger one, lets those that are hit come in one by one, and
    /// tests again after each.
    #[inline(always)]
    pub(in crate::book) fn test_stops<H: BookCtx>(&mut self, h: &mut H) {
        if self.untested && self.stops.live() > 0 {
            self.fire_stops(h);
        }
        self.untested = false;
    }

    #[cold]
    #[inline(never)]
    fn fire_stops<H: BookCtx>(&mut self, h: &mut H) {
        if self.phase != Phase::Continuous {
            return;
        }
        loop {
            if self.untested
                && let Some(last) = self.last.get()
            {
                self.untested = false;
                let (ids, hash) = (&mut self.ids, &mut self.slab.state_hash);
                self.stops.test(last, |slot, was, now| {
                    Self::stop_changed(hash, slot, was, now);
                    if now.is_none() {
                        ids.remove(was.id, stop_entry(slot));
                        h.on_close(was.owner);
                    }
                });
            }
            let Some(stop) = self.stops.pop_queued() else { return };
            h.emit(EventBody::Triggered { id: OrderId::new(stop.id) });
            let order = Incoming {
                id: stop.id,
                owner: stop.owner,
                side: stop.side,
                open: stop.qty,
                limit: (stop.kind == OrderType::StopLimit).then_some(Price::new(stop.limit)),
                protect: stop.has_protect.then_some(stop.protect),
                tif: stop.tif,
                stp: stop.stp,
                min_qty: 0,
                post_only: false,
                hidden: false,
                display: 0,
                expires: stop.expires,
                stamp: self.next_stamp(),
                node: 0,
            };
            self.come_in(&order, Room::Late, h);
        }
    }
}
