//! Drives the matching engine with a day: orders of the tape become commands, its executions become
//! aggressive orders, and the engine's trades are compared with the tape's executions.

use std::io;

use super::market::{DAY_NS, DayMarket, OrderView, STOCKS};
use super::{TICK, Watch};
use serde::{Serialize, Serializer};
use vvp_core::book::{
    Command, EventBody, FnSink, InstrumentId, InstrumentSpec, OrderId, Price, Qty, Reject, Side, Symbol, TimeInForce,
};
use vvp_core::engine::Matcher;
use vvp_core::wire::itch::Message;

/// First id of the aggressive orders. References of the tape count from 1 and stay far below.
const TAKERS: u64 = 1 << 63;

/// Difference of the engine's trades from an execution of the tape. The first that applies counts.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub enum Difference {
    /// Less was traded: in the engine, earlier trades had taken those shares already.
    Missing,
    /// Some of it traded at a better price than that of the tape's order: the tape passed over
    /// visible orders.
    BetterPrice,
    /// It traded the same quantity at that price with other orders: the tape's was not the first of
    /// its level.
    OtherOrder,
    /// It traded with the tape's order at its displayed price; the tape has another price (message
    /// C).
    OtherPrice,
}

impl Difference {
    /// Every kind.
    pub const ALL: [Self; 4] = [Self::Missing, Self::BetterPrice, Self::OtherOrder, Self::OtherPrice];

    /// Returns its name in summaries.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Missing => "missing",
            Self::BetterPrice => "better_price",
            Self::OtherOrder => "other_order",
            Self::OtherPrice => "other_price",
        }
    }
}

/// A count, and a number of shares.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Serialize)]
pub struct Tally {
    /// The count.
    pub count: u64,
    /// The number of shares.
    pub shares: u64,
}

impl Tally {
    const fn add(&mut self, shares: u64) {
        self.count += 1;
        self.shares += shares;
    }
}

/// The result of the comparison.
///
/// Invariant: `tape` − `short` + `on_entry` = `engine`, in shares.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Serialize)]
#[non_exhaustive]
pub struct DriveReport {
    /// Commands to the engine, without definitions of instruments.
    pub commands: u64,
    /// Instruments that were defined.
    pub instruments: u64,
    /// Executions of visible orders (E and C of known orders), with the shares that the orders had.
    pub tape: Tally,
    /// Trades of the engine.
    pub engine: Tally,
    /// Executions that the engine repeated exactly: one trade, the same order, price and shares.
    pub same: Tally,
    /// Executions that the engine did not repeat, by kind, in the order of [`Difference::ALL`];
    /// shares are those of the executions.
    #[serde(serialize_with = "by_kind")]
    pub different: [Tally; Difference::ALL.len()],
    /// Executions that traded less in the engine, and how much less.
    pub short: Tally,
    /// Trades on entry of orders that rest on the tape: an earlier difference had left an opposite
    /// price.
    pub on_entry: Tally,
    /// Cancels, deletes and replaces that found fewer shares than the tape, or none, and how many
    /// fewer.
    pub taken_before: Tally,
    /// New orders whose reference still rested in the engine, because others had traded in its
    /// place; it is canceled first. Shares are those that still rested.
    pub stood: Tally,
    /// Commands refused for any other reason than an order that is gone or still rests.
    pub refused: u64,
    /// Trades with hidden orders (P), which the engine does not have.
    pub hidden: Tally,
    /// Crosses (Q) with shares: auctions of orders without messages.
    pub crosses: Tally,
    /// Broken trades (B); the engine's are kept.
    pub broken: u64,
    /// Executions, cancels, deletes and replaces of orders that the tape did not have.
    pub unknown: u64,
    /// New orders for whose stock the engine had no instrument left.
    pub no_instrument: u64,
}

/// The engine's response to one command.
#[derive(Clone, Copy, Default)]
struct Answer {
    traded: u64,
    trades: u64,
    better: bool,
    /// Shares removed by a cancel or a reduce.
    removed: u64,
    other_maker: bool,
    refused: Option<Reject>,
}

/// Drives an engine with a replay.
#[derive(Debug)]
pub struct Drive<'a, M> {
    matcher: &'a mut M,
    /// Names of the selected stocks; none: all.
    symbols: Vec<String>,
    /// By locate: 0 unknown, 1 not selected, else 2 + the instrument.
    instruments: Vec<u32>,
    takers: u64,
    report: DriveReport,
}

const UNWANTED: u32 = 1;

impl<'a, M: Matcher> Drive<'a, M> {
    /// Creates a driver of an empty engine with these stocks; none: all.
    pub fn new(matcher: &'a mut M, symbols: Vec<String>) -> Self {
        Self { matcher, symbols, instruments: vec![0; STOCKS], takers: TAKERS, report: DriveReport::default() }
    }

    /// Returns the result so far.
    #[must_use]
    pub const fn report(&self) -> &DriveReport {
        &self.report
    }

    /// Returns the instrument of a stock, and defines it if it is new and selected.
    fn instrument(&mut self, locate: u16, name: &str) -> Option<InstrumentId> {
        let slot = &mut self.instruments[usize::from(locate)];
        if *slot == 0 {
            if !self.symbols.is_empty() && !self.symbols.iter().any(|s| s == name) {
                *slot = UNWANTED;
                return None;
            }
            let next = self.matcher.instruments();
            // Duplicate or invalid names do not matter: the engine identifies instruments by
            // number.
            let symbol = Symbol::new(name.as_bytes()).unwrap_or(Symbol::X);
            let (Ok(id), true) = (u16::try_from(next), next < self.matcher.max_instruments()) else {
                self.report.no_instrument += 1;
                return None;
            };
            let spec = InstrumentSpec { tick: TICK, ..InstrumentSpec::new(symbol) };
            self.matcher.apply(&Command::instrument(InstrumentId::new(id), &spec), &mut FnSink(|_| ()));
            self.report.instruments += 1;
            *slot = 2 + u32::from(id);
        }
        Self::known(*slot)
    }

    fn known(slot: u32) -> Option<InstrumentId> {
        slot.checked_sub(2).and_then(|id| u16::try_from(id).ok()).map(InstrumentId::new)
    }

    /// Returns whether messages of a stock count that are not sent to the engine. Before the
    /// stock's first order that depends on its name, from this message or earlier ones.
    fn is_wanted(&self, market: &DayMarket, locate: u16, name: Option<&str>) -> bool {
        match self.instruments[usize::from(locate)] {
            0 if self.symbols.is_empty() => true,
            0 => {
                let known = market.stock(locate).name();
                let name = name.unwrap_or(known.as_str());
                self.symbols.iter().any(|s| s == name)
            }
            slot => slot != UNWANTED,
        }
    }

    fn send(&mut self, command: Command, maker: u64, price: Price) -> Answer {
        let (mut answer, report) = (Answer::default(), &mut self.report);
        report.commands += 1;
        let mut sink = FnSink(|event: vvp_core::book::Event| match event.body() {
            EventBody::Trade { maker: by, price: at, qty, .. } => {
                report.engine.add(qty.lots());
                answer.trades += 1;
                answer.traded += qty.lots();
                answer.better |= at != price;
                answer.other_maker |= by.get() != maker;
            }
            EventBody::Canceled { qty, .. } => answer.removed += qty.lots(),
            EventBody::Rejected { reason, .. } => {
                answer.refused = Some(reason);
                report.refused += u64::from(!matches!(reason, Reject::UnknownOrder | Reject::DuplicateId));
            }
            _ => {}
        });
        self.matcher.apply(&command, &mut sink);
        answer
    }

    fn add(&mut self, on: InstrumentId, time_ns: u64, reference: u64, side: Side, order: (Price, u32)) {
        let (price, shares) = order;
        let command = Command::limit(OrderId::new(reference), side, price, Qty::new(shares.into()))
            .with_instrument(on)
            .with_ts(time_ns);
        let mut answer = self.send(command, reference, price);
        if answer.refused == Some(Reject::DuplicateId) {
            let cancel = Command::cancel(OrderId::new(reference)).with_instrument(on).with_ts(time_ns);
            let stood = self.send(cancel, reference, price).removed;
            self.report.stood.add(stood);
            answer = self.send(command, reference, price);
        }
        self.report.on_entry.count += answer.trades;
        self.report.on_entry.shares += answer.traded;
    }

    /// Returns an order of the tape and its instrument in the engine; `None` if either is missing.
    fn find(&mut self, market: &DayMarket, reference: u64, locate: u16) -> Option<(OrderView, InstrumentId)> {
        let Some(order) = market.order(reference) else {
            // The stock of such an order is known from the message only.
            self.report.unknown += u64::from(self.is_wanted(market, locate, None));
            return None;
        };
        Some((order, Self::known(self.instruments[usize::from(order.locate)])?))
    }

    fn execute(&mut self, found: (OrderView, InstrumentId), time_ns: u64, shares: u32, other_price: bool) {
        let (order, on) = found;
        // Shares beyond those of the order are an anomaly of the tape, counted in its own summary.
        let shares = u64::from(shares.min(order.shares));
        if shares == 0 {
            return;
        }
        self.takers += 1;
        let command = Command::limit(OrderId::new(self.takers), order.side.opposite(), order.price, Qty::new(shares));
        let command = command.with_tif(TimeInForce::Ioc).with_instrument(on).with_ts(time_ns);
        let answer = self.send(command, order.reference, order.price);
        let report = &mut self.report;
        report.tape.add(shares);
        if answer.traded < shares {
            report.short.add(shares - answer.traded);
        }
        let kind = if answer.traded < shares {
            Difference::Missing
        } else if answer.better {
            Difference::BetterPrice
        } else if answer.other_maker {
            Difference::OtherOrder
        } else if other_price {
            Difference::OtherPrice
        } else {
            return report.same.add(shares);
        };
        report.different[kind as usize].add(shares);
    }

    /// Removes shares from an order without a trade; `None`: all.
    fn take_off(&mut self, found: (OrderView, InstrumentId), time_ns: u64, shares: Option<u32>) {
        let (order, on) = found;
        let id = OrderId::new(order.reference);
        let off = shares.unwrap_or(order.shares).min(order.shares);
        if off == 0 {
            return;
        }
        let (command, wanted) = if off < order.shares {
            (Command::reduce(id, Qty::new(off.into())), off)
        } else {
            (Command::cancel(id), order.shares)
        };
        let answer = self.send(command.with_instrument(on).with_ts(time_ns), order.reference, order.price);
        let wanted = u64::from(wanted);
        // A reduce that leaves shares has removed the full quantity.
        let removed = match (answer.refused, answer.removed) {
            (Some(_), _) => 0,
            (None, 0) => wanted,
            (None, n) => n.min(wanted),
        };
        if removed < wanted {
            self.report.taken_before.add(wanted - removed);
        }
    }

    fn message(&mut self, market: &DayMarket, message: &Message<'_>) {
        let Some(head) = message.head() else { return };
        // The engine refuses commands with an earlier time, so an impossible time is not sent to
        // it.
        let time_ns = Some(head.time_ns()).filter(|&ns| ns < DAY_NS).unwrap_or(market.totals().time_ns);
        let locate = head.locate();
        let new = |m: &vvp_core::wire::itch::AddOrder| {
            m.side().side().map(|side| (m.reference(), side, m.shares(), Price::new(m.price().raw().into()), m.stock()))
        };
        let added = match *message {
            Message::AddOrder(m) => new(m),
            Message::AddOrderMpid(m) => m.plain().and_then(new),
            Message::OrderExecuted(m) => {
                if let Some(found) = self.find(market, m.reference(), locate) {
                    self.execute(found, time_ns, m.shares(), false);
                }
                None
            }
            Message::OrderExecutedWithPrice(m) => {
                if let Some(found) = self.find(market, m.reference(), locate) {
                    let other = Price::new(m.price().raw().into()) != found.0.price;
                    self.execute(found, time_ns, m.shares(), other);
                }
                None
            }
            Message::OrderCancel(m) => {
                if let Some(found) = self.find(market, m.reference(), locate) {
                    self.take_off(found, time_ns, Some(m.shares()));
                }
                None
            }
            Message::OrderDelete(m) => {
                if let Some(found) = self.find(market, m.reference(), locate) {
                    self.take_off(found, time_ns, None);
                }
                None
            }
            Message::OrderReplace(m) => {
                if let Some(found) = self.find(market, m.old_reference(), locate) {
                    self.take_off(found, time_ns, None);
                    if m.shares() > 0 {
                        let order = (Price::new(m.price().raw().into()), m.shares());
                        self.add(found.1, time_ns, m.new_reference(), found.0.side, order);
                    }
                }
                None
            }
            Message::Trade(m) if self.is_wanted(market, locate, Some(m.stock().as_str())) => {
                self.report.hidden.add(m.shares().into());
                None
            }
            Message::CrossTrade(m) if m.shares() > 0 && self.is_wanted(market, locate, Some(m.stock().as_str())) => {
                self.report.crosses.add(m.shares());
                None
            }
            Message::BrokenTrade(_) if self.is_wanted(market, locate, None) => {
                self.report.broken += 1;
                None
            }
            _ => None,
        };
        if let Some((reference, side, shares, price, stock)) = added
            && shares > 0
            && let Some(on) = self.instrument(locate, stock.as_str())
        {
            self.add(on, time_ns, reference, side, (price, shares));
        }
    }
}

impl<M: Matcher> Watch for Drive<'_, M> {
    fn before(&mut self, market: &DayMarket, message: &Message<'_>, _: u64) -> io::Result<()> {
        self.message(market, message);
        Ok(())
    }

    fn after(&mut self, _: &DayMarket, _: u16, _: u64) -> io::Result<()> {
        Ok(())
    }
}

fn by_kind<S: Serializer>(different: &[Tally; Difference::ALL.len()], serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_map(Difference::ALL.into_iter().map(|kind| (kind.name(), different[kind as usize])))
}

impl DriveReport {
    /// Returns all numbers as one JSON object.
    #[must_use]
    pub fn json(&self) -> String {
        crate::json::text(self)
    }
}

impl core::fmt::Display for DriveReport {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        let row = |f: &mut core::fmt::Formatter<'_>, what: &str, t: Tally| {
            writeln!(f, "  {what:62} {:>10} {:>14}", t.count, t.shares)
        };
        writeln!(f, "wound forward: {} commands on {} instruments", self.commands, self.instruments)?;
        writeln!(f, "  {:62} {:>10} {:>14}", "", "count", "shares")?;
        row(f, "executions of the tape", self.tape)?;
        row(f, "trades of the engine", self.engine)?;
        row(f, "executions that the engine repeated exactly", self.same)?;
        let why = [
            "it traded less: those shares had traded before",
            "it found a better price, which the tape passed over",
            "same price, other orders: the tape's was not the first",
            "same order, but the tape says another price (C)",
        ];
        for (why, tally) in why.into_iter().zip(self.different) {
            row(f, why, tally)?;
        }
        row(f, "shares missing in those that traded less", self.short)?;
        row(f, "trades of orders on their way in", self.on_entry)?;
        row(f, "cancels of shares that had traded before", self.taken_before)?;
        row(f, "new orders whose reference still stood", self.stood)?;
        row(f, "not wound forward: trades with hidden orders (P)", self.hidden)?;
        row(f, "not wound forward: crosses (Q)", self.crosses)?;
        for (count, what) in [
            (self.broken, "trades undone by the tape (B), not by the engine"),
            (self.unknown, "messages of orders that the tape never showed"),
            (self.no_instrument, "new orders without room for their stock: name fewer with --symbol"),
            (self.refused, "commands refused"),
        ] {
            writeln!(f, "  {what:62} {count:>10}")?;
        }
        Ok(())
    }
}
