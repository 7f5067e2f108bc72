//! Dense map: from ids that are handed out in sequence to small values, for one owner.
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
//! The last `N` ids that could have been handed out are the window; the low bits of an id are its place. There is no
//! hash, no search and nothing stored about an id but one byte: whether it is there.
//!
//! ```text
//!     old: refused        the window, N ids            a new id moves the end on
//!   ----------------|-------------------------------|---------------------------->  ids
//!               end - N                            end
//! ```

use crate::capacity::{Checked, CheckedCapacity, checked};
use core::fmt;
use zerocopy::FromZeros;

/// A map from ids to values for ids that a session hands out in sequence: a window of `N` ids that moves on with the
/// newest. `N` is a power of two (checked at compile time); any `N` ids in a row fit.
///
/// Ids that are not in the window are unknown. All-zero bytes are the empty map, whose window may start anywhere.
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

/// Why an id was not taken in. The map is as it was.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
#[non_exhaustive]
pub enum DenseError {
    /// An id that is still there would drop out of the window: remove the oldest ids first.
    Full,
    /// The id is older than the window: it cannot come back. Ids go up.
    Old,
    /// `u64::MAX` is never in: hand out lower ids.
    Last,
}

impl fmt::Display for DenseError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Full => "an older id is in the way: remove the oldest ids and try again, or make the window larger",
            Self::Old => "the id is older than the window: hand out ids that go up",
            Self::Last => "the greatest number is no id: hand out lower ones",
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

    /// An empty map.
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

    /// Whether the id lies in the window.
    #[inline(always)]
    const fn is_inside(&self, id: u64) -> bool {
        // One subtraction for both ends: an id at or after the end wraps to a great number. Before the first insert
        // the end is 0 and ids from 2^64 - N on look inside; nothing is live there, and `insert` asks for the end first.
        self.end.wrapping_sub(1).wrapping_sub(id) < N as u64
    }

    /// The place of an id that is there.
    #[inline(always)]
    fn find(&self, id: u64) -> Option<usize> {
        let place = Self::place(id);
        (self.is_inside(id) && self.live[place]).then_some(place)
    }

    /// The value of an id; `None` when it was removed, never came, or is not in the window.
    #[inline]
    #[must_use]
    pub fn get(&self, id: u64) -> Option<V> {
        self.find(id).map(|place| self.values[place & Self::MASK])
    }

    /// The value of an id, to change it.
    #[inline]
    #[must_use]
    pub fn get_mut(&mut self, id: u64) -> Option<&mut V> {
        let place = self.find(id)?;
        Some(&mut self.values[place & Self::MASK])
    }

    /// Whether the id is there.
    #[inline]
    #[must_use]
    pub fn contains(&self, id: u64) -> bool {
        self.find(id).is_some()
    }

    /// Gives an id a value, and returns the one it had. A new id after the window moves the window on.
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

    /// Moves the window on until `id` is its newest.
    #[inline(always)]
    fn slide(&mut self, id: u64) -> Result<(), DenseError> {
        if self.len > 0 && id == self.end {
            // The usual case: the next id. It takes the place of the oldest one.
            if self.live[Self::place(id)] {
                return Err(DenseError::Full);
            }
        } else {
            self.leap(id)?;
        }
        self.end = id.checked_add(1).ok_or(DenseError::Last)?;
        Ok(())
    }

    /// Whether the window may move on past ids that never came: those that drop out must have gone.
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

    /// Removes an id, and returns its value.
    #[inline]
    pub fn remove(&mut self, id: u64) -> Option<V> {
        let place = self.find(id)? & Self::MASK;
        self.live[place] = false;
        self.len -= 1;
        Some(self.values[place])
    }

    /// How many ids are there.
    #[inline]
    #[must_use]
    pub const fn len(&self) -> usize {
        checked!(Self);
        self.len
    }

    /// Whether no id is there.
    #[inline]
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        checked!(Self);
        self.len == 0
    }

    /// The ids that the window spans, whether they are there or not. At most `N`; empty before the first insert.
    #[must_use]
    pub const fn window(&self) -> core::ops::Range<u64> {
        checked!(Self);
        self.end.saturating_sub(N as u64)..self.end
    }

    /// The ids that are there and their values, oldest first. Walks the window.
    pub fn iter(&self) -> impl Iterator<Item = (u64, V)> + '_ {
        self.window().filter_map(|id| Some((id, self.get(id)?)))
    }

    /// Removes all ids. The window stays where it is, so that old ids stay old.
    pub fn clear(&mut self) {
        checked!(Self);
        self.live.fill(false);
        self.len = 0;
    }

    /// Checks that the counts are right. Walks the map; for tests.
    ///
    /// # Panics
    /// When something is wrong, which is a bug here.
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
