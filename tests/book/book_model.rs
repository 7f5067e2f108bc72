//! The engine against the reference model: every event and the book, over random command streams of
//! every flavour.
//!
//! A difference is shrunk to a short list of commands before it is printed. A long run takes any
//! number of commands, from any seed, and prints the coverage:
//!
//! ```text
//! VVP_MODEL_COMMANDS=100000000 VVP_MODEL_SEED=7000000 cargo test --release --test book every_flavour_agrees -- --nocapture
//! ```
//!
//! That run on 2026-11-22: 16 minutes, no difference.

use crate::engines::{self, FewLevels, Full, INSTRUMENTS, Normal, OWNERS, Tight, Tiny};
use proptest::prelude::*;
use std::panic::{AssertUnwindSafe, catch_unwind};
use vvp_core::book::{
    Book, BookView, Command, DepthLevel, Event, FillCost, InstrumentId, InstrumentSpec, OrderId, OrderType, OwnerId,
    Phase, Price, Qty, QueuePosition, Replacement, RestingOrder, SelfTradePrevention, Side, StateHash, Symbol,
    TimeInForce,
};
use vvp_core::engine::{Engine, Matcher};
use vvp_testkit::flavours::{Flavour, flavours};
use vvp_testkit::sinks::events_of;
use vvp_testkit::streams::Stream;
use vvp_testkit::{Coverage, Model};
use zerocopy::FromZeros;

/// The first command where engine and model differ.
#[derive(Debug)]
struct Difference {
    at: usize,
    text: String,
}

/// Queries of a real book of any size, beyond [`BookView`].
trait Readable: BookView {
    fn levels_of(&self, side: Side) -> Vec<DepthLevel>;
    /// Orders of a level in the order in which they trade.
    fn queue(&self, side: Side, price: Price) -> Vec<RestingOrder>;
    fn stops(&self) -> usize;
    fn place(&self, id: OrderId) -> Option<QueuePosition>;
    fn cost(&self, side: Side, qty: Qty) -> FillCost;
    fn of(&self, owner: OwnerId) -> Vec<RestingOrder>;
    fn occupied(&self, side: Side) -> usize;
}

impl<const ORDERS: usize, const BLOCKS: usize, const FAR: usize, const STOPS: usize, const IDS: usize, T: StateHash>
    Readable for Book<ORDERS, BLOCKS, FAR, STOPS, IDS, T>
{
    fn levels_of(&self, side: Side) -> Vec<DepthLevel> {
        self.depth(side).collect()
    }

    fn queue(&self, side: Side, price: Price) -> Vec<RestingOrder> {
        self.orders_at(side, price).collect()
    }

    fn stops(&self) -> usize {
        self.untriggered_stops()
    }

    fn place(&self, id: OrderId) -> Option<QueuePosition> {
        self.queue_position(id)
    }

    fn cost(&self, side: Side, qty: Qty) -> FillCost {
        self.cost_to_fill(side, qty)
    }

    fn of(&self, owner: OwnerId) -> Vec<RestingOrder> {
        self.resting_orders_of(owner).collect()
    }

    fn occupied(&self, side: Side) -> usize {
        self.levels(side)
    }
}

/// An engine of any size, behind a pointer, so that the comparison is compiled once.
trait Checked {
    fn events_of(&mut self, command: &Command) -> Vec<Event>;
    /// Last sequence number, clock, number of instruments.
    fn counters(&self) -> (u64, u64, usize);
    fn spec_of(&self, instrument: InstrumentId) -> Option<InstrumentSpec>;
    fn readable(&self, instrument: InstrumentId) -> Option<&dyn Readable>;
    /// Levels of a side that fit at any price.
    fn far_levels(&self) -> usize;
    /// The engine's own checks.
    fn check(&self) -> Result<(), &'static str>;
}

impl<
    const ORDERS: usize,
    const BLOCKS: usize,
    const FAR: usize,
    const STOPS: usize,
    const IDS: usize,
    T: StateHash + 'static,
> Checked for Engine<Book<ORDERS, BLOCKS, FAR, STOPS, IDS, T>, INSTRUMENTS, OWNERS>
{
    fn events_of(&mut self, command: &Command) -> Vec<Event> {
        events_of(self, command)
    }

    fn counters(&self) -> (u64, u64, usize) {
        (self.seq(), self.clock(), self.instruments())
    }

    fn spec_of(&self, instrument: InstrumentId) -> Option<InstrumentSpec> {
        self.spec(instrument)
    }

    fn readable(&self, instrument: InstrumentId) -> Option<&dyn Readable> {
        self.book(instrument).map(|book| book as &dyn Readable)
    }

    fn far_levels(&self) -> usize {
        FAR
    }

    fn check(&self) -> Result<(), &'static str> {
        self.check_invariants()
    }
}

/// Makes an empty engine of one size.
type Make = fn() -> Box<dyn Checked>;

fn make<E: Checked + FromZeros + 'static>() -> Box<dyn Checked> {
    engines::new::<E>()
}

/// Converts a resting order of the model to the real book's form.
fn resting(order: &vvp_testkit::order::Order) -> RestingOrder {
    RestingOrder {
        id: order.order_id(),
        owner: OwnerId::new(order.owner),
        side: order.side,
        price: Price::new(order.price.expect("it rests")),
        open: Qty::new(order.open),
        visible: Qty::new(if order.hidden { 0 } else { order.slice }),
    }
}

/// Compares all that can be read of the two books.
fn same_book(book: &dyn Readable, model: &vvp_testkit::book::Book) -> Result<(), String> {
    let differ = |what: &str, engine: String, model: String| Err(format!("{what}: engine {engine}, model {model}"));
    if book.phase() != model.phase {
        return differ("phase", book.phase().to_string(), model.phase.to_string());
    }
    let last = model.last.map(Price::new);
    if book.last() != last {
        return differ("last", format!("{:?}", book.last()), format!("{last:?}"));
    }
    if book.resting_orders() != model.orders.len() {
        return differ("resting orders", book.resting_orders().to_string(), model.orders.len().to_string());
    }
    for order in model.orders.values() {
        let (here, there) = (book.place(order.order_id()), model.queue_position(order.id));
        if here != there {
            return differ(&format!("place of order {}", order.id), format!("{here:?}"), format!("{there:?}"));
        }
    }
    for owner in [0, 7, u32::MAX] {
        let both = [Side::Buy, Side::Sell].into_iter().flat_map(|side| model.queue_order(side));
        let there: Vec<RestingOrder> = both.filter(|o| o.owner == owner).map(resting).collect();
        let here = book.of(OwnerId::new(owner));
        if here != there {
            return differ(&format!("orders of owner {owner}"), format!("{here:?}"), format!("{there:?}"));
        }
    }
    if book.stops() != model.stops.len() {
        return differ("untriggered stops", book.stops().to_string(), model.stops.len().to_string());
    }
    for side in [Side::Buy, Side::Sell] {
        for price in model.prices(side) {
            let level = model.queue_order(side).into_iter().filter(|o| o.price == Some(price));
            let there: Vec<RestingOrder> = level.map(resting).collect();
            let here = book.queue(side, Price::new(price));
            if here != there {
                return differ(&format!("{side} queue at {price}"), format!("{here:?}"), format!("{there:?}"));
            }
        }
        if book.occupied(side) != model.levels(side).len() {
            let (here, there) = (book.occupied(side), model.levels(side).len());
            return differ(&format!("{side} level count"), here.to_string(), there.to_string());
        }
        let total: u128 = model.queue_order(side).iter().map(|o| u128::from(o.open)).sum();
        let some = u64::try_from(total / 3 * 2).unwrap_or(u64::MAX);
        for qty in [0, 1, some, u64::MAX] {
            let (here, there) = (book.cost(side, Qty::new(qty)), model.cost_to_fill(side, qty));
            if here != there {
                return differ(&format!("cost to {side} {qty}"), format!("{here:?}"), format!("{there:?}"));
            }
        }
        let here: Vec<(Price, Qty, u32)> = book.levels_of(side).iter().map(|l| (l.price, l.qty, l.orders)).collect();
        let there = model.depth(side);
        if here != there {
            return differ(&format!("{side} levels"), format!("{here:?}"), format!("{there:?}"));
        }
    }
    Ok(())
}

/// Applies the commands to both; compares the books after every `every`-th command and after the
/// last.
fn compare(make: Make, commands: &[Command], room: (usize, usize), every: usize) -> Result<Coverage, Difference> {
    let mut engine = make();
    let mut model = Model::new(room.0, room.1).with_owners(OWNERS).with_far_levels(engine.far_levels());
    for (at, command) in commands.iter().enumerate() {
        let differ = |text: String| Err(Difference { at, text: format!("command {at}: {command:?}\n{text}") });
        let Ok(here) = catch_unwind(AssertUnwindSafe(|| engine.events_of(command))) else {
            return differ("the engine panics".into());
        };
        let Ok(compared) = catch_unwind(AssertUnwindSafe(|| {
            let compared = model.compare(command, &here);
            model.check();
            compared
        })) else {
            return differ(format!("the model panics; the engine says\n{here:#?}"));
        };
        if let Err(there) = compared {
            let first = here.iter().zip(&there).position(|(a, b)| a != b).unwrap_or(here.len().min(there.len()));
            let list = |events: &[Event]| events.iter().map(|e| format!("  {e:?}\n")).collect::<String>();
            return differ(format!(
                "first difference at event {first}\nengine:\n{}model:\n{}",
                list(&here),
                list(&there)
            ));
        }
        if at % every == 0 || at + 1 == commands.len() {
            let (here, there) = (engine.counters(), (model.seq, model.clock, model.books.len()));
            if here != there {
                return differ(format!("seq, clock, instruments: engine {here:?}, model {there:?}"));
            }
            if let Err(text) = engine.check() {
                return differ(format!("the engine's invariants: {text}"));
            }
            for book in &model.books {
                let id = InstrumentId::new(book.index);
                assert_eq!(engine.spec_of(id), Some(book.spec));
                if let Err(text) = same_book(engine.readable(id).expect("defined"), book) {
                    return differ(format!("the books of instrument {id} differ: {text}"));
                }
            }
        }
    }
    Ok(model.coverage().clone())
}

/// Removes commands while the rest still differs.
fn shrink(commands: &[Command], differs: &dyn Fn(&[Command]) -> bool) -> Vec<Command> {
    let mut left = commands.to_vec();
    let mut chunk = left.len().div_ceil(2);
    while chunk > 0 {
        let mut at = 0;
        let mut shorter = false;
        while at < left.len() {
            let mut fewer = left.clone();
            fewer.drain(at..(at + chunk).min(left.len()));
            if differs(&fewer) {
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

/// Compares one stream; on a difference panics with the shortest list of commands that was found.
fn check(make: Make, what: &str, commands: &[Command], room: (usize, usize), every: usize) -> Coverage {
    let found = match compare(make, commands, room, every) {
        Ok(coverage) => return coverage,
        Err(found) => found,
    };
    let hook = std::panic::take_hook();
    std::panic::set_hook(Box::new(|_| {})); // the panics of the attempts would fill the screen
    // Instruments must be defined in order: definitions stay.
    let definitions = commands.iter().take_while(|c| c.instrument_spec().is_some()).count();
    let (head, tail) = commands[..=found.at].split_at(definitions.min(found.at + 1));
    let whole = |tail: &[Command]| [head, tail].concat();
    let short = shrink(tail, &|tail| compare(make, &whole(tail), room, 1).is_err());
    std::panic::set_hook(hook);
    let short = whole(&short);
    let list: String = short.iter().map(|c| format!("  {c:?}\n")).collect();
    let found = compare(make, &short, room, 1).expect_err("the short list differs too");
    panic!("{what}: engine and model differ\n{} commands:\n{list}{}", short.len(), found.text);
}

fn check_flavour(flavour: &Flavour, seed: u64, len: usize, every: usize) -> Coverage {
    let what = format!("flavour {:?}, seed {seed}", flavour.name);
    let commands = Stream::new(flavour, seed).commands(len);
    if flavour.room == (12, 5) {
        check(make::<Full>, &what, &commands, flavour.room, every)
    } else {
        check(make::<Normal>, &what, &commands, flavour.room, every)
    }
}

/// Commands in the long run: a million unless `VVP_MODEL_COMMANDS` says otherwise.
fn long_run() -> u64 {
    match std::env::var("VVP_MODEL_COMMANDS") {
        Ok(text) => text.parse().expect("VVP_MODEL_COMMANDS is a number of commands"),
        Err(_) => 1_000_000,
    }
}

/// Runs the flavours one after another, until the commands are used up; then prints the coverage.
#[test]
fn every_flavour_agrees_and_meets_every_rule() {
    let mut all = Coverage::default();
    let commands = long_run();
    let mut seed: u64 =
        std::env::var("VVP_MODEL_SEED").map_or(0, |text| text.parse().expect("VVP_MODEL_SEED is a number"));
    let flavours = flavours();
    while all.commands < commands {
        for flavour in &flavours {
            let end = all.commands + 5000;
            while all.commands < end {
                seed += 1;
                // Books are compared after each command of every fourth stream, and after every
                // 61st of the others.
                let every = if seed.is_multiple_of(4) { 1 } else { 61 };
                all.add(&check_flavour(flavour, seed, flavour.len, every));
            }
        }
        // Levels run out in these types; the model checks that each `levels_full` is allowed.
        for flavour in &flavours {
            let wide = ["jumps", "anywhere", "ends", "stops"].contains(&flavour.name);
            let what = |shape: &str| format!("{shape}, flavour {:?}, seed {seed}", flavour.name);
            let commands = Stream::new(flavour, seed).commands(if wide { 5000 } else { 500 });
            if wide {
                all.add(&check(make::<FewLevels>, &what("few levels"), &commands, (1000, 200), 7));
            }
            all.add(&check(make::<Tight>, &what("tight"), &commands, (50, 6), 7));
            all.add(&check(make::<Tiny>, &what("tiny"), &commands[..commands.len() / 8], (1, 0), 1));
            seed += 1;
        }
    }
    let (table, missed) = all.report();
    println!("{table}");
    assert!(missed.is_empty(), "the streams never met: {missed:#?}\n(in {} commands)", all.commands);
}

// ---- short streams, made and shrunk by proptest
// ----------------------------------------------------------

/// One step of a short stream, in small numbers that shrink to readable commands.
#[derive(Clone, Debug)]
struct Step {
    op: u8,
    id: u64,
    owner: u32,
    sell: bool,
    price: i64,
    stop: i64,
    qty: u64,
    extra: u64,
    tif: u8,
    stp: u8,
    option: u8,
    later: Option<u64>,
}

prop_compose! {
    fn step()(
        op in 0u8..24, id in 0u64..9, owner in 0u32..3, sell: bool, price in -3i64..4, stop in -3i64..4, qty in 1u64..10,
        extra in 0u64..5, tif in 0u8..8, stp in 0u8..5, option in 0u8..8, later in proptest::option::of(0u64..3),
    ) -> Step {
        Step { op, id, owner, sell, price, stop, qty, extra, tif, stp, option, later }
    }
}

impl Step {
    fn command(&self, clock: &mut u64) -> Command {
        let (id, qty, price, stop) =
            (OrderId::new(self.id), Qty::new(self.qty), Price::new(self.price), Price::new(self.stop));
        let side = if self.sell { Side::Sell } else { Side::Buy };
        let c = match self.op {
            0..=8 => self.options(Command::limit(id, side, price, qty), *clock),
            9 => self.options(Command::market(id, side, qty), *clock),
            10 => self.options(Command::stop(id, side, stop, qty), *clock),
            11 | 12 => self.options(Command::stop_limit(id, side, stop, price, qty), *clock),
            13 => self.options(Command::trailing_stop(id, side, self.extra, qty), *clock),
            14 | 15 => Command::cancel(id),
            16 => Command::reduce(id, Qty::new(self.extra)),
            17..=19 => Command::replace(
                id,
                Replacement {
                    price: (self.option & 1 != 0).then_some(price),
                    stop: (self.option & 2 != 0 && self.extra == 0).then_some(stop),
                    qty: (self.option & 1 == 0 || self.option & 4 != 0).then_some(qty),
                    lose_priority: self.sell && self.option & 2 == 0,
                },
            ),
            20 => Command::mass_cancel(OwnerId::new(self.owner), (self.option < 4).then_some(side)),
            21 => Command::phase(Phase::Auction),
            22 => Command::phase(Phase::ALL[usize::from(self.option % 4)]),
            _ => Command::phase(Phase::Continuous),
        };
        match self.later {
            Some(by) => {
                *clock += by;
                c.with_ts(*clock)
            }
            None => c,
        }
    }

    fn options(&self, c: Command, clock: u64) -> Command {
        let c = c.with_owner(OwnerId::new(self.owner)).with_self_trade(SelfTradePrevention::ALL[usize::from(self.stp)]);
        let c = match self.tif {
            0..=2 => c,
            3 => c.with_tif(TimeInForce::Day),
            4 | 5 => c.with_expiry(clock + self.extra),
            6 => c.with_tif(TimeInForce::Ioc),
            _ => c.with_tif(TimeInForce::Fok),
        };
        let limit = c.order_type() == OrderType::Limit;
        match self.option {
            0 | 1 if limit && self.tif < 6 => c.with_display_qty(Qty::new(self.extra)),
            2 if limit && self.tif < 6 => c.with_hidden(),
            3 if limit && self.tif < 6 => c.with_post_only(),
            0..4 if limit && self.tif == 6 => c.with_min_qty(Qty::new(self.extra)),
            0..3 if !c.order_type().has_limit() => c.with_protection(self.extra),
            _ => c,
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 200, max_shrink_iters: 20_000, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn short_streams_agree(steps in proptest::collection::vec(step(), 1..200), reference in proptest::option::of(-2i64..3)) {
        let mut clock = 0;
        let mut spec = InstrumentSpec::new(Symbol::X);
        spec.reference = reference.map(Price::new);
        let mut commands = vec![Command::instrument(InstrumentId::new(0), &spec)];
        commands.extend(steps.iter().map(|s| s.command(&mut clock)));
        for c in &commands {
            prop_assert!(c.is_well_formed(), "{c:?}");
        }
        if let Err(found) = compare(make::<Normal>, &commands, (1000, 200), 1) {
            let list: String = commands[..=found.at].iter().map(|c| format!("  {c:?}\n")).collect();
            prop_assert!(false, "engine and model differ\n{list}{}", found.text);
        }
    }
}
