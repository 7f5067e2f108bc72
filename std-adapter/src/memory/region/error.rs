//! What can be wrong with a region.

use super::RegionSetting;
use crate::os::Outcome;

/// Why there is no region.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub enum RegionError {
    /// The name is empty, longer than 100 bytes, begins with a dot, or has a character other than `A-Z a-z 0-9 . _ -`.
    BadName,
    /// There is none of that name.
    Missing,
    /// There is one of that name already: open it, or remove it first.
    Exists,
    /// The file is shorter than its header or its contents need.
    TooSmall {
        /// What it needs.
        needed_bytes: u64,
        /// What it has.
        found_bytes: u64,
    },
    /// More was asked for than can be addressed.
    TooLarge,
    /// More was asked for than the machine, or the control group of this process, can still give.
    NotEnoughMemory {
        /// What was asked for, header and all.
        needed_bytes: u64,
        /// What there is.
        available_bytes: u64,
    },
    /// It does not begin as our regions do.
    NotARegion,
    /// It was made by another version of this crate.
    OtherVersion {
        /// The version it was made by.
        found: u32,
    },
    /// It holds another type, or the same with other sizes.
    OtherLayout {
        /// The layout hash asked for.
        expected: u64,
        /// The layout hash found.
        found: u64,
    },
    /// Its creator is still at work: try again in a moment.
    NotReady {
        /// The creator's process number.
        pid: u32,
    },
    /// Its creator died before it was done: remove it and create it again.
    HalfMade {
        /// The process number that the creator had.
        pid: u32,
    },
    /// It, or the directory of regions, belongs to another user, or others may write to it.
    ForeignOwner {
        /// That user's number.
        uid: u32,
    },
    /// The caller insisted on something that the system did not do.
    RequirementFailed {
        /// On what.
        setting: RegionSetting,
        /// What became of it.
        outcome: Outcome,
    },
    /// A system call failed.
    System {
        /// Which one.
        call: &'static str,
        /// What the system said.
        errno: i32,
    },
}

impl core::fmt::Display for RegionError {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        match *self {
            Self::BadName => f.write_str("not a name for a region: 1 to 100 of A-Z a-z 0-9 . _ - and no dot first"),
            Self::Missing => f.write_str("there is no region of that name: create it first"),
            Self::Exists => f.write_str("there is a region of that name already: open it, or remove it first"),
            Self::TooSmall { needed_bytes, found_bytes } => {
                write!(f, "the region has {found_bytes} bytes and needs {needed_bytes}: remove it and create it again")
            }
            Self::TooLarge => f.write_str("the region would be larger than can be addressed: ask for less"),
            Self::NotEnoughMemory { needed_bytes, available_bytes } => write!(
                f,
                "the region needs {needed_bytes} bytes and {available_bytes} can be had: ask for less, or free memory"
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
            Self::NotReady { pid } => write!(f, "process {pid} is still making the region: try again in a moment"),
            Self::HalfMade { pid } => {
                write!(f, "process {pid} died while it made the region: remove it and create it again")
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
