//! `vvpx replay --format itch`: replays a day of a whole market.

use std::fmt::Write as _;
use std::io::{self, Write};
use std::net::{IpAddr, Ipv6Addr};
use std::process::ExitCode;

use crate::args::Replay;
use crate::commands::host;
use crate::commands::replay_unread as unread;
use crate::diagnostic::{Diagnostic, Outcome, Place};
use crate::io::files;
use crate::io::output;
use crate::io::progress::Bar;
use crate::tui::ladder;
use vvp_core::book::{Side, Tick};
use vvp_core::wire::mold::Session;
use vvp_replay::digits::grouped;
use vvp_replay::itch::market::{DayMarket, StockView};
use vvp_replay::itch::{
    self, Drive, DriveReport, End, Every, Feeds, FrameReader, LineStats, Lines, NoWatch, Options, ReplayError,
    RowFormat, Rows, Spent, Summary, Wanted, Watch, replay,
};
use vvp_replay::recognise;
use vvp_std_adapter::engine::LargeEngine;
use vvp_std_adapter::memory::{Pages, Zeroed, allocations};
use vvp_std_adapter::pipeline::{self, Progress, Source, Stop};

/// Default levels a side of a ladder.
const LADDER_LEVELS: usize = 10;

#[derive(Debug, Default)]
struct Request {
    files: Vec<String>,
    symbols: Vec<String>,
    depth: Option<usize>,
    every: Option<Every>,
    out: Option<RowFormat>,
    options: Options,
    wanted: Wanted,
    json: bool,
    no_checksum: bool,
    drive: bool,
}

pub(super) fn main(asked: &Replay) -> Outcome {
    go(&request(asked)?)
}

fn request(asked: &Replay) -> Result<Request, Diagnostic> {
    let lobster = [
        ("--orderbook", asked.orderbook.is_some()),
        ("--verify", asked.verify),
        ("--levels", asked.levels.is_some()),
        ("--tick", asked.tick.is_some()),
    ];
    if let Some((name, _)) = lobster.iter().find(|(_, is_given)| *is_given) {
        return Err(Diagnostic::usage("an option of lobster, not of itch").argument(*name));
    }
    let mut r = Request {
        files: asked.files.clone(),
        symbols: asked.symbol.clone(),
        depth: asked.depth.map(usize::from),
        every: asked.every,
        out: None,
        options: Options { until_ns: asked.at, strict: asked.strict },
        wanted: Wanted::default(),
        json: asked.json,
        no_checksum: asked.no_checksum,
        drive: asked.drive,
    };
    if let Some(word) = &asked.out {
        let wrong = || Diagnostic::usage("not csv, jsonl or bin").argument(format!("--out {}", word.display()));
        r.out = Some(word.to_str().and_then(row_format).ok_or_else(wrong)?);
    }
    r.wanted.groups.clone_from(&asked.group);
    r.wanted.ports.clone_from(&asked.port);
    r.wanted.session = asked.session;
    if r.files.is_empty() {
        return Err(Diagnostic::usage("the file is missing"));
    }
    if r.every.is_some() && r.out.is_none() {
        return Err(Diagnostic::usage("for --out csv, jsonl or bin only, which is missing").argument("--every"));
    }
    if r.depth.is_some() && r.out.is_none() && r.options.until_ns.is_none() {
        return Err(Diagnostic::usage("for --out or --at only, which are missing").argument("--depth"));
    }
    if r.drive && r.out.is_some() {
        return Err(Diagnostic::usage("cannot be used with --out").argument("--drive").remedy("run vvpx replay twice"));
    }
    Ok(r)
}

/// Parses an IP address; IPv4 becomes a mapped IPv6 address, as in the captures' datagrams.
pub(crate) fn group(text: &str) -> Result<Ipv6Addr, &'static str> {
    match text.parse() {
        Ok(IpAddr::V4(ip)) => Ok(ip.to_ipv6_mapped()),
        Ok(IpAddr::V6(ip)) => Ok(ip),
        Err(_) => Err("not an address like 233.54.12.111 or ff15::1"),
    }
}

/// Parses the name of a session, and pads it to ten bytes.
pub(crate) fn session(text: &str) -> Result<Session, &'static str> {
    let mut name = [b' '; 10];
    let place = name.get_mut(..text.len()).ok_or("longer than the 10 bytes that a session's name has")?;
    place.copy_from_slice(text.as_bytes());
    Ok(Session::new(name))
}

fn row_format(word: &str) -> Option<RowFormat> {
    match word {
        "csv" => Some(RowFormat::Csv),
        "jsonl" => Some(RowFormat::Jsonl),
        "bin" => Some(RowFormat::Records),
        _ => None,
    }
}

/// Parses `event`, or a number and a unit: 100ms, 1s, 5m.
pub(crate) fn every(text: &str) -> Result<Every, &'static str> {
    if text == "event" {
        return Ok(Every::Event);
    }
    let digits = text.bytes().take_while(u8::is_ascii_digit).count();
    let unit: u64 = match &text[digits..] {
        "us" => 1_000,
        "ms" => 1_000_000,
        "s" => 1_000_000_000,
        "m" => 60_000_000_000,
        "h" => 3_600_000_000_000,
        _ => 0,
    };
    let ns = text[..digits].parse::<u64>().ok().and_then(|n| n.checked_mul(unit)).filter(|&ns| ns > 0);
    ns.filter(|&ns| ns <= DAY_NS).map(Every::Nanos).ok_or("not event, nor a time like 100ms, 1s or 5m (1us to 24h)")
}

const DAY_NS: u64 = 86_400_000_000_000;

/// Parses hours, minutes, and optional seconds with up to nine decimals: 10:30, 10:30:00,
/// 10:30:00.5.
pub(crate) fn time_of_day(text: &str) -> Result<u64, &'static str> {
    parse_time(text).filter(|&ns| ns <= DAY_NS).ok_or("not a time of day like 10:30:00 or 10:30:00.250")
}

fn parse_time(text: &str) -> Option<u64> {
    let number = |text: &str, most: u64| {
        let plain = (1..=2).contains(&text.len()) && text.bytes().all(|b| b.is_ascii_digit());
        text.parse::<u64>().ok().filter(|&n| plain && n <= most)
    };
    let (hours, rest) = text.split_once(':')?;
    let (minutes, seconds) = rest.split_once(':').unwrap_or((rest, "0"));
    let (whole, decimals) = seconds.split_once('.').unwrap_or((seconds, "0"));
    if decimals.is_empty() || decimals.len() > 9 || !decimals.bytes().all(|b| b.is_ascii_digit()) {
        return None;
    }
    let ns: u64 = format!("{decimals:0<9}").parse().ok()?;
    Some((number(hours, 24)? * 3600 + number(minutes, 59)? * 60 + number(whole, 60)?) * 1_000_000_000 + ns)
}

fn go(request: &Request) -> Outcome {
    let stop = host::stop_on_signals()?;
    let no_memory = |e: vvp_std_adapter::memory::MapError| Diagnostic::from_adapter(&e);
    let pages = Pages { prefault: false, huge: true };
    let mut market = Zeroed::<DayMarket>::new(pages).map_err(no_memory)?;
    market.set_checksum(!request.no_checksum);
    let market = &mut *market;
    if request.drive {
        let mut engine = Zeroed::<LargeEngine>::new(Pages::LAZY).map_err(no_memory)?;
        let mut drive = Drive::new(&mut *engine, request.symbols.clone());
        let done = all_files(request, &stop, market, &mut drive)?;
        return tell(request, market, &done, Some(drive.report()));
    }
    let Some(format) = request.out else {
        let done = all_files(request, &stop, market, &mut NoWatch)?;
        return tell(request, market, &done, None);
    };
    let (every, depth) = (request.every.unwrap_or(Every::Event), request.depth.unwrap_or(1));
    let out = pipeline::stdout().map_err(|e| output::stdout_failed(&e))?;
    let rows = Rows::new(out, format, every, depth, request.symbols.clone());
    let mut rows = rows.stopping(|| pipeline::signal().is_some());
    let done = all_files(request, &stop, market, &mut rows)?;
    if done.end == Why::ReaderGone {
        return Ok(ExitCode::SUCCESS);
    }
    match rows.flush() {
        Err(e) if e.kind() != io::ErrorKind::BrokenPipe => Err(output::stdout_failed(&e)),
        _ => tell(request, market, &done, None),
    }
}

/// Reason why a replay ended.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Why {
    Over(End),
    /// A signal stopped it.
    Stopped,
    /// The reader of the rows has closed its pipe.
    ReaderGone,
}

#[derive(Debug)]
struct Done {
    end: Why,
    spent: Spent,
    bytes: u64,
    allocations: u64,
    lines: Option<LineStats>,
    feeds: Option<Feeds>,
    /// Descriptions of unread input, one sentence each.
    unread: Vec<String>,
    /// The kind of the first file, from its first bytes.
    kind: Option<recognise::Kind>,
}

/// Files that are read as one.
#[derive(Clone, Copy, Debug)]
struct Group<'a> {
    files: &'a [String],
    /// Whether they are captures that can be read twice.
    captures: bool,
}

/// Groups consecutive captures, which are merged by time; other files are read one after the other,
/// as one day.
fn groups(files: &[String]) -> Vec<Group<'_>> {
    // Pipes cannot be read twice.
    let is_regular = |file: &String| file != "-" && std::fs::metadata(file).is_ok_and(|m| m.is_file());
    let is_capture =
        |file: &String| is_regular(file) && files::open_file(file).and_then(itch::is_capture).unwrap_or(false);
    let captures: Vec<bool> = files.iter().map(is_capture).collect();
    let (mut groups, mut at) = (Vec::new(), 0);
    for run in captures.chunk_by(|a, b| *a && *b) {
        groups.push(Group { files: &files[at..at + run.len()], captures: run[0] });
        at += run.len();
    }
    groups
}

/// Returns the error for an input that cannot be opened or read.
fn unreadable(name: &str, error: &io::Error) -> Diagnostic {
    Diagnostic::io(Place::File(files::called(name).into()), error)
}

/// Returns the names of all files of the request.
fn all_names(request: &Request) -> String {
    let names: Vec<&str> = request.files.iter().map(|file| files::called(file)).collect();
    names.join(" + ")
}

/// Opens the files of a group.
fn sources<'a>(group: Group<'_>, stop: &'a Stop, progress: &'a Progress) -> Result<Vec<Source<'a>>, Diagnostic> {
    let source = |file: &String| {
        let source =
            if file == "-" { Source::stdin(stop) } else { files::open_file(file).map(|file| Source::file(file, stop)) };
        Ok(source.map_err(|e| unreadable(file, &e))?.watched(progress))
    };
    group.files.iter().map(source).collect()
}

/// Reads captures a first time for their feeds, if a session has to be chosen.
fn feeds(request: &Request, group: Group<'_>, stop: &Stop) -> Result<Option<Feeds>, Diagnostic> {
    if !group.captures || request.wanted.session.is_some() {
        return Ok(None);
    }
    let progress = Progress::default();
    let sources = sources(group, stop, &progress)?;
    // Errors are reported by the second reading.
    Ok(Bar::new(&progress).beside(|| Feeds::of(sources)).ok())
}

/// Replays all files.
fn all_files<W: Watch + Send>(
    request: &Request,
    stop: &Stop,
    market: &mut DayMarket,
    watch: &mut W,
) -> Result<Done, Diagnostic> {
    let mut done = Done {
        end: Why::Over(End::File),
        spent: Spent::default(),
        bytes: 0,
        allocations: 0,
        lines: None,
        feeds: None,
        unread: Vec::new(),
        kind: None,
    };
    for group in groups(&request.files) {
        let name = group.files.join(" + ");
        let found = feeds(request, group, stop)?;
        let progress = Progress::default();
        let mut sources = sources(group, stop, &progress)?;
        let wanted = request.wanted.clone();
        let reader = match sources.pop() {
            Some(only) if !group.captures => FrameReader::wanted(only, wanted),
            last => Lines::wanted(sources.into_iter().chain(last), wanted, found.as_ref()).map(FrameReader::lines),
        };
        let mut reader = match reader {
            Ok(reader) => reader,
            Err(e) if pipeline::is_stop(&e) => {
                done.end = Why::Stopped;
                break;
            }
            Err(e) => return Err(unreadable(&name, &e)),
        };
        if reader.captured().is_none() && !request.wanted.is_default() {
            return Err(Diagnostic::error("not a capture")
                .in_file(files::called(&name))
                .remedy("--group, --port and --session choose among the packets of a capture"));
        }
        done.kind = done.kind.or(Some(reader.kind()));
        let bar = Bar::new(&progress);
        let before = allocations();
        let valid = unread::valid_messages(market);
        let result = bar.beside(|| replay(&mut reader, done.bytes, market, request.options, watch, &mut done.spent));
        done.allocations += allocations().since(before).calls as u64;
        done.bytes += reader.consumed();
        done.lines = reader.line_stats().or(done.lines);
        done.end = match result {
            Ok(end) => Why::Over(end),
            Err(ReplayError::Read(e) | ReplayError::Write(e)) if pipeline::is_stop(&e) => Why::Stopped,
            Err(ReplayError::Write(e)) if e.kind() == io::ErrorKind::BrokenPipe => Why::ReaderGone,
            Err(ReplayError::Write(e)) => return Err(output::stdout_failed(&e)),
            Err(ReplayError::Read(e)) => return Err(unreadable(&name, &e)),
            Err(ReplayError::Cut(e)) => return Err(Diagnostic::wire(files::called(&name), &e)),
            Err(e) => return Err(Diagnostic::from_text(&e.to_string()).in_file(files::called(&name))),
        };
        let is_whole = done.end == Why::Over(End::File);
        if let Some(lines) = reader.captured() {
            if is_whole && !request.wanted.is_default() && lines.feeds().flows().iter().all(|flow| flow.read == 0) {
                let (choice, held) = (unread::choice(&request.wanted), unread::held(lines.feeds()));
                return Err(Diagnostic::error(format!("no packet for {choice}"))
                    .in_file(files::called(&name))
                    .remedy(held));
            }
            done.unread.extend(unread::of_captures(group.files, lines, &request.wanted, is_whole));
            done.feeds = Some(lines.feeds().clone());
        }
        if !is_whole {
            break;
        }
        match reader.after_end() {
            Ok(rest) => done.unread.extend(rest.map(|rest| unread::after_end(&name, rest))),
            Err(e) if pipeline::is_stop(&e) => {
                done.end = Why::Stopped;
                break;
            }
            Err(e) => return Err(unreadable(&name, &e)),
        }
        if valid == unread::valid_messages(market) && request.files.len() > group.files.len() {
            done.unread.push(format!("no valid message in {}", files::called(&name)));
        }
    }
    if unread::valid_messages(market) == 0 && done.end == Why::Over(End::File) {
        let names: Vec<&str> = request.files.iter().map(|file| files::called(file)).collect();
        let mut words = std::mem::take(&mut done.unread);
        words.extend(unread::bad_frames(market));
        let advice = done.kind.and_then(|kind| Some(format!(" It looks like {kind}: {}", kind.instead_of_itch()?)));
        words.push(format!("is this a file of NASDAQ ITCH 5.0?{}", advice.unwrap_or_default()));
        return Err(Diagnostic::error("no ITCH message").in_file(names.join(", ")).remedy(words.join("; ")));
    }
    // By name, so that a symbol that no message has is reported.
    for symbol in request.symbols.iter().filter(|symbol| market.locate_of(symbol).is_none()) {
        match done.end {
            Why::Over(End::File) => done.unread.push(format!("no message names {symbol}; check --symbol")),
            Why::Over(End::Time) => {
                done.unread.push(format!("no message names {symbol} so far; check --symbol and --at"));
            }
            _ => {}
        }
    }
    Ok(done)
}

/// Prints the summary, and returns the exit code or the error.
fn tell(request: &Request, market: &DayMarket, done: &Done, drive: Option<&DriveReport>) -> Outcome {
    let Done { end, spent, bytes, allocations, ref lines, ref feeds, ref unread, .. } = *done;
    let (symbols, allocations, lines) = (&*request.symbols, Some(allocations), lines.as_ref());
    let feeds = feeds.as_ref();
    let summary = Summary { market, spent, bytes, symbols, allocations, lines, feeds, unread, drive };
    let text = if request.json {
        summary.json()
    } else if request.options.until_ns.is_some() && !request.symbols.is_empty() && drive.is_none() {
        ladders(request, market)?
    } else {
        format!("{summary}\n")
    };
    // The summary goes where it does not mix with the rows.
    let written = if request.out.is_some() {
        io::stderr().write_all(text.as_bytes())
    } else {
        io::stdout().write_all(text.as_bytes()).and_then(|()| io::stdout().flush())
    };
    match written {
        Err(e) if e.kind() != io::ErrorKind::BrokenPipe => return Err(output::stdout_failed(&e)),
        _ => {}
    }
    if end == Why::Stopped {
        return Ok(host::exit_code_of_signal());
    }
    if end == Why::Over(End::Anomaly) {
        let anomalies = market.anomalies();
        let mut what = String::new();
        for kind in vvp_replay::itch::market::Anomaly::ALL {
            if let Some(place) = anomalies.places(kind).first() {
                let comma = if what.is_empty() { "" } else { ", " };
                let _ = write!(what, "{comma}{} at byte {place}", kind.name());
            }
        }
        return Err(Diagnostic::error(what).in_file(all_names(request)).remedy("--strict ends here"));
    }
    if !unread.is_empty() {
        return Err(Diagnostic::error(unread.join("; ")).context("not all was read"));
    }
    if request.options.strict && lines.is_some_and(|lines| lines.is_damaged()) {
        return Err(Diagnostic::error("messages or packets are lost or cannot be read")
            .in_file(all_names(request))
            .remedy("leave out --strict to see which"));
    }
    let crossed = market.stocks().filter(StockView::is_crossed).count();
    if request.options.strict && crossed > 0 {
        let what = format!("{crossed} books have a best bid at or above their best ask at the end");
        return Err(Diagnostic::error(what).in_file(all_names(request)).remedy("leave out --strict to see which"));
    }
    Ok(ExitCode::SUCCESS)
}

/// Draws the books of the selected stocks.
fn ladders(request: &Request, market: &DayMarket) -> Result<String, Diagnostic> {
    let mut out = Vec::new();
    let style = ladder::Style { levels: request.depth.unwrap_or(LADDER_LEVELS), colour: output::colour(&io::stdout()) };
    for symbol in &request.symbols {
        let Some(locate) = market.locate_of(symbol) else {
            return Err(Diagnostic::error(format!("no message names {symbol} so far"))
                .argument("--symbol")
                .remedy("check --symbol and --at"));
        };
        // Writing to memory does not fail.
        let _ = ladder_of(&mut out, &market.stock(locate), style);
    }
    Ok(String::from_utf8_lossy(&out).into_owned())
}

fn ladder_of<const O: usize, const I: usize, const L: usize, const W: usize>(
    out: &mut Vec<u8>,
    stock: &StockView<'_, O, I, L, W>,
    style: ladder::Style,
) -> io::Result<()> {
    let tick = Tick::new(1, 4).unwrap_or(Tick::ONE);
    let side = |side| stock.depth(side).take(style.levels).collect::<Vec<_>>();
    let state = match stock.state().trading {
        0 => String::new(),
        letter => format!("  state {}", letter.escape_ascii()),
    };
    let levels = |s| stock.depth(s).count();
    let orders = grouped(stock.live());
    let (bids, asks) = (levels(Side::Buy), levels(Side::Sell));
    writeln!(out, "  {}{state}  {orders} orders on {bids} bid and {asks} ask levels", stock.name())?;
    ladder::levels(out, &side(Side::Buy), &side(Side::Sell), tick, style)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_of_day() {
        assert_eq!(parse_time("10:30"), Some(37_800_000_000_000));
        assert_eq!(parse_time("09:30:00.000000230"), Some(34_200_000_000_230));
        assert_eq!(parse_time("9:30:01.5"), Some(34_201_500_000_000));
        for bad in ["", "10", "10:", "10:60", "10:30:", "10:30:1.", "10:30:1.0000000001", "+1:30", "10:30:00 "] {
            assert_eq!(parse_time(bad), None, "{bad}");
        }
    }

    #[test]
    fn steps_of_time() {
        assert_eq!(every("event"), Ok(Every::Event));
        assert_eq!(every("250ms"), Ok(Every::Nanos(250_000_000)));
        for bad in ["", "1", "s", "0s", "1.5s", "-1s", "1d", "25h", "99999999999999999999s"] {
            assert!(every(bad).is_err(), "{bad}");
        }
    }
}
