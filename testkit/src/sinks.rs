//! Sinks for tests, of which an engine needs one compiled copy only.
//!
//! An engine is generic over its sink, and every closure is a type of its own: each test with its
//! own `FnSink(|event| …)` compiles the whole engine once more. [`events_of`] and [`DynSink`] are
//! one type for all of them.

use vvp_core::book::{BoundedSink, Command, Event, InstrumentId, InstrumentSpec, Sink};
use vvp_core::engine::Matcher;

/// A sink that keeps every event in a vector.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct VecSink {
    /// The events so far.
    pub events: Vec<Event>,
}

impl Sink for VecSink {
    // Not inlined: an engine has hundreds of places that emit an event.
    #[inline(never)]
    fn emit(&mut self, event: Event) {
        self.events.push(event);
    }
}

/// There is always room.
impl BoundedSink for VecSink {
    fn room(&mut self) -> usize {
        usize::MAX
    }
}

/// Applies a command and returns its events.
///
/// ```
/// use vvp_core::book::{Book, Command, EventKind, OrderId};
/// use vvp_core::engine::Engine;
/// use vvp_testkit::sinks::events_of;
///
/// type OneBook = vvp_core::book_type!(orders: 64, ticks_per_side: 64, far_levels: 8, stops: 8);
/// let mut engine = Engine::<OneBook, 1, 4>::new();
/// let events = events_of(&mut engine, &Command::cancel(OrderId::new(7)));
/// assert_eq!(events[0].kind(), EventKind::Rejected);
/// ```
pub fn events_of<M: Matcher>(engine: &mut M, command: &Command) -> Vec<Event> {
    let mut sink = VecSink::default();
    engine.apply(command, &mut sink);
    sink.events
}

/// An engine that calls its sink through a pointer: for tests with many types of sinks.
///
/// ```
/// use vvp_core::book::{Book, Command, CountSink, FnSink, OrderId};
/// use vvp_core::engine::{Engine, Matcher};
/// use vvp_testkit::sinks::DynSink;
///
/// type OneBook = vvp_core::book_type!(orders: 64, ticks_per_side: 64, far_levels: 8, stops: 8);
/// let mut engine = Engine::<OneBook, 1, 4>::new();
/// let command = Command::cancel(OrderId::new(7));
/// let (mut count, mut last) = (CountSink::default(), None);
/// // One copy of the engine for both.
/// DynSink(&mut engine).apply(&command, &mut count);
/// DynSink(&mut engine).apply(&command, &mut FnSink(|event| last = Some(event)));
/// assert_eq!((count.events, last.map(|event| event.seq_low())), (1, Some(2)));
/// ```
#[derive(Debug)]
pub struct DynSink<'a, M>(pub &'a mut M);

impl<M: Matcher> Matcher for DynSink<'_, M> {
    type Book = M::Book;

    const INSTRUMENTS_MAX: usize = M::INSTRUMENTS_MAX;
    const LEVELS_TOUCHED_MAX: usize = M::LEVELS_TOUCHED_MAX;

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
