//! Software prefetch of the nodes that an upcoming command will need.

use crate::book::command::Command;
use crate::book::order_book::Book;
use crate::book::state_hash::StateHash;
use crate::book::storage::price_ladder::rank;

impl<const ORDERS: usize, const BLOCKS: usize, const FAR: usize, const STOPS: usize, const IDS: usize, T: StateHash>
    Book<ORDERS, BLOCKS, FAR, STOPS, IDS, T>
{
    /// Returns the number of resting orders.
    #[inline(always)]
    pub(crate) const fn live_orders(&self) -> usize {
        self.arena.live_orders()
    }

    /// Prefetches the order and the level to which the id and the price of an upcoming command map
    /// now. This is a guess: the mapping may have changed by then, and for a command without an id
    /// or a price the addresses are meaningless, but harmless. There is no branch on the kind of
    /// command, because it would be mispredicted every other time.
    #[inline(always)]
    pub(crate) fn prefetch(&self, c: &Command) {
        let side = c.side();
        let level = self.sides[side as usize].guess(rank(side, c.price_field()));
        let order = self.ids.at_place(c.id().get()) & Self::MAX_ORDER;
        self.arena.prefetch(order);
        self.arena.prefetch(level);
    }
}
