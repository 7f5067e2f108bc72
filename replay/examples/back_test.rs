//! A back-test: a recorded day goes through the engine, an own limit order waits at the best bid
//! among the recorded ones, and each fill is printed with what was ahead of it in the queue.
//!
//! ```sh
//! cargo run --release -p vvp-replay --example back_test # a simulated day
//! cargo run --release -p vvp-replay --example back_test 12302019.NASDAQ_ITCH50.gz GOOG
//! ```
//!
//! Not modelled: how other participants would have reacted. An own fill replaces a recorded one, so
//! keep own orders small. Orders that rest before the first message of the file are missing.

use std::fs::File;
use vvp_core::book::{
    Command, Event, EventBody, FnSink, InstrumentId, InstrumentSpec, OrderId, Price, Qty, QueuePosition, Side, Sink,
    Symbol, Tick, TimeInForce,
};
use vvp_core::book_type;
use vvp_core::engine::{Engine, Matcher};
use vvp_replay::itch::market::DayMarket;
use vvp_replay::itch::{Drive, FrameReader, Options, Spent, replay};
use vvp_replay::{PriceText, price_text};
use vvp_std_adapter::memory::{Pages, Zeroed};
use vvp_testkit::streams::Rng;

/// 65,536 orders, a window of 16,384 ticks a side and 4,096 levels a side beyond; one instrument.
type TestBook = book_type!(orders: 65_536, ticks_per_side: 16_384, far_levels: 4096, stops: 1);
type Exchange = Engine<TestBook, 1, 1>;

const STOCK: InstrumentId = InstrumentId::new(0);
/// Recorded commands between two actions of the strategy.
const EVERY: u64 = 50;
const LOTS: Qty = Qty::new(10);
/// Fills printed one by one.
const SHOWN: u64 = 8;
/// Ids of own orders: above the recorded ones, below those that `Drive` gives to takers.
const FIRST_OWN_ID: u64 = 1 << 62;

/// The own order that rests.
struct Own {
    id: OrderId,
    price: Price,
    placed_ns: u64,
    /// Queue positions when it joined the queue, and at the last check.
    ahead: [QueuePosition; 2],
}

/// An engine with one more participant: it passes recorded commands on, and acts between them.
struct BackTest {
    engine: Zeroed<Exchange>,
    own: Option<Own>,
    commands: u64,
    placed: u64,
    canceled: u64,
    fills: u64,
    lots: u64,
    notional: i64,
}

impl BackTest {
    fn new() -> Result<Self, Box<dyn std::error::Error>> {
        let engine = Zeroed::new(Pages::LAZY)?;
        Ok(Self { engine, own: None, commands: 0, placed: 0, canceled: 0, fills: 0, lots: 0, notional: 0 })
    }

    /// Counts an own order's trade, and prints the first ones.
    fn filled(&mut self, price: Price, qty: Qty, open: Qty) {
        let Some(own) = &self.own else { return };
        self.fills += 1;
        self.lots += qty.lots();
        self.notional += price.ticks() * qty.lots() as i64;
        if self.fills <= SHOWN {
            let [placed, last] = own.ahead.map(|p| format!("{:>2} orders, {:>4} lots", p.orders_ahead, p.qty_ahead));
            let (clock, waited_ms) = (self.engine.clock(), (self.engine.clock() - own.placed_ns) / 1_000_000);
            println!("{}  {qty:>3} at {}  {placed:>19}  {last:>19}  {waited_ms:>7} ms", time(clock), dollars(price));
        }
        if open == Qty::ZERO {
            self.own = None;
        }
    }

    /// The strategy: keeps one order at the best bid of the others.
    fn act(&mut self) {
        let Some(book) = self.engine.book(STOCK) else { return };
        if let Some(own) = &mut self.own {
            let best = book.best(Side::Buy);
            if let Some(position) = book.queue_position(own.id)
                && best.is_some_and(|best| best.price == own.price && best.orders > 1)
            {
                own.ahead[1] = position;
                return; // keep it: a cancel gives up the place in the queue
            }
            let cancel = Command::cancel(own.id);
            self.canceled += 1;
            self.own = None;
            self.engine.apply(&cancel, &mut FnSink(|_| ()));
        }
        let Some(best) = self.engine.book(STOCK).and_then(|book| book.best(Side::Buy)) else { return };
        let id = OrderId::new(FIRST_OWN_ID + self.placed);
        // Post-only: it is refused where it would trade immediately.
        self.engine.apply(&Command::limit(id, Side::Buy, best.price, LOTS).with_post_only(), &mut FnSink(|_| ()));
        if let Some(position) = self.engine.book(STOCK).and_then(|book| book.queue_position(id)) {
            self.placed += 1;
            self.own = Some(Own { id, price: best.price, placed_ns: self.engine.clock(), ahead: [position; 2] });
        }
    }
}

impl Matcher for BackTest {
    type Book = TestBook;

    fn apply<S: Sink>(&mut self, command: &Command, sink: &mut S) {
        let own = self.own.as_ref().map(|own| own.id);
        let mut trade = None; // one command trades with an order without a reserve only once
        let mut observer = FnSink(|event: Event| {
            match event.body() {
                EventBody::Trade { maker, price, qty, maker_open, .. } if Some(maker) == own => {
                    trade = Some((price, qty, maker_open));
                }
                _ => {}
            }
            sink.emit(event);
        });
        self.engine.apply(command, &mut observer);
        if let Some((price, qty, open)) = trade {
            self.filled(price, qty, open);
        }
        self.commands += 1;
        if self.commands.is_multiple_of(EVERY) {
            self.act();
        }
    }

    fn seq(&self) -> u64 {
        self.engine.seq()
    }

    fn clock(&self) -> u64 {
        self.engine.clock()
    }

    fn instruments(&self) -> usize {
        self.engine.instruments()
    }

    fn spec(&self, instrument: InstrumentId) -> Option<InstrumentSpec> {
        self.engine.spec(instrument)
    }

    fn book(&self, instrument: InstrumentId) -> Option<&TestBook> {
        self.engine.book(instrument)
    }

    fn max_instruments(&self) -> usize {
        self.engine.max_instruments()
    }
}

/// A ten-thousandth of a dollar, as in ITCH.
fn tick() -> Tick {
    Tick::new(1, 4).expect("1 × 10^-4 is a tick")
}

/// A made-up morning: orders come, go and meet around a price that walks at random.
fn simulated_day(test: &mut BackTest) {
    let spec = InstrumentSpec { tick: tick(), ..InstrumentSpec::new(Symbol::X) };
    test.apply(&Command::instrument(STOCK, &spec), &mut FnSink(|_| ()));
    let (mut rng, mut live, mut cents, mut clock) = (Rng::new(1), Vec::new(), 15_000_i64, 34_200_000_000_000);
    for id in 1..=40_000 {
        clock += rng.below(20_000_000);
        cents += if rng.below(200) == 0 { rng.below(3) as i64 - 1 } else { 0 };
        let side = if rng.below(2) == 0 { Side::Buy } else { Side::Sell };
        let away = 1 + rng.below(5) as i64;
        let price =
            |distance: i64| Price::new(100 * if side == Side::Buy { cents - distance } else { cents + distance });
        let (id, qty) = (OrderId::new(id), Qty::new(1 + rng.below(50)));
        let command = match rng.below(100) {
            0..50 => {
                live.push(id);
                Command::limit(id, side, price(away), qty)
            }
            50..90 if !live.is_empty() => Command::cancel(live.swap_remove(rng.below(live.len() as u64) as usize)),
            _ => Command::limit(id, side, price(-2), qty).with_tif(TimeInForce::Ioc),
        };
        test.apply(&command.with_instrument(STOCK).with_ts(clock), &mut FnSink(|_| ()));
    }
}

/// Drives the engine with the messages of one stock.
fn recorded_day(test: &mut BackTest, file: &str, symbol: &str) -> Result<(), Box<dyn std::error::Error>> {
    let mut reader = FrameReader::new(File::open(file)?)?; // .gz, .xz and .zst are recognised
    let mut market = Zeroed::<DayMarket>::new(Pages::LAZY)?;
    let mut drive = Drive::new(test, vec![symbol.to_owned()]);
    replay(&mut reader, 0, &mut market, Options::default(), &mut drive, &mut Spent::default())?;
    Ok(())
}

fn dollars(price: Price) -> PriceText {
    price_text(price, tick())
}

fn time(ns: u64) -> String {
    let ms = ns / 1_000_000;
    format!("{:02}:{:02}:{:02}.{:03}", ms / 3_600_000, ms / 60_000 % 60, ms / 1000 % 60, ms % 1000)
}

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let mut test = BackTest::new()?;
    println!("time          lots and price    ahead when placed    ahead at last check    waited");
    match std::env::args().skip(1).collect::<Vec<_>>().as_slice() {
        [] => simulated_day(&mut test),
        [file, symbol] => recorded_day(&mut test, file, symbol)?,
        _ => return Err("usage: back_test [ITCH-FILE SYMBOL]".into()),
    }
    let BackTest { commands, placed, canceled, fills, lots, notional, .. } = test;
    println!("\n{commands} recorded commands; own orders: {placed} placed, {canceled} canceled to join a better queue");
    if lots > 0 {
        let average = Price::new(notional / lots as i64);
        println!("{fills} fills: {lots} lots bought at {} on average", dollars(average));
    }
    if let Some([bid, ask]) = test.engine.book(STOCK).map(|b| [Side::Buy, Side::Sell].map(|side| b.best(side)))
        && let (Some(bid), Some(ask)) = (bid, ask)
    {
        println!("at the end: bid {}, ask {}", dollars(bid.price), dollars(ask.price));
    }
    Ok(())
}
