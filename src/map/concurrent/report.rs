//! What a map says: its counts and its refusals.

use core::fmt;

/// What a map has done so far. Read while it is in use, each number was true at a moment during the call.
///
/// All but `capacity` and `len` wrap with `usize`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
#[non_exhaustive]
pub struct MapStats {
    /// How many keys fit.
    pub capacity: usize,
    /// Keys that are there, and those about to be.
    pub len: usize,
    /// New keys put in.
    pub inserted: usize,
    /// Keys removed.
    pub removed: usize,
    /// Keys moved to make room nearer to another's home.
    pub moved: usize,
    /// Changes tried again because another writer was first.
    pub repeated: usize,
    /// Changes refused because the map was full.
    pub refused: usize,
}

/// Why a value was not changed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
#[non_exhaustive]
pub enum UpdateError<V> {
    /// The key is not there: insert it.
    Missing,
    /// The value is not the expected one but this: start again from it.
    Changed(V),
    /// There was no place to write the new value to: too many writers have stalled. Try again.
    Full,
}

impl<V> fmt::Display for UpdateError<V> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Missing => "the key is not there: insert it",
            Self::Changed(_) => "the value is not the expected one: start again from what it is now",
            Self::Full => "no place is free for the new value, because too many writers have stalled: try again",
        })
    }
}

impl<V: fmt::Debug> core::error::Error for UpdateError<V> {}

/// A writer changed a key of the same home during the call: try again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct Contended;

impl fmt::Display for Contended {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a writer was at work on this key or one beside it: try again")
    }
}

impl core::error::Error for Contended {}
