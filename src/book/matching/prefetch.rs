//! Software prefetch of what a coming command will need, while the one before it is matched.

use crate::book::command::Command;
use crate::book::order_book::Book;
use crate::book::state_hash::StateHash;
use crate::book::storage::price_ladder::key;

impl<const ORDERS: usize, const BLOCKS: usize, const FAR: usize, const STOPS: usize, const IDS: usize, T: StateHash>
    Book<ORDERS, BLOCKS, FAR, STOPS, IDS, T>
{
    /// A command will come soon: asks memory for the order and the level that its id and its price lead to now. That may
    /// have changed by then: it is a guess, and a command of another kind reads a meaningless id or price here. There
    /// are no branches, since one that depends on the kind of a command is mispredicted every other time.
    #[inline(always)]
    pub(crate) fn prefetch(&self, c: &Command) {
        let side = c.side();
        let level = self.sides[side as usize].guess(key(side, c.limit_price()));
        let order = self.ids.at_place(c.id().get()) & Self::MAX_ORDER;
        self.slab.prefetch(order);
        self.slab.prefetch(level);
    }
}
