//! Event sinks: consumers of the event stream.

pub(in crate::book) mod queue_sink;
pub(in crate::book) mod slice_sink;

use super::{Event, EventBody, EventHead, VisibleChange};

/// Consumer of events, in order.
///
/// A sink loses no event: [`Sink::emit`] returns when the event is stored. A sink over a bounded
/// buffer blocks there, by the wait strategy of its own.
///
/// ```
/// use vvp_core::book::*;
/// use vvp_core::engine::{Engine, Matcher};
///
/// /// Keeps the last trade.
/// #[derive(Default)]
/// struct LastTrade(Option<(Price, Qty)>);
/// impl Sink for LastTrade {
///     fn emit(&mut self, event: Event) {
///         if let EventBody::Trade { price, qty, .. } = event.body() {
///             self.0 = Some((price, qty));
///         }
///     }
/// }
///
/// type OneBook = vvp_core::book_type!(orders: 64, ticks_per_side: 64, far_levels: 8, stops: 8);
/// let mut engine = Engine::<OneBook, 1, 4>::new();
/// let mut sink = LastTrade::default();
/// let define = Command::instrument(InstrumentId::new(0), &InstrumentSpec::new(Symbol::X));
/// engine.apply(&define, &mut sink);
/// let bid = Command::limit(OrderId::new(1), Side::Buy, Price::new(99), Qty::new(5));
/// engine.apply(&bid, &mut sink);
/// engine.apply(&Command::market(OrderId::new(2), Side::Sell, Qty::new(2)), &mut sink);
/// assert_eq!(sink.0, Some((Price::new(99), Qty::new(2))));
/// ```
pub trait Sink {
    /// Stores one event.
    fn emit(&mut self, event: Event);

    /// Stores one event that is given in two parts. By default it emits their record.
    ///
    /// The engine calls this for the events of a book; definitions and the refusals outside one
    /// come by [`Sink::emit`]. A sink that translates events into messages of its own overrides
    /// both: this with `#[inline(always)]`, since where a frequent event is emitted, the variant of
    /// `body` is known at compile time and only its arm of a `match` is left; [`Sink::emit`] with
    /// `self.emit_body(&event.head(), event.body())`. `examples/own_events.rs` is such a sink.
    #[inline(always)]
    fn emit_body(&mut self, head: &EventHead, body: EventBody) {
        self.emit(Event::from_parts(head, body));
    }

    /// Returns whether [`Sink::watch`] must be called. Default `false`: then the compiler removes
    /// the calls, which cost nothing.
    #[inline(always)]
    fn watches(&self) -> bool {
        false
    }

    /// Receives a visible change, right after the event that it belongs to. An event may have none
    /// or several.
    #[inline(always)]
    fn watch(&mut self, change: &VisibleChange) {
        let _ = change;
    }
}

impl<S: Sink + ?Sized> Sink for &mut S {
    #[inline(always)]
    fn emit(&mut self, event: Event) {
        (**self).emit(event);
    }

    #[inline(always)]
    fn emit_body(&mut self, head: &EventHead, body: EventBody) {
        (**self).emit_body(head, body);
    }

    #[inline(always)]
    fn watches(&self) -> bool {
        (**self).watches()
    }

    #[inline(always)]
    fn watch(&mut self, change: &VisibleChange) {
        (**self).watch(change);
    }
}

/// A sink that knows how many events it can store without blocking.
pub trait BoundedSink: Sink {
    /// Lower bound on the events that can be emitted without blocking; valid until the next emit.
    fn room(&mut self) -> usize;
}

impl<S: BoundedSink + ?Sized> BoundedSink for &mut S {
    #[inline]
    fn room(&mut self) -> usize {
        (**self).room()
    }
}

/// A sink that calls a closure.
///
/// ```
/// use vvp_core::book::{Event, EventKind, FnSink, Sink};
/// let mut trades = 0;
/// let mut sink = FnSink(|e: Event| trades += u32::from(e.kind() == EventKind::Trade));
/// # let _ = &mut sink as &mut dyn Sink;
/// ```
#[derive(Clone, Copy)]
pub struct FnSink<F>(pub F);

impl<F: FnMut(Event)> Sink for FnSink<F> {
    #[inline(always)]
    fn emit(&mut self, event: Event) {
        (self.0)(event);
    }
}

impl<F> core::fmt::Debug for FnSink<F> {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.write_str("FnSink(..)")
    }
}

/// A sink that counts events and drops them.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct CountSink {
    /// Number of events so far.
    pub events: u64,
}

impl Sink for CountSink {
    #[inline(always)]
    fn emit(&mut self, event: Event) {
        core::hint::black_box(&event);
        self.events += 1;
    }
}

/// There is always room.
impl BoundedSink for CountSink {
    #[inline]
    fn room(&mut self) -> usize {
        usize::MAX
    }
}
