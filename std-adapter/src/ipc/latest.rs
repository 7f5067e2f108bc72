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

/// The writer's endpoint, followed by the core's `Latest`.
#[derive(FromZeros)]
#[repr(C)]
struct Shared<T> {
    writer: Endpoint,
    latest: Latest<T>,
}

// SAFETY: zero is an empty cell without an owner, and nothing is a pointer. All words are atomics;
// the low bits of the version select one of four slots; any bytes are a valid value. Messages need
// no drop.
unsafe impl<T: Message> SharedLayout for Shared<T> {
    const LAYOUT_HASH: u64 = LayoutHash::new("latest cell 1").with(T::LAYOUT_HASH).shape_of::<Self>().finish();
}

// SAFETY: `LatestView` gives out only readers, which only load; so does `Endpoint::peer`.
unsafe impl<T: Message> ReadOnlyLayout for Shared<T> {}

/// The newest value of a kind, written by one process and read by any (a seqlock).
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

    /// Claims the writer's endpoint if it is free or its owner is dead. A value that the dead
    /// writer had not finished was never published.
    ///
    /// # Errors
    /// [`ClaimError`]
    pub fn writer(&self) -> Result<LatestWriter<T>, ClaimError> {
        let claim = Claim::new(&self.region, |shared, _| &shared.writer, 0)?;
        // SAFETY: `claim` keeps the region mapped, and is dropped after the writer.
        let latest: &'static Latest<T> = unsafe { &*core::ptr::from_ref(&self.region.latest) };
        // SAFETY: this process owns the claim; the last owner released it or is dead.
        Ok(LatestWriter { end: unsafe { latest.take_over_writer() }, claim })
    }

    /// Returns a reader; there can be any number.
    pub fn reader(&self) -> LatestReader<T> {
        // SAFETY: the `Arc` beside it keeps the region mapped, and is dropped after the reader.
        let latest: &'static Latest<T> = unsafe { &*core::ptr::from_ref(&self.region.latest) };
        LatestReader { end: latest.reader(), region: Arc::clone(&self.region) }
    }
}

/// The writer. Dropping it releases the endpoint; the value stays.
#[derive(Debug)]
#[must_use = "dropping the writer releases its endpoint"]
pub struct LatestWriter<T: Message> {
    // Before the claim: dropped before the endpoint and the region are released.
    end: Writer<'static, T>,
    claim: Claim<Shared<T>>,
}

impl<T: Message> LatestWriter<T> {
    /// Writes the newest value. Wait-free; readers see either the whole value or the one before,
    /// even if this process is killed meanwhile.
    #[inline]
    pub fn write(&mut self, value: T) {
        self.end.write(value);
    }

    /// Returns the number of values published, by this process and its predecessors (it wraps,
    /// skipping 0).
    #[must_use]
    pub const fn version(&self) -> usize {
        self.end.version()
    }

    /// Increments this side's heartbeat.
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
    /// Returns the newest value.
    ///
    /// # Errors
    /// [`ReadError`]
    #[inline]
    pub fn read(&mut self) -> Result<T, ReadError> {
        self.end.read()
    }

    /// Returns the newest value if it is newer than the last one read.
    #[inline]
    pub fn read_if_newer(&mut self) -> Option<T> {
        self.end.read_if_newer()
    }

    /// Returns the writer's process.
    #[must_use]
    pub fn peer(&self) -> Peer {
        self.region.writer.peer(self.region.region())
    }
}

/// A reader with a read-only mapping: this process cannot change the region.
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
        // SAFETY: the view beside it keeps the region mapped, and is dropped after the reader.
        let latest: &'static Latest<T> = unsafe { &*core::ptr::from_ref(&region.get().latest) };
        Ok(Self { end: latest.reader(), region })
    }

    /// Returns the newest value.
    ///
    /// # Errors
    /// [`ReadError`]
    pub fn read(&mut self) -> Result<T, ReadError> {
        self.end.read()
    }

    /// Returns the writer's process.
    #[must_use]
    pub fn peer(&self) -> Peer {
        self.region.get().writer.peer(self.region.region())
    }
}
