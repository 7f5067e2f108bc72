//! `vvp decode`: binary records of commands or events into text.

use crate::encode::{MAX_INSTRUMENTS, Options};
use crate::files::{self, Complaints};
use std::io::{self, Read, Write};
use std::process::ExitCode;
use vvp_core::book::{Command, Event, EventKind};
use vvp_std_adapter::text::{
    CommandWriter, EVENT_LINE_MAX, EventWriter, Format, LineWriter, RECORD, RecordDecoder, RecordError, RecordKind,
    RecordReader,
};

const HELP: &str = "\
vvp decode [FILE|-] [-o OUT] [--format jsonl|csv]
    Turns binary records, of commands or of events, into text; the file says which they are.
    FILE          the records; standard input if it is - or left out
    -o OUT        where the text goes; standard output if left out
    --format F    of the text: jsonl (the default) or csv
";

/// Runs the subcommand with the arguments that follow its name.
pub(crate) fn run(args: lexopt::Parser) -> ExitCode {
    match Options::parse(args, HELP) {
        Ok(Some(options)) => decode(&options),
        Ok(None) => ExitCode::SUCCESS,
        Err(error) => files::usage("decode", &error),
    }
}

/// What ends the run early.
enum Failure {
    Input(RecordError),
    Output(io::Error),
}

impl From<RecordError> for Failure {
    fn from(error: RecordError) -> Self {
        Self::Input(error)
    }
}

impl From<io::Error> for Failure {
    fn from(error: io::Error) -> Self {
        Self::Output(error)
    }
}

type Records = RecordReader<Box<dyn Read + Send>>;
type Out = LineWriter<Box<dyn Write + Send>>;

fn decode(options: &Options) -> ExitCode {
    let name = options.input.as_str();
    let mut records = match files::open(name) {
        Ok(file) => RecordReader::new(file),
        Err(error) => return files::failed(files::called(name), &error),
    };
    let kind = match records.kind() {
        Ok(kind) => kind,
        Err(error) => {
            eprintln!("{}: {error}", files::called(name));
            return ExitCode::FAILURE;
        }
    };
    let to = options.output.as_deref().unwrap_or("<stdout>");
    let mut out = match files::create(options.output.as_deref()) {
        Ok(out) => LineWriter::new(out),
        Err(error) => return files::failed(to, &error),
    };
    let mut complaints = Complaints::about(name);
    let decoded = match kind {
        RecordKind::Commands => commands(&mut records, options.format, &mut out, &mut complaints),
        RecordKind::Events => events(&mut records, options.format, &mut out, &mut complaints),
    };
    // What was read before an error is written: whole lines only.
    let written = LineWriter::flush(&mut out);
    match decoded {
        Err(Failure::Input(error)) => {
            eprintln!("{}: {error}", files::called(name));
            return ExitCode::FAILURE;
        }
        Err(Failure::Output(error)) => return files::failed(to, &error),
        Ok(()) => {}
    }
    match written {
        Ok(()) => complaints.finish(),
        Err(error) => files::failed(to, &error),
    }
}

fn commands(
    records: &mut Records,
    format: Format,
    out: &mut Out,
    complaints: &mut Complaints<'_>,
) -> Result<(), Failure> {
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
            complaints.add(&format_args!(" record {bad}"));
        }
        wrote?;
    }
    Ok(writer.finish(out)?)
}

fn events(
    records: &mut Records,
    format: Format,
    out: &mut Out,
    complaints: &mut Complaints<'_>,
) -> Result<(), Failure> {
    let mut writer = EventWriter::new(format, MAX_INSTRUMENTS);
    out.write_all(writer.header().as_bytes())?;
    let mut offset = 0;
    while let Some(record) = records.next_record()? {
        offset += RECORD as u64;
        let event = match Event::from_record(record) {
            Ok(event) => event,
            Err(bad) => {
                complaints.add(&format_args!(" byte {offset}: {bad}"));
                continue;
            }
        };
        // Whoever counts can tell a lost record: numbers have no gap.
        if event.kind() != EventKind::Defined && event.seq_low() != writer.seq().wrapping_add(1) as u32 {
            let (want, got) = (writer.seq() + 1, event.seq_low());
            complaints
                .add(&format_args!(" byte {offset}: event {got} where event {want} should be; records are missing"));
            return Ok(());
        }
        out.line(EVENT_LINE_MAX, |line| writer.line(&event, line))?;
    }
    Ok(())
}
