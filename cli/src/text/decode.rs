//! Decodes lines into commands.

use super::Format;
use super::csv::Columns;
use super::decimal::NotTicks;
use super::fault::{BadLine, Fault, Why};
use super::field::{Field, fields_of};
use super::json;
use super::refused::EdgeRefusals;
use super::symbols::Symbols;
use super::values::Values;
use vvp_core::book::{
    Command, InstrumentId, InstrumentSpec, Limits, Op, OrderId, OrderType, OwnerId, Price, Qty, Refusal, Reject,
    Replacement, Symbol, Tick, TimeInForce,
};

/// Reason why a line gave no command.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub enum DecodeError {
    /// The line is not a command. Its refusal was emitted; continue with the next line.
    BadLine(BadLine),
    /// The header of a CSV file cannot be used, so no line of the file can be read. Nothing was
    /// emitted.
    Header(BadLine),
}

impl core::fmt::Display for DecodeError {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        let (Self::BadLine(bad) | Self::Header(bad)) = self;
        write!(f, "{bad}")
    }
}

impl core::error::Error for DecodeError {}

/// Turns the lines of one file of commands into [`Command`]s. Allocates at construction only.
///
/// Every line that is not empty gives one command; the first that needs an instrument when none is
/// defined gives the definition of `X` before it. A line that is not a command, or that the edge
/// refuses, gives [`Command::refused`], so that its refusal is numbered in sequence.
///
/// ```
/// use vvpx::text::{Decoder, Format};
/// let mut decoder = Decoder::new(Format::Jsonl, 16);
/// let mut commands = Vec::new();
/// let line = br#"{"op":"new","id":1,"side":"buy","price":"150","qty":100}"#;
/// decoder.line(line, |command| commands.push(command)).unwrap();
/// assert_eq!(commands.len(), 2); // the instrument X, then the order
/// let bad = decoder.line(b"{\"op\":\"new\"}", |command| commands.push(command)).unwrap_err();
/// assert_eq!(bad.to_string(), "2: id: missing");
/// ```
#[derive(Debug)]
pub struct Decoder {
    values: Values,
    symbols: Symbols,
    /// CSV only, after the header.
    columns: Option<Columns>,
    csv: bool,
    lines: u64,
    bad_lines: u64,
    refused: EdgeRefusals,
}

impl Decoder {
    /// Creates a decoder for a whole file from its first line, with room for `max_instruments` (1
    /// to 65,536).
    #[must_use]
    pub fn new(format: Format, max_instruments: usize) -> Self {
        Self {
            values: Values::new(),
            symbols: Symbols::new(max_instruments),
            columns: None,
            csv: format == Format::Csv,
            lines: 0,
            bad_lines: 0,
            refused: EdgeRefusals::default(),
        }
    }

    /// Returns the number of lines so far, empty ones and a CSV header included.
    #[must_use]
    pub fn lines(&self) -> u64 {
        self.lines
    }

    /// Returns the number of bad lines so far. If there was one, the process exits with 1 at the
    /// end.
    #[must_use]
    pub fn bad_lines(&self) -> u64 {
        self.bad_lines
    }

    /// Returns the number of instruments defined so far.
    #[must_use]
    pub fn instruments(&self) -> usize {
        self.symbols.len()
    }

    /// Returns the first refusals of the edge so far.
    #[must_use]
    pub fn refused(&self) -> EdgeRefusals {
        self.refused
    }

    /// Decodes the next line, without its line feed, and gives `emit` its 0, 1 or 2 commands.
    ///
    /// # Errors
    /// [`DecodeError`] if the line is not a command (`emit` got the refusal) or not a usable CSV
    /// header.
    #[inline]
    pub fn line(&mut self, line: &[u8], mut emit: impl FnMut(Command)) -> Result<(), DecodeError> {
        self.lines += 1;
        let line = trim(line);
        if self.csv && self.columns.is_none() {
            let columns = Columns::read(line).map_err(|fault| self.header(explain(line, fault)))?;
            self.columns = Some(columns);
            return Ok(());
        }
        if line.is_empty() {
            return Ok(());
        }
        self.values.clear();
        let read = match &self.columns {
            None => json::read_line(line, &mut self.values),
            Some(columns) => columns.read_line(line, &mut self.values),
        };
        match read.and_then(|()| self.command(line, &mut emit)) {
            Ok(command) => {
                emit(command);
                Ok(())
            }
            Err(fault) => Err(self.bad(explain(line, fault), emit)),
        }
    }

    /// Answers the next line, which was longer than `max` bytes and is lost.
    pub fn too_long(&mut self, max: usize, emit: impl FnMut(Command)) -> DecodeError {
        self.lines += 1;
        let fault = Why::TooLong(max).into();
        if self.csv && self.columns.is_none() { self.header(fault) } else { self.bad(fault, emit) }
    }

    /// Gives `emit` the definition of `X` if no line defined an instrument. Call it at the end, so
    /// that there is a book to read.
    pub fn finish(&mut self, emit: impl FnMut(Command)) {
        self.symbols.define_x().into_iter().for_each(emit);
    }

    fn header(&self, fault: Fault) -> DecodeError {
        DecodeError::Header(BadLine { line: self.lines, field: fault.field, why: fault.why })
    }

    #[cold]
    fn bad(&mut self, fault: Fault, mut emit: impl FnMut(Command)) -> DecodeError {
        self.bad_lines += 1;
        let line = Some(self.lines);
        emit(Command::refused(&Refusal {
            reason: Reject::BadField,
            id: None,
            edge_ref: line,
            instrument: None,
            ts: None,
        }));
        DecodeError::BadLine(BadLine { line: self.lines, field: fault.field, why: fault.why })
    }

    /// Returns the command that the values describe. Everything that makes a bad line is checked
    /// first, then what the edge refuses.
    #[inline]
    fn command(&mut self, line: &[u8], emit: &mut impl FnMut(Command)) -> Result<Command, Fault> {
        let values = &self.values;
        if !values.has(Field::Op) {
            return Err(Why::Missing.at(Field::Op));
        }
        let (may, must) = fields_of(values.op);
        if let Some(field) = Field::first(values.present & !may) {
            return Err(Why::NotOf(values.op).at(field));
        }
        if let Some(field) = Field::first(must & !values.present) {
            return Err(Why::Missing.at(field));
        }
        match values.op {
            Op::New => check_order(values)?,
            Op::Replace if !(values.has(Field::Price) || values.has(Field::Stop) || values.has(Field::Qty)) => {
                return Err(Why::NothingToReplace.into());
            }
            Op::Time => return Ok(Command::time(values.integer(Field::Ts))),
            Op::Limits => return Ok(limits(values)),
            Op::Instrument => return self.define(line),
            _ => {}
        }
        let known = if values.has(Field::Symbol) { self.symbols.find(values.symbol) } else { None };
        let known = match known {
            Some(_) => known,
            None if values.has(Field::Symbol) && symbol(values).is_none() => {
                return Err(Why::BadValue.at(Field::Symbol));
            }
            None => {
                if let Some(x) = self.symbols.define_x() {
                    emit(x);
                }
                if values.has(Field::Symbol) {
                    self.symbols.find(values.symbol) // X itself
                } else {
                    Some(InstrumentId::new(0))
                }
            }
        };
        let values = &self.values;
        let refused = |reason, instrument| {
            let id = values.optional(Field::Id).map(OrderId::new);
            Ok(Command::refused(&Refusal { reason, id, edge_ref: None, instrument, ts: values.optional(Field::Ts) }))
        };
        let Some(id) = known else {
            self.refused.note_unknown(symbol(values));
            return refused(Reject::UnknownInstrument, None);
        };
        let tick = self.symbols.get(id).map(|known| known.tick).unwrap_or_default();
        let ticks = |field| match values.decimal(field).map(|d| d.ticks(line, tick)) {
            Some(Ok(price)) => Ok(Some(price)),
            None => Ok(None),
            Some(Err(NotTicks::Range)) => Err(Reject::BadPrice),
            Some(Err(NotTicks::OffTick)) => Err(Reject::OffTick),
        };
        let (price, stop) = match ticks(Field::Price).and_then(|price| Ok((price, ticks(Field::Stop)?))) {
            Ok(prices) => prices,
            Err(reason) => {
                if reason == Reject::OffTick {
                    self.refused.note_off_tick(id, tick, line, values);
                }
                return refused(reason, Some(id));
            }
        };
        let command = command_of(values, price, stop).with_instrument(id);
        Ok(match values.optional(Field::Ts) {
            Some(ts) => command.with_ts(ts),
            None => command,
        })
    }

    /// Defines an instrument.
    fn define(&mut self, line: &[u8]) -> Result<Command, Fault> {
        let values = &self.values;
        let symbol = symbol(values).ok_or(Why::BadValue.at(Field::Symbol))?;
        let tick = match values.decimal(Field::Tick) {
            None => Tick::ONE,
            Some(tick) => tick.tick(line).ok_or(Why::BadTick.at(Field::Tick))?,
        };
        let price = |field| match values.decimal(field).map(|d| d.ticks(line, tick)) {
            None => Ok(None),
            Some(Ok(price)) => Ok(Some(price)),
            Some(Err(NotTicks::Range)) => Err(Why::PriceRange.at(field)),
            Some(Err(NotTicks::OffTick)) => Err(Why::OffTick.at(field)),
        };
        let spec = InstrumentSpec {
            symbol,
            tick,
            min_price: price(Field::MinPrice)?,
            max_price: price(Field::MaxPrice)?,
            reference: price(Field::Reference)?,
        };
        if spec.min_price.zip(spec.max_price).is_some_and(|(min, max)| min > max) {
            return Err(Why::MinAboveMax.at(Field::MinPrice));
        }
        if self.symbols.find(values.symbol).is_some() {
            return Err(Why::DefinedTwice.at(Field::Symbol));
        }
        match self.symbols.define(symbol, tick) {
            Some(id) => Ok(Command::instrument(id, &spec)),
            None => Err(Why::TooManyInstruments(self.symbols.max()).at(Field::Symbol)),
        }
    }
}

/// Trims CR, blanks and tabs around a line; they have no meaning.
#[inline]
fn trim(mut line: &[u8]) -> &[u8] {
    while let [b' ' | b'\t' | b'\r', rest @ ..] | [rest @ .., b' ' | b'\t' | b'\r'] = line {
        line = rest;
    }
    line
}

/// Reports a line that is not UTF-8 as that, rather than as bad JSON.
#[cold]
fn explain(line: &[u8], fault: Fault) -> Fault {
    if core::str::from_utf8(line).is_err() { Why::NotUtf8.into() } else { fault }
}

fn symbol(values: &Values) -> Option<Symbol> {
    let name = values.symbol.to_le_bytes();
    let len = 16 - values.symbol.leading_zeros() as usize / 8;
    Symbol::new(&name[..len])
}

/// Checks for fields that a new order of its type and time in force cannot have, or lacks
/// (MATCHING, section 2).
#[inline]
fn check_order(values: &Values) -> Result<(), Fault> {
    let (order_type, tif) = (values.order_type, values.tif);
    let needs = |field, wanted: bool| match (wanted, values.has(field)) {
        (true, false) => Err(Why::Missing.at(field)),
        (false, true) => Err(Why::NotForType(order_type).at(field)),
        _ => Ok(()),
    };
    needs(Field::Price, order_type.has_limit())?;
    needs(Field::Stop, matches!(order_type, OrderType::Stop | OrderType::StopLimit))?;
    needs(Field::Trail, order_type == OrderType::TrailingStop)?;
    const RESTING: [Field; 3] = [Field::Display, Field::PostOnly, Field::Hidden];
    const ALL: u32 = Field::MinQty.bit()
        | Field::Protect.bit()
        | Field::Expires.bit()
        | Field::Display.bit()
        | Field::PostOnly.bit()
        | Field::Hidden.bit();
    if values.present & ALL == 0 && tif != TimeInForce::Gtd {
        return Ok(()); // no options
    }
    for field in RESTING {
        if values.has(field) && order_type != OrderType::Limit {
            return Err(Why::NotForType(order_type).at(field));
        }
        if values.has(field) && !tif.may_rest() {
            return Err(Why::NotForTif(tif).at(field));
        }
    }
    if values.has(Field::Display) && values.has(Field::Hidden) {
        return Err(Why::DisplayAndHidden.at(Field::Display));
    }
    if values.has(Field::MinQty) && order_type != OrderType::Limit {
        return Err(Why::NotForType(order_type).at(Field::MinQty));
    }
    if values.has(Field::MinQty) && tif != TimeInForce::Ioc {
        return Err(Why::NotForTif(tif).at(Field::MinQty));
    }
    if values.has(Field::Protect) && order_type.has_limit() {
        return Err(Why::NotForType(order_type).at(Field::Protect));
    }
    match (tif == TimeInForce::Gtd, values.has(Field::Expires)) {
        (true, false) => Err(Why::Missing.at(Field::Expires)),
        (false, true) => Err(Why::ExpiresWithoutGtd.at(Field::Expires)),
        _ => Ok(()),
    }
}

fn limits(values: &Values) -> Command {
    let limits = Limits {
        max_qty: values.optional(Field::MaxQty).map(Qty::new),
        max_notional: values.has(Field::MaxNotional).then_some(values.max_notional),
        max_orders: values.optional(Field::MaxOrders),
        blocked: values.has(Field::Blocked),
    };
    Command::limits(owner(values), &limits)
}

fn owner(values: &Values) -> OwnerId {
    // The parser has checked that it fits; absent is 0.
    OwnerId::new(values.optional(Field::Owner).unwrap_or(0) as u32)
}

/// Returns the command of checked values, without its instrument and time.
#[inline]
fn command_of(values: &Values, price: Option<Price>, stop: Option<Price>) -> Command {
    let id = OrderId::new(values.integer(Field::Id));
    let qty = Qty::new(values.integer(Field::Qty));
    match values.op {
        Op::New => new_order(values, id, qty, price.unwrap_or_default(), stop.unwrap_or_default()),
        Op::Cancel => Command::cancel(id),
        Op::Reduce => Command::reduce(id, qty),
        Op::Replace => {
            let qty = values.optional(Field::Qty).map(Qty::new);
            Command::replace(id, Replacement { price, stop, qty, lose_priority: values.has(Field::LosePriority) })
        }
        Op::MassCancel => Command::mass_cancel(owner(values), values.has(Field::Side).then_some(values.side)),
        _ => Command::phase(values.phase),
    }
}

#[inline]
fn new_order(values: &Values, id: OrderId, qty: Qty, price: Price, stop: Price) -> Command {
    let side = values.side;
    let mut c = match values.order_type {
        OrderType::Limit => Command::limit(id, side, price, qty),
        OrderType::Market => Command::market(id, side, qty),
        OrderType::Stop => Command::stop(id, side, stop, qty),
        OrderType::StopLimit => Command::stop_limit(id, side, stop, price, qty),
        OrderType::TrailingStop => Command::trailing_stop(id, side, values.integer(Field::Trail), qty),
    };
    c = match values.optional(Field::Expires) {
        Some(expires) => c.with_expiry(expires),
        None => c.with_tif(values.tif),
    };
    c = c.with_owner(owner(values)).with_self_trade(values.stp);
    if let Some(qty) = values.optional(Field::Display) {
        c = c.with_display_qty(Qty::new(qty));
    }
    if let Some(qty) = values.optional(Field::MinQty) {
        c = c.with_min_qty(Qty::new(qty));
    }
    if let Some(ticks) = values.optional(Field::Protect) {
        c = c.with_protection(ticks);
    }
    if values.has(Field::PostOnly) {
        c = c.with_post_only();
    }
    if values.has(Field::Hidden) {
        c = c.with_hidden();
    }
    debug_assert!(c.is_well_formed(), "check_order let a contradiction through");
    c
}
