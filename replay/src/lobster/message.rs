//! Rows of a LOBSTER message file.

use std::fmt;

use vvp_core::book::Side;

use super::fields::{Fields, parse_whole, shown};
use super::{ANONYMOUS, FieldError};

/// The kind of a message row.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum MessageKind {
    /// 1: a new limit order rests.
    New = 1,
    /// 2: a resting order is reduced by the size.
    Reduce = 2,
    /// 3: a resting order is deleted; the size is what was left of it.
    Delete = 3,
    /// 4: a visible resting order trades the size.
    Execute = 4,
    /// 5: a hidden order trades; the visible book is unchanged.
    Hidden = 5,
    /// 6: a cross trade (an auction); the book is unchanged.
    Cross = 6,
    /// 7: trading halts (price −1), quoting resumes (0), trading resumes (1).
    Halt = 7,
}

impl MessageKind {
    /// Every kind, by its number.
    pub const ALL: [Self; 7] =
        [Self::New, Self::Reduce, Self::Delete, Self::Execute, Self::Hidden, Self::Cross, Self::Halt];

    /// Returns its name in reports.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::New => "new limit order",
            Self::Reduce => "partial cancel",
            Self::Delete => "delete",
            Self::Execute => "execution",
            Self::Hidden => "hidden execution",
            Self::Cross => "cross trade",
            Self::Halt => "trading halt",
        }
    }

    /// Returns whether it acts on an order in the visible book.
    #[must_use]
    pub const fn is_on_book(self) -> bool {
        matches!(self, Self::New | Self::Reduce | Self::Delete | Self::Execute)
    }
}

/// One row of a message file.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Message {
    /// Nanoseconds after midnight.
    pub time_ns: u64,
    /// The kind of event.
    pub kind: MessageKind,
    /// Order id; 0 or meaningless unless [`MessageKind::is_on_book`].
    pub id: u64,
    /// Shares.
    pub size: u64,
    /// Dollars × 10,000; the kind of halt for [`MessageKind::Halt`].
    pub price: i64,
    /// Side of the resting order.
    pub side: Side,
}

/// Prices of the book are in 1..PRICE_END; PRICE_END itself marks an unused level.
pub(super) const PRICE_END: i64 = 9_999_999_999;
const SECONDS_A_DAY: i64 = 86_400;

impl Message {
    /// Parses a row: time, type, order id, size, price, direction.
    ///
    /// # Errors
    /// [`FieldError`] for the field that is missing, not a number, or out of range.
    pub fn parse(line: &[u8]) -> Result<Self, FieldError> {
        if line.is_empty() {
            return Err(FieldError::line("empty line; expected time,type,order id,size,price,direction"));
        }
        let mut fields = Fields::new(line);
        let time = fields.next().unwrap_or_default();
        let time_ns = parse_time(time).ok_or_else(|| {
            FieldError::new(
                1,
                "time",
                format!("{} is not seconds after midnight within a day, like 34200.017459617", shown(time)),
            )
        })?;
        let code = fields.whole("type")?;
        let kind = MessageKind::ALL.into_iter().find(|&k| k as i64 == code);
        let kind = kind.ok_or_else(|| FieldError::new(2, "type", format!("{code} is not a type from 1 to 7")))?;
        let id = fields.whole("order id")?;
        let size = fields.whole("size")?;
        let price = fields.whole("price")?;
        let direction = fields.whole("direction")?;
        if !fields.is_empty() {
            return Err(FieldError::line("more than 6 fields; expected time,type,order id,size,price,direction"));
        }
        let side = match direction {
            1 => Side::Buy,
            -1 => Side::Sell,
            _ if kind.is_on_book() => {
                return Err(FieldError::new(6, "direction", format!("{direction} is neither 1 (buy) nor -1 (sell)")));
            }
            _ => Side::Buy,
        };
        let id = u64::try_from(id).map_err(|_| FieldError::new(3, "order id", format!("{id} is negative")))?;
        let size = u32::try_from(size)
            .map_err(|_| FieldError::new(4, "size", format!("{size} is not within 0 to {}", u32::MAX)))?;
        let size = u64::from(size);
        if kind.is_on_book() {
            debug_assert!(id < ANONYMOUS, "an i64 leaves the anonymous range free");
            if size == 0 {
                return Err(FieldError::new(4, "size", "is 0; an order event has shares"));
            }
            if !(1..PRICE_END).contains(&price) {
                return Err(FieldError::new(5, "price", format!("{price} is not within 1 to {}", PRICE_END - 1)));
            }
        }
        if kind == MessageKind::Halt && !(-1..=1).contains(&price) {
            return Err(FieldError::new(5, "price", format!("{price} is not -1, 0 or 1, as a trading halt has")));
        }
        Ok(Self { time_ns, kind, id, size, price, side })
    }
}

/// Parses `[0-9]+(\.[0-9]*)?` seconds, less than a day, as nanoseconds; digits after the ninth
/// decimal are dropped: single rows of real days have twelve.
fn parse_time(text: &[u8]) -> Option<u64> {
    let dot = text.iter().position(|&b| b == b'.').unwrap_or(text.len());
    let (seconds, decimals) = (&text[..dot], text.get(dot + 1..).unwrap_or_default());
    if seconds.first() == Some(&b'-') {
        return None;
    }
    let (decimals, behind) = decimals.split_at(decimals.len().min(9));
    if !behind.iter().all(u8::is_ascii_digit) {
        return None;
    }
    let seconds = parse_whole(seconds).filter(|&s| s < SECONDS_A_DAY)? as u64;
    let mut ns = 0;
    for place in 0..9 {
        let digit = decimals.get(place).map_or(0, |b| b.wrapping_sub(b'0'));
        if digit > 9 {
            return None;
        }
        ns = ns * 10 + u64::from(digit);
    }
    Some(seconds * 1_000_000_000 + ns)
}

impl fmt::Display for Message {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (seconds, ns) = (self.time_ns / 1_000_000_000, self.time_ns % 1_000_000_000);
        write!(f, "{seconds}.{ns:09} type {} ({})", self.kind as u8, self.kind.name())?;
        let side = if self.side == Side::Buy { "bid" } else { "ask" };
        write!(f, ", order {}, size {}, price {}, {side}", self.id, self.size, self.price)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_row_is_read_to_the_nanosecond() {
        let m = Message::parse(b"34200.05990197,4,15818974,300,5794000,1").unwrap();
        assert_eq!(m.time_ns, 34_200_059_901_970);
        assert_eq!(
            (m.kind, m.id, m.size, m.price, m.side),
            (MessageKind::Execute, 15_818_974, 300, 5_794_000, Side::Buy)
        );
        assert_eq!(m.to_string(), "34200.059901970 type 4 (execution), order 15818974, size 300, price 5794000, bid");
        assert_eq!(Message::parse(b"5,7,0,0,-1,-1").unwrap().kind, MessageKind::Halt);
    }

    #[test]
    fn decimals_behind_the_ninth_are_cut_off() {
        for (time, ns) in [
            ("34200.017459617", 34_200_017_459_617),
            ("34200.0174596171", 34_200_017_459_617),
            ("34200.017459617999", 34_200_017_459_617),
            ("34200.999999999999", 34_200_999_999_999),
            ("34200.0000000001", 34_200_000_000_000),
            ("34200.", 34_200_000_000_000),
        ] {
            assert_eq!(Message::parse(format!("{time},1,1,1,1,1").as_bytes()).unwrap().time_ns, ns, "{time}");
        }
        let long = format!("1.{},1,1,1,1,1", "3".repeat(1000));
        assert_eq!(Message::parse(long.as_bytes()).unwrap().time_ns, 1_333_333_333);
    }

    #[test]
    fn a_bad_row_names_its_field() {
        for (row, says) in [
            ("", "empty line"),
            ("x,1,1,1,1,1", "field 1 (time)"),
            ("1.000000000x,1,1,1,1,1", "field 1 (time)"),
            ("1.123456789012x,1,1,1,1,1", "field 1 (time)"),
            ("1.123456789-1,1,1,1,1,1", "field 1 (time)"),
            ("1.1234567890.1,1,1,1,1,1", "field 1 (time)"),
            ("-1,1,1,1,1,1", "field 1 (time)"),
            ("1.-5,1,1,1,1,1", "field 1 (time)"),
            ("86400,1,1,1,1,1", "field 1 (time)"),
            ("1,8,1,1,1,1", "field 2 (type)"),
            ("1", "field 2 (type): is missing"),
            ("1,1,-1,1,1,1", "field 3 (order id)"),
            ("1,1,9223372036854775808,1,1,1", "field 3 (order id)"),
            ("1,1,1,0,1,1", "field 4 (size)"),
            ("1,1,1,-5,1,1", "field 4 (size)"),
            ("1,1,1,1,0,1", "field 5 (price)"),
            ("1,1,1,1,9999999999,1", "field 5 (price)"),
            ("1,7,0,0,2,-1", "field 5 (price)"),
            ("1,1,1,1,1,0", "field 6 (direction)"),
            ("1,1,1,1,1", "field 6 (direction): is missing"),
            ("1,1,1,1,1,1,1", "more than 6 fields"),
        ] {
            let error = Message::parse(row.as_bytes()).unwrap_err().to_string();
            assert!(error.starts_with(says), "{row}: {error}");
        }
    }
}
