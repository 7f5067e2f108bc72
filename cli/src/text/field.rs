//! The names of the text format: fields, and the words that are their values.

use vvp_core::book::{Op, OrderType, Phase, SelfTradePrevention, Side, TimeInForce};

/// Up to 16 bytes as one number, first byte lowest, zero-padded: names compare as numbers.
pub(crate) type Word = u128;

/// Returns the word of a name of at most 16 bytes.
pub(crate) const fn word(name: &[u8]) -> Word {
    let mut w = 0;
    let mut i = name.len();
    while i > 0 {
        i -= 1;
        w = w << 8 | name[i] as Word;
    }
    w
}

macro_rules! fields {
    ($($variant:ident $name:literal $kind:ident,)+) => {
        /// A field of the text format, in the order of the CSV columns.
        #[derive(Clone, Copy, PartialEq, Eq, Debug)]
        #[repr(u8)]
        #[allow(missing_docs)] // named as in the text
        pub enum Field {
            $($variant,)+
        }

        impl Field {
            /// Every field.
            pub const ALL: &'static [Self] = &[$(Self::$variant),+];

            /// Returns the name in the text.
            #[must_use]
            pub const fn name(self) -> &'static str {
                match self { $(Self::$variant => $name,)+ }
            }

            /// Returns the kind of its value.
            pub(crate) const fn kind(self) -> Kind {
                match self { $(Self::$variant => Kind::$kind,)+ }
            }

            #[allow(non_upper_case_globals)] // so that the words can stand as patterns
            pub(crate) fn from_word(w: Word) -> Option<Self> {
                $(
                    const $variant: Word = word($name.as_bytes());
                )+
                match w { $($variant => Some(Self::$variant),)+ _ => None }
            }
        }
    };
}

fields! {
    Op "op" Op,
    Symbol "symbol" Symbol,
    Ts "ts" Integer,
    Id "id" Integer,
    Owner "owner" Owner,
    Side "side" Side,
    Type "type" Type,
    Tif "tif" Tif,
    Price "price" Price,
    Stop "stop" Price,
    Trail "trail" Integer,
    Qty "qty" Integer,
    Display "display" Integer,
    MinQty "min_qty" Integer,
    Expires "expires" Integer,
    Protect "protect" Integer,
    PostOnly "post_only" Bool,
    Hidden "hidden" Bool,
    Stp "stp" Stp,
    Phase "phase" Phase,
    Tick "tick" Price,
    MinPrice "min_price" Price,
    MaxPrice "max_price" Price,
    Reference "reference" Price,
    MaxQty "max_qty" Integer,
    MaxNotional "max_notional" Notional,
    MaxOrders "max_orders" Integer,
    Blocked "blocked" Bool,
    LosePriority "lose_priority" Bool,
}

/// The kind of a field's value; the same for every command that has the field.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Kind {
    /// u64.
    Integer,
    /// u32.
    Owner,
    /// u128.
    Notional,
    /// Decimal text.
    Price,
    Bool,
    Symbol,
    Op,
    Side,
    Type,
    Tif,
    Stp,
    Phase,
}

impl Field {
    /// Returns the field's bit in a [`Mask`].
    pub(crate) const fn bit(self) -> Mask {
        1 << self as u8
    }

    /// Returns the lowest field of a mask.
    pub(crate) fn first(mask: Mask) -> Option<Self> {
        Self::ALL.get(mask.trailing_zeros() as usize).copied()
    }
}

/// A set of fields.
pub(crate) type Mask = u32;

const fn mask(fields: &[Field]) -> Mask {
    let mut m = 0;
    let mut i = 0;
    while i < fields.len() {
        m |= fields[i].bit();
        i += 1;
    }
    m
}

/// Returns the fields that a command may have and those that it must have.
#[inline]
pub(crate) const fn fields_of(op: Op) -> (Mask, Mask) {
    use Field as F;
    const ON: Mask = mask(&[F::Op, F::Symbol, F::Ts]);
    const NEW_MUST: Mask = mask(&[F::Id, F::Side, F::Qty]);
    const NEW: Mask = ON
        | NEW_MUST
        | mask(&[F::Owner, F::Type, F::Tif, F::Price, F::Stop, F::Trail, F::Display, F::MinQty])
        | mask(&[F::Expires, F::Protect, F::PostOnly, F::Hidden, F::Stp]);
    const REPLACE: Mask = ON | mask(&[F::Id, F::Price, F::Stop, F::Qty, F::LosePriority]);
    const PRICES: Mask = mask(&[F::Tick, F::MinPrice, F::MaxPrice, F::Reference]);
    const LIMITS: Mask = mask(&[F::Op, F::Owner, F::MaxQty, F::MaxNotional, F::MaxOrders, F::Blocked]);
    match op {
        Op::New => (NEW, NEW_MUST),
        Op::Cancel => (ON | F::Id.bit(), F::Id.bit()),
        Op::Reduce => (ON | mask(&[F::Id, F::Qty]), mask(&[F::Id, F::Qty])),
        Op::Replace => (REPLACE, F::Id.bit()),
        Op::MassCancel => (ON | mask(&[F::Owner, F::Side]), 0),
        Op::Phase => (ON | F::Phase.bit(), F::Phase.bit()),
        Op::Time => (mask(&[F::Op, F::Ts]), F::Ts.bit()),
        Op::Instrument => (mask(&[F::Op, F::Symbol]) | PRICES, F::Symbol.bit()),
        Op::Limits => (LIMITS, F::Owner.bit()),
        Op::Refused => (0, 0), // no word of the text format
    }
}

macro_rules! from_word {
    ($name:ident $type:ty, $count:literal) => {
        pub(crate) fn $name(w: Word) -> Option<$type> {
            const WORDS: [Word; $count] = {
                let mut words = [0; $count];
                let mut i = 0;
                while i < $count {
                    words[i] = word(<$type>::ALL[i].word().as_bytes());
                    i += 1;
                }
                words
            };
            const { assert!(<$type>::ALL.len() == $count) };
            WORDS.iter().position(|&x| x == w).map(|i| <$type>::ALL[i])
        }
    };
}

from_word!(side_of Side, 2);
from_word!(type_of OrderType, 5);
from_word!(tif_of TimeInForce, 5);
from_word!(stp_of SelfTradePrevention, 5);
from_word!(phase_of Phase, 4);
from_word!(any_op_of Op, 10);

/// Returns the operation of this name; a refusal has no name in the text.
pub(crate) fn op_of(w: Word) -> Option<Op> {
    any_op_of(w).filter(|&op| op != Op::Refused)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_field_is_found_by_its_name_and_no_other() {
        for (i, &field) in Field::ALL.iter().enumerate() {
            assert_eq!(field as usize, i);
            assert_eq!(Field::from_word(word(field.name().as_bytes())), Some(field));
            assert_eq!(Field::first(field.bit()), Some(field));
        }
        assert_eq!(Field::from_word(word(b"Op")), None);
        assert_eq!(Field::from_word(0), None);
        assert_eq!(Field::first(0), None);
    }

    #[test]
    fn every_word_is_found() {
        for &op in Op::ALL {
            assert_eq!(op_of(word(op.word().as_bytes())), (op != Op::Refused).then_some(op));
        }
        for &v in SelfTradePrevention::ALL {
            assert_eq!(stp_of(word(v.word().as_bytes())), Some(v));
        }
        for &v in OrderType::ALL {
            assert_eq!(type_of(word(v.word().as_bytes())), Some(v));
        }
    }
}
