//! Numbers about a running system, in fixed memory: written by one thread, read by anybody who can see them, in this
//! process or in another one that has the same memory mapped. All-zero bytes are the beginning of each.
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
//! A writer's load and store cost about as much as a plain variable; a locked instruction costs some 5 ns on x86-64, and
//! 20 and more when several threads do it at once. So whatever one thread counts should have one writer, and a number
//! that many threads count is better kept once for each of them and added up by the reader.

mod counter;
mod histogram;
mod word;

pub use counter::{Counter, Gauge, SharedCounter, SharedGauge};
pub use histogram::Histogram;
