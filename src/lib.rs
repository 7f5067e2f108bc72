//! VVP Core: the heart of a trading platform's order matching, without an allocator.
#![no_std]
#![deny(clippy::float_arithmetic, clippy::std_instead_of_core, clippy::alloc_instead_of_core)]

pub mod book;
pub mod engine;
pub mod map;
pub mod metrics;
pub mod queue;
pub mod sync;
