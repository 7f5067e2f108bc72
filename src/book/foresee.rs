//! Looking ahead: what a command will need is asked of memory before its turn comes.

use super::command::Command;
use super::ladder::key;
use super::store::Book;
use super::track::Track;

/// Asks memory for the line at `at`, without waiting for it. Nothing where the processor has no such instruction that
/// stable Rust knows.
#[inline(always)]
pub(super) fn prefetch<T>(at: *const T) {
    #[cfg(target_arch = "x86_64")]
    // SAFETY: a prefetch reads nothing that the program sees and never faults, whatever the address.
    unsafe {
        use core::arch::x86_64::{_MM_HINT_T0, _mm_prefetch};
        _mm_prefetch::<_MM_HINT_T0>(at.cast());
    }
    #[cfg(not(target_arch = "x86_64"))]
    let _ = at;
}

impl<const ORDERS: usize, const BLOCKS: usize, const FAR: usize, const STOPS: usize, const IDS: usize, T: Track>
    Book<ORDERS, BLOCKS, FAR, STOPS, IDS, T>
{
    /// A command will come soon: asks memory for the order and the level that its id and its price lead to now. That may
    /// have changed by then: it is a guess, and a command of another kind reads a meaningless id or price here. There
    /// are no branches, since one that depends on the kind of a command is mispredicted every other time.
    #[inline(always)]
    pub(crate) fn foresee(&self, c: &Command) {
        let side = c.side();
        let level = self.sides[side as usize].guess(key(side, c.limit_price()));
        let order = self.ids.at_place(c.id().get()) & Self::MAX_ORDER;
        self.slab.foresee(order);
        self.slab.foresee(level);
    }
}
