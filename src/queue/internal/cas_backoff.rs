//! Exponential backoff of a producer after failed compare-and-swap operations.

use crate::sync::spin_loop;

/// Failures in a row after which a producer pauses; those before cost less than a pause.
const PATIENCE: u32 = 1;
/// The longest pause is 2 to this many `spin_loop`s.
const LONGEST: u32 = 6;

/// Compare-and-swaps that failed in a row. The pauses leave the line to the others for a moment, who get several values out.
#[derive(Clone, Copy, Debug, Default)]
pub(in crate::queue) struct Backoff(u32);

impl Backoff {
    /// Another one has failed. Bounded: 64 `spin_loop`s.
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
