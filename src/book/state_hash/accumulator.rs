//! Incremental state hash: an order-independent sum over orders and stops, and their list in entry
//! order.

use super::{Accumulate, hasher::mix};
use crate::book::storage::observer::{ObservedOrder, ObservedStop, StorageObserver};
use zerocopy::FromZeros;

/// A sum of mixed terms modulo 2^64, so that terms are added and removed in any order:
///
/// - for each order and stop, its constant part with its open quantity;
/// - for an iceberg, with its slice; for a trailing stop, with its anchor;
/// - for each order and stop, its constant part with that of the one that entered before it;
/// - for each iceberg, with the order that queues before it. All other orders of a level queue in
///   entry order, displayed and hidden ones apart, so they need no such term.
///
/// No term depends on slot numbers, absolute entry times or capacities.
#[derive(Debug, FromZeros)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
#[repr(C)]
pub struct Accumulator<const ORDERS: usize, const STOPS: usize> {
    /// Sum of the terms of single orders and stops, and of queue places.
    content: u64,
    /// Sum of the terms of entry order.
    order: u64,
    oldest: u32,
    newest: u32,
    orders: Entries<ORDERS>,
    stops: Entries<STOPS>,
}

#[derive(Debug, FromZeros)]
#[repr(C)]
struct Entries<const N: usize>([Entry; N]);

/// A live order or stop.
#[derive(Clone, Copy, Debug, FromZeros)]
#[repr(C)]
struct Entry {
    /// Hash of its constant part.
    fixed: u64,
    /// Iceberg: `fixed` of the order that queues before it, or [`FRONT`]; 0 while it is not queued.
    behind: u64,
    /// The entries before and after it in entry order, 0 at the ends.
    older: u32,
    newer: u32,
}

/// Stands for the level before the first order of its queue.
pub(super) const FRONT: u64 = 1;

#[inline(always)]
const fn open_term(fixed: u64, open: u64) -> u64 {
    mix(fixed.wrapping_add(open))
}

#[inline(always)]
const fn second_term(fixed: u64, value: u64) -> u64 {
    mix(fixed.rotate_left(16).wrapping_add(value) ^ 0x5851_f42d_4c95_7f2d)
}

#[inline(always)]
const fn entry_term(older: u64, fixed: u64) -> u64 {
    mix(older.rotate_left(32).wrapping_add(fixed) ^ 0x1405_7b7e_f767_814f)
}

const fn queue_term(behind: u64, fixed: u64) -> u64 {
    mix(behind.rotate_left(48).wrapping_add(fixed) ^ 0x2545_f491_4f6c_dd1d)
}

/// Returns the sum of all terms of one order or stop; `older` is the fixed part of the one that
/// entered before it, or 0.
pub(super) fn terms(older: u64, fixed: u64, open: u64, second: Option<u64>, behind: Option<u64>) -> u64 {
    entry_term(older, fixed)
        .wrapping_add(open_term(fixed, open))
        .wrapping_add(second.map_or(0, |value| second_term(fixed, value)))
        .wrapping_add(behind.map_or(0, |behind| queue_term(behind, fixed)))
}

impl<const ORDERS: usize, const STOPS: usize> Accumulator<ORDERS, STOPS> {
    /// Returns the index of entry `i`, orders before stops. Entry numbers derive from an order's
    /// node or a stop's slot, which come from the book's own free lists: orders have 1 to `ORDERS`,
    /// stops up to `ORDERS` + `STOPS`.
    #[inline(always)]
    fn index(i: u32) -> usize {
        let i = (i as usize).wrapping_sub(1);
        debug_assert!(i < ORDERS + STOPS, "the number of an order or a stop");
        i
    }

    #[inline(always)]
    fn at(&self, i: u32) -> &Entry {
        let i = Self::index(i);
        if i < ORDERS {
            // SAFETY: tested in the condition above.
            unsafe { self.orders.0.get_unchecked(i) }
        } else {
            // SAFETY: `index` is below `ORDERS` + `STOPS`.
            unsafe { self.stops.0.get_unchecked(i.wrapping_sub(ORDERS)) }
        }
    }

    #[inline(always)]
    fn at_mut(&mut self, i: u32) -> &mut Entry {
        let i = Self::index(i);
        if i < ORDERS {
            // SAFETY: tested in the condition above.
            unsafe { self.orders.0.get_unchecked_mut(i) }
        } else {
            // SAFETY: `index` is below `ORDERS` + `STOPS`.
            unsafe { self.stops.0.get_unchecked_mut(i.wrapping_sub(ORDERS)) }
        }
    }

    /// Returns the fixed part of an entry; 0 for entry 0, which is none.
    #[inline(always)]
    fn fixed(&self, i: u32) -> u64 {
        if i == 0 { 0 } else { self.at(i).fixed }
    }

    #[inline(always)]
    fn add(&mut self, term: u64) {
        self.content = self.content.wrapping_add(term);
    }

    #[inline(always)]
    fn take(&mut self, term: u64) {
        self.content = self.content.wrapping_sub(term);
    }
}

impl<const ORDERS: usize, const STOPS: usize> Accumulator<ORDERS, STOPS> {
    #[inline]
    fn enter(&mut self, i: u32, fixed: u64, open: u64) {
        let entry = self.at_mut(i);
        entry.fixed = fixed;
        entry.behind = 0;
        self.add(open_term(fixed, open));
        self.append(i);
    }
}

impl<const ORDERS: usize, const STOPS: usize> StorageObserver for Accumulator<ORDERS, STOPS> {
    const ON: bool = true;

    #[inline(always)]
    fn on_order_added(&mut self, i: u32, order: &ObservedOrder, open: u64, slice: Option<u64>) {
        self.enter(i, order.fixed_part(), open);
        if slice.is_some() {
            self.on_second_value(i, None, slice);
        }
    }

    fn on_stop_added(&mut self, i: u32, stop: &ObservedStop, open: u64, anchor: Option<u64>) {
        self.enter(i, stop.fixed_part(), open);
        self.on_second_value(i, None, anchor);
    }

    #[inline]
    fn on_removed(&mut self, i: u32, open: u64) {
        let Entry { fixed, older, newer, .. } = *self.at(i);
        self.take(open_term(fixed, open));
        let before = self.fixed(older);
        let mut order = self.order.wrapping_sub(entry_term(before, fixed));
        if newer == 0 {
            self.newest = older;
        } else {
            let after = self.at_mut(newer);
            after.older = older;
            order = order.wrapping_sub(entry_term(fixed, after.fixed)).wrapping_add(entry_term(before, after.fixed));
        }
        if older == 0 {
            self.oldest = newer;
        } else {
            self.at_mut(older).newer = newer;
        }
        self.order = order;
    }

    #[inline]
    fn on_resized(&mut self, i: u32, was: u64, now: u64) {
        let fixed = self.at(i).fixed;
        self.take(open_term(fixed, was));
        self.add(open_term(fixed, now));
    }

    fn on_second_value(&mut self, i: u32, was: Option<u64>, now: Option<u64>) {
        let fixed = self.at(i).fixed;
        let term = |value: Option<u64>| value.map_or(0, |value| second_term(fixed, value));
        self.take(term(was));
        self.add(term(now));
    }

    fn on_queued_behind(&mut self, i: u32, before: Option<u32>) {
        let behind = match before {
            None => 0,
            Some(0) => FRONT,
            Some(before) => self.at(before).fixed,
        };
        let Entry { fixed, behind: was, .. } = *self.at(i);
        self.at_mut(i).behind = behind;
        let term = |behind| if behind == 0 { 0 } else { queue_term(behind, fixed) };
        self.take(term(was));
        self.add(term(behind));
    }

    fn on_cleared(&mut self) {
        self.content = 0;
        self.unthread();
    }
}

impl<const ORDERS: usize, const STOPS: usize> Accumulate for Accumulator<ORDERS, STOPS> {
    fn sum(&self) -> u64 {
        self.content.wrapping_add(self.order)
    }

    fn oldest(&self) -> u32 {
        self.oldest
    }

    fn newer(&self, i: u32) -> u32 {
        self.at(i).newer
    }

    fn unthread(&mut self) {
        self.order = 0;
        self.oldest = 0;
        self.newest = 0;
    }

    #[inline]
    fn append(&mut self, i: u32) {
        let older = self.newest;
        let before = self.fixed(older);
        let entry = self.at_mut(i);
        entry.older = older;
        entry.newer = 0;
        let term = entry_term(before, entry.fixed);
        self.order = self.order.wrapping_add(term);
        self.newest = i;
        if older == 0 {
            self.oldest = i;
        } else {
            self.at_mut(older).newer = i;
        }
    }
}
