//! Who holds a word of a region: locks on the region's file, which the kernel keeps and drops when
//! a process dies.
//!
//! They belong to an *open file description* (`F_OFD_SETLK`), so any end of the process gives them
//! up: SIGKILL, a crash, an `exec` (descriptors close on exec). Asking for one needs neither a
//! descriptor nor `/proc`, and means the same in every namespace. The lock of a word is on the
//! bytes of the file that the word lies in.
//!
//! # Shared descriptions
//! Locks of one description never conflict, so a description must have one user:
//! - within it, [`Locks::held`] says what is taken;
//! - a descriptor that came from another process is opened again, through `/proc/thread-self/fd`,
//!   once, when the region is opened. Where that cannot be done, and in a child of `fork` that goes
//!   on with its parent's regions, this process can neither lock nor tell the dead: it takes words
//!   without a lock, which the word says, and takes every other owner for alive.

use super::directory::owned;
use super::{RegionError, SharedRegion};
use crate::memory::process::copy_number;
use crate::os::last_errno;
use std::ffi::CString;
use std::os::fd::{AsRawFd, BorrowedFd, OwnedFd};
use std::sync::atomic::AtomicU64;
use std::sync::{Mutex, MutexGuard, PoisonError};

/// What is known of a region's file besides its descriptor.
#[derive(Debug)]
pub(super) struct Locks {
    /// Whether no other process has the file's description.
    own_description: bool,
    /// Of the process that opened it: its copies share the description.
    copy_number: u64,
    /// Where the words begin that are locked through this description.
    held: Mutex<Vec<libc::off_t>>,
}

impl Locks {
    pub(super) fn new(own_description: bool) -> Self {
        Self { own_description, copy_number: copy_number(), held: Mutex::new(Vec::new()) }
    }

    fn held(&self) -> MutexGuard<'_, Vec<libc::off_t>> {
        // A panic elsewhere leaves a list as good as any.
        self.held.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Who holds a word.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Holder {
    /// This or another process, which lives.
    Held,
    /// No process does: who did is dead, or gave it back.
    Free,
    /// It cannot be told. No owner is taken for dead because of that.
    Unknown,
}

/// Why a word was not locked.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum LockError {
    /// A live process has it: perhaps this one.
    Held,
    /// What the system said.
    System(i32),
}

impl SharedRegion {
    /// Whether this process sees it when the owner of an end in this region dies, and is seen dead
    /// itself. It is so unless the region came as a descriptor ([`from_fd`](Self::from_fd)) while
    /// `/proc` was not there, or this process is a child of `fork` (without `exec`) that goes on
    /// with a region of its parent's instead of opening it. Then owners count as alive for ever,
    /// and ends that this process claims are taken until it gives them back.
    #[must_use]
    pub fn sees_deaths(&self) -> bool {
        self.locks.own_description && self.locks.copy_number == copy_number()
    }

    /// Locks a word that lies in this region; `Ok(false)` where it cannot be done because the
    /// description is shared.
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

    /// Gives the lock of a word back. Not to be called in a copy of the process that took it.
    pub(crate) fn unlock(&self, word: &AtomicU64) {
        let (place, mut held) = (self.place_of(word), self.locks.held());
        // The list last: a word that is in it is taken.
        let _ = self.file_lock(libc::F_OFD_SETLK, libc::F_UNLCK, place);
        held.retain(|&other| other != place);
    }

    /// Gives all locks back, before the description is closed: a child that another thread has just started has a copy of
    /// the descriptor until its `exec`, and would keep them for that moment.
    pub(super) fn unlock_all(&self) {
        if self.locks.copy_number == copy_number() {
            for place in self.locks.held().drain(..) {
                let _ = self.file_lock(libc::F_OFD_SETLK, libc::F_UNLCK, place);
            }
        }
    }

    /// Who holds a word of this region. Some 0.3 µs.
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

    /// A descriptor for another process: of a description of its own if `/proc` is there, so that
    /// it keeps no lock of ours.
    pub(crate) fn fd_for_another(&self) -> std::io::Result<OwnedFd> {
        match reopened(self.fd()) {
            Ok(Some(file)) => Ok(file),
            Ok(None) => self.fd().try_clone_to_owned(),
            Err(RegionError::System { errno, .. }) => Err(std::io::Error::from_raw_os_error(errno)),
            Err(_) => Err(std::io::ErrorKind::Other.into()),
        }
    }

    /// Where in the file a word lies.
    fn place_of(&self, word: &AtomicU64) -> libc::off_t {
        let place = core::ptr::from_ref(word).addr().wrapping_sub(self.start.addr().get());
        debug_assert!(place < self.mapped_bytes, "a word of another region");
        libc::off_t::try_from(place).unwrap_or(0)
    }

    /// One call about the lock of the word at `place`; gives the kind that the kernel leaves in the
    /// question.
    fn file_lock(&self, command: i32, kind: i32, place: libc::off_t) -> Result<i32, i32> {
        // SAFETY: all-zero bytes are a valid `flock`: numbers only. (`l_pid` has to be 0.)
        let mut lock: libc::flock = unsafe { core::mem::zeroed() };
        lock.l_type = libc::c_short::try_from(kind).unwrap_or(0);
        lock.l_whence = libc::c_short::try_from(libc::SEEK_SET).unwrap_or(0);
        (lock.l_start, lock.l_len) = (place, 8);
        loop {
            // SAFETY: the question lives through the call; it changes no memory but that.
            match unsafe { libc::fcntl(self.file.as_raw_fd(), command, &raw mut lock) } {
                -1 if last_errno() == libc::EINTR => {}
                -1 => return Err(last_errno()),
                _ => return Ok(i32::from(lock.l_type)),
            }
        }
    }
}

/// The same file, opened again; `None` where there is no `/proc`, or the descriptor must not be
/// written to.
pub(super) fn reopened(file: BorrowedFd<'_>) -> Result<Option<OwnedFd>, RegionError> {
    // SAFETY: asks for a number; takes no pointer.
    let flags = unsafe { libc::fcntl(file.as_raw_fd(), libc::F_GETFL) };
    if flags < 0 || flags & libc::O_ACCMODE != libc::O_RDWR {
        return Ok(None);
    }
    // The calling thread's, for those of the process are its first thread's, which may have ended.
    let Ok(path) = CString::new(format!("/proc/thread-self/fd/{}", file.as_raw_fd())) else { return Ok(None) };
    let flags = libc::O_RDWR | libc::O_CLOEXEC | libc::O_NONBLOCK;
    // SAFETY: the path ends with a zero byte and lives through the call.
    match owned(unsafe { libc::open(path.as_ptr(), flags) }, "open") {
        Ok(again) => Ok((identity(file) == identity(std::os::fd::AsFd::as_fd(&again))).then_some(again)),
        // It is there, and cannot be opened: that passes.
        Err(error @ RegionError::System { errno: libc::EMFILE | libc::ENFILE | libc::ENOMEM, .. }) => Err(error),
        Err(_) => Ok(None),
    }
}

/// Which file it is; `None`, and so equal to no other, if that cannot be told.
fn identity(file: BorrowedFd<'_>) -> Option<(libc::dev_t, libc::ino_t)> {
    // SAFETY: all-zero bytes are a valid `stat`: numbers only.
    let mut stat: libc::stat = unsafe { core::mem::zeroed() };
    // SAFETY: the buffer lives through the call.
    let code = unsafe { libc::fstat(file.as_raw_fd(), &raw mut stat) };
    (code == 0).then_some((stat.st_dev, stat.st_ino))
}
