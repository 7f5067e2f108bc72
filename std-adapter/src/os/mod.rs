//! The operating system: outcomes of requests to it, and what it reports in `/proc`, `/sys` and
//! control groups.

mod cgroup;
mod outcome;
mod procfs;

pub use cgroup::{Cgroup, CgroupVersion, MemoryEvents};
pub use outcome::{Outcome, last_errno};
pub use procfs::{System, field, list};
