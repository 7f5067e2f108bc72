//! Restore of a book from verified records.

use super::super::{InstrumentSpec, Phase, Side, TimeInForce};
use super::error::{RestoreError, RestoreFault};
use super::records::BookParts;
use crate::book::order_book::{Book, Found, stop_entry};
use crate::book::state_hash::{Accumulate, StateHash};
use crate::book::storage::arena::Arena;
use crate::book::storage::indexed_heap::Heaped;
use crate::book::storage::observer::StorageObserver;
use crate::book::storage::price_ladder::{Place, rank};

impl<const ORDERS: usize, const BLOCKS: usize, const FAR: usize, const STOPS: usize, const IDS: usize, T: StateHash>
    Book<ORDERS, BLOCKS, FAR, STOPS, IDS, T>
{
    /// Empties the book and resets its definition, in time proportional to its content.
    pub(crate) fn clear(&mut self) {
        for order in self.arena.order_numbers() {
            let node = self.arena.node(order);
            if node.qty != 0 {
                self.ids.remove(node.id, order);
            }
        }
        for slot in self.stops.in_entry_order() {
            self.ids.remove(self.stops.get(slot).id, stop_entry(slot));
        }
        self.clear_nameless();
    }

    /// [`Book::clear`] of a book whose id table is empty already.
    fn clear_nameless(&mut self) {
        for side in &mut self.sides {
            side.clear();
        }
        self.arena.clear();
        self.stops.clear();
        self.expiry.clear();
        self.undefine();
    }

    /// Fills an empty book from records that [`Book::verify`] has accepted. Calls `live` for each
    /// live order with its owner and its expiry time, 0 for none. After an error the book is empty
    /// again.
    pub(crate) fn restore(
        &mut self,
        spec: &InstrumentSpec,
        parts: &BookParts<'_>,
        live: &mut impl FnMut(u32, u64),
    ) -> Result<(), RestoreError> {
        self.define(spec);
        self.phase = parts.head.phase().unwrap_or(Phase::Closed);
        if let Some(last) = parts.head.last() {
            self.last.set(last);
        }
        self.stamps = parts.head.stamps.get();
        self.restore_orders(parts, live);
        for stop in parts.stops.iter().filter_map(|record| record.read()) {
            let slot = self.stops.insert(stop, None);
            self.report_stop_added(slot);
            live(stop.owner, stop.expires);
        }
        self.thread_by_entry();
        self.queue_expiries();
        let named = self.test_stamps(parts).and_then(|()| self.name_all(parts));
        if named.is_err() {
            self.clear_nameless();
        }
        named
    }

    fn restore_orders(&mut self, parts: &BookParts<'_>, live: &mut impl FnMut(u32, u64)) {
        // Side, rank and number of the level that was filled last.
        let mut filling: Option<(Side, i64, u32)> = None;
        for record in parts.orders {
            let Some(order) = record.read() else { continue };
            let rank = rank(order.side, order.price);
            let side = &mut self.sides[order.side as usize];
            let level = match filling.filter(|at| (at.0, at.1) == (order.side, rank)) {
                Some((_, _, level)) => level,
                None => {
                    if filling.is_none_or(|at| at.0 != order.side) {
                        let place = Self::window_of(parts, order.side, rank);
                        side.begin(place.unwrap_or(Place { top: rank, len: 1, settled: false }));
                    }
                    let level = self.arena.take_level(rank, order.side as usize);
                    side.put_next(rank, level);
                    level
                }
            };
            filling = Some((order.side, rank, level));
            let node = self.arena.take_order(order.id, order.open, order.owner);
            self.arena.set_attributes(node, order.attributes);
            if order.attributes.iceberg {
                let cold = self.arena.cold_mut(node);
                cold.display = order.display;
                cold.slice = record.slice.get();
            }
            if order.attributes.tif == TimeInForce::Gtd {
                self.arena.cold_mut(node).expires = order.expires;
            }
            self.arena.link(node, level, order.attributes);
            live(order.owner, order.expires);
        }
    }

    /// Rebuilds the list in entry order, if there is one: the orders were restored in queue order.
    /// Sorts them with the expiry heap, which is still empty.
    fn thread_by_entry(&mut self) {
        if !<T::State<ORDERS, STOPS> as StorageObserver>::ON {
            return;
        }
        let mut records = ByEntry(&mut self.arena);
        for order in records.0.order_numbers() {
            self.expiry.push(order, &mut records);
        }
        records.0.observer.unthread();
        let mut stops = self.stops.in_entry_order().peekable();
        while let Some(order) = self.expiry.first() {
            self.expiry.remove(order, &mut records);
            let stamp = records.0.attributes(order).stamp;
            while let Some(slot) = stops.next_if(|&slot| self.stops.get(slot).stamp < stamp) {
                records.0.observer.append(Self::stop_number(slot));
            }
            records.0.observer.append(Arena::<ORDERS, T::State<ORDERS, STOPS>>::entry_number(order));
        }
        for slot in stops {
            records.0.observer.append(Self::stop_number(slot));
        }
    }

    fn queue_expiries(&mut self) {
        for order in self.arena.order_numbers() {
            if self.arena.attributes(order).tif == TimeInForce::Gtd {
                self.expiry.push(order, &mut self.arena);
            }
        }
    }

    /// Finds duplicate entry stamps, with the id table, which is still empty, as the set of those
    /// seen.
    fn test_stamps(&mut self, parts: &BookParts<'_>) -> Result<(), RestoreError> {
        let (orders, stops) = (parts.orders.len(), parts.stops.len());
        let mut twice = None;
        let mut seen = 0;
        for (i, stamp) in parts.stamps() {
            let holds = |slot: u32| parts.stamp(slot as usize - 1) == Some(stamp);
            if self.ids.get(stamp, holds) != 0 {
                let offset = if i < orders { parts.order_offset(i) } else { parts.stop_offset(i - orders) };
                twice = Some(offset);
                break;
            }
            self.ids.insert(stamp, i as u32 + 1);
            seen += 1;
        }
        debug_assert!(twice.is_some() || seen == orders + stops, "all stamps were visited");
        for (i, stamp) in parts.stamps().take(seen) {
            self.ids.remove(stamp, i as u32 + 1);
        }
        match twice {
            Some(offset) => Err(RestoreError::new(RestoreFault::StampTwice, offset)),
            None => Ok(()),
        }
    }

    /// Enters all ids in the id table; after an error none.
    fn name_all(&mut self, parts: &BookParts<'_>) -> Result<(), RestoreError> {
        // Nodes and slots were taken in the order of the records.
        let nodes = self.arena.order_numbers();
        let entries = nodes.clone().chain((1..=parts.stops.len() as u32).map(stop_entry));
        let mut twice = None;
        for (named, (id, entry)) in parts.ids().zip(entries.clone()).enumerate() {
            if self.find(id) != Found::Nothing {
                twice = Some(named);
                break;
            }
            self.ids.insert(id, entry);
        }
        let Some(named) = twice else { return Ok(()) };
        for (id, entry) in parts.ids().zip(entries).take(named) {
            self.ids.remove(id, entry);
        }
        let orders = parts.orders.len();
        let offset = if named < orders { parts.order_offset(named) } else { parts.stop_offset(named - orders) };
        Err(RestoreError::new(RestoreFault::IdTwice, offset))
    }
}

/// Orders by entry stamp. Only the first one is ever removed, so positions are not stored.
struct ByEntry<'a, const ORDERS: usize, S>(&'a mut Arena<ORDERS, S>);

impl<const ORDERS: usize, S: StorageObserver> Heaped for ByEntry<'_, ORDERS, S> {
    fn before(&self, a: u32, b: u32) -> bool {
        self.0.attributes(a).stamp < self.0.attributes(b).stamp
    }

    fn placed(&mut self, _: u32, _: u32) {}

    fn place(&self, _: u32) -> u32 {
        0
    }
}

impl BookParts<'_> {
    /// Iterates over the ids of all orders, then of all stops.
    fn ids(&self) -> impl Iterator<Item = u64> {
        self.orders.iter().map(|o| o.id.get()).chain(self.stops.iter().map(|s| s.id.get()))
    }

    /// Iterates over the entry stamps in the same order, numbered from 0.
    fn stamps(&self) -> impl Iterator<Item = (usize, u64)> {
        self.orders.iter().map(|o| o.stamp.get()).chain(self.stops.iter().map(|s| s.stamp.get())).enumerate()
    }

    fn stamp(&self, index: usize) -> Option<u64> {
        match self.orders.get(index) {
            Some(order) => Some(order.stamp.get()),
            None => self.stops.get(index - self.orders.len()).map(|s| s.stamp.get()),
        }
    }
}
