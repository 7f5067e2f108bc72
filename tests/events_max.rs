//! What `events_max` says against what a command then causes, over random command streams of every flavour and of some
//! that are hard on the bound: icebergs with small slices and stops around them, self-trade prevention, auctions, orders
//! that expire with the same command. And `try_apply` into sinks of every room.
//!
//! A stream that fails is cut down to a short list of commands before it is shown. The long run goes on for as many
//! commands as one asks for, from any seed:
//!
//! ```text
//! VVP_EVENTS_MAX_COMMANDS=10000000 VVP_EVENTS_MAX_SEED=7000000 cargo test --release --test events_max streams -- --nocapture
//! ```
//!
//! `scripts/bound-twins.sh` runs it with a bound that leaves out one thing at a time; each must be noticed.

use core::mem::MaybeUninit;
use std::panic::{AssertUnwindSafe, catch_unwind};
use vvp_core::book::{
    Book, BoundedSink, Command, Event, FnSink, InstrumentId, InstrumentSpec, Op, OrderId, OrderType, OwnerId, Phase,
    Price, Qty, QueueSink, Replacement, SelfTradePrevention, Side, SliceSink, Symbol, TimeInForce, WithStateHash,
};
use vvp_core::engine::{Engine, Matcher, WouldBlock};
use vvp_core::queue::{Spin, Spsc};
use vvp_testkit::Model;
use vvp_testkit::flavours::{Flavour, Prices, Sizes, flavours};
use vvp_testkit::streams::Stream;
use zerocopy::FromZeros;

const INSTRUMENTS: usize = vvp_testkit::engine::MAX_INSTRUMENTS;

type Normal = Engine<Book<1000, 4, 1024, 200, 2048, WithStateHash>, INSTRUMENTS, 16>;
type Full = Engine<Book<12, 4, 64, 5, 64, WithStateHash>, INSTRUMENTS, 16>;
type Small = Engine<Book<64, 1, 64, 16, 128, WithStateHash>, INSTRUMENTS, 16>;

/// What is tested of every engine, whatever its sizes.
trait Bounded: Matcher + FromZeros {
    fn bound(&self, command: &Command) -> u64;
    fn attempt<S: BoundedSink>(&mut self, command: &Command, sink: &mut S) -> Result<(), WouldBlock>;
    fn hash(&self) -> u64;
}

impl<const ORDERS: usize, const BLOCKS: usize, const FAR: usize, const STOPS: usize, const IDS: usize> Bounded
    for Engine<Book<ORDERS, BLOCKS, FAR, STOPS, IDS, WithStateHash>, INSTRUMENTS, 16>
{
    fn bound(&self, command: &Command) -> u64 {
        self.events_max(command)
    }

    fn attempt<S: BoundedSink>(&mut self, command: &Command, sink: &mut S) -> Result<(), WouldBlock> {
        self.try_apply(command, sink)
    }

    fn hash(&self) -> u64 {
        self.state_hash()
    }
}

fn events_of<E: Bounded>(engine: &mut E, command: &Command) -> Vec<Event> {
    let mut events = Vec::new();
    engine.apply(command, &mut FnSink(|event| events.push(event)));
    events
}

// ---- the streams ---------------------------------------------------------------------------------------------

/// Flavours that are hard on the bound; all for [`Small`].
fn hard_flavours() -> Vec<Flavour> {
    let base = flavours().into_iter().find(|f| f.name == "small").expect("it is there");
    let base = Flavour {
        len: 150,
        room: (64, 16),
        ids: 18,
        sizes: Sizes::Small(14),
        prices: Prices::Near { width: 3 },
        limit: 500,
        iceberg: 600,
        hidden: 60,
        stop: 120,
        stop_limit: 120,
        trailing: 40,
        cancel: 60,
        reduce: 20,
        ioc: 40,
        fok: 40,
        stp: 0,
        aggressive: 400,
        ..base
    };
    vec![
        Flavour { name: "hard: icebergs and stops", ..base.clone() },
        Flavour { name: "hard: self-trades", stp: 900, iceberg: 300, market: 80, ..base.clone() },
        Flavour { name: "hard: decrements alone", owners: 1, stp: 1000, iceberg: 400, stop: 60, ..base.clone() },
        Flavour {
            name: "hard: expires with the command",
            gtd: 800,
            ts: 950,
            reversed: 0,
            protect: 600,
            market: 120,
            ..base.clone()
        },
        Flavour {
            name: "hard: auctions",
            phase: 120,
            opening: true,
            aggressive: 600,
            stp: 300,
            cancel: 30,
            ..base.clone()
        },
        Flavour { name: "hard: replaces that trade", replace: 500, stp: 200, aggressive: 600, ..base.clone() },
        Flavour {
            name: "hard: stop_limits that rest",
            sizes: Sizes::Small(6),
            stop: 0,
            trailing: 0,
            stop_limit: 500,
            limit: 300,
            ..base.clone()
        },
        Flavour {
            name: "hard: both ends",
            prices: Prices::Ends,
            trailing: 200,
            protect: 300,
            stp: 200,
            ..base.clone()
        },
        Flavour { name: "hard: long cascades", len: 400, ids: 60, stop: 400, aggressive: 250, ..base.clone() },
        Flavour { name: "hard: several instruments", instruments: 3, gtd: 500, ts: 700, stp: 300, ..base },
    ]
}

/// The bounds of the docs that need only counts, as the model sees the book.
fn said_at_most(model: &Model, c: &Command) -> u64 {
    let clock = c.ts().unwrap_or(0);
    let live = model.books.iter().flat_map(|b| b.orders.values().chain(&b.stops));
    let expiring = live.filter(|o| o.expires.is_some_and(|e| e <= clock)).count() as u64;
    let Some(book) = model.books.get(usize::from(c.instrument_id().get())) else { return expiring + 1 };
    let slices: u64 = book.orders.values().map(|o| o.display.map_or(1, |d| 1 + (o.open - o.slice).div_ceil(d))).sum();
    let is_new = c.op() == Op::New;
    let stops = book.stops.len() as u64 + u64::from(is_new && c.order_type().is_stop());
    let replaced = if c.op() == Op::Replace { book.orders.get(&c.id().get()) } else { None };
    let (qty, display, mode) = match replaced {
        Some(order) => (c.replacement().qty.map_or(order.open, Qty::lots), order.display, order.stp),
        None if is_new => (c.quantity().lots(), c.display_qty().map(Qty::lots), c.self_trade_mode()),
        None => (0, None, SelfTradePrevention::None),
    };
    // A refused iceberg has too many of them.
    let own = display.map_or(qty.min(1), |d| qty.div_ceil(d.max(1)).min(1000));
    let takes_two = |mode| matches!(mode, SelfTradePrevention::Decrement | SelfTradePrevention::CancelBoth);
    let by_slices = if takes_two(mode) || book.stops.iter().any(|stop| takes_two(stop.stp)) {
        4 + 2 * (slices + own) + 5 * stops
    } else {
        3 + slices + own + 3 * stops
    };
    // Without stops an order has no more lines than lots, and 2; with self-trade prevention twice that.
    let by_lots = match mode {
        _ if stops > 0 || !matches!(c.op(), Op::New | Op::Replace) => u64::MAX,
        SelfTradePrevention::None | SelfTradePrevention::CancelNewest => qty.saturating_add(1).max(2),
        SelfTradePrevention::CancelBoth => qty.saturating_add(2),
        SelfTradePrevention::CancelOldest => qty.saturating_add(2 + book.orders.len() as u64),
        SelfTradePrevention::Decrement => qty.saturating_mul(2).saturating_add(1).max(2),
    };
    expiring + by_slices.min(by_lots)
}

#[derive(Clone, Copy, Default, Debug)]
struct Met {
    commands: u64,
    /// Commands whose bound was exactly what they had.
    exact: u64,
    said: u64,
    caused: u64,
    /// Commands that had 20 events and more.
    long: u64,
    /// Rooms in which `try_apply` was tried.
    rooms: u64,
}

impl Met {
    fn add(&mut self, other: &Self) {
        self.commands += other.commands;
        self.exact += other.exact;
        self.said += other.said;
        self.caused += other.caused;
        self.long += other.long;
        self.rooms += other.rooms;
    }
}

/// Where a stream fails, and how.
type Failure = (usize, String);

/// Compares what is said with what is caused.
fn compare<E: Bounded>(commands: &[Command], room: (usize, usize)) -> Result<Met, Failure> {
    let mut engine = E::new_box_zeroed().expect("memory");
    let mut model = Model::new(room.0, room.1);
    let mut met = Met::default();
    for (at, c) in commands.iter().enumerate() {
        let said = engine.bound(c);
        let at_most = said_at_most(&model, c);
        model.apply(c);
        let mut caused = 0;
        engine.apply(c, &mut FnSink(|_| caused += 1));
        if caused > said {
            return Err((at, format!("said {said}, caused {caused}")));
        }
        if said > at_most {
            return Err((at, format!("said {said}, but the docs say at most {at_most}")));
        }
        met.commands += 1;
        met.exact += u64::from(caused == said);
        met.said += said;
        met.caused += caused;
        met.long += u64::from(caused >= 20);
    }
    Ok(met)
}

/// Tries each command in every room from none to what was said: all of it, or nothing at all.
fn attempt_in_every_room<E: Bounded>(commands: &[Command], _: (usize, usize)) -> Result<Met, Failure> {
    /// More than this is tried in steps.
    const ROOMS: u64 = 64;
    let [mut applied, mut upwards, mut with_all] = core::array::from_fn(|_| E::new_box_zeroed().expect("memory"));
    let mut met = Met::default();
    let mut memory = vec![MaybeUninit::<Event>::uninit(); 8192];
    for (at, c) in commands.iter().enumerate() {
        let fail = |text: String| Err((at, text));
        let said = applied.bound(c);
        let there = events_of(&mut *applied, c);
        if said as usize > memory.len() {
            return fail(format!("said {said}"));
        }
        // From no room on, until there is enough.
        let before = upwards.hash();
        let mut room = 0;
        loop {
            met.rooms += 1;
            let mut sink = SliceSink::new(&mut memory[..room as usize]);
            let answer = upwards.attempt(c, &mut sink);
            let (events, lost) = (sink.events(), sink.lost());
            match answer {
                Ok(()) if lost == 0 && events == there => break,
                Err(no_room) if no_room == WouldBlock::new(said) && room < said && events.is_empty() => {
                    if upwards.hash() != before {
                        return fail(format!("refused with room {room} and said {said}, and something has changed"));
                    }
                }
                answer => {
                    let count = events.len();
                    return fail(format!("room {room}, said {said}: {answer:?}, {count} events, {lost} lost"));
                }
            }
            room += if said < ROOMS || said - room < 4 { 1 } else { (said / ROOMS).min(said - room - 3) };
        }
        let mut sink = SliceSink::new(&mut memory[..said as usize]);
        let answer = with_all.attempt(c, &mut sink);
        if answer.is_err() || sink.lost() > 0 || sink.events() != there {
            return fail(format!("room {said}, as said: {answer:?}, {} events", sink.events().len()));
        }
        if applied.hash() != upwards.hash() || applied.hash() != with_all.hash() {
            return fail("what was tried differs from what was applied".into());
        }
        met.commands += 1;
        met.caused += there.len() as u64;
        met.said += said;
    }
    Ok(met)
}

type Check = fn(&[Command], (usize, usize)) -> Result<Met, Failure>;

/// `check`, and a panic is a failure too.
fn caught(check: Check, commands: &[Command], room: (usize, usize)) -> Result<Met, Failure> {
    catch_unwind(AssertUnwindSafe(|| check(commands, room)))
        .unwrap_or_else(|_| Err((commands.len() - 1, "panic".into())))
}

/// Leaves out commands as long as the rest still fails. Definitions stay.
fn shrink(check: Check, commands: &[Command], room: (usize, usize)) -> Vec<Command> {
    let mut left = commands.to_vec();
    let mut chunk = left.len().div_ceil(2);
    while chunk > 0 {
        let (mut at, mut shorter) = (0, false);
        while at < left.len() {
            let mut fewer: Vec<Command> = left[..at].to_vec();
            let end = (at + chunk).min(left.len());
            fewer.extend(left[at..end].iter().filter(|c| c.op() == Op::Instrument));
            fewer.extend(&left[end..]);
            if fewer.len() < left.len() && caught(check, &fewer, room).is_err() {
                left = fewer;
                shorter = true;
            } else {
                at += chunk;
            }
        }
        if !shorter || chunk > 1 {
            chunk /= 2;
        }
    }
    left
}

fn run(flavour: &Flavour, seed: u64, len: usize, checks: [Check; 3]) -> Met {
    let commands = Stream::new(flavour, seed).commands(len);
    let check = match flavour.room {
        (12, 5) => checks[0],
        (64, 16) => checks[1],
        _ => checks[2],
    };
    let (at, first) = match caught(check, &commands, flavour.room) {
        Ok(met) => return met,
        Err(failure) => failure,
    };
    let hook = std::panic::take_hook();
    std::panic::set_hook(Box::new(|_| {})); // the attempts would fill the screen
    let short = shrink(check, &commands[..=at], flavour.room);
    let failure = caught(check, &short, flavour.room);
    std::panic::set_hook(hook);
    let list: String = short.iter().map(|c| format!("  {c:?}\n")).collect();
    panic!("flavour {:?}, seed {seed}: {first}\n{} commands:\n{list}{failure:?}", flavour.name, short.len());
}

fn number(name: &str, or: u64) -> u64 {
    std::env::var(name).map_or(or, |text| text.parse().unwrap_or_else(|_| panic!("{name} is a number")))
}

#[test]
fn no_command_of_the_streams_causes_more_than_was_said() {
    let commands = number("VVP_EVENTS_MAX_COMMANDS", 100_000);
    let mut seed = number("VVP_EVENTS_MAX_SEED", 0);
    let (mut all, mut turn) = (Met::default(), 0);
    let (plain, hard) = (flavours(), hard_flavours());
    while all.commands < commands {
        // Half of the commands are those of the hard flavours.
        for flavour in hard.iter().cycle().take(3 * hard.len()).chain(&plain) {
            seed += 1;
            let len = if turn == 0 { flavour.len.min(250) } else { flavour.len.min(1000) };
            all.add(&run(flavour, seed, len, [compare::<Full>, compare::<Small>, compare::<Normal>]));
        }
        turn += 1;
    }
    println!("{all:?}");
    assert!(all.long > all.commands / 1000, "long answers are rare: {all:?}");
    // It is of use: exact for most commands, and not far off in all.
    assert!(all.exact * 2 > all.commands, "{all:?}");
}

#[test]
fn try_apply_does_all_or_nothing_in_every_room() {
    let mut all = Met::default();
    for seed in 0..4 {
        for flavour in hard_flavours().iter().chain(&flavours()) {
            let checks: [Check; 3] =
                [attempt_in_every_room::<Full>, attempt_in_every_room::<Small>, attempt_in_every_room::<Normal>];
            all.add(&run(flavour, 77 + seed, flavour.len.min(150), checks));
        }
    }
    println!("{all:?}");
    assert!(all.commands > 10_000 && all.rooms > 3 * all.commands, "{all:?}");
}

// ---- by hand: one for each thing that a line can use up ---------------------------------------------------------

fn started() -> Box<Small> {
    let mut engine = Small::new_box_zeroed().expect("memory");
    let x = Command::instrument(InstrumentId::new(0), &InstrumentSpec::new(Symbol::X));
    engine.apply(&x, &mut FnSink(|_| {}));
    engine
}

fn limit(id: u64, side: Side, price: i64, qty: u64) -> Command {
    Command::limit(OrderId::new(id), side, Price::new(price), Qty::new(qty))
}

fn stop(id: u64, side: Side, price: i64, qty: u64) -> Command {
    Command::stop(OrderId::new(id), side, Price::new(price), Qty::new(qty))
}

/// What is said of the last of these commands, and what it then causes.
fn said_and_caused(commands: &[Command]) -> (u64, u64) {
    let mut engine = started();
    let mut answer = (0, 0);
    for c in commands {
        answer = (engine.events_max(c), events_of(&mut *engine, c).len() as u64);
    }
    answer
}

/// Sell 7 at 97; sell stop 98 for 11; buy 14 at 102 showing 1.
fn iceberg_that_sets_off_a_stop() -> [Command; 3] {
    [limit(27, Side::Sell, 97, 7), stop(8, Side::Sell, 98, 11), limit(40, Side::Buy, 102, 14).display(Qty::new(1))]
}

#[test]
fn slices_of_an_iceberg_hit_by_the_stop_that_it_set_off_are_counted() {
    assert_eq!(said_and_caused(&iceberg_that_sets_off_a_stop()), (11, 11));
}

#[test]
fn try_apply_into_a_queue_of_8_refuses_what_has_11_events() {
    let queue = Spsc::<Event, 8>::new();
    let mut sink = QueueSink::new(queue.producer().expect("free"), Spin);
    let mut engine = started();
    let [ask, stop, iceberg] = iceberg_that_sets_off_a_stop();
    for c in [ask, stop] {
        engine.apply(&c, &mut FnSink(|_| {}));
    }
    let before = engine.state_hash();
    assert_eq!(engine.try_apply(&iceberg, &mut sink), Err(WouldBlock::new(11)));
    assert_eq!((engine.state_hash(), sink.room()), (before, 8));
}

#[test]
fn slices_of_a_replaced_iceberg_hit_by_its_stop_are_counted() {
    let to = Replacement { price: Some(Price::new(102)), ..Replacement::default() };
    let (said, caused) = said_and_caused(&[
        limit(27, Side::Sell, 97, 7),
        limit(40, Side::Buy, 90, 14).display(Qty::new(1)),
        stop(8, Side::Sell, 98, 11),
        Command::replace(OrderId::new(40), to),
    ]);
    assert_eq!((said, caused), (11, 11));
}

#[test]
fn rest_of_a_stop_limit_hit_by_the_next_stop_is_counted() {
    let (said, caused) = said_and_caused(&[
        limit(1, Side::Sell, 100, 1),
        Command::stop_limit(OrderId::new(2), Side::Buy, Price::new(100), Price::new(99), Qty::new(3)),
        stop(3, Side::Sell, 100, 5),
        limit(4, Side::Buy, 100, 1),
    ]);
    // Accepted, trade; triggered and rests; triggered, trade, no more buyers. The ask and an end of the stop_limit were
    // still to be had as far as the bound can tell.
    assert_eq!((said, caused), (8, 6));
}

#[test]
fn decrements_of_stops_count_two_lines_each() {
    let (one, decrement) = (OwnerId::new(1), SelfTradePrevention::Decrement);
    let (said, caused) = said_and_caused(&[
        limit(1, Side::Sell, 100, 1),
        limit(2, Side::Sell, 101, 1).owner(one),
        limit(3, Side::Sell, 102, 1).owner(one),
        limit(4, Side::Sell, 103, 5).owner(one),
        stop(5, Side::Buy, 100, 3).owner(one).self_trade(decrement),
        limit(6, Side::Buy, 100, 1),
    ]);
    // Accepted, trade; triggered, two makers and what is left of it, the third one and the stop's end.
    assert_eq!((said, caused), (9, 9));
}

#[test]
fn an_uncross_has_one_trade_less_than_slices_and_the_stops_follow() {
    let auction = Command::phase(Phase::Auction);
    let (said, caused) = said_and_caused(&[
        auction,
        limit(1, Side::Buy, 101, 4).display(Qty::new(1)),
        limit(2, Side::Sell, 100, 4).display(Qty::new(2)),
        limit(3, Side::Buy, 90, 9).display(Qty::new(1)), // does not cross
        Command::phase(Phase::Continuous),
    ]);
    // Phase, uncross, 4 trades of the 5 that six slices allow.
    assert_eq!((said, caused), (7, 6));
}

#[test]
fn orders_that_expire_first_open_the_way_to_what_lies_behind() {
    let (said, caused) = said_and_caused(&[
        limit(1, Side::Sell, 100, 5).expires(10),
        limit(2, Side::Sell, 101, 1),
        limit(3, Side::Sell, 102, 1),
        limit(4, Side::Buy, 102, 2).tif(TimeInForce::Ioc).at(10),
    ]);
    assert_eq!((said, caused), (4, 4)); // expired, accepted, two trades
}

#[test]
fn a_trailing_stop_at_the_end_of_all_prices_is_hit_on_its_anchor() {
    let (said, caused) = said_and_caused(&[
        Command::trailing_stop(OrderId::new(1), Side::Sell, u64::MAX, Qty::new(1)),
        limit(2, Side::Sell, i64::MIN, 1),
        limit(3, Side::Buy, i64::MIN, 1),
    ]);
    assert_eq!((said, caused), (4, 4)); // accepted, trade; triggered, no buyers
}

#[test]
fn a_look_that_must_fail_has_two_events_whatever_it_could_set_off() {
    let (said, caused) = said_and_caused(&[
        limit(1, Side::Sell, 100, 5),
        stop(2, Side::Buy, 100, 9),
        limit(3, Side::Buy, 100, 6).tif(TimeInForce::Fok),
    ]);
    assert_eq!((said, caused), (2, 2));
    let few = limit(3, Side::Buy, 100, 9).tif(TimeInForce::Ioc).min_qty(Qty::new(6));
    assert_eq!(said_and_caused(&[limit(1, Side::Sell, 100, 5), few]), (2, 2));
}

#[test]
fn an_iceberg_that_is_refused_has_one_event() {
    let thin = limit(2, Side::Buy, 100, 1001).display(Qty::new(1));
    assert_eq!(said_and_caused(&[limit(1, Side::Sell, 100, 5), thin]), (1, 1));
}

#[test]
fn every_kind_of_command_is_in_the_streams() {
    let mut met = [0u64; 16];
    let mut types = [0u64; 8];
    for flavour in hard_flavours().iter().chain(&flavours()) {
        for c in Stream::new(flavour, 5).commands(200) {
            met[c.op() as usize] += 1;
            if c.op() == Op::New {
                types[c.order_type() as usize] += 1;
            }
        }
    }
    assert!(Op::ALL.iter().all(|&op| met[op as usize] > 0), "{met:?}");
    assert!(OrderType::ALL.iter().all(|&kind| types[kind as usize] > 100), "{types:?}");
}
