//! The text format read the plain way: serde_json, maps, big integers. Slow, allocating, and made
//! to be read beside section 4 of the contract.

use num_bigint::BigInt;
use serde::de::{self, Deserializer, MapAccess, Visitor};
use std::fmt;
use vvp_core::book::*;

/// A value of a line.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Raw {
    Text(String),
    Number(String),
    Bool(bool),
    Null,
    Nested,
}

/// The members of an object in order, no key twice.
struct Members(Vec<(String, Raw)>);

impl<'de> de::Deserialize<'de> for Members {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Collect;
        impl<'de> Visitor<'de> for Collect {
            type Value = Members;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object")
            }
            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Members, A::Error> {
                let mut members: Vec<(String, Raw)> = Vec::new();
                while let Some((key, value)) = map.next_entry::<String, serde_json::Value>()? {
                    if members.iter().any(|(k, _)| *k == key) {
                        return Err(de::Error::custom("repeated key"));
                    }
                    let raw = match value {
                        serde_json::Value::Null => Raw::Null,
                        serde_json::Value::Bool(b) => Raw::Bool(b),
                        serde_json::Value::Number(n) => Raw::Number(n.to_string()),
                        serde_json::Value::String(s) => Raw::Text(s),
                        _ => Raw::Nested,
                    };
                    members.push((key, raw));
                }
                Ok(Members(members))
            }
        }
        deserializer.deserialize_map(Collect)
    }
}

const OPS: &[(&str, &[&str], &[&str])] = &[
    ("instrument", &["symbol"], &["tick", "min_price", "max_price", "reference"]),
    ("limits", &["owner"], &["max_qty", "max_notional", "max_orders", "blocked"]),
    (
        "new",
        &["id", "side", "qty"],
        &[
            "symbol",
            "ts",
            "owner",
            "type",
            "tif",
            "price",
            "stop",
            "trail",
            "display",
            "min_qty",
            "expires",
            "protect",
            "post_only",
            "hidden",
            "stp",
        ],
    ),
    ("cancel", &["id"], &["symbol", "ts"]),
    ("reduce", &["id", "qty"], &["symbol", "ts"]),
    ("replace", &["id"], &["symbol", "ts", "price", "stop", "qty"]),
    ("mass_cancel", &[], &["symbol", "ts", "owner", "side"]),
    ("phase", &["phase"], &["symbol", "ts"]),
    ("time", &["ts"], &[]),
];

pub(crate) const FIELDS: &[&str] = &[
    "op",
    "symbol",
    "ts",
    "id",
    "owner",
    "side",
    "type",
    "tif",
    "price",
    "stop",
    "trail",
    "qty",
    "display",
    "min_qty",
    "expires",
    "protect",
    "post_only",
    "hidden",
    "stp",
    "phase",
    "tick",
    "min_price",
    "max_price",
    "reference",
    "max_qty",
    "max_notional",
    "max_orders",
    "blocked",
];

pub(crate) fn is_bool(field: &str) -> bool {
    matches!(field, "post_only" | "hidden" | "blocked")
}

pub(crate) fn is_price(field: &str) -> bool {
    matches!(field, "price" | "stop" | "tick" | "min_price" | "max_price" | "reference")
}

pub(crate) fn is_word(field: &str) -> bool {
    matches!(field, "op" | "symbol" | "side" | "type" | "tif" | "stp" | "phase")
}

/// Why there is no command.
pub(crate) enum No {
    Bad,
    Edge(Reject),
}

type Answer<T> = Result<T, No>;

#[derive(Default)]
pub(crate) struct Oracle {
    max: usize,
    line: u64,
    instruments: Vec<(String, Tick)>,
    columns: Option<Vec<String>>,
}

fn get<'a>(members: &'a [(String, Raw)], name: &str) -> Option<&'a Raw> {
    members.iter().find(|(k, _)| k == name).map(|(_, v)| v)
}

fn uint(members: &[(String, Raw)], name: &str, max: u128) -> Answer<Option<u128>> {
    match get(members, name) {
        None => Ok(None),
        Some(Raw::Number(n)) => {
            let plain = n == "0" || (n.bytes().all(|b| b.is_ascii_digit()) && !n.starts_with('0') && !n.is_empty());
            let value = n.parse::<u128>().ok().filter(|&v| plain && v <= max);
            value.map(Some).ok_or(No::Bad)
        }
        Some(_) => Err(No::Bad),
    }
}

fn u64_of(members: &[(String, Raw)], name: &str) -> Answer<Option<u64>> {
    Ok(uint(members, name, u64::MAX.into())?.map(|v| v as u64))
}

fn word<T>(members: &[(String, Raw)], name: &str, from: impl Fn(&[u8]) -> Option<T>) -> Answer<Option<T>> {
    match get(members, name) {
        None => Ok(None),
        Some(Raw::Text(t)) => from(t.as_bytes()).map(Some).ok_or(No::Bad),
        Some(_) => Err(No::Bad),
    }
}

fn flag(members: &[(String, Raw)], name: &str) -> Answer<bool> {
    match get(members, name) {
        None => Ok(false),
        Some(Raw::Bool(b)) => Ok(*b),
        Some(_) => Err(No::Bad),
    }
}

/// All digits as one number, and how many of them are after the point.
pub(crate) fn decimal(members: &[(String, Raw)], name: &str) -> Answer<Option<(BigInt, usize)>> {
    let text = match get(members, name) {
        None => return Ok(None),
        Some(Raw::Text(t) | Raw::Number(t)) => t,
        Some(_) => return Err(No::Bad),
    };
    let (negative, size) = text.strip_prefix('-').map_or((false, text.as_str()), |rest| (true, rest));
    let (whole, fraction) = size.split_once('.').unwrap_or((size, "0"));
    let digits = |s: &str| !s.is_empty() && s.bytes().all(|b| b.is_ascii_digit());
    if !digits(whole) || !digits(fraction) {
        return Err(No::Bad);
    }
    let value: BigInt = format!("{whole}{fraction}").parse().map_err(|_| No::Bad)?;
    Ok(Some((if negative { -value } else { value }, fraction.len())))
}

fn ten(power: usize) -> BigInt {
    BigInt::from(10).pow(power as u32)
}

pub(crate) fn ticks((digits, scale): &(BigInt, usize), tick: Tick) -> Result<Price, Reject> {
    let numerator = digits * ten(tick.decimals().into());
    let denominator = ten(*scale) * BigInt::from(tick.mantissa());
    match i64::try_from(&numerator / &denominator) {
        Err(_) => Err(Reject::BadPrice),
        Ok(_) if &numerator % &denominator != BigInt::ZERO => Err(Reject::OffTick),
        Ok(ticks) => Ok(Price::new(ticks)),
    }
}

fn tick((digits, scale): &(BigInt, usize)) -> Option<Tick> {
    let (mut digits, mut scale) = (digits.clone(), *scale);
    while scale > 0 && &digits % 10 == BigInt::ZERO {
        digits /= 10;
        scale -= 1;
    }
    Tick::new(i64::try_from(digits).ok()?, u8::try_from(scale).ok()?)
}

impl Oracle {
    pub(crate) fn new(max: usize) -> Self {
        Self { max, ..Self::default() }
    }

    pub(crate) fn csv(max: usize, header: &str) -> Self {
        let columns = Some(header.split(',').map(String::from).collect());
        Self { max, columns, line: 1, ..Self::default() }
    }

    fn members(&self, line: &[u8]) -> Answer<Vec<(String, Raw)>> {
        let text = std::str::from_utf8(line).map_err(|_| No::Bad)?;
        let Some(columns) = &self.columns else {
            return Ok(serde_json::from_str::<Members>(text).map_err(|_| No::Bad)?.0);
        };
        let values: Vec<&str> = text.split(',').collect();
        if values.len() != columns.len() {
            return Err(No::Bad);
        }
        let raw = |column: &str, value: &str| match value {
            "" => Raw::Null,
            _ if is_bool(column) => value.parse().map_or(Raw::Nested, Raw::Bool),
            _ if is_price(column) || is_word(column) => Raw::Text(value.into()),
            _ => Raw::Number(value.into()),
        };
        Ok(columns.iter().zip(values).map(|(c, v)| (c.clone(), raw(c, v))).collect())
    }

    /// The commands of the next line.
    pub(crate) fn line(&mut self, line: &[u8]) -> Vec<Command> {
        self.line += 1;
        let blank = |b: &u8| matches!(b, b' ' | b'\t' | b'\r');
        let start = line.iter().take_while(|b| blank(b)).count();
        let end = line.len() - line[start..].iter().rev().take_while(|b| blank(b)).count();
        let line = &line[start..end.max(start)];
        let mut commands = Vec::new();
        if line.is_empty() {
            return commands;
        }
        let answer = self.members(line).and_then(|members| self.command(&members, &mut commands));
        let refusal =
            Refusal { reason: Reject::BadField, id: None, edge_ref: Some(self.line), instrument: None, ts: None };
        commands.push(answer.unwrap_or_else(|_| Command::refused(&refusal)));
        commands
    }

    fn command(&mut self, members: &[(String, Raw)], before: &mut Vec<Command>) -> Answer<Command> {
        if members.iter().any(|(k, _)| !FIELDS.contains(&k.as_str())) {
            return Err(No::Bad);
        }
        let absent = |k: &str, v: &Raw| *v == Raw::Null || (is_bool(k) && *v == Raw::Bool(false));
        let m: Vec<_> = members.iter().filter(|(k, v)| !absent(k, v)).cloned().collect();
        let Some(Raw::Text(op)) = get(&m, "op") else { return Err(No::Bad) };
        let (_, must, may) = OPS.iter().find(|(name, ..)| name == op).ok_or(No::Bad)?;
        let known = |k: &str| k == "op" || must.contains(&k) || may.contains(&k);
        if !m.iter().all(|(k, _)| known(k)) || !must.iter().all(|k| get(&m, k).is_some()) {
            return Err(No::Bad);
        }
        let symbol = word(&m, "symbol", Symbol::new)?;
        let ts = u64_of(&m, "ts")?;
        let id = u64_of(&m, "id")?.map(OrderId::new);
        let owner = OwnerId::new(uint(&m, "owner", u32::MAX.into())?.unwrap_or(0) as u32);
        let qty = u64_of(&m, "qty")?.map(Qty::new);
        let side = word(&m, "side", Side::from_word)?;
        let (price, stop) = (decimal(&m, "price")?, decimal(&m, "stop")?);
        // What the line alone decides, with prices of one tick in the place of real ones.
        let one = |p: &Option<(BigInt, usize)>| p.as_ref().map(|_| Price::new(1));
        let shape = match op.as_str() {
            "time" => return Ok(Command::time(ts.ok_or(No::Bad)?)),
            "limits" => {
                let limits = Limits {
                    max_qty: u64_of(&m, "max_qty")?.map(Qty::new),
                    max_notional: uint(&m, "max_notional", u128::MAX)?,
                    max_orders: u64_of(&m, "max_orders")?,
                    blocked: flag(&m, "blocked")?,
                };
                return Ok(Command::limits(owner, &limits));
            }
            "instrument" => return self.define(&m, symbol.ok_or(No::Bad)?),
            "phase" => {
                let phase = word(&m, "phase", Phase::from_word)?.ok_or(No::Bad)?;
                Box::new(move |_, _| Ok(Command::phase(phase))) as Box<dyn Fn(_, _) -> Answer<Command>>
            }
            "mass_cancel" => Box::new(move |_, _| Ok(Command::mass_cancel(owner, side))),
            "cancel" => Box::new(move |_, _| Ok(Command::cancel(id.ok_or(No::Bad)?))),
            "reduce" => Box::new(move |_, _| Ok(Command::reduce(id.ok_or(No::Bad)?, qty.ok_or(No::Bad)?))),
            "replace" => {
                let lose_priority = flag(&m, "lose_priority")?;
                Box::new(move |price, stop| {
                    Ok(Command::replace(id.ok_or(No::Bad)?, Replacement { price, stop, qty, lose_priority }))
                })
            }
            _ => {
                let m = m.clone();
                Box::new(move |price, stop| {
                    order(&m, id.ok_or(No::Bad)?, owner, side.ok_or(No::Bad)?, qty.ok_or(No::Bad)?, price, stop)
                })
            }
        };
        if !shape(one(&price), one(&stop))?.is_well_formed() {
            return Err(No::Bad);
        }
        if self.instruments.is_empty() {
            self.instruments.push(("X".into(), Tick::ONE));
            before.push(Command::instrument(InstrumentId::new(0), &InstrumentSpec::new(Symbol::X)));
        }
        let place = symbol.map_or(Some(0), |s| self.instruments.iter().position(|(name, _)| name == s.as_str()));
        let refused = |reason, instrument| Refusal { reason, id, edge_ref: None, instrument, ts };
        let Some(place) = place else {
            return Ok(Command::refused(&refused(Reject::UnknownInstrument, None)));
        };
        let (on, tick) = (InstrumentId::new(place as u16), self.instruments[place].1);
        let priced = |p: &Option<(BigInt, usize)>| p.as_ref().map(|p| ticks(p, tick)).transpose().map_err(No::Edge);
        match priced(&price).and_then(|p| Ok((p, priced(&stop)?))) {
            Err(No::Edge(reason)) => Ok(Command::refused(&refused(reason, Some(on)))),
            Err(No::Bad) => Err(No::Bad),
            Ok((price, stop)) => {
                let command = shape(price, stop)?.with_instrument(on);
                Ok(ts.map_or(command, |ts| command.with_ts(ts)))
            }
        }
    }

    fn define(&mut self, m: &[(String, Raw)], symbol: Symbol) -> Answer<Command> {
        let tick = match decimal(m, "tick")? {
            None => Tick::ONE,
            Some(d) => tick(&d).ok_or(No::Bad)?,
        };
        let price = |name| -> Answer<Option<Price>> {
            decimal(m, name)?.map(|d| ticks(&d, tick)).transpose().map_err(|_| No::Bad)
        };
        let (min_price, max_price) = (price("min_price")?, price("max_price")?);
        let spec = InstrumentSpec { symbol, tick, min_price, max_price, reference: price("reference")? };
        let empty_band = matches!((min_price, max_price), (Some(min), Some(max)) if min > max);
        let name = symbol.as_str().to_string();
        if empty_band || self.instruments.iter().any(|(n, _)| *n == name) || self.instruments.len() == self.max {
            return Err(No::Bad);
        }
        self.instruments.push((name, tick));
        Ok(Command::instrument(InstrumentId::new(self.instruments.len() as u16 - 1), &spec))
    }
}

/// The order, made by the builder, which knows by itself what an order cannot have.
fn order(
    m: &[(String, Raw)],
    id: OrderId,
    owner: OwnerId,
    side: Side,
    qty: Qty,
    price: Option<Price>,
    stop: Option<Price>,
) -> Answer<Command> {
    let order_type = word(m, "type", OrderType::from_word)?.unwrap_or_default();
    let tif = word(m, "tif", TimeInForce::from_word)?.unwrap_or_default();
    let trail = u64_of(m, "trail")?;
    let mut c = match (order_type, price, stop, trail) {
        (OrderType::Limit, Some(price), None, None) => Command::limit(id, side, price, qty),
        (OrderType::Market, None, None, None) => Command::market(id, side, qty),
        (OrderType::Stop, None, Some(stop), None) => Command::stop(id, side, stop, qty),
        (OrderType::StopLimit, Some(price), Some(stop), None) => Command::stop_limit(id, side, stop, price, qty),
        (OrderType::TrailingStop, None, None, Some(trail)) => Command::trailing_stop(id, side, trail, qty),
        _ => return Err(No::Bad),
    };
    c = match (tif, u64_of(m, "expires")?) {
        (TimeInForce::Gtd, Some(expires)) => c.with_expiry(expires),
        (TimeInForce::Gtd, None) | (_, Some(_)) => return Err(No::Bad),
        (tif, None) => c.with_tif(tif),
    };
    c = c
        .with_owner(owner)
        .with_self_trade(word(m, "stp", SelfTradePrevention::from_word)?.unwrap_or(SelfTradePrevention::None));
    for (name, set) in [
        ("display", Command::with_display_qty as fn(Command, Qty) -> Command),
        ("min_qty", Command::with_min_qty),
        ("protect", |c, ticks| c.with_protection(ticks.lots())),
    ] {
        if let Some(value) = u64_of(m, name)? {
            c = set(c, Qty::new(value));
        }
    }
    if flag(m, "post_only")? {
        c = c.with_post_only();
    }
    if flag(m, "hidden")? {
        c = c.with_hidden();
    }
    if c.is_well_formed() { Ok(c) } else { Err(No::Bad) }
}
