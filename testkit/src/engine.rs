//! The model of the engine: clock, instruments, risk limits, and what each command does.

use super::book::{Book, Tape};
use super::order::Order;
use super::rules::{Coverage, Rule};
use std::collections::{BTreeMap, BTreeSet};
use vvp_core::book::{
    CancelReason, Command, Event, EventBody, InstrumentId, Limits, Op, OrderId, Phase, Price, Qty, Reject, Side,
    TimeInForce,
};

/// Default room of a [`Model`] for instruments, and the most that a flavour uses.
pub const MAX_INSTRUMENTS: usize = 4;

/// The reference model of an engine: applies commands, returns events.
///
/// Its capacities must be those of the engine that it is compared with (M0.2).
///
/// ```
/// use vvp_core::book::{Command, EventKind, InstrumentId, InstrumentSpec};
/// use vvp_core::book::{OrderId, Price, Qty, Side, Symbol};
/// use vvp_testkit::Model;
///
/// let limit = |id, side, price, qty| {
///     Command::limit(OrderId::new(id), side, Price::new(price), Qty::new(qty))
/// };
/// let mut model = Model::new(100, 10);
/// model.apply(&Command::instrument(InstrumentId::new(0), &InstrumentSpec::new(Symbol::X)));
/// model.apply(&limit(1, Side::Sell, 100, 5));
/// let events = model.apply(&limit(2, Side::Buy, 101, 3));
///
/// assert_eq!(events[0].kind(), EventKind::Accepted);
/// assert_eq!(events[1].kind(), EventKind::Trade);
/// assert_eq!(model.books[0].last, Some(100));
/// assert_eq!(model.books[0].orders[&1].open, 2);
/// ```
#[derive(Clone, Debug)]
pub struct Model {
    /// Books of the instruments, in definition order.
    pub books: Vec<Book>,
    /// Clock in nanoseconds: the greatest time of any command so far.
    pub clock: u64,
    /// Number of the last event; events are numbered from 1.
    pub seq: u64,
    pub(crate) limits: BTreeMap<u32, Limits>,
    tape: Tape,
    max_orders: usize,
    max_stops: usize,
    max_instruments: usize,
    max_owners: usize,
    /// Ids for which the engine under test has no room for a level, in this command.
    pub(crate) no_level_room: BTreeSet<u64>,
    /// Levels a side that always fit: `levels_full` is wrong while a side has fewer.
    pub(crate) far_levels: usize,
    /// Ids that were accepted once; for coverage only.
    seen: BTreeSet<(usize, u64)>,
}

impl Model {
    /// Creates a model whose books have room for `max_orders` resting orders and `max_stops`
    /// untriggered stops each; for [`MAX_INSTRUMENTS`] instruments, and the limits of any number of
    /// owners.
    #[must_use]
    pub fn new(max_orders: usize, max_stops: usize) -> Self {
        Self {
            books: Vec::new(),
            clock: 0,
            seq: 0,
            limits: BTreeMap::new(),
            tape: Tape::default(),
            max_orders,
            max_stops,
            max_instruments: MAX_INSTRUMENTS,
            max_owners: usize::MAX,
            no_level_room: BTreeSet::new(),
            far_levels: 0,
            seen: BTreeSet::new(),
        }
    }

    /// Sets the room for instruments (M17.15).
    #[must_use]
    pub fn with_instruments(mut self, instruments: usize) -> Self {
        self.max_instruments = instruments;
        self
    }

    /// Sets the room for owners with risk limits (M16.10).
    #[must_use]
    pub fn with_owners(mut self, owners: usize) -> Self {
        self.max_owners = owners;
        self
    }

    /// Sets how many levels a side of the engine under test has room for at any price (M17.12):
    /// [`Model::compare`] takes no `levels_full` from a side with fewer. Default 0.
    #[must_use]
    pub fn with_far_levels(mut self, levels: usize) -> Self {
        self.far_levels = levels;
        self
    }

    /// Returns what the commands so far have met.
    #[must_use]
    pub fn coverage(&self) -> &Coverage {
        &self.tape.cov
    }

    /// Returns the number of live orders of an owner on all instruments.
    pub(crate) fn live_of(&self, owner: u32) -> u64 {
        self.books.iter().map(|b| b.live_of(owner)).sum()
    }

    /// Applies one command and compares its events with `events`, those of the engine under test.
    ///
    /// Room for levels depends on how an engine stores them; the model has room for all. Where
    /// `events` report `levels_full`, the model does so too, after checking that all earlier tests
    /// of the command pass and that the level is a new one.
    ///
    /// # Errors
    /// The events of the model, if they differ.
    ///
    /// # Panics
    /// If a `levels_full` in `events` is wrong.
    pub fn compare(&mut self, command: &Command, events: &[Event]) -> Result<(), Vec<Event>> {
        let without_level = |event: &Event| match event.body() {
            EventBody::Rejected { id, reason: Reject::LevelsFull, .. } => id.map(OrderId::get),
            EventBody::Canceled { id, reason: CancelReason::LevelsFull, .. } => Some(id.get()),
            _ => None,
        };
        self.no_level_room = events.iter().filter_map(without_level).collect();
        let expected = self.apply(command);
        if expected == events { Ok(()) } else { Err(expected) }
    }

    /// Applies one command and returns its events, with room for every level.
    pub fn apply(&mut self, c: &Command) -> Vec<Event> {
        self.tape.cov.commands += 1;
        self.tape.events.clear();
        self.carry_out(c);
        self.no_level_room.clear();

        let mut events = Vec::new();
        for (instrument, body) in std::mem::take(&mut self.tape.events) {
            let instrument = instrument.map(InstrumentId::new);
            let event = if matches!(body, EventBody::Defined { .. }) {
                Event::new(0, instrument, None, body) // has no number
            } else {
                self.seq += 1;
                Event::new(self.seq as u32, instrument, c.ts(), body)
            };
            self.tape.cov.event(&event);
            events.push(event);
        }
        events
    }

    fn carry_out(&mut self, c: &Command) {
        // What does not move the clock: `instrument`, `limits`, and what the edge refused already.
        match c.op() {
            Op::Instrument | Op::Limits | Op::Refused if !c.is_well_formed() => {
                self.reject(None, None, Reject::BadField);
                return;
            }
            Op::Instrument => {
                let spec = c.instrument_spec().expect("a definition");
                let index = self.books.len() as u16;
                let upside_down = spec.min_price.zip(spec.max_price).is_some_and(|(min, max)| min > max);
                if c.instrument_id().get() != index || self.books.len() == self.max_instruments || upside_down {
                    self.reject(None, None, Reject::BadField);
                    return;
                }
                self.books.push(Book::new(index, spec, self.max_orders, self.max_stops));
                let body = EventBody::Defined { symbol: spec.symbol, tick: spec.tick };
                self.tape.events.push((Some(index), body));
                return;
            }
            Op::Limits => {
                let (owner, limits) = (c.owner().get(), c.new_limits().expect("limits"));
                if limits == Limits::default() {
                    self.limits.remove(&owner);
                } else if self.limits.len() >= self.max_owners && !self.limits.contains_key(&owner) {
                    self.reject(None, None, Reject::BadField);
                } else {
                    self.limits.insert(owner, limits);
                }
                return;
            }
            Op::Refused => {
                let r = c.refusal().expect("a refusal");
                let body = EventBody::Rejected { id: r.id, reason: r.reason, edge_ref: r.edge_ref };
                self.tape.events.push((r.instrument.map(InstrumentId::get), body));
                return;
            }
            _ => {}
        }

        let id = matches!(c.op(), Op::New | Op::Cancel | Op::Reduce | Op::Replace).then(|| c.id());
        let is_time = c.op() == Op::Time;
        let at = usize::from(c.instrument_id().get());
        if !is_time && at >= self.books.len() {
            self.reject(None, id, Reject::UnknownInstrument);
            return;
        }
        let instrument = (!is_time).then_some(at as u16);
        if !c.is_well_formed() {
            self.reject(instrument, id, Reject::BadField);
            return;
        }

        // M13.1, M13.2: time comes before anything else of the command.
        if let Some(ts) = c.ts() {
            if ts < self.clock {
                self.tape.cov.hit(if is_time { Rule::R13ReversedTime } else { Rule::R13Reversed });
                self.reject(instrument, id, Reject::TimeReversed);
                return;
            }
            self.clock = ts;
            self.expire();
        }
        let expiries = self.tape.events.len();

        let refused = match c.op() {
            Op::New => self.new_order(at, c),
            Op::Cancel => self.cancel(at, c.id().get()),
            Op::Reduce => self.reduce(at, c.id().get(), c.qty().lots()),
            Op::Replace => self.replace(at, c),
            Op::MassCancel => self.mass_cancel(at, c.owner().get(), c.mass_cancel_side()),
            Op::Phase => self.phase(at, c.new_phase().expect("a phase")),
            Op::Time => Ok(()),
            Op::Instrument | Op::Limits | Op::Refused => unreachable!("done above"),
        };
        if let Err(reason) = refused {
            assert_eq!(self.tape.events.len(), expiries, "a refusal after an event");
            self.tape.cov.hit_if(expiries > 0, Rule::R13RefusedMoves);
            self.reject(instrument, id, reason);
        }
    }

    fn reject(&mut self, instrument: Option<u16>, id: Option<OrderId>, reason: Reject) {
        self.tape.events.push((instrument, EventBody::Rejected { id, reason, edge_ref: None }));
    }

    /// Cancels what has expired: instruments in definition order, within one by (expires, entry),
    /// in every phase (M13.3).
    fn expire(&mut self) {
        let mut instruments = 0;
        for book in &mut self.books {
            let live = book.orders.values().chain(&book.stops);
            let mut due: Vec<(u64, u64, u64)> =
                live.filter_map(|o| Some((o.expires?, o.entry, o.id))).filter(|d| d.0 <= self.clock).collect();
            due.sort_unstable();
            let cov = &mut self.tape.cov;
            instruments += usize::from(!due.is_empty());
            cov.hit_if(due.windows(2).any(|w| w[0].0 == w[1].0), Rule::R13Tie);
            cov.hit_if(due.iter().any(|d| d.0 == self.clock), Rule::R13Exactly);
            cov.hit_if(!due.is_empty() && book.phase != Phase::Continuous, Rule::R13OtherPhase);
            // A stop that arrived first, an order that came next, the stop's trigger: the order
            // expires first.
            let pairs = due.windows(2).filter(|w| w[0].0 == w[1].0);
            let mut pairs = pairs.filter_map(|w| Some((book.orders.get(&w[0].2)?, book.orders.get(&w[1].2)?)));
            cov.hit_if(pairs.any(|(a, b)| !a.triggered && b.triggered && a.entry > b.arrived), Rule::R13TriggeredTie);
            for (_, _, id) in due {
                let stop = book.stop_position(id).is_some();
                self.tape.cov.hit(if stop { Rule::R13ExpiredStop } else { Rule::R13Expired });
                book.cancel(id, CancelReason::Expired, &mut self.tape);
            }
        }
        self.tape.cov.hit_if(instruments > 1, Rule::R13Instruments);
    }

    fn new_order(&mut self, at: usize, c: &Command) -> Result<(), Reject> {
        let mut order = Order::from_command(c, 0);
        let mut cov = std::mem::take(&mut self.tape.cov);
        let refused = self.refuse_new(at, &order, &mut cov);
        self.tape.cov = cov;
        if let Some(reason) = refused {
            return Err(reason);
        }

        let (book, tape) = (&mut self.books[at], &mut self.tape);
        tape.cov.hit_if(!self.seen.insert((at, order.id)), Rule::IdReuse);
        order.entry = book.stamp();
        let (id, side, owner, price, qty) = order.event_fields();
        book.emit(tape, EventBody::Accepted { id, side, owner, price, qty });
        if order.kind.is_stop() {
            if order.trail.is_some() {
                order.anchor = book.last;
                tape.cov.hit_if(book.last.is_some(), Rule::R08AnchorEntry);
                let elsewhere = book.last.is_some() && book.phase != Phase::Continuous;
                tape.cov.hit_if(elsewhere, Rule::R08AnchorEntryAuction);
            }
            tape.cov.hit_if(book.phase == Phase::Auction, Rule::R14AuctionStopRests);
            let waits = book.phase != Phase::Continuous && book.last.is_some_and(|last| order.satisfied(last));
            tape.cov.hit_if(waits, Rule::R08NotContinuous);
            book.stops.push(order);
        } else {
            book.execute(order, false, false, tape);
        }
        self.run_stops(at, c.id().get(), Rule::R08Arrival);
        Ok(())
    }

    /// Tests the stops of an instrument, if its phase is continuous. `in_hand` is the command's
    /// order: if it is a stop that triggers immediately, `rule` is counted.
    fn run_stops(&mut self, at: usize, in_hand: u64, rule: Rule) {
        let book = &mut self.books[at];
        let was_stop = book.stop_position(in_hand).is_some();
        book.run_stops(&self.no_level_room, &mut self.tape);
        self.tape.cov.hit_if(was_stop && book.stop_position(in_hand).is_none(), rule);
    }

    /// The phase test of cancel, reduce and mass cancel.
    fn may_cancel(&mut self, at: usize) -> Result<(), Reject> {
        match self.books[at].phase {
            Phase::Continuous | Phase::Auction => Ok(()),
            Phase::Halted => {
                self.tape.cov.hit(Rule::R14HaltedCancel);
                Ok(())
            }
            Phase::Closed => {
                self.tape.cov.hit(Rule::R14ClosedRefused);
                Err(Reject::Phase)
            }
        }
    }

    fn cancel(&mut self, at: usize, id: u64) -> Result<(), Reject> {
        self.may_cancel(at)?;
        let (book, tape) = (&mut self.books[at], &mut self.tape);
        let order = book.live(id).ok_or(Reject::UnknownOrder)?;
        tape.cov.hit(if order.kind.is_stop() { Rule::R08Cancel } else { Rule::R09Cancel });
        book.cancel(id, CancelReason::Requested, tape);
        Ok(())
    }

    fn reduce(&mut self, at: usize, id: u64, qty: u64) -> Result<(), Reject> {
        self.may_cancel(at)?;
        let (book, tape) = (&mut self.books[at], &mut self.tape);
        let order = book.live_mut(id).ok_or(Reject::UnknownOrder)?;
        if qty == 0 {
            return Err(Reject::BadQty);
        }
        if qty >= order.open {
            tape.cov.hit(Rule::R09ReduceAll);
            book.cancel(id, CancelReason::Requested, tape);
            return Ok(());
        }
        tape.cov.hit(if order.kind.is_stop() { Rule::R08Reduce } else { Rule::R09Reduce });
        let slice = order.slice;
        order.shrink_to(order.open - qty);
        if order.display.is_some() {
            tape.cov.hit(if order.slice == slice { Rule::R07Reduce } else { Rule::R07ReduceSlice });
        }
        let order = order.clone();
        book.emit_reduced(tape, &order);
        Ok(())
    }

    fn replace(&mut self, at: usize, c: &Command) -> Result<(), Reject> {
        let id = c.id().get();
        let mut cov = std::mem::take(&mut self.tape.cov);
        let asked = self.refuse_replace(at, id, &c.replacement(), &mut cov);
        self.tape.cov = cov;
        let (price, stop, qty, keeps) = asked?;

        let (book, tape) = (&mut self.books[at], &mut self.tape);
        let old = book.live(id).expect("tested").clone();
        let is_stop = old.kind.is_stop();
        let (order_id, side, owner, ..) = old.event_fields();
        let (price_now, qty_now) = (price.map(Price::new), Qty::new(qty));
        book.emit(tape, EventBody::Replaced { id: order_id, side, owner, price: price_now, qty: qty_now });

        let cov = &mut tape.cov;
        cov.hit_if(is_stop, if keeps { Rule::R08ReplaceKeeps } else { Rule::R08ReplaceLoses });
        cov.hit_if(old.trail.is_some() && old.anchor.is_some() && !keeps, Rule::R08ReplaceTrailing);
        cov.hit_if(old.display.is_some_and(|d| qty < d), Rule::R07BelowDisplay);
        if !is_stop {
            cov.hit_if(keeps, if qty < old.open { Rule::R10Keeps } else { Rule::R10KeepsSame });
            cov.hit_if(!keeps, if price == old.price { Rule::R10LosesQty } else { Rule::R10LosesPrice });
        }

        if keeps {
            let order = book.live_mut(id).expect("tested");
            order.shrink_to(qty);
            let reserve_only = order.display.is_some() && order.slice == old.slice && qty < old.open;
            tape.cov.hit_if(reserve_only, Rule::R07Replace);
        } else {
            let mut order = book.remove(id);
            (order.price, order.stop, order.open) = (price, stop, qty);
            order.entry = book.stamp();
            if is_stop {
                // The end of entry order; a trailing anchor stays.
                book.stops.push(order);
            } else {
                let crossed = tape.cov.hits(Rule::R14AuctionCrossed);
                let trades = tape.events.len();
                book.execute(order, false, false, tape);
                let now_crossed = tape.cov.hits(Rule::R14AuctionCrossed) > crossed;
                tape.cov.hit_if(now_crossed, Rule::R10Auction);
                let traded = tape.events[trades..].iter().any(|e| matches!(e.1, EventBody::Trade { .. }));
                tape.cov.hit_if(traded, Rule::R10Trades);
            }
        }
        self.run_stops(at, id, Rule::R08Replace);
        Ok(())
    }

    /// Returns the live orders of a book that `wanted` picks, in the order of M11.2.
    fn mass_order(book: &Book, wanted: impl Fn(&Order) -> bool) -> Vec<u64> {
        let bids = book.queue_order(Side::Buy);
        let asks = book.queue_order(Side::Sell);
        bids.into_iter().chain(asks).chain(&book.stops).filter(|o| wanted(o)).map(|o| o.id).collect()
    }

    fn mass_cancel(&mut self, at: usize, owner: u32, side: Option<Side>) -> Result<(), Reject> {
        self.may_cancel(at)?;
        let (book, tape) = (&mut self.books[at], &mut self.tape);
        let ids = Self::mass_order(book, |o| o.owner == owner && side.is_none_or(|s| s == o.side));
        let orders: Vec<Order> = ids.iter().map(|&id| book.live(id).expect("live").clone()).collect();
        let cov = &mut tape.cov;
        cov.hit(if side.is_some() { Rule::R11Side } else { Rule::R11Both });
        cov.hit_if(ids.is_empty(), Rule::R11None);
        cov.hit_if(orders.iter().filter(|o| o.kind.is_stop()).count() > 1, Rule::R11Stops);
        let at_one_price = |w: &[Order]| {
            w[0].side == w[1].side && w[0].price == w[1].price && !w[0].hidden && w[1].hidden && !w[0].kind.is_stop()
        };
        cov.hit_if(orders.windows(2).any(at_one_price), Rule::R11Hidden);
        for id in ids {
            book.cancel(id, CancelReason::MassCancel, tape);
        }
        Ok(())
    }

    fn phase(&mut self, at: usize, phase: Phase) -> Result<(), Reject> {
        let (book, tape) = (&mut self.books[at], &mut self.tape);
        let old = std::mem::replace(&mut book.phase, phase);
        tape.cov.hit_if(old == phase, Rule::R14Same);
        book.emit(tape, EventBody::Phase { phase });
        if phase == Phase::Closed {
            for id in Self::mass_order(book, |o| o.tif == TimeInForce::Day) {
                let stop = book.stop_position(id).is_some();
                tape.cov.hit(if stop { Rule::R14DayStop } else { Rule::R14Day });
                book.cancel(id, CancelReason::Expired, tape);
            }
        }
        if phase == Phase::Continuous && old != Phase::Continuous {
            book.uncross(tape);
            let events = tape.events.len();
            book.run_stops(&self.no_level_room, tape);
            let uncrossed = tape.events[..events].iter().any(|e| matches!(e.1, EventBody::Uncross { .. }));
            tape.cov.hit_if(uncrossed && tape.events.len() > events, Rule::R15Stops);
        }
        Ok(())
    }

    /// Asserts everything that must hold between commands.
    ///
    /// # Panics
    /// If an invariant is broken: a bug of the model.
    pub fn check(&self) {
        for book in &self.books {
            book.check();
            let all = book.orders.values().chain(&book.stops);
            assert!(all.clone().all(|o| o.expires.is_none_or(|e| e > self.clock)), "an expired order lives");
        }
    }
}
