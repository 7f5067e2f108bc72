//! Trades without a displayed order, and auction messages. None changes the book.

use super::code::{BuySell, CrossType, ImbalanceDirection, RetailInterest, YesNo};
use super::define::messages;
use crate::wire::field::{Price4, Text};

messages! {
    /// A trade with a non-displayed order.
    Trade = b'P', 44 bytes {
        /// The order; 0 since 2010-12.
        reference with_reference: u64 = 11,
        /// The side of the resting order; always buy since 2014-07.
        side with_side: BuySell = 19,
        /// Shares matched.
        shares with_shares: u32 = 20,
        /// The stock.
        stock with_stock: Text<8> = 24,
        /// The price of the trade.
        price with_price: Price4 = 32,
        /// Match number, unique for the day.
        match_number with_match_number: u64 = 36,
    }

    /// A cross: many orders traded at one price.
    CrossTrade = b'Q', 40 bytes {
        /// Shares crossed; may be 0. Eight bytes, unlike everywhere else.
        shares with_shares: u64 = 11,
        /// The stock.
        stock with_stock: Text<8> = 19,
        /// The price of the cross.
        price with_price: Price4 = 27,
        /// Match number, unique for the day.
        match_number with_match_number: u64 = 31,
        /// The kind of the cross.
        cross with_cross: CrossType = 39,
    }

    /// A trade was broken. Its order does not return to the book.
    BrokenTrade = b'B', 19 bytes {
        /// The match number of an execution or trade.
        match_number with_match_number: u64 = 11,
    }

    /// The imbalance of a cross.
    Imbalance = b'I', 50 bytes {
        /// Shares paired at the reference price.
        paired with_paired: u64 = 11,
        /// Shares not paired.
        imbalance with_imbalance: u64 = 19,
        /// The side with the imbalance.
        direction with_direction: ImbalanceDirection = 27,
        /// The stock.
        stock with_stock: Text<8> = 28,
        /// Clearing price of the cross orders only.
        far with_far: Price4 = 36,
        /// Clearing price of cross and continuous orders.
        near with_near: Price4 = 40,
        /// The current reference price.
        reference with_reference: Price4 = 44,
        /// The kind of the cross.
        cross with_cross: CrossType = 48,
        /// Distance of near from the reference: `L` below 1 %, `1`–`9` percent, `A` 10–20 %, `B`
        /// 20–30 %, `C` more, or a blank.
        variation with_variation: u8 = 49,
    }

    /// Retail interest within the spread.
    RetailPriceImprovement = b'N', 20 bytes {
        /// The stock.
        stock with_stock: Text<8> = 11,
        /// The side.
        interest with_interest: RetailInterest = 19,
    }

    /// A direct listing with capital raise: the price range of its opening.
    DirectListing = b'O', 48 bytes {
        /// The stock.
        stock with_stock: Text<8> = 11,
        /// Whether it is eligible for release.
        eligible with_eligible: YesNo = 19,
        /// The lowest price allowed.
        min_price with_min_price: Price4 = 20,
        /// The highest price allowed.
        max_price with_max_price: Price4 = 24,
        /// The reference price once the volatility test is passed.
        near_price with_near_price: Price4 = 28,
        /// Time when that was set, in ns since midnight.
        near_time_ns with_near_time_ns: u64 = 32,
        /// Lower end of the collar: 10 % below near.
        lower with_lower: Price4 = 40,
        /// Upper end of the collar: 10 % above near.
        upper with_upper: Price4 = 44,
    }
}
