//! The book of one instrument.

use super::{BookView, DepthLevel, Phase, Price, Side};

/// The order book of one instrument: `ORDERS` resting orders, a window of `BLOCKS` × 64 ticks a side in which every
/// level is found at once, `FAR` levels a side beyond it, `STOPS` untriggered stops, and `IDS` entries (a power of
/// two) in the table from order id to order.
#[derive(Debug)]
#[repr(C)]
pub struct Book<const ORDERS: usize, const BLOCKS: usize, const FAR: usize, const STOPS: usize, const IDS: usize> {
    x: [u8; ORDERS],
}

impl<const ORDERS: usize, const BLOCKS: usize, const FAR: usize, const STOPS: usize, const IDS: usize> BookView
    for Book<ORDERS, BLOCKS, FAR, STOPS, IDS>
{
    fn phase(&self) -> Phase {
        todo!()
    }
    fn last(&self) -> Option<Price> {
        todo!()
    }
    fn next_level(&self, _side: Side, _after: Option<Price>) -> Option<DepthLevel> {
        todo!()
    }
    fn resting_orders(&self) -> usize {
        self.x.len()
    }
}
