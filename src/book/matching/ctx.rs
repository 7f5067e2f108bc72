//! Book context: what a book needs from its engine, and what it reports to it.

use crate::book::{DepthLevel, EventBody, Reject, Side, Visible};

/// Observes a book: its live orders and its visible part. By default it ignores both.
pub(crate) trait BookObserver {
    /// Counts a live order of this owner (M16.4).
    #[inline(always)]
    fn on_open(&mut self, owner: u32) {
        let _ = owner;
    }

    /// Uncounts an order of this owner that is no longer live.
    #[inline(always)]
    fn on_close(&mut self, owner: u32) {
        let _ = owner;
    }

    /// Returns whether visible changes are reported.
    #[inline(always)]
    fn watches(&self) -> bool {
        false
    }

    /// Receives a visible change; `level` is the state of its level after the change.
    #[inline(always)]
    fn on_visible_change(&mut self, side: Side, level: DepthLevel, what: Visible) {
        let _ = (side, level, what);
    }
}

/// Context of a command: clock, event stream, risk limits and expiries of the engine.
pub(crate) trait BookCtx: BookObserver {
    /// Returns the clock in ns (M0.10).
    fn clock(&self) -> u64;
    /// Emits an event of the current command.
    fn emit(&mut self, body: EventBody);
    /// [`BookCtx::emit`], not inlined: for events off the fast paths, so that their code is there
    /// once and their callers need less stack.
    fn emit_outlined(&mut self, body: &EventBody);
    /// Checks the owner's limits for an order of `qty` (M16.2 to M16.5). The notional value is
    /// taken at `price` ticks, and not checked without one. `adds`: the order may rest, so
    /// `max_orders` is checked too.
    fn check_risk(&self, owner: u32, qty: u64, price: Option<i64>, adds: bool) -> Result<(), Reject>;
    /// Reborrows the context for a non-inlined callee, so that the caller's copy stays in
    /// registers.
    fn reborrow(&mut self) -> impl BookCtx;
    /// Returns whether any owner has limits.
    fn limits_anyone(&self) -> bool;
    /// Records that an order or stop of this book expires at `expires` ns (M13.2).
    fn schedule_expiry(&mut self, expires: u64);
}
