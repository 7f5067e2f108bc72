//! What the `vvpx` command line is made of, for programs that want a part of it.
//!
//! - [`text`]: order files and event files: JSON lines, CSV and binary records.
//! - [`mod@bench`]: the measurements behind `vvpx bench`.
//! - [`doctor`]: what of a machine's set-up costs latency.

#![cfg_attr(docsrs, feature(doc_cfg))]

pub mod bench;
pub mod doctor;
pub mod text;
