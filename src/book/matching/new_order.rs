//! New orders: validation in a fixed order, then entry.

use crate::book::command::HAS_EXTRA;
use crate::book::matching::ctx::BookCtx;
use crate::book::matching::execute::{Incoming, Room, Taker};
use crate::book::order_book::{Book, Found, Rest};
use crate::book::state_hash::StateHash;
use crate::book::storage::arena::Attributes;
use crate::book::storage::price_ladder::key;
use crate::book::storage::stop_orders::Stop;
use crate::book::{CancelReason, Command, EventBody, OrderType, Phase, Price, Qty, Reject};

/// An iceberg has at most this many slices, so that the worst case of a trade stays finite.
pub(in crate::book) const MAX_SLICES: u64 = 1_000;

impl<const ORDERS: usize, const BLOCKS: usize, const FAR: usize, const STOPS: usize, const IDS: usize, T: StateHash>
    Book<ORDERS, BLOCKS, FAR, STOPS, IDS, T>
{
    /// A new limit order without options ([`Command::is_vanilla`]) in continuous trading: the same tests in the same
    /// order as [`Book::enter`], less those that it cannot fail.
    ///
    /// It is for what `enter_fast` leaves: far levels, ids whose place is taken, owners with limits. Without it (and the
    /// like in `replace_order`) a far order and its cancel take 955 instructions instead of 679, and the replace of an id
    /// whose place is taken 729 instead of 572.
    #[inline(always)]
    pub(in crate::book) fn enter_vanilla<H: BookCtx>(&mut self, c: &Command, h: &mut H) -> Result<(), Reject> {
        let (id, side, at, qty) = (c.id().get(), c.side(), c.limit_price(), c.quantity().lots());
        let (owner, tif, stp) = (c.owner_id().get(), c.time_in_force(), c.self_trade_mode());
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
        let level = if tif.may_rest() { self.room(side, at, qty, 0)? } else { 0 };
        h.emit(EventBody::Accepted { id: c.id() });
        let stamp = self.next_stamp();
        let (mut open, mut traded) = (qty, false);
        if self.crosses(side, at) {
            let other = side.opposite();
            let left = self.trade(Taker { id, owner, stp }, other, key(other, at), open, h);
            open = left.unwrap_or(0);
            traded = true;
        }
        if open > 0 {
            if tif.may_rest() {
                let attributes = Attributes { stamp, tif, stp, iceberg: false, hidden: false, post_only: false };
                self.rest_vanilla(
                    &Rest { id, owner, open, side, price: at, attributes, display: 0, expires: 0 },
                    level,
                    h,
                );
            } else {
                h.emit(EventBody::Canceled { id: c.id(), qty: Qty::new(open), reason: CancelReason::Ioc });
            }
        }
        if traded {
            self.test_stops(h);
        }
        Ok(())
    }

    /// A new order. Nothing has changed when it is refused.
    #[inline(never)]
    pub(in crate::book) fn enter<H: BookCtx>(&mut self, c: &Command, h: &mut H) -> Result<(), Reject> {
        let (id, side, qty) = (c.id().get(), c.side(), c.quantity().lots());
        let (kind, tif) = (c.order_type(), c.time_in_force());
        let owner = c.owner_id().get();
        match self.phase {
            Phase::Continuous => {}
            Phase::Auction if kind != OrderType::Market && tif.may_rest() => {}
            _ => return Err(Reject::Phase),
        }
        if self.find(id) != Found::Nothing {
            return Err(Reject::DuplicateId);
        }
        if c.expiry().is_some_and(|expires| expires <= h.clock()) {
            return Err(Reject::BadField);
        }
        if qty == 0 {
            return Err(Reject::BadQty);
        }
        let (mut display, mut min_qty) = (0, 0);
        if c.has(HAS_EXTRA) {
            if let Some(slice) = c.display_qty() {
                display = slice.lots();
                if display == 0 || display > qty || u128::from(qty) > u128::from(display) * u128::from(MAX_SLICES) {
                    return Err(Reject::BadQty);
                }
            }
            if let Some(least) = c.minimum_qty() {
                min_qty = least.lots();
                if min_qty == 0 || min_qty > qty {
                    return Err(Reject::BadQty);
                }
            }
        }
        if c.trail() == Some(0) {
            return Err(Reject::BadPrice);
        }
        let limit = if kind.has_limit() { Some(c.limit_price()) } else { None };
        if limit.is_some_and(|price| !self.in_band(price)) || c.stop_price().is_some_and(|price| !self.in_band(price)) {
            return Err(Reject::PriceOutOfBand);
        }
        let adds = kind.is_stop() || (kind == OrderType::Limit && tif.may_rest());
        h.check_risk(owner, qty, self.notional_price(limit), adds)?;
        if kind.is_stop() {
            return self.enter_stop(c, h);
        }
        if c.is_post_only() && self.phase == Phase::Continuous && self.crosses(side, c.limit_price()) {
            return Err(Reject::WouldCross);
        }
        let mut room = Room::Late;
        if adds {
            room = Room::Tested(self.room(side, c.limit_price(), qty, 0)?);
        }
        h.emit(EventBody::Accepted { id: c.id() });
        let order = Incoming {
            id,
            owner,
            side,
            open: qty,
            limit,
            protect: c.protection(),
            tif,
            stp: c.self_trade_mode(),
            min_qty,
            post_only: c.is_post_only(),
            hidden: c.is_hidden(),
            display,
            expires: c.expiry().unwrap_or(0),
            stamp: self.next_stamp(),
            node: 0,
        };
        self.come_in(&order, room, h);
        self.test_stops(h);
        Ok(())
    }

    /// The price that an order's notional value is taken at: its limit, else the last trade's, else the reference.
    #[inline(always)]
    pub(in crate::book) fn notional_price(&self, limit: Option<Price>) -> Option<i64> {
        match limit {
            Some(price) => Some(price.ticks()),
            None => self.last.get().or(self.reference.get()),
        }
    }

    #[cold]
    #[inline(never)]
    fn enter_stop<H: BookCtx>(&mut self, c: &Command, h: &mut H) -> Result<(), Reject> {
        if !self.stops.has_room() {
            return Err(Reject::StopsFull);
        }
        h.emit(EventBody::Accepted { id: c.id() });
        let mut stop = Stop::NONE;
        stop.id = c.id().get();
        stop.qty = c.quantity().lots();
        stop.stop = c.stop_price().map_or(0, Price::ticks);
        stop.limit = if c.order_type().has_limit() { c.limit_price().ticks() } else { 0 };
        stop.protect = c.protection().unwrap_or(0);
        stop.trail = c.trail().unwrap_or(0);
        stop.stamp = self.next_stamp();
        stop.expires = c.expiry().unwrap_or(0);
        stop.owner = c.owner_id().get();
        stop.kind = c.order_type();
        stop.tif = c.time_in_force();
        stop.stp = c.self_trade_mode();
        stop.side = c.side();
        stop.has_protect = c.protection().is_some();
        let slot = self.stops.insert(stop, self.last.get());
        self.stop_joined(slot);
        self.name_stop(stop.id, slot);
        h.on_open(stop.owner);
        if let Some(expires) = c.expiry() {
            h.schedule_expiry(expires);
        }
        self.untested = true;
        self.test_stops(h);
        Ok(())
    }
}
