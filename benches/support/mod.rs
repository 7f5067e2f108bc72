//! What the benches share: seeded command streams, the floor they are compared with, and memory to
//! run in.
//!
//! Used by `benches/book.rs` and, by path, from the packages beside it.

pub mod adapter;
pub mod bare_gateway;
pub mod challenge;
pub mod contender;
pub mod floor;
pub mod gateway;
pub mod host;
pub mod huge;
pub mod ours;
pub mod ring;
pub mod rng;
pub mod shape;
pub mod workloads;
