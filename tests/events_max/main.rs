//! The bound `events_max` against the events that a command then causes, over random command
//! streams of every flavour and of some that are hard on the bound: icebergs with small slices and
//! stops around them, self-trade prevention, auctions, orders that expire with the same command.
//! And `try_apply` into sinks of every room.
//!
//! A stream that fails is shrunk to a short list of commands before it is printed. A long run takes
//! any number of commands, from any seed:
//!
//! ```text
//! VVP_EVENTS_MAX_COMMANDS=10000000 VVP_EVENTS_MAX_SEED=7000000 cargo test --release --test events_max never_exceed -- --nocapture
//! ```
//!
//! `scripts/bound-twins.sh` runs it with mutated bounds that each leave out one term; each must be
//! caught.

mod by_hand;
mod try_apply;

use core::mem::MaybeUninit;
use std::panic::{AssertUnwindSafe, catch_unwind};
use vvp_core::book::{
    Book, BookView, BoundedSink, Command, Event, InstrumentId, Op, OrderType, Qty, SelfTradePrevention, Side,
    SliceSink, WithStateHash,
};
use vvp_core::book_type;
use vvp_core::engine::{Engine, Matcher, WouldBlock};
use vvp_testkit::Model;
use vvp_testkit::flavours::{Flavour, Prices, Sizes, flavours};
use vvp_testkit::sinks::events_of;
use vvp_testkit::streams::Stream;
use zerocopy::FromZeros;

const INSTRUMENTS: usize = vvp_testkit::engine::MAX_INSTRUMENTS;

type Normal = Engine<
    book_type!(orders: 1000, ticks_per_side: 256, far_levels: 1024, stops: 200, state_hash: WithStateHash),
    INSTRUMENTS,
    16,
>;
type Full = Engine<Book<12, 4, 64, 5, 64, WithStateHash>, INSTRUMENTS, 16>;
type Small = Engine<
    book_type!(orders: 64, ticks_per_side: 64, far_levels: 64, stops: 16, state_hash: WithStateHash),
    INSTRUMENTS,
    16,
>;

/// An engine of any size, behind a pointer, so that what is tested of it is compiled once.
trait Bounded {
    fn events_of(&mut self, command: &Command) -> Vec<Event>;
    fn bound(&self, command: &Command) -> u64;
    fn attempt(&mut self, command: &Command, sink: &mut dyn BoundedSink) -> Result<(), WouldBlock>;
    fn hash(&self) -> u64;
    fn check(&self) -> Result<(), &'static str>;
    /// Everything that can be read of the engine, as text.
    fn picture(&self) -> String;
}

impl<const ORDERS: usize, const BLOCKS: usize, const FAR: usize, const STOPS: usize, const IDS: usize> Bounded
    for Engine<Book<ORDERS, BLOCKS, FAR, STOPS, IDS, WithStateHash>, INSTRUMENTS, 16>
{
    fn events_of(&mut self, command: &Command) -> Vec<Event> {
        events_of(self, command)
    }

    fn bound(&self, command: &Command) -> u64 {
        self.events_max(command)
    }

    fn attempt(&mut self, command: &Command, mut sink: &mut dyn BoundedSink) -> Result<(), WouldBlock> {
        self.try_apply(command, &mut sink)
    }

    fn hash(&self) -> u64 {
        self.state_hash()
    }

    fn check(&self) -> Result<(), &'static str> {
        self.check_invariants()
    }

    fn picture(&self) -> String {
        let mut text = format!("{} {}", self.seq(), self.clock());
        for i in 0..self.instruments() {
            let book = self.book(InstrumentId::new(i as u16)).expect("defined");
            text += &format!("\n{:?} {:?} {:?}", book.phase(), book.last(), book.counts());
            for side in [Side::Buy, Side::Sell] {
                for level in book.depth(side) {
                    text += &format!("{level:?}{:?}", book.orders_at(side, level.price).collect::<Vec<_>>());
                }
            }
        }
        text
    }
}

/// Makes an empty engine of one size.
type Make = fn() -> Box<dyn Bounded>;

fn make<E: Bounded + FromZeros + 'static>() -> Box<dyn Bounded> {
    E::new_box_zeroed().expect("memory for an engine")
}

/// Returns the engine whose capacities are those of the flavour.
fn make_for(flavour: &Flavour) -> Make {
    match flavour.room {
        (12, 5) => make::<Full>,
        (64, 16) => make::<Small>,
        _ => make::<Normal>,
    }
}

// ---- the streams
// ---------------------------------------------------------------------------------------------

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

/// Returns the greatest bound that the docs allow, from counts of the model's book alone.
fn documented_bound(model: &Model, c: &Command) -> u64 {
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
        None if is_new => (c.qty().lots(), c.display_qty().map(Qty::lots), c.self_trade()),
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
    // Without stops an order has no more lines than lots, and 2; with self-trade prevention twice
    // that.
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
struct Tally {
    commands: u64,
    /// Commands that caused exactly as many events as their bound.
    exact: u64,
    /// Sum of the bounds.
    bounds: u64,
    /// Sum of the events.
    events: u64,
    /// Commands with 20 events or more.
    long: u64,
    /// Rooms in which `try_apply` was tried.
    rooms: u64,
}

impl Tally {
    fn add(&mut self, other: &Self) {
        self.commands += other.commands;
        self.exact += other.exact;
        self.bounds += other.bounds;
        self.events += other.events;
        self.long += other.long;
        self.rooms += other.rooms;
    }
}

/// The index of the command that fails, and how it does.
type Failure = (usize, String);

/// Compares the bound of each command with its events and with the docs.
fn compare(make: Make, commands: &[Command], room: (usize, usize)) -> Result<Tally, Failure> {
    let mut engine = make();
    let mut model = Model::new(room.0, room.1);
    let mut tally = Tally::default();
    for (at, c) in commands.iter().enumerate() {
        let bound = engine.bound(c);
        let at_most = documented_bound(&model, c);
        model.apply(c);
        let caused = engine.events_of(c).len() as u64;
        if caused > bound {
            return Err((at, format!("bound {bound}, but caused {caused} events")));
        }
        if bound > at_most {
            return Err((at, format!("bound {bound}, but the docs say at most {at_most}")));
        }
        tally.commands += 1;
        tally.exact += u64::from(caused == bound);
        tally.bounds += bound;
        tally.events += caused;
        tally.long += u64::from(caused >= 20);
    }
    Ok(tally)
}

/// Tries each command in every room from 0 to its bound: it does all of the command, or nothing.
fn attempt_in_every_room(make: Make, commands: &[Command], _: (usize, usize)) -> Result<Tally, Failure> {
    /// Bounds above this are tried in steps.
    const ROOMS: u64 = 64;
    let [mut applied, mut upwards, mut with_all] = core::array::from_fn(|_| make());
    let mut tally = Tally::default();
    let mut memory = vec![MaybeUninit::<Event>::uninit(); 8192];
    for (at, c) in commands.iter().enumerate() {
        let fail = |text: String| Err((at, text));
        let bound = applied.bound(c);
        let expected = applied.events_of(c);
        if bound as usize > memory.len() {
            return fail(format!("bound {bound}"));
        }
        // From room 0 upwards, until there is enough.
        let before = upwards.hash();
        let mut room = 0;
        loop {
            tally.rooms += 1;
            let mut sink = SliceSink::new(&mut memory[..room as usize]);
            let outcome = upwards.attempt(c, &mut sink);
            let (events, lost) = (sink.events(), sink.lost());
            match outcome {
                Ok(()) if lost == 0 && events == expected => break,
                Err(no_room) if no_room == WouldBlock::new(bound) && room < bound && events.is_empty() => {
                    if upwards.hash() != before {
                        return fail(format!("refused in room {room} of bound {bound}, but the state has changed"));
                    }
                }
                outcome => {
                    let count = events.len();
                    return fail(format!("room {room}, bound {bound}: {outcome:?}, {count} events, {lost} lost"));
                }
            }
            room += if bound < ROOMS || bound - room < 4 { 1 } else { (bound / ROOMS).min(bound - room - 3) };
        }
        let mut sink = SliceSink::new(&mut memory[..bound as usize]);
        let outcome = with_all.attempt(c, &mut sink);
        if outcome.is_err() || sink.lost() > 0 || sink.events() != expected {
            return fail(format!("room {bound}, as bounded: {outcome:?}, {} events", sink.events().len()));
        }
        if applied.hash() != upwards.hash() || applied.hash() != with_all.hash() {
            return fail("try_apply and apply lead to different states".into());
        }
        tally.commands += 1;
        tally.events += expected.len() as u64;
        tally.bounds += bound;
    }
    Ok(tally)
}

type Check = fn(Make, &[Command], (usize, usize)) -> Result<Tally, Failure>;

/// Runs `check`; a panic is a failure too.
fn caught(check: Check, commands: &[Command], flavour: &Flavour) -> Result<Tally, Failure> {
    catch_unwind(AssertUnwindSafe(|| check(make_for(flavour), commands, flavour.room)))
        .unwrap_or_else(|_| Err((commands.len() - 1, "panic".into())))
}

/// Removes commands while the rest still fails. Definitions stay.
fn shrink(check: Check, commands: &[Command], flavour: &Flavour) -> Vec<Command> {
    let mut left = commands.to_vec();
    let mut chunk = left.len().div_ceil(2);
    while chunk > 0 {
        let (mut at, mut shorter) = (0, false);
        while at < left.len() {
            let mut fewer: Vec<Command> = left[..at].to_vec();
            let end = (at + chunk).min(left.len());
            fewer.extend(left[at..end].iter().filter(|c| c.op() == Op::Instrument));
            fewer.extend(&left[end..]);
            if fewer.len() < left.len() && caught(check, &fewer, flavour).is_err() {
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

/// Checks one stream; if it fails, panics with the shortest list of commands that was found.
fn run(flavour: &Flavour, seed: u64, len: usize, check: Check) -> Tally {
    let commands = Stream::new(flavour, seed).commands(len);
    let (at, first) = match caught(check, &commands, flavour) {
        Ok(tally) => return tally,
        Err(failure) => failure,
    };
    let hook = std::panic::take_hook();
    std::panic::set_hook(Box::new(|_| {})); // the panics of the attempts would fill the screen
    let short = shrink(check, &commands[..=at], flavour);
    let failure = caught(check, &short, flavour);
    std::panic::set_hook(hook);
    let list: String = short.iter().map(|c| format!("  {c:?}\n")).collect();
    panic!("flavour {:?}, seed {seed}: {first}\n{} commands:\n{list}{failure:?}", flavour.name, short.len());
}

/// Returns the number in an environment variable.
fn number(name: &str, or: u64) -> u64 {
    std::env::var(name).map_or(or, |text| text.parse().unwrap_or_else(|_| panic!("{name} is a number")))
}

#[test]
fn events_never_exceed_the_bound() {
    let commands = number("VVP_EVENTS_MAX_COMMANDS", 100_000);
    let mut seed = number("VVP_EVENTS_MAX_SEED", 0);
    let (mut all, mut round) = (Tally::default(), 0);
    let (normal, hard) = (flavours(), hard_flavours());
    while all.commands < commands {
        // Half of the commands are those of the hard flavours.
        for flavour in hard.iter().cycle().take(3 * hard.len()).chain(&normal) {
            seed += 1;
            let len = if round == 0 { flavour.len.min(250) } else { flavour.len.min(1000) };
            all.add(&run(flavour, seed, len, compare));
        }
        round += 1;
    }
    println!("{all:?}");
    assert!(all.long > all.commands / 1000, "too few commands with many events: {all:?}");
    // The bound is of use: exact for most commands.
    assert!(all.exact * 2 > all.commands, "{all:?}");
}

#[test]
fn try_apply_does_all_or_nothing_in_every_room() {
    let mut all = Tally::default();
    for seed in 0..4 {
        for flavour in hard_flavours().iter().chain(&flavours()) {
            all.add(&run(flavour, 77 + seed, flavour.len.min(150), attempt_in_every_room));
        }
    }
    println!("{all:?}");
    assert!(all.commands > 10_000 && all.rooms > 3 * all.commands, "{all:?}");
}

#[test]
fn streams_contain_every_kind_of_command() {
    let mut ops = [0u64; 16];
    let mut types = [0u64; 8];
    for flavour in hard_flavours().iter().chain(&flavours()) {
        for c in Stream::new(flavour, 5).commands(200) {
            ops[c.op() as usize] += 1;
            if c.op() == Op::New {
                types[c.order_type() as usize] += 1;
            }
        }
    }
    assert!(Op::ALL.iter().all(|&op| ops[op as usize] > 0), "{ops:?}");
    assert!(OrderType::ALL.iter().all(|&kind| types[kind as usize] > 100), "{types:?}");
}
