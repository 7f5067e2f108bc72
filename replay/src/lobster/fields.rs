//! Parses and writes the fields of a CSV line, which are whole numbers.

use std::fmt;

/// Error in a field of a line.
#[derive(Clone, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub struct FieldError {
    /// Field, from 1; 0 for the line as a whole.
    pub number: usize,
    /// The field's name.
    pub name: String,
    /// The error and the expected value.
    pub problem: String,
}

impl fmt::Display for FieldError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.number > 0 {
            write!(f, "field {} ({}): ", self.number, self.name)?;
        }
        f.write_str(&self.problem)
    }
}

impl std::error::Error for FieldError {}

impl FieldError {
    pub(super) fn new(number: usize, name: impl Into<String>, problem: impl Into<String>) -> Self {
        Self { number, name: name.into(), problem: problem.into() }
    }

    pub(super) fn line(problem: impl Into<String>) -> Self {
        Self::new(0, "", problem)
    }
}

/// The fields of a line, in order.
#[derive(Clone, Debug)]
pub(super) struct Fields<'a> {
    rest: Option<&'a [u8]>,
    /// Number of fields parsed so far.
    pub(super) taken: usize,
}

impl<'a> Fields<'a> {
    pub(super) fn new(line: &'a [u8]) -> Self {
        Self { rest: Some(line), taken: 0 }
    }

    /// Returns the next field; `None` after the last.
    pub(super) fn next(&mut self) -> Option<&'a [u8]> {
        let rest = self.rest?;
        self.taken += 1;
        match rest.iter().position(|&b| b == b',') {
            Some(comma) => {
                self.rest = Some(&rest[comma + 1..]);
                Some(&rest[..comma])
            }
            None => {
                self.rest = None;
                Some(rest)
            }
        }
    }

    /// Returns the next field as a whole number.
    #[inline]
    pub(super) fn whole(&mut self, name: &'static str) -> Result<i64, FieldError> {
        if let Some(value) = self.short_whole() {
            return Ok(value);
        }
        let number = self.taken + 1;
        let text = self.next().ok_or_else(|| FieldError::new(number, name, "is missing"))?;
        parse_whole(text)
            .ok_or_else(|| FieldError::new(number, name, format!("{} is not a whole number of 64 bits", shown(text))))
    }

    /// Returns the next field if it is a whole number of at most 18 digits, which cannot overflow:
    /// the fast path for nearly all fields.
    fn short_whole(&mut self) -> Option<i64> {
        let rest = self.rest?;
        let start = usize::from(rest.first() == Some(&b'-'));
        let mut value = 0;
        let mut end = start;
        while let Some(digit) = rest.get(end).map(|b| b.wrapping_sub(b'0')).filter(|&d| d <= 9 && end - start < 18) {
            value = value * 10 + i64::from(digit);
            end += 1;
        }
        self.rest = match rest.get(end) {
            _ if end == start => return None,
            None => None,
            Some(b',') => Some(&rest[end + 1..]),
            Some(_) => return None,
        };
        self.taken += 1;
        Some(if start == 1 { -value } else { value })
    }

    /// Returns whether all fields are parsed.
    pub(super) fn is_empty(&self) -> bool {
        self.rest.is_none()
    }
}

/// Parses `-?[0-9]+` within `i64`.
pub(super) fn parse_whole(text: &[u8]) -> Option<i64> {
    let (negative, digits) = match text {
        [b'-', digits @ ..] => (true, digits),
        digits => (false, digits),
    };
    if digits.is_empty() {
        return None;
    }
    let mut value: i64 = 0;
    for &b in digits {
        let digit = b.wrapping_sub(b'0');
        if digit > 9 {
            return None;
        }
        let digit = i64::from(digit);
        value = value.checked_mul(10)?;
        value = if negative { value.checked_sub(digit)? } else { value.checked_add(digit)? };
    }
    Some(value)
}

/// Appends a whole number in decimal.
pub(super) fn push_whole(out: &mut Vec<u8>, value: i64) {
    let mut digits = [0_u8; 20];
    let mut at = digits.len();
    let mut rest = value.unsigned_abs();
    loop {
        at -= 1;
        digits[at] = b'0' + (rest % 10) as u8;
        rest /= 10;
        if rest == 0 {
            break;
        }
    }
    if value < 0 {
        out.push(b'-');
    }
    out.extend_from_slice(&digits[at..]);
}

/// Returns a field for an error message: quoted, escaped, truncated.
pub(super) fn shown(text: &[u8]) -> String {
    const SHOWN_BYTES_MAX: usize = 24;
    let cut = if text.len() > SHOWN_BYTES_MAX { "…" } else { "" };
    format!("\"{}{cut}\"", text[..text.len().min(SHOWN_BYTES_MAX)].escape_ascii())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_survive_the_way_out_and_in() {
        for value in [0, 7, -7, 10, 9_999_999_999, -9_999_999_999, i64::MAX, i64::MIN] {
            let mut text = Vec::new();
            push_whole(&mut text, value);
            assert_eq!(text, value.to_string().as_bytes());
            assert_eq!(parse_whole(&text), Some(value));
        }
    }

    #[test]
    fn what_is_not_a_whole_number_is_none() {
        for text in
            ["", "-", "+1", " 1", "1 ", "1.0", "1e3", "--1", "0x1", "9223372036854775808", "-9223372036854775809"]
        {
            assert_eq!(parse_whole(text.as_bytes()), None, "{text}");
        }
    }

    #[test]
    fn fields_are_split_at_commas() {
        let mut fields = Fields::new(b"1,,-2");
        assert_eq!(fields.whole("a"), Ok(1));
        assert_eq!(fields.next(), Some(&b""[..]));
        assert!(!fields.is_empty());
        assert_eq!(fields.whole("c"), Ok(-2));
        assert!(fields.is_empty());
        assert_eq!(fields.whole("d").unwrap_err().to_string(), "field 4 (d): is missing");
    }
}
