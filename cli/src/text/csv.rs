//! Parses a line of CSV into [`Values`], by the columns that the header names.

use super::decimal::Decimal;
use super::fault::{Fault, Why};
use super::field::{Field, Kind, word};
use super::values::{Values, read_u64, read_u128};

/// The columns of a file, from its header.
#[derive(Debug)]
pub(crate) struct Columns {
    fields: [Field; Field::ALL.len()],
    len: usize,
}

impl Columns {
    /// Reads the header.
    pub(crate) fn read(header: &[u8]) -> Result<Self, Fault> {
        let mut columns = Self { fields: [Field::Op; Field::ALL.len()], len: 0 };
        let mut at = 0;
        for name in header.split(|&b| b == b',') {
            let unknown = Why::UnknownField(at + 1);
            at += name.len() + 1;
            let known = name.len() <= 16 && !name.contains(&0);
            let field = known.then(|| Field::from_word(word(name))).flatten().ok_or(unknown)?;
            if columns.fields[..columns.len].contains(&field) {
                return Err(Why::Repeated.at(field));
            }
            columns.fields[columns.len] = field; // no field twice, so there is room
            columns.len += 1;
        }
        if columns.fields[..columns.len].contains(&Field::Op) { Ok(columns) } else { Err(Why::Missing.at(Field::Op)) }
    }

    /// Reads a line that is not empty.
    pub(crate) fn read_line(&self, line: &[u8], values: &mut Values) -> Result<(), Fault> {
        let mut start = 0;
        let mut got = 0;
        loop {
            let end = start + line[start..].iter().take_while(|&&b| b != b',').count();
            if let (Some(&field), true) = (self.fields[..self.len].get(got), end > start) {
                set(field, line, start, end, values).ok_or(Why::BadValue.at(field))?;
            }
            got += 1;
            if end == line.len() {
                break;
            }
            start = end + 1;
        }
        if got == self.len { Ok(()) } else { Err(Why::Columns { got, want: self.len }.into()) }
    }
}

/// Sets a field from the text of its column; `None` if the text is not a value of the field.
#[inline]
fn set(field: Field, line: &[u8], start: usize, end: usize, values: &mut Values) -> Option<()> {
    let text = &line[start..end];
    match field.kind() {
        Kind::Integer => {
            values.set_integer(field, read_u64(line, start).filter(|v| v.1 == end)?.0);
        }
        Kind::Owner => {
            let owner = read_u64(line, start).filter(|v| v.1 == end && v.0 <= u64::from(u32::MAX))?;
            values.set_integer(field, owner.0);
        }
        Kind::Notional => values.set_notional(read_u128(line, start).filter(|v| v.1 == end)?.0),
        Kind::Price => values.set_decimal(field, Decimal::parse(line, start, end, false)?),
        Kind::Bool => match text {
            b"true" => values.set_true(field),
            b"false" => {}
            _ => return None,
        },
        _ if text.len() <= 16 && !text.contains(&0) => values.set_word(field, word(text))?,
        _ => return None,
    }
    Some(())
}
