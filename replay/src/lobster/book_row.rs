//! Rows of a LOBSTER order-book file.

use vvp_core::book::Side;

use super::FieldError;
use super::fields::{Fields, push_whole};
use super::message::PRICE_END;

/// Maximum shares of a level: far above real sizes, and low enough that sums stay in range.
const SIZE_MAX: i64 = 1_000_000_000_000_000;

/// One occupied price level.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Level {
    /// Dollars × 10,000.
    pub price: i64,
    /// Shares; greater than zero.
    pub size: u64,
}

impl Level {
    /// Creates a level of `size` shares at `price`.
    #[must_use]
    pub const fn new(price: i64, size: u64) -> Self {
        Self { price, size }
    }
}

/// One row: the best levels of both sides.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct BookRow {
    /// Number of levels a side in the row's format: a quarter of its columns.
    pub levels: usize,
    /// The occupied asks, best first.
    pub asks: Vec<Level>,
    /// The occupied bids, best first.
    pub bids: Vec<Level>,
}

impl BookRow {
    /// Returns the levels of a side, best first.
    #[must_use]
    pub fn side(&self, side: Side) -> &[Level] {
        match side {
            Side::Buy => &self.bids,
            Side::Sell => &self.asks,
        }
    }

    /// Parses a row: ask price 1, ask size 1, bid price 1, bid size 1, ask price 2, …; unused
    /// levels have size 0. `self` is overwritten, and its memory reused.
    ///
    /// # Errors
    /// [`FieldError`] for the field that is not a number, out of range or out of order.
    pub fn parse(&mut self, line: &[u8]) -> Result<(), FieldError> {
        self.asks.clear();
        self.bids.clear();
        self.levels = 0;
        if line.is_empty() {
            return Err(FieldError::line("empty line; expected ask price,ask size,bid price,bid size,…"));
        }
        let mut fields = Fields::new(line);
        while !fields.is_empty() {
            self.levels += 1;
            self.parse_level(&mut fields, Side::Sell)?;
            self.parse_level(&mut fields, Side::Buy)?;
        }
        Ok(())
    }

    fn parse_level(&mut self, fields: &mut Fields<'_>, side: Side) -> Result<(), FieldError> {
        let (levels, sign, price_name, size_name) = match side {
            Side::Sell => (&mut self.asks, 1, "ask price", "ask size"),
            Side::Buy => (&mut self.bids, -1, "bid price", "bid size"),
        };
        let price = fields.whole(price_name)?;
        let size = fields.whole(size_name)?;
        let (price_field, size_field) = (fields.taken - 1, fields.taken);
        if !(0..=SIZE_MAX).contains(&size) {
            return Err(FieldError::new(size_field, size_name, format!("{size} is not within 0 to {SIZE_MAX}")));
        }
        if size == 0 {
            return Ok(());
        }
        if !(1..PRICE_END).contains(&price) {
            let problem = format!("{price} is not within 1 to {}, though the level has a size", PRICE_END - 1);
            return Err(FieldError::new(price_field, price_name, problem));
        }
        if levels.len() + 1 < self.levels {
            return Err(FieldError::new(price_field, price_name, "is a level after an unused one"));
        }
        if let Some(before) = levels.last()
            && sign * before.price >= sign * price
        {
            let problem = format!("{price} is not worse than {}, the level before", before.price);
            return Err(FieldError::new(price_field, price_name, problem));
        }
        levels.push(Level::new(price, size as u64));
        Ok(())
    }

    /// Appends the row in the same format, with at most `levels` levels a side, and an LF.
    pub fn write(&self, levels: usize, out: &mut Vec<u8>) {
        for at in 0..levels {
            for (side, unused) in [(Side::Sell, PRICE_END), (Side::Buy, -PRICE_END)] {
                let level = self.side(side).get(at);
                push_whole(out, level.map_or(unused, |l| l.price));
                out.push(b',');
                push_whole(out, level.map_or(0, |l| l.size as i64));
                out.push(b',');
            }
        }
        if let Some(last) = out.last_mut() {
            *last = b'\n';
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ROW: &str = "105,1,100,2,110,3,-9999999999,0,9999999999,0,-9999999999,0";

    #[test]
    fn a_row_survives_the_way_in_and_out() {
        let mut row = BookRow::default();
        row.parse(ROW.as_bytes()).unwrap();
        assert_eq!(row.levels, 3);
        assert_eq!(row.side(Side::Sell), [Level::new(105, 1), Level::new(110, 3)]);
        assert_eq!(row.side(Side::Buy), [Level::new(100, 2)]);
        let mut out = Vec::new();
        row.write(3, &mut out);
        assert_eq!(out, format!("{ROW}\n").as_bytes());
        out.clear();
        row.write(1, &mut out);
        assert_eq!(out, b"105,1,100,2\n");
    }

    #[test]
    fn a_bad_row_names_its_field() {
        for (row, says) in [
            ("", "empty line"),
            ("1,1,1", "field 4 (bid size): is missing"),
            ("1,1", "field 3 (bid price): is missing"),
            ("5,1,4,1,x,1,3,1", "field 5 (ask price): \"x\" is not"),
            ("5,1,4,1,6,1,3,99999999999999999999", "field 8 (bid size)"),
            ("5,-1,4,1", "field 2 (ask size): -1 is not within"),
            ("5,1,4,1,5,1,3,1", "field 5 (ask price): 5 is not worse than 5"),
            ("5,1,4,1,6,1,4,1", "field 7 (bid price): 4 is not worse than 4"),
            ("5,1,4,0,6,1,3,1", "field 7 (bid price): is a level after an unused one"),
            ("9999999999,1,4,1", "field 1 (ask price)"),
            ("5,1,0,1", "field 3 (bid price)"),
        ] {
            let error = BookRow::default().parse(row.as_bytes()).unwrap_err().to_string();
            assert!(error.starts_with(says), "{row}: {error}");
        }
    }
}
