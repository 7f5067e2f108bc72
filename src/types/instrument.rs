//! Instrument definition: symbol, tick and price band; and the risk limits of an owner.

use super::{Price, Qty};

/// The name of an instrument: 1 to 16 printable ASCII bytes without space, `"` and `\`.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Symbol([u8; 16]);

impl Symbol {
    /// The symbol of the instrument that the text format defines by default (M19.19).
    pub const X: Self = Self([b'X', 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0]);

    /// Creates a symbol, or returns `None` if the bytes are too few, too many or not allowed.
    #[must_use]
    pub const fn new(name: &[u8]) -> Option<Self> {
        if name.is_empty() || name.len() > 16 {
            return None;
        }
        let mut bytes = [0; 16];
        let mut i = 0;
        while i < name.len() {
            let b = name[i];
            if b <= b' ' || b > b'~' || b == b'"' || b == b'\\' {
                return None;
            }
            bytes[i] = b;
            i += 1;
        }
        Some(Self(bytes))
    }

    /// Returns the name.
    #[must_use]
    pub fn as_str(&self) -> &str {
        let len = self.0.iter().position(|&b| b == 0).unwrap_or(16);
        core::str::from_utf8(&self.0[..len]).unwrap_or("")
    }

    /// Returns the name's 16 bytes, zero-padded, as two little-endian words.
    pub(crate) const fn to_words(self) -> (u64, u64) {
        let bits = u128::from_le_bytes(self.0);
        (bits as u64, (bits >> 64) as u64)
    }

    pub(crate) fn from_words(low: u64, high: u64) -> Option<Self> {
        let bytes = (u128::from(high) << 64 | u128::from(low)).to_le_bytes();
        let len = bytes.iter().position(|&b| b == 0).unwrap_or(16);
        Self::new(&bytes[..len]).filter(|s| s.0 == bytes)
    }
}

impl core::fmt::Debug for Symbol {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        core::fmt::Debug::fmt(self.as_str(), f)
    }
}

#[cfg(feature = "defmt")]
impl defmt::Format for Symbol {
    fn format(&self, f: defmt::Formatter<'_>) {
        defmt::Format::format(self.as_str(), f);
    }
}

impl core::fmt::Display for Symbol {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.pad(self.as_str())
    }
}

/// The price step of an instrument in currency, `mantissa × 10^-decimals`, without trailing zeros:
/// 0.01 has mantissa 1 and 2 decimals.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct Tick {
    mantissa: i64,
    decimals: u8,
}

impl Tick {
    /// One unit of currency.
    pub const ONE: Self = Self { mantissa: 1, decimals: 0 };
    /// The most decimals a tick can have.
    pub const MAX_DECIMALS: u8 = 18;

    /// Creates a tick of `mantissa × 10^-decimals`. Returns `None` unless it is positive, has at
    /// most 18 decimals, and is normalised: with decimals the mantissa does not end in zero.
    #[must_use]
    pub const fn new(mantissa: i64, decimals: u8) -> Option<Self> {
        if mantissa <= 0 || decimals > Self::MAX_DECIMALS || (decimals > 0 && mantissa % 10 == 0) {
            return None;
        }
        Some(Self { mantissa, decimals })
    }

    /// Returns the mantissa.
    #[must_use]
    pub const fn mantissa(self) -> i64 {
        self.mantissa
    }

    /// Returns the decimals, with which every price of the instrument is printed.
    #[must_use]
    pub const fn decimals(self) -> u8 {
        self.decimals
    }
}

impl Default for Tick {
    fn default() -> Self {
        Self::ONE
    }
}

/// The definition of an instrument.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct InstrumentSpec {
    /// Its name.
    pub symbol: Symbol,
    /// Its price step; for printing only, the engine counts in ticks.
    pub tick: Tick,
    /// Lowest limit or stop price accepted; `None` is open.
    pub min_price: Option<Price>,
    /// Highest limit or stop price accepted; `None` is open.
    pub max_price: Option<Price>,
    /// Used in place of the last trade price before the first trade, in notional limits and in the
    /// uncross.
    pub reference: Option<Price>,
}

impl InstrumentSpec {
    /// Creates a definition with tick 1, no band and no reference.
    #[must_use]
    pub const fn new(symbol: Symbol) -> Self {
        Self { symbol, tick: Tick::ONE, min_price: None, max_price: None, reference: None }
    }

    /// Returns whether the band is not empty.
    pub(crate) const fn has_band(&self) -> bool {
        match (self.min_price, self.max_price) {
            (Some(min), Some(max)) => min.ticks() <= max.ticks(),
            _ => true,
        }
    }
}

/// The risk limits of an owner; `None` for no limit.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct Limits {
    /// Most lots in one order.
    pub max_qty: Option<Qty>,
    /// Most lots × |price in ticks| in one order.
    pub max_notional: Option<u128>,
    /// Most live orders on all instruments.
    pub max_orders: Option<u64>,
    /// Whether every new and replace is refused.
    pub blocked: bool,
}
