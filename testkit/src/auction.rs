//! The uncross (chapter 15).

use super::book::{Book, Tape};
use super::rules::Rule;
use std::collections::BTreeSet;
use vvp_core::book::{EventBody, Price, SelfTradePrevention, Side};

/// The volume that would trade at one price.
#[derive(Clone, Copy, Debug)]
struct Candidate {
    price: i64,
    /// Open quantity of bids at this price or higher.
    demand: u128,
    /// Open quantity of asks at this price or lower.
    supply: u128,
}

impl Candidate {
    fn volume(&self) -> u128 {
        self.demand.min(self.supply)
    }

    fn imbalance(&self) -> u128 {
        self.demand.abs_diff(self.supply)
    }
}

impl Book {
    /// Finds the price and trades at it; nothing happens when a side is empty or the sides do not
    /// cross.
    pub(crate) fn uncross(&mut self, tape: &mut Tape) {
        let crossed = match (self.best(Side::Buy), self.best(Side::Sell)) {
            (Some(bid), Some(ask)) => bid >= ask,
            _ => false,
        };
        if !crossed {
            tape.cov.hit(Rule::R15None);
            return;
        }
        let (price, volume) = self.auction_price(tape);
        tape.cov.hit_if(volume > u128::from(u64::MAX), Rule::R15Wide);
        self.emit(tape, EventBody::Uncross { price: Price::new(price), volume });

        let mut left = volume;
        while left > 0 {
            let bid = self.front(Side::Buy).expect("the volume is there").clone();
            let ask = self.front(Side::Sell).expect("the volume is there").clone();
            assert!(bid.price >= Some(price) && ask.price <= Some(price));
            let qty = u64::try_from(u128::from(bid.slice.min(ask.slice)).min(left)).expect("not more than a slice");
            left -= u128::from(qty);
            // The maker is the one that entered first.
            let (maker, mut taker) = if bid.entry < ask.entry { (&bid, ask.clone()) } else { (&ask, bid.clone()) };
            taker.open -= qty;

            let refreshes = |o: &super::order::Order| qty == o.slice && o.open > qty;
            let cov = &mut tape.cov;
            cov.hit(if maker.side == Side::Buy { Rule::R15MakerBuy } else { Rule::R15MakerSell });
            cov.hit_if(bid.owner == ask.owner && taker.stp != SelfTradePrevention::None, Rule::R12Uncross);
            cov.hit_if(refreshes(&bid) || refreshes(&ask), Rule::R15Refresh);
            cov.hit_if(bid.hidden || ask.hidden, Rule::R15Hidden);
            cov.hit_if(left == 0 && qty < bid.slice.max(ask.slice), Rule::R15Partial);

            self.print_trade(maker, maker.open - qty, &taker, price, qty, tape);
            self.fill(bid.id, qty);
            self.fill(ask.id, qty);
        }
    }

    /// The price of the uncross and its volume.
    fn auction_price(&self, tape: &mut Tape) -> (i64, u128) {
        let prices: BTreeSet<i64> = self.bids.keys().chain(self.asks.keys()).copied().collect();
        let mut best: Vec<Candidate> = prices
            .into_iter()
            .map(|price| Candidate {
                price,
                demand: self.bids.keys().filter(|&&p| p >= price).map(|&p| self.level_total(Side::Buy, p, None)).sum(),
                supply: self.asks.keys().filter(|&&p| p <= price).map(|&p| self.level_total(Side::Sell, p, None)).sum(),
            })
            .collect();

        let volume = best.iter().map(Candidate::volume).max().expect("both sides have orders");
        best.retain(|c| c.volume() == volume);
        if best.len() == 1 {
            tape.cov.hit(Rule::R15Volume);
            return (best[0].price, volume);
        }
        let imbalance = best.iter().map(Candidate::imbalance).min().expect("not empty");
        best.retain(|c| c.imbalance() == imbalance);
        if best.len() == 1 {
            tape.cov.hit(Rule::R15Imbalance);
            return (best[0].price, volume);
        }
        // `best` is in ascending order of price.
        let (lowest, highest) = (best[0].price, best[best.len() - 1].price);
        if best.iter().all(|c| c.demand > c.supply) {
            tape.cov.hit(Rule::R15BuySurplus);
            return (highest, volume);
        }
        if best.iter().all(|c| c.demand < c.supply) {
            tape.cov.hit(Rule::R15SellSurplus);
            return (lowest, volume);
        }
        let Some(near) = self.last.or(self.spec.reference.map(Price::ticks)) else {
            tape.cov.hit(Rule::R15Highest);
            return (highest, volume);
        };
        tape.cov.hit(if self.last.is_some() { Rule::R15Last } else { Rule::R15Reference });
        let distance = |c: &Candidate| c.price.abs_diff(near);
        let nearest = best.iter().map(distance).min().expect("not empty");
        best.retain(|c| distance(c) == nearest);
        tape.cov.hit_if(best.len() > 1, Rule::R15EquallyNear);
        (best[best.len() - 1].price, volume)
    }
}
