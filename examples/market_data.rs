//! Market data to another thread: an engine makes L2 records, a queue carries them, and a reader
//! rebuilds the price levels from nothing else. In the end both have the same book.
//!
//! `cargo run --example market_data`

use std::collections::BTreeMap;
use std::thread;
use vvp_core::book::{
    BookView, Command, CountSink, DepthLevel, InstrumentId, InstrumentSpec, OrderId, Price, Qty, QueueSink, Side,
    Symbol,
};
use vvp_core::book_type;
use vvp_core::engine::{Engine, Matcher};
use vvp_core::market_data::{Feed, FeedSink, MarketData, Record, levels};
use vvp_core::queue::{Consumer, PopError, Producer, Spsc};

/// A book of 256 orders and 64 ticks a side; one instrument, four owners with limits.
type Exchange = Engine<book_type!(orders: 256, ticks_per_side: 64, far_levels: 64, stops: 16), 1, 4>;

/// From the engine's thread to the reader. When it is full, the engine waits: nothing is lost.
static RECORDS: Spsc<Record, 1024> = Spsc::new();

const COMMANDS: u64 = 20_000;

/// The n-th command: limit orders around 1,000, icebergs and hidden ones among them, market orders,
/// cancels.
fn command(n: u64) -> Command {
    let (id, side) = (OrderId::new(n), if n.is_multiple_of(2) { Side::Buy } else { Side::Sell });
    let drift = (n / 500 % 10) as i64;
    let order = Command::limit(id, side, Price::new(1000 + drift + (n * 7 % 13) as i64 - 6), Qty::new(10 + n % 50));
    match n % 11 {
        2 | 8 => Command::market(id, side, Qty::new(5 + n % 20)),
        3 => order.with_display_qty(Qty::new(3)),
        4 => order.with_hidden(),
        6 | 7 | 9 | 10 => Command::cancel(OrderId::new(n.saturating_sub(138))),
        _ => order,
    }
}

/// Applies all commands; returns the book's levels at the end, best first.
fn match_orders(tx: Producer<'_, Record, 1024>) -> [Vec<DepthLevel>; 2] {
    let mut engine = Box::new(Exchange::new());
    let mut feed = Feed::<1, { Exchange::LEVELS_TOUCHED_MAX }>::new();
    // When the queue is full, the sink waits in this way.
    let mut queue = QueueSink::new(tx, |_| thread::yield_now());
    let mut events = CountSink::default();
    let first = InstrumentId::new(0);
    engine.apply(&Command::instrument(first, &InstrumentSpec::new(Symbol::X)), &mut events);
    for n in 0..COMMANDS {
        // `levels` asks for L2: the feed then makes no other records.
        feed.apply(&mut *engine, &command(n), &mut events, &mut levels(|record| queue.record(record)));
        queue.flush(); // the reader sees the whole command together
    }
    queue.into_producer().close(); // the reader learns that no more will come
    println!("engine   {COMMANDS} commands, {} events, {} records", engine.seq(), feed.records());
    let book = engine.book(first).expect("defined above");
    [Side::Buy, Side::Sell].map(|side| book.depth(side).collect())
}

/// Keeps the levels of both sides by price, until the engine has closed the queue.
fn rebuild(mut rx: Consumer<'_, Record, 1024>) -> [BTreeMap<i64, DepthLevel>; 2] {
    let mut sides = [BTreeMap::new(), BTreeMap::new()];
    loop {
        match rx.pop() {
            Ok(record) => {
                let MarketData::Level { side, level } = record.data() else { continue };
                let levels = &mut sides[side as usize];
                // Each record says how the level is now; one without orders is gone.
                if level.orders == 0 {
                    levels.remove(&level.price.ticks());
                } else {
                    levels.insert(level.price.ticks(), level);
                }
            }
            Err(PopError::Closed) => return sides,
            Err(_) => thread::yield_now(),
        }
    }
}

fn main() {
    let tx = RECORDS.producer().expect("not claimed yet");
    let rx = RECORDS.consumer().expect("not claimed yet");
    let reader = thread::spawn(move || rebuild(rx));
    let [bids, asks] = match_orders(tx);
    let [rebuilt_bids, rebuilt_asks] = reader.join().expect("the reader does not panic");

    assert!(rebuilt_bids.values().rev().eq(&bids), "the bids differ");
    assert!(rebuilt_asks.values().eq(&asks), "the asks differ");
    println!("reader   the same {} bid and {} ask levels; the best:\n", bids.len(), asks.len());
    println!("{:>8} {:>8} {:>8}   {:<8} {:>8} {:>8}", "orders", "lots", "bid", "ask", "lots", "orders");
    for (bid, ask) in bids.iter().zip(&asks).take(5) {
        println!(
            "{:>8} {:>8} {:>8}   {:<8} {:>8} {:>8}",
            bid.orders, bid.qty, bid.price, ask.price, ask.qty, ask.orders
        );
    }
}
