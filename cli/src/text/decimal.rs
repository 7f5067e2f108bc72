//! Converts decimal text of any length to ticks, exactly.

use super::string;
use vvp_core::book::{Price, Tick};
use vvp_replay::digits::POW10;

/// A price as written in the line: `-?[0-9]+(\.[0-9]+)?`.
///
/// Up to 19 digits are kept as a number. Of longer text only the position is kept, and it is parsed
/// again once the tick is known. So a price costs one pass, and text of any length is exact.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Decimal {
    /// All digits as one number, if `!long`.
    digits: u64,
    /// Position of the text in the line.
    start: usize,
    end: usize,
    /// Digits after the point, if `!long`.
    decimals: u8,
    negative: bool,
    /// There are more than 19 digits.
    long: bool,
    /// The text is a JSON string with escapes in it.
    escaped: bool,
}

/// Reason why a price is not a number of ticks.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum NotTicks {
    /// Price ÷ tick, truncated to an integer, is outside `i64`.
    Range,
    /// Not a multiple of the tick.
    OffTick,
}

impl Decimal {
    /// Parses `line[start..end]`, the inside of a JSON string if `escaped`; `None` if it is not a
    /// decimal number.
    #[inline]
    pub(crate) fn parse(line: &[u8], start: usize, end: usize, escaped: bool) -> Option<Self> {
        let text = &line[start..end];
        let mut number =
            if escaped { Self::shape(string::unescaped(text))? } else { Self::shape(text.iter().copied())? };
        (number.start, number.end, number.escaped) = (start, end, escaped);
        Some(number)
    }

    #[inline(always)]
    fn shape(mut bytes: impl Iterator<Item = u8>) -> Option<Self> {
        let mut digits: u64 = 0;
        let (mut count, mut decimals) = (0_usize, 0_usize);
        let mut next = bytes.next()?;
        let negative = next == b'-';
        if negative {
            next = bytes.next()?;
        }
        let mut in_fraction = false;
        loop {
            // A digit is required here: at the start, and after the point.
            if !next.is_ascii_digit() {
                return None;
            }
            let point = loop {
                digits = digits.wrapping_mul(10).wrapping_add(u64::from(next - b'0'));
                count += 1;
                decimals += usize::from(in_fraction);
                match bytes.next() {
                    Some(b) if b.is_ascii_digit() => next = b,
                    Some(b'.') if !in_fraction => break true,
                    Some(_) => return None,
                    None => break false,
                }
            };
            if !point {
                break;
            }
            in_fraction = true;
            next = bytes.next()?;
        }
        let long = count > 19; // 19 nines fit in a u64
        Some(Self { digits, decimals: decimals.min(20) as u8, negative, long, ..Self::default() })
    }

    /// Returns the price in ticks; `line` is the line that the number was parsed from.
    #[inline]
    pub(crate) fn ticks(&self, line: &[u8], tick: Tick) -> Result<Price, NotTicks> {
        let (scaled, cut_off) =
            if self.long { self.scale_text(line, tick.decimals())? } else { self.scale(tick.decimals()) };
        let mantissa = tick.mantissa().unsigned_abs();
        // Truncating before the division and after it gives the same integer as truncating once.
        let (count, rest) = match u64::try_from(scaled) {
            Ok(scaled) if mantissa == 1 => (u128::from(scaled), false),
            Ok(scaled) => (u128::from(scaled / mantissa), scaled % mantissa != 0),
            Err(_) => (scaled / u128::from(mantissa), scaled % u128::from(mantissa) != 0),
        };
        let signed = i128::try_from(count).map_err(|_| NotTicks::Range)?;
        let ticks = i64::try_from(if self.negative { -signed } else { signed }).map_err(|_| NotTicks::Range)?;
        if cut_off || rest { Err(NotTicks::OffTick) } else { Ok(Price::new(ticks)) }
    }

    /// Returns the number of decimals, at most 18: a tick cannot have more.
    pub(crate) fn decimals_of(&self, line: &[u8]) -> u8 {
        let text = self.text_of(line);
        let behind = text.iter().position(|&b| b == b'.').map_or(0, |point| text.len() - point - 1);
        let behind = if self.long { behind } else { usize::from(self.decimals) };
        behind.min(18) as u8
    }

    /// Returns the price as written in its line; empty if it was written with escapes.
    pub(crate) fn text_of<'a>(&self, line: &'a [u8]) -> &'a [u8] {
        if self.escaped { &[] } else { line.get(self.start..self.end).unwrap_or(&[]) }
    }

    /// Returns |number| × 10^decimals truncated to an integer, and whether that dropped anything.
    #[inline]
    fn scale(&self, decimals: u8) -> (u128, bool) {
        match decimals.checked_sub(self.decimals) {
            Some(0) => (u128::from(self.digits), false),
            Some(more) => (u128::from(self.digits) * u128::from(POW10[usize::from(more)]), false),
            None => {
                let unit = POW10[usize::from(self.decimals - decimals)];
                (u128::from(self.digits / unit), !self.digits.is_multiple_of(unit))
            }
        }
    }

    /// Does the same as [`Decimal::scale`], from the text.
    #[cold]
    fn scale_text(&self, line: &[u8], decimals: u8) -> Result<(u128, bool), NotTicks> {
        let text = &line[self.start..self.end];
        if self.escaped {
            scale_digits(string::unescaped(text), decimals)
        } else {
            scale_digits(text.iter().copied(), decimals)
        }
        .ok_or(NotTicks::Range) // over u128 ÷ a mantissa of 63 bits is over i64
    }

    /// Returns the number as a tick: positive, at most 18 decimals without trailing zeros, digits
    /// within `i64`.
    pub(crate) fn tick(&self, line: &[u8]) -> Option<Tick> {
        let text = &line[self.start..self.end];
        if self.negative {
            None
        } else if self.escaped {
            tick_digits(string::unescaped(text))
        } else {
            tick_digits(text.iter().copied())
        }
    }
}

/// Returns a well-formed decimal × 10^decimals, truncated, and whether that dropped anything;
/// `None` beyond u128.
fn scale_digits(text: impl Iterator<Item = u8>, decimals: u8) -> Option<(u128, bool)> {
    let (mut value, mut cut_off) = (0_u128, false);
    let mut missing: Option<u8> = None; // decimals still to come, once the point was seen
    for b in text {
        match b {
            b'.' => missing = Some(decimals),
            b'0'..=b'9' => {
                let digit = b - b'0';
                if missing == Some(0) {
                    cut_off |= digit != 0;
                    continue;
                }
                value = value.checked_mul(10)?.checked_add(u128::from(digit))?;
                missing = missing.map(|m| m - 1);
            }
            _ => {} // the sign
        }
    }
    let zeros = missing.unwrap_or(decimals);
    Some((value.checked_mul(u128::from(POW10[usize::from(zeros)]))?, cut_off))
}

fn tick_digits(text: impl Iterator<Item = u8>) -> Option<Tick> {
    let (mut value, mut decimals) = (0_i64, 0_u8);
    let mut zeros: Option<u64> = None; // zeros not yet counted, once the point was seen
    for b in text {
        match (b, &mut zeros) {
            (b'.', _) => zeros = Some(0),
            (b'0', Some(zeros)) => *zeros += 1,
            (_, None) => value = value.checked_mul(10)?.checked_add(i64::from(b - b'0'))?,
            (_, Some(zeros)) => {
                let places = u8::try_from(*zeros + 1).ok().filter(|p| decimals + p <= Tick::MAX_DECIMALS)?;
                decimals += places;
                *zeros = 0;
                let shifted = value.checked_mul(POW10[usize::from(places)] as i64)?;
                value = shifted.checked_add(i64::from(b - b'0'))?;
            }
        }
    }
    Tick::new(value, decimals)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ticks(text: &str, mantissa: i64, decimals: u8) -> Result<i64, NotTicks> {
        let line = text.as_bytes();
        let number = Decimal::parse(line, 0, line.len(), false).expect("a decimal number");
        number.ticks(line, Tick::new(mantissa, decimals).unwrap()).map(Price::ticks)
    }

    fn tick(text: &str) -> Option<(i64, u8)> {
        let line = text.as_bytes();
        let number = Decimal::parse(line, 0, line.len(), false).expect("a decimal number");
        number.tick(line).map(|t| (t.mantissa(), t.decimals()))
    }

    #[test]
    fn the_shape_is_strict() {
        for text in ["", "-", ".", "1.", ".5", "+1", "1e5", "1.2.3", "--1", " 1", "1 ", "0x1", "1,5", "1-", "-.5", "٣"]
        {
            assert!(Decimal::parse(text.as_bytes(), 0, text.len(), false).is_none(), "{text}");
        }
        for text in ["0", "-0", "007", "1.50", "-0.00", "00000000000000000000000000000000000000001.0"] {
            assert!(Decimal::parse(text.as_bytes(), 0, text.len(), false).is_some(), "{text}");
        }
    }

    #[test]
    fn ticks_are_exact_at_any_length() {
        let zeros = "0".repeat(1000);
        assert_eq!(ticks("150.00", 1, 2), Ok(15_000));
        assert_eq!(ticks("150", 1, 2), Ok(15_000));
        assert_eq!(ticks("-0.00", 1, 2), Ok(0));
        assert_eq!(ticks("150.001", 1, 2), Err(NotTicks::OffTick));
        assert_eq!(ticks("0.010000000000000000000000000000000", 1, 2), Ok(1));
        assert_eq!(ticks("0.010000000000000000000000000000001", 1, 2), Err(NotTicks::OffTick));
        assert_eq!(ticks(&format!("{zeros}7.5{zeros}"), 5, 1), Ok(15));
        assert_eq!(ticks(&format!("7{zeros}"), 5, 1), Err(NotTicks::Range));
        assert_eq!(ticks(&format!("-7{zeros}.3"), 5, 1), Err(NotTicks::Range));
        assert_eq!(ticks("9223372036854775807", 1, 0), Ok(i64::MAX));
        assert_eq!(ticks("9223372036854775808", 1, 0), Err(NotTicks::Range));
        assert_eq!(ticks("-9223372036854775808", 1, 0), Ok(i64::MIN));
        assert_eq!(ticks("-9223372036854775809", 1, 0), Err(NotTicks::Range));
        // Truncates to an integer first; then checks the range.
        assert_eq!(ticks("9223372036854775807.9", 1, 0), Err(NotTicks::OffTick));
        assert_eq!(ticks("-9223372036854775808.9", 1, 0), Err(NotTicks::OffTick));
        assert_eq!(ticks("-85070591730234615856.620279821087277056", i64::MAX, 18), Ok(i64::MIN));
        assert_eq!(ticks("9", 1, 18), Ok(9_000_000_000_000_000_000));
        assert_eq!(ticks("10", 1, 18), Err(NotTicks::Range));
    }

    #[test]
    fn ticks_drop_trailing_zeros() {
        assert_eq!(tick("0.01"), Some((1, 2)));
        assert_eq!(tick("0.10"), Some((1, 1)));
        assert_eq!(tick("5"), Some((5, 0)));
        assert_eq!(tick("10"), Some((10, 0)));
        assert_eq!(tick("10.000"), Some((10, 0)));
        assert_eq!(tick("0.0000000000000000010000000000000"), Some((1, 18)));
        assert_eq!(tick("0.0000000000000000001"), None);
        assert_eq!(tick("1.00000000000000000001"), None);
        assert_eq!(tick("0"), None);
        assert_eq!(tick("0.000"), None);
        assert_eq!(tick("-1"), None);
        assert_eq!(tick("9223372036854775807"), Some((i64::MAX, 0)));
        assert_eq!(tick("9223372036854775808"), None);
        assert_eq!(tick("0.9223372036854775807"), None, "19 decimals");
        assert_eq!(tick("92.23372036854775808"), None, "digits beyond i64");
        assert_eq!(tick("000000000000000000000000000000.25"), Some((25, 2)));
    }
}
