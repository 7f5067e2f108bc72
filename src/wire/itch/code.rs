//! Codes of one letter.

use super::define::codes;

codes! {
    /// The side of an order.
    BuySell {
        Buy = b'B' "It buys.",
        Sell = b'S' "It sells.",
    }

    /// Yes or no.
    YesNo {
        Yes = b'Y' "Yes.",
        No = b'N' "No.",
        Blank = b' ' "Not known, or it does not apply.",
    }

    /// An event of the whole market.
    SystemEventCode {
        StartOfMessages = b'O' "The first message of the day.",
        StartOfSystemHours = b'S' "The system takes orders.",
        StartOfMarketHours = b'Q' "Regular hours begin.",
        EndOfMarketHours = b'M' "Regular hours are over.",
        EndOfSystemHours = b'E' "No more orders; deletes and broken trades may follow.",
        EndOfMessages = b'C' "The last message of the day.",
    }

    /// Whether a stock trades.
    TradingState {
        Halted = b'H' "Halted everywhere.",
        Paused = b'P' "Paused everywhere.",
        QuotationOnly = b'Q' "Quotes only, before a cross.",
        Trading = b'T' "Trades.",
    }

    /// Whether and why short sales are restricted.
    RegShoAction {
        Unrestricted = b'0' "No restriction.",
        New = b'1' "Restricted since a fall today.",
        Continued = b'2' "Restricted since an earlier day.",
    }

    /// Market maker mode of a firm.
    MarketMakerMode {
        Normal = b'N' "Normal.",
        Passive = b'P' "Passive.",
        Syndicate = b'S' "Syndicate.",
        PreSyndicate = b'R' "Pre-syndicate.",
        Penalty = b'L' "Penalty.",
    }

    /// The state of a firm in a stock.
    ParticipantState {
        Active = b'A' "Active.",
        Excused = b'E' "Excused.",
        Withdrawn = b'W' "Withdrawn.",
        Suspended = b'S' "Suspended.",
        Deleted = b'D' "Deleted.",
    }

    /// The limit that the whole market fell through.
    BreakerLevel {
        One = b'1' "The first.",
        Two = b'2' "The second.",
        Three = b'3' "The third: the day is over.",
    }

    /// The state of the release of a new stock.
    IpoRelease {
        Anticipated = b'A' "It is expected.",
        Canceled = b'C' "It is canceled or put off.",
    }

    /// A market of the same operator.
    HaltMarket {
        Nasdaq = b'Q' "Nasdaq.",
        Bx = b'B' "BX.",
        Psx = b'X' "PSX.",
    }

    /// Whether a market accepts orders in a stock.
    OperationalState {
        Halted = b'H' "It is halted there.",
        Trading = b'T' "It trades again.",
    }

    /// The kind of a cross.
    CrossType {
        Opening = b'O' "Opening.",
        Closing = b'C' "Closing.",
        IpoOrHalted = b'H' "A new or halted stock.",
        Intraday = b'I' "Within the day (older files), or after the close.",
        ExtendedClose = b'A' "Extended close.",
    }

    /// The side of a cross with the imbalance.
    ImbalanceDirection {
        Buy = b'B' "More to buy.",
        Sell = b'S' "More to sell.",
        None = b'N' "None.",
        TooFew = b'O' "Too few orders to tell.",
        Paused = b'P' "Paused.",
    }

    /// The side of retail interest.
    RetailInterest {
        Buy = b'B' "To buy.",
        Sell = b'S' "To sell.",
        Both = b'A' "Both.",
        None = b'N' "None.",
    }

    /// Whether a stock is real or a test.
    Authenticity {
        Live = b'P' "It is.",
        Test = b'T' "It is a test.",
    }
}

impl BuySell {
    /// Returns the side; `None` for an unknown byte.
    #[must_use]
    #[inline(always)]
    pub const fn side(self) -> Option<crate::types::Side> {
        match self {
            Self::Buy => Some(crate::types::Side::Buy),
            Self::Sell => Some(crate::types::Side::Sell),
            Self::Other(_) => None,
        }
    }
}

impl From<crate::types::Side> for BuySell {
    fn from(side: crate::types::Side) -> Self {
        match side {
            crate::types::Side::Buy => Self::Buy,
            crate::types::Side::Sell => Self::Sell,
        }
    }
}

impl From<bool> for YesNo {
    fn from(yes: bool) -> Self {
        if yes { Self::Yes } else { Self::No }
    }
}
