//! `vvpx run`, the default subcommand: plays an order file and shows the books and a summary.

use crate::args::Run;
use crate::commands::host::{self, Start};
use crate::commands::one_sink::OneSink;
use crate::commands::refusals::Refusals;
use crate::commands::size::{Engine, Room};
use crate::commands::summary;
use crate::diagnostic::{self, Diagnostic, Outcome, one_line};
use crate::io::output;
use crate::io::progress::Bar;
use crate::io::publish::EventFile;
use crate::io::source::CommandFile;
use crate::tui::ladder::{self, Style};
use std::io::{self, Write};
use vvp_core::book::{BookView, EventKind, InstrumentId};
use vvp_core::engine::Matcher;
use vvp_replay::digits::grouped;
use vvp_std_adapter::engine::{DeepEngine, LargeEngine, MediumEngine, SmallEngine};
use vvp_std_adapter::memory::{Pages, Zeroed};
use vvp_std_adapter::pipeline::{self, End, Progress, Report, Source};
use vvpx::text::{InputError, InputFormat};

/// A generated session, written by `examples/make_session.rs`.
static SESSION: &[u8] = include_bytes!("../../assets/session.jsonl");

/// Levels a side of a ladder.
const LEVELS: usize = 12;
/// Instruments whose ladders are drawn.
const LADDERS: usize = 4;

pub(crate) fn main(request: &Run) -> Outcome {
    if request.file.is_none() {
        return play::<SmallEngine>(request, None);
    }
    let room = request.size.room();
    match room.engine {
        Engine::File => play::<MediumEngine>(request, Some(room)),
        Engine::Deep => play::<DeepEngine>(request, Some(room)),
        Engine::Server => play::<LargeEngine>(request, Some(room)),
    }
}

/// Plays the file, or the built-in session without a `room`.
fn play<M: Matcher + zerocopy::FromZeros + Send>(request: &Run, room: Option<Room>) -> Outcome {
    let stop = host::stop()?;
    let pages = if room.is_none() { Pages::READY } else { Pages::LAZY };
    let mut engine = Zeroed::<M>::new(pages).map_err(|e| request.size.refused(&e))?;
    let max_instruments = engine.max_instruments();
    let progress = Progress::default();
    stop.on_signals(); // before the input, whose first bytes may be waited for
    let mut commands = match &request.file {
        Some(file) => CommandFile::open("run", file, request.format, max_instruments, &stop, Some(&progress))?,
        None => {
            let source = Source::memory(SESSION, &stop);
            let (name, format) = ("the built-in session", InputFormat::default());
            CommandFile::new("run", source, name, format, max_instruments, Some(&progress))
        }
    };
    if let Some(failure) = commands.emptiness() {
        return Err(failure);
    }
    let mut events = EventFile::discarded(max_instruments).map_err(|e| output::stdout_failed(&e))?;
    let setup = host::setup(&stop, Start::Ready);
    let bar = Bar::new(&progress);
    let report = if request.inline {
        pipeline::run_inline(&setup, &mut commands, &mut OneSink(&mut *engine), &mut events)
    } else {
        pipeline::run(&setup, &mut commands, &mut *engine, &mut events, |done| bar.show(done))
    }
    .map_err(|e| Diagnostic::from_adapter(&e))?;

    match &report.end {
        End::Panicked(stage) => return Err(diagnostic::bug(stage)),
        // Part of a file has no meaningful summary.
        End::InputFailed(error) => return Err(commands.failure(error)),
        _ => {}
    }
    let text = show(request, &report, &*engine).unwrap_or_default();
    output::print(&text)?;
    let code = commands.exit_code();
    // The built-in session has deliberate refusals.
    if room.is_some() {
        let refusals = Refusals::of(&report, &commands, room);
        refusals.tell("run", &*engine);
    }
    if matches!(report.end, End::Stopped) {
        let what = format!("stopped after {} commands, with the summary so far", grouped(report.commands));
        Diagnostic::note(what).of("run").tell();
        return Ok(host::exit_code_of_signal());
    }
    Ok(code)
}

/// Returns everything to print, so that no partial JSON object is ever written.
fn show<M: Matcher>(request: &Run, report: &Report<InputError>, engine: &M) -> io::Result<Vec<u8>> {
    let mut out = Vec::new();
    let colour = output::colour(&io::stdout());
    let instruments = || (0..engine.instruments()).map(|i| InstrumentId::new(u16::try_from(i).unwrap_or(u16::MAX)));
    let resting: u64 = instruments().filter_map(|id| engine.book(id)).map(|b| b.resting_orders() as u64).sum();
    if request.json {
        return Ok(summary::json(report, resting).into_bytes());
    }
    let count = |kind| grouped(report.stats.events_of(kind));
    let name = one_line(request.file.as_deref().unwrap_or("the built-in session"));
    writeln!(out, "VVP Core plays {name}")?;
    writeln!(out)?;
    let (count_of, plural) = (engine.instruments(), if engine.instruments() == 1 { "" } else { "s" });
    writeln!(out, "  {} commands for {count_of} instrument{plural}", grouped(report.commands))?;
    writeln!(
        out,
        "  {} orders accepted, {} replaced, {} reduced, {} commands rejected",
        count(EventKind::Accepted),
        count(EventKind::Replaced),
        count(EventKind::Reduced),
        count(EventKind::Rejected)
    )?;
    writeln!(out, "  {} trades of {} lots in all", count(EventKind::Trade), grouped(report.stats.traded_qty))?;
    writeln!(out, "  {} orders canceled, {} resting at the end", count(EventKind::Canceled), grouped(resting))?;
    writeln!(out)?;
    for id in instruments().take(LADDERS) {
        if let (Some(spec), Some(book)) = (engine.spec(id), engine.book(id)) {
            ladder::draw(&mut out, book, &spec, Style { levels: LEVELS, colour })?;
            writeln!(out)?;
        }
    }
    if engine.instruments() > LADDERS {
        writeln!(
            out,
            "  ... and {} more books; 'vvpx match --book' prints them all\n",
            engine.instruments() - LADDERS
        )?;
    }
    summary::text(&mut out, report, colour)?;
    Ok(out)
}
