//! `vvpx decode`: converts binary records of commands or events into text.

use crate::args::Decode;
use crate::commands::encode::{MAX_INSTRUMENTS, Options};
use crate::commands::host;
use crate::commands::market_data;
use crate::diagnostic::{Diagnostic, Outcome, Place};
use crate::io::files::{self, Complaints};
use crate::io::output::{self, OutFile};
use crate::io::source::records_failed;
use std::io::{self, Cursor, Read, Write};
use vvp_core::book::{Command, Event, EventKind};
use vvp_std_adapter::pipeline::is_stop;
use vvpx::text::{
    CommandWriter, EVENT_LINE_MAX, EventWriter, Format, LineWriter, RECORD, RecordDecoder, RecordError, RecordKind,
    RecordReader, Whole, recognise,
};

pub(crate) fn run(asked: Decode) -> Outcome {
    decode(&Options { input: asked.file, output: asked.output, format: asked.format })
}

/// Reason why a run ended early.
pub(crate) enum Ended {
    Input(RecordError),
    /// The start of the input cannot be read.
    Read(io::Error),
    Output(io::Error),
    Usage(Diagnostic),
}

impl From<RecordError> for Ended {
    fn from(error: RecordError) -> Self {
        Self::Input(error)
    }
}

impl From<io::Error> for Ended {
    fn from(error: io::Error) -> Self {
        Self::Output(error)
    }
}

type Records<'a> = RecordReader<Whole<'a>>;
type Out = LineWriter<OutFile>;

fn decode(options: &Options) -> Outcome {
    let name = options.input.as_str();
    let called = files::called(name);
    let stop = host::stop_on_signals()?;
    let opened = options.open(&stop)?;
    let mut complaints = Complaints::about("decode", name);
    let mut out = LineWriter::new(opened.out);
    let decoded = recognise(opened.source).map_err(Ended::Read).and_then(|(_, mut whole)| {
        let head = market_data::head(&mut whole).map_err(Ended::Read)?;
        let feed = market_data::is_feed(&head);
        let mut records = RecordReader::new(Box::new(Cursor::new(head).chain(whole)) as Whole<'_>);
        let format = options.format.unwrap_or_default();
        if feed {
            if format == Format::Csv {
                let what = "market data is written as jsonl only";
                return Err(Ended::Usage(Diagnostic::usage(what).argument("--format csv").remedy("leave it out")));
            }
            return market_data::lines(&mut records, &mut out, &mut complaints);
        }
        match records.kind()? {
            RecordKind::Commands => commands(&mut records, format, &mut out, &mut complaints),
            kind => events(kind, &mut records, format, &mut out, &mut complaints),
        }
    });
    // Records before an error are written: whole lines only.
    let written = LineWriter::flush(&mut out);
    match decoded {
        Err(Ended::Input(RecordError::Io(error)) | Ended::Read(error)) if is_stop(&error) => {
            return Ok(host::exit_code_of_signal());
        }
        Err(Ended::Input(error)) => return Err(records_failed(called, &error)),
        Err(Ended::Read(error)) => return Err(Diagnostic::io(Place::File(called.into()), &error)),
        Err(Ended::Output(error)) => return output::failed(options.to(), &error),
        Err(Ended::Usage(failure)) => return Err(failure),
        Ok(()) => {}
    }
    match written.and_then(|()| out.into_inner().commit()) {
        Ok(()) => Ok(complaints.finish()),
        Err(error) => output::failed(options.to(), &error),
    }
}

fn commands(
    records: &mut Records<'_>,
    format: Format,
    out: &mut Out,
    complaints: &mut Complaints<'_>,
) -> Result<(), Ended> {
    let mut decoder = RecordDecoder::new(MAX_INSTRUMENTS);
    let mut writer = CommandWriter::new(format, MAX_INSTRUMENTS);
    writer.start(out)?;
    while let Some(record) = records.next_record()? {
        let mut wrote = Ok(());
        let write = |command: Command| {
            if wrote.is_ok() {
                wrote = writer.write(&command, out);
            }
        };
        if let Err(bad) = decoder.record(record, write) {
            complaints.add(&bad.reason(), |file| Place::Record(file, bad.line));
        }
        wrote?;
    }
    Ok(writer.finish(out)?)
}

fn events(
    kind: RecordKind,
    records: &mut Records<'_>,
    format: Format,
    out: &mut Out,
    complaints: &mut Complaints<'_>,
) -> Result<(), Ended> {
    let mut writer = EventWriter::new(format, MAX_INSTRUMENTS);
    out.write_all(writer.header().as_bytes())?;
    let mut offset = 0;
    while let Some(record) = records.next_record()? {
        offset += RECORD as u64;
        let read = if kind == RecordKind::EventsV1 { Event::from_record_v1 } else { Event::from_record };
        let event = match read(record) {
            Ok(event) => event,
            Err(bad) => {
                complaints.add(&bad, |file| Place::Byte(file, offset));
                continue;
            }
        };
        // Sequence numbers have no gaps, so a lost record is detected.
        if event.kind() != EventKind::Defined && event.seq_low() != writer.seq().wrapping_add(1) as u32 {
            let (want, got) = (writer.seq() + 1, event.seq_low());
            let what = format!("event {got} where event {want} should be, records are missing");
            complaints.add(&what, |file| Place::Byte(file, offset));
            return Ok(());
        }
        out.line(EVENT_LINE_MAX, |line| writer.line(&event, line))?;
    }
    Ok(())
}
