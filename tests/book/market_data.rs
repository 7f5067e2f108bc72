//! Market data against the reference model, over random command streams of every flavour.
//!
//! After each command the full visible depth of every book is compared with what it was before: the
//! L2 records are exactly the differences, each once. A book rebuilt from L3 records alone, one
//! rebuilt from L2 records alone, and the last L1 are compared with the model's books.

use crate::engines::{self, Full, INSTRUMENTS, Normal};
use std::collections::{BTreeMap, VecDeque};
use vvp_core::book::{
    Command, CountSink, DepthLevel, Event, EventBody, InstrumentId, InstrumentSpec, OrderId, OwnerId, Price, Qty,
    QueueSink, Side, Symbol, TimeInForce, Visible,
};
use vvp_core::engine::Matcher;
use vvp_core::market_data::{self, Feed, MarketData, Record};
use vvp_core::queue::{Spin, Spsc};
use vvp_testkit::Model;
use vvp_testkit::flavours::{Flavour, flavours};
use vvp_testkit::sinks::{DynSink, VecSink};
use vvp_testkit::streams::Stream;
use zerocopy::{FromZeros, IntoBytes};

type NormalFeed = Feed<INSTRUMENTS, { Normal::LEVELS_TOUCHED_MAX }>;
type FullFeed = Feed<INSTRUMENTS, { Full::LEVELS_TOUCHED_MAX }>;

const SIDES: [Side; 2] = [Side::Buy, Side::Sell];

/// Instrument, side, price in ticks.
type LevelKey = (u16, Side, i64);
/// Lots and orders.
type Totals = (u64, u32);

/// The visible levels of all books of the model.
fn depth(model: &Model) -> BTreeMap<LevelKey, Totals> {
    let mut all = BTreeMap::new();
    for book in &model.books {
        for side in SIDES {
            for (price, qty, orders) in book.depth(side) {
                all.insert((book.index, side, price.ticks()), (qty.lots(), orders));
            }
        }
    }
    all
}

/// A book rebuilt from L3 records alone.
#[derive(Default)]
struct Rebuilt {
    /// Side, price and visible lots by instrument and id.
    orders: BTreeMap<(u16, u64), (Side, i64, u64)>,
    queues: BTreeMap<LevelKey, VecDeque<u64>>,
}

impl Rebuilt {
    fn remove(&mut self, instrument: u16, id: OrderId) {
        let (side, price, _) = self.orders.remove(&(instrument, id.get())).expect("a known order");
        let queue = self.queues.get_mut(&(instrument, side, price)).expect("its level");
        queue.retain(|&other| other != id.get());
        if queue.is_empty() {
            self.queues.remove(&(instrument, side, price));
        }
    }

    /// Reduces an order, which must rest at this side and price, by `by`.
    fn shrink(&mut self, instrument: u16, id: OrderId, at: (Side, i64), by: Qty, left: Qty) {
        let order = self.orders.get_mut(&(instrument, id.get())).expect("a known order");
        assert_eq!((order.0, order.1), at);
        assert!(by > Qty::ZERO && order.2 == by.lots() + left.lots());
        order.2 = left.lots();
        if left == Qty::ZERO {
            self.remove(instrument, id);
        }
    }

    fn take(&mut self, instrument: u16, side: Side, price: i64, what: Visible) {
        match what {
            Visible::Added { id, qty } => {
                assert!(qty > Qty::ZERO);
                let known = self.orders.insert((instrument, id.get()), (side, price, qty.lots()));
                assert_eq!(known, None, "added twice");
                self.queues.entry((instrument, side, price)).or_default().push_back(id.get());
            }
            Visible::Reduced { id, by, left } => {
                assert!(left > Qty::ZERO);
                self.shrink(instrument, id, (side, price), by, left);
            }
            Visible::Deleted { id, qty } => self.shrink(instrument, id, (side, price), qty, Qty::ZERO),
            Visible::Executed { id, qty, left, .. } => self.shrink(instrument, id, (side, price), qty, left),
            Visible::HiddenTrade { qty, .. } => assert!(qty > Qty::ZERO),
        }
    }

    /// Checks for the same orders in the same queues as in the model.
    fn check(&self, model: &Model) {
        let mut there = BTreeMap::new();
        for book in &model.books {
            for side in SIDES {
                for (&price, level) in book.levels(side) {
                    if !level.displayed.is_empty() {
                        there.insert((book.index, side, price), level.displayed.clone());
                    }
                    for id in &level.displayed {
                        let here = self.orders.get(&(book.index, *id));
                        assert_eq!(here, Some(&(side, price, book.orders[id].slice)), "order {id}");
                    }
                }
            }
        }
        assert_eq!(self.queues, there);
    }
}

/// A subscriber's view of the market, rebuilt from the records.
#[derive(Default)]
struct Reader {
    l3: Rebuilt,
    l2: BTreeMap<LevelKey, Totals>,
    l1: BTreeMap<u16, [Option<DepthLevel>; 2]>,
    records: u32,
    /// Counts of the records, to show that the streams contain them: L1, L2, each kind of L3,
    /// `again`.
    met: [u64; 8],
}

impl Reader {
    /// Takes the records of one command; `before` and `after` are the depths around it, `events`
    /// its events.
    fn command(&mut self, records: &[Record], events: &[Event], before: &BTreeMap<LevelKey, Totals>, model: &Model) {
        let after = depth(model);
        let mut seen = BTreeMap::new();
        let mut tops = Vec::new();
        let mut trades = BTreeMap::new();
        let mut is_after_top = false;
        for record in records {
            self.records = self.records.wrapping_add(1);
            assert_eq!(record.number_low(), self.records, "numbered without a gap");
            assert_eq!(Record::from_record(record.as_bytes().try_into().expect("64 bytes")), Ok(*record));
            assert_eq!(record.clock(), model.clock);
            let instrument = record.instrument().get();
            let of = events.iter().find(|e| e.seq_low() == record.seq() as u32).expect("an event of this command");
            match record.data() {
                MarketData::Top { bid, ask } => {
                    is_after_top = true;
                    tops.push(instrument);
                    assert_ne!(
                        self.l1.insert(instrument, [bid, ask]),
                        Some([bid, ask]),
                        "an L1 record without a change"
                    );
                    self.met[0] += 1;
                }
                MarketData::Level { side, level } => {
                    assert!(!is_after_top);
                    let (key, totals) = ((instrument, side, level.price.ticks()), (level.qty.lots(), level.orders));
                    assert_eq!(seen.insert(key, totals), None, "a level twice in one command");
                    if level.orders == 0 {
                        assert!(self.l2.remove(&key).is_some());
                        assert_eq!(level.qty, Qty::ZERO);
                    } else {
                        self.l2.insert(key, totals);
                    }
                    self.met[1] += 1;
                }
                MarketData::Order { side, price, what } => {
                    assert_eq!(of.instrument(), Some(record.instrument()));
                    self.l3.take(instrument, side, price.ticks(), what);
                    self.met[match what {
                        Visible::Added { .. } => 2,
                        Visible::Reduced { .. } => 3,
                        Visible::Deleted { .. } => 4,
                        Visible::Executed { .. } => 5,
                        Visible::HiddenTrade { .. } => 6,
                    }] += 1;
                    if let Visible::Executed { at, qty, again, .. } | Visible::HiddenTrade { at, qty, again } = what {
                        let EventBody::Trade { price, qty: traded, maker, taker, .. } = of.body() else {
                            panic!("{record:?} belongs to {of:?}")
                        };
                        assert_eq!((at, qty), (price, traded));
                        if let Visible::Executed { id, .. } = what {
                            assert!(id == maker || id == taker);
                        }
                        self.met[7] += u64::from(again);
                        let count: &mut [u32; 2] = trades.entry(record.seq()).or_default();
                        count[usize::from(again)] += 1;
                    }
                }
                _ => panic!("another kind"),
            }
        }
        // Each trade once, or in an uncross a second time with `again`.
        let is_trade = |e: &&Event| matches!(e.body(), EventBody::Trade { .. });
        assert_eq!(trades.len(), events.iter().filter(is_trade).count());
        let uncross = events.iter().any(|e| matches!(e.body(), EventBody::Uncross { .. }));
        assert!(trades.values().all(|n| *n == [1, 0] || (*n == [1, 1] && uncross)));
        // L2: exactly the differences.
        let differences: BTreeMap<LevelKey, Totals> = before
            .keys()
            .chain(after.keys())
            .filter(|&key| before.get(key) != after.get(key))
            .map(|key| (*key, after.get(key).copied().unwrap_or_default()))
            .collect();
        assert_eq!(seen, differences);
        assert_eq!(self.l2, after);
        // L1: exactly the tops that changed.
        let top = |depth: &BTreeMap<LevelKey, Totals>, book: u16, side: Side| {
            let mut levels = depth.range((book, side, i64::MIN)..=(book, side, i64::MAX));
            let best = if side == Side::Buy { levels.next_back() } else { levels.next() };
            best.map(|(&(.., price), &(qty, orders))| DepthLevel {
                price: Price::new(price),
                qty: Qty::new(qty),
                orders,
            })
        };
        for book in &model.books {
            let tops_of = |depth| SIDES.map(|side| top(depth, book.index, side));
            assert_eq!(self.l1.get(&book.index).copied().unwrap_or_default(), tops_of(&after));
            let count = tops.iter().filter(|&&i| i == book.index).count();
            assert_eq!(count, usize::from(tops_of(before) != tops_of(&after)));
        }
        self.l3.check(model);
    }
}

/// Applies commands to an engine with a feed and to the model, and checks the records.
fn compare<M: Matcher + FromZeros, const TOUCHED: usize>(
    feed: &mut Feed<INSTRUMENTS, TOUCHED>,
    what: &str,
    commands: &[Command],
    room: (usize, usize),
) -> [u64; 8] {
    let mut engine = engines::new::<M>();
    let mut model = Model::new(room.0, room.1);
    let mut reader = Reader::default();
    let (mut records, mut sink) = (Vec::new(), VecSink::default());
    for (at, command) in commands.iter().enumerate() {
        records.clear();
        sink.events.clear();
        let before = depth(&model);
        let mut engine = DynSink(&mut *engine);
        feed.apply(&mut engine, command, &mut sink, &mut market_data::all(|r| records.push(r)));
        let events = &sink.events;
        assert_eq!(*events, model.apply(command), "{what}, command {at}: {command:?}");
        let result = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| {
            reader.command(&records, events, &before, &model);
        }));
        assert!(result.is_ok(), "{what}, command {at}: {command:?}\nevents {events:#?}\nrecords {records:#?}");
        for book in &model.books {
            let [bid, ask] = reader.l1.get(&book.index).copied().unwrap_or_default();
            assert_eq!(feed.last_top(InstrumentId::new(book.index)), (bid, ask));
        }
    }
    assert_eq!(feed.records() as u32, reader.records);
    reader.met
}

fn check(flavour: &Flavour, seed: u64, len: usize) -> [u64; 8] {
    let what = format!("flavour {:?}, seed {seed}", flavour.name);
    let commands = Stream::new(flavour, seed).commands(len);
    if flavour.room == (12, 5) {
        let mut feed = engines::new::<FullFeed>();
        compare::<Full, _>(&mut feed, &what, &commands, flavour.room)
    } else {
        let mut feed = engines::new::<NormalFeed>();
        compare::<Normal, _>(&mut feed, &what, &commands, flavour.room)
    }
}

#[test]
fn every_change_is_published_once() {
    let mut met = [0; 8];
    for seed in 0..3 {
        for flavour in flavours() {
            let of = check(&flavour, 4711 + seed, flavour.len.min(1_000));
            met.iter_mut().zip(of).for_each(|(sum, n)| *sum += n);
        }
    }
    println!("L1, L2, added, reduced, deleted, executed, hidden, again: {met:?}");
    assert!(met.iter().all(|&n| n > 100), "too few: {met:?}");
}

/// A subscription to one kind of records gets those of the full feed.
#[test]
fn partial_subscription_gets_its_part_of_the_feed() {
    for flavour in flavours() {
        let commands = Stream::new(&flavour, 815).commands(flavour.len.min(400));
        let mut parts: [Vec<Record>; 4] = Default::default();
        for (which, part) in parts.iter_mut().enumerate() {
            let mut engine = engines::new::<Normal>();
            let mut feed = engines::new::<NormalFeed>();
            let mut sink = CountSink::default();
            for c in &commands {
                let mut engine = DynSink(&mut *engine);
                let take = |r: Record| part.push(r);
                match which {
                    0 => feed.apply(&mut engine, c, &mut sink, &mut market_data::all(take)),
                    1 => feed.apply(&mut engine, c, &mut sink, &mut market_data::top(take)),
                    2 => feed.apply(&mut engine, c, &mut sink, &mut market_data::levels(take)),
                    _ => feed.apply(&mut engine, c, &mut sink, &mut market_data::orders(take)),
                }
            }
        }
        let [all, parts @ ..] = parts;
        let kind = |r: &Record| match r.data() {
            MarketData::Top { .. } => 0,
            MarketData::Level { .. } => 1,
            _ => 2,
        };
        for (which, part) in parts.iter().enumerate() {
            let of_all: Vec<_> =
                all.iter().filter(|r| kind(r) == which).map(|r| (r.instrument(), r.seq(), r.data())).collect();
            let alone: Vec<_> = part.iter().map(|r| (r.instrument(), r.seq(), r.data())).collect();
            assert_eq!(of_all, alone, "{}", flavour.name);
        }
    }
}

fn definition(i: u16) -> Command {
    Command::instrument(InstrumentId::new(i), &InstrumentSpec::new(Symbol::X))
}

fn limit(id: u64, side: Side, price: i64, qty: u64) -> Command {
    Command::limit(OrderId::new(id), side, Price::new(price), Qty::new(qty))
}

/// One command empties a thousand levels, by trades and by a mass cancel. A level that is emptied
/// and filled again in one command is published once, or not at all if it is as before.
#[test]
fn one_command_publishes_a_thousand_levels() {
    let mut engine = engines::new::<Normal>();
    let mut feed = engines::new::<NormalFeed>();
    let mut levels = Vec::new();
    let mut apply = |c: Command| {
        levels.clear();
        feed.apply(
            &mut DynSink(&mut *engine),
            &c,
            &mut CountSink::default(),
            &mut market_data::levels(|r| {
                if let MarketData::Level { side, level } = r.data() {
                    levels.push((side, level.price.ticks(), level.qty.lots(), level.orders));
                }
            }),
        );
        std::mem::take(&mut levels)
    };
    apply(definition(0));
    let takes_all =
        [limit(5_000, Side::Buy, 1_099, 5_001).with_tif(TimeInForce::Ioc), Command::mass_cancel(OwnerId::new(0), None)];
    for command in takes_all {
        for i in 0..1_000 {
            let changes = apply(limit(i, Side::Sell, 100 + i as i64, 5));
            assert_eq!(changes, [(Side::Sell, 100 + i as i64, 5, 1)]);
        }
        let changes = apply(command);
        assert!(changes.into_iter().eq((0..1_000).map(|i| (Side::Sell, 100 + i, 0, 0))));
    }
    // The iceberg's level is as before after a refresh; the stop_limit rests in place of the order
    // that was filled.
    apply(limit(1, Side::Sell, 100, 20).with_display_qty(Qty::new(10)));
    assert_eq!(apply(limit(2, Side::Buy, 100, 10).with_tif(TimeInForce::Ioc)), []);
    apply(Command::cancel(OrderId::new(1)));
    apply(limit(6, Side::Sell, 150, 1));
    apply(limit(7, Side::Buy, 150, 1)); // the last trade price is 150: the stop below is not triggered yet
    apply(limit(3, Side::Sell, 100, 10));
    let (stop, price) = (Price::new(100), Price::new(100));
    apply(Command::stop_limit(OrderId::new(4), Side::Sell, stop, price, Qty::new(10)));
    assert_eq!(apply(limit(5, Side::Buy, 100, 10).with_tif(TimeInForce::Ioc)), []);
    let book = engine.book(InstrumentId::new(0)).expect("defined");
    assert!(book.order(OrderId::new(4)).is_some() && book.order(OrderId::new(3)).is_none());
}

/// No record is lost in a small queue.
#[test]
fn records_pass_a_queue_without_loss() {
    static RECORDS: Spsc<Record, 8> = Spsc::new();
    let flavour = &flavours()[0];
    let commands = Stream::new(flavour, 3).commands(1_000);
    let reader = std::thread::spawn(|| {
        let mut reader = RECORDS.consumer().expect("not claimed");
        let mut next = 1;
        loop {
            match reader.pop() {
                Ok(record) => {
                    assert_eq!(record.number_low(), next);
                    next += 1;
                }
                Err(vvp_core::queue::PopError::Closed) => return next - 1,
                Err(_) => std::thread::yield_now(),
            }
        }
    });
    let mut engine = engines::new::<Normal>();
    let mut feed = engines::new::<NormalFeed>();
    let mut out = QueueSink::new(RECORDS.producer().expect("not claimed"), Spin);
    for command in &commands {
        feed.apply(&mut DynSink(&mut *engine), command, &mut CountSink::default(), &mut out);
        out.flush();
    }
    out.into_producer().close();
    assert_eq!(u64::from(reader.join().expect("no panic")), feed.records());
}

#[test]
fn malformed_records_are_refused() {
    let level = DepthLevel { price: Price::new(-5), qty: Qty::new(7), orders: 2 };
    let data = MarketData::Level { side: Side::Sell, level };
    let good: [u8; 64] = Record::new(1, InstrumentId::new(3), 9, 8, data).as_bytes().try_into().expect("64 bytes");
    assert_eq!(Record::from_record(&good).map(|r| r.data()), Ok(data));
    // Kind, flags, an unused field.
    for (at, byte) in [(4, 0), (4, 8), (5, 4), (5, 3), (32, 1), (40, 1), (55, 1)] {
        let mut bad = good;
        bad[at] = byte;
        assert!(Record::from_record(&bad).is_err(), "byte {at} = {byte}");
    }
}
