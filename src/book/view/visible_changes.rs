//! Visible changes: the effect of each command on the visible book, change by change.

use crate::book::{DepthLevel, InstrumentId, OrderId, Price, Qty, Side};

/// One change of the visible book, for a [`Sink`](crate::book::Sink) that watches: a visible order
/// was added, reduced, traded or deleted, or a hidden one traded.
///
/// Quantities are visible quantities: of an iceberg the slice. A used-up slice is an order that
/// traded down to 0; the next slice is an order of the same id, added at the back of the queue
/// (M7.4).
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct VisibleChange {
    /// The instrument.
    pub instrument: InstrumentId,
    /// The number of the event that it belongs to.
    pub seq: u64,
    /// The side of the resting order.
    pub side: Side,
    /// The order's price level after the change; without visible orders it is deleted.
    pub level: DepthLevel,
    /// Kind of the change.
    pub what: Visible,
}

/// Kind of a change of a visible order, or of a hidden one that traded.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub enum Visible {
    /// It joined the back of the visible queue.
    Added {
        /// Its id.
        id: OrderId,
        /// Its visible quantity.
        qty: Qty,
    },
    /// It was reduced without a trade and kept priority.
    Reduced {
        /// Its id.
        id: OrderId,
        /// By how much its visible quantity fell.
        by: Qty,
        /// Its visible quantity now.
        left: Qty,
    },
    /// It left the queue without a trade: canceled, or replaced and then added again.
    Deleted {
        /// Its id.
        id: OrderId,
        /// Its visible quantity before.
        qty: Qty,
    },
    /// It traded. With `left` 0 it has left the queue.
    Executed {
        /// Its id.
        id: OrderId,
        /// The price of the trade; in an uncross not that of its level.
        at: Price,
        /// Lots traded.
        qty: Qty,
        /// Its visible quantity now.
        left: Qty,
        /// The second order of the same trade in an uncross: its lots were reported already.
        again: bool,
    },
    /// A hidden order traded; the visible level is unchanged.
    HiddenTrade {
        /// The price of the trade.
        at: Price,
        /// Lots traded.
        qty: Qty,
        /// The second order of the same trade in an uncross: its lots were reported already.
        again: bool,
    },
}

impl VisibleChange {
    /// Returns the level before the change.
    #[must_use]
    #[inline]
    pub const fn level_before(&self) -> DepthLevel {
        let DepthLevel { price, qty, orders } = self.level;
        let (qty, orders) = match self.what {
            // Added quantities are part of the level's own sum, the others were part of it.
            Visible::Added { qty: by, .. } => (qty.lots() - by.lots(), orders - 1),
            Visible::Reduced { by, .. } => (qty.lots() + by.lots(), orders),
            Visible::Deleted { qty: by, .. } => (qty.lots() + by.lots(), orders + 1),
            Visible::Executed { qty: by, left, .. } => {
                (qty.lots() + by.lots(), if left.lots() == 0 { orders + 1 } else { orders })
            }
            Visible::HiddenTrade { .. } => (qty.lots(), orders),
        };
        DepthLevel { price, qty: Qty::new(qty), orders }
    }
}
