//! The block of constants in `include/vvp.h` is generated from the code:
//!   VVP_BLESS=1 cargo test -p vvp-core --test c_peer constants
//!
//! Codes of enums come from the enums. Flags, kinds and offsets have no public constants: they are
//! read from records that the builders make.

use core::fmt::{Debug, Write};
use std::path::Path;
use vvp_core::book::{
    CancelReason, Command, DepthLevel, Event, EventBody, EventKind, InstrumentId, Limits, Op, OrderId, OrderType,
    OwnerId, Phase, Price, Qty, Refusal, Reject, Replacement, SelfTradePrevention, Side, TimeInForce, Visible,
};
use vvp_core::market_data::{MarketData, Record};
use zerocopy::IntoBytes;

const BEGIN: &str = "/* BEGIN generated: VVP_BLESS=1 cargo test -p vvp-core --test c_peer constants */\n";
const END: &str = "/* END generated */\n";
const RECORDS: &str = include_str!("../../docs/records.md");

type Named = Vec<(String, u64)>;

const ID: OrderId = OrderId::new(0);

fn limit() -> Command {
    Command::limit(ID, Side::Buy, Price::new(0), Qty::new(0))
}

fn replace(with: Replacement) -> Command {
    Command::replace(ID, with)
}

fn limits(limits: Limits) -> Command {
    Command::limits(OwnerId::new(0), &limits)
}

fn refused(change: impl FnOnce(&mut Refusal)) -> Command {
    let instrument = Some(InstrumentId::new(0));
    let mut refusal = Refusal { reason: Reject::BadField, id: None, edge_ref: None, instrument, ts: None };
    change(&mut refusal);
    Command::refused(&refusal)
}

fn command_flags() -> Named {
    let none = Replacement::default;
    let qty = Replacement { qty: Some(Qty::new(0)), ..none() };
    let both = Replacement { lose_priority: true, ..qty };
    [
        ("HAS_TS", Command::time(0)),
        ("HAS_PRICE", replace(Replacement { price: Some(Price::new(0)), ..none() })),
        ("HAS_STOP", replace(Replacement { stop: Some(Price::new(0)), ..none() })),
        ("HAS_QTY", replace(qty)),
        ("HAS_EXTRA", limit().with_display_qty(Qty::new(1))),
        ("HAS_SIDE", Command::mass_cancel(OwnerId::new(0), Some(Side::Buy))),
        ("HAS_ID", limits(Limits { max_orders: Some(0), ..Limits::default() })),
        ("HAS_EDGE_REF", refused(|r| r.edge_ref = Some(0))),
        ("POST_ONLY", limit().with_post_only()),
        ("HIDDEN", limit().with_hidden()),
        ("BLOCKED", limits(Limits { blocked: true, ..Limits::default() })),
        ("NO_INSTRUMENT", refused(|r| r.instrument = None)),
    ]
    .map(|(name, command)| (name.to_owned(), flags_of(&command)))
    .into_iter()
    // Alone it is a contradiction, which has a flag of its own.
    .chain([("LOSE_PRIORITY".to_owned(), flags_of(&replace(both)) - flags_of(&replace(qty)))])
    .collect()
}

fn flags_of(command: &Command) -> u64 {
    u64::from(u16::from_le_bytes([command.as_bytes()[6], command.as_bytes()[7]]))
}

fn event(body: EventBody) -> Event {
    Event::new(0, Some(InstrumentId::new(0)), None, body)
}

fn accepted(side: Side) -> EventBody {
    EventBody::Accepted { id: ID, side, owner: OwnerId::new(0), price: None, qty: Qty::new(0) }
}

fn event_flags() -> Named {
    let (id, price, qty) = (ID, Some(Price::new(0)), Qty::new(0));
    let rejected = |id, edge_ref| event(EventBody::Rejected { id, reason: Reject::BadField, edge_ref });
    let blank = EventBody::Phase { phase: Phase::Continuous };
    [
        ("HAS_TS", Event::new(0, Some(InstrumentId::new(0)), Some(0), accepted(Side::Buy))),
        ("HAS_ID", rejected(Some(id), None)),
        ("HAS_EDGE_REF", rejected(None, Some(0))),
        ("HAS_PRICE", event(EventBody::Replaced { id, side: Side::Buy, owner: OwnerId::new(0), price, qty })),
        ("NO_INSTRUMENT", Event::new(0, None, None, accepted(Side::Buy))),
        ("SELL", event(accepted(Side::Sell))),
        ("VERSION_1", Event::from_record_v1(&zerocopy::transmute!(event(blank))).expect("a record of version 1")),
    ]
    .map(|(name, event)| (name.to_owned(), u64::from(event.as_bytes()[5])))
    .to_vec()
}

fn data(data: MarketData) -> Record {
    Record::new(0, InstrumentId::new(0), 0, 0, data)
}

fn order(side: Side, what: Visible) -> Record {
    data(MarketData::Order { side, price: Price::new(0), what })
}

/// The kinds, then the flags.
fn market_data() -> (Named, Named) {
    let (id, at, qty) = (ID, Price::new(0), Qty::new(0));
    let level = DepthLevel { price: at, qty, orders: 0 };
    let hidden = |again| order(Side::Buy, Visible::HiddenTrade { at, qty, again });
    let kinds = [
        ("TOP", data(MarketData::Top { bid: None, ask: None })),
        ("LEVEL", data(MarketData::Level { side: Side::Buy, level })),
        ("ADDED", order(Side::Buy, Visible::Added { id, qty })),
        ("REDUCED", order(Side::Buy, Visible::Reduced { id, by: qty, left: qty })),
        ("DELETED", order(Side::Buy, Visible::Deleted { id, qty })),
        ("EXECUTED", order(Side::Buy, Visible::Executed { id, at, qty, left: qty, again: false })),
        ("HIDDEN_TRADE", hidden(false)),
    ];
    let flags = [("SELL", order(Side::Sell, Visible::Deleted { id, qty })), ("AGAIN", hidden(true))];
    let byte = |at: usize| move |(name, record): (&str, Record)| (name.to_owned(), u64::from(record.as_bytes()[at]));
    (kinds.map(byte(4)).to_vec(), flags.map(byte(5)).to_vec())
}

/// The offset at which two records differ that differ in one field.
fn difference(a: &impl Bytes64, b: &impl Bytes64) -> u64 {
    let at = a.bytes().iter().zip(b.bytes()).position(|(a, b)| a != b);
    at.expect("they differ") as u64
}

trait Bytes64 {
    fn bytes(&self) -> &[u8];
}

impl<T: IntoBytes + zerocopy::Immutable> Bytes64 for T {
    fn bytes(&self) -> &[u8] {
        self.as_bytes()
    }
}

fn named(fields: &[(&str, u64)]) -> Named {
    fields.iter().map(|&(name, at)| (name.to_owned(), at)).collect()
}

fn command_fields() -> Named {
    let (one, instrument) = (Qty::new(1), InstrumentId::new(1));
    let stop = |ticks| Command::stop(ID, Side::Buy, Price::new(ticks), one);
    let price = |ticks| Command::limit(ID, Side::Buy, Price::new(ticks), one);
    let replaced = |price, qty| replace(Replacement { price, qty, ..Replacement::default() });
    named(&[
        ("op", difference(&Command::cancel(ID), &Command::reduce(ID, Qty::new(0)))),
        ("side", difference(&limit(), &Command::limit(ID, Side::Sell, Price::new(0), Qty::new(0)))),
        ("type", difference(&limit(), &Command::market(ID, Side::Buy, Qty::new(0)))),
        ("tif", difference(&limit(), &limit().with_tif(TimeInForce::Ioc))),
        ("stp", difference(&limit(), &limit().with_self_trade(SelfTradePrevention::CancelNewest))),
        ("detail", difference(&Command::phase(Phase::Continuous), &Command::phase(Phase::Auction))),
        ("flags", difference(&replaced(Some(Price::new(0)), None), &replaced(None, Some(Qty::new(0))))),
        ("instrument", difference(&limit(), &limit().with_instrument(instrument))),
        ("owner", difference(&limit(), &limit().with_owner(OwnerId::new(1)))),
        ("ts", difference(&limit().with_ts(0), &limit().with_ts(1))),
        ("id", difference(&Command::cancel(ID), &Command::cancel(OrderId::new(1)))),
        ("price", difference(&price(0), &price(1))),
        ("qty", difference(&Command::reduce(ID, Qty::new(0)), &Command::reduce(ID, one))),
        ("extra", difference(&stop(0), &stop(1))),
        ("expires", difference(&limit().with_expiry(0), &limit().with_expiry(1))),
    ])
}

fn event_fields() -> Named {
    let trade = |at: usize| {
        let mut words = [0_u64; 6];
        if let Some(word) = words.get_mut(at) {
            *word = 1;
        }
        let [maker, taker, price, qty, maker_open, taker_open] = words;
        event(EventBody::Trade {
            maker: OrderId::new(maker),
            taker: OrderId::new(taker),
            taker_side: Side::Buy,
            price: Price::new(price as i64),
            qty: Qty::new(qty),
            maker_open: Qty::new(maker_open),
            taker_open: Qty::new(taker_open),
        })
    };
    let phase = |seq, instrument, ts| Event::new(seq, Some(InstrumentId::new(instrument)), ts, accepted(Side::Buy));
    let plain = phase(0, 0, None);
    let (side, owner, qty) = (Side::Buy, OwnerId::new(0), Qty::new(0));
    let triggered = EventBody::Triggered { id: ID, side, owner, price: None, qty };
    let mut fields = named(&[
        ("seq_low", difference(&plain, &phase(1, 0, None))),
        ("kind", difference(&plain, &event(triggered))),
        ("flags", difference(&plain, &phase(0, 0, Some(0)))),
        ("instrument", difference(&plain, &phase(0, 1, None))),
        ("ts", difference(&phase(0, 0, Some(0)), &phase(0, 0, Some(1)))),
    ]);
    let words = ["id", "detail", "price", "qty", "maker_open", "taker_open"];
    fields.extend(words.iter().enumerate().map(|(i, name)| ((*name).to_owned(), difference(&trade(9), &trade(i)))));
    fields
}

fn market_data_fields() -> Named {
    let (id, zero, one) = (ID, Qty::new(0), Qty::new(1));
    let deleted = |side| order(side, Visible::Deleted { id, qty: zero });
    let reduced = |id, by, left| order(Side::Buy, Visible::Reduced { id: OrderId::new(id), by, left });
    let level = |ticks, orders| {
        data(MarketData::Level { side: Side::Buy, level: DepthLevel { price: Price::new(ticks), qty: zero, orders } })
    };
    let new = |number, instrument, clock, seq| {
        Record::new(number, InstrumentId::new(instrument), clock, seq, MarketData::Top { bid: None, ask: None })
    };
    let plain = new(0, 0, 0, 0);
    named(&[
        ("number_low", difference(&plain, &new(1, 0, 0, 0))),
        ("kind", difference(&plain, &level(0, 0))),
        ("flags", difference(&deleted(Side::Buy), &deleted(Side::Sell))),
        ("instrument", difference(&plain, &new(0, 1, 0, 0))),
        ("clock", difference(&plain, &new(0, 0, 1, 0))),
        ("price", difference(&level(0, 0), &level(1, 0))),
        ("qty", difference(&reduced(0, zero, zero), &reduced(0, one, zero))),
        ("id", difference(&reduced(0, zero, zero), &reduced(1, zero, zero))),
        ("left", difference(&reduced(0, zero, zero), &reduced(0, zero, one))),
        ("more", difference(&level(0, 0), &level(0, 1))),
        ("seq", difference(&plain, &new(0, 0, 0, 1))),
    ])
}

/// A variant's name in the C way: `BadField` is `BAD_FIELD`.
fn upper(variant: &impl Debug) -> String {
    let mut name = String::new();
    for c in format!("{variant:?}").chars() {
        if c.is_ascii_uppercase() && !name.is_empty() {
            name.push('_');
        }
        name.push(c.to_ascii_uppercase());
    }
    name
}

fn codes<T: Copy + Debug>(all: &[T], code: impl Fn(T) -> u8) -> Named {
    all.iter().map(|&value| (upper(&value), u64::from(code(value)))).collect()
}

/// What stands between the marks.
fn block() -> String {
    let (kinds, data_flags) = market_data();
    let mut block = String::new();
    for (prefix, what, constants) in [
        ("OP", "vvp_command.op", codes(Op::ALL, |v| v as u8)),
        ("SIDE", "vvp_command.side", codes(Side::ALL, |v| v as u8)),
        ("TYPE", "vvp_command.type", codes(OrderType::ALL, |v| v as u8)),
        ("TIF", "vvp_command.tif", codes(TimeInForce::ALL, |v| v as u8)),
        ("STP", "vvp_command.stp", codes(SelfTradePrevention::ALL, |v| v as u8)),
        ("PHASE", "a phase, in vvp_command.detail and vvp_event.detail", codes(Phase::ALL, |v| v as u8)),
        ("COMMAND", "vvp_command.flags", command_flags()),
        ("EVENT", "vvp_event.kind", codes(EventKind::ALL, |v| v as u8)),
        ("EVENT", "vvp_event.flags", event_flags()),
        ("REJECT", "vvp_event.detail of VVP_EVENT_REJECTED", codes(Reject::ALL, |v| v as u8)),
        ("CANCEL", "(uint32_t)vvp_event.detail of VVP_EVENT_CANCELED", codes(CancelReason::ALL, |v| v as u8)),
        ("DATA", "vvp_market_data.kind", kinds),
        ("DATA", "vvp_market_data.flags", data_flags),
    ] {
        writeln!(block, "\nenum {{ /* {what} */").expect("a string");
        for (name, value) in constants {
            writeln!(block, "    VVP_{prefix}_{name} = {value},").expect("a string");
        }
        block.push_str("};\n");
    }
    for (record, page, fields) in [
        ("vvp_command", "records.md", command_fields()),
        ("vvp_event", "records.md", event_fields()),
        ("vvp_market_data", "market-data.md", market_data_fields()),
    ] {
        writeln!(block, "\nVVP_ASSERT(sizeof({record}) == 64, \"as in docs/{page}\");").expect("a string");
        for (name, at) in fields {
            writeln!(block, "VVP_ASSERT(offsetof({record}, {name}) == {at}, \"as in docs/{page}\");")
                .expect("a string");
        }
    }
    block.push('\n');
    block
}

#[test]
fn constants_of_the_header_are_those_of_the_code() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("include/vvp.h");
    let header = std::fs::read_to_string(&path).expect("the header");
    let (before, rest) = header.split_once(BEGIN).expect("the mark before the block");
    let (found, after) = rest.split_once(END).expect("the mark after the block");
    let expected = block();
    if std::env::var_os("VVP_BLESS").is_some() {
        std::fs::write(&path, format!("{before}{BEGIN}{expected}{END}{after}")).expect("written");
        return;
    }
    let first = found.lines().zip(expected.lines()).find(|(found, expected)| found != expected);
    assert!(found == expected, "include/vvp.h is not generated from this code; first difference: {first:?}");
}

/// Flags have no list in the code that could be iterated: the page must name the same ones.
#[test]
fn flags_are_those_of_the_page() {
    let (commands, events) = RECORDS.split_once("\n## Event").expect("two parts");
    let flag = |line: &str| {
        let mut cells = line.split('|').map(str::trim).skip(1);
        let value = cells.next()?.parse().ok()?;
        let name = cells.next()?.strip_prefix('`')?.strip_suffix('`')?;
        name.bytes()
            .all(|b| b.is_ascii_uppercase() || b.is_ascii_digit() || b == b'_')
            .then(|| (name.to_owned(), value))
    };
    assert_eq!(commands.lines().filter_map(flag).collect::<Named>(), command_flags());
    assert_eq!(events.lines().filter_map(flag).collect::<Named>(), event_flags());
}
