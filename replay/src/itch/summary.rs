//! The result of a replay, as JSON and as text.

use super::market::{Anomaly, COUNTED, DayMarket};
use super::{Destination, DriveReport, Feeds, Flow, LineStats, Odd, Spent};
use crate::itch::TICK;
use crate::json;
use crate::price_text;
use serde::Serialize;
use vvp_core::book::Price;
use vvp_core::wire::itch::Message;

/// Maximum number of stocks in the text; the JSON has all.
const SHOWN: usize = 20;

/// Maximum number of unread feeds, and of crossed books, in the text.
const NAMED: usize = 8;

/// A market after a replay.
#[derive(Debug)]
pub struct Summary<'a> {
    /// The market.
    pub market: &'a DayMarket,
    /// Times of the replay.
    pub spent: Spent,
    /// Bytes of whole frames.
    pub bytes: u64,
    /// The stocks that are listed; none: all.
    pub symbols: &'a [String],
    /// Number of allocations while messages were applied, if counted.
    pub allocations: Option<u64>,
    /// Counts of the captures, if there were any.
    pub lines: Option<&'a LineStats>,
    /// The feeds in the captures.
    pub feeds: Option<&'a Feeds>,
    /// Descriptions of unread input, one sentence each.
    pub unread: &'a [String],
    /// The result of the matching engine, if it was driven.
    pub drive: Option<&'a DriveReport>,
}

impl Summary<'_> {
    /// Returns the time per message in tenths of a ns: decode, book, total.
    fn per_message(&self) -> [u128; 3] {
        let messages = u128::from(self.market.totals().messages.max(1));
        [self.spent.decode, self.spent.book, self.spent.total].map(|time| time.as_nanos() * 10 / messages)
    }

    fn is_shown(&self, name: &str) -> bool {
        self.symbols.is_empty() || self.symbols.iter().any(|s| s == name)
    }

    /// Returns all numbers as one JSON object with a line feed: `total`, and `stocks` by name (a
    /// name that two locates share is followed by `#` and the locate; a stock without a name is
    /// `locate:` and its number).
    #[must_use]
    pub fn json(&self) -> String {
        let mut out = json::text(&self.head());
        // Each stock has a line of its own, which serde's writer does not support.
        out.truncate(out.len().saturating_sub(1));
        out.push_str(",\"stocks\":{");
        let mut comma = "";
        for (name, stock) in self.stocks() {
            out.push_str(&format!("{comma}\n{}:{}", json::text(&name), json::text(&stock)));
            comma = ",";
        }
        out.push_str("}}\n");
        out
    }

    /// Returns everything but the stocks.
    fn head(&self) -> Head<'_> {
        let (market, totals, anomalies) = (self.market, self.market.totals(), self.market.anomalies());
        let all =
            |field: fn(&super::market::StockCounts) -> u64| market.stocks().map(|s| field(s.counts())).sum::<u64>();
        let letters = COUNTED.into_iter().enumerate();
        let letters =
            letters.map(|(n, letter)| (char::from(letter), market.stocks().map(|s| s.counts().messages[n]).sum()));
        let [orders_touched, levels_touched, price_words_touched] = market.touched();
        let [decode, book, total] = self.per_message().map(|tenths| tenths as f64 / 10.0);
        let by_type = (0..=255u8).zip(totals.by_type).filter(|&(_, count)| count > 0);
        // Letters as they are, other types as numbers.
        let name =
            |kind: u8| if kind.is_ascii_alphanumeric() { char::from(kind).to_string() } else { kind.to_string() };
        let places = Anomaly::ALL.into_iter().map(|kind| (kind.name(), anomalies.places(kind)));
        Head {
            total: Total {
                bbo_fnv1a64: market.checksum(),
                messages: totals.messages,
                book_messages: totals.book_messages,
                live: totals.live,
                max_live: totals.max_live,
                executed: all(|c| c.executed),
                executed_printable: all(|c| c.executed_printable),
                hidden: all(|c| c.hidden),
                crosses: all(|c| c.crosses),
                crossed: all(|c| c.crossed),
                broken: all(|c| c.broken),
                crossings: all(|c| c.crossings),
                crossed_books: market.stocks().filter(super::market::StockView::is_crossed).count(),
                letters: letters.collect(),
                anomalies: Anomaly::ALL.into_iter().map(|kind| (kind.name(), anomalies.count(kind))).collect(),
                bad_frames: anomalies.count(Anomaly::WrongLength) + anomalies.count(Anomaly::UnknownType),
                bytes_consumed: self.bytes,
                orders_touched,
                levels_touched,
                price_words_touched,
                allocations_after_start: self.allocations,
                decode_ns_per_message: decode,
                book_ns_per_message: book,
                total_ns_per_message: total,
            },
            by_type: by_type.map(|(kind, count)| (name(kind), count)).collect(),
            first_offsets: places.filter(|(_, places)| !places.is_empty()).collect(),
            lines: self.lines.map(LinesJson::of),
            feeds: self.feeds.map(|feeds| feeds.flows().iter().map(FeedJson::of).collect()),
            not_read: self.unread.iter().map(|what| printable(what.as_bytes())).collect(),
            drive: self.drive,
        }
    }

    /// Returns the listed stocks with their names in the JSON.
    fn stocks(&self) -> Vec<(String, StockJson)> {
        let mut names = std::collections::HashSet::new();
        let mut stocks = Vec::new();
        for stock in self.market.stocks() {
            let (counts, state) = (stock.counts(), stock.state());
            let mut name = printable(stock.name().trimmed());
            if !self.is_shown(&name) || (name.is_empty() && counts.messages == [0; 8]) {
                continue;
            }
            if name.is_empty() {
                name = format!("locate:{}", stock.locate());
            }
            while !names.insert(name.clone()) {
                name += &format!("#{}", stock.locate());
            }
            let [bid, bid_qty, ask, ask_qty] = stock.best();
            let is_traded = state.trading != 0;
            let json = StockJson {
                locate: stock.locate(),
                live: stock.live(),
                bid,
                bid_qty,
                ask,
                ask_qty,
                letters: COUNTED.into_iter().map(char::from).zip(counts.messages).collect(),
                executed: counts.executed,
                executed_printable: counts.executed_printable,
                hidden: counts.hidden,
                crosses: counts.crosses,
                crossed: counts.crossed,
                broken: counts.broken,
                unknown_ref: counts.unknown,
                crossings: counts.crossings,
                is_crossed: stock.is_crossed(),
                last_price: state.last_price.into(),
                trading: is_traded.then(|| printable(&[state.trading])),
                reason: is_traded.then(|| printable(&state.reason).trim_end().to_owned()),
                bbo_fnv1a64: stock.checksum(),
            };
            stocks.push((name, json));
        }
        stocks
    }

    /// Writes how often books became crossed, and which still are.
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
}

fn dollars(price: u64) -> String {
    price_text(Price::new(i64::try_from(price).unwrap_or(0)), TICK).to_string()
}

/// A [`Summary`] as JSON, without the stocks.
#[derive(Serialize)]
struct Head<'a> {
    total: Total,
    #[serde(serialize_with = "json::object")]
    by_type: Vec<(String, u64)>,
    #[serde(serialize_with = "json::object")]
    first_offsets: Vec<(&'static str, &'a [u64])>,
    #[serde(skip_serializing_if = "Option::is_none")]
    lines: Option<LinesJson>,
    #[serde(skip_serializing_if = "Option::is_none")]
    feeds: Option<Vec<FeedJson>>,
    not_read: Vec<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    drive: Option<&'a DriveReport>,
}

#[derive(Serialize)]
struct Total {
    #[serde(skip_serializing_if = "Option::is_none", serialize_with = "json::hash")]
    bbo_fnv1a64: Option<u64>,
    messages: u64,
    book_messages: u64,
    live: u64,
    max_live: u64,
    executed: u64,
    executed_printable: u64,
    hidden: u64,
    crosses: u64,
    crossed: u64,
    broken: u64,
    crossings: u64,
    crossed_books: usize,
    /// Messages of the book by their letter.
    #[serde(flatten, serialize_with = "json::object")]
    letters: Vec<(char, u64)>,
    #[serde(flatten, serialize_with = "json::object")]
    anomalies: Vec<(&'static str, u64)>,
    bad_frames: u64,
    bytes_consumed: u64,
    orders_touched: u32,
    levels_touched: u32,
    price_words_touched: u32,
    #[serde(skip_serializing_if = "Option::is_none")]
    allocations_after_start: Option<u64>,
    decode_ns_per_message: f64,
    book_ns_per_message: f64,
    total_ns_per_message: f64,
}

#[derive(Serialize)]
struct StockJson {
    locate: u16,
    live: u32,
    bid: u64,
    bid_qty: u64,
    ask: u64,
    ask_qty: u64,
    #[serde(flatten, serialize_with = "json::object")]
    letters: Vec<(char, u64)>,
    executed: u64,
    executed_printable: u64,
    hidden: u64,
    crosses: u64,
    crossed: u64,
    broken: u64,
    unknown_ref: u64,
    crossings: u64,
    is_crossed: bool,
    last_price: u64,
    #[serde(skip_serializing_if = "Option::is_none")]
    trading: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    reason: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none", serialize_with = "json::hash")]
    bbo_fnv1a64: Option<u64>,
}

#[derive(Serialize)]
struct LinesJson {
    packets: [u64; 2],
    first: [u64; 2],
    duplicate: [u64; 2],
    held: u64,
    messages: u64,
    lost: u64,
    gaps: u64,
    unnumbered: u64,
    requests: u64,
    first_gaps: Vec<[u64; 2]>,
    #[serde(flatten, serialize_with = "json::object")]
    odd: Vec<(&'static str, u64)>,
}

impl LinesJson {
    fn of(lines: &LineStats) -> Self {
        let mold = &lines.mold;
        Self {
            packets: mold.packets,
            first: mold.first,
            duplicate: mold.duplicate,
            held: mold.held,
            messages: mold.messages,
            lost: mold.lost,
            gaps: lines.gaps,
            unnumbered: lines.unnumbered,
            requests: mold.requests,
            first_gaps: lines.first_gaps.iter().flatten().map(|gap| [gap.from, gap.to]).collect(),
            odd: Odd::ALL.into_iter().map(|kind| (kind.name(), lines.odd[kind as usize])).collect(),
        }
    }
}

#[derive(Serialize)]
struct FeedJson {
    session: String,
    destination: String,
    packets: u64,
    with_messages: u64,
    numbered: bool,
    read: u64,
}

impl FeedJson {
    fn of(flow: &Flow) -> Self {
        Self {
            session: printable(flow.session.name()),
            destination: Destination(flow.destination).to_string(),
            packets: flow.packets,
            with_messages: flow.with_messages,
            numbered: !flow.unnumbered,
            read: flow.read,
        }
    }
}

/// Returns bytes as text; other characters than printable ASCII, quotes and backslashes become `?`.
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

/// Writes the feeds that were not read.
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
