//! Binary records: their documentation is correct, and each kind of damage has its own error.

use vvp_core::book::*;
use vvpx::text::{Input, InputError, InputFormat, RecordError, RecordKind, RecordReader, Step};
use zerocopy::IntoBytes;

const PAGE: &str = include_str!("../../../../docs/records.md");

/// Offset and width of a field in the table under `heading`.
fn place(heading: &str, field: &str) -> (usize, usize) {
    let section = PAGE.split("\n## ").find(|s| s.starts_with(heading)).expect("the section is there");
    let row = section.lines().find(|l| l.contains(&format!("| `{field}` |"))).expect("the field is there");
    let mut cells = row.split('|').skip(1).map(|cell| cell.trim().parse::<usize>().expect("a number"));
    (cells.next().expect("offset"), cells.next().expect("width"))
}

fn number(record: &[u8], heading: &str, field: &str) -> u64 {
    let (offset, width) = place(heading, field);
    record[offset..offset + width].iter().rev().fold(0, |n, &b| n << 8 | u64::from(b))
}

/// Every field of a record but those named is zero, and those named are as said.
fn check(record: &[u8], heading: &str, want: &[(&str, u64)]) {
    let section = PAGE.split("\n## ").find(|s| s.starts_with(heading)).expect("the section is there");
    let mut next = 0;
    let rows = section.lines().skip_while(|l| !l.starts_with("|---")).skip(1).take_while(|l| l.starts_with('|'));
    for row in rows {
        let name = row.split('`').nth(1).expect("a field name");
        let (offset, width) = place(heading, name);
        assert_eq!(offset, next, "{name} follows the field before it");
        next += width;
        let value = want.iter().find(|(n, _)| *n == name).map_or(0, |&(_, v)| v);
        assert_eq!(number(record, heading, name), value, "{heading} {name} in {want:?}");
    }
    assert_eq!(next, 64);
}

fn flag(name: &str) -> u64 {
    let row = PAGE.lines().find(|l| l.contains(&format!("| `{name}` |"))).expect("the flag is there");
    row.split('|').nth(1).expect("a cell").trim().parse().expect("a number")
}

const ID: OrderId = OrderId::new(0x0123_4567_89AB_CDEF);
const QTY: Qty = Qty::new(0xFEDC_BA98_7654_3210);
const PRICE: Price = Price::new(-2);

#[test]
fn command_records_match_the_documented_layout() {
    let minus_two = -2_i64 as u64;
    let c = Command::limit(ID, Side::Sell, PRICE, QTY)
        .with_owner(OwnerId::new(0xAABB_CCDD))
        .with_expiry(99)
        .with_self_trade(SelfTradePrevention::Decrement)
        .with_display_qty(Qty::new(5))
        .with_post_only()
        .with_instrument(InstrumentId::new(0x1234))
        .with_ts(77);
    let flags = flag("HAS_TS") | flag("HAS_EXTRA") | flag("POST_ONLY");
    let want = [
        ("op", 1),
        ("side", 1),
        ("tif", 2),
        ("stp", 4),
        ("flags", flags),
        ("instrument", 0x1234),
        ("owner", 0xAABB_CCDD),
        ("ts", 77),
        ("id", ID.get()),
        ("price", minus_two),
        ("qty", QTY.lots()),
        ("extra", 5),
        ("expires", 99),
    ];
    check(c.as_bytes(), "Command", &want);
    let c = Command::trailing_stop(ID, Side::Buy, 9, QTY).with_protection(3);
    let want =
        [("op", 1), ("type", 4), ("flags", flag("HAS_EXTRA")), ("id", ID.get()), ("price", 3), ("qty", QTY.lots())];
    check(c.as_bytes(), "Command", &[&want[..], &[("extra", 9)]].concat());
    let c = Command::stop_limit(ID, Side::Buy, Price::new(8), PRICE, QTY);
    let want = [("op", 1), ("type", 3), ("id", ID.get()), ("price", minus_two), ("qty", QTY.lots()), ("extra", 8)];
    check(c.as_bytes(), "Command", &want);
    let c = Command::limit(ID, Side::Buy, PRICE, QTY).with_hidden();
    let want = [("op", 1), ("flags", flag("HIDDEN")), ("id", ID.get()), ("price", minus_two), ("qty", QTY.lots())];
    check(c.as_bytes(), "Command", &want);
    check(Command::cancel(ID).as_bytes(), "Command", &[("op", 2), ("id", ID.get())]);
    check(Command::reduce(ID, QTY).as_bytes(), "Command", &[("op", 3), ("id", ID.get()), ("qty", QTY.lots())]);
    let all = Replacement { price: Some(PRICE), stop: Some(Price::new(8)), qty: Some(QTY), lose_priority: true };
    let flags = flag("HAS_PRICE") | flag("HAS_STOP") | flag("HAS_QTY") | flag("LOSE_PRIORITY");
    let want = [("op", 4), ("flags", flags), ("id", ID.get()), ("price", minus_two), ("qty", QTY.lots()), ("extra", 8)];
    check(Command::replace(ID, all).as_bytes(), "Command", &want);
    let c = Command::mass_cancel(OwnerId::new(7), Some(Side::Sell));
    check(c.as_bytes(), "Command", &[("op", 5), ("side", 1), ("flags", flag("HAS_SIDE")), ("owner", 7)]);
    check(Command::phase(Phase::Closed).as_bytes(), "Command", &[("op", 6), ("detail", 3)]);
    check(Command::time(5).as_bytes(), "Command", &[("op", 7), ("flags", flag("HAS_TS")), ("ts", 5)]);
}

#[test]
fn definition_limit_and_refusal_records_match_the_documented_layout() {
    let spec = InstrumentSpec {
        symbol: Symbol::new(b"ABCDEFGHI").unwrap(),
        tick: Tick::new(25, 2).unwrap(),
        min_price: Some(Price::new(1)),
        max_price: Some(Price::new(2)),
        reference: Some(Price::new(3)),
    };
    let flags = flag("HAS_PRICE") | flag("HAS_STOP") | flag("HAS_EXTRA");
    let (first, second) = (u64::from_le_bytes(*b"ABCDEFGH"), u64::from(b'I'));
    let want = [
        ("op", 8),
        ("detail", 2),
        ("flags", flags),
        ("instrument", 4),
        ("ts", first),
        ("id", second),
        ("price", 1),
        ("qty", 2),
        ("extra", 3),
        ("expires", 25),
    ];
    check(Command::instrument(InstrumentId::new(4), &spec).as_bytes(), "Command", &want);
    let limits = Limits { max_qty: Some(QTY), max_notional: Some(6 << 64 | 5), max_orders: Some(4), blocked: true };
    let flags = flag("HAS_QTY") | flag("HAS_EXTRA") | flag("HAS_ID") | flag("BLOCKED");
    let want =
        [("op", 9), ("flags", flags), ("owner", 7), ("id", 4), ("qty", QTY.lots()), ("extra", 5), ("expires", 6)];
    check(Command::limits(OwnerId::new(7), &limits).as_bytes(), "Command", &want);
    let refusal = Refusal { reason: Reject::BadField, id: Some(ID), edge_ref: Some(12), instrument: None, ts: Some(5) };
    let flags = flag("HAS_TS") | flag("HAS_ID") | flag("HAS_EDGE_REF") | flag("NO_INSTRUMENT");
    let want = [("op", 10), ("detail", 1), ("flags", flags), ("ts", 5), ("id", ID.get()), ("qty", 12)];
    check(Command::refused(&refusal).as_bytes(), "Command", &want);
}

#[test]
fn event_records_match_the_documented_layout() {
    let minus_two = -2_i64 as u64;
    let event = |body| Event::new(9, Some(InstrumentId::new(3)), Some(77), body);
    let of = |kind: u64, flags: u64, more: &[(&'static str, u64)]| {
        let head = [("seq_low", 9), ("kind", kind), ("flags", 1 | flags), ("instrument", 3), ("ts", 77)];
        [&head[..], more].concat()
    };
    let id = ("id", ID.get());
    let (maker_open, taker_open) = (Qty::new(5), Qty::new(6));
    let trade = EventBody::Trade {
        maker: ID,
        taker: OrderId::new(4),
        taker_side: Side::Sell,
        price: PRICE,
        qty: QTY,
        maker_open,
        taker_open,
    };
    let fields = [id, ("detail", 4), ("price", minus_two), ("qty", QTY.lots()), ("maker_open", 5), ("taker_open", 6)];
    check(event(trade).as_bytes(), "Event", &of(3, 32, &fields));
    // Of one order: side, owner, price, quantity.
    let (side, owner, price, qty) = (Side::Sell, OwnerId::new(5), Some(PRICE), QTY);
    let owned = |code: u64| ("detail", code | 5 << 32);
    let (at, lots) = (("price", minus_two), ("qty", QTY.lots()));
    let accepted = EventBody::Accepted { id: ID, side, owner, price, qty };
    check(event(accepted).as_bytes(), "Event", &of(1, 8 | 32, &[id, owned(0), at, lots]));
    let market = EventBody::Accepted { id: ID, side: Side::Buy, owner, price: None, qty };
    check(event(market).as_bytes(), "Event", &of(1, 0, &[id, owned(0), lots]));
    let rejected = EventBody::Rejected { id: Some(ID), reason: Reject::TimeReversed, edge_ref: Some(8) };
    check(event(rejected).as_bytes(), "Event", &of(2, 2 | 4, &[id, ("detail", 18), ("qty", 8)]));
    let canceled = EventBody::Canceled { id: ID, side, owner, price, qty, reason: CancelReason::BadQty };
    check(event(canceled).as_bytes(), "Event", &of(4, 8 | 32, &[id, owned(12), at, lots]));
    let reduced = EventBody::Reduced { id: ID, side, owner, price, qty };
    check(event(reduced).as_bytes(), "Event", &of(5, 8 | 32, &[id, owned(0), at, lots]));
    let replaced = EventBody::Replaced { id: ID, side, owner, price, qty };
    check(event(replaced).as_bytes(), "Event", &of(6, 8 | 32, &[id, owned(0), at, lots]));
    let triggered = EventBody::Triggered { id: ID, side, owner, price, qty };
    check(event(triggered).as_bytes(), "Event", &of(7, 8 | 32, &[id, owned(0), at, lots]));
    check(event(EventBody::Phase { phase: Phase::Halted }).as_bytes(), "Event", &of(8, 0, &[("detail", 2)]));
    let uncross = EventBody::Uncross { price: PRICE, volume: 6 << 64 | 5 };
    check(event(uncross).as_bytes(), "Event", &of(9, 0, &[("detail", 6), ("price", minus_two), ("qty", 5)]));
    let spec = InstrumentSpec { tick: Tick::new(25, 2).unwrap(), ..InstrumentSpec::new(Symbol::X) };
    let want = [("kind", 10), ("instrument", 3), ("id", u64::from(b'X')), ("price", 25), ("qty", 2)];
    check(Event::defined(InstrumentId::new(3), &spec).as_bytes(), "Event", &want);
    let without_id =
        Event::new(1, None, None, EventBody::Rejected { id: None, reason: Reject::BadField, edge_ref: None });
    check(without_id.as_bytes(), "Event", &[("seq_low", 1), ("kind", 2), ("flags", 16), ("detail", 1)]);
}

#[test]
fn the_page_lists_every_code() {
    for (codes, from) in [("rejected", 2), ("canceled", 3)] {
        let rows = PAGE.split("| reason | of rejected").nth(1).expect("the table").lines().skip(2);
        let words: Vec<_> = rows.map(|row| row.split('|').nth(from).expect("a cell").trim()).collect();
        let known: Vec<_> = match codes {
            "rejected" => Reject::ALL.iter().map(|r| (*r as usize, r.word())).collect(),
            _ => CancelReason::ALL.iter().map(|r| (*r as usize, r.word())).collect(),
        };
        assert_eq!(words.iter().filter(|w| !w.is_empty()).count(), known.len());
        for (code, word) in known {
            assert_eq!(words[code - 1], word);
        }
    }
    let lists = |list: String| assert!(PAGE.contains(&list), "the page lacks: {list}");
    let joined = |words: Vec<(usize, &str)>| {
        words.iter().map(|(code, word)| format!("{code} {word}")).collect::<Vec<_>>().join(", ")
    };
    lists(joined(Side::ALL.iter().map(|w| (*w as usize, w.word())).collect()));
    lists(joined(OrderType::ALL.iter().map(|w| (*w as usize, w.word())).collect()));
    lists(joined(TimeInForce::ALL.iter().map(|w| (*w as usize, w.word())).collect()));
    lists(joined(SelfTradePrevention::ALL.iter().map(|w| (*w as usize, w.word())).collect()));
    lists(joined(Phase::ALL.iter().map(|w| (*w as usize, w.word())).collect()));
    Op::ALL.iter().for_each(|op| lists(format!("| {} {}", *op as usize, op.word())));
    EventKind::ALL.iter().for_each(|kind| lists(format!("| {} {} |", *kind as usize, kind.word())));
}

fn file(records: &[Command]) -> Vec<u8> {
    let mut bytes = RecordKind::Commands.header().to_vec();
    records.iter().for_each(|c| bytes.extend(c.as_bytes()));
    bytes
}

fn read(bytes: &[u8]) -> (Vec<Command>, Vec<String>, Option<InputError>) {
    let mut input = Input::new(bytes, InputFormat::Records, 2);
    let (mut commands, mut bad) = (Vec::new(), Vec::new());
    let error = loop {
        match input.step(|command| commands.push(command)) {
            Ok(Step::End) => break None,
            Ok(Step::Bad(line)) => bad.push(line.to_string()),
            Ok(_) => {}
            Err(error) => break Some(error),
        }
    };
    (commands, bad, error)
}

#[test]
fn damaged_files_are_reported_with_offset() {
    let good = file(&[Command::time(1), Command::time(2)]);
    let (commands, bad, error) = read(&good);
    assert_eq!((commands.len(), bad.len(), error.is_none()), (2, 0, true));
    for cut in 1..192 {
        let (commands, _, error) = read(&good[..cut]);
        let Some(InputError::Records(error)) = error else {
            assert_eq!(cut % 64, 0, "a cut at {cut} goes unnoticed");
            assert_eq!(commands.len(), cut / 64 - 1);
            continue;
        };
        let text = error.to_string();
        assert!(text.starts_with(&format!("byte {}: truncated", cut / 64 * 64)), "{cut}: {text}");
    }
    let text = b"{\"op\":\"time\",\"ts\":5}\n";
    assert!(matches!(read(text).2, Some(InputError::Records(RecordError::NotRecords))));
    assert!(matches!(read(b"").2, Some(InputError::Records(RecordError::NotRecords))));
    let mut version = good.clone();
    version[6] = b'2';
    assert!(matches!(read(&version).2, Some(InputError::Records(RecordError::NotRecords))));
    let events = RecordKind::Events.header();
    let wrong = read(&events).2;
    assert!(matches!(wrong, Some(InputError::Records(RecordError::WrongKind(RecordKind::Events)))));
    assert_eq!(RecordReader::new(&events[..]).kind().unwrap(), RecordKind::Events);
}

#[test]
fn what_is_no_command_is_answered_with_its_record_number() {
    let mut bytes = file(&[Command::cancel(ID), Command::time(2), Command::cancel(ID)]);
    bytes[128] = 99; // the second record's operation
    let (commands, bad, error) = read(&bytes);
    assert!(error.is_none());
    let x = Command::instrument(InstrumentId::new(0), &InstrumentSpec::new(Symbol::X));
    let refusal = Refusal { reason: Reject::BadField, id: None, edge_ref: Some(2), instrument: None, ts: None };
    assert_eq!(commands, [x, Command::cancel(ID), Command::refused(&refusal), Command::cancel(ID)]);
    assert_eq!(bad.len(), 1);
    assert!(bad[0].starts_with("2: not a command record"), "{bad:?}");
}

#[test]
fn instruments_come_once_in_order_and_with_room() {
    let spec = |name: &str| InstrumentSpec::new(Symbol::new(name.as_bytes()).unwrap());
    let define = |i, name| Command::instrument(InstrumentId::new(i), &spec(name));
    let band = InstrumentSpec { min_price: Some(Price::new(2)), max_price: Some(Price::new(1)), ..spec("E") };
    let empty = Command::instrument(InstrumentId::new(0), &band);
    let records =
        [empty, define(1, "A"), define(0, "A"), define(1, "A"), define(2, "B"), define(1, "B"), define(2, "C")];
    let (commands, bad, _) = read(&file(&records));
    assert_eq!(commands.len(), records.len());
    let good: Vec<_> = commands.iter().filter(|c| c.op() == Op::Instrument).copied().collect();
    assert_eq!(good, [define(0, "A"), define(1, "B")]);
    let want = [
        "1: min_price: above max_price",
        "2: instrument record out of order; its index must be 0",
        "4: symbol: instrument is defined already (X is, once a command names none)",
        "5: instrument record out of order; its index must be 1",
        "7: symbol: no room for more than 2 instruments",
    ];
    assert_eq!(bad, want);
}
