//! Matching of an accepted order: fok test, trades, self-trade prevention, resting or canceling the
//! rest (chapters 1 to 5, 7, 12).

use super::book::{Book, Tape};
use super::order::{Order, crosses, moved};
use super::rules::Rule;
use vvp_core::book::{CancelReason, EventBody, OrderType, Phase, Price, Qty, SelfTradePrevention, Side, TimeInForce};

/// The rest of an aggressor after matching.
enum Left {
    /// Nothing: filled, or canceled on the way.
    Dead,
    /// Some quantity, and nothing more to trade with.
    Rest,
}

impl Book {
    /// Matches an order that is accepted, replaced with loss of priority, or triggered; rests or
    /// cancels what is left.
    ///
    /// `no_room`: the engine under test had no room for its level (only for a triggered
    /// stop_limit).
    pub(crate) fn execute(&mut self, mut taker: Order, triggered: bool, no_room: bool, tape: &mut Tape) {
        assert!(taker.open > 0 && !taker.kind.is_stop());
        if self.phase == Phase::Auction {
            // Rule 14: orders rest, may cross, nothing trades.
            let crossed = self.best(taker.side.opposite()).is_some_and(|p| crosses(taker.side, taker.price, p));
            tape.cov.hit_if(crossed, Rule::R14AuctionCrossed);
            tape.cov.hit_if(crossed && taker.post_only, Rule::R06Auction);
            self.rest(taker);
            return;
        }
        assert_eq!(self.phase, Phase::Continuous);

        let limit = self.limit_of(&taker, tape);
        if taker.tif == TimeInForce::Fok {
            tape.cov.hit_if(triggered, Rule::R04Stop);
            if !self.can_trade(&taker, limit, taker.open, tape) {
                tape.cov.hit(Rule::R04Short);
                self.emit_canceled(tape, &taker, CancelReason::Fok);
                return;
            }
            tape.cov.hit(Rule::R04Filled);
        }
        if let Some(min_qty) = taker.min_qty {
            if !self.can_trade(&taker, limit, min_qty, tape) {
                tape.cov.hit(Rule::R05Short);
                self.emit_canceled(tape, &taker, CancelReason::MinQty);
                return;
            }
            tape.cov.hit(Rule::R05Enough);
        }

        let before = taker.open;
        let left = self.trade(&mut taker, limit, triggered, tape);
        assert!(taker.tif != TimeInForce::Fok || taker.open == 0, "the fok test passed and the order did not fill");
        match left {
            Left::Dead => {}
            Left::Rest if taker.kind == OrderType::Market => {
                // Rule 3: it never rests; the rest is canceled with every tif.
                let reason = match self.best(taker.side.opposite()) {
                    Some(_) => CancelReason::Protection,
                    None => CancelReason::NoLiquidity,
                };
                let protection = reason == CancelReason::Protection;
                tape.cov.hit(if protection { Rule::R03Protection } else { Rule::R03NoLiquidity });
                tape.cov.hit_if(taker.tif != TimeInForce::Ioc, Rule::R03TifMeansIoc);
                tape.cov.hit_if(protection && taker.protect == Some(0) && before != taker.open, Rule::R03ProtectZero);
                self.emit_canceled(tape, &taker, reason);
            }
            Left::Rest if !taker.tif.may_rest() => {
                tape.cov.hit(Rule::R02Ioc);
                tape.cov.hit_if(triggered, Rule::R08StopIoc);
                self.emit_canceled(tape, &taker, CancelReason::Ioc);
            }
            Left::Rest => match self.room_reason(&taker, no_room, tape) {
                // Only a triggered stop_limit can fail here; all others were tested before they
                // matched.
                Some(reason) => {
                    assert!(triggered, "a refusal after matching");
                    self.emit_canceled(tape, &taker, reason);
                }
                None => {
                    tape.cov.hit_if(before != taker.open, Rule::R02Rest);
                    tape.cov.hit_if(before != taker.open && taker.display.is_some(), Rule::R07SliceAfterEntry);
                    tape.cov.hit_if(triggered, Rule::R08ToLimit);
                    self.rest(taker);
                }
            },
        }
    }

    /// Returns the worst price at which an order may trade: its limit, or the current best opposite
    /// price moved by `protect`. `None`: no bound.
    fn limit_of(&self, taker: &Order, tape: &mut Tape) -> Option<i64> {
        if taker.kind == OrderType::Limit {
            return taker.price;
        }
        let protect = taker.protect?;
        let best = self.best(taker.side.opposite())?;
        let (limit, held) = moved(best, protect, taker.side == Side::Buy);
        tape.cov.hit_if(held, Rule::R03ProtectSaturates);
        Some(limit)
    }

    /// Returns why the remainder of a triggered stop_limit cannot rest; the checks have the order
    /// of those of a new order.
    fn room_reason(&self, order: &Order, no_room: bool, tape: &mut Tape) -> Option<CancelReason> {
        let price = order.price.expect("a limit order");
        let overflows = self.level_total(order.side, price, None) + u128::from(order.open) > u128::from(u64::MAX);
        if self.orders.len() >= self.max_orders {
            tape.cov.hit_if(overflows, Rule::RoomBoth);
            return Some(CancelReason::BookFull);
        }
        if no_room {
            assert!(!self.levels(order.side).contains_key(&price), "levels_full for a level that is there");
            return Some(CancelReason::LevelsFull);
        }
        if overflows {
            return Some(CancelReason::BadQty);
        }
        None
    }

    /// Trades as long as there is an opposite order within the limit.
    fn trade(&mut self, taker: &mut Order, limit: Option<i64>, triggered: bool, tape: &mut Tape) -> Left {
        let makers = taker.side.opposite();
        let first = self.best(makers);
        let mut met: Vec<u64> = Vec::new();
        let mut displayed_at = None; // the last price at which this aggressor traded with a displayed order
        while taker.open > 0 {
            let Some(maker) = self.front(makers).cloned() else { return Left::Rest };
            let price = maker.price.expect("a resting order has a price");
            if !crosses(taker.side, limit, price) {
                return Left::Rest;
            }
            if maker.owner == taker.owner {
                if taker.stp != SelfTradePrevention::None {
                    tape.cov.hit_if(triggered, Rule::R12Triggered);
                    if self.prevent(taker, &maker, tape) {
                        return Left::Dead;
                    }
                    continue;
                }
                tape.cov.hit(Rule::R12NoneTrades);
                tape.cov.hit_if(maker.stp != SelfTradePrevention::None, Rule::R12MakersModeIgnored);
            }

            let qty = taker.open.min(maker.slice);
            taker.open -= qty;
            let cov = &mut tape.cov;
            cov.hit_if(first != Some(price), Rule::R01Price);
            cov.hit_if(maker.hidden && displayed_at == Some(price), Rule::R01Hidden);
            cov.hit_if(taker.kind == OrderType::Limit && taker.price != Some(price), Rule::R01MakerPrice);
            cov.hit_if(taker.protect.is_some() && limit == Some(price), Rule::R03ProtectInclusive);
            let again = met.contains(&maker.id);
            cov.hit_if(again, Rule::R07MetAgain);
            cov.hit_if(again && !self.levels(makers)[&price].hidden.is_empty(), Rule::R07BeforeHidden);
            let refreshes = qty == maker.slice && maker.open > qty;
            cov.hit_if(refreshes, Rule::R07Refresh);
            cov.hit_if(refreshes && maker.display.is_some_and(|d| maker.open - qty < d), Rule::R07LastSlice);
            if !again {
                met.push(maker.id);
            }
            if !maker.hidden {
                displayed_at = Some(price);
            }

            self.print_trade(&maker, maker.open - qty, taker, price, qty, tape);
            self.fill(maker.id, qty);
        }
        Left::Dead
    }

    /// Emits one trade and sets the last trade price. `taker.open` is what is left after the trade.
    pub(crate) fn print_trade(
        &mut self,
        maker: &Order,
        maker_open: u64,
        taker: &Order,
        price: i64,
        qty: u64,
        tape: &mut Tape,
    ) {
        self.emit(
            tape,
            EventBody::Trade {
                maker: maker.order_id(),
                taker: taker.order_id(),
                taker_side: taker.side,
                price: Price::new(price),
                qty: Qty::new(qty),
                maker_open: Qty::new(maker_open),
                taker_open: Qty::new(taker.open),
            },
        );
        self.last = Some(price);
        self.traded = Some(match self.traded {
            Some((low, high)) => (low.min(price), high.max(price)),
            None => (price, price),
        });
    }

    /// Rule 12: the aggressor meets an order of its own owner. Returns whether the aggressor is
    /// dead.
    fn prevent(&mut self, taker: &mut Order, maker: &Order, tape: &mut Tape) -> bool {
        let reason = CancelReason::SelfTradePrevention;
        match taker.stp {
            SelfTradePrevention::None => unreachable!("none prevents nothing"),
            SelfTradePrevention::CancelNewest => {
                tape.cov.hit(Rule::R12Newest);
                self.emit_canceled(tape, taker, reason);
                true
            }
            SelfTradePrevention::CancelOldest => {
                tape.cov.hit(Rule::R12Oldest);
                self.cancel(maker.id, reason, tape);
                false
            }
            SelfTradePrevention::CancelBoth => {
                tape.cov.hit(Rule::R12Both);
                self.cancel(maker.id, reason, tape);
                self.emit_canceled(tape, taker, reason);
                true
            }
            SelfTradePrevention::Decrement => {
                let both = maker.open.min(taker.open);
                // The maker's line first.
                if maker.open == both {
                    self.cancel(maker.id, reason, tape);
                } else {
                    tape.cov.hit(Rule::R12DecMaker);
                    let resting = self.orders.get_mut(&maker.id).expect("the maker rests");
                    resting.shrink_to(maker.open - both);
                    tape.cov.hit_if(resting.display.is_some(), Rule::R07Decrement);
                    let resting = resting.clone();
                    self.emit_reduced(tape, &resting);
                }
                if taker.open == both {
                    tape.cov.hit_if(maker.open == both, Rule::R12DecEqual);
                    self.emit_canceled(tape, taker, reason);
                    taker.open = 0;
                    true
                } else {
                    tape.cov.hit(Rule::R12DecTaker);
                    taker.open -= both;
                    self.emit_reduced(tape, taker);
                    false
                }
            }
        }
    }
}
