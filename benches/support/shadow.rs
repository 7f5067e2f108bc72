//! Side and price of every order by id: what a cancel's report needs and the engine's events do not
//! carry. With events that carry both, this table and its uses in `adapter.rs` go.

use super::floor::IDS;
use vvp_core::book::Side;

/// A word for each id: the price, and the side in the lowest bit.
#[derive(Debug)]
pub struct Shadow(Vec<i64>);

impl Shadow {
    pub fn new() -> Self {
        Self(vec![0; IDS])
    }

    #[inline(always)]
    pub fn set(&mut self, id: u64, side: Side, price: i64) {
        self.0[id as usize & (IDS - 1)] = price << 1 | side as i64;
    }

    #[inline(always)]
    pub fn get(&self, id: u64) -> (Side, i64) {
        let word = self.0[id as usize & (IDS - 1)];
        (if word & 1 == 0 { Side::Buy } else { Side::Sell }, word >> 1)
    }
}
