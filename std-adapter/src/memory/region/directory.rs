//! The directory of named regions.

use super::RegionError;
use crate::memory::Access;
use crate::os::last_errno;
use std::ffi::CString;
use std::os::fd::{AsRawFd, FromRawFd, OwnedFd};
use std::os::unix::fs::{DirBuilderExt, MetadataExt};
use std::path::Path;

/// An open directory that belongs to this user and that no other user can write to. Names are
/// resolved only in it: they contain no slashes, and links are not followed.
#[derive(Debug)]
pub struct RegionDir {
    dir: OwnedFd,
}

impl RegionDir {
    /// Opens `/dev/shm/vvp-UID`, and creates it if it does not exist.
    ///
    /// # Errors
    /// As for [`RegionDir::at`].
    pub fn standard() -> Result<Self, RegionError> {
        Self::at(Path::new(&format!("/dev/shm/vvp-{}", own_uid())))
    }

    /// Opens a directory of the caller's choice, and creates it with mode 0700 if it does not
    /// exist. In a directory on a disk, regions survive a restart of the machine.
    ///
    /// # Errors
    /// [`RegionError::ForeignOwner`] if it belongs to another user, or others may write to it; else
    /// [`RegionError::System`].
    pub fn at(path: &Path) -> Result<Self, RegionError> {
        use std::os::unix::fs::OpenOptionsExt;
        let system = |call| move |e: std::io::Error| RegionError::System { call, errno: e.raw_os_error().unwrap_or(0) };
        match std::fs::DirBuilder::new().mode(0o700).create(path) {
            Err(e) if e.raw_os_error() != Some(libc::EEXIST) => return Err(system("mkdir")(e)),
            _ => {}
        }
        let flags = libc::O_DIRECTORY | libc::O_NOFOLLOW;
        let file = std::fs::OpenOptions::new().read(true).custom_flags(flags).open(path).map_err(system("open"))?;
        let data = file.metadata().map_err(system("fstat"))?;
        check_owner(data.uid(), data.mode())?;
        Ok(Self { dir: file.into() })
    }

    /// Removes the name of a region. Processes that have it open keep it.
    ///
    /// # Errors
    /// [`RegionError::Missing`], [`RegionError::BadName`] or [`RegionError::System`].
    pub fn remove(&self, name: &str) -> Result<(), RegionError> {
        let name = checked(name)?;
        // SAFETY: the name ends with a zero byte and outlives the call.
        match unsafe { libc::unlinkat(self.dir.as_raw_fd(), name.as_ptr(), 0) } {
            0 => Ok(()),
            _ if last_errno() == libc::ENOENT => Err(RegionError::Missing),
            _ => Err(RegionError::System { call: "unlinkat", errno: last_errno() }),
        }
    }

    /// Creates a file without a name in this directory.
    pub(super) fn nameless(&self) -> Result<OwnedFd, RegionError> {
        let flags = libc::O_TMPFILE | libc::O_RDWR | libc::O_CLOEXEC;
        // SAFETY: the path is a constant string with a terminating zero.
        owned(unsafe { libc::openat(self.dir.as_raw_fd(), c".".as_ptr(), flags, 0o600) }, "openat")
    }

    /// Links a nameless file to `name`, atomically and only if the name is free. Without `/proc` to
    /// name the file by, the descriptor itself is linked: Linux allows that to root, and from 6.10
    /// on to the process that opened it.
    pub(super) fn give_name(&self, file: &OwnedFd, name: &str) -> Result<(), RegionError> {
        let name = checked(name)?;
        // The calling thread's descriptors: those of `/proc/self` are the first thread's, which may
        // have ended.
        let Ok(from) = CString::new(format!("/proc/thread-self/fd/{}", file.as_raw_fd())) else {
            return Err(RegionError::BadName);
        };
        let (to, follow) = (self.dir.as_raw_fd(), libc::AT_SYMLINK_FOLLOW);
        // SAFETY: both names end with a zero byte and outlive the call.
        let mut code = unsafe { libc::linkat(libc::AT_FDCWD, from.as_ptr(), to, name.as_ptr(), follow) };
        if code != 0 && last_errno() == libc::ENOENT {
            // SAFETY: as above.
            code = unsafe { libc::linkat(file.as_raw_fd(), c"".as_ptr(), to, name.as_ptr(), libc::AT_EMPTY_PATH) };
        }
        match code {
            0 => Ok(()),
            _ if last_errno() == libc::EEXIST => Err(RegionError::Exists),
            _ => Err(RegionError::System { call: "linkat", errno: last_errno() }),
        }
    }

    /// Opens the file of this name, which must belong to this user.
    pub(super) fn open(&self, name: &str, access: Access) -> Result<OwnedFd, RegionError> {
        let name = checked(name)?;
        // O_NONBLOCK: opening a pipe must not wait for its other end.
        let access = if access == Access::ReadOnly { libc::O_RDONLY } else { libc::O_RDWR };
        let flags = access | libc::O_NOFOLLOW | libc::O_CLOEXEC | libc::O_NONBLOCK;
        // SAFETY: the name ends with a zero byte and outlives the call.
        let file = owned(unsafe { libc::openat(self.dir.as_raw_fd(), name.as_ptr(), flags) }, "openat");
        file.map_err(|error| match error {
            RegionError::System { errno: libc::ENOENT, .. } => RegionError::Missing,
            RegionError::System { errno: libc::ELOOP | libc::EISDIR | libc::ENXIO, .. } => RegionError::NotARegion,
            RegionError::System { errno: libc::EACCES, .. } => self
                .owner_of(&name)
                .map_or(error, |uid| if uid == own_uid() { error } else { RegionError::ForeignOwner { uid } }),
            other => other,
        })
    }

    fn owner_of(&self, name: &CString) -> Option<u32> {
        // SAFETY: all-zero bytes are a valid `stat`: numbers only.
        let mut stat: libc::stat = unsafe { core::mem::zeroed() };
        let (dir, flags) = (self.dir.as_raw_fd(), libc::AT_SYMLINK_NOFOLLOW);
        // SAFETY: name and buffer outlive the call.
        let code = unsafe { libc::fstatat(dir, name.as_ptr(), &raw mut stat, flags) };
        (code == 0).then_some(stat.st_uid)
    }
}

/// Converts the return value of a call that opens a descriptor.
pub(super) fn owned(fd: i32, call: &'static str) -> Result<OwnedFd, RegionError> {
    if fd < 0 {
        return Err(RegionError::System { call, errno: last_errno() });
    }
    // SAFETY: just opened, without another owner.
    Ok(unsafe { OwnedFd::from_raw_fd(fd) })
}

/// Checks that a file belongs to this user and that no other user may write to it.
pub(super) fn check_owner(uid: u32, mode: u32) -> Result<(), RegionError> {
    if uid == own_uid() && mode & 0o022 == 0 { Ok(()) } else { Err(RegionError::ForeignOwner { uid }) }
}

fn own_uid() -> u32 {
    // SAFETY: takes no pointer; cannot fail.
    unsafe { libc::geteuid() }
}

fn checked(name: &str) -> Result<CString, RegionError> {
    let fine = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'.' | b'_' | b'-');
    if name.is_empty() || name.len() > 100 || name.starts_with('.') || !name.bytes().all(fine) {
        return Err(RegionError::BadName);
    }
    CString::new(name).map_err(|_| RegionError::BadName)
}
