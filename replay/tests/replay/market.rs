//! A simulated market: its whole book is known, and of it the files that LOBSTER would give.

use std::collections::BTreeMap;
use std::fmt::Write;
use vvp_testkit::streams::Rng;

/// Parameters of a simulation.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Market {
    pub(crate) seed: u64,
    /// Rows of the files.
    pub(crate) rows: usize,
    /// Levels a side of the order-book file.
    pub(crate) levels: usize,
    /// Orders the market drifts around; few make sides shorter than the window.
    pub(crate) orders: usize,
    /// Price steps from the middle within which orders come; many make the window leave most out.
    pub(crate) reach: u64,
}

/// The two files.
#[derive(Clone, Debug, Default)]
pub(crate) struct Files {
    pub(crate) messages: String,
    pub(crate) books: String,
}

#[derive(Clone, Copy, Debug)]
struct Order {
    id: u64,
    buy: bool,
    price: i64,
    size: u64,
}

const STEP: i64 = 100;

struct State {
    random: Rng,
    orders: Vec<Order>,
    levels: [BTreeMap<i64, u64>; 2],
    middle: i64,
    next_id: u64,
    time: u64,
}

impl State {
    fn best(&self, buy: bool) -> Option<i64> {
        self.levels(buy).next().map(|l| l.0)
    }

    /// The occupied levels of a side, best first.
    fn levels(&self, buy: bool) -> impl Iterator<Item = (i64, u64)> {
        // Bids lie under the negative price, so that both maps run from the best on.
        self.levels[usize::from(buy)].iter().map(move |(&key, &size)| (if buy { -key } else { key }, size))
    }

    fn level(&mut self, order: Order) -> &mut u64 {
        let key = if order.buy { -order.price } else { order.price };
        self.levels[usize::from(order.buy)].entry(key).or_insert(0)
    }

    fn new_order(&mut self, reach: u64) -> Order {
        let buy = self.random.below(2) == 0;
        let away = STEP * self.random.below(reach) as i64;
        let mut price = if buy { self.middle - away } else { self.middle + away };
        // The book of a market is never crossed: what would trade stops a step short.
        match (buy, self.best(!buy)) {
            (true, Some(ask)) => price = price.min(ask - STEP),
            (false, Some(bid)) => price = price.max(bid + STEP),
            _ => {}
        }
        self.next_id += 1 + self.random.below(5);
        Order { id: self.next_id, buy, price, size: 1 + self.random.below(500) }
    }

    /// Is `price` within the best levels of its side, as it stands or (for a new one) as it would
    /// stand?
    fn in_window(&self, buy: bool, price: i64, window: usize) -> bool {
        let better = self.levels(buy).filter(|l| if buy { l.0 > price } else { l.0 < price }).count();
        better < window
    }

    /// One event of the market: type and the order before and after; the size that the row would
    /// show.
    fn event(&mut self, market: &Market) -> (u8, Order, u64) {
        if self.random.below(40) == 0 {
            self.middle += STEP * (self.random.below(9) as i64 - 4);
        }
        let many = self.orders.len() as u64 * 2 > self.random.below(2 * market.orders as u64) + market.orders as u64;
        let hidden = self.random.below(30) == 0;
        if hidden {
            let order = Order { id: 0, buy: self.random.below(2) == 0, price: self.middle, size: 1 };
            return (5, order, 1 + self.random.below(100));
        }
        if self.orders.is_empty() || !many && self.random.below(10) < 7 {
            let order = self.new_order(market.reach);
            return (1, order, order.size);
        }
        let execution = self.random.below(4) == 0;
        let at = if execution {
            // The order that trades is the oldest of the best level.
            let buy = self.random.below(2) == 0;
            let best = self.best(buy).or(self.best(!buy));
            let first = self.orders.iter().position(|o| Some(o.price) == best);
            first.unwrap_or(0)
        } else {
            self.random.below(self.orders.len() as u64) as usize
        };
        let order = self.orders[at];
        let part = order.size > 1 && self.random.below(3) == 0;
        let size = if part { 1 + self.random.below(order.size - 1) } else { order.size };
        let kind = if execution {
            4
        } else if part {
            2
        } else {
            3
        };
        (kind, order, size)
    }

    fn apply(&mut self, kind: u8, order: Order, size: u64) {
        match kind {
            1 => {
                self.orders.push(order);
                *self.level(order) += order.size;
            }
            2..=4 => {
                let at = self.orders.iter().position(|o| o.id == order.id).unwrap();
                self.orders[at].size -= size;
                if self.orders[at].size == 0 {
                    self.orders.remove(at);
                }
                *self.level(order) -= size;
                self.levels[usize::from(order.buy)].retain(|_, size| *size > 0);
            }
            _ => {}
        }
    }
}

/// Runs the market and writes down what LOBSTER would: events within the best levels only, and the
/// book after each.
pub(crate) fn simulate(market: &Market) -> Files {
    let random = Rng::new(market.seed);
    let mut s = State {
        random,
        orders: Vec::new(),
        levels: Default::default(),
        middle: 5_000_000,
        next_id: 1000,
        time: 34_200_000_000_000,
    };
    for _ in 0..market.orders {
        let order = s.new_order(market.reach);
        s.apply(1, order, order.size);
    }
    let mut files = Files::default();
    let mut rows = 0;
    while rows < market.rows {
        let (kind, order, size) = s.event(market);
        let listed = kind == 5 || s.in_window(order.buy, order.price, market.levels);
        s.apply(kind, order, size);
        if !listed {
            continue;
        }
        rows += 1;
        s.time += s.random.below(1_000_000_000);
        let time = format!("{}.{:09}", s.time / 1_000_000_000, s.time % 1_000_000_000);
        let time = time.trim_end_matches('0').trim_end_matches('.');
        let direction = if order.buy { 1 } else { -1 };
        writeln!(files.messages, "{time},{kind},{},{size},{},{direction}", order.id, order.price).unwrap();
        let (mut asks, mut bids) = (s.levels(false), s.levels(true));
        let row: Vec<String> = (0..market.levels)
            .map(|_| {
                let ask = asks.next().unwrap_or((9_999_999_999, 0));
                let bid = bids.next().unwrap_or((-9_999_999_999, 0));
                format!("{},{},{},{}", ask.0, ask.1, bid.0, bid.1)
            })
            .collect();
        writeln!(files.books, "{}", row.join(",")).unwrap();
    }
    files
}
