//! Reading a book without copying it.

use super::{Phase, Price, Qty, Side};

/// One price level as the market sees it.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct DepthLevel {
    /// Its price.
    pub price: Price,
    /// Visible quantity: hidden orders and iceberg reserves do not count.
    pub qty: Qty,
    /// Visible orders; an iceberg is one.
    pub orders: u32,
}

/// What anyone may read of a book.
pub trait BookView {
    /// The phase.
    fn phase(&self) -> Phase;

    /// The last trade price.
    fn last(&self) -> Option<Price>;

    /// The best level of a side that shows any quantity, or the best one strictly worse than `after`.
    fn next_level(&self, side: Side, after: Option<Price>) -> Option<DepthLevel>;

    /// Orders resting on both sides.
    fn resting_orders(&self) -> usize;

    /// The visible levels of a side, best first.
    fn depth(&self, side: Side) -> Depth<'_, Self>
    where
        Self: Sized,
    {
        Depth { book: self, side, after: None, done: false }
    }
}

/// Iterator over the visible levels of a side, best first.
#[derive(Debug)]
pub struct Depth<'a, B> {
    book: &'a B,
    side: Side,
    after: Option<Price>,
    done: bool,
}

impl<B: BookView> Iterator for Depth<'_, B> {
    type Item = DepthLevel;

    fn next(&mut self) -> Option<DepthLevel> {
        if self.done {
            return None;
        }
        let level = self.book.next_level(self.side, self.after);
        self.done = level.is_none();
        self.after = level.map(|l| l.price);
        level
    }
}
