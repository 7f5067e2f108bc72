//! Locks of words of a region: locks on the region's file, which the kernel releases when the
//! process dies.
//!
//! They belong to an *open file description* (`F_OFD_SETLK`), so any end of the process releases
//! them: SIGKILL, a crash, an `exec` (descriptors close on exec). A query needs neither a
//! descriptor nor `/proc`, and gives the same result in every namespace. The lock of a word covers
//! the bytes of the file that hold the word.
//!
//! # Shared descriptions
//! Locks of one description never conflict, so a description must have one user:
//! - within the process, [`Locks::held`] records what is locked;
//! - a descriptor received from another process is opened again, through `/proc/thread-self/fd`,
//!   once, when the region is opened. If that fails, and in a child of `fork` that continues with
//!   its parent's regions, this process can neither lock nor detect dead owners: it claims words
//!   without a lock, which a bit of the word records, and treats every other owner as alive.

use super::directory::owned;
use super::{RegionError, SharedRegion};
use crate::memory::process::copy_number;
use crate::os::last_errno;
use std::ffi::CString;
use std::os::fd::{AsRawFd, BorrowedFd, OwnedFd};
use std::sync::atomic::AtomicU64;
use std::sync::{Mutex, MutexGuard, PoisonError};

/// The lock state of a region's file.
#[derive(Debug)]
pub(super) struct Locks {
    /// Whether no other process shares the file's description.
    own_description: bool,
    /// The fork number of the process that opened it: forked copies share the description.
    copy_number: u64,
    /// Offsets of the words that are locked through this description.
    held: Mutex<Vec<libc::off_t>>,
}

impl Locks {
    pub(super) fn new(own_description: bool) -> Self {
        Self { own_description, copy_number: copy_number(), held: Mutex::new(Vec::new()) }
    }

    fn held(&self) -> MutexGuard<'_, Vec<libc::off_t>> {
        // A panic elsewhere cannot leave the list inconsistent.
        self.held.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The holder of a lock.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Holder {
    /// A live process, possibly this one.
    Held,
    /// None: the last holder is dead, or released the lock.
    Free,
    /// Unknown; the owner is then not treated as dead.
    Unknown,
}

/// Reason why a word was not locked.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum LockError {
    /// A live process holds the lock, possibly this one.
    Held,
    /// The system's error.
    System(i32),
}

impl SharedRegion {
    /// Returns whether this process detects the death of owners of endpoints in this region, and
    /// its own death is detected. True unless the region came as a descriptor
    /// ([`from_fd`](Self::from_fd)) while `/proc` was not available, or this process is a child of
    /// `fork` (without `exec`) that uses its parent's region instead of opening it again. In these
    /// cases owners count as alive for ever, and endpoints that this process claims stay claimed
    /// until it releases them.
    #[must_use]
    pub fn sees_deaths(&self) -> bool {
        self.locks.own_description && self.locks.copy_number == copy_number()
    }

    /// Locks a word of this region; `Ok(false)` if this process cannot, because the description is
    /// shared.
    pub(crate) fn lock(&self, word: &AtomicU64) -> Result<bool, LockError> {
        if !self.sees_deaths() {
            return Ok(false);
        }
        let (place, mut held) = (self.place_of(word), self.locks.held());
        if held.contains(&place) {
            return Err(LockError::Held);
        }
        match self.file_lock(libc::F_OFD_SETLK, libc::F_WRLCK, place) {
            Ok(_) => held.push(place),
            Err(libc::EAGAIN | libc::EACCES) => return Err(LockError::Held),
            Err(errno) => return Err(LockError::System(errno)),
        }
        Ok(true)
    }

    /// Releases the lock of a word. Must not be called in a forked copy of the process that locked
    /// it.
    pub(crate) fn unlock(&self, word: &AtomicU64) {
        let (place, mut held) = (self.place_of(word), self.locks.held());
        // The list last, since a word in it counts as locked.
        let _ = self.file_lock(libc::F_OFD_SETLK, libc::F_UNLCK, place);
        held.retain(|&other| other != place);
    }

    /// Releases all locks before the description is closed: a child that another thread is just
    /// starting has a copy of the descriptor until its `exec`, and would hold the locks until then.
    pub(super) fn unlock_all(&self) {
        if self.locks.copy_number == copy_number() {
            for place in self.locks.held().drain(..) {
                let _ = self.file_lock(libc::F_OFD_SETLK, libc::F_UNLCK, place);
            }
        }
    }

    /// Returns the holder of a word's lock; takes some 0.3 µs.
    pub(crate) fn holder(&self, word: &AtomicU64) -> Holder {
        if !self.sees_deaths() {
            return Holder::Unknown;
        }
        let place = self.place_of(word);
        if self.locks.held().contains(&place) {
            return Holder::Held;
        }
        match self.file_lock(libc::F_OFD_GETLK, libc::F_WRLCK, place) {
            Ok(libc::F_UNLCK) => Holder::Free,
            Ok(_) => Holder::Held,
            Err(_) => Holder::Unknown,
        }
    }

    /// Returns a descriptor for another process, with a description of its own if `/proc` is
    /// available, so that it does not keep this process's locks.
    pub(crate) fn fd_for_another(&self) -> std::io::Result<OwnedFd> {
        match reopened(self.fd()) {
            Ok(Some(file)) => Ok(file),
            Ok(None) => self.fd().try_clone_to_owned(),
            Err(RegionError::System { errno, .. }) => Err(std::io::Error::from_raw_os_error(errno)),
            Err(_) => Err(std::io::ErrorKind::Other.into()),
        }
    }

    /// Returns the offset of a word in the file.
    fn place_of(&self, word: &AtomicU64) -> libc::off_t {
        let place = core::ptr::from_ref(word).addr().wrapping_sub(self.start.addr().get());
        debug_assert!(place < self.mapped_bytes, "a word of another region");
        libc::off_t::try_from(place).unwrap_or(0)
    }

    /// Makes one lock call for the word at `place`; returns the lock type that the kernel leaves in
    /// the argument.
    fn file_lock(&self, command: i32, kind: i32, place: libc::off_t) -> Result<i32, i32> {
        // SAFETY: all-zero bytes are a valid `flock`: numbers only. (`l_pid` must be 0.)
        let mut lock: libc::flock = unsafe { core::mem::zeroed() };
        lock.l_type = libc::c_short::try_from(kind).unwrap_or(0);
        lock.l_whence = libc::c_short::try_from(libc::SEEK_SET).unwrap_or(0);
        (lock.l_start, lock.l_len) = (place, 8);
        loop {
            // SAFETY: the argument outlives the call, which writes nothing else.
            match unsafe { libc::fcntl(self.file.as_raw_fd(), command, &raw mut lock) } {
                -1 if last_errno() == libc::EINTR => {}
                -1 => return Err(last_errno()),
                _ => return Ok(i32::from(lock.l_type)),
            }
        }
    }
}

/// Opens the same file again; `None` if there is no `/proc`, or the descriptor is not writable.
pub(super) fn reopened(file: BorrowedFd<'_>) -> Result<Option<OwnedFd>, RegionError> {
    // SAFETY: takes no pointer.
    let flags = unsafe { libc::fcntl(file.as_raw_fd(), libc::F_GETFL) };
    if flags < 0 || flags & libc::O_ACCMODE != libc::O_RDWR {
        return Ok(None);
    }
    // The calling thread's descriptors: those of `/proc/self` are the first thread's, which may
    // have ended.
    let Ok(path) = CString::new(format!("/proc/thread-self/fd/{}", file.as_raw_fd())) else { return Ok(None) };
    let flags = libc::O_RDWR | libc::O_CLOEXEC | libc::O_NONBLOCK;
    // SAFETY: the path ends with a zero byte and outlives the call.
    match owned(unsafe { libc::open(path.as_ptr(), flags) }, "open") {
        Ok(again) => Ok((identity(file) == identity(std::os::fd::AsFd::as_fd(&again))).then_some(again)),
        // A temporary error: `/proc` is available, but no descriptor or memory is left.
        Err(error @ RegionError::System { errno: libc::EMFILE | libc::ENFILE | libc::ENOMEM, .. }) => Err(error),
        Err(_) => Ok(None),
    }
}

/// Returns the device and inode of a file; `None`, which equals no other, if unknown.
fn identity(file: BorrowedFd<'_>) -> Option<(libc::dev_t, libc::ino_t)> {
    // SAFETY: all-zero bytes are a valid `stat`: numbers only.
    let mut stat: libc::stat = unsafe { core::mem::zeroed() };
    // SAFETY: the buffer outlives the call.
    let code = unsafe { libc::fstat(file.as_raw_fd(), &raw mut stat) };
    (code == 0).then_some((stat.st_dev, stat.st_ino))
}
