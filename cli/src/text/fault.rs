//! The fault of a line, as text for people; the event stream gets only `bad_field`.

use super::field::{Field, Kind};
use core::fmt;
use vvp_core::book::{BadCommand, Op, OrderType, TimeInForce};

/// A line (or record) that is not a command.
///
/// Displays as `line: field: why`, to follow a file name and a colon.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub struct BadLine {
    /// Its number, from 1; an empty line counts, and so does a CSV header.
    pub line: u64,
    /// The field at fault, if there is one.
    pub field: Option<Field>,
    /// The error.
    pub why: Why,
}

impl BadLine {
    /// Returns what is wrong, without the line's number: `field: why`.
    #[must_use]
    pub fn reason(&self) -> impl fmt::Display + use<> {
        Fault { field: self.field, why: self.why }
    }
}

impl fmt::Display for BadLine {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.line, self.reason())
    }
}

impl core::error::Error for BadLine {}

/// The error in a line.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub enum Why {
    /// Longer than the reader's limit, in bytes.
    TooLong(usize),
    /// Bytes that are not UTF-8.
    NotUtf8,
    /// Not one JSON object; the position of the first unexpected byte, from 1.
    NotJson(usize),
    /// A name that no field has; its position in the line, from 1.
    UnknownField(usize),
    /// The field is there twice.
    Repeated,
    /// A field that this operation does not have.
    NotOf(Op),
    /// A required field is absent.
    Missing,
    /// Not a value of this field's type, range or words.
    BadValue,
    /// An order of this type has no such field.
    NotForType(OrderType),
    /// An order with this time in force has no such field.
    NotForTif(TimeInForce),
    /// An iceberg cannot be hidden.
    DisplayAndHidden,
    /// Only gtd expires.
    ExpiresWithoutGtd,
    /// A replace that gives no price, stop or qty.
    NothingToReplace,
    /// The instrument is defined already.
    DefinedTwice,
    /// There is no room for more than this many instruments.
    TooManyInstruments(usize),
    /// The tick is not positive, or has too many digits.
    BadTick,
    /// A price of an instrument that is not a multiple of its tick.
    OffTick,
    /// A price of an instrument that is outside i64 ticks.
    PriceRange,
    /// The band of an instrument is empty.
    MinAboveMax,
    /// A CSV line with another number of columns than the header.
    Columns {
        /// Columns of the line.
        got: usize,
        /// Columns of the header.
        want: usize,
    },
    /// A record that is not a command.
    NotARecord(BadCommand),
    /// An instrument record whose index is not the next one.
    InstrumentOrder {
        /// The next index.
        want: usize,
    },
}

/// A [`BadLine`] before its line number is known.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Fault {
    pub(crate) field: Option<Field>,
    pub(crate) why: Why,
}

impl Why {
    pub(crate) const fn at(self, field: Field) -> Fault {
        Fault { field: Some(field), why: self }
    }
}

impl From<Why> for Fault {
    fn from(why: Why) -> Self {
        Self { field: None, why }
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(field) = self.field {
            write!(f, "{}: ", field.name())?;
        }
        match self.why {
            Why::TooLong(max) => write!(f, "line longer than {max} bytes; nothing of it was read"),
            Why::NotUtf8 => f.write_str("not UTF-8"),
            Why::NotJson(at) => write!(f, "not one JSON object, from byte {at} of the line on"),
            Why::UnknownField(at) => write!(f, "unknown field name at byte {at} of the line"),
            Why::Repeated => f.write_str("given twice"),
            Why::NotOf(op) => write!(f, "{op} has no such field; leave it out"),
            Why::Missing => f.write_str("missing"),
            Why::BadValue => self.write_wanted(f),
            Why::NotForType(kind) => write!(f, "not for type {kind}; leave it out"),
            Why::NotForTif(tif) => write!(f, "not with tif {tif}; leave it out"),
            Why::DisplayAndHidden => f.write_str("not with hidden; give one of the two"),
            Why::ExpiresWithoutGtd => f.write_str("only with tif gtd"),
            Why::NothingToReplace => f.write_str("replace needs price, stop or qty"),
            Why::DefinedTwice => f.write_str("instrument is defined already (X is, once a command names none)"),
            Why::TooManyInstruments(max) => write!(f, "no room for more than {max} instruments"),
            Why::BadTick => f.write_str("tick must be positive, with at most 18 decimals and 18 digits"),
            Why::OffTick => f.write_str("not a multiple of the tick"),
            Why::PriceRange => f.write_str("more ticks than a 64-bit integer holds"),
            Why::MinAboveMax => f.write_str("above max_price"),
            Why::Columns { got, want } => write!(f, "{got} columns where the header has {want}"),
            Why::NotARecord(bad) => write!(f, "{bad}"),
            Why::InstrumentOrder { want } => write!(f, "instrument record out of order; its index must be {want}"),
        }
    }
}

impl Fault {
    /// Writes which values the field accepts.
    fn write_wanted(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fn words(f: &mut fmt::Formatter<'_>, words: impl Iterator<Item = &'static str>) -> fmt::Result {
            f.write_str("must be ")?;
            for (i, word) in words.enumerate() {
                if i > 0 {
                    f.write_str(", ")?;
                }
                f.write_str(word)?;
            }
            Ok(())
        }
        use vvp_core::book::{Phase, SelfTradePrevention, Side};
        let Some(field) = self.field else { return f.write_str("bad value") };
        match field.kind() {
            Kind::Integer => f.write_str("must be an integer from 0 to 18446744073709551615, no leading zero"),
            Kind::Owner => f.write_str("must be an integer from 0 to 4294967295, no leading zero"),
            Kind::Notional => f.write_str("must be an integer below 2^128, no leading zero"),
            Kind::Price => f.write_str("must be a decimal price like \"150.00\", without an exponent"),
            Kind::Bool => f.write_str("must be true or false"),
            Kind::Symbol => f.write_str("must be 1 to 16 printable ASCII bytes without blank, quote or backslash"),
            Kind::Op => words(f, Op::ALL.iter().filter(|&&op| op != Op::Refused).map(|op| op.word())),
            Kind::Side => words(f, Side::ALL.iter().map(|w| w.word())),
            Kind::Type => words(f, OrderType::ALL.iter().map(|w| w.word())),
            Kind::Tif => words(f, TimeInForce::ALL.iter().map(|w| w.word())),
            Kind::Stp => words(f, SelfTradePrevention::ALL.iter().map(|w| w.word())),
            Kind::Phase => words(f, Phase::ALL.iter().map(|w| w.word())),
        }
    }
}
