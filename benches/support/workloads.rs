//! Seeded command streams, one per kind of market.
//!
//! A generator applies its stream to the reference floor while it generates it, and so knows which
//! orders are live: it never cancels a filled order, and a passive order does not cross.

use super::challenge;
use super::floor::Floor;
use super::huge::Huge;
use super::rng::Rng;
use vvp_core::book::{Command, FnSink, OrderId, Price, Qty, Replacement, Side, TimeInForce};

/// A stream: the first `warm` commands fill the book and are not timed.
#[derive(Clone, Debug)]
pub struct Workload {
    pub name: &'static str,
    pub commands: Vec<Command>,
    pub warm: usize,
}

impl Workload {
    /// Returns the commands that fill the book.
    pub fn filling(&self) -> &[Command] {
        &self.commands[..self.warm]
    }

    /// Returns the timed commands.
    pub fn timed(&self) -> &[Command] {
        &self.commands[self.warm..]
    }
}

/// The names of all streams.
pub const NAMES: [&str; 10] = [
    "itch",
    "cross",
    "sparse",
    "fat",
    "sweep",
    "challenge/0",
    "challenge/2",
    "challenge/25",
    "challenge/40",
    "challenge/60",
];

/// Returns the stream with this name, at full length.
pub fn by_name(name: &str) -> Option<Workload> {
    Some(match name {
        "itch" => itch(3_000_000),
        "cross" => cross(2_000_000),
        "sparse" => sparse(1_000_000),
        "fat" => fat(1_000_000),
        "sweep" => sweep(1_000_000),
        "challenge/0" => challenge::stream("challenge/0", 0.0, 1_000_000),
        "challenge/2" => challenge::stream("challenge/2", 0.02, 1_000_000),
        "challenge/25" => challenge::stream("challenge/25", 0.25, 1_000_000),
        "challenge/40" => challenge::stream("challenge/40", 0.40, 1_000_000),
        "challenge/60" => challenge::stream("challenge/60", 0.60, 1_000_000),
        _ => return None,
    })
}

/// The initial price level of all streams, in ticks.
const MID: i64 = 120_000;

pub(super) fn side(buy: bool) -> Side {
    if buy { Side::Buy } else { Side::Sell }
}

/// A stream under construction, and the market that results from it.
pub(super) struct Market {
    pub(super) rng: Rng,
    pub(super) floor: Huge<Floor>,
    pub(super) commands: Vec<Command>,
    ids: u64,
    /// Orders that rested, the most recent last; some may have traded since.
    live: Vec<u64>,
}

impl Market {
    pub(super) fn new(seed: u64, commands: usize) -> Self {
        Self {
            rng: Rng::new(seed),
            floor: Floor::new(),
            commands: Vec::with_capacity(commands),
            ids: 0,
            live: Vec::new(),
        }
    }

    pub(super) fn push(&mut self, command: Command) {
        self.floor.apply(&command, &mut FnSink(|_| {}));
        self.commands.push(command);
    }

    /// Adds a new limit order and returns its id.
    pub(super) fn limit(&mut self, side: Side, price: i64, qty: u64, tif: TimeInForce) -> u64 {
        self.ids += 1;
        let id = self.ids;
        self.push(Command::limit(OrderId::new(id), side, Price::new(price), Qty::new(qty)).with_tif(tif));
        id
    }

    /// Adds a gtc order, and lists it as live if it rests.
    fn rest(&mut self, side: Side, price: i64, qty: u64) {
        let id = self.limit(side, price, qty, TimeInForce::Gtc);
        if self.floor.open(id) > 0 {
            self.live.push(id);
        }
    }

    pub(super) fn cancel(&mut self, id: u64) {
        self.push(Command::cancel(OrderId::new(id)));
    }

    /// Returns `price`, moved back until it does not cross.
    fn passive(&mut self, side: Side, price: i64) -> i64 {
        match (side, self.floor.best_price(side.opposite())) {
            (Side::Buy, Some(ask)) => price.min(ask - 1),
            (Side::Sell, Some(bid)) => price.max(bid + 1),
            (_, None) => price,
        }
    }

    /// Removes a live order from the list: in `recent` percent of the cases one of the last 200,
    /// else any.
    fn pick(&mut self, recent: u64) -> Option<u64> {
        while !self.live.is_empty() {
            let n = self.live.len() as u64;
            let back = if self.rng.percent(recent) { self.rng.below(n.min(200)) } else { self.rng.below(n) };
            let id = self.live.swap_remove((n - 1 - back) as usize);
            if self.floor.open(id) > 0 {
                return Some(id);
            }
        }
        None
    }

    /// Removes filled orders from the list, occasionally, so that its length is about the number of
    /// live orders.
    fn tidy(&mut self) {
        if self.commands.len().is_multiple_of(1_000) {
            let floor = &self.floor;
            self.live.retain(|&id| floor.open(id) > 0);
        }
    }

    fn coin(&mut self) -> Side {
        side(self.rng.percent(50))
    }

    fn finish(self, name: &'static str, warm: usize) -> Workload {
        Workload { name, commands: self.commands, warm }
    }
}

/// An exchange's feed: 46 % add, 42 % cancel, 6 % ioc, 6 % replace; about 40,000 live orders;
/// depths with a power-law tail of exponent 2.5; seven cancels in ten hit one of the 200 latest
/// orders, the others any; the market walks a tick every 500 commands.
pub fn itch(n: usize) -> Workload {
    const LIVE: usize = 40_000;
    let mut m = Market::new(0x1bc4, n + LIVE);
    let mut mid = MID;
    let add = |m: &mut Market, mid: i64| {
        let side = m.coin();
        let depth = m.rng.power_law(2.5, 5_000);
        let price = m.passive(side, if side == Side::Buy { mid - depth } else { mid + depth });
        let qty = 1 + m.rng.below(500);
        m.rest(side, price, qty);
    };
    while m.live.len() < LIVE {
        add(&mut m, mid);
    }
    let warm = m.commands.len();
    while m.commands.len() < n + warm {
        if m.rng.below(500) == 0 {
            mid += if m.rng.percent(50) { 1 } else { -1 };
        }
        m.tidy();
        // The shares are adjusted slightly to keep the number of orders constant.
        let adds = if m.live.len() < LIVE { 48 } else { 44 };
        match m.rng.below(100) {
            x if x < adds => add(&mut m, mid),
            x if x < 88 => {
                if let Some(id) = m.pick(70) {
                    m.cancel(id);
                }
            }
            x if x < 94 => {
                let side = m.coin();
                let price = if side == Side::Buy { mid + 3 } else { mid - 3 };
                let qty = 1 + m.rng.below(300);
                m.limit(side, price, qty, TimeInForce::Ioc);
            }
            _ => {
                let Some(id) = m.pick(100) else { continue };
                let (open, was) = (m.floor.open(id), m.floor.price(id));
                let side = side(m.floor.best_price(Side::Buy).is_some_and(|bid| was <= bid));
                let depth = m.rng.power_law(2.5, 5_000);
                let price = m.passive(side, if side == Side::Buy { mid - depth } else { mid + depth });
                let qty = if m.rng.percent(50) { open } else { 1 + m.rng.below(500) };
                let with =
                    Replacement { price: Some(Price::new(price)), qty: Some(Qty::new(qty)), ..Replacement::default() };
                m.push(Command::replace(OrderId::new(id), with));
                m.live.push(id);
            }
        }
    }
    m.finish("itch", warm)
}

/// A market that trades: 30 % marketable orders of a resting one's size, the others add and cancel
/// around 5,000 live orders within 200 ticks.
pub fn cross(n: usize) -> Workload {
    const LIVE: usize = 5_000;
    let mut m = Market::new(0xc055, n + LIVE);
    let add = |m: &mut Market| {
        let side = m.coin();
        let depth = m.rng.power_law(2.0, 200);
        let price = m.passive(side, if side == Side::Buy { MID - depth } else { MID + depth });
        let qty = 1 + m.rng.below(100);
        m.rest(side, price, qty);
    };
    while m.live.len() < LIVE {
        add(&mut m);
    }
    let warm = m.commands.len();
    while m.commands.len() < n + warm {
        m.tidy();
        let adds = if m.live.len() < LIVE { 85 } else { 60 };
        match m.rng.below(100) {
            x if x < 30 => {
                let side = m.coin();
                let Some(touch) = m.floor.best_price(side.opposite()) else { continue };
                let price = if side == Side::Buy { touch + 2 } else { touch - 2 };
                let qty = 1 + m.rng.below(100);
                let tif = if m.rng.percent(50) { TimeInForce::Ioc } else { TimeInForce::Gtc };
                let id = m.limit(side, price, qty, tif);
                if m.floor.open(id) > 0 {
                    m.live.push(id);
                }
            }
            x if x < adds => add(&mut m),
            _ => {
                if let Some(id) = m.pick(50) {
                    m.cancel(id);
                }
            }
        }
    }
    m.finish("cross", warm)
}

/// A sparse market: 400 orders over 200,000 ticks, so nearly every order has its own level; 40 % of
/// the cancels hit the best.
pub fn sparse(n: usize) -> Workload {
    const LIVE: usize = 400;
    let mut m = Market::new(0x59a5, n + LIVE);
    let add = |m: &mut Market| {
        let side = m.coin();
        let depth = 1 + m.rng.below(100_000) as i64;
        let price = if side == Side::Buy { MID - depth } else { MID + depth };
        let qty = 1 + m.rng.below(100);
        let id = m.limit(side, price, qty, TimeInForce::Gtc);
        m.live.push(id);
    };
    while m.live.len() < LIVE {
        add(&mut m);
    }
    let warm = m.commands.len();
    while m.commands.len() < n + warm {
        add(&mut m);
        if m.rng.percent(40) {
            let side = m.coin();
            let Some(best) = m.floor.best_price(side) else { continue };
            let Some(i) = m.live.iter().position(|&id| m.floor.price(id) == best) else { continue };
            let id = m.live.swap_remove(i);
            m.cancel(id);
        } else if let Some(id) = m.pick(0) {
            m.cancel(id);
        }
    }
    m.finish("sparse", warm)
}

/// 100,000 orders at one price; each cancel of a random one is followed by a new one.
pub fn fat(n: usize) -> Workload {
    const LIVE: usize = 100_000;
    let mut m = Market::new(0xfa7, n + LIVE);
    while m.live.len() < LIVE {
        let qty = 1 + m.rng.below(100);
        m.rest(Side::Buy, MID, qty);
    }
    let warm = m.commands.len();
    while m.commands.len() < n + warm {
        if let Some(id) = m.pick(0) {
            m.cancel(id);
        }
        let qty = 1 + m.rng.below(100);
        m.rest(Side::Buy, MID, qty);
    }
    m.finish("fat", warm)
}

/// 1,000 levels of one order each, then one order that fills them all; the sides alternate.
pub fn sweep(n: usize) -> Workload {
    const LEVELS: i64 = 1_000;
    let mut m = Market::new(0x53e9, n + 2_000);
    let mut places: Vec<i64> = (0..LEVELS).collect();
    while m.commands.len() < n {
        for makers in [Side::Sell, Side::Buy] {
            for i in (1..places.len()).rev() {
                places.swap(i, m.rng.below(i as u64 + 1) as usize);
            }
            let mut total = 0;
            for &place in &places {
                let qty = 1 + m.rng.below(100);
                total += qty;
                let price = if makers == Side::Sell { MID + place } else { MID - place };
                m.limit(makers, price, qty, TimeInForce::Gtc);
            }
            let far = if makers == Side::Sell { MID + LEVELS } else { MID - LEVELS };
            m.limit(makers.opposite(), far, total, TimeInForce::Gtc);
        }
    }
    m.finish("sweep", 2 * (LEVELS as usize + 1))
}
