//! Output of the pipeline: events in any format to any writer.

use std::io::{self, Write};
use vvp_core::book::Event;
use vvp_std_adapter::pipeline::Publish;
use vvpx::text::{EVENT_LINE_MAX, EventWriter, Format, InputFormat, LineWriter, RecordKind};
use zerocopy::IntoBytes;

/// Writes events.
pub(crate) struct EventFile<W> {
    out: LineWriter<W>,
    /// The formatter, unless the events are written as records.
    text: Option<EventWriter>,
}

impl<W: Write> EventFile<W> {
    /// Creates a writer and writes the header, if the format has one.
    pub(crate) fn new(write: W, format: InputFormat, max_instruments: usize) -> io::Result<Self> {
        let mut out = LineWriter::new(write);
        let text = match format {
            InputFormat::Text(format) => {
                let text = EventWriter::new(format, max_instruments);
                out.write_all(text.header().as_bytes())?;
                Some(text)
            }
            InputFormat::Records => {
                out.write_all(&RecordKind::Events.header())?;
                None
            }
        };
        Ok(Self { out, text })
    }

    /// Returns the writer of the lines.
    pub(crate) fn out(&mut self) -> &mut LineWriter<W> {
        &mut self.out
    }
}

impl EventFile<Discard> {
    /// Creates a writer that formats every event and discards the text.
    pub(crate) fn discarded(max_instruments: usize) -> io::Result<Self> {
        Self::new(Discard, InputFormat::Text(Format::Jsonl), max_instruments)
    }
}

impl<W: Write> Publish for EventFile<W> {
    #[inline]
    fn event(&mut self, event: &Event) -> io::Result<()> {
        match &mut self.text {
            Some(text) => self.out.line(EVENT_LINE_MAX, |buf| text.line(event, buf)),
            None => self.out.line(Event::SIZE, |buf| {
                buf.copy_from_slice(event.as_bytes());
                Event::SIZE
            }),
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        if self.out.buffered() == 0 {
            return Ok(());
        }
        self.out.flush()
    }
}

/// A writer that discards everything.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Discard;

impl Write for Discard {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        std::hint::black_box(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
