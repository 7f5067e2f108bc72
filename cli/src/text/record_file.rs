//! Files of binary records: a header record, then commands or events of 64 bytes each
//! (`docs/records.md`).

use super::fault::{BadLine, Why};
use super::field::{Field, word};
use super::symbols::Symbols;
use std::io::{self, Read};
use vvp_core::book::{Command, Op, Refusal, Reject};

/// Bytes of every record, the header included.
pub const RECORD: usize = 64;

const _: () = assert!(Command::SIZE == RECORD && vvp_core::book::Event::SIZE == RECORD);

/// Kind of the records of a file.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum RecordKind {
    /// [`Command`]s.
    Commands,
    /// [`vvp_core::book::Event`]s.
    Events,
    /// Events of version 1, for [`vvp_core::book::Event::from_record_v1`].
    EventsV1,
}

impl RecordKind {
    /// Every kind that can be read.
    pub const ALL: [Self; 3] = [Self::Commands, Self::Events, Self::EventsV1];

    const fn magic(self) -> &'static [u8; 8] {
        match self {
            Self::Commands => b"VVPCMD1\n",
            Self::Events => b"VVPEVT2\n",
            Self::EventsV1 => b"VVPEVT1\n",
        }
    }

    /// Returns the first record of a file: 8 bytes for the kind and the version, then zeros.
    #[must_use]
    pub fn header(self) -> [u8; RECORD] {
        let mut header = [0; RECORD];
        header[..8].copy_from_slice(self.magic());
        header
    }

    fn of_header(header: &[u8; RECORD]) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.header() == *header)
    }
}

/// Reason why the rest of a record file cannot be read. Displays as text to follow a file name and
/// `: `.
#[derive(Debug)]
#[non_exhaustive]
pub enum RecordError {
    /// The file does not begin with a header record of this version.
    NotRecords,
    /// The file ends inside the record that starts at this byte.
    Truncated {
        /// Offset of the record.
        offset: u64,
        /// Number of its bytes that the file has.
        got: usize,
    },
    /// Commands where events are expected, or the reverse.
    WrongKind(RecordKind),
    /// An error of the reader.
    Io(io::Error),
}

impl RecordError {
    /// Returns the offset of the record that cannot be read.
    #[must_use]
    pub const fn offset(&self) -> u64 {
        match self {
            Self::Truncated { offset, .. } => *offset,
            _ => 0,
        }
    }

    /// Returns what is wrong, without the place.
    #[must_use]
    pub fn reason(&self) -> impl core::fmt::Display + '_ {
        Reason(self)
    }
}

struct Reason<'a>(&'a RecordError);

impl core::fmt::Display for Reason<'_> {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        match self.0 {
            RecordError::NotRecords => f.write_str(
                "not a file of vvp records (it must begin with VVPCMD1, VVPEVT2 or VVPEVT1); is it text? \
                 then drop --format bin",
            ),
            RecordError::Truncated { got, .. } => {
                write!(f, "truncated: a record has {RECORD} bytes and only {got} are there")
            }
            RecordError::WrongKind(RecordKind::Commands) => f.write_str("records of commands, not of events"),
            RecordError::WrongKind(RecordKind::Events | RecordKind::EventsV1) => {
                f.write_str("records of events, not of commands")
            }
            RecordError::Io(error) => write!(f, "cannot read: {error}"),
        }
    }
}

impl core::fmt::Display for RecordError {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        if !matches!(self, Self::Io(_)) {
            write!(f, "byte {}: ", self.offset())?;
        }
        self.reason().fmt(f)
    }
}

impl core::error::Error for RecordError {}

impl From<io::Error> for RecordError {
    fn from(error: io::Error) -> Self {
        Self::Io(error)
    }
}

const BUFFER: usize = 1024 * RECORD;

/// Reads the records of a file in constant memory.
#[derive(Debug)]
pub struct RecordReader<R> {
    read: R,
    buf: Box<[u8]>,
    start: usize,
    end: usize,
    /// File offset of `start`.
    offset: u64,
    at_end: bool,
}

impl<R: Read> RecordReader<R> {
    /// Creates a reader of a file from its first byte on; nothing is read yet.
    pub fn new(read: R) -> Self {
        let buf = vec![1; BUFFER].into_boxed_slice(); // 1: touched now, not later
        Self { read, buf, start: 0, end: 0, offset: 0, at_end: false }
    }

    /// Reads the header and returns what the records are.
    ///
    /// # Errors
    /// [`RecordError`] if there is no header or it cannot be read.
    pub fn kind(&mut self) -> Result<RecordKind, RecordError> {
        match self.next_record().map(|header| header.copied()) {
            Ok(Some(header)) => RecordKind::of_header(&header).ok_or(RecordError::NotRecords),
            Ok(None) => Err(RecordError::NotRecords),
            Err(RecordError::Truncated { .. }) if !self.looks_right() => Err(RecordError::NotRecords),
            Err(error) => Err(error),
        }
    }

    /// Returns whether the first bytes, fewer than a record, could become a header.
    fn looks_right(&self) -> bool {
        let got = &self.buf[self.start..self.end];
        RecordKind::ALL.iter().any(|kind| kind.header().starts_with(got))
    }

    /// Returns whether the next record is buffered.
    pub fn has_record(&self) -> bool {
        self.end - self.start >= RECORD || self.at_end
    }

    /// Returns the next record; `None` at the end.
    ///
    /// # Errors
    /// [`RecordError::Truncated`] if the file ends inside it; errors of the reader.
    #[inline]
    pub fn next_record(&mut self) -> Result<Option<&[u8; RECORD]>, RecordError> {
        while self.end - self.start < RECORD {
            if self.at_end {
                let got = self.end - self.start;
                return if got == 0 { Ok(None) } else { Err(RecordError::Truncated { offset: self.offset, got }) };
            }
            self.fill()?;
        }
        let record = &self.buf[self.start..];
        self.start += RECORD;
        self.offset += RECORD as u64;
        Ok(record.first_chunk())
    }

    #[cold]
    fn fill(&mut self) -> io::Result<()> {
        self.buf.copy_within(self.start..self.end, 0);
        self.end -= self.start;
        self.start = 0;
        let got = loop {
            match self.read.read(&mut self.buf[self.end..]) {
                Err(e) if e.kind() == io::ErrorKind::Interrupted => {}
                got => break got?,
            }
        };
        self.end += got;
        self.at_end = got == 0;
        Ok(())
    }
}

/// Turns the records of one file of commands into [`Command`]s, with the same results as the text
/// [`Decoder`](super::Decoder): a record that is not a command, or defines an instrument wrongly,
/// gives its refusal with the number of its record as the line; the first command that needs an
/// instrument when none is defined gives the definition of `X` first.
#[derive(Debug)]
pub struct RecordDecoder {
    symbols: Symbols,
    records: u64,
    bad_records: u64,
}

impl RecordDecoder {
    /// Creates a decoder for a whole file from its first record after the header, with room for
    /// `max_instruments` (1 to 65,536).
    #[must_use]
    pub fn new(max_instruments: usize) -> Self {
        Self { symbols: Symbols::new(max_instruments), records: 0, bad_records: 0 }
    }

    /// Returns the number of records so far, without the header.
    #[must_use]
    pub fn records(&self) -> u64 {
        self.records
    }

    /// Returns the number of records so far that were not commands, or carry the refusal of a bad
    /// line.
    #[must_use]
    pub fn bad_records(&self) -> u64 {
        self.bad_records
    }

    /// Returns the number of instruments defined so far.
    #[must_use]
    pub fn instruments(&self) -> usize {
        self.symbols.len()
    }

    /// Decodes the next record and gives `emit` its 1 or 2 commands.
    ///
    /// # Errors
    /// [`BadLine`] if the record is not a command; `emit` got the refusal.
    #[inline]
    pub fn record(&mut self, bytes: &[u8; RECORD], mut emit: impl FnMut(Command)) -> Result<(), BadLine> {
        self.records += 1;
        let checked = match Command::from_record(bytes) {
            Ok(command) => self.check(&command, &mut emit).map(|()| command),
            Err(bad) => Err((None, Why::NotARecord(bad))),
        };
        match checked {
            Ok(command) => {
                emit(command);
                Ok(())
            }
            Err((field, why)) => {
                self.bad_records += 1;
                let line = Some(self.records);
                let refusal =
                    Refusal { reason: Reject::BadField, id: None, edge_ref: line, instrument: None, ts: None };
                emit(Command::refused(&refusal));
                Err(BadLine { line: self.records, field, why })
            }
        }
    }

    /// Gives `emit` the definition of `X` if no record defined an instrument. Call it at the end,
    /// so that there is a book to read.
    pub fn finish(&mut self, emit: impl FnMut(Command)) {
        self.symbols.define_x().into_iter().for_each(emit);
    }

    #[inline]
    fn check(&mut self, command: &Command, emit: &mut impl FnMut(Command)) -> Result<(), (Option<Field>, Why)> {
        match command.op() {
            Op::Instrument => self.define(command),
            Op::Refused => {
                self.bad_records += u64::from(command.refusal().is_some_and(|r| r.edge_ref.is_some()));
                Ok(())
            }
            Op::Time | Op::Limits => Ok(()),
            _ => {
                if let Some(x) = self.symbols.define_x() {
                    emit(x);
                }
                Ok(())
            }
        }
    }

    fn define(&mut self, command: &Command) -> Result<(), (Option<Field>, Why)> {
        let Some(spec) = command.instrument_spec() else { return Ok(()) };
        let next = self.symbols.len();
        let bad = |field, why| Err((Some(field), why));
        if spec.min_price.zip(spec.max_price).is_some_and(|(min, max)| min > max) {
            return bad(Field::MinPrice, Why::MinAboveMax);
        }
        if self.symbols.find(word(spec.symbol.as_str().as_bytes())).is_some() {
            return bad(Field::Symbol, Why::DefinedTwice);
        }
        if next == self.symbols.max() {
            return bad(Field::Symbol, Why::TooManyInstruments(next));
        }
        if usize::from(command.instrument_id().get()) != next {
            return Err((None, Why::InstrumentOrder { want: next }));
        }
        self.symbols.define(spec.symbol, spec.tick);
        Ok(())
    }
}
