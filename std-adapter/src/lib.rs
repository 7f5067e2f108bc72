//! The Linux side of `vvp-core`: memory, threads, pipelines, and the `vvp` command line.

pub mod lobster;
pub mod text;
