//! What a replay found, for programs and for people.

use core::fmt::Write;

use super::market::{Anomaly, COUNTED, DayMarket, Totals};
use super::{Destination, DriveReport, Feeds, LineStats, Odd, Spent};
use crate::itch::TICK;
use crate::price_text;
use vvp_core::book::Price;
use vvp_core::wire::itch::Message;

/// Most stocks that the text for people shows; the JSON has all.
const SHOWN: usize = 20;

/// Most feeds that were not read and crossed books that the text names.
const NAMED: usize = 8;

/// A market after a replay.
#[derive(Debug)]
pub struct Summary<'a> {
    /// The market.
    pub market: &'a DayMarket,
    /// Where the time went.
    pub spent: Spent,
    /// Bytes of whole frames.
    pub bytes: u64,
    /// Only these stocks are shown one by one; none: all.
    pub symbols: &'a [String],
    /// How often memory was allocated while messages were taken, if somebody counted.
    pub allocations: Option<u64>,
    /// What was found in captures, if it came from such.
    pub lines: Option<&'a LineStats>,
    /// The feeds that the captures hold.
    pub feeds: Option<&'a Feeds>,
    /// What was not read, a sentence each.
    pub unread: &'a [String],
    /// What the matching engine did, if it was driven.
    pub drive: Option<&'a DriveReport>,
}

impl Summary<'_> {
    /// Time per message in tenths of a ns: decode, book, total.
    fn per_message(&self) -> [u128; 3] {
        let messages = u128::from(self.market.totals().messages.max(1));
        [self.spent.decode, self.spent.book, self.spent.total].map(|time| time.as_nanos() * 10 / messages)
    }

    fn is_shown(&self, name: &str) -> bool {
        self.symbols.is_empty() || self.symbols.iter().any(|s| s == name)
    }

    /// All numbers as one JSON object with a line feed: `total`, and `stocks` by name (a name that two locates share is
    /// followed by `#` and the locate; a stock without a name is `locate:` and its number).
    #[must_use]
    pub fn json(&self) -> String {
        let mut out = String::with_capacity(4096);
        // Writing to a string does not fail.
        let _ = self.write_json(&mut out);
        out
    }

    fn write_json(&self, out: &mut String) -> core::fmt::Result {
        let (market, totals) = (self.market, self.market.totals());
        out.push_str("{\"total\":{");
        if let Some(sum) = market.checksum() {
            write!(out, "\"bbo_fnv1a64\":\"{sum:016x}\",")?;
        }
        let Totals { messages, book_messages, live, max_live, .. } = *totals;
        write!(
            out,
            "\"messages\":{messages},\"book_messages\":{book_messages},\"live\":{live},\"max_live\":{max_live}"
        )?;
        let all =
            |field: fn(&super::market::StockCounts) -> u64| market.stocks().map(|s| field(s.counts())).sum::<u64>();
        write!(
            out,
            ",\"executed\":{},\"executed_printable\":{},\"hidden\":{},\"crosses\":{},\"crossed\":{},\"broken\":{}",
            all(|c| c.executed),
            all(|c| c.executed_printable),
            all(|c| c.hidden),
            all(|c| c.crosses),
            all(|c| c.crossed),
            all(|c| c.broken)
        )?;
        let crossed_now = market.stocks().filter(super::market::StockView::is_crossed).count();
        write!(out, ",\"crossings\":{},\"crossed_books\":{crossed_now}", all(|c| c.crossings))?;
        for (n, letter) in COUNTED.into_iter().enumerate() {
            let count: u64 = market.stocks().map(|s| s.counts().messages[n]).sum();
            write!(out, ",\"{}\":{count}", char::from(letter))?;
        }
        let anomalies = market.anomalies();
        for kind in Anomaly::ALL {
            write!(out, ",\"{}\":{}", kind.name(), anomalies.count(kind))?;
        }
        let bad = anomalies.count(Anomaly::WrongLength) + anomalies.count(Anomaly::UnknownType);
        write!(out, ",\"bad_frames\":{bad},\"bytes_consumed\":{}", self.bytes)?;
        let [orders, levels, words] = market.touched();
        write!(out, ",\"orders_touched\":{orders},\"levels_touched\":{levels},\"price_words_touched\":{words}")?;
        if let Some(allocations) = self.allocations {
            write!(out, ",\"allocations_after_start\":{allocations}")?;
        }
        for (key, tenths) in ["decode", "book", "total"].into_iter().zip(self.per_message()) {
            write!(out, ",\"{key}_ns_per_message\":{}.{}", tenths / 10, tenths % 10)?;
        }
        out.push_str("},\"by_type\":{");
        let mut comma = "";
        for (kind, &count) in (0..=255u8).zip(&totals.by_type) {
            if count > 0 {
                // Letters as they are, whatever else as a number.
                let name = if kind.is_ascii_alphanumeric() { char::from(kind).to_string() } else { kind.to_string() };
                write!(out, "{comma}\"{name}\":{count}")?;
                comma = ",";
            }
        }
        out.push_str("},\"first_offsets\":{");
        let mut comma = "";
        for kind in Anomaly::ALL {
            let places = anomalies.places(kind);
            if !places.is_empty() {
                write!(out, "{comma}\"{}\":{places:?}", kind.name())?;
                comma = ",";
            }
        }
        out.push('}');
        if let Some(lines) = self.lines {
            write_lines(out, lines)?;
        }
        if let Some(feeds) = self.feeds {
            write_feeds(out, feeds)?;
        }
        out.push_str(",\"not_read\":[");
        for (n, what) in self.unread.iter().enumerate() {
            let comma = if n > 0 { "," } else { "" };
            write!(out, "{comma}\"{}\"", printable(what.as_bytes()))?;
        }
        out.push(']');
        if let Some(drive) = self.drive {
            write!(out, ",\"drive\":{}", drive.json())?;
        }
        out.push_str(",\"stocks\":{");
        self.write_stocks(out)?;
        out.push_str("}}\n");
        Ok(())
    }

    /// Says how often books became crossed, and which still are.
    fn crossed(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        let crossings: u64 = self.market.stocks().map(|s| s.counts().crossings).sum();
        if crossings == 0 {
            return Ok(());
        }
        let crossed = || self.market.stocks().filter(super::market::StockView::is_crossed);
        let now = crossed().count();
        write!(
            f,
            "books became crossed {crossings} times (best bid at or above best ask), {now} of them are at the end"
        )?;
        for (n, stock) in crossed().take(NAMED).enumerate() {
            let [bid, _, ask, _] = stock.best().map(dollars);
            let name = printable(stock.name().trimmed());
            write!(f, "{} {name} {bid} to {ask}", if n == 0 { ":" } else { "," })?;
        }
        writeln!(f, "{}", if now > NAMED { ", ..." } else { "" })
    }

    fn write_stocks(&self, out: &mut String) -> core::fmt::Result {
        let mut names = std::collections::HashSet::new();
        for stock in self.market.stocks() {
            let (counts, state) = (stock.counts(), stock.state());
            let name = stock.name();
            let mut key = printable(name.trimmed());
            if !self.is_shown(&key) || (key.is_empty() && counts.messages == [0; 8]) {
                continue;
            }
            if key.is_empty() {
                key = format!("locate:{}", stock.locate());
            }
            while !names.insert(key.clone()) {
                write!(key, "#{}", stock.locate())?;
            }
            let comma = if names.len() > 1 { "," } else { "" };
            let [bid, bid_qty, ask, ask_qty] = stock.best();
            write!(out, "{comma}\n\"{key}\":{{\"locate\":{},\"live\":{}", stock.locate(), stock.live())?;
            write!(out, ",\"bid\":{bid},\"bid_qty\":{bid_qty},\"ask\":{ask},\"ask_qty\":{ask_qty}")?;
            for (letter, count) in COUNTED.into_iter().zip(counts.messages) {
                write!(out, ",\"{}\":{count}", char::from(letter))?;
            }
            write!(out, ",\"executed\":{},\"executed_printable\":{}", counts.executed, counts.executed_printable)?;
            write!(out, ",\"hidden\":{},\"crosses\":{},\"crossed\":{}", counts.hidden, counts.crosses, counts.crossed)?;
            write!(out, ",\"broken\":{},\"unknown_ref\":{}", counts.broken, counts.unknown)?;
            write!(out, ",\"crossings\":{},\"is_crossed\":{}", counts.crossings, stock.is_crossed())?;
            write!(out, ",\"last_price\":{}", state.last_price)?;
            if state.trading != 0 {
                let (trading, reason) = (printable(&[state.trading]), printable(&state.reason));
                write!(out, ",\"trading\":\"{trading}\",\"reason\":\"{}\"", reason.trim_end())?;
            }
            if let Some(sum) = stock.checksum() {
                write!(out, ",\"bbo_fnv1a64\":\"{sum:016x}\"")?;
            }
            out.push('}');
        }
        Ok(())
    }
}

fn dollars(price: u64) -> String {
    price_text(Price::new(i64::try_from(price).unwrap_or(0)), TICK).to_string()
}

fn write_lines(out: &mut String, lines: &LineStats) -> core::fmt::Result {
    let mold = &lines.mold;
    write!(out, ",\"lines\":{{\"packets\":{:?},\"first\":{:?}", mold.packets, mold.first)?;
    write!(out, ",\"duplicate\":{:?},\"held\":{},\"messages\":{}", mold.duplicate, mold.held, mold.messages)?;
    write!(out, ",\"lost\":{},\"gaps\":{},\"unnumbered\":{}", mold.lost, lines.gaps, lines.unnumbered)?;
    write!(out, ",\"requests\":{}", mold.requests)?;
    let gaps: Vec<[u64; 2]> = lines.first_gaps.iter().flatten().map(|gap| [gap.from, gap.to]).collect();
    write!(out, ",\"first_gaps\":{gaps:?}")?;
    for kind in Odd::ALL {
        write!(out, ",\"{}\":{}", kind.name(), lines.odd[kind as usize])?;
    }
    out.push('}');
    Ok(())
}

fn write_feeds(out: &mut String, feeds: &Feeds) -> core::fmt::Result {
    out.push_str(",\"feeds\":[");
    for (n, flow) in feeds.flows().iter().enumerate() {
        let comma = if n > 0 { "," } else { "" };
        let (session, destination) = (printable(flow.session.name()), Destination(flow.destination));
        write!(out, "{comma}{{\"session\":\"{session}\",\"destination\":\"{destination}\"")?;
        write!(out, ",\"packets\":{},\"with_messages\":{}", flow.packets, flow.with_messages)?;
        write!(out, ",\"numbered\":{},\"read\":{}}}", !flow.unnumbered, flow.read)?;
    }
    out.push(']');
    Ok(())
}

/// Bytes that should be ASCII, fit for a JSON string.
fn printable(bytes: &[u8]) -> String {
    bytes
        .iter()
        .map(|&b| if (b' '..=b'~').contains(&b) && b != b'"' && b != b'\\' { char::from(b) } else { '?' })
        .collect()
}

fn lines_for_people(f: &mut core::fmt::Formatter<'_>, lines: &LineStats) -> core::fmt::Result {
    for (n, name) in ["A", "B"].into_iter().enumerate() {
        let [packets, first, again] = [lines.mold.packets, lines.mold.first, lines.mold.duplicate].map(|l| l[n]);
        writeln!(f, "line {name}: {packets} packets, {first} brought something new, {again} were known")?;
    }
    let (held, lost, gaps) = (lines.mold.held, lines.mold.lost, lines.gaps);
    writeln!(f, "{held} packets waited for earlier ones; {lost} messages lost in {gaps} gaps")?;
    for gap in lines.first_gaps.iter().flatten() {
        writeln!(f, "  lost: {} to {}", gap.from, gap.to - 1)?;
    }
    if lines.unnumbered > 0 {
        writeln!(f, "{} messages had no number and were taken as they came", lines.unnumbered)?;
    }
    if lines.mold.requests > 0 {
        writeln!(f, "{} packets asked a server for messages", lines.mold.requests)?;
    }
    for kind in Odd::ALL {
        let (count, at) = (lines.odd[kind as usize], lines.first_odd[kind as usize]);
        if count > 0 {
            writeln!(f, "{} packets: {}, first at byte {at} of its file", count, kind.name())?;
        }
    }
    Ok(())
}

/// The feeds that were not read.
fn feeds_for_people(f: &mut core::fmt::Formatter<'_>, feeds: &Feeds) -> core::fmt::Result {
    let left = || feeds.flows().iter().filter(|flow| flow.read == 0);
    for flow in left().take(NAMED) {
        writeln!(f, "not read: {flow}")?;
    }
    let more = left().count().saturating_sub(NAMED);
    if more > 0 || feeds.others() > 0 {
        writeln!(f, "not read: {more} more feeds, and {} packets of others", feeds.others())?;
    }
    Ok(())
}

impl core::fmt::Display for Summary<'_> {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        let (market, totals) = (self.market, self.market.totals());
        let t = |at: u64| crate::lobster::TimeOfDay(at);
        writeln!(f, "{} messages to {}, {} of the book", totals.messages, t(totals.time_ns), totals.book_messages)?;
        f.write_str("  ")?;
        for (kind, &count) in (0..=255u8).zip(&totals.by_type) {
            if count > 0 {
                write!(f, "{} {count}  ", kind.escape_ascii())?;
            }
        }
        let known = |kind: u8| Message::CATALOGUE.iter().any(|&(k, _)| k == kind);
        let unknown = (0..=255u8).filter(|&k| totals.by_type[usize::from(k)] > 0 && !known(k)).count();
        writeln!(f, "{}", if unknown > 0 { "(types that are not known among them)" } else { "" })?;
        writeln!(f, "{} orders live, {} at most", totals.live, totals.max_live)?;
        if let Some(sum) = market.checksum() {
            writeln!(f, "bbo_fnv1a64 {sum:016x}")?;
        }
        let anomalies = market.anomalies();
        if anomalies.total() == 0 {
            writeln!(f, "no anomaly")?;
        }
        for kind in Anomaly::ALL {
            if anomalies.count(kind) > 0 {
                let (name, places) = (kind.name(), anomalies.places(kind));
                writeln!(f, "{name} {}, first at byte {places:?}", anomalies.count(kind))?;
            }
        }
        self.crossed(f)?;
        if let Some(lines) = self.lines {
            lines_for_people(f, lines)?;
        }
        if let Some(feeds) = self.feeds {
            feeds_for_people(f, feeds)?;
        }
        if let Some(drive) = self.drive {
            write!(f, "{drive}")?;
        }
        let [decode, book, total] = self.per_message();
        let tenths = |n: u128| format!("{}.{}", n / 10, n % 10);
        let (decode, book, total) = (tenths(decode), tenths(book), tenths(total));
        writeln!(f, "ns per message: decode {decode}, book {book}, in all {total} with reading the file")?;
        let stocks = || market.stocks().filter(|s| !s.name().trimmed().is_empty() && self.is_shown(s.name().as_str()));
        let most = stocks().count();
        write!(f, "{:8} {:>10} {:>8} {:>12} {:>12}", "stock", "messages", "live", "bid", "ask")?;
        write!(f, " {:>12} {:>10} {:>8}", "executed", "hidden", "bad refs")?;
        for stock in stocks().take(SHOWN) {
            let [bid, _, ask, _] = stock.best();
            let counts = stock.counts();
            let (messages, live) = (counts.messages.iter().sum::<u64>(), stock.live());
            write!(f, "\n{:8} {messages:>10} {live:>8} {:>12} {:>12}", stock.name(), dollars(bid), dollars(ask))?;
            write!(f, " {:>12} {:>10} {:>8}", counts.executed, counts.hidden, counts.unknown)?;
        }
        if most > SHOWN {
            write!(f, "\n… and {} more; --json has all", most - SHOWN)?;
        }
        Ok(())
    }
}
