//! Many instruments, one clock, one numbered stream of events.

use crate::book::{Book, BookView, Command, InstrumentId, InstrumentSpec, Sink};

/// The engine: commands in, events out.
#[derive(Debug)]
#[repr(C)]
pub struct Engine<B, const INSTRUMENTS: usize, const OWNERS: usize> {
    books: [B; INSTRUMENTS],
    owners: [u8; OWNERS],
}

/// What every [`Engine`] can do, whatever its sizes.
pub trait Matcher {
    /// The type of its books.
    type Book: BookView;

    /// Applies one command; its events are in the sink when it returns.
    fn apply<S: Sink>(&mut self, command: &Command, sink: &mut S);

    /// How many events have been numbered so far.
    fn seq(&self) -> u64;

    /// The clock in nanoseconds: the greatest time of any command so far.
    fn clock(&self) -> u64;

    /// How many instruments are defined.
    fn instruments(&self) -> usize;

    /// The definition of an instrument.
    fn spec(&self, instrument: InstrumentId) -> Option<InstrumentSpec>;

    /// The book of an instrument.
    fn book(&self, instrument: InstrumentId) -> Option<&Self::Book>;

    /// How many instruments can be defined.
    fn max_instruments(&self) -> usize;
}

impl<
    const INSTRUMENTS: usize,
    const OWNERS: usize,
    const ORDERS: usize,
    const BLOCKS: usize,
    const FAR: usize,
    const STOPS: usize,
    const IDS: usize,
> Matcher for Engine<Book<ORDERS, BLOCKS, FAR, STOPS, IDS>, INSTRUMENTS, OWNERS>
{
    type Book = Book<ORDERS, BLOCKS, FAR, STOPS, IDS>;

    fn apply<S: Sink>(&mut self, _command: &Command, _sink: &mut S) {
        todo!()
    }
    fn seq(&self) -> u64 {
        todo!()
    }
    fn clock(&self) -> u64 {
        todo!()
    }
    fn instruments(&self) -> usize {
        self.owners.len()
    }
    fn spec(&self, _instrument: InstrumentId) -> Option<InstrumentSpec> {
        todo!()
    }
    fn book(&self, instrument: InstrumentId) -> Option<&Self::Book> {
        self.books.get(usize::from(instrument.get()))
    }
    fn max_instruments(&self) -> usize {
        INSTRUMENTS
    }
}
