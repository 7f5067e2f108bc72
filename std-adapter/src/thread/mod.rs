//! Threads: affinity, scheduling, spawning, processor topology, and wait strategies.

mod affinity;
mod scheduling;
mod spawn;
mod topology;
mod wait;

pub use affinity::{ThreadLayout, ThreadPlace, allowed_cpus, pin_to};
pub use scheduling::{WakeLatency, prefault_stack, set_fifo, set_nice, set_timer_slack};
pub use spawn::{Core, Spawn, SpawnError, SpawnSetting, Spawned, SpawnedScoped};
pub use topology::{Cpu, Topology};
pub use vvp_core::queue::{Spin, Wait};
pub use wait::{Park, SpinThenSleep, SpinThenYield, wake_on_time};
