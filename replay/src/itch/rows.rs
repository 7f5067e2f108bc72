//! Writes books as they change: a row for each event, or for each step of time.

use std::io::{self, Write};

use super::market::{DAY_NS, DayMarket};
use super::{TICK, Watch};
use crate::price_text;
use vvp_core::book::{DepthLevel, InstrumentId, Side};
use vvp_core::market_data::{MarketData, Record};
use vvp_core::wire::itch::Message;
use zerocopy::IntoBytes;

/// The price of an absent level, with its side's sign, as LOBSTER writes it.
const NO_LEVEL: i64 = 9_999_999_999;

/// Size of the output buffer, in bytes.
const BUFFER_BYTES: usize = 1 << 16;

/// The format of a row.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum RowFormat {
    /// Time in ns, symbol, then the columns of LOBSTER: ask price, ask size, bid price, bid size,
    /// level by level, prices in ten-thousandths of a dollar.
    Csv,
    /// A JSON object a line, written by hand: there are millions of them.
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
    /// Names of the selected stocks; none: all.
    symbols: Vec<String>,
    /// Whether a locate is selected, once its name is known.
    wanted: Vec<Option<bool>>,
    /// The selected locates whose names are known, ascending: the stocks of a step.
    known: Vec<u16>,
    /// Whether `known` includes the names from before the first message.
    started: bool,
    /// The stock of the last message, whose name may be known now.
    last: Option<u16>,
    /// The next step of time.
    next_ns: u64,
    number: u64,
    /// Polled at each stock of a step.
    stop: Option<fn() -> bool>,
    /// Number of stocks visited by steps, as a measure of work.
    visits: u64,
}

impl<W: Write> Rows<W> {
    /// Creates a writer of rows of `depth` levels a side, for these symbols (none: all).
    pub fn new(out: W, format: RowFormat, every: Every, depth: usize, symbols: Vec<String>) -> Self {
        Self {
            out,
            buffer: Vec::new(),
            format,
            every,
            depth,
            symbols,
            wanted: vec![None; super::market::STOCKS],
            known: Vec::new(),
            started: false,
            last: None,
            next_ns: 0,
            number: 0,
            stop: None,
            visits: 0,
        }
    }

    /// Stops between two steps when `stop` returns true, with an error for which
    /// [`is_stop`](vvp_std_adapter::pipeline::is_stop) holds. There can be many steps between two
    /// messages.
    #[must_use]
    pub fn stopping(mut self, stop: fn() -> bool) -> Self {
        self.stop = Some(stop);
        self
    }

    /// Records the name of a locate, if the market has it by now.
    fn learn(&mut self, market: &DayMarket, locate: u16) {
        let slot = &mut self.wanted[usize::from(locate)];
        let name = market.stock(locate).name();
        if slot.is_some() || name.trimmed().is_empty() {
            return;
        }
        let wanted = self.symbols.is_empty() || self.symbols.iter().any(|s| s == name.as_str());
        *slot = Some(wanted);
        if let (true, Err(at)) = (wanted, self.known.binary_search(&locate)) {
            self.known.insert(at, locate);
        }
    }

    fn is_wanted(&mut self, market: &DayMarket, locate: u16) -> bool {
        if self.symbols.is_empty() {
            return true;
        }
        if self.wanted[usize::from(locate)].is_none() {
            self.learn(market, locate);
        }
        self.wanted[usize::from(locate)] == Some(true)
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

    /// Writes rows of all selected stocks; the work is proportional to those, not to all stocks.
    fn all(&mut self, market: &DayMarket, time_ns: u64) -> io::Result<()> {
        for at in 0..self.known.len() {
            if self.stop.is_some_and(|stop| stop()) {
                return Err(io::Error::from_raw_os_error(libc::ECANCELED));
            }
            let locate = self.known[at];
            self.visits += 1;
            // A later message may have cleared the name.
            if !market.stock(locate).name().trimmed().is_empty() {
                self.row(market, locate, time_ns)?;
            }
        }
        Ok(())
    }

    /// Writes the buffered rows.
    ///
    /// # Errors
    /// Errors of the output.
    pub fn flush(&mut self) -> io::Result<()> {
        self.out.write_all(&self.buffer)?;
        self.buffer.clear();
        self.out.flush()
    }
}

impl<W: Write> Watch for Rows<W> {
    fn before(&mut self, market: &DayMarket, message: &Message<'_>, time_ns: u64) -> io::Result<()> {
        let Every::Nanos(step) = self.every else { return Ok(()) };
        let step = step.max(1);
        if !self.started {
            self.started = true;
            if market.totals().messages > 0 {
                market.stocks().for_each(|stock| self.learn(market, stock.locate()));
            }
        }
        if let Some(locate) = self.last.take() {
            self.learn(market, locate);
        }
        // A message without a head has no time, and a time beyond the end of the day is ignored.
        let Some(head) = message.head() else { return Ok(()) };
        self.last = Some(head.locate()).filter(|&locate| self.wanted[usize::from(locate)].is_none());
        if time_ns >= DAY_NS {
            return Ok(());
        }
        if self.next_ns == 0 {
            // The first step after the first message.
            self.next_ns = (time_ns / step + 1) * step;
        }
        while time_ns > self.next_ns {
            if self.known.is_empty() {
                // Nothing to write: skips to the first step that is not before this message.
                self.next_ns = time_ns.div_ceil(step) * step;
                break;
            }
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

#[cfg(test)]
mod tests {
    use super::super::market::Anomaly;
    use super::super::{FrameReader, NoWatch, Options, ReplayError, Spent, replay};
    use super::*;
    use vvp_core::wire::field::{Nanos48, Price4, Text};
    use vvp_core::wire::frame;
    use vvp_core::wire::itch::{AddOrder, BuySell, Stamp, StockDirectory};
    use vvp_std_adapter::memory::{Pages, Zeroed};

    const HOUR_NS: u64 = 3_600_000_000_000;
    const SECOND: Every = Every::Nanos(1_000_000_000);

    fn put(out: &mut Vec<u8>, message: &[u8]) {
        let mut bytes = vec![0; message.len() + 2];
        let n = frame::write(message, &mut bytes).unwrap();
        out.extend_from_slice(&bytes[..n]);
    }

    fn stamp(locate: u16, ns: u64) -> Stamp {
        Stamp { locate, tracking: 0, time: Nanos48::new(ns).unwrap() }
    }

    fn name(locate: u16) -> Text<8> {
        Text::new(format!("S{locate}").as_bytes()).unwrap()
    }

    fn directory(out: &mut Vec<u8>, locate: u16, ns: u64) {
        put(out, StockDirectory::new(stamp(locate, ns)).with_stock(name(locate)).as_bytes());
    }

    fn order(out: &mut Vec<u8>, locate: u16, ns: u64) {
        let add = AddOrder::new(stamp(locate, ns)).with_reference(ns).with_side(BuySell::Buy).with_shares(1);
        put(out, add.with_stock(name(locate)).with_price(Price4::new(10_000)).as_bytes());
    }

    /// Returns rows, stocks visited, and the count of impossible times.
    fn rows(file: &[u8], every: Every, symbols: &[&str]) -> (String, u64, u64) {
        let mut market = Zeroed::<DayMarket>::new(Pages::LAZY).unwrap();
        let symbols = symbols.iter().map(ToString::to_string).collect();
        let mut rows = Rows::new(Vec::new(), RowFormat::Csv, every, 1, symbols);
        let mut reader = FrameReader::new(file).unwrap();
        replay(&mut reader, 0, &mut market, Options::default(), &mut rows, &mut Spent::default()).unwrap();
        rows.flush().unwrap();
        let times = [Anomaly::TimeReversed, Anomaly::TimeBeyondDay].map(|kind| market.anomalies().count(kind));
        (String::from_utf8(rows.out).unwrap(), rows.visits, times[0] + 1000 * times[1])
    }

    #[test]
    fn step_visits_selected_stocks_only() {
        let mut file = Vec::new();
        for locate in 1..=500 {
            directory(&mut file, locate, 4 * HOUR_NS);
        }
        order(&mut file, 7, 4 * HOUR_NS);
        order(&mut file, 7, 20 * HOUR_NS);
        // From 04:00:01 to 19:59:59.
        let steps = 16 * 3600 - 1;
        for wanted in [&["S7"][..], &["S7", "S400"], &["S500", "NONE", "S1", "S2"]] {
            let (text, visits, _) = rows(&file, SECOND, wanted);
            let named = wanted.iter().filter(|name| name.starts_with('S')).count() as u64;
            assert_eq!((text.lines().count() as u64, visits), (named * steps, named * steps), "{wanted:?}");
        }
        let (text, visits, _) = rows(&file, Every::Nanos(HOUR_NS), &[]);
        assert_eq!((text.lines().count(), visits), (15 * 500, 15 * 500), "no symbol: all that have a name");
    }

    #[test]
    fn steps_without_a_selected_stock_are_skipped() {
        let mut file = Vec::new();
        order(&mut file, 7, 4 * HOUR_NS);
        order(&mut file, 7, 20 * HOUR_NS);
        // Step by step, these 57,600,000,000 would take hours.
        assert_eq!(rows(&file, Every::Nanos(1000), &["NONE"]), (String::new(), 0, 0));
        // A stock that comes late gets its rows from then on, at the same times.
        order(&mut file, 9, 21 * HOUR_NS + 1);
        order(&mut file, 7, 21 * HOUR_NS + 3_000_000_000);
        let (text, visits, _) = rows(&file, SECOND, &["S9"]);
        let times: Vec<&str> = text.lines().map(|line| line.split(',').next().unwrap()).collect();
        assert_eq!((times, visits), (vec!["75601000000000", "75602000000000"], 2));
    }

    #[test]
    fn stocks_are_written_by_locate_whatever_order_they_come_in() {
        let mut file = Vec::new();
        for locate in [9, 3, 65_535, 1] {
            order(&mut file, locate, HOUR_NS);
        }
        directory(&mut file, 3, HOUR_NS + 1_000_000_001);
        let (text, ..) = rows(&file, SECOND, &[]);
        let names: Vec<&str> = text.lines().filter_map(|line| line.split(',').nth(1)).map(str::trim).collect();
        assert_eq!(names, ["S1", "S3", "S9", "S65535"]);
    }

    #[test]
    fn time_beyond_the_day_makes_no_steps() {
        for beyond in [24 * HOUR_NS, 25 * HOUR_NS, (1 << 48) - 1] {
            let mut file = Vec::new();
            order(&mut file, 7, 10 * HOUR_NS);
            order(&mut file, 7, beyond);
            order(&mut file, 7, 10 * HOUR_NS + 2_500_000_000);
            let (text, visits, times) = rows(&file, SECOND, &["S7"]);
            assert_eq!((text.lines().count(), visits), (2, 2), "{beyond}");
            assert_eq!(times, 1000, "one time that cannot be, none reversed");
        }
        // The last of the day is one.
        let mut file = Vec::new();
        order(&mut file, 7, 23 * HOUR_NS);
        order(&mut file, 7, 24 * HOUR_NS - 1);
        assert_eq!(rows(&file, SECOND, &["S7"]).1, 3599);
    }

    #[test]
    fn stocks_that_the_market_knew_before_get_their_rows() {
        let mut market = Zeroed::<DayMarket>::new(Pages::LAZY).unwrap();
        let (mut before, mut file) = (Vec::new(), Vec::new());
        order(&mut before, 3, HOUR_NS);
        order(&mut file, 7, HOUR_NS + 1);
        order(&mut file, 7, HOUR_NS + 1_500_000_000);
        let mut rows = Rows::new(Vec::new(), RowFormat::Csv, SECOND, 1, Vec::new());
        let (options, mut spent) = (Options::default(), Spent::default());
        let mut reader = FrameReader::new(&*before).unwrap();
        replay(&mut reader, 0, &mut market, options, &mut NoWatch, &mut spent).unwrap();
        let mut reader = FrameReader::new(&*file).unwrap();
        replay(&mut reader, 0, &mut market, options, &mut rows, &mut spent).unwrap();
        rows.flush().unwrap();
        let text = String::from_utf8(rows.out).unwrap();
        let names: Vec<&str> = text.lines().filter_map(|line| line.split(',').nth(1)).map(str::trim).collect();
        assert_eq!(names, ["S3", "S7"]);
    }

    #[test]
    fn steps_between_two_messages_can_be_stopped() {
        let mut file = Vec::new();
        order(&mut file, 7, 4 * HOUR_NS);
        order(&mut file, 7, 20 * HOUR_NS);
        let mut market = Zeroed::<DayMarket>::new(Pages::LAZY).unwrap();
        let mut rows = Rows::new(Vec::new(), RowFormat::Csv, SECOND, 1, Vec::new()).stopping(|| true);
        let mut reader = FrameReader::new(&*file).unwrap();
        let end = replay(&mut reader, 0, &mut market, Options::default(), &mut rows, &mut Spent::default());
        assert!(matches!(end, Err(ReplayError::Write(e)) if vvp_std_adapter::pipeline::is_stop(&e)));
        assert_eq!((rows.visits, market.totals().messages), (0, 1));
    }

    #[test]
    fn a_step_of_any_length_ends() {
        let mut file = Vec::new();
        order(&mut file, 7, 4 * HOUR_NS);
        order(&mut file, 7, 4 * HOUR_NS + 3);
        for (step, count) in [(0, 2), (1, 2), (u64::MAX, 0)] {
            assert_eq!(rows(&file, Every::Nanos(step), &[]).1, count, "{step}");
        }
    }
}
