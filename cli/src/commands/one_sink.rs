//! An engine that is compiled for one type of sink only.

use vvp_core::book::{Command, InstrumentId, InstrumentSpec, Sink};
use vvp_core::engine::Matcher;

/// A matcher whose events go through `&mut dyn Sink`, a virtual call each.
///
/// Each type of sink is an engine more to compile. This one serves where every event becomes a line
/// of text on the same thread.
pub(crate) struct OneSink<'a, E>(pub(crate) &'a mut E);

impl<E: Matcher> Matcher for OneSink<'_, E> {
    type Book = E::Book;

    const INSTRUMENTS_MAX: usize = E::INSTRUMENTS_MAX;
    const LEVELS_TOUCHED_MAX: usize = E::LEVELS_TOUCHED_MAX;

    fn apply<S: Sink>(&mut self, command: &Command, sink: &mut S) {
        let mut sink: &mut dyn Sink = sink;
        self.0.apply(command, &mut sink);
    }

    fn seq(&self) -> u64 {
        self.0.seq()
    }

    fn clock(&self) -> u64 {
        self.0.clock()
    }

    fn instruments(&self) -> usize {
        self.0.instruments()
    }

    fn spec(&self, instrument: InstrumentId) -> Option<InstrumentSpec> {
        self.0.spec(instrument)
    }

    fn book(&self, instrument: InstrumentId) -> Option<&Self::Book> {
        self.0.book(instrument)
    }

    fn max_instruments(&self) -> usize {
        self.0.max_instruments()
    }
}
