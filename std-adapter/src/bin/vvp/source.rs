//! Input for the pipeline: commands in any format from a file, a pipe or memory, and what is said about bad ones.

use super::cli::{self, Failure, grouped};
use std::io::{self, Write};
use vvp_core::book::Command;
use vvp_std_adapter::pipeline::{self, Progress, Source, Stop};
use vvp_std_adapter::text::{BadLine, Input, InputError, InputFormat, RecordError, Step};

/// Bad lines that are explained one by one; of the rest the number is enough.
const EXPLAINED: u64 = 10;

/// The commands of a file. Bad lines are explained on standard error as they come.
pub(crate) struct CommandFile<'a> {
    input: Input<Source<'a>>,
    name: String,
    /// A file of no bytes at all.
    empty: bool,
}

impl<'a> CommandFile<'a> {
    /// Opens `name`, or standard input for `-`.
    pub(crate) fn open(
        name: &str,
        format: InputFormat,
        max_instruments: usize,
        stop: &'a Stop,
        progress: Option<&'a Progress>,
    ) -> Result<Self, Failure> {
        if name == "-" {
            let source = Source::stdin(stop).map_err(|e| Failure::at("standard input", &e))?;
            return Ok(Self::new(source, "standard input", format, max_instruments, progress));
        }
        let file = cli::open(name)?;
        let empty = file.metadata().is_ok_and(|m| m.is_file() && m.len() == 0);
        let commands = Self::new(Source::file(file, stop), name, format, max_instruments, progress);
        Ok(Self { empty, ..commands })
    }

    /// Reads `source`, called `name` in messages.
    pub(crate) fn new(
        source: Source<'a>,
        name: &str,
        format: InputFormat,
        max_instruments: usize,
        progress: Option<&'a Progress>,
    ) -> Self {
        let source = match progress {
            Some(progress) => source.watched(progress),
            None => source,
        };
        Self { input: Input::new(source, format, max_instruments), name: name.to_owned(), empty: false }
    }

    fn explain(&self, bad: &BadLine) {
        if self.input.bad() <= EXPLAINED {
            // Formatted on the stack and written at once; if nobody listens there is nobody to tell.
            let _ = writeln!(io::stderr().lock(), "vvp: {}:{bad}", self.name);
        }
    }

    /// The message for an input that cannot be read on.
    pub(crate) fn failure(&self, error: &InputError) -> Failure {
        match error {
            InputError::Io(e) | InputError::Records(RecordError::Io(e)) => Failure::at(&self.name, e),
            InputError::Header(_) => Failure::Error(format!("{}:{error}", self.name)),
            _ => Failure::Error(format!("{}:{error}", self.name)),
        }
    }

    /// The message for a file without a single byte: whoever names one has most likely named the wrong one, or the
    /// program that was to write it has failed. Standard input may well be empty.
    pub(crate) fn emptiness(&self) -> Option<Failure> {
        self.empty.then(|| Failure::Error(format!("{}: empty: no command in it; check the name", self.name)))
    }

    /// Bad lines or records, after a last word about those that were not explained.
    pub(crate) fn close(&self) -> u64 {
        let bad = self.input.bad();
        if bad > EXPLAINED {
            let _ = writeln!(
                io::stderr().lock(),
                "vvp: {}: {} bad lines in all; the first {EXPLAINED} are explained above",
                self.name,
                grouped(bad)
            );
        }
        bad
    }
}

impl pipeline::Commands for CommandFile<'_> {
    type Error = InputError;

    #[inline]
    fn step(&mut self, emit: impl FnMut(Command)) -> Result<bool, InputError> {
        match self.input.step(emit)? {
            Step::End => Ok(false),
            Step::Bad(bad) => {
                self.explain(&bad);
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
