//! `vvpx replay`: a day of real order events through the book.

use std::fs::{self, File};
use std::io::{self, Write};
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use crate::args::Replay;
use crate::commands::host;
use crate::io::output::OutFile;
use vvp_core::book::Symbol;
use vvp_replay::lobster::{Options, ReplayEngine, ReplayError, Source, Summary, replay};
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
pub(crate) fn run(asked: &Replay) -> ExitCode {
    match kind(asked) {
        Kind::Itch => crate::commands::replay_itch::run(asked),
        Kind::Lobster => lobster(asked),
    }
}

/// What the files are.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Kind {
    Itch,
    Lobster,
}

/// What `--format` says, or else what the command line and the first file look like.
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

/// Whether the content, unpacked, is a LOBSTER message file. What cannot be read is said by what
/// reads it.
fn is_lobster(path: &Path) -> bool {
    let opened = File::open(path).and_then(unpacked).and_then(Peeked::new);
    opened.is_ok_and(|file| file.kind() == recognise::Kind::LobsterMessages)
}

fn lobster(asked: &Replay) -> ExitCode {
    let request = match request(asked) {
        Ok(request) => request,
        Err(e) => return crate::io::files::usage("replay", &e),
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
    crate::io::files::complain(&format!("vvpx replay: {problem}"));
    ExitCode::FAILURE
}

fn say(to: &mut dyn Write, text: &str) -> ExitCode {
    match to.write_all(text.as_bytes()).and_then(|()| to.flush()) {
        // Whoever reads us has seen enough.
        Err(e) if e.kind() != io::ErrorKind::BrokenPipe => ExitCode::FAILURE,
        _ => ExitCode::SUCCESS,
    }
}

fn request(asked: &Replay) -> Result<Request, String> {
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
        return Err(format!("{name} is an option of itch, not of lobster"));
    }
    let [messages] = asked.files.as_slice() else {
        return Err(match asked.files.get(1) {
            None => "the message file is missing".into(),
            Some(second) => format!("one message file at a time: '{second}' is the second"),
        });
    };
    let messages = PathBuf::from(messages);
    let orderbook = asked.orderbook.clone().ok_or("--orderbook FILE is missing")?;
    let out = asked.out.clone();
    let levels = asked.levels.map(usize::from);
    if levels.is_some() && out.is_none() {
        return Err("--levels is for --out FILE, which is missing".into());
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
