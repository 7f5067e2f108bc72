//! The Linux side of `vvp-core`: memory, threads, pipelines, and the `vvp` command line.

// Functions that must not block say so to the sanitizer that watches for it, which takes an attribute that is not stable yet.
#![cfg_attr(rtsan, feature(sanitize))]

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
pub mod recognise;
pub mod system;
pub mod text;
pub mod thread;
