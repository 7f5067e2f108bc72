//! Dirty levels: the price levels that a command has changed, with their state before it.

use crate::book::{DepthLevel, InstrumentId, Price, Qty, Side, VisibleChange};
use zerocopy::FromZeros;

/// A level that was changed.
#[derive(Clone, Copy, Debug, FromZeros)]
#[repr(C)]
pub(super) struct DirtyLevel {
    price: i64,
    qty_before: u64,
    qty: u64,
    orders_before: u32,
    orders: u32,
    /// Its hash chain, and the next dirty level there (index + 1).
    chain: u32,
    next: u32,
    instrument: u16,
    side: Side,
    reserved: [u8; 5],
}

impl DirtyLevel {
    /// Returns the level as it is now, if it differs from before the command.
    #[inline]
    pub(super) const fn difference(&self) -> Option<DepthLevel> {
        if self.qty == self.qty_before && self.orders == self.orders_before {
            return None;
        }
        Some(DepthLevel { price: Price::new(self.price), qty: Qty::new(self.qty), orders: self.orders })
    }

    #[inline]
    pub(super) const fn instrument(&self) -> InstrumentId {
        InstrumentId::new(self.instrument)
    }

    #[inline]
    pub(super) const fn side(&self) -> Side {
        self.side
    }

    #[inline]
    fn is(&self, change: &VisibleChange) -> bool {
        self.price == change.level.price.ticks()
            && self.side == change.side
            && self.instrument == change.instrument.get()
    }
}

/// Up to `TOUCHED` levels, each once, in the order of their first change, in a chained hash table.
///
/// The latest are removed first, so a removal only resets the head of a chain.
#[derive(Debug, FromZeros)]
#[repr(C)]
pub(super) struct DirtyLevels<const TOUCHED: usize> {
    len: u32,
    reserved: u32,
    levels: [DirtyLevel; TOUCHED],
    /// The first dirty level of each chain (index + 1).
    chains: [u32; TOUCHED],
}

impl<const TOUCHED: usize> DirtyLevels<TOUCHED> {
    #[inline]
    pub(super) const fn len(&self) -> usize {
        self.len as usize
    }

    /// Returns the dirty levels from index `from` on.
    #[inline]
    pub(super) fn since(&self, from: usize) -> &[DirtyLevel] {
        self.levels.get(from..self.len()).unwrap_or(&[])
    }

    #[inline]
    fn chain_of(change: &VisibleChange) -> usize {
        let word =
            change.level.price.ticks() as u64 ^ (change.side as u64) << 63 ^ u64::from(change.instrument.get()) << 40;
        // Multiplicative hash: the upper half of the product, scaled to below TOUCHED.
        let hash = word.wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 32;
        ((hash * TOUCHED as u64) >> 32) as usize
    }

    /// Stores the state of a level after a change.
    #[inline]
    pub(super) fn note(&mut self, change: &VisibleChange) {
        // Most changes are of the level that changed last.
        let last = self.len().wrapping_sub(1);
        let at = match self.levels.get(last) {
            Some(dirty) if dirty.is(change) => last,
            _ => self.find(change),
        };
        if let Some(dirty) = self.levels.get_mut(at) {
            dirty.qty = change.level.qty.lots();
            dirty.orders = change.level.orders;
        }
    }

    /// Returns the index of this level; adds it if it is new.
    fn find(&mut self, change: &VisibleChange) -> usize {
        let chain = Self::chain_of(change);
        let Some(first) = self.chains.get_mut(chain) else { return TOUCHED };
        let mut at = *first;
        while let Some(dirty) = self.levels.get(at.wrapping_sub(1) as usize) {
            if dirty.is(change) {
                return at as usize - 1;
            }
            at = dirty.next;
        }
        debug_assert!((self.len as usize) < TOUCHED, "as many levels as one command can dirty");
        let place = self.len as usize;
        if let Some(dirty) = self.levels.get_mut(place) {
            let before = change.level_before();
            *dirty = DirtyLevel {
                price: before.price.ticks(),
                qty_before: before.qty.lots(),
                qty: 0,
                orders_before: before.orders,
                orders: 0,
                chain: chain as u32,
                next: *first,
                instrument: change.instrument.get(),
                side: change.side,
                reserved: [0; 5],
            };
            self.len += 1;
            *first = self.len;
        }
        place
    }

    /// Removes the dirty levels from index `from` on.
    #[inline]
    pub(super) fn forget_since(&mut self, from: usize) {
        while self.len() > from {
            self.len -= 1;
            let Some(dirty) = self.levels.get(self.len as usize) else { return };
            if let Some(first) = self.chains.get_mut(dirty.chain as usize) {
                *first = dirty.next;
            }
        }
    }
}
