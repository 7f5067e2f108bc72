//! Messages about stocks, their state, and that of the market. None changes the book.

use super::code::{
    Authenticity, BreakerLevel, HaltMarket, IpoRelease, MarketMakerMode, OperationalState, ParticipantState,
    RegShoAction, SystemEventCode, TradingState, YesNo,
};
use super::define::messages;
use crate::wire::field::{Price4, Price8, Text};

messages! {
    /// An event of the trading day. Its locate is 0.
    SystemEvent = b'S', 12 bytes {
        /// The event.
        event with_event: SystemEventCode = 11,
    }

    /// A stock, and its locate code for the day.
    StockDirectory = b'R', 39 bytes {
        /// The stock.
        stock with_stock: Text<8> = 11,
        /// Listing market: `Q`, `G`, `S` Nasdaq's tiers, `N` NYSE, `A` American, `P` Arca, `Z`
        /// BATS, `V` IEX, …
        category with_category: u8 = 19,
        /// Financial status: `N` normal, others are kinds of deficiency.
        financial_status with_financial_status: u8 = 20,
        /// Shares in a round lot.
        round_lot with_round_lot: u32 = 21,
        /// Whether only round lots are accepted.
        round_lots_only with_round_lots_only: YesNo = 25,
        /// Kind of security: `A` ADS, `B` bond, `C` common, `O` ordinary, `P` preferred, `Q` fund,
        /// …
        classification with_classification: u8 = 26,
        /// The kind more precisely.
        sub_type with_sub_type: Text<2> = 27,
        /// Real or a test.
        authenticity with_authenticity: Authenticity = 29,
        /// Whether it is on the short-sale threshold list.
        short_sale_threshold with_short_sale_threshold: YesNo = 30,
        /// Whether it is newly listed.
        ipo with_ipo: YesNo = 31,
        /// Tier of the LULD price bands: `1`, `2` or a blank.
        luld_tier with_luld_tier: u8 = 32,
        /// Whether it is an exchange-traded product.
        etp with_etp: YesNo = 33,
        /// Leverage of the product, rounded down.
        etp_leverage with_etp_leverage: u32 = 34,
        /// Whether the product is inverse to its index.
        inverse with_inverse: YesNo = 38,
    }

    /// A stock halts or trades. Without a message that it trades, it is halted.
    TradingAction = b'H', 25 bytes {
        /// The stock.
        stock with_stock: Text<8> = 11,
        /// The state from now on.
        state with_state: TradingState = 19,
        /// Reserved.
        reserved with_reserved: u8 = 20,
        /// The reason: `T1`, `LUDP`, `IPO1`, … or blanks.
        reason with_reason: Text<4> = 21,
    }

    /// Whether short sales are restricted.
    RegSho = b'Y', 20 bytes {
        /// The stock.
        stock with_stock: Text<8> = 11,
        /// The restriction.
        action with_action: RegShoAction = 19,
    }

    /// The state of a firm in a stock.
    ParticipantPosition = b'L', 26 bytes {
        /// The firm.
        mpid with_mpid: Text<4> = 11,
        /// The stock.
        stock with_stock: Text<8> = 15,
        /// Whether it is a primary market maker.
        primary with_primary: YesNo = 23,
        /// Its market maker mode.
        mode with_mode: MarketMakerMode = 24,
        /// Its state.
        state with_state: ParticipantState = 25,
    }

    /// The limits of today's market-wide circuit breaker. Its locate is 0.
    BreakerLevels = b'V', 35 bytes {
        /// The first limit.
        level1 with_level1: Price8 = 11,
        /// The second.
        level2 with_level2: Price8 = 19,
        /// The third.
        level3 with_level3: Price8 = 27,
    }

    /// The whole market fell through a limit of the circuit breaker. Its locate is 0.
    BreakerStatus = b'W', 12 bytes {
        /// The limit.
        level with_level: BreakerLevel = 11,
    }

    /// When the quoting of a new stock begins.
    IpoQuotingPeriod = b'K', 28 bytes {
        /// The stock.
        stock with_stock: Text<8> = 11,
        /// Seconds (not nanoseconds) since midnight; 0: canceled.
        release_s with_release_s: u32 = 19,
        /// Expected or canceled.
        qualifier with_qualifier: IpoRelease = 23,
        /// The issue price.
        price with_price: Price4 = 24,
    }

    /// The price collar within which a stock may reopen after a pause.
    AuctionCollar = b'J', 35 bytes {
        /// The stock.
        stock with_stock: Text<8> = 11,
        /// The reference price.
        reference with_reference: Price4 = 19,
        /// The upper limit.
        upper with_upper: Price4 = 23,
        /// The lower limit.
        lower with_lower: Price4 = 27,
        /// Number of extensions of the auction.
        extension with_extension: u32 = 31,
    }

    /// One market of the operator halts or resumes a stock.
    OperationalHalt = b'h', 21 bytes {
        /// The stock.
        stock with_stock: Text<8> = 11,
        /// The market.
        market with_market: HaltMarket = 19,
        /// The action: halt or resume.
        action with_action: OperationalState = 20,
    }
}
