//! Verification of a book's records before anything is changed: all but duplicate ids and entry
//! stamps, which need memory to find.

use super::super::{OrderType, Phase, Price, Side, TimeInForce};
use super::error::{Capacity, RestoreError, RestoreFault};
use super::records::{BookParts, LAST, MAX, MIN, REFERENCE};
use crate::book::order_book::{Book, OrderState};
use crate::book::state_hash::StateHash;
use crate::book::storage::price_ladder::{Place, PriceLadder, rank};

/// Entry stamps have 56 bits.
const STAMPS_END: u64 = 1 << 56;

impl<const ORDERS: usize, const BLOCKS: usize, const FAR: usize, const STOPS: usize, const IDS: usize, T: StateHash>
    Book<ORDERS, BLOCKS, FAR, STOPS, IDS, T>
{
    /// Checks that [`Book::restore`] can make a book of these records that behaves as the saved
    /// one.
    pub(crate) fn verify(parts: &BookParts<'_>, clock: u64) -> Result<(), RestoreError> {
        let head = parts.head;
        let here = |fault| RestoreError::new(fault, parts.offset);
        let known =
            head.known & !(MIN | MAX | REFERENCE | LAST) == 0 && (head.last().is_some() || head.last.get() == 0);
        if parts.spec().is_none()
            || head.phase().is_none()
            || !known
            || head.settled > 3
            || head.reserved.get() != 0
            || head.stamps.get() >= STAMPS_END
        {
            return Err(here(RestoreFault::BadRecord));
        }
        for (of, needed, room) in
            [(Capacity::Orders, parts.orders.len(), ORDERS), (Capacity::Stops, parts.stops.len(), STOPS)]
        {
            if needed > room {
                return Err(here(RestoreFault::NoRoom { of, needed: needed as u64, room: room as u64 }));
            }
        }
        let asks = Self::verify_orders(parts, clock)?;
        Self::verify_ladder(parts, Side::Buy, 0, asks)?;
        Self::verify_ladder(parts, Side::Sell, asks, parts.orders.len())?;
        Self::verify_stops(parts, clock)
    }

    /// Checks each order alone and against the one before it. Returns the index of the first
    /// ask.
    fn verify_orders(parts: &BookParts<'_>, clock: u64) -> Result<usize, RestoreError> {
        let mut asks = parts.orders.len();
        let mut before: Option<OrderState> = None;
        let mut best_bid = None;
        let (mut total, mut entered) = (0u64, 0u64);
        for (i, record) in parts.orders.iter().enumerate() {
            let at = |fault| RestoreError::new(fault, parts.order_offset(i));
            let order = record.read().ok_or(at(RestoreFault::BadRecord))?;
            Self::verify_order(parts, &order, clock).map_err(at)?;
            let here = rank(order.side, order.price);
            let same_side = before.is_some_and(|b| b.side == order.side);
            if !same_side && order.side == Side::Sell {
                asks = i;
            }
            let step = match before {
                None => true,
                Some(b) if b.side != order.side => b.side == Side::Buy,
                Some(b) if b.price != order.price => rank(b.side, b.price) > here,
                Some(b) => b.attributes.hidden <= order.attributes.hidden,
            };
            if !step {
                return Err(at(RestoreFault::QueueOrder));
            }
            let same_level = same_side && before.is_some_and(|b| b.price == order.price);
            if !same_level || before.is_some_and(|b| b.attributes.hidden != order.attributes.hidden) {
                entered = 0;
            }
            if !same_level {
                total = 0;
            }
            if !order.attributes.iceberg {
                if order.attributes.stamp <= entered {
                    return Err(at(RestoreFault::QueueOrder));
                }
                entered = order.attributes.stamp;
            }
            total = total.checked_add(order.open).ok_or(at(RestoreFault::LevelTotal))?;
            match order.side {
                Side::Buy => best_bid = best_bid.or(Some(order.price)),
                Side::Sell if parts.head.phase() == Some(Phase::Continuous) => {
                    if best_bid.is_some_and(|bid| bid >= order.price) {
                        return Err(at(RestoreFault::Crossed));
                    }
                }
                Side::Sell => {}
            }
            before = Some(order);
        }
        Ok(asks)
    }

    fn verify_order(parts: &BookParts<'_>, order: &OrderState, clock: u64) -> Result<(), RestoreFault> {
        if !parts.in_band(order.price) {
            return Err(RestoreFault::OutOfBand);
        }
        if parts.has_expired(order.attributes.tif, order.expires, clock) {
            return Err(RestoreFault::Expired);
        }
        parts.was_given(order.attributes.stamp)
    }

    /// Checks that the levels of a side, the orders `from..to`, fit into a ladder.
    fn verify_ladder(parts: &BookParts<'_>, side: Side, from: usize, to: usize) -> Result<(), RestoreError> {
        let here = |fault| RestoreError::new(fault, parts.offset);
        let orders = parts.orders.get(from..to).unwrap_or(&[]);
        let ranks = || orders.iter().map(|record| rank(side, Price::new(record.price.get())));
        let record = parts.head.windows[side as usize];
        let Some(best) = ranks().next() else {
            let empty = record.top.get() == 0 && record.len.get() == 0 && parts.head.settled >> side as u8 & 1 == 0;
            return if empty { Ok(()) } else { Err(here(RestoreFault::Window)) };
        };
        let place = Self::window_of(parts, side, best).ok_or(here(RestoreFault::Window))?;
        let mut before = None;
        let mut needed = 0usize;
        for rank in ranks() {
            needed += usize::from(before != Some(rank) && !place.reaches(rank));
            before = Some(rank);
        }
        if needed > FAR {
            let (needed, room) = (needed as u64, FAR as u64);
            return Err(here(RestoreFault::NoRoom { of: Capacity::FarLevels, needed, room }));
        }
        Ok(())
    }

    /// Returns the place of a side's window: the saved one, if the width is the same, else a new
    /// one. `None` if the saved place is impossible.
    pub(super) fn window_of(parts: &BookParts<'_>, side: Side, best: i64) -> Option<Place> {
        if parts.head.width.get() != PriceLadder::<BLOCKS, FAR>::WIDTH {
            return Some(PriceLadder::<BLOCKS, FAR>::place_for(best));
        }
        let record = parts.head.windows[side as usize];
        let settled = parts.head.settled >> side as u8 & 1 != 0;
        let place = Place { top: record.top.get(), len: record.len.get(), settled };
        PriceLadder::<BLOCKS, FAR>::may_stand_at(place).then_some(place)
    }

    fn verify_stops(parts: &BookParts<'_>, clock: u64) -> Result<(), RestoreError> {
        let head = parts.head;
        let mut entered = 0;
        for (i, record) in parts.stops.iter().enumerate() {
            let at = |fault| RestoreError::new(fault, parts.stop_offset(i));
            let stop = record.read().ok_or(at(RestoreFault::BadRecord))?;
            let trails = stop.kind == OrderType::TrailingStop;
            let banded = (trails || parts.in_band(Price::new(stop.stop)))
                && (!stop.kind.has_limit() || parts.in_band(Price::new(stop.limit)));
            if !banded {
                return Err(at(RestoreFault::OutOfBand));
            }
            if parts.has_expired(stop.tif, stop.expires, clock) {
                return Err(at(RestoreFault::Expired));
            }
            if stop.stamp <= entered {
                return Err(at(RestoreFault::EntryOrder));
            }
            parts.was_given(stop.stamp).map_err(at)?;
            entered = stop.stamp;
            let tested = match head.last() {
                None => !stop.has_anchor,
                Some(last) => {
                    let anchored = match stop.side {
                        _ if !trails => true,
                        Side::Buy => stop.has_anchor && stop.anchor <= last,
                        Side::Sell => stop.has_anchor && stop.anchor >= last,
                    };
                    anchored && (head.phase() != Some(Phase::Continuous) || !stop.is_hit(last))
                }
            };
            if !tested {
                return Err(at(RestoreFault::StopDue));
            }
        }
        Ok(())
    }
}

impl BookParts<'_> {
    fn in_band(&self, price: Price) -> bool {
        let (head, ticks) = (self.head, price.ticks());
        (head.known & MIN == 0 || head.min_price.get() <= ticks)
            && (head.known & MAX == 0 || ticks <= head.max_price.get())
    }

    fn has_expired(&self, tif: TimeInForce, expires: u64, clock: u64) -> bool {
        match tif {
            TimeInForce::Gtd => expires <= clock,
            TimeInForce::Day => self.head.phase() == Some(Phase::Closed),
            _ => false,
        }
    }

    fn was_given(&self, stamp: u64) -> Result<(), RestoreFault> {
        if stamp == 0 || stamp > self.head.stamps.get() { Err(RestoreFault::EntryOrder) } else { Ok(()) }
    }
}
