//! Messages that change the book.

use super::code::{BuySell, YesNo};
use super::define::messages;
use crate::wire::field::{Price4, Text};

messages! {
    /// A new order, on the book at the back of its level.
    AddOrder = b'A', 36 bytes {
        /// Names the order for the day, over all stocks.
        reference with_reference: u64 = 11,
        /// Buy or sell.
        side with_side: BuySell = 19,
        /// Shares shown.
        shares with_shares: u32 = 20,
        /// The stock.
        stock with_stock: Text<8> = 24,
        /// The price shown.
        price with_price: Price4 = 32,
    }

    /// A new order whose firm is shown.
    AddOrderMpid = b'F', 40 bytes {
        /// Names the order for the day, over all stocks.
        reference with_reference: u64 = 11,
        /// Buy or sell.
        side with_side: BuySell = 19,
        /// Shares shown.
        shares with_shares: u32 = 20,
        /// The stock.
        stock with_stock: Text<8> = 24,
        /// The price shown.
        price with_price: Price4 = 32,
        /// The firm; `NSDQ` shows none.
        attribution with_attribution: Text<4> = 36,
    }

    /// Shares of an order were executed at its price.
    OrderExecuted = b'E', 31 bytes {
        /// The order.
        reference with_reference: u64 = 11,
        /// Shares executed now.
        shares with_shares: u32 = 19,
        /// Names the match for the day.
        match_number with_match_number: u64 = 23,
    }

    /// Shares of an order were executed at another price than it shows.
    OrderExecutedWithPrice = b'C', 36 bytes {
        /// The order.
        reference with_reference: u64 = 11,
        /// Shares executed now.
        shares with_shares: u32 = 19,
        /// Names the match for the day.
        match_number with_match_number: u64 = 23,
        /// Whether the execution counts in the volume; if not, a later print of many holds it.
        printable with_printable: YesNo = 31,
        /// The price of the trade. The shares leave the order at the price that it shows.
        price with_price: Price4 = 32,
    }

    /// Shares of an order were canceled; it keeps its place.
    OrderCancel = b'X', 23 bytes {
        /// The order.
        reference with_reference: u64 = 11,
        /// Shares canceled now.
        shares with_shares: u32 = 19,
    }

    /// An order left with all that remained of it.
    OrderDelete = b'D', 19 bytes {
        /// The order.
        reference with_reference: u64 = 11,
    }

    /// An order was replaced by another of the same side and stock, at the back of its level.
    OrderReplace = b'U', 35 bytes {
        /// The order that left.
        old_reference with_old_reference: u64 = 11,
        /// The order that came.
        new_reference with_new_reference: u64 = 19,
        /// Shares that the new one shows.
        shares with_shares: u32 = 27,
        /// The price that the new one shows.
        price with_price: Price4 = 31,
    }
}
