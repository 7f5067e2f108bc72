//! Anomalies of a file, counted by kind, with the first offsets of each.

use zerocopy::FromZeros;

/// Number of offsets kept of each kind.
pub const PLACES: usize = 4;

/// A kind of anomaly.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[non_exhaustive]
#[repr(u8)]
pub enum Anomaly {
    /// An execution, cancel, delete or replace of an order that is not on the book; ignored.
    UnknownReference = 0,
    /// An execution or cancel of more shares than are left; the order is removed.
    Overfill = 1,
    /// A new order with the reference of a live one; the old one is removed first.
    DuplicateReference = 2,
    /// A message with another locate than its order; the order's own is used.
    OtherLocate = 3,
    /// An order of no shares; ignored.
    NoShares = 4,
    /// An order with an invalid side; ignored.
    BadSide = 5,
    /// A message with another length than its type has; ignored.
    WrongLength = 6,
    /// A message of an unknown type; ignored.
    UnknownType = 7,
    /// A time before that of the previous message.
    TimeReversed = 8,
    /// No room for another order or level; the order is ignored. The market is too small for this
    /// day.
    MarketFull = 9,
    /// A time of 24 hours or more after midnight; the clock is unchanged, the rest of the message
    /// is applied.
    TimeBeyondDay = 10,
}

impl Anomaly {
    /// Every kind.
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

    /// Returns its name in summaries.
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

/// Counts and first offsets of all kinds.
#[derive(Clone, Debug, FromZeros)]
#[repr(C)]
pub struct Anomalies {
    counts: [u64; Anomaly::ALL.len()],
    places: [[u64; PLACES]; Anomaly::ALL.len()],
}

impl Anomalies {
    /// Counts an anomaly of the frame at `offset`.
    #[cold]
    #[inline(never)]
    pub(super) fn note(&mut self, kind: Anomaly, offset: u64) {
        let (count, places) = (&mut self.counts[kind as usize], &mut self.places[kind as usize]);
        if let Some(place) = usize::try_from(*count).ok().and_then(|n| places.get_mut(n)) {
            *place = offset;
        }
        *count += 1;
    }

    /// Returns the count of a kind.
    #[must_use]
    pub const fn count(&self, kind: Anomaly) -> u64 {
        self.counts[kind as usize]
    }

    /// Returns the first offsets of a kind: bytes from the start of the file to the frame.
    #[must_use]
    pub fn places(&self, kind: Anomaly) -> &[u64] {
        let kept = usize::try_from(self.count(kind)).map_or(PLACES, |n| n.min(PLACES));
        &self.places[kind as usize][..kept]
    }

    /// Returns the count of all kinds.
    #[must_use]
    pub fn total(&self) -> u64 {
        self.counts.iter().sum()
    }
}
