//! `vvp replay`: a day of real order events through the book.

use std::ffi::OsString;
use std::fs::{self, File};
use std::io::{self, Write};
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use super::host;
use super::output::OutFile;
use lexopt::prelude::*;
use vvp_core::book::Symbol;
use vvp_std_adapter::lobster::{Options, ReplayEngine, ReplayError, Source, Summary, replay};
use vvp_std_adapter::packed::unpacked;
use vvp_std_adapter::pipeline::{Stop, signal};
use vvp_std_adapter::recognise::{self, Peeked};
use zerocopy::FromZeros;

const USAGE: &str = "\
usage: vvp replay [--format itch] FILE... [--symbol S]... [--at TIME] [--depth N]
                  [--out csv|jsonl|bin [--every 1s|event]] [--drive] [--json] [--strict] [--no-checksum]
                  [--group ADDRESS]... [--port N]... [--session NAME]
       vvp replay [--format lobster] MESSAGES.csv --orderbook ORDERBOOK.csv
                  [--verify] [--out FILE] [--levels N] [--tick N]

Rebuilds books from recorded market data; .gz, .xz and .zst files open directly. --format is found out when it is
auto or missing.

itch: NASDAQ TotalView-ITCH 5.0, every stock of the day; several files are one day in parts; - is standard input.
      pcap and pcapng files with MoldUDP64 open as well, several of them together (line A and line B).
      What was not read is said at the end, in one line on standard error, and the exit code then is 1
  --symbol S         only this stock in rows, ladders and summary (may be given again)
  --at TIME          stop behind this time (10:30:00.5, US Eastern) and draw the books of the symbols
  --depth N          levels a side to write or draw (default: 1 to write, 10 to draw)
  --out FORMAT       write rows to standard output; the summary goes to standard error
  --every WHEN       a row after each event (default), or each 100ms, 1s, 5m, ...
  --drive            send the day through the matching engine as well and compare its trades with the tape
  --group ADDRESS    of captures: only packets to this address (may be given again: one for each line)
  --port N           of captures: only packets to this UDP port (may be given again)
  --session NAME     of captures: only packets of this session; default: the one with the most packets
  --json             the summary for programs
  --strict           end with exit code 1 at the first thing that cannot be
  --no-checksum      leave out bbo_fnv1a64: faster

lobster: one stock, checked against its recorded book
  --orderbook FILE   the true book after each event: the start, and what comes into its window at the edge
  --verify           compare our book with the true one after every event; stop at the first difference
  --out FILE         write our book after every event, in the same format; - is standard output
  --levels N         levels a side to write (default: as many as the order-book file has)
  --tick N           price step in ten-thousandths of a dollar (default: 100, or 1 if the first row needs it)
";

/// Most levels that can be written: LOBSTER itself gives up to 200.
const LEVELS_MAX: usize = 1000;

struct Request {
    messages: PathBuf,
    orderbook: PathBuf,
    out: Option<PathBuf>,
    options: Options,
    json: bool,
}

/// Runs the subcommand; `args` stands behind its name. The exit code is 1 for bad input or a difference, 2 for
/// wrong usage.
pub(crate) fn run(mut args: lexopt::Parser) -> ExitCode {
    let words: Vec<OsString> = match args.raw_args() {
        Ok(words) => words.collect(),
        Err(_) => Vec::new(), // only behind an option that was read half
    };
    let again = || lexopt::Parser::from_args(words.iter());
    if words.iter().any(|w| w == "--help" || w == "-h") {
        return say(&mut io::stdout(), USAGE);
    }
    match kind(&words) {
        Ok(Kind::Itch) => super::replay_itch::run(again()),
        Ok(Kind::Lobster) => lobster(again()),
        Err(problem) => {
            super::files::complain(&format!("vvp replay: {problem}; see vvp replay --help"));
            ExitCode::from(2)
        }
    }
}

/// What the files are.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Kind {
    Itch,
    Lobster,
}

/// What `--format` says, or else what the command line and the first file look like.
fn kind(words: &[OsString]) -> Result<Kind, String> {
    let mut format = None;
    let mut left = words.iter();
    while let Some(word) = left.next() {
        let word = word.to_string_lossy();
        if word == "--format" {
            format = left.next().map(|w| w.to_string_lossy().into_owned());
        } else if let Some(value) = word.strip_prefix("--format=") {
            format = Some(value.into());
        }
    }
    match format.as_deref() {
        Some("lobster") => Ok(Kind::Lobster),
        Some("itch") => Ok(Kind::Itch),
        Some("auto") | None => {
            let lobster = ["--orderbook", "--verify", "--levels", "--tick"];
            if words.iter().any(|w| lobster.iter().any(|l| w.to_string_lossy().starts_with(l))) {
                return Ok(Kind::Lobster);
            }
            let file = words.iter().find(|w| Path::new(w).is_file());
            Ok(if file.is_some_and(|f| is_lobster(Path::new(f))) { Kind::Lobster } else { Kind::Itch })
        }
        Some(other) => Err(format!("--format {other} is not known; the formats are itch, lobster and auto")),
    }
}

/// Whether the content, unpacked, is a LOBSTER message file. What cannot be read is said by what
/// reads it.
fn is_lobster(path: &Path) -> bool {
    let opened = File::open(path).and_then(unpacked).and_then(Peeked::new);
    opened.is_ok_and(|file| file.kind() == recognise::Kind::LobsterMessages)
}

fn lobster(args: lexopt::Parser) -> ExitCode {
    let request = match parse(args) {
        Ok(Some(request)) => request,
        Ok(None) => return say(&mut io::stdout(), USAGE),
        Err(e) => {
            super::files::complain(&format!("vvp replay: {e}; see vvp replay --help"));
            return ExitCode::from(2);
        }
    };
    // What was found goes where it does not mix with the rows.
    let answer: &mut dyn Write = match request.out.as_deref() {
        Some(out) if out == Path::new("-") => &mut io::stderr(),
        _ => &mut io::stdout(),
    };
    // Ctrl-C ends it between two rows. Without the descriptor for that it ends at once, which is no harm either.
    let stop = Stop::new();
    if let Ok(stop) = &stop {
        stop.on_signals();
    }
    match go(&request) {
        Ok(summary) => match say(answer, &if request.json { summary.json() } else { format!("{summary}\n") }) {
            ExitCode::SUCCESS if summary.stopped => host::exit_code_of_signal(),
            code => code,
        },
        Err(ReplayError::Difference(difference)) => {
            say(answer, &if request.json { difference.json() } else { format!("{difference}\n") });
            fail(&format!(
                "{}: line {}: {}; message and book disagree",
                request.messages.display(),
                difference.row + 1,
                difference.problem
            ))
        }
        Err(ReplayError::Output(e)) => {
            let out = request.out.unwrap_or_default();
            fail(&format!("{}: cannot write: {e}", out.display()))
        }
        Err(e) => fail(&e.to_string()),
    }
}

fn fail(problem: &str) -> ExitCode {
    // One line, whatever a file name holds.
    super::files::complain(&format!("vvp replay: {problem}"));
    ExitCode::FAILURE
}

fn say(to: &mut dyn Write, text: &str) -> ExitCode {
    match to.write_all(text.as_bytes()).and_then(|()| to.flush()) {
        // Whoever reads us has seen enough.
        Err(e) if e.kind() != io::ErrorKind::BrokenPipe => ExitCode::FAILURE,
        _ => ExitCode::SUCCESS,
    }
}

fn parse(mut args: lexopt::Parser) -> Result<Option<Request>, lexopt::Error> {
    let (mut messages, mut orderbook, mut out) = (None, None, None);
    let (mut options, mut json) = (Options::default(), false);
    while let Some(arg) = args.next()? {
        match arg {
            Long("format") => drop(args.value()?),
            Long("orderbook") => orderbook = Some(PathBuf::from(args.value()?)),
            Long("out") => out = Some(PathBuf::from(args.value()?)),
            Long("verify") => options.verify = true,
            Long("json") => json = true,
            Long("levels") => {
                options.levels = Some(args.value()?.parse_with(|s| whole(s, LEVELS_MAX as i64))? as usize);
            }
            Long("tick") => options.tick = Some(args.value()?.parse_with(|s| whole(s, 1_000_000_000))?),
            Long("help") | Short('h') => return Ok(None),
            Value(value) if messages.is_none() => messages = Some(PathBuf::from(value)),
            other => return Err(other.unexpected()),
        }
    }
    let messages = messages.ok_or("the message file is missing")?;
    let orderbook = orderbook.ok_or("--orderbook FILE is missing")?;
    if options.levels.is_some() && out.is_none() {
        return Err("--levels is for --out FILE, which is missing".into());
    }
    if let Some(out) = &out {
        check_out(out, &[&messages, &orderbook])?;
    }
    options.symbol = symbol_of(&messages);
    options.stop = Some(|| signal().is_some());
    Ok(Some(Request { messages, orderbook, out, options, json }))
}

fn whole(text: &str, max: i64) -> Result<i64, String> {
    let value = text.parse().ok().filter(|v| (1..=max).contains(v));
    value.ok_or_else(|| format!("not a whole number from 1 to {max}"))
}

/// The output must be no input, and what is written is plain text.
fn check_out(out: &Path, inputs: &[&Path]) -> Result<(), String> {
    if out.extension().is_some_and(|e| e == "xz" || e == "gz") {
        return Err(format!("--out {}: the output is not compressed; name a .csv file", out.display()));
    }
    let same = |input: &&&Path| {
        let both = (fs::metadata(out), fs::metadata(input));
        matches!(both, (Ok(a), Ok(b)) if a.is_file() && (a.dev(), a.ino()) == (b.dev(), b.ino()))
    };
    match inputs.iter().find(same) {
        Some(input) => Err(format!("--out {}: would overwrite {}", out.display(), input.display())),
        None => Ok(()),
    }
}

/// LOBSTER names its files `SYMBOL_DATE_…`.
fn symbol_of(path: &Path) -> Option<Symbol> {
    let name = path.file_name()?.to_str()?;
    let (symbol, _) = name.split_once('_')?;
    Symbol::new(symbol.as_bytes())
}

fn go(request: &Request) -> Result<Summary, ReplayError> {
    let messages = Source::open(&request.messages)?;
    let books = Source::open(&request.orderbook)?;
    let mut file = match request.out.as_deref() {
        None => None,
        Some(path) => Some(OutFile::at(path).map_err(ReplayError::Output)?),
    };
    let mut engine =
        ReplayEngine::new_box_zeroed().map_err(|_| ReplayError::Output(io::Error::from(io::ErrorKind::OutOfMemory)))?;
    let out = file.as_mut().map(|out| out as &mut dyn Write);
    let summary = replay(&mut *engine, messages, books, &request.options, out)?;
    // What was stopped is no whole file.
    if let Some(file) = file.filter(|_| !summary.stopped) {
        file.commit().map_err(ReplayError::Output)?;
    }
    Ok(summary)
}
