//! Reads commands from any reader, in any format.

use super::decode::{DecodeError, Decoder};
use super::fault::BadLine;
use super::line_reader::{Line, LineReader};
use super::record_file::{RecordDecoder, RecordError, RecordKind, RecordReader};
use super::refused::EdgeRefusals;
use super::{Format, InputFormat};
use std::io::{self, Read};
use vvp_core::book::Command;

/// Reason why the rest of an input cannot be read. Displays as text to follow a file name and `:`.
#[derive(Debug)]
#[non_exhaustive]
pub enum InputError {
    /// An error of the reader.
    Io(io::Error),
    /// The header of a CSV file names an unknown column, or one twice.
    Header(BadLine),
    /// The file of records is damaged, or is not one.
    Records(RecordError),
}

impl core::fmt::Display for InputError {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        match self {
            Self::Io(error) => write!(f, " cannot read: {error}"),
            Self::Header(bad) => write!(f, "{bad} (in the header, so no line can be read)"),
            Self::Records(error) => write!(f, " {error}"),
        }
    }
}

impl core::error::Error for InputError {}

/// Result of one step over the input.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub enum Step {
    /// A line or record was read; its commands were emitted (none for an empty line or a header).
    Read,
    /// A line or record was read that is not a command, for this reason; its refusal was emitted.
    Bad(BadLine),
    /// There is no more.
    End,
}

#[derive(Debug)]
enum Source<R> {
    Text(LineReader<R>, Box<Decoder>),
    Records(RecordReader<R>, RecordDecoder, bool),
}

/// A stream of commands from any reader, a line or record at a time.
///
/// ```
/// use vvpx::text::{Format, Input, InputFormat, Step};
/// let text = "{\"op\":\"time\",\"ts\":5}\n{\"op\":\"nonsense\"}\n";
/// let mut input = Input::new(text.as_bytes(), InputFormat::Text(Format::Jsonl), 16);
/// let mut commands = Vec::new();
/// loop {
///     match input.step(|command| commands.push(command))? {
///         Step::End => break,
///         Step::Bad(bad) => eprintln!("orders.jsonl:{bad}"),
///         _ => {}
///     }
/// }
/// assert_eq!(commands.len(), 2); // the time and the refusal
/// assert_eq!(input.bad(), 1); // so the process is to exit 1
/// # Ok::<(), vvpx::text::InputError>(())
/// ```
#[derive(Debug)]
pub struct Input<R>(Source<R>);

impl<R: Read> Input<R> {
    /// Creates an input with room for `max_instruments` (1 to 65,536). Text lines have at most
    /// [`MAX_LINE`](super::MAX_LINE) bytes.
    pub fn new(read: R, format: InputFormat, max_instruments: usize) -> Self {
        Self(match format {
            InputFormat::Text(format) => Self::text(LineReader::new(read), format, max_instruments),
            InputFormat::Records => {
                Source::Records(RecordReader::new(read), RecordDecoder::new(max_instruments), false)
            }
        })
    }

    fn text(lines: LineReader<R>, format: Format, max_instruments: usize) -> Source<R> {
        Source::Text(lines, Box::new(Decoder::new(format, max_instruments)))
    }

    /// Reads one line or record and gives `emit` its commands.
    ///
    /// # Errors
    /// [`InputError`] if the rest of the input cannot be read.
    #[inline]
    pub fn step(&mut self, emit: impl FnMut(Command)) -> Result<Step, InputError> {
        match &mut self.0 {
            Source::Text(lines, decoder) => {
                let max = lines.max_line();
                let read = match lines.next_line().map_err(InputError::Io)? {
                    Some(Line::Text(line)) => decoder.line(line, emit),
                    Some(Line::TooLong) => Err(decoder.too_long(max, emit)),
                    None => return Ok(Step::End),
                };
                match read {
                    Ok(()) => Ok(Step::Read),
                    Err(DecodeError::BadLine(bad)) => Ok(Step::Bad(bad)),
                    Err(DecodeError::Header(bad)) => Err(InputError::Header(bad)),
                }
            }
            Source::Records(records, decoder, headed) => {
                if !*headed {
                    match records.kind().map_err(InputError::Records)? {
                        RecordKind::Commands => *headed = true,
                        kind => return Err(InputError::Records(RecordError::WrongKind(kind))),
                    }
                }
                match records.next_record().map_err(InputError::Records)? {
                    None => Ok(Step::End),
                    Some(record) => Ok(decoder.record(record, emit).map_or_else(Step::Bad, |()| Step::Read)),
                }
            }
        }
    }

    /// Gives `emit` the definition of `X` if the input defined no instrument. Call it after
    /// [`Step::End`], so that there is a book to read.
    pub fn finish(&mut self, emit: impl FnMut(Command)) {
        match &mut self.0 {
            Source::Text(_, decoder) => decoder.finish(emit),
            Source::Records(_, decoder, _) => decoder.finish(emit),
        }
    }

    /// Returns whether the next step needs no read: if it does, it may block, and buffered output
    /// should be flushed first.
    #[inline]
    pub fn is_buffered(&mut self) -> bool {
        match &mut self.0 {
            Source::Text(lines, _) => lines.has_line(),
            Source::Records(records, ..) => records.has_record(),
        }
    }

    /// Returns the number of bad lines or records so far. If there was one, the process exits with
    /// 1 at the end.
    pub fn bad(&self) -> u64 {
        match &self.0 {
            Source::Text(_, decoder) => decoder.bad_lines(),
            Source::Records(_, decoder, _) => decoder.bad_records(),
        }
    }

    /// Returns the number of lines so far, empty ones and a CSV header included; or of records,
    /// without their header.
    pub fn lines(&self) -> u64 {
        match &self.0 {
            Source::Text(_, decoder) => decoder.lines(),
            Source::Records(_, decoder, _) => decoder.records(),
        }
    }

    /// Returns the first refusals of the edge so far; none for records, which were refused when
    /// they were encoded.
    pub fn refused(&self) -> EdgeRefusals {
        match &self.0 {
            Source::Text(_, decoder) => decoder.refused(),
            Source::Records(..) => EdgeRefusals::default(),
        }
    }

    /// Returns the number of instruments defined so far.
    pub fn instruments(&self) -> usize {
        match &self.0 {
            Source::Text(_, decoder) => decoder.instruments(),
            Source::Records(_, decoder, _) => decoder.instruments(),
        }
    }
}
