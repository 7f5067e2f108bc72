//! Writes commands as text that reads back as the same commands.

use super::Format;
use super::field::{Field, word};
use super::symbols::Symbols;
use std::io::{self, Write};
use vvp_core::book::{
    Command, InstrumentId, InstrumentSpec, Op, OrderType, OwnerId, Price, Refusal, Reject, SelfTradePrevention, Symbol,
    Tick, TimeInForce,
};
use vvp_replay::digits::{Cursor, PRICE_MAX};

const LINE_MAX: usize = 1024;

// The longest line has all fields of an order, each at its maximum length.
const _: () = assert!(Field::ALL.len() * (12 + 4) + 12 * 20 + 4 * PRICE_MAX + 2 * 16 < LINE_MAX);

/// Maximum number of empty lines written to reach the line of a refusal.
const PAD_MAX: u64 = 1 << 20;

/// Writes commands, a line each, in canonical form: fields in the order of [`Field::ALL`], absent
/// and default values omitted, prices with the decimals of the tick.
///
/// A command that the edge refused becomes a line that is refused again for the same reason. A bad
/// line keeps its line number: empty lines are written before it where necessary.
#[derive(Debug)]
pub struct CommandWriter {
    csv: bool,
    symbols: Symbols,
    lines: u64,
    /// The implicit definition of `X`; written only if the commands that follow do not imply it.
    implicit: bool,
}

impl CommandWriter {
    /// Creates a writer for a whole file, with room for `max_instruments` (1 to 65,536).
    #[must_use]
    pub fn new(format: Format, max_instruments: usize) -> Self {
        Self { csv: format == Format::Csv, symbols: Symbols::new(max_instruments), lines: 0, implicit: false }
    }

    /// Writes the header: that of CSV; JSON Lines has none.
    ///
    /// # Errors
    /// Errors of the writer.
    pub fn start(&mut self, out: &mut impl Write) -> io::Result<()> {
        if self.csv {
            for (i, field) in Field::ALL.iter().enumerate() {
                write!(out, "{}{}", if i > 0 { "," } else { "" }, field.name())?;
            }
            writeln!(out)?;
            self.lines = 1;
        }
        Ok(())
    }

    /// Writes the line of `command`.
    ///
    /// # Errors
    /// Errors of the writer; `InvalidInput` for a symbol with a comma in CSV, which has no quoting.
    pub fn write(&mut self, command: &Command, out: &mut impl Write) -> io::Result<()> {
        let refusal = command.refusal();
        if std::mem::take(&mut self.implicit) {
            let needs_one = match refusal {
                Some(refusal) => refusal.edge_ref.is_none() && is_of_the_edge(refusal.reason),
                None => !matches!(command.op(), Op::Time | Op::Limits | Op::Instrument),
            };
            if !needs_one {
                self.definition(&InstrumentSpec::new(Symbol::X), out)?;
            }
        }
        if let Some(spec) = command.instrument_spec() {
            if self.symbols.find(word(spec.symbol.as_str().as_bytes())).is_none() {
                self.symbols.define(spec.symbol, spec.tick);
            }
            self.implicit = self.symbols.len() == 1 && spec == InstrumentSpec::new(Symbol::X);
            return if self.implicit { Ok(()) } else { self.definition(&spec, out) };
        }
        match refusal {
            Some(refusal) => self.refused(&refusal, out),
            None => self.line(out, |row| row.command(command)),
        }
    }

    /// Writes what [`CommandWriter::write`] has held back. Call it after the last command.
    ///
    /// # Errors
    /// Errors of the writer.
    pub fn finish(&mut self, out: &mut impl Write) -> io::Result<()> {
        if std::mem::take(&mut self.implicit) {
            self.definition(&InstrumentSpec::new(Symbol::X), out)?;
        }
        Ok(())
    }

    fn line(&mut self, out: &mut impl Write, make: impl FnOnce(&mut Row<'_>)) -> io::Result<()> {
        self.lines += 1;
        let mut text = [0; LINE_MAX];
        let mut row = Row { c: Cursor::new(&mut text), csv: self.csv, next: 0, symbols: &self.symbols };
        make(&mut row);
        let len = row.end();
        out.write_all(&text[..len])
    }

    fn definition(&mut self, spec: &InstrumentSpec, out: &mut impl Write) -> io::Result<()> {
        if self.csv && spec.symbol.as_str().contains(',') {
            let why = format!("symbol {}: a comma cannot stand in CSV, which has no quoting; use jsonl", spec.symbol);
            return Err(io::Error::new(io::ErrorKind::InvalidInput, why));
        }
        self.line(out, |row| {
            row.word(Field::Op, Op::Instrument.word());
            row.word(Field::Symbol, spec.symbol.as_str());
            if spec.tick != Tick::ONE {
                row.price(Field::Tick, Price::new(1), spec.tick);
            }
            let band = [
                (Field::MinPrice, spec.min_price),
                (Field::MaxPrice, spec.max_price),
                (Field::Reference, spec.reference),
            ];
            for (field, price) in band {
                if let Some(price) = price {
                    row.price(field, price, spec.tick);
                }
            }
        })
    }

    /// Writes a line that is refused for the same reason.
    fn refused(&mut self, refusal: &Refusal, out: &mut impl Write) -> io::Result<()> {
        let pad = refusal.edge_ref.and_then(|line| line.checked_sub(self.lines + 1)).filter(|&pad| pad <= PAD_MAX);
        for _ in 0..pad.unwrap_or(0) {
            out.write_all(b"\n")?;
            self.lines += 1;
        }
        self.line(out, |row| match (refusal.edge_ref, refusal.reason, refusal.id, refusal.instrument) {
            (None, Reject::UnknownInstrument, Some(id), None) => {
                row.word(Field::Op, Op::Cancel.word());
                row.word(Field::Symbol, undefined_name(row.symbols).as_str());
                row.optional(Field::Ts, refusal.ts);
                row.number(Field::Id, id.get());
            }
            (None, Reject::UnknownInstrument, None, None) => {
                row.word(Field::Op, Op::Phase.word());
                row.word(Field::Symbol, undefined_name(row.symbols).as_str());
                row.optional(Field::Ts, refusal.ts);
                row.word(Field::Phase, "continuous");
            }
            (None, reason @ (Reject::BadPrice | Reject::OffTick), Some(id), Some(on)) => {
                let tick = row.symbols.get(on).map_or(Tick::ONE, |known| known.tick);
                row.word(Field::Op, Op::Replace.word());
                row.symbol(on);
                row.optional(Field::Ts, refusal.ts);
                row.number(Field::Id, id.get());
                row.bad_price(reason, tick);
            }
            // No operation has this name, so it is a bad line.
            _ => row.word(Field::Op, Op::Refused.word()),
        })
    }
}

/// Returns a legal symbol that no instrument has.
fn undefined_name(symbols: &Symbols) -> Symbol {
    let mut name = *b"?\0\0\0\0\0";
    let mut len = 1;
    let mut n = 0;
    while symbols.find(word(&name[..len])).is_some() {
        n += 1;
        let mut c = Cursor::new(&mut name[1..]);
        c.u64(n); // at most 65,536 are defined
        len = 1 + c.len();
    }
    Symbol::new(&name[..len]).unwrap_or(Symbol::X)
}

const fn is_of_the_edge(reason: Reject) -> bool {
    matches!(reason, Reject::UnknownInstrument | Reject::BadPrice | Reject::OffTick)
}

/// A line under construction. Fields come in the order of [`Field::ALL`], the order of the CSV
/// columns.
struct Row<'a> {
    c: Cursor<'a>,
    csv: bool,
    /// Columns written so far.
    next: usize,
    symbols: &'a Symbols,
}

impl Row<'_> {
    fn name(&mut self, field: Field) {
        if self.csv {
            self.columns(field as usize);
        } else {
            self.c.str(if self.next == 0 { "{\"" } else { ",\"" });
            self.c.str(field.name());
            self.c.str("\":");
            self.next = 1;
        }
    }

    fn columns(&mut self, to: usize) {
        while self.next < to {
            self.c.byte(b',');
            self.next += 1;
        }
    }

    fn end(mut self) -> usize {
        if self.csv {
            self.columns(Field::ALL.len() - 1);
        } else {
            self.c.byte(b'}');
        }
        self.c.byte(b'\n');
        self.c.len()
    }

    fn quote(&mut self) {
        if !self.csv {
            self.c.byte(b'"');
        }
    }

    fn word(&mut self, field: Field, word: &str) {
        self.name(field);
        self.quote();
        self.c.str(word);
        self.quote();
    }

    fn number(&mut self, field: Field, n: u64) {
        self.name(field);
        self.c.u64(n);
    }

    fn optional(&mut self, field: Field, n: Option<u64>) {
        if let Some(n) = n {
            self.number(field, n);
        }
    }

    fn price(&mut self, field: Field, price: Price, tick: Tick) {
        self.name(field);
        self.quote();
        self.c.price(price.ticks(), tick);
        self.quote();
    }

    /// Writes a price that is refused for `reason`.
    fn bad_price(&mut self, reason: Reject, tick: Tick) {
        self.name(Field::Price);
        self.quote();
        if reason == Reject::BadPrice {
            self.c.size(1 << 63, tick); // one tick more than the highest price
        } else {
            self.c.str("0.");
            for _ in 0..tick.decimals() {
                self.c.byte(b'0');
            }
            self.c.byte(b'1'); // one decimal more than any multiple of the tick has
        }
        self.quote();
    }

    fn flag(&mut self, field: Field, set: bool) {
        if set {
            self.name(field);
            self.c.str("true");
        }
    }

    /// Writes the symbol; the first instrument needs none.
    fn symbol(&mut self, id: InstrumentId) {
        if id.get() > 0 {
            match self.symbols.get(id) {
                Some(known) => self.word(Field::Symbol, known.symbol.as_str()),
                None => self.word(Field::Symbol, undefined_name(self.symbols).as_str()),
            }
        }
    }

    fn owner(&mut self, owner: OwnerId) {
        self.number(Field::Owner, u64::from(owner.get()));
    }

    fn command(&mut self, command: &Command) {
        self.word(Field::Op, command.op().word());
        let on = command.instrument_id();
        let tick = self.symbols.get(on).map_or(Tick::ONE, |known| known.tick);
        self.symbol(on);
        self.optional(Field::Ts, command.ts());
        match command.op() {
            Op::New => self.order(command, tick),
            Op::Cancel => self.number(Field::Id, command.id().get()),
            Op::Reduce => {
                self.number(Field::Id, command.id().get());
                self.number(Field::Qty, command.qty().lots());
            }
            Op::Replace => {
                let with = command.replacement();
                self.number(Field::Id, command.id().get());
                for (field, price) in [(Field::Price, with.price), (Field::Stop, with.stop)] {
                    if let Some(price) = price {
                        self.price(field, price, tick);
                    }
                }
                self.optional(Field::Qty, with.qty.map(|qty| qty.lots()));
                self.flag(Field::LosePriority, with.lose_priority);
            }
            Op::MassCancel => {
                self.owner(command.owner());
                if let Some(side) = command.mass_cancel_side() {
                    self.word(Field::Side, side.word());
                }
            }
            Op::Phase => self.word(Field::Phase, command.new_phase().unwrap_or_default().word()),
            Op::Limits => {
                let limits = command.new_limits().unwrap_or_default();
                self.owner(command.owner());
                self.optional(Field::MaxQty, limits.max_qty.map(|qty| qty.lots()));
                if let Some(notional) = limits.max_notional {
                    self.name(Field::MaxNotional);
                    self.c.u128(notional);
                }
                self.optional(Field::MaxOrders, limits.max_orders);
                self.flag(Field::Blocked, limits.blocked);
            }
            Op::Time | Op::Instrument | Op::Refused => {} // time is all; the others do not come here
        }
    }

    fn order(&mut self, command: &Command, tick: Tick) {
        self.number(Field::Id, command.id().get());
        if command.owner().get() > 0 {
            self.owner(command.owner());
        }
        self.word(Field::Side, command.side().word());
        let order_type = command.order_type();
        if order_type != OrderType::Limit {
            self.word(Field::Type, order_type.word());
        }
        if command.tif() != TimeInForce::Gtc {
            self.word(Field::Tif, command.tif().word());
        }
        if let Some(price) = command.limit_price() {
            self.price(Field::Price, price, tick);
        }
        if let Some(stop) = command.stop_price() {
            self.price(Field::Stop, stop, tick);
        }
        self.optional(Field::Trail, command.trail());
        self.number(Field::Qty, command.qty().lots());
        self.optional(Field::Display, command.display_qty().map(|qty| qty.lots()));
        self.optional(Field::MinQty, command.min_qty().map(|qty| qty.lots()));
        self.optional(Field::Expires, command.expiry());
        self.optional(Field::Protect, command.protection());
        self.flag(Field::PostOnly, command.is_post_only());
        self.flag(Field::Hidden, command.is_hidden());
        if command.self_trade() != SelfTradePrevention::None {
            self.word(Field::Stp, command.self_trade().word());
        }
    }
}
