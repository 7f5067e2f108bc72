//! Stops: when they are satisfied, in which order they trigger, what they become (chapter 8).

use super::book::{Book, Tape};
use super::order::{Order, moved};
use super::rules::Rule;
use std::collections::{BTreeSet, VecDeque};
use vvp_core::book::{EventBody, OrderType, Phase, Side};

impl Order {
    /// The stop price now: given, or of a trailing stop the anchor less (sell) or plus (buy) the
    /// trail.
    fn stop_now(&self) -> Option<(i64, bool)> {
        match self.trail {
            None => self.stop.map(|stop| (stop, false)),
            Some(trail) => self.anchor.map(|anchor| moved(anchor, trail, self.side == Side::Buy)),
        }
    }

    /// Buy: last ≥ stop. Sell: last ≤ stop.
    pub(crate) fn satisfied(&self, last: i64) -> bool {
        self.stop_now().is_some_and(|(stop, _)| match self.side {
            Side::Buy => last >= stop,
            Side::Sell => last <= stop,
        })
    }

    /// Moves a trailing stop's anchor to a tested price: up for a sell, down for a buy.
    fn follow(&mut self, last: i64, tape: &mut Tape) {
        if self.trail.is_none() {
            return;
        }
        let anchor = match (self.anchor, self.side) {
            (None, _) => {
                tape.cov.hit(Rule::R08AnchorFirst);
                last
            }
            (Some(anchor), Side::Sell) => anchor.max(last),
            (Some(anchor), Side::Buy) => anchor.min(last),
        };
        tape.cov.hit_if(self.anchor.is_some_and(|a| a != anchor), Rule::R08AnchorMoved);
        self.anchor = Some(anchor);
        tape.cov.hit_if(self.stop_now().is_some_and(|(_, held)| held), Rule::R08TrailSaturates);
    }
}

impl Book {
    /// Tests the stops and triggers all that are satisfied, with everything that follows.
    ///
    /// `no_room`: ids for which the engine under test had no room for a level.
    pub(crate) fn run_stops(&mut self, no_room: &BTreeSet<u64>, tape: &mut Tape) {
        let mut queue = VecDeque::new();
        self.test_stops(&mut queue, tape);
        while let Some(mut order) = queue.pop_front() {
            let last = self.last.expect("something traded");
            tape.cov.hit_if(!order.satisfied(last), Rule::R08PriceReturned);
            tape.cov.hit(if order.side == Side::Buy { Rule::R08Buy } else { Rule::R08Sell });
            tape.cov.hit_if(order.trail.is_some(), Rule::R08Trailing);

            // Its turn: from now on it is an ordinary order with a new entry stamp.
            let (id, side, owner, price, qty) = order.event_fields();
            self.emit(tape, EventBody::Triggered { id, side, owner, price, qty });
            order.arrived = order.entry;
            order.entry = self.stamp();
            order.triggered = true;
            order.kind = match order.kind {
                OrderType::StopLimit => OrderType::Limit,
                _ => OrderType::Market,
            };
            tape.cov.hit_if(order.kind == OrderType::Market, Rule::R08ToMarket);
            (order.stop, order.trail, order.anchor) = (None, None, None);
            let no_room = no_room.contains(&order.id);
            self.execute(order, true, no_room, tape);

            let waiting = queue.len();
            self.test_stops(&mut queue, tape);
            tape.cov.hit_if(queue.len() > waiting, Rule::R08Cascade);
            tape.cov.hit_if(waiting > 0 && queue.len() > waiting, Rule::R08Behind);
        }
    }

    /// One test: moves the anchors and puts all satisfied stops at the end of the queue, buys by
    /// ascending stop, then sells by descending stop, ties in entry order.
    fn test_stops(&mut self, queue: &mut VecDeque<Order>, tape: &mut Tape) {
        let traded = self.traded.take();
        if self.phase != Phase::Continuous {
            return;
        }
        let Some(last) = self.last else {
            let reference = self.spec.reference.map(|p| p.ticks());
            let held = |s: &Order| reference.is_some_and(|r| s.trail.is_none() && s.satisfied(r));
            tape.cov.hit_if(self.stops.iter().any(held), Rule::R08Reference);
            return;
        };
        for stop in &mut self.stops {
            stop.follow(last, tape);
        }
        let (satisfied, left): (Vec<Order>, Vec<Order>) = self.stops.drain(..).partition(|s| s.satisfied(last));
        self.stops = left;
        if let Some((low, high)) = traded {
            let between = |s: &Order| s.trail.is_none() && (s.satisfied(low) || s.satisfied(high));
            tape.cov.hit_if(self.stops.iter().any(between), Rule::R08Between);
        }

        let stop_of = |s: &Order| s.stop_now().expect("satisfied").0;
        let (mut buys, mut sells): (Vec<Order>, Vec<Order>) = satisfied.into_iter().partition(|s| s.side == Side::Buy);
        // `stops` is in entry order and these sorts are stable, so ties stay in entry order.
        buys.sort_by_key(|s| stop_of(s));
        sells.sort_by_key(|s| std::cmp::Reverse(stop_of(s)));
        tape.cov.hit_if(buys.len() + sells.len() > 1, Rule::R08Batch);
        tape.cov.hit_if(!buys.is_empty() && !sells.is_empty(), Rule::R08BothSides);
        let tie = |list: &[Order]| list.windows(2).any(|w| stop_of(&w[0]) == stop_of(&w[1]));
        tape.cov.hit_if(tie(&buys) || tie(&sells), Rule::R08Tie);
        queue.extend(buys);
        queue.extend(sells);
    }
}
