//! What a book needs from the engine around it.

use super::{EventBody, Reject};

/// What an order asks of its owner's risk limits.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Exposure {
    /// The order's quantity.
    pub(crate) qty: u64,
    /// The price its notional value is taken at, in ticks, if there is one.
    pub(crate) price: Option<i64>,
    /// Whether it adds a live order.
    pub(crate) adds: bool,
}

/// The engine as a book sees it: the clock, the event stream, the owners.
pub(crate) trait Host {
    /// The clock in ns.
    fn clock(&self) -> u64;
    /// Takes an event of the command in hand.
    fn emit(&mut self, body: EventBody);
    /// Whether the owner's limits allow this.
    fn admit(&self, owner: u32, exposure: &Exposure) -> Result<(), Reject>;
    /// An order of this owner is live now.
    fn born(&mut self, owner: u32);
    /// An order of this owner is no longer live.
    fn died(&mut self, owner: u32);
    /// Something of this book expires at `expires` ns.
    fn wake(&mut self, expires: u64);
}
