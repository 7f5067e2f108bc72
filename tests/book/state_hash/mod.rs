//! The state hash: equal for two engines exactly if they are in the same state, whatever commands
//! led there.
//!
//! Two states are the same if their snapshots are, without windows and with ranks for entry stamps
//! (`bytes::canonical`). `check_invariants` compares the incremental hash with one computed from
//! scratch after every command.

use crate::engines::{self, Full, FullHashed, Narrow, Normal, NormalHashed};
use crate::snapshot::Saved;
use crate::snapshot::bytes::{self, HEADER, OWNER, books, canonical, get, put, reseal};
use std::collections::HashMap;
use vvp_core::book::{
    Book, Command, InstrumentId, InstrumentSpec, Limits, OrderId, OwnerId, Phase, Price, Qty, Replacement,
    SelfTradePrevention, Side, Symbol, TimeInForce, WithStateHash,
};
use vvp_core::engine::{Engine, FnWriter, Matcher};
use vvp_testkit::flavours::flavours;
use vvp_testkit::sinks::events_of;
use vvp_testkit::streams::{Rng, Stream};

type Small = Engine<Book<16, 1, 16, 8, 64, WithStateHash>, 2, 4>;

fn saved(engine: &Small) -> Vec<u8> {
    let mut bytes = Vec::new();
    let mut writer = FnWriter(|piece: &[u8]| {
        bytes.extend_from_slice(piece);
        Ok::<(), ()>(())
    });
    engine.save(&mut writer).expect("the closure takes all");
    bytes
}

/// After every command the hash is that of the state, the same with other capacities and after a
/// restore; and the hash changes no event.
#[test]
fn hash_follows_the_state_with_any_capacities() {
    for (i, flavour) in flavours().iter().enumerate() {
        if flavour.room == (12, 5) {
            continue;
        }
        let seed = 900 + i as u64;
        let mut rng = Rng::new(seed);
        let (mut one, mut off, mut other) =
            (engines::new::<NormalHashed>(), engines::new::<Normal>(), engines::new::<Narrow>());
        for (n, command) in Stream::new(flavour, seed).commands(flavour.len.min(2000)).iter().enumerate() {
            let what = || format!("flavour {:?}, seed {seed}, command {n}: {command:?}", flavour.name);
            let events = events_of(&mut *one, command);
            assert_eq!(events, events_of(&mut *off, command), "{}", what());
            assert_eq!(events, events_of(&mut *other, command), "{}", what());
            one.check_invariants().unwrap_or_else(|e| panic!("{e}: {}", what()));
            assert_eq!(one.state_hash(), other.state_hash(), "{}", what());
            if rng.permille(10) {
                let bytes = one.bytes();
                assert_eq!(bytes, off.bytes());
                other.restore(&bytes).expect("it fits");
                other.check_invariants().unwrap_or_else(|e| panic!("{e}: {}", what()));
                assert_eq!(one.state_hash(), other.state_hash(), "{}", what());
            }
        }
    }
}

#[test]
fn hash_follows_the_state_where_room_runs_out() {
    for (i, flavour) in flavours().iter().enumerate() {
        let seed = 1900 + i as u64;
        let (mut one, mut off, mut again) =
            (engines::new::<FullHashed>(), engines::new::<Full>(), engines::new::<FullHashed>());
        for (n, command) in Stream::new(flavour, seed).commands(800).iter().enumerate() {
            assert_eq!(events_of(&mut *one, command), events_of(&mut *off, command));
            one.check_invariants().unwrap_or_else(|e| panic!("{e}: {:?} {seed} {n} {command:?}", flavour.name));
            if n % 50 == 0 {
                again.restore(&off.bytes()).expect("it fits");
                assert_eq!(one.state_hash(), again.state_hash());
            }
        }
    }
}

/// States and their hashes, which must correspond one to one.
#[derive(Default)]
struct Pairs {
    hashes: HashMap<Vec<u8>, u64>,
    states: HashMap<u64, Vec<u8>>,
    /// Snapshots with their entry stamps, to count the states that were reached by different
    /// commands.
    stamps: HashMap<u64, Vec<u8>>,
    met_again: u64,
    met_by_other_commands: u64,
}

impl Pairs {
    fn add(&mut self, engine: &Small) {
        let bytes = saved(engine);
        let (state, hash) = (canonical(&bytes), engine.state_hash());
        if let Some(&known) = self.hashes.get(&state) {
            assert_eq!(known, hash, "one state, two hashes");
            self.met_again += 1;
            let stamps = bytes::without_windows(&bytes);
            self.met_by_other_commands += u64::from(self.stamps[&hash] != stamps);
        }
        if let Some(known) = self.states.get(&hash) {
            assert!(*known == state, "two states, one hash");
        }
        self.stamps.entry(hash).or_insert_with(|| bytes::without_windows(&bytes));
        self.hashes.insert(state.clone(), hash);
        self.states.insert(hash, state);
    }
}

/// Returns a command from a set so small that different streams often lead to one state.
fn small_command(rng: &mut Rng) -> Command {
    let id = OrderId::new(rng.below(3));
    let side = if rng.permille(700) { Side::Buy } else { Side::Sell };
    let price = Price::new(10 + rng.below(2) as i64);
    let qty = Qty::new(1 + rng.below(2));
    match rng.below(24) {
        0..6 => Command::limit(id, side, price, qty),
        6 => Command::limit(id, side, price, Qty::new(2)).with_display_qty(Qty::new(1)),
        7 => Command::limit(id, side, price, qty).with_hidden(),
        8 => Command::limit(id, side, price, qty).with_owner(OwnerId::new(1)).with_tif(TimeInForce::Day),
        9..15 => Command::cancel(id),
        15 => Command::reduce(id, Qty::new(1)),
        16..19 => Command::replace(id, Replacement { price: Some(price), qty: Some(qty), ..Replacement::default() }),
        19 => Command::stop(id, side, price, qty),
        20 => Command::trailing_stop(id, side, 1 + rng.below(2), qty),
        21 => Command::limits(OwnerId::new(1), &Limits { blocked: rng.permille(300), ..Limits::default() }),
        22 => Command::mass_cancel(OwnerId::new(rng.below(2) as u32), None),
        _ => Command::phase(if rng.permille(600) { Phase::Continuous } else { Phase::Auction }),
    }
}

#[test]
fn hashes_are_equal_exactly_if_the_states_are() {
    let mut rng = Rng::new(77);
    let mut pairs = Pairs::default();
    let definition = Command::instrument(InstrumentId::new(0), &InstrumentSpec::new(Symbol::X));
    for _ in 0..20_000 {
        let mut small = engines::new::<Small>();
        events_of(&mut *small, &definition);
        for _ in 0..14 {
            events_of(&mut *small, &small_command(&mut rng));
            pairs.add(&small);
        }
    }
    println!(
        "{} states, {} of them met again, {} with other stamps",
        pairs.hashes.len(),
        pairs.met_again,
        pairs.met_by_other_commands
    );
    assert!(pairs.hashes.len() > 20_000 && pairs.met_by_other_commands > 5_000);
}

/// Returns an engine with orders and stops of every kind.
fn full_house() -> Box<Small> {
    let mut engine = engines::new::<Small>();
    let id = OrderId::new;
    let limit = |n, side, price, qty| Command::limit(id(n), side, Price::new(price), Qty::new(qty));
    let mut spec = InstrumentSpec::new(Symbol::new(b"AAPL").expect("a symbol"));
    spec.min_price = Some(Price::new(1));
    spec.reference = Some(Price::new(7));
    let limits = Limits { max_qty: Some(Qty::new(1000)), max_notional: Some(1 << 70), ..Limits::default() };
    for command in [
        Command::instrument(InstrumentId::new(0), &spec),
        Command::instrument(InstrumentId::new(1), &InstrumentSpec::new(Symbol::X)),
        Command::limits(OwnerId::new(9), &limits),
        Command::time(1000),
        limit(1, Side::Sell, 110, 10),
        limit(2, Side::Buy, 110, 4),
        limit(3, Side::Buy, 100, 10).with_owner(OwnerId::new(4)),
        limit(4, Side::Buy, 100, 20).with_display_qty(Qty::new(5)),
        limit(11, Side::Buy, 100, 20).with_display_qty(Qty::new(5)),
        limit(5, Side::Buy, 100, 7).with_hidden(),
        limit(6, Side::Buy, 99, 8).with_expiry(5000),
        limit(7, Side::Sell, 111, 9).with_post_only().with_self_trade(SelfTradePrevention::Decrement),
        Command::stop(id(8), Side::Buy, Price::new(120), Qty::new(5)).with_protection(3),
        Command::stop_limit(id(9), Side::Sell, Price::new(90), Price::new(80), Qty::new(5)).with_expiry(6000),
        Command::trailing_stop(id(10), Side::Sell, 7, Qty::new(5)).with_owner(OwnerId::new(9)),
        limit(1, Side::Sell, 50, 3).with_instrument(InstrumentId::new(1)),
    ] {
        events_of(&mut *engine, &command);
    }
    engine
}

/// A change of any single field of the state changes the hash.
#[test]
fn every_field_of_the_state_changes_the_hash() {
    let from = full_house();
    let bytes = saved(&from);
    let [aapl, x] = books(&bytes)[..] else { panic!("two books") };
    let [_, iceberg, iceberg2, hidden, gtd, ask, last_ask] = [0, 1, 2, 3, 4, 5, 6].map(|i| aapl.order(i));
    let first = aapl.order(0);
    let [stop, stop_limit, trailing] = [0, 1, 2].map(|i| aapl.stop(i));
    let book = aapl.book;
    fn swap(b: &mut [u8], one: usize, other: usize) {
        let (left, right) = (get(b, one), get(b, other));
        put(b, one, right);
        put(b, other, left);
    }
    let more = |at: usize| move |b: &mut [u8]| put(b, at, get(b, at) + 1);
    let byte = |at: usize, value: u8| move |b: &mut [u8]| b[at] = value;
    type Change<'a> = (&'a str, Box<dyn Fn(&mut [u8]) + 'a>);
    let changes: Vec<Change<'_>> = vec![
        ("seq", Box::new(more(24))),
        ("clock", Box::new(more(32))),
        ("limits: owner", Box::new(byte(HEADER, 8))),
        ("limits: blocked", Box::new(byte(HEADER + 4, 11))),
        ("limits: max_qty", Box::new(more(HEADER + 8))),
        ("limits: max_orders", Box::new(byte(HEADER + 4, 7))),
        ("limits: max_notional", Box::new(more(HEADER + 24))),
        ("limits: max_notional, high half", Box::new(more(HEADER + 32))),
        ("symbol", Box::new(byte(book, b'B'))),
        ("tick", Box::new(more(book + 16))),
        ("decimals", Box::new(byte(book + 113, 2))),
        ("min_price", Box::new(more(book + 24))),
        ("max_price", Box::new(move |b| (put(b, book + 32, 1 << 40), b[book + 114] |= 2).1)),
        ("reference", Box::new(more(book + 40))),
        ("no reference", Box::new(move |b| (put(b, book + 40, 0), b[book + 114] &= !4).1)),
        ("last", Box::new(move |b| put(b, book + 48, 109))),
        ("last where there was none", Box::new(move |b| b[x.book + 114] |= 8)),
        ("phase", Box::new(byte(book + 112, 2))),
        ("instruments swapped", Box::new(move |b| swap(b, book, x.book))),
        ("id", Box::new(move |b| put(b, first, 77))),
        ("ids of two orders", Box::new(move |b| swap(b, first, gtd))),
        ("ids of an order and a stop", Box::new(move |b| swap(b, first, stop))),
        ("open", Box::new(more(first + 8))),
        (
            "open, from one to another",
            Box::new(move |b| {
                put(b, first + 8, get(b, first + 8) - 1);
                put(b, gtd + 8, get(b, gtd + 8) + 1);
            }),
        ),
        (
            "open, by halves of everything",
            Box::new(move |b| {
                put(b, first + 8, get(b, first + 8) + (1 << 63));
                put(b, gtd + 8, get(b, gtd + 8) + (1 << 63));
            }),
        ),
        ("price", Box::new(move |b| put(b, gtd + 16, 98))),
        ("expires", Box::new(more(gtd + 32))),
        ("display", Box::new(more(iceberg + 40))),
        ("slice", Box::new(move |b| put(b, iceberg + 48, 4))),
        ("slices of two", Box::new(move |b| (put(b, iceberg + 48, 4), put(b, iceberg2 + 40, 6)).1)),
        ("owner", Box::new(byte(first + 56, 5))),
        ("side", Box::new(move |b| (b[gtd + 60] = 1, put(b, gtd + 16, 108)).1)),
        ("day", Box::new(byte(first + 61, 1))),
        ("stp", Box::new(byte(last_ask + 62, 1))),
        ("post_only", Box::new(byte(last_ask + 63, 0))),
        ("not hidden", Box::new(byte(hidden + 63, 0))),
        ("entry order of a bid and an ask", Box::new(move |b| swap(b, gtd + 24, last_ask + 24))),
        ("entry order of bids on two levels", Box::new(move |b| swap(b, hidden + 24, gtd + 24))),
        ("entry order of an order and a stop", Box::new(move |b| swap(b, last_ask + 24, stop + 56))),
        ("entry order of two icebergs", Box::new(move |b| swap(b, iceberg + 24, iceberg2 + 24))),
        (
            "queue of an iceberg and a plain order",
            Box::new(move |b| {
                let (left, right) = (b[first..first + 64].to_vec(), b[iceberg..iceberg + 64].to_vec());
                b[first..first + 64].copy_from_slice(&right);
                b[iceberg..iceberg + 64].copy_from_slice(&left);
            }),
        ),
        (
            "queue of two icebergs",
            Box::new(move |b| {
                let (left, right) = (b[iceberg..iceberg + 64].to_vec(), b[iceberg2..iceberg2 + 64].to_vec());
                b[iceberg..iceberg + 64].copy_from_slice(&right);
                b[iceberg2..iceberg2 + 64].copy_from_slice(&left);
            }),
        ),
        ("stop: open", Box::new(more(stop + 8))),
        ("stop: price", Box::new(more(stop + 16))),
        ("stop: limit", Box::new(more(stop_limit + 24))),
        ("stop: protect", Box::new(more(stop + 32))),
        ("stop: no protect", Box::new(move |b| (put(b, stop + 32, 0), b[stop + 80] = 0).1)),
        ("stop: trail", Box::new(move |b| (put(b, trailing + 40, 8), put(b, trailing + 16, 102)).1)),
        ("stop: anchor", Box::new(move |b| (put(b, trailing + 48, 111), put(b, trailing + 16, 104)).1)),
        ("stop: expires", Box::new(more(stop_limit + 64))),
        ("stop: owner", Box::new(byte(trailing + 72, 8))),
        ("stop: side", Box::new(move |b| (put(b, stop + 16, 100), b[stop + 76] = 1).1)),
        ("stop: type", Box::new(byte(stop_limit + 77, 2))),
        ("stop: ioc", Box::new(byte(stop + 78, 3))),
        ("stop: stp", Box::new(byte(stop + 79, 2))),
        ("order of the other instrument", Box::new(more(x.order(0) + 8))),
    ];
    let mut seen = HashMap::from([(from.state_hash(), "nothing")]);
    for (what, change) in &changes {
        let mut bytes = bytes.clone();
        change(&mut bytes);
        reseal(&mut bytes);
        let mut engine = engines::new::<Small>();
        if *what == "stop: type" {
            put(&mut bytes, stop_limit + 24, 0);
            reseal(&mut bytes);
        }
        engine.restore(&bytes).unwrap_or_else(|e| panic!("{what}: {e}"));
        engine.check_invariants().expect(what);
        if let Some(before) = seen.insert(engine.state_hash(), what) {
            panic!("'{what}' has the hash of '{before}'");
        }
    }
    // Not part of the state: windows, and the count of stamps.
    for at in [book + 56, book + 64] {
        let mut bytes = bytes.clone();
        let value = get(&bytes, at);
        put(&mut bytes, at, value * 2);
        reseal(&mut bytes);
        let mut engine = engines::new::<Small>();
        engine.restore(&bytes).expect("good");
        assert_eq!(engine.state_hash(), from.state_hash());
    }
    assert_eq!(ask + 64, last_ask);
    assert_eq!(HEADER + OWNER, book);
}

/// Randomly changed bytes that still make an engine have another hash if the state differs.
#[test]
fn different_states_have_different_hashes() {
    let mut rng = Rng::new(5);
    let from = saved(&full_house());
    let mut pairs = Pairs::default();
    let mut taken = 0;
    for _ in 0..60_000 {
        let mut bytes = from.clone();
        for _ in 0..=rng.below(2) {
            let at = rng.below(bytes.len() as u64 - 8) as usize;
            match rng.below(3) {
                0 => bytes[at] ^= 1 << rng.below(8),
                1 => bytes[at] = bytes[at].wrapping_add(1),
                _ => bytes[at] = rng.below(4) as u8,
            }
        }
        reseal(&mut bytes);
        let mut small = engines::new::<Small>();
        if small.restore(&bytes).is_ok() {
            taken += 1;
            pairs.add(&small);
        }
    }
    println!("{taken} engines, {} states", pairs.hashes.len());
    assert!(pairs.hashes.len() > 5_000);
}

#[test]
fn entry_order_lists_orders_and_stops_by_arrival() {
    let from = full_house();
    let order =
        |i| from.book(InstrumentId::new(i)).expect("defined").entry_order().map(OrderId::get).collect::<Vec<_>>();
    assert_eq!(order(0), [1, 3, 4, 11, 5, 6, 7, 8, 9, 10]);
    assert_eq!(order(1), [1]);
    let mut from = from;
    let price = Some(Price::new(100));
    events_of(&mut *from, &Command::replace(OrderId::new(6), Replacement { price, ..Replacement::default() }));
    events_of(&mut *from, &Command::cancel(OrderId::new(8)));
    let ids: Vec<u64> = from.book(InstrumentId::new(0)).expect("defined").entry_order().map(OrderId::get).collect();
    assert_eq!(ids, [1, 3, 4, 11, 5, 7, 9, 10, 6]);
    assert_eq!(from.limits_of(OwnerId::new(9)).max_qty, Some(Qty::new(1000)));
    assert_eq!(from.limits_of(OwnerId::new(4)), Limits::default());
}
