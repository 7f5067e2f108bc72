//! VVP Core: order matching with price-time priority, lock-free queues and pools, without an
//! allocator.
//!
//! Commands go in, numbered events come out. All structures have a fixed capacity, chosen by const
//! generics: no allocator, no operating system, no clock, no float, no randomness. The same
//! commands give the same events, byte for byte, on a server and on a microcontroller.
//!
//! # A tour
//! ```
//! use vvp_core::book::*;
//! use vvp_core::book_type;
//! use vvp_core::engine::{Engine, Matcher};
//!
//! // 2 instruments, 4 owners with limits. All zero, so a static one costs no image.
//! type OneBook = book_type!(orders: 64, ticks_per_side: 64, far_levels: 8, stops: 8);
//! type Small = Engine<OneBook, 2, 4>;
//! let mut engine = Small::new();
//!
//! // Where events go is up to you: a closure, a counter, a queue, anything that is a `Sink`.
//! let mut trades = Vec::new();
//! let mut sink = FnSink(|event: Event| {
//!     if let EventBody::Trade { maker, taker, price, qty, .. } = event.body() {
//!         trades.push((maker.get(), taker.get(), price.ticks(), qty.lots()));
//!     }
//! });
//!
//! let aapl = InstrumentId::new(0);
//! let spec = InstrumentSpec::new(Symbol::new(b"AAPL").expect("a symbol"));
//! engine.apply(&Command::instrument(aapl, &spec), &mut sink);
//!
//! // Prices are ticks, quantities lots. What a command leaves open has its default: gtc, owner 0, instrument 0.
//! let bid = Command::limit(OrderId::new(1), Side::Buy, Price::new(15_000), Qty::new(100))
//!     .with_owner(OwnerId::new(7));
//! engine.apply(&bid, &mut sink);
//! engine.apply(&Command::market(OrderId::new(2), Side::Sell, Qty::new(40)), &mut sink);
//!
//! // A command is its own 64-byte record; what it cannot have is noticed when it is built.
//! let record: [u8; 64] = zerocopy::IntoBytes::as_bytes(&bid).try_into().expect("64 bytes");
//! assert_eq!(Command::from_record(&record), Ok(bid));
//! assert!(!bid.with_protection(3).is_well_formed()); // only for orders without a limit price
//!
//! // Reading costs no copy.
//! let book = engine.book(aapl).expect("defined above");
//! let best = book.depth(Side::Buy).next().expect("an order is left");
//! assert_eq!((best.price, best.qty, best.orders), (Price::new(15_000), Qty::new(60), 1));
//! assert_eq!(trades, [(1, 2, 15_000, 40)]);
//! ```
//!
//! # What is where
//! | module | what |
//! |---|---|
//! | [`book`] | order book of one instrument: commands, events, depth |
//! | [`engine`] | matching engine: many instruments, one clock, one sequenced stream of events |
//! | [`market_data`] | incremental market data: L1, L2, L3 |
//! | [`types`] | prices, ids, order words, instruments: shared by book and codecs |
//! | [`wire`] | codecs of exchange protocols: ITCH 5.0 |
//! | [`queue`] | bounded queues: SPSC, MPSC, byte frames; [which one to take](queue#which-queue) |
//! | [`cell`] | the newest value for many readers |
//! | [`pool`] | object pools for many threads, slab for one owner |
//! | [`map`] | maps of fixed capacity: for one owner, for sequential ids, for many threads |
//! | [`metrics`] | counters, gauges, a latency histogram in fixed memory |
//! | [`layout`] | field offsets of shared structures |
//! | [`capacity`] | compile-time check of const parameters, for your own memory |
//! | [`sync`] | the only access to atomics |
//! | [`guide`] | the pages of the folder `docs`: [the matching contract](guide::matching), costs, layouts |
//!
//! # What it costs
//! Machine instructions of a whole command, from the record to its event in the sink, on x86-64:
//! the baseline of `scripts/instructions.sh` (rustc 1.95), which CI lets grow by 3 % at most.
//!
//! <!-- instructions -->
//! | operation | instructions |
//! |---|---:|
//! | an order joins the best level, and is canceled (two commands) | 342 |
//! | the same, each time on a level of its own | 496 |
//! | the same, outside the window of near prices | 738 |
//! | a new best order, and one that fills it (two commands) | 638 |
//! | a mix of new orders, cancels and takers, per command | 234 |
//! | cancel of an unknown order | 158 |
//! | a `u64` through an SPSC queue, push and pop | 46 |
//! | the same in slices of 64, per value | 3.6 |
//! | a `u64` through an MPSC queue, push and pop | 44 |
//! | an object of 64 bytes from a pool and back | 76 |
//! | a lookup in the map of ids | 51 |
//! <!-- end of instructions -->
//!
//! # Limits
//! - A book has room for `ORDERS` orders and `STOPS` stops; a full one refuses with a reason and is
//!   unchanged.
//! - A level outside the window of 64 × `BLOCKS` ticks a side needs one of `FAR` far levels;
//!   without one its order is refused, `levels_full` (M17.12 of [the contract](guide::matching)).
//! - An engine belongs to one thread. Run one engine a thread, and connect them by a [`queue`].
//!
//! # Features
//! - `async` (off): queues that can be awaited, `queue::asynch`; nothing else changes.
//! - `defmt` (off): `defmt::Format` for errors, statistics, queues, and the values of commands and
//!   events.
//! - `embedded-io` (off): `embedded_io::Read` and `Write` over [`queue::Frames`],
//!   `queue::frames::io`.
//!
//! `portable-atomic` is a dependency only on targets without compare-and-swap.
#![no_std]
#![cfg_attr(docsrs, feature(doc_cfg))]
#![deny(clippy::float_arithmetic, clippy::std_instead_of_core, clippy::alloc_instead_of_core)]

pub mod book;
pub mod capacity;
pub mod cell;
#[cfg(all(feature = "defmt", not(loom)))]
mod defmt;
pub mod engine;
mod full;
#[cfg(doc)]
pub mod guide;
pub mod layout;
pub mod map;
pub mod market_data;
pub mod metrics;
pub mod pool;
pub mod queue;
pub mod sync;
pub mod types;
pub mod wire;

/// The examples of the README are run as tests.
#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;
