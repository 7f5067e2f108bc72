//! Why a snapshot was not restored.

/// Why a snapshot was not restored, and at which byte of it the reason stands.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
#[non_exhaustive]
pub struct RestoreError {
    /// The reason.
    pub fault: RestoreFault,
    /// The byte, from 0, where the record begins that shows it.
    pub offset: u64,
}

impl RestoreError {
    pub(crate) const fn new(fault: RestoreFault, offset: u64) -> Self {
        Self { fault, offset }
    }

    /// Whether the engine was emptied before the reason was found. Only [`RestoreFault::IdTwice`] and
    /// [`RestoreFault::StampTwice`] are found so late, and no snapshot that an engine wrote has them.
    #[must_use]
    pub const fn left_empty(&self) -> bool {
        matches!(self.fault, RestoreFault::IdTwice | RestoreFault::StampTwice)
    }
}

/// What is wrong with a snapshot, or with the engine that it does not fit into.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
#[non_exhaustive]
pub enum RestoreFault {
    /// It does not begin like a snapshot: give the bytes that `save` wrote.
    NotASnapshot,
    /// It has this version, and only version 1 is known here: read it with the release that wrote it.
    Version(u32),
    /// It is shorter or longer than it says, or than what it says to hold: get it whole.
    Length,
    /// Its checksum does not fit: the bytes changed after they were written; get an undamaged copy.
    Checksum,
    /// A record with an unknown code, or a field that it cannot have or lacks.
    BadRecord,
    /// It holds more than this engine has room for: restore into a bigger one.
    NoRoom {
        /// Of what.
        of: Capacity,
        /// How many there are.
        needed: u64,
        /// How many fit.
        room: u64,
    },
    /// Owners are not in ascending order, or one is there twice.
    OwnerOrder,
    /// An order or stop whose price lies outside the band of its instrument.
    OutOfBand,
    /// Orders that are not sorted by side, then by price from the best, then visible before hidden, then by entry
    /// (icebergs anywhere among the visible).
    QueueOrder,
    /// The open quantities of a level add up to more than a `u64` holds.
    LevelTotal,
    /// Bids meet asks, although trading is continuous.
    Crossed,
    /// An order that should have expired: its time has come, or it is a day order of a closed instrument.
    Expired,
    /// A stop that should have been triggered, or whose anchor does not fit the last trade price.
    StopDue,
    /// An entry stamp that was not given yet, or stops that are not sorted by it.
    EntryOrder,
    /// A window of near prices that no ladder has.
    Window,
    /// Two live orders of an instrument have one id.
    IdTwice,
    /// Two live orders of an instrument have one entry stamp.
    StampTwice,
}

/// What an engine can have too little room for.
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
    /// Price levels of one side outside its window.
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
