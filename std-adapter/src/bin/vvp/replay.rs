//! `vvp replay`: a day of real order events through the book.

use std::fs::{self, File};
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use super::host;
use lexopt::prelude::*;
use vvp_core::book::Symbol;
use vvp_std_adapter::lobster::{Options, ReplayEngine, ReplayError, Source, Summary, replay};
use vvp_std_adapter::pipeline::{Stop, signal};
use zerocopy::FromZeros;

const USAGE: &str = "\
usage: vvp replay --format lobster MESSAGES.csv --orderbook ORDERBOOK.csv
                  [--verify] [--out FILE] [--levels N] [--tick N]

Rebuilds the book from LOBSTER data; .xz and .gz files open directly.

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
}

/// Runs the subcommand; `args` stands behind its name. The exit code is 1 for bad input or a difference, 2 for
/// wrong usage.
pub(crate) fn run(args: lexopt::Parser) -> ExitCode {
    let request = match parse(args) {
        Ok(Some(request)) => request,
        Ok(None) => return say(&mut io::stdout(), USAGE),
        Err(e) => {
            eprintln!("vvp replay: {e}; see vvp replay --help");
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
        Ok(summary) => match say(answer, &format!("{summary}\n")) {
            ExitCode::SUCCESS if summary.stopped => host::exit_code_of_signal(),
            code => code,
        },
        Err(ReplayError::Difference(difference)) => {
            say(answer, &format!("{difference}\n"));
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
    eprintln!("vvp replay: {}", problem.replace(['\n', '\r'], " "));
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
    let (mut messages, mut orderbook, mut out, mut format) = (None, None, None, None);
    let mut options = Options::default();
    while let Some(arg) = args.next()? {
        match arg {
            Long("format") => format = Some(args.value()?.string()?),
            Long("orderbook") => orderbook = Some(PathBuf::from(args.value()?)),
            Long("out") => out = Some(PathBuf::from(args.value()?)),
            Long("verify") => options.verify = true,
            Long("levels") => {
                options.levels = Some(args.value()?.parse_with(|s| whole(s, LEVELS_MAX as i64))? as usize);
            }
            Long("tick") => options.tick = Some(args.value()?.parse_with(|s| whole(s, 1_000_000_000))?),
            Long("help") | Short('h') => return Ok(None),
            Value(value) if messages.is_none() => messages = Some(PathBuf::from(value)),
            other => return Err(other.unexpected()),
        }
    }
    match format.as_deref() {
        Some("lobster") => {}
        Some(other) => return Err(format!("--format {other} is not known; the format there is is lobster").into()),
        None => return Err("--format is missing; give --format lobster".into()),
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
    Ok(Some(Request { messages, orderbook, out, options }))
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
    let same = |input: &&&Path| matches!((fs::canonicalize(out), fs::canonicalize(input)), (Ok(a), Ok(b)) if a == b);
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
    let mut out: Option<Box<dyn Write>> = match request.out.as_deref() {
        None => None,
        Some(path) if path == Path::new("-") => Some(Box::new(io::stdout())),
        Some(path) => Some(Box::new(File::create(path).map_err(ReplayError::Output)?)),
    };
    let mut engine =
        ReplayEngine::new_box_zeroed().map_err(|_| ReplayError::Output(io::Error::from(io::ErrorKind::OutOfMemory)))?;
    let out = out.as_mut().map(|out| &mut **out as &mut dyn Write);
    replay(&mut *engine, messages, books, &request.options, out)
}
