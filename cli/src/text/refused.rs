//! What the edge refused, by example: enough to say what would have been accepted.

use super::decimal::{Decimal, NotTicks};
use super::field::Field;
use super::values::Values;
use vvp_core::book::{InstrumentId, Symbol, Tick};

/// The longest price that is kept as an example, in bytes.
const TEXT_MAX: usize = 24;

/// The first refusal of each kind that the edge itself decides, so that a summary can say what to do.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct EdgeRefusals {
    off_tick: Option<OffTick>,
    unknown: Option<Symbol>,
}

/// A price that is no multiple of its instrument's tick.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct OffTick {
    /// The instrument of the first such price.
    pub instrument: InstrumentId,
    /// The most digits behind the point in any such price of this instrument: 10 to the power of minus so many is a
    /// tick for all of them.
    pub decimals: u8,
    text: [u8; TEXT_MAX],
    len: u8,
}

impl OffTick {
    /// The first such price as it stood in the line; empty if it was longer than 24 bytes.
    #[must_use]
    pub fn price(&self) -> &str {
        core::str::from_utf8(&self.text[..usize::from(self.len)]).unwrap_or("")
    }
}

impl EdgeRefusals {
    /// The first price off its tick.
    #[must_use]
    pub const fn off_tick(&self) -> Option<OffTick> {
        self.off_tick
    }

    /// The first symbol that no instrument had.
    #[must_use]
    pub const fn unknown_instrument(&self) -> Option<Symbol> {
        self.unknown
    }

    /// The price or the stop of `line` is no multiple of `tick`, that of `instrument`.
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
