//! Input of the pipeline: commands in any format from a file, a pipe or memory; bad lines are
//! reported.

use crate::diagnostic::{Diagnostic, Place};
use crate::io::files::{self, Complaints};
use crate::io::output;
use std::io::{self, Read};
use std::process::ExitCode;
use vvp_core::book::{Command, CountSink};
use vvp_core::engine::Matcher;
use vvp_std_adapter::pipeline::{self, Progress, Source, Stop};
use vvpx::text::{EdgeRefusals, Input, InputError, InputFormat, RecordError, Step, Whole, Why, recognise};

/// The commands of a file. Bad lines are reported on standard error as they come.
pub(crate) struct CommandFile<'a> {
    input: Input<Whole<'a>>,
    name: &'a str,
    complaints: Complaints<'a>,
    /// Whether the file has no bytes.
    empty: bool,
    /// Instruments for which the engine had no room.
    without_room: u64,
}

impl<'a> CommandFile<'a> {
    /// Opens `name`, or standard input for `-`. Without a `format` it is detected from the first
    /// bytes.
    pub(crate) fn open(
        sub: &'static str,
        name: &'a str,
        format: Option<InputFormat>,
        max_instruments: usize,
        stop: &'a Stop,
        progress: Option<&'a Progress>,
    ) -> Result<Self, Diagnostic> {
        let failed = |e: io::Error| Diagnostic::io(Place::File(files::called(name).into()), &e);
        let file = files::input(name).map_err(failed)?;
        output::apart(name, &file, None)?;
        let empty = name != "-" && file.metadata().is_ok_and(|m| m.is_file() && m.len() == 0);
        let mut source = Source::file(file, stop);
        if let Some(progress) = progress {
            source = source.watched(progress);
        }
        let (found, whole): (_, Whole<'a>) = match recognise(source) {
            Ok(known) => known,
            // The run reports it when it reads, like any later error.
            Err(e) => (InputFormat::default(), Box::new(Broken(Some(e)))),
        };
        let input = Input::new(whole, format.unwrap_or(found), max_instruments);
        let name = files::called(name);
        Ok(Self { input, name, complaints: Complaints::about(sub, name), empty, without_room: 0 })
    }

    /// Reads `source`, called `name` in messages.
    pub(crate) fn new(
        sub: &'static str,
        source: Source<'a>,
        name: &'a str,
        format: InputFormat,
        max_instruments: usize,
        progress: Option<&'a Progress>,
    ) -> Self {
        let source = match progress {
            Some(progress) => source.watched(progress),
            None => source,
        };
        let name = files::called(name);
        let input = Input::new(Box::new(source) as Whole<'a>, format, max_instruments);
        Self { input, name, complaints: Complaints::about(sub, name), empty: false, without_room: 0 }
    }

    /// Returns the error for an input that cannot be read on.
    pub(crate) fn failure(&self, error: &InputError) -> Diagnostic {
        input_failed(self.name, error)
    }

    /// Returns the error for a file without a single byte: most likely the wrong name was given, or
    /// the program that was to write the file has failed. Standard input may well be empty.
    pub(crate) fn emptiness(&self) -> Option<Diagnostic> {
        self.empty.then(|| Diagnostic::error("the file is empty").in_file(self.name).remedy("check the name"))
    }

    /// Defines `X` if the file defined no instrument, so that there is a book to read.
    pub(crate) fn finish(&mut self, matcher: &mut impl Matcher) {
        self.input.finish(|command| matcher.apply(&command, &mut CountSink::default()));
    }

    /// Returns the first refusals of the edge.
    pub(crate) fn refused(&self) -> EdgeRefusals {
        self.input.refused()
    }

    /// Returns the number of instruments for which there was no room.
    pub(crate) const fn without_room(&self) -> u64 {
        self.without_room
    }

    /// Returns the exit code at the end, after a message with the total if there were many bad
    /// lines.
    pub(crate) fn exit_code(&self) -> ExitCode {
        self.complaints.finish()
    }
}

/// Returns the error for the input called `name` that cannot be read on.
pub(crate) fn input_failed(name: &str, error: &InputError) -> Diagnostic {
    match error {
        InputError::Io(e) => Diagnostic::io(Place::File(name.into()), e),
        InputError::Records(e) => records_failed(name, e),
        InputError::Header(bad) => {
            Diagnostic::from_text(&format!("{} (in the header, so no line can be read)", bad.reason()))
                .at(Place::Line(name.into(), bad.line))
        }
        other => Diagnostic::from_text(other.to_string().trim_start()).in_file(name),
    }
}

/// Returns the error for the file of records called `name` that cannot be read on.
pub(crate) fn records_failed(name: &str, error: &RecordError) -> Diagnostic {
    match error {
        RecordError::Io(e) => Diagnostic::io(Place::File(name.into()), e),
        error => Diagnostic::from_text(&error.reason().to_string()).at(Place::Byte(name.into(), error.offset())),
    }
}

/// A reader that returns an error at its first read.
struct Broken(Option<io::Error>);

impl Read for Broken {
    fn read(&mut self, _: &mut [u8]) -> io::Result<usize> {
        self.0.take().map_or(Ok(0), Err)
    }
}

impl pipeline::Commands for CommandFile<'_> {
    type Error = InputError;

    #[inline]
    fn step(&mut self, emit: impl FnMut(Command)) -> Result<bool, InputError> {
        match self.input.step(emit)? {
            Step::End => Ok(false),
            Step::Bad(bad) => {
                self.without_room += u64::from(matches!(bad.why, Why::TooManyInstruments(_)));
                self.complaints.add(&bad.reason(), |file| Place::Line(file, bad.line));
                Ok(true)
            }
            _ => Ok(true),
        }
    }

    fn is_stop(error: &InputError) -> bool {
        match error {
            InputError::Io(e) | InputError::Records(RecordError::Io(e)) => pipeline::is_stop(e),
            _ => false,
        }
    }

    #[inline]
    fn is_buffered(&mut self) -> bool {
        self.input.is_buffered()
    }
}
