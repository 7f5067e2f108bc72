//! The Linux side of `vvp-core`: memory, threads, clock, channels between processes, and pipelines.

#![cfg_attr(docsrs, feature(doc_cfg))]
// Functions that must not block are marked for the realtime sanitizer with an attribute that is not
// stable yet.
#![cfg_attr(rtsan, feature(sanitize))]

pub mod clock;
pub mod engine;
pub mod ipc;
pub mod memory;
pub mod os;
pub mod pipeline;
pub mod random;
pub mod thread;
