//! The text format: lines of commands in, lines of events out (`docs/text-format.md`), and files of
//! binary records (`docs/records.md`).
//!
//! [`Input`] reads commands in any format from anything that reads; [`LineReader`] and [`Decoder`],
//! [`RecordReader`] and [`RecordDecoder`] are its parts. [`EventWriter`], [`CommandWriter`],
//! [`feed_line`] and [`write_book`] print. Nothing here allocates after construction, and no input
//! makes it panic.
//!
//! The JSON here is read and written by hand, unlike the tool's summaries, which go through serde:
//! these lines are on the path of every order. A command is one flat object of known fields, so
//! that the reader needs no tree, no copy of a string and no allocation; prices are decimals of any
//! length and go to whole ticks exactly; a refused line is reported with the byte that is wrong;
//! and a line that is written is the same to the byte in every version. `serde_json` is the oracle
//! of the tests.

mod book_line;
mod command_writer;
mod csv;
mod decimal;
mod decode;
mod event_writer;
mod fault;
mod feed_writer;
mod field;
mod input;
mod json;
mod line_reader;
mod line_writer;
mod recognise;
mod record_file;
mod refused;
mod string;
mod symbols;
mod values;

pub use book_line::write_book;
pub use command_writer::CommandWriter;
pub use decode::{DecodeError, Decoder};
pub use event_writer::{EVENT_LINE_MAX, EventWriter};
pub use fault::{BadLine, Why};
pub use feed_writer::{FEED_LINE_MAX, feed_line};
pub use field::Field;
pub use input::{Input, InputError, Step};
pub use line_reader::{Line, LineReader, MAX_LINE};
pub use line_writer::LineWriter;
pub use recognise::{Whole, recognise};
pub use record_file::{RECORD, RecordDecoder, RecordError, RecordKind, RecordReader};
pub use refused::{EdgeRefusals, OffTick};

/// Text format of commands or events.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum Format {
    /// One JSON object a line.
    #[default]
    Jsonl,
    /// Comma-separated columns under a header.
    Csv,
}

impl Format {
    /// Returns the format of this name on the command line.
    #[must_use]
    pub fn from_word(word: &str) -> Option<Self> {
        match word {
            "jsonl" => Some(Self::Jsonl),
            "csv" => Some(Self::Csv),
            _ => None,
        }
    }
}

/// Format of the command input.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum InputFormat {
    /// Lines of text.
    Text(Format),
    /// 64-byte records after a header record.
    Records,
}

impl InputFormat {
    /// Returns the format of this name on the command line.
    #[must_use]
    pub fn from_word(word: &str) -> Option<Self> {
        if word == "bin" { Some(Self::Records) } else { Format::from_word(word).map(Self::Text) }
    }
}

impl Default for InputFormat {
    fn default() -> Self {
        Self::Text(Format::Jsonl)
    }
}
