//! Dispatch of one command to the operation of the book.

use crate::book::matching::ctx::BookCtx;
use crate::book::order_book::Book;
use crate::book::state_hash::StateHash;
use crate::book::{Command, EventBody, Op, OrderId, Phase, Reject};

impl<const ORDERS: usize, const BLOCKS: usize, const FAR: usize, const STOPS: usize, const IDS: usize, T: StateHash>
    Book<ORDERS, BLOCKS, FAR, STOPS, IDS, T>
{
    /// Applies a command for this instrument. The clock has moved already (M13.2). A refusal is
    /// the only event of its command and changes nothing (M17.1, M18.1).
    #[inline(always)]
    pub(crate) fn apply<H: BookCtx>(&mut self, c: &Command, h: &mut H) {
        let refused = match c.op() {
            Op::New if c.is_vanilla() && self.phase == Phase::Continuous => self.enter_vanilla(c, h),
            Op::New => self.enter(c, h),
            Op::Cancel => self.cancel(c.id(), h),
            Op::Reduce => self.reduce(c.id(), c.qty(), h),
            Op::Replace => self.replace(c, h),
            Op::MassCancel => self.mass_cancel(c.owner(), c.mass_cancel_side(), h),
            Op::Phase => {
                if let Some(phase) = c.new_phase() {
                    self.change_phase(phase, h);
                }
                Ok(())
            }
            // M14.7: in every phase.
            Op::Time | Op::Instrument | Op::Limits | Op::Refused => Ok(()),
        };
        if let Err(reason) = refused {
            h.emit(rejected(c, reason));
        }
        self.follow();
    }
}

/// Returns the order id of a command that has one (M18.6).
#[inline(always)]
fn order_id(c: &Command) -> Option<OrderId> {
    matches!(c.op(), Op::New | Op::Cancel | Op::Reduce | Op::Replace).then_some(c.id())
}

/// Returns a `rejected` event with `reason`, without a line number.
pub(crate) fn rejected(c: &Command, reason: Reject) -> EventBody {
    EventBody::Rejected { id: order_id(c), reason, edge_ref: None }
}
