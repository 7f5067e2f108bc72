//! The newest value: one writer, readers in any process.

use super::constructors::constructors;
use super::endpoint::{Claim, ClaimError, Endpoint, Peer};
use crate::memory::region::{
    LayoutHash, Message, ReadOnlyLayout, Region, RegionDir, RegionError, RegionOptions, RegionView, SharedLayout,
};
use std::os::fd::OwnedFd;
use std::sync::Arc;
use vvp_core::cell::Latest;
use vvp_core::cell::{ReadError, Reader, Writer};
use zerocopy::FromZeros;

/// The writer's end, and the core's `Latest` behind it.
#[derive(FromZeros)]
#[repr(C)]
struct Shared<T> {
    writer: Endpoint,
    latest: Latest<T>,
}

// SAFETY: zero is "nothing yet" without an owner, and nothing is a pointer. All words are atomics; the version chooses one
// of four places by its low bits; of values, any bytes are valid. Messages need no drop.
unsafe impl<T: Message> SharedLayout for Shared<T> {
    const LAYOUT_HASH: u64 = LayoutHash::new("latest cell 1").with(T::LAYOUT_HASH).shape_of::<Self>().finish();
}

// SAFETY: `LatestView` gives nothing but readers, and those only load; so does `Endpoint::peer`.
unsafe impl<T: Message> ReadOnlyLayout for Shared<T> {}

/// The newest value of a kind, written by one process and read by any.
///
/// ```
/// use vvp_std_adapter::ipc::LatestCell;
/// use vvp_std_adapter::memory::region::RegionOptions;
/// let cell = LatestCell::<[u64; 4]>::anonymous(&RegionOptions::READY)?;
/// let (mut writer, mut reader) = (cell.writer()?, cell.reader());
/// writer.write([1, 2, 3, 4]);
/// assert_eq!(reader.read(), Ok([1, 2, 3, 4]));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug)]
pub struct LatestCell<T: Message> {
    region: Arc<Region<Shared<T>>>,
}

impl<T: Message> LatestCell<T> {
    constructors!();

    /// Claims the writer: free, or that of a process that died. A value that one was writing was never published.
    ///
    /// # Errors
    /// [`ClaimError`]
    pub fn writer(&self) -> Result<LatestWriter<T>, ClaimError> {
        let claim = Claim::new(&self.region, |shared, _| &shared.writer, 0)?;
        // SAFETY: the region lives as long as `claim`, which is dropped after the writer.
        let latest: &'static Latest<T> = unsafe { &*core::ptr::from_ref(&self.region.latest) };
        // SAFETY: the claim is ours, and its last owner gave it back or is dead.
        Ok(LatestWriter { end: unsafe { latest.take_over_writer() }, claim })
    }

    /// A reader; any number of them.
    pub fn reader(&self) -> LatestReader<T> {
        // SAFETY: the region lives as long as the `Arc` beside it, which is dropped after the reader.
        let latest: &'static Latest<T> = unsafe { &*core::ptr::from_ref(&self.region.latest) };
        LatestReader { end: latest.reader(), region: Arc::clone(&self.region) }
    }
}

/// The one who writes. Dropping it gives the right to write back; the value stays.
#[derive(Debug)]
#[must_use = "dropping the writer gives its end back"]
pub struct LatestWriter<T: Message> {
    // Before the claim, so that it is dropped before the end and the region are given back.
    end: Writer<'static, T>,
    claim: Claim<Shared<T>>,
}

impl<T: Message> LatestWriter<T> {
    /// Writes the newest value. Wait-free; readers see it whole, or not yet, also if this process is killed meanwhile.
    #[inline]
    pub fn write(&mut self, value: T) {
        self.end.write(value);
    }

    /// How many values were published, by this process and those whose place it took (wrapping; 0 is left out).
    #[must_use]
    pub const fn version(&self) -> usize {
        self.end.version()
    }

    /// Shows that this side is at work.
    pub fn beat(&self) {
        self.claim.end().beat();
    }
}

/// A reader of a [`LatestCell`].
#[derive(Debug)]
pub struct LatestReader<T: Message> {
    end: Reader<'static, T>,
    region: Arc<Region<Shared<T>>>,
}

impl<T: Message> LatestReader<T> {
    /// The newest value.
    ///
    /// # Errors
    /// [`ReadError`]
    #[inline]
    pub fn read(&mut self) -> Result<T, ReadError> {
        self.end.read()
    }

    /// The newest value, if it is newer than the one read last.
    #[inline]
    pub fn read_if_newer(&mut self) -> Option<T> {
        self.end.read_if_newer()
    }

    /// The writer's process.
    #[must_use]
    pub fn peer(&self) -> Peer {
        self.region.writer.peer(self.region.region())
    }
}

/// A reader whose mapping is read-only: this process cannot change the region, whatever it does.
#[derive(Debug)]
pub struct LatestView<T: Message> {
    end: Reader<'static, T>,
    region: RegionView<Shared<T>>,
}

impl<T: Message> LatestView<T> {
    /// Opens the cell of this name in [`RegionDir::standard`].
    ///
    /// # Errors
    /// [`RegionError`]
    pub fn open(name: &str) -> Result<Self, RegionError> {
        Self::open_in(&RegionDir::standard()?, name)
    }

    /// Opens the cell of this name in `dir`.
    ///
    /// # Errors
    /// [`RegionError`]
    pub fn open_in(dir: &RegionDir, name: &str) -> Result<Self, RegionError> {
        let region = RegionView::<Shared<T>>::open_in(dir, name)?;
        // SAFETY: the region lives as long as the view beside it, which is dropped after the reader.
        let latest: &'static Latest<T> = unsafe { &*core::ptr::from_ref(&region.get().latest) };
        Ok(Self { end: latest.reader(), region })
    }

    /// The newest value.
    ///
    /// # Errors
    /// [`ReadError`]
    pub fn read(&mut self) -> Result<T, ReadError> {
        self.end.read()
    }

    /// The writer's process.
    #[must_use]
    pub fn peer(&self) -> Peer {
        self.region.get().writer.peer(self.region.region())
    }
}
