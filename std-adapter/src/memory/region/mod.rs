//! Memory shared by processes, behind a header that identifies it.
//!
//! A [`SharedRegion`] holds bytes; a [`Region`] holds a typed value. Named regions are files of
//! `/dev/shm` in a directory of this user ([`RegionDir`]); anonymous ones (`memfd`) are passed to
//! other processes as a file descriptor.
//!
//! ```
//! use std::sync::atomic::{AtomicU64, Ordering};
//! use vvp_std_adapter::memory::region::{Region, RegionError, RegionOptions};
//! let ours = Region::<[AtomicU64; 1000]>::anonymous(&RegionOptions::READY)?;
//! ours[7].store(1, Ordering::Relaxed);
//! // In another process, which got the descriptor:
//! let fd = ours.fd().try_clone_to_owned().expect("a descriptor");
//! let theirs = Region::<[AtomicU64; 1000]>::from_fd(fd, &RegionOptions::default())?;
//! assert_eq!(theirs[7].load(Ordering::Relaxed), 1);
//! # Ok::<(), RegionError>(())
//! ```
//!
//! # What another process can do
//! A region is opened only if it belongs to this user and no other user may write to it. A faulty
//! process of the same user can still write anything into it: the words of the header are checked,
//! and a [`SharedLayout`] must tolerate any bytes. It can truncate the file unless that is sealed:
//! touching the missing part then ends this process with SIGBUS, which is not undefined behavior,
//! but fatal.

mod directory;
mod error;
mod header;
mod layout;
mod locks;
mod options;
mod view;

pub use directory::RegionDir;
pub use error::RegionError;
pub use layout::{LayoutHash, Message, SharedLayout};
pub(crate) use locks::{Holder, LockError};
pub use options::{RegionOptions, RegionOutcomes, RegionSetting, Request};
pub(crate) use view::{ReadOnlyLayout, RegionView};

use super::Access;
use super::process::ProcessToken;
use crate::os::{Outcome, last_errno};
use core::marker::PhantomData;
use core::ops::Deref;
use core::ptr::NonNull;
use directory::{check_owner, owned};
use header::{HEADER_BYTES, Header};
use locks::{Locks, reopened};
use options::apply_request;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd};
use std::os::unix::fs::MetadataExt;
use std::sync::atomic::AtomicU8;

const HUGE_PAGE_BYTES: usize = 2 << 20;

/// The layout hash of a region of plain bytes.
const BYTES: u64 = LayoutHash::new("bytes").finish();

/// Shared bytes behind a checked header, page-aligned and zero when created.
#[derive(Debug)]
pub struct SharedRegion {
    start: NonNull<u8>,
    mapped_bytes: usize,
    size: usize,
    outcomes: RegionOutcomes,
    file: OwnedFd,
    locks: Locks,
}

// SAFETY: the mapping belongs to the process, not to a thread.
unsafe impl Send for SharedRegion {}
// SAFETY: a shared reference reaches only atomics.
unsafe impl Sync for SharedRegion {}

impl SharedRegion {
    /// Creates a region of `size` bytes in [`RegionDir::standard`]. It exists until it is removed
    /// ([`RegionDir::remove`]).
    ///
    /// # Errors
    /// [`RegionError`]; nothing is left behind.
    pub fn create(name: &str, size: usize, options: &RegionOptions) -> Result<Self, RegionError> {
        Self::create_in(&RegionDir::standard()?, name, size, options)
    }

    /// Creates a region in another directory.
    ///
    /// # Errors
    /// As for [`create`](Self::create).
    pub fn create_in(dir: &RegionDir, name: &str, size: usize, options: &RegionOptions) -> Result<Self, RegionError> {
        Self::make_named(dir, name, (size, BYTES), options, |_| ())
    }

    /// Opens a region of at least `size` bytes in [`RegionDir::standard`].
    ///
    /// # Errors
    /// [`RegionError`]
    pub fn open(name: &str, size: usize, options: &RegionOptions) -> Result<Self, RegionError> {
        Self::attach(RegionDir::standard()?.open(name, Access::ReadWrite)?, (size, BYTES), options, Access::ReadWrite)
    }

    /// Opens a region in another directory.
    ///
    /// # Errors
    /// As for [`open`](Self::open).
    pub fn open_in(dir: &RegionDir, name: &str, size: usize, options: &RegionOptions) -> Result<Self, RegionError> {
        Self::attach(dir.open(name, Access::ReadWrite)?, (size, BYTES), options, Access::ReadWrite)
    }

    /// Creates a region without a name; another process opens it by [`fd`](Self::fd).
    ///
    /// # Errors
    /// As for [`create`](Self::create).
    pub fn anonymous(size: usize, options: &RegionOptions) -> Result<Self, RegionError> {
        Self::make_anonymous((size, BYTES), options)
    }

    /// Opens the region of a descriptor received from another process.
    ///
    /// # Errors
    /// As for [`open`](Self::open).
    pub fn from_fd(file: OwnedFd, size: usize, options: &RegionOptions) -> Result<Self, RegionError> {
        Self::received(file, (size, BYTES), options)
    }

    /// Returns the bytes after the header. Other processes may change them at any time.
    #[must_use]
    pub fn bytes(&self) -> &[AtomicU8] {
        // SAFETY: `size` bytes from there on are mapped as long as `self` lives, and other
        // processes may change an atomic byte.
        unsafe { core::slice::from_raw_parts(self.contents().as_ptr().cast::<AtomicU8>(), self.size) }
    }

    /// Returns the outcomes of the requested options.
    #[must_use]
    pub const fn outcomes(&self) -> RegionOutcomes {
        self.outcomes
    }

    /// Returns the process that created the region, as it recorded itself; it may be dead.
    #[must_use]
    pub fn creator(&self) -> Option<ProcessToken> {
        self.header().creator()
    }

    /// Increments the heartbeat that all processes of this region share.
    pub fn beat(&self) {
        self.header().beat();
    }

    /// Returns the heartbeat count of the region.
    #[must_use]
    pub fn beats(&self) -> u64 {
        self.header().beats()
    }

    /// Returns the underlying file. This process's endpoints of channels in the region are locked
    /// through it: a process that keeps a copy of this descriptor, or a mapping made through it,
    /// makes this one appear alive after its death. ([`from_fd`](Self::from_fd) keeps none if
    /// `/proc` is available.)
    #[must_use]
    pub fn fd(&self) -> BorrowedFd<'_> {
        self.file.as_fd()
    }

    /// Returns the number of bytes mapped, including the header.
    #[must_use]
    pub const fn mapped_bytes(&self) -> usize {
        self.mapped_bytes
    }

    fn make_named(
        dir: &RegionDir,
        name: &str,
        what: (usize, u64),
        options: &RegionOptions,
        init: impl FnOnce(&Self),
    ) -> Result<Self, RegionError> {
        let this = Self::make(dir.nameless()?, what, options, false)?;
        // Held while the creator is at work.
        let refused = |why| match why {
            LockError::System(errno) => RegionError::System { call: "fcntl", errno },
            LockError::Held => RegionError::System { call: "fcntl", errno: libc::EAGAIN },
        };
        this.lock(this.header().creator_word()).map_err(refused)?;
        // From here on other processes can find it; until `ready` is set they do not use it.
        dir.give_name(&this.file, name)?;
        init(&this);
        this.header().finish();
        this.unlock(this.header().creator_word());
        Ok(this)
    }

    fn make_anonymous(what: (usize, u64), options: &RegionOptions) -> Result<Self, RegionError> {
        let memfd = |more: u32| {
            let flags = libc::MFD_CLOEXEC | libc::MFD_ALLOW_SEALING | more;
            // SAFETY: the name is a constant string with a terminating zero.
            owned(unsafe { libc::memfd_create(c"vvp-region".as_ptr(), flags) }, "memfd_create")
        };
        if options.huge_pages != Request::Off {
            // From the pool of reserved pages if it has enough, else ordinary pages with advice.
            let pooled = memfd(libc::MFD_HUGETLB).and_then(|file| Self::make(file, what, options, true));
            if let Ok(this) = pooled {
                this.header().finish();
                return Ok(this);
            }
        }
        let this = Self::make(memfd(0)?, what, options, false)?;
        this.header().finish();
        Ok(this)
    }

    /// Sets the size and header of a new file.
    fn make(
        file: OwnedFd,
        (size, hash): (usize, u64),
        options: &RegionOptions,
        pool: bool,
    ) -> Result<Self, RegionError> {
        let page = if pool { HUGE_PAGE_BYTES } else { 4096 };
        let total = size.checked_add(HEADER_BYTES).and_then(|n| n.checked_next_multiple_of(page));
        let total = total.filter(|&n| isize::try_from(n).is_ok()).ok_or(RegionError::TooLarge)?;
        let len = libc::off_t::try_from(total).map_err(|_| RegionError::TooLarge)?;
        // Only the machine's memory limits a file without a name: the kernel would allocate until
        // none is left and then kill processes, perhaps other ones than this.
        let available = super::MemorySample::take(&crate::os::System::this()).obtainable_bytes();
        if available.is_some_and(|available| total as u64 > available) {
            return Err(RegionError::NotEnoughMemory {
                needed_bytes: total as u64,
                available_bytes: available.unwrap_or(0),
            });
        }
        // Allocates the space now, so that a lack of it is an error here rather than SIGBUS later.
        // SAFETY: acts on a file of ours; takes no pointer.
        if unsafe { libc::fallocate(file.as_raw_fd(), 0, 0, len) } != 0 {
            return Err(match last_errno() {
                libc::EFBIG => RegionError::TooLarge,
                errno => RegionError::System { call: "fallocate", errno },
            });
        }
        let mut this = Self::map(file, total, size, Access::ReadWrite, true)?;
        this.apply_request(options, pool)?;
        let seal = || {
            let seals = libc::F_SEAL_SHRINK | libc::F_SEAL_GROW | libc::F_SEAL_SEAL;
            // SAFETY: acts on a file of ours; takes no pointer.
            match Outcome::from_return_code(unsafe { libc::fcntl(this.file.as_raw_fd(), libc::F_ADD_SEALS, seals) }) {
                // The error for files that do not support seals: those with a name.
                Outcome::Refused(libc::EINVAL | libc::EPERM) => Outcome::Unsupported,
                outcome => outcome,
            }
        };
        this.outcomes.seals = apply_request(options.seals, RegionSetting::Seals, seal)?;
        this.header().begin(hash, total);
        Ok(this)
    }

    /// Maps the file of a descriptor from another process, through an open file description of our
    /// own if possible. (A mapping keeps the description that it was made through.)
    fn received(file: OwnedFd, what: (usize, u64), options: &RegionOptions) -> Result<Self, RegionError> {
        match reopened(file.as_fd())? {
            Some(ours) => Self::attach(ours, what, options, Access::ReadWrite),
            None => Self::attach_through(file, what, options, Access::ReadWrite, false),
        }
    }

    /// Maps a file that this process opened, and checks its contents.
    fn attach(file: OwnedFd, what: (usize, u64), options: &RegionOptions, access: Access) -> Result<Self, RegionError> {
        Self::attach_through(file, what, options, access, true)
    }

    fn attach_through(
        file: OwnedFd,
        (size, hash): (usize, u64),
        options: &RegionOptions,
        access: Access,
        own_description: bool,
    ) -> Result<Self, RegionError> {
        let file = std::fs::File::from(file);
        let data =
            file.metadata().map_err(|e| RegionError::System { call: "fstat", errno: e.raw_os_error().unwrap_or(0) })?;
        if !data.is_file() {
            return Err(RegionError::NotARegion);
        }
        // A file without a name (memfd) has mode 0777, which has no effect since no name can be
        // opened.
        check_owner(data.uid(), if data.nlink() == 0 { 0 } else { data.mode() })?;
        let found_bytes = data.len();
        let total = size.checked_add(HEADER_BYTES).and_then(|n| n.checked_next_multiple_of(4096));
        let total = total.ok_or(RegionError::TooLarge)?;
        // The header is checked first: its errors are more specific than that of the length.
        let (header, file) = (HEADER_BYTES as u64, OwnedFd::from(file));
        if found_bytes < header {
            return Err(RegionError::TooSmall { needed_bytes: header, found_bytes });
        }
        let pool = data.blksize() == HUGE_PAGE_BYTES as u64;
        let mapped = usize::try_from(found_bytes).map_err(|_| RegionError::TooLarge)?;
        let mut this = Self::map(file, mapped, size, access, own_description)?;
        match this.header().check(hash, total, found_bytes) {
            // Its creator is gone, but may have finished between the two tests.
            Err(RegionError::NotReady { pid }) if this.holder(this.header().creator_word()) == Holder::Free => {
                if !this.header().is_ready() {
                    return Err(RegionError::HalfMade { pid });
                }
            }
            checked => checked?,
        }
        this.apply_request(options, pool)?;
        this.outcomes.seals = apply_request(options.seals, RegionSetting::Seals, || {
            // SAFETY: asks for a number; takes no pointer.
            let seals = unsafe { libc::fcntl(this.file.as_raw_fd(), libc::F_GET_SEALS) };
            // The creator sets seals; this only tests for them.
            if seals > 0 && seals & libc::F_SEAL_SHRINK != 0 { Outcome::Applied } else { Outcome::Unsupported }
        })?;
        Ok(this)
    }

    fn map(
        file: OwnedFd,
        mapped_bytes: usize,
        size: usize,
        access: Access,
        own_description: bool,
    ) -> Result<Self, RegionError> {
        let write = if access == Access::ReadWrite { libc::PROT_WRITE } else { 0 };
        let (null, access) = (core::ptr::null_mut(), libc::PROT_READ | write);
        // SAFETY: a new mapping at an address that the kernel chooses overlaps no memory in use.
        let raw = unsafe { libc::mmap(null, mapped_bytes, access, libc::MAP_SHARED, file.as_raw_fd(), 0) };
        match NonNull::new(raw.cast::<u8>()) {
            Some(start) if raw != libc::MAP_FAILED => {
                let (outcomes, locks) = (RegionOutcomes::default(), Locks::new(own_description));
                Ok(Self { start, mapped_bytes, size, outcomes, file, locks })
            }
            _ => Err(RegionError::System { call: "mmap", errno: last_errno() }),
        }
    }

    fn apply_request(&mut self, options: &RegionOptions, pool: bool) -> Result<(), RegionError> {
        let (start, len) = (self.start.as_ptr().cast::<libc::c_void>(), self.mapped_bytes);
        let huge = || match pool {
            true => Outcome::Applied,
            false if len < HUGE_PAGE_BYTES => Outcome::Unsupported,
            // SAFETY: the range is ours, and the advice changes no contents.
            false => Outcome::from_return_code(unsafe { libc::madvise(start, len, libc::MADV_HUGEPAGE) }),
        };
        let place = || {
            let mut nodes = [0_u64; 16];
            let Some(word) = nodes.get_mut(usize::from(options.node) / 64) else {
                return Outcome::Refused(libc::EINVAL);
            };
            *word |= 1 << (options.node % 64);
            let (bind, bits, none): (libc::c_int, libc::c_ulong, libc::c_uint) = (2, 1024, 0);
            // SAFETY: the range is ours; `nodes` outlives the call and has the number of bits that
            // we pass.
            let code = unsafe { libc::syscall(libc::SYS_mbind, start, len, bind, nodes.as_ptr(), bits, none) };
            match Outcome::from_return_code(i32::try_from(code).unwrap_or(-1)) {
                Outcome::Refused(libc::ENOSYS) => Outcome::Unsupported,
                outcome => outcome,
            }
        };
        // SAFETY: the range is ours, and neither call changes contents.
        let prefault = || Outcome::from_return_code(unsafe { libc::madvise(start, len, libc::MADV_POPULATE_WRITE) });
        // SAFETY: as above.
        let lock = || Outcome::from_return_code(unsafe { libc::mlock(start, len) });
        self.outcomes.huge_pages = apply_request(options.huge_pages, RegionSetting::HugePages, huge)?;
        self.outcomes.node = apply_request(options.on_node, RegionSetting::Node, place)?;
        self.outcomes.prefault = apply_request(options.prefault, RegionSetting::Prefault, prefault)?;
        self.outcomes.lock = apply_request(options.lock, RegionSetting::Lock, lock)?;
        Ok(())
    }

    fn header(&self) -> &Header {
        // SAFETY: the first page is mapped as long as `self` lives; only its atomics are used.
        unsafe { self.start.cast::<Header>().as_ref() }
    }

    const fn contents(&self) -> NonNull<u8> {
        // SAFETY: every mapping is longer than its header.
        unsafe { self.start.add(HEADER_BYTES) }
    }
}

impl Drop for SharedRegion {
    fn drop(&mut self) {
        self.unlock_all();
        // SAFETY: created by `map` with this length, and no borrow of the contents can outlive
        // `self`.
        unsafe { libc::munmap(self.start.as_ptr().cast(), self.mapped_bytes) };
    }
}

/// A `T` in shared memory, all bytes zero at first. It is never dropped, since other processes may
/// use it.
pub struct Region<T> {
    bytes: SharedRegion,
    _contents: PhantomData<T>,
}

// SAFETY: gives out only `&T`, which may go to any thread as `T: Sync`; the mapping belongs to the
// process.
unsafe impl<T: SharedLayout> Send for Region<T> {}
// SAFETY: as above.
unsafe impl<T: SharedLayout> Sync for Region<T> {}

impl<T: SharedLayout> Region<T> {
    /// Returns size and layout hash. Every constructor calls it, so a `T` with illegal capacities
    /// does not compile.
    pub(super) fn what() -> (usize, u64) {
        vvp_core::capacity::check::<T>();
        const {
            assert!(align_of::<T>() <= 4096, "a mapping is aligned to a page, no further");
            (size_of::<T>(), LayoutHash::new("region").with(T::LAYOUT_HASH).shape_of::<T>().finish())
        }
    }

    /// Creates a region in `dir`, and calls `init` with its value before other processes can use
    /// it.
    ///
    /// # Errors
    /// As for [`SharedRegion::create`].
    pub fn create_in(
        dir: &RegionDir,
        name: &str,
        options: &RegionOptions,
        init: impl FnOnce(&T),
    ) -> Result<Self, RegionError> {
        let start = |bytes: &SharedRegion| {
            // SAFETY: mapped for a `T`, all zero, and `T: FromZeros`.
            init(unsafe { bytes.contents().cast::<T>().as_ref() });
        };
        Ok(Self::of(SharedRegion::make_named(dir, name, Self::what(), options, start)?))
    }

    /// Creates a region in [`RegionDir::standard`].
    ///
    /// # Errors
    /// As for [`SharedRegion::create`].
    pub fn create(name: &str, options: &RegionOptions) -> Result<Self, RegionError> {
        Self::create_in(&RegionDir::standard()?, name, options, |_| ())
    }

    /// Opens a region in `dir`.
    ///
    /// # Errors
    /// As for [`SharedRegion::open`].
    pub fn open_in(dir: &RegionDir, name: &str, options: &RegionOptions) -> Result<Self, RegionError> {
        Ok(Self::of(SharedRegion::attach(
            dir.open(name, Access::ReadWrite)?,
            Self::what(),
            options,
            Access::ReadWrite,
        )?))
    }

    /// Opens a region in [`RegionDir::standard`].
    ///
    /// # Errors
    /// As for [`SharedRegion::open`].
    pub fn open(name: &str, options: &RegionOptions) -> Result<Self, RegionError> {
        Self::open_in(&RegionDir::standard()?, name, options)
    }

    /// Creates a region without a name.
    ///
    /// # Errors
    /// As for [`SharedRegion::create`].
    pub fn anonymous(options: &RegionOptions) -> Result<Self, RegionError> {
        Ok(Self::of(SharedRegion::make_anonymous(Self::what(), options)?))
    }

    /// Opens the region of a descriptor received from another process.
    ///
    /// # Errors
    /// As for [`SharedRegion::open`].
    pub fn from_fd(file: OwnedFd, options: &RegionOptions) -> Result<Self, RegionError> {
        Ok(Self::of(SharedRegion::received(file, Self::what(), options)?))
    }

    /// Returns the outcomes of the requested options.
    #[must_use]
    pub const fn outcomes(&self) -> RegionOutcomes {
        self.bytes.outcomes()
    }

    /// Returns the underlying file.
    #[must_use]
    pub fn fd(&self) -> BorrowedFd<'_> {
        self.bytes.fd()
    }

    /// Returns the underlying region: creator, heartbeat, size.
    #[must_use]
    pub const fn region(&self) -> &SharedRegion {
        &self.bytes
    }

    const fn of(bytes: SharedRegion) -> Self {
        Self { bytes, _contents: PhantomData }
    }
}

impl<T: SharedLayout> Deref for Region<T> {
    type Target = T;

    fn deref(&self) -> &T {
        // SAFETY: mapped for a `T` as long as `self` lives; zero at first, and `T` tolerates any
        // bytes that other processes write.
        unsafe { self.bytes.contents().cast::<T>().as_ref() }
    }
}

impl<T> core::fmt::Debug for Region<T> {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        let name = core::any::type_name::<T>();
        f.debug_struct("Region").field("type", &name).field("bytes", &self.bytes).finish()
    }
}
