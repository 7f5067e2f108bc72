//! `vvpx match`: commands in, events out.

use crate::args::Match;
use crate::commands::feed::{Fed, FeedFile, Flusher, View};
use crate::commands::host;
use crate::commands::one_sink::OneSink;
use crate::commands::refusals::Refusals;
use crate::commands::size::{Engine, Room, Wanted};
use crate::diagnostic::{self, Diagnostic, Outcome};
use crate::io::output::stdout_failed;
use crate::io::publish::EventFile;
use crate::io::source::CommandFile;
use serde::Serialize;
use std::cell::RefCell;
use std::io::{self, Write};
use std::process::ExitCode;
use vvp_core::book::{Book, NoStateHash, WithStateHash};
use vvp_core::book::{EventKind, InstrumentId};
use vvp_core::engine::Matcher;
use vvp_replay::digits::grouped;
use vvp_replay::json;
use vvp_std_adapter::engine::{DeepEngine, LargeEngine, LargeFeed, MediumEngine};
use vvp_std_adapter::memory::{Pages, Zeroed};
use vvp_std_adapter::pipeline::{self, End, Report};
use vvpx::text::{InputError, InputFormat, write_book};
use zerocopy::FromZeros;

struct Request {
    file: String,
    book: bool,
    format: Option<InputFormat>,
    out_format: InputFormat,
    inline: bool,
    feed: Option<View>,
    state_hash: bool,
    size: Wanted,
}

/// The engine of a run, with or without a state hash.
trait Server: Matcher + FromZeros + Send {
    fn state_hash(&self) -> Option<u64>;
}

/// Implements [`Server`] for engines with one kind of state hash.
macro_rules! server {
    ($track:ty, |$engine:ident| $hash:expr) => {
        impl<
            const ORDERS: usize,
            const BLOCKS: usize,
            const FAR: usize,
            const STOPS: usize,
            const IDS: usize,
            const INSTRUMENTS: usize,
            const OWNERS: usize,
        > Server for vvp_core::engine::Engine<Book<ORDERS, BLOCKS, FAR, STOPS, IDS, $track>, INSTRUMENTS, OWNERS>
        {
            fn state_hash(&self) -> Option<u64> {
                let $engine = self;
                $hash
            }
        }
    };
}

server!(NoStateHash, |_engine| None);
server!(WithStateHash, |engine| Some(engine.state_hash()));

pub(crate) fn main(asked: Match) -> Outcome {
    let Match { file, book, format, out_format, inline, feed, state_hash, size } = asked;
    let feed = feed.as_deref().and_then(View::from_word);
    let request = Request { file, book, format, out_format, inline, feed, state_hash, size };
    if request.book && request.out_format == InputFormat::Records {
        let what = "text cannot follow records";
        return Err(Diagnostic::usage(what).argument("--book").remedy("drop it or --out-format bin"));
    }
    if request.feed.is_some() && request.out_format != InputFormat::default() {
        let what = "market data is written as lines of JSON only";
        return Err(Diagnostic::usage(what).argument("--feed").remedy("drop it or --out-format"));
    }
    let room = request.size.room();
    match (room.engine, request.state_hash) {
        (Engine::File, false) => go::<MediumEngine>(&request, room),
        (Engine::File, true) => go::<MediumEngine<WithStateHash>>(&request, room),
        (Engine::Deep, false) => go::<DeepEngine>(&request, room),
        (Engine::Server, false) => go::<LargeEngine>(&request, room),
        // Each engine type takes long to compile, so the rarest combination uses the largest
        // engine.
        (Engine::Deep | Engine::Server, true) => go::<LargeEngine<WithStateHash>>(&request, Room::LARGEST),
    }
}

fn go<E: Server>(request: &Request, room: Room) -> Outcome {
    let stop = host::stop()?;
    let mut engine = Zeroed::<E>::new(Pages::LAZY).map_err(|e| request.size.refused(&e))?;
    let max_instruments = engine.max_instruments();
    stop.on_signals(); // before the input, whose first bytes may be waited for
    let mut commands = CommandFile::open("match", &request.file, request.format, max_instruments, &stop, None)?;
    let out = pipeline::stdout().map_err(|e| stdout_failed(&e))?;
    let setup = host::setup(&stop, host::Start::Soon);
    if let Some(view) = request.feed {
        let feed = Zeroed::<LargeFeed>::new(Pages::LAZY).map_err(|e| request.size.refused(&e))?;
        let file = RefCell::new(FeedFile::new(out, max_instruments));
        let mut fed = Fed { engine: &mut OneSink(&mut *engine), feed, file: &file, view };
        let report = pipeline::run_inline(&setup, &mut commands, &mut fed, &mut Flusher(&file))
            .map_err(|e| Diagnostic::from_adapter(&e))?;
        return conclude(request, room, &report, &mut commands, &mut *engine, file.borrow_mut().out());
    }
    let mut events = EventFile::new(out, request.out_format, max_instruments).map_err(|e| stdout_failed(&e))?;
    let report = if request.inline {
        pipeline::run_inline(&setup, &mut commands, &mut OneSink(&mut *engine), &mut events)
    } else {
        pipeline::run(&setup, &mut commands, &mut *engine, &mut events, |_| ())
    }
    .map_err(|e| Diagnostic::from_adapter(&e))?;
    conclude(request, room, &report, &mut commands, &mut *engine, events.out())
}

/// The line of `--state-hash`.
#[derive(Serialize)]
struct StateHash {
    #[serde(serialize_with = "json::hash")]
    state_hash: Option<u64>,
}

/// Writes the diagnostics and the books after a run, and returns the exit code.
fn conclude(
    request: &Request,
    room: Room,
    report: &Report<InputError>,
    commands: &mut CommandFile<'_>,
    engine: &mut impl Server,
    out: &mut impl Write,
) -> Outcome {
    if let Some(hash) = engine.state_hash() {
        let line = json::line(&StateHash { state_hash: Some(hash) });
        let _ = io::stderr().write_all(line.as_bytes());
    }
    match &report.end {
        End::OutputGone => return Ok(ExitCode::SUCCESS),
        End::OutputFailed(e) => return Err(stdout_failed(e)),
        End::Panicked(stage) => return Err(diagnostic::bug(stage)),
        End::Finished | End::Stopped if request.book => {
            commands.finish(engine);
            match books(out, engine) {
                Err(e) if e.kind() == io::ErrorKind::BrokenPipe => return Ok(ExitCode::SUCCESS),
                result => result.map_err(|e| stdout_failed(&e))?,
            };
        }
        _ => {}
    }
    let code = commands.exit_code();
    let refusals = Refusals::of(report, commands, Some(room));
    refusals.tell("match", engine);
    match &report.end {
        End::InputFailed(error) => Err(commands.failure(error)),
        End::Stopped => {
            let (commands, events) = (grouped(report.commands), grouped(report.stats.events()));
            let trades = grouped(report.stats.events_of(EventKind::Trade));
            let what = format!("stopped after {commands} commands, {events} events, {trades} trades");
            Diagnostic::note(what).of("match").tell();
            Ok(host::exit_code_of_signal())
        }
        _ => match commands.emptiness() {
            Some(failure) => Err(failure),
            None => Ok(code),
        },
    }
}

/// Writes the book of each instrument as a line.
fn books(out: &mut impl Write, engine: &impl Matcher) -> io::Result<()> {
    for index in 0..engine.instruments() {
        let id = InstrumentId::new(u16::try_from(index).unwrap_or(u16::MAX));
        if let (Some(spec), Some(book)) = (engine.spec(id), engine.book(id)) {
            write_book(out, &spec, book)?;
        }
    }
    out.flush()
}
