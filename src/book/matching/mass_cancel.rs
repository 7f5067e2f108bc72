//! Mass cancel, expiry, and the close of day orders: many orders are canceled by one command.

use crate::book::matching::ctx::BookCtx;
use crate::book::order_book::Book;
use crate::book::state_hash::StateHash;
use crate::book::{CancelReason, OwnerId, Phase, Reject, Side, TimeInForce};

/// Selection of a mass cancel.
#[derive(Clone, Copy, Debug)]
enum Selection {
    Owner(u32),
    Day,
}

impl<const ORDERS: usize, const BLOCKS: usize, const FAR: usize, const STOPS: usize, const IDS: usize, T: StateHash>
    Book<ORDERS, BLOCKS, FAR, STOPS, IDS, T>
{
    /// Cancels the live orders of one owner, of one side or both. Implements M11.1, M11.3, M11.4,
    /// and M17.5 for its test.
    pub(in crate::book) fn mass_cancel<H: BookCtx>(
        &mut self,
        owner: OwnerId,
        side: Option<Side>,
        h: &mut H,
    ) -> Result<(), Reject> {
        if self.phase == Phase::Closed {
            return Err(Reject::Phase);
        }
        self.cancel_selected(Selection::Owner(owner.get()), side, CancelReason::MassCancel, h);
        Ok(())
    }

    /// Cancels day orders and day stops in the order of a mass cancel. Implements M14.9.
    pub(in crate::book) fn close<H: BookCtx>(&mut self, h: &mut H) {
        self.cancel_selected(Selection::Day, None, CancelReason::Expired, h);
    }

    /// Cancels the selected orders: bids best price first in queue order, asks likewise, then
    /// stops in entry order. Implements M11.2.
    fn cancel_selected<H: BookCtx>(
        &mut self,
        selection: Selection,
        side: Option<Side>,
        reason: CancelReason,
        h: &mut H,
    ) {
        let sides = [Side::Buy, Side::Sell];
        for at_side in sides.into_iter().filter(|&s| side.is_none_or(|only| only == s)) {
            let mut cursor = self.sides[at_side as usize].first();
            while let Some(at) = cursor {
                cursor = self.sides[at_side as usize].worse(at.rank);
                let last = self.arena.node(at.level).prev;
                let mut order = self.arena.node(at.level).next;
                loop {
                    let next = self.arena.node(order).next;
                    let is_last = order == last;
                    let wanted = match selection {
                        Selection::Owner(owner) => self.arena.owner(order) == owner,
                        Selection::Day => self.arena.attributes(order).tif == TimeInForce::Day,
                    };
                    if wanted {
                        self.cancel_order(order, reason, h);
                    }
                    if is_last {
                        break;
                    }
                    order = next;
                }
            }
        }
        let mut seen = 0;
        while let Some(slot) = self.stops.next_entered(seen, |stop| {
            side.is_none_or(|only| only == stop.side)
                && match selection {
                    Selection::Owner(owner) => stop.owner == owner,
                    Selection::Day => stop.tif == TimeInForce::Day,
                }
        }) {
            seen = self.stops.get(slot).stamp;
            self.cancel_stop(slot, reason, h);
        }
    }

    /// Cancels every gtd order and stop with `expires` ≤ clock, by expiry time, then by entry.
    /// Returns the expiry time of the next one. Implements M13.2, and M13.3 within one instrument.
    pub(crate) fn expire<H: BookCtx>(&mut self, h: &mut H) -> Option<u64> {
        loop {
            let order = self.expiry.first().map(|o| (self.arena.cold(o).expires, self.arena.attributes(o).stamp, o));
            let stop = self.stops.first_to_expire().map(|s| (self.stops.get(s).expires, self.stops.get(s).stamp, s));
            match (order, stop) {
                (Some((expires, stamp, order)), stop) if stop.is_none_or(|(e, s, _)| (expires, stamp) < (e, s)) => {
                    if expires > h.clock() {
                        return Some(expires);
                    }
                    self.cancel_order(order, CancelReason::Expired, h);
                }
                (_, Some((expires, _, slot))) => {
                    if expires > h.clock() {
                        return Some(expires);
                    }
                    self.cancel_stop(slot, CancelReason::Expired, h);
                }
                _ => return None,
            }
        }
    }
}
