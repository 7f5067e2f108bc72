//! Generates the stream of orders with which the book and the whole path are measured.

use std::collections::HashSet;
use vvp_core::book::{
    Command, Event, EventBody, FnSink, InstrumentId, InstrumentSpec, OrderId, OwnerId, Price, Qty, Replacement, Side,
    Symbol, TimeInForce,
};
use vvp_core::book_type;
use vvp_core::engine::{Engine, Matcher};
use vvp_std_adapter::random::Random;

/// The engine that is measured: one instrument with up to 65,536 resting orders, near levels for
/// 16,384 ticks a side, 1,024 far levels; risk limits of 16 owners.
pub type FlowEngine = Engine<book_type!(orders: 65_536, ticks_per_side: 16_384, far_levels: 1024, stops: 1024), 1, 16>;

/// Returns the definition of the stream's instrument.
fn definition() -> Command {
    Command::instrument(X, &InstrumentSpec::new(Symbol::X))
}

const X: InstrumentId = InstrumentId::new(0);
const MID: i64 = 10_000;
/// Target number of resting orders.
const LIVE: usize = 10_000;
/// Maximum distance from the mid price, in ticks.
const DEPTH_MAX: u64 = 2_000;

/// A stream under construction, and the state of its market.
#[derive(Debug)]
struct Flow<'e> {
    engine: &'e mut FlowEngine,
    commands: Vec<Command>,
    /// The orders in the book, according to its events.
    resting: HashSet<u64>,
    /// Those orders, and some that have left the book.
    live: Vec<(u64, Side)>,
    random: Random,
    ids: u64,
    mid: i64,
}

/// Returns a stream of commands: those that fill the book, with their number, then `n` more.
/// `engine` is used to generate it, and is empty again afterwards.
///
/// The stream is a function of `n`: 46 % new orders, 42 % cancels, 6 % immediate-or-cancel that
/// mostly trade, 6 % replaces; around ten thousand resting orders, denser near the mid price, which
/// walks a tick every 500 commands. The time of a command is its position in the stream; the first,
/// which defines the instrument, has none.
#[must_use]
pub fn stream(engine: &mut FlowEngine, n: usize) -> (Vec<Command>, usize) {
    engine.clear();
    let mut flow = Flow {
        engine,
        commands: Vec::with_capacity(n + LIVE + 1),
        resting: HashSet::with_capacity(2 * LIVE),
        live: Vec::with_capacity(2 * LIVE),
        random: Random::new(0x1bc4_9e37_79b9),
        ids: 0,
        mid: MID,
    };
    flow.push(definition());
    while flow.live.len() < LIVE {
        flow.add();
    }
    let warm = flow.commands.len();
    while flow.commands.len() < warm + n {
        flow.next();
    }
    flow.engine.clear();
    (flow.commands, warm)
}

impl Flow<'_> {
    fn below(&mut self, n: u64) -> u64 {
        self.random.below(n)
    }

    /// Returns a depth from 1 to [`DEPTH_MAX`], small ones more often: `DEPTH_MAX / x` for uniform
    /// `x` has a density of 1/d².
    fn depth(&mut self) -> i64 {
        let x = 1 + self.below(DEPTH_MAX);
        i64::try_from(DEPTH_MAX / x).unwrap_or(1)
    }

    fn push(&mut self, command: Command) {
        // Time is the position in the stream, so that an event identifies its command.
        let command = if self.commands.is_empty() { command } else { command.with_ts(self.commands.len() as u64) };
        let resting = &mut self.resting;
        let mut sink = FnSink(|event: Event| match event.body() {
            EventBody::Accepted { id, .. } => drop(resting.insert(id.get())),
            EventBody::Canceled { id, .. } => drop(resting.remove(&id.get())),
            EventBody::Trade { maker, taker, maker_open, taker_open, .. } => {
                for (id, open) in [(maker, maker_open), (taker, taker_open)] {
                    if open.lots() == 0 {
                        resting.remove(&id.get());
                    }
                }
            }
            _ => {}
        });
        self.engine.apply(&command, &mut sink);
        self.commands.push(command);
    }

    /// Returns a price at this depth that does not cross.
    fn passive(&mut self, side: Side, depth: i64) -> Price {
        let best = self.engine.book(X).and_then(|book| book.best(side.opposite())).map(|level| level.price.ticks());
        Price::new(match (side, best) {
            (Side::Buy, Some(ask)) => (self.mid - depth).min(ask - 1),
            (Side::Sell, Some(bid)) => (self.mid + depth).max(bid + 1),
            (Side::Buy, None) => self.mid - depth,
            (Side::Sell, None) => self.mid + depth,
        })
    }

    fn limit(&mut self, side: Side, price: Price, qty: u64, tif: TimeInForce) -> u64 {
        self.ids += 1;
        let order = Command::limit(OrderId::new(self.ids), side, price, Qty::new(qty));
        self.push(order.with_tif(tif).with_owner(OwnerId::new(u32::try_from(1 + self.ids % 8).unwrap_or(1))));
        self.ids
    }

    fn add(&mut self) {
        let side = if self.below(2) == 0 { Side::Buy } else { Side::Sell };
        let depth = self.depth();
        let price = self.passive(side, depth);
        let qty = 1 + self.below(500);
        let id = self.limit(side, price, qty, TimeInForce::Gtc);
        self.live.push((id, side));
    }

    /// Removes a resting order from the list and returns it; with probability 0.7 one of the last
    /// 200.
    fn pick(&mut self) -> Option<(u64, Side)> {
        loop {
            let n = self.live.len() as u64;
            if n == 0 {
                return None;
            }
            let reach = if self.below(10) < 7 { n.min(200) } else { n };
            let back = self.below(reach);
            let (id, side) = self.live.swap_remove(usize::try_from(n - 1 - back).unwrap_or(0));
            if self.resting.contains(&id) {
                return Some((id, side));
            }
        }
    }

    fn next(&mut self) {
        if self.below(500) == 0 {
            self.mid += if self.below(2) == 0 { 1 } else { -1 };
        }
        // Biased slightly, to keep the number of orders stable.
        let adds = if self.live.len() < LIVE { 48 } else { 44 };
        match self.below(100) {
            x if x < adds => self.add(),
            x if x < 88 => {
                if let Some((id, _)) = self.pick() {
                    self.push(Command::cancel(OrderId::new(id)));
                }
            }
            x if x < 94 => {
                let side = if self.below(2) == 0 { Side::Buy } else { Side::Sell };
                let price = Price::new(if side == Side::Buy { self.mid + 3 } else { self.mid - 3 });
                let qty = 1 + self.below(300);
                self.limit(side, price, qty, TimeInForce::Ioc);
            }
            _ => {
                let Some((id, side)) = self.pick() else { return };
                let depth = self.depth();
                let price = self.passive(side, depth);
                let qty = Qty::new(1 + self.below(500));
                let with = Replacement { price: Some(price), qty: Some(qty), ..Replacement::default() };
                self.push(Command::replace(OrderId::new(id), with));
                self.live.push((id, side));
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use vvp_core::book::{BookView, EventKind};
    use vvp_std_adapter::memory::{Pages, Zeroed};

    /// The stream is reproducible, and has the documented mixture.
    #[test]
    fn stream_has_the_documented_mixture() {
        let mut engine = Zeroed::<FlowEngine>::new(Pages::LAZY).expect("memory");
        let (commands, warm) = stream(&mut engine, 20_000);
        assert_eq!(stream(&mut engine, 20_000), (commands.clone(), warm));
        assert_eq!(commands.len(), warm + 20_000);
        let mut kinds = [0u32; 16];
        let mut sink = FnSink(|event: Event| kinds[event.kind() as usize] += 1);
        for command in &commands {
            engine.apply(command, &mut sink);
        }
        assert_eq!(kinds[EventKind::Rejected as usize], 0, "nothing is refused");
        assert!(kinds[EventKind::Trade as usize] > 1_000 && kinds[EventKind::Replaced as usize] > 800, "{kinds:?}");
        let book = engine.book(X).expect("it is defined");
        assert!((8_000..12_000).contains(&book.resting_orders()), "{}", book.resting_orders());
    }
}
