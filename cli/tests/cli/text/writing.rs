//! What is written: commands that read back as they were, events and books as a plain formatter
//! writes them.

use num_bigint::BigInt;
use proptest::prelude::*;
use serde_json::{Map, Value, json};
use std::collections::BTreeMap;
use std::io::Write;
use vvp_core::book::*;
use vvp_replay::price_text;
use vvpx::text::{
    CommandWriter, EVENT_LINE_MAX, EventWriter, Format, Input, InputFormat, LineWriter, RecordKind, Step, write_book,
};
use zerocopy::IntoBytes;

const FORMATS: [Format; 2] = [Format::Jsonl, Format::Csv];

fn numbers() -> impl Strategy<Value = u64> {
    prop_oneof![any::<u64>(), 0..20_u64, Just(u64::MAX)]
}

fn prices() -> impl Strategy<Value = Price> {
    prop_oneof![any::<i64>(), -200_i64..200, Just(i64::MIN), Just(i64::MAX)].prop_map(Price::new)
}

fn pick<T: Copy + std::fmt::Debug + 'static>(all: &'static [T]) -> impl Strategy<Value = T> {
    prop::sample::select(all)
}

fn ticks() -> impl Strategy<Value = Tick> {
    let any = (1..=i64::MAX, 0..=Tick::MAX_DECIMALS).prop_filter_map("trailing zero", |(m, d)| Tick::new(m, d));
    let usual =
        prop_oneof![Just((1, 2)), Just((5, 1)), Just((1, 0)), Just((25, 0)), Just((1, 18)), Just((i64::MAX, 18))];
    prop_oneof![any, usual.prop_map(|(m, d)| Tick::new(m, d).unwrap())]
}

fn specs() -> impl Strategy<Value = InstrumentSpec> {
    let name = prop_oneof!["[A-Za-z0-9./+?-]{1,16}", Just("X".to_string()), Just("?".to_string())];
    let price = || prop::option::of(prices());
    (name, ticks(), price(), price(), price()).prop_map(|(name, tick, a, b, reference)| {
        let (min_price, max_price) = match (a, b) {
            (Some(a), Some(b)) => (Some(a.min(b)), Some(a.max(b))),
            band => band,
        };
        let symbol = Symbol::new(name.as_bytes()).unwrap();
        let plain = InstrumentSpec::new(symbol);
        if name == "X" { plain } else { InstrumentSpec { tick, min_price, max_price, reference, ..plain } }
    })
}

/// A new order of any type with any options that it can have.
fn orders() -> impl Strategy<Value = Command> {
    let head = (numbers(), pick(Side::ALL), pick(OrderType::ALL), prices(), prices(), numbers(), numbers());
    let tail =
        (pick(TimeInForce::ALL), numbers(), any::<u32>(), pick(SelfTradePrevention::ALL), numbers(), any::<u8>());
    (head, tail).prop_map(|((id, side, kind, price, stop, trail, qty), (tif, expires, owner, stp, extra, options))| {
        let (id, qty) = (OrderId::new(id), Qty::new(qty));
        let mut c = match kind {
            OrderType::Limit => Command::limit(id, side, price, qty),
            OrderType::Market => Command::market(id, side, qty),
            OrderType::Stop => Command::stop(id, side, stop, qty),
            OrderType::StopLimit => Command::stop_limit(id, side, stop, price, qty),
            OrderType::TrailingStop => Command::trailing_stop(id, side, trail, qty),
        };
        c = if tif == TimeInForce::Gtd { c.with_expiry(expires) } else { c.with_tif(tif) };
        c = c.with_owner(OwnerId::new(owner)).with_self_trade(stp);
        let extra = Qty::new(extra);
        for (bit, option) in
            [c.with_protection(extra.lots()), c.with_display_qty(extra), c.with_min_qty(extra)].into_iter().enumerate()
        {
            if options & 1 << bit != 0 && option.is_well_formed() {
                c = option;
            }
        }
        for (bit, option) in [(8, Command::with_post_only as fn(Command) -> Command), (16, Command::with_hidden)] {
            if options & bit != 0 && option(c).is_well_formed() {
                c = option(c);
            }
        }
        c
    })
}

fn commands() -> impl Strategy<Value = Command> {
    let id = || numbers().prop_map(OrderId::new);
    let owner = || any::<u32>().prop_map(OwnerId::new);
    let qty = || numbers().prop_map(Qty::new);
    let with = (prop::option::of(prices()), prop::option::of(prices()), prop::option::of(qty()), any::<bool>());
    let limits = (prop::option::of(qty()), prop::option::of(any::<u128>()), prop::option::of(numbers()), any::<bool>());
    let placed = prop_oneof![
        6 => orders(),
        1 => id().prop_map(Command::cancel),
        1 => (id(), qty()).prop_map(|(id, qty)| Command::reduce(id, qty)),
        2 => (id(), with).prop_filter_map("nothing to replace", |(id, (price, stop, qty, lose_priority))| {
            Some(Command::replace(id, Replacement { price, stop, qty, lose_priority })).filter(Command::is_well_formed)
        }),
        1 => (owner(), prop::option::of(pick(Side::ALL))).prop_map(|(owner, side)| Command::mass_cancel(owner, side)),
        1 => pick(Phase::ALL).prop_map(Command::phase),
    ];
    let placed = (placed, 0..3_u16, prop::option::of(numbers())).prop_map(|(c, on, ts)| {
        let c = c.with_instrument(InstrumentId::new(on));
        ts.map_or(c, |ts| c.with_ts(ts))
    });
    let refused = (pick(&[Reject::BadField, Reject::UnknownInstrument, Reject::BadPrice, Reject::OffTick]), id())
        .prop_flat_map(|(reason, id)| (Just((reason, id)), any::<bool>(), 0..3_u16, prop::option::of(numbers())))
        .prop_map(|((reason, id), has_id, on, ts)| {
            let bad_line = reason == Reject::BadField;
            let priced = matches!(reason, Reject::BadPrice | Reject::OffTick);
            Command::refused(&Refusal {
                reason,
                id: (priced || (has_id && !bad_line)).then_some(id),
                edge_ref: bad_line.then_some(0), // the test gives it its line
                instrument: priced.then_some(InstrumentId::new(on)),
                ts: ts.filter(|_| !bad_line),
            })
        });
    prop_oneof![
        8 => placed,
        1 => numbers().prop_map(Command::time),
        1 => (owner(), limits).prop_map(|(owner, (max_qty, max_notional, max_orders, blocked))| {
            Command::limits(owner, &Limits { max_qty, max_notional, max_orders, blocked })
        }),
        2 => refused,
    ]
}

/// A stream that a reader can have made: at least one instrument first, references to defined ones
/// only, bad lines in order with gaps of empty lines.
fn streams() -> impl Strategy<Value = Vec<Command>> {
    let specs = prop::collection::vec(specs(), 1..4);
    (specs, prop::collection::vec((commands(), 0..3_u64), 0..40), any::<u8>()).prop_map(|(specs, commands, spread)| {
        let mut stream: Vec<Command> = Vec::new();
        let (mut defined, mut line) = (0_u16, 1_u64); // line 1 may be a CSV header
        let mut names = Vec::new();
        let mut specs = specs.into_iter();
        for (i, (mut c, gap)) in commands.into_iter().enumerate() {
            if (defined == 0 || i % (2 + usize::from(spread % 7)) == 0)
                && let Some(spec) = specs.next().filter(|s| !names.contains(&s.symbol))
            {
                names.push(spec.symbol);
                stream.push(Command::instrument(InstrumentId::new(defined), &spec));
                defined += 1;
                line += 1;
            }
            line += 1 + gap;
            let on = |id: InstrumentId| InstrumentId::new(id.get() % defined.max(1));
            match c.refusal() {
                Some(refusal) => {
                    let (line, instrument) = (refusal.edge_ref.map(|_| line), refusal.instrument.map(on));
                    c = Command::refused(&Refusal { edge_ref: line, instrument, ..refusal });
                }
                None if !matches!(c.op(), Op::Time | Op::Limits) => c = c.with_instrument(on(c.instrument_id())),
                None => {}
            }
            stream.push(c);
        }
        stream
    })
}

fn write(stream: &[Command], format: Format) -> Vec<u8> {
    let mut text = Vec::new();
    let mut writer = CommandWriter::new(format, 8);
    writer.start(&mut text).unwrap();
    stream.iter().for_each(|c| writer.write(c, &mut text).unwrap());
    writer.finish(&mut text).unwrap();
    text
}

fn read(bytes: &[u8], format: InputFormat) -> Vec<Command> {
    let mut input = Input::new(bytes, format, 8);
    let mut commands = Vec::new();
    while input.step(|command| commands.push(command)).unwrap() != Step::End {}
    commands
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(150))]

    #[test]
    fn commands_read_back_as_they_were(stream in streams()) {
        for format in FORMATS {
            let text = write(&stream, format);
            let again = read(&text, InputFormat::Text(format));
            prop_assert_eq!(&again, &stream, "{}", String::from_utf8_lossy(&text));
            prop_assert_eq!(String::from_utf8(write(&again, format)), String::from_utf8(text));
        }
        let mut file = RecordKind::Commands.header().to_vec();
        stream.iter().for_each(|c| file.extend(c.as_bytes()));
        prop_assert_eq!(read(&file, InputFormat::Records), stream);
    }

    #[test]
    fn prices_print_as_big_integers_do(ticks in prices(), tick in ticks()) {
        prop_assert_eq!(price_text(ticks, tick).to_string(), plain_price(ticks, tick));
    }

    #[test]
    fn events_print_as_the_plain_formatter_prints_them(
        specs in prop::collection::vec(specs(), 0..4),
        events in prop::collection::vec((bodies(), prop::option::of(0..5_u16), prop::option::of(numbers())), 1..60),
        spread in 1..9_usize,
    ) {
        for format in FORMATS {
            let mut writer = EventWriter::new(format, 8);
            let mut plain = Plain::default();
            let mut out = LineWriter::new(Vec::new());
            let mut want = writer.header().to_string();
            out.write_all(want.as_bytes()).unwrap();
            let mut put = |event: &Event, writer: &mut EventWriter| {
                out.line(EVENT_LINE_MAX, |line| writer.line(event, line)).unwrap();
            };
            let mut specs = specs.iter().enumerate();
            for (i, (body, on, ts)) in events.iter().enumerate() {
                if i % spread == 0 && let Some((i, spec)) = specs.next() {
                    put(&Event::defined(InstrumentId::new(i as u16), spec), &mut writer);
                    plain.specs.push(*spec);
                }
                put(&Event::new(i as u32 + 1, on.map(InstrumentId::new), *ts, *body), &mut writer);
                want += &plain.line(body, *on, *ts, format);
            }
            LineWriter::flush(&mut out).unwrap();
            prop_assert_eq!(String::from_utf8_lossy(out.get_ref()), want);
            prop_assert_eq!(writer.seq(), events.len() as u64);
        }
    }

    #[test]
    fn books_print_as_the_plain_formatter_prints_them(book in books(), spec in specs()) {
        let mut line = Vec::new();
        write_book(&mut line, &spec, &book).unwrap();
        let side = |side| {
            Value::from_iter(book.depth(side).map(|l| json!([plain_price(l.price, spec.tick), l.qty.lots(), l.orders])))
        };
        let want = json!({
            "symbol": spec.symbol.as_str(),
            "phase": book.phase.word(),
            "last": book.last.map(|last| plain_price(last, spec.tick)),
            "bids": side(Side::Buy),
            "asks": side(Side::Sell),
        });
        prop_assert_eq!(String::from_utf8(line).unwrap(), format!("{want}\n"));
    }
}

fn plain_price(price: Price, tick: Tick) -> String {
    let value = BigInt::from(price.ticks()) * tick.mantissa();
    let decimals = usize::from(tick.decimals());
    let digits = format!("{:0>1$}", value.magnitude().to_string(), decimals + 1);
    let (whole, fraction) = digits.split_at(digits.len() - decimals);
    let sign = if value < BigInt::ZERO { "-" } else { "" };
    if decimals == 0 { format!("{sign}{whole}") } else { format!("{sign}{whole}.{fraction}") }
}

fn bodies() -> impl Strategy<Value = EventBody> {
    let id = || numbers().prop_map(OrderId::new);
    let qty = || numbers().prop_map(Qty::new);
    let owner = || any::<u32>().prop_map(OwnerId::new);
    let of_order = || (id(), pick(Side::ALL), owner(), prop::option::of(prices()), qty());
    prop_oneof![
        of_order().prop_map(|(id, side, owner, price, qty)| EventBody::Accepted { id, side, owner, price, qty }),
        (prop::option::of(id()), pick(Reject::ALL), prop::option::of(numbers()))
            .prop_map(|(id, reason, line)| EventBody::Rejected { id, reason, edge_ref: line }),
        (id(), id(), pick(Side::ALL), prices(), qty(), qty(), qty()).prop_map(
            |(maker, taker, taker_side, price, qty, maker_open, taker_open)| {
                EventBody::Trade { maker, taker, taker_side, price, qty, maker_open, taker_open }
            }
        ),
        (of_order(), pick(CancelReason::ALL)).prop_map(|((id, side, owner, price, qty), reason)| {
            EventBody::Canceled { id, side, owner, price, qty, reason }
        }),
        of_order().prop_map(|(id, side, owner, price, qty)| EventBody::Reduced { id, side, owner, price, qty }),
        of_order().prop_map(|(id, side, owner, price, qty)| EventBody::Replaced { id, side, owner, price, qty }),
        of_order().prop_map(|(id, side, owner, price, qty)| EventBody::Triggered { id, side, owner, price, qty }),
        pick(Phase::ALL).prop_map(|phase| EventBody::Phase { phase }),
        (prices(), any::<u128>()).prop_map(|(price, volume)| EventBody::Uncross { price, volume }),
    ]
}

fn accepted(id: u64) -> EventBody {
    let (id, side, owner) = (OrderId::new(id), Side::Buy, OwnerId::new(1));
    EventBody::Accepted { id, side, owner, price: None, qty: Qty::new(1) }
}

/// Events by way of a map, one value after the other.
#[derive(Default)]
struct Plain {
    specs: Vec<InstrumentSpec>,
    seq: u64,
}

impl Plain {
    fn line(&mut self, body: &EventBody, on: Option<u16>, ts: Option<u64>, format: Format) -> String {
        self.seq += 1;
        let spec = on.and_then(|on| self.specs.get(usize::from(on)));
        let tick = spec.map_or(Tick::ONE, |s| s.tick);
        let price = |p: Price| json!(plain_price(p, tick));
        let (name, fields) = match *body {
            EventBody::Accepted { id, .. } => ("accepted", vec![("id", json!(id.get()))]),
            EventBody::Rejected { id, reason, edge_ref: line } => {
                let id = id.map(|id| ("id", json!(id.get())));
                let line = line.map(|line| ("line", json!(line)));
                ("rejected", id.into_iter().chain([("reason", json!(reason.word()))]).chain(line).collect())
            }
            EventBody::Trade { maker, taker, price: at, qty, maker_open, taker_open, .. } => (
                "trade",
                vec![
                    ("maker", json!(maker.get())),
                    ("taker", json!(taker.get())),
                    ("price", price(at)),
                    ("qty", json!(qty.lots())),
                    ("maker_open", json!(maker_open.lots())),
                    ("taker_open", json!(taker_open.lots())),
                ],
            ),
            EventBody::Canceled { id, qty, reason, .. } => (
                "canceled",
                vec![("id", json!(id.get())), ("qty", json!(qty.lots())), ("reason", json!(reason.word()))],
            ),
            EventBody::Reduced { id, qty, .. } => {
                ("reduced", vec![("id", json!(id.get())), ("qty", json!(qty.lots()))])
            }
            EventBody::Replaced { id, price: at, qty, .. } => {
                let at = at.map(|at| ("price", price(at)));
                let id = [("id", json!(id.get()))];
                ("replaced", id.into_iter().chain(at).chain([("qty", json!(qty.lots()))]).collect())
            }
            EventBody::Triggered { id, .. } => ("triggered", vec![("id", json!(id.get()))]),
            EventBody::Phase { phase } => ("phase", vec![("phase", json!(phase.word()))]),
            EventBody::Uncross { price: at, volume } => {
                ("uncross", vec![("price", price(at)), ("qty", serde_json::from_str(&volume.to_string()).unwrap())])
            }
            _ => unreachable!("no line"),
        };
        let mut map = Map::new();
        map.insert("seq".into(), json!(self.seq));
        map.insert("event".into(), json!(name));
        if let Some(spec) = spec.filter(|_| self.specs.len() > 1) {
            map.insert("symbol".into(), json!(spec.symbol.as_str()));
        }
        if let Some(ts) = ts {
            map.insert("ts".into(), json!(ts));
        }
        map.extend(fields.into_iter().map(|(k, v)| (k.to_string(), v)));
        if format == Format::Jsonl {
            return Value::Object(map).to_string() + "\n";
        }
        let columns = "seq,event,symbol,ts,id,maker,taker,price,qty,maker_open,taker_open,reason,phase,line";
        let cell = |name| match map.get(name) {
            None => String::new(),
            Some(Value::String(s)) => s.clone(),
            Some(value) => value.to_string(),
        };
        columns.split(',').map(cell).collect::<Vec<_>>().join(",") + "\n"
    }
}

/// A book of visible levels and nothing else.
#[derive(Debug)]
struct Levels {
    phase: Phase,
    last: Option<Price>,
    sides: [BTreeMap<Price, (Qty, u32)>; 2],
}

impl BookView for Levels {
    fn phase(&self) -> Phase {
        self.phase
    }

    fn last(&self) -> Option<Price> {
        self.last
    }

    fn next_level(&self, side: Side, after: Option<Price>) -> Option<DepthLevel> {
        let worse = |p: &Price| after.is_none_or(|after| if side == Side::Buy { *p < after } else { *p > after });
        let mut levels: Vec<_> = self.sides[side as usize].iter().filter(|(p, _)| worse(p)).collect();
        if side == Side::Buy {
            levels.reverse();
        }
        levels.first().map(|&(&price, &(qty, orders))| DepthLevel { price, qty, orders })
    }

    fn resting_orders(&self) -> usize {
        0
    }
}

fn books() -> impl Strategy<Value = Levels> {
    let side = || prop::collection::btree_map(prices(), (numbers().prop_map(Qty::new), any::<u32>()), 0..6);
    (pick(Phase::ALL), prop::option::of(prices()), side(), side()).prop_map(|(phase, last, bids, asks)| Levels {
        phase,
        last,
        sides: [bids, asks],
    })
}

#[test]
fn a_symbol_with_a_comma_is_quoted_in_event_columns_and_refused_in_command_columns() {
    let comma = InstrumentSpec::new(Symbol::new(b"A,B").unwrap());
    let define = Command::instrument(InstrumentId::new(0), &comma);
    let error = CommandWriter::new(Format::Csv, 8).write(&define, &mut Vec::new()).unwrap_err();
    assert!(error.to_string().contains("use jsonl"), "{error}");
    let mut writer = EventWriter::new(Format::Csv, 8);
    let mut line = [0; EVENT_LINE_MAX];
    let other = InstrumentSpec::new(Symbol::X);
    assert_eq!(writer.line(&Event::defined(InstrumentId::new(0), &comma), &mut line), 0);
    assert_eq!(writer.line(&Event::defined(InstrumentId::new(1), &other), &mut line), 0);
    let accepted = Event::new(1, Some(InstrumentId::new(0)), None, accepted(5));
    let len = writer.line(&accepted, &mut line);
    assert_eq!(&line[..len], b"1,accepted,\"A,B\",,5,,,,,,,,,\n");
}
