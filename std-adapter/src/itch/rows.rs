//! Books written down as they change: a row for each event, or for each step of time.

use std::io::{self, Write};

use super::market::DayMarket;
use super::{TICK, Watch};
use crate::text::price_text;
use vvp_core::book::{DepthLevel, InstrumentId, Side};
use vvp_core::feed::{MarketData, Record};
use vvp_core::wire::itch::Message;
use zerocopy::IntoBytes;

/// What a price of a level that is not there is written as, with its side's sign: as LOBSTER does.
const NO_LEVEL: i64 = 9_999_999_999;

/// Rows are written out when this many bytes wait.
const BUFFER_BYTES: usize = 1 << 16;

/// How a row is written.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum RowFormat {
    /// Time in ns, symbol, then as LOBSTER: ask price, ask size, bid price, bid size, level by level, prices in
    /// ten-thousandths of a dollar.
    Csv,
    /// An object a line.
    Jsonl,
    /// 64-byte records of market data: L1 for a depth of 1, else the levels.
    Records,
}

/// When a row is written.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Every {
    /// After each message of the book.
    Event,
    /// Each time that a multiple of this many ns since midnight has passed.
    Nanos(u64),
}

/// Writes rows.
#[derive(Debug)]
pub struct Rows<W: Write> {
    out: W,
    buffer: Vec<u8>,
    format: RowFormat,
    every: Every,
    depth: usize,
    /// Names of the wanted stocks; none: all.
    symbols: Vec<String>,
    /// Whether a locate is wanted, once it is known.
    wanted: Vec<Option<bool>>,
    /// The next step of time.
    next_ns: u64,
    number: u64,
}

impl<W: Write> Rows<W> {
    /// Rows of `depth` levels a side of these symbols (none: of all).
    pub fn new(out: W, format: RowFormat, every: Every, depth: usize, symbols: Vec<String>) -> Self {
        let wanted = vec![None; super::market::STOCKS];
        Self { out, buffer: Vec::new(), format, every, depth, symbols, wanted, next_ns: 0, number: 0 }
    }

    fn is_wanted(&mut self, market: &DayMarket, locate: u16) -> bool {
        if self.symbols.is_empty() {
            return true;
        }
        let slot = &mut self.wanted[usize::from(locate)];
        if let Some(wanted) = *slot {
            return wanted;
        }
        let name = market.stock(locate).name();
        if name.trimmed().is_empty() {
            return false; // no message has said it yet
        }
        let wanted = self.symbols.iter().any(|s| s == name.as_str());
        *slot = Some(wanted);
        wanted
    }

    fn row(&mut self, market: &DayMarket, locate: u16, time_ns: u64) -> io::Result<()> {
        let stock = market.stock(locate);
        let name = stock.name();
        let side = |side| stock.depth(side).take(self.depth);
        let out = &mut self.buffer;
        match self.format {
            RowFormat::Csv => {
                write!(out, "{time_ns},{name}")?;
                let (mut asks, mut bids) = (side(Side::Sell), side(Side::Buy));
                for _ in 0..self.depth {
                    for (level, none) in [(asks.next(), NO_LEVEL), (bids.next(), -NO_LEVEL)] {
                        let (price, qty) = level.map_or((none, 0), |l| (l.price.ticks(), l.qty.lots()));
                        write!(out, ",{price},{qty}")?;
                    }
                }
                out.push(b'\n');
            }
            RowFormat::Jsonl => {
                write!(out, "{{\"time_ns\":{time_ns},\"symbol\":\"{name}\"")?;
                for (key, which) in [("bids", Side::Buy), ("asks", Side::Sell)] {
                    write!(out, ",\"{key}\":[")?;
                    for (n, l) in side(which).enumerate() {
                        let comma = if n > 0 { "," } else { "" };
                        let price = price_text(l.price, TICK);
                        write!(out, "{comma}[\"{price}\",{},{}]", l.qty.lots(), l.orders)?;
                    }
                    out.push(b']');
                }
                out.extend_from_slice(b"}\n");
            }
            RowFormat::Records => {
                let seq = market.totals().messages;
                let mut write = |data| {
                    self.number += 1;
                    let record = Record::new(self.number as u32, InstrumentId::new(locate), time_ns, seq, data);
                    out.extend_from_slice(record.as_bytes());
                };
                let first = |which| side(which).next();
                if self.depth == 1 {
                    write(MarketData::Top { bid: first(Side::Buy), ask: first(Side::Sell) });
                } else {
                    for which in [Side::Buy, Side::Sell] {
                        side(which).for_each(|level: DepthLevel| write(MarketData::Level { side: which, level }));
                    }
                }
            }
        }
        if self.buffer.len() >= BUFFER_BYTES {
            self.flush()?;
        }
        Ok(())
    }

    fn all(&mut self, market: &DayMarket, time_ns: u64) -> io::Result<()> {
        for stock in market.stocks() {
            // Locate 0 is no stock.
            if !stock.name().trimmed().is_empty() && self.is_wanted(market, stock.locate()) {
                self.row(market, stock.locate(), time_ns)?;
            }
        }
        Ok(())
    }

    /// Writes out what waits.
    ///
    /// # Errors
    /// What the output says.
    pub fn flush(&mut self) -> io::Result<()> {
        self.out.write_all(&self.buffer)?;
        self.buffer.clear();
        self.out.flush()
    }
}

impl<W: Write> Watch for Rows<W> {
    fn before(&mut self, market: &DayMarket, _: &Message<'_>, time_ns: u64) -> io::Result<()> {
        let Every::Nanos(step) = self.every else { return Ok(()) };
        if self.next_ns == 0 {
            // The first step after the first message.
            self.next_ns = (time_ns / step + 1) * step;
        }
        while time_ns > self.next_ns {
            self.all(market, self.next_ns)?;
            self.next_ns += step;
        }
        Ok(())
    }

    fn after(&mut self, market: &DayMarket, locate: u16, time_ns: u64) -> io::Result<()> {
        if self.every == Every::Event && self.is_wanted(market, locate) {
            self.row(market, locate, time_ns)?;
        }
        Ok(())
    }
}
