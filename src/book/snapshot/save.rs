//! Save of a book.

use super::super::{InstrumentSpec, Price, Side, TimeInForce};
use super::records::{BookParts, BookRecord, LAST, MAX, MIN, OrderRecord, REFERENCE, StopRecord, WindowRecord, flag};
use crate::book::order_book::{Book, OrderState};
use crate::book::state_hash::StateHash;
use crate::book::storage::price_ladder::price;
use zerocopy::IntoBytes;

impl<const ORDERS: usize, const BLOCKS: usize, const FAR: usize, const STOPS: usize, const IDS: usize, T: StateHash>
    Book<ORDERS, BLOCKS, FAR, STOPS, IDS, T>
{
    /// Returns how many bytes [`Book::save`] writes.
    pub(crate) fn saved_len(&self) -> u64 {
        BookParts::len(self.arena.live_orders(), self.stops.live())
    }

    /// Writes the book of the instrument `spec`, record by record.
    pub(crate) fn save<E>(&self, spec: &InstrumentSpec, out: &mut impl FnMut(&[u8]) -> Result<(), E>) -> Result<(), E> {
        out(self.head(spec).as_bytes())?;
        for side in [Side::Buy, Side::Sell] {
            let ladder = &self.sides[side as usize];
            let mut cursor = ladder.first();
            while let Some(at) = cursor {
                for order in self.arena.queue(at.level) {
                    out(self.order_record(order, side, price(side, at.rank)).as_bytes())?;
                }
                cursor = ladder.worse(at.rank);
            }
        }
        for slot in self.stops.in_entry_order() {
            out(StopRecord::new(self.stops.get(slot)).as_bytes())?;
        }
        Ok(())
    }

    fn head(&self, spec: &InstrumentSpec) -> BookRecord {
        let (low, high) = spec.symbol.to_words();
        let ticks = |price: Option<Price>| price.map_or(0, Price::ticks).into();
        let windows = [self.sides[0].place(), self.sides[1].place()];
        let window = |side: usize| match windows[side] {
            Some(place) => WindowRecord { top: place.top.into(), len: place.len.into() },
            None => WindowRecord { top: 0.into(), len: 0.into() },
        };
        let settled = |side: usize| windows[side].is_some_and(|place| place.settled);
        BookRecord {
            symbol: [low.into(), high.into()],
            tick: spec.tick.mantissa().into(),
            min_price: ticks(spec.min_price),
            max_price: ticks(spec.max_price),
            reference: ticks(spec.reference),
            last: self.last.get().unwrap_or(0).into(),
            stamps: self.stamps.into(),
            width: crate::book::storage::price_ladder::PriceLadder::<BLOCKS, FAR>::WIDTH.into(),
            windows: [window(0), window(1)],
            orders: (self.arena.live_orders() as u32).into(),
            stops: (self.stops.live() as u32).into(),
            phase: self.phase as u8,
            decimals: spec.tick.decimals(),
            known: flag(spec.min_price.is_some(), MIN)
                | flag(spec.max_price.is_some(), MAX)
                | flag(spec.reference.is_some(), REFERENCE)
                | flag(self.last.get().is_some(), LAST),
            settled: flag(settled(0), 1) | flag(settled(1), 2),
            reserved: 0.into(),
        }
    }

    fn order_record(&self, order: u32, side: Side, price: Price) -> OrderRecord {
        let node = self.arena.node(order);
        let attributes = self.arena.attributes(order);
        // Cold state that the order does not use may be left over from an earlier order.
        let cold = self.arena.cold(order);
        let (display, slice) = if attributes.iceberg { (cold.display, cold.slice) } else { (0, 0) };
        let expires = if attributes.tif == TimeInForce::Gtd { cold.expires } else { 0 };
        let rest =
            OrderState { id: node.id, owner: node.owner(), open: node.qty, side, price, attributes, display, expires };
        OrderRecord::new(&rest, slice)
    }
}
