//! A region that this process can only read.

use super::directory::RegionDir;
use super::{RegionError, RegionOptions, SharedLayout, SharedRegion};
use crate::memory::Access;
use core::marker::PhantomData;

/// A layout that can be used in a read-only mapping.
///
/// # Safety
/// Code that gives out the value of a [`RegionView`] in any form allows no call on it that stores.
pub(crate) unsafe trait ReadOnlyLayout: SharedLayout {}

/// A `T` in shared memory, mapped read-only.
pub(crate) struct RegionView<T> {
    bytes: SharedRegion,
    _contents: PhantomData<T>,
}

// SAFETY: gives out only `&T`, which may go to any thread as `T: Sync`; the mapping belongs to the
// process.
unsafe impl<T: ReadOnlyLayout> Send for RegionView<T> {}
// SAFETY: as above.
unsafe impl<T: ReadOnlyLayout> Sync for RegionView<T> {}

impl<T: ReadOnlyLayout> RegionView<T> {
    /// Opens the region of this name.
    pub(crate) fn open_in(dir: &RegionDir, name: &str) -> Result<Self, RegionError> {
        let what = super::Region::<T>::what();
        let file = dir.open(name, Access::ReadOnly)?;
        let bytes = SharedRegion::attach(file, what, &RegionOptions::default(), Access::ReadOnly)?;
        Ok(Self { bytes, _contents: PhantomData })
    }

    /// Returns the underlying region.
    pub(crate) const fn region(&self) -> &SharedRegion {
        &self.bytes
    }

    /// Returns the value. Crate-private: see [`ReadOnlyLayout`].
    pub(crate) const fn get(&self) -> &T {
        // SAFETY: mapped for a `T` as long as `self` lives; zero at first, and `T` tolerates any
        // bytes that other processes write.
        unsafe { self.bytes.contents().cast::<T>().as_ref() }
    }
}

impl<T> core::fmt::Debug for RegionView<T> {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.debug_struct("RegionView").field("bytes", &self.bytes).finish()
    }
}
