//! Memory: big values in zeroed mappings, guards against allocations, and monitors of pressure and pauses.

mod alloc_guard;
mod armed;
mod faults;
mod pause;
mod pressure;
mod zeroed;

pub use alloc_guard::{Allocations, CountingAllocator, allocations};
pub use armed::{AllocGuard, AllocationRate, FirstAllocation, OnAllocation, PerSecond};
pub use faults::{page_faults, populate};
pub use pause::{CorePauses, Pause, PauseCause, PauseMode, PauseMonitor, SchedulingCounts};
pub use pressure::{
    CgroupMemory, HugePages, Hysteresis, MemorySample, PressureChange, PressureLevel, PressureMonitor,
    PressureMonitorBuilder, PressureStats, Psi, PsiLine, Threshold, Thresholds, TriggerState,
};
pub use zeroed::{MapError, Pages, Zeroed};
