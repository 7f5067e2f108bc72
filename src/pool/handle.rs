//! Handles: copyable names of slots, and the guards of access by handle.

use super::slot::Slot;
use core::fmt;
use core::ops::{Deref, DerefMut};
use zerocopy::{FromBytes, Immutable, IntoBytes, KnownLayout};

/// The name of an acquired slot of a pool: eight bytes without a pointer, to be sent through queues
/// and kept in shared memory.
///
/// ```text
///   offset 0                                        4            8
///   | tag of the pool (32 - log2 N bits) | slot     | generation |
/// ```
///
/// A handle owns nothing and may be copied; the pool validates it at each use. The generation
/// increments each time that a slot gets a handle, so that older handles are stale. It has 32 bits
/// (28 on 32-bit targets): a stale handle is accepted only if the same slot got a handle exactly a
/// multiple of 2^32 (2^28) times meanwhile. Pools number themselves at first use, so that handles
/// of other pools are refused; the numbers repeat after 2^(32 - log2 N) - 1 pools of a process. All
/// bytes are a handle; zero bytes are one that every pool refuses.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, FromBytes, IntoBytes, Immutable, KnownLayout)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
#[repr(C)]
pub struct Handle {
    /// The number of the slot, exclusive-ored with the pool's tag.
    pub(super) place: u32,
    pub(super) generation: u32,
}

const _: () = assert!(size_of::<Handle>() == 8 && align_of::<Handle>() == 4);

impl Handle {
    /// Returns the handle as one number.
    ///
    /// ```
    /// use vvp_core::pool::{Handle, Pool};
    ///
    /// static POOL: Pool<u64, 16> = Pool::new();
    /// let handle = POOL.acquire_handle().expect("free");
    /// assert_eq!(Handle::from_bits(handle.to_bits()), handle);
    /// ```
    #[must_use]
    pub const fn to_bits(self) -> u64 {
        (self.generation as u64) << 32 | self.place as u64
    }

    /// Returns the handle of [`to_bits`](Self::to_bits). Any number is a handle, though hardly a
    /// valid one.
    #[must_use]
    pub const fn from_bits(bits: u64) -> Self {
        Self { place: bits as u32, generation: (bits >> 32) as u32 }
    }
}

/// Reason why a handle was refused. Nothing was changed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
#[non_exhaustive]
pub enum HandleError {
    /// It is not a handle of this pool.
    Foreign,
    /// Its object was released or adopted; the slot may be in use again.
    Stale,
    /// Its object is borrowed at the moment.
    Busy,
}

impl fmt::Display for HandleError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Foreign => "not a handle of this pool: use the pool that it comes from",
            Self::Stale => "the handle was released or adopted already: discard it",
            Self::Busy => "the value is borrowed: try again once it is released",
        })
    }
}

impl core::error::Error for HandleError {}

/// Guard of shared access by a handle: others may read at the same time, none may write or release.
#[must_use = "dropping it ends the loan"]
pub struct Shared<'p, T> {
    /// Its state counts us as one of the readers.
    pub(super) slot: &'p Slot<T>,
}

/// Guard of exclusive access by a handle.
#[must_use = "dropping it ends the loan"]
pub struct Exclusive<'p, T> {
    /// Its state marks it as claimed for writing, by us.
    pub(super) slot: &'p Slot<T>,
}

// SAFETY: it is a `&T`, and a count of readers that any thread may lower.
unsafe impl<T: Sync> Send for Shared<'_, T> {}
// SAFETY: as above; through a `&Shared` there is only `&T`.
unsafe impl<T: Sync> Sync for Shared<'_, T> {}
// SAFETY: it is a `&mut T`, and a state that any thread may set back.
unsafe impl<T: Send> Send for Exclusive<'_, T> {}
// SAFETY: through a `&Exclusive` there is only `&T`.
unsafe impl<T: Sync> Sync for Exclusive<'_, T> {}

impl<T> Deref for Shared<'_, T> {
    type Target = T;
    #[inline(always)]
    fn deref(&self) -> &T {
        // SAFETY: a slot with a handle holds a value, and there are no writes while it has readers.
        unsafe { self.slot.value() }
    }
}

impl<T> Deref for Exclusive<'_, T> {
    type Target = T;
    #[inline(always)]
    fn deref(&self) -> &T {
        // SAFETY: a slot under a handle holds a value, and it is lent to us alone.
        unsafe { self.slot.value() }
    }
}

impl<T> DerefMut for Exclusive<'_, T> {
    #[inline(always)]
    fn deref_mut(&mut self) -> &mut T {
        // SAFETY: as above, and the loan itself is borrowed exclusively.
        unsafe { self.slot.value_mut() }
    }
}

impl<T> Drop for Shared<'_, T> {
    #[inline]
    fn drop(&mut self) {
        self.slot.end_reading();
    }
}

impl<T> Drop for Exclusive<'_, T> {
    #[inline]
    fn drop(&mut self) {
        self.slot.end_writing();
    }
}

impl<T: fmt::Debug> fmt::Debug for Shared<'_, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Shared").field(&**self).finish()
    }
}

impl<T: fmt::Debug> fmt::Debug for Exclusive<'_, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Exclusive").field(&**self).finish()
    }
}
