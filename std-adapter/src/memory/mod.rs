//! Memory: a manager that places and tracks objects, large values in zeroed mappings, regions
//! shared by processes, mapped files, guards against allocation, and monitors of memory pressure
//! and of jitter.

mod alloc_guard;
mod counting_allocator;
mod jitter;
mod manager;
mod mapped_file;
mod page_faults;
mod pressure;
mod process;
pub mod region;
mod zeroed;

pub use alloc_guard::{AllocGuard, AllocationRate, FirstAllocation, OnAllocation, PerSecond};
pub use counting_allocator::{Allocations, CountingAllocator, allocations};
pub use jitter::{CoreJitter, Hiccup, HiccupCause, JitterMode, JitterMonitor, SchedulingCounts};
pub use manager::{
    JitterSummary, ManagerError, ManagerStats, MemoryManager, MemoryManagerBuilder, ObjectStats, ObjectUsage, Placed,
    PlacedRegion, PressureSummary, Usage,
};
pub use mapped_file::{Access, MapFileError, MappedFile};
pub use page_faults::{page_faults, populate};
pub use pressure::{
    CgroupMemory, HugePages, Hysteresis, MemorySample, PressureChange, PressureLevel, PressureMonitor,
    PressureMonitorBuilder, PressureStats, Psi, PsiLine, Threshold, Thresholds, TriggerState,
};
pub use process::ProcessToken;
pub(crate) use process::copy_number;
pub use zeroed::{MapError, Pages, Zeroed};
