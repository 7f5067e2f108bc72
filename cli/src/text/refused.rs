//! Examples of what the edge refused: enough to tell a user what would have been accepted.

use super::decimal::{Decimal, NotTicks};
use super::field::Field;
use super::values::Values;
use vvp_core::book::{InstrumentId, Symbol, Tick};

/// Maximum length of a price that is kept as an example, in bytes.
const TEXT_MAX: usize = 24;

/// The first refusal of each kind that the edge itself decides, for the remedy in a summary.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct EdgeRefusals {
    off_tick: Option<OffTick>,
    unknown: Option<Symbol>,
}

/// A price that is not a multiple of its instrument's tick.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct OffTick {
    /// The instrument of the first such price.
    pub instrument: InstrumentId,
    /// Maximum number of decimals in any such price of this instrument: 10^-decimals is a tick for
    /// all of them.
    pub decimals: u8,
    text: [u8; TEXT_MAX],
    len: u8,
}

impl OffTick {
    /// Returns the first such price as written in its line; empty if it was longer than 24 bytes.
    #[must_use]
    pub fn price(&self) -> &str {
        core::str::from_utf8(&self.text[..usize::from(self.len)]).unwrap_or("")
    }
}

impl EdgeRefusals {
    /// Returns the first price off its tick.
    #[must_use]
    pub const fn off_tick(&self) -> Option<OffTick> {
        self.off_tick
    }

    /// Returns the first symbol that no instrument had.
    #[must_use]
    pub const fn unknown_instrument(&self) -> Option<Symbol> {
        self.unknown
    }

    /// Records that the price or the stop of `line` is not a multiple of `tick`, the tick of
    /// `instrument`.
    #[cold]
    #[inline(never)]
    pub(super) fn note_off_tick(&mut self, instrument: InstrumentId, tick: Tick, line: &[u8], values: &Values) {
        let off = |price: &&Decimal| price.ticks(line, tick) == Err(NotTicks::OffTick);
        let mut prices = [Field::Price, Field::Stop].into_iter().filter_map(|field| values.decimal(field));
        let Some(price) = prices.find(off) else { return };
        let decimals = price.decimals_of(line);
        match &mut self.off_tick {
            None => {
                let (mut text, mut len) = ([0; TEXT_MAX], 0);
                let bytes = price.text_of(line);
                if let Some(place) = text.get_mut(..bytes.len()) {
                    place.copy_from_slice(bytes);
                    len = bytes.len() as u8;
                }
                self.off_tick = Some(OffTick { instrument, decimals, text, len });
            }
            Some(first) if first.instrument == instrument => first.decimals = first.decimals.max(decimals),
            Some(_) => {}
        }
    }

    #[cold]
    #[inline(never)]
    pub(super) fn note_unknown(&mut self, symbol: Option<Symbol>) {
        self.unknown = self.unknown.or(symbol);
    }
}
