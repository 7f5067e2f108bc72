//! `vvpx replay`: rebuilds books from recorded order events; this file has the part for LOBSTER.

use std::fs::{self, File};
use std::io::{self, Write};
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use crate::args::Replay;
use crate::commands::host;
use crate::diagnostic::{Diagnostic, Outcome, Place};
use crate::io::files;
use crate::io::output::{self, OutFile};
use vvp_core::book::Symbol;
use vvp_replay::lobster::{InputError, Options, ReplayEngine, ReplayError, Source, Summary, replay};
use vvp_replay::packed::unpacked;
use vvp_replay::recognise::{self, Peeked};
use vvp_std_adapter::pipeline::{Stop, signal};
use zerocopy::FromZeros;

struct Request {
    messages: PathBuf,
    orderbook: PathBuf,
    out: Option<PathBuf>,
    options: Options,
    json: bool,
}

/// Runs the subcommand. The exit code is 1 for bad input or a difference, 2 for wrong usage.
pub(crate) fn main(asked: &Replay) -> Outcome {
    match kind(asked) {
        Kind::Itch => crate::commands::replay_itch::main(asked),
        Kind::Lobster => lobster(asked),
    }
}

/// The format of the files.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Kind {
    Itch,
    Lobster,
}

/// Returns the kind that `--format` names, or else the one that the options and the first file
/// suggest.
fn kind(asked: &Replay) -> Kind {
    let is_of_lobster = asked.orderbook.is_some() || asked.verify || asked.levels.is_some() || asked.tick.is_some();
    match asked.format.as_str() {
        "lobster" => Kind::Lobster,
        "itch" => Kind::Itch,
        _ if is_of_lobster => Kind::Lobster,
        _ => {
            let file = asked.files.iter().map(Path::new).find(|file| file.is_file());
            if file.is_some_and(is_lobster) { Kind::Lobster } else { Kind::Itch }
        }
    }
}

/// Returns whether the content, unpacked, is a LOBSTER message file. Errors are reported later, by
/// the replay itself.
fn is_lobster(path: &Path) -> bool {
    let opened = File::open(path).and_then(unpacked).and_then(Peeked::new);
    opened.is_ok_and(|file| file.kind() == recognise::Kind::LobsterMessages)
}

fn lobster(asked: &Replay) -> Outcome {
    let request = request(asked)?;
    // The result goes where it does not mix with the rows.
    let (answer, name): (&mut dyn Write, _) = match request.out.as_deref() {
        Some(out) if out == Path::new("-") => (&mut io::stderr(), "<stderr>"),
        _ => (&mut io::stdout(), files::STDOUT),
    };
    // Ctrl-C ends the replay between two rows. Without a descriptor for that it ends immediately,
    // which does no harm.
    let stop = Stop::new();
    if let Ok(stop) = &stop {
        stop.on_signals();
    }
    match replay_files(&request)? {
        Ok(summary) => {
            say(answer, name, &if request.json { summary.json() } else { format!("{summary}\n") })?;
            Ok(if summary.stopped { host::exit_code_of_signal() } else { ExitCode::SUCCESS })
        }
        Err(ReplayError::Difference(difference)) => {
            say(answer, name, &if request.json { difference.json() } else { format!("{difference}\n") })?;
            Err(Diagnostic::error(format!("message and book disagree: {}", difference.problem))
                .at(Place::Line(request.messages.display().to_string(), difference.row + 1)))
        }
        Err(ReplayError::Output(e)) => {
            let out = request.out.filter(|out| out != Path::new("-"));
            output::failed(&out.map_or_else(|| files::STDOUT.to_owned(), |out| out.display().to_string()), &e)
        }
        Err(ReplayError::Input(e)) => Err(bad_input(e)),
        Err(e) => Err(Diagnostic::from_text(&e.to_string())),
    }
}

/// Returns the error for a file that cannot be read, or is not what it should be.
fn bad_input(e: InputError) -> Diagnostic {
    Diagnostic::from_text(&e.problem).at(match (e.line, e.field) {
        (Some(line), Some((number, name))) => Place::Field(e.file, line, number, name),
        (Some(line), None) => Place::Line(e.file, line),
        _ => Place::File(e.file),
    })
}

/// Writes the result. A reader that has gone away is no error.
fn say(to: &mut dyn Write, name: &str, text: &str) -> Result<(), Diagnostic> {
    match to.write_all(text.as_bytes()).and_then(|()| to.flush()) {
        Err(e) if e.kind() != io::ErrorKind::BrokenPipe => Err(Diagnostic::io(Place::File(name.into()), &e)),
        _ => Ok(()),
    }
}

fn request(asked: &Replay) -> Result<Request, Diagnostic> {
    let itch = [
        ("--symbol", !asked.symbol.is_empty()),
        ("--at", asked.at.is_some()),
        ("--depth", asked.depth.is_some()),
        ("--every", asked.every.is_some()),
        ("--group", !asked.group.is_empty()),
        ("--port", !asked.port.is_empty()),
        ("--session", asked.session.is_some()),
        ("--drive", asked.drive),
        ("--strict", asked.strict),
        ("--no-checksum", asked.no_checksum),
    ];
    if let Some((name, _)) = itch.iter().find(|(_, is_given)| *is_given) {
        return Err(Diagnostic::usage("an option of itch, not of lobster").argument(*name));
    }
    let [messages] = asked.files.as_slice() else {
        return Err(match asked.files.get(1) {
            None => Diagnostic::usage("the message file is missing"),
            Some(second) => {
                Diagnostic::usage("more than one message file").argument(second).remedy("give one at a time")
            }
        });
    };
    let messages = PathBuf::from(messages);
    let orderbook = asked
        .orderbook
        .clone()
        .ok_or_else(|| Diagnostic::usage("a required argument is missing").argument("--orderbook FILE"))?;
    let out = asked.out.clone();
    let levels = asked.levels.map(usize::from);
    if levels.is_some() && out.is_none() {
        return Err(Diagnostic::usage("for --out FILE only, which is missing").argument("--levels"));
    }
    if let Some(out) = &out {
        check_out(out, &[&messages, &orderbook])?;
    }
    let options = Options {
        verify: asked.verify,
        levels,
        tick: asked.tick,
        symbol: symbol_of(&messages),
        stop: Some(|| signal().is_some()),
    };
    Ok(Request { messages, orderbook, out, options, json: asked.json })
}

/// Checks that the output is not an input, and has no name of a compressed file.
fn check_out(out: &Path, inputs: &[&Path]) -> Result<(), Diagnostic> {
    let usage = |what: String| Diagnostic::usage(what).argument(format!("--out {}", out.display()));
    if out.extension().is_some_and(|e| e == "xz" || e == "gz") {
        return Err(usage("the output is not compressed".into()).remedy("name a .csv file"));
    }
    let same = |input: &&&Path| {
        let both = (fs::metadata(out), fs::metadata(input));
        matches!(both, (Ok(a), Ok(b)) if a.is_file() && (a.dev(), a.ino()) == (b.dev(), b.ino()))
    };
    match inputs.iter().find(same) {
        Some(input) => Err(usage(format!("would overwrite {}", input.display())).remedy("name another file")),
        None => Ok(()),
    }
}

/// Returns the symbol in a file name of LOBSTER: `SYMBOL_DATE_…`.
fn symbol_of(path: &Path) -> Option<Symbol> {
    let name = path.file_name()?.to_str()?;
    let (symbol, _) = name.split_once('_')?;
    Symbol::new(symbol.as_bytes())
}

/// Opens the files of the request and replays them; a file that cannot be opened is the outer
/// error.
fn replay_files(request: &Request) -> Result<Result<Summary, ReplayError>, Diagnostic> {
    let messages = open(&request.messages)?;
    let books = open(&request.orderbook)?;
    let mut file = match request.out.as_deref().map(OutFile::at) {
        None => None,
        Some(Ok(file)) => Some(file),
        Some(Err(e)) => return Ok(Err(ReplayError::Output(e))),
    };
    let mut engine = ReplayEngine::new_box_zeroed()
        .map_err(|_| Diagnostic::error("no memory for the engine").remedy("raise the limit (ulimit -v)"))?;
    let out = file.as_mut().map(|out| out as &mut dyn Write);
    let summary = match replay(&mut *engine, messages, books, &request.options, out) {
        Ok(summary) => summary,
        Err(e) => return Ok(Err(e)),
    };
    // A replay that was stopped has not written a whole file.
    Ok(match file.filter(|_| !summary.stopped).map(OutFile::commit) {
        Some(Err(e)) => Err(ReplayError::Output(e)),
        _ => Ok(summary),
    })
}

fn open(path: &Path) -> Result<Source, Diagnostic> {
    let name = path.display().to_string();
    let file = files::open_file(path).map_err(|e| Diagnostic::io(Place::File(name.clone()), &e))?;
    Source::from_reader(&name, file).map_err(bad_input)
}
