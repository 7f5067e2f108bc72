//! The memory control group of this process, version 1 or 2.

use super::procfs::{System, field};
use std::path::{Path, PathBuf};

/// The interface of a control group.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CgroupVersion {
    /// One hierarchy for each controller.
    V1,
    /// One unified hierarchy.
    V2,
}

/// The kernel's event counts of a group's memory; 0 for a count that the interface lacks.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub struct MemoryEvents {
    /// Times the group was throttled at `memory.high` (v2).
    pub high: u64,
    /// Times the limit was reached (v1: `memory.failcnt`).
    pub max: u64,
    /// Times the group ran out of memory.
    pub oom: u64,
    /// Processes killed by the OOM killer.
    pub oom_kill: u64,
}

/// A memory control group: its directories and version.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Cgroup {
    version: CgroupVersion,
    /// The directories from the group itself up to the mounted root: limits of ancestors also bind.
    folders: Vec<PathBuf>,
}

/// v1 reports "no limit" as the greatest number of whole pages; any value from here on means no
/// limit.
const NO_LIMIT_V1: u64 = 1 << 62;

impl Cgroup {
    /// Returns the group of this process; `None` if no memory group is visible.
    #[must_use]
    pub fn of_memory(system: &System) -> Option<Self> {
        let groups = system.text("proc/self/cgroup")?;
        let mounts = system.text("proc/self/mountinfo").unwrap_or_default();
        // v1 first: where both are mounted, the one with the memory controller accounts for memory.
        let v1 = group_path(&groups, |controllers| controllers.split(',').any(|c| c == "memory"));
        let v2 = group_path(&groups, str::is_empty);
        let candidates = [(CgroupVersion::V1, v1, "memory.usage_in_bytes"), (CgroupVersion::V2, v2, "memory.current")];
        for (version, path, probe) in candidates {
            let Some(path) = path else { continue };
            let Some((seen_from, mounted_at)) = mount(&mounts, version) else { continue };
            // In a container the group's path may be the host's, while only its own subtree is
            // mounted.
            let below = path.strip_prefix(seen_from).ok().or_else(|| path.strip_prefix("/").ok()).unwrap_or(path);
            let inside: Vec<PathBuf> = below.ancestors().map(|part| mounted_at.join(part)).collect();
            let folders: Vec<PathBuf> =
                inside.into_iter().filter(|folder| system.number(folder.join(probe)).is_some()).collect();
            if !folders.is_empty() {
                return Some(Self { version, folders });
            }
        }
        None
    }

    /// Returns the interface version.
    #[must_use]
    pub const fn version(&self) -> CgroupVersion {
        self.version
    }

    /// Returns the group's own directory, relative to the root of the system.
    #[must_use]
    pub fn folder(&self) -> &Path {
        self.folders.first().map_or(Path::new(""), PathBuf::as_path)
    }

    /// Returns the bytes charged to the group now.
    #[must_use]
    pub fn usage_bytes(&self, system: &System) -> Option<u64> {
        let file = match self.version {
            CgroupVersion::V1 => "memory.usage_in_bytes",
            CgroupVersion::V2 => "memory.current",
        };
        system.number(self.folder().join(file))
    }

    /// Returns the least hard limit of the group and its ancestors; `None` if there is none.
    #[must_use]
    pub fn limit_bytes(&self, system: &System) -> Option<u64> {
        self.least(
            system,
            match self.version {
                CgroupVersion::V1 => "memory.limit_in_bytes",
                CgroupVersion::V2 => "memory.max",
            },
        )
    }

    /// Returns the least soft limit of the group and its ancestors: above it the kernel throttles
    /// the group (v2) or reclaims from it first (v1).
    #[must_use]
    pub fn soft_limit_bytes(&self, system: &System) -> Option<u64> {
        self.least(
            system,
            match self.version {
                CgroupVersion::V1 => "memory.soft_limit_in_bytes",
                CgroupVersion::V2 => "memory.high",
            },
        )
    }

    fn least(&self, system: &System, file: &str) -> Option<u64> {
        // "max" does not parse as a number and so is no limit.
        self.folders.iter().filter_map(|f| system.number(f.join(file))).filter(|&n| n < NO_LIMIT_V1).min()
    }

    /// Returns the kernel's event counts.
    #[must_use]
    pub fn events(&self, system: &System) -> Option<MemoryEvents> {
        match self.version {
            CgroupVersion::V2 => {
                let text = system.text(self.folder().join("memory.events"))?;
                let count = |name| field(&text, name).unwrap_or(0);
                Some(MemoryEvents {
                    high: count("high"),
                    max: count("max"),
                    oom: count("oom"),
                    oom_kill: count("oom_kill"),
                })
            }
            CgroupVersion::V1 => {
                let max = system.number(self.folder().join("memory.failcnt"))?;
                let control = system.text(self.folder().join("memory.oom_control")).unwrap_or_default();
                let count = |name| field(&control, name).unwrap_or(0);
                Some(MemoryEvents { high: 0, max, oom: count("under_oom"), oom_kill: count("oom_kill") })
            }
        }
    }
}

/// Returns the path of the first group whose controllers match, from lines like `4:memory:/a/b` and
/// `0::/a`.
fn group_path(groups: &str, suits: impl Fn(&str) -> bool) -> Option<&Path> {
    groups.lines().find_map(|line| {
        let (_, rest) = line.split_once(':')?;
        let (controllers, path) = rest.split_once(':')?;
        suits(controllers).then_some(Path::new(path))
    })
}

/// Returns the mounted subtree and its mount point, from the lines of `mountinfo`.
fn mount(mounts: &str, version: CgroupVersion) -> Option<(&Path, &Path)> {
    mounts.lines().find_map(|line| {
        let (left, right) = line.split_once(" - ")?;
        let mut left = left.split_ascii_whitespace().skip(3);
        let (root, at) = (left.next()?, left.next()?);
        let mut right = right.split_ascii_whitespace();
        let (kind, options) = (right.next()?, right.nth(1).unwrap_or(""));
        let ours = match version {
            CgroupVersion::V1 => kind == "cgroup" && options.split(',').any(|o| o == "memory"),
            CgroupVersion::V2 => kind == "cgroup2",
        };
        ours.then_some((Path::new(root), Path::new(at)))
    })
}
