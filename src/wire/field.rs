//! Field types of messages: big-endian numbers, prices with implied decimals, text padded with
//! blanks.

use core::num::NonZeroU32;

use crate::types::Price;
use zerocopy::big_endian::{U16, U32, U64};
use zerocopy::{FromBytes, Immutable, IntoBytes, KnownLayout, Unaligned};

/// A field type and the bytes that encode it. Every byte pattern has a meaning, and the two
/// functions are each other's inverse.
pub trait Field: Copy {
    /// The bytes: any alignment, any content.
    type Wire: FromBytes + IntoBytes + Immutable + KnownLayout + Unaligned + Copy;

    /// Decodes the field.
    fn from_wire(wire: Self::Wire) -> Self;

    /// Encodes the field.
    fn to_wire(self) -> Self::Wire;
}

macro_rules! number {
    ($($value:ty, $wire:ty;)+) => {$(
        impl Field for $value {
            type Wire = $wire;

            #[inline(always)]
            fn from_wire(wire: $wire) -> Self {
                wire.get()
            }

            #[inline(always)]
            fn to_wire(self) -> $wire {
                <$wire>::new(self)
            }
        }
    )+};
}

number! { u16, U16; u32, U32; u64, U64; }

impl Field for u8 {
    type Wire = u8;

    #[inline(always)]
    fn from_wire(wire: u8) -> Self {
        wire
    }

    #[inline(always)]
    fn to_wire(self) -> u8 {
        self
    }
}

/// A time of 48 bits: nanoseconds since midnight, up to 281,474,976,710,655 (a day is
/// 86,400,000,000,000).
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Default)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct Nanos48(u64);

impl Nanos48 {
    /// The latest time that 48 bits can express.
    pub const MAX: Self = Self((1 << 48) - 1);

    /// Creates a time; `None` beyond [`Nanos48::MAX`].
    #[must_use]
    pub const fn new(ns: u64) -> Option<Self> {
        if ns <= Self::MAX.0 { Some(Self(ns)) } else { None }
    }

    /// Returns the time in nanoseconds.
    #[must_use]
    #[inline(always)]
    pub const fn ns(self) -> u64 {
        self.0
    }
}

impl Field for Nanos48 {
    type Wire = [u8; 6];

    #[inline(always)]
    fn from_wire([a, b, c, d, e, f]: [u8; 6]) -> Self {
        Self(u64::from_be_bytes([0, 0, a, b, c, d, e, f]))
    }

    #[inline(always)]
    fn to_wire(self) -> [u8; 6] {
        let [_, _, rest @ ..] = self.0.to_be_bytes();
        rest
    }
}

/// A price in ten-thousandths of a dollar: 10000 is $1. The format allows up to 2,000,000,000
/// ($200,000).
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Default)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct Price4(u32);

impl Price4 {
    /// The highest price that the format allows: $200,000.
    pub const LEGAL_MAX: Self = Self(2_000_000_000);

    /// Creates a price of `raw` ten-thousandths of a dollar.
    #[must_use]
    pub const fn new(raw: u32) -> Self {
        Self(raw)
    }

    /// Returns the price in ten-thousandths of a dollar, as sent.
    #[must_use]
    #[inline(always)]
    pub const fn raw(self) -> u32 {
        self.0
    }

    /// Returns the price in ticks of `per_tick` ten-thousandths (100 is a cent); `None` for a price
    /// between two ticks. Nothing is rounded.
    #[must_use]
    #[inline]
    pub const fn ticks(self, per_tick: NonZeroU32) -> Option<Price> {
        // The divisor is not zero: neither operation can fail.
        if self.0.is_multiple_of(per_tick.get()) { Some(Price::new((self.0 / per_tick.get()) as i64)) } else { None }
    }

    /// Converts a price of ticks of `per_tick` ten-thousandths; `None` below zero or beyond 32
    /// bits.
    #[must_use]
    pub const fn from_ticks(price: Price, per_tick: NonZeroU32) -> Option<Self> {
        match price.ticks().checked_mul(per_tick.get() as i64) {
            Some(raw) if raw >= 0 && raw <= u32::MAX as i64 => Some(Self(raw as u32)),
            _ => None,
        }
    }
}

/// Prints dollars with four decimals.
impl core::fmt::Display for Price4 {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        write!(f, "{}.{:04}", self.0 / 10_000, self.0 % 10_000)
    }
}

/// A price in hundred-millionths of a dollar: 100000000 is $1.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Default)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct Price8(u64);

impl Price8 {
    /// Creates a price of `raw` hundred-millionths of a dollar.
    #[must_use]
    pub const fn new(raw: u64) -> Self {
        Self(raw)
    }

    /// Returns the price in hundred-millionths of a dollar, as sent.
    #[must_use]
    pub const fn raw(self) -> u64 {
        self.0
    }
}

/// Prints dollars with eight decimals.
impl core::fmt::Display for Price8 {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        write!(f, "{}.{:08}", self.0 / 100_000_000, self.0 % 100_000_000)
    }
}

macro_rules! wrapped {
    ($($name:ident: $raw:ty;)+) => {$(
        impl Field for $name {
            type Wire = <$raw as Field>::Wire;

            #[inline(always)]
            fn from_wire(wire: Self::Wire) -> Self {
                Self(<$raw>::from_wire(wire))
            }

            #[inline(always)]
            fn to_wire(self) -> Self::Wire {
                self.0.to_wire()
            }
        }
    )+};
}

wrapped! { Price4: u32; Price8: u64; }

/// Text of `N` bytes, left-aligned and padded with blanks: a stock (8), a firm (4), a reason (4).
#[derive(
    Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, FromBytes, IntoBytes, Immutable, KnownLayout, Unaligned,
)]
#[repr(transparent)]
pub struct Text<const N: usize>([u8; N]);

impl<const N: usize> Text<N> {
    /// Only blanks.
    pub const BLANK: Self = Self([b' '; N]);

    /// Creates a padded text; `None` if the text is longer than `N` bytes.
    #[must_use]
    pub fn new(text: &[u8]) -> Option<Self> {
        let mut padded = Self::BLANK;
        padded.0.get_mut(..text.len())?.copy_from_slice(text);
        Some(padded)
    }

    /// Returns all bytes, as sent.
    #[must_use]
    pub const fn bytes(self) -> [u8; N] {
        self.0
    }

    /// Returns the bytes without the padding on the right: blanks, and the zeros that some senders
    /// use.
    #[must_use]
    pub fn trimmed(&self) -> &[u8] {
        let mut rest: &[u8] = &self.0;
        while let [shorter @ .., b' ' | 0] = rest {
            rest = shorter;
        }
        rest
    }

    /// Returns [`Text::trimmed`] if it is ASCII, as the format requires; else "?".
    #[must_use]
    pub fn as_str(&self) -> &str {
        match core::str::from_utf8(self.trimmed()) {
            Ok(text) if text.is_ascii() => text,
            _ => "?",
        }
    }
}

impl<const N: usize> core::fmt::Debug for Text<N> {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        write!(f, "\"{}\"", self.0.escape_ascii())
    }
}

impl<const N: usize> core::fmt::Display for Text<N> {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.pad(self.as_str())
    }
}

impl<const N: usize> Field for Text<N> {
    type Wire = Self;

    #[inline(always)]
    fn from_wire(wire: Self) -> Self {
        wire
    }

    #[inline(always)]
    fn to_wire(self) -> Self {
        self
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::string::ToString;

    extern crate std;

    #[test]
    fn prices_convert_to_ticks_and_back() {
        let cent = NonZeroU32::new(100).expect("not zero");
        assert_eq!(Price4::new(5_651_200).ticks(cent), Some(Price::new(56_512)));
        assert_eq!(Price4::new(5_651_250).ticks(cent), None);
        assert_eq!(Price4::from_ticks(Price::new(56_512), cent), Some(Price4::new(5_651_200)));
        assert_eq!(Price4::from_ticks(Price::new(-1), cent), None);
        assert_eq!(Price4::from_ticks(Price::MAX, cent), None);
        assert_eq!(Price4::from_ticks(Price::new(42_949_673), cent), None);
        assert_eq!(Price4::new(5_651_205).to_string(), "565.1205");
        assert_eq!(Price8::new(5).to_string(), "0.00000005");
    }

    #[test]
    fn text_is_padded_and_trimmed() {
        let goog = Text::<8>::new(b"GOOG").expect("fits");
        assert_eq!((goog.bytes(), goog.as_str()), (*b"GOOG    ", "GOOG"));
        assert_eq!(Text::<4>::new(b"GOOGL"), None);
        assert_eq!(Text::<4>(*b"A\0\0\0").trimmed(), b"A");
        assert_eq!(Text::<4>(*b"\xff\xff  ").as_str(), "?");
        assert_eq!(Text::<4>::BLANK.trimmed(), b"");
    }

    #[test]
    fn times_have_48_bits() {
        assert_eq!(Nanos48::new(1 << 48), None);
        assert_eq!(Nanos48::MAX.to_wire(), [0xff; 6]);
        assert_eq!(Nanos48::from_wire([0, 0, 0, 0, 1, 2]).ns(), 258);
    }
}
