//! The values of one line, before it is checked whether they form a command.

use super::decimal::Decimal;
use super::fault::{Fault, Why};
use super::field::{self, Field, Kind, Mask, Word};
use vvp_core::book::{Op, OrderType, Phase, SelfTradePrevention, Side, TimeInForce};

const FIELDS: usize = Field::ALL.len();

/// The values of a line. Only those that `present` names are of this line; the rest is left over
/// from earlier ones, so that a new line costs a few stores and not a kilobyte.
#[derive(Debug)]
pub(crate) struct Values {
    /// Fields that were named, with any value.
    seen: Mask,
    /// Fields that have a value: not `null`, not `false`, not blank.
    pub(crate) present: Mask,
    pub(crate) op: Op,
    pub(crate) side: Side,
    pub(crate) order_type: OrderType,
    pub(crate) tif: TimeInForce,
    pub(crate) stp: SelfTradePrevention,
    pub(crate) phase: Phase,
    /// Not yet checked to be a legal symbol.
    pub(crate) symbol: Word,
    pub(crate) max_notional: u128,
    integers: [u64; FIELDS],
    decimals: [Decimal; FIELDS],
}

impl Values {
    pub(crate) fn new() -> Self {
        Self {
            seen: 0,
            present: 0,
            op: Op::New,
            side: Side::Buy,
            order_type: OrderType::Limit,
            tif: TimeInForce::Gtc,
            stp: SelfTradePrevention::None,
            phase: Phase::Continuous,
            symbol: 0,
            max_notional: 0,
            integers: [0; FIELDS],
            decimals: [Decimal::default(); FIELDS],
        }
    }

    /// Starts a line.
    #[inline]
    pub(crate) fn clear(&mut self) {
        (self.seen, self.present) = (0, 0);
        (self.order_type, self.tif, self.stp) = (OrderType::Limit, TimeInForce::Gtc, SelfTradePrevention::None);
    }

    #[inline(always)]
    pub(crate) fn has(&self, field: Field) -> bool {
        self.present & field.bit() != 0
    }

    /// Returns the number of an integer field that is present.
    #[inline(always)]
    pub(crate) fn integer(&self, field: Field) -> u64 {
        self.integers[field as usize]
    }

    /// Returns the number of an integer field, if present.
    #[inline(always)]
    pub(crate) fn optional(&self, field: Field) -> Option<u64> {
        self.has(field).then(|| self.integer(field))
    }

    #[inline(always)]
    pub(crate) fn decimal(&self, field: Field) -> Option<&Decimal> {
        if self.has(field) { Some(&self.decimals[field as usize]) } else { None }
    }

    /// Records that a field was named; an error if it was named before.
    #[inline(always)]
    pub(crate) fn name(&mut self, field: Field) -> Result<(), Fault> {
        if self.seen & field.bit() != 0 {
            return Err(Why::Repeated.at(field));
        }
        self.seen |= field.bit();
        Ok(())
    }

    #[inline(always)]
    pub(crate) fn set_integer(&mut self, field: Field, value: u64) {
        self.integers[field as usize] = value;
        self.present |= field.bit();
    }

    #[inline(always)]
    pub(crate) fn set_notional(&mut self, value: u128) {
        self.max_notional = value;
        self.present |= Field::MaxNotional.bit();
    }

    #[inline(always)]
    pub(crate) fn set_decimal(&mut self, field: Field, value: Decimal) {
        self.decimals[field as usize] = value;
        self.present |= field.bit();
    }

    #[inline(always)]
    pub(crate) fn set_true(&mut self, field: Field) {
        self.present |= field.bit();
    }

    /// Sets a symbol or one of the fields that hold a word; `None` if there is no such word.
    #[inline]
    pub(crate) fn set_word(&mut self, field: Field, word: Word) -> Option<()> {
        match field.kind() {
            Kind::Symbol if word != 0 => self.symbol = word,
            Kind::Op => self.op = field::op_of(word)?,
            Kind::Side => self.side = field::side_of(word)?,
            Kind::Type => self.order_type = field::type_of(word)?,
            Kind::Tif => self.tif = field::tif_of(word)?,
            Kind::Stp => self.stp = field::stp_of(word)?,
            Kind::Phase => self.phase = field::phase_of(word)?,
            _ => return None,
        }
        self.present |= field.bit();
        Some(())
    }
}

/// Reads `0|[1-9][0-9]*` at `line[at..]`; returns the value and where it ends, or `None` if there
/// is none or it exceeds u64.
#[inline]
pub(crate) fn read_u64(line: &[u8], at: usize) -> Option<(u64, usize)> {
    let mut end = at;
    let mut value: u64 = 0;
    while let Some(digit) = line.get(end).map(|b| b.wrapping_sub(b'0')).filter(|&d| d < 10) {
        value = value.wrapping_mul(10).wrapping_add(u64::from(digit));
        end += 1;
    }
    match end - at {
        1 => Some((value, end)),
        2..=19 if line[at] != b'0' => Some((value, end)),
        20 if line[at] != b'0' => {
            let value = read_u128(line, at)?.0;
            Some((u64::try_from(value).ok()?, end))
        }
        _ => None,
    }
}

/// Does the same as [`read_u64`], for u128.
pub(crate) fn read_u128(line: &[u8], at: usize) -> Option<(u128, usize)> {
    let len = line[at..].iter().take_while(|b| b.is_ascii_digit()).count();
    let digits = &line[at..at + len];
    if len == 0 || (len > 1 && digits[0] == b'0') {
        return None;
    }
    let value = digits.iter().try_fold(0_u128, |v, b| v.checked_mul(10)?.checked_add(u128::from(b - b'0')))?;
    Some((value, at + len))
}
