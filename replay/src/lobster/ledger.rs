//! Tracks which orders are at which level according to the files, and turns messages into commands.
//!
//! The book itself is the engine's. The ledger only resolves what a message leaves open: whether
//! our book holds the order it names, whether the order is part of an anonymous one, and what is at
//! a level that re-enters the file's window.

use std::collections::BTreeMap;
use std::ops::Bound::{Excluded, Unbounded};

use vvp_core::book::{Command, OrderId, Phase, Price, Qty, Replacement, Side};

use super::{Level, Message, MessageKind};

/// First id of anonymous orders. LOBSTER's ids are refused from here on, so that they cannot
/// collide.
///
/// There is at most one anonymous order a level; its id is `ANONYMOUS + 2 × price + side`, price in
/// the file's units, side 0 for bids and 1 for asks.
pub const ANONYMOUS: u64 = 1 << 63;

/// Maximum levels a side that are kept outside the window; beyond that the worst are dropped. It
/// bounds the memory.
const ASLEEP_MAX: usize = 64;

/// Counts of levels that the replay took from the order-book file.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, serde::Serialize)]
pub struct WindowCounts {
    /// Levels of row 0.
    pub start: u64,
    /// Levels that entered the window and of which we held nothing: one anonymous order each.
    pub seeded: u64,
    /// Levels that re-entered with the size they had left with.
    pub unchanged: u64,
    /// Levels that re-entered larger: the difference became anonymous.
    pub grown: u64,
    /// Levels that re-entered smaller: the level became one anonymous order, because it is unknown
    /// which orders are left.
    pub rewritten: u64,
    /// Levels that we held and that the file proved gone, or that exceeded the limit outside the
    /// window.
    pub dropped: u64,
    /// Levels that became one anonymous order later, when a message showed that they had other
    /// orders than we held.
    pub merged: u64,
}

#[derive(Clone, Copy, Debug, Default)]
struct Held {
    /// Shares of orders that a message announced.
    named: u64,
    /// Shares of the anonymous order.
    anonymous: u64,
    /// Whether the level was outside the window since it last became all anonymous: its total is
    /// right, but orders that left or joined in the meantime have no row, so its named orders may
    /// be wrong.
    slept: bool,
}

impl Held {
    const fn total(self) -> u64 {
        self.named + self.anonymous
    }
}

/// See the module's documentation.
#[derive(Debug)]
pub(super) struct Ledger {
    /// File units in a tick of the engine.
    unit: i64,
    time_ns: u64,
    /// Levels of bids and asks by rank (smaller is better).
    sides: [BTreeMap<i64, Held>; 2],
    /// Open shares of announced orders by side, rank and id.
    orders: BTreeMap<(Side, i64, u64), u64>,
    pub(super) counts: WindowCounts,
    /// Commands not yet sent, oldest first.
    pub(super) commands: Vec<Command>,
}

/// Converts a price to a rank and back; a smaller rank is better.
pub(super) const fn rank(side: Side, price: i64) -> i64 {
    match side {
        Side::Buy => -price,
        Side::Sell => price,
    }
}

impl Ledger {
    pub(super) fn new(unit: i64) -> Self {
        Self {
            unit,
            time_ns: 0,
            sides: [BTreeMap::new(), BTreeMap::new()],
            orders: BTreeMap::new(),
            counts: WindowCounts::default(),
            commands: Vec::new(),
        }
    }

    /// Sets the time of the following commands.
    pub(super) fn set_time(&mut self, time_ns: u64) {
        self.time_ns = time_ns;
    }

    fn send(&mut self, command: Command) {
        self.commands.push(command.with_ts(self.time_ns));
    }

    fn limit(&mut self, id: u64, side: Side, rank_: i64, size: u64) {
        let price = Price::new(rank(side, rank_) / self.unit);
        self.send(Command::limit(OrderId::new(id), side, price, Qty::new(size)));
    }

    /// Adds a level of row 0.
    pub(super) fn start(&mut self, side: Side, level: Level) {
        self.counts.start += 1;
        self.set_anonymous(side, rank(side, level.price), level.size);
    }

    // ---- messages ----------------------------------------------------------------

    /// Applies a message; an error says why it contradicts the book we hold.
    pub(super) fn message(&mut self, m: &Message) -> Result<(), String> {
        let at = rank(m.side, m.price);
        match m.kind {
            MessageKind::New => {
                if self.orders.insert((m.side, at, m.id), m.size).is_some() {
                    return Err("the new order is in the book already".into());
                }
                let held = self.sides[m.side as usize].entry(at).or_default();
                held.named += m.size;
                self.limit(m.id, m.side, at, m.size);
                Ok(())
            }
            MessageKind::Reduce | MessageKind::Delete | MessageKind::Execute => self.take(m, at),
            MessageKind::Hidden | MessageKind::Cross => Ok(()),
            MessageKind::Halt => {
                // During a halt orders may be entered and canceled, and cross; nothing trades until
                // trading resumes.
                let phase = if m.price == 1 { Phase::Continuous } else { Phase::Auction };
                self.send(Command::phase(phase));
                Ok(())
            }
        }
    }

    /// Removes shares from the order that the message names, or from the anonymous order that it is
    /// part of.
    fn take(&mut self, m: &Message, at: i64) -> Result<(), String> {
        let Some(held) = self.sides[m.side as usize].get(&at).copied() else {
            return Err("our book holds nothing at this price".into());
        };
        let open = self.orders.get(&(m.side, at, m.id)).copied();
        let fits = match (open, m.kind) {
            (Some(open), MessageKind::Delete) => m.size == open,
            (Some(open), MessageKind::Reduce) => m.size < open,
            (Some(open), _) => m.size <= open,
            (None, _) => m.size <= held.anonymous,
        };
        if !fits {
            // After time outside the window the level may hold other orders than we know; its total
            // is known.
            if !held.slept || m.size > held.total() {
                return Err(match open {
                    Some(open) => format!("{open} shares of the order are open in our book"),
                    None => format!(
                        "our book knows no such order, and {} of {} shares at this price are anonymous",
                        held.anonymous,
                        held.total()
                    ),
                });
            }
            self.counts.merged += 1;
            self.set_anonymous(m.side, at, held.total());
        }
        match open.filter(|_| fits) {
            Some(open) if open == m.size => {
                self.orders.remove(&(m.side, at, m.id));
                let id = OrderId::new(m.id);
                // A delete row is a cancel; an execution removes its size, which may be all.
                let all = m.kind == MessageKind::Delete;
                self.send(if all { Command::cancel(id) } else { Command::reduce(id, Qty::new(m.size)) });
            }
            Some(open) => {
                self.orders.insert((m.side, at, m.id), open - m.size);
                self.send(Command::reduce(OrderId::new(m.id), Qty::new(m.size)));
            }
            None => self.send(Command::reduce(anonymous_id(m.side, at), Qty::new(m.size))),
        }
        let named = open.is_some() && fits;
        self.change(m.side, at, |held| *(if named { &mut held.named } else { &mut held.anonymous }) -= m.size);
        Ok(())
    }

    /// Changes a level; an empty one is removed.
    fn change(&mut self, side: Side, at: i64, change: impl FnOnce(&mut Held)) {
        let levels = &mut self.sides[side as usize];
        let held = levels.entry(at).or_default();
        change(held);
        if held.total() == 0 {
            levels.remove(&at);
        } else if held.named == 0 {
            held.slept = false; // all anonymous: nothing left to be wrong about
        }
    }

    // ---- the window's edge ----------------------------------------------------------------

    /// Marks levels beyond `edge`, the last level of a full side of the file, as outside the
    /// window.
    pub(super) fn out_of_sight(&mut self, side: Side, edge: Level, window: usize) {
        let edge = rank(side, edge.price);
        for (_, held) in self.sides[side as usize].range_mut((Excluded(edge), Unbounded)) {
            // Levels leave one by one at the edge, so all levels beyond a marked one are marked
            // already.
            if held.slept {
                break;
            }
            held.slept = held.named > 0;
        }
        while self.sides[side as usize].len() > window + ASLEEP_MAX {
            let worst = self.sides[side as usize].last_key_value().map(|(&at, _)| at);
            self.drop_level(side, worst.unwrap_or(edge));
        }
    }

    /// Takes from the file what the messages do not tell: beyond `inner`, the last level that was
    /// compared, the next level is `edge`, or there is none.
    pub(super) fn reconcile(&mut self, side: Side, inner: Option<Level>, edge: Option<Level>) {
        let inner = inner.map_or(Unbounded, |l| Excluded(rank(side, l.price)));
        let end = edge.map_or(Unbounded, |l| Excluded(rank(side, l.price)));
        let gone: Vec<i64> = self.sides[side as usize].range((inner, end)).map(|(&at, _)| at).collect();
        for at in gone {
            self.drop_level(side, at);
        }
        let Some(edge) = edge else { return };
        let at = rank(side, edge.price);
        let held = self.sides[side as usize].get(&at).copied().unwrap_or_default();
        match held.total() {
            0 => self.counts.seeded += 1,
            total if total == edge.size => {
                self.counts.unchanged += 1;
                return;
            }
            total if total < edge.size => {
                self.counts.grown += 1;
                self.add_anonymous(side, at, edge.size - total);
                return;
            }
            _ => self.counts.rewritten += 1,
        }
        self.set_anonymous(side, at, edge.size);
    }

    fn drop_level(&mut self, side: Side, at: i64) {
        self.counts.dropped += 1;
        self.set_anonymous(side, at, 0);
    }

    /// Makes a level one anonymous order of `size` shares; none if that is 0.
    fn set_anonymous(&mut self, side: Side, at: i64, size: u64) {
        let ids: Vec<u64> =
            self.orders.range((side, at, 0)..=(side, at, u64::MAX)).map(|(&(_, _, id), _)| id).collect();
        for id in ids {
            self.orders.remove(&(side, at, id));
            self.send(Command::cancel(OrderId::new(id)));
        }
        let before = self.sides[side as usize].get(&at).map_or(0, |held| held.anonymous);
        if before > size {
            self.send(Command::reduce(anonymous_id(side, at), Qty::new(before - size)));
        } else if before < size {
            self.grow_anonymous(side, at, before, size);
        }
        self.change(side, at, |held| *held = Held { named: 0, anonymous: size, slept: false });
    }

    fn add_anonymous(&mut self, side: Side, at: i64, size: u64) {
        let before = self.sides[side as usize].get(&at).map_or(0, |held| held.anonymous);
        self.grow_anonymous(side, at, before, before + size);
        self.change(side, at, |held| held.anonymous += size);
    }

    fn grow_anonymous(&mut self, side: Side, at: i64, before: u64, size: u64) {
        if before == 0 {
            self.limit(anonymous_id(side, at).get(), side, at, size);
        } else {
            let with = Replacement { qty: Some(Qty::new(size)), ..Replacement::default() };
            self.send(Command::replace(anonymous_id(side, at), with));
        }
    }
}

fn anonymous_id(side: Side, at: i64) -> OrderId {
    OrderId::new(ANONYMOUS + 2 * rank(side, at).unsigned_abs() + side as u64)
}
