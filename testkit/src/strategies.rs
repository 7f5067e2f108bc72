//! Strategies for `proptest`: flavours, and command streams that shrink (feature `proptest`).
//!
//! # Example
//!
//! A rule of your own, as a property test: buyers and sellers trade the same quantity. A trade
//! event names maker and taker by id; the sides come from the commands that the engine accepted.
//!
//! ```
//! use proptest::prelude::*;
//! use std::collections::HashMap;
//! use vvp_core::book::{Book, Command, Event, EventBody, FnSink, InstrumentId, OrderId, Side};
//! use vvp_core::engine::{Engine, Matcher};
//! use vvp_testkit::flavours::Flavour;
//! use vvp_testkit::strategies::{commands, flavours};
//!
//! /// Lots bought and lots sold, over all trades that the commands cause.
//! fn traded(commands: &[Command]) -> (u128, u128) {
//!     type OneBook =
//!         vvp_core::book_type!(orders: 64, ticks_per_side: 64, far_levels: 8, stops: 8);
//!     let mut engine = Engine::<OneBook, 4, 8>::new();
//!     let mut sides: HashMap<(Option<InstrumentId>, OrderId), Side> = HashMap::new();
//!     let (mut bought, mut sold) = (0, 0);
//!     for command in commands {
//!         engine.apply(command, &mut FnSink(|event: Event| match event.body() {
//!             EventBody::Accepted { id, .. } => {
//!                 sides.insert((event.instrument(), id), command.side());
//!             }
//!             EventBody::Trade { maker, taker, qty, .. } => {
//!                 for id in [maker, taker] {
//!                     match sides[&(event.instrument(), id)] {
//!                         Side::Buy => bought += u128::from(qty.lots()),
//!                         Side::Sell => sold += u128::from(qty.lots()),
//!                     }
//!                 }
//!             }
//!             _ => {}
//!         }));
//!     }
//!     (bought, sold)
//! }
//!
//! let streams = flavours().prop_flat_map(|f| commands(Flavour { room: (64, 8), ..f }, 500));
//! proptest!(ProptestConfig::with_cases(32), |(commands in streams)| {
//!     let (bought, sold) = traded(&commands);
//!     prop_assert_eq!(bought, sold);
//! });
//! ```
//!
//! For a rule about the books, such as "no order rests beyond its limit", see
//! `examples/own_rule.rs`.

use crate::flavours::{self, Flavour};
use crate::streams::Stream;
use proptest::prelude::*;
use proptest::sample::select;
use vvp_core::book::Command;

/// Returns a strategy that picks one of [`flavours::flavours`]; it shrinks towards the first, the
/// plain one.
pub fn flavours() -> impl Strategy<Value = Flavour> + Clone {
    select(flavours::flavours())
}

/// Returns a strategy for the commands of a [`Stream`]: the definitions of the instruments, then up
/// to `max_len` commands.
///
/// Seed and length are random. A failing stream shrinks to its shortest failing prefix: the seed
/// stays, the length goes down.
///
/// ```
/// use proptest::prelude::*;
/// use proptest::test_runner::{TestError, TestRunner};
/// use vvp_testkit::Model;
/// use vvp_testkit::flavours::flavours;
/// use vvp_testkit::strategies::commands;
///
/// // Not a true property: the shortest stream that trades is found.
/// let trades = |commands: &[_]| {
///     let mut model = Model::new(1000, 200);
///     commands.iter().for_each(|c| drop(model.apply(c)));
///     model.books.iter().any(|b| b.last.is_some())
/// };
/// let config = ProptestConfig { failure_persistence: None, ..ProptestConfig::default() };
/// let streams = commands(flavours()[0].clone(), 500);
/// let result = TestRunner::new(config).run(&streams, |commands| {
///     prop_assert!(!trades(&commands));
///     Ok(())
/// });
/// let Err(TestError::Fail(_, shortest)) = result else { panic!("some stream trades") };
/// assert!(trades(&shortest) && !trades(&shortest[..shortest.len() - 1]));
/// ```
///
/// # Panics
/// When a value is made, for a flavour outside the bounds that its fields state.
pub fn commands(flavour: Flavour, max_len: usize) -> impl Strategy<Value = Vec<Command>> + Clone {
    (any::<u64>().no_shrink(), 0..=max_len).prop_map(move |(seed, len)| Stream::new(&flavour, seed).commands(len))
}
