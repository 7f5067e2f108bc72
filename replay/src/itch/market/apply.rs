//! Applies messages to the market.

use super::stock::Top;
use super::{Anomalies, Anomaly, DAY_NS, Market, Totals};
use vvp_core::wire::field::Field;
use vvp_core::wire::itch::{AddOrder, BadMessage, BuySell, Head, Message, OrderReplace, YesNo};

/// A new order, from an add or a replace.
#[derive(Clone, Copy)]
struct New {
    reference: u64,
    locate: u16,
    side: u8,
    shares: u32,
    price: u32,
}

impl<const ORDERS: usize, const IDS: usize, const LEVELS: usize, const WORDS: usize>
    Market<ORDERS, IDS, LEVELS, WORDS>
{
    /// Switches the checksum over all tops of book on or off; it starts off.
    pub const fn set_checksum(&mut self, on: bool) {
        self.sum.on = on as u8;
    }

    /// Applies a message whose frame is at `offset` in the file. Returns whether it is of a type
    /// that changes a book (A, F, E, C, X, D, U), even if it changed nothing.
    ///
    /// Constant time, except for a replace or a new level far from the best of a side of many
    /// levels: moving the sorted prices takes time in proportion to the number of better levels.
    #[inline]
    pub fn apply(&mut self, offset: u64, message: &Message<'_>) -> bool {
        const {
            assert!(IDS.is_power_of_two() && IDS / 8 * 7 >= ORDERS, "IDS: a power of two, 8/7 of ORDERS or more");
        }
        self.totals.messages += 1;
        let head = match *message {
            Message::AddOrder(m) => {
                let new = self.new_order(m.head(), m, offset);
                if let Some(new) = new {
                    self.add(new, offset);
                }
                self.begin(m.head(), 0, offset)
            }
            Message::AddOrderMpid(m) => {
                if let Some(new) = m.plain().and_then(|plain| self.new_order(m.head(), plain, offset)) {
                    self.add(new, offset);
                }
                self.begin(m.head(), 1, offset)
            }
            Message::OrderExecuted(m) => {
                let shares = m.shares();
                let price = self.decrease(m.reference(), m.head(), shares, offset);
                let stock = self.stock_mut(m.head());
                stock.counts.executed += u64::from(shares);
                stock.counts.executed_printable += u64::from(shares);
                if let Some(price) = price {
                    stock.state.last_price = price;
                }
                self.begin(m.head(), 2, offset)
            }
            Message::OrderExecutedWithPrice(m) => {
                let shares = m.shares();
                self.decrease(m.reference(), m.head(), shares, offset);
                let stock = self.stock_mut(m.head());
                stock.counts.executed += u64::from(shares);
                if m.printable() == YesNo::Yes {
                    stock.counts.executed_printable += u64::from(shares);
                    stock.state.last_price = m.price().raw();
                }
                self.begin(m.head(), 3, offset)
            }
            Message::OrderCancel(m) => {
                self.decrease(m.reference(), m.head(), m.shares(), offset);
                self.begin(m.head(), 4, offset)
            }
            Message::OrderDelete(m) => {
                if let Some(slot) = self.find(m.reference(), m.head(), offset) {
                    self.remove(slot);
                }
                self.begin(m.head(), 5, offset)
            }
            Message::OrderReplace(m) => {
                self.replace(m, offset);
                self.begin(m.head(), 6, offset)
            }
            _ => {
                self.other(offset, message);
                return false;
            }
        };
        self.totals.book_messages += 1;
        if self.totals.live > self.totals.max_live {
            self.totals.max_live = self.totals.live;
        }
        if self.sum.on != 0 {
            let stock = &mut self.stocks[usize::from(head)];
            let best = stock.best();
            stock.sum.add(best);
            self.sum.sum.add(best);
        }
        true
    }

    /// Counts a frame without a valid message.
    #[cold]
    pub fn bad(&mut self, offset: u64, bad: &BadMessage) {
        self.totals.messages += 1;
        if let BadMessage::Short { kind, .. } | BadMessage::Long { kind, .. } = *bad {
            self.totals.by_type[usize::from(kind)] += 1;
        }
        self.anomalies.note(Anomaly::WrongLength, offset);
    }

    /// Updates the counts of a book message; returns its locate.
    #[inline(always)]
    fn begin(&mut self, head: &Head, counted: usize, offset: u64) -> u16 {
        self.clock(head, offset);
        let stock = self.stock_mut(head);
        stock.seen = 1;
        stock.counts.messages[counted] += 1;
        head.locate()
    }

    #[inline(always)]
    fn clock(&mut self, head: &Head, offset: u64) {
        let (Totals { by_type, time_ns, .. }, now) = (&mut self.totals, head.time_ns());
        by_type[usize::from(head.kind())] += 1;
        if now < *time_ns || now >= DAY_NS {
            self.odd_time(now, offset);
        } else {
            *time_ns = now;
        }
    }

    /// Handles a time before that of the previous message, which the clock accepts, or one beyond
    /// the end of the day, which it does not.
    #[cold]
    #[inline(never)]
    fn odd_time(&mut self, now: u64, offset: u64) {
        if now < DAY_NS {
            self.totals.time_ns = now;
            self.anomalies.note(Anomaly::TimeReversed, offset);
        } else {
            self.anomalies.note(Anomaly::TimeBeyondDay, offset);
        }
    }

    #[inline(always)]
    fn stock_mut(&mut self, head: &Head) -> &mut super::Stock {
        &mut self.stocks[usize::from(head.locate())]
    }

    #[inline(always)]
    fn new_order(&mut self, head: &Head, m: &AddOrder, offset: u64) -> Option<New> {
        let side = match m.side() {
            BuySell::Buy => 0,
            BuySell::Sell => 1,
            BuySell::Other(_) => {
                self.anomalies.note(Anomaly::BadSide, offset);
                return None;
            }
        };
        let locate = head.locate();
        let stock = &mut self.stocks[usize::from(locate)];
        if stock.named == 0 {
            // Once: the name is on a cache line that orders do not need otherwise.
            stock.named = 1;
            stock.state.name = m.stock().bytes();
        }
        Some(New { reference: m.reference(), locate, side, shares: m.shares(), price: m.price().raw() })
    }

    #[inline(always)]
    fn slot_of(&self, reference: u64) -> u32 {
        let orders = &self.orders;
        self.ids.get(reference, |slot| orders.get(slot).reference == reference)
    }

    /// Returns the slot of a live order; counts an anomaly if there is none.
    #[inline(always)]
    fn find(&mut self, reference: u64, head: &Head, offset: u64) -> Option<u32> {
        let slot = self.slot_of(reference);
        if slot == 0 {
            self.stock_mut(head).counts.unknown += 1;
            self.anomalies.note(Anomaly::UnknownReference, offset);
            return None;
        }
        if self.orders.get(slot).locate != head.locate() {
            self.anomalies.note(Anomaly::OtherLocate, offset);
        }
        Some(slot)
    }

    /// Removes shares from an order; returns its price.
    #[inline(always)]
    fn decrease(&mut self, reference: u64, head: &Head, shares: u32, offset: u64) -> Option<u32> {
        let slot = self.find(reference, head, offset)?;
        let order = self.orders.get_mut(slot);
        let (at, left) = (order.level, order.shares.checked_sub(shares));
        let price = self.levels.get(at).price;
        match left {
            Some(left) if left > 0 => {
                order.shares = left;
                let (locate, side) = (order.locate, order.side);
                let level = self.levels.get_mut(at);
                level.qty -= u64::from(shares);
                let qty = level.qty;
                self.show(locate, side, at, qty);
            }
            left => {
                if left.is_none() {
                    self.anomalies.note(Anomaly::Overfill, offset);
                }
                self.remove(slot);
            }
        }
        Some(price)
    }

    /// Updates the copy of the best level.
    #[inline(always)]
    fn show(&mut self, locate: u16, side: u8, level: u32, qty: u64) {
        let top = &mut self.stocks[usize::from(locate)].top[usize::from(side & 1)];
        if top.level == level {
            top.qty = qty;
        }
    }

    #[inline(always)]
    fn replace(&mut self, m: &OrderReplace, offset: u64) {
        let Some(slot) = self.find(m.old_reference(), m.head(), offset) else { return };
        let order = self.orders.get(slot);
        let new = New {
            reference: m.new_reference(),
            locate: order.locate,
            side: order.side,
            shares: m.shares(),
            price: m.price().raw(),
        };
        self.remove(slot);
        self.add(new, offset);
    }

    /// Returns the word of a price in its side's run; better prices have greater words.
    #[inline(always)]
    const fn key(side: u8, price: u32) -> u32 {
        if side == 0 { price } else { !price }
    }

    #[inline(always)]
    fn add(&mut self, new: New, offset: u64) {
        let New { reference, locate, side, shares, price } = new;
        if !self.ids.is_free(reference) {
            let old = self.slot_of(reference);
            if old != 0 {
                self.anomalies.note(Anomaly::DuplicateReference, offset);
                self.remove(old);
            }
        }
        if shares == 0 {
            self.anomalies.note(Anomaly::NoShares, offset);
            return;
        }
        let Some(slot) = self.orders.take() else {
            self.anomalies.note(Anomaly::MarketFull, offset);
            return;
        };
        let Some(at) = self.level_at(locate, side, price) else {
            self.orders.give(slot);
            self.anomalies.note(Anomaly::MarketFull, offset);
            return;
        };
        let level = self.levels.get_mut(at);
        let last = level.last;
        level.last = slot;
        level.orders += 1;
        level.qty += u64::from(shares);
        let qty = level.qty;
        if last == 0 {
            level.first = slot;
        } else {
            self.orders.get_mut(last).next = slot;
        }
        let order = self.orders.get_mut(slot);
        (order.reference, order.shares, order.level) = (reference, shares, at);
        (order.next, order.prev, order.locate, order.side) = (0, last, locate, side);
        self.ids.insert(reference, slot);
        self.totals.live += 1;
        self.stocks[usize::from(locate)].live += 1;
        self.show(locate, side, at, qty);
    }

    /// Returns the level of a price, creating it if necessary; `None` if there is no room.
    #[inline(always)]
    fn level_at(&mut self, locate: u16, side: u8, price: u32) -> Option<u32> {
        let stock = &mut self.stocks[usize::from(locate)];
        let (top, run) = (&mut stock.top[usize::from(side & 1)], &mut stock.run[usize::from(side & 1)]);
        if top.level != 0 && top.price == price {
            return Some(top.level);
        }
        let key = Self::key(side, price);
        if let Some(level) = self.runs.find(*run, key) {
            return Some(level);
        }
        let at = self.levels.take()?;
        if !self.runs.insert(run, u64::from(key) << 32 | u64::from(at)) {
            self.levels.give(at);
            return None;
        }
        let level = self.levels.get_mut(at);
        (level.price, level.qty, level.orders, level.first, level.last) = (price, 0, 0, 0, 0);
        if top.level == 0 || key > Self::key(side, top.price) {
            *top = Top { price, level: at, qty: 0 };
            if stock.is_crossed() {
                stock.cross();
            }
        }
        Some(at)
    }

    /// Removes an order from its book.
    #[inline(always)]
    fn remove(&mut self, slot: u32) {
        let order = self.orders.get(slot);
        let (reference, shares, at) = (order.reference, order.shares, order.level);
        let (next, prev, locate, side) = (order.next, order.prev, order.locate, order.side);
        self.ids.remove(reference, slot);
        self.orders.give(slot);
        self.totals.live -= 1;
        let level = self.levels.get_mut(at);
        level.orders -= 1;
        level.qty -= u64::from(shares);
        let (orders, qty) = (level.orders, level.qty);
        if next == 0 {
            level.last = prev;
        } else {
            self.orders.get_mut(next).prev = prev;
        }
        if prev == 0 {
            self.levels.get_mut(at).first = next;
        } else {
            self.orders.get_mut(prev).next = next;
        }
        self.stocks[usize::from(locate)].live -= 1;
        if orders == 0 {
            self.drop_level(locate, side, at);
        } else {
            self.show(locate, side, at, qty);
        }
    }

    #[inline(always)]
    fn drop_level(&mut self, locate: u16, side: u8, at: u32) {
        let stock = &mut self.stocks[usize::from(locate)];
        let (top, run) = (&mut stock.top[usize::from(side & 1)], &mut stock.run[usize::from(side & 1)]);
        let key = Self::key(side, self.levels.get(at).price);
        self.runs.remove(run, u64::from(key) << 32);
        if top.level == at {
            *top = match self.runs.words(*run).last() {
                None => Top::default(),
                Some(&word) => {
                    let level = self.levels.get(word as u32);
                    Top { price: level.price, level: word as u32, qty: level.qty }
                }
            };
            if stock.crossed != 0 {
                stock.uncross();
            }
        }
        self.levels.give(at);
    }

    /// Applies messages that change no book.
    #[inline(never)]
    fn other(&mut self, offset: u64, message: &Message<'_>) {
        let Some(head) = message.head() else {
            self.totals.by_type[usize::from(message.kind())] += 1;
            self.anomalies.note(Anomaly::UnknownType, offset);
            return;
        };
        if matches!(message, Message::Unknown(_)) {
            self.totals.by_type[usize::from(head.kind())] += 1;
            self.anomalies.note(Anomaly::UnknownType, offset);
            return;
        }
        self.clock(head, offset);
        let stock = self.stock_mut(head);
        stock.seen = 1;
        let state = &mut stock.state;
        match *message {
            Message::Trade(m) => {
                state.name = m.stock().bytes();
                state.last_price = m.price().raw();
                stock.counts.messages[7] += 1;
                stock.counts.hidden += u64::from(m.shares());
            }
            Message::CrossTrade(m) => {
                state.name = m.stock().bytes();
                state.cross = m.cross().to_wire();
                if m.shares() > 0 {
                    (state.cross_price, state.last_price) = (m.price().raw(), m.price().raw());
                    stock.counts.crosses += 1;
                    stock.counts.crossed = stock.counts.crossed.saturating_add(m.shares());
                }
            }
            Message::BrokenTrade(_) => stock.counts.broken += 1,
            Message::Imbalance(m) => state.name = m.stock().bytes(),
            Message::RetailPriceImprovement(m) => state.name = m.stock().bytes(),
            Message::DirectListing(m) => state.name = m.stock().bytes(),
            Message::StockDirectory(m) => {
                state.name = m.stock().bytes();
                state.round_lot = m.round_lot();
            }
            Message::TradingAction(m) => {
                state.name = m.stock().bytes();
                state.trading = m.state().to_wire();
                state.reason = m.reason().bytes();
            }
            Message::RegSho(m) => {
                state.name = m.stock().bytes();
                state.reg_sho = m.action().to_wire();
            }
            Message::ParticipantPosition(m) => state.name = m.stock().bytes(),
            Message::IpoQuotingPeriod(m) => state.name = m.stock().bytes(),
            Message::AuctionCollar(m) => {
                state.name = m.stock().bytes();
                state.collar = [m.lower().raw(), m.upper().raw()];
            }
            Message::OperationalHalt(m) => {
                use vvp_core::wire::itch::HaltMarket;
                state.name = m.stock().bytes();
                let market = match m.market() {
                    HaltMarket::Nasdaq => 0,
                    HaltMarket::Bx => 1,
                    _ => 2,
                };
                state.operational[market] = m.action().to_wire();
            }
            Message::SystemEvent(m) => self.totals.event = m.event().to_wire(),
            Message::BreakerStatus(m) => self.totals.breaker = m.level().to_wire(),
            _ => {}
        }
    }

    /// Returns the totals.
    #[must_use]
    pub const fn totals(&self) -> &Totals {
        &self.totals
    }

    /// Returns the anomalies.
    #[must_use]
    pub const fn anomalies(&self) -> &Anomalies {
        &self.anomalies
    }

    /// Returns the checksum over the tops of all books, if it was on from the start.
    #[must_use]
    pub const fn checksum(&self) -> Option<u64> {
        if self.sum.on != 0 { Some(self.sum.sum.get()) } else { None }
    }
}
