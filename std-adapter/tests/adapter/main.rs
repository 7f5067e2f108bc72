//! Memory, regions, channels between processes, and pipelines.

#[path = "../../../tests/capacities/harness.rs"]
mod harness;
mod inside;
mod part;
mod place;
mod refuse;
mod sanitizer;
mod tree;

mod c_channel;
mod capacities;
mod ipc;
mod ipc_kill;
mod liveness;
mod pipeline;
mod pressure;
mod refused;
mod regions;
