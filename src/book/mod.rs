//! Limit order book of one instrument with price-time priority: commands, events, depth.
//!
//! ```
//! use vvp_core::book::*;
//! use vvp_core::engine::{Engine, Matcher};
//!
//! // 64 orders, 64 ticks a side in the near-level window, 8 far levels, 8 stops, 128 id slots.
//! type OneBook = vvp_core::book_type!(orders: 64, ticks_per_side: 64, far_levels: 8, stops: 8);
//! let mut engine = Engine::<OneBook, 1, 4>::new();
//! let mut sink = CountSink::default();
//! let x = InstrumentId::new(0);
//! engine.apply(&Command::instrument(x, &InstrumentSpec::new(Symbol::X)), &mut sink);
//! let ask = |id, price, qty| {
//!     Command::limit(OrderId::new(id), Side::Sell, Price::new(price), Qty::new(qty))
//! };
//! engine.apply(&ask(1, 102, 10), &mut sink);
//! engine.apply(&ask(2, 101, 5), &mut sink);
//! engine.apply(&ask(3, 101, 7).with_display_qty(Qty::new(2)), &mut sink); // an iceberg
//!
//! let book = engine.book(x).expect("defined above");
//! let depth: Vec<_> = book.depth(Side::Sell)
//!     .map(|l| (l.price.ticks(), l.qty.lots(), l.orders))
//!     .collect();
//! assert_eq!(depth, [(101, 7, 2), (102, 10, 1)]);
//! assert_eq!(book.queue_position(OrderId::new(3)).expect("it rests").qty_ahead, Qty::new(5));
//! assert_eq!(book.cost_to_fill(Side::Buy, Qty::new(20)).worst, Some(Price::new(102)));
//! ```
//!
//! # Reading order
//! Users: [`Command`] and [`Event`], then [`Sink`], then [`BookView`] and the queries of [`Book`].
//! What a command does, rule by rule, is in [docs/matching.md](crate::guide::matching); structure
//! and cost are in [docs/book.md](crate::guide::book). Commands reach a book through an
//! [`Engine`](crate::engine::Engine).
//!
//! Readers of the source:
//!
//! | | module | contents |
//! |---|---|---|
//! | 1 | `command`, `event` | input and output, each a 64-byte record |
//! | 2 | `order_book` | the book: its state, lookup by id, how an order enters and leaves |
//! | 3 | `storage` | the arena of orders and levels and its observer, the price ladder, stop orders, heaps |
//! | 4 | `matching` | from a command to its events; the three paths of a new order; reports to the engine |
//! | 5 | `view` | depth, queries, visible changes |
//! | 6 | `sink` | consumers of events |
//! | 7 | `state_hash` | incremental hash over the state, an observer of storage |
//! | 8 | `snapshot` | save and restore |
//! | 9 | `sizing` | from capacities to type parameters and bytes |

mod command;
mod event;
mod matching;
mod order_book;
mod sink;
pub(crate) mod sizing;
pub(crate) mod snapshot;
mod state_hash;
mod storage;
mod view;

#[doc(inline)]
pub use crate::types::{
    InstrumentId, InstrumentSpec, Limits, OrderId, OrderType, OwnerId, Phase, Price, Qty, SelfTradePrevention, Side,
    Symbol, Tick, TimeInForce,
};
pub use command::{BadCommand, Command, Op, Refusal, Replacement};
pub use event::{BadEvent, CancelReason, Event, EventBody, EventHead, EventKind, Reject};
pub(crate) use matching::ctx::{BookCtx, BookObserver};
pub(crate) use matching::dispatch::rejected;
pub use order_book::Book;
pub use sink::queue_sink::QueueSink;
pub use sink::slice_sink::SliceSink;
pub use sink::{BoundedSink, CountSink, FnSink, Sink};
pub use sizing::Sizing;
pub(crate) use state_hash::Hasher;
pub use state_hash::{NoStateHash, StateHash, WithStateHash};
pub use view::depth::{BookView, Depth, DepthLevel, RestingOrder};
pub use view::queries::{BookCounts, FillCost, QueuePosition, WaitingStop};
pub use view::visible_changes::{Visible, VisibleChange};
