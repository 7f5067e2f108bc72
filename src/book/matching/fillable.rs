//! Fillable test of fill-or-kill and minimum quantity: how much could trade immediately.

use crate::book::SelfTradePrevention;
use crate::book::order_book::Book;
use crate::book::state_hash::StateHash;

impl<const ORDERS: usize, const BLOCKS: usize, const FAR: usize, const STOPS: usize, const IDS: usize, T: StateHash>
    Book<ORDERS, BLOCKS, FAR, STOPS, IDS, T>
{
    /// Returns whether at least `need` can trade against `side` down to the rank `limit`. Walks the
    /// makers in trading order and changes nothing. Implements M4.2 to M4.8, for M4.1 and M5.1. It
    /// does not see untriggered stops (M8.15).
    ///
    /// Without self-trade prevention every open quantity counts, reserves included. With
    /// `cancel_oldest` the owner's own orders are skipped. In the other modes the first own order
    /// ends the test. Of its level count, if it is displayed, only the slices queued ahead of it;
    /// if it is hidden, all displayed open quantity and the hidden orders ahead of it.
    pub(in crate::book) fn can_fill(
        &self,
        side: usize,
        limit: i64,
        need: u64,
        stp: SelfTradePrevention,
        owner: u32,
    ) -> bool {
        let mut sum = 0u64;
        let mut cursor = self.sides[side].first();
        while let Some(at) = cursor.filter(|at| at.rank >= limit) {
            if matches!(stp, SelfTradePrevention::None) {
                // M4.3
                sum = sum.saturating_add(self.arena.node(at.level).qty);
            } else {
                let (mut slices, mut shown, mut hidden) = (0u64, 0u64, 0u64);
                for order in self.arena.queue(at.level) {
                    let open = self.arena.node(order).qty;
                    if self.arena.owner(order) == owner {
                        if matches!(stp, SelfTradePrevention::CancelOldest) {
                            continue; // M4.4
                        }
                        // M4.5. M4.7: hidden, so all that is displayed, and the hidden ahead of it.
                        // M4.6: displayed, so the slices queued ahead of it, without reserves.
                        let of_level = if self.arena.is_hidden(order) { shown + hidden } else { slices };
                        return sum.saturating_add(of_level) >= need;
                    }
                    if self.arena.is_hidden(order) {
                        hidden += open;
                    } else {
                        slices += self.arena.slice(order);
                        shown += open;
                    }
                    // The slices so far count whatever comes next: early exit.
                    if sum.saturating_add(slices) >= need {
                        return true;
                    }
                }
                sum = sum.saturating_add(shown + hidden);
            }
            if sum >= need {
                return true;
            }
            cursor = self.sides[side].worse(at.rank);
        }
        false
    }
}
