//! Book context: what a book needs from its engine (clock, event stream, risk limits, expiry).

use crate::book::{DepthLevel, EventBody, Reject, Side, Visible};

/// The engine as a book sees it: the clock, the event stream, the owners.
pub(crate) trait BookCtx {
    /// The clock in ns.
    fn clock(&self) -> u64;
    /// Takes an event of the command in hand.
    fn emit(&mut self, body: EventBody);
    /// Whether the owner's limits allow an order of `qty`, its notional value taken at `price` ticks if there is one;
    /// `adds`: it adds a live order.
    fn check_risk(&self, owner: u32, qty: u64, price: Option<i64>, adds: bool) -> Result<(), Reject>;
    /// The same again, for a function that is not compiled into its caller: what it gets by reference must lie in memory,
    /// and the caller's own should not have to.
    fn reborrow(&mut self) -> impl BookCtx;
    /// Whether any owner has limits.
    fn limits_anyone(&self) -> bool;
    /// An order of this owner is live now.
    fn on_open(&mut self, owner: u32);
    /// An order of this owner is no longer live.
    fn on_close(&mut self, owner: u32);
    /// Something of this book expires at `expires` ns.
    fn schedule_expiry(&mut self, expires: u64);
    /// Whether anybody wants to be told what the market sees of each change.
    fn watches(&self) -> bool;
    /// Something that the market sees has changed; `level` is how its level looks now.
    fn on_visible_change(&mut self, side: Side, level: DepthLevel, what: Visible);
}
