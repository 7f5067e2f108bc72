//! `vvp encode`: commands as text into binary records.

use crate::cli::{self, Failure, Outcome};
use crate::output::{self, OutFile};
use crate::{files, host};
use lexopt::prelude::*;
use std::io::Write;
use std::process::ExitCode;
use vvp_core::book::Command;
use vvp_std_adapter::pipeline::{Source, Stop, is_stop};
use vvp_std_adapter::text::{Format, Input, InputError, InputFormat, LineWriter, RECORD, RecordKind, Step, recognise};
use zerocopy::IntoBytes;

const HELP: &str = "\
vvp encode [FILE|-] [-o OUT] [--format jsonl|csv]
    Turns commands as text into 64-byte binary records. A bad line becomes a record of its refusal, is named on
    standard error, and makes the exit code 1.
    FILE          the commands; standard input if it is - or left out; .gz, .xz and .zst are unpacked
    -o OUT        where the records go; standard output if left out. A file is replaced when all is written, and
                  stays as it was after an error
    --format F    of the text: jsonl or csv; found out when it is missing
";

/// Instruments that one file can define: as many as an index can name.
pub(crate) const MAX_INSTRUMENTS: usize = 1 << 16;

/// What `encode` and `decode` are told; they take the same arguments.
#[derive(Debug)]
pub(crate) struct Options {
    pub(crate) input: String,
    pub(crate) output: Option<String>,
    /// Of the text; `None` if it was not said.
    pub(crate) format: Option<Format>,
}

impl Options {
    /// `None` if only the help was asked for.
    pub(crate) fn parse(mut args: lexopt::Parser) -> Result<Option<Self>, lexopt::Error> {
        let mut input = None;
        let mut options = Self { input: String::new(), output: None, format: None };
        while let Some(arg) = args.next()? {
            match arg {
                Short('o') | Long("output") => options.output = Some(args.value()?.string()?),
                Long("format") => {
                    let word = args.value()?.string()?;
                    let wrong = || format!("--format {word:?}: must be jsonl or csv");
                    options.format = Some(Format::from_word(&word).ok_or_else(wrong)?);
                }
                Short('h') | Long("help") => return Ok(None),
                Value(file) if input.is_none() => input = Some(file.string()?),
                arg => return Err(arg.unexpected()),
            }
        }
        options.input = input.unwrap_or_else(|| "-".into());
        Ok(Some(options))
    }

    /// Opens both files, if they are two.
    pub(crate) fn open<'a>(&self, stop: &'a Stop) -> Result<Opened<'a>, Failure> {
        let called = files::called(&self.input);
        let file = files::input(&self.input).map_err(|e| Failure::at(called, &e))?;
        output::apart(&self.input, &file, self.output.as_deref())?;
        let to = self.output.as_deref().unwrap_or("<stdout>");
        let out = OutFile::create(self.output.as_deref()).map_err(|e| Failure::at(to, &e))?;
        Ok(Opened { source: Source::file(file, stop), out })
    }
}

/// An input and an output.
pub(crate) struct Opened<'a> {
    pub(crate) source: Source<'a>,
    pub(crate) out: OutFile,
}

/// Runs the subcommand with the arguments that follow its name.
pub(crate) fn run(args: lexopt::Parser) -> Outcome {
    match Options::parse(args) {
        Ok(Some(options)) => encode(&options),
        Ok(None) => cli::say(HELP),
        Err(error) => Ok(files::usage("encode", &error)),
    }
}

fn encode(options: &Options) -> Outcome {
    let name = options.input.as_str();
    let called = files::called(name);
    let stop = Stop::new().map_err(|e| Failure::Error(format!("cannot start: {e}")))?;
    stop.on_signals();
    let opened = options.open(&stop)?;
    let (found, whole) = match recognise(opened.source) {
        Ok(known) => known,
        Err(error) if is_stop(&error) => return Ok(host::exit_code_of_signal()),
        Err(error) => return Ok(files::failed(called, &error)),
    };
    if options.format.is_none() && found == InputFormat::Records {
        files::complain(&format!("{called}: binary records already; vvp decode turns them into text"));
        return Ok(ExitCode::FAILURE);
    }
    let to = options.output.as_deref().unwrap_or("<stdout>");
    let mut out = LineWriter::new(opened.out);
    let mut input = Input::new(whole, options.format.map_or(found, InputFormat::Text), MAX_INSTRUMENTS);
    let mut complaints = files::Complaints::about(name);
    let mut wrote = out.write_all(&RecordKind::Commands.header());
    while wrote.is_ok() {
        let put = |command: Command| {
            let record = out.line(RECORD, |bytes| {
                bytes.copy_from_slice(command.as_bytes());
                RECORD
            });
            if record.is_err() && wrote.is_ok() {
                wrote = record;
            }
        };
        match input.step(put) {
            Ok(Step::End) => break,
            Ok(Step::Bad(bad)) => complaints.add(&bad),
            Ok(_) => {}
            Err(InputError::Io(error)) if is_stop(&error) => return Ok(host::exit_code_of_signal()),
            Err(error) => {
                files::complain(&format!("{called}:{error}"));
                let _ = out.flush(); // the error above is the one to tell
                return Ok(ExitCode::FAILURE);
            }
        }
    }
    if let Err(error) = wrote.and_then(|()| LineWriter::flush(&mut out)) {
        return Ok(files::failed(to, &error));
    }
    if input.lines() == 0 {
        files::complain(&format!("{called}: empty: no command in it"));
        return Ok(ExitCode::FAILURE);
    }
    match out.into_inner().commit() {
        Ok(()) => Ok(complaints.finish()),
        Err(error) => Ok(files::failed(to, &error)),
    }
}
