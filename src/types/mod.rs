//! Value types below the book and the codecs: prices, quantities, ids, order attributes,
//! instruments.
//!
//! [`book`](crate::book) re-exports all of them, so that users of a book find them there.

pub(crate) mod instrument;
pub(crate) mod order_words;
pub(crate) mod price;

pub use instrument::{InstrumentSpec, Limits, Symbol, Tick};
pub use order_words::{InstrumentId, OrderId, OrderType, OwnerId, Phase, SelfTradePrevention, Side, TimeInForce};
pub use price::{Price, Qty};
