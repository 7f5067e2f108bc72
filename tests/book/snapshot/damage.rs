//! Snapshots that no engine wrote.

use super::Saved;
use super::bytes::{HEADER, OWNER, books, checksum, get, put, reseal};
use crate::engines::{self, Normal, Tight};
use vvp_core::book::{
    Command, EventKind, InstrumentId, InstrumentSpec, Limits, OrderId, OwnerId, Phase, Price, Qty, SelfTradePrevention,
    Side, Symbol,
};
use vvp_core::engine::{Capacity, Engine, Matcher, RestoreError, RestoreFault, SliceWriter};
use vvp_testkit::flavours::flavours;
use vvp_testkit::sinks::events_of;
use vvp_testkit::streams::{Rng, Stream};

/// Returns an engine after the first `len` commands of a stream.
fn state_of(flavour: &str, seed: u64, len: usize) -> Box<Normal> {
    let flavour = flavours().into_iter().find(|f| f.name == flavour).expect("a flavour");
    let mut first = engines::new::<Normal>();
    for command in Stream::new(&flavour, seed).commands(len) {
        events_of(&mut *first, &command);
    }
    first
}

/// Returns an engine with orders and stops of every kind.
fn small() -> Box<Normal> {
    let mut engine = engines::new::<Normal>();
    let id = OrderId::new;
    let mut spec = InstrumentSpec::new(Symbol::new(b"AAPL").expect("a symbol"));
    spec.min_price = Some(Price::new(50));
    spec.max_price = Some(Price::new(250));
    let limit = |n, side, price, qty| Command::limit(id(n), side, Price::new(price), Qty::new(qty));
    let limits = |n| Limits { max_qty: Some(Qty::new(n)), max_orders: Some(100), ..Limits::default() };
    for command in [
        Command::instrument(InstrumentId::new(0), &spec),
        Command::instrument(InstrumentId::new(1), &InstrumentSpec::new(Symbol::X)),
        Command::limits(OwnerId::new(9), &limits(1000)),
        Command::limits(OwnerId::new(4), &limits(2000)),
        Command::time(1000),
        limit(1, Side::Sell, 110, 10),
        limit(2, Side::Buy, 110, 4),
        limit(3, Side::Buy, 100, 10).with_owner(OwnerId::new(4)),
        limit(4, Side::Buy, 100, 20).with_display_qty(Qty::new(5)),
        limit(5, Side::Buy, 100, 7).with_hidden(),
        limit(6, Side::Buy, 99, 8).with_expiry(5000),
        limit(7, Side::Sell, 111, 9).with_post_only().with_self_trade(SelfTradePrevention::Decrement),
        Command::stop(id(8), Side::Buy, Price::new(120), Qty::new(5)).with_protection(3),
        Command::stop_limit(id(9), Side::Sell, Price::new(90), Price::new(80), Qty::new(5)),
        Command::trailing_stop(id(10), Side::Sell, 7, Qty::new(5)).with_owner(OwnerId::new(9)),
    ] {
        assert!(events_of(&mut *engine, &command).iter().all(|e| e.kind() != EventKind::Rejected));
    }
    engine
}

fn fault(bytes: &[u8]) -> RestoreFault {
    refused(bytes).fault
}

/// Returns why these bytes are refused. Checks that the engine is unchanged, or empty if the error
/// says so.
fn refused(bytes: &[u8]) -> RestoreError {
    let mut engine = state_of("mixed", 5, 200);
    let before = engine.bytes();
    let error = engine.take_in(bytes).expect_err("damaged");
    engine.check().expect("consistent");
    assert!(!error.to_string().is_empty());
    let after = engine.bytes();
    if error.left_empty() {
        assert_eq!(after, engines::new::<Normal>().bytes(), "{error}");
    } else {
        assert_eq!(after, before, "{error}");
    }
    error
}

#[test]
fn every_changed_byte_is_detected() {
    let bytes = small().bytes();
    let mut rng = Rng::new(1);
    for at in 0..bytes.len() {
        let mut bytes = bytes.clone();
        bytes[at] ^= rng.below(255) as u8 + 1;
        let fault = fault(&bytes);
        match at {
            0..8 => assert_eq!(fault, RestoreFault::NotASnapshot),
            8..12 => assert!(matches!(fault, RestoreFault::Version(_))),
            16..24 => assert_eq!(fault, RestoreFault::Length),
            _ => assert_eq!(fault, RestoreFault::Checksum),
        }
    }
}

#[test]
fn every_wrong_length_is_detected() {
    let bytes = small().bytes();
    for len in 0..bytes.len() {
        let expected = if len < 8 { RestoreFault::NotASnapshot } else { RestoreFault::Length };
        assert_eq!(fault(&bytes[..len]), expected);
        // The truncated bytes with a valid length and checksum.
        if len >= HEADER + 8 {
            let mut short = bytes[..len].to_vec();
            reseal(&mut short);
            let error = refused(&short);
            assert_eq!(error.fault, RestoreFault::Length);
            assert!(error.offset < len as u64);
        }
    }
    let mut long = bytes;
    long.push(0);
    assert_eq!(fault(&long), RestoreFault::Length);
    reseal(&mut long);
    assert_eq!(fault(&long), RestoreFault::Length);
}

/// Changes the bytes with `damage`, corrects length and checksum, and returns the fault and its
/// offset.
fn forged(from: &Normal, damage: impl FnOnce(&mut [u8])) -> (RestoreFault, usize) {
    let mut bytes = from.bytes();
    damage(&mut bytes);
    reseal(&mut bytes);
    let error = refused(&bytes);
    (error.fault, error.offset as usize)
}

#[test]
fn every_fault_is_reported_with_its_offset() {
    let from = small();
    let bytes = from.bytes();
    let aapl = books(&bytes)[0];
    let book = aapl.book;
    assert_eq!((aapl.orders, aapl.stops), (6, 3));
    let forge = |damage: &dyn Fn(&mut [u8])| forged(&from, damage);
    let [bid, iceberg, hidden, gtd, ask, last_ask] = [0, 1, 2, 3, 4, 5].map(|i| aapl.order(i));
    let [stop, stop_limit, trailing] = [0, 1, 2].map(|i| aapl.stop(i));

    // Owners: out of order, the same twice, one without limits, an unknown flag.
    let second = HEADER + OWNER;
    assert_eq!(forge(&|b| b[HEADER] = 200), (RestoreFault::OwnerOrder, second));
    assert_eq!(forge(&|b| b[HEADER] = 9), (RestoreFault::OwnerOrder, second));
    assert_eq!(forge(&|b| b[HEADER..second].fill(0)), (RestoreFault::BadRecord, HEADER));
    assert_eq!(forge(&|b| b[second + 4] |= 16), (RestoreFault::BadRecord, second));
    assert_eq!(forge(&|b| b[second + 7] = 1), (RestoreFault::BadRecord, second));

    // The book: symbol, tick, a value for an absent price, phase, flags, the byte that is always 0.
    for (at, byte) in [(0, b' '), (5, b'Z'), (16, 0), (40, 1), (112, 4), (113, 19), (114, 16), (115, 4), (116, 1)] {
        assert_eq!(forge(&|b| b[book + at] = byte), (RestoreFault::BadRecord, book), "byte {at}");
    }
    assert_eq!(forge(&|b| put(b, book + 24, 251)), (RestoreFault::BadRecord, book));
    assert_eq!(forge(&|b| put(b, book + 56, 1 << 56)), (RestoreFault::BadRecord, book));
    assert_eq!(forge(&|b| b[12] = 1), (RestoreFault::BadRecord, 0));
    // Windows: empty, too long, too low; a start without the rest.
    for (at, value) in [(80, 0), (80, 257), (72, 1 << 63), (80, 255)] {
        assert_eq!(forge(&|b| put(b, book + at, value)), (RestoreFault::Window, book));
    }
    let empty = books(&bytes)[1].book;
    assert_eq!(forge(&|b| put(b, empty + 72, 1)), (RestoreFault::Window, empty));
    assert_eq!(forge(&|b| b[empty + 115] = 1), (RestoreFault::Window, empty));

    // Orders.
    for (at, byte) in [(60, 2), (61, 3), (61, 9), (62, 5), (63, 4)] {
        assert_eq!(forge(&|b| b[bid + at] = byte), (RestoreFault::BadRecord, bid), "byte {at}");
    }
    assert_eq!(forge(&|b| put(b, bid + 8, 0)), (RestoreFault::BadRecord, bid));
    assert_eq!(forge(&|b| put(b, bid + 32, 9)), (RestoreFault::BadRecord, bid));
    for (at, value) in [(48, 0), (48, 6), (40, 4), (8, 5001)] {
        assert_eq!(forge(&|b| put(b, iceberg + at, value)), (RestoreFault::BadRecord, iceberg));
    }
    assert_eq!(forge(&|b| b[iceberg + 63] = 1), (RestoreFault::BadRecord, iceberg));
    assert_eq!(forge(&|b| put(b, gtd + 32, 1000)), (RestoreFault::Expired, gtd));
    assert_eq!(forge(&|b| put(b, gtd + 16, 49)), (RestoreFault::OutOfBand, gtd));
    assert_eq!(forge(&|b| put(b, gtd + 16, 101)), (RestoreFault::QueueOrder, gtd));
    assert_eq!(forge(&|b| put(b, last_ask + 16, 109)), (RestoreFault::QueueOrder, last_ask));
    assert_eq!(forge(&|b| b[ask + 60] = 0), (RestoreFault::QueueOrder, ask));
    assert_eq!(forge(&|b| b[gtd + 60] = 1), (RestoreFault::Crossed, gtd));
    assert_eq!(forge(&|b| b[bid + 63] = 1), (RestoreFault::QueueOrder, iceberg));
    assert_eq!(forge(&|b| put(b, hidden + 8, u64::MAX)), (RestoreFault::LevelTotal, hidden));
    assert_eq!(forge(&|b| put(b, gtd + 24, 0)), (RestoreFault::EntryOrder, gtd));
    assert_eq!(forge(&|b| put(b, gtd + 24, 11)), (RestoreFault::EntryOrder, gtd));
    assert_eq!(forge(&|b| (0..3).for_each(|i| put(b, aapl.order(i) + 16, 110))), (RestoreFault::Crossed, ask));
    // Visible orders of a level that are not in time priority.
    assert_eq!(
        forge(&|b| {
            put(b, last_ask + 16, 110);
            put(b, last_ask + 24, 1);
            put(b, ask + 24, 7);
        }),
        (RestoreFault::QueueOrder, last_ask)
    );
    assert_eq!(forge(&|b| put(b, gtd, get(b, ask))), (RestoreFault::IdTwice, ask));
    assert_eq!(forge(&|b| put(b, gtd, get(b, trailing))), (RestoreFault::IdTwice, trailing));
    assert_eq!(forge(&|b| put(b, gtd + 24, get(b, ask + 24))), (RestoreFault::StampTwice, ask));
    assert_eq!(forge(&|b| put(b, gtd + 24, get(b, trailing + 56))), (RestoreFault::StampTwice, trailing));

    // Stops.
    for (at, byte) in
        [(76, 2), (77, 0), (78, 5), (79, 5), (80, 5), (80, 3), (81, 1), (87, 1), (24, 1), (40, 1), (48, 1)]
    {
        assert_eq!(forge(&|b| b[stop + at] = byte), (RestoreFault::BadRecord, stop), "byte {at}");
    }
    for (at, value) in [(8, 0), (64, 9999)] {
        assert_eq!(forge(&|b| put(b, stop + at, value)), (RestoreFault::BadRecord, stop));
    }
    assert_eq!(forge(&|b| put(b, trailing + 16, 102)), (RestoreFault::BadRecord, trailing));
    assert_eq!(forge(&|b| put(b, trailing + 40, 0)), (RestoreFault::BadRecord, trailing));
    assert_eq!(forge(&|b| put(b, stop + 16, 251)), (RestoreFault::OutOfBand, stop));
    assert_eq!(forge(&|b| put(b, stop_limit + 24, 49)), (RestoreFault::OutOfBand, stop_limit));
    assert_eq!(forge(&|b| put(b, stop + 16, 110)), (RestoreFault::StopDue, stop));
    assert_eq!(
        forge(&|b| {
            put(b, trailing + 48, 109);
            put(b, trailing + 16, 102);
        }),
        (RestoreFault::StopDue, trailing)
    );
    assert_eq!(forge(&|b| put(b, stop_limit + 56, get(b, stop + 56))), (RestoreFault::EntryOrder, stop_limit));
    assert_eq!(forge(&|b| put(b, trailing + 56, 11)), (RestoreFault::EntryOrder, trailing));
    // Without a last trade price no stop has an anchor.
    let unpriced = |b: &mut [u8]| {
        b[book + 114] &= !8;
        put(b, book + 48, 0);
    };
    assert_eq!(forge(&unpriced), (RestoreFault::StopDue, trailing));

    // A day order of a closed instrument.
    assert_eq!(
        forge(&|b| {
            b[book + 112] = Phase::Closed as u8;
            b[bid + 61] = 1;
        }),
        (RestoreFault::Expired, bid)
    );
}

#[test]
fn exceeded_capacity_is_named() {
    let bytes = small().bytes();
    use vvp_core::book::Book;
    // A macro, not a trait object: of these engines only `restore` is compiled.
    macro_rules! restored {
        ($engine:ty, $bytes:expr) => {
            engines::new::<$engine>().restore($bytes).map_err(|e| e.fault)
        };
    }
    let no_room = |of, needed, room| Err(RestoreFault::NoRoom { of, needed, room });
    let (instruments, owners) = (Capacity::Instruments, Capacity::Owners);
    assert_eq!(restored!(Engine<Book<6, 4, 2, 3, 16>, 1, 2>, &bytes), no_room(instruments, 2, 1));
    assert_eq!(restored!(Engine<Book<6, 4, 2, 3, 16>, 2, 1>, &bytes), no_room(owners, 2, 1));
    assert_eq!(restored!(Engine<Book<5, 4, 2, 3, 16>, 2, 2>, &bytes), no_room(Capacity::Orders, 6, 5));
    assert_eq!(restored!(Engine<Book<6, 4, 2, 2, 16>, 2, 2>, &bytes), no_room(Capacity::Stops, 3, 2));
    assert_eq!(restored!(Engine<Book<6, 4, 0, 3, 16>, 2, 2>, &bytes), Ok(()), "just enough");

    // Levels far apart.
    let mut wide = engines::new::<Normal>();
    events_of(&mut *wide, &Command::instrument(InstrumentId::new(0), &InstrumentSpec::new(Symbol::X)));
    for n in 0..5 {
        let price = Price::new(-1000 * n as i64);
        events_of(&mut *wide, &Command::limit(OrderId::new(n), Side::Buy, price, Qty::new(1)));
    }
    let bytes = wide.bytes();
    let far_levels = no_room(Capacity::FarLevels, 4, 3);
    assert_eq!(restored!(Engine<Book<6, 4, 3, 3, 16>, 2, 2>, &bytes), far_levels);
    assert_eq!(restored!(Engine<Book<6, 1, 3, 3, 16>, 2, 2>, &bytes), far_levels);
    assert_eq!(restored!(Engine<Book<6, 4, 4, 3, 16>, 2, 2>, &bytes), Ok(()), "just enough");
}

/// Randomly changed bytes with a correct checksum are refused, or make a consistent engine.
#[test]
fn forged_bytes_are_refused_or_consistent() {
    let mut rng = Rng::new(42);
    let mut tight = engines::new::<Tight>();
    for flavour in ["mixed", "stops", "several instruments"] {
        for seed in 0..30 {
            let good = state_of(flavour, seed, 60).bytes();
            for _ in 0..30 {
                let mut bytes = good.clone();
                for _ in 0..=rng.below(3) {
                    let at = rng.below(bytes.len() as u64) as usize;
                    match rng.below(4) {
                        0 => bytes[at] ^= 1 << rng.below(8),
                        1 => bytes[at] = rng.word() as u8,
                        2 => {
                            let from = rng.below(bytes.len() as u64) as usize & !7;
                            let at = at & !7;
                            let (from, at) = (from.min(bytes.len() - 8), at.min(bytes.len() - 8));
                            bytes.copy_within(from..from + 8, at);
                        }
                        _ => bytes.truncate(at.max(HEADER + 8)),
                    }
                }
                reseal(&mut bytes);
                match tight.take_in(&bytes) {
                    Ok(()) => {
                        tight.check().expect("consistent");
                        let again = tight.bytes();
                        let mut other = engines::new::<Tight>();
                        other.take_in(&again).expect("its own bytes");
                        assert_eq!(other.bytes(), again);
                    }
                    Err(_) => tight.check().expect("consistent"),
                }
            }
        }
    }
}

#[test]
fn save_stops_at_the_first_write_error() {
    let from = small();
    let bytes = from.bytes();
    for room in 0..bytes.len() {
        let mut memory = vec![0; room];
        let mut writer = SliceWriter::new(&mut memory);
        assert!(from.save(&mut writer).is_err());
        let written = writer.written();
        assert_eq!(written, &bytes[..written.len()]);
    }
    let mut memory = vec![0; bytes.len()];
    let mut writer = SliceWriter::new(&mut memory);
    from.save(&mut writer).expect("room");
    assert_eq!(writer.written(), bytes);
    assert_eq!(checksum(&bytes[..bytes.len() - 8]), get(&bytes, bytes.len() - 8));
    assert_eq!(from.seq(), get(&bytes, 24));
}
