//! Numbers and names as text: into a caller's bytes without an allocation, or as a `String` for
//! people.

use vvp_core::book::Tick;

/// Two decimal digits at a time.
const PAIRS: [u8; 200] = {
    let mut pairs = [0; 200];
    let mut i = 0;
    while i < 100 {
        pairs[2 * i] = b'0' + (i / 10) as u8;
        pairs[2 * i + 1] = b'0' + (i % 10) as u8;
        i += 1;
    }
    pairs
};

/// Powers of ten that fit a `u64`: 10^0 to 10^19.
pub const POW10: [u64; 20] = {
    let mut pow = [1; 20];
    let mut i = 1;
    while i < 20 {
        pow[i] = pow[i - 1] * 10;
        i += 1;
    }
    pow
};

/// Returns a number with a comma before every three digits: `1,234,567`.
///
/// ```
/// assert_eq!(vvp_replay::digits::grouped(1_234_567_u64), "1,234,567");
/// assert_eq!(vvp_replay::digits::grouped(999_u16), "999");
/// ```
#[must_use]
pub fn grouped(n: impl Into<u128>) -> String {
    let digits = n.into().to_string();
    let mut text = String::with_capacity(digits.len() + digits.len() / 3);
    for (at, digit) in digits.chars().enumerate() {
        if at > 0 && (digits.len() - at).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

/// Writes into a buffer that is long enough by construction; running over it is a bug and panics.
#[derive(Debug)]
pub struct Cursor<'a> {
    buf: &'a mut [u8],
    at: usize,
}

impl<'a> Cursor<'a> {
    /// Creates a cursor at the beginning of `buf`.
    #[must_use]
    pub fn new(buf: &'a mut [u8]) -> Self {
        Self { buf, at: 0 }
    }

    /// Returns the number of bytes written.
    #[must_use]
    pub fn len(&self) -> usize {
        self.at
    }

    /// Returns whether nothing has been written.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.at == 0
    }

    /// Writes one byte.
    #[inline(always)]
    pub fn byte(&mut self, byte: u8) {
        self.buf[self.at] = byte;
        self.at += 1;
    }

    /// Writes bytes as they are.
    #[inline(always)]
    pub fn bytes(&mut self, bytes: &[u8]) {
        self.buf[self.at..self.at + bytes.len()].copy_from_slice(bytes);
        self.at += bytes.len();
    }

    /// Writes text as it is.
    #[inline(always)]
    pub fn str(&mut self, text: &str) {
        self.bytes(text.as_bytes());
    }

    #[inline]
    /// Writes a number in decimal.
    pub fn u64(&mut self, n: u64) {
        let width = n.checked_ilog10().unwrap_or(0) as usize + 1;
        self.padded(n, width);
    }

    /// Writes the last `width` digits of `n`, with leading zeros.
    #[inline]
    fn padded(&mut self, mut n: u64, width: usize) {
        let digits = &mut self.buf[self.at..self.at + width];
        let mut left = width;
        while left >= 2 {
            left -= 2;
            let pair = (n % 100) as usize * 2;
            n /= 100;
            digits[left..left + 2].copy_from_slice(&PAIRS[pair..pair + 2]);
        }
        if left == 1 {
            digits[0] = b'0' + (n % 10) as u8;
        }
        self.at += width;
    }

    /// Writes a number in decimal.
    pub fn u128(&mut self, n: u128) {
        const E19: u128 = 10_000_000_000_000_000_000;
        match u64::try_from(n) {
            Ok(n) => self.u64(n),
            Err(_) => {
                self.u128(n / E19);
                self.padded((n % E19) as u64, 19);
            }
        }
    }

    /// Writes a price of `ticks` ticks in currency, with as many decimals as the tick has.
    #[inline]
    pub fn price(&mut self, ticks: i64, tick: Tick) {
        if ticks < 0 {
            self.byte(b'-'); // the tick is positive, so this is never "-0.00"
        }
        self.size(ticks.unsigned_abs(), tick);
    }

    /// Does the same as [`Cursor::price`], for a number of ticks that may exceed `i64`.
    #[inline]
    pub fn size(&mut self, size: u64, tick: Tick) {
        let mantissa = tick.mantissa().unsigned_abs();
        let decimals = usize::from(tick.decimals());
        match size.checked_mul(mantissa) {
            Some(value) if decimals == 2 => self.fixed(value / 100, value % 100, 2), // the usual tick, no slow division
            Some(value) if decimals == 0 => self.u64(value),
            Some(value) => self.fixed(value / POW10[decimals], value % POW10[decimals], decimals),
            None => self.big_price(u128::from(size) * u128::from(mantissa), decimals),
        }
    }

    #[inline]
    fn fixed(&mut self, whole: u64, fraction: u64, decimals: usize) {
        self.u64(whole);
        self.byte(b'.');
        self.padded(fraction, decimals);
    }

    #[cold]
    fn big_price(&mut self, value: u128, decimals: usize) {
        let unit = u128::from(POW10[decimals]);
        self.u128(value / unit);
        if decimals > 0 {
            self.byte(b'.');
            self.padded((value % unit) as u64, decimals);
        }
    }
}

/// Longest text of a price: sign, 38 digits of a 126-bit product, the point, and a leading zero.
pub const PRICE_MAX: usize = 41;

#[cfg(test)]
mod tests {
    use super::*;

    fn text(f: impl FnOnce(&mut Cursor<'_>)) -> String {
        let mut buf = [0; 64];
        let mut c = Cursor::new(&mut buf);
        f(&mut c);
        let len = c.len();
        String::from_utf8(buf[..len].to_vec()).unwrap()
    }

    #[test]
    fn thousands_are_grouped() {
        for (n, text) in [(0_u64, "0"), (999, "999"), (1000, "1,000"), (100_000, "100,000"), (1_234_567, "1,234,567")] {
            assert_eq!(grouped(n), text);
        }
    }

    #[test]
    fn integers_print_as_the_standard_library_prints_them() {
        let mut edges = vec![0, 1, 9, 10, 11, 99, 100, 101, 12_345, u64::MAX, u64::MAX - 1, 1 << 63];
        edges.extend(POW10.iter().flat_map(|&p| [p - 1, p, p + 1]));
        for n in edges {
            assert_eq!(text(|c| c.u64(n)), n.to_string());
            let wide = u128::from(n) * u128::from(n);
            assert_eq!(text(|c| c.u128(wide)), wide.to_string());
        }
        assert_eq!(text(|c| c.u128(u128::MAX)), u128::MAX.to_string());
        assert_eq!(text(|c| c.u128(10_u128.pow(38))), 10_u128.pow(38).to_string());
    }

    #[test]
    fn prices_have_the_decimals_of_the_tick() {
        let price = |ticks, mantissa, decimals| text(|c| c.price(ticks, Tick::new(mantissa, decimals).unwrap()));
        assert_eq!(price(15_000, 1, 2), "150.00");
        assert_eq!(price(-50, 1, 2), "-0.50");
        assert_eq!(price(0, 1, 2), "0.00");
        assert_eq!(price(3, 5, 1), "1.5");
        assert_eq!(price(-3, 5, 0), "-15");
        assert_eq!(price(1, 1, 18), "0.000000000000000001");
        let longest = price(i64::MIN, i64::MAX, 18);
        assert_eq!(longest, "-85070591730234615856.620279821087277056");
        assert!(longest.len() <= PRICE_MAX);
        assert_eq!(price(i64::MIN, i64::MAX, 0), "-85070591730234615856620279821087277056");
        assert_eq!(price(i64::MAX, 1, 0), i64::MAX.to_string());
    }
}
