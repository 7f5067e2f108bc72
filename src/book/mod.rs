//! The order book: prices, orders, commands and events; the price ladder; matching.
//!
//! | room | what |
//! |---|---|
//! | `order_book` | the book itself: ids, arena, ladders, stop orders |
//! | `command`, `event` | what goes in and what comes out, each a 64-byte record |
//! | `storage` | orders and levels in one arena, the price ladder, heaps |
//! | `matching` | price-time priority: from a command to its events |
//! | `view` | reading a book: depth, queries, visible changes |
//! | `sizing` | capacities in, parameters and bytes out |
//! | `sink` | where events go |
//! | `state_hash` | an incremental hash over the state |
//! | `snapshot` | a book as records, and back |

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

pub use crate::types::{
    InstrumentId, InstrumentSpec, Limits, OrderId, OrderType, OwnerId, Phase, Price, Qty, SelfTradePrevention, Side,
    Symbol, Tick, TimeInForce,
};
pub use command::{BadCommand, Command, Op, Refusal, Replacement};
pub(crate) use event::Stamp;
pub use event::{BadEvent, CancelReason, Event, EventBody, EventKind, Reject};
pub(crate) use matching::ctx::BookCtx;
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
