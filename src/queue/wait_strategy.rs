//! Wait strategies: how to wait for the other side of a queue.

/// A strategy for waiting for the other side of a queue.
///
/// Nothing in this crate waits unless it was given one of these. A closure that takes the attempt
/// is one, too.
pub trait Wait {
    /// Waits once. `attempt` is 0 at the first call of a wait and counts up, saturating.
    fn wait(&mut self, attempt: u32);
}

impl<F: FnMut(u32)> Wait for F {
    #[inline]
    fn wait(&mut self, attempt: u32) {
        self(attempt);
    }
}

/// Waits by spinning, longer at each attempt, up to 64 pauses (about 1 to 3 µs).
///
/// Lowest latency if the other side has a core of its own; if both share one, use a strategy that
/// yields.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct Spin;

impl Wait for Spin {
    #[inline]
    fn wait(&mut self, attempt: u32) {
        for _ in 0..1_u32 << attempt.min(6) {
            crate::sync::spin_loop();
        }
    }
}
