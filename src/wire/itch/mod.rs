//! NASDAQ TotalView-ITCH 5.0 (revision of 2023-04-28): all messages, decoded and encoded.
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
//! Every byte pattern of the right length is a message: codes that the format does not list are
//! `Other`, and encode to the same byte.

// The messages have `Debug` (define.rs); what the derive of `KnownLayout` writes beside them has
// not.
#![allow(missing_debug_implementations)]

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

/// The head of every message: 11 bytes.
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

/// The stock and the time of a message: what its sender sets besides the type.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct Stamp {
    /// The stock locate code, valid for the day, from 1; 0 is none.
    pub locate: u16,
    /// NASDAQ's internal tracking number.
    pub tracking: u16,
    /// Time since midnight, US Eastern.
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

    /// Returns the message's type code. Upper and lower case differ.
    #[must_use]
    #[inline(always)]
    pub const fn kind(&self) -> u8 {
        self.kind
    }

    /// Returns the stock locate code, valid for the day, from 1; 0 is none. [`StockDirectory`] has
    /// the stock.
    #[must_use]
    #[inline(always)]
    pub const fn locate(&self) -> u16 {
        self.locate.get()
    }

    /// Returns NASDAQ's internal tracking number.
    #[must_use]
    pub const fn tracking(&self) -> u16 {
        self.tracking.get()
    }

    /// Returns nanoseconds since midnight, US Eastern.
    #[must_use]
    #[inline(always)]
    pub fn time_ns(&self) -> u64 {
        Nanos48::from_wire(self.time).ns()
    }

    /// Returns locate, tracking and time together.
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

/// Reason why bytes are not a message.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
#[non_exhaustive]
pub enum BadMessage {
    /// There is no byte, not even a type.
    Empty,
    /// Fewer bytes than the type has: the message was cut, or it is not ITCH 5.0.
    Short {
        /// The type code.
        kind: u8,
        /// Bytes that there are.
        have: u16,
        /// Bytes that the type has.
        want: u16,
    },
    /// More bytes than the type has: perhaps a later version of the format.
    Long {
        /// The type code.
        kind: u8,
        /// Bytes that there are; 65,535 may stand for more.
        have: u16,
        /// Bytes that the type has.
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

/// Handles a message of an unknown type, or of a wrong length.
#[cold]
fn odd(kind: u8, bytes: &[u8]) -> Result<Message<'_>, BadMessage> {
    match SIZES[usize::from(kind)] {
        0 => Ok(Message::Unknown(bytes)),
        want => Err(wrong_length(kind, bytes.len(), want.into())),
    }
}

/// Returns a view of the bytes at `at`.
///
/// # Safety
/// All bytes of a `T` can be read there for as long as `'a`.
#[inline(always)]
const unsafe fn view_at<'a, T: FromBytes + Unaligned + Immutable>(at: *const u8) -> &'a T {
    // SAFETY: the caller guarantees that the bytes are there; `T` accepts any bytes at any address.
    unsafe { &*at.cast() }
}

macro_rules! catalogue {
    ($($name:ident,)+) => {
        /// Lengths by type; 0: not in the format.
        const SIZES: [u8; 256] = {
            let mut sizes = [0; 256];
            $(
                assert!($name::SIZE < 256);
                sizes[$name::TYPE as usize] = $name::SIZE as u8;
            )+
            sizes
        };

        /// A message of any type: a view of the bytes from which it was decoded.
        #[derive(Clone, Copy, PartialEq, Eq, Debug)]
        #[non_exhaustive]
        #[repr(u8)] // the discriminant is the message's own code, so that decoding needs no table
        pub enum Message<'a> {
            $(#[doc = concat!("[`", stringify!($name), "`]")] $name(&'a $name) = $name::TYPE,)+
            /// A type that the format does not list, of any length from 1: skip it.
            Unknown(&'a [u8]) = 0,
        }

        impl<'a> Message<'a> {
            /// Type codes and lengths of all messages, in the order of the enum.
            pub const CATALOGUE: &'static [(u8, usize)] = &[$(($name::TYPE, $name::SIZE),)+];

            /// Decodes a message. `bytes` are exactly those of one message.
            ///
            /// # Errors
            /// [`BadMessage`] if there is no byte, or if the length is not that of the type.
            #[inline(always)]
            pub fn decode(bytes: &'a [u8]) -> Result<Self, BadMessage> {
                let Some(&kind) = bytes.first() else { return Err(BadMessage::Empty) };
                if bytes.len() != usize::from(SIZES[usize::from(kind)]) {
                    return odd(kind, bytes);
                }
                // Every arm is the same code with another tag, so the compiler emits no branch,
                // which would be mispredicted at every other message.
                let at = bytes.as_ptr();
                Ok(match kind {
                    // SAFETY: `at` points to as many bytes as the view has (its size is the table's
                    // entry for the type), borrowed for as long; any alignment and content is
                    // valid: it is `FromBytes`, `Unaligned` and `Immutable`.
                    $($name::TYPE => Self::$name(unsafe { view_at(at) }),)+
                    // SAFETY: the table has a length above 0 for the types above only, and `bytes`
                    // are not empty.
                    _ => unsafe { core::hint::unreachable_unchecked() },
                })
            }

            /// Returns the message's bytes: those from which it was decoded, and its encoding.
            #[must_use]
            #[inline]
            pub fn as_bytes(&self) -> &'a [u8] {
                match *self {
                    $(Self::$name(view) => view.as_bytes(),)+
                    Self::Unknown(bytes) => bytes,
                }
            }

            /// Passes the same message, each field read and written again, to `with`; `None` for an
            /// unknown type.
            #[cfg(all(test, not(broken)))]
            fn again<R>(&self, with: impl FnOnce(&[u8]) -> R) -> Option<R> {
                match *self {
                    $(Self::$name(view) => Some(with(view.again().as_bytes())),)+
                    Self::Unknown(_) => None,
                }
            }

            /// Returns the head; `None` for a message of unknown type that is shorter than a head.
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
    /// Returns the same order without the firm: a view of the bytes before it. Never `None`.
    #[must_use]
    #[inline(always)]
    pub fn plain(&self) -> Option<&AddOrder> {
        // The same fields at the same offsets, and four more bytes.
        AddOrder::ref_from_prefix(self.as_bytes()).ok().map(|(plain, _)| plain)
    }
}

impl Message<'_> {
    /// Returns the message's type code, also of an unknown type.
    #[must_use]
    #[inline]
    pub fn kind(&self) -> u8 {
        self.as_bytes().first().copied().unwrap_or(0)
    }
}
