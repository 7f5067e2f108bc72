//! Writes the order file that `vvpx` carries: a made-up session of one instrument, always the same.
//!
//! ```text
//! cargo run --release -p vvpx --example make_session > cli/assets/session.jsonl
//! ```
//!
//! The generator keeps a small book of its own with the live orders and the touch, so that cancels
//! hit and prices follow the market. Nothing here is measured data.
//!
//! The bytes of the file depend on every number that [`Rng`] gives for the seed.

use std::collections::{BTreeMap, HashMap, VecDeque};
use std::io::{self, BufWriter, Write};
use vvp_testkit::streams::Rng;

const COMMANDS: usize = 25_000;
const ORDERS_A_SIDE: usize = 450;

#[derive(Default)]
struct Book {
    /// Bids under the negated price, so that the best is first on both sides.
    sides: [BTreeMap<i64, VecDeque<(u64, u64)>>; 2],
    live: HashMap<u64, (usize, i64)>,
    /// The live ids in an order that does not depend on a hash.
    ids: Vec<u64>,
}

const BUY: usize = 0;
const SELL: usize = 1;

fn key(side: usize, price: i64) -> i64 {
    if side == BUY { -price } else { price }
}

impl Book {
    fn best(&self, side: usize) -> Option<i64> {
        self.sides[side].keys().next().map(|&k| key(side, k))
    }

    fn orders(&self, side: usize) -> usize {
        self.live.values().filter(|(s, _)| *s == side).count()
    }

    fn remove(&mut self, id: u64) -> Option<(usize, i64, u64)> {
        let (side, price) = self.live.remove(&id)?;
        self.ids.retain(|&i| i != id);
        let queue = self.sides[side].get_mut(&key(side, price))?;
        let at = queue.iter().position(|o| o.0 == id)?;
        let qty = queue.remove(at)?.1;
        if queue.is_empty() {
            self.sides[side].remove(&key(side, price));
        }
        Some((side, price, qty))
    }

    fn qty(&mut self, id: u64) -> Option<&mut u64> {
        let (side, price) = *self.live.get(&id)?;
        self.sides[side].get_mut(&key(side, price))?.iter_mut().find(|o| o.0 == id).map(|o| &mut o.1)
    }

    fn rest(&mut self, id: u64, side: usize, price: i64, qty: u64) {
        self.sides[side].entry(key(side, price)).or_default().push_back((id, qty));
        self.live.insert(id, (side, price));
        self.ids.push(id);
    }

    /// Trades against the other side down to `limit`; what is left over.
    fn take(&mut self, side: usize, limit: i64, mut qty: u64) -> u64 {
        let other = 1 - side;
        while qty > 0 {
            let Some(mut level) = self.sides[other].first_entry() else { break };
            if *level.key() > key(other, limit) {
                break;
            }
            let front = level.get_mut().front_mut().expect("a level has an order");
            let traded = front.1.min(qty);
            front.1 -= traded;
            qty -= traded;
            if front.1 == 0 {
                let id = front.0;
                self.remove(id);
            }
        }
        qty
    }

    /// Returns the quantity that could trade up to `limit`.
    fn depth(&self, side: usize, limit: i64) -> u64 {
        let other = 1 - side;
        self.sides[other].range(..=key(other, limit)).flat_map(|(_, q)| q).map(|o| o.1).sum()
    }
}

fn money(ticks: i64) -> String {
    format!("{}.{:02}", ticks / 100, ticks % 100)
}

fn lots(random: &mut Rng) -> u64 {
    match random.below(10) {
        0..5 => 100,
        5..8 => 100 * (2 + random.below(4)),
        8 => 1 + random.below(99),
        _ => 500 * (1 + random.below(4)),
    }
}

fn main() -> io::Result<()> {
    let mut out = BufWriter::new(io::stdout().lock());
    let mut random = Rng::new(2012);
    let mut book = Book::default();
    let mut next_id = 1;
    // The fair price in thousandths of a tick, drifting.
    let mut fair = 15_000_000i64;
    let mut drift = 0i64;
    let word = |side: usize| if side == BUY { "buy" } else { "sell" };

    writeln!(
        out,
        r#"{{"op":"instrument","symbol":"VVPC","tick":"0.01","min_price":"75.00","max_price":"300.00","reference":"150.00"}}"#
    )?;
    for _ in 1..COMMANDS {
        if random.permille(4) {
            drift = random.below(121) as i64 - 60 - (fair - 15_000_000) / 4_000;
        }
        fair += drift + random.below(301) as i64 - 150;
        let mid = fair / 1_000;
        let side = random.below(2) as usize;
        let crowded = book.orders(side) > ORDERS_A_SIDE;
        let roll = random.below(1000);

        // A stale limit order, now on the wrong side of the fair price, is hit by an informed
        // trader.
        let stale = match side {
            BUY => book.best(SELL).is_some_and(|ask| ask < mid),
            _ => book.best(BUY).is_some_and(|bid| bid > mid),
        };
        if stale && random.permille(700) {
            let (id, qty) = (next_id, lots(&mut random) * 2);
            next_id += 1;
            writeln!(
                out,
                r#"{{"op":"new","id":{id},"side":"{}","tif":"ioc","price":"{}","qty":{qty}}}"#,
                word(side),
                money(mid)
            )?;
            book.take(side, mid, qty);
            continue;
        }
        match roll {
            // New limit orders, most of them a few ticks from the fair price.
            0..560 if !crowded => {
                let away = 1 + (random.below(9) + random.below(9)) as i64 + if random.permille(60) { 12 } else { 0 };
                let price = if side == BUY { mid - away } else { mid + away };
                let (id, qty) = (next_id, lots(&mut random));
                next_id += 1;
                writeln!(
                    out,
                    r#"{{"op":"new","id":{id},"side":"{}","price":"{}","qty":{qty}}}"#,
                    word(side),
                    money(price)
                )?;
                let rest = book.take(side, price, qty);
                if rest > 0 {
                    book.rest(id, side, price, rest);
                }
            }
            0..850 => {
                // Cancels: of what lies far away first, else of something recent.
                let far = book.ids.iter().copied().find(|id| (book.live[id].1 - mid).abs() > 24);
                let n = book.ids.len();
                if n > 0 {
                    let recent = book.ids[n - 1 - (random.below(n as u64 / 2 + 1) as usize).min(n - 1)];
                    let id = far.unwrap_or(recent);
                    book.remove(id);
                    writeln!(out, r#"{{"op":"cancel","id":{id}}}"#)?;
                } else {
                    writeln!(out, r#"{{"op":"cancel","id":{next_id}}}"#)?;
                }
            }
            850..890 if !book.ids.is_empty() => {
                let id = book.ids[random.below(book.ids.len() as u64) as usize];
                let open = *book.qty(id).expect("alive");
                let qty = 1 + random.below(open);
                writeln!(out, r#"{{"op":"reduce","id":{id},"qty":{qty}}}"#)?;
                if qty >= open {
                    book.remove(id);
                } else {
                    *book.qty(id).expect("alive") -= qty;
                }
            }
            890..945 if !book.ids.is_empty() => {
                // Half of the replaces move the price, the others change the quantity.
                let id = book.ids[random.below(book.ids.len() as u64) as usize];
                if random.permille(500) {
                    let (side, _, qty) = book.remove(id).expect("alive");
                    let away = 1 + random.below(8) as i64;
                    let price = if side == BUY { mid - away } else { mid + away };
                    writeln!(out, r#"{{"op":"replace","id":{id},"price":"{}"}}"#, money(price))?;
                    let rest = book.take(side, price, qty);
                    if rest > 0 {
                        book.rest(id, side, price, rest);
                    }
                } else {
                    let qty = lots(&mut random);
                    writeln!(out, r#"{{"op":"replace","id":{id},"qty":{qty}}}"#)?;
                    if qty <= *book.qty(id).expect("alive") {
                        *book.qty(id).expect("alive") = qty;
                    } else {
                        let (side, price, _) = book.remove(id).expect("alive");
                        book.rest(id, side, price, qty);
                    }
                }
            }
            945..980 => {
                let (id, qty) = (next_id, lots(&mut random) * (1 + random.below(3)));
                next_id += 1;
                writeln!(out, r#"{{"op":"new","id":{id},"side":"{}","type":"market","qty":{qty}}}"#, word(side))?;
                book.take(side, if side == BUY { i64::MAX } else { -i64::MAX }, qty);
            }
            980..994 => {
                let (id, qty) = (next_id, lots(&mut random) * 3);
                next_id += 1;
                let reach = random.below(6) as i64;
                let price = if side == BUY { mid + reach } else { mid - reach };
                writeln!(
                    out,
                    r#"{{"op":"new","id":{id},"side":"{}","tif":"fok","price":"{}","qty":{qty}}}"#,
                    word(side),
                    money(price)
                )?;
                if book.depth(side, price) >= qty {
                    book.take(side, price, qty);
                }
            }
            // Mistakes that people make; each is refused and changes nothing.
            _ => match random.below(6) {
                0 => writeln!(out, r#"{{"op":"cancel","id":{}}}"#, next_id + 1_000_000)?,
                1 if !book.ids.is_empty() => {
                    let id = book.ids[0];
                    writeln!(out, r#"{{"op":"new","id":{id},"side":"buy","price":"{}","qty":100}}"#, money(mid - 5))?;
                }
                2 => writeln!(out, r#"{{"op":"new","id":{next_id},"side":"sell","price":"15.00","qty":100}}"#)?,
                3 => writeln!(
                    out,
                    r#"{{"op":"new","id":{next_id},"side":"buy","price":"{}5","qty":100}}"#,
                    money(mid - 3)
                )?,
                4 => {
                    writeln!(out, r#"{{"op":"new","id":{next_id},"side":"buy","price":"{}","qty":0}}"#, money(mid - 2))?
                }
                _ => writeln!(out, r#"{{"op":"replace","id":{},"qty":100}}"#, next_id + 2_000_000)?,
            },
        }
    }
    out.flush()
}
