//! What a file says that cannot be: counted by kind, with the first places of each.

use zerocopy::FromZeros;

/// How many places are kept of each kind.
pub const PLACES: usize = 4;

/// What cannot be.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[non_exhaustive]
#[repr(u8)]
pub enum Anomaly {
    /// An execution, cancel, delete or replace of an order that is not on the book: nothing changes.
    UnknownReference = 0,
    /// An execution or cancel of more shares than are left: the order just leaves.
    Overfill = 1,
    /// A new order with the reference of a live one: the old one leaves first.
    DuplicateReference = 2,
    /// A message of an order with another locate than its order has: the order's own counts.
    OtherLocate = 3,
    /// An order of no shares: it does not get on the book.
    NoShares = 4,
    /// An order of a side that there is not: it does not get on the book.
    BadSide = 5,
    /// A message with another length than its type has: left out.
    WrongLength = 6,
    /// A message of a type that the format does not list: left out.
    UnknownType = 7,
    /// Time before that of the message before.
    TimeReversed = 8,
    /// No room for another order or level: it does not get on the book. The market is too small for this day.
    MarketFull = 9,
    /// A time of 24 hours or more after midnight: the clock stays, the rest of the message counts.
    TimeBeyondDay = 10,
}

impl Anomaly {
    /// All kinds.
    pub const ALL: [Self; 11] = [
        Self::UnknownReference,
        Self::Overfill,
        Self::DuplicateReference,
        Self::OtherLocate,
        Self::NoShares,
        Self::BadSide,
        Self::WrongLength,
        Self::UnknownType,
        Self::TimeReversed,
        Self::MarketFull,
        Self::TimeBeyondDay,
    ];

    /// Its name in summaries.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::UnknownReference => "unknown_ref",
            Self::Overfill => "overfill",
            Self::DuplicateReference => "duplicate_ref",
            Self::OtherLocate => "other_locate",
            Self::NoShares => "no_shares",
            Self::BadSide => "bad_side",
            Self::WrongLength => "wrong_length",
            Self::UnknownType => "unknown_type",
            Self::TimeReversed => "time_reversed",
            Self::MarketFull => "market_full",
            Self::TimeBeyondDay => "time_beyond_day",
        }
    }
}

/// Counts and first places of all kinds.
#[derive(Clone, Debug, FromZeros)]
#[repr(C)]
pub struct Anomalies {
    counts: [u64; Anomaly::ALL.len()],
    places: [[u64; PLACES]; Anomaly::ALL.len()],
}

impl Anomalies {
    /// Notes one, met in the frame at `offset`.
    #[cold]
    #[inline(never)]
    pub(super) fn note(&mut self, kind: Anomaly, offset: u64) {
        let (count, places) = (&mut self.counts[kind as usize], &mut self.places[kind as usize]);
        if let Some(place) = usize::try_from(*count).ok().and_then(|n| places.get_mut(n)) {
            *place = offset;
        }
        *count += 1;
    }

    /// How many of a kind.
    #[must_use]
    pub const fn count(&self, kind: Anomaly) -> u64 {
        self.counts[kind as usize]
    }

    /// The first places of a kind: bytes from the start of the file to the frame.
    #[must_use]
    pub fn places(&self, kind: Anomaly) -> &[u64] {
        let kept = usize::try_from(self.count(kind)).map_or(PLACES, |n| n.min(PLACES));
        &self.places[kind as usize][..kept]
    }

    /// How many of all kinds.
    #[must_use]
    pub fn total(&self) -> u64 {
        self.counts.iter().sum()
    }
}
