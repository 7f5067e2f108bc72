//! Metrics of a running system, in fixed memory: written by one thread, read by any thread or
//! process that has the memory mapped. All-zero bytes are the initial state of each.
//!
//! | | writer | reading |
//! |---|---|---|
//! | [`Counter`] | one; a load and a store | 64 bits on every target |
//! | [`Gauge`] | one; a load and a store | what it is now, and the most it ever was |
//! | [`SharedCounter`], [`SharedGauge`] | any number; one locked instruction | a word |
//! | [`Histogram`] | one; some ten instructions | counts, minimum, maximum, percentiles |
//!
//! ```
//! use vvp_core::metrics::{Counter, Gauge};
//!
//! static ORDERS: Counter = Counter::new();
//! static OPEN: Gauge = Gauge::new();
//! for n in 1..=3 {
//!     ORDERS.add(1);
//!     OPEN.set(n);
//! }
//! OPEN.sub(2);
//! assert_eq!((ORDERS.get(), OPEN.get(), OPEN.high_water()), (3, 1, 3));
//! ```
//!
//! A single writer's load and store cost about as much as a plain variable; a locked instruction
//! costs some 5 ns on x86-64, and 20 ns or more if several threads contend. So a number that one
//! thread counts should have one writer, and a number that many threads count is better kept once
//! per thread and added up by the reader.

mod counter;
mod histogram;
mod word;

pub use counter::{Counter, Gauge, SharedCounter, SharedGauge};
pub use histogram::Histogram;
