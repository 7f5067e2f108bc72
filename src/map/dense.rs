//! Dense map: from ids that are assigned in sequence to small values, for one owner.
//!
//! ```
//! use vvp_core::map::{DenseError, DenseMap};
//!
//! let mut orders = DenseMap::<u32, 4>::new();
//! for id in 100..104 {
//!     orders.insert(id, id as u32 * 2)?;
//! }
//! assert_eq!((orders.get(102), orders.get(7), orders.get(104)), (Some(204), None, None));
//! // The window moves on only when the oldest id has gone.
//! assert_eq!(orders.insert(104, 0), Err(DenseError::Full));
//! assert_eq!(orders.remove(100), Some(200));
//! orders.insert(104, 0)?;
//! assert_eq!(orders.insert(100, 0), Err(DenseError::Old));
//! # Ok::<(), DenseError>(())
//! ```
//!
//! # How it works
//! The last `N` ids that could have been assigned are the window; the low bits of an id are its
//! place. There is no hash and no search, and all that is stored of an id is one byte: whether it
//! is present.
//!
//! ```text
//!     old: refused        the window, N ids            a new id moves the end on
//!   ----------------|-------------------------------|---------------------------->  ids
//!               end - N                            end
//! ```

use crate::capacity::{Checked, CheckedCapacity, checked};
use core::fmt;
use zerocopy::FromZeros;

/// A map from ids to values for ids that a session assigns in sequence: a sliding window of `N` ids
/// that ends at the newest. `N` is a power of two (checked at compile time); any `N` consecutive
/// ids fit.
///
/// Ids outside the window are absent. All-zero bytes are the empty map, whose window may start
/// anywhere.
///
/// | operation | cost |
/// |---|---|
/// | `get`, `get_mut`, `remove` | one byte and one value, whatever `N` |
/// | `insert` of the next id, or of one within the window | the same |
/// | `insert` of an id that skips `k` others | `k` bytes more, `N` at most |
#[derive(Debug, FromZeros)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
#[repr(C)]
pub struct DenseMap<V, const N: usize> {
    /// One after the newest id of the window; 0 before the first insert.
    end: u64,
    len: usize,
    live: [bool; N],
    values: [V; N],
    checked: Checked<Self>,
}

/// Reason why an id was not inserted. The map is unchanged.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
#[non_exhaustive]
pub enum DenseError {
    /// A present id would drop out of the window: remove the oldest ids first.
    Full,
    /// The id is older than the window and cannot be inserted any more: ids must ascend.
    Old,
    /// `u64::MAX` is never inserted: assign lower ids.
    Last,
}

impl fmt::Display for DenseError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Full => {
                "an older id is still present: remove the oldest ids and try again, or make the window larger"
            }
            Self::Old => "the id is older than the window: assign ascending ids",
            Self::Last => "the greatest number cannot be an id: assign lower ones",
        })
    }
}

impl core::error::Error for DenseError {}

impl<V, const N: usize> CheckedCapacity for DenseMap<V, N> {
    const CHECK: () = assert!(N.is_power_of_two() && N <= 1 << 30, "DenseMap: N must be a power of two up to 2^30");
}

impl<V: Copy + FromZeros, const N: usize> DenseMap<V, N> {
    const MASK: usize = {
        checked!(Self);
        N - 1
    };

    /// Creates an empty map.
    #[must_use]
    pub const fn new() -> Self {
        Self {
            end: 0,
            len: 0,
            live: [false; N],
            // SAFETY: V may be all zeros (`FromZeros`).
            values: unsafe { core::mem::zeroed() },
            checked: Checked::new(),
        }
    }

    #[inline(always)]
    const fn place(id: u64) -> usize {
        id as usize & Self::MASK
    }

    /// Returns whether the id lies in the window.
    #[inline(always)]
    const fn is_inside(&self, id: u64) -> bool {
        // One subtraction for both ends: an id at or after the end wraps to a great number. Before
        // the first insert the end is 0 and ids from 2^64 - N on seem to be inside; none is
        // present, and `insert` checks the end first.
        self.end.wrapping_sub(1).wrapping_sub(id) < N as u64
    }

    /// Returns the place of an id that is present.
    #[inline(always)]
    fn find(&self, id: u64) -> Option<usize> {
        let place = Self::place(id);
        (self.is_inside(id) && self.live[place]).then_some(place)
    }

    /// Returns the value of an id; `None` if it was removed, was never inserted, or is outside the
    /// window.
    #[inline]
    #[must_use]
    pub fn get(&self, id: u64) -> Option<V> {
        self.find(id).map(|place| self.values[place & Self::MASK])
    }

    /// Returns the value of an id for changing it.
    #[inline]
    #[must_use]
    pub fn get_mut(&mut self, id: u64) -> Option<&mut V> {
        let place = self.find(id)?;
        Some(&mut self.values[place & Self::MASK])
    }

    /// Returns whether the id is present.
    #[inline]
    #[must_use]
    pub fn contains(&self, id: u64) -> bool {
        self.find(id).is_some()
    }

    /// Inserts an id or replaces its value, and returns the previous value. A new id after the
    /// window moves the window.
    ///
    /// # Errors
    /// See [`DenseError`].
    #[inline]
    pub fn insert(&mut self, id: u64, value: V) -> Result<Option<V>, DenseError> {
        let place = Self::place(id);
        if id >= self.end {
            self.slide(id)?;
        } else if !self.is_inside(id) {
            return Err(DenseError::Old);
        } else if self.live[place] {
            return Ok(Some(core::mem::replace(&mut self.values[place], value)));
        }
        self.live[place] = true;
        self.values[place] = value;
        self.len += 1;
        Ok(None)
    }

    /// Moves the window so that `id` is its newest.
    #[inline(always)]
    fn slide(&mut self, id: u64) -> Result<(), DenseError> {
        if self.len > 0 && id == self.end {
            // The usual case: the next id, which takes the place of the oldest one.
            if self.live[Self::place(id)] {
                return Err(DenseError::Full);
            }
        } else {
            self.leap(id)?;
        }
        self.end = id.checked_add(1).ok_or(DenseError::Last)?;
        Ok(())
    }

    /// Checks whether the window may skip ids that were never inserted: those that drop out must be
    /// absent.
    #[cold]
    fn leap(&self, id: u64) -> Result<(), DenseError> {
        if self.len == 0 {
            return Ok(());
        }
        let skipped = id - self.end;
        if skipped >= N as u64 || (0..=skipped).any(|k| self.live[Self::place(self.end + k)]) {
            return Err(DenseError::Full);
        }
        Ok(())
    }

    /// Removes an id and returns its value.
    #[inline]
    pub fn remove(&mut self, id: u64) -> Option<V> {
        let place = self.find(id)? & Self::MASK;
        self.live[place] = false;
        self.len -= 1;
        Some(self.values[place])
    }

    /// Returns the number of ids.
    #[inline]
    #[must_use]
    pub const fn len(&self) -> usize {
        checked!(Self);
        self.len
    }

    /// Returns whether the map is empty.
    #[inline]
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        checked!(Self);
        self.len == 0
    }

    /// Returns the range of ids in the window, whether present or not. At most `N`; empty before
    /// the first insert.
    #[must_use]
    pub const fn window(&self) -> core::ops::Range<u64> {
        checked!(Self);
        self.end.saturating_sub(N as u64)..self.end
    }

    /// Iterates over the present ids and their values, oldest first. Visits the whole window.
    pub fn iter(&self) -> impl Iterator<Item = (u64, V)> + '_ {
        self.window().filter_map(|id| Some((id, self.get(id)?)))
    }

    /// Removes all ids. The window stays, so that old ids remain old.
    pub fn clear(&mut self) {
        checked!(Self);
        self.live.fill(false);
        self.len = 0;
    }

    /// Checks that the counts are right. Visits the whole map; for tests.
    ///
    /// # Panics
    /// If an invariant does not hold, which is a bug in this crate.
    pub fn check_invariants(&self) {
        assert!(self.live.iter().filter(|live| **live).count() == self.len, "count");
        assert!(self.iter().count() == self.len, "all ids are in the window");
    }
}

impl<V: Copy + FromZeros, const N: usize> Default for DenseMap<V, N> {
    fn default() -> Self {
        Self::new()
    }
}
