//! Errors of a restore.

/// A snapshot was not restored: the reason, and its place in the bytes.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
#[non_exhaustive]
pub struct RestoreError {
    /// The reason.
    pub fault: RestoreFault,
    /// Offset of the offending record in bytes from the start.
    pub offset: u64,
}

impl RestoreError {
    pub(crate) const fn new(fault: RestoreFault, offset: u64) -> Self {
        Self { fault, offset }
    }

    /// Returns whether the engine is empty now. Only [`RestoreFault::IdTwice`] and
    /// [`RestoreFault::StampTwice`] are found after the old state is gone, and no snapshot that an
    /// engine wrote has them.
    #[must_use]
    pub const fn left_empty(&self) -> bool {
        matches!(self.fault, RestoreFault::IdTwice | RestoreFault::StampTwice)
    }
}

/// Reason why a snapshot is refused.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
#[non_exhaustive]
pub enum RestoreFault {
    /// It lacks the magic number of a snapshot: pass the bytes that `save` wrote.
    NotASnapshot,
    /// It has this version, and only version 1 is supported: use the release that wrote it.
    Version(u32),
    /// Its length differs from its header, or from what its counts need: pass all of it.
    Length,
    /// Its checksum differs: the bytes are damaged; use an undamaged copy.
    Checksum,
    /// A record has an unknown code, or a field too many or too few.
    BadRecord,
    /// It exceeds a capacity of this engine: restore into a bigger one.
    NoRoom {
        /// The capacity.
        of: Capacity,
        /// Number in the snapshot.
        needed: u64,
        /// Capacity of the engine.
        room: u64,
    },
    /// Owners are not in strictly ascending order.
    OwnerOrder,
    /// A price lies outside the band of its instrument.
    OutOfBand,
    /// Orders are not sorted by side, then by price from the best, then visible before hidden, then
    /// by entry (icebergs anywhere among the visible).
    QueueOrder,
    /// The open quantities of a level overflow a `u64`.
    LevelTotal,
    /// The book is crossed, although trading is continuous.
    Crossed,
    /// An order should have expired: its time has passed, or it is a day order of a closed
    /// instrument.
    Expired,
    /// A stop should have been triggered, or its anchor contradicts the last trade price.
    StopDue,
    /// An entry stamp was not assigned yet, or stops are not sorted by it.
    EntryOrder,
    /// No ladder can have such a near-level window.
    Window,
    /// Two live orders of an instrument have the same id.
    IdTwice,
    /// Two live orders of an instrument have the same entry stamp.
    StampTwice,
}

/// A capacity of an engine.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
#[non_exhaustive]
pub enum Capacity {
    /// Instruments.
    Instruments,
    /// Owners with risk limits.
    Owners,
    /// Resting orders of one instrument.
    Orders,
    /// Price levels of one side outside its near-level window.
    FarLevels,
    /// Untriggered stops of one instrument.
    Stops,
}

impl core::fmt::Display for Capacity {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.write_str(match self {
            Self::Instruments => "instruments",
            Self::Owners => "owners with limits",
            Self::Orders => "orders of one instrument",
            Self::FarLevels => "price levels of one side outside the window",
            Self::Stops => "stops of one instrument",
        })
    }
}

impl core::fmt::Display for RestoreError {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        let damaged = match self.fault {
            RestoreFault::NotASnapshot => return f.write_str("not a snapshot: give the bytes that `save` wrote"),
            RestoreFault::Version(found) => {
                return write!(f, "a snapshot of version {found}, and only 1 is known: use the release that wrote it");
            }
            RestoreFault::Length => return f.write_str("a snapshot that is cut off or goes on too long: get it whole"),
            RestoreFault::Checksum => {
                return f.write_str("a snapshot whose checksum does not fit: get an undamaged copy");
            }
            RestoreFault::NoRoom { of, needed, room } => {
                return write!(f, "{needed} {of} where {room} fit: restore into a bigger engine");
            }
            RestoreFault::BadRecord => "an unknown code, or a field that does not belong",
            RestoreFault::OwnerOrder => "owners out of order",
            RestoreFault::OutOfBand => "a price outside the band",
            RestoreFault::QueueOrder => "orders out of order",
            RestoreFault::LevelTotal => "a level with more than 2^64 - 1 lots",
            RestoreFault::Crossed => "bids that meet asks",
            RestoreFault::Expired => "an order that should have expired",
            RestoreFault::StopDue => "a stop that should have been triggered",
            RestoreFault::EntryOrder => "an entry stamp out of order",
            RestoreFault::Window => "an impossible window",
            RestoreFault::IdTwice => "an id twice",
            RestoreFault::StampTwice => "an entry stamp twice",
        };
        write!(f, "not what an engine writes, {damaged} at byte {}: use another snapshot", self.offset)
    }
}

impl core::error::Error for RestoreError {}
