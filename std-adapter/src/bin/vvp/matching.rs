//! `vvp match`: commands in, events out.

use super::cli::{self, Failure, Outcome, grouped};
use super::feed::{Fed, FeedFile, Flusher, View};
use super::host;
use super::publish::EventFile;
use super::source::CommandFile;
use lexopt::prelude::*;
use std::cell::RefCell;
use std::io::{self, Write};
use std::process::ExitCode;
use vvp_core::book::{EventKind, InstrumentId};
use vvp_core::engine::Matcher;
use vvp_std_adapter::engine::{ServerEngine, ServerFeed, TrackedServerEngine};
use vvp_std_adapter::memory::{Pages, Zeroed};
use vvp_std_adapter::pipeline::{self, End, Report, Stop};
use vvp_std_adapter::text::{InputError, InputFormat, write_book};
use zerocopy::FromZeros;

const HELP: &str = "\
vvp match - read commands, print events

usage: vvp match [FILE|-] [--book] [--format FORMAT] [--out-format FORMAT] [--inline]
                 [--feed l1|l2|l3] [--state-hash]

  FILE                  commands; without it, or with -, standard input
  --book                after the events, one line of JSON an instrument with its book
  --format FORMAT       how the commands are written: jsonl (default), csv, or bin (see vvp encode)
  --out-format FORMAT   how to write the events: jsonl (default), csv, or bin
  --inline              do it all on one thread; the output is the same
  --feed VIEW           print market data instead of events, a line of JSON a record: l1 best bid and ask, l2 price
                        levels, l3 single orders; on one thread
  --state-hash          at the end, a line of JSON on standard error with a 64-bit hash of the engine's state: equal for
                        two runs exactly when the engines would answer alike from there on

Each command is answered at once, so it works in a conversation too. Exit code 1 if a line was no command, which is
answered in its place and explained on standard error; the run goes on.
";

struct Request {
    file: String,
    book: bool,
    format: InputFormat,
    out_format: InputFormat,
    inline: bool,
    feed: Option<View>,
    state_hash: bool,
}

/// The engine behind a run, with a state hash or without.
trait Server: Matcher + FromZeros + Send {
    fn state_hash(&self) -> Option<u64>;
}

impl Server for ServerEngine {
    fn state_hash(&self) -> Option<u64> {
        None
    }
}

impl Server for TrackedServerEngine {
    fn state_hash(&self) -> Option<u64> {
        Some(Self::state_hash(self))
    }
}

pub(crate) fn main(arguments: lexopt::Parser) -> Outcome {
    match parse(arguments)? {
        Some(request) if request.state_hash => go::<TrackedServerEngine>(&request),
        Some(request) => go::<ServerEngine>(&request),
        None => cli::say(HELP),
    }
}

/// `None` when the help was asked for.
fn parse(mut arguments: lexopt::Parser) -> Result<Option<Request>, Failure> {
    let usage = |e: lexopt::Error| Failure::usage(e, "match");
    let mut file = None;
    let mut request = Request {
        file: String::new(),
        book: false,
        format: InputFormat::default(),
        out_format: InputFormat::default(),
        inline: false,
        feed: None,
        state_hash: false,
    };
    while let Some(argument) = arguments.next().map_err(usage)? {
        match argument {
            Short('h') | Long("help") => return Ok(None),
            Long("book") => request.book = true,
            Long("inline") => request.inline = true,
            Long("state-hash") => request.state_hash = true,
            Long("format") => request.format = cli::format(arguments.value().map_err(usage)?, "--format", "match")?,
            Long("out-format") => {
                request.out_format = cli::format(arguments.value().map_err(usage)?, "--out-format", "match")?;
            }
            Long("feed") => {
                let word = cli::text(arguments.value().map_err(usage)?, "the value of --feed", "match")?;
                let view = View::from_word(&word);
                let wrong = || Failure::usage(format!("--feed must be l1, l2 or l3, not '{word}'"), "match");
                request.feed = Some(view.ok_or_else(wrong)?);
            }
            Value(value) if file.is_none() => file = Some(cli::text(value, "the file name", "match")?),
            other => return Err(usage(other.unexpected())),
        }
    }
    if request.book && request.out_format == InputFormat::Records {
        return Err(Failure::usage(
            "--book prints text, which cannot follow records; drop it or --out-format bin",
            "match",
        ));
    }
    if request.feed.is_some() && request.out_format != InputFormat::default() {
        return Err(Failure::usage("--feed prints lines of JSON only; drop it or --out-format", "match"));
    }
    request.file = file.unwrap_or_else(|| "-".to_owned());
    Ok(Some(request))
}

fn go<E: Server>(request: &Request) -> Outcome {
    let stop = Stop::new().map_err(|e| Failure::Error(format!("cannot start: {e}")))?;
    let mut engine = Zeroed::<E>::new(Pages::LAZY).map_err(|e| Failure::Error(e.to_string()))?;
    let max_instruments = engine.max_instruments();
    let mut commands = CommandFile::open(&request.file, request.format, max_instruments, &stop, None)?;
    let out_failed = |e: &io::Error| Failure::at("standard output", e);
    let out = pipeline::stdout().map_err(|e| out_failed(&e))?;
    let setup = host::setup(&stop, host::Start::Soon);
    if let Some(view) = request.feed {
        let feed = Zeroed::<ServerFeed>::new(Pages::LAZY).map_err(|e| Failure::Error(e.to_string()))?;
        let file = RefCell::new(FeedFile::new(out, max_instruments));
        stop.on_signals();
        let mut fed = Fed { engine: &mut *engine, feed, file: &file, view };
        let report = pipeline::run_inline(&setup, &mut commands, &mut fed, &mut Flusher(&file))
            .map_err(|e| Failure::Error(e.to_string()))?;
        return conclude(request, &report, &mut commands, &mut *engine, file.borrow_mut().out());
    }
    let mut events = EventFile::new(out, request.out_format, max_instruments).map_err(|e| out_failed(&e))?;
    stop.on_signals();
    let report = if request.inline {
        pipeline::run_inline(&setup, &mut commands, &mut *engine, &mut events)
    } else {
        pipeline::run(&setup, &mut commands, &mut *engine, &mut events, |_| ())
    }
    .map_err(|e| Failure::Error(e.to_string()))?;
    conclude(request, &report, &mut commands, &mut *engine, events.out())
}

/// What there is to say and to print after a run.
fn conclude(
    request: &Request,
    report: &Report<InputError>,
    commands: &mut CommandFile<'_>,
    engine: &mut impl Server,
    out: &mut impl Write,
) -> Outcome {
    let out_failed = |e: &io::Error| Failure::at("standard output", e);
    if let Some(hash) = engine.state_hash() {
        let _ = io::stderr().write_all(format!("{{\"state_hash\":\"{hash:016x}\"}}\n").as_bytes());
    }
    match &report.end {
        End::OutputGone => return Ok(ExitCode::SUCCESS),
        End::OutputFailed(e) => return Err(out_failed(e)),
        End::Panicked(stage) => return Err(cli::bug(stage)),
        End::Finished | End::Stopped if request.book => {
            commands.finish(engine);
            match books(out, engine) {
                Err(e) if e.kind() == io::ErrorKind::BrokenPipe => return Ok(ExitCode::SUCCESS),
                result => result.map_err(|e| out_failed(&e))?,
            };
        }
        _ => {}
    }
    let code = commands.exit_code();
    match &report.end {
        End::InputFailed(error) => Err(commands.failure(error)),
        End::Stopped => {
            let line = format!(
                "vvp: stopped after {} commands, {} events, {} trades\n",
                grouped(report.commands),
                grouped(report.stats.events()),
                grouped(report.stats.events_of(EventKind::Trade))
            );
            let _ = io::stderr().write_all(line.as_bytes());
            Ok(host::exit_code_of_signal())
        }
        _ => match commands.emptiness() {
            Some(failure) => Err(failure),
            None => Ok(code),
        },
    }
}

/// A line for each instrument.
fn books(out: &mut impl Write, engine: &impl Matcher) -> io::Result<()> {
    for index in 0..engine.instruments() {
        let id = InstrumentId::new(u16::try_from(index).unwrap_or(u16::MAX));
        if let (Some(spec), Some(book)) = (engine.spec(id), engine.book(id)) {
            write_book(out, &spec, book)?;
        }
    }
    out.flush()
}
