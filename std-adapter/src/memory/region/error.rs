//! Errors of regions.

use super::RegionSetting;
use crate::os::Outcome;

/// Reason why a region was not created or opened.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub enum RegionError {
    /// The name is empty, longer than 100 bytes, begins with a dot, or has a character other than
    /// `A-Z a-z 0-9 . _ -`.
    BadName,
    /// There is no region of this name.
    Missing,
    /// There already is a region of this name: open it, or remove it first.
    Exists,
    /// The file is shorter than its header or its contents require.
    TooSmall {
        /// Bytes required.
        needed_bytes: u64,
        /// Bytes found.
        found_bytes: u64,
    },
    /// The size exceeds the address space.
    TooLarge,
    /// The size exceeds what the machine, or the control group of this process, can still provide.
    NotEnoughMemory {
        /// Bytes required, including the header.
        needed_bytes: u64,
        /// Bytes available.
        available_bytes: u64,
    },
    /// The file does not begin with the magic number of a region.
    NotARegion,
    /// Another version of the header format.
    OtherVersion {
        /// Its version.
        found: u32,
    },
    /// The region holds another type, or the same type with other sizes.
    OtherLayout {
        /// The expected layout hash.
        expected: u64,
        /// The layout hash found.
        found: u64,
    },
    /// Its creator has not finished: try again in a moment.
    NotReady {
        /// The creator's process number.
        pid: u32,
    },
    /// Its creator died before it had finished: remove it and create it again.
    HalfMade {
        /// The creator's process number.
        pid: u32,
    },
    /// The region, or its directory, belongs to another user, or others may write to it.
    ForeignOwner {
        /// The owner's user number.
        uid: u32,
    },
    /// A required setting was not applied.
    RequirementFailed {
        /// The setting.
        setting: RegionSetting,
        /// Its outcome.
        outcome: Outcome,
    },
    /// A system call failed.
    System {
        /// Its name.
        call: &'static str,
        /// The system's error.
        errno: i32,
    },
}

impl core::fmt::Display for RegionError {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        match *self {
            Self::BadName => f.write_str("not a name for a region: 1 to 100 of A-Z a-z 0-9 . _ - and no dot first"),
            Self::Missing => f.write_str("there is no region of this name: create it first"),
            Self::Exists => f.write_str("there already is a region of this name: open it, or remove it first"),
            Self::TooSmall { needed_bytes, found_bytes } => {
                write!(f, "the region has {found_bytes} bytes and needs {needed_bytes}: remove it and create it again")
            }
            Self::TooLarge => f.write_str("the region would exceed the address space: ask for less"),
            Self::NotEnoughMemory { needed_bytes, available_bytes } => write!(
                f,
                "the region needs {needed_bytes} bytes and {available_bytes} are available: \
                 ask for less, or free memory"
            ),
            Self::NotARegion => f.write_str("the file is not a region: remove it, or choose another name"),
            Self::OtherVersion { found } => {
                write!(f, "the region is of version {found}: restart both sides with the same program")
            }
            Self::OtherLayout { expected, found } => write!(
                f,
                "the region holds another type or other sizes (layout {found:016x}, expected {expected:016x}): \
                 restart both sides with the same program"
            ),
            Self::NotReady { pid } => write!(f, "process {pid} is still creating the region: try again in a moment"),
            Self::HalfMade { pid } => {
                write!(f, "process {pid} died while it created the region: remove it and create it again")
            }
            Self::ForeignOwner { uid } => {
                write!(f, "the region belongs to user {uid} or others may write to it: run as its owner, mode 0600")
            }
            Self::RequirementFailed { setting, outcome } => {
                write!(f, "{setting} required but {outcome}: {}", setting.remedy())
            }
            Self::System { call, errno } => {
                let remedy = match errno {
                    libc::EACCES | libc::EPERM => "check who owns /dev/shm and the file",
                    libc::ENOSPC | libc::ENOMEM => "free memory, or enlarge /dev/shm",
                    libc::ENOLCK => "the file system has no locks: put the region into /dev/shm",
                    libc::EMFILE | libc::ENFILE => "raise the limit of open files (ulimit -n)",
                    _ => "see errno(3)",
                };
                write!(f, "{call} failed (errno {errno}): {remedy}")
            }
        }
    }
}

impl core::error::Error for RegionError {}
