//! Order words: ids, side, type, time in force, self-trade prevention and phase, with their codes.

use zerocopy::{FromBytes, Immutable, IntoBytes, KnownLayout};

macro_rules! id {
    ($(#[$doc:meta])* $name:ident($raw:ty)) => {
        $(#[$doc])*
        #[derive(
            Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Default,
            FromBytes, IntoBytes, Immutable, KnownLayout,
        )]
        #[cfg_attr(feature = "defmt", derive(defmt::Format))]
        #[repr(transparent)]
        pub struct $name($raw);

        impl $name {
            #[doc = concat!("Wraps a raw `", stringify!($raw), "`; every value is legal.")]
            #[must_use]
            pub const fn new(raw: $raw) -> Self {
                Self(raw)
            }

            /// Returns the raw value.
            #[must_use]
            pub const fn get(self) -> $raw {
                self.0
            }
        }

        impl core::fmt::Display for $name {
            fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
                core::fmt::Display::fmt(&self.0, f)
            }
        }
    };
}

id! {
    /// Order id: unique among the live orders (resting or untriggered) of one instrument, free
    /// again once the order is dead (M0.8).
    OrderId(u64)
}
id! {
    /// Owner of an order, for self-trade prevention, mass cancel and risk limits. 0 is an owner,
    /// too (M0.9).
    OwnerId(u32)
}
id! {
    /// Dense index of an instrument in its engine, in definition order from 0.
    InstrumentId(u16)
}

macro_rules! words {
    ($(#[$doc:meta])* $name:ident { $($(#[$vdoc:meta])* $variant:ident = $value:tt $word:literal,)+ }) => {
        $(#[$doc])*
        #[derive(
            Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug,
            IntoBytes, Immutable, KnownLayout,
        )]
        #[cfg_attr(feature = "defmt", derive(defmt::Format))]
        #[repr(u8)]
        pub enum $name {
            $($(#[$vdoc])* $variant = $value,)+
        }

        impl $name {
            /// Every value, in numeric order.
            pub const ALL: &'static [Self] = &[$(Self::$variant),+];

            /// Returns the word of the text format.
            #[must_use]
            pub const fn word(self) -> &'static str {
                match self { $(Self::$variant => $word,)+ }
            }

            /// Returns the value that `word` of the text format stands for.
            #[must_use]
            pub fn from_word(word: &[u8]) -> Option<Self> {
                Self::ALL.iter().copied().find(|v| v.word().as_bytes() == word)
            }

            /// Returns the value with this code in the binary form.
            #[must_use]
            pub const fn from_code(code: u8) -> Option<Self> {
                match code { $($value => Some(Self::$variant),)+ _ => None }
            }
        }

        impl core::fmt::Display for $name {
            fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
                f.write_str(self.word())
            }
        }
    };
}
pub(crate) use words;

words! {
    /// The side of an order.
    #[derive(zerocopy::FromZeros, Default)]
    Side {
        /// Bids.
        #[default]
        Buy = 0 "buy",
        /// Asks, also called offers.
        Sell = 1 "sell",
    }
}

impl Side {
    /// Returns the other side.
    #[must_use]
    pub const fn opposite(self) -> Self {
        match self {
            Self::Buy => Self::Sell,
            Self::Sell => Self::Buy,
        }
    }
}

words! {
    /// Order type (M0.14).
    #[derive(zerocopy::FromZeros, Default)]
    OrderType {
        /// Trades at its price or better; the rest may rest.
        #[default]
        Limit = 0 "limit",
        /// Trades at any price (within `protect`, if given); never rests.
        Market = 1 "market",
        /// Becomes a market order when the last trade price reaches `stop`.
        Stop = 2 "stop",
        /// Becomes a limit order when the last trade price reaches `stop`.
        StopLimit = 3 "stop_limit",
        /// A stop that follows the last trade price at a distance of `trail` ticks.
        TrailingStop = 4 "trailing_stop",
    }
}

impl OrderType {
    /// Returns whether the order waits off-book for a trigger.
    #[must_use]
    pub const fn is_stop(self) -> bool {
        matches!(self, Self::Stop | Self::StopLimit | Self::TrailingStop)
    }

    /// Returns whether the order has a limit price.
    #[must_use]
    pub const fn has_limit(self) -> bool {
        matches!(self, Self::Limit | Self::StopLimit)
    }
}

words! {
    /// Time in force (M0.15).
    #[derive(zerocopy::FromZeros, Default)]
    TimeInForce {
        /// Good till canceled.
        #[default]
        Gtc = 0 "gtc",
        /// Until the instrument closes.
        Day = 1 "day",
        /// Until its `expires` time.
        Gtd = 2 "gtd",
        /// Immediate or cancel: the quantity that does not trade immediately is canceled.
        Ioc = 3 "ioc",
        /// Fill or kill: the whole quantity trades immediately, or none.
        Fok = 4 "fok",
    }
}

impl TimeInForce {
    /// Returns whether the rest of an order may join the book.
    #[must_use]
    pub const fn may_rest(self) -> bool {
        matches!(self, Self::Gtc | Self::Day | Self::Gtd)
    }
}

words! {
    /// Self-trade prevention mode: what happens when an order meets a resting order of its own
    /// owner. The *aggressor's* mode decides (M12.1).
    #[derive(zerocopy::FromZeros, Default)]
    SelfTradePrevention {
        /// The orders trade.
        #[default]
        None = 0 "none",
        /// The rest of the aggressor is canceled.
        CancelNewest = 1 "cancel_newest",
        /// The resting order is canceled and matching goes on.
        CancelOldest = 2 "cancel_oldest",
        /// The resting order is canceled, then the rest of the aggressor.
        CancelBoth = 3 "cancel_both",
        /// Both shrink by the smaller open quantity, without a trade.
        Decrement = 4 "decrement",
    }
}

words! {
    /// Trading phase of an instrument; the first one is `Continuous` (M14.1).
    #[derive(zerocopy::FromZeros, Default)]
    Phase {
        /// Everything trades.
        #[default]
        Continuous = 0 "continuous",
        /// Orders rest and may cross; nothing trades until the uncross.
        Auction = 1 "auction",
        /// Only cancel, reduce and mass cancel.
        Halted = 2 "halted",
        /// Nothing; day orders are gone.
        Closed = 3 "closed",
    }
}
