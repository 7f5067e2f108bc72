//! The parts of the `vvpx` command line, for programs that use one of them.
//!
//! - [`text`]: order files and event files: JSON lines, CSV and binary records.
//! - [`mod@bench`]: the measurements behind `vvpx bench`.
//! - [`doctor`]: the checks of a machine's set-up for low latency.

#![cfg_attr(docsrs, feature(doc_cfg))]

pub mod bench;
pub mod doctor;
pub mod text;
