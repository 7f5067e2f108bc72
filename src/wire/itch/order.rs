//! Messages that change the book.

use super::code::{BuySell, YesNo};
use super::define::messages;
use crate::wire::field::{Price4, Text};

messages! {
    /// A new order, on the book at the back of its level.
    AddOrder = b'A', 36 bytes {
        /// Reference number of the order, unique for the day over all stocks.
        reference with_reference: u64 = 11,
        /// Buy or sell.
        side with_side: BuySell = 19,
        /// Shares displayed.
        shares with_shares: u32 = 20,
        /// The stock.
        stock with_stock: Text<8> = 24,
        /// The displayed price.
        price with_price: Price4 = 32,
    }

    /// A new order with attribution to a firm.
    AddOrderMpid = b'F', 40 bytes {
        /// Reference number of the order, unique for the day over all stocks.
        reference with_reference: u64 = 11,
        /// Buy or sell.
        side with_side: BuySell = 19,
        /// Shares displayed.
        shares with_shares: u32 = 20,
        /// The stock.
        stock with_stock: Text<8> = 24,
        /// The displayed price.
        price with_price: Price4 = 32,
        /// The firm; `NSDQ` stands for none.
        attribution with_attribution: Text<4> = 36,
    }

    /// Shares of an order were executed at its displayed price.
    OrderExecuted = b'E', 31 bytes {
        /// The order.
        reference with_reference: u64 = 11,
        /// Shares executed by this message.
        shares with_shares: u32 = 19,
        /// Match number, unique for the day.
        match_number with_match_number: u64 = 23,
    }

    /// Shares of an order were executed at another price than the displayed one.
    OrderExecutedWithPrice = b'C', 36 bytes {
        /// The order.
        reference with_reference: u64 = 11,
        /// Shares executed by this message.
        shares with_shares: u32 = 19,
        /// Match number, unique for the day.
        match_number with_match_number: u64 = 23,
        /// Whether the execution counts in the volume; if not, a later bulk print includes it.
        printable with_printable: YesNo = 31,
        /// The price of the trade. The shares leave the order at its displayed price.
        price with_price: Price4 = 32,
    }

    /// Shares of an order were canceled; the order keeps its priority.
    OrderCancel = b'X', 23 bytes {
        /// The order.
        reference with_reference: u64 = 11,
        /// Shares canceled by this message.
        shares with_shares: u32 = 19,
    }

    /// An order was removed with all its remaining shares.
    OrderDelete = b'D', 19 bytes {
        /// The order.
        reference with_reference: u64 = 11,
    }

    /// An order was replaced by another of the same side and stock, at the back of its level.
    OrderReplace = b'U', 35 bytes {
        /// The order that was removed.
        old_reference with_old_reference: u64 = 11,
        /// The new order.
        new_reference with_new_reference: u64 = 19,
        /// Shares displayed of the new order.
        shares with_shares: u32 = 27,
        /// The displayed price of the new order.
        price with_price: Price4 = 31,
    }
}
