//! Refusals: the tests of new and replace in the order of chapter 17. They change nothing.

use super::book::Book;
use super::engine::Model;
use super::order::{Order, crosses};
use super::rules::{Coverage, Rule};
use vvp_core::book::{OrderType, Phase, Qty, Reject, Replacement, TimeInForce};

impl Book {
    /// Post-only: whether it would cross any opposite order, hidden and own ones too (rule 6).
    fn would_cross(&self, order: &Order, price: i64, replace: bool, cov: &mut Coverage) -> bool {
        if !order.post_only || self.phase == Phase::Auction {
            return false;
        }
        let makers = order.side.opposite();
        let crossed: Vec<&Order> = self
            .queue_order(makers)
            .into_iter()
            .filter(|maker| crosses(order.side, Some(price), maker.price.expect("it rests")))
            .collect();
        if crossed.is_empty() {
            return false;
        }
        cov.hit(if replace { Rule::R06Replace } else { Rule::R06New });
        cov.hit_if(crossed.iter().all(|maker| maker.hidden), Rule::R06Hidden);
        cov.hit_if(crossed.iter().all(|maker| maker.owner == order.owner), Rule::R06Own);
        true
    }

    /// The band, inclusive, for a price that is given.
    fn out_of_band(&self, price: Option<i64>) -> bool {
        let Some(price) = price else { return false };
        self.spec.min_price.is_some_and(|min| price < min.ticks())
            || self.spec.max_price.is_some_and(|max| price > max.ticks())
    }
}

impl Model {
    /// Rule 16 but `max_orders`: blocked, quantity, notional of `order` with limit price `price`
    /// and quantity `qty`.
    fn risk(&self, book: &Book, order: &Order, price: Option<i64>, qty: u64, cov: &mut Coverage) -> Option<Reject> {
        let limits = self.limits.get(&order.owner)?;
        if limits.blocked {
            return Some(Reject::OwnerBlocked);
        }
        if limits.max_qty.is_some_and(|max| qty > max.lots()) {
            return Some(Reject::MaxQty);
        }
        if let Some(max) = limits.max_notional {
            let reference = book.spec.reference.map(|p| p.ticks());
            let Some(at) = price.or(book.last).or(reference) else {
                cov.hit(Rule::R16NotionalUntested);
                return None;
            };
            // At most (2^64 - 1) × 2^63: fits.
            if u128::from(qty) * u128::from(at.unsigned_abs()) > max {
                let by_last = price.is_none() && book.last.is_some();
                cov.hit_if(by_last, Rule::R16NotionalLast);
                cov.hit_if(price.is_none() && !by_last, Rule::R16NotionalReference);
                return Some(Reject::MaxNotional);
            }
        }
        None
    }

    /// Returns why a new order is refused (M17.2).
    pub(crate) fn refuse_new(&self, at: usize, order: &Order, cov: &mut Coverage) -> Option<Reject> {
        let book = &self.books[at];
        let immediate = matches!(order.tif, TimeInForce::Ioc | TimeInForce::Fok);
        // phase
        match book.phase {
            Phase::Continuous => {}
            Phase::Auction => {
                if order.kind == OrderType::Market || immediate {
                    cov.hit_if(order.kind == OrderType::Market, Rule::R14AuctionMarket);
                    cov.hit_if(order.kind == OrderType::Limit, Rule::R14AuctionIoc);
                    cov.hit_if(order.kind.is_stop(), Rule::R14AuctionStop);
                    return Some(Reject::Phase);
                }
            }
            Phase::Halted => {
                cov.hit(Rule::R14HaltedRefused);
                return Some(Reject::Phase);
            }
            Phase::Closed => return Some(Reject::Phase),
        }
        // duplicate_id
        if let Some(live) = book.live(order.id) {
            cov.hit_if(live.kind.is_stop(), Rule::R08SharedIds);
            return Some(Reject::DuplicateId);
        }
        // bad_field (rule 13)
        if order.expires.is_some_and(|expires| expires <= self.clock) {
            cov.hit(Rule::R13Late);
            return Some(Reject::BadField);
        }
        // bad_qty
        if order.open == 0 {
            return Some(Reject::BadQty);
        }
        if order.display.is_some_and(|d| d == 0 || d > order.open) || order.too_many_slices(order.open) {
            cov.hit(Rule::R07Refused);
            return Some(Reject::BadQty);
        }
        if order.min_qty.is_some_and(|m| m == 0 || m > order.open) {
            return Some(Reject::BadQty);
        }
        // bad_price
        if order.trail == Some(0) {
            return Some(Reject::BadPrice);
        }
        // price_out_of_band
        if book.out_of_band(order.price) || book.out_of_band(order.stop) {
            return Some(Reject::PriceOutOfBand);
        }
        // owner_blocked, max_qty, max_notional
        if let Some(reason) = self.risk(book, order, order.price, order.open, cov) {
            return Some(reason);
        }
        // max_orders
        if let Some(max) = self.limits.get(&order.owner).and_then(|l| l.max_orders) {
            let everywhere = self.live_of(order.owner);
            if order.may_rest() || order.kind.is_stop() {
                if everywhere >= max {
                    cov.hit_if(book.live_of(order.owner) < max, Rule::R16OrdersElsewhere);
                    return Some(Reject::MaxOrders);
                }
            } else {
                cov.hit_if(everywhere >= max, Rule::R16OrdersIoc);
            }
        }
        // would_cross
        if let Some(price) = order.price
            && order.kind == OrderType::Limit
            && book.would_cross(order, price, false, cov)
        {
            return Some(Reject::WouldCross);
        }
        // book_full, stops_full
        if order.kind.is_stop() {
            // A stop needs a stop's room and nothing else before it rests.
            return (book.stops.len() >= book.max_stops).then_some(Reject::StopsFull);
        }
        let full = book.orders.len() >= book.max_orders;
        if !order.may_rest() {
            cov.hit_if(full, Rule::RoomIocWhenFull);
            return None;
        }
        if full {
            let opposite = book.best(order.side.opposite());
            cov.hit_if(opposite.is_some_and(|p| crosses(order.side, order.price, p)), Rule::RoomFullMarketable);
            return Some(Reject::BookFull);
        }
        // levels_full, bad_qty (level total)
        self.refuse_level(book, order, None, cov)
    }

    /// Returns why a replace is refused (M17.3), or the price, stop and quantity that it asks for
    /// and whether it keeps priority.
    #[allow(clippy::type_complexity)]
    pub(crate) fn refuse_replace(
        &self,
        at: usize,
        id: u64,
        with: &Replacement,
        cov: &mut Coverage,
    ) -> Result<(Option<i64>, Option<i64>, u64, bool), Reject> {
        let book = &self.books[at];
        // phase
        match book.phase {
            Phase::Continuous | Phase::Auction => {}
            Phase::Halted => {
                cov.hit(Rule::R14HaltedRefused);
                return Err(Reject::Phase);
            }
            Phase::Closed => return Err(Reject::Phase),
        }
        // unknown_order
        let old = book.live(id).ok_or(Reject::UnknownOrder)?;
        // bad_field
        if with.price.is_some() && old.price.is_none() {
            cov.hit(Rule::R10NoPrice);
            return Err(Reject::BadField);
        }
        if with.stop.is_some() && old.stop.is_none() {
            cov.hit(Rule::R10NoStop);
            return Err(Reject::BadField);
        }
        let price = with.price.map(|p| p.ticks()).or(old.price);
        let stop = with.stop.map(|p| p.ticks()).or(old.stop);
        let qty = with.qty.map_or(old.open, Qty::lots);
        let equal = price == old.price && stop == old.stop && qty <= old.open;
        cov.hit_if(equal && with.lose_priority, Rule::R10LosesWhenAsked);
        let keeps = equal && !with.lose_priority;

        let refused = self.refuse_replacement(book, old, (price, stop, qty, keeps), cov);
        cov.hit_if(refused.is_some(), Rule::R10RefusedStays);
        match refused {
            Some(reason) => Err(reason),
            None => {
                let max = self.limits.get(&old.owner).and_then(|l| l.max_orders);
                cov.hit_if(max.is_some_and(|m| self.live_of(old.owner) >= m), Rule::R16ReplaceNotOrders);
                let full = book.orders.len() >= book.max_orders;
                cov.hit_if(full && !keeps && !old.kind.is_stop(), Rule::RoomReplaceWhenFull);
                Ok((price, stop, qty, keeps))
            }
        }
    }

    fn refuse_replacement(
        &self,
        book: &Book,
        old: &Order,
        (price, stop, qty, keeps): (Option<i64>, Option<i64>, u64, bool),
        cov: &mut Coverage,
    ) -> Option<Reject> {
        // bad_qty; of rule 7 only the last bound
        if qty == 0 {
            return Some(Reject::BadQty);
        }
        if old.too_many_slices(qty) {
            cov.hit(Rule::R07RefusedReplace);
            return Some(Reject::BadQty);
        }
        // price_out_of_band
        if book.out_of_band(price) || book.out_of_band(stop) {
            return Some(Reject::PriceOutOfBand);
        }
        // risk
        if let Some(reason) = self.risk(book, old, price, qty, cov) {
            cov.hit_if(reason == Reject::OwnerBlocked, Rule::R16BlockedReplace);
            cov.hit_if(reason == Reject::MaxQty, Rule::R16MaxQtyReplace);
            cov.hit_if(reason == Reject::MaxNotional, Rule::R16MaxNotionalReplace);
            cov.hit_if(keeps, Rule::R16KeepsTested);
            return Some(reason);
        }
        if keeps || old.kind.is_stop() {
            return None; // neither matches nor takes more room
        }
        // would_cross
        let limit = price.expect("a resting order has a price");
        if book.would_cross(old, limit, true, cov) {
            return Some(Reject::WouldCross);
        }
        // levels_full, bad_qty (level total), the old order not counting
        let mut new = old.clone();
        (new.price, new.open) = (price, qty);
        self.refuse_level(book, &new, Some(old.id), cov)
    }

    /// The last two tests of what may rest: room for its level and the level's total.
    fn refuse_level(&self, book: &Book, order: &Order, except: Option<u64>, cov: &mut Coverage) -> Option<Reject> {
        let price = order.price.expect("it may rest");
        if self.no_level_room.contains(&order.id) {
            let levels = book.levels(order.side);
            assert!(!levels.contains_key(&price), "levels_full for a level that is there");
            assert!(levels.len() >= self.far_levels, "levels_full with {} levels", levels.len());
            return Some(Reject::LevelsFull);
        }
        let with_this = book.level_total(order.side, price, except) + u128::from(order.open);
        if with_this > u128::from(u64::MAX) {
            cov.hit(if except.is_some() { Rule::RoomTotalReplace } else { Rule::RoomTotal });
            return Some(Reject::BadQty);
        }
        if except.is_some() {
            let counting_itself = book.level_total(order.side, price, None) + u128::from(order.open);
            cov.hit_if(counting_itself > u128::from(u64::MAX), Rule::RoomTotalSelf);
        }
        None
    }
}
