//! Exponential backoff of a producer after failed compare-and-swap operations.
//!
//! Source: T. Anderson, "The performance of spin lock alternatives", 1990. Ours begins with the
//! second failure.

use crate::sync::spin_loop;

/// Failures in a row after which a producer pauses; those before cost less than a pause.
const PATIENCE: u32 = 1;
/// The longest pause is 2 to this many `spin_loop`s.
const LONGEST: u32 = 6;

/// Exponential backoff by the number of compare-and-swaps that failed in a row. During a pause the
/// other producers keep the line and push several values.
#[derive(Clone, Copy, Debug, Default)]
pub(in crate::queue) struct Backoff(u32);

impl Backoff {
    /// Records a failure and pauses, at most 64 `spin_loop`s.
    #[inline(always)]
    pub(in crate::queue) fn failed(&mut self) {
        if self.0 >= PATIENCE {
            for _ in 0..1_u32 << (self.0 - PATIENCE).min(LONGEST) {
                spin_loop();
            }
        }
        self.0 = self.0.saturating_add(1);
    }
}
