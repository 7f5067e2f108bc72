//! Requests about the memory of a region, and their outcomes.

use super::RegionError;
use crate::os::Outcome;

/// The strength of the request for a setting.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum Request {
    /// Not requested.
    #[default]
    Off,
    /// Requested; the region is made whatever the outcome.
    BestEffort,
    /// Required; without it making the region fails.
    Required,
}

/// A setting of a region's memory.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub enum RegionSetting {
    /// Pages of 2 MiB.
    HugePages,
    /// All pages touched when the region is made.
    Prefault,
    /// Pages that are never swapped out.
    Lock,
    /// Pages of one NUMA node.
    Node,
    /// A file whose length is fixed.
    Seals,
}

impl RegionSetting {
    /// Returns what a user can do when the setting is refused.
    #[must_use]
    pub const fn remedy(self) -> &'static str {
        match self {
            Self::HugePages => "reserve some (vm.nr_hugepages) or allow shmem_enabled=advise",
            Self::Prefault => "free memory, or ask for less",
            Self::Lock => "raise the limit (ulimit -l) or give CAP_IPC_LOCK",
            Self::Node => "choose a node of /sys/devices/system/node",
            Self::Seals => "seals are for anonymous regions",
        }
    }
}

impl core::fmt::Display for RegionSetting {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.write_str(match self {
            Self::HugePages => "huge pages",
            Self::Prefault => "prefault",
            Self::Lock => "mlock",
            Self::Node => "NUMA node",
            Self::Seals => "seals",
        })
    }
}

/// Requests for a region's memory. The default requests nothing.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct RegionOptions {
    /// Pages of 2 MiB: of the reserved pool for anonymous regions (`MAP_HUGETLB`), else by advice
    /// (`MADV_HUGEPAGE`).
    pub huge_pages: Request,
    /// Touches all pages when the region is made, so that no later access takes a page fault.
    pub prefault: Request,
    /// Keeps the pages in memory (`mlock`).
    pub lock: Request,
    /// Takes the pages from `node`.
    pub on_node: Request,
    /// The NUMA node of `on_node`, below 1024.
    pub node: u16,
    /// Fixes the length of the file (`F_SEAL_SHRINK`, `F_SEAL_GROW`, `F_SEAL_SEAL`); anonymous
    /// regions only.
    pub seals: Request,
}

impl RegionOptions {
    /// Options for trading: huge pages, prefaulted, locked and sealed, as far as the system allows.
    pub const READY: Self = Self {
        huge_pages: Request::BestEffort,
        prefault: Request::BestEffort,
        lock: Request::BestEffort,
        on_node: Request::Off,
        node: 0,
        seals: Request::BestEffort,
    };
}

/// The outcome of each request; `None` for a setting that was not requested.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct RegionOutcomes {
    /// Huge pages. `Applied` means pages of the reserved pool, or that the kernel accepted the
    /// advice; it may still have no huge page to give.
    pub huge_pages: Option<Outcome>,
    /// Touched in advance.
    pub prefault: Option<Outcome>,
    /// Locked.
    pub lock: Option<Outcome>,
    /// On the requested node.
    pub node: Option<Outcome>,
    /// Sealed.
    pub seals: Option<Outcome>,
}

/// Calls `act` if the setting is requested; fails if it is required and was not applied.
pub(super) fn apply_request(
    request: Request,
    setting: RegionSetting,
    act: impl FnOnce() -> Outcome,
) -> Result<Option<Outcome>, RegionError> {
    match (request, if request == Request::Off { None } else { Some(act()) }) {
        (Request::Required, Some(outcome)) if !outcome.is_applied() => {
            Err(RegionError::RequirementFailed { setting, outcome })
        }
        (_, outcome) => Ok(outcome),
    }
}
