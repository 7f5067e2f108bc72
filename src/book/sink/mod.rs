//! Event sinks: where events go.

pub(in crate::book) mod queue_sink;
pub(in crate::book) mod slice_sink;

use super::{Event, VisibleChange};

/// Takes the events of a command, in order.
///
/// A sink never loses: [`Sink::emit`] returns when the event is in. A sink over something bounded waits there, in
/// the way its maker chose.
pub trait Sink {
    /// Takes one event.
    fn emit(&mut self, event: Event);

    /// Whether [`Sink::watch`] is to be called. A sink for which this is always `false`, as it is unless it says
    /// otherwise, pays nothing for it: the compiler sees it and leaves all of it out.
    #[inline(always)]
    fn watches(&self) -> bool {
        false
    }

    /// Takes a change of what the market sees, right after the event that it belongs to. An event may have none or
    /// several of them.
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
    fn watches(&self) -> bool {
        (**self).watches()
    }

    #[inline(always)]
    fn watch(&mut self, change: &VisibleChange) {
        (**self).watch(change);
    }
}

/// A sink that knows how much it can take without waiting.
pub trait BoundedSink: Sink {
    /// How many events it will take at once: at least so many, until it is given some.
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

/// A sink that only counts.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct CountSink {
    /// Events so far.
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
