//! Events: the output of the engine.

mod record;

pub use record::{BadEvent, Event, EventHead};

use super::{OrderId, OwnerId, Phase, Price, Qty, Side};
use crate::types::instrument::{Symbol, Tick};
use crate::types::order_words::words;
use zerocopy::{Immutable, IntoBytes, KnownLayout};

words! {
    /// Reason of a refusal. A refusal changes nothing but the clock, with its expiries (M17.1).
    #[derive(zerocopy::TryFromBytes)]
    Reject {
        /// A line or record that is not a command, or a field that this order cannot have.
        BadField = 1 "bad_field",
        /// The instrument's phase does not allow it; wait for another phase.
        Phase = 2 "phase",
        /// A live order of this instrument has this id.
        DuplicateId = 3 "duplicate_id",
        /// No live order of this instrument has this id.
        UnknownOrder = 4 "unknown_order",
        /// No instrument of this name is defined.
        UnknownInstrument = 5 "unknown_instrument",
        /// A quantity that is zero, out of its bounds, or overflows its level's total.
        BadQty = 6 "bad_qty",
        /// A price outside `i64` ticks, or a trail of zero.
        BadPrice = 7 "bad_price",
        /// A price that is not a multiple of the tick.
        OffTick = 8 "off_tick",
        /// A price outside the instrument's band.
        PriceOutOfBand = 9 "price_out_of_band",
        /// The owner may not trade.
        OwnerBlocked = 10 "owner_blocked",
        /// More than the owner's limit on an order's quantity.
        MaxQty = 11 "max_qty",
        /// More than the owner's limit on quantity × price.
        MaxNotional = 12 "max_notional",
        /// The owner has reached its limit of live orders.
        MaxOrders = 13 "max_orders",
        /// A post-only order that would trade.
        WouldCross = 14 "would_cross",
        /// No room for one more resting order.
        BookFull = 15 "book_full",
        /// No room for one more untriggered stop.
        StopsFull = 16 "stops_full",
        /// No room for one more price level so far from the touch.
        LevelsFull = 17 "levels_full",
        /// The command's time is before the clock.
        TimeReversed = 18 "time_reversed",
    }
}

words! {
    /// Reason of a cancel of an order or of its rest.
    #[derive(zerocopy::TryFromBytes)]
    CancelReason {
        /// `cancel`, or a `reduce` of everything.
        Requested = 1 "user",
        /// The rest of an immediate-or-cancel order (M2.3).
        Ioc = 2 "ioc",
        /// A fill-or-kill order that could not trade in full (M4.1).
        Fok = 3 "fok",
        /// Less than `min_qty` could trade (M5.1).
        MinQty = 4 "min_qty",
        /// The rest of a market order: the other side is empty (M3.3).
        NoLiquidity = 5 "no_liquidity",
        /// The rest of a market order: the next price is beyond its `protect` (M3.3).
        Protection = 6 "protection",
        /// Self-trade prevention (M12.6).
        SelfTradePrevention = 7 "stp",
        /// `mass_cancel` (M11.3).
        MassCancel = 8 "mass",
        /// A gtd order was due (M13.2), or a day order's instrument closed (M14.9).
        Expired = 9 "expired",
        /// The rest of a triggered stop_limit found no room in the book (M17.10).
        BookFull = 10 "book_full",
        /// The rest of a triggered stop_limit found no room for its level (M17.10).
        LevelsFull = 11 "levels_full",
        /// The rest of a triggered stop_limit would overflow its level's total (M17.10).
        BadQty = 12 "bad_qty",
    }
}

words! {
    /// The kind of an [`Event`].
    #[derive(zerocopy::TryFromBytes)]
    EventKind {
        /// A new order was accepted.
        Accepted = 1 "accepted",
        /// A command was refused.
        Rejected = 2 "rejected",
        /// Two orders traded.
        Trade = 3 "trade",
        /// An order, or the rest of one, was canceled.
        Canceled = 4 "canceled",
        /// An order's open quantity was reduced; it kept priority.
        Reduced = 5 "reduced",
        /// An order was replaced.
        Replaced = 6 "replaced",
        /// A stop was triggered.
        Triggered = 7 "triggered",
        /// The phase of an instrument, as requested (M14.8).
        Phase = 8 "phase",
        /// The price and volume of an uncross; its trades follow (M15.1).
        Uncross = 9 "uncross",
        /// An instrument was defined. It has no number and no line in the text format: it gives a
        /// printer or a store the name and the tick of the events that follow (M18.9).
        Defined = 10 "defined",
    }
}

/// The content of an [`Event`], as an enum.
///
/// Events of one order have its side, its owner, its limit price (`None` for market, stop and
/// trailing_stop orders) and its quantity, the hidden part included (M18.11). A trade does not name
/// the owners. For what the market may see use a [`Feed`](crate::market_data::Feed).
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
#[non_exhaustive]
#[allow(missing_docs)] // the fields carry the names of the text format
pub enum EventBody {
    /// A new order of `qty` lots was accepted.
    Accepted { id: OrderId, side: Side, owner: OwnerId, price: Option<Price>, qty: Qty },
    /// A command was refused. `id` if and only if the command had one (M18.6); `edge_ref`, a number
    /// of the edge that refused (for text the line), if and only if the input was no command.
    Rejected { id: Option<OrderId>, reason: Reject, edge_ref: Option<u64> },
    /// `maker` rested, `taker` came in, to buy or sell by `taker_side`; the price is the maker's
    /// (M1.4). In an uncross both rested, `maker` entered first (M15.12), and the price is that of
    /// the auction (M15.11). The open quantities are those after the trade; a maker with 0 is dead
    /// (M18.2).
    Trade { maker: OrderId, taker: OrderId, taker_side: Side, price: Price, qty: Qty, maker_open: Qty, taker_open: Qty },
    /// `qty` is the open quantity before (M18.5).
    Canceled { id: OrderId, side: Side, owner: OwnerId, price: Option<Price>, qty: Qty, reason: CancelReason },
    /// `qty` is the open quantity now (M18.5).
    Reduced { id: OrderId, side: Side, owner: OwnerId, price: Option<Price>, qty: Qty },
    /// Price and open quantity after the change and before matching (M18.3).
    Replaced { id: OrderId, side: Side, owner: OwnerId, price: Option<Price>, qty: Qty },
    /// A stop's turn has come, with `qty` lots open; its trades follow.
    Triggered { id: OrderId, side: Side, owner: OwnerId, price: Option<Price>, qty: Qty },
    /// The phase as requested, even if nothing changed (M14.8).
    Phase { phase: Phase },
    /// Auction price and executed volume in lots, which may exceed `u64` (M15.13); the text format
    /// calls it `qty`.
    Uncross { price: Price, volume: u128 },
    /// An instrument was defined; see [`EventKind::Defined`].
    Defined { symbol: Symbol, tick: Tick },
}

impl EventBody {
    /// Returns the kind of the event.
    #[must_use]
    #[inline(always)]
    pub const fn kind(&self) -> EventKind {
        match self {
            Self::Accepted { .. } => EventKind::Accepted,
            Self::Rejected { .. } => EventKind::Rejected,
            Self::Trade { .. } => EventKind::Trade,
            Self::Canceled { .. } => EventKind::Canceled,
            Self::Reduced { .. } => EventKind::Reduced,
            Self::Replaced { .. } => EventKind::Replaced,
            Self::Triggered { .. } => EventKind::Triggered,
            Self::Phase { .. } => EventKind::Phase,
            Self::Uncross { .. } => EventKind::Uncross,
            Self::Defined { .. } => EventKind::Defined,
        }
    }
}
