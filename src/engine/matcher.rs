//! The operations of every engine.

#[cfg(doc)]
use super::Engine;
use crate::book::{BookView, Command, InstrumentId, InstrumentSpec, Sink};

/// The operations of every [`Engine`], whatever its sizes.
///
/// ```
/// use vvp_core::book::*;
/// use vvp_core::engine::{Engine, Matcher};
///
/// // Generic over the sizes of the engine.
/// fn run<M: Matcher>(engine: &mut M) -> u64 {
///     let mut sink = CountSink::default();
///     let define = Command::instrument(InstrumentId::new(0), &InstrumentSpec::new(Symbol::X));
///     engine.apply(&define, &mut sink);
///     engine.apply_all(
///         &[
///             Command::limit(OrderId::new(1), Side::Sell, Price::new(101), Qty::new(10))
///                 .with_ts(500),
///             Command::market(OrderId::new(2), Side::Buy, Qty::new(4)).with_ts(600),
///         ],
///         &mut sink,
///     );
///     engine.seq()
/// }
///
/// type OneBook = vvp_core::book_type!(orders: 64, ticks_per_side: 64, far_levels: 8, stops: 8);
/// let mut engine = Engine::<OneBook, 1, 4>::new();
/// assert_eq!(run(&mut engine), 3); // accepted, accepted, trade
/// assert_eq!((engine.clock(), engine.instruments(), engine.max_instruments()), (600, 1, 1));
/// assert_eq!(engine.spec(InstrumentId::new(0)).map(|spec| spec.symbol), Some(Symbol::X));
/// let book = engine.book(InstrumentId::new(0)).expect("defined");
/// assert_eq!(book.last(), Some(Price::new(101)));
/// assert!(engine.book(InstrumentId::new(1)).is_none()); // not defined
/// ```
pub trait Matcher {
    /// The type of its books.
    type Book: BookView;

    /// Maximum number of instruments, if it is known at compile time.
    const INSTRUMENTS_MAX: usize = usize::MAX;

    /// The most price levels that one command can touch, if that is known at compile time: the room
    /// that a [`Feed`](crate::market_data::Feed) needs.
    const LEVELS_TOUCHED_MAX: usize = usize::MAX;

    /// Applies one command; its events are in the sink when it returns.
    ///
    /// ```
    /// use vvp_core::book::*;
    /// use vvp_core::engine::{Engine, Matcher};
    ///
    /// type OneBook =
    ///     vvp_core::book_type!(orders: 64, ticks_per_side: 64, far_levels: 8, stops: 8);
    /// let mut engine = Engine::<OneBook, 1, 4>::new();
    /// let define = Command::instrument(InstrumentId::new(0), &InstrumentSpec::new(Symbol::X));
    /// engine.apply(&define, &mut CountSink::default());
    /// let mut refusal = None;
    /// engine.apply(
    ///     &Command::cancel(OrderId::new(7)),
    ///     &mut FnSink(|event: Event| refusal = Some(event.body())),
    /// );
    /// let (id, reason) = (Some(OrderId::new(7)), Reject::UnknownOrder);
    /// assert_eq!(refusal, Some(EventBody::Rejected { id, reason, edge_ref: None }));
    /// ```
    fn apply<S: Sink>(&mut self, command: &Command, sink: &mut S);

    /// [`Matcher::apply`] for a caller who knows that the command is a new order, as a gateway
    /// does: without the choice by the operation, which a processor cannot predict where kinds come
    /// at random. Any other command has the same events, by the general path. By default it is
    /// `apply`.
    ///
    /// ```
    /// use vvp_core::book::*;
    /// use vvp_core::engine::{Engine, Matcher};
    ///
    /// type OneBook =
    ///     vvp_core::book_type!(orders: 64, ticks_per_side: 64, far_levels: 8, stops: 8);
    /// let mut engine = Engine::<OneBook, 1, 4>::new();
    /// let mut sink = CountSink::default();
    /// let define = Command::instrument(InstrumentId::new(0), &InstrumentSpec::new(Symbol::X));
    /// engine.apply(&define, &mut sink);
    /// let id = OrderId::new(1);
    /// engine.enter(&Command::limit(id, Side::Buy, Price::new(99), Qty::new(5)), &mut sink);
    /// let with = Replacement { qty: Some(Qty::new(3)), ..Replacement::default() };
    /// engine.replace(&Command::replace(id, with), &mut sink);
    /// engine.cancel(&Command::cancel(id), &mut sink);
    /// assert_eq!(engine.seq(), 3); // accepted, replaced, canceled
    /// ```
    #[inline]
    fn enter<S: Sink>(&mut self, order: &Command, sink: &mut S) {
        self.apply(order, sink);
    }

    /// [`Matcher::apply`] for a caller who knows that the command is a cancel; see
    /// [`Matcher::enter`].
    #[inline]
    fn cancel<S: Sink>(&mut self, cancel: &Command, sink: &mut S) {
        self.apply(cancel, sink);
    }

    /// [`Matcher::apply`] for a caller who knows that the command is a replace; see
    /// [`Matcher::enter`].
    #[inline]
    fn replace<S: Sink>(&mut self, replace: &Command, sink: &mut S) {
        self.apply(replace, sink);
    }

    /// Applies a batch of commands in order. Same events as [`Matcher::apply`] of each
    /// ([M21.1](crate::guide::matching)), and faster where the live orders exceed the cache: the
    /// nodes of later commands are prefetched while earlier ones execute.
    fn apply_all<S: Sink>(&mut self, commands: &[Command], sink: &mut S) {
        for command in commands {
            self.apply(command, sink);
        }
    }

    /// Returns the sequence number of the last event; the first event has number 1.
    fn seq(&self) -> u64;

    /// Returns the clock in nanoseconds: the greatest time of any command so far.
    fn clock(&self) -> u64;

    /// Returns how many instruments are defined.
    fn instruments(&self) -> usize;

    /// Returns the definition of an instrument, or `None` if it is not defined.
    fn spec(&self, instrument: InstrumentId) -> Option<InstrumentSpec>;

    /// Returns the book of an instrument, or `None` if it is not defined.
    fn book(&self, instrument: InstrumentId) -> Option<&Self::Book>;

    /// Returns how many instruments can be defined.
    fn max_instruments(&self) -> usize;
}
