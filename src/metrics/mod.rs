//! Numbers about a running system, in fixed memory.

mod histogram;

pub use histogram::Histogram;
