//! What may be asked of a region's memory, and what became of it.

use super::RegionError;
use crate::knob::Answer;

/// How much something is wanted.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum Wish {
    /// Not asked for.
    #[default]
    No,
    /// Asked for; the answer tells what became of it.
    Try,
    /// Without it there shall be no region.
    Insist,
}

/// Something that can be asked of a region's memory.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub enum Knob {
    /// 2 MiB pages.
    HugePages,
    /// All pages now.
    Prefault,
    /// Pages that are never swapped out.
    Lock,
    /// Pages of one NUMA node.
    Node,
    /// A file that can no longer grow or shrink.
    Seals,
}

impl Knob {
    /// What to do about a refusal.
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

impl core::fmt::Display for Knob {
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

/// How the memory of a region is wanted. The default asks for nothing.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct RegionOptions {
    /// 2 MiB pages: from the reserved pool for anonymous regions (`MAP_HUGETLB`), else by advice (`MADV_HUGEPAGE`).
    pub huge_pages: Wish,
    /// Touch all pages now, so that nobody waits for one later.
    pub prefault: Wish,
    /// Never swap it out (`mlock`).
    pub lock: Wish,
    /// Take the pages from `node`.
    pub on_node: Wish,
    /// Which NUMA node `on_node` means, below 1024.
    pub node: u16,
    /// No process can change the file's length (`F_SEAL_SHRINK`, `F_SEAL_GROW`, `F_SEAL_SEAL`); anonymous regions only.
    pub seals: Wish,
}

impl RegionOptions {
    /// For trading: huge pages, prefaulted, locked, sealed, as far as the system does it.
    pub const READY: Self = Self {
        huge_pages: Wish::Try,
        prefault: Wish::Try,
        lock: Wish::Try,
        on_node: Wish::No,
        node: 0,
        seals: Wish::Try,
    };
}

/// What became of each wish; `None` where there was none.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct RegionAnswers {
    /// Huge pages. `Applied` for pages of the pool; for advice it means that the kernel took it, not that it had any.
    pub huge_pages: Option<Answer>,
    /// Touched in advance.
    pub prefault: Option<Answer>,
    /// Locked.
    pub lock: Option<Answer>,
    /// On the node asked for.
    pub node: Option<Answer>,
    /// Sealed.
    pub seals: Option<Answer>,
}

/// Does what is wished for.
pub(super) fn fulfil(wish: Wish, knob: Knob, act: impl FnOnce() -> Answer) -> Result<Option<Answer>, RegionError> {
    match (wish, if wish == Wish::No { None } else { Some(act()) }) {
        (Wish::Insist, Some(answer)) if !answer.is_applied() => Err(RegionError::Insisted { knob, answer }),
        (_, answer) => Ok(answer),
    }
}
