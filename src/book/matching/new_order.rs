//! New orders: validation in the order of M17.2, then entry.

use crate::book::command::HAS_EXTRA;
use crate::book::matching::ctx::BookCtx;
use crate::book::matching::execute::{Incoming, Room, Taker};
use crate::book::matching::iceberg::exceeds_max_slices;
use crate::book::order_book::{Book, Found, OrderState};
use crate::book::state_hash::StateHash;
use crate::book::storage::arena::Attributes;
use crate::book::storage::price_ladder::rank;
use crate::book::{CancelReason, Command, EventBody, OrderType, Phase, Price, Qty, Reject};

impl<const ORDERS: usize, const BLOCKS: usize, const FAR: usize, const STOPS: usize, const IDS: usize, T: StateHash>
    Book<ORDERS, BLOCKS, FAR, STOPS, IDS, T>
{
    /// Enters a limit order without options ([`Command::is_vanilla`]) in continuous trading: the
    /// middle path. Same tests in the same order as [`Book::enter`] (M17.2), without those that
    /// such an order cannot fail.
    ///
    /// It is for what `enter_fast` declines: far levels, displaced ids, owners with limits.
    /// Without it (and its like in `replace_order`) a far order and its cancel take 955
    /// instructions instead of 679, and the replace of an order with a displaced id 729 instead of
    /// 572.
    #[inline(always)]
    pub(in crate::book) fn enter_vanilla<H: BookCtx>(&mut self, c: &Command, h: &mut H) -> Result<(), Reject> {
        let (id, side, at, qty) = (c.id().get(), c.side(), c.price_field(), c.qty().lots());
        let (owner, tif, stp) = (c.owner().get(), c.tif(), c.self_trade());
        if self.find(id) != Found::Nothing {
            return Err(Reject::DuplicateId);
        }
        if qty == 0 {
            return Err(Reject::BadQty);
        }
        if !self.in_band(at) {
            return Err(Reject::PriceOutOfBand);
        }
        h.check_risk(owner, qty, Some(at.ticks()), tif.may_rest())?;
        // M17.7, M17.8: room for what may rest is tested before matching, as if nothing traded.
        let level = if tif.may_rest() { self.room(side, at, qty, 0)? } else { 0 };
        h.emit(accepted(c));
        let stamp = self.next_stamp();
        let (mut open, mut traded) = (qty, false);
        if self.crosses(side, at) {
            let other = side.opposite();
            let left = self.trade(Taker { id, owner, stp, limit: Some(at) }, other, rank(other, at), open, h);
            open = left.unwrap_or(0);
            traded = true;
        }
        if open > 0 {
            if tif.may_rest() {
                let attributes = Attributes { stamp, tif, stp, iceberg: false, hidden: false, post_only: false };
                self.add_vanilla(
                    &OrderState { id, owner, open, side, price: at, attributes, display: 0, expires: 0 },
                    level,
                    h,
                );
            } else {
                // M2.3
                h.emit(EventBody::Canceled {
                    id: c.id(),
                    side,
                    owner: c.owner(),
                    price: Some(at),
                    qty: Qty::new(open),
                    reason: CancelReason::Ioc,
                });
            }
        }
        if traded {
            self.test_stops(h);
        }
        Ok(())
    }

    /// Enters a new order of any type: the general path. Implements the tests of M17.2 in their
    /// order; a refusal changes nothing (M17.1).
    #[inline(never)]
    pub(in crate::book) fn enter<H: BookCtx>(&mut self, c: &Command, h: &mut H) -> Result<(), Reject> {
        let (id, side, qty) = (c.id().get(), c.side(), c.qty().lots());
        let (kind, tif) = (c.order_type(), c.tif());
        let owner = c.owner().get();
        // M14.2, M14.4 to M14.6
        match self.phase {
            Phase::Continuous => {}
            Phase::Auction if kind != OrderType::Market && tif.may_rest() => {}
            _ => return Err(Reject::Phase),
        }
        if self.find(id) != Found::Nothing {
            return Err(Reject::DuplicateId); // M0.8
        }
        // M13.4, M13.5: of any order type.
        if c.expiry().is_some_and(|expires| expires <= h.clock()) {
            return Err(Reject::BadField);
        }
        if qty == 0 {
            return Err(Reject::BadQty);
        }
        let (mut display, mut min_qty) = (0, 0);
        if c.has(HAS_EXTRA) {
            // M7.1
            if let Some(slice) = c.display_qty() {
                display = slice.lots();
                if display == 0 || display > qty || exceeds_max_slices(qty, display) {
                    return Err(Reject::BadQty);
                }
            }
            // M5.1, M17.2 (4): 1 ≤ `min_qty` ≤ `qty`
            if let Some(least) = c.min_qty() {
                min_qty = least.lots();
                if min_qty == 0 || min_qty > qty {
                    return Err(Reject::BadQty);
                }
            }
        }
        if c.trail() == Some(0) {
            return Err(Reject::BadPrice); // M8.11
        }
        let limit = if kind.has_limit() { Some(c.price_field()) } else { None };
        // M17.6
        if limit.is_some_and(|price| !self.in_band(price)) || c.stop_price().is_some_and(|price| !self.in_band(price)) {
            return Err(Reject::PriceOutOfBand);
        }
        // M16.4: what may rest counts for `max_orders`; M16.9: every stop does.
        let adds = kind.is_stop() || (kind == OrderType::Limit && tif.may_rest());
        h.check_risk(owner, qty, self.notional_price(limit), adds)?;
        if kind.is_stop() {
            return self.enter_stop(c, h);
        }
        // M6.1, M6.2; M6.4: not in an auction.
        if c.is_post_only() && self.phase == Phase::Continuous && self.crosses(side, c.price_field()) {
            return Err(Reject::WouldCross);
        }
        // M17.7, M17.8
        let mut room = Room::Late;
        if adds {
            room = Room::Tested(self.room(side, c.price_field(), qty, 0)?);
        }
        h.emit(accepted(c));
        let order = Incoming {
            id,
            owner,
            side,
            open: qty,
            limit,
            protect: c.protection(),
            tif,
            stp: c.self_trade(),
            min_qty,
            post_only: c.is_post_only(),
            hidden: c.is_hidden(),
            display,
            expires: c.expiry().unwrap_or(0),
            stamp: self.next_stamp(),
            node: 0,
        };
        self.execute(&order, room, h);
        self.test_stops(h);
        Ok(())
    }

    /// Returns the price at which an order's notional value is taken: its limit, else the last
    /// trade price, else the reference. Implements M16.3.
    #[inline(always)]
    pub(in crate::book) fn notional_price(&self, limit: Option<Price>) -> Option<i64> {
        match limit {
            Some(price) => Some(price.ticks()),
            None => self.last.get().or(self.reference.get()),
        }
    }
}

/// Returns the event of an accepted order of any type.
#[inline(always)]
pub(in crate::book) fn accepted(c: &Command) -> EventBody {
    EventBody::Accepted { id: c.id(), side: c.side(), owner: c.owner(), price: c.limit_price(), qty: c.qty() }
}
