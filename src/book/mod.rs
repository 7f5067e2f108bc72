//! The order book: prices, orders, commands and events; the price ladder; matching.

mod command;
mod event;
mod instrument;
mod order;
mod price;
mod sink;
mod store;
mod view;

pub use command::{BadCommand, Command, Op, Refusal, Replacement};
pub use event::{BadEvent, CancelReason, Event, EventBody, EventKind, Reject};
pub use instrument::{InstrumentSpec, Limits, Symbol, Tick};
pub use order::{InstrumentId, OrderId, OrderType, OwnerId, Phase, SelfTrade, Side, TimeInForce};
pub use price::{Price, Qty};
pub use sink::{CountSink, FnSink, Sink};
pub use store::Book;
pub use view::{BookView, Depth, DepthLevel};
