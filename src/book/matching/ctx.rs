//! Book context: what a book needs from its engine (clock, event stream, risk limits, expiry).

use crate::book::{DepthLevel, EventBody, Reject, Side, Visible};

/// What a book needs from its engine: the clock, the event stream, the risk limits.
pub(crate) trait BookCtx {
    /// Returns the clock in ns (M0.10).
    fn clock(&self) -> u64;
    /// Emits an event of the current command.
    fn emit(&mut self, body: EventBody);
    /// Checks the owner's limits for an order of `qty` (M16.2 to M16.5). The notional value is
    /// taken at `price` ticks, and not checked without one. `adds`: the order may rest, so
    /// `max_orders` is checked too.
    fn check_risk(&self, owner: u32, qty: u64, price: Option<i64>, adds: bool) -> Result<(), Reject>;
    /// Reborrows the context for a non-inlined callee, so that the caller's copy stays in
    /// registers.
    fn reborrow(&mut self) -> impl BookCtx;
    /// Returns whether any owner has limits.
    fn limits_anyone(&self) -> bool;
    /// Counts a live order of this owner (M16.4).
    fn on_open(&mut self, owner: u32);
    /// Uncounts an order of this owner that is no longer live.
    fn on_close(&mut self, owner: u32);
    /// Notes that an order or stop of this book expires at `expires` ns (M13.2).
    fn schedule_expiry(&mut self, expires: u64);
    /// Returns whether the sink subscribes to visible changes.
    fn watches(&self) -> bool;
    /// Reports a visible change; `level` is the state of its level after the change.
    fn on_visible_change(&mut self, side: Side, level: DepthLevel, what: Visible);
}
