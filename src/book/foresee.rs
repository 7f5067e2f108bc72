//! Looking ahead: what a command will need is asked of memory before its turn comes.

use super::command::Command;
use super::ladder::key;
use super::store::Book;

/// Asks memory for the line at `at`, without waiting for it. Nothing where the processor has no such instruction that
/// stable Rust knows.
#[inline(always)]
pub(crate) fn prefetch<T>(at: *const T) {
    #[cfg(target_arch = "x86_64")]
    // SAFETY: a prefetch reads nothing that the program sees and never faults, whatever the address.
    unsafe {
        use core::arch::x86_64::{_MM_HINT_T0, _mm_prefetch};
        _mm_prefetch::<_MM_HINT_T0>(at.cast());
    }
    #[cfg(not(target_arch = "x86_64"))]
    let _ = at;
}

impl<const ORDERS: usize, const BLOCKS: usize, const FAR: usize, const STOPS: usize, const IDS: usize>
    Book<ORDERS, BLOCKS, FAR, STOPS, IDS>
{
    /// A command will come soon: its id's place and its price's place are wanted.
    #[inline(always)]
    pub(crate) fn foresee_places(&self, c: &Command) {
        let side = c.side();
        self.ids.foresee(c.id().get());
        self.sides[side as usize].foresee(key(side, c.limit_price()));
    }

    /// A command will come very soon: the order and the level that its places lead to are wanted. What is found may have
    /// changed by then; it is a guess.
    #[inline(always)]
    pub(crate) fn foresee_nodes(&self, c: &Command) {
        let side = c.side();
        let level = self.sides[side as usize].guess(key(side, c.limit_price()));
        let order = self.ids.at_place(c.id().get()) & Self::MAX_ORDER;
        self.slab.foresee(order);
        self.slab.foresee(level);
    }
}
