//! Fast path: the most frequent commands without calls and without the work of order options.
//!
//! Each function either executes the whole command, exactly as the general path would, or returns
//! `false` before it changes anything.

use crate::book::command::Command;
use crate::book::matching::ctx::BookCtx;
use crate::book::matching::execute::Taker;
use crate::book::order_book::Book;
use crate::book::state_hash::StateHash;
use crate::book::storage::price_ladder::rank;
use crate::book::{CancelReason, EventBody, OwnerId, Phase, Qty, SelfTradePrevention};

impl<const ORDERS: usize, const BLOCKS: usize, const FAR: usize, const STOPS: usize, const IDS: usize, T: StateHash>
    Book<ORDERS, BLOCKS, FAR, STOPS, IDS, T>
{
    /// Cancels an order that is neither hidden nor iceberg nor gtd and whose id is at its direct
    /// slot. Returns `false` if the command must take the general path. Implements M9.1.
    #[inline(always)]
    pub(crate) fn cancel_fast<H: BookCtx>(&mut self, c: &Command, h: &mut H) -> bool {
        let id = c.id();
        let order = self.ids.at_place(id.get());
        if order > Self::MAX_ORDER {
            return false; // a stop
        }
        let node = *self.arena.node(order);
        // Unknown ids map to node 0, the null node, which has no level and so is not vanilla.
        // M14.6: closed takes no cancel; the general path refuses it.
        if node.id != id.get() || !node.is_vanilla() || matches!(self.phase, Phase::Closed) {
            return false;
        }
        let level = node.level();
        h.emit(EventBody::Canceled {
            id,
            side: self.arena.side(level),
            owner: OwnerId::new(node.owner()),
            price: Some(self.arena.price(level)),
            qty: Qty::new(node.qty),
            reason: CancelReason::Requested,
        });
        if h.watches() {
            self.report_visible_deleted(order, h);
        }
        self.ids.clear_place(id.get());
        self.arena.unlink_vanilla(&node);
        self.arena.free_order(order);
        h.on_close(node.owner());
        if self.arena.is_empty(level) {
            self.remove_level_outlined(level);
        }
        self.follow();
        true
    }

    /// Enters a vanilla limit order ([`Command::is_vanilla`]). Returns `false` if the command must
    /// take the general path, which then also produces the refusal (M17.2).
    #[inline(always)]
    pub(crate) fn enter_fast<H: BookCtx>(&mut self, c: &Command, h: &mut H) -> bool {
        let (id, side, at, qty) = (c.id(), c.side(), c.price_field(), c.qty());
        let simple = self.ids.is_free(id.get())
            && qty.lots() != 0
            && self.in_band(at)
            && self.phase == Phase::Continuous
            && !h.limits_anyone();
        if !simple {
            return false;
        }
        if !c.tif().may_rest() || self.may_cross(side, at) {
            return self.take_fast(c, &mut h.reborrow());
        }
        if !self.arena.has_room() {
            return false;
        }
        let rank = rank(side, at);
        let Some(mut level) = self.sides[side as usize].find_near(rank) else { return false };
        if level == 0 {
            level = self.add_level_outlined(side, rank);
        } else if self.arena.node(level).qty.checked_add(qty.lots()).is_none() {
            return false; // M0.6: the general path refuses it
        }
        h.emit(EventBody::Accepted { id, side, owner: c.owner(), price: Some(at), qty });
        let order = self.add_fast(c, qty.lots(), level);
        if h.watches() {
            self.report_visible_added(order, h);
        }
        self.follow();
        true
    }

    /// Puts a fully validated order at the back of the queue of `level` (M1.3, M2.2).
    #[inline(always)]
    fn add_fast(&mut self, c: &Command, open: u64, level: u32) -> u32 {
        let id = c.id().get();
        let stamp = self.next_stamp();
        let order = self.arena.take_order(id, open, c.owner().get());
        self.ids.set_place(id, order);
        self.arena.set_vanilla_attributes(order, stamp, c.tif(), c.self_trade());
        self.arena.link_vanilla(order, level, open);
        order
    }

    /// Executes a vanilla limit order that crosses or does not rest. [`Book::enter_fast`] has
    /// validated all but the room. Implements M2.1 to M2.3.
    #[inline(never)]
    fn take_fast<H: BookCtx>(&mut self, c: &Command, h: &mut H) -> bool {
        let (id, side, at, qty) = (c.id(), c.side(), c.price_field(), c.qty());
        let rests = c.tif().may_rest();
        let mut level = 0;
        if rests {
            // M17.7: room is tested before matching, as if nothing traded.
            match self.room(side, at, qty.lots(), 0) {
                Ok(there) => level = there,
                Err(_) => return false,
            }
        }
        h.emit(EventBody::Accepted { id, side, owner: c.owner(), price: Some(at), qty });
        let other = side.opposite();
        let limit = rank(other, at);
        let mut open = qty.lots();
        if matches!(c.self_trade(), SelfTradePrevention::None) {
            open = self.trade_vanilla(id.get(), other, limit, open, h);
        }
        if open != 0 && self.crosses(side, at) {
            let taker = Taker { id: id.get(), owner: c.owner().get(), stp: c.self_trade(), limit: Some(at) };
            open = self.trade(taker, other, limit, open, h).unwrap_or(0);
        }
        if open == 0 {
            self.next_stamp();
        } else if rests {
            if level == 0 {
                level = self.add_level_outlined(side, rank(side, at));
            }
            let order = self.add_fast(c, open, level);
            if h.watches() {
                self.report_visible_added(order, h);
            }
        } else {
            self.next_stamp();
            // M2.3
            let (owner, price, qty) = (c.owner(), Some(at), Qty::new(open));
            h.emit(EventBody::Canceled { id, side, owner, price, qty, reason: CancelReason::Ioc });
        }
        self.test_stops(h);
        self.follow();
        true
    }

    /// Replaces price or quantity of a vanilla order that does not trade then. Returns `false` if
    /// the command must take the general path. Implements M10.1 to M10.3.
    #[inline(never)]
    pub(crate) fn replace_fast<H: BookCtx>(&mut self, c: &Command, h: &mut H) -> bool {
        let id = c.id();
        let order = self.ids.at_place(id.get());
        if order > Self::MAX_ORDER {
            return false; // a stop
        }
        let node = *self.arena.node(order);
        let simple = node.id == id.get() && node.is_vanilla() && self.phase == Phase::Continuous && !h.limits_anyone();
        if !simple {
            return false;
        }
        let was = self.arena.level_of(order);
        let (side, at_was) = (self.arena.side(was), self.arena.price(was));
        let with = c.replacement();
        let (at, qty) = (with.price.unwrap_or(at_was), with.qty.map_or(node.qty, Qty::lots));
        if qty == 0 || !self.in_band(at) {
            return false;
        }
        let owner = OwnerId::new(node.owner());
        let replaced = EventBody::Replaced { id, side, owner, price: Some(at), qty: Qty::new(qty) };
        // M10.2: priority is kept.
        if at == at_was && qty <= node.qty {
            self.arena.shrink_vanilla(order, was, node.qty, qty);
            h.emit(replaced);
            if h.watches() {
                self.report_visible_reduced(order, node.qty, h);
            }
            return true;
        }
        if self.may_cross(side, at) {
            return false;
        }
        let rank = rank(side, at);
        let Some(mut level) = self.sides[side as usize].find_near(rank) else { return false };
        let alone = node.next == node.prev;
        let there = match level {
            0 => 0,
            level if level == was && alone => return false, // its level is removed and added again
            level if level == was => self.arena.node(level).qty - node.qty,
            level => self.arena.node(level).qty,
        };
        if there.checked_add(qty).is_none() {
            return false;
        }
        // M10.3: priority is lost, so the order gets a new stamp and goes to the back (M0.12).
        h.emit(replaced);
        if h.watches() {
            self.report_visible_deleted(order, h);
        }
        self.arena.unlink_vanilla(&node);
        if alone {
            self.remove_level_outlined(was);
        }
        if level == 0 {
            level = self.add_level_outlined(side, rank);
        }
        let stamp = self.next_stamp();
        self.arena.restamp(order, stamp);
        self.arena.node_mut(order).qty = qty;
        self.arena.link_vanilla(order, level, qty);
        if h.watches() {
            self.report_visible_added(order, h);
        }
        self.follow();
        true
    }

    /// Moves the near-level windows after the best prices, where they have drifted too far.
    #[inline(always)]
    pub(in crate::book) fn follow(&mut self) {
        if self.sides[0].is_adrift() | self.sides[1].is_adrift() {
            self.follow_outlined();
        }
    }

    #[cold]
    #[inline(never)]
    fn follow_outlined(&mut self) {
        for side in &mut self.sides {
            if side.is_adrift() {
                side.follow();
            }
        }
    }
}
