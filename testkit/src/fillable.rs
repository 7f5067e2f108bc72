//! The test of fok and min_qty (chapters 4 and 5): how much could trade immediately. It changes
//! nothing.

use super::book::{Book, Tape};
use super::order::{Order, crosses};
use super::rules::Rule;
use vvp_core::book::{OrderType, SelfTradePrevention};

impl Book {
    /// Returns whether at least `wanted` lots of `taker` can trade immediately within `limit`.
    ///
    /// Walks the makers in trading order: level by level, displayed before hidden, front to back.
    pub(crate) fn can_trade(&self, taker: &Order, limit: Option<i64>, wanted: u64, tape: &mut Tape) -> bool {
        let makers = taker.side.opposite();
        let mut sum: u128 = 0;
        let mut slices: u128 = 0; // what would be there if reserves did not count; for coverage
        let mut lost: u128 = 0; // reserves that did not count because of an own displayed order; for coverage
        let mut ended = None;
        let mut skipped = false;

        'walk: for price in self.prices(makers) {
            if !crosses(taker.side, limit, price) {
                break;
            }
            let level = &self.levels(makers)[&price];
            let is_own = |id: &u64| taker.stp != SelfTradePrevention::None && self.orders[id].owner == taker.owner;

            if taker.stp == SelfTradePrevention::CancelOldest {
                // Own orders are skipped; everything else counts in full.
                for id in level.displayed.iter().chain(&level.hidden) {
                    if is_own(id) {
                        skipped = true;
                    } else {
                        sum += u128::from(self.orders[id].open);
                        slices += u128::from(self.orders[id].slice);
                    }
                }
                continue;
            }

            // An own displayed order ends the test. Of its level only the slices ahead of it count:
            // every reserve, also of the orders ahead, comes after it (M4.6).
            if let Some(at) = level.displayed.iter().position(is_own) {
                for id in level.displayed.iter().take(at) {
                    let ahead = &self.orders[id];
                    sum += u128::from(ahead.slice);
                    slices += u128::from(ahead.slice);
                    lost += u128::from(ahead.open - ahead.slice);
                }
                ended = Some(Rule::R04OwnDisplayed);
                break;
            }
            for id in &level.displayed {
                sum += u128::from(self.orders[id].open);
                slices += u128::from(self.orders[id].slice);
            }
            // An own hidden order ends the test after all displayed orders and their reserves
            // (M4.7).
            for id in &level.hidden {
                if is_own(id) {
                    ended = Some(Rule::R04OwnHidden);
                    break 'walk;
                }
                sum += u128::from(self.orders[id].open);
                slices += u128::from(self.orders[id].slice);
            }
        }

        let wanted = u128::from(wanted);
        let enough = sum >= wanted;
        let cov = &mut tape.cov;
        cov.hit_if(skipped, Rule::R04Skipped);
        if let Some(rule) = ended {
            cov.hit(rule);
        }
        cov.hit_if(!enough && sum + lost >= wanted, Rule::R04OwnBeforeReserve);
        cov.hit_if(enough && slices < wanted, Rule::R04Reserve);
        cov.hit_if(sum == wanted, Rule::R04Exact);
        cov.hit_if(sum + 1 == wanted, Rule::R04OneShort);
        cov.hit_if(taker.kind == OrderType::Market, Rule::R04Market);
        enough
    }
}
