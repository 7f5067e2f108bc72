//! Dirty levels: the price levels that a command has changed, and how they looked before it.

use crate::book::{DepthLevel, InstrumentId, Price, Qty, Side, VisibleChange};
use zerocopy::FromZeros;

/// A level that was touched.
#[derive(Clone, Copy, Debug, FromZeros)]
#[repr(C)]
pub(super) struct DirtyLevel {
    price: i64,
    qty_before: u64,
    qty: u64,
    orders_before: u32,
    orders: u32,
    /// The chain it is in, and the one after it there (its index + 1).
    chain: u32,
    next: u32,
    instrument: u16,
    side: Side,
    reserved: [u8; 5],
}

impl DirtyLevel {
    /// The level as it is now, if the market sees a difference.
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

/// Up to `TOUCHED` levels, each once, in the order in which they were first touched; found again by hashing.
///
/// The last ones go first, so that a chain is taken back the way it was made.
#[derive(Debug, FromZeros)]
#[repr(C)]
pub(super) struct DirtyLevels<const TOUCHED: usize> {
    len: u32,
    reserved: u32,
    touches: [DirtyLevel; TOUCHED],
    /// The first touch of each chain (its index + 1).
    chains: [u32; TOUCHED],
}

impl<const TOUCHED: usize> DirtyLevels<TOUCHED> {
    #[inline]
    pub(super) const fn len(&self) -> usize {
        self.len as usize
    }

    /// The touches from the `from`th on.
    #[inline]
    pub(super) fn since(&self, from: usize) -> &[DirtyLevel] {
        self.touches.get(from..self.len()).unwrap_or(&[])
    }

    #[inline]
    fn chain_of(change: &VisibleChange) -> usize {
        let word =
            change.level.price.ticks() as u64 ^ (change.side as u64) << 63 ^ u64::from(change.instrument.get()) << 40;
        // Neighbouring prices land far from each other. The upper half of the product, brought below TOUCHED.
        let hash = word.wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 32;
        ((hash * TOUCHED as u64) >> 32) as usize
    }

    /// Notes how a level looks after a change.
    #[inline]
    pub(super) fn note(&mut self, change: &VisibleChange) {
        // Most changes are of the level that was touched last.
        let last = self.len().wrapping_sub(1);
        let at = match self.touches.get(last) {
            Some(touch) if touch.is(change) => last,
            _ => self.find(change),
        };
        if let Some(touch) = self.touches.get_mut(at) {
            touch.qty = change.level.qty.lots();
            touch.orders = change.level.orders;
        }
    }

    /// Where the touch of this level is; a new one if there is none.
    fn find(&mut self, change: &VisibleChange) -> usize {
        let chain = Self::chain_of(change);
        let Some(first) = self.chains.get_mut(chain) else { return TOUCHED };
        let mut at = *first;
        while let Some(touch) = self.touches.get(at.wrapping_sub(1) as usize) {
            if touch.is(change) {
                return at as usize - 1;
            }
            at = touch.next;
        }
        debug_assert!((self.len as usize) < TOUCHED, "as many levels as one command can touch");
        let place = self.len as usize;
        if let Some(touch) = self.touches.get_mut(place) {
            let before = change.level_before();
            *touch = DirtyLevel {
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

    /// Forgets the touches from the `from`th on.
    #[inline]
    pub(super) fn forget_since(&mut self, from: usize) {
        while self.len() > from {
            self.len -= 1;
            let Some(touch) = self.touches.get(self.len as usize) else { return };
            if let Some(first) = self.chains.get_mut(touch.chain as usize) {
                *first = touch.next;
            }
        }
    }
}
