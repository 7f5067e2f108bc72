//! The constant part of each order and stop in the state hash, and the check of the incremental
//! hash against a full recount.

use super::accumulator::{FRONT, terms};
use super::{Accumulate, Hasher, StateHash, WithStateHash};
use crate::book::OrderId;
use crate::book::order_book::Book;
use crate::book::storage::observer::{ObservedOrder, ObservedStop, StorageObserver};
use crate::capacity::checked;

/// Domain separators of orders and stops.
const ORDER: u64 = 1;
const STOP: u64 = 2;

impl ObservedOrder {
    /// Hashes all of a resting order but its open quantity, its slice and its places.
    #[inline(always)]
    pub(super) const fn fixed_part(&self) -> u64 {
        let word = (self.owner as u64) << 32 | (self.options as u64) << 8 | self.side as u64;
        let mut hasher = Hasher::new(ORDER).and(self.id).and(self.rank as u64).and(word);
        if let Some(display) = self.display {
            hasher = hasher.and(display);
        }
        if let Some(expires) = self.expires {
            hasher = hasher.and(expires);
        }
        hasher.word()
    }
}

impl ObservedStop {
    /// Hashes all of a stop but its open quantity and its anchor.
    pub(super) const fn fixed_part(&self) -> u64 {
        let options = (self.kind as u64) << 24 | (self.tif as u64) << 16 | (self.stp as u64) << 8 | self.side as u64;
        Hasher::new(STOP)
            .and(self.id)
            .and((self.owner as u64) << 32 | options)
            .and(self.stop as u64)
            .and(self.limit as u64)
            .and(self.trail)
            .and(self.expires)
            .and_maybe(self.protect)
            .word()
    }
}

impl<const ORDERS: usize, const BLOCKS: usize, const FAR: usize, const STOPS: usize, const IDS: usize, T: StateHash>
    Book<ORDERS, BLOCKS, FAR, STOPS, IDS, T>
{
    const HASHED: bool = <T::State<ORDERS, STOPS> as StorageObserver>::ON;

    /// Iterates over the entry numbers of live orders and stops, oldest first.
    fn entries(&self) -> impl Iterator<Item = u32> {
        let hash = &self.arena.observer;
        let some = |i: u32| (i != 0).then_some(i);
        core::iter::successors(some(hash.oldest()), move |&i| some(hash.newer(i)))
    }

    /// Returns the stop with this entry number, or `None` if it is an order's.
    fn stop_of_entry(i: u32) -> Option<u32> {
        i.checked_sub(ORDERS as u32).filter(|&slot| slot > 0)
    }

    fn stamp_of(&self, i: u32) -> u64 {
        match Self::stop_of_entry(i) {
            Some(slot) => self.stops.get(slot).stamp,
            None => self.arena.attributes(i + ORDERS as u32).stamp,
        }
    }

    /// Recomputes the sum from the orders and stops, and compares. For tests.
    pub(in crate::book) fn check_state_hash(&self) -> Result<(), &'static str> {
        if !Self::HASHED {
            return Ok(());
        }
        // More than that: the list is a cycle.
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
                    let fixed = stop.observed().fixed_part();
                    (fixed, terms(older, fixed, stop.qty, stop.observed_anchor(), None))
                }
                None => {
                    let order = i + ORDERS as u32;
                    let fixed = self.arena.observed(order).fixed_part();
                    let behind = self.arena.behind(order).map(|prev| match prev {
                        0 => FRONT,
                        prev => self.arena.observed(prev).fixed_part(),
                    });
                    let (open, slice) = (self.arena.node(order).qty, self.arena.iceberg_slice(order));
                    (fixed, terms(older, fixed, open, slice, behind))
                }
            };
            sum = sum.wrapping_add(terms);
            before = Some((i, fixed));
        }
        if sum == self.arena.observer.sum() { Ok(()) } else { Err("the state hash is not that of the state") }
    }

    /// Adds the book, beside its definition, to the engine's hash.
    pub(crate) fn state(&self, definition: Hasher) -> Hasher {
        let last = self.last.get().map(|ticks| ticks as u64);
        definition.and(self.phase as u64).and_maybe(last).and(self.arena.observer.sum())
    }
}

impl<const ORDERS: usize, const BLOCKS: usize, const FAR: usize, const STOPS: usize, const IDS: usize>
    Book<ORDERS, BLOCKS, FAR, STOPS, IDS, WithStateHash>
{
    /// Iterates over the ids of all live orders and stops in entry order, oldest first. Entry order
    /// decides between orders that expire at the same time (M13.3), and which of two is the maker
    /// in an uncross (M15.12).
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
