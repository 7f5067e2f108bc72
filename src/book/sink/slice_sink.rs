//! Event sink into a slice, without blocking.

use crate::book::{BoundedSink, Event, Sink};
use core::mem::MaybeUninit;

/// A [`Sink`] into a slice, for code that must not block.
///
/// It is made for [`Engine::try_apply`](crate::engine::Engine::try_apply), which applies a command
/// only if all its events fit. A command applied otherwise may have more: those are dropped and
/// [counted](Self::lost).
///
/// ```
/// use core::mem::MaybeUninit;
/// use vvp_core::book::*;
/// use vvp_core::engine::{Engine, WouldBlock};
///
/// type OneBook = vvp_core::book_type!(orders: 64, ticks_per_side: 64, far_levels: 8, stops: 8);
/// let mut engine = Engine::<OneBook, 1, 4>::new();
/// let mut memory = [const { MaybeUninit::uninit() }; 2];
/// let mut sink = SliceSink::new(&mut memory);
/// let bid = Command::limit(OrderId::new(1), Side::Buy, Price::new(100), Qty::new(5));
/// let sell = Command::market(OrderId::new(2), Side::Sell, Qty::new(5));
/// let define = Command::instrument(InstrumentId::new(0), &InstrumentSpec::new(Symbol::X));
/// engine.try_apply(&define, &mut sink)?;
/// engine.try_apply(&bid, &mut sink)?;
/// assert_eq!(engine.try_apply(&sell, &mut sink), Err(WouldBlock::new(2))); // accepted, trade
/// sink.clear();
/// engine.try_apply(&sell, &mut sink)?;
/// assert_eq!(sink.events().len(), 2);
/// # Ok::<(), WouldBlock>(())
/// ```
#[derive(Debug)]
pub struct SliceSink<'a> {
    slots: &'a mut [MaybeUninit<Event>],
    /// The first `len` slots hold events.
    len: usize,
    lost: u64,
}

impl<'a> SliceSink<'a> {
    /// Creates an empty sink whose capacity is the length of the slice.
    pub const fn new(slots: &'a mut [MaybeUninit<Event>]) -> Self {
        Self { slots, len: 0, lost: 0 }
    }

    /// Returns the events, oldest first.
    #[must_use]
    pub fn events(&self) -> &[Event] {
        let slots = self.slots.get(..self.len).unwrap_or(&[]);
        // SAFETY: `emit` has written each of the first `len` slots, and a `MaybeUninit<Event>` lies
        // in memory as an `Event` does.
        unsafe { core::slice::from_raw_parts(slots.as_ptr().cast(), slots.len()) }
    }

    /// Removes all events.
    pub const fn clear(&mut self) {
        self.len = 0;
    }

    /// Returns how many events were dropped. 0 if every command came through
    /// [`Engine::try_apply`](crate::engine::Engine::try_apply).
    #[must_use]
    pub const fn lost(&self) -> u64 {
        self.lost
    }
}

impl Sink for SliceSink<'_> {
    #[inline]
    fn emit(&mut self, event: Event) {
        match self.slots.get_mut(self.len) {
            Some(slot) => {
                slot.write(event);
                self.len += 1;
            }
            None => self.lost += 1,
        }
    }
}

impl BoundedSink for SliceSink<'_> {
    #[inline]
    fn room(&mut self) -> usize {
        self.slots.len() - self.len
    }
}
