//! State-hash hooks: what the book reports to the accumulator, and the check against a full
//! recount.

use super::super::{OrderId, OrderType, TimeInForce};
use super::{Accumulate, Hasher, StateHash, WithStateHash};
use crate::book::order_book::Book;
use crate::book::storage::arena::Arena;
use crate::book::storage::stop_orders::Stop;
use crate::capacity::checked;

/// Keeps orders and stops apart.
const ORDER: u64 = 1;
const STOP: u64 = 2;

impl<const ORDERS: usize, S: Accumulate> Arena<ORDERS, S> {
    /// The number of an order in the accumulator.
    #[inline(always)]
    pub(in crate::book) const fn entry_number(order: u32) -> u32 {
        order - ORDERS as u32
    }

    const fn is_order(node: u32) -> bool {
        node as usize > ORDERS
    }

    /// A mix of all of a resting order but its open quantity, its slice and its places.
    #[inline(always)]
    fn fixed_part(&self, order: u32) -> u64 {
        let node = self.node(order);
        let level = self.level_of(order);
        let attributes = self.attributes(order);
        let word = u64::from(node.owner()) << 32 | attributes.options() << 8 | self.side(level) as u64;
        let mut mixed = Hasher::new(ORDER).and(node.id).and(self.rank(level) as u64).and(word);
        if node.has_cold_state() {
            let cold = self.cold(order);
            if attributes.iceberg {
                mixed = mixed.and(cold.display);
            }
            if attributes.tif == TimeInForce::Gtd {
                mixed = mixed.and(cold.expires);
            }
        }
        mixed.word()
    }

    /// What an iceberg shows.
    #[inline(always)]
    fn iceberg_slice(&self, order: u32) -> Option<u64> {
        let is = self.has_cold_state(order) && self.attributes(order).iceberg;
        is.then(|| self.cold(order).slice)
    }

    /// An order is in the queue of its level, the last in entry order.
    #[inline(always)]
    pub(in crate::book) fn joined(&mut self, order: u32) {
        if !S::ON {
            return;
        }
        let (fixed, open) = (self.fixed_part(order), self.node(order).qty);
        self.state_hash.enter(Self::entry_number(order), fixed, open);
        if let Some(slice) = self.iceberg_slice(order) {
            self.state_hash.second(Self::entry_number(order), None, Some(slice));
            self.queues_behind(order, self.node(order).prev);
        }
    }

    /// An order is about to leave the queue of its level.
    #[inline(always)]
    pub(in crate::book) fn leaves(&mut self, order: u32) {
        if !S::ON {
            return;
        }
        let node = *self.node(order);
        if let Some(slice) = self.iceberg_slice(order) {
            self.state_hash.second(Self::entry_number(order), Some(slice), None);
            self.state_hash.queue_behind(Self::entry_number(order), None);
        }
        self.state_hash.leave(Self::entry_number(order), node.qty);
        self.queues_behind(node.next, node.prev);
    }

    /// `next` queues behind `before` now; either may be the level.
    #[inline(always)]
    pub(in crate::book) fn queues_behind(&mut self, next: u32, before: u32) {
        if S::ON && Self::is_order(next) && self.iceberg_slice(next).is_some() {
            let before = if Self::is_order(before) { Self::entry_number(before) } else { 0 };
            self.state_hash.queue_behind(Self::entry_number(next), Some(before));
        }
    }

    /// A resting order's open quantity changes; if it becomes 0 the order is about to leave.
    #[inline(always)]
    pub(in crate::book) fn resized(&mut self, order: u32, was: u64, now: u64) {
        if S::ON {
            self.state_hash.resize(Self::entry_number(order), was, now);
        }
    }

    /// A vanilla order at the front of its queue trades; with nothing left it is about to leave.
    #[inline(always)]
    pub(in crate::book) fn trades(&mut self, order: u32, was: u64, left: u64) {
        if S::ON {
            match left {
                0 => self.state_hash.leave(Self::entry_number(order), was),
                _ => self.state_hash.resize(Self::entry_number(order), was, left),
            }
        }
    }

    /// An iceberg's slice changes.
    #[inline(always)]
    pub(in crate::book) fn sliced(&mut self, order: u32, was: u64, now: u64) {
        if S::ON {
            self.state_hash.second(Self::entry_number(order), Some(was), Some(now));
        }
    }

    /// The order in front of `order` in its queue, if it is an iceberg; 0 is the level.
    fn behind(&self, order: u32) -> Option<u32> {
        let prev = self.node(order).prev;
        self.iceberg_slice(order).map(|_| if Self::is_order(prev) { prev } else { 0 })
    }
}

impl Stop {
    /// A mix of all that stays as it is while the stop is not replaced.
    fn fixed_part(&self) -> u64 {
        let options = (self.kind as u64) << 24 | (self.tif as u64) << 16 | (self.stp as u64) << 8 | self.side as u64;
        // A trailing stop's stop follows from its anchor.
        let stop = if self.kind == OrderType::TrailingStop { 0 } else { self.stop };
        // From any price, so many ticks reach every other: no protection.
        let protect = if self.has_protect && self.protect != u64::MAX { Some(self.protect) } else { None };
        Hasher::new(STOP)
            .and(self.id)
            .and(u64::from(self.owner) << 32 | options)
            .and(stop as u64)
            .and(self.limit as u64)
            .and(self.trail)
            .and(self.expires)
            .and_maybe(protect)
            .word()
    }

    /// Where a trailing stop's anchor is.
    fn anchored(&self) -> Option<u64> {
        self.has_anchor.then_some(self.anchor as u64)
    }
}

impl<const ORDERS: usize, const BLOCKS: usize, const FAR: usize, const STOPS: usize, const IDS: usize, T: StateHash>
    Book<ORDERS, BLOCKS, FAR, STOPS, IDS, T>
{
    const HASHED: bool = <T::State<ORDERS, STOPS> as Accumulate>::ON;

    /// A stop is there, the last in entry order.
    pub(in crate::book) fn stop_joined(&mut self, slot: u32) {
        if Self::HASHED {
            let stop = self.stops.get(slot);
            let i = Self::stop_number(slot);
            self.arena.state_hash.enter(i, stop.fixed_part(), stop.qty);
            self.arena.state_hash.second(i, None, stop.anchored());
        }
    }

    /// A stop is about to go.
    pub(in crate::book) fn stop_leaves(&mut self, slot: u32) {
        Self::stop_changed(&mut self.arena.state_hash, slot, self.stops.get(slot), None);
    }

    /// A stop's open quantity changes; it keeps its place.
    pub(in crate::book) fn resize_stop(&mut self, slot: u32, qty: u64) {
        let was = *self.stops.get(slot);
        self.stops.set_qty(slot, qty);
        Self::stop_changed(&mut self.arena.state_hash, slot, &was, Some(self.stops.get(slot)));
    }

    /// A stop's open quantity or anchor has changed, or it has gone.
    pub(in crate::book) fn stop_changed(hash: &mut T::State<ORDERS, STOPS>, slot: u32, was: &Stop, now: Option<&Stop>) {
        if !Self::HASHED {
            return;
        }
        let i = Self::stop_number(slot);
        hash.second(i, was.anchored(), now.and_then(Stop::anchored));
        match now {
            Some(now) => hash.resize(i, was.qty, now.qty),
            None => hash.leave(i, was.qty),
        }
    }

    /// Numbers in the accumulator, oldest first.
    fn entries(&self) -> impl Iterator<Item = u32> {
        let hash = &self.arena.state_hash;
        let some = |i: u32| (i != 0).then_some(i);
        core::iter::successors(some(hash.oldest()), move |&i| some(hash.newer(i)))
    }

    /// The number of a stop in the accumulator.
    pub(in crate::book) const fn stop_number(slot: u32) -> u32 {
        ORDERS as u32 + slot
    }

    /// The stop with this number; `None`: it is an order's.
    fn stop_of_entry(i: u32) -> Option<u32> {
        i.checked_sub(ORDERS as u32).filter(|&slot| slot > 0)
    }

    fn stamp_of(&self, i: u32) -> u64 {
        match Self::stop_of_entry(i) {
            Some(slot) => self.stops.get(slot).stamp,
            None => self.arena.attributes(i + ORDERS as u32).stamp,
        }
    }

    /// Makes the sum again, from nothing, and compares. For tests.
    pub(in crate::book) fn check_state_hash(&self) -> Result<(), &'static str> {
        if !Self::HASHED {
            return Ok(());
        }
        // More than fit: the list goes round.
        let most = self.arena.live_orders() + self.stops.live();
        if self.entries().take(most + 1).count() != most {
            return Err("the list in entry order has not every live order and stop once");
        }
        let (mut before, mut sum) = (None, 0u64);
        for i in self.entries() {
            if before.is_some_and(|(older, _)| self.stamp_of(older) >= self.stamp_of(i)) {
                return Err("the list in entry order is not");
            }
            let older = before.map_or(0, |(_, fixed)| fixed);
            let (fixed, terms) = match Self::stop_of_entry(i) {
                Some(slot) => {
                    let stop = self.stops.get(slot);
                    let fixed = stop.fixed_part();
                    (fixed, crate::book::state_hash::accumulator::terms(older, fixed, stop.qty, stop.anchored(), None))
                }
                None => {
                    let order = i + ORDERS as u32;
                    let fixed = self.arena.fixed_part(order);
                    let behind = self.arena.behind(order).map(|prev| match prev {
                        0 => crate::book::state_hash::accumulator::FRONT,
                        prev => self.arena.fixed_part(prev),
                    });
                    let (open, slice) = (self.arena.node(order).qty, self.arena.iceberg_slice(order));
                    (fixed, crate::book::state_hash::accumulator::terms(older, fixed, open, slice, behind))
                }
            };
            sum = sum.wrapping_add(terms);
            before = Some((i, fixed));
        }
        if sum == self.arena.state_hash.sum() { Ok(()) } else { Err("the state hash is not that of the state") }
    }

    /// What the book adds to the engine's hash, beside its definition.
    pub(crate) fn state(&self, definition: Hasher) -> Hasher {
        let last = self.last.get().map(|ticks| ticks as u64);
        definition.and(self.phase as u64).and_maybe(last).and(self.arena.state_hash.sum())
    }
}

impl<const ORDERS: usize, const BLOCKS: usize, const FAR: usize, const STOPS: usize, const IDS: usize>
    Book<ORDERS, BLOCKS, FAR, STOPS, IDS, WithStateHash>
{
    /// The ids of all live orders and stops in entry order, the oldest first: what decides between orders that expire at one
    /// time, and which of two is the maker in an uncross.
    pub fn entry_order(&self) -> impl Iterator<Item = OrderId> {
        checked!(Self);
        self.entries().map(|i| {
            OrderId::new(match Self::stop_of_entry(i) {
                Some(slot) => self.stops.get(slot).id,
                None => self.arena.node(i + ORDERS as u32).id,
            })
        })
    }
}
