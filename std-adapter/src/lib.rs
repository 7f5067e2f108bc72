//! The Linux side of `vvp-core`: memory, threads, pipelines, and the `vvp` command line.

pub mod bench;
pub mod clock;
pub mod doctor;
pub mod engine;
pub mod ipc;
pub mod itch;
pub mod knob;
pub mod lobster;
pub mod memory;
pub mod packed;
pub mod pipeline;
pub mod system;
pub mod text;
pub mod thread;
