//! Self-trade prevention: an incoming order meets a resting order of its own owner. Chapter 12 of
//! the contract.

use crate::book::matching::ctx::BookCtx;
use crate::book::matching::execute::Taker;
use crate::book::order_book::Book;
use crate::book::state_hash::StateHash;
use crate::book::{CancelReason, EventBody, OrderId, OwnerId, Qty, SelfTradePrevention};

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
        let (id, owner, price) = (OrderId::new(taker.id), OwnerId::new(taker.owner), taker.limit);
        let there = self.arena.side(self.arena.level_of(maker));
        let side = there.opposite();
        let reason = CancelReason::SelfTradePrevention;
        match taker.stp {
            SelfTradePrevention::None => Some(open), // M12.1: does not act
            // M12.2
            SelfTradePrevention::CancelNewest => {
                h.emit_outlined(&EventBody::Canceled { id, side, owner, price, qty: Qty::new(open), reason });
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
                h.emit_outlined(&EventBody::Canceled { id, side, owner, price, qty: Qty::new(open), reason });
                None
            }
            // M12.5: the maker's line first; M12.8: of whole open quantities.
            SelfTradePrevention::Decrement => {
                let node = *self.arena.node(maker);
                let by = node.qty.min(open);
                if by == node.qty {
                    self.cancel_order(maker, reason, h);
                } else {
                    let left = node.qty - by;
                    h.emit_outlined(&EventBody::Reduced {
                        id: OrderId::new(node.id),
                        side: there,
                        owner,
                        price: Some(self.arena.price(self.arena.level_of(maker))),
                        qty: Qty::new(left),
                    });
                    self.shrink(maker, left, h);
                }
                if by == open {
                    h.emit_outlined(&EventBody::Canceled { id, side, owner, price, qty: Qty::new(open), reason });
                    return None;
                }
                // M12.9
                h.emit_outlined(&EventBody::Reduced { id, side, owner, price, qty: Qty::new(open - by) });
                Some(open - by)
            }
        }
    }
}
