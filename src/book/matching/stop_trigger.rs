//! Stops: entry, replace, cancel, and the test that triggers them. Chapter 8 of the contract.

use crate::book::command::Replacement;
use crate::book::matching::ctx::BookCtx;
use crate::book::matching::execute::{Incoming, Room};
use crate::book::matching::new_order::accepted;
use crate::book::order_book::{Book, stop_entry};
use crate::book::state_hash::StateHash;
use crate::book::storage::observer::StorageObserver;
use crate::book::storage::stop_orders::Stop;
use crate::book::{CancelReason, Command, EventBody, OrderId, OrderType, OwnerId, Phase, Price, Qty, Reject};

impl<const ORDERS: usize, const BLOCKS: usize, const FAR: usize, const STOPS: usize, const IDS: usize, T: StateHash>
    Book<ORDERS, BLOCKS, FAR, STOPS, IDS, T>
{
    /// Enters a stop. Implements M8.1 (it rests off-book), M8.6 (it is tested on arrival), M8.11,
    /// M8.12 (its anchor) and M17.9 (a stop's room, no level's).
    #[cold]
    #[inline(never)]
    pub(in crate::book) fn enter_stop<H: BookCtx>(&mut self, c: &Command, h: &mut H) -> Result<(), Reject> {
        if !self.stops.has_room() {
            return Err(Reject::StopsFull);
        }
        h.emit_outlined(&accepted(c));
        let mut stop = Stop::NONE;
        stop.id = c.id().get();
        stop.qty = c.qty().lots();
        stop.stop = c.stop_price().map_or(0, Price::ticks);
        stop.limit = c.limit_price().map_or(0, Price::ticks);
        stop.protect = c.protection().unwrap_or(0);
        stop.trail = c.trail().unwrap_or(0);
        stop.stamp = self.next_stamp();
        stop.expires = c.expiry().unwrap_or(0);
        stop.owner = c.owner().get();
        stop.kind = c.order_type();
        stop.tif = c.tif();
        stop.stp = c.self_trade();
        stop.side = c.side();
        stop.has_protect = c.protection().is_some();
        let slot = self.stops.insert(stop, self.last.get());
        self.report_stop_added(slot);
        self.ids.insert(stop.id, stop_entry(slot));
        h.on_open(stop.owner);
        if let Some(expires) = c.expiry() {
            h.schedule_expiry(expires);
        }
        self.untested = true;
        self.test_stops(h);
        Ok(())
    }

    /// Replaces an untriggered stop. Implements M10.5 and M10.6; tests it again (M8.6).
    #[cold]
    #[inline(never)]
    pub(in crate::book) fn replace_stop<H: BookCtx>(
        &mut self,
        slot: u32,
        with: &Replacement,
        h: &mut H,
    ) -> Result<(), Reject> {
        let was = *self.stops.get(slot);
        let has_limit = was.kind.has_limit();
        // M10.6
        if (with.price.is_some() && !has_limit) || (with.stop.is_some() && was.kind == OrderType::TrailingStop) {
            return Err(Reject::BadField);
        }
        let qty = with.qty.map_or(was.qty, Qty::lots);
        if qty == 0 {
            return Err(Reject::BadQty);
        }
        let limit = with.price.map_or(was.limit, Price::ticks);
        let stop = with.stop.map_or(was.stop, Price::ticks);
        let banded = |book: &Self, ticks| book.in_band(Price::new(ticks));
        if (has_limit && !banded(self, limit)) || (was.kind != OrderType::TrailingStop && !banded(self, stop)) {
            return Err(Reject::PriceOutOfBand);
        }
        // M18.3: no price for an order without a limit price.
        let price = has_limit.then_some(Price::new(limit));
        h.check_risk(was.owner, qty, self.notional_price(price), false)?;
        if limit == was.limit && stop == was.stop && qty <= was.qty && !with.lose_priority {
            self.resize_stop(slot, qty); // M10.2
        } else {
            // M10.5: to the end of entry order.
            let stamp = self.next_stamp();
            self.report_stop_removed(slot);
            self.stops.requeue(slot, qty, limit, stop, stamp);
            self.report_stop_added(slot);
        }
        let (id, owner) = (OrderId::new(was.id), OwnerId::new(was.owner));
        h.emit_outlined(&EventBody::Replaced { id, side: was.side, owner, price, qty: Qty::new(qty) });
        self.untested = true;
        self.test_stops(h);
        Ok(())
    }

    /// Cancels an untriggered stop (M8.14).
    pub(in crate::book) fn cancel_stop<H: BookCtx>(&mut self, slot: u32, reason: CancelReason, h: &mut H) {
        let stop = *self.stops.get(slot);
        h.emit_outlined(&EventBody::Canceled {
            id: OrderId::new(stop.id),
            side: stop.side,
            owner: OwnerId::new(stop.owner),
            price: stop.limit_price(),
            qty: Qty::new(stop.qty),
            reason,
        });
        self.report_stop_removed(slot);
        self.stops.remove(slot);
        self.ids.remove(stop.id, stop_entry(slot));
        h.on_close(stop.owner);
    }

    /// Tests the stops if a trade, a new or replaced stop, or the start of continuous trading may
    /// have satisfied one; then enters those that are, one by one, and tests again after each.
    /// Implements M8.3, M8.6 and M8.17.
    #[inline(always)]
    pub(in crate::book) fn test_stops<H: BookCtx>(&mut self, h: &mut H) {
        if self.untested && self.stops.live() > 0 {
            self.trigger_stops(h);
        }
        self.untested = false;
    }

    /// Tests and triggers stops until none is queued. Implements M8.2, M8.3 and M8.7 to M8.10.
    #[cold]
    #[inline(never)]
    fn trigger_stops<H: BookCtx>(&mut self, h: &mut H) {
        if self.phase != Phase::Continuous {
            return; // M8.2
        }
        loop {
            // M8.3, M8.4: with the last trade price, never the reference.
            if self.untested
                && let Some(last) = self.last.get()
            {
                self.untested = false;
                let (ids, observer) = (&mut self.ids, &mut self.arena.observer);
                self.stops.test(last, |slot, was, now| {
                    Self::report_stop_changed(observer, slot, was, now);
                    // M8.8: a queued stop is no longer live.
                    if now.is_none() {
                        ids.remove(was.id, stop_entry(slot));
                        h.on_close(was.owner);
                    }
                });
            }
            let Some(stop) = self.stops.pop_queued() else { return };
            // M8.9
            h.emit_outlined(&EventBody::Triggered {
                id: OrderId::new(stop.id),
                side: stop.side,
                owner: OwnerId::new(stop.owner),
                price: stop.limit_price(),
                qty: Qty::new(stop.qty),
            });
            // M8.10, M8.16; M0.13: it gets its new stamp now.
            let order = Incoming {
                id: stop.id,
                owner: stop.owner,
                side: stop.side,
                open: stop.qty,
                limit: stop.limit_price(),
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
            self.execute(&order, Room::Late, h);
        }
    }

    // ---- the observer of storage ----------------------------------------------------------------

    const OBSERVED: bool = <T::State<ORDERS, STOPS> as StorageObserver>::ON;

    /// Returns the entry number of a stop ([`StorageObserver`]).
    pub(in crate::book) const fn stop_number(slot: u32) -> u32 {
        ORDERS as u32 + slot
    }

    /// Reports a stop that was added, the last in entry order.
    pub(in crate::book) fn report_stop_added(&mut self, slot: u32) {
        if Self::OBSERVED {
            let stop = self.stops.get(slot);
            let anchor = stop.observed_anchor();
            self.arena.observer.on_stop_added(Self::stop_number(slot), &stop.observed(), stop.qty, anchor);
        }
    }

    /// Reports a stop that is about to be removed.
    fn report_stop_removed(&mut self, slot: u32) {
        Self::report_stop_changed(&mut self.arena.observer, slot, self.stops.get(slot), None);
    }

    /// Reports a new open quantity or anchor of a stop, or its removal.
    fn report_stop_changed(observer: &mut T::State<ORDERS, STOPS>, slot: u32, was: &Stop, now: Option<&Stop>) {
        if !Self::OBSERVED {
            return;
        }
        let entry = Self::stop_number(slot);
        observer.on_second_value(entry, was.observed_anchor(), now.and_then(Stop::observed_anchor));
        match now {
            Some(now) => observer.on_resized(entry, was.qty, now.qty),
            None => observer.on_removed(entry, was.qty),
        }
    }

    /// Sets a stop's open quantity; it keeps its place in entry order (M10.2).
    pub(in crate::book) fn resize_stop(&mut self, slot: u32, qty: u64) {
        let was = *self.stops.get(slot);
        self.stops.set_qty(slot, qty);
        Self::report_stop_changed(&mut self.arena.observer, slot, &was, Some(self.stops.get(slot)));
    }
}
