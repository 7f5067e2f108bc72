//! What the fields of one letter say.

use super::define::codes;

codes! {
    /// The side of an order.
    BuySell {
        /// It buys.
        Buy = b'B',
        /// It sells.
        Sell = b'S',
    }

    /// Yes or no.
    YesNo {
        /// Yes.
        Yes = b'Y',
        /// No.
        No = b'N',
        /// Not known, or it does not apply.
        Blank = b' ',
    }

    /// What happens to the whole market.
    SystemEventCode {
        /// The first message of the day.
        StartOfMessages = b'O',
        /// The system takes orders.
        StartOfSystemHours = b'S',
        /// Regular hours begin.
        StartOfMarketHours = b'Q',
        /// Regular hours are over.
        EndOfMarketHours = b'M',
        /// No more orders; deletes and broken trades may follow.
        EndOfSystemHours = b'E',
        /// The last message of the day.
        EndOfMessages = b'C',
    }

    /// Whether a stock trades.
    TradingState {
        /// Halted everywhere.
        Halted = b'H',
        /// Paused everywhere.
        Paused = b'P',
        /// Quotes only, before a cross.
        QuotationOnly = b'Q',
        /// Trades.
        Trading = b'T',
    }

    /// Why a short sale is restricted, if it is.
    RegShoAction {
        /// No restriction.
        Unrestricted = b'0',
        /// Restricted since a fall today.
        New = b'1',
        /// Restricted since an earlier day.
        Continued = b'2',
    }

    /// How a firm makes a market.
    MarketMakerMode {
        /// Normal.
        Normal = b'N',
        /// Passive.
        Passive = b'P',
        /// Syndicate.
        Syndicate = b'S',
        /// Pre-syndicate.
        PreSyndicate = b'R',
        /// Penalty.
        Penalty = b'L',
    }

    /// The standing of a firm in a stock.
    ParticipantState {
        /// Active.
        Active = b'A',
        /// Excused.
        Excused = b'E',
        /// Withdrawn.
        Withdrawn = b'W',
        /// Suspended.
        Suspended = b'S',
        /// Deleted.
        Deleted = b'D',
    }

    /// Which limit the whole market fell through.
    BreakerLevel {
        /// The first.
        One = b'1',
        /// The second.
        Two = b'2',
        /// The third: the day is over.
        Three = b'3',
    }

    /// What becomes of the release of a new stock.
    IpoRelease {
        /// It is expected.
        Anticipated = b'A',
        /// It is canceled or put off.
        Canceled = b'C',
    }

    /// A market of the same house.
    HaltMarket {
        /// Nasdaq.
        Nasdaq = b'Q',
        /// BX.
        Bx = b'B',
        /// PSX.
        Psx = b'X',
    }

    /// Whether a market takes orders in a stock.
    OperationalState {
        /// It is halted there.
        Halted = b'H',
        /// It trades again.
        Trading = b'T',
    }

    /// Which cross.
    CrossType {
        /// Opening.
        Opening = b'O',
        /// Closing.
        Closing = b'C',
        /// A new or halted stock.
        IpoOrHalted = b'H',
        /// Within the day (older files), or after the close.
        Intraday = b'I',
        /// Extended close.
        ExtendedClose = b'A',
    }

    /// Which side of a cross has too much.
    ImbalanceDirection {
        /// More to buy.
        Buy = b'B',
        /// More to sell.
        Sell = b'S',
        /// None.
        None = b'N',
        /// Too few orders to tell.
        TooFew = b'O',
        /// Paused.
        Paused = b'P',
    }

    /// Which side retail interest is on.
    RetailInterest {
        /// To buy.
        Buy = b'B',
        /// To sell.
        Sell = b'S',
        /// Both.
        Both = b'A',
        /// None.
        None = b'N',
    }

    /// Whether a stock is real.
    Authenticity {
        /// It is.
        Live = b'P',
        /// It is a test.
        Test = b'T',
    }
}

impl BuySell {
    /// The side, or `None` for a byte that is none.
    #[must_use]
    #[inline(always)]
    pub const fn side(self) -> Option<crate::book::Side> {
        match self {
            Self::Buy => Some(crate::book::Side::Buy),
            Self::Sell => Some(crate::book::Side::Sell),
            Self::Other(_) => None,
        }
    }
}

impl From<crate::book::Side> for BuySell {
    fn from(side: crate::book::Side) -> Self {
        match side {
            crate::book::Side::Buy => Self::Buy,
            crate::book::Side::Sell => Self::Sell,
        }
    }
}

impl From<bool> for YesNo {
    fn from(yes: bool) -> Self {
        if yes { Self::Yes } else { Self::No }
    }
}
