//! Statistics and errors of the map.

use core::fmt;

/// Statistics of a map. While the map is in use, each number was true at some moment during the
/// call.
///
/// All but `capacity` and `len` wrap with `usize`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
#[non_exhaustive]
pub struct MapStats {
    /// The most keys.
    pub capacity: usize,
    /// Number of keys, those about to be inserted included.
    pub len: usize,
    /// Number of new keys inserted.
    pub inserted: usize,
    /// Number of keys removed.
    pub removed: usize,
    /// Number of entries moved to free a place for another home.
    pub moved: usize,
    /// Number of attempts repeated because another writer was first.
    pub repeated: usize,
    /// Number of changes refused because the map was full.
    pub refused: usize,
}

/// Reason why a value was not replaced.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
#[non_exhaustive]
pub enum UpdateError<V> {
    /// There is no such key: insert it.
    Missing,
    /// The value is not the expected one but this: start again from it.
    Changed(V),
    /// No place was free for the new value, because too many writers have stalled: try again.
    Full,
}

impl<V> fmt::Display for UpdateError<V> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Missing => "there is no such key: insert it",
            Self::Changed(_) => "the value is not the expected one: start again from the current one",
            Self::Full => "no place is free for the new value, because too many writers have stalled: try again",
        })
    }
}

impl<V: fmt::Debug> core::error::Error for UpdateError<V> {}

/// Error of an attempt during which a writer changed a key of the same home: try again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct Contended;

impl fmt::Display for Contended {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a writer changed a key of the same home bucket: try again")
    }
}

impl core::error::Error for Contended {}
