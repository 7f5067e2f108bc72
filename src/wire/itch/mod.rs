//! NASDAQ TotalView-ITCH 5.0 (revision of 2023-04-28): every message, both ways.
//!
//! ```
//! use vvp_core::wire::field::{Nanos48, Price4, Text};
//! use vvp_core::wire::itch::{AddOrder, BuySell, Message, Stamp};
//!
//! let stamp = Stamp { locate: 12, tracking: 0, time: Nanos48::new(34_200_000_000_000).expect("within a day") };
//! let add = AddOrder::new(stamp)
//!     .with_reference(7)
//!     .with_side(BuySell::Buy)
//!     .with_shares(100)
//!     .with_stock(Text::new(b"GOOG").expect("at most 8 bytes"))
//!     .with_price(Price4::new(5_651_200));
//! let bytes = zerocopy::IntoBytes::as_bytes(&add);
//!
//! // No copy: the view is those bytes.
//! let Ok(Message::AddOrder(view)) = Message::decode(bytes) else { panic!("an add") };
//! assert_eq!((view.shares(), view.price().raw(), view.stock().as_str()), (100, 5_651_200, "GOOG"));
//! assert_eq!(view.head().time_ns(), 34_200_000_000_000);
//! ```
//!
//! Every pattern of bytes of the right length is a message: fields of one letter that the format does not know are
//! `Other`, and encode to what they were.

mod change;
mod code;
mod define;
mod order;
mod stock;
#[cfg(all(test, not(broken)))] // proptest is not there for the model checkers
mod tests;
mod trade;

pub use change::OrderChange;
pub use code::*;
pub use order::*;
pub use stock::*;
pub use trade::*;

use super::field::{Field, Nanos48};
use zerocopy::big_endian::U16;
use zerocopy::{FromBytes, Immutable, IntoBytes, KnownLayout, Unaligned};

/// What every message starts with: 11 bytes.
///
/// ```text
/// offset 0 type (1)   1 stock locate (2)   3 tracking number (2)   5 ns since midnight (6)
/// ```
#[derive(Clone, Copy, PartialEq, Eq, FromBytes, IntoBytes, Immutable, KnownLayout, Unaligned)]
#[repr(C)]
pub struct Head {
    kind: u8,
    locate: U16,
    tracking: U16,
    time: [u8; 6],
}

const _: () = assert!(size_of::<Head>() == 11 && core::mem::offset_of!(Head, time) == 5);

/// Which stock, and when: what the sender of a message fills in besides its type.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct Stamp {
    /// The day's number of the stock, from 1; 0 is none.
    pub locate: u16,
    /// NASDAQ's own.
    pub tracking: u16,
    /// Since midnight, US Eastern.
    pub time: Nanos48,
}

impl Head {
    const fn new(kind: u8, stamp: Stamp) -> Self {
        let [_, _, time @ ..] = stamp.time.ns().to_be_bytes();
        Self {
            kind,
            locate: U16::from_bytes(stamp.locate.to_be_bytes()),
            tracking: U16::from_bytes(stamp.tracking.to_be_bytes()),
            time,
        }
    }

    /// The message's code. Upper and lower case differ.
    #[must_use]
    #[inline(always)]
    pub const fn kind(&self) -> u8 {
        self.kind
    }

    /// The day's number of the stock, from 1; 0 is none. [`StockDirectory`] says which stock.
    #[must_use]
    #[inline(always)]
    pub const fn locate(&self) -> u16 {
        self.locate.get()
    }

    /// NASDAQ's own.
    #[must_use]
    pub const fn tracking(&self) -> u16 {
        self.tracking.get()
    }

    /// Nanoseconds since midnight, US Eastern.
    #[must_use]
    #[inline(always)]
    pub fn time_ns(&self) -> u64 {
        Nanos48::from_wire(self.time).ns()
    }

    /// Locate, tracking and time together.
    #[must_use]
    pub fn stamp(&self) -> Stamp {
        Stamp { locate: self.locate(), tracking: self.tracking(), time: Nanos48::from_wire(self.time) }
    }
}

impl core::fmt::Debug for Head {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.debug_struct("Head")
            .field("kind", &char::from(self.kind))
            .field("locate", &self.locate())
            .field("tracking", &self.tracking())
            .field("time_ns", &self.time_ns())
            .finish()
    }
}

/// Why bytes are not a message.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
#[non_exhaustive]
pub enum BadMessage {
    /// No byte at all: not even a type.
    Empty,
    /// Fewer bytes than the type has: it was cut, or it is no ITCH 5.0.
    Short {
        /// The type.
        kind: u8,
        /// The bytes it has.
        have: u16,
        /// The bytes it should have.
        want: u16,
    },
    /// More bytes than the type has: a later version of the format, perhaps.
    Long {
        /// The type.
        kind: u8,
        /// The bytes it has; 65,535 may be more.
        have: u16,
        /// The bytes it should have.
        want: u16,
    },
}

impl core::fmt::Display for BadMessage {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        match *self {
            Self::Empty => f.write_str("an empty message; a type is the least"),
            Self::Short { kind, have, want } => {
                write!(f, "message '{}' has {have} of its {want} bytes; is this ITCH 5.0?", kind.escape_ascii())
            }
            Self::Long { kind, have, want } => {
                write!(f, "message '{}' has {have} bytes, not {want}; is this ITCH 5.0?", kind.escape_ascii())
            }
        }
    }
}

impl core::error::Error for BadMessage {}

#[cold]
fn wrong_length(kind: u8, have: usize, want: usize) -> BadMessage {
    let (have, want, short) = (u16::try_from(have).unwrap_or(u16::MAX), want as u16, have < want);
    if short { BadMessage::Short { kind, have, want } } else { BadMessage::Long { kind, have, want } }
}

/// A message of an unknown type, or one of a wrong length.
#[cold]
fn odd(kind: u8, bytes: &[u8]) -> Result<Message<'_>, BadMessage> {
    match SIZES[usize::from(kind)] {
        0 => Ok(Message::Unknown(bytes)),
        want => Err(wrong_length(kind, bytes.len(), want.into())),
    }
}

/// The view of the bytes at `at`.
///
/// # Safety
/// As many bytes as `T` has can be read there for as long as `'a`.
#[inline(always)]
const unsafe fn view_at<'a, T: FromBytes + Unaligned + Immutable>(at: *const u8) -> &'a T {
    // SAFETY: our caller says that the bytes are there; `T` takes any bytes at any address.
    unsafe { &*at.cast() }
}

macro_rules! catalogue {
    ($($name:ident,)+) => {
        /// Lengths by type; 0: the format does not list it.
        const SIZES: [u8; 256] = {
            let mut sizes = [0; 256];
            $(
                assert!($name::SIZE < 256);
                sizes[$name::TYPE as usize] = $name::SIZE as u8;
            )+
            sizes
        };

        /// A message of any type: a view of the bytes it was decoded from.
        #[derive(Clone, Copy, PartialEq, Eq, Debug)]
        #[non_exhaustive]
        #[repr(u8)] // told apart by the message's own code, so that decoding has nothing to look up
        pub enum Message<'a> {
            $(#[doc = concat!("[`", stringify!($name), "`]")] $name(&'a $name) = $name::TYPE,)+
            /// A type that the format does not list, whatever its length (1 or more): skip it.
            Unknown(&'a [u8]) = 0,
        }

        impl<'a> Message<'a> {
            /// Types and lengths of all messages, in the order of the enum.
            pub const CATALOGUE: &'static [(u8, usize)] = &[$(($name::TYPE, $name::SIZE),)+];

            /// Reads a message. `bytes` are those of one message, no more and no fewer.
            ///
            /// # Errors
            /// [`BadMessage`] when there is no byte, or more or fewer than the type has.
            #[inline(always)]
            pub fn decode(bytes: &'a [u8]) -> Result<Self, BadMessage> {
                let Some(&kind) = bytes.first() else { return Err(BadMessage::Empty) };
                if bytes.len() != usize::from(SIZES[usize::from(kind)]) {
                    return odd(kind, bytes);
                }
                // Every arm is its own code and the same address, so there is no jump, which would be guessed wrong at
                // every other message.
                let at = bytes.as_ptr();
                Ok(match kind {
                    // SAFETY: `at` leads to as many bytes as the view has (its size is what the table has for its type),
                    // borrowed for as long; any alignment and any content will do: it is `FromBytes`, `Unaligned` and
                    // `Immutable`.
                    $($name::TYPE => Self::$name(unsafe { view_at(at) }),)+
                    // SAFETY: the table has a length above 0 for the types above only, and `bytes` are not empty.
                    _ => unsafe { core::hint::unreachable_unchecked() },
                })
            }

            /// The message's bytes: what it was decoded from, and what it encodes to.
            #[must_use]
            #[inline]
            pub fn as_bytes(&self) -> &'a [u8] {
                match *self {
                    $(Self::$name(view) => view.as_bytes(),)+
                    Self::Unknown(bytes) => bytes,
                }
            }

            /// The same message, each field read and written again; `None` for a type that is not known.
            #[cfg(all(test, not(broken)))]
            fn again<R>(&self, with: impl FnOnce(&[u8]) -> R) -> Option<R> {
                match *self {
                    $(Self::$name(view) => Some(with(view.again().as_bytes())),)+
                    Self::Unknown(_) => None,
                }
            }

            /// What every message starts with; `None` for a message of unknown type that is shorter.
            #[must_use]
            #[inline(always)]
            pub fn head(&self) -> Option<&'a Head> {
                match *self {
                    $(Self::$name(view) => Some(view.head()),)+
                    Self::Unknown(bytes) => Head::ref_from_prefix(bytes).ok().map(|(head, _)| head),
                }
            }
        }
    };
}

// The frequent ones first.
catalogue! {
    AddOrder, OrderDelete, OrderReplace, OrderExecuted, OrderCancel, AddOrderMpid, OrderExecutedWithPrice,
    Trade, CrossTrade, BrokenTrade, Imbalance, RetailPriceImprovement, DirectListing,
    SystemEvent, StockDirectory, TradingAction, RegSho, ParticipantPosition, BreakerLevels, BreakerStatus,
    IpoQuotingPeriod, AuctionCollar, OperationalHalt,
}

impl AddOrderMpid {
    /// The same order without the firm: a view of the bytes before it. Never `None`.
    #[must_use]
    #[inline(always)]
    pub fn plain(&self) -> Option<&AddOrder> {
        // The same fields at the same places, and four more bytes.
        AddOrder::ref_from_prefix(self.as_bytes()).ok().map(|(plain, _)| plain)
    }
}

impl Message<'_> {
    /// The message's code, also of an unknown one.
    #[must_use]
    #[inline]
    pub fn kind(&self) -> u8 {
        self.as_bytes().first().copied().unwrap_or(0)
    }
}
