//! Prices and quantities.

use zerocopy::{FromBytes, Immutable, IntoBytes, KnownLayout};

/// A price in ticks. Every `i64` is legal: negative (spreads, power), zero, and both ends (M0.3).
///
/// Decimal text becomes ticks only at the edge of the system; there is no float anywhere (M0.4).
#[derive(
    Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Default, FromBytes, IntoBytes, Immutable, KnownLayout,
)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
#[repr(transparent)]
pub struct Price(i64);

impl Price {
    /// The lowest price there is.
    pub const MIN: Self = Self(i64::MIN);
    /// The highest price there is.
    pub const MAX: Self = Self(i64::MAX);

    /// Creates a price of `ticks` ticks.
    #[must_use]
    pub const fn new(ticks: i64) -> Self {
        Self(ticks)
    }

    /// Returns the price in ticks.
    #[must_use]
    pub const fn ticks(self) -> i64 {
        self.0
    }
}

/// A quantity in lots. An order's quantity is greater than zero (M0.5).
#[derive(
    Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Default, FromBytes, IntoBytes, Immutable, KnownLayout,
)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
#[repr(transparent)]
pub struct Qty(u64);

impl Qty {
    /// Nothing.
    pub const ZERO: Self = Self(0);

    /// Creates a quantity of `lots` lots.
    #[must_use]
    pub const fn new(lots: u64) -> Self {
        Self(lots)
    }

    /// Returns the quantity in lots.
    #[must_use]
    pub const fn lots(self) -> u64 {
        self.0
    }
}

impl core::fmt::Display for Price {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        core::fmt::Display::fmt(&self.0, f)
    }
}

impl core::fmt::Display for Qty {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        core::fmt::Display::fmt(&self.0, f)
    }
}
