//! `vvpx encode`: converts commands as text into binary records.

use crate::args::Encode;
use crate::commands::host;
use crate::diagnostic::{Diagnostic, Outcome, Place};
use crate::io::files;
use crate::io::output::{self, OutFile};
use crate::io::source::input_failed;
use std::io::Write;
use vvp_core::book::Command;
use vvp_std_adapter::pipeline::{Source, Stop, is_stop};
use vvpx::text::{Format, Input, InputError, InputFormat, LineWriter, RECORD, RecordKind, Step, recognise};
use zerocopy::IntoBytes;

/// Maximum number of instruments that one file can define: the range of the 16-bit index.
pub(crate) const MAX_INSTRUMENTS: usize = 1 << 16;

/// The arguments of `encode` and `decode`, which are the same.
#[derive(Debug)]
pub(crate) struct Options {
    pub(crate) input: String,
    pub(crate) output: Option<String>,
    /// Format of the text, if given.
    pub(crate) format: Option<Format>,
}

impl Options {
    /// Opens both files; they must be different files.
    pub(crate) fn open<'a>(&self, stop: &'a Stop) -> Result<Opened<'a>, Diagnostic> {
        let at = |name: &str| Place::File(name.into());
        let file = files::input(&self.input).map_err(|e| Diagnostic::io(at(files::called(&self.input)), &e))?;
        output::apart(&self.input, &file, self.output.as_deref())?;
        let out = OutFile::create(self.output.as_deref()).map_err(|e| Diagnostic::io(at(self.to()), &e))?;
        Ok(Opened { source: Source::file(file, stop), out })
    }

    /// Returns the name of the output in messages.
    pub(crate) fn to(&self) -> &str {
        self.output.as_deref().filter(|name| *name != "-").unwrap_or(files::STDOUT)
    }
}

/// An input and an output.
pub(crate) struct Opened<'a> {
    pub(crate) source: Source<'a>,
    pub(crate) out: OutFile,
}

pub(crate) fn run(asked: Encode) -> Outcome {
    encode(&Options { input: asked.file, output: asked.output, format: asked.format })
}

fn encode(options: &Options) -> Outcome {
    let name = options.input.as_str();
    let called = files::called(name);
    let stop = host::stop_on_signals()?;
    let opened = options.open(&stop)?;
    let (found, whole) = match recognise(opened.source) {
        Ok(known) => known,
        Err(error) if is_stop(&error) => return Ok(host::exit_code_of_signal()),
        Err(error) => return Err(Diagnostic::io(Place::File(called.into()), &error)),
    };
    if options.format.is_none() && found == InputFormat::Records {
        return Err(Diagnostic::error("the input is binary records already")
            .in_file(called)
            .remedy("vvpx decode turns them into text"));
    }
    let mut out = LineWriter::new(opened.out);
    let mut input = Input::new(whole, options.format.map_or(found, InputFormat::Text), MAX_INSTRUMENTS);
    let mut complaints = files::Complaints::about("encode", name);
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
            Ok(Step::Bad(bad)) => complaints.add(&bad.reason(), |file| Place::Line(file, bad.line)),
            Ok(_) => {}
            Err(InputError::Io(error)) if is_stop(&error) => return Ok(host::exit_code_of_signal()),
            Err(error) => {
                let _ = out.flush(); // the input's error is the one to report
                return Err(input_failed(called, &error));
            }
        }
    }
    if let Err(error) = wrote.and_then(|()| LineWriter::flush(&mut out)) {
        return output::failed(options.to(), &error);
    }
    if input.lines() == 0 {
        return Err(Diagnostic::error("the input is empty: no command in it").in_file(called));
    }
    match out.into_inner().commit() {
        Ok(()) => Ok(complaints.finish()),
        Err(error) => output::failed(options.to(), &error),
    }
}
