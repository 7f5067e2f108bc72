//! Execution: an incoming order trades with the resting orders of the other side.

use crate::book::matching::ctx::BookCtx;
use crate::book::matching::report::report_vanilla_trade;
use crate::book::order_book::{Book, OrderState};
use crate::book::state_hash::StateHash;
use crate::book::storage::arena::Attributes;
use crate::book::storage::price_ladder::{price, rank};
use crate::book::{
    CancelReason, EventBody, OrderId, OwnerId, Phase, Price, Qty, Reject, SelfTradePrevention, Side, TimeInForce,
};

/// An incoming order: new, replaced, or a triggered stop.
#[derive(Clone, Copy, Debug)]
pub(in crate::book) struct Incoming {
    pub(in crate::book) id: u64,
    pub(in crate::book) owner: u32,
    pub(in crate::book) side: Side,
    pub(in crate::book) open: u64,
    /// The limit price, unless it is a market order.
    pub(in crate::book) limit: Option<Price>,
    /// Market: the largest distance from the best opposite price in ticks (M3.4).
    pub(in crate::book) protect: Option<u64>,
    pub(in crate::book) tif: TimeInForce,
    pub(in crate::book) stp: SelfTradePrevention,
    /// ioc: the minimum quantity, or 0 (M5.1).
    pub(in crate::book) min_qty: u64,
    pub(in crate::book) post_only: bool,
    pub(in crate::book) hidden: bool,
    /// Iceberg: the largest slice; else 0.
    pub(in crate::book) display: u64,
    pub(in crate::book) expires: u64,
    pub(in crate::book) stamp: u64,
    /// A replaced order keeps its node; 0 otherwise.
    pub(in crate::book) node: u32,
}

impl Incoming {
    /// Returns whether the rest joins the book (M2.2; M3.2: never of a market order).
    #[inline(always)]
    pub(in crate::book) const fn rests(&self) -> bool {
        self.limit.is_some() && self.tif.may_rest()
    }
}

/// The fields of the incoming order that a trade needs.
#[derive(Clone, Copy, Debug)]
pub(in crate::book) struct Taker {
    pub(in crate::book) id: u64,
    pub(in crate::book) owner: u32,
    pub(in crate::book) stp: SelfTradePrevention,
    /// The limit price, unless it is a market order.
    pub(in crate::book) limit: Option<Price>,
}

/// Whether room for the rest was tested before matching.
#[derive(Clone, Copy, Debug)]
pub(in crate::book) enum Room {
    /// It was (M17.7): the level of its price, or 0 if there is none yet.
    Tested(u32),
    /// It is tested when the order comes to rest: a triggered stop_limit (M17.10).
    Late,
}

impl<const ORDERS: usize, const BLOCKS: usize, const FAR: usize, const STOPS: usize, const IDS: usize, T: StateHash>
    Book<ORDERS, BLOCKS, FAR, STOPS, IDS, T>
{
    /// Returns whether an order at `price` would trade on arrival.
    #[inline(always)]
    pub(in crate::book) fn crosses(&self, side: Side, price: Price) -> bool {
        let other = &self.sides[side.opposite() as usize];
        other.best() != 0 && other.best_rank() >= rank(side.opposite(), price)
    }

    /// [`Book::crosses`] without a branch; may return `true` for a price that does not cross.
    #[inline(always)]
    pub(in crate::book) fn may_cross(&self, side: Side, price: Price) -> bool {
        self.sides[side.opposite() as usize].best_rank() >= rank(side.opposite(), price)
    }

    /// Checks whether `qty` could rest at `price` if nothing traded. `replaced` is the order that
    /// is replaced, which does not count itself, or 0. Returns the level, or 0 if there is none
    /// yet. Implements M17.7, M17.12 and, for the level total, M0.6.
    #[inline(always)]
    pub(in crate::book) fn room(&self, side: Side, price: Price, qty: u64, replaced: u32) -> Result<u32, Reject> {
        if replaced == 0 && !self.arena.has_room() {
            return Err(Reject::BookFull);
        }
        let rank = rank(side, price);
        let ladder = &self.sides[side as usize];
        let level = ladder.find(rank);
        if level == 0 {
            if !ladder.has_room(rank) && !self.leaves_room(side, replaced) {
                return Err(Reject::LevelsFull);
            }
            return Ok(0);
        }
        let mut total = self.arena.node(level).qty;
        if replaced != 0 && self.arena.level_of(replaced) == level {
            total -= self.arena.node(replaced).qty;
        }
        match total.checked_add(qty) {
            Some(_) => Ok(level),
            None => Err(Reject::BadQty),
        }
    }

    /// Returns whether a replaced order gives the room of its level back (end of M17.12).
    #[cold]
    fn leaves_room(&self, side: Side, replaced: u32) -> bool {
        if replaced == 0 {
            return false;
        }
        let level = self.arena.level_of(replaced);
        let node = self.arena.node(level);
        let ladder = &self.sides[side as usize];
        node.next == node.prev && (ladder.levels() == 1 || ladder.is_far(self.arena.rank(level)))
    }

    /// Matches an accepted, replaced or triggered order; then its rest joins the book or is
    /// canceled. Implements chapters 2 and 3 of the contract, and M4.1, M4.9, M5.1 and M5.2 by its
    /// test.
    pub(in crate::book) fn execute<H: BookCtx>(&mut self, order: &Incoming, room: Room, h: &mut H) {
        let other = order.side.opposite();
        let best = self.sides[other as usize].best_rank();
        let limit = match (order.limit, order.protect) {
            (Some(limit), _) => rank(other, limit), // M2.1
            (None, None) => i64::MIN,               // M3.1
            // M3.4, M3.5: inclusive, from the best opposite price before matching, saturating.
            (None, Some(ticks)) => best.saturating_sub_unsigned(ticks),
        };
        let mut open = order.open;
        // M14.3: nothing trades in an auction.
        if self.phase == Phase::Continuous {
            if let Some(reason) = self.fails_fillable_check(order, other, limit) {
                return self.cancel_incoming(order, open, reason, h);
            }
            let taker = Taker { id: order.id, owner: order.owner, stp: order.stp, limit: order.limit };
            match self.trade(taker, other, limit, open, h) {
                Some(left) => open = left,
                None => return self.close_incoming(order, h),
            }
        }
        if open == 0 {
            return self.close_incoming(order, h);
        }
        if order.rests() {
            return self.rest(order, open, room, h);
        }
        // M2.3; M3.3
        let reason = if order.limit.is_some() {
            CancelReason::Ioc
        } else if self.sides[other as usize].best() != 0 {
            CancelReason::Protection
        } else {
            CancelReason::NoLiquidity
        };
        self.cancel_incoming(order, open, reason, h);
    }

    /// Returns why the order fails the fillable test, or `None` if it passes or needs none.
    /// Implements M4.1 and M5.1.
    #[inline(always)]
    fn fails_fillable_check(&self, order: &Incoming, other: Side, limit: i64) -> Option<CancelReason> {
        let (need, reason) = match order.tif {
            TimeInForce::Fok => (order.open, CancelReason::Fok),
            TimeInForce::Ioc if order.min_qty > 0 => (order.min_qty, CancelReason::MinQty),
            _ => return None,
        };
        let enough = self.can_fill(other as usize, limit, need, order.stp, order.owner);
        if enough { None } else { Some(reason) }
    }

    /// Cancels the rest of an incoming order.
    fn cancel_incoming<H: BookCtx>(&mut self, order: &Incoming, open: u64, reason: CancelReason, h: &mut H) {
        h.emit_outlined(&EventBody::Canceled {
            id: OrderId::new(order.id),
            side: order.side,
            owner: OwnerId::new(order.owner),
            price: order.limit,
            qty: Qty::new(open),
            reason,
        });
        self.close_incoming(order, h);
    }

    /// Ends an incoming order that does not rest; a replaced one releases its id and node.
    #[inline(always)]
    fn close_incoming<H: BookCtx>(&mut self, order: &Incoming, h: &mut H) {
        if order.node != 0 {
            self.close_order(order.node, h);
        }
    }

    /// Puts the rest of an incoming order into the book (M2.2, M7.9), or cancels it if there is no
    /// room for it (M17.10, M17.11).
    fn rest<H: BookCtx>(&mut self, order: &Incoming, open: u64, room: Room, h: &mut H) {
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
                    return self.cancel_incoming(order, open, reason, h);
                }
            },
        };
        let rest = OrderState {
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
            self.add_order(&rest, level, h);
        } else {
            self.arena.node_mut(order.node).qty = open;
            self.enqueue(order.node, &rest, level, h);
        }
    }

    /// Trades `open` against the levels of `other` down to the rank `limit`. Returns what is left,
    /// or `None` if self-trade prevention has ended the order. Implements M1.1 to M1.4, M2.1, and
    /// M12.1 for when self-trade prevention acts.
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
            let rank = self.sides[side].best_rank();
            if open == 0 || level == 0 || rank < limit {
                return Some(open);
            }
            let maker = self.arena.node(level).next;
            if !prevents && self.arena.node(maker).is_vanilla() {
                open = self.trade_vanilla_outlined(taker.id, other, limit, open, h);
            } else if prevents && self.arena.owner(maker) == taker.owner {
                open = self.prevent_self_trade(taker, maker, open, h)?;
            } else {
                open = self.trade_one(taker, maker, level, price(other, rank), open, h);
            }
        }
    }

    #[inline(never)]
    fn trade_vanilla_outlined<H: BookCtx>(&mut self, taker: u64, other: Side, limit: i64, open: u64, h: &mut H) -> u64 {
        self.trade_vanilla(taker, other, limit, open, h)
    }

    /// Trades `open`, more than 0, with the makers in priority order, as long as the next maker is
    /// neither hidden nor iceberg nor gtd. Returns what is left. For takers without self-trade
    /// prevention. Implements M1.1, M1.3, M1.4 and M18.2.
    ///
    /// The filled makers of one level are removed together after the last of them has traded: one
    /// splice of the free list, one update of the level.
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
        let Self { sides, arena, ids, last: last_price, untested, .. } = self;
        let ladder = &mut sides[other as usize];
        let mut open = open;
        loop {
            let (level, rank) = (ladder.best(), ladder.best_rank());
            if level == 0 || rank < limit {
                return open;
            }
            let at = price(other, rank);
            let first = arena.node(level).next;
            let (mut maker, mut last, mut gone, mut traded) = (first, first, 0, 0);
            loop {
                let node = *arena.node(maker);
                if !node.is_vanilla() {
                    break;
                }
                let qty = node.qty.min(open);
                let left = node.qty - qty;
                open -= qty;
                traded += qty;
                h.emit(EventBody::Trade {
                    maker: OrderId::new(node.id),
                    taker: OrderId::new(taker),
                    taker_side: other.opposite(),
                    price: at,
                    qty: Qty::new(qty),
                    maker_open: Qty::new(left),
                    taker_open: Qty::new(open),
                });
                if h.watches() {
                    let off = (traded, gone + u32::from(left == 0));
                    report_vanilla_trade(arena, level, (node.id, qty, left), off, h);
                }
                arena.node_mut(maker).qty = left;
                arena.report_trade(maker, node.qty, left);
                if left != 0 {
                    break;
                }
                ids.remove(node.id, maker);
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
                arena.free_run(first, last, gone);
            }
            if maker == level {
                ladder.remove_best();
                arena.free_level(level);
            } else {
                arena.unlink_front(level, maker, gone, traded);
            }
            if open == 0 {
                return 0;
            }
        }
    }

    /// Trades with the order at the front of a level. Returns what is left of the taker.
    /// Implements M1.4, M7.4 and M7.5 for icebergs, and M18.2.
    #[inline(never)]
    fn trade_one<H: BookCtx>(&mut self, taker: Taker, maker: u32, level: u32, at: Price, open: u64, h: &mut H) -> u64 {
        let has_cold = self.arena.has_cold_state(maker);
        let slice = if has_cold { self.arena.slice(maker) } else { self.arena.node(maker).qty };
        let qty = slice.min(open);
        let maker_open = self.arena.fill(maker, level, qty, has_cold);
        h.emit(EventBody::Trade {
            maker: OrderId::new(self.arena.node(maker).id),
            taker: OrderId::new(taker.id),
            taker_side: self.arena.side(level).opposite(),
            price: at,
            qty: Qty::new(qty),
            maker_open: Qty::new(maker_open),
            taker_open: Qty::new(open - qty),
        });
        if h.watches() {
            self.report_visible_trade(maker, at, qty, false, h);
        }
        self.last.set(at.ticks());
        self.untested = true;
        if maker_open == 0 {
            self.remove_order(maker, h);
        } else if has_cold && qty == slice {
            self.refresh_slice(maker, h);
        }
        open - qty
    }
}
