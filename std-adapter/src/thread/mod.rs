//! Threads: where they run, what they ask of the system, and how they wait.

mod knobs;
mod pin;
mod spawn;
mod topology;
mod wait;

pub use knobs::{WakeLatency, prefault_stack, run_first, set_nice, set_timer_slack};
pub use pin::{Layout, Place, allowed_cpus, pin_to};
pub use spawn::{Core, Knob, Spawn, SpawnError, Spawned};
pub use topology::{Cpu, Topology};
pub use vvp_core::queue::{Spin, Wait};
pub use wait::{Backoff, Park, SpinThenYield, wake_on_time};
