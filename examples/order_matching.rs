//! Order matching with its statistics: 200,000 made-up commands through an engine, and what became
//! of them.
//!
//! `cargo run --release --example order_matching`
//!
//! Everything but the time is the same on every machine and in every run.

use std::time::Instant;
use vvp_core::book::{
    BookView, Command, Event, EventBody, InstrumentId, InstrumentSpec, OrderId, OwnerId, Price, Qty, Reject, Side,
    Sink, Symbol, TimeInForce,
};
use vvp_core::book_type;
use vvp_core::engine::{Engine, Matcher};
use zerocopy::FromZeros;

/// 16,384 orders, 4,096 near levels a side, 256 far levels a side, 256 stops; one instrument; 16
/// owners with limits.
type Exchange = Engine<book_type!(orders: 16_384, ticks_per_side: 4096, far_levels: 256, stops: 256), 1, 16>;

const COMMANDS: u64 = 200_000;
const MIDDLE: i64 = 15_000; // in ticks

/// What the events say, added up.
#[derive(Debug, Default)]
struct Statistics {
    accepted: u64,
    /// Cancels of orders that were gone.
    too_late: u64,
    /// Refused for any other reason.
    refused: u64,
    canceled: u64,
    trades: u64,
    /// Lots traded.
    volume: u64,
    /// Lots × ticks.
    turnover: u128,
    /// In ticks.
    lowest: Option<i64>,
    highest: Option<i64>,
}

impl Sink for Statistics {
    fn emit(&mut self, event: Event) {
        match event.body() {
            EventBody::Accepted { .. } => self.accepted += 1,
            EventBody::Rejected { reason: Reject::UnknownOrder, .. } => self.too_late += 1,
            EventBody::Rejected { .. } => self.refused += 1,
            EventBody::Canceled { .. } => self.canceled += 1,
            EventBody::Trade { price, qty, .. } => {
                let ticks = price.ticks();
                self.trades += 1;
                self.volume += qty.lots();
                self.turnover += u128::from(qty.lots()) * u128::from(ticks.unsigned_abs());
                self.lowest = Some(self.lowest.map_or(ticks, |p| p.min(ticks)));
                self.highest = Some(self.highest.map_or(ticks, |p| p.max(ticks)));
            }
            _ => {}
        }
    }
}

/// A small generator of numbers (xorshift), so that every run is the same.
struct Numbers(u64);

impl Numbers {
    fn below(&mut self, bound: u64) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0 >> 11) % bound
    }
}

/// Of a hundred commands about 46 are new limit orders, 42 cancel one of those, 12 take what is
/// there.
fn command(id: u64, sent: &mut Vec<u64>, numbers: &mut Numbers) -> Command {
    let side = if numbers.below(2) == 0 { Side::Buy } else { Side::Sell };
    let owner = OwnerId::new(1 + numbers.below(8) as u32);
    let qty = Qty::new(1 + numbers.below(100));
    let distance = numbers.below(8).min(numbers.below(40)) as i64; // mostly near the middle
    let behind = Price::new(if side == Side::Buy { MIDDLE - 1 - distance } else { MIDDLE + 1 + distance });
    let across = Price::new(if side == Side::Buy { MIDDLE + 3 } else { MIDDLE - 3 });
    let id = OrderId::new(id);
    match numbers.below(100) {
        0..46 => {
            sent.push(id.get());
            Command::limit(id, side, behind, qty).with_owner(owner)
        }
        46..88 if !sent.is_empty() => {
            let which = numbers.below(sent.len() as u64) as usize;
            Command::cancel(OrderId::new(sent.swap_remove(which)))
        }
        88..94 => Command::market(id, side, qty).with_owner(owner),
        _ => Command::limit(id, side, across, qty).with_owner(owner).with_tif(TimeInForce::Ioc),
    }
}

fn main() {
    let mut exchange = Exchange::new_box_zeroed().expect("memory for an engine");
    let mut statistics = Statistics::default();
    let first = InstrumentId::new(0);
    exchange.apply(&Command::instrument(first, &InstrumentSpec::new(Symbol::X)), &mut statistics);

    let mut numbers = Numbers(0x2545_f491_4f6c_dd1d);
    let mut sent = Vec::new();
    let commands: Vec<Command> = (1..=COMMANDS).map(|id| command(id, &mut sent, &mut numbers)).collect();
    let start = Instant::now();
    for command in &commands {
        exchange.apply(command, &mut statistics);
    }
    let elapsed = start.elapsed();

    let s = &statistics;
    println!("commands     {COMMANDS:>12}   in {} ns each on this machine", elapsed.as_nanos() / u128::from(COMMANDS));
    println!("accepted     {:>12}", s.accepted);
    println!("too late     {:>12}   cancels of orders that were filled before", s.too_late);
    println!("refused      {:>12}", s.refused);
    println!("canceled     {:>12}", s.canceled);
    println!("trades       {:>12}", s.trades);
    println!("volume       {:>12}   lots", s.volume);
    if let (Some(lowest), Some(highest)) = (s.lowest, s.highest) {
        let average = s.turnover / u128::from(s.volume);
        println!("trade prices {lowest:>12}   to {highest}, on average {average} ticks");
    }

    let book = exchange.book(first).expect("it was defined above");
    println!("resting      {:>12}   orders\n", book.resting_orders());
    println!("{:>8} {:>8} {:>8}   {:<8} {:>8} {:>8}", "orders", "lots", "bid", "ask", "lots", "orders");
    for (bid, ask) in book.depth(Side::Buy).zip(book.depth(Side::Sell)).take(8) {
        println!(
            "{:>8} {:>8} {:>8}   {:<8} {:>8} {:>8}",
            bid.orders, bid.qty, bid.price, ask.price, ask.qty, ask.orders
        );
    }
}
