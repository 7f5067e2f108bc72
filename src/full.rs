//! The error of every operation that adds one value to a full structure.

use core::fmt;

/// Error of adding a value to a full queue, map or slab; returns the value. The structure is
/// unchanged.
///
/// Remove a value, or wait until the other side does, and try again. A queue's `is_closed` returns
/// whether the other side has gone.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Full<T>(pub T);

impl<T> fmt::Debug for Full<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Full(..)")
    }
}

impl<T> fmt::Display for Full<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("no free slot: the value was not added; try again once another value is removed")
    }
}

impl<T> core::error::Error for Full<T> {}

#[cfg(all(feature = "defmt", not(loom)))]
impl<T> defmt::Format for Full<T> {
    fn format(&self, f: defmt::Formatter<'_>) {
        defmt::write!(f, "Full(..)");
    }
}
