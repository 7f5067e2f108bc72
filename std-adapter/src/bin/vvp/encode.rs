//! `vvp encode`: commands as text into binary records.

use crate::files;
use lexopt::prelude::*;
use std::io::Write;
use std::process::ExitCode;
use vvp_core::book::Command;
use vvp_std_adapter::text::{Format, Input, InputFormat, LineWriter, RECORD, RecordKind, Step};
use zerocopy::IntoBytes;

const HELP: &str = "\
vvp encode [FILE|-] [-o OUT] [--format jsonl|csv]
    Turns commands as text into 64-byte binary records. A bad line becomes a record of its refusal, is named on
    standard error, and makes the exit code 1.
    FILE          the commands; standard input if it is - or left out
    -o OUT        where the records go; standard output if left out
    --format F    of the text: jsonl (the default) or csv
";

/// Instruments that one file can define: as many as an index can name.
pub(crate) const MAX_INSTRUMENTS: usize = 1 << 16;

/// What `encode` and `decode` are told; they take the same arguments.
#[derive(Debug)]
pub(crate) struct Options {
    pub(crate) input: String,
    pub(crate) output: Option<String>,
    pub(crate) format: Format,
}

impl Options {
    /// `None` if only the help was asked for, which is then printed.
    pub(crate) fn parse(mut args: lexopt::Parser, help: &str) -> Result<Option<Self>, lexopt::Error> {
        let mut input = None;
        let mut options = Self { input: String::new(), output: None, format: Format::Jsonl };
        while let Some(arg) = args.next()? {
            match arg {
                Short('o') | Long("output") => options.output = Some(args.value()?.string()?),
                Long("format") => {
                    let word = args.value()?.string()?;
                    options.format =
                        Format::from_word(&word).ok_or_else(|| format!("--format {word:?}: must be jsonl or csv"))?;
                }
                Short('h') | Long("help") => {
                    print!("{help}");
                    return Ok(None);
                }
                Value(file) if input.is_none() => input = Some(file.string()?),
                arg => return Err(arg.unexpected()),
            }
        }
        options.input = input.unwrap_or_else(|| "-".into());
        Ok(Some(options))
    }
}

/// Runs the subcommand with the arguments that follow its name.
pub(crate) fn run(args: lexopt::Parser) -> ExitCode {
    match Options::parse(args, HELP) {
        Ok(Some(options)) => encode(&options),
        Ok(None) => ExitCode::SUCCESS,
        Err(error) => files::usage("encode", &error),
    }
}

fn encode(options: &Options) -> ExitCode {
    let name = options.input.as_str();
    let file = match files::open(name) {
        Ok(file) => file,
        Err(error) => return files::failed(files::called(name), &error),
    };
    let to = options.output.as_deref().unwrap_or("<stdout>");
    let mut out = match files::create(options.output.as_deref()) {
        Ok(out) => LineWriter::new(out),
        Err(error) => return files::failed(to, &error),
    };
    let mut input = Input::new(file, InputFormat::Text(options.format), MAX_INSTRUMENTS);
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
            Err(error) => {
                eprintln!("{}:{error}", files::called(name));
                let _ = out.flush(); // the error above is the one to tell
                return ExitCode::FAILURE;
            }
        }
    }
    if let Err(error) = wrote.and_then(|()| LineWriter::flush(&mut out)) {
        return files::failed(to, &error);
    }
    if input.lines() == 0 {
        eprintln!("{}: empty: no command in it", files::called(name));
        return ExitCode::FAILURE;
    }
    complaints.finish()
}
