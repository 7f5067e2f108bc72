//! Memory: big values in zeroed mappings, and the guard that counts what is allocated after start-up.

mod alloc_guard;
mod faults;
mod zeroed;

pub use alloc_guard::{Allocations, CountingAllocator, allocations};
pub use faults::{page_faults, populate};
pub use zeroed::{MapError, Pages, Zeroed};
