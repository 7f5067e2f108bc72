//! Memory-mapped files.

use crate::os::last_errno;
use core::ptr::NonNull;
use std::fs::{File, OpenOptions};
use std::os::fd::AsRawFd;
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;
use std::sync::atomic::{AtomicU8, Ordering};

/// The access rights of a mapping.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Access {
    /// Reading only.
    ReadOnly,
    /// Reading and writing; writes go to the file.
    ReadWrite,
}

/// Reason why a file was not mapped, or not written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum MapFileError {
    /// Not a regular file: a directory, a pipe, a device.
    NotAFile,
    /// The file is empty, which cannot be mapped: give it a size first.
    Empty,
    /// The file is longer than this machine can address.
    TooLarge,
    /// The mapping is read-only: open it with [`MappedFile::read_write`].
    ReadOnly,
    /// The range is not within the file.
    OutOfBounds {
        /// Bytes of the mapping.
        len_bytes: usize,
    },
    /// A system call failed.
    System {
        /// Its name.
        call: &'static str,
        /// The system's error.
        errno: i32,
    },
}

impl core::fmt::Display for MapFileError {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        match *self {
            Self::NotAFile => f.write_str("not a regular file: choose another path"),
            Self::Empty => f.write_str("the file is empty: give it a size first"),
            Self::TooLarge => f.write_str("the file exceeds the address space: map it in parts"),
            Self::ReadOnly => f.write_str("the file is mapped read-only: open it for reading and writing"),
            Self::OutOfBounds { len_bytes } => {
                write!(f, "the range ends behind the file's {len_bytes} bytes: ask for less")
            }
            Self::System { call, errno } => {
                let remedy = match errno {
                    libc::EACCES | libc::EPERM => "check who owns the file, and its mode",
                    libc::ENOENT => "check the path",
                    libc::ENOSPC | libc::ENOMEM => "make room, or ask for less",
                    _ => "see errno(3)",
                };
                write!(f, "{call} failed (errno {errno}): {remedy}")
            }
        }
    }
}

impl core::error::Error for MapFileError {}

/// A whole file in memory, with the length that it had when it was mapped. Other processes may
/// change it at any time, so it is read and written by copying; a copy that overlaps a concurrent
/// write may have bytes of both.
///
/// If the file is truncated while it is mapped, touching the missing part ends this process with
/// SIGBUS.
///
/// ```
/// use vvp_std_adapter::memory::MappedFile;
/// let path = std::env::temp_dir().join(format!("vvp-doc-{}", std::process::id()));
/// let file = MappedFile::create(&path, 8192)?;
/// file.write_at(4090, b"journal entry")?;
/// file.flush()?;
/// let mut seen = [0; 7];
/// MappedFile::read_only(&path)?.read_at(4090, &mut seen)?;
/// assert_eq!(&seen, b"journal");
/// # std::fs::remove_file(&path).expect("ours");
/// # Ok::<(), vvp_std_adapter::memory::MapFileError>(())
/// ```
#[derive(Debug)]
pub struct MappedFile {
    start: NonNull<u8>,
    len: usize,
    access: Access,
}

// SAFETY: the mapping belongs to the process, not to a thread.
unsafe impl Send for MappedFile {}
// SAFETY: a shared reference reaches only atomics.
unsafe impl Sync for MappedFile {}

impl MappedFile {
    /// Maps a file for reading: recorded market data, reference data, another process's journal.
    ///
    /// # Errors
    /// [`MapFileError`]
    pub fn read_only(path: impl AsRef<Path>) -> Result<Self, MapFileError> {
        Self::open(OpenOptions::new().read(true), path.as_ref(), Access::ReadOnly)
    }

    /// Maps a file for reading and writing.
    ///
    /// # Errors
    /// [`MapFileError`]
    pub fn read_write(path: impl AsRef<Path>) -> Result<Self, MapFileError> {
        Self::open(OpenOptions::new().read(true).write(true), path.as_ref(), Access::ReadWrite)
    }

    /// Creates a file of `size` zero bytes with mode 0600 and its disk space allocated, and maps it
    /// for reading and writing.
    ///
    /// # Errors
    /// [`MapFileError`]; no file is left behind.
    pub fn create(path: impl AsRef<Path>, size: usize) -> Result<Self, MapFileError> {
        let path = path.as_ref();
        let len = libc::off_t::try_from(size).map_err(|_| MapFileError::TooLarge)?;
        if size == 0 {
            return Err(MapFileError::Empty);
        }
        let mut options = OpenOptions::new();
        let file = options.read(true).write(true).create_new(true).mode(0o600).open(path).map_err(system("open"))?;
        // SAFETY: acts on a file of ours; takes no pointer.
        let made = match unsafe { libc::fallocate(file.as_raw_fd(), 0, 0, len) } {
            0 => Self::map(&file, Access::ReadWrite),
            _ => Err(MapFileError::System { call: "fallocate", errno: last_errno() }),
        };
        if made.is_err() {
            let _ = std::fs::remove_file(path);
        }
        made
    }

    fn open(options: &mut OpenOptions, path: &Path, access: Access) -> Result<Self, MapFileError> {
        // Nonblocking: opening a pipe must not wait for its other end.
        let file = options.custom_flags(libc::O_NONBLOCK).open(path).map_err(|error| match error.raw_os_error() {
            Some(libc::EISDIR | libc::ENXIO) => MapFileError::NotAFile,
            _ => system("open")(error),
        })?;
        Self::map(&file, access)
    }

    fn map(file: &File, access: Access) -> Result<Self, MapFileError> {
        let data = file.metadata().map_err(system("fstat"))?;
        if !data.is_file() {
            return Err(MapFileError::NotAFile);
        }
        let len = usize::try_from(data.len()).ok().filter(|&n| isize::try_from(n).is_ok());
        let len = len.ok_or(MapFileError::TooLarge)?;
        if len == 0 {
            return Err(MapFileError::Empty);
        }
        let protection = match access {
            Access::ReadOnly => libc::PROT_READ,
            Access::ReadWrite => libc::PROT_READ | libc::PROT_WRITE,
        };
        let (null, fd) = (core::ptr::null_mut(), file.as_raw_fd());
        // SAFETY: a new mapping at an address that the kernel chooses overlaps no memory in use.
        let raw = unsafe { libc::mmap(null, len, protection, libc::MAP_SHARED, fd, 0) };
        match NonNull::new(raw.cast::<u8>()) {
            Some(start) if raw != libc::MAP_FAILED => Ok(Self { start, len, access }),
            _ => Err(MapFileError::System { call: "mmap", errno: last_errno() }),
        }
    }

    /// Returns the number of bytes mapped.
    #[must_use]
    pub const fn len(&self) -> usize {
        self.len
    }

    /// Always false: an empty file cannot be mapped.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// Returns the access rights.
    #[must_use]
    pub const fn access(&self) -> Access {
        self.access
    }

    /// Copies the bytes from `offset` into `out`.
    ///
    /// # Errors
    /// [`MapFileError::OutOfBounds`]
    pub fn read_at(&self, offset: usize, out: &mut [u8]) -> Result<(), MapFileError> {
        let range = self.range(offset, out.len())?;
        for (to, from) in out.iter_mut().zip(range) {
            *to = from.load(Ordering::Relaxed); // Relaxed: no order is promised
        }
        Ok(())
    }

    /// Copies `bytes` into the file at `offset`.
    ///
    /// # Errors
    /// [`MapFileError::OutOfBounds`] or [`MapFileError::ReadOnly`]; nothing is written.
    pub fn write_at(&self, offset: usize, bytes: &[u8]) -> Result<(), MapFileError> {
        if self.access == Access::ReadOnly {
            return Err(MapFileError::ReadOnly);
        }
        for (to, from) in self.range(offset, bytes.len())?.iter().zip(bytes) {
            to.store(*from, Ordering::Relaxed); // Relaxed: as above
        }
        Ok(())
    }

    /// Returns the bytes in place.
    ///
    /// # Safety
    /// While the slice is used, no process, this one included, changes or truncates the file.
    #[must_use]
    pub const unsafe fn as_slice(&self) -> &[u8] {
        // SAFETY: mapped as long as `self` lives; the caller guarantees that the file is not
        // written.
        unsafe { core::slice::from_raw_parts(self.start.as_ptr(), self.len) }
    }

    /// Waits until all writes are on the disk.
    ///
    /// # Errors
    /// [`MapFileError::System`]
    pub fn flush(&self) -> Result<(), MapFileError> {
        // SAFETY: the range is ours, and its contents do not change.
        match unsafe { libc::msync(self.start.as_ptr().cast(), self.len, libc::MS_SYNC) } {
            0 => Ok(()),
            _ => Err(MapFileError::System { call: "msync", errno: last_errno() }),
        }
    }

    /// Private, since the bytes of a read-only mapping must only be loaded.
    fn range(&self, offset: usize, len: usize) -> Result<&[AtomicU8], MapFileError> {
        // SAFETY: mapped as long as `self` lives; other processes may change an atomic byte.
        let all = unsafe { core::slice::from_raw_parts(self.start.as_ptr().cast::<AtomicU8>(), self.len) };
        let end = offset.checked_add(len).ok_or(MapFileError::OutOfBounds { len_bytes: self.len })?;
        all.get(offset..end).ok_or(MapFileError::OutOfBounds { len_bytes: self.len })
    }
}

impl Drop for MappedFile {
    fn drop(&mut self) {
        // SAFETY: created by `map` with this length, and no borrow of the contents can outlive
        // `self`.
        unsafe { libc::munmap(self.start.as_ptr().cast(), self.len) };
    }
}

fn system(call: &'static str) -> impl Fn(std::io::Error) -> MapFileError {
    move |error| MapFileError::System { call, errno: error.raw_os_error().unwrap_or(0) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn writes_reach_the_file_and_misuse_returns_typed_errors() {
        let path = std::env::temp_dir().join(format!("vvp-mapped-{}", std::process::id()));
        let _ = std::fs::remove_file(&path);
        let file = MappedFile::create(&path, 10_000).expect("room");
        let bytes: Vec<u8> = (0..=255).collect();
        file.write_at(9_000, &bytes).expect("within");
        file.flush().expect("a disk");
        let on_disk = std::fs::read(&path).expect("ours");
        assert_eq!((on_disk.len(), &on_disk[9_000..9_256]), (10_000, &bytes[..]));
        let reader = MappedFile::read_only(&path).expect("ours");
        let mut seen = vec![0; 256];
        reader.read_at(9_000, &mut seen).expect("within");
        assert_eq!(seen, bytes);
        // Both map the same file.
        MappedFile::read_write(&path).expect("ours").write_at(0, b"x").expect("within");
        // SAFETY: the file is not written meanwhile.
        assert_eq!(unsafe { reader.as_slice() }.first(), Some(&b'x'));
        assert_eq!(reader.write_at(0, b"y"), Err(MapFileError::ReadOnly));
        let out = MapFileError::OutOfBounds { len_bytes: 10_000 };
        assert_eq!(reader.read_at(9_999, &mut [0; 2]), Err(out));
        assert_eq!(reader.read_at(usize::MAX, &mut [0; 2]), Err(out));
        assert_eq!(file.write_at(10_000, &[1]), Err(out));

        let errno = |call, errno| Some(MapFileError::System { call, errno });
        assert_eq!(MappedFile::create(&path, 1).err(), errno("open", libc::EEXIST));
        assert_eq!(MappedFile::create(path.with_extension("0"), 0).err(), Some(MapFileError::Empty));
        assert_eq!(MappedFile::create(path.with_extension("max"), usize::MAX).err(), Some(MapFileError::TooLarge));
        assert!(!path.with_extension("0").exists() && !path.with_extension("max").exists());
        assert_eq!(MappedFile::read_only("/nonexistent").err(), errno("open", libc::ENOENT));
        assert_eq!(MappedFile::read_only("/proc").err(), Some(MapFileError::NotAFile));
        assert_eq!(MappedFile::read_write("/proc").err(), Some(MapFileError::NotAFile));
        assert_eq!(MappedFile::read_only("/dev/null").err(), Some(MapFileError::NotAFile));
        std::fs::write(&path, b"").expect("ours");
        assert_eq!(MappedFile::read_only(&path).err(), Some(MapFileError::Empty));
        std::fs::remove_file(&path).expect("ours");
    }
}
