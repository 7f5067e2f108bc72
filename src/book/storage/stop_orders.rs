//! Untriggered stop orders, off-book (M8.1): by trigger price, by expiry and in entry order.

use crate::book::storage::indexed_heap::{Heap, Heaped};
use crate::book::{OrderType, Price, SelfTradePrevention, Side, TimeInForce};
use zerocopy::FromZeros;

/// An untriggered stop.
#[derive(Clone, Copy, Debug, FromZeros)]
#[repr(C)]
pub(in crate::book) struct Stop {
    pub(in crate::book) id: u64,
    pub(in crate::book) qty: u64,
    /// The trigger price in ticks; that of a trailing stop moves (M8.13).
    pub(in crate::book) stop: i64,
    /// stop_limit: the limit price in ticks.
    pub(in crate::book) limit: i64,
    /// stop and trailing_stop: the protection in ticks, if `has_protect`.
    pub(in crate::book) protect: u64,
    /// trailing_stop: the distance in ticks.
    pub(in crate::book) trail: u64,
    /// trailing_stop: the anchor, if `has_anchor` (M8.12).
    pub(in crate::book) anchor: i64,
    /// Entry stamp.
    pub(in crate::book) stamp: u64,
    /// gtd: when it expires, in ns.
    pub(in crate::book) expires: u64,
    pub(in crate::book) owner: u32,
    next: u32,
    prev: u32,
    trigger_place: u32,
    expiry_place: u32,
    pub(in crate::book) kind: OrderType,
    pub(in crate::book) tif: TimeInForce,
    pub(in crate::book) stp: SelfTradePrevention,
    pub(in crate::book) side: Side,
    pub(in crate::book) has_protect: bool,
    pub(in crate::book) has_anchor: bool,
    reserved: [u8; 6],
}

impl Stop {
    /// A blank stop.
    pub(in crate::book) const NONE: Self = Self {
        id: 0,
        qty: 0,
        stop: 0,
        limit: 0,
        protect: 0,
        trail: 0,
        anchor: 0,
        stamp: 0,
        expires: 0,
        owner: 0,
        next: 0,
        prev: 0,
        trigger_place: 0,
        expiry_place: 0,
        kind: OrderType::Limit,
        tif: TimeInForce::Gtc,
        stp: SelfTradePrevention::None,
        side: Side::Buy,
        has_protect: false,
        has_anchor: false,
        reserved: [0; 6],
    };

    /// Returns the limit price of a stop_limit.
    pub(in crate::book) fn limit_price(&self) -> Option<Price> {
        self.kind.has_limit().then_some(Price::new(self.limit))
    }

    /// Returns whether a last trade price of `last` satisfies the stop. Implements M8.5.
    pub(in crate::book) fn is_hit(&self, last: i64) -> bool {
        match self.side {
            Side::Buy => last >= self.stop,
            Side::Sell => last <= self.stop,
        }
    }

    /// Moves a trailing stop's anchor with the last trade price, and its stop with the anchor.
    /// Implements M8.13; before the first price M8.12.
    fn trail(&mut self, last: i64) {
        self.anchor = match self.side {
            _ if !self.has_anchor => last,
            Side::Buy => self.anchor.min(last),
            Side::Sell => self.anchor.max(last),
        };
        self.has_anchor = true;
        self.stop = self.trailed().unwrap_or(self.stop);
    }

    /// Returns the trigger price of a trailing stop with an anchor, saturating (M8.13).
    pub(in crate::book) fn trailed(&self) -> Option<i64> {
        self.has_anchor.then_some(match self.side {
            Side::Buy => self.anchor.saturating_add_unsigned(self.trail),
            Side::Sell => self.anchor.saturating_sub_unsigned(self.trail),
        })
    }
}

/// First and last of a list, 0 when it is empty.
#[derive(Clone, Copy, Debug, FromZeros)]
#[repr(C)]
struct List {
    first: u32,
    last: u32,
}

/// Up to `STOPS` untriggered or queued stops, in slots from 1.
#[derive(Debug, FromZeros)]
#[repr(C)]
pub(in crate::book) struct Stops<const STOPS: usize> {
    free: u32,
    used: u32,
    live: u32,
    reserved: u32,
    /// stop and stop_limit, in entry order (M0.12).
    fixed: List,
    /// trailing_stop, in entry order.
    trailing: List,
    /// Satisfied, first-in-first-out, waiting for their turn (M8.7).
    queued: List,
    /// The fixed ones by trigger price, per side; a trailing one passes through when it is
    /// satisfied.
    by_trigger: [Heap<STOPS>; 2],
    by_expiry: Heap<STOPS>,
    stops: Records<STOPS>,
}

#[derive(Debug, FromZeros)]
#[repr(C)]
struct Records<const STOPS: usize>([Stop; STOPS]);

impl<const STOPS: usize> Records<STOPS> {
    fn at(&self, slot: u32) -> &Stop {
        let i = (slot as usize).wrapping_sub(1);
        debug_assert!(i < STOPS, "the slot of a stop");
        // SAFETY: every slot kept in a list, a heap, the id table or the free list came from
        // `Stops::insert`, which gives 1 to `STOPS`; 0, "none", is asked for before.
        unsafe { self.0.get_unchecked(i) }
    }

    fn at_mut(&mut self, slot: u32) -> &mut Stop {
        let i = (slot as usize).wrapping_sub(1);
        debug_assert!(i < STOPS, "the slot of a stop");
        // SAFETY: as in `at`.
        unsafe { self.0.get_unchecked_mut(i) }
    }

    fn append(&mut self, list: &mut List, slot: u32) {
        let last = list.last;
        let stop = self.at_mut(slot);
        stop.next = 0;
        stop.prev = last;
        if last == 0 {
            list.first = slot;
        } else {
            self.at_mut(last).next = slot;
        }
        list.last = slot;
    }

    fn detach(&mut self, list: &mut List, slot: u32) {
        let Stop { next, prev, .. } = *self.at(slot);
        if prev == 0 {
            list.first = next;
        } else {
            self.at_mut(prev).next = next;
        }
        if next == 0 {
            list.last = prev;
        } else {
            self.at_mut(next).prev = prev;
        }
    }
}

/// Order of triggering (M8.7): buys by ascending, sells by descending stop; then by entry.
struct ByTrigger<'a, const STOPS: usize>(&'a mut Records<STOPS>);

impl<const STOPS: usize> Heaped for ByTrigger<'_, STOPS> {
    fn before(&self, a: u32, b: u32) -> bool {
        let key = |slot| {
            let s = self.0.at(slot);
            (s.stop ^ -(s.side as i64), s.stamp)
        };
        key(a) < key(b)
    }

    fn placed(&mut self, slot: u32, place: u32) {
        self.0.at_mut(slot).trigger_place = place;
    }

    fn place(&self, slot: u32) -> u32 {
        self.0.at(slot).trigger_place
    }
}

/// Order of expiry (M13.3): by expiry time, then by entry.
struct ByExpiry<'a, const STOPS: usize>(&'a mut Records<STOPS>);

impl<const STOPS: usize> Heaped for ByExpiry<'_, STOPS> {
    fn before(&self, a: u32, b: u32) -> bool {
        let key = |slot| (self.0.at(slot).expires, self.0.at(slot).stamp);
        key(a) < key(b)
    }

    fn placed(&mut self, slot: u32, place: u32) {
        self.0.at_mut(slot).expiry_place = place;
    }

    fn place(&self, slot: u32) -> u32 {
        self.0.at(slot).expiry_place
    }
}

impl<const STOPS: usize> Stops<STOPS> {
    pub(in crate::book) const fn has_room(&self) -> bool {
        (self.live as usize) < STOPS
    }

    /// Returns the number of untriggered stops.
    pub(in crate::book) const fn live(&self) -> usize {
        self.live as usize
    }

    pub(in crate::book) fn get(&self, slot: u32) -> &Stop {
        self.stops.at(slot)
    }

    /// Adds a stop; there is room. `last`: the last trade price, the anchor of a trailing stop
    /// (M8.12).
    pub(in crate::book) fn insert(&mut self, stop: Stop, last: Option<i64>) -> u32 {
        let slot = if self.free != 0 {
            let slot = self.free;
            self.free = self.stops.at(slot).next;
            slot
        } else {
            self.used += 1;
            self.used
        };
        self.live += 1;
        *self.stops.at_mut(slot) = stop;
        if let Some(last) = last.filter(|_| stop.kind == OrderType::TrailingStop) {
            self.stops.at_mut(slot).trail(last);
        }
        self.enlist(slot);
        slot
    }

    /// Adds a stop to its list, trigger heap and expiry heap.
    fn enlist(&mut self, slot: u32) {
        let Stop { kind, side, tif, .. } = *self.stops.at(slot);
        if kind == OrderType::TrailingStop {
            self.stops.append(&mut self.trailing, slot);
        } else {
            self.stops.append(&mut self.fixed, slot);
            self.by_trigger[side as usize].push(slot, &mut ByTrigger(&mut self.stops));
        }
        if tif == TimeInForce::Gtd {
            self.by_expiry.push(slot, &mut ByExpiry(&mut self.stops));
        }
    }

    fn delist(&mut self, slot: u32) {
        let Stop { kind, side, tif, .. } = *self.stops.at(slot);
        if kind == OrderType::TrailingStop {
            self.stops.detach(&mut self.trailing, slot);
        } else {
            self.stops.detach(&mut self.fixed, slot);
            self.by_trigger[side as usize].remove(slot, &mut ByTrigger(&mut self.stops));
        }
        if tif == TimeInForce::Gtd {
            self.by_expiry.remove(slot, &mut ByExpiry(&mut self.stops));
        }
    }

    /// Removes an untriggered stop.
    pub(in crate::book) fn remove(&mut self, slot: u32) {
        self.delist(slot);
        self.free(slot);
    }

    fn free(&mut self, slot: u32) {
        self.stops.at_mut(slot).next = self.free;
        self.free = slot;
        self.live -= 1;
    }

    /// Removes all stops.
    pub(in crate::book) fn clear(&mut self) {
        (self.free, self.used, self.live) = (0, 0, 0);
        let none = List { first: 0, last: 0 };
        (self.fixed, self.trailing, self.queued) = (none, none, none);
        self.by_trigger.iter_mut().chain([&mut self.by_expiry]).for_each(Heap::clear);
    }

    /// Sets the open quantity; the stop keeps its place in entry order (M10.2).
    pub(in crate::book) fn set_qty(&mut self, slot: u32, qty: u64) {
        self.stops.at_mut(slot).qty = qty;
    }

    /// Changes a stop and moves it to the end of entry order with `stamp`. Implements M10.5.
    pub(in crate::book) fn requeue(&mut self, slot: u32, qty: u64, limit: i64, stop: i64, stamp: u64) {
        self.delist(slot);
        let s = self.stops.at_mut(slot);
        s.qty = qty;
        s.limit = limit;
        if s.kind != OrderType::TrailingStop {
            s.stop = stop;
        }
        s.stamp = stamp;
        self.enlist(slot);
    }

    /// Tests all stops with the last trade price and queues those that are satisfied: buys by
    /// ascending stop, then sells by descending stop, ties in entry order. Implements M8.7, M8.8
    /// and M8.13. `on_change` gets each trailing stop, as it was and as it is now, then each
    /// satisfied stop with `None`, since it is no longer live.
    pub(in crate::book) fn test(&mut self, last: i64, mut on_change: impl FnMut(u32, &Stop, Option<&Stop>)) {
        let mut slot = self.trailing.first;
        while slot != 0 {
            let stop = self.stops.at_mut(slot);
            let was = *stop;
            stop.trail(last);
            on_change(slot, &was, Some(stop));
            let Stop { next, side, .. } = *stop;
            if stop.is_hit(last) {
                self.by_trigger[side as usize].push(slot, &mut ByTrigger(&mut self.stops));
            }
            slot = next;
        }
        for side in 0..2 {
            while let Some(slot) = self.by_trigger[side].first().filter(|&s| self.stops.at(s).is_hit(last)) {
                let stop = *self.stops.at(slot);
                if stop.kind == OrderType::TrailingStop {
                    self.by_trigger[side].remove(slot, &mut ByTrigger(&mut self.stops));
                }
                self.delist(slot);
                self.stops.append(&mut self.queued, slot);
                on_change(slot, &stop, None);
            }
        }
    }

    /// Removes and returns the first queued stop (M8.9).
    pub(in crate::book) fn pop_queued(&mut self) -> Option<Stop> {
        let slot = self.queued.first;
        if slot == 0 {
            return None;
        }
        self.stops.detach(&mut self.queued, slot);
        let stop = *self.stops.at(slot);
        self.free(slot);
        Some(stop)
    }

    /// Returns the high-water mark: free slots are reused before a fresh one is taken.
    pub(in crate::book) const fn high_water(&self) -> usize {
        self.used as usize
    }

    /// Returns how many stops expire by `clock`. Visits every gtd one.
    pub(in crate::book) fn due(&self, clock: u64) -> usize {
        self.by_expiry.slots().iter().filter(|&&slot| self.get(slot).expires <= clock).count()
    }

    /// Returns the stop that expires first.
    pub(in crate::book) fn first_to_expire(&self) -> Option<u32> {
        self.by_expiry.first()
    }

    /// Iterates over all untriggered stops in entry order.
    pub(in crate::book) fn in_entry_order(&self) -> InEntryOrder<'_, STOPS> {
        InEntryOrder { stops: self, fixed: self.fixed.first, trailing: self.trailing.first }
    }

    /// Returns the first untriggered stop with a stamp above `stamp` that `wanted` accepts.
    pub(in crate::book) fn next_entered(&self, stamp: u64, wanted: impl Fn(&Stop) -> bool) -> Option<u32> {
        self.in_entry_order().find(|&slot| self.get(slot).stamp > stamp && wanted(self.get(slot)))
    }

    /// Returns whether lists, heaps and counts agree.
    pub(in crate::book) fn is_consistent(&self) -> bool {
        let all = self.in_entry_order().count();
        let fixed = self.by_trigger[0].len() + self.by_trigger[1].len();
        let gtd = self.in_entry_order().filter(|&s| self.get(s).tif == TimeInForce::Gtd).count();
        self.queued.first == 0
            && all == self.live as usize
            && self.in_entry_order().filter(|&s| self.get(s).kind != OrderType::TrailingStop).count() == fixed
            && self.by_expiry.len() == gtd
            && self.by_expiry.slots().iter().all(|&s| self.get(s).tif == TimeInForce::Gtd)
    }
}

/// Iterator over untriggered stops in entry order: merges the two lists by stamp.
#[derive(Clone, Debug)]
pub(in crate::book) struct InEntryOrder<'a, const STOPS: usize> {
    stops: &'a Stops<STOPS>,
    fixed: u32,
    trailing: u32,
}

impl<const STOPS: usize> Iterator for InEntryOrder<'_, STOPS> {
    type Item = u32;

    fn next(&mut self) -> Option<u32> {
        let stamp = |slot: u32| if slot == 0 { u64::MAX } else { self.stops.get(slot).stamp };
        let at = if stamp(self.fixed) < stamp(self.trailing) { &mut self.fixed } else { &mut self.trailing };
        let slot = *at;
        if slot == 0 {
            return None;
        }
        *at = self.stops.get(slot).next;
        Some(slot)
    }
}
