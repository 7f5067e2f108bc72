//! A price as text, for output other than events.

use crate::digits::{Cursor, PRICE_MAX};
use core::fmt;
use vvp_core::book::{Price, Tick};

/// A price in currency; [`fmt::Display`] takes width and alignment.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct PriceText {
    text: [u8; PRICE_MAX],
    len: u8,
}

/// Formats `price` in currency, with as many decimals as the tick has.
///
/// ```
/// use vvp_core::book::{Price, Tick};
/// use vvp_replay::price_text;
/// let cent = Tick::new(1, 2).unwrap();
/// assert_eq!(price_text(Price::new(-50), cent).as_str(), "-0.50");
/// ```
#[must_use]
pub fn price_text(price: Price, tick: Tick) -> PriceText {
    let mut text = [0; PRICE_MAX];
    let mut c = Cursor::new(&mut text);
    c.price(price.ticks(), tick);
    let len = c.len() as u8;
    PriceText { text, len }
}

impl PriceText {
    /// Returns the text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        core::str::from_utf8(&self.text[..usize::from(self.len)]).unwrap_or("") // it is all ASCII
    }
}

impl fmt::Display for PriceText {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

impl fmt::Debug for PriceText {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}
