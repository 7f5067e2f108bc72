//! Memory: a manager that places objects and knows them; big values in zeroed mappings, regions shared by processes, mapped files, guards against allocations, and monitors
//! of pressure and pauses.

mod alloc_guard;
mod armed;
mod faults;
mod manager;
mod mapped_file;
mod pause;
mod pressure;
mod process;
pub mod region;
mod zeroed;

pub use alloc_guard::{Allocations, CountingAllocator, allocations};
pub use armed::{AllocGuard, AllocationRate, FirstAllocation, OnAllocation, PerSecond};
pub use faults::{page_faults, populate};
pub use manager::{
    ManagerError, ManagerStats, MemoryManager, MemoryManagerBuilder, ObjectStats, ObjectUsage, PauseSummary, Placed,
    PlacedRegion, PressureSummary, Usage,
};
pub use mapped_file::{Access, MapFileError, MappedFile};
pub use pause::{CorePauses, Pause, PauseCause, PauseMode, PauseMonitor, SchedulingCounts};
pub use pressure::{
    CgroupMemory, HugePages, Hysteresis, MemorySample, PressureChange, PressureLevel, PressureMonitor,
    PressureMonitorBuilder, PressureStats, Psi, PsiLine, Threshold, Thresholds, TriggerState,
};
pub use process::ProcessToken;
pub(crate) use process::copy_number;
pub use zeroed::{MapError, Pages, Zeroed};
