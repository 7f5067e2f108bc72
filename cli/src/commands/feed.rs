//! `vvpx match --feed`: market data instead of events.

use std::cell::RefCell;
use std::io::{self, Write};
use vvp_core::book::{Command, Event, InstrumentId, InstrumentSpec, Op, Sink};
use vvp_core::engine::Matcher;
use vvp_core::market_data::{self, MarketData, Record};
use vvp_std_adapter::engine::LargeFeed;
use vvp_std_adapter::memory::Zeroed;
use vvp_std_adapter::pipeline::Publish;
use vvpx::text::{FEED_LINE_MAX, LineWriter, feed_line};

/// The market data to print.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum View {
    Top,
    Levels,
    Orders,
}

impl View {
    pub(crate) fn from_word(word: &str) -> Option<Self> {
        match word {
            "l1" => Some(Self::Top),
            "l2" => Some(Self::Levels),
            "l3" => Some(Self::Orders),
            _ => None,
        }
    }

    /// Returns whether `record` belongs to this view.
    fn has(self, record: &Record) -> bool {
        let view = match record.data() {
            MarketData::Top { .. } => Self::Top,
            MarketData::Level { .. } => Self::Levels,
            _ => Self::Orders,
        };
        view == self
    }
}

/// The output of the lines, shared by the engine, which writes them, and the publisher, which
/// flushes them; both are on one thread.
pub(crate) struct FeedFile<W> {
    out: LineWriter<W>,
    specs: Vec<InstrumentSpec>,
    number: u64,
    result: io::Result<()>,
}

impl<W: Write> FeedFile<W> {
    pub(crate) fn new(write: W, max_instruments: usize) -> Self {
        let specs = Vec::with_capacity(max_instruments);
        Self { out: LineWriter::new(write), specs, number: 0, result: Ok(()) }
    }

    /// Returns the writer of the lines.
    pub(crate) fn out(&mut self) -> &mut LineWriter<W> {
        &mut self.out
    }

    fn line(&mut self, record: &Record) {
        self.number += 1;
        let Some(spec) = self.specs.get(usize::from(record.instrument().get())) else { return };
        if self.result.is_ok() {
            self.result = self.out.line(FEED_LINE_MAX, |buf| feed_line(self.number, record, spec, buf));
        }
    }
}

/// The engine together with the market data derived from it.
pub(crate) struct Fed<'a, E, W> {
    pub(crate) engine: &'a mut E,
    pub(crate) feed: Zeroed<LargeFeed>,
    pub(crate) file: &'a RefCell<FeedFile<W>>,
    pub(crate) view: View,
}

impl<E: Matcher, W: Write> Matcher for Fed<'_, E, W> {
    type Book = E::Book;

    fn apply<S: Sink>(&mut self, command: &Command, sink: &mut S) {
        let Self { engine, feed, file, view } = self;
        let mut file = file.borrow_mut();
        // One sink for all three views: the engine is compiled once for each type of sink.
        let mut wanted = market_data::all(|record: Record| {
            if view.has(&record) {
                file.line(&record);
            }
        });
        feed.apply(*engine, command, sink, &mut wanted);
        if command.op() == Op::Instrument
            && let Some(spec) = u16::try_from(file.specs.len()).ok().and_then(|i| engine.spec(InstrumentId::new(i)))
        {
            file.specs.push(spec);
        }
    }

    fn seq(&self) -> u64 {
        self.engine.seq()
    }

    fn clock(&self) -> u64 {
        self.engine.clock()
    }

    fn instruments(&self) -> usize {
        self.engine.instruments()
    }

    fn spec(&self, instrument: InstrumentId) -> Option<InstrumentSpec> {
        self.engine.spec(instrument)
    }

    fn book(&self, instrument: InstrumentId) -> Option<&Self::Book> {
        self.engine.book(instrument)
    }

    fn max_instruments(&self) -> usize {
        self.engine.max_instruments()
    }
}

/// Ignores the events and flushes the market data.
pub(crate) struct Flusher<'a, W>(pub(crate) &'a RefCell<FeedFile<W>>);

impl<W: Write> Publish for Flusher<'_, W> {
    fn event(&mut self, _: &Event) -> io::Result<()> {
        Ok(())
    }

    fn flush(&mut self) -> io::Result<()> {
        let mut file = self.0.borrow_mut();
        std::mem::replace(&mut file.result, Ok(()))?;
        if file.out.buffered() == 0 {
            return Ok(());
        }
        file.out.flush()
    }
}
