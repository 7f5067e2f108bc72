//! The text format (chapters 19 and 20) as far as the scenario files need it: one flat JSON object
//! a line in, event lines out.
//!
//! Simple on purpose, and only as strict as the scenarios need: what is not a command is a bad
//! line.

use super::engine::Model;
use std::collections::BTreeMap;
use vvp_core::book::{
    Command, Event, EventBody, InstrumentId, InstrumentSpec, Limits, OrderId, OrderType, OwnerId, Phase, Price, Qty,
    Refusal, Reject, Replacement, SelfTradePrevention, Side, Symbol, Tick, TimeInForce,
};

/// A value as it stands in the line; numbers keep their text.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Value {
    Word(String),
    Number(String),
    Flag(bool),
}

type Fields = BTreeMap<String, Value>;

/// The names of all fields.
const FIELDS: &str = "op symbol ts id owner side type tif price stop trail qty display min_qty expires protect post_only hidden stp phase tick min_price max_price reference max_qty max_notional max_orders blocked lose_priority";

/// Reads a flat JSON object; `null` counts as absent in every field, `false` for a boolean
/// field.
fn object(line: &str) -> Option<Fields> {
    let mut rest = line.trim().strip_prefix('{')?.strip_suffix('}')?.trim();
    let mut fields = Fields::new();
    let mut keys = Vec::new();
    while !rest.is_empty() {
        let (key, after) = rest.strip_prefix('"')?.split_once('"')?;
        rest = after.trim_start().strip_prefix(':')?.trim_start();
        if keys.contains(&key) || !FIELDS.split(' ').any(|field| field == key) {
            return None;
        }
        keys.push(key);
        let value;
        if let Some(word) = rest.strip_prefix('"') {
            let (word, after) = word.split_once('"')?;
            value = Some(Value::Word(word.into()));
            rest = after.trim_start();
        } else {
            let end = rest.find(',').unwrap_or(rest.len());
            let text = rest[..end].trim();
            value = match text {
                "null" => None,
                "true" => Some(Value::Flag(true)),
                "false" if ["post_only", "hidden", "blocked", "lose_priority"].contains(&key) => None,
                "false" => Some(Value::Flag(false)),
                number if number.starts_with(|c: char| c.is_ascii_digit() || c == '-') => {
                    Some(Value::Number(number.into()))
                }
                _ => return None,
            };
            rest = &rest[end..];
        }
        if let Some(value) = value {
            fields.insert(key.into(), value);
        }
        if !rest.is_empty() {
            rest = rest.strip_prefix(',')?.trim_start();
            if rest.is_empty() {
                return None;
            }
        }
    }
    Some(fields)
}

/// Digits without sign or point as an integer, or `None`.
fn integer<T: std::str::FromStr>(text: &str) -> Option<T> {
    let plain = text.bytes().all(|b| b.is_ascii_digit()) && (text == "0" || !text.starts_with('0'));
    if plain { text.parse().ok() } else { None }
}

/// A decimal as mantissa and decimals, without trailing zeros. Mantissas beyond `i128` are not for
/// scenarios.
fn decimal(text: &str) -> Option<(i128, u32)> {
    let (sign, digits) = match text.strip_prefix('-') {
        Some(digits) => (-1, digits),
        None => (1, text),
    };
    let (whole, part) = match digits.split_once('.') {
        Some((_, "")) => return None,
        Some((whole, part)) => (whole, part),
        None => (digits, ""),
    };
    if whole.is_empty() || !whole.bytes().chain(part.bytes()).all(|b| b.is_ascii_digit()) {
        return None;
    }
    let part = part.trim_end_matches('0');
    Some((sign * format!("{whole}{part}").parse::<i128>().ok()?, part.len() as u32))
}

/// A price in ticks, or why not.
fn ticks(text: &str, tick: Tick) -> Option<Result<i64, Reject>> {
    let (mantissa, decimals) = decimal(text)?;
    let common = decimals.max(u32::from(tick.decimals()));
    let price = mantissa.checked_mul(10i128.checked_pow(common - decimals)?)?;
    let step = i128::from(tick.mantissa()).checked_mul(10i128.checked_pow(common - u32::from(tick.decimals()))?)?;
    Some(match i64::try_from(price / step) {
        Err(_) => Err(Reject::BadPrice),
        Ok(_) if price % step != 0 => Err(Reject::OffTick),
        Ok(ticks) => Ok(ticks),
    })
}

/// A price in ticks as text.
fn price_text(price: Price, tick: Tick) -> String {
    let exact = i128::from(price.ticks()) * i128::from(tick.mantissa());
    let decimals = usize::from(tick.decimals());
    let digits = format!("{:0width$}", exact.unsigned_abs(), width = decimals + 1);
    let (whole, part) = digits.split_at(digits.len() - decimals);
    let sign = if exact < 0 { "-" } else { "" };
    if part.is_empty() { format!("{sign}{whole}") } else { format!("{sign}{whole}.{part}") }
}

/// Takes fields out of an object; what is left over is unknown.
struct Taker(Fields);

/// A line that is not a command.
struct Bad;

impl Taker {
    fn number<T: std::str::FromStr>(&mut self, key: &str) -> Result<Option<T>, Bad> {
        match self.0.remove(key) {
            None => Ok(None),
            Some(Value::Number(text)) => integer(&text).map(Some).ok_or(Bad),
            Some(_) => Err(Bad),
        }
    }

    fn word(&mut self, key: &str) -> Result<Option<String>, Bad> {
        match self.0.remove(key) {
            None => Ok(None),
            Some(Value::Word(word)) => Ok(Some(word)),
            Some(_) => Err(Bad),
        }
    }

    fn one_of<T>(&mut self, key: &str, from_word: fn(&[u8]) -> Option<T>) -> Result<Option<T>, Bad> {
        self.word(key)?.map(|word| from_word(word.as_bytes()).ok_or(Bad)).transpose()
    }

    fn price(&mut self, key: &str) -> Result<Option<String>, Bad> {
        match self.0.remove(key) {
            None => Ok(None),
            Some(Value::Word(text) | Value::Number(text)) => decimal(&text).map(|_| Some(text)).ok_or(Bad),
            Some(Value::Flag(_)) => Err(Bad),
        }
    }

    fn flag(&mut self, key: &str) -> Result<bool, Bad> {
        match self.0.remove(key) {
            None => Ok(false),
            Some(Value::Flag(flag)) => Ok(flag),
            Some(_) => Err(Bad),
        }
    }

    fn done(&self) -> Result<(), Bad> {
        if self.0.is_empty() { Ok(()) } else { Err(Bad) }
    }
}

/// A run of a command file (JSON Lines) through a [`Model`].
#[derive(Debug)]
pub struct Session {
    model: Model,
    symbols: Vec<InstrumentSpec>,
    out: String,
    seq: u64,
}

impl Session {
    /// Returns the lines that `vvpx match --book` must print for a command file, given as its text.
    ///
    /// ```
    /// use vvp_testkit::text::Session;
    ///
    /// let out = Session::run(r#"{"op":"new","id":1,"side":"buy","price":"99","qty":5}"#);
    /// assert_eq!(out.lines().next(), Some(r#"{"seq":1,"event":"accepted","id":1}"#));
    /// ```
    #[must_use]
    pub fn run(file: &str) -> String {
        let mut session = Self { model: Model::new(1 << 20, 1 << 20), symbols: Vec::new(), out: String::new(), seq: 0 };
        for (at, line) in file.lines().enumerate() {
            let line = line.trim();
            if !line.is_empty() {
                session.line(line, at as u64 + 1);
            }
        }
        if session.symbols.is_empty() {
            session.define(InstrumentSpec::new(Symbol::X));
        }
        session.book();
        session.out
    }

    fn line(&mut self, line: &str, number: u64) {
        let parsed = object(line).ok_or(Bad).and_then(|fields| self.command(fields));
        let command = parsed.unwrap_or_else(|Bad| {
            let bad =
                Refusal { reason: Reject::BadField, id: None, edge_ref: Some(number), instrument: None, ts: None };
            Some(Command::refused(&bad))
        });
        if let Some(command) = command {
            self.apply(&command);
        }
    }

    fn apply(&mut self, command: &Command) {
        for event in self.model.apply(command) {
            self.print(&event);
        }
        self.model.check();
    }

    fn define(&mut self, spec: InstrumentSpec) {
        let id = InstrumentId::new(self.symbols.len() as u16);
        self.symbols.push(spec);
        self.apply(&Command::instrument(id, &spec));
    }

    fn instrument(&mut self, mut f: Taker) -> Result<(), Bad> {
        let symbol = Symbol::new(f.word("symbol")?.ok_or(Bad)?.as_bytes()).ok_or(Bad)?;
        let (mantissa, decimals) = f.price("tick")?.map_or(Some((1, 0)), |t| decimal(&t)).ok_or(Bad)?;
        let tick = Tick::new(i64::try_from(mantissa).map_err(|_| Bad)?, decimals as u8).ok_or(Bad)?;
        let mut price = |key: &str| match f.price(key)? {
            None => Ok(None),
            Some(text) => match ticks(&text, tick) {
                Some(Ok(ticks)) => Ok(Some(Price::new(ticks))),
                _ => Err(Bad),
            },
        };
        let (min_price, max_price, reference) = (price("min_price")?, price("max_price")?, price("reference")?);
        f.done()?;
        let upside_down = matches!((min_price, max_price), (Some(min), Some(max)) if min > max);
        if upside_down || self.symbols.iter().any(|s| s.symbol == symbol) {
            return Err(Bad);
        }
        self.define(InstrumentSpec { symbol, tick, min_price, max_price, reference });
        Ok(())
    }

    /// The command of a line; `None` when it was an instrument, which is carried out already.
    fn command(&mut self, fields: Fields) -> Result<Option<Command>, Bad> {
        let mut f = Taker(fields);
        let op = f.word("op")?.ok_or(Bad)?;
        if op == "instrument" {
            return self.instrument(f).map(|()| None);
        }
        if op == "time" {
            let ts = f.number("ts")?.ok_or(Bad)?;
            return f.done().map(|()| Some(Command::time(ts)));
        }
        if op == "limits" {
            let owner = f.number("owner")?.ok_or(Bad)?;
            let limits = Limits {
                max_qty: f.number("max_qty")?.map(Qty::new),
                max_notional: f.number("max_notional")?,
                max_orders: f.number("max_orders")?,
                blocked: f.flag("blocked")?,
            };
            return f.done().map(|()| Some(Command::limits(OwnerId::new(owner), &limits)));
        }

        // What is left needs an instrument, and all but `phase` and `mass_cancel` an id.
        let symbol = f.word("symbol")?.map(|s| Symbol::new(s.as_bytes()).ok_or(Bad)).transpose()?;
        let ts: Option<u64> = f.number("ts")?;
        let needs_id = matches!(op.as_str(), "new" | "cancel" | "reduce" | "replace");
        let id = if needs_id { Some(OrderId::new(f.number("id")?.ok_or(Bad)?)) } else { None };
        let price = f.price("price")?;
        let stop = f.price("stop")?;
        // Prices are parsed last; a placeholder until then.
        let stand_in = |text: &Option<String>| text.as_ref().map(|_| Price::new(0));
        let command = |f: &mut Taker, price: Option<Price>, stop: Option<Price>| Self::build(&op, f, id, price, stop);
        let again = Taker(f.0.clone());
        let trial = command(&mut f, stand_in(&price), stand_in(&stop))?;
        f.done()?;
        if !trial.is_well_formed() {
            return Err(Bad);
        }
        if self.symbols.is_empty() {
            self.define(InstrumentSpec::new(Symbol::X));
        }
        let refused = |reason, instrument| Command::refused(&Refusal { reason, id, edge_ref: None, instrument, ts });
        let at = match symbol {
            None => 0,
            Some(symbol) => match self.symbols.iter().position(|s| s.symbol == symbol) {
                Some(at) => at,
                None => return Ok(Some(refused(Reject::UnknownInstrument, None))),
            },
        };
        let instrument = InstrumentId::new(at as u16);
        let mut in_ticks = [None, None];
        for (text, place) in [price, stop].into_iter().zip(&mut in_ticks) {
            if let Some(text) = text {
                match ticks(&text, self.symbols[at].tick).ok_or(Bad)? {
                    Ok(ticks) => *place = Some(Price::new(ticks)),
                    Err(reason) => return Ok(Some(refused(reason, Some(instrument)))),
                }
            }
        }
        let mut f = again;
        let mut built = command(&mut f, in_ticks[0], in_ticks[1])?.with_instrument(instrument);
        if let Some(ts) = ts {
            built = built.with_ts(ts);
        }
        Ok(Some(built))
    }

    fn build(
        op: &str,
        f: &mut Taker,
        id: Option<OrderId>,
        price: Option<Price>,
        stop: Option<Price>,
    ) -> Result<Command, Bad> {
        let absent = |p: Option<Price>| if p.is_some() { Err(Bad) } else { Ok(()) };
        let command = match (op, id) {
            ("new", Some(id)) => return Self::order(f, id, price, stop),
            ("replace", Some(id)) => {
                let qty = f.number("qty")?.map(Qty::new);
                let lose_priority = f.flag("lose_priority")?;
                return Ok(Command::replace(id, Replacement { price, stop, qty, lose_priority }));
            }
            ("cancel", Some(id)) => Command::cancel(id),
            ("reduce", Some(id)) => Command::reduce(id, Qty::new(f.number("qty")?.ok_or(Bad)?)),
            ("mass_cancel", None) => {
                let owner = f.number("owner")?.unwrap_or(0);
                Command::mass_cancel(OwnerId::new(owner), f.one_of("side", Side::from_word)?)
            }
            ("phase", None) => Command::phase(f.one_of("phase", Phase::from_word)?.ok_or(Bad)?),
            _ => return Err(Bad),
        };
        absent(price)?;
        absent(stop)?;
        Ok(command)
    }

    fn order(f: &mut Taker, id: OrderId, price: Option<Price>, stop: Option<Price>) -> Result<Command, Bad> {
        let side = f.one_of("side", Side::from_word)?.ok_or(Bad)?;
        let kind = f.one_of("type", OrderType::from_word)?.unwrap_or(OrderType::Limit);
        let qty = Qty::new(f.number("qty")?.ok_or(Bad)?);
        let trail: Option<u64> = f.number("trail")?;
        let mut command = match (kind, price, stop, trail) {
            (OrderType::Limit, Some(price), None, None) => Command::limit(id, side, price, qty),
            (OrderType::Market, None, None, None) => Command::market(id, side, qty),
            (OrderType::Stop, None, Some(stop), None) => Command::stop(id, side, stop, qty),
            (OrderType::StopLimit, Some(price), Some(stop), None) => Command::stop_limit(id, side, stop, price, qty),
            (OrderType::TrailingStop, None, None, Some(trail)) => Command::trailing_stop(id, side, trail, qty),
            _ => return Err(Bad),
        };
        command = command.with_owner(OwnerId::new(f.number("owner")?.unwrap_or(0)));
        let tif = f.one_of("tif", TimeInForce::from_word)?.unwrap_or(TimeInForce::Gtc);
        command = match (tif, f.number("expires")?) {
            (TimeInForce::Gtd, Some(expires)) => command.with_expiry(expires),
            (TimeInForce::Gtd, None) | (_, Some(_)) => return Err(Bad),
            (tif, None) => command.with_tif(tif),
        };
        command = command
            .with_self_trade(f.one_of("stp", SelfTradePrevention::from_word)?.unwrap_or(SelfTradePrevention::None));
        if let Some(display) = f.number("display")? {
            command = command.with_display_qty(Qty::new(display));
        }
        if let Some(min_qty) = f.number("min_qty")? {
            command = command.with_min_qty(Qty::new(min_qty));
        }
        if let Some(protect) = f.number("protect")? {
            command = command.with_protection(protect);
        }
        if f.flag("post_only")? {
            command = command.with_post_only();
        }
        if f.flag("hidden")? {
            command = command.with_hidden();
        }
        Ok(command)
    }

    fn print(&mut self, event: &Event) {
        if matches!(event.body(), EventBody::Defined { .. }) {
            return;
        }
        self.seq += 1;
        let spec = event.instrument().map(|i| self.symbols[usize::from(i.get())]);
        let tick = spec.map_or(Tick::ONE, |s| s.tick);
        let mut line = format!("{{\"seq\":{},\"event\":\"{}\"", self.seq, event.kind());
        if let Some(spec) = spec
            && self.symbols.len() > 1
        {
            line += &format!(",\"symbol\":\"{}\"", spec.symbol);
        }
        if let Some(ts) = event.ts() {
            line += &format!(",\"ts\":{ts}");
        }
        let price = |p: Price| format!("\"{}\"", price_text(p, tick));
        line += &match event.body() {
            EventBody::Accepted { id, .. } | EventBody::Triggered { id, .. } => format!(",\"id\":{id}"),
            EventBody::Rejected { id, reason, edge_ref: line } => {
                let id = id.map_or(String::new(), |id| format!(",\"id\":{id}"));
                let line = line.map_or(String::new(), |line| format!(",\"line\":{line}"));
                format!("{id},\"reason\":\"{reason}\"{line}")
            }
            EventBody::Trade { maker, taker, price: p, qty, maker_open, taker_open, .. } => format!(
                ",\"maker\":{maker},\"taker\":{taker},\"price\":{},\"qty\":{qty},\"maker_open\":{maker_open},\"taker_open\":{taker_open}",
                price(p)
            ),
            EventBody::Canceled { id, qty, reason, .. } => {
                format!(",\"id\":{id},\"qty\":{qty},\"reason\":\"{reason}\"")
            }
            EventBody::Reduced { id, qty, .. } => format!(",\"id\":{id},\"qty\":{qty}"),
            EventBody::Replaced { id, price: p, qty, .. } => {
                let p = p.map_or(String::new(), |p| format!(",\"price\":{}", price(p)));
                format!(",\"id\":{id}{p},\"qty\":{qty}")
            }
            EventBody::Phase { phase } => format!(",\"phase\":\"{phase}\""),
            EventBody::Uncross { price: p, volume } => format!(",\"price\":{},\"qty\":{volume}", price(p)),
            other => unreachable!("no line for {other:?}"),
        };
        self.out += &line;
        self.out += "}\n";
    }

    fn book(&mut self) {
        for (book, spec) in self.model.books.iter().zip(&self.symbols) {
            let price = |p: Price| format!("\"{}\"", price_text(p, spec.tick));
            let last = book.last.map_or("null".into(), |p| price(Price::new(p)));
            let side = |side| {
                let levels: Vec<String> =
                    book.depth(side).iter().map(|(p, qty, n)| format!("[{},{qty},{n}]", price(*p))).collect();
                levels.join(",")
            };
            self.out += &format!(
                "{{\"symbol\":\"{}\",\"phase\":\"{}\",\"last\":{last},\"bids\":[{}],\"asks\":[{}]}}\n",
                spec.symbol,
                book.phase,
                side(Side::Buy),
                side(Side::Sell)
            );
        }
    }
}
