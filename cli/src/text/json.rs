//! Parses a line of JSON into [`Values`]: exactly the JSON that a command can be.
//!
//! Every value of a command is a string, a number, a boolean or null, so anything nested is an
//! error at its position.

use super::decimal::Decimal;
use super::fault::{Fault, Why};
use super::field::{Field, Kind};
use super::string;
use super::values::{Values, read_u64, read_u128};

/// Skips JSON white space (a line has no line feed inside) and returns the next byte; NUL beyond
/// the end of the line, which is valid nowhere.
#[inline(always)]
fn token(line: &[u8], at: &mut usize) -> u8 {
    let b = peek(line, *at);
    if b > b' ' { b } else { skip(line, at) }
}

#[inline(always)]
fn peek(line: &[u8], at: usize) -> u8 {
    line.get(at).copied().unwrap_or(0)
}

fn skip(line: &[u8], at: &mut usize) -> u8 {
    while matches!(peek(line, *at), b' ' | b'\t' | b'\r') {
        *at += 1;
    }
    peek(line, *at)
}

/// Parses the object of a line that is not empty.
pub(crate) fn read_line(line: &[u8], values: &mut Values) -> Result<(), Fault> {
    let at = &mut 0;
    expect(line, at, b'{')?;
    if token(line, at) == b'}' {
        *at += 1;
    } else {
        loop {
            let field = read_member(line, at, values)?;
            match token(line, at) {
                b',' => *at += 1,
                b'}' => break *at += 1,
                // "1.5" where an integer belongs is a bad value, not bad JSON.
                b'.' | b'e' | b'E' | b'0'..=b'9' => return Err(Why::BadValue.at(field)),
                _ => return Err(Why::NotJson(*at + 1).into()),
            }
        }
    }
    token(line, at);
    if *at == line.len() { Ok(()) } else { Err(Why::NotJson(*at + 1).into()) }
}

#[inline(always)]
fn expect(line: &[u8], at: &mut usize, byte: u8) -> Result<(), Fault> {
    if token(line, at) != byte {
        return Err(Why::NotJson(*at + 1).into());
    }
    *at += 1;
    Ok(())
}

#[inline(always)]
fn read_member(line: &[u8], at: &mut usize, values: &mut Values) -> Result<Field, Fault> {
    expect(line, at, b'"')?;
    let name = string::read(line, *at).ok_or(Why::NotJson(*at + 1))?;
    let field = Field::from_word(name.word).ok_or(Why::UnknownField(*at + 1))?;
    values.name(field)?;
    *at = name.end + 1;
    expect(line, at, b':')?;
    let first = token(line, at);
    if first == b'n' && line[*at..].starts_with(b"null") {
        *at += 4;
        return Ok(field);
    }
    let bad = Why::BadValue.at(field);
    match field.kind() {
        Kind::Integer => {
            let (value, end) = read_u64(line, *at).ok_or(bad)?;
            values.set_integer(field, value);
            *at = end;
        }
        Kind::Owner => {
            let (value, end) = read_u64(line, *at).filter(|v| v.0 <= u64::from(u32::MAX)).ok_or(bad)?;
            values.set_integer(field, value);
            *at = end;
        }
        Kind::Notional => {
            let (value, end) = read_u128(line, *at).ok_or(bad)?;
            values.set_notional(value);
            *at = end;
        }
        Kind::Price if first == b'"' => {
            let text = string::read(line, *at + 1).ok_or(Why::NotJson(*at + 1))?;
            let value = Decimal::parse(line, *at + 1, text.end, text.escaped).ok_or(bad)?;
            values.set_decimal(field, value);
            *at = text.end + 1;
        }
        Kind::Price => {
            let end = number_end(line, *at).ok_or(bad)?;
            let value = Decimal::parse(line, *at, end, false).ok_or(bad)?;
            values.set_decimal(field, value);
            *at = end;
        }
        Kind::Bool if line[*at..].starts_with(b"true") => {
            values.set_true(field);
            *at += 4;
        }
        Kind::Bool if line[*at..].starts_with(b"false") => *at += 5, // false is absent
        Kind::Bool => return Err(bad),
        _ if first != b'"' => return Err(bad),
        _ => {
            let text = string::read(line, *at + 1).ok_or(Why::NotJson(*at + 1))?;
            values.set_word(field, text.word).ok_or(bad)?;
            *at = text.end + 1;
        }
    }
    Ok(field)
}

/// Returns where a number without leading zeros ends; [`Decimal::parse`] checks the point and the
/// digits.
fn number_end(line: &[u8], at: usize) -> Option<usize> {
    let rest = &line[at..];
    let len = rest.iter().take_while(|b| matches!(b, b'0'..=b'9' | b'.' | b'-' | b'+' | b'e' | b'E')).count();
    let digits = rest[..len].strip_prefix(b"-").unwrap_or(&rest[..len]);
    let leading_zero = digits.first() == Some(&b'0') && digits.get(1).is_some_and(u8::is_ascii_digit);
    (!leading_zero).then_some(at + len)
}
