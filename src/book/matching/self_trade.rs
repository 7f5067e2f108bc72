//! Self-trade prevention: an incoming order meets a resting order of its own owner. Chapter 12 of
//! the contract.

use crate::book::matching::ctx::BookCtx;
use crate::book::matching::execute::Taker;
use crate::book::order_book::Book;
use crate::book::state_hash::StateHash;
use crate::book::{CancelReason, EventBody, OrderId, Qty, SelfTradePrevention};

impl<const ORDERS: usize, const BLOCKS: usize, const FAR: usize, const STOPS: usize, const IDS: usize, T: StateHash>
    Book<ORDERS, BLOCKS, FAR, STOPS, IDS, T>
{
    /// Prevents a self-trade of the taker with `maker`, by the taker's mode. Returns what is left
    /// of the taker, or `None` if this has ended it. Implements M12.2 to M12.6, M12.8 and M12.9.
    #[cold]
    #[inline(never)]
    pub(in crate::book) fn prevent_self_trade<H: BookCtx>(
        &mut self,
        taker: Taker,
        maker: u32,
        open: u64,
        h: &mut H,
    ) -> Option<u64> {
        let id = OrderId::new(taker.id);
        let reason = CancelReason::SelfTradePrevention;
        match taker.stp {
            SelfTradePrevention::None => Some(open), // M12.1: does not act
            // M12.2
            SelfTradePrevention::CancelNewest => {
                h.emit(EventBody::Canceled { id, qty: Qty::new(open), reason });
                None
            }
            // M12.3
            SelfTradePrevention::CancelOldest => {
                self.cancel_order(maker, reason, h);
                Some(open)
            }
            // M12.4
            SelfTradePrevention::CancelBoth => {
                self.cancel_order(maker, reason, h);
                h.emit(EventBody::Canceled { id, qty: Qty::new(open), reason });
                None
            }
            // M12.5: the maker's line first; M12.8: of whole open quantities.
            SelfTradePrevention::Decrement => {
                let there = self.arena.node(maker).qty;
                let by = there.min(open);
                if by == there {
                    self.cancel_order(maker, reason, h);
                } else {
                    let id = OrderId::new(self.arena.node(maker).id);
                    h.emit(EventBody::Reduced { id, qty: Qty::new(there - by) });
                    self.shrink(maker, there - by, h);
                }
                if by == open {
                    h.emit(EventBody::Canceled { id, qty: Qty::new(open), reason });
                    return None;
                }
                // M12.9
                h.emit(EventBody::Reduced { id, qty: Qty::new(open - by) });
                Some(open - by)
            }
        }
    }
}
