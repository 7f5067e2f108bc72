//! Test kit for [`vvp_core`]: a reference model of the matching engine, and random commands to
//! compare an engine with it.
//!
//! - [`Model`] is a second, naive implementation of the matching contract, chapters 0 to 18 of
//!   `docs/matching.md` (in the package of vvp-core): commands in, events out. It is written to be
//!   read beside the contract, not to be fast, and shares no code with the real book.
//! - [`Stream`](streams::Stream) makes random commands of a [`Flavour`](flavours::Flavour). There
//!   are flavours for icebergs, stops, auctions, expiry, full books, both ends of `i64`, and more.
//! - [`Coverage`] counts which cases of the contract a run has met.
//! - [`Session`](text::Session) answers command files, so that the model runs the scenario files
//!   too.
//! - [`sinks`] collect the events of an engine that is compiled once for all tests.
//! - `strategies` (feature `proptest`) gives both as `proptest` strategies, for properties of your
//!   own.
//!
//! It needs `std`, allocates freely, and panics where an invariant is broken.
//!
//! # Example
//!
//! An engine with capacities of your choice agrees with the model, event by event:
//!
//! ```
//! use vvp_core::book::Book;
//! use vvp_core::engine::{Engine, Matcher};
//! use vvp_testkit::Model;
//! use vvp_testkit::flavours::{Flavour, flavours};
//! use vvp_testkit::sinks::events_of;
//! use vvp_testkit::streams::Stream;
//!
//! // A book: 64 resting orders, 8 far levels a side, 8 stops. 2 instruments, limits of 4 owners.
//! type OneBook = vvp_core::book_type!(orders: 64, ticks_per_side: 64, far_levels: 8, stops: 8);
//! type MyEngine = Engine<OneBook, 2, 4>;
//!
//! for flavour in flavours().into_iter().filter(|f| f.instruments <= 2) {
//!     let flavour = Flavour { room: (64, 8), ..flavour };
//!     let mut engine = MyEngine::new();
//!     let mut model = Model::new(64, 8).with_instruments(2).with_owners(4).with_far_levels(8);
//!     for (at, command) in Stream::new(&flavour, 1).commands(500).iter().enumerate() {
//!         let events = events_of(&mut engine, command);
//!         if let Err(expected) = model.compare(command, &events) {
//!             let name = flavour.name;
//!             panic!("{name} {at}: {command:?}\nengine {events:?}\nmodel {expected:?}");
//!         }
//!     }
//!     assert_eq!(engine.seq(), model.seq);
//! }
//! ```
//!
//! The books can be compared as well: [`Model::books`](engine::Model::books) has queues, depth,
//! last price and stops of each instrument.
//!
//! # Reading order
//!
//! One concept a file, in `src/`:
//!
//! 1. [`order`]: what an order is.
//! 2. [`mod@book`]: two sides of levels, and the stops.
//! 3. [`engine`]: clock, instruments, risk limits; one method a command.
//! 4. `refusals.rs`: the tests of new and replace, in the order of chapter 17.
//! 5. `matching.rs`: trading and self-trade prevention; `fillable.rs`: the test of fok and min_qty.
//! 6. `stops.rs`: triggers; `auction.rs`: the uncross; `questions.rs`: queries.
//! 7. [`flavours`] and [`streams`]: the random commands. [`rules`]: the counters of coverage.
//! 8. [`text`]: the text format, as far as the scenario files need it.
//! 9. [`sinks`]: sinks that tests share.
//!
//! # Where the contract left room
//!
//! The model follows the decisions that `docs/matching.md` marks (D): M0.2, M0.7, M0.13, M4.9
//! (asserted), M7.9, M8.17, M11.4, M12.8, M12.9, M13.5, M15.13, M16.7 to M16.10, M17.11, M17.13 to
//! M17.15, M18.9 to M18.11, and of the text format M19.4. Two points are its own:
//!
//! 1. **`levels_full`** (M17.12) depends on how an engine stores levels. The model has room for
//!    all; [`Model::compare`] takes the engine's word and checks what can be checked.
//! 2. **Limits of owners** (M16.10): any number of owners, unless
//!    [`Model::with_owners`](engine::Model::with_owners) says how many.

#![cfg_attr(docsrs, feature(doc_cfg))]

mod auction;
pub mod book;
pub mod engine;
mod fillable;
pub mod flavours;
mod matching;
pub mod order;
mod questions;
mod refusals;
pub mod rules;
pub mod sinks;
mod stops;
#[cfg(feature = "proptest")]
pub mod strategies;
pub mod streams;
pub mod text;

pub use engine::Model;
pub use rules::Coverage;
