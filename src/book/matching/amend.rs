//! Cancel, reduce and replace.

use crate::book::command::Replacement;
use crate::book::matching::ctx::BookCtx;
use crate::book::matching::execute::{Incoming, Room};
use crate::book::matching::iceberg::exceeds_max_slices;
use crate::book::order_book::{Book, Found, OrderState};
use crate::book::state_hash::StateHash;
use crate::book::storage::arena::Attributes;
use crate::book::storage::price_ladder::rank;
use crate::book::{CancelReason, Command, EventBody, OrderId, OwnerId, Phase, Qty, Reject};

impl<const ORDERS: usize, const BLOCKS: usize, const FAR: usize, const STOPS: usize, const IDS: usize, T: StateHash>
    Book<ORDERS, BLOCKS, FAR, STOPS, IDS, T>
{
    /// Cancels a live order or stop. Implements M9.1, M8.14, and M17.4 for its tests.
    #[inline(always)]
    pub(in crate::book) fn cancel<H: BookCtx>(&mut self, id: OrderId, h: &mut H) -> Result<(), Reject> {
        if self.phase == Phase::Closed {
            return Err(Reject::Phase);
        }
        match self.find(id.get()) {
            Found::Order(order) => self.cancel_order(order, CancelReason::Requested, h),
            Found::Stop(slot) => self.cancel_stop(slot, CancelReason::Requested, h),
            Found::Nothing => return Err(Reject::UnknownOrder),
        }
        Ok(())
    }

    /// Takes `by` off the open quantity; priority is kept. Implements M9.2 and M9.3, and M17.4 for
    /// its tests.
    pub(in crate::book) fn reduce<H: BookCtx>(&mut self, id: OrderId, by: Qty, h: &mut H) -> Result<(), Reject> {
        if self.phase == Phase::Closed {
            return Err(Reject::Phase);
        }
        let found = self.find(id.get());
        let (open, side, owner, price) = match found {
            Found::Order(order) => {
                let (node, level) = (self.arena.node(order), self.arena.level_of(order));
                (node.qty, self.arena.side(level), node.owner(), Some(self.arena.price(level)))
            }
            Found::Stop(slot) => {
                let stop = self.stops.get(slot);
                (stop.qty, stop.side, stop.owner, stop.limit_price())
            }
            Found::Nothing => return Err(Reject::UnknownOrder),
        };
        if by.lots() == 0 {
            return Err(Reject::BadQty);
        }
        let left = open.saturating_sub(by.lots());
        match found {
            // M9.3
            Found::Order(order) if left == 0 => self.cancel_order(order, CancelReason::Requested, h),
            Found::Stop(slot) if left == 0 => self.cancel_stop(slot, CancelReason::Requested, h),
            _ => {
                h.emit(EventBody::Reduced { id, side, owner: OwnerId::new(owner), price, qty: Qty::new(left) });
                match found {
                    Found::Order(order) => self.shrink(order, left, h),
                    Found::Stop(slot) => self.resize_stop(slot, left),
                    Found::Nothing => {}
                }
            }
        }
        Ok(())
    }

    /// Replaces price, stop or quantity of a live order or stop. M14.4, M14.5: in `continuous` and
    /// `auction` only.
    pub(in crate::book) fn replace<H: BookCtx>(&mut self, c: &Command, h: &mut H) -> Result<(), Reject> {
        if !matches!(self.phase, Phase::Continuous | Phase::Auction) {
            return Err(Reject::Phase);
        }
        match self.find(c.id().get()) {
            Found::Order(order) => self.replace_order(order, &c.replacement(), h),
            Found::Stop(slot) => self.replace_stop(slot, &c.replacement(), h),
            Found::Nothing => Err(Reject::UnknownOrder),
        }
    }

    /// Replaces a resting order. Implements M10.1 to M10.4, with the tests of M17.3 in their order.
    #[inline(never)]
    fn replace_order<H: BookCtx>(&mut self, order: u32, with: &Replacement, h: &mut H) -> Result<(), Reject> {
        if with.stop.is_some() {
            return Err(Reject::BadField); // M10.6
        }
        let node = *self.arena.node(order);
        let owner = self.arena.owner(order);
        let level = self.arena.level_of(order);
        let attributes = self.arena.attributes(order);
        let cold = *self.arena.cold(order);
        let (side, was) = (self.arena.side(level), self.arena.price(level));
        let at = with.price.unwrap_or(was);
        let qty = with.qty.map_or(node.qty, Qty::lots);
        let display = if attributes.iceberg { cold.display } else { 0 };
        // M7.2
        if qty == 0 || (attributes.iceberg && exceeds_max_slices(qty, display)) {
            return Err(Reject::BadQty);
        }
        if !self.in_band(at) {
            return Err(Reject::PriceOutOfBand);
        }
        // M16.6, M16.7: of the new open quantity, without `max_orders`, also if priority is kept.
        h.check_risk(owner, qty, Some(at.ticks()), false)?;
        let id = OrderId::new(node.id);
        let replaced =
            EventBody::Replaced { id, side, owner: OwnerId::new(owner), price: Some(at), qty: Qty::new(qty) };
        // M10.2: priority is kept.
        if at == was && qty <= node.qty && !with.lose_priority {
            h.emit(replaced);
            if qty < node.qty {
                self.shrink(order, qty, h);
            }
            return Ok(());
        }
        // M10.3: priority is lost, so the order matches again, post-only test included (M6.3,
        // M6.4).
        if attributes.post_only && self.phase == Phase::Continuous && self.crosses(side, at) {
            return Err(Reject::WouldCross);
        }
        self.room(side, at, qty, order)?; // M17.7: it does not count itself
        h.emit(replaced);
        if h.watches() {
            self.report_visible_deleted(order, h);
        }
        self.dequeue(order);
        // Lifting the order may have removed its level.
        let level = self.sides[side as usize].find(rank(side, at));
        let stamp = self.next_stamp();
        if self.phase != Phase::Continuous || !self.crosses(side, at) {
            let attributes = Attributes { stamp, ..attributes };
            self.arena.node_mut(order).qty = qty;
            let rest = OrderState {
                id: node.id,
                owner,
                open: qty,
                side,
                price: at,
                attributes,
                display,
                expires: cold.expires,
            };
            self.enqueue(order, &rest, level, h);
            return Ok(());
        }
        let incoming = Incoming {
            id: node.id,
            owner,
            side,
            open: qty,
            limit: Some(at),
            protect: None,
            tif: attributes.tif,
            stp: attributes.stp,
            min_qty: 0,
            post_only: attributes.post_only,
            hidden: attributes.hidden,
            display,
            expires: cold.expires,
            stamp,
            node: order,
        };
        self.execute(&incoming, Room::Tested(level), h);
        self.test_stops(h);
        Ok(())
    }
}
