//! The order book: prices, orders, commands and events; the price ladder; matching.

mod apply;
mod auction;
mod change;
mod command;
mod enter;
mod event;
mod far;
mod heap;
mod host;
mod instrument;
mod ladder;
mod look;
mod matching;
mod order;
mod price;
mod query;
mod sink;
mod slab;
mod stops;
mod store;
mod sweep;
mod view;
mod window;

pub(crate) use apply::rejected;
pub use command::{BadCommand, Command, Op, Refusal, Replacement};
pub(crate) use event::Stamp;
pub use event::{BadEvent, CancelReason, Event, EventBody, EventKind, Reject};
pub(crate) use host::Host;
pub use instrument::{InstrumentSpec, Limits, Symbol, Tick};
pub use order::{InstrumentId, OrderId, OrderType, OwnerId, Phase, SelfTrade, Side, TimeInForce};
pub use price::{Price, Qty};
pub use query::{FillCost, QueuePosition};
pub use sink::{CountSink, FnSink, Sink};
pub use store::Book;
pub use view::{BookView, Depth, DepthLevel, RestingOrder};
