//! Upper bound on the events of a command, found before the command is applied. Implements M21.3.
//!
//! # Proof of the bound
//!
//! **Slices.** The potential is Φ, the number of slices in the book: 1 for each resting order, for
//! an iceberg 1 + ⌈reserve ÷ `display`⌉. A slice that is used up takes 1 off Φ: with open quantity
//! o and slice s the reserve falls from o − s by min(`display`, o − s), the new slice. A trade that
//! uses up no slice, a reduction (the reserve goes first), an expiry and a cancel never raise Φ.
//! Only an order that comes to rest raises it: the order in hand by the slices of its rest, a
//! triggered stop_limit by 1, since it has no `display`.
//!
//! **Steps.** An order that comes in (new, replaced, triggered) takes steps: a trade, or a maker of
//! its own owner met. A step is *last* when the order is over with it. Every step that is not last
//! leaves the order open, so it has used up a slice of the maker at least, or the whole maker; and
//! it has taken 1 lot at least off the order, but for a maker canceled by `cancel_oldest`. A step
//! has 1 line; where a `decrement` meets an own maker it has 2. What ends the order is one of: a
//! last trade (1 line), a last step of self-trade prevention (`cancel_newest` 1, `cancel_both` and
//! `decrement` 2), a cancel of the rest (1; a failed fillable test too), or its coming to rest (0).
//!
//! **The current order.** Its steps are counted level by level in its reach: at one level no more
//! trades than slices there, nor than lots are left when it gets there; makers of its own owner
//! once each. It rests only when all in its reach is gone, so its rest is exactly the
//! lots left behind that walk. If orders expire first, some of what it would have met is gone:
//! then no lot is taken as used, and the walk goes to its limit price.
//!
//! **Stops.** Between commands in `continuous` no stop is hit by the last trade price (a snapshot
//! that says otherwise is refused). So none goes unless one is hit at some price in reach, or the
//! new or replaced one at the last price. If one is, all are taken to go: a stop goes once, has 1
//! line `triggered`, its end, and u steps that are not last. Summed over the stops
//! u ≤ Σ (lots − 1), plus the makers that `cancel_oldest` can cancel; and, with the steps of the
//! current order that are not last, u ≤ A = Φ now + the slices of its rest + 1 for each stop_limit
//! that may rest. So with L lines of the order's own steps and its end, e lines a step at most, and
//! a last step or an end of l lines that uses up nothing (`cancel_both` ends with a step that uses
//! up a maker, and 1 line more; l is 0 where the order is sure to rest), the lines of the order and
//! of the stops' steps are no more than min(L + e · min(u, A), e · A + l).
//!
//! **The uncross.** Each trade uses up the slice of one side at least. At the chosen price one side
//! is used up whole, so the last trade either uses up two or leaves one: with the slices of
//! the levels that cross, b bids and a asks, there are no more than a + b − 1 trades.

use crate::book::matching::iceberg::exceeds_max_slices;
use crate::book::order_book::{Book, Found};
use crate::book::state_hash::StateHash;
use crate::book::storage::price_ladder::{price, rank};
use crate::book::storage::stop_orders::Stop;
use crate::book::{Command, Op, OrderType, Phase, Price, Qty, SelfTradePrevention, Side, TimeInForce};
use crate::sync::broken;

/// The fields of an order that may trade that the bound needs.
#[derive(Clone, Copy, Debug)]
struct Aggressor {
    side: Side,
    qty: u64,
    /// The worst rank of the other side that it trades with.
    limit: i64,
    rests: bool,
    /// Iceberg: the largest slice; else 0.
    display: u64,
    /// The least that must be in its reach for it to trade (M4.1, M5.1); else 0.
    least: u64,
    stp: SelfTradePrevention,
    owner: u32,
    /// The order that it replaces, or 0.
    node: u32,
}

/// Result of a walk along the other side.
#[derive(Clone, Copy, Debug)]
struct Reach {
    /// Lines of trades, of own makers met, and of its end, at most.
    lines: u64,
    /// Upper bound on the lots that find no maker.
    left: u64,
    /// The best and the worst price that it reaches.
    prices: Option<(Price, Price)>,
}

/// The operation before the stops: the current order, or an uncross.
#[derive(Clone, Copy, Debug)]
struct Before {
    /// Lines of its steps and of its end, at most.
    lines: u64,
    /// Lines of one step, at most.
    each: u64,
    /// Lines of a last step that uses up nothing, or of its end.
    last: u64,
    /// Slices of its rest, at most.
    rest: u64,
    /// The order that it replaces, which rests no longer; or 0.
    node: u32,
}

impl Before {
    const NOTHING: Self = Self { lines: 0, each: 1, last: 0, rest: 0, node: 0 };
}

impl<const ORDERS: usize, const BLOCKS: usize, const FAR: usize, const STOPS: usize, const IDS: usize, T: StateHash>
    Book<ORDERS, BLOCKS, FAR, STOPS, IDS, T>
{
    /// Returns how many orders and stops expire by `clock` (M13.2). Visits every gtd one.
    pub(crate) fn due(&self, clock: u64) -> u64 {
        let orders = self.expiry.slots().iter().filter(|&&order| self.arena.cold(order).expires <= clock).count();
        (orders + self.stops.due(clock)) as u64
    }

    /// Returns a bound that needs no walk, for commands that trigger no stop; `None` for others.
    #[inline]
    pub(crate) fn max_events_quick(&self, c: &Command) -> Option<u64> {
        match c.op() {
            Op::Cancel | Op::Reduce => Some(1),
            Op::New if self.stops.live() == 0 && !c.order_type().is_stop() => {
                // Accepted; a line for each lot, or for all but one and the end.
                let lots = c.qty().lots().saturating_add(u64::from(!broken("bound_glance")));
                match c.self_trade() {
                    SelfTradePrevention::None => Some(lots),
                    stp => Some(self.quick_with_own(lots, stp)),
                }
            }
            _ => None,
        }
    }

    /// Returns the bound of an order without own makers plus what own makers can add.
    #[cold]
    fn quick_with_own(&self, lines: u64, stp: SelfTradePrevention) -> u64 {
        lines.saturating_add(match stp {
            SelfTradePrevention::None | SelfTradePrevention::CancelNewest => 0,
            SelfTradePrevention::CancelBoth => 1,
            SelfTradePrevention::CancelOldest => self.arena.live_orders() as u64,
            SelfTradePrevention::Decrement => lines,
        })
    }

    /// Returns the most events that a command for this book can cause now, expiries apart.
    /// `expiring`: orders of this book will expire first, so that the current order may reach
    /// further than it could now.
    pub(crate) fn max_events(&self, c: &Command, expiring: bool) -> u64 {
        let continuous = self.phase == Phase::Continuous;
        match c.op() {
            Op::New if !continuous => 1,
            Op::New if c.order_type().is_stop() => self.max_of_stop(c),
            Op::New => {
                let other = c.side().opposite();
                let limit = match (c.limit_price(), c.protection()) {
                    (Some(price), _) => rank(other, price),
                    (None, Some(ticks)) if !expiring => {
                        self.sides[other as usize].best_rank().saturating_sub_unsigned(ticks)
                    }
                    _ => i64::MIN,
                };
                let qty = c.qty().lots();
                let display = c.display_qty().map_or(0, |slice| slice.lots().max(1));
                if display != 0 && exceeds_max_slices(qty, display) {
                    return 1; // refused
                }
                let least = if c.tif() == TimeInForce::Fok { Some(qty) } else { c.min_qty().map(Qty::lots) };
                let order = Aggressor {
                    side: c.side(),
                    qty,
                    limit,
                    rests: c.order_type().has_limit() && c.tif().may_rest(),
                    display,
                    least: least.unwrap_or(0),
                    stp: c.self_trade(),
                    owner: c.owner().get(),
                    node: 0,
                };
                if c.is_post_only() { 1 } else { self.max_of(&order, expiring) }
            }
            Op::Replace if continuous => self.max_of_replace(c, expiring),
            Op::MassCancel => {
                let (owner, side) = (c.owner().get(), c.mass_cancel_side());
                let is_of = |at: Side| side.is_none_or(|only| only == at);
                let orders = self
                    .resting_numbers()
                    .filter(|&order| self.arena.owner(order) == owner && is_of(self.side_of(order)));
                let stops = self.all_stops().filter(|stop| stop.owner == owner && is_of(stop.side));
                (orders.count() + stops.count()).max(1) as u64
            }
            Op::Phase => match c.new_phase() {
                Some(Phase::Closed) => {
                    let orders =
                        self.resting_numbers().filter(|&order| self.arena.attributes(order).tif == TimeInForce::Day);
                    let stops = self.all_stops().filter(|stop| stop.tif == TimeInForce::Day);
                    1 + (orders.count() + stops.count()) as u64
                }
                Some(Phase::Continuous) if !continuous => self.max_of_opening(),
                _ => 1,
            },
            _ => 1,
        }
    }

    fn resting_numbers(&self) -> impl Iterator<Item = u32> {
        self.arena.order_numbers().filter(|&order| self.arena.node(order).qty != 0)
    }

    fn all_stops(&self) -> impl Iterator<Item = &Stop> {
        self.stops.in_entry_order().map(|slot| self.stops.get(slot))
    }

    fn side_of(&self, order: u32) -> Side {
        self.arena.side(self.arena.level_of(order))
    }

    /// Returns how many slices an order still has: of an iceberg the displayed one and those to
    /// come.
    fn slices_of(&self, order: u32) -> u64 {
        let reserve = self.arena.node(order).qty - self.arena.slice(order);
        if reserve == 0 || broken("bound_reserve") {
            return 1; // not an iceberg, or its last slice
        }
        1 + reserve.div_ceil(self.arena.cold(order).display.max(1))
    }

    /// Returns how many slices rest in the whole book, at most `enough`. Visits every order, unless
    /// there are at least `enough` orders.
    fn all_slices(&self, enough: u64) -> u64 {
        if self.arena.live_orders() as u64 >= enough {
            return enough;
        }
        self.resting_numbers().fold(0u64, |sum, order| sum.saturating_add(self.slices_of(order))).min(enough)
    }

    /// Returns how many slices queue at a level. Visits its orders only if some of its quantity is
    /// not visible.
    fn slices_at(&self, level: u32) -> u64 {
        if self.arena.visible_qty(level) == self.arena.node(level).qty {
            return u64::from(self.arena.visible_orders(level));
        }
        self.arena.queue(level).fold(0, |sum, order| sum.saturating_add(self.slices_of(order)))
    }

    /// Bound for an incoming order that may trade.
    fn max_of(&self, order: &Aggressor, expiring: bool) -> u64 {
        let reach = self.reach(order, expiring);
        let Some((best, worst)) = reach.prices else {
            return if order.rests { 1 } else { 2 };
        };
        if !expiring && order.qty - reach.left < order.least {
            return 2; // the fillable test fails
        }
        let rest = match order.display {
            _ if !order.rests || broken("bound_rest") => 0,
            0 => reach.left.min(1),
            display => reach.left.div_ceil(display),
        };
        let each = lines(order.stp);
        let last = if order.rests && reach.left > 0 && !expiring { 0 } else { each };
        let before = Before { lines: reach.lines, each, last, rest, node: order.node };
        self.with_stops(before, best.min(worst), best.max(worst)).saturating_add(1)
    }

    /// Walks the other side as far as the order can reach; by level, where nothing is hidden and no
    /// order is its owner's.
    fn reach(&self, order: &Aggressor, expiring: bool) -> Reach {
        let other = order.side.opposite();
        let ladder = &self.sides[other as usize];
        let ends_at_own = matches!(order.stp, SelfTradePrevention::CancelNewest | SelfTradePrevention::CancelBoth);
        let (mut trades, mut own, mut left, mut prices) = (0u64, 0u64, order.qty, None);
        let mut cursor = ladder.first();
        while let Some(at) = cursor.filter(|at| at.rank >= order.limit && left > 0) {
            let here = price(other, at.rank);
            prices = Some((prices.map_or(here, |(best, _)| best), here));
            let mut lots = self.arena.node(at.level).qty;
            let mut slices = 0u64;
            if order.stp == SelfTradePrevention::None {
                slices = self.slices_at(at.level);
            } else {
                for maker in self.arena.queue(at.level) {
                    if self.arena.owner(maker) != order.owner {
                        slices = slices.saturating_add(self.slices_of(maker));
                        continue;
                    }
                    own += u64::from(!broken("bound_own"));
                    if order.stp == SelfTradePrevention::CancelOldest {
                        lots -= self.arena.node(maker).qty;
                    }
                }
            }
            trades = trades.saturating_add(slices.min(left));
            if !expiring || broken("bound_expiring") {
                left = left.saturating_sub(lots);
                if own > 0 && ends_at_own {
                    left = 0; // it does not get past this level
                }
            }
            cursor = ladder.worse(at.rank);
        }
        if ends_at_own {
            own = own.min(1);
        }
        let end = match order.stp {
            SelfTradePrevention::CancelBoth if own > 0 => u64::from(!broken("bound_both")),
            _ => u64::from(!order.rests && left > 0 && !broken("bound_end")),
        };
        // A step takes a lot at least, and the end comes while one is left; but a maker that
        // `cancel_oldest` cancels takes none, and `cancel_both` has its end after a step that took
        // none.
        let all = trades.saturating_add(own.saturating_mul(lines(order.stp))).saturating_add(end);
        let of_lots = match order.stp {
            SelfTradePrevention::CancelOldest => order.qty.saturating_add(own),
            SelfTradePrevention::CancelBoth => order.qty.saturating_add(1),
            stp => order.qty.saturating_mul(lines(stp)),
        };
        Reach { lines: all.min(of_lots), left, prices }
    }

    fn max_of_replace(&self, c: &Command, expiring: bool) -> u64 {
        let with = c.replacement();
        match self.find(c.id().get()) {
            Found::Nothing => 1,
            Found::Order(order) => {
                let attributes = self.arena.attributes(order);
                let side = self.side_of(order);
                let was = price(side, self.arena.rank(self.arena.level_of(order)));
                let qty = with.qty.map_or(self.arena.node(order).qty, Qty::lots);
                let display = if attributes.iceberg { self.arena.cold(order).display } else { 0 };
                if display != 0 && exceeds_max_slices(qty, display) {
                    return 1; // refused
                }
                let order = Aggressor {
                    side,
                    qty,
                    limit: rank(side.opposite(), with.price.unwrap_or(was)),
                    rests: true,
                    display,
                    least: 0,
                    stp: attributes.stp,
                    owner: self.arena.owner(order),
                    node: order,
                };
                if attributes.post_only { 1 } else { self.max_of(&order, expiring) }
            }
            Found::Stop(slot) => {
                let stop = *self.stops.get(slot);
                let Some(last) = self.last.get().map(Price::new) else { return 1 };
                // All others were tested with this last price, and so was this one unless its stop
                // is another.
                let hit =
                    with.stop.is_some_and(|at| stop.kind != OrderType::TrailingStop && is_hit(stop.side, at, last));
                let mut now = stop;
                now.qty = with.qty.map_or(stop.qty, Qty::lots);
                if hit { 1 + self.max_of_cascade(Before::NOTHING, Some(&now), slot) } else { 1 }
            }
        }
    }

    /// Bound for a new stop, which may trigger immediately (M8.6).
    fn max_of_stop(&self, c: &Command) -> u64 {
        let Some(last) = self.last.get().map(Price::new) else { return 1 };
        let at = match (c.trail(), c.side()) {
            (Some(ticks), Side::Buy) => Price::new(last.ticks().saturating_add_unsigned(ticks)),
            (Some(ticks), Side::Sell) => Price::new(last.ticks().saturating_sub_unsigned(ticks)),
            (None, _) => c.stop_price().unwrap_or(last),
        };
        if !is_hit(c.side(), at, last) {
            return 1;
        }
        let mut stop = Stop::NONE;
        stop.qty = c.qty().lots();
        stop.kind = c.order_type();
        stop.tif = c.tif();
        stop.stp = c.self_trade();
        1 + self.max_of_cascade(Before::NOTHING, Some(&stop), 0)
    }

    /// Bound for the start of continuous trading (M15.1): perhaps an uncross, then the stops.
    fn max_of_opening(&self) -> u64 {
        let (bids, asks) = (self.sides[0].first(), self.sides[1].first());
        let mut range = self.last.get().map(|last| (Price::new(last), Price::new(last)));
        let (mut most, mut before) = (1, Before::NOTHING);
        if let (Some(bid), Some(ask)) = (bids, asks) {
            let (high, low) = (price(Side::Buy, bid.rank), price(Side::Sell, ask.rank));
            if high >= low {
                most = 2; // the line of the uncross
                let crossing =
                    self.slices_down_to(Side::Buy, low).saturating_add(self.slices_down_to(Side::Sell, high));
                before.lines = crossing.saturating_sub(1 + u64::from(broken("bound_uncross")));
                range = Some(range.map_or((low, high), |(l, h)| (l.min(low), h.max(high))));
            }
        }
        match range {
            Some((low, high)) => self.with_stops(before, low, high).saturating_add(most),
            None => most,
        }
    }

    /// Returns how many slices one side has at `worst` and at better prices.
    fn slices_down_to(&self, side: Side, worst: Price) -> u64 {
        let ladder = &self.sides[side as usize];
        let (worst, mut sum, mut cursor) = (rank(side, worst), 0u64, ladder.first());
        while let Some(at) = cursor.filter(|at| at.rank >= worst) {
            sum = sum.saturating_add(self.slices_at(at.level));
            cursor = ladder.worse(at.rank);
        }
        sum
    }

    /// Bound for what came before plus the stops that a last trade price from `low` to `high` can
    /// trigger.
    fn with_stops(&self, before: Before, low: Price, high: Price) -> u64 {
        let can_be_hit = |stop: &Stop| {
            // A trailing stop is hit where its stop is now, or where saturation puts it on its
            // anchor.
            let trails = stop.kind == OrderType::TrailingStop;
            let at = Price::new(stop.stop);
            let saturated = match stop.side {
                Side::Buy => high == Price::MAX,
                Side::Sell => low == Price::MIN,
            };
            let last = if stop.side == Side::Buy { high } else { low };
            (trails && saturated && !broken("bound_saturated"))
                || ((!trails || stop.has_anchor) && is_hit(stop.side, at, last))
        };
        if self.stops.live() > 0 && self.all_stops().any(can_be_hit) {
            self.max_of_cascade(before, None, 0)
        } else {
            before.lines
        }
    }

    /// Bound for what came before plus all stops, with one `more` and without the one in slot
    /// `less`.
    fn max_of_cascade(&self, before: Before, more: Option<&Stop>, less: u32) -> u64 {
        let (mut lots, mut ends, mut rests, mut count) = (0u64, 0u64, before.rest, 0u64);
        let (mut each, mut skips) = (1, false);
        let others = self.stops.in_entry_order().filter(|&slot| slot != less).map(|slot| self.stops.get(slot));
        for stop in others.chain(more) {
            count += 1;
            lots = lots.saturating_add(stop.qty.saturating_sub(1));
            ends += 1 + u64::from(!broken("bound_stop_end"));
            if matches!(stop.stp, SelfTradePrevention::CancelBoth | SelfTradePrevention::Decrement) {
                ends += 1;
            }
            if stop.kind == OrderType::StopLimit && stop.tif.may_rest() {
                rests += 1;
            }
            each = each.max(lines(stop.stp));
            skips |= stop.stp == SelfTradePrevention::CancelOldest;
        }
        if skips {
            lots = lots.saturating_add(self.arena.live_orders() as u64 + 1 + count);
        }
        // Behind `enough` slices the lots are what bounds; a replaced order's own do not count.
        let gone = if before.node == 0 { 0 } else { self.slices_of(before.node) };
        let enough = before.lines.saturating_add(lots).saturating_add(gone);
        let slices = (self.all_slices(enough) - gone).saturating_add(rests);
        let of_stops = lots.min(slices).saturating_mul(each);
        let of_slices = slices.saturating_mul(each.max(before.each)).saturating_add(before.last);
        before.lines.saturating_add(of_stops).min(of_slices).saturating_add(ends)
    }
}

/// Lines that a step takes at most.
fn lines(stp: SelfTradePrevention) -> u64 {
    if matches!(stp, SelfTradePrevention::Decrement) && !broken("bound_decrement") { 2 } else { 1 }
}

fn is_hit(side: Side, stop: Price, last: Price) -> bool {
    match side {
        Side::Buy => last >= stop,
        Side::Sell => last <= stop,
    }
}
